"""Marks in pictures and clips: put in, and read with what was done to the picture and to parts of it since."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

import cv2
import numpy as np
from numpy.typing import NDArray

from zhenwei.defence.watermark import blocks
from zhenwei.defence.watermark.carrier import (
    SIDE,
    SPREAD,
    VIDEO,
    Layout,
    Reals,
    canonical,
    coefficients,
    layout,
    projections,
    synthesised,
    whitened,
)
from zhenwei.defence.watermark.code import Soft, coded_length, decode, encode
from zhenwei.defence.watermark.grid import Grid, likely_grids
from zhenwei.errors import UnmarkedError, UsageError
from zhenwei.types import Floats, Pixels

ID_BYTES, CHECK_BITS = 8, 24
MIN_SIDE = 128
PSNR_DB = 45.12  # of all that is put in; of this the pattern and the blocks' own marks take a sixth
_BITS = coded_length(ID_BYTES, CHECK_BITS)
_PILOT, _PILOTS = 0.46, (0.3, 0.8)  # grey levels at the usual texture, and the range in which they follow it
_ROUNDS, _HALVINGS, _FIRMEST = 4, 12, 4.0
# Power of the local activity that the mark follows: where there is texture it is seen less and lasts longer.
_EVEN = 0.35
_COMPRESSIONS, _QUALITY, _LEARNS, _RANGE = 2, 28, 0.3, (0.75, 1.6)
_YIELDS, _USUAL, _PSNR_RANGE = 0.45, 0.64, (42.0, 48.0)
_LOUDER_DB, _SURE = (0.0, 2.0, 4.0, 7.0), 0.93  # tried in turn; share of hidden bits that must be right at once
_SEARCHED = 3  # frames of a clip in which the grid is looked for


@dataclass(frozen=True, slots=True, eq=False)
class ImageMark:
    """``ident``: 8 bytes. ``agreement``: share of the hidden bits that were read as they were written, 0.5 to 1.
    ``transform``: what was done to the whole picture, in words. ``altered`` ``(16, 16)``: blocks that lost their mark
    while the rest kept it; None where that cannot be told. ``intact``: True = every block is as it was marked, False =
    part of the picture was replaced since, None = cannot be told after this much compression or scaling."""

    ident: bytes
    agreement: float
    transform: str = "as it is"
    altered: NDArray[np.bool_] | None = None
    intact: bool | None = None

    @property
    def altered_share(self) -> float:
        return float(self.altered.mean()) if self.altered is not None else 0.0


def mark_image(pixels: Pixels, ident: bytes, key: bytes) -> Pixels:
    """``pixels`` ``(height, width, 3)`` uint8 RGB with ``ident`` (8 bytes) hidden in them, at a PSNR of about 45 dB; of
    pictures so busy that the mark cannot be read back at once, at less.

    Raises UsageError if ``ident`` is not 8 bytes or ``pixels`` no picture, DataError if a side is below 128 px.
    """
    _check(pixels, ident)
    height, width = pixels.shape[:2]
    luma, code, marked = canonical(pixels), encode(ident, CHECK_BITS), pixels
    for louder_db in _LOUDER_DB:
        change = _change(luma, code, key, louder_db)
        large = cv2.resize(change, (width, height), interpolation=cv2.INTER_CUBIC)
        grey = np.rint(large).astype(np.int16)
        marked = np.asarray(cv2.add(pixels, cv2.merge([grey, grey, grey]), dtype=cv2.CV_8U), np.uint8)
        found = read_image(marked, key, search=False)
        if found is not None and found.agreement >= _SURE:
            break
    return marked


def read_image(pixels: Pixels, key: bytes, *, search: bool = True) -> ImageMark | None:
    """The mark of ``key`` in ``pixels``, or None. ``search``: also where the picture was cut, scaled unevenly or
    turned, which takes a quarter of a second for a picture without a mark."""
    return read_frames([pixels], key, search=search)


def mark_frames(frames: Iterable[Pixels], ident: bytes, key: bytes) -> Iterator[Pixels]:
    """Each frame marked alike; errors as in :func:`mark_picture`."""
    return (mark_image(frame, ident, key) for frame in frames)


def read_frames(frames: Iterable[Pixels], key: bytes, *, search: bool = True) -> ImageMark | None:
    """The mark that the frames carry together: what each says of every bit is added up before it is decided."""
    large = [(canonical(p), p.shape[1] / p.shape[0]) for p in frames if min(p.shape[:2]) >= MIN_SIDE // 2]
    seen = [luma for luma, _ in large]
    plan = layout(key, _BITS)
    searched = chain.from_iterable(likely_grids(luma, plan, aspect) for luma, aspect in large[:_SEARCHED])
    if not search:
        searched = chain()
    for grid in chain((Grid(), Grid(mirrored=True)), searched):
        found = _read_at(seen, grid, key, plan)
        if found is not None:
            return found
    return None


def _read_at(seen: list[Floats], grid: Grid, key: bytes, plan: Layout) -> ImageMark | None:
    if not seen:
        return None
    restored = [grid.restored(luma)[0] for luma in seen]
    found = [whitened(coefficients(luma)) for luma in restored]
    soft = np.sum([projections(each, plan) for each in found], axis=0)
    size = float(np.sqrt((soft**2).mean()))
    if size <= 0:
        return None
    ident, right = decode(soft / size, ID_BYTES, CHECK_BITS)
    if not right:
        return None
    code = encode(ident, CHECK_BITS)
    agreement = float((soft * code > 0).mean())
    if grid.width < 1 or grid.height < 1 or grid.angle_deg:
        return ImageMark(ident, agreement, grid.said())
    altered, intact = blocks.judged(restored, key)
    return ImageMark(ident, agreement, grid.said(), altered, intact)


def _check(pixels: Pixels, ident: bytes) -> None:
    if len(ident) != ID_BYTES:
        raise UsageError("this is no identifier", got=f"{len(ident)} bytes", want=f"{ID_BYTES} bytes")
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8:
        raise UsageError("this is no picture", got=f"{pixels.dtype} {pixels.shape}", want="uint8 (height, width, 3)")
    if min(pixels.shape[:2]) < MIN_SIDE:
        got = f"{pixels.shape[1]} x {pixels.shape[0]}"
        raise UnmarkedError("this picture is too small for a mark", got=got, want=f"sides of {MIN_SIDE} px and more")


def _change(luma: Floats, code: Soft, key: bytes, louder_db: float) -> Floats:
    """The change of a canonical luma: the pattern, the blocks' own marks, and the hidden bits as firm as may be after a
    trial JPEG, for which the bits that it would weaken are wanted stronger."""
    plan = layout(key, _BITS)
    strength = np.minimum(np.abs(coefficients(luma) / SPREAD), 2.0)
    texture = max(1e-3, float(np.mean(strength))) / _USUAL  # where there is much, more is hidden, and more is drowned
    pattern = plan.pilot * np.float32(np.clip(_PILOT * texture, *_PILOTS))
    found = coefficients(luma + pattern)
    psnr_db = float(np.clip(PSNR_DB - _YIELDS * 20 * np.log10(texture), *_PSNR_RANGE)) - louder_db
    allowed = SIDE * SIDE * 255.0**2 / 10 ** (psnr_db / 10) - float((pattern**2).sum()) - blocks.ENERGY
    wanted = np.ones(_BITS)
    made = pattern
    for trial in range(_COMPRESSIONS + 1):
        made = pattern + synthesised(_firmest(found, code, wanted, plan, allowed).reshape(found.shape))
        if trial < _COMPRESSIONS:
            left = code * projections(whitened(coefficients(_compressed(luma + made))), plan)
            wanted = np.clip(wanted + _LEARNS * (1 - left / max(float(left.mean()), 1e-6)), *_RANGE)
    return np.asarray(made + blocks.change(luma + made, key), np.float32)


def _compressed(luma: Floats) -> Floats:
    grey = np.clip(np.rint(luma), 0, 255).astype(np.uint8)
    _, data = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.float32)


def _firmest(found: Reals, code: Soft, wanted: Reals, plan: Layout, allowed: float) -> Reals:
    """The change of coefficients that brings every bit as far as is in proportion to ``wanted``, within ``allowed``."""
    weak, firm = 0.0, _FIRMEST
    for _ in range(_HALVINGS):
        middle = (weak + firm) / 2
        if float((_pushed(found, code, middle * wanted, plan) ** 2).sum()) > allowed:
            firm = middle
        else:
            weak = middle
    return _pushed(found, code, weak * wanted, plan)


def _pushed(found: Reals, code: Soft, wanted: Reals, plan: Layout) -> Reals:
    """The change of each coefficient ``(16 * 16 * 22,)`` that brings every bit's projection to ``wanted`` on its side.
    In a few rounds, as clipped coefficients are let be."""
    spread = np.broadcast_to(SPREAD, found.shape).ravel()
    activity = _activity(found)
    change = np.zeros(found.size)
    root = np.sqrt(plan.places.shape[1])
    for _ in range(_ROUNDS):
        now = (found.ravel() + change) / spread
        lacking = np.maximum(0.0, wanted - code * (np.clip(now, -VIDEO, VIDEO)[plan.places] * plan.signs).sum(1) / root)
        share = (activity * (np.abs(now) < VIDEO))[plan.places]
        reach = np.maximum((share / spread[plan.places]).sum(axis=1), 1e-9)
        change[plan.places] += share * plan.signs * (lacking * code * root / reach)[:, None]
    return change


def _activity(found: Reals) -> Reals:
    strength = np.sqrt((np.clip(found / SPREAD, -2, 2) ** 2).mean(axis=-1)).astype(np.float32)
    smooth = cv2.GaussianBlur(strength, (0, 0), 0.7)
    relative = np.clip(smooth / max(float(smooth.mean()), 1e-6), 0.3, 3.0) ** _EVEN
    return np.broadcast_to(relative[..., None], found.shape).ravel().astype(np.float64)
