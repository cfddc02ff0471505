"""Puppets: drawn faces of nobody, for documents, tests and experiments that need two people and may show none.

A puppet is a FaceMesh of 468 points with its own proportions and colours; a look turns, lights and moves it. Everything
drawn hangs on those points, so that landmarks and mask are exact. The mean shape (``puppet_mesh.npy``) is that of the
points which the FaceMesh network found in 260 portraits, made symmetric: a mean of many, and nobody's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from io import BytesIO

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import Delaunay

from zhenwei.errors import UsageError
from zhenwei.faces.quality import rotation
from zhenwei.forge.synthesis.masks import OVAL
from zhenwei.types import Floats, Pixels

Colour = tuple[int, int, int]
Points = NDArray[np.float64]

EYES = (
    ((33, 7, 163, 144, 145, 153, 154, 155, 133), (246, 161, 160, 159, 158, 157, 173)),
    ((263, 249, 390, 373, 374, 380, 381, 382, 362), (466, 388, 387, 386, 385, 384, 398)),
)  # lower lid from the outer to the inner corner, and the upper lid between them
_BROWS = ((46, 53, 52, 65, 55, 107, 66, 105, 63, 70), (276, 283, 282, 295, 285, 336, 296, 334, 293, 300))
_LIP_UPPER = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191, 78)
_LIP_LOWER = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95, 78)
_MOUTH = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95)
LOWER_LIP_POINTS = (146, 91, 181, 84, 17, 314, 405, 321, 375, 324, 318, 402, 317, 14, 87, 178, 88, 95)
_LEAST, _MOST = 32, 512


@dataclass(frozen=True, slots=True)
class Puppet:
    """Who: colours as RGB, proportions as shares of the mean's (0 = as the mean; -0.3 to 0.3 looks like a face)."""

    skin: Colour
    hair: Colour
    iris: Colour
    lips: Colour
    jaw: float = 0.0
    length: float = 0.0
    nose: float = 0.0
    eyes: float = 0.0
    apart: float = 0.0
    mouth: float = 0.0
    brow: float = 0.0
    style: int = 0  # 0 short, 1 long, 2 none
    beard: float = 0.0
    freckles: int = 0


@dataclass(frozen=True, slots=True)
class Look:
    """How it looks: angles in degrees as in :func:`zhenwei.faces.pose`; the rest in [0, 1], ``smile``, ``gaze`` and
    ``side`` (where the light comes from) in [-1, 1]; ``scene`` picks the background."""

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    smile: float = 0.0
    open: float = 0.0
    blink: float = 0.0
    gaze: float = 0.0
    side: float = 0.4
    light: float = 0.6
    scene: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class PuppetPortrait:
    """``pixels`` ``(size, size, 3)`` uint8 RGB; ``landmarks`` ``(468, 3)`` float32 in pixels; ``mask`` ``(size, size)``
    float32 in [0, 1], the area inside the face's oval."""

    pixels: Pixels
    landmarks: Floats
    mask: Floats


ANNA = Puppet((242, 205, 184), (150, 62, 30), (70, 130, 90), (202, 92, 96), -0.16, 0.02, -0.2, 0.2, 0.05, 0.1, -0.25, 1,
              freckles=14)  # fmt: skip
BRUNO = Puppet((150, 100, 70), (32, 24, 22), (62, 40, 26), (128, 70, 62), 0.18, 0.03, 0.28, -0.14, -0.03, -0.08, 0.6, 0,
               beard=0.55)  # fmt: skip


def any_puppet(rng: np.random.Generator) -> Puppet:
    """Somebody else: skin, hair and proportions drawn from ``rng``."""
    tone, red = rng.uniform(0, 1), rng.uniform(-6, 6)
    dark, pale = np.array([88, 56, 40]), np.array([247, 214, 192])
    skin = _colour(dark + (pale - dark) * tone + (red, 0, -red))
    hairs = ((28, 22, 20), (70, 44, 28), (140, 62, 30), (208, 172, 104), (150, 150, 152))
    irises = ((60, 38, 24), (70, 125, 90), (78, 112, 160), (110, 90, 50))
    lips = _colour(np.array(skin) * (0.86, 0.6, 0.62) + rng.uniform(-12, 12))
    jaw, length, nose, eyes, apart, mouth = rng.uniform(-1, 1, 6) * (0.2, 0.06, 0.3, 0.22, 0.06, 0.16)
    style, beard = int(rng.integers(3)), float(rng.choice((0.0, 0.0, 0.6)))
    hair, iris = hairs[int(rng.integers(len(hairs)))], irises[int(rng.integers(len(irises)))]
    brow, freckles = float(rng.uniform(-0.3, 0.7)), int(rng.choice((0, 0, 14)))
    proportions = (float(jaw), float(length), float(nose), float(eyes), float(apart), float(mouth))
    return Puppet(skin, hair, iris, lips, *proportions, brow, style, beard, freckles)


