"""Video is shown upright and in its own colours."""

from __future__ import annotations

import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.stream import VideoStream

from zhenwei.media import open_media, sample_frames

from .making import Pixels, scene

# Matrices (a, b, c, d) of ISO 14496-12: x' = a x + c y, y' = b x + d y, y pointing down; and what they must do.
MATRICES: dict[tuple[int, int, int, int], tuple[int, Callable[[Pixels], Pixels]]] = {
    (1, 0, 0, 1): (0, lambda p: p),
    (0, 1, -1, 0): (90, lambda p: np.rot90(p, -1)),
    (-1, 0, 0, -1): (180, lambda p: np.rot90(p, 2)),
    (0, -1, 1, 0): (270, lambda p: np.rot90(p, 1)),
    (-1, 0, 0, 1): (0, lambda p: p[:, ::-1]),
    (1, 0, 0, -1): (180, lambda p: p[::-1]),
}


def write_scene(path: Path, image: Pixels, codec: str, pix_fmt: str, **marks: int) -> Path:
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=25)
        assert isinstance(stream, VideoStream)
        stream.height, stream.width = image.shape[:2]
        stream.pix_fmt = pix_fmt
        for mark, value in marks.items():
            setattr(stream.codec_context, mark, value)
        for number in range(3):
            channels = "rgba" if image.shape[2] == 4 else "rgb24"
            frame = av.VideoFrame.from_ndarray(image, format=channels).reformat(
                format=pix_fmt, dst_colorspace="itu709" if marks.get("colorspace") == 1 else None
            )
            frame.pts, frame.time_base = number, Fraction(1, 25)
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return path


@pytest.mark.parametrize("alpha", [0, 200, 255])
def test_transparency_is_told_where_there_is_any(tmp_path: Path, alpha: int) -> None:
    image = np.dstack([scene(), np.full((48, 64), 255, np.uint8)])
    image[:, :20, 3] = alpha
    media = open_media(write_scene(tmp_path / "a.mov", image, "qtrle", "argb"))
    assert media.notes == (("transparent parts are laid over mid-grey",) if alpha < 255 else ())
    share = image[..., 3:] / 255
    laid = scene() * share + 128 * (1 - share)
    assert np.abs(next(iter(sample_frames(media))).pixels - laid).max() < 3


@pytest.mark.parametrize("matrix", MATRICES, ids=str)
def test_display_matrix_is_honoured(tmp_path: Path, matrix: tuple[int, int, int, int]) -> None:
    image = scene(96, 64)
    path = write_scene(tmp_path / "a.mp4", image, "libx264", "yuv420p")
    plain = next(sample_frames(open_media(path), 1)).pixels
    data = bytearray(path.read_bytes())
    start = data.index(b"tkhd") + 4 + 40  # version 0: 40 bytes of fields before the matrix
    a, b, c, d = (value << 16 for value in matrix)
    data[start : start + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    degrees, turned = MATRICES[matrix]
    media = open_media(path)
    expected = turned(plain)
    (shown,) = sample_frames(media, 1)
    assert np.array_equal(shown.pixels, expected)
    assert (media.height, media.width) == expected.shape[:2]
    assert media.rotation_deg == degrees
    assert shown.pixels.flags.c_contiguous


@pytest.mark.parametrize("colorspace", [1, 5], ids=["BT.709", "BT.601"])
def test_marked_colour_matrix_is_honoured(tmp_path: Path, colorspace: int) -> None:
    image = np.empty((64, 64, 3), np.uint8)
    image[:] = (200, 40, 60)
    path = write_scene(tmp_path / "a.mp4", image, "libx264", "yuv420p", colorspace=colorspace)
    (frame,) = sample_frames(open_media(path), 1)
    assert np.abs(frame.pixels.astype(int) - image).max() <= 4


def test_transparent_video_lies_over_grey(tmp_path: Path) -> None:
    image = np.zeros((32, 32, 4), np.uint8)
    image[:, :16] = (255, 0, 0, 255)
    path = write_scene(tmp_path / "a.mov", image, "png", "rgba")
    (frame,) = sample_frames(open_media(path), 1)
    assert (frame.pixels[:, :16] == (255, 0, 0)).all()
    assert (frame.pixels[:, 16:] == 128).all()
