"""The clips that are measured: made here, the same every time, so that figures of two machines can be compared."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from PIL import Image

from zhenwei.types import Pixels

WIDTH, HEIGHT, RATE = 1280, 720, 30
_PORTRAIT = Path(__file__).parents[1] / "examples" / "media" / "astronaut.jpg"
_SHOWN = np.s_[20:270, 100:350]  # head and shoulders
_SHOWN_PX = 460
_PAN_PX = (240, 120)


def write_video(
    path: Path, duration_s: float, *, faces: int = 1, size: tuple[int, int] = (WIDTH, HEIGHT), preset: str = "medium"
) -> None:
    """H.264, 30 frames a second: a textured background that pans, sensor noise, and ``faces`` that move."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.thread_count = 1  # with more, the bytes depend on the machine
        stream.options = {"crf": "23", "preset": preset, "g": "60"}
        for pixels in _frames(round(duration_s * RATE), faces, size):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        output.mux(stream.encode())


def write_photo(path: Path, size: tuple[int, int], *, seed: int) -> None:
    """A JPEG with one face, a third of its height, on a textured background with sensor noise."""
    rng = np.random.default_rng(seed)
    pixels = _texture(rng, size)
    side = size[1] // 3 * 2
    left, top = (size[0] - side) // 2, (size[1] - side) // 3
    pixels[top : top + side, left : left + side] = portrait(side)
    for row in range(0, size[1], 256):  # noise of the whole would take gigabytes
        part = pixels[row : row + 256]
        part[:] = np.clip(part + rng.normal(0, 3, part.shape).astype(np.float32), 0, 255)
    Image.fromarray(pixels).save(path, quality=92)


def repeat_video(source: Path, path: Path, times: int) -> None:
    """``source`` so many times after itself, by copying its packets: a long clip without long encoding."""
    with av.open(str(path), "w") as output:
        with av.open(str(source)) as first:
            stream = output.add_stream_from_template(first.streams.video[0])
            length = Fraction(first.streams.video[0].frames, RATE)
        for turn in range(times):
            with av.open(str(source)) as again:
                for packet in again.demux(again.streams.video[0]):
                    if packet.pts is None or packet.dts is None or packet.time_base is None:
                        continue  # the mark at the end
                    shift = round(turn * length / packet.time_base)
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    packet.stream = stream
                    output.mux(packet)


def _frames(count: int, faces: int, size: tuple[int, int]) -> Iterator[Pixels]:
    width, height = size
    larger = height / HEIGHT
    rng = np.random.default_rng(20261123)
    side = round((_SHOWN_PX if faces == 1 else 250) * larger)
    background, shown = _texture(rng, (width + _PAN_PX[0], height + _PAN_PX[1])), portrait(side)
    grain = rng.normal(0, 3, (height + 64, width + 64, 1)).astype(np.int16)
    for number in range(count):
        turn = 2 * np.pi * number / (8 * RATE)
        x, y = (round(0.5 * pan * (1 + way)) for pan, way in zip(_PAN_PX, (np.sin(turn), np.cos(turn)), strict=True))
        image = background[y : y + height, x : x + width].copy()
        for left, top in _places(turn, faces):
            left, top = round(left * larger), round(top * larger)  # noqa: PLW2901
            image[top : top + side, left : left + side] = shown
        dx, dy = rng.integers(0, 64, 2)  # noise that does not stand still
        yield np.clip(image + grain[dy : dy + height, dx : dx + width], 0, 255).astype(np.uint8)


def _places(turn: float, faces: int) -> list[tuple[float, float]]:
    """Left and top of each face at 720 lines; of several, each moves in a place of its own."""
    if faces == 1:
        return [(410 + 300 * np.sin(0.7 * turn), 130 + 80 * np.sin(1.3 * turn))]
    places = []
    for number in range(faces):
        column, row = number % 3, number // 3
        left, top = 60 + 410 * column + 50 * np.sin(0.7 * turn + number), 50 + 360 * row + 45 * np.sin(1.3 * turn)
        places.append((left, top))
    return places


def _texture(rng: np.random.Generator, size: tuple[int, int]) -> Pixels:
    """Smooth grey-brown noise at several scales, ``(height, width, 3)``."""
    layers = [
        cv2.resize(rng.normal(0, 22, (size[1] // cell, size[0] // cell)), size, interpolation=cv2.INTER_CUBIC)
        for cell in (6, 24, 96)
    ]
    light = 118 + np.sum(layers, axis=0)[..., None]
    return np.asarray(np.clip(light * np.array([1.04, 1.0, 0.93]), 0, 255), np.uint8)


def portrait(side_px: int) -> Pixels:
    """Head and shoulders, ``(side, side, 3)``."""
    with Image.open(_PORTRAIT) as image:
        shown = np.asarray(image.convert("RGB"), np.uint8)[_SHOWN]
    return np.asarray(cv2.resize(shown, (side_px, side_px), interpolation=cv2.INTER_CUBIC), np.uint8)