def any_look(rng: np.random.Generator) -> Look:
    """A pose, an expression and light, drawn from ``rng``."""
    yaw, pitch, roll = rng.uniform(-1, 1, 3) * (26, 12, 8)
    smile, gaze, side = rng.uniform(-1, 1, 3) * (0.9, 0.8, 1)
    opened = float(rng.uniform(0, 0.9)) if rng.random() < 0.45 else 0.0
    blink = float(rng.uniform(0, 0.35)) if rng.random() < 0.85 else 1.0
    light, scene = float(rng.uniform(0.35, 0.85)), int(rng.integers(1 << 30))
    return Look(
        float(yaw), float(pitch), float(roll), float(smile), opened, blink, float(gaze), float(side), light, scene
    )


def portraits(puppet: Puppet, count: int, size: int, seed: int) -> list[PuppetPortrait]:
    """``count`` looks of one puppet, the same for the same ``seed``."""
    rng = np.random.default_rng(seed)
    return [draw(puppet, any_look(rng), size) for _ in range(count)]


def draw(puppet: Puppet, look: Look, size: int) -> PuppetPortrait:
    """One portrait of ``size`` px, drawn at twice to four times that and averaged. UsageError outside 32 to 512 px."""
    if not _LEAST <= size <= _MOST:
        raise UsageError("puppets are not drawn at this size", got=f"{size} px", want=f"{_LEAST} to {_MOST} px")
    finer = 4 if size <= 96 else 2
    side = size * finer
    shape = _moved(_shaped(puppet), look)
    turn = rotation(look.yaw, look.pitch, look.roll)
    points = _project(shape, turn, side)
    canvas = _background(look.scene, side)
    _behind(canvas, puppet, turn, points, side)
    _skin(canvas, puppet, look, points, side)
    _features(canvas, puppet, look, points, side)
    _hair(canvas, puppet, points, side)
    mask = np.zeros((side, side), np.float32)
    cv2.fillPoly(mask, [_ints(points[list(OVAL), :2])], 1.0, cv2.LINE_8)
    small, inside = (cv2.resize(x, (size, size), interpolation=cv2.INTER_AREA) for x in (canvas, mask))
    return PuppetPortrait(
        np.asarray(small, np.uint8), (points / finer).astype(np.float32), np.asarray(inside, np.float32)
    )


# Its shape.


@cache
def mean_mesh() -> Points:
    """``(468, 3)``: x right, y down, z away; the face is one high. Not to be changed."""
    data = files("zhenwei.forge").joinpath("puppet_mesh.npy").read_bytes()
    return np.asarray(np.load(BytesIO(data), allow_pickle=False), np.float64)


@cache
def _triangles() -> NDArray[np.int32]:
    return np.asarray(Delaunay(mean_mesh()[:, :2]).simplices, np.int32)


def _near(points: Points, centre: Points, reach: float) -> Points:
    gap = ((points[:, :2] - centre[:2]) ** 2).sum(axis=1)
    return np.asarray(np.exp(-gap / (2 * reach**2))[:, None], np.float64)


def _shaped(puppet: Puppet) -> Points:
    """The mean with the puppet's proportions."""
    points = mean_mesh().copy()
    low = np.clip((points[:, 1] - 0.05) / 0.4, 0, 1)
    points[:, 0] *= 1 + puppet.jaw * low * (3 - 2 * low) * 1.1
    points[:, 1] *= 1 + puppet.length
    tip = points[4].copy()
    near = _near(points, tip, 0.1)[:, 0]
    points[:, 0] += near * puppet.nose * 1.4 * points[:, 0]
    for lower, upper in EYES:
        ring = list(lower + upper)
        centre = points[ring].mean(axis=0)
        near = _near(points, centre, 0.09)
        points[:, :2] += near * puppet.eyes * (points[:, :2] - centre[:2])
        points[:, :1] += near * puppet.apart * np.sign(centre[0]) * 0.8
    middle = points[[13, 14]].mean(axis=0)
    near = _near(points, middle, 0.13)
    points[:, :2] += near * puppet.mouth * (points[:, :2] - middle[:2]) * 1.5
    return points


