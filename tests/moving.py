"""Clips of a portrait that is held still, moved, or opens its mouth."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import cv2
import numpy as np
from PIL import Image

from zhenwei import faces
from zhenwei.types import Pixels

EXAMPLES = Path(__file__).parents[1] / "examples" / "media"
SIDE, COUNT = 384, 24


@cache
def portrait(name: str = "astronaut.jpg") -> Pixels:
    """An example, ``(384, 384, 3)``."""
    return np.asarray(Image.open(EXAMPLES / name).convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS))


def frames(at: Callable[[float], Pixels], count: int = COUNT) -> Iterator[Pixels]:
    for number in range(count):
        yield at(number / (count - 1))


def held(_share: float) -> Pixels:
    return portrait()


def enlarged(share: float) -> Pixels:
    """Slowly, towards the face, and turned a little."""
    matrix = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 3), 6 * share - 3, 1 + 0.15 * share)
    return np.asarray(cv2.warpAffine(portrait(), matrix, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE), np.uint8)


def noisy(share: float) -> Pixels:
    rng = np.random.default_rng(round(share * 1000))
    return np.asarray(np.clip(portrait() + rng.normal(0, 6, (SIDE, SIDE, 1)), 0, 255), np.uint8)


def faded(share: float) -> Pixels:
    """A picture, and within a fifth of the time its mirror image moved aside, as shows of pictures have it."""
    first, second = portrait(), np.roll(portrait()[:, ::-1], 12, axis=1)
    weight = min(1.0, max(0.0, 5 * (share - 0.4)))
    return np.asarray(np.rint(first + weight * (second - first.astype(np.float32))), np.uint8)


@cache
def _mouth() -> tuple[float, float, float]:
    """Its place, and how large the face is."""
    (face,) = faces.detect(portrait())
    x, y = face.keypoints[3]
    return float(x), float(y), face.box.height


def talking(share: float) -> Pixels:
    """What is about the mouth is drawn down and let go three times, ever faster."""
    x, y, height = _mouth()
    rows, columns = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    near = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (0.12 * height) ** 2)
    down = 0.07 * height * (0.5 - 0.5 * math.cos(6 * math.pi * share**1.5)) * near
    moved = cv2.remap(portrait(), columns, (rows - down).astype(np.float32), cv2.INTER_LINEAR)
    return np.asarray(moved, np.uint8)


def speaking(share: float) -> Pixels:
    """The same, and within the mouth is what the picture does not show: it is dark, with light teeth."""
    x, y, height = _mouth()
    rows, columns = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    opened = (0.5 - 0.5 * math.cos(6 * math.pi * share**1.5)) * 0.11 * height
    inside = ((columns - x) / (0.16 * height)) ** 2 + ((rows - y - opened / 2) / (opened / 2 + 0.1)) ** 2 < 1
    found = talking(share).copy()
    found[inside] = (50, 20, 20)
    found[inside & (rows < y + 0.35 * opened)] = (235, 230, 220)
    return found


def write(path: Path, pictures: Iterable[Pixels], *, crf: int = 20, rate: int = 12) -> Path:
    """As H.264, ``rate`` pictures a second."""
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=rate, options={"preset": "ultrafast", "crf": str(crf)})
        assert isinstance(video, av.VideoStream)
        video.height, video.width, video.pix_fmt = SIDE, SIDE, "yuv420p"
        for number, pixels in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, rate)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
    return path
