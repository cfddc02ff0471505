"""What reading a picture has to do to it or leave out of it, in words for whoever reads the report."""

from __future__ import annotations

import re
from typing import BinaryIO

from PIL import Image

from zhenwei.media.formats import Format
from zhenwei.media.told import OVER_GREY, reduced_to_8_bits
from zhenwei.types import Text

_HEAD = 1 << 20
_TRANSFERS = {16: "PQ", 18: "HLG"}
MAIN_ONLY = Text("of several pictures in the file only the main one is examined", zh="文件含多幅画面，只检查主画面")
CUT_ANIMATION = Text("cut short: the file ends before its last picture does", zh="文件不完整：在最后一幅画面结束前中断")


def notes(image: Image.Image, rows: int, file: BinaryIO, form: Format) -> tuple[str, ...]:
    """Of a picture just opened, of which the file holds ``rows``. Decodes one that may be transparent: only its pixels
    tell whether it is."""
    found: list[str] = []
    if _is_transparent(image, rows):
        found.append(OVER_GREY)
    bits = _bits(image, file, form)
    if bits > 8:
        found.append(reduced_to_8_bits(bits))
    curve = _transfer(file, form)
    if curve:
        found.append(
            Text(
                f"high dynamic range ({curve}): examined as stored, without tone mapping, so that it looks pale",
                zh=f"高动态范围（{curve}）：按存储值检查，未做色调映射，因此显得偏灰",
            )
        )
    if getattr(image, "n_frames", 1) > 1 and image.format == "MPO":
        found.append(MAIN_ONLY)
    elif getattr(image, "n_frames", 1) > 1 and image.format == "TIFF":
        found.append(_one_page(image.tell() + 1))
    return tuple(found)


def _one_page(number: int) -> Text:
    if number == 1:
        return Text("only the first page is examined", zh="只检查第一页")
    return Text(
        f"only page {number}, the largest, is examined: the first is a reduced copy",
        zh=f"只检查最大的第 {number} 页：第一页是缩小的副本",
    )


def cut_short(image: Image.Image, rows: int) -> Text:
    """Of a picture of which ``rows`` could be decoded."""
    if rows < image.height:
        return Text(
            f"cut short: only the first {rows} of {image.height} rows are in the file, and only they are examined",
            zh=f"文件不完整：{image.height} 行中只有前 {rows} 行，仅检查这些行",
        )
    if image.info.get("progressive"):
        return Text("cut short: the picture may lack its finer detail", zh="文件不完整：画面可能缺少细节")
    return Text("cut short: the end mark is missing, but every row is there", zh="文件不完整：缺少结束标记，但各行齐全")


def _is_transparent(image: Image.Image, rows: int) -> bool:
    if not image.has_transparency_data:
        return False
    if rows < image.height:
        image = image.crop((0, 0, image.width, rows))
    if "A" in image.mode or "a" in image.mode:
        alpha = image.getchannel(len(image.getbands()) - 1)
    else:
        alpha = image.convert("RGBA").getchannel("A")
    least = alpha.getextrema()[0]
    return isinstance(least, int | float) and least < 255


def _bits(image: Image.Image, file: BinaryIO, form: Format) -> int:
    """How many bits a sample of the file has; 8 where it is not known to have more."""
    stated = image.info.get("bit_depth")  # as read by the HEIF and JPEG XL decoders
    if isinstance(stated, int):
        return stated
    if image.mode.startswith("I;16"):
        return 16
    if form.decoder == "TIFF":
        depths = getattr(image, "tag_v2", {}).get(258, (8,))
        return max(int(depth) for depth in (depths if isinstance(depths, tuple) else (depths,)))
    if image.mode in ("I", "F") and form.decoder != "PNG":
        return 16 if form.decoder in ("PPM", "JPEG2000") and image.mode == "I" else 32
    head = _head(file, _HEAD if form.decoder == "AVIF" else 65536)
    if form.decoder == "PNG":
        return head[24]
    if form.decoder == "AVIF":
        return _av1_bits(head)
    if form.decoder == "JPEG2000":
        return _j2k_bits(head)
    if form.decoder == "PPM":
        return _ppm_bits(head)
    return 8


def _av1_bits(head: bytes) -> int:
    """By the configuration of AV1 (its third byte: tier, high bit depth, twelve bit)."""
    at = head.find(b"av1C")
    flags = head[at + 6] if 0 <= at < len(head) - 6 else 0
    return (12 if flags & 0x20 else 10) if flags & 0x40 else 8


def _j2k_bits(head: bytes) -> int:
    """The largest depth of a component, by the SIZ segment."""
    at = head.find(b"\xff\x51")
    if at < 0 or len(head) < at + 40:
        return 8
    count = int.from_bytes(head[at + 38 : at + 40], "big")
    return max(((size & 0x7F) + 1 for size in head[at + 40 : at + 40 + 3 * count : 3]), default=8)


def _ppm_bits(head: bytes) -> int:
    """By the largest value, the third number of the header."""
    plain = re.sub(rb"#[^\n]*", b"", head[:1024])
    numbers = re.match(rb"P[2356]\s+\d+\s+\d+\s+(\d{1,5})\s", plain)
    return int(numbers[1]).bit_length() if numbers else 8


def _transfer(file: BinaryIO, form: Format) -> str:
    """The curve of high dynamic range that the file names, "" for none: cICP of PNG, nclx colours of AVIF and HEIF."""
    if form.decoder == "PNG":
        head = _head(file, 65536).split(b"IDAT", 1)[0]
        at = head.find(b"\0\0\0\x04cICP")
        return _TRANSFERS.get(head[at + 9], "") if 0 <= at < len(head) - 9 else ""
    if form.decoder in ("AVIF", "HEIF"):
        head = _head(file, _HEAD)
        at = head.find(b"colrnclx")
        return _TRANSFERS.get(int.from_bytes(head[at + 10 : at + 12], "big"), "") if at >= 0 else ""
    return ""


def _head(file: BinaryIO, size: int) -> bytes:
    """The first bytes; leaves the file where it stood, as a decoder reads on from there."""
    at = file.tell()
    file.seek(0)
    try:
        return file.read(size)
    finally:
        file.seek(at)
