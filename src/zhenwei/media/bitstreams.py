"""Streams without a signature of their own: raw H.264 and HEVC from whatever unit they begin with, and transport
streams from the middle of a packet.

H.264 and HEVC in the byte-stream format (ITU-T H.264 and H.265, annex B) are units behind ``00 00 01``, which occurs
nowhere else in them. A file is one of the two if every unit in sight has a header that the standard allows and a
picture is among them, be the first a parameter set, SEI, a delimiter or a slice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_START = re.compile(rb"\0\0+\x01")
_UNITS = re.compile(rb"\0\0\x01(..)", re.DOTALL)
_FEW_SLICES = 3  # without parameter sets in sight
_STRIDES = (188, 192, 204)  # plain, with a time stamp before (Blu-ray, AVCHD), with error correction after (broadcast)
_IN_A_ROW = 5


def raw_video(head: bytes) -> str:
    """ "h264" or "hevc" if ``head`` is the beginning of such a stream, else ""."""
    if not _START.match(head):
        return ""
    units = [match.group(1) for match in _UNITS.finditer(head)]
    if _all_h264(units):
        return "h264"
    return "hevc" if _all_hevc(units) else ""


def _all_h264(units: list[bytes]) -> bool:
    kinds = []
    for first, _ in units:
        forbidden, importance, kind = first >> 7, first >> 5 & 3, first & 31
        if forbidden or kind in (0, 16, 17, 18) or kind > 21:
            return False
        if (kind in (5, 7, 8) and not importance) or (kind in (6, 9, 10, 11, 12) and importance):
            return False
        kinds.append(kind)
    return _plausible(kinds, {7, 8}, {1, 2, 5})


def _all_hevc(units: list[bytes]) -> bool:
    kinds = []
    for first, second in units:
        forbidden, kind, layer, temporal = first >> 7, first >> 1 & 63, (first & 1) << 5 | second >> 3, second & 7
        if (
            forbidden
            or not temporal
            or layer > 1
            or not (kind <= 9 or 16 <= kind <= 21 or 32 <= kind <= 40 or kind >= 62)
        ):
            return False
        kinds.append(kind)
    return _plausible(kinds, {33, 34}, {*range(10), *range(16, 22)})


def _plausible(kinds: list[int], parameters: set[int], slices: set[int]) -> bool:
    pictures = sum(kind in slices for kind in kinds)
    return pictures > 0 and (parameters <= set(kinds) or pictures >= _FEW_SLICES)


def transport_start(head: bytes) -> tuple[int, int] | None:
    """(offset of the first whole packet, bytes from one to the next) of an MPEG transport stream, None if it is none.

    Packets begin with 0x47 and say that they hold something. At the very start three in a row are enough, further on
    it takes five.
    """
    for stride in _STRIDES:
        lead = 4 if stride == 192 else 0
        for offset in _synchronous(head, stride):
            if offset == lead or _follow(head, offset, stride, _IN_A_ROW):
                return offset - lead if offset >= lead else offset - lead + stride, stride
    return None


def _synchronous(head: bytes, stride: int) -> Iterator[int]:
    return (offset for offset in range(stride) if _follow(head, offset, stride, 3))


def _follow(head: bytes, offset: int, stride: int, count: int) -> bool:
    places = range(offset, offset + count * stride, stride)
    return places[-1] + 3 < len(head) and all(head[at] == 0x47 and head[at + 3] & 0x30 for at in places)
