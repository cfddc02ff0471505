"""A passage in which one person is seen without a break: where it lies, and every frame of it cut to the head.

Which passage, and where the head is, follows from the faces found in the sampled frames. Within it the mesh follows the
face from frame to frame as MediaPipe does: its region is drawn around the points of the frame before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from zhenwei.faces import mesh, tracking
from zhenwei.faces.blazeface import Candidate
from zhenwei.faces.sampling import part, scaled
from zhenwei.types import Box, Face, Floats, Frame, Pixels, Strip, Track

FASTEST_HZ = 31.0
_LONGEST_S, _MAX_FRAMES = 10.2, 306
_MIN_FRAMES = 2
_BRIDGED = 2  # sampled frames from one sighting to the next: one in between may have missed the face
_SIDE = 192
_ROOM = 1.6  # the window in sides of the largest box
_LOWER = 0.08  # by how much of its side the window's middle lies below the box's, to show some of the neck
_MIN_FLAG = 0.0  # logit of the mesh below which its points are not to be used
_FURTHEST = 0.6  # in sides of the box: the mesh has slipped to something else if its face lies further off
_SAME_SCENE = 0.5  # correlation of neighbouring frames below which there is a cut between them
_THUMB = 12
_FLAT = 2.0  # grey levels: frames that vary less are not compared
_EYES = ((33, 133), (263, 362))  # corners of the person's right and left eye
_RATIO = 1.04  # longer side of the box to that of the points; median of faces that have both

Window = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Passage:
    """Where a passage lies and how its person moves in it, as far as the sampled frames tell.

    ``times_s`` ``(k,)``, ``boxes`` ``(k, 3)``: centre x, centre y and longer side of the face's box, in pixels of the
    frame. ``ratio``: longer side of the box to the longer side of the landmarks' own box. ``frame_size``: width and
    height of the frames. ``window_px``: side of the square around the head.
    """

    start_s: float
    end_s: float
    times_s: NDArray[np.float64]
    boxes: NDArray[np.float64]
    ratio: float
    frame_size: tuple[int, int]
    window_px: int

    def place(self, time_s: float) -> NDArray[np.float64]:
        """Centre and longer side of the box at any time, between those known."""
        return np.array([np.interp(time_s, self.times_s, column) for column in self.boxes.T])

    def square(self, time_s: float) -> Window:
        """The head's window at any time: left, top, right, bottom in whole pixels; it may reach beyond the frame."""
        x, y, _ = self.place(time_s)
        left = round(float(x) - self.window_px / 2)
        top = round(float(y) - self.window_px / 2 + _LOWER * self.window_px)
        return left, top, left + self.window_px, top + self.window_px

    def window(self, time_s: float) -> Window:
        """What of :meth:`square` lies in the frame, at least one pixel: for ``zhenwei.media.read_passage``."""
        left, top, right, bottom = self.square(time_s)
        width, height = self.frame_size
        left, top = min(max(left, 0), width - 1), min(max(top, 0), height - 1)
        return left, top, max(left + 1, min(right, width)), max(top + 1, min(bottom, height))


def find_passage(
    frames: Sequence[Frame], track: Track, *, duration_s: float | None, fps: float | None
) -> Passage | None:
    """The middle of the longest run of sampled frames in which ``track`` is seen without a cut; None for no face.

    At most 10.2 s, and no more than gives 306 frames at ``fps``. A run that reaches the first or last sampled frame is
    taken to reach the clip's beginning or end.
    """
    run = _longest_run(frames, track)
    if not run:
        return None
    rate = fps or 25.0
    rate /= np.ceil(rate / FASTEST_HZ)
    length_s = min(_LONGEST_S, (_MAX_FRAMES - 0.5) / rate)
    first = 0.0 if run[0].frame == 0 else run[0].time_s
    last = max(duration_s or 0.0, run[-1].time_s) if run[-1].frame == len(frames) - 1 else run[-1].time_s
    start = max(first, min((first + last - length_s) / 2, last - length_s))
    end = min(last, start + length_s)
    boxes = np.array([_centred(face.box) for face in run])
    times = np.array([face.time_s for face in run])
    inside = (times >= start) & (times <= end)
    largest = float(boxes[inside if inside.any() else slice(None), 2].max())
    ratios = [_longer(f.box) / max(_longer(_hull(f.landmarks)), 1e-6) for f in run if f.landmarks is not None]
    height, width = frames[0].pixels.shape[:2]
    ratio = float(np.median(ratios)) if ratios else _RATIO
    return Passage(start, end, times, boxes, ratio, (width, height), max(8, round(largest * _ROOM)))


