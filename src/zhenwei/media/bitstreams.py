"""Streams without a signature of their own: raw H.264 and HEVC from whatever unit they begin with, transport streams
from the middle of a packet, MP3 and AAC from the middle of a frame.

H.264 and HEVC in the byte-stream format (ITU-T H.264 and H.265, annex B) are units behind ``00 00 01``.
"""

from __future__ import annotations

import re

_START = re.compile(rb"\0\0+\x01")
_UNITS = re.compile(rb"\0\0\x01(..)", re.DOTALL)
_FEW_SLICES = 3  # without parameter sets in sight
_STRIDES = (188, 192, 204)  # plain, with a time stamp before (Blu-ray, AVCHD), with error correction after (broadcast)
_IN_A_ROW = 5
_FRAMES_IN_A_ROW, _FARTHEST = 4, 8192  # of bare sound: frames that follow each other, and where the first may begin


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
    images = sum(kind in slices for kind in kinds)
    return images > 0 and (parameters <= set(kinds) or images >= _FEW_SLICES)


def transport_start(head: bytes) -> tuple[int, int] | None:
    """(offset of the first whole packet, bytes from one to the next) of a transport stream; None if it is none."""
    for stride in _STRIDES:
        lead = 4 if stride == 192 else 0
        for offset in range(stride):
            in_a_row = 3 if offset == lead else _IN_A_ROW
            if _follow(head, offset, stride, in_a_row):
                return offset - lead if offset >= lead else offset - lead + stride, stride
    return None


def _follow(head: bytes, offset: int, stride: int, count: int) -> bool:
    places = range(offset, offset + count * stride, stride)
    return places[-1] + 3 < len(head) and all(head[at] == 0x47 and head[at + 3] & 0x30 for at in places)


_RATES_HZ = (44_100, 48_000, 32_000)
_LAYER_3 = (
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0),  # MPEG 1, kbit/s
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0),  # MPEG 2 and 2.5
)


def frame_bytes(head: bytes, codec: str) -> int:
    """The size in bytes that the frame header ``head`` tells of (ISO 11172-3, 2.4.1; 14496-3, 1.A.2.2); 0 if none."""
    if len(head) < 6 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return 0
    if codec == "aac":
        return ((head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5) if head[1] & 0xF6 == 0xF0 else 0
    version, layer, rate = head[1] >> 3 & 3, head[1] >> 1 & 3, head[2] >> 2 & 3
    if layer != 1 or version == 1 or rate == 3:
        return 0
    kilobits = _LAYER_3[0 if version == 3 else 1][head[2] >> 4]
    hertz = _RATES_HZ[rate] >> {3: 0, 2: 1, 0: 2}[version]
    return (144 if version == 3 else 72) * kilobits * 1000 // hertz + (head[2] >> 1 & 1) if kilobits else 0


def bare_audio(head: bytes) -> tuple[str, int] | None:
    """("mp3" or "aac", place of the first whole frame) where ``head`` holds one frame behind the other, else None."""
    at = head.find(b"\xff")
    while 0 <= at < _FARTHEST:
        for codec in ("aac", "mp3"):
            if _chained(head, at, codec):
                return codec, at
        at = head.find(b"\xff", at + 1)
    return None


def _chained(head: bytes, at: int, codec: str) -> bool:
    for _ in range(_FRAMES_IN_A_ROW):
        size = frame_bytes(head[at : at + 6], codec)
        if size < 7:
            return False
        at += size
    return at <= len(head)
