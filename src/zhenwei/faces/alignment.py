"""From a face in a frame to what a network is fed. The one place that decides what part of the picture that is."""

from __future__ import annotations

import numpy as np

from zhenwei.errors import UsageError
from zhenwei.faces.sampling import part
from zhenwei.types import Box, Face, Floats, Frame, InputContract, Pixels

_OWN_FRAME = 0.1  # how far the box of a tight crop may lie from the picture's edge and still stand for the picture
_PORTRAIT_MARGIN = 0.35


def region(frame: Frame, face: Face, contract: InputContract) -> Box:
    """The square that :func:`cut` shows, in whole pixels of the frame; it may reach beyond the frame.

    It is the face's box grown by ``contract.margin``, made square about its centre. Where the picture is a tight crop
    and the box is the picture to within a tenth, the picture's own edges are the box, so that such a crop is shown as
    it is.
    """
    return _region(frame, face, contract.margin)


def cut(frame: Frame, face: Face, contract: InputContract) -> Pixels | None:
    """The face as ``contract`` wants it, ``(size_px, size_px, 3)`` uint8 RGB; None if smaller than ``min_face_px``.

    Beyond the frame its border is repeated. Shrinking averages over areas, enlarging is bilinear; neither happens, and
    the pixels are those of the frame, where the region already has that size.
    """
    if face.quality.face_px < contract.min_face_px:
        return None
    return _shown(frame, region(frame, face, contract), contract.size_px)


def portrait(frame: Frame, face: Face, size_px: int) -> Pixels:
    """The face with some of what is around it, for people to look at: ``(size_px, size_px, 3)`` uint8 RGB."""
    return _shown(frame, _region(frame, face, 0.0 if face.tight else _PORTRAIT_MARGIN), size_px)


def plain(frame: Frame, face: Face, size_px: int) -> Pixels:
    """The face's own square and nothing around it: ``(size_px, size_px, 3)`` uint8 RGB."""
    return _shown(frame, _region(frame, face, 0.0), size_px)


def normalise(pixels: Pixels, contract: InputContract) -> Floats:
    """``(n, size, size, 3)`` uint8 to ``(n, 3, size, size)`` float32: ``(value / 255 - mean) / deviation``.

    Raises :class:`UsageError` for another shape or type.
    """
    size = contract.size_px
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[1:] != (size, size, 3):
        got = f"{pixels.dtype} {pixels.shape}"
        raise UsageError("these are not faces cut to the contract", got=got, want=f"uint8 (n, {size}, {size}, 3)")
    scaled = pixels.astype(np.float32) / np.float32(255)
    scaled = (scaled - np.float32(contract.mean)) / np.float32(contract.deviation)
    return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))


def _region(frame: Frame, face: Face, margin: float) -> Box:
    height, width = frame.pixels.shape[:2]
    box = face.box
    across, down = _OWN_FRAME * width, _OWN_FRAME * height
    sides = (abs(box.left) <= across, abs(box.right - width) <= across)
    if face.tight and all(sides) and abs(box.top) <= down and abs(box.bottom - height) <= down:
        box = Box(0, 0, width, height)  # the picture is a crop of this face
    grown = box.expanded(margin)
    side = max(1, round(max(grown.width, grown.height)))
    left = round((grown.left + grown.right - side) / 2)
    top = round((grown.top + grown.bottom - side) / 2)
    return Box(left, top, left + side, top + side)


def _shown(frame: Frame, square: Box, size_px: int) -> Pixels:
    import cv2

    shown = part(frame.pixels, int(square.left), int(square.top), int(square.right), int(square.bottom))
    if shown.shape[0] == size_px:
        return np.array(shown, np.uint8)
    method = cv2.INTER_AREA if shown.shape[0] > size_px else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(shown, (size_px, size_px), interpolation=method), np.uint8)
