"""A decoded video frame as a standard screen shows it: upright, with square pixels, in standard range and BT.709.

High dynamic range (ITU-R BT.2100: PQ or HLG) is brought down by the curve of BT.2390, section 5.4.1: what is darker
than about 88 cd/m² stays, and 1000 cd/m² becomes 203 cd/m², the white of standard range in BT.2408. The curve is laid
over the largest of the three channels. Wide gamuts are clipped to BT.709 in linear light; the screen is BT.1886's.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from zhenwei.media.containers import exact, orientation
from zhenwei.media.images import frozen
from zhenwei.media.upright import Window, inside, reduced_size, stored_upright, upright_part, upright_pixels
from zhenwei.types import Floats, Pixels

PEAK, WHITE = 1000.0, 203.0  # cd/m²: the brightest that is told apart, and what becomes white
_GAMMA = 2.4
_WIDEST = 8  # pixel ratios beyond this or its inverse come from damage
PQ, HLG = 16, 18  # code points of ITU-T H.273
CURVES = {PQ: "PQ, SMPTE ST 2084", HLG: "HLG, ARIB STD-B67"}
PRIMARIES = {9: "BT.2020", 12: "Display P3"}
# Linear light to BT.709, from the chromaticities in BT.2087 and SMPTE EG 432-1, both with the white of D65.
_TO_709 = {
    9: ((1.660491, -0.587641, -0.072850), (-0.124550, 1.132900, -0.008349), (-0.018151, -0.100579, 1.118730)),
    12: ((1.224940, -0.224940, 0.0), (-0.042057, 1.042057, 0.0), (-0.019638, -0.078636, 1.098274)),
}
_LUMA_2020 = np.array([0.2627, 0.6780, 0.0593], np.float32)
Deep = NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True, slots=True)
class ColourSpace:
    """What a frame needs beyond being upright. ``curve``, ``primaries``: code points of ITU-T H.273, 0 = standard."""

    curve: int = 0
    primaries: int = 0

    @property
    def standard(self) -> bool:
        return not self.curve and not self.primaries


def colour_space(frame: VideoFrame) -> ColourSpace:
    curve, primaries = int(frame.color_trc), int(frame.color_primaries)
    return ColourSpace(curve if curve in CURVES else 0, primaries if primaries in PRIMARIES else 0)


def pixel_ratio(stream: VideoStream) -> Fraction:
    """Width of a pixel by its height, 1 where it is not told; not checked for sense."""
    return exact(stream.sample_aspect_ratio) or Fraction(1)


def sensible(ratio: Fraction) -> bool:
    return Fraction(1, _WIDEST) <= ratio <= _WIDEST


def square_size(width: int, height: int, ratio: Fraction) -> tuple[int, int]:
    """(width, height) with square pixels: the rows stay, the columns become more or fewer."""
    return (max(1, round(width * ratio)), height) if sensible(ratio) else (width, height)


def shown_pixels(frame: VideoFrame, max_side: int, converter: VideoReformatter, ratio: Fraction) -> Pixels:
    """``(height, width, 3)`` uint8 RGB, contiguous and read-only; the longer side is at most ``max_side``."""
    size, how = _target(frame, max_side, ratio), colour_space(frame)
    if how.standard and size == reduced_size(frame.width, frame.height, max_side):
        return upright_pixels(frame, max_side, converter)
    return frozen(_standard(_resized(frame, size, converter, how), how))


def shown_part(
    frame: VideoFrame, max_side: int, converter: VideoReformatter, ratio: Fraction, window: Window
) -> Pixels:
    """The part of ``shown_pixels`` inside ``window``, bit for bit; what lies beyond the frame is left out."""
    size, how = _target(frame, max_side, ratio), colour_space(frame)
    width, height = size[::-1] if orientation(frame).swap else size
    left, top, right, bottom = inside(window, width, height)
    if how.standard and size == reduced_size(frame.width, frame.height, max_side):
        # Even edges: planes of half the size keep their ratio to the frame, and with it every pixel its value.
        outer = left, top, right + right % 2, bottom + bottom % 2
        part = upright_part(frame, max_side, converter, outer)
        return frozen(np.ascontiguousarray(part[: bottom - top, : right - left]))
    return frozen(_standard(_resized(frame, size, converter, how)[top:bottom, left:right], how))


def _target(frame: VideoFrame, max_side: int, ratio: Fraction) -> tuple[int, int]:
    return reduced_size(*square_size(frame.width, frame.height, ratio), max_side)


def _resized(frame: VideoFrame, size: tuple[int, int], converter: VideoReformatter, how: ColourSpace) -> Deep:
    """``(height, width, 3)`` upright and as stored: of 8 bits in standard range, else of 16."""
    smaller = size[0] <= frame.width and size[1] <= frame.height
    way = Interpolation.AREA if smaller else Interpolation.BICUBIC
    return stored_upright(frame, size, converter, way, ("rgb24", "rgba") if how.standard else ("rgb48le", "rgba64le"))


def _standard(samples: Deep, how: ColourSpace) -> Pixels:
    """8-bit samples as they are; 16-bit ones brought to standard range and gamut."""
    if how.standard:
        return np.ascontiguousarray(samples, np.uint8)
    if how.curve == PQ:
        linear = _toned(_pq_table()[samples])
    else:
        linear = _hlg(samples) if how.curve == HLG else _gamma_table()[samples]
    if how.primaries:
        linear = linear @ np.asarray(_TO_709[how.primaries], np.float32).T
    return _code_table()[np.rint(np.clip(linear, 0, 1) * 65535).astype(np.uint16)]


def _hlg(samples: Deep) -> Floats:
    """The light of a screen of 1000 cd/m²: system gamma 1.2 over the luminance of the scene (BT.2100, table 5)."""
    scene = _hlg_table()[samples]
    return _toned(scene * (PEAK * np.power(scene @ _LUMA_2020, 0.2, dtype=np.float32))[..., None])


def _toned(light: Floats) -> Floats:
    """cd/m² to shares of white, by the gain of the largest channel."""
    nits, gains = _gains()
    gain = np.interp(light.max(axis=-1), nits, gains).astype(np.float32)
    return np.asarray(light * gain[..., None], np.float32)


@cache
def _gains() -> tuple[Floats, Floats]:
    codes = np.linspace(0, 1, 2049)
    nits = pq_light(codes)
    toned = tone_curve(nits)
    gains = np.divide(toned, nits, out=np.ones_like(nits), where=nits > 0) / WHITE
    return nits.astype(np.float32), gains.astype(np.float32)


def tone_curve(nits: NDArray[np.float64]) -> NDArray[np.float64]:
    """cd/m² of the source to cd/m² within ``WHITE``: the EETF of BT.2390 for a source of up to ``PEAK``, black to
    black."""
    top = pq_code(np.array(PEAK))
    most = pq_code(np.array(WHITE)) / top
    knee = 1.5 * most - 0.5
    code = np.minimum(pq_code(nits) / top, 1.0)
    t = np.clip((code - knee) / (1 - knee), 0, 1)
    spline = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (-2 * t**3 + 3 * t**2) * most
    return pq_light(np.where(code < knee, code, spline) * top)


_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32


def pq_light(code: NDArray[np.float64]) -> NDArray[np.float64]:
    """cd/m² of PQ codes in [0, 1] (SMPTE ST 2084)."""
    root = np.power(code, 1 / _M2)
    return np.asarray(10_000 * np.power(np.maximum(root - _C1, 0) / (_C2 - _C3 * root), 1 / _M1))


def pq_code(nits: NDArray[np.float64]) -> NDArray[np.float64]:
    """The inverse of :func:`pq_light`."""
    power = np.power(np.asarray(nits) / 10_000, _M1)
    return np.asarray(np.power((_C1 + _C2 * power) / (1 + _C3 * power), _M2))


@cache
def _pq_table() -> Floats:
    return pq_light(np.arange(65536) / 65535).astype(np.float32)


@cache
def _hlg_table() -> Floats:
    """Scene light in [0, 1] of HLG codes (ARIB STD-B67)."""
    code = np.arange(65536) / 65535
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12).astype(np.float32)


@cache
def _gamma_table() -> Floats:
    return ((np.arange(65536) / 65535) ** _GAMMA).astype(np.float32)


@cache
def _code_table() -> Pixels:
    return np.rint(255 * (np.arange(65536) / 65535) ** (1 / _GAMMA)).astype(np.uint8)
