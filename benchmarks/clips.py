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


def write_video(path: Path, duration_s: float) -> None:
    """720p H.264, 30 frames a second: a textured background that pans, sensor noise, and one face that moves."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.thread_count = 1  # with more, the bytes depend on the machine
        stream.options = {"crf": "23", "preset": "medium", "g": "60"}
        for pixels in _frames(round(duration_s * RATE)):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        output.mux(stream.encode())


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


def _frames(count: int) -> Iterator[Pixels]:
    rng = np.random.default_rng(20261123)
    background, portrait = _texture(rng), _portrait()
    grain = rng.normal(0, 3, (HEIGHT + 64, WIDTH + 64, 1)).astype(np.int16)
    for number in range(count):
        turn = 2 * np.pi * number / (8 * RATE)
        x, y = (round(0.5 * pan * (1 + way)) for pan, way in zip(_PAN_PX, (np.sin(turn), np.cos(turn)), strict=True))
        image = background[y : y + HEIGHT, x : x + WIDTH].copy()
        left, top = round(410 + 300 * np.sin(0.7 * turn)), round(130 + 80 * np.sin(1.3 * turn))
        image[top : top + _SHOWN_PX, left : left + _SHOWN_PX] = portrait
        dx, dy = rng.integers(0, 64, 2)  # noise that does not stand still
        yield np.clip(image + grain[dy : dy + HEIGHT, dx : dx + WIDTH], 0, 255).astype(np.uint8)


def _texture(rng: np.random.Generator) -> Pixels:
    """Smooth grey-brown noise at several scales, larger than the frame by what it pans."""
    size = (WIDTH + _PAN_PX[0], HEIGHT + _PAN_PX[1])
    layers = [
        cv2.resize(rng.normal(0, 22, (size[1] // cell, size[0] // cell)), size, interpolation=cv2.INTER_CUBIC)
        for cell in (6, 24, 96)
    ]
    light = 118 + np.sum(layers, axis=0)[..., None]
    return np.asarray(np.clip(light * np.array([1.04, 1.0, 0.93]), 0, 255), np.uint8)


def _portrait() -> Pixels:
    with Image.open(_PORTRAIT) as image:
        shown = np.asarray(image.convert("RGB"), np.uint8)[_SHOWN]
    return np.asarray(cv2.resize(shown, (_SHOWN_PX, _SHOWN_PX), interpolation=cv2.INTER_CUBIC), np.uint8)