def _moved(points: Points, look: Look) -> Points:
    """With the expression of the look."""
    points = points.copy()
    for corner, sign in ((61, -1.0), (291, 1.0)):
        near = _near(points, points[corner].copy(), 0.07)[:, 0]
        points[:, 0] += near * look.smile * 0.03 * sign
        points[:, 1] -= near * look.smile * 0.045
    lip = points[17, 1]
    drop = np.clip((points[:, 1] - lip + 0.03) / 0.08, 0, 1)
    across = np.clip(1 - np.abs(points[:, 0]) / 0.33, 0, 1) ** 0.5
    half = abs(points[291, 0] - points[61, 0]) / 2
    lower = list(LOWER_LIP_POINTS)
    drop[lower] = np.clip(1 - (points[lower, 0] / half) ** 2, 0, 1) ** 0.7
    points[:, 1] += look.open * 0.085 * drop * across
    for lids, upper in EYES:
        under = points[list(lids[-2:0:-1])][::-1]
        points[list(upper)] += (under - points[list(upper)]) * 0.94 * look.blink
    return points


def _project(points: Points, turn: Points, side: int) -> Points:
    """Weak perspective into a square of ``side`` px: the face fills two thirds of its height."""
    turned = (points - (0, 0, 0.35)) @ turn.T
    depth = 1 / (1 + turned[:, 2:] * 0.16)
    flat = turned[:, :2] * depth * 0.66 + (0.5, 0.53)
    return np.column_stack([flat * side, turned[:, 2] * 0.66 * side])


# Its drawing, all on a canvas (side, side, 3) uint8 that is changed in place.


def _background(scene: int, side: int) -> Pixels:
    rng = np.random.default_rng(scene)
    top, bottom = rng.uniform(70, 215, (2, 3))
    ramp = np.linspace(0, 1, side)[:, None, None]
    slant = np.linspace(0, rng.uniform(-0.3, 0.3), side)[None, :, None]
    return np.asarray(np.clip(top + (bottom - top) * np.clip(ramp + slant, 0, 1), 0, 255), np.uint8)


def _dome(turn: Points, side: int, wide: float, high: float, low: float, back: float) -> NDArray[np.int32]:
    """The outline of hair or skull: an oval behind the face that turns with it."""
    at = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    drop = np.where(np.sin(at) > 0, low, high)
    ring = np.column_stack([np.cos(at) * wide, np.sin(at) * drop - 0.1, np.full_like(at, back)])
    return _ints(_project(ring, turn, side)[:, :2])


def _behind(canvas: Pixels, puppet: Puppet, turn: Points, points: Points, side: int) -> None:
    shade = _colour(np.array(puppet.skin) * 0.72)
    dark = _colour(np.array(puppet.hair) * 0.75)
    if puppet.style == 1:
        cv2.fillPoly(canvas, [_dome(turn, side, 0.52, 0.56, 0.78, 0.55)], dark, cv2.LINE_AA)
    chin, left, right = points[152, :2], points[172, :2], points[397, :2]
    wide = (right - left) * 0.42
    neck = np.array([chin - wide + (0, -0.12 * side), chin + wide + (0, -0.12 * side),
                     (chin[0] + wide[0] * 1.15, side), (chin[0] - wide[0] * 1.15, side)])  # fmt: skip
    cv2.fillPoly(canvas, [_ints(neck)], shade, cv2.LINE_AA)
    cloth = _colour(255 - np.array(puppet.hair) * 0.7 - (90, 60, 40))
    middle = (int(chin[0]), int(side * 1.1))
    cv2.ellipse(canvas, middle, (int(side * 0.42), int(side * 0.19)), 0, 0, 360, cloth, -1, cv2.LINE_AA)
    for ear in (234, 454):
        at = points[[ear]].mean(axis=0)
        centre = (int(at[0]), int(at[1] + 0.02 * side))
        cv2.ellipse(canvas, centre, (int(0.035 * side), int(0.075 * side)), 0, 0, 360, shade, -1, cv2.LINE_AA)
    skull = puppet.skin if puppet.style == 2 else puppet.hair
    cv2.fillPoly(canvas, [_dome(turn, side, 0.415, 0.53, 0.25, 0.4)], skull, cv2.LINE_AA)


