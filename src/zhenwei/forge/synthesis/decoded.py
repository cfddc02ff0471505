"""Decoded faces: what a generator's decoder leaves in a genuine picture, or in a part of the face alone.

Pictures of text-to-image models are drawn in the latents of an autoencoder and decoded at the end, whatever they show;
a genuine picture that goes through the same autoencoder keeps its content and gains the decoder's traces (as training
material: Z. Wang et al., "DIRE", ICCV 2023; B. Chen et al., "DRCT", ICML 2024). The autoencoder is an argument:
``zhenwei.forge.latent`` has one.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from zhenwei.forge.synthesis.forgery import Forgery, Value
from zhenwei.forge.synthesis.masks import OUTLINES, check_face, draw_mask, face_part
from zhenwei.forge.synthesis.retouch import blend
from zhenwei.types import Floats, Pixels

METHOD = "decoded"
RoundTrip = Callable[[Pixels, float, np.random.Generator], Pixels]
"""A picture ``(h, w, 3)`` uint8 RGB, sides multiples of 8, and how strong the noise on its latents is, in their
deviations (0: none) -> the picture drawn anew, of the same size."""

LATENT_PX = 8
_MAX_PX = 256  # of the longer side that is drawn: what is larger is drawn at this size, and enlarged
_TRIPS, _TRIP_ODDS = (1, 2, 3), (0.65, 0.2, 0.15)
_WHOLE = 0.5  # how often all of the picture's face and what is around it is drawn
_NOISY = 0.35
_NOISE = (0.05, 0.3)


def decoded(pixels: Pixels, landmarks: Floats, rng: np.random.Generator, trip: RoundTrip) -> Forgery:
    """The face in ``pixels``, or a part of it, one to three times through ``trip``, with noise on the latents or not.

    ``pixels``: ``(height, width, 3)`` uint8 RGB. ``landmarks``: FaceMesh points ``(468, 2)`` or ``(468, 3)`` in pixels;
    they may reach beyond the border. Raises DataError if they span no face, are not finite, or lie mostly outside.
    Draws once from ``rng``.
    """
    return decoded_seeded(pixels, landmarks, int(rng.integers(2**53)), trip)


def decoded_seeded(pixels: Pixels, landmarks: Floats, seed: int, trip: RoundTrip) -> Forgery:
    """As ``decoded``, with every choice following from ``seed``."""
    place, target, local = face_part(pixels, check_face(pixels, landmarks))
    rng = np.random.default_rng(seed)
    height, width = target.shape[:2]
    trips = int(rng.choice(_TRIPS, p=_TRIP_ODDS))
    strength = float(rng.uniform(*_NOISE)) if rng.random() < _NOISY else 0.0
    shape, drawn = "picture", dict[str, Value]()
    mask = np.ones((height, width), np.float32)
    if rng.random() >= _WHOLE:
        shape = sorted(OUTLINES)[int(rng.integers(len(OUTLINES)))]
        mask, drawn = draw_mask(local, height, width, shape, rng)
    source = _through(target, trips, strength, rng, trip)
    forged, whole = pixels.copy(), np.zeros(pixels.shape[:2], np.float32)
    forged[place], whole[place] = blend(target, source, mask), mask
    recipe: dict[str, Value] = {"method": METHOD, "seed": seed, "trips": trips, "strength": round(strength, 4)}
    return Forgery(forged, whole, recipe | {"shape": shape} | drawn)


def _through(pixels: Pixels, trips: int, strength: float, rng: np.random.Generator, trip: RoundTrip) -> Pixels:
    """At a size that fits whole latents, its border repeated, and back to its own."""
    height, width = pixels.shape[:2]
    scale = min(1.0, _MAX_PX / max(height, width))
    small = pixels
    if scale < 1:
        size = (max(LATENT_PX, round(width * scale)), max(LATENT_PX, round(height * scale)))
        small = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    low, right = -small.shape[0] % LATENT_PX, -small.shape[1] % LATENT_PX
    out = np.asarray(cv2.copyMakeBorder(small, 0, low, 0, right, cv2.BORDER_REFLECT_101), np.uint8)
    for number in range(trips):
        out = trip(out, strength if number == 0 else 0.0, rng)
    out = np.ascontiguousarray(out[: small.shape[0], : small.shape[1]])
    if scale < 1:
        out = np.asarray(cv2.resize(out, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
    return out
