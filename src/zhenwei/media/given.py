"""From bytes, an open file or an array of pixels to a file that every reader can open: laid down for a while."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from zhenwei.errors import MediaError, UsageError
from zhenwei.media.limits import DEFAULT_LIMITS, Limits
from zhenwei.types import Text

Source = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO | NDArray[np.uint8]
Piece = bytes | bytearray | memoryview
_PIECE = 1 << 20
_UNSAFE = re.compile(r"[^\w. -]+")
_NOTE = Text(
    "given as pixels, without a file: nothing is known of how it was saved or what it says of itself",
    zh="以像素数组给出，没有文件：无从得知其保存方式和自带信息",
)
_WANT = "a path, bytes, a file opened for reading in binary, or an array of uint8 pixels"


@dataclass(frozen=True, slots=True)
class Given:
    """``path``: where the bytes lie. ``shown``: what to call them in a report. ``notes``: what reading should tell."""

    path: str
    shown: str
    notes: tuple[str, ...] = ()


@contextmanager
def at_hand(source: Source, limits: Limits = DEFAULT_LIMITS) -> Iterator[Given]:
    """A file with the content of ``source`` (a path, bytes, an open binary file, an array of uint8 pixels), for as
    long as the context lasts; ``Given.path`` is what ``open_media`` takes. A path is itself and is not looked at.

    An open file is read from where it stands to its end. Of an array, ``(height, width, 3)`` RGB or ``(height,
    width)`` grey, a PPM is written: the same pixels give the same digest everywhere. Raises UsageError for anything
    else, MediaError for a stream that cannot be read or holds more than ``limits.max_bytes``.
    """
    if isinstance(source, str | os.PathLike):
        path = os.fsdecode(source)
        yield Given(path, path)
        return
    name, pieces = _pieces(source)
    with tempfile.TemporaryDirectory(prefix="zhenwei-", ignore_cleanup_errors=True) as folder:
        path = str(Path(folder, _UNSAFE.sub("", name) or "stream"))
        _lay_down(path, pieces, limits)
        yield Given(path, f"<{name}>", (_NOTE,) if isinstance(source, np.ndarray) else ())


def _pieces(source: object) -> tuple[str, Iterator[Piece]]:
    if isinstance(source, bytes | bytearray | memoryview):
        return "bytes", iter((memoryview(source).cast("B"),))
    if isinstance(source, np.ndarray):
        return "array", _portable_pixmap(source)
    read = getattr(source, "read", None)
    if callable(read):
        name = getattr(source, "name", None)
        return (Path(name).name.strip("<>") if isinstance(name, str) else "") or "stream", _stream(read)
    raise UsageError(
        "there is nothing here that can be examined",
        got=type(source).__name__,
        want=_WANT,
        fix="Of a PIL image give numpy.asarray(image.convert('RGB')).",
    )


def _portable_pixmap(pixels: NDArray[np.generic]) -> Iterator[Piece]:
    grey, colour = pixels.ndim == 2, pixels.ndim == 3 and pixels.shape[2] == 3
    if pixels.dtype != np.uint8 or not (grey or colour) or 0 in pixels.shape:
        raise UsageError(
            "the array is no picture",
            got=f"shape {pixels.shape}, {pixels.dtype}",
            want="(height, width, 3) RGB or (height, width) grey, uint8, at least 1 x 1",
            fix="Convert it first; what OpenCV reads is BGR: cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB).",
        )
    height, width = pixels.shape[:2]
    return iter((f"P{5 if grey else 6}\n{width} {height}\n255\n".encode(), np.ascontiguousarray(pixels).data.cast("B")))


def _stream(read: Callable[[int], object]) -> Iterator[Piece]:
    while True:
        try:
            piece = read(_PIECE)
        except OSError as error:
            got, want = error.strerror or type(error).__name__, "a file that can be read to its end"
            raise MediaError("the open file cannot be read", got=got, want=want) from error
        except ValueError as error:
            raise UsageError("the open file cannot be read", got=str(error), want=_WANT) from error
        if not piece:
            return
        if not isinstance(piece, bytes | bytearray | memoryview):
            got = type(piece).__name__
            raise UsageError("the open file does not give bytes", got=got, want=_WANT, fix="Open it with mode 'rb'.")
        yield piece


def _lay_down(path: str, pieces: Iterator[Piece], limits: Limits) -> None:
    size = 0
    with open(path, "xb") as file:  # noqa: PTH123 - as everywhere in this room
        for piece in pieces:
            size += len(piece)
            if size > limits.max_bytes:
                raise MediaError(
                    f"'{Path(path).name}' is too large",
                    got=f"more than {limits.max_bytes:,} bytes",
                    want=f"at most {limits.max_bytes:,} bytes",
                    fix="Cut out the part in question.",
                )
            try:
                file.write(piece)
            except OSError as error:
                raise MediaError(
                    f"'{Path(path).name}' cannot be laid down in the temporary folder",
                    got=error.strerror or type(error).__name__,
                    want="space for a copy",
                    fix="Free some space, set TMPDIR, or save it to a file and give its path.",
                ) from error