def _skin(canvas: Pixels, puppet: Puppet, look: Look, points: Points, side: int) -> None:
    """Each triangle in the light that its slope gets, then smoothed inside the oval."""
    corners = points[_triangles()]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    normal *= -np.sign(normal[:, 2:] + 1e-12)
    towards = np.array([look.side * 0.75, -0.45, -1.0])
    lit = np.clip(normal @ (towards / np.linalg.norm(towards)), 0, 1)
    tones = np.clip(np.array(puppet.skin) * (0.5 + 0.12 * look.light + 0.5 * lit[:, None]), 0, 255)
    layer = np.empty_like(canvas)
    layer[:] = _colour(np.array(puppet.skin) * 0.85)
    for k in np.argsort(-corners[:, :, 2].mean(axis=1)):
        cv2.fillConvexPoly(layer, _ints(corners[k, :, :2]), [float(v) for v in tones[k]], cv2.LINE_8)
    layer = np.asarray(cv2.GaussianBlur(layer, (0, 0), side / 55), np.uint8)
    if puppet.beard:
        _beard(layer, puppet, points, side)
    oval = np.zeros(canvas.shape[:2], np.uint8)
    cv2.fillPoly(oval, [_ints(points[list(OVAL), :2])], 255, cv2.LINE_8)
    share = (cv2.GaussianBlur(oval, (0, 0), side / 240).astype(np.float32) / 255)[..., None]
    canvas[:] = np.rint(layer * share + canvas * (1 - share)).astype(np.uint8)


def _beard(layer: Pixels, puppet: Puppet, points: Points, side: int) -> None:
    jaw = list(OVAL[OVAL.index(454) + 2 : OVAL.index(234) - 1])
    area = np.vstack([points[jaw, :2], points[[205, 2, 425], :2]])
    soft = np.zeros(layer.shape[:2], np.float32)
    cv2.fillPoly(soft, [_ints(area)], puppet.beard, cv2.LINE_8)
    soft = np.asarray(cv2.GaussianBlur(soft, (0, 0), side / 45), np.float32)[..., None]
    layer[:] = np.rint(layer * (1 - soft) + np.array(puppet.hair) * soft).astype(np.uint8)


