"""Pictures through Pillow: facts without decoding, and pixels as upright 8-bit RGB.

Colour profiles are named, not applied: a conversion would blur traces of manipulation, which live in stored values.
"""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin, UnidentifiedImageError

from zhenwei.errors import MediaError
from zhenwei.media import cut, image_notes, special
from zhenwei.media.facts import clean
from zhenwei.media.formats import BROKEN, Format
from zhenwei.media.limits import Limits
from zhenwei.types import Pixels

GREY = 128  # what shows through where a picture is transparent: neither lightens nor darkens what it holds
_ORIENTATION = 0x0112
_ROTATION_DEG = {3: 180, 4: 180, 5: 90, 6: 90, 7: 270, 8: 270}
_STRIP_PX = 1 << 22
_TURNED_BY_DECODER = ("TIFF", "HEIF", "JXL")
_MAX_TEXT, _MAX_TEXTS = 16 << 20, 64 << 20  # bytes of a text in a PNG, unpacked, and of all of them
_NO_HEADER = "a header that its decoder cannot read"
_NO_PIXELS = "content that its decoder cannot read"
_LOCK = threading.RLock()


@contextmanager
def _silence(limits: Limits) -> Iterator[None]:
    """Keep Pillow's warnings off the terminal and put our limits in the place of its own (of pixels it fails beyond
    twice that; of texts beyond a megabyte, which settings of generators reach); all are settings of the whole process,
    hence the lock."""
    with _LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY
        Image.MAX_IMAGE_PIXELS = limits.max_pixels // 2
        PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY = _MAX_TEXT, _MAX_TEXTS
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY = before


@contextmanager
def _mute_stderr() -> Iterator[None]:
    """libtiff reports damage straight to file descriptor 2, past everything Python could intercept."""
    try:
        kept = os.dup(2)
    except OSError:  # there is no standard error to protect
        yield
        return
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a device, not a path of ours
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


@contextmanager
def guarded(form: Format, name: str, limits: Limits) -> Iterator[None]:
    """Around every call into Pillow: no warnings, and whatever breaks is a MediaError. Never hold it across a yield."""
    try:
        with _silence(limits), _mute_stderr() if form.decoder == "TIFF" else nullcontext():
            yield
    except Image.DecompressionBombError as error:
        raise _too_many_pixels(name, clean(error).partition("(")[2].partition(")")[0], limits) from error
    except BROKEN as error:
        if "MAX_TEXT_" in str(error):  # Pillow has no type of error for it
            got, want = "more", f"at most {_MAX_TEXT >> 20} MB in one and {_MAX_TEXTS >> 20} MB in all"
            fix = "Save it again without metadata, and keep the original."
            raise MediaError(f"{name} holds more text than is read", got=got, want=want, fix=fix) from error
        raise MediaError(
            f"{name} is a damaged or unsupported {form.name} file",
            got=_NO_HEADER if isinstance(error, UnidentifiedImageError) else _NO_PIXELS,
            want="a complete picture",
            fix="Copy or download the file again, or save it as PNG with the program that can show it.",
        ) from error


@dataclass(frozen=True, slots=True)
class Opened:
    """``image``: not decoded where that can wait. ``rows``: of it that the file holds, from the top, before it is
    turned. ``notes``: what reading has to do or leave out."""

    image: Image.Image
    rows: int
    notes: tuple[str, ...]


def open_image(file: BinaryIO, form: Format, name: str, limits: Limits) -> Image.Image:
    """The picture behind ``file``, header read and held against the limits, as Pillow opens it: whole or not at all.
    Call it ``guarded``."""
    image = Image.open(file, formats=[form.decoder])
    _require_size(image.size, name, limits)
    return image


def open_as_far(file: BinaryIO, form: Format, name: str, limits: Limits) -> Opened:
    """The picture behind ``file``: header read and held against the limits, decoded only where the file lacks its end
    or the format's decoder knows no other way. Call it ``guarded``."""
    cut_short = cut.lacks_its_end(file, form)
    if form.decoder in special.DECODERS:
        image, notes = special.opened(file, form, name, lambda size: _require_size(size, name, limits))
    else:
        image, notes = _plain(file, form, name)
    _require_size(image.size, name, limits)
    _keep_orientation(image)
    animated = cut_short and getattr(image, "is_animated", False)
    rows = cut.load_what_is_there(image) if cut_short and not animated else image.height
    if rows == 0:
        raise MediaError(
            f"{name} is cut short",
            got="fewer than 16 rows that can be decoded",
            want="16 rows or more",
            fix="Copy or download the file again.",
        )
    notes = (*notes, *image_notes.notes(image, rows, file, form))
    if cut_short:
        notes = (*notes, image_notes.CUT_ANIMATION if animated else image_notes.cut_short(image, rows))
    return Opened(image, rows, notes)


def _keep_orientation(image: Image.Image) -> None:
    """Where decoding turns the picture, Pillow then forgets how it was stored."""
    if image.format == "TIFF":
        image.info["original_orientation"] = _exif_orientation(image)


