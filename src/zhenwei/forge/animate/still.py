"""One frame of an animation nobody acted: a portrait whose head turned and whose mouth and lids moved, as data."""

from __future__ import annotations

import numpy as np

from zhenwei.forge.animate.layers import layers_of
from zhenwei.forge.animate.motion import RIGID, Motion, drive, opening, unit_of
from zhenwei.forge.animate.speech import lid_drop, mouth_moves
from zhenwei.forge.animate.warp import frame_of
from zhenwei.forge.synthesis.forgery import Forgery, Value
from zhenwei.types import Floats, Pixels

METHOD = "animated"
_TURN_DEG = (5.0, 9.0, 4.0)  # nod, turn, tilt: deviations
_SPEAKS, _BLINKS = 0.7, 0.25


def animated(pixels: Pixels, landmarks: Floats, rng: np.random.Generator) -> Forgery:
    """``pixels`` ``(height, width, 3)`` uint8 RGB with its face, FaceMesh points ``(468, 3)`` in pixels, moved at
    random. Draws once from ``rng``. Raises DataError for landmarks that span no face in the picture."""
    return animated_seeded(pixels, landmarks, int(rng.integers(2**53)))


def animated_seeded(pixels: Pixels, landmarks: Floats, seed: int) -> Forgery:
    """As ``animated``, with every choice following from ``seed``."""
    rng = np.random.default_rng(seed)
    layers = layers_of(pixels, landmarks)
    rest = layers.landmarks
    neutral = (rest - rest[list(RIGID)].mean(0)) / unit_of(rest)
    turn = np.clip(rng.standard_normal(3), -2, 2) * np.radians(_TURN_DEG)
    open_, width = (rng.uniform(0.02, 0.22), rng.uniform(-0.04, 0.04)) if rng.random() < _SPEAKS else (0.0, 0.0)
    blink = rng.uniform(0.4, 1.0) if rng.random() < _BLINKS else 0.0
    expression = mouth_moves(np.array([[open_, width]])) + blink * lid_drop(neutral)
    shift, size = rng.uniform(-0.05, 0.05, (1, 2)), np.exp(rng.uniform(-0.04, 0.04, 1))
    moved = drive(landmarks, Motion(turn[None], size, shift, expression, neutral, 25.0))[0]
    frame, mask = frame_of(layers, moved)
    recipe: dict[str, Value] = {
        "method": METHOD,
        "seed": seed,
        "nod, turn, tilt in degrees": [round(float(angle), 2) for angle in np.degrees(turn)],
        "mouth": round(opening(moved), 4),
        "blink": round(float(blink), 3),
        "layers": 2 if layers.cut else 1,
    }
    return Forgery(frame, mask, recipe)
