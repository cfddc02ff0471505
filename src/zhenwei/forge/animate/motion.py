"""What moves in a driving clip, apart from whose face it is; and another face moved like it.

Landmarks of every frame are taken apart into the head's motion (a similarity, fitted to points that no expression
moves; S. Umeyama, "Least-squares estimation of transformation parameters between two point patterns", 1991) and what
is left, the expression, both relative to the clip's own neutral frame, as motion transfer has been done since J. Thies
et al., "Face2Face", CVPR 2016. Lengths are in the distance between the outer corners of the eyes, so that they fit
another face.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.signal import savgol_filter
from scipy.spatial.transform import Rotation

from zhenwei.errors import DataError
from zhenwei.types import Floats

Points = NDArray[np.float64]

# Forehead, bridge and tip of the nose, corners of the eyes, temples: what no expression moves much.
RIGID = (10, 151, 9, 8, 168, 6, 197, 195, 5, 4, 33, 133, 263, 362, 127, 356, 21, 251, 54, 284)
OUTER_EYES = (33, 263)
UPPER_LIP, LOWER_LIP = 13, 14
_LIDS = ((159, 145), (386, 374))
# Between the lips' outer and inner edges: what lies there goes along with both.
WITHIN_LOWER_LIP = (77, 90, 180, 85, 16, 315, 404, 320, 307, 96, 89, 179, 86, 15, 316, 403, 319, 325)
WITHIN_UPPER_LIP = (76, 184, 74, 73, 72, 11, 302, 303, 304, 408, 306, 62, 183, 42, 41, 38, 12, 268, 271, 272, 407, 292)
MAX_TURN_DEG = (15.0, 22.0, 15.0)  # nod, turn, tilt: further, one photograph has nothing to show
MAX_SIZE, MAX_SHIFT = 1.12, 0.3
_MESH = 468
_SMOOTHED_S = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """Of n frames. ``turn`` ``(n, 3)``: rotation vectors in radians (x right, y down, z away); ``size`` ``(n,)``: as a
    share of the neutral's; ``shift`` ``(n, 2)`` and ``expression`` ``(n, 468, 3)``: in distances between the outer
    corners of the eyes, the latter in the axes of the neutral head ``neutral`` ``(468, 3)``. ``rate_hz``: frames a
    second."""

    turn: Points
    size: Points
    shift: Points
    expression: Points
    neutral: Points
    rate_hz: float

    def __len__(self) -> int:
        return len(self.turn)


def unit_of(landmarks: Points) -> float:
    """The distance between the outer corners of the eyes, in the landmarks' own lengths."""
    right, left = landmarks[OUTER_EYES[0]], landmarks[OUTER_EYES[1]]
    return float(np.linalg.norm(left - right))


def with_depth(landmarks: Floats, mesh: Points) -> Points:
    """Points ``(468, 2)`` in pixels as ``(468, 3)``, as deep as ``mesh`` ``(468, 3)``, a face in its own lengths, is
    when it is turned and sized to lie over them; those that have a depth keep it."""
    points = np.asarray(landmarks, np.float64)
    if points.shape[1] == 3:
        return points
    shape, flat = mesh - mesh.mean(0), points - points.mean(0)
    fitted = np.linalg.lstsq(shape, flat, rcond=None)[0].T  # (2, 3): two rows of the turn, times the size
    left, sizes, right = np.linalg.svd(fitted, full_matrices=False)
    rows = left @ right
    return np.column_stack([points, sizes.mean() * shape @ np.cross(rows[0], rows[1])])


def opening(landmarks: Points) -> float:
    """Between the lips' inner edges, in distances between the outer corners of the eyes."""
    return float(np.linalg.norm(landmarks[LOWER_LIP] - landmarks[UPPER_LIP])) / unit_of(landmarks)


