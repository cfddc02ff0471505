"""Faces of one picture, large and small: looked for from afar and in tiles, confirmed from close by and by the mesh."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from zhenwei.faces import blazeface, mesh
from zhenwei.faces.blazeface import FULL_RANGE, SHORT_RANGE, Candidate, SquareView
from zhenwei.faces.quality import measure
from zhenwei.types import Box, Face, Floats, Frame, Pixels

_LEAST = 0.5  # confidence of a candidate seen from afar
_MIN_CLOSE = 0.4  # ... and from close by, where the mesh decides
_ZOOM = 1.6  # the close view, in sides of the box: what the short range is most sure of
_CROP_RATIO = 1.6  # longer to shorter side up to which a picture may be a crop of a face
_PADDINGS = (0.25, 0.5)  # border repeated around a picture that may be a tight crop, in shares of its longer side
# Support for a face = logit of the mesh + 8 (confidence from close by - 0.6). Of portraits 99 % lie above 8; of what is
# no face in 46 pictures (scenes, textures, microscopy, a cat), seen through 1,500 tiles, the highest reached 3.0.
_MIN_SUPPORT = 3.5
_MIN_SUPPORT_TILE = 5.0  # many tiles are many chances to be wrong
_MIN_MESH = 0.0  # logit below which the mesh's points are not to be used
_SURE, _SURE_FLAG = 0.87, -5.0  # profiles: the mesh doubts half of them, so both looks of BlazeFace have to be sure
_TIGHT = 0.8  # share of the picture's width and height that the box of a tight crop takes up
_CONVINCING, _CLEAR = 0.65, 0.8
_SMALLEST_IMAGE = 16
_ABOUT = 0.8  # a box from afar may be this much smaller than the face turns out to be
_SAME_PLACE = 0.25
_VISIBLE = 0.4  # share of the box that has to lie in the picture
_MAX_FACES = 64
_TILE_FACES = 8  # the short range finds a face of an eighth of its view
_MIN_TILE = 64
_TILE_STEP = 0.75
_NESTED = 0.6  # share of the smaller box inside the larger from which both are one face
MAX_TILES = 320
MAX_TILES_MOVING = 24


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """A face, the support for it being one, and whether it took tiles to find it."""

    face: Face
    support: float
    by_tile: bool


def detect(pixels: Pixels, *, minimum_px: int = 24) -> tuple[Face, ...]:
    """The faces of a picture, ``(height, width, 3)`` uint8 RGB, the most prominent first; () if there is none.

    ``minimum_px``: shorter side of the smallest box wanted. ``Face.frame`` and ``time_s`` are 0. A picture that is
    itself a crop of a face is recognised: its face is ``tight``, and its box may reach beyond the picture.
    """
    return tuple(s.face for s in sight(Frame(0, 0.0, pixels), minimum_px, tiles=MAX_TILES))


def sight(frame: Frame, minimum_px: int, tiles: int, enough: int = 0) -> list[Sighting]:
    """As :func:`detect`; at most ``tiles`` tiles are looked at, 0 for none.

    ``enough`` > 0: if the short range alone is sure of that many faces, the full range, which costs four times as much,
    is not asked.
    """
    pixels = frame.pixels
    if min(pixels.shape[:2]) < max(_SMALLEST_IMAGE, minimum_px):
        return []
    afar = _from_afar(pixels, enough)
    candidates = list(afar)
    for found in blazeface.look(SHORT_RANGE, list(_tiles(pixels, minimum_px, tiles)), _LEAST):
        candidates += found
    kept = [c for c in blazeface.merged(candidates) if _worth_a_look(c.box, pixels, minimum_px)][:_MAX_FACES]
    sightings = [s for s in _confirmed(frame, kept, afar) if s.face.quality.face_px >= minimum_px]
    return _distinct(sightings)


def _from_afar(pixels: Pixels, enough: int) -> list[Candidate]:
    """What both networks see in the whole picture; if nothing convincing or a face that fills it, padded as well."""
    found = blazeface.look(SHORT_RANGE, [blazeface.whole(pixels)], _LEAST)[0]
    if not 0 < enough <= sum(c.confidence >= _CLEAR for c in found):
        found += blazeface.look(FULL_RANGE, [blazeface.whole(pixels)], _LEAST)[0]
    height, width = pixels.shape[:2]
    if any(c.confidence >= _CONVINCING and not _fills(c.box, width, height, _TIGHT) for c in found):
        return blazeface.merged(found)
    for padding in _PADDINGS if max(height, width) <= _CROP_RATIO * min(height, width) else ():
        view = blazeface.whole(pixels, padding)
        found += blazeface.look(SHORT_RANGE, [view], _LEAST)[0] + blazeface.look(FULL_RANGE, [view], _LEAST)[0]
        if any(c.confidence >= _CONVINCING for c in found):
            break
    return blazeface.merged(found)


def _tiles(pixels: Pixels, minimum_px: int, most: int) -> Iterator[SquareView]:
    """Overlapping squares, half as long at each level, down to those in which a face of ``minimum_px`` is found."""
    height, width = pixels.shape[:2]
    side = min(max(height, width) // 2, height, width)
    enough = max(_MIN_TILE, _TILE_FACES * minimum_px)
    larger = max(height, width)  # the view that was last looked at
    while larger > enough:
        rows, columns = _starts(height, side), _starts(width, side)
        most -= len(rows) * len(columns)
        if most < 0:
            return
        for y in rows:
            for x in columns:
                yield SquareView(pixels, x, y, side)
        larger, side = side, side // 2


def _starts(length: int, side: int) -> list[int]:
    steps = math.ceil(max(0, length - side) / (side * _TILE_STEP))
    return [round(i * (length - side) / steps) for i in range(steps + 1)] if steps else [0]


def _confirmed(frame: Frame, candidates: Sequence[Candidate], afar: Sequence[Candidate]) -> Iterator[Sighting]:
    """Each candidate as seen from close by, if it still is one there and the mesh agrees."""
    views = [blazeface.close(frame.pixels, c.box, _ZOOM) for c in candidates]
    looks = blazeface.look(SHORT_RANGE, views, _MIN_CLOSE)
    closer, before = [], []
    for candidate, seen in zip(candidates, looks, strict=True):
        near = _nearest(candidate, seen)
        if near is not None:
            closer.append(near)
            before.append(candidate)
    meshes = mesh.place(frame.pixels, closer)
    for near, far, (points, flag) in zip(closer, before, meshes, strict=True):
        by_tile = all(c.box.overlap(near.box) < _SAME_PLACE for c in afar)
        support = flag + 8 * (near.confidence - 0.6)
        sure = flag >= _SURE_FLAG and min(near.confidence, far.confidence) >= _SURE
        if sure or support >= (_MIN_SUPPORT_TILE if by_tile else _MIN_SUPPORT):
            yield Sighting(_face(frame, near, points if flag >= _MIN_MESH else None), support, by_tile)


def _worth_a_look(box: Box, pixels: Pixels, minimum_px: int) -> bool:
    across = min(box.right, pixels.shape[1]) - max(box.left, 0)
    down = min(box.bottom, pixels.shape[0]) - max(box.top, 0)
    visible = across > 0 and down > 0 and across * down >= _VISIBLE * box.area
    return visible and min(box.width, box.height) >= minimum_px * _ABOUT


def _face(frame: Frame, candidate: Candidate, landmarks: Floats | None) -> Face:
    height, width = frame.pixels.shape[:2]
    return Face(
        frame=frame.index,
        time_s=frame.time_s,
        box=candidate.box,
        confidence=candidate.confidence,
        keypoints=candidate.keypoints,
        quality=measure(frame.pixels, candidate.box, landmarks),
        landmarks=landmarks,
        tight=_fills(candidate.box, width, height, _TIGHT),
    )


def _nearest(candidate: Candidate, seen: Sequence[Candidate]) -> Candidate | None:
    """The face that a close view was made for; None if something else, or nothing, was seen there."""
    best = max(seen, key=lambda s: s.box.overlap(candidate.box) * s.confidence, default=None)
    return best if best is not None and best.box.overlap(candidate.box) > _SAME_PLACE else None


def _distinct(sightings: Sequence[Sighting]) -> list[Sighting]:
    """The most prominent first; of boxes that lie in one another, only the one with the most support."""
    kept: list[Sighting] = []
    for sighting in sorted(sightings, key=lambda s: -s.support):
        if not any(_inside(sighting.face.box, other.face.box) for other in kept):
            kept.append(sighting)
    return sorted(kept, key=lambda s: (-s.face.box.area, s.face.box.left))


def _inside(a: Box, b: Box) -> bool:
    width = min(a.right, b.right) - max(a.left, b.left)
    height = min(a.bottom, b.bottom) - max(a.top, b.top)
    return width > 0 and height > 0 and width * height > _NESTED * min(a.area, b.area)


def _fills(box: Box, width: int, height: int, share: float) -> bool:
    across = min(box.right, width) - max(box.left, 0)
    down = min(box.bottom, height) - max(box.top, 0)
    return bool(across >= share * width and down >= share * height)
