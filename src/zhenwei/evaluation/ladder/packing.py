"""How pixels are saved: JPEG, WebP and PNG files, and one picture through a video codec."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, cast

import numpy as np

from zhenwei.errors import MediaError, UsageError
from zhenwei.types import Pixels

if TYPE_CHECKING:
    from av.video.codeccontext import VideoCodecContext

Codec = Literal["h264", "h265"]
ENCODERS: dict[Codec, str] = {"h264": "libx264", "h265": "libx265"}
_DECODERS: dict[Codec, str] = {"h264": "h264", "h265": "hevc"}
MIN_PX: dict[Codec, int] = {"h264": 2, "h265": 16}
_MAX_PX = {"JPEG": 65500, "WEBP": 16383, "h264": 16384, "h265": 8192}


@dataclass(frozen=True, slots=True)
class Png:
    """Nothing is lost."""

    suffix: ClassVar[str] = ".png"

    def encode(self, pixels: Pixels) -> bytes:
        return _saved(pixels, "PNG", compress_level=1)


@dataclass(frozen=True, slots=True)
class Jpeg:
    """Baseline, the tables of the standard scaled to ``quality`` 1 to 95, chroma halved both ways."""

    quality: int
    suffix: ClassVar[str] = ".jpg"

    def encode(self, pixels: Pixels) -> bytes:
        return _saved(pixels, "JPEG", quality=self.quality, subsampling=2)


@dataclass(frozen=True, slots=True)
class WebP:
    """Lossy, ``quality`` 0 to 100."""

    quality: int
    suffix: ClassVar[str] = ".webp"

    def encode(self, pixels: Pixels) -> bytes:
        return _saved(pixels, "WEBP", quality=self.quality, method=4)


@dataclass(frozen=True, slots=True)
class VideoFrame:
    """The key frame of a clip at constant rate factor ``crf``, kept as PNG: a still of a video."""

    codec: Codec
    crf: int
    suffix: ClassVar[str] = ".png"

    def encode(self, pixels: Pixels) -> bytes:
        return Png().encode(through_codec(pixels, self.codec, self.crf))


Packing = Png | Jpeg | WebP | VideoFrame


def encode_in_turn(pixels: Pixels, packings: tuple[Packing, ...]) -> tuple[bytes, str]:
    """``pixels`` saved, opened and saved again; the last file's bytes and suffix."""
    from PIL import Image

    *before, last = packings
    for packing in before:
        with Image.open(io.BytesIO(packing.encode(pixels))) as image:
            pixels = np.asarray(image.convert("RGB"), np.uint8)
    return last.encode(pixels), last.suffix


def through_codec(pixels: Pixels, codec: Codec, crf: int) -> Pixels:
    """``pixels`` as one frame of a clip, decoded again: ``(height, width, 3)`` uint8 RGB of the same size.

    Sides that the codec cannot take are made up to even ones by repeating the border, which is cut off again.
    """
    import av

    height, width = pixels.shape[:2]
    _require_size(width, height, codec)
    encoder = _context(ENCODERS[codec], "w")
    padded = even(pixels, MIN_PX[codec])
    encoder.width, encoder.height, encoder.pix_fmt = padded.shape[1], padded.shape[0], "yuv420p"
    encoder.time_base = Fraction(1, 25)
    encoder.thread_count = 1
    encoder.options = encoder_options(codec, crf)
    packets = [*encoder.encode(av.VideoFrame.from_ndarray(padded, "rgb24")), *encoder.encode(None)]
    decoder = _context(_DECODERS[codec], "r")
    decoder.thread_count = 1
    (image,) = [*(frame for packet in packets for frame in decoder.decode(packet)), *decoder.decode(None)]
    return np.asarray(image.to_ndarray(format="rgb24"), np.uint8)[:height, :width]


def _context(name: str, mode: Literal["r", "w"]) -> VideoCodecContext:
    import av

    return cast("VideoCodecContext", av.CodecContext.create(name, mode))


def encoder_options(codec: Codec, crf: int) -> dict[str, str]:
    """Fast presets, as phones and platforms use them; one thread, so that the same input gives the same bytes."""
    if codec == "h264":
        return {"preset": "veryfast", "crf": str(crf)}
    return {"preset": "superfast", "crf": str(crf), "x265-params": "log-level=error:pools=none:frame-threads=1"}


def even(pixels: Pixels, least: int) -> Pixels:
    """With even sides of at least ``least`` pixels, by repeating the last row and column."""
    height, width = pixels.shape[:2]
    down, right = max(least, height + height % 2) - height, max(least, width + width % 2) - width
    return np.pad(pixels, ((0, down), (0, right), (0, 0)), mode="edge") if down or right else pixels


@contextmanager
def whole_or_nothing(path: Path) -> Iterator[Path]:
    """A name to write to, which becomes ``path`` once all is written. An OSError is a UsageError that says why."""
    partial = path.with_name(f"{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        partial.replace(path)
    except OSError as error:
        got = f"{path.name}: {error.strerror or error}"
        raise UsageError(
            "a file cannot be written", got=got, fix="Choose another folder, or free some space."
        ) from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def _saved(pixels: Pixels, form: str, **options: int) -> bytes:
    from PIL import Image

    _require_size(pixels.shape[1], pixels.shape[0], form)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, form, **options)
    return buffer.getvalue()


def _require_size(width: int, height: int, form: str) -> None:
    most = _MAX_PX.get(form)
    if most is not None and max(width, height) > most:
        want, fix = f"at most {most} pixels a side", "Scale it down, or leave this step out."
        raise MediaError(f"the picture is too large for {form}", got=f"{width} x {height}", want=want, fix=fix)