def motion_of(landmarks: Floats, rate_hz: float) -> Motion:
    """Of a clip's ``landmarks`` ``(n, 468, 3)`` in pixels, at ``rate_hz`` frames a second.

    Raises :class:`DataError` for landmarks of another shape, or that are not all finite.
    """
    x = np.asarray(landmarks, np.float64)
    if x.ndim != 3 or x.shape[1:] != (_MESH, 3) or not len(x) or not np.isfinite(x).all():
        raise DataError("these are no landmarks of a clip", got=str(x.shape), want="(frames, 468, 3), all finite")
    if min(unit_of(points) for points in x) < 1:
        raise DataError("landmarks span no face", want="outer corners of the eyes apart by a pixel and more")
    rest = x[neutral_frame(x)]
    unit, centre = unit_of(rest), rest[list(RIGID)].mean(0)
    neutral = (rest - centre) / unit
    turns, sizes, shifts, residues = [], [], [], []
    for points in x:
        turn, size, shift = similarity(neutral[list(RIGID)], points[list(RIGID)])
        turns.append(Rotation.from_matrix(turn).as_rotvec())
        sizes.append(size / unit)
        shifts.append((shift[:2] - centre[:2]) / unit)
        residues.append((points - shift) @ turn / size - neutral)
    return Motion(np.array(turns), np.array(sizes), np.array(shifts), np.array(residues), neutral, rate_hz)


def smoothed(motion: Motion, seconds: float = _SMOOTHED_S) -> Motion:
    """Without the jitter of landmarks: a local parabola over ``seconds`` of every number (A. Savitzky and M. Golay,
    1964). Clips shorter than that stay as they are."""
    window = round(seconds * motion.rate_hz) // 2 * 2 + 1
    if window < 5 or len(motion) < window:
        return motion
    each = (motion.turn, motion.size, motion.shift, motion.expression)
    turn, size, shift, expression = (savgol_filter(values, window, 2, axis=0) for values in each)
    return Motion(turn, size, shift, expression, motion.neutral, motion.rate_hz)


def limited(motion: Motion) -> Motion:
    """Within what one photograph can show: angles, size and place bent smoothly towards their limits."""
    most = np.radians(MAX_TURN_DEG)
    turn = most * np.tanh(motion.turn / most)
    size = np.exp(np.log(MAX_SIZE) * np.tanh(np.log(motion.size) / np.log(MAX_SIZE)))
    return replace(motion, turn=turn, size=size, shift=MAX_SHIFT * np.tanh(motion.shift / MAX_SHIFT))


def drive(landmarks: Floats, motion: Motion, gain: float = 1.0) -> Points:
    """``landmarks`` ``(468, 3)`` of a portrait moved like the driver: ``(n, 468, 3)`` in its pixels.

    ``gain``: of the expression. The neutral frame of the driver leaves them where they are.
    """
    rest = np.asarray(landmarks, np.float64)
    unit, centre = unit_of(rest), rest[list(RIGID)].mean(0)
    shape = (rest - centre) / unit
    axes, _, _ = similarity(motion.neutral[list(RIGID)], shape[list(RIGID)])
    moved = []
    for vector, size, shift, expression in zip(motion.turn, motion.size, motion.shift, motion.expression, strict=True):
        turn = axes @ Rotation.from_rotvec(vector).as_matrix() @ axes.T
        points = size * (shape + gain * expression @ axes.T) @ turn.T
        points[:, :2] += shift
        moved.append(points * unit + centre)
    return np.array(moved)


def head_matrix(landmarks: Points, moved: Points) -> tuple[Points, float, Points]:
    """The head's motion between two sets of landmarks: as :func:`similarity` of the points no expression moves."""
    return similarity(landmarks[list(RIGID)], moved[list(RIGID)])


def similarity(source: Points, target: Points) -> tuple[Points, float, Points]:
    """Rotation ``(3, 3)``, size and shift ``(3,)`` with ``target`` about ``size * source @ rotation.T + shift``."""
    from_centre, to_centre = source.mean(0), target.mean(0)
    a, b = source - from_centre, target - to_centre
    u, values, vt = np.linalg.svd(b.T @ a)
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = u @ np.diag(sign) @ vt
    size = float((values * sign).sum() / max((a**2).sum(), 1e-12))
    return rotation, size, to_centre - size * from_centre @ rotation.T


def neutral_frame(x: Points) -> int:
    """Mouth shut, eyes open, the head as it mostly is."""
    mouth = np.array([opening(points) for points in x])
    eyes = np.array([lids_open(points) for points in x])
    nose = np.array([(points[4] - points[list(RIGID)].mean(0)) / unit_of(points) for points in x])
    turned = np.linalg.norm(nose - np.median(nose, 0), axis=1)
    return int(np.argmin(2 * mouth - 2 * eyes + turned))


def lids_open(landmarks: Points) -> float:
    """The gap between the lids, in distances between the outer corners of the eyes."""
    gaps = [float(np.linalg.norm(landmarks[upper] - landmarks[lower])) for upper, lower in _LIDS]
    return sum(gaps) / 2 / unit_of(landmarks)
