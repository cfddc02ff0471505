"""For how long somebody speaks in a track: what the track to hear is chosen by."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tests.media.test_told import write_tracks
from tests.speaking import RATE_HZ, voice

from zhenwei.detectors import _audio
from zhenwei.media import hear, open_media
from zhenwei.types import Audio


def audio(samples: np.ndarray) -> Audio:
    return Audio(np.asarray(samples, np.float32)[None], RATE_HZ)


def hum(seconds: float) -> np.ndarray:
    return np.asarray(0.3 * np.sin(2 * np.pi * 50 * np.arange(round(seconds * RATE_HZ)) / RATE_HZ), np.float32)


def test_speech_counts_and_a_hum_does_not() -> None:
    assert _audio.spoken_s(audio(voice(4.0))) > 2.0
    assert _audio.spoken_s(audio(hum(4.0))) < 0.3
    assert _audio.spoken_s(audio(np.zeros(0))) == 0.0


def test_of_long_sound_pieces_are_heard() -> None:
    """Two minutes of hum, then more than one of speech: some 30 % off is near enough to choose by."""
    speech = np.tile(voice(4.0), 20)
    found = _audio.spoken_s(audio(np.concatenate([hum(120.0), speech])))
    whole = _audio.spoken_s(audio(speech))
    assert abs(found - whole) < 0.3 * whole


def test_the_track_that_speaks_is_chosen_by_the_detector_of_voices(tmp_path: Path) -> None:
    media = open_media(write_tracks(tmp_path / "a.mka", hum(4.0), 0.8 * voice(4.0), video=False))
    _, told = hear(media, RATE_HZ, speech_s=_audio.spoken_s)
    assert told.notes == ("of its 2 sound tracks number 2 was heard: there somebody speaks the most",)
