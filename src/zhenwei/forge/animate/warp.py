"""One frame: the person's layer warped so that every landmark lies where it should, over what is behind.

Inside the face the warp is linear in every triangle of landmarks; hair follows the head without expression, shoulders
stay, and between them it runs out. The inside of a mouth that opens is nowhere in a photograph with closed lips: it is
drawn, teeth under the upper lip and dark below.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import LinearNDInterpolator
from scipy.spatial import Delaunay

from zhenwei.forge.animate.layers import Layers
from zhenwei.forge.animate.motion import WITHIN_LOWER_LIP, WITHIN_UPPER_LIP, Points, head_matrix, opening, unit_of
from zhenwei.forge.synthesis.masks import OVAL
from zhenwei.types import Floats, Pixels

_CELL_PX = 4  # the warp is worked out on this grid: it is smooth
_HAIR = (1.18, 1.45, 1.75)  # rings about the oval that move with the head
_SHOULDERS = (0.55, 0.9, 1.3)  # below the chin, of the face's height: what does not move
_INNER_LIPS = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95)
_SHOWS_TEETH = 0.035  # an opening of the portrait's own mouth from which its inside is stretched and not drawn
_TEETH_SHARE, _MAX_TEETH = 0.35, 0.055
_FINER = 4
_CLEAR = 1.1  # of the face's reach: nearer than that, hair is behind it
_PEELED, _SQUASHED = 6, 0.05


def frame_of(layers: Layers, moved: Points) -> tuple[Pixels, Floats]:
    """The portrait with its landmarks at ``moved`` ``(468, 3)``: pixels, and a mask of those that are not its own."""
    if np.abs(moved[:, :2] - layers.landmarks[:, :2]).max() < 1e-6:
        return layers.pixels.copy(), np.zeros(layers.pixels.shape[:2], np.float32)
    xs, ys = field_of(layers, moved)
    person = _looked_up(layers.person, xs, ys)[..., None]
    colours = _looked_up(layers.pixels.astype(np.float32) * layers.person[..., None], xs, ys)
    mixed = colours + layers.behind * (1 - person)
    frame = np.clip(np.rint(mixed), 0, 255).astype(np.uint8)
    _mouth(frame, layers, moved)
    return frame, (frame != layers.pixels).any(2).astype(np.float32)


def field_of(layers: Layers, moved: Points) -> tuple[Floats, Floats]:
    """``cv2.remap`` maps (x, y), each ``(h, w)`` float32: where in the portrait each pixel of the frame comes from."""
    source, target = _anchors(layers, moved)
    height, width = layers.pixels.shape[:2]
    corners = np.array([[x, y] for x in (-width, 2 * width) for y in (-height, 2 * height)], np.float64)
    known = np.vstack([target, corners])
    steps = np.vstack([source - target, np.zeros_like(corners)])
    xs, ys = np.meshgrid(_grid(width), _grid(height))
    coarse = np.asarray(LinearNDInterpolator(known, steps, fill_value=0.0)(xs, ys), np.float32)
    columns = np.arange(width, dtype=np.float32)[None, :] + np.zeros((height, 1), np.float32)
    rows = np.arange(height, dtype=np.float32)[:, None] + np.zeros((1, width), np.float32)
    step = cv2.remap(coarse, columns / _CELL_PX, rows / _CELL_PX, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return columns + step[..., 0], rows + step[..., 1]


def _anchors(layers: Layers, moved: Points) -> tuple[Points, Points]:
    """Where things are in the portrait and in the frame, ``(n, 2)`` each: mesh, hair, shoulders."""
    rest = layers.landmarks
    turn, size, shift = head_matrix(rest, moved)
    rim = rest[list(OVAL)]
    middle, back = rim.mean(0), np.array([0.0, 0.0, 0.4 * unit_of(rest)])
    chin, tall = float(rim[:, 1].max()), float(np.ptp(rim[:, 1]))
    wide = float(np.ptp(rim[:, 0]))
    hair = np.vstack([middle + (rim - middle) * (share, share, 1) + back for share in _HAIR])
    hair = hair[hair[:, 1] < chin]  # below, the neck is between head and shoulders
    still = _still(layers, middle, (wide, tall), chin)
    if not layers.cut:
        hair = hair[_within(hair, layers.pixels.shape[1], layers.pixels.shape[0], 0.12 * wide)]
    turned = (size * hair @ turn.T + shift)[:, :2]
    clear = _beside(turned, moved[list(OVAL), :2])
    seen = _unfolded(rest[:, :2], moved)
    source = np.vstack([rest[seen, :2], hair[clear, :2], still])
    return source, np.vstack([moved[seen, :2], turned[clear], still])


def _still(layers: Layers, middle: Points, oval: tuple[float, float], chin: float) -> Points:
    """What does not move, ``(n, 2)``: shoulders, what is far from the head, and the edges of a picture of one layer."""
    wide, tall = oval
    columns, top = middle[0] + wide * np.linspace(-2.5, 2.5, 11), chin - 2.6 * tall
    points = [[x, chin + tall * share] for share in _SHOULDERS for x in columns]
    points += [[x, top] for x in columns]
    points += [[middle[0] + sign * 2.5 * wide, chin - tall * share] for sign in (-1, 1) for share in (0, 0.5, 1, 1.6)]
    if not layers.cut:
        height, width = layers.pixels.shape[:2]
        for share in np.linspace(0, 1, 9):
            points += [[share * width, 0], [0, share * height], [width, share * height]]
    return np.array(points, np.float64)


def _beside(points: Points, oval: Points) -> NDArray[np.bool_]:
    """Which of ``points`` the face does not hide, nor nearly."""
    middle = oval.mean(0)
    rim = cv2.convexHull(((oval - middle) * _CLEAR + middle).astype(np.float32))
    outside = [cv2.pointPolygonTest(rim, (float(x), float(y)), False) < 0 for x, y in points]
    return np.array(outside, bool)  # of a tight crop there may be none


def _within(points: Points, width: int, height: int, margin: float) -> NDArray[np.bool_]:
    """Which of ``points`` lie that far inside the picture."""
    x, y = points[:, 0], points[:, 1]
    return (x > margin) & (x < width - margin) & (y > margin) & (y < height - margin)


def _unfolded(rest: Points, moved: Points) -> NDArray[np.bool_]:
    """Landmarks without those that a turn has brought behind others: what is furthest away of each triangle that came
    to lie on its back."""
    seen = np.ones(len(rest), bool)
    seen[[*WITHIN_UPPER_LIP, *WITHIN_LOWER_LIP]] = False  # triangles of slivers, and the lips' edges say it all
    triangles = Delaunay(rest).simplices
    before = _areas(rest, triangles)
    for _ in range(_PEELED):
        turned = _areas(moved[:, :2], triangles) * np.sign(before) < _SQUASHED * np.abs(before)
        turned &= seen[triangles].all(1)
        if not turned.any():
            break
        at_back = moved[triangles[turned], 2].argmax(1)
        seen[triangles[turned][np.arange(int(turned.sum())), at_back]] = False
    return seen


def _areas(points: Points, triangles: NDArray[np.int32]) -> Points:
    a, b, c = (points[triangles[:, k]] for k in range(3))
    return np.asarray((b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0]))


def _mouth(frame: Pixels, layers: Layers, moved: Points) -> None:
    """The inside of a mouth that the portrait keeps shut, drawn in place."""
    own, now = opening(layers.landmarks), opening(moved)
    if own > _SHOWS_TEETH or now < own + 0.012:
        return
    ring = moved[list(_INNER_LIPS), :2]
    low = np.floor(ring.min(0)).astype(int) - 2
    high = np.ceil(ring.max(0)).astype(int) + 3
    low, high = np.maximum(low, 0), np.minimum(high, (frame.shape[1], frame.shape[0]))
    if (high - low < 2).any():
        return
    size = tuple(int(v) for v in (high - low) * _FINER)
    local = (ring - low + 0.5) * _FINER
    bright = _brightness(layers)
    patch = np.zeros((size[1], size[0], 3), np.uint8)
    patch[:] = np.array((52, 18, 20)) * bright
    upper = local[1:10]
    tall = min(_TEETH_SHARE * (now - own), _MAX_TEETH) * unit_of(moved) * _FINER
    teeth = np.vstack([upper, (upper + np.array([0.0, tall]))[::-1]])
    cv2.fillPoly(patch, [np.rint(teeth).astype(np.int32)], [float(v) for v in np.array((196, 188, 174)) * bright])
    patch = np.asarray(cv2.GaussianBlur(patch, (0, 0), 0.5 * _FINER), np.uint8)
    share = np.zeros((size[1], size[0]), np.float32)
    cv2.fillPoly(share, [np.rint(local).astype(np.int32)], 1.0)
    share = np.asarray(cv2.GaussianBlur(share, (0, 0), 0.35 * _FINER), np.float32)
    small = (int(high[0] - low[0]), int(high[1] - low[1]))
    weight = cv2.resize(share, small, interpolation=cv2.INTER_AREA)[..., None]
    inside = cv2.resize(patch, small, interpolation=cv2.INTER_AREA).astype(np.float32)
    place = (slice(low[1], high[1]), slice(low[0], high[0]))
    frame[place] = np.clip(np.rint(frame[place] * (1 - weight) + inside * weight), 0, 255).astype(np.uint8)


def _brightness(layers: Layers) -> float:
    """Of the cheeks and the tip of the nose, 1 for those of a fair skin in good light."""
    height, width = layers.pixels.shape[:2]
    at = np.rint(layers.landmarks[[50, 280, 4], :2]).astype(int).clip(0, (width - 1, height - 1))
    return float(np.clip(layers.pixels[at[:, 1], at[:, 0]].mean() / 190, 0.35, 1.1))


def _looked_up(values: Floats, xs: Floats, ys: Floats) -> Floats:
    return np.asarray(cv2.remap(values, xs, ys, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)


def _grid(length: int) -> NDArray[np.float64]:
    return np.arange(0, length + _CELL_PX, _CELL_PX, dtype=np.float64)
