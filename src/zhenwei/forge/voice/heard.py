"""Speech to learn from: whose it is, by which consent; made voices need none."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zhenwei import media
from zhenwei.forge.consent import Consent, check_files
from zhenwei.forge.voice.copy_set import recordings
from zhenwei.forge.voice.speak import Speaker, speak, words
from zhenwei.signals.channels import mix
from zhenwei.signals.voice import RATE_HZ

WORDS = 4  # a made sentence


@dataclass(frozen=True, slots=True, eq=False)
class SpeakerRecordings:
    """``waveforms``: utterances ``(samples,)`` float32 at 16 kHz of ``name``. ``words`` say what they are, for people.
    ``consent``: SHA-256 of the manifest that covers them, "" for made voices."""

    name: str
    waveforms: tuple[NDArray[np.float32], ...]
    words: str
    consent: str = ""


def hear(folder: Path, subject: str, consent: Consent, today: datetime.date) -> SpeakerRecordings:
    """The recordings in ``folder``, once all of them are found in ``consent`` for a voice of ``subject`` on ``today``.

    DataError otherwise, before anything is read, and for a recording that cannot be."""
    files = recordings(folder)
    check_files(consent, subject, files, today, "voice")
    return SpeakerRecordings(
        subject, tuple(read_audio(path) for path in files), f"{len(files)} recordings of {subject}", consent.sha256
    )


def make_voice(name: str, speaker: Speaker, count: int, seed: int) -> SpeakerRecordings:
    """``count`` sentences of vowels by a made speaker, nobody's."""
    rng = np.random.default_rng([seed, round(speaker.hertz)])
    said = tuple(speak(words(WORDS, rng), speaker, rng) for _ in range(count))
    return SpeakerRecordings(name, said, f"{count} made sentences at {speaker.hertz:g} Hz, seed {seed}")


def read_audio(path: Path) -> NDArray[np.float32]:
    """The channels made one, ``(samples,)`` at 16 kHz. MediaError where it cannot be read."""
    return mix(media.read_audio(media.open_media(path), RATE_HZ)).mono
