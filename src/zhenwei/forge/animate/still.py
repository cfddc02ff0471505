"""A frame and a clip of an animation nobody acted, as data: a portrait whose head turned, mouth and lids moved.

Of a still and its landmarks, which may be those that a data set keeps, without depth.
"""

from __future__ import annotations

import numpy as np

from zhenwei.forge.animate.animation import animate
from zhenwei.forge.animate.layers import Layers, layers_of
from zhenwei.forge.animate.motion import RIGID, Motion, Points, drive, opening, unit_of, with_depth
from zhenwei.forge.animate.speech import lid_drop, mouth_moves, speaking
from zhenwei.forge.animate.warp import frame_of
from zhenwei.forge.puppet import mean_mesh
from zhenwei.forge.synthesis.forgery import Forgery, Value
from zhenwei.forge.synthesis.masks import check_face
from zhenwei.forge.synthesis.temporal import VideoForgery
from zhenwei.types import Floats, Pixels

METHOD = "animated"
_TURN_DEG = (5.0, 9.0, 4.0)  # nod, turn, tilt: deviations
_SPEAKS, _BLINKS = 0.7, 0.25
_RATE_HZ = 25.0


def animated(pixels: Pixels, landmarks: Floats, rng: np.random.Generator) -> Forgery:
    """``pixels`` ``(height, width, 3)`` uint8 RGB with its face, FaceMesh points ``(468, 3)`` in pixels, or
    ``(468, 2)``, moved at random. Draws once from ``rng``. Raises DataError for landmarks that span no face in the
    picture."""
    return animated_seeded(pixels, landmarks, int(rng.integers(2**53)))


def animated_seeded(pixels: Pixels, landmarks: Floats, seed: int, layers: Layers | None = None) -> Forgery:
    """As ``animated``, with every choice following from ``seed``. ``layers``: of :func:`layers_of` the same still,
    where many are made of it, since they cost ten times as much as the rest."""
    rng = np.random.default_rng(seed)
    rest = _solid(pixels, landmarks)
    layers = layers or layers_of(pixels, rest)
    neutral = (layers.landmarks - layers.landmarks[list(RIGID)].mean(0)) / unit_of(layers.landmarks)
    turn = np.clip(rng.standard_normal(3), -2, 2) * np.radians(_TURN_DEG)
    open_, width = (rng.uniform(0.02, 0.22), rng.uniform(-0.04, 0.04)) if rng.random() < _SPEAKS else (0.0, 0.0)
    blink = rng.uniform(0.4, 1.0) if rng.random() < _BLINKS else 0.0
    expression = mouth_moves(np.array([[open_, width]])) + blink * lid_drop(neutral)
    shift, size = rng.uniform(-0.05, 0.05, (1, 2)), np.exp(rng.uniform(-0.04, 0.04, 1))
    moved = drive(rest, Motion(turn[None], size, shift, expression, neutral, 25.0))[0]
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


def animated_clip(pixels: Pixels, landmarks: Floats, rng: np.random.Generator, frames: int = 32) -> VideoForgery:
    """``pixels`` and ``landmarks`` as of :func:`animated`, as a clip of ``frames`` at 25 Hz: the head sways, lids
    blink, and mostly the mouth speaks, at the pace of syllables. Every frame is forged of the same still. Draws once
    from ``rng``. Raises DataError for landmarks that span no face in the picture."""
    return animated_clip_seeded(pixels, landmarks, int(rng.integers(2**53)), frames)


def animated_clip_seeded(pixels: Pixels, landmarks: Floats, seed: int, frames: int = 32) -> VideoForgery:
    """As ``animated_clip``, with every choice following from ``seed`` and ``frames``."""
    rng = np.random.default_rng(seed)
    rest = _solid(pixels, landmarks)
    mouth = _syllables(frames, rng) if rng.random() < _SPEAKS else np.zeros((frames, 2))
    made = animate(pixels, rest, speaking(rest, mouth, _RATE_HZ, rng))
    recipe = dict(made.recipe) | {"method": METHOD, "seed": seed, "kind": "clip", "frames": frames}
    return VideoForgery(made.frames, np.zeros(frames, np.int64), made.masks, recipe)


def _syllables(frames: int, rng: np.random.Generator) -> Points:
    """Opening and change of width ``(frames, 2)`` of a mouth that says three to six syllables a second."""
    at = np.arange(frames) / _RATE_HZ
    wave = np.sin(2 * np.pi * rng.uniform(3, 6) * at + rng.uniform(0, 6)) + 0.6 * np.sin(2 * np.pi * 1.7 * at)
    strength, width = rng.uniform(0.05, 0.14), rng.uniform(-0.03, 0.03)
    return np.stack([np.clip(strength * wave, 0, None), width * np.sin(2 * np.pi * 1.1 * at)], axis=1)


def _solid(pixels: Pixels, landmarks: Floats) -> Floats:
    """Landmarks ``(468, 3)`` that were found to be a face's."""
    check_face(pixels, landmarks)
    return with_depth(landmarks, mean_mesh()).astype(np.float32)
