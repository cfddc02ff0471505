"""How a forged source comes to differ from its target: colour, detail, compression. Plain functions on pictures.

Each returns the changed picture, ``(height, width, 3)`` uint8 of the same shape, and what was drawn.
"""

from __future__ import annotations

import cv2
import numpy as np

from zhenwei.forge.synthesis.forgery import Value
from zhenwei.types import Floats, Pixels

_TO_YUV = np.array([[0.299, 0.587, 0.114], [-0.1687, -0.3313, 0.5], [0.5, -0.4187, -0.0813]])
_FROM_YUV = np.linalg.inv(_TO_YUV)
_INTERPOLATIONS = {"linear": cv2.INTER_LINEAR, "cubic": cv2.INTER_CUBIC, "area": cv2.INTER_AREA}


def recolour(pixels: Pixels, strength: float, rng: np.random.Generator) -> tuple[Pixels, dict[str, Value]]:
    """Shift channels, hue, saturation, brightness and contrast, each up to ``strength`` (1 = plainly visible).

    Published self-blending gives its hue, saturation and value limits as 0.3 of units that run to 180 and 255, so that
    the step does nothing; here hue turns by up to 12 degrees and saturation changes by up to a quarter. It is one
    affine map of the colours, so no 8-bit HSV round trip leaves its own traces.
    """
    hue = float(rng.uniform(-12, 12)) * strength
    saturation = 1 + float(rng.uniform(-0.25, 0.25)) * strength
    contrast = 1 + float(rng.uniform(-0.15, 0.15)) * strength
    shift = rng.uniform(-14, 14, 3) * strength + rng.uniform(-14, 14) * strength
    shift *= np.clip(float(pixels[::4, ::4].mean()) / 110, 0.25, 1.0)  # what is subtle by day glares at night
    turn = np.deg2rad(hue)
    chroma = saturation * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    matrix = np.eye(3)
    matrix[1:, 1:] = chroma
    matrix = contrast * (_FROM_YUV @ matrix @ _TO_YUV)
    offset = shift + 128 * (1 - contrast)
    changed = cv2.transform(pixels, np.hstack([matrix, offset[:, None]]))
    drawn: dict[str, Value] = {"hue_deg": round(hue, 3), "saturation": round(saturation, 4)}
    drawn |= {"contrast": round(contrast, 4), "shift": [round(float(s), 3) for s in shift]}
    return np.asarray(changed, dtype=np.uint8), drawn


def degrade(pixels: Pixels, rng: np.random.Generator) -> tuple[Pixels, dict[str, Value]]:
    """Change the fineness of detail, as a generator does: always in one way, often in two."""
    ways = ("resample", "sharpen", "blur", "smooth", "compress")
    count = 1 + int(rng.random() < 0.4)
    names = [ways[i] for i in rng.choice(len(ways), size=count, replace=False, p=(0.4, 0.2, 0.15, 0.1, 0.15))]
    drawn: dict[str, Value] = {"detail": list(names)}
    for name in names:
        pixels, amount = _WAYS[name](pixels, rng)
        drawn[name] = round(amount, 4)
    return pixels, drawn


def resample(pixels: Pixels, factor: float, rng: np.random.Generator) -> Pixels:
    """Down by ``factor`` and back up, with interpolations drawn at random."""
    height, width = pixels.shape[:2]
    small = (max(2, round(width / factor)), max(2, round(height / factor)))
    down, up = ("area", "linear", "cubic")[int(rng.integers(3))], ("linear", "cubic")[int(rng.integers(2))]
    shrunk = cv2.resize(pixels, small, interpolation=_INTERPOLATIONS[down])
    return np.asarray(cv2.resize(shrunk, (width, height), interpolation=_INTERPOLATIONS[up]), dtype=np.uint8)


def compress(pixels: Pixels, quality: int) -> Pixels:
    """Through JPEG and back, at ``quality`` in 1..100."""
    _, data = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
    return np.ascontiguousarray(np.asarray(decoded, dtype=np.uint8)[..., ::-1])


def blend(target: Pixels, source: Pixels, mask: Floats) -> Pixels:
    """``source`` where ``mask`` is 1, ``target`` where it is 0, and exactly ``target`` there."""
    base = target.astype(np.float32)
    base += (source.astype(np.float32) - base) * mask[..., None]
    return np.asarray(np.rint(base), dtype=np.uint8)


def _resampled(pixels: Pixels, rng: np.random.Generator) -> tuple[Pixels, float]:
    factor = float(np.exp(rng.uniform(np.log(1.3), np.log(4.0))))
    return resample(pixels, factor, rng), factor


def _sharpened(pixels: Pixels, rng: np.random.Generator) -> tuple[Pixels, float]:
    amount = float(rng.uniform(0.3, 1.0))
    soft = cv2.GaussianBlur(pixels, (0, 0), float(rng.uniform(0.8, 1.6)))
    return np.asarray(cv2.addWeighted(pixels, 1 + amount, soft, -amount, 0), dtype=np.uint8), amount


def _blurred(pixels: Pixels, rng: np.random.Generator) -> tuple[Pixels, float]:
    sigma_px = float(rng.uniform(0.5, 1.6)) * max(pixels.shape[:2]) / 224
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), max(0.4, sigma_px)), dtype=np.uint8), sigma_px


def _smoothed(pixels: Pixels, rng: np.random.Generator) -> tuple[Pixels, float]:
    """Flat skin with edges kept: a median, mixed in."""
    amount = float(rng.uniform(0.5, 1.0))
    flat = cv2.medianBlur(pixels, 5 if rng.random() < 0.5 else 3)
    return np.asarray(cv2.addWeighted(flat, amount, pixels, 1 - amount, 0), dtype=np.uint8), amount


def _compressed(pixels: Pixels, rng: np.random.Generator) -> tuple[Pixels, float]:
    quality = int(rng.integers(25, 80))
    return compress(pixels, quality), float(quality)


_WAYS = {
    "resample": _resampled,
    "sharpen": _sharpened,
    "blur": _blurred,
    "smooth": _smoothed,
    "compress": _compressed,
}