def _plain(file: BinaryIO, form: Format, name: str) -> tuple[Image.Image, tuple[str, ...]]:
    if form.decoder != "TIFF":
        return Image.open(file, formats=[form.decoder]), ()
    try:
        image = Image.open(file, formats=["TIFF"])
        if not special.is_camera_raw(image) or special.turns_to_larger_page(image):
            return image, ()
    except BROKEN:  # sensor data in a maker's own compression
        found = special.preview(file)
        if found is None or not found[0].getexif().get(special.MAKE):
            raise
        return found
    return special.required_preview(file, name)


def _require_size(size: tuple[int, int], name: str, limits: Limits) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise MediaError(f"{name} has no pixels", got=f"{width} x {height}", want="at least 1 x 1")
    if width * height > limits.max_pixels:
        raise _too_many_pixels(name, f"{width} x {height}", limits)


def _too_many_pixels(name: str, got: str, limits: Limits) -> MediaError:
    want, fix = f"at most {limits.max_pixels:,}", "Cut out the part in question."
    return MediaError(f"{name} has too many pixels", got=got, want=want, fix=fix)


def shown_size(opened: Opened) -> tuple[int, int]:
    """(width, height) once the EXIF orientation is applied; some decoders do that themselves."""
    width, height = opened.image.width, opened.rows
    return (height, width) if _turn(opened.image) in (5, 6, 7, 8) else (width, height)


def rotation_deg(image: Image.Image) -> int:
    """By how much the stored picture is turned clockwise to be shown; a mirrored one counts as its turn."""
    stored = image.info.get("original_orientation")  # where the decoder has turned it already
    return _ROTATION_DEG.get(stored if isinstance(stored, int) else _exif_orientation(image), 0)


def _turn(image: Image.Image) -> int:
    """The EXIF orientation still to be applied, 1 if none."""
    return 1 if image.format in _TURNED_BY_DECODER else _exif_orientation(image)


def _exif_orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except BROKEN:  # the pixels may well be sound where the metadata is not
        return 1
    return value if isinstance(value, int) and 2 <= value <= 8 else 1


def upright_rgb(opened: Opened, name: str) -> Pixels:
    """Decode: ``(height, width, 3)`` uint8 RGB, contiguous and read-only, EXIF orientation applied; in strips, since
    Pillow would hold a large picture three times over."""
    image = opened.image
    image.load()
    if image.mode.startswith("I") or image.mode == "F":
        image = Image.fromarray(_eight_bits(np.asarray(image), name))
    width, height = shown_size(opened)
    upright = np.empty((height, width, 3), np.uint8)
    stored = _as_stored(upright, _turn(opened.image))
    step = max(1, _STRIP_PX // image.width)
    for top in range(0, opened.rows, step):
        bottom = min(opened.rows, top + step)
        stored[top:bottom] = np.asarray(_rgb(image.crop((0, top, image.width, bottom))))
    return frozen(upright)


def _as_stored(upright: Pixels, orientation: int) -> Pixels:
    """A view of ``upright`` in which its pixels lie as a picture of this EXIF orientation is stored."""
    if orientation in (5, 7):
        swapped = upright.swapaxes(0, 1)
        return swapped if orientation == 5 else swapped[::-1, ::-1]
    if orientation in (6, 8):
        return np.rot90(upright, 1 if orientation == 6 else -1)
    return upright[:: -1 if orientation in (3, 4) else 1, :: -1 if orientation in (2, 3) else 1]


def _rgb(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image if image.mode == "RGB" else image.convert("RGB")
    if image.mode in ("La", "RGBa"):
        image = image.convert("LA" if image.mode == "La" else "RGBA")
    layer = image.convert("RGBA")
    ground = Image.new("RGBA", layer.size, (GREY, GREY, GREY, 255))
    return Image.alpha_composite(ground, layer).convert("RGB")


def _eight_bits(values: NDArray[np.generic], name: str) -> Pixels:
    """Samples of 16 or 32 bits or floating point as 0-255: scaled by 65535 or 1 where that is their range, else
    stretched over their own. NaN and infinity are a MediaError."""
    floats = np.array(values, dtype=np.float32)
    if not np.isfinite(floats).all():
        raise MediaError(f"{name} holds samples that are not numbers", got="NaN or infinity", want="finite values")
    low, high = float(floats.min()), float(floats.max())
    if values.dtype == np.uint16 or (values.dtype.kind in "iu" and low >= 0 and 255 < high <= 65535):
        low, high = 0.0, 65535.0
    elif values.dtype.kind in "iu" and low >= 0 and high <= 255:
        low, high = 0.0, 255.0
    elif values.dtype.kind == "f" and low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    floats -= low
    floats *= 255.0 / max(high - low, 1e-12)
    return np.rint(floats).astype(np.uint8)


def frozen(pixels: NDArray[np.uint8]) -> Pixels:
    """``pixels`` contiguous and read-only."""
    whole = np.ascontiguousarray(pixels)
    whole.setflags(write=False)
    return whole
