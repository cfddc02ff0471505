"""A synthetic camera of known settings, to learn which traces of a pipeline two places of a picture share.

M. Huh et al. ("Fighting Fake News: Image Splice Detection via Learned Self-Consistency", ECCV 2018) let a network say
for two patches whether they agree in each EXIF field, learned from 400,000 photographs. Here every setting that such
fields stand for is applied to a scene by ourselves, so that labels are exact: lens, white balance, noise, demosaicing,
denoising, tone curve, sharpening, resampling, compression.
"""

from __future__ import annotations

import io
from dataclasses import astuple, dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from zhenwei.types import Floats, Pixels

_LENS = (0.0, 0.7, 1.2, 2.0)  # Gaussian blur, pixels
_TINTS = ((1.0, 1.0), (1.2, 0.85), (0.85, 1.2), (1.08, 0.7), (0.8, 0.95))  # gains of red and blue
_NOISE = (0.0, 0.006, 0.014, 0.03, 0.06)  # deviation at full scale, linear light; shot noise
_MOSAICS = (0, cv2.COLOR_BayerBG2RGB, cv2.COLOR_BayerBG2RGB_EA, cv2.COLOR_BayerBG2RGB_VNG)
_DENOISING = ("none", "chroma", "bilateral")
_TONES = ("gamma 2.2", "gamma 1.7", "contrast", "flat")
_SHARPENING = ((0.0, 1.0), (0.7, 1.0), (1.4, 1.0), (1.0, 2.5))  # amount, radius in pixels
_SCALES = ((1.0, 0), (0.75, cv2.INTER_AREA), (0.62, cv2.INTER_CUBIC), (1.3, cv2.INTER_LINEAR), (1.55, cv2.INTER_CUBIC))
_FLAT = [16 + 2 * ((i // 8) + (i % 8)) // 3 for i in range(64)]  # tables unlike libjpeg's: nearly alike at every step
_JPEGS: tuple[tuple[int, int, list[int] | None] | None, ...] = (
    None,
    (95, 0, None),
    (85, 2, None),
    (70, 2, None),
    (50, 0, None),
    (0, 2, _FLAT),
)  # quality, Pillow's subsampling, tables

PROPERTIES = {
    "lens": len(_LENS),
    "white balance": len(_TINTS),
    "noise": len(_NOISE),
    "demosaicing": len(_MOSAICS),
    "denoising": len(_DENOISING),
    "tone": len(_TONES),
    "sharpening": len(_SHARPENING),
    "resampling": len(_SCALES),
    "compression": len(_JPEGS),
}
"""Each imaging property with the number of its settings; their order is that of the fields of :class:`Camera`."""

_USUAL = (0.4, 0.3, 0.3, 0.0, 0.4, 0.4, 0.3, 0.4, 0.15)  # odds of the first setting beyond its fair share


@dataclass(frozen=True, slots=True)
class Camera:
    """Settings by number, in the order of the pipeline and of :data:`PROPERTIES`."""

    lens: int = 0
    white_balance: int = 0
    noise: int = 0
    demosaicing: int = 0
    denoising: int = 0
    tone: int = 0
    sharpening: int = 0
    resampling: int = 0
    compression: int = 0

    def settings(self) -> tuple[int, ...]:
        return astuple(self)

    def shoot(self, scene: Pixels, rng: np.random.Generator) -> Pixels:
        """``scene``: ``(height, width, 3)`` uint8 RGB, of even sides; what this camera makes of it, uint8 too, in the
        size that its resampling leaves. Only the noise is drawn from ``rng``."""
        light: Floats = np.asarray((scene / np.float32(255)) ** np.float32(2.2), np.float32)
        if _LENS[self.lens]:
            light = np.asarray(cv2.GaussianBlur(light, (0, 0), _LENS[self.lens]), np.float32)
        red, blue = _TINTS[self.white_balance]
        light = np.asarray(light * np.array([red, 1, blue], np.float32), np.float32)
        shown = _denoised(self._sensed(light, rng), _DENOISING[self.denoising])
        shown = _sharpened(_toned(shown, _TONES[self.tone]), *_SHARPENING[self.sharpening])
        return _saved(_scaled(_bytes(shown), *_SCALES[self.resampling]), _JPEGS[self.compression])

    def _sensed(self, light: Floats, rng: np.random.Generator) -> Floats:
        """Noise, mosaic and its filling in; the square root of light in [0, 1], as cameras keep it in few bits."""
        level = _NOISE[self.noise]
        if level:
            deviation = level * np.sqrt(np.maximum(light, 0) + 0.02)
            light = np.asarray(light + deviation * rng.standard_normal(light.shape, np.float32), np.float32)
        kept = np.sqrt(np.clip(light, 0, 1), dtype=np.float32)
        if not self.demosaicing:
            return np.asarray(kept, np.float32)
        filled = cv2.cvtColor(mosaic(_bytes(kept)), _MOSAICS[self.demosaicing])
        return np.asarray(filled / np.float32(255), np.float32)


def draw_camera(rng: np.random.Generator) -> Camera:
    """Every setting by itself; the plain one more often, as in the wild."""
    drawn = []
    for count, more in zip(PROPERTIES.values(), _USUAL, strict=True):
        drawn.append(0 if rng.random() < more else int(rng.integers(count)))
    return Camera(*drawn)


def another(camera: Camera, rng: np.random.Generator) -> Camera:
    """One that differs in one setting to all of them."""
    names = list(camera.__dataclass_fields__)
    changed = rng.permutation(len(names))[: int(rng.integers(1, len(names) + 1))]
    counts = list(PROPERTIES.values())
    others = {names[i]: (camera.settings()[i] + int(rng.integers(1, counts[i]))) % counts[i] for i in changed}
    return replace(camera, **others)


def mosaic(pixels: Pixels) -> Pixels:
    """``(height, width)`` uint8: of every pixel of ``(height, width, 3)`` the one colour that lies behind its filter,
    rows of red and green above rows of green and blue."""
    plane = pixels[..., 1].copy()
    plane[0::2, 0::2] = pixels[0::2, 0::2, 0]
    plane[1::2, 1::2] = pixels[1::2, 1::2, 2]
    return plane


def _denoised(shown: Floats, way: str) -> Floats:
    if way == "none":
        return shown
    if way == "bilateral":
        return np.asarray(cv2.bilateralFilter(shown, 5, 0.06, 2.0), np.float32)
    ycc = cv2.cvtColor(shown, cv2.COLOR_RGB2YCrCb)
    ycc[..., 1:] = cv2.GaussianBlur(ycc[..., 1:], (0, 0), 2.0)
    return np.asarray(cv2.cvtColor(ycc, cv2.COLOR_YCrCb2RGB), np.float32)


def _toned(shown: Floats, way: str) -> Floats:
    """From the square root of light to what is shown."""
    light = np.clip(shown, 0, 1)
    if way == "gamma 2.2":
        return np.asarray(light ** np.float32(2 / 2.2), np.float32)
    if way == "gamma 1.7":
        return np.asarray(light ** np.float32(2 / 1.7), np.float32)
    if way == "contrast":
        return np.asarray(light * light * (3 - 2 * light), np.float32)
    return np.asarray(0.08 + 0.84 * light ** np.float32(0.8), np.float32)


def _sharpened(shown: Floats, amount: float, radius: float) -> Floats:
    if not amount:
        return shown
    soft = cv2.GaussianBlur(shown, (0, 0), radius)
    return np.asarray(shown + np.float32(amount) * (shown - soft), np.float32)


def _scaled(pixels: Pixels, scale: float, kernel: int) -> Pixels:
    if scale == 1:
        return pixels
    return np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=kernel), np.uint8)


def _saved(pixels: Pixels, how: tuple[int, int, list[int] | None] | None) -> Pixels:
    if how is None:
        return pixels
    quality, subsampling, table = how
    return saved(pixels, quality, subsampling, table)


def saved(pixels: Pixels, quality: int, subsampling: int = 2, table: list[int] | None = None) -> Pixels:
    """As JPEG and back. ``table``: 64 steps that take the place of ``quality``."""
    stream = io.BytesIO()
    options = {"qtables": [table, table]} if table else {"quality": quality}
    Image.fromarray(pixels).save(stream, "JPEG", subsampling=subsampling, **options)
    with Image.open(io.BytesIO(stream.getvalue())) as image:
        return np.asarray(image, np.uint8)


def _bytes(shown: NDArray[np.floating]) -> Pixels:
    return np.asarray(np.rint(np.clip(shown, 0, 1) * 255), np.uint8)


def dead_leaves(side: int, rng: np.random.Generator) -> Pixels:
    """A scene of discs that hide each other, of all sizes: the edges and flats of natural pictures (A. Lee, D. Mumford
    & J. Huang 2001), free of any camera's traces. ``(side, side, 3)`` uint8."""
    scene = np.full((side, side, 3), rng.integers(0, 256, 3), np.uint8)
    radii = np.sort(np.minimum(side / 2, 3 / np.maximum(rng.random(150), 0.02)))[::-1]
    for radius in radii:
        centre, colour = rng.integers(0, side, 2).tolist(), rng.integers(0, 256, 3).tolist()
        cv2.circle(scene, centre, max(1, int(radius)), colour, -1, cv2.LINE_AA)
    grain = cv2.resize(rng.standard_normal((side // 4, side // 4), np.float32), (side, side))
    shade = 1 + 0.15 * rng.random() * np.asarray(grain, np.float32)[..., None]
    return np.asarray(np.clip(scene * shade, 0, 255), np.uint8)
