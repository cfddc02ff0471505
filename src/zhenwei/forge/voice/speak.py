"""Made voices: a source through formants, speaking words of vowels. Nobody's.

The source-filter model of speech (Fant 1960) in its plainest form: pulses at a pitch that wanders, or breath, through
resonances that glide from vowel to vowel. Two speakers differ in pitch, length of the vocal tract (which scales all
formants), tilt and breath; that is what a conversion of voices has to change, while the vowels have to stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from zhenwei.errors import UsageError
from zhenwei.signals.voice import RATE_HZ

VOWELS = {
    "a": (730.0, 1090.0, 2440.0),
    "e": (530.0, 1840.0, 2480.0),
    "i": (270.0, 2290.0, 3010.0),
    "o": (570.0, 840.0, 2410.0),
    "u": (300.0, 870.0, 2240.0),
}
"""Mean formants of men in Hz (Peterson & Barney 1952); their /ɛ/ and /ɔ/ stand for e and o."""
VOWEL_S, PAUSE_S = 0.18, 0.08
_HOP = 80
_WIDTHS = (70.0, 100.0, 140.0)  # Hz, of the three resonances


@dataclass(frozen=True, slots=True)
class Speaker:
    """``hertz``: pitch; ``tract``: factor of the formants (a child's are above 1); ``tilt`` in [0, 1): how dull the
    source is; ``breath``: noise beside the pulses."""

    hertz: float = 115.0
    tract: float = 1.0
    tilt: float = 0.95
    breath: float = 0.02


LOW, HIGH = Speaker(), Speaker(215.0, 1.17, 0.9, 0.05)
"""Two voices, about as far apart as a man's and a woman's."""


def words(count: int, rng: np.random.Generator) -> tuple[str, ...]:
    """``count`` words of two to four vowels, neighbours within a word differing."""
    found = []
    for _ in range(count):
        word = ""
        for _ in range(int(rng.integers(2, 5))):
            word += str(rng.choice([v for v in VOWELS if not word.endswith(v)]))
        found.append(word)
    return tuple(found)


def speak(said: Sequence[str], speaker: Speaker, rng: np.random.Generator) -> NDArray[np.float32]:
    """``said`` as sound ``(samples,)`` at 16 kHz, peak 0.5, a short pause after each word.

    The length follows from ``said`` alone, so that two speakers say the same at the same time; deterministic in
    ``rng``. UsageError for an empty word or a letter that is no vowel.
    """
    if not said or any(not word or set(word) - set(VOWELS) for word in said):
        raise UsageError("these words cannot be spoken", got=repr(tuple(said))[:80], want="words of a, e, i, o, u")
    pieces = []
    for word in said:
        pieces += [_word(word, speaker, rng), np.zeros(round(PAUSE_S * RATE_HZ))]
    audio = np.concatenate(pieces)
    return np.asarray(0.5 * audio / np.abs(audio).max(), np.float32)


def _word(word: str, speaker: Speaker, rng: np.random.Generator) -> NDArray[np.float64]:
    count = round(VOWEL_S * RATE_HZ) * len(word)
    at = np.arange(count) / count
    wander = 0.03 * np.sin(2 * np.pi * (at + rng.random()))
    hertz = speaker.hertz * (1.05 - 0.12 * at + wander + 0.004 * rng.standard_normal(count))
    turns = rng.random() + np.cumsum(hertz) / RATE_HZ
    pulses = np.diff(np.floor(turns), prepend=np.floor(turns[0]))
    source = pulses + speaker.breath * rng.standard_normal(count)
    source = lfilter([1.0, -1.0], [1.0, -speaker.tilt], source)  # radiation at the lips, and the source's tilt
    formants = speaker.tract * np.array([VOWELS[vowel] for vowel in word])
    middles = (np.arange(len(word)) + 0.5) / len(word)
    rise = np.clip(np.minimum(at, 1 - at) * count / (0.02 * RATE_HZ), 0, 1)
    return np.asarray(rise * _through(source, middles, formants), np.float64)


def _through(
    source: NDArray[np.float64], middles: NDArray[np.float64], formants: NDArray[np.float64]
) -> NDArray[np.float64]:
    """``source`` through resonances one after another that glide between ``formants`` ``(vowels, 3)``."""
    out, state = np.empty_like(source), [np.zeros(2) for _ in _WIDTHS]
    for start in range(0, len(source), _HOP):
        piece = source[start : start + _HOP]
        for k, width in enumerate(_WIDTHS):
            hertz = float(np.interp(start / len(source), middles, formants[:, k]))
            radius = float(np.exp(-np.pi * width / RATE_HZ))
            poles = [1.0, -2 * radius * np.cos(2 * np.pi * hertz / RATE_HZ), radius**2]
            piece, state[k] = lfilter([sum(poles)], poles, piece, zi=state[k])
        out[start : start + _HOP] = piece
    return out
