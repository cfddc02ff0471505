"""Clips of single faces to learn motion from: drawn puppets, or people whom a consent manifest covers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from zhenwei.errors import UsageError
from zhenwei.forge.puppet import Look, any_look, any_puppet, draw
from zhenwei.nets.first_order import SIDE
from zhenwei.types import Floats, Pixels

LEAST = 2
_TALL, _HIGH = 0.62, 0.53  # of the window: the mesh's height and where its middle lies, as puppets are drawn


@dataclass(frozen=True, slots=True, eq=False)
class MotionClips:
    """``frames`` of every person, ``(n, 64, 64, 3)`` uint8 RGB each, and ``landmarks`` ``(n, 468, 2)`` in their pixels.
    ``words``: what they are. ``consent``: SHA-256 of the manifest that covers them, "" for puppets, who are nobody."""

    frames: tuple[Pixels, ...]
    landmarks: tuple[Floats, ...]
    words: str
    consent: str = ""

    def __post_init__(self) -> None:
        if len(self.frames) < LEAST or min(map(len, self.frames)) < LEAST:
            got = f"{len(self.frames)} clips"
            raise UsageError("too little to learn motion from", got=got, want=f"{LEAST} clips of {LEAST} frames and up")


def puppet_clips(count: int, looks: int, seed: int, tell: Callable[[float], None] = lambda _share: None) -> MotionClips:
    """``count`` drawn puppets in ``looks`` looks each, the light and what is behind the same in all of one."""
    frames, landmarks = list[Pixels](), list[Floats]()
    for number in range(count):
        rng = np.random.default_rng([seed, 41, number])
        who, first = any_puppet(rng), any_look(rng)
        drawn = [draw(who, like(any_look(rng), first), SIDE) for _ in range(looks)]
        frames.append(np.stack([each.pixels for each in drawn]))
        landmarks.append(np.stack([each.landmarks[:, :2] for each in drawn]))
        tell((number + 1) / count)
    return MotionClips(tuple(frames), tuple(landmarks), f"{count} drawn puppets in {looks} looks, seed {seed}")


def like(look: Look, first: Look) -> Look:
    """``look`` in the light and place of ``first``."""
    return replace(look, side=first.side, light=first.light, scene=first.scene)


def windowed(clips: Iterable[tuple[Pixels, Floats]], words: str, consent: str) -> MotionClips:
    """Of clips of people, frames ``(n, h, w, 3)`` with landmarks ``(n, 468, 3)``: each in one window that stands still.
    ``words`` and ``consent``: as of :class:`MotionClips`."""
    frames, landmarks = list[Pixels](), list[Floats]()
    for pixels, points in clips:
        matrix = framing(points.mean(0), SIDE)
        frames.append(np.stack([cut(frame, matrix, SIDE) for frame in pixels]))
        landmarks.append(np.asarray(points[..., :2] @ matrix[:, :2].T + matrix[:, 2], np.float32))
    return MotionClips(tuple(frames), tuple(landmarks), words, consent)


def framing(landmarks: Floats, side: int) -> NDArray[np.float64]:
    """``(2, 3)``: from the picture with ``landmarks`` ``(468, 2 or 3)`` to a window of ``side`` px about the face."""
    points = np.asarray(landmarks[:, :2], np.float64)
    middle, tall = (points.min(0) + points.max(0)) / 2, float(np.ptp(points[:, 1]))
    scale = side * _TALL / max(tall, 1.0)
    return np.array([[scale, 0, side / 2 - scale * middle[0]], [0, scale, side * _HIGH - scale * middle[1]]])


def cut(pixels: Pixels, matrix: NDArray[np.float64], side: int) -> Pixels:
    """The window of ``pixels``; what is made smaller is averaged."""
    scale = float(matrix[0, 0])
    soft = cv2.GaussianBlur(pixels, (0, 0), 0.5 / scale) if scale < 1 else pixels
    moved = cv2.warpAffine(soft, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8)
