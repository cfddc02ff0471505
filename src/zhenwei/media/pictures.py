"""Pictures through Pillow: facts without decoding, and pixels as upright 8-bit RGB.

Colour profiles are not applied: traces of manipulation live in the stored values, and a conversion would blur them.
The profile is named in the facts instead. A TIFF of several pages is read as its first.
"""

from __future__ import annotations

import os
import struct
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from zhenwei.errors import MediaError
from zhenwei.media.facts import EXIF_NAMES, Facts, clean, jpeg_quality, safe_facts
from zhenwei.media.formats import Format
from zhenwei.media.limits import Limits
from zhenwei.types import Pixels

GREY = 128  # what shows through where a picture is transparent: neither lightens nor darkens what it holds
# What Pillow's readers raise for broken bytes, found by feeding them damaged files.
BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    RuntimeError,
    MemoryError,
    struct.error,
)
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ROTATION_DEG = {3: 180, 4: 180, 5: 90, 6: 90, 7: 270, 8: 270}
_LOCK = threading.RLock()


@contextmanager
def _silence(limits: Limits) -> Iterator[None]:
    """Keep Pillow's warnings off the terminal and put our size limit in the place of its own.

    Both are settings of the whole process, hence the lock. Pillow fails beyond twice its limit, also where a size
    turns up in the middle of a file.
    """
    with _LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, limits.max_pixels // 2
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit


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
        raise MediaError(
            f"{name} is a damaged or unsupported {form.name} file",
            got=clean(error) or type(error).__name__,
            want="a complete picture",
            fix="Copy or download the file again, or save it as PNG with the program that can show it.",
        ) from error


def open_picture(file: BinaryIO, form: Format, name: str, limits: Limits) -> Image.Image:
    """The picture behind ``file``: header read and held against the limits, not decoded. Call it ``guarded``."""
    image = Image.open(file, formats=[form.decoder])
    _require_size(image.size, name, limits)
    if form.decoder == "TIFF":
        _refuse_camera_raw(image, name)
    return image


def _require_size(size: tuple[int, int], name: str, limits: Limits) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise MediaError(f"{name} has no pixels", got=f"{width} x {height}", want="at least 1 x 1")
    if width * height > limits.max_pixels:
        raise _too_many_pixels(name, f"{width} x {height}", limits)


def _too_many_pixels(name: str, got: str, limits: Limits) -> MediaError:
    want, fix = f"at most {limits.max_pixels:,}", "Cut out the part in question."
    return MediaError(f"{name} has too many pixels", got=got, want=want, fix=fix)


def _refuse_camera_raw(image: Image.Image, name: str) -> None:
    """Camera raw files are TIFF files whose first page is a thumbnail or unfinished sensor data."""
    exif = image.getexif()
    if 0xC612 in exif or exif.get(0x00FE) == 1:
        raise MediaError(
            f"{name} is a camera raw file",
            got="a TIFF whose first page is a preview",
            want="a finished picture",
            fix="Develop it to JPEG or PNG first.",
        )


def shown_size(image: Image.Image) -> tuple[int, int]:
    """(width, height) once the EXIF orientation is applied; Pillow itself turns TIFF files."""
    width, height = image.size
    return (height, width) if _turn(image) in (5, 6, 7, 8) else (width, height)


def rotation_deg(image: Image.Image) -> int:
    """By how much the stored picture is turned clockwise to be shown; a mirrored one counts as its turn."""
    return _ROTATION_DEG.get(_exif_orientation(image), 0)


def _turn(image: Image.Image) -> int:
    """The EXIF orientation still to be applied, 1 if none."""
    return 1 if image.format == "TIFF" else _exif_orientation(image)


def _exif_orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except BROKEN:  # the pixels may well be sound where the metadata is not
        return 1
    return value if isinstance(value, int) and value in _TURNS else 1


