"""Who is who over time: faces of sampled frames linked by where they are and by how they look.

Sampled frames can be seconds apart, so place alone does not tell people apart and looks alone are not always alike.
Both are weighed, place the less the more time has passed; across a cut only looks count.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from zhenwei.faces.blazeface import LEFT_EYE, RIGHT_EYE
from zhenwei.faces.sampling import part, scaled
from zhenwei.types import Face, Floats, Frame, Pixels

# Likeness (cosine of looks) of one person at two times: 0.59 and more in 99 % of pairs, of two people: 0.66 and less in
# 99 % (351 faces of 22 clips).
_ALIKE = 0.68
_WEIGHT_OF_PLACE = 0.4  # for frames at one time; half of it a second later
_REACH, _SPEED = 0.6, 1.0  # how far a face is expected to get: in sizes of it, at once and for each second
_FURTHEST = 3.0
_GALLERY = 8  # looks kept of each person
_CUT = 0.45  # likeness of two frames below which the scene is another
_SIDE = 64
_CELLS, _BINS = 4, 8
_HAIR = 0.2


@dataclass(slots=True)
class _Person:
    """A person so far: faces in order of time, a few of their looks, the scene they were last seen in, and which of the
    faces is the first since it began."""

    faces: list[Face]
    looks: list[Floats]
    scene: int
    since: int = 0
    supports: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """A face, the support for it being one, and its looks."""

    face: Face
    support: float
    looks: Floats


def link(
    frames: Sequence[Sequence[Observation]], scenes: Sequence[int]
) -> list[tuple[tuple[Face, ...], tuple[float, ...]]]:
    """The faces of each person in order of time, with their supports, by first appearance, the larger face first.

    ``frames``: what was seen in each frame, in order of time; ``scenes``: the number of the scene each frame is of.
    """
    people: list[_Person] = []
    for seen, scene in zip(frames, scenes, strict=True):
        matched = _assign(people, seen, scene)
        for j, s in sorted(enumerate(seen), key=lambda pair: -pair[1].face.box.area):
            person = matched.get(j)
            if person is None:
                people.append(_Person([s.face], [s.looks], scene, supports=[s.support]))
                continue
            if scene != person.scene:
                person.scene, person.since = scene, len(person.faces)
            person.faces.append(s.face)
            person.supports.append(s.support)
            _remember(person, s.looks)
    return [(tuple(p.faces), tuple(p.supports)) for p in people]


def scenes(frames: Sequence[Frame]) -> list[int]:
    """The number of the scene, from 0, that each frame belongs to: a new one where little is left of the last frame."""
    numbers: list[int] = []
    before: Floats | None = None
    for frame in frames:
        sketch = _sketch(frame.pixels)
        numbers.append(0 if before is None else numbers[-1] + int(float(sketch @ before) < _CUT))
        before = sketch
    return numbers


def looks(pixels: Pixels, face: Face) -> Floats:
    """What a face looks like, as a unit vector: directions of edges in the upright face, colours of it and its hair.

    The cosine of two of them is the likeness. It tells people of one clip apart; it is no face recognition.
    """
    import cv2

    region = scaled(_upright(pixels, face), _SIDE, _SIDE)
    inner = round(_SIDE * _HAIR / (1 + 2 * _HAIR))
    luma = np.asarray(cv2.cvtColor(region, cv2.COLOR_RGB2GRAY), np.uint8)
    edges = _edges(luma[inner:-inner, inner:-inner])
    colours = _colours(region)
    return _unit(np.concatenate([_unit(edges - edges.mean()), colours]))


def alike(one: Floats, other: Floats) -> bool:
    """Whether two looks may be of one person."""
    return float(one @ other) > _ALIKE


def distance(one: Face, other: Face) -> float:
    """Between their middles, in sizes of the larger."""
    (x0, y0, size0), (x1, y1, size1) = _place(one), _place(other)
    return math.hypot(x1 - x0, y1 - y0) / max(size0, size1, 1e-6)


def _assign(people: Sequence[_Person], seen: Sequence[Observation], scene: int) -> dict[int, _Person]:
    """Which face is whose: the assignment with the highest sum of affinities above what is asked for."""
    if not people or not seen:
        return {}
    gains = np.zeros((len(people), len(seen)))
    for i, person in enumerate(people):
        for j, observation in enumerate(seen):
            gains[i, j] = max(0.0, _affinity(person, observation, scene) - _ALIKE)
    if gains.size == 1:
        return {0: people[0]} if gains[0, 0] > 0 else {}
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(gains, maximize=True)
    assigned = {}
    for i, j in zip(rows.tolist(), columns.tolist(), strict=True):
        if gains[i, j] > 0:
            assigned[j] = people[i]
    return assigned


def _affinity(person: _Person, seen: Observation, scene: int) -> float:
    alike = max(float(known @ seen.looks) for known in person.looks)
    if scene != person.scene:
        return alike
    passed = max(0.0, seen.face.time_s - person.faces[-1].time_s)
    return alike + _WEIGHT_OF_PLACE / (1 + passed) * _nearness(person.faces[person.since :], seen.face, passed)


def _nearness(faces: Sequence[Face], face: Face, passed: float) -> float:
    """In [0, 1]: 1 where the face is expected and of the size expected, after it moved on as it did before."""
    x, y, size = _place(faces[-1])
    if len(faces) > 1 and passed <= 1:
        x0, y0, _ = _place(faces[-2])
        between = faces[-1].time_s - faces[-2].time_s
        if 0 < between <= 1:
            x, y = x + (x - x0) * passed / between, y + (y - y0) * passed / between
    x1, y1, size1 = _place(face)
    reach = min(_REACH + _SPEED * passed, _FURTHEST) * max(size, size1)
    far = math.hypot(x1 - x, y1 - y) / max(reach, 1e-6)
    larger = math.log2(max(size1, 1e-6) / max(size, 1e-6))
    return math.exp(-far * far - larger * larger)


def _place(face: Face) -> tuple[float, float, float]:
    box = face.box
    return (box.left + box.right) / 2, (box.top + box.bottom) / 2, max(box.width, box.height)


def _remember(person: _Person, new: Floats) -> None:
    """Keeps looks that differ: of two that are most alike, one is enough."""
    person.looks.append(new)
    if len(person.looks) > _GALLERY:
        stack = np.stack(person.looks)
        alike = stack @ stack.T - 2 * np.eye(len(stack), dtype=np.float32)
        del person.looks[int(np.unravel_index(int(alike.argmax()), alike.shape)[0])]


def _upright(pixels: Pixels, face: Face) -> Pixels:
    """The face and some hair, turned so that its eyes are level."""
    import cv2

    box = face.box.expanded(_HAIR)
    side = max(box.width, box.height)
    across = face.keypoints[LEFT_EYE] - face.keypoints[RIGHT_EYE]
    angle = math.atan2(float(across[1]), float(across[0]))
    if abs(angle) < 0.1:
        return part(pixels, round(box.left), round(box.top), round(box.left + side), round(box.top + side))
    cos, sin = math.cos(angle) * side / _SIDE, math.sin(angle) * side / _SIDE
    centre = np.array([box.left + box.right, box.top + box.bottom]) / 2
    turn = np.array([[cos, -sin], [sin, cos]])
    matrix = np.column_stack([turn, centre - turn @ np.full(2, _SIDE / 2)])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    upright = cv2.warpAffine(pixels, matrix, (_SIDE, _SIDE), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(upright, np.uint8)


def _edges(luma: Pixels) -> Floats:
    """Histograms of edge directions over a grid, each of length one: ``(cells * cells * bins,)``."""
    import cv2

    smooth = cv2.GaussianBlur(luma, (0, 0), 1.0).astype(np.float32)
    dx, dy = cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    strength = np.hypot(dx, dy)
    direction = ((np.arctan2(dy, dx) % np.pi) / np.pi * _BINS).astype(int) % _BINS
    rows = (np.arange(luma.shape[0]) * _CELLS // luma.shape[0])[:, None]
    columns = (np.arange(luma.shape[1]) * _CELLS // luma.shape[1])[None]
    place = ((rows * _CELLS + columns) * _BINS + direction).ravel()
    histogram = np.bincount(place, strength.ravel(), _CELLS * _CELLS * _BINS).reshape(-1, _BINS)
    return np.asarray(histogram / (np.linalg.norm(histogram, axis=1, keepdims=True) + 1e-3), np.float32).ravel()


def _colours(pixels: Pixels) -> Floats:
    """Roots of the shares of colours, a unit vector: its product with another is the Bhattacharyya coefficient."""
    import cv2

    lab = cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2LAB)
    counts = cv2.calcHist([lab], [0, 1, 2], None, [6, 8, 8], [0, 256, 64, 192, 64, 192]).ravel()
    return _unit(np.sqrt(counts))


def _sketch(pixels: Pixels) -> Floats:
    """A frame as a unit vector: its colours and the coarse layout of light and dark, half each."""
    import cv2

    small = scaled(pixels, 32, 32)
    luma = cv2.GaussianBlur(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), (0, 0), 1.5).astype(np.float32).ravel()
    layout = _unit(luma - luma.mean())
    return _unit(np.concatenate([layout, _colours(small)]))


def _unit(vector: NDArray[np.floating]) -> Floats:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-9), np.float32)
