"""Pictures that Pillow does not read by itself: HEIF through pi-heif, JPEG XL, and the previews in camera raw files.

pi-heif bundles decoders only (libheif and libde265, LGPL); pillow-heif would bring the encoder x265, which is GPL.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import BinaryIO

from PIL import Image

from zhenwei.errors import MediaError
from zhenwei.media import jpegxl, raws
from zhenwei.media.formats import BROKEN, Format
from zhenwei.media.image_notes import MAIN_ONLY
from zhenwei.media.sources import too_large
from zhenwei.types import Text

MAKE = 0x010F
DECODERS = ("HEIF", "JXL", "RAW")
_DNG, _SUB_IFDS = 0xC612, 0x014A
_FINISHED = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB")
_MAX_PAGES = 64
_STILL_ONLY = Text("of a moving picture only the still one is examined", zh="动态画面只检查其中的静态图")
Opened = tuple[Image.Image, tuple[str, ...]]


def opened(file: BinaryIO, form: Format, name: str, check: Callable[[tuple[int, int]], None]) -> Opened:
    """The picture behind ``file`` and what of it is left out. ``check`` refuses a size before anything is decoded.

    Raises what decoders raise, and MediaError."""
    if form.decoder == "HEIF":
        return _heif(file, name)
    if form.decoder == "JXL":
        return _jpeg_xl(file, name, check)
    return required_preview(file, name)


def _heif(file: BinaryIO, name: str) -> Opened:
    from pi_heif import HeifImageFile

    size_bytes = os.fstat(file.fileno()).st_size
    if size_bytes > jpegxl.MAX_BYTES:
        raise too_large(name, size_bytes, jpegxl.MAX_BYTES)
    moving = b"moov" in file.read(1 << 16)
    file.seek(0)
    image: Image.Image = HeifImageFile(file)
    if moving:
        return image, (_STILL_ONLY,)
    return image, (MAIN_ONLY,) if getattr(image, "n_frames", 1) > 1 else ()


def _jpeg_xl(file: BinaryIO, name: str, check: Callable[[tuple[int, int]], None]) -> Opened:
    head, data, info = jpegxl.read(file, name)
    check((head.width, head.height))
    image = jpegxl.decoded(data, head.bits, name)
    image.info.update(info, bit_depth=head.bits)
    image.format = "JXL"
    return image, (_STILL_ONLY,) if head.animated else ()


def is_camera_raw(image: Image.Image) -> bool:
    """Camera raw files are TIFF files whose first page is a thumbnail or unfinished sensor data."""
    exif = image.getexif()
    return _DNG in exif or exif.get(0x00FE) == 1


def turns_to_larger_page(image: Image.Image) -> bool:
    """Whether a TIFF whose first page is a reduced copy holds a larger finished one among its pages, shown from now on.
    Camera raw files keep theirs apart from the row of pages."""
    exif = image.getexif()
    if _DNG in exif or _SUB_IFDS in exif:
        return False
    largest, pixels = 0, image.width * image.height
    for number in range(1, min(getattr(image, "n_frames", 1), _MAX_PAGES)):
        try:
            image.seek(number)
        except BROKEN:
            continue
        if image.mode in _FINISHED and image.width * image.height > pixels:
            largest, pixels = number, image.width * image.height
    image.seek(largest)
    return largest > 0


def preview(file: BinaryIO) -> Opened | None:
    """The largest finished picture in a camera raw file, upright by what the file says; None if it holds none."""
    found = raws.largest_preview(file)
    if found is None:
        return None
    image = Image.open(raws.part(file, found.start), formats=["JPEG"])
    try:
        outer = raws.outer_exif(file)
    except BROKEN:  # the preview may well be sound where the rest is not
        outer = b""
    if outer and MAKE not in image.getexif():
        image.info["exif"] = outer
        image.getexif().load(outer)
    size = f"{found.width} x {found.height}"
    note = Text(
        f"a camera raw file: the finished picture in it ({size} px) is examined, not what the sensor recorded",
        zh=f"相机 RAW 文件：检查其中的成品预览图（{size} 像素），而非传感器数据",
    )
    return image, (note,)


def required_preview(file: BinaryIO, name: str) -> Opened:
    """As :func:`preview`; MediaError if there is none."""
    found = preview(file)
    if found is None:
        raise MediaError(
            f"{name} is a camera raw file",
            got="no finished picture in it",
            want="a preview of at least 160 px, or a finished picture",
            fix="Develop it to JPEG or PNG first.",
        )
    return found
