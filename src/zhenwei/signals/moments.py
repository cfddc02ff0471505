"""Two clips of the same thing in time: which moment of the second belongs to one of the first?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import cv2
import numpy as np
from numpy.typing import NDArray

from zhenwei.types import Floats, Pixels

Times = NDArray[np.float64]
_SIDE = 32
_ANCHORS = 40  # frames of the first whose likeness proposes how the times belong together
_SLOWEST, _FASTEST = 0.2, 5.0
_LEAST_SHARE = 0.3  # of a side, in the part that both show
_ALIKE = 0.45  # apart at most, on the average: a correlation of 0.9, below which frames are laid over none
_NOISE = 0.01  # of a print, what coding it again changes
_NEARLY = 0.1  # of the way from the likest frame to the usual one
_MIN_AGREE, _MIN_OVERLAP = 0.6, 0.25  # of the frames that both have; of the shorter clip
_PART = 0.15  # of the frames, that are the same where the others were replaced
_STILL, _MOVE_ALIKE = 0.02, 0.5  # size of what changes in a still clip; share of it that is the same
WINDOW_S = 0.25  # around a moment: where a clip lost frames, the neighbour of a frame may be left


@dataclass(frozen=True, slots=True)
class Sampled:
    """Frames of a clip as prints, ``(n, values)``, with their times in seconds, which rise."""

    times_s: Times
    prints: Floats

    @property
    def gap_s(self) -> float:
        """The usual time between two; 0 for a single one."""
        return float(np.median(np.diff(self.times_s))) if len(self.times_s) > 1 else 0.0


@dataclass(frozen=True, slots=True)
class Line:
    """What is at ``t`` in the first is at ``speed * t + offset_s`` in the second."""

    speed: float
    offset_s: float

    def at(self, times_s: Times) -> Times:
        return np.asarray(self.speed * times_s + self.offset_s)


def sampled(times_s: Sequence[float], frames: Sequence[Floats]) -> Sampled:
    return Sampled(np.array(times_s, np.float64), np.array(frames, np.float32).reshape(len(frames), _SIDE * _SIDE))


def print_of(pixels: Pixels) -> Floats:
    """What is left of a frame when its size, coding, brightness and contrast are taken away: ``(1024,)`` float32, of
    mean 0 and deviation 1."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey.astype(np.float32), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).ravel()
    return np.asarray((small - small.mean()) / max(float(small.std()), 1.0), np.float32)


def apart(first: Floats, second: Floats) -> Floats:
    """How far each print of the first lies from each of the second: ``(n, m)``, root of the mean square."""
    squares = (first**2).sum(axis=1)[:, None] + (second**2).sum(axis=1)[None] - 2 * first @ second.T
    return np.asarray(np.sqrt(np.maximum(squares, 0) / first.shape[1]), np.float32)


def line(first: Sampled, second: Sampled, sound_s: float | None = None) -> Line | None:
    """How the times of two clips belong together; None where their frames do not say so. ``sound_s``: by how much the
    second's sound lies later, where that is known."""
    far, is_near = _compared(first, second)
    least = max(1.0, _MIN_OVERLAP * min(len(first.times_s), len(second.times_s) * _rates(first, second)))
    best, most = None, (0.0, 0.0)
    heard = None if sound_s is None else Line(1.0, sound_s)
    for each in _proposed(first, second, far, sound_s):
        held, places = _held(each, first, second)
        if held.size < least:
            continue
        agree = float(is_near[held, places].mean())
        # Of those that explain the same number of frames it is the one at which they are most alike.
        usual = float(far[held, places].mean())
        rank = (round(agree * held.size), -usual)
        if agree < _MIN_AGREE or usual > _ALIKE or rank <= most:
            continue
        if _move_alike(first.prints[held], second.prints[places]):
            if each == heard:  # two witnesses
                return each
            best, most = each, rank
    return best


def replaced(first: Sampled, second: Sampled, sound_s: float | None = None) -> Line | None:
    """The line of two clips of which a part is the same at the same times, and all else shows something else; None
    where that is not so."""
    far, is_near = _compared(first, second)
    for each in (Line(1.0, 0.0),) if sound_s is None else (Line(1.0, sound_s), Line(1.0, 0.0)):
        held, places = _held(each, first, second)
        if not held.size:
            continue
        is_same = is_near[held, places] & (far[held, places] <= _ALIKE)
        is_other = far[held, places] > _ALIKE
        is_split = is_same.mean() >= _PART and (is_same | is_other).mean() >= 1 - _NEARLY
        if is_split and _move_alike(first.prints[held[is_same]], second.prints[places[is_same]]):
            return each
    return None


def _compared(first: Sampled, second: Sampled) -> tuple[Floats, NDArray[np.bool_]]:
    """How far each frame of the first is from each of the second, and which are about as near to it as any."""
    far = apart(first.prints, second.prints)
    nearest = far.min(axis=1)
    return far, far <= (nearest + _NOISE + _NEARLY * (np.median(far, axis=1) - nearest))[:, None]