def _features(canvas: Pixels, puppet: Puppet, look: Look, points: Points, side: int) -> None:
    flat, dim = points[:, :2], 0.7 + 0.3 * look.light
    dark = _colour(np.array(puppet.skin) * 0.42)
    for k in range(puppet.freckles):
        a, b, c = flat[[50, 280, 4]]
        t = (np.sin(k * 12.9898) * 43758.5453) % 1
        spot = (a if k % 2 else b) * (0.55 + 0.45 * t) + c * (0.45 - 0.45 * t) + (0, (k % 5 - 3) * side * 0.013)
        cv2.circle(
            canvas, _int(spot), max(1, side // 170), _colour(np.array(puppet.skin) * (0.8, 0.66, 0.6)), -1, cv2.LINE_AA
        )
    for lower, upper in EYES:
        _eye(canvas, puppet, look, flat, list(lower), list(upper), side)
    for brow in _BROWS:
        ring = flat[list(brow)]
        middle = ring.mean(axis=0)
        thick = (ring - middle) * (1, 1 + puppet.brow) + middle
        cv2.fillPoly(canvas, [_ints(thick)], _colour(np.array(puppet.hair) * 0.85), cv2.LINE_AA)
    for wing in (98, 327):
        nostril = flat[wing] * 0.55 + flat[2] * 0.45 - (0, side * 0.004)
        cv2.ellipse(canvas, _int(nostril), (max(1, side // 70), max(1, side // 120)), 0, 0, 360, dark, -1, cv2.LINE_AA)
    cv2.fillPoly(canvas, [_ints(flat[list(_MOUTH)])], (70, 24, 28), cv2.LINE_AA)
    if look.open > 0.2:
        top = list(_MOUTH[1:10])
        teeth = np.vstack([flat[top], (flat[top] + (0, side * 0.018))[::-1]])
        cv2.fillPoly(canvas, [_ints(teeth)], _colour(np.array((236, 232, 224)) * dim), cv2.LINE_AA)
    for ring_, tone in ((_LIP_UPPER, 0.86), (_LIP_LOWER, 1.0)):
        cv2.fillPoly(canvas, [_ints(flat[list(ring_)])], _colour(np.array(puppet.lips) * tone * dim), cv2.LINE_AA)
    cv2.polylines(canvas, [_ints(flat[list(_MOUTH[:11])])], False, dark, max(1, side // 200), cv2.LINE_AA)


def _eye(
    canvas: Pixels, puppet: Puppet, look: Look, flat: Points, lower: list[int], upper: list[int], side: int
) -> None:
    ring = flat[lower + upper[::-1]]
    white = np.zeros(canvas.shape[:2], np.uint8)
    cv2.fillPoly(white, [_ints(ring)], 255, cv2.LINE_AA)
    inside = canvas.copy()
    inside[:] = _colour(np.array((240, 238, 234)) * (0.75 + 0.25 * look.light))
    wide = float(np.linalg.norm(flat[lower[0]] - flat[lower[-1]]))
    centre = (flat[lower[0]] + flat[lower[-1]]) / 2 + (look.gaze * wide * 0.2, -wide * 0.03)
    radius = wide * 0.235
    cv2.circle(inside, _int(centre), int(radius), puppet.iris, -1, cv2.LINE_AA)
    cv2.circle(inside, _int(centre), max(1, int(radius * 0.5)), (16, 14, 14), -1, cv2.LINE_AA)
    glint = centre + np.array([radius * 0.35 * np.sign(look.side or 1), -radius * 0.4])
    cv2.circle(inside, _int(glint), max(1, int(radius * 0.24)), (252, 252, 252), -1, cv2.LINE_AA)
    share = (white.astype(np.float32) / 255)[..., None]
    canvas[:] = np.rint(inside * share + canvas * (1 - share)).astype(np.uint8)
    lid = flat[[lower[0], *upper, lower[-1]]]
    cv2.polylines(canvas, [_ints(lid)], False, _colour(np.array(puppet.skin) * 0.3), max(1, side // 90), cv2.LINE_AA)


def _hair(canvas: Pixels, puppet: Puppet, points: Points, side: int) -> None:
    """The fringe: between the forehead's rim, drawn in a little, and the outline above."""
    if puppet.style == 2:
        return
    arc = [*OVAL[OVAL.index(162) :], *OVAL[: OVAL.index(389) + 1]]
    rim, middle = points[arc, :2], points[168, :2]
    t = np.linspace(-1, 1, len(arc))[:, None]
    inner = rim + (middle - rim) * (0.06 + 0.16 * (1 - t**2) * (1.1 + 0.5 * t if puppet.style else 0.75))
    outer = rim + (rim - middle) * 0.2 + (0, -0.015 * side)
    cv2.fillPoly(canvas, [_ints(np.vstack([inner, outer[::-1]]))], puppet.hair, cv2.LINE_AA)
    gloss = (inner + outer) / 2
    part = gloss[len(gloss) // 4 : len(gloss) // 2]
    cv2.polylines(canvas, [_ints(part)], False, _colour(np.array(puppet.hair) * 1.25 + 12), side // 60, cv2.LINE_AA)
    if puppet.style == 1:
        for arc_end, sign in ((0, -1), (-1, 1)):
            top, low = rim[arc_end], points[172 if sign < 0 else 397, :2]
            steps = np.array([[0, 0], [sign * 0.07, 0], [sign * 0.13, 0.16], [sign * 0.02, 0.17]]) * side
            strand = np.array([top + (middle - top) * 0.1, top, low, low]) + steps
            cv2.fillPoly(canvas, [_ints(strand)], puppet.hair, cv2.LINE_AA)


def _colour(values: NDArray[np.float64]) -> Colour:
    r, g, b = (int(v) for v in np.clip(np.rint(values), 0, 255))
    return r, g, b


def _ints(points: Points) -> NDArray[np.int32]:
    return np.asarray(np.rint(points), np.int32)


def _int(point: Points) -> tuple[int, int]:
    return round(float(point[0])), round(float(point[1]))