def follow(passage: Passage, frames: Iterable[Frame]) -> Strip | None:
    """The strip of ``passage``; None if fewer than two of its frames belong together.

    ``frames``: the passage's frames one after another, each cut to ``passage.window`` of its time. Memory does not grow
    with their size. Where the scene changes within the passage, the longest part between two cuts stays.
    """
    side = min(passage.window_px, _SIDE)
    times: list[float] = []
    cuts: list[Pixels] = []
    origins: list[tuple[int, int]] = []
    points: list[Floats] = []
    for frame in frames:
        square, window = passage.square(frame.time_s), passage.window(frame.time_s)
        if len(times) >= _MAX_FRAMES or frame.pixels.shape[:2] != (window[3] - window[1], window[2] - window[0]):
            break  # enough, or the clip goes on in another size
        shift = (square[0] - window[0], square[1] - window[1])
        head = part(frame.pixels, *shift, shift[0] + passage.window_px, shift[1] + passage.window_px)
        points.append(_points(passage, head, square, frame.time_s, points[-1] if points else None))
        cuts.append(scaled(head, side, side))
        origins.append(square[:2])
        times.append(frame.time_s)
    if len(times) < _MIN_FRAMES:
        return None
    scale = side / passage.window_px
    return _strip(np.array(times), np.stack(cuts), np.array(origins, np.float32), np.stack(points), scale)


def _strip(times: NDArray[np.float64], pixels: Pixels, origins: Floats, points: Floats, scale: float) -> Strip | None:
    kept = _between_cuts(pixels)
    if kept.stop - kept.start < _MIN_FRAMES:
        return None
    landmarks = points[kept].copy()
    landmarks[..., :2] -= origins[kept][:, None]
    landmarks *= np.float32(scale)
    arrays = (times[kept].copy(), pixels[kept].copy(), origins[kept].copy(), landmarks)
    for array in arrays:
        array.flags.writeable = False
    return Strip(*arrays, scale)


def _longest_run(frames: Sequence[Frame], track: Track) -> tuple[Face, ...]:
    scenes = tracking.scenes(frames)
    runs: list[list[Face]] = []
    for face in track.faces:
        before = runs[-1][-1] if runs else None
        if before and face.frame <= before.frame + _BRIDGED and scenes[face.frame] == scenes[before.frame]:
            runs[-1].append(face)
        else:
            runs.append([face])
    longest = max(runs, key=lambda run: run[-1].time_s - run[0].time_s, default=[])
    return tuple(longest)


def _points(passage: Passage, head: Pixels, square: Window, time_s: float, before: Floats | None) -> Floats:
    """``(468, 3)`` in pixels of the frame, looked for where they were and then where the track says; else NaN."""
    expected = passage.place(time_s)
    known = None if before is None or np.isnan(before[0, 0]) else before
    tries = [] if known is None else [_around(known, passage.ratio)]
    corner = np.array([square[0], square[1], 0], np.float32)
    for candidate in [*tries, _expected(expected)]:
        found, flag = mesh.place(head, [_moved(candidate, square)])[0]
        found = found + corner
        x, y, _ = _centred(_hull(found))
        near = np.hypot(x - expected[0], y - expected[1]) <= _FURTHEST * expected[2]
        if flag >= _MIN_FLAG and near and np.isfinite(found).all():
            return np.asarray(found, np.float32)
    return np.full((468, 3), np.nan, np.float32)


def _moved(candidate: Candidate, square: Window) -> Candidate:
    """The candidate in pixels of the window."""
    left, top = square[:2]
    box = candidate.box
    moved = Box(box.left - left, box.top - top, box.right - left, box.bottom - top)
    return Candidate(moved, candidate.confidence, candidate.keypoints - np.array([left, top], np.float32))


def _around(points: Floats, ratio: float) -> Candidate:
    x, y, longer = _centred(_hull(points))
    half = longer * ratio / 2
    eyes = points[np.array(_EYES), :2].mean(axis=1)  # (2 eyes, 2 corners, x and y) to (2, 2)
    return Candidate(Box(x - half, y - half, x + half, y + half), 1.0, eyes.astype(np.float32))


def _expected(place: NDArray[np.float64]) -> Candidate:
    x, y, longer = place.tolist()
    half = longer / 2
    level = np.array([(x - half / 2, y), (x + half / 2, y)], np.float32)  # eyes
    return Candidate(Box(x - half, y - half, x + half, y + half), 1.0, level)


def _hull(points: Floats) -> Box:
    low, high = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
    return Box(float(low[0]), float(low[1]), float(high[0]), float(high[1]))


def _longer(box: Box) -> float:
    return max(box.width, box.height)


def _centred(box: Box) -> tuple[float, float, float]:
    return (box.left + box.right) / 2, (box.top + box.bottom) / 2, _longer(box)


def _between_cuts(pixels: Pixels) -> slice:
    """The longest stretch of frames, ``(n, h, w, 3)``, in which each resembles the one before."""
    small = np.stack([scaled(p, _THUMB, _THUMB) for p in pixels]).astype(np.float64).mean(axis=3)
    flat = small.reshape(len(small), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    spread = flat.std(axis=1)
    likeness = (flat[1:] * flat[:-1]).mean(axis=1) / np.maximum(spread[1:] * spread[:-1], 1e-9)
    varied = np.minimum(spread[1:], spread[:-1]) > _FLAT
    ends = [0, *(np.flatnonzero(varied & (likeness < _SAME_SCENE)) + 1).tolist(), len(pixels)]
    first, last = max(pairwise(ends), key=lambda pair: pair[1] - pair[0])
    return slice(first, last)