def picture_facts(image: Image.Image, form: Format) -> Facts:
    """EXIF, PNG text, colour mode, JPEG compression. Places are only said to be present."""
    pairs: list[tuple[object, object]] = [("Pixel format", image.mode)]
    pairs += _exif_facts(image)
    if form.decoder == "JPEG":
        pairs += _jpeg_facts(image)
    if "icc_profile" in image.info:
        pairs.append(("Colour profile", _profile_name(image.info["icc_profile"])))
    if "xmp" in image.info or "XML:com.adobe.xmp" in image.info:
        pairs.append(("XMP", "present"))
    texts = ((k, v) for k, v in image.info.items() if isinstance(k, str) and k not in _NOT_TEXT)
    pairs += [(f"Text: {key}", value) for key, value in texts if isinstance(value, str) and "xmp" not in key.lower()]
    return safe_facts(pairs)


_NOT_TEXT = ("exif", "icc_profile", "compression")


def _exif_facts(image: Image.Image) -> list[tuple[object, object]]:
    try:
        exif = image.getexif()
        tags = {**exif, **exif.get_ifd(0x8769)}
        facts: list[tuple[object, object]] = [(name, tags[tag]) for tag, name in EXIF_NAMES.items() if tag in tags]
        if _ORIENTATION in exif:
            facts.append(("Orientation", exif[_ORIENTATION]))
        if exif.get_ifd(0x8825):
            facts.append(("GPS", "present"))
    except BROKEN:
        return [("EXIF", "damaged")]
    return facts


def _jpeg_facts(image: Image.Image) -> list[tuple[object, object]]:
    tables: dict[int, list[int]] = getattr(image, "quantization", {})
    facts: list[tuple[object, object]] = []
    if 0 in tables and len(tables[0]) == 64:
        quality, exact = jpeg_quality(tables[0])
        facts.append(
            ("JPEG quality", f"{quality} (standard tables)" if exact else f"about {quality} (tables of its own)")
        )
    if image.info.get("progressive"):
        facts.append(("JPEG scan", "progressive"))
    if "comment" in image.info:
        facts.append(("Comment", image.info["comment"]))
    return facts


def _profile_name(profile: object) -> str:
    """The description inside an ICC profile, found by its tag; the profile is not interpreted."""
    if not isinstance(profile, bytes) or len(profile) < 132:
        return "present"
    for entry in range(min(struct.unpack(">I", profile[128:132])[0], 64)):
        tag = profile[132 + 12 * entry : 144 + 12 * entry]
        if len(tag) == 12 and tag[:4] == b"desc":
            start, size = struct.unpack(">II", tag[4:])
            text = profile[start : start + min(size, 512)]
            skip, coding = (28, "utf-16-be") if text[:4] == b"mluc" else (12, "latin-1")
            return clean(text[skip:].decode(coding, "ignore").split("\0")[0]) or "present"
    return "present"


def picture_notes(image: Image.Image) -> tuple[str, ...]:
    """What ``rgb`` will have to do to this picture that is not a mere change of format."""
    notes = []
    if image.has_transparency_data:
        notes.append("transparent parts are laid over mid-grey")
    if image.mode.startswith("I") or image.mode == "F":
        notes.append("more than 8 bits a sample are reduced to 8")
    if image.format == "TIFF" and getattr(image, "n_frames", 1) > 1:
        notes.append("only the first page is examined")
    return tuple(notes)


def upright_rgb(image: Image.Image, name: str) -> Pixels:
    """Decode: ``(height, width, 3)`` uint8 RGB, contiguous and read-only, EXIF orientation applied."""
    image.load()
    turn = _TURNS.get(_turn(image))
    if image.mode.startswith("I") or image.mode == "F":
        image = Image.fromarray(_eight_bits(np.asarray(image), name))
    converted = _rgb(image)
    return frozen(np.asarray(converted if turn is None else converted.transpose(turn)))


def _rgb(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image if image.mode == "RGB" else image.convert("RGB")
    if image.mode in ("La", "RGBa"):
        image = image.convert("LA" if image.mode == "La" else "RGBA")
    layer = image.convert("RGBA")
    ground = Image.new("RGBA", layer.size, (GREY, GREY, GREY, 255))
    return Image.alpha_composite(ground, layer).convert("RGB")


def _eight_bits(values: NDArray[np.generic], name: str) -> Pixels:
    """Samples of 16 or 32 bits or floating point as 0-255.

    16 bits are scaled by their full range, floats within 0-1 by 255. Anything else has no agreed range and is
    stretched over its own. NaN and infinity are a MediaError.
    """
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