def _move_alike(first: Floats, second: Floats) -> bool:
    """Whether what changes from frame to frame is the same, or nothing does. Frames that are all equally unlike agree
    with any line; what was forged throughout changes little here."""
    one, two = first - first.mean(axis=0), second - second.mean(axis=0)
    sizes = float(np.sqrt(np.mean(one**2))), float(np.sqrt(np.mean(two**2)))
    if max(sizes) <= _STILL:
        return True
    return float(np.mean(one * two)) >= _MOVE_ALIKE * max(sizes) ** 2


def _rates(first: Sampled, second: Sampled) -> float:
    """How many frames of the first there are for one of the second in the same time."""
    return second.gap_s / first.gap_s if first.gap_s > 0 and second.gap_s > 0 else 1.0


def _proposed(first: Sampled, second: Sampled, far: Floats, sound_s: float | None) -> Iterator[Line]:
    if sound_s is not None:
        yield Line(1.0, sound_s)
    yield Line(1.0, 0.0)
    lengths = [float(each.times_s[-1] - each.times_s[0]) + each.gap_s for each in (first, second)]
    if min(lengths) > 0:
        speed = lengths[1] / lengths[0]
        yield Line(speed, float(second.times_s[0] - speed * first.times_s[0]))
    anchors = np.unique(np.linspace(0, len(first.times_s) - 1, _ANCHORS).astype(int))
    likest = second.times_s[far[anchors].argmin(axis=1)]
    pairs = list(zip(first.times_s[anchors].tolist(), likest.tolist(), strict=True))
    for here, there in pairs:
        yield Line(1.0, there - here)
    for one, two in combinations(pairs, 2):
        speed = (two[1] - one[1]) / (two[0] - one[0])
        if _SLOWEST <= speed <= _FASTEST:
            yield Line(speed, one[1] - speed * one[0])


def _held(each: Line, first: Sampled, second: Sampled) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Which frames of the first the second has by this line, and at which places."""
    times, most = each.at(first.times_s), second.gap_s / 2 + 1e-3
    held = np.flatnonzero((times >= second.times_s[0] - most) & (times <= second.times_s[-1] + most))
    return held, _nearest(second.times_s, times[held])


def _nearest(times_s: Times, wanted: Times) -> NDArray[np.intp]:
    if len(times_s) == 1:
        return np.zeros(len(wanted), np.intp)
    after = np.clip(np.searchsorted(times_s, wanted), 1, len(times_s) - 1)
    return np.asarray(after - (wanted - times_s[after - 1] < times_s[after] - wanted), np.intp)


def overlap(each: Line, first: Sampled, second: Sampled, count: int) -> list[float]:
    """Up to ``count`` moments of the first, evenly spread over what both clips have."""
    held, _ = _held(each, first, second)
    parts = np.array_split(held, count)
    return [float(first.times_s[part[len(part) // 2]]) for part in parts if len(part)]


def likest(first: Sampled, second: Sampled, time_s: float, at_s: float, window_s: float = WINDOW_S) -> (
    tuple[float, float] | None
):  # fmt: skip
    """The two frames that are most alike, near ``time_s`` in the first and within ``window_s`` of ``at_s`` in the
    second: their times. None where either has none there."""
    here = np.flatnonzero(np.abs(first.times_s - time_s) <= WINDOW_S)
    there = np.flatnonzero(np.abs(second.times_s - at_s) <= window_s)
    if not here.size or not there.size:
        return None
    far = apart(first.prints[here], second.prints[there])
    one, two = np.unravel_index(int(far.argmin()), far.shape)
    return float(first.times_s[here[one]]), float(second.times_s[there[two]])


def common(matrix: Floats) -> tuple[Callable[[Pixels], Pixels], Callable[[Pixels], Pixels]] | None:
    """How to cut from each frame of two clips what both show; ``matrix`` as from ``alignment.placed``. None where that
    is little."""
    corners = matrix[:, :2] @ np.array([[0, 1, 1, 0], [0, 0, 1, 1]], np.float32) + matrix[:, 2:]
    low, high = np.sort(np.clip(corners, 0, 1), axis=1)[:, [1, 2]].T  # the rectangle inside, also where it is turned
    if min(high - low) < _LEAST_SHARE:
        return None
    target = np.array([[0, 0], [1, 0], [0, 1]], np.float32)

    def view(back: Callable[[Floats], Floats]) -> Callable[[Pixels], Pixels]:
        def cut(pixels: Pixels) -> Pixels:
            height, width = pixels.shape[:2]
            places = back(low + target * (high - low)) * np.array([width, height], np.float32)
            side = 2 * _SIDE
            warp = cv2.getAffineTransform(np.asarray(places, np.float32), np.asarray(target * side, np.float32))
            return np.asarray(cv2.warpAffine(pixels, warp, (side, side), borderMode=cv2.BORDER_REPLICATE), np.uint8)

        return cut

    back = np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))[:2]
    return view(lambda at: at), view(lambda at: np.asarray(at @ back[:, :2].T + back[:, 2], np.float32))
