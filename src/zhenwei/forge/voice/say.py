"""What converters and mel models say, as marked sound: the only way from a run to a voice that is heard."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zhenwei.errors import DataError, UsageError
from zhenwei.forge.consent import Consent, check_files, check_same, hash_file
from zhenwei.forge.export import Door, ExportedFile, Origin, check_audio_place, export_audio
from zhenwei.forge.voice.attempts import first_marked
from zhenwei.forge.voice.convert import Converter
from zhenwei.forge.voice.copies import equalised
from zhenwei.forge.voice.frames import HOP, Reals, audio_of, log_mel
from zhenwei.forge.voice.heard import read_audio
from zhenwei.forge.voice.mel_model import TrainedMelModel
from zhenwei.forge.voice.speak import HIGH, LOW, speak, words
from zhenwei.signals.voice import RATE_HZ

Waveform = NDArray[np.float32]
MADE_VOICES = {"low": LOW, "high": HIGH}
SECONDS = (2.0, 60.0)  # shorter ones have no room for a watermark
_QUIET = 1e-4
_FAR = 3.0  # deviations of a band: one stray frame of a model that learned for minutes would drown all others


@dataclass(frozen=True, slots=True, eq=False)
class SpokenUtterance:
    """``heard``: an utterance ``(samples,)`` at 16 kHz; ``frames``: log-mel ``(n, BANDS)`` as another would say it;
    ``recipe``: plain JSON values."""

    heard: Waveform
    frames: Reals
    recipe: dict[str, str | int]


def convert_recording(
    converter: Converter, path: Path, to: str, consent: Consent, today: datetime.date
) -> SpokenUtterance:
    """The recording of one of the two people as the other, ``to``, would say it.

    ``consent`` must be the manifest that the converter was learned under, cover the recording, and hold for both on
    ``today``: DataError otherwise, before the recording is read. DataError for silence, and beyond 2 to 60 s."""
    source = _other(converter, to)
    check_run(converter.consent, consent)
    check_files(consent, source, [path], today, "voice")
    check_files(consent, to, [], today, "voice")
    audio = read_audio(path)
    if not SECONDS[0] <= len(audio) / RATE_HZ <= SECONDS[1]:
        want = f"{SECONDS[0]:g} to {SECONDS[1]:g} s"
        raise DataError("this recording cannot be converted", got=f"{len(audio) / RATE_HZ:.1f} s", want=want)
    if float(np.abs(audio).max()) < _QUIET:
        raise DataError("this recording cannot be converted", got="silence", want="speech")
    return _said(converter, audio, source, to, {"recording": hash_file(path)})


def convert_made(converter: Converter, count: int, to: str, seed: int) -> SpokenUtterance:
    """``count`` made words of one made voice as the other, ``to``, would say them. UsageError for a run of people."""
    source = _other(converter, to)
    if converter.consent or not set(converter.subjects) <= set(MADE_VOICES):
        raise UsageError("this run was not of made voices", want="a recording with --consent FILE")
    rng = np.random.default_rng(seed)
    audio = speak(words(count, rng), MADE_VOICES[source], rng)
    return _said(converter, audio, source, to, {"words": count, "seed": seed})


def check_run(learned_under: str, consent: Consent) -> None:
    """DataError unless ``consent`` is the manifest that a run was learned under; UsageError for one of made voices."""
    if not learned_under:
        raise UsageError("this run was of made voices", want="--made N, and no --consent")
    check_same(consent, learned_under)


def export_said(converter: Converter, said: SpokenUtterance, path: Path, door: Door) -> ExportedFile:
    """As marked sound, as long and as loud as what was heard. Errors as of the door."""
    recipe = {"learned_from": converter.data, "step": converter.step, **said.recipe}
    origin = Origin("voice/converter", recipe, converter.consent, "ai-edited")
    return _leave(lambda attempt: equalised(audio_of(said.frames, attempt), said.heard), origin, path, door)


def export_drawn(model: TrainedMelModel, seconds: float, seed: int, path: Path, door: Door) -> ExportedFile:
    """Speech that nobody said, drawn from a mel model, as marked sound. Errors as of the door."""

    def draw(attempt: int) -> Waveform:
        frames = model.draw(round(seconds * RATE_HZ / HOP), np.random.default_rng([seed, attempt]))
        return audio_of(model.scale.natural(np.clip(frames, -_FAR, _FAR)), attempt)

    recipe = {"learned_from": model.data, "step": model.step, "seconds": seconds, "seed": seed}
    origin = Origin("voice/mel-model", recipe, model.consent)
    return _leave(draw, origin, path, door)


def _other(converter: Converter, to: str) -> str:
    if to not in converter.subjects:
        raise UsageError("the run has no such voice", got=to, want=" or ".join(converter.subjects))
    return converter.subjects[1 - converter.subjects.index(to)]


def _said(converter: Converter, audio: Waveform, source: str, to: str, recipe: dict[str, str | int]) -> SpokenUtterance:
    frames = converter.convert(log_mel(audio), "ab"[converter.subjects.index(to)])
    return SpokenUtterance(audio, frames, {"from": source, "to": to, **recipe})


def _leave(draw: Callable[[int], Waveform], origin: Origin, path: Path, door: Door) -> ExportedFile:
    """The first draw that can be marked. The place is looked at first."""
    check_audio_place(path)

    def leave(attempt: int) -> ExportedFile:
        told = replace(origin, recipe={**origin.recipe, "attempt": attempt})
        return export_audio(draw(attempt)[None], RATE_HZ, told, path, door)

    return first_marked(leave)
