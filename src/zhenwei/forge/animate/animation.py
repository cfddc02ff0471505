"""A portrait and a motion, made into frames with ground truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zhenwei.forge.animate.layers import layers_of
from zhenwei.forge.animate.motion import Motion, drive, limited, opening
from zhenwei.forge.animate.warp import frame_of
from zhenwei.forge.synthesis.forgery import Value
from zhenwei.types import Floats, Pixels

METHOD = "animate"


@dataclass(frozen=True, slots=True, eq=False)
class Animation:
    """``frames`` ``(n, h, w, 3)`` uint8 RGB; ``masks`` ``(n, h, w)`` float32: 1 where a pixel is not the portrait's own
    at its place; ``landmarks`` ``(n, 468, 3)`` float64 in pixels: where they were put. ``recipe``: plain JSON values,
    with head and mouth of every frame."""

    frames: Pixels
    masks: Floats
    landmarks: NDArray[np.float64]
    recipe: Mapping[str, Value]


def animate(
    pixels: Pixels,
    landmarks: Floats,
    motion: Motion,
    *,
    gain: float = 1.0,
    tell: Callable[[float], None] | None = None,
) -> Animation:
    """``pixels`` ``(h, w, 3)`` uint8 RGB with its ``landmarks`` ``(468, 3)`` moved by ``motion``, within what one
    photograph can show. The same for the same input. ``tell``: hears the share that is done.

    Raises :class:`DataError` for landmarks that span no face in the picture.
    """
    layers = layers_of(pixels, landmarks)
    motion = limited(motion)
    moved = drive(landmarks, motion, gain)
    frames, masks = list[Pixels](), list[Floats]()
    for number, points in enumerate(moved):
        frame, mask = frame_of(layers, points)
        frames.append(frame)
        masks.append(mask)
        if tell is not None:
            tell((number + 1) / len(moved))
    nod, turn, tilt = np.round(np.degrees(motion.turn), 2).T.tolist()
    recipe: dict[str, Value] = {
        "method": METHOD,
        "gain": gain,
        "rate_hz": round(motion.rate_hz, 3),
        "layers": 2 if layers.cut else 1,
        "nod_deg": nod,
        "turn_deg": turn,
        "tilt_deg": tilt,
        "mouth": [round(opening(points), 4) for points in moved],
    }
    return Animation(np.stack(frames), np.stack(masks), moved, recipe)
