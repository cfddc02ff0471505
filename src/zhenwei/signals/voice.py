"""How a voice varies from moment to moment: pitch, and statistics that rooms, microphones and loudness touch little.

Models of speech average over what they learned from: cepstra move less than those of people do (Toda & Tokuda 2007 call
it global variance), and vocoders give bands of the spectrum another periodicity and roughness than a glottis does.
Spread, not level, is measured, so that the colour of a microphone falls out. Sound is mono at 16 kHz.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from zhenwei.errors import UsageError
from zhenwei.signals import filters
from zhenwei.signals.speech import cepstra, deltas, frames_of, levelled, linear_filters, stft, without_rumble

Reals = NDArray[np.float64]
Singles = NDArray[np.float32]
Ints = NDArray[np.int64]
RATE_HZ = 16_000
SIZE, HOP = 512, 160  # samples: 32 ms every 10 ms
CEPSTRA = 30
_FILTERS, _BAND_HZ = 40, (100.0, 7900.0)
_BANDS_HZ = ((100, 1000), (1000, 2000), (2000, 3500), (3500, 5000), (5000, 6500), (6500, 7800))
_TEXTURES = 12  # bands of equal width
_PITCH_HZ = (60.0, 400.0)
_PITCH_SIZE = 1024
_VOICED = 0.5  # of the normalised autocorrelation
_HEARD = 1e-3  # of the power of loud frames
_MIN_FRAMES = 40
_PERIODS = 4

NAMES = (
    *(f"spread of {what} {k}" for what in ("cepstrum", "slope", "curvature") for k in range(CEPSTRA)),
    *(f"{what} {low}-{high} Hz" for low, high in _BANDS_HZ for what in ("periodicity", "its spread", "of the "
    "envelope", "spread of that")),
    *(f"peakedness of steps {k}" for k in range(_TEXTURES)),
    *(f"size of steps {k}" for k in range(_TEXTURES)),
    *(f"{what} {low}-{high} Hz" for low, high in _BANDS_HZ for what in ("peakedness", "spread of the envelope")),
)  # fmt: skip
"""Of the numbers that :func:`variability` gives, in order."""


def pitch(audio: NDArray[np.floating], rate_hz: int = RATE_HZ) -> Reals:
    """``(frames,)`` fundamental frequency in Hz, NaN where none, every 10 ms from the start of frames of 64 ms:
    the highest peak of the autocorrelation between 60 and 400 Hz over that of the window (Boersma 1993)."""
    size, hop = round(_PITCH_SIZE * rate_hz / RATE_HZ), round(rate_hz / 100)
    window = np.hanning(size)
    frames = frames_of(audio, size, hop)
    frames = (frames - frames.mean(axis=1, keepdims=True)) * window
    lags = np.arange(int(rate_hz / _PITCH_HZ[1]), int(rate_hz / _PITCH_HZ[0]) + 1)
    own = _autocorrelation(window[None], int(lags[-1]))[0, lags]
    found = _autocorrelation(frames, int(lags[-1]))[:, lags] / own
    inside = found[:, 1:-1]
    peaks = np.where((inside >= found[:, :-2]) & (inside >= found[:, 2:]), inside, 0.0)
    # An octave below is as periodic: of peaks that are nearly as high the shortest lag is taken.
    best = np.argmax(peaks >= 0.9 * peaks.max(axis=1, keepdims=True, initial=0.0), axis=1) if len(peaks) else []
    rows = np.arange(len(peaks))
    height = peaks[rows, best] if len(peaks) else np.zeros(0)
    return np.where(height > _VOICED, rate_hz / lags[1:-1][best] if len(peaks) else height, np.nan)


def _autocorrelation(frames: Reals, most: int) -> Reals:
    """``(n, most + 1)``, 1 at lag 0. The transform is as long as these lags need, not as all of them would."""
    points = filters.points_of(frames.shape[1] + most)
    power = np.square(np.abs(np.fft.rfft(frames, points, axis=1)))
    found = np.fft.irfft(power, points, axis=1)[:, : most + 1]
    return np.asarray(found / np.maximum(found[:, :1], 1e-12), np.float64)


def variability(audio: NDArray[np.floating]) -> Reals | None:
    """``(150,)`` numbers of :data:`NAMES`, of speech ``(samples,)`` at 16 kHz; None where too little is heard.

    Loudness does not enter. UsageError for sound that is not mono.
    """
    if audio.ndim != 1:
        raise UsageError("the voice is measured in mono", got=f"sound of shape {audio.shape}", want="(samples,)")
    if not audio.size:
        return None
    even: Reals = levelled(without_rumble(audio, RATE_HZ)).astype(np.float64)
    power = np.abs(stft(even, SIZE, HOP)) ** 2
    total = power.sum(axis=1)
    heard = total > _HEARD * np.percentile(total, 95) if len(total) else np.zeros(0, np.bool_)
    if heard.sum() < _MIN_FRAMES or total.max() <= 0:
        return None
    bands = _bands(even)
    parts = [*_spreads(even, heard), _periodicity(even, bands), *_textures(power, heard), _crests(bands)]
    return np.asarray(np.nan_to_num(np.concatenate(parts)), np.float64)


def frame_cepstra(audio: NDArray[np.floating]) -> Reals:
    """``(frames, 30)`` LFCC of 32 ms every 10 ms from 40 triangles between 100 and 7,900 Hz."""
    filters = linear_filters(_FILTERS, SIZE, RATE_HZ, *_BAND_HZ)
    return cepstra(audio, SIZE, HOP, filters, CEPSTRA)


def _spreads(audio: Reals, heard: NDArray[np.bool_]) -> list[Reals]:
    """Log deviation over time of cepstra, their slopes and their curvatures: 3 times ``(30,)``."""
    course = frame_cepstra(audio)
    found = []
    for _ in range(3):
        found.append(np.log(course[heard].std(axis=0) + 1e-6))
        course = deltas(course)
    return found


def _textures(power: Reals, heard: NDArray[np.bool_]) -> list[Reals]:
    """Excess kurtosis and log deviation of the steps from frame to frame of the log spectrum, by band."""
    both = heard[1:] & heard[:-1]
    steps = np.diff(np.log(power + 1e-9), axis=0)[both]
    peakedness, size = [], []
    for bins in np.array_split(np.arange(3, SIZE // 2 - 1), _TEXTURES):
        band = steps[:, bins]
        peakedness.append(_peakedness(band))
        size.append(float(np.log(band.std() + 1e-6)))
    return [np.array(peakedness), np.array(size)]


def _bands(audio: Reals) -> list[tuple[Singles, Singles]]:
    """Each band and its envelope; single precision moves what is made of them by a ten-thousandth at most."""
    return list(filters.bands(audio.astype(np.float32), _BANDS_HZ, RATE_HZ))


def _crests(bands: list[tuple[Singles, Singles]]) -> Reals:
    numbers = []
    for band, envelope in bands:
        variation = envelope.std() / (envelope.mean() + 1e-9)
        numbers += [_peakedness(band), float(np.log(variation + 1e-9))]
    return np.array(numbers)


def _periodicity(audio: Reals, bands: list[tuple[Singles, Singles]]) -> Reals:
    """By band: how alike four periods are to the four that begin one later, and their envelopes; mean and spread."""
    hertz = pitch(audio)
    at = np.flatnonzero(np.isfinite(hertz))
    middles = at * HOP + _PITCH_SIZE // 2
    periods = np.rint(RATE_HZ / hertz[at]).astype(int)
    starts = middles - _PERIODS * periods // 2
    fits = (starts >= 0) & (starts + (_PERIODS + 1) * periods <= len(audio))
    courses = np.concatenate(bands).reshape(2 * len(bands), len(audio))  # a band, its envelope, the next band ...
    rows = []
    for alike in _alike(courses, starts[fits], periods[fits]):
        rows += [_mean(alike), _spread(alike)]
    return np.asarray(rows, np.float64)


def _alike(courses: Singles, starts: Ints, periods: Ints) -> Reals:
    """``(courses, n)`` correlation coefficients of four periods from each start with those one period later."""
    found = np.zeros((len(courses), len(starts)))
    for period in np.unique(periods):
        mine, count = periods == period, _PERIODS * period
        both = np.lib.stride_tricks.sliding_window_view(courses, count + period, axis=1)[:, starts[mine]]
        one, other = both[..., :count], both[..., period:]
        sum_one, sum_other = one.sum(axis=2), other.sum(axis=2)
        covariance = np.einsum("cij,cij->ci", one, other) - sum_one * sum_other / count
        power_one = np.einsum("cij,cij->ci", one, one) - sum_one**2 / count
        power_other = np.einsum("cij,cij->ci", other, other) - sum_other**2 / count
        found[:, mine] = covariance / np.sqrt(np.maximum(power_one * power_other, 0.0) + 1e-12)
    return found


def _peakedness(values: NDArray[np.floating]) -> float:
    """Excess kurtosis of all numbers (scipy.stats.kurtosis says the same, at ten times the cost of these windows)."""
    squares = (values - values.mean()) ** 2
    spread = float(squares.mean())
    return float(np.square(squares).mean()) / spread**2 - 3.0 if spread > 0 else 0.0


def _mean(values: Reals) -> float:
    return float(values.mean()) if len(values) else 0.0


def _spread(values: Reals) -> float:
    return float(values.std()) if len(values) else 0.0
