"""Does a face do anything, or is a picture of it shown, moved, turned or enlarged?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zhenwei.faces.alignment import plain
from zhenwei.types import Face, Floats, Frame, Pixels, Track

_SIDE, _RIM, _CELL = 96, 8, 10  # px of the face looked at, at its edge left out, and of a cell
_PAIRS = 7
_APART_S = 0.35  # between two moments in which somebody who speaks or looks about has done something
_SMOOTH = 1.5  # px: coding noise goes, a mouth that opens stays
_LEAST = 0.13
"""Of the deviation within the face: how much one cell differs between two moments. Pairs over the whole clip: of 93
pictures held, moved, shaken, turned, enlarged or made noisy, H.264 at CRF 18 to 35, all but one (0.24; enlarged,
CRF 35) stay below 0.12; 83 genuine clips of up to 3 s reach 0.15 at the least, all but three 0.25."""

_BENT_SIDE, _BENT_RIM, _FEWEST = 128, 10, 4
_STIFF = 2.0  # px that the movement of neighbours is smoothed over
_MOST_LEFT = 0.08
"""Of the deviation within the face: what is left of it once one picture is bent into the other. 107 of 108 clips of
portraits that were made to speak, nod and look about by bending them stay below in every pair, H.264 at CRF 23 to 33;
83 genuine clips of up to 3 s are above it in some pair, but for 8."""


def does_nothing(frames: Sequence[Frame], track: Track) -> bool:
    """Whether every two moments spread over the track show the same face once one is laid over the other. A face that
    was seen once does nothing where there is one frame, and else nobody knows.

    ``frames``: those that ``Face.frame`` counts in.
    """
    if len(track.faces) < 2:
        return len(frames) < 2
    spread = np.linspace(0, len(track.faces) - 1, min(len(track.faces), _PAIRS + 1)).round().astype(int)
    before: Pixels | None = None
    for place in spread.tolist():
        face = track.faces[place]
        now = _seen(frames[face.frame], face)
        if before is not None and not _same(before, now):
            return False
        before = now
    return True


def hardly_moves(frames: Sequence[Frame], track: Track) -> bool:
    """Whether of moments that follow each other at least a third show the same face, though not all do: pictures that
    are shown one after another, faded, wiped or pushed (all of 39 clips of two), and people who sit still (9 of 83
    genuine clips of up to 3 s).

    ``frames``: those that ``Face.frame`` counts in.
    """
    places = np.linspace(0, max(0, len(track.faces) - 2), min(len(track.faces), _PAIRS)).round().astype(int)
    same = []
    for place in sorted(set(places.tolist())):
        face = track.faces[place]
        later = [each for each in track.faces[place + 1 :] if _seconds(frames, face, each) >= _APART_S]
        if later:
            same.append(_same(_seen(frames[face.frame], face), _seen(frames[later[0].frame], later[0])))
    return bool(same) and sum(same) >= len(same) / 3


def could_be_bent(frames: Sequence[Frame], track: Track) -> bool:
    """Whether one picture, bent smoothly, explains every moment that is looked at: a still that was made to nod, to
    look about or to open its mouth, in which nothing appears that it does not show.

    ``frames``: those that ``Face.frame`` counts in. Nobody knows of fewer than four sightings.
    """
    if len(track.faces) < _FEWEST:
        return False
    spread = np.linspace(0, len(track.faces) - 1, min(len(track.faces), _PAIRS + 1)).round().astype(int)
    before: Pixels | None = None
    for place in spread.tolist():
        face = track.faces[place]
        now = _seen(frames[face.frame], face, _BENT_SIDE)
        if before is not None and not _bent_into(before, now):
            return False
        before = now
    return True


def _seconds(frames: Sequence[Frame], one: Face, other: Face) -> float:
    return frames[other.frame].time_s - frames[one.frame].time_s


def clearest(track: Track) -> Face:
    """The largest and sharpest face of ``track``, which has one at least; the first of equals."""
    return max(track.faces, key=lambda face: (face.quality.face_px * min(face.quality.sharpness, 200.0), -face.frame))


def _seen(frame: Frame, face: Face, side: int = _SIDE) -> Pixels:
    import cv2

    return np.asarray(cv2.cvtColor(plain(frame, face, side), cv2.COLOR_RGB2GRAY), np.uint8)


def _same(one: Pixels, other: Pixels) -> bool:
    if np.array_equal(one, other):
        return True
    found = _laid_over(one, other)
    if found is None:
        return False
    first, laid, inside = found
    apart = np.where(inside, first - laid, 0.0) ** 2
    middle = apart[_RIM:-_RIM, _RIM:-_RIM]
    cells = middle.reshape(len(middle) // _CELL, _CELL, -1, _CELL).mean((1, 3))
    return float(np.sqrt(cells.max())) <= _LEAST


def _bent_into(one: Pixels, other: Pixels) -> bool:
    import cv2

    if np.array_equal(one, other):
        return True
    found = _laid_over(one, other)
    if found is None:
        return False
    first, laid, inside = found
    whole = np.where(inside, laid, 0.0).astype(np.float32)
    grey, moved = [np.asarray(np.clip(128 + 45 * each, 0, 255), np.uint8) for each in (first, whole)]
    follow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow = np.asarray(follow.calc(grey, moved, np.zeros((*one.shape, 2), np.float32)))
    flow = cv2.GaussianBlur(flow, (0, 0), _STIFF)  # what a picture is bent by is smooth
    rows, columns = np.mgrid[: len(one), : len(one)].astype(np.float32)
    to = (columns + flow[..., 0]).astype(np.float32), (rows + flow[..., 1]).astype(np.float32)
    bent = cv2.remap(whole, *to, cv2.INTER_LINEAR)
    inside = cv2.remap(inside.astype(np.float32), *to, cv2.INTER_LINEAR) > 0.99
    apart = np.where(inside, first - bent, 0.0)[_BENT_RIM:-_BENT_RIM, _BENT_RIM:-_BENT_RIM]
    return float(np.sqrt(np.square(apart).mean())) <= _MOST_LEFT


def _laid_over(
    one: Pixels, other: Pixels
) -> tuple[Floats, Floats, np.ndarray[tuple[int, ...], np.dtype[np.bool_]]] | None:
    """``other`` moved, turned and stretched as a whole onto ``one``, both levelled, and where there is something of
    both; None where nothing brings them together."""
    import cv2

    side = len(one)
    first, second = one.astype(np.float32), other.astype(np.float32)
    start = np.eye(2, 3, dtype=np.float32)
    until = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 1e-4)
    try:
        _, matrix = cv2.findTransformECC(
            first, second, start, cv2.MOTION_AFFINE, until, np.ones_like(one), gaussFiltSize=5
        )
    except cv2.error:  # nothing in it to go by, or no movement brings them together
        return None
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    laid = np.asarray(cv2.warpAffine(second, matrix, (side, side), flags=flags), np.float32)
    inside = np.asarray(cv2.warpAffine(np.ones_like(second), matrix, (side, side), flags=flags) > 0.99, np.bool_)
    if inside.mean() < 0.5:
        return None
    return _levelled(first, inside), _levelled(laid, inside), inside


def _levelled(levels: Floats, inside: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> Floats:
    """Smooth, of mean 0 and deviation 1: a lamp or a fade changes nothing that counts."""
    import cv2

    smooth = np.asarray(cv2.GaussianBlur(levels, (0, 0), _SMOOTH), np.float32)
    return np.asarray((smooth - smooth[inside].mean()) / max(float(smooth[inside].std()), 1e-3), np.float32)
