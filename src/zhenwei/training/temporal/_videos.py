"""``temporal.flicker`` from photographs set in motion: genuine clips, the same clips forged frame by frame, a network.

A photograph is moved as heads move, gets a camera's noise and changes of light; its forgery is the clip with a stretch
self-blended frame by frame (:mod:`zhenwei.forge.synthesis.temporal`), mixed in by an amount. Both go through the same
H.264. What the network sees is followed by the package's own tracker, as a user's clip is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from torch import Tensor
from torch.nn import functional

from zhenwei import faces
from zhenwei.errors import DataError, UsageError
from zhenwei.forge.synthesis import temporal
from zhenwei.nets.flicker import FRAMES, FlickerNet
from zhenwei.signals.flicker import CHANNELS, courses
from zhenwei.trainer.run import Schedule, Turn
from zhenwei.training.data.photographs import Photograph, largest_face
from zhenwei.training.data.video_codec import through_h264
from zhenwei.training.fit import fit
from zhenwei.types import Floats, Frame, Pixels, Strip

SEED = 20261123
EPOCHS = 60
FPS = 25.0
_LENGTH = FRAMES + 2  # second differences lose the ends
_KINDS = ("flicker", "jitter")
_AMOUNT = (0.15, 1.0)
_CRF = (16, 40)
_CONVERTED = 0.15  # share of clips in which frames are shown twice
_LIPS, _CHIN = (13, 14), 152  # points of the mesh
_LARGEST_PX = 352
_BLOCK = 16  # pixels
_BATCH, _LEARNING_RATE, _DECAY = 64, 3e-3, 0.02
_MIN_SEEN = 0.9  # of the frames
_LOOKED = 4  # frames that the face finder sees of a clip


@dataclass(frozen=True, slots=True, eq=False)
class VideoSample:
    """``courses`` ``(8, 48)`` float32; ``altered`` ``(48,)`` bool, frames that were forged. ``photograph``: by number,
    ``path`` and ``source`` of what was set in motion."""

    courses: Floats
    altered: NDArray[np.bool_]
    forged: bool
    photograph: int
    path: str
    source: str


def videos(
    photographs: Sequence[Photograph], purpose: int, times: int = 1, progress: Callable[[float], None] | None = None
) -> Iterator[VideoSample]:
    """Genuine and forged clips in turn, ``times`` of each photograph; those whose face is lost are left out."""
    for number, photograph in enumerate(photographs):
        if progress:
            progress(number / len(photographs))
        pixels = _within(photograph.pixels())
        face = largest_face(pixels)
        if face is None or face.landmarks is None:
            continue
        for time in range(times):
            rng = np.random.default_rng((SEED, purpose, number, time))
            for forged, (made, altered) in zip((False, True), both(pixels, face.landmarks, rng), strict=True):
                strip = followed(made)
                if strip is None or len(strip.times_s) != _LENGTH:
                    continue
                if np.isfinite(strip.landmarks[:, 0, 0]).mean() < _MIN_SEEN:
                    continue
                found = courses(strip.pixels, strip.landmarks)
                yield VideoSample(found, altered[1:-1], forged, number, photograph.path, photograph.source)


def both(
    pixels: Pixels, landmarks: Floats, rng: np.random.Generator
) -> tuple[tuple[Pixels, NDArray[np.bool_]], tuple[Pixels, NDArray[np.bool_]]]:
    """A genuine clip ``(50, h, w, 3)`` of a photograph and its forgery, with the frames that are altered."""
    frames, points = moving(pixels, landmarks, rng)
    drawn = temporal(frames, points, rng, kind=_KINDS[int(rng.integers(2))])
    amount = float(rng.uniform(*_AMOUNT))
    mixed = frames + amount * (drawn.frames.astype(np.float32) - frames)
    altered = np.asarray(drawn.masks.max(axis=(1, 2)) > 0)
    shown = _shown(rng)
    arrive = _arriving(rng, frames.shape)
    whole, forged = arrive(frames.astype(np.float32)[shown]), arrive(mixed[shown])
    return (whole, np.zeros(len(frames), np.bool_)), (forged, altered[shown])


def _shown(rng: np.random.Generator) -> NDArray[np.int64]:
    """Which frame is shown when: at times one in four or five twice, as where the rate was converted."""
    order = np.arange(_LENGTH)
    if rng.random() >= _CONVERTED:
        return order
    every = int(rng.integers(4, 6))
    return order - order // every  # the last of every four or five is the one before it, and all follow


def _arriving(rng: np.random.Generator, shape: tuple[int, ...]) -> Callable[[Floats], Pixels]:
    """A camera's noise, a lamp that flickers, a smaller size and H.264, drawn once for both clips."""
    crf, keyframes = int(rng.integers(*_CRF)), int(rng.integers(12, 60))
    noise = float(rng.uniform(0, 4)) * float(rng.random() < 0.7)
    lamp = 1 + float(rng.uniform(0, 0.012)) * float(rng.random() < 0.3) * rng.normal(size=(_LENGTH, 1, 1, 1))
    grain = rng.normal(0, noise, shape).astype(np.float32) if noise else np.float32(0)
    scale = float(rng.uniform(0.7, 1)) if rng.random() < 0.5 else 1.0
    size = int(shape[2] * scale) // _BLOCK * _BLOCK, int(shape[1] * scale) // _BLOCK * _BLOCK

    def arrive(frames: Floats) -> Pixels:
        lit = np.clip(np.rint(frames * lamp + grain), 0, 255).astype(np.uint8)
        small = np.stack([cv2.resize(f, size, interpolation=cv2.INTER_AREA) for f in lit])
        return through_h264(np.asarray(small, np.uint8), crf, keyframes)

    return arrive


def moving(pixels: Pixels, landmarks: Floats, rng: np.random.Generator) -> tuple[Pixels, Floats]:
    """A photograph ``(h, w, 3)`` set in motion: 50 frames, and where its points are in each ``(50, 468, 2)``."""
    height, width = pixels.shape[:2]
    side = min(height, width)
    down, across, turn, near, light, bent, bent_too = _course(rng, 7) * float(rng.uniform(0.1, 1.6))
    speech = (
        np.abs(_smoothed(rng, 1, float(rng.uniform(1.0, 3.0)))[0]) * float(rng.uniform(0, 1)) * (rng.random() < 0.7)
    )
    field, field_too = _field(height, width, 0.004 * side, rng), _field(height, width, 0.004 * side, rng)
    mouth = _mouth(landmarks, height, width)
    frames, points = [], []
    for t in range(_LENGTH):
        middle = (width / 2, height / 2)
        matrix = np.asarray(cv2.getRotationMatrix2D(middle, 2.0 * turn[t], 1 + 0.015 * near[t]), np.float64)
        matrix[:, 2] += (0.015 * side * across[t], 0.01 * side * down[t])
        bend = bent[t] * field + bent_too[t] * field_too + np.float32(speech[t]) * mouth
        frames.append(_drawn(pixels, matrix, bend, 1 + 0.02 * float(light[t])))
        points.append(_placed(landmarks[:, :2], matrix, bend))
    return np.stack(frames), np.stack(points).astype(np.float32)


def _course(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """``(count, 50)``: slow wandering with a share of quick motion, deviation about 1."""
    quick = float(rng.uniform(0, 0.3))
    slow = _smoothed(rng, count, float(rng.uniform(4, 14)))
    fast = _smoothed(rng, count, float(rng.uniform(1.2, 4)))
    return np.asarray((1 - quick) * slow + quick * fast)


def _smoothed(rng: np.random.Generator, count: int, frames: float) -> NDArray[np.float64]:
    drawn = gaussian_filter1d(rng.normal(size=(count, _LENGTH + 60)), frames, axis=1)[:, 30:-30]
    return np.asarray(drawn / max(float(drawn.std()), 1e-9))


def _mouth(landmarks: Floats, height: int, width: int) -> Floats:
    """Displacements ``(height, width, 2)`` of chin and lower lip when the mouth opens by a fiftieth of the face."""
    centre, chin = landmarks[_LIPS, :2].mean(0), landmarks[_CHIN, :2]
    reach = max(4.0, float(np.linalg.norm(chin - centre)))
    y, x = np.mgrid[:height, :width].astype(np.float32)
    at = centre + 0.6 * (chin - centre)
    weight = np.exp(-(((x - at[0]) / (1.2 * reach)) ** 2 + ((y - at[1]) / (0.8 * reach)) ** 2))
    out = np.zeros((height, width, 2), np.float32)
    out[..., 1] = 0.07 * reach * weight
    return out


def _field(height: int, width: int, strength: float, rng: np.random.Generator) -> Floats:
    """Smooth displacements ``(height, width, 2)`` in pixels."""
    coarse = rng.normal(size=(5, 5, 2)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC) * strength, np.float32)


def _drawn(pixels: Pixels, matrix: NDArray[np.float64], bend: Floats, gain: float) -> Pixels:
    height, width = pixels.shape[:2]
    back = cv2.invertAffineTransform(matrix)
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    from_x = back[0, 0] * x + back[0, 1] * y + back[0, 2] - bend[..., 0]
    from_y = back[1, 0] * x + back[1, 1] * y + back[1, 2] - bend[..., 1]
    drawn = cv2.remap(pixels, from_x.astype(np.float32), from_y.astype(np.float32), cv2.INTER_CUBIC,
                      borderMode=cv2.BORDER_REFLECT_101)  # fmt: skip
    return np.asarray(np.clip(np.rint(drawn * gain), 0, 255), np.uint8)


def _placed(points: Floats, matrix: NDArray[np.float64], bend: Floats) -> NDArray[np.float64]:
    """Where they lie after the move; the bend is small, so that of the new place serves for the old."""
    put = points @ matrix[:, :2].T + matrix[:, 2]
    row = np.clip(put[:, 1].round().astype(int), 0, bend.shape[0] - 1)
    column = np.clip(put[:, 0].round().astype(int), 0, bend.shape[1] - 1)
    return np.asarray(put + bend[row, column])


def _within(pixels: Pixels) -> Pixels:
    scale = min(1.0, _LARGEST_PX / max(pixels.shape[:2]))
    height, width = np.maximum(1, (np.array(pixels.shape[:2]) * scale).astype(int) // _BLOCK) * _BLOCK
    return np.asarray(cv2.resize(pixels, (int(width), int(height)), interpolation=cv2.INTER_AREA), np.uint8)


def followed(frames: Pixels) -> Strip | None:
    """The strip of the clip's most prominent person, as the pipeline would cut it; None where it sees nobody."""
    chosen = np.linspace(0, len(frames) - 1, _LOOKED).round().astype(int)
    sampled = tuple(Frame(i, int(c) / FPS, frames[c]) for i, c in enumerate(chosen))
    people = faces.find_people(sampled)
    if not people:
        return None
    track = max(people, key=lambda t: sum(f.quality.face_px for f in t.faces))
    passage = faces.find_passage(sampled, track, duration_s=len(frames) / FPS, fps=FPS)
    if passage is None:
        return None

    def dense() -> Iterator[Frame]:
        for number, pixels in enumerate(frames):
            left, top, right, bottom = passage.window(number / FPS)
            yield Frame(number, number / FPS, pixels[top:bottom, left:right])

    return faces.follow(passage, dense())


def train(
    learn: Sequence[VideoSample], *, epochs: int | None = None, tell: Callable[[float], None] | None = None
) -> FlickerNet:
    """Frames and clips by cross-entropy; genuine and forged weigh alike. Raises :class:`DataError` for too few."""
    courses = [one.courses for one in learn]
    frames_altered, labels = [one.altered for one in learn], [one.forged for one in learn]
    if not any(labels) or all(labels):
        raise DataError("too few clips to learn from", got=str(len(learn)), want="genuine and forged ones")
    epochs = EPOCHS if epochs is None else epochs
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    data = torch.from_numpy(np.stack(courses))  # (n, channels, 48)
    altered = torch.from_numpy(np.stack(frames_altered)).float()  # (n, 48)
    forged = torch.tensor(labels, dtype=torch.float32)
    net = FlickerNet(len(CHANNELS)).train()
    starts = range(0, len(data) - 1, _BATCH)
    order = np.arange(len(data))

    def loss(turn: Turn) -> Tensor:
        nonlocal order
        if turn.step % len(starts) == 0:
            order = rng.permutation(len(data))
        start = starts[turn.step % len(starts)]
        some = torch.from_numpy(order[start : start + _BATCH])
        shift = 0.1 * torch.randn(len(some), len(CHANNELS), 1)  # cameras differ in level
        answer = net(data[some] + shift)
        by_frame = functional.binary_cross_entropy_with_logits(answer.course, altered[some])
        return functional.binary_cross_entropy_with_logits(answer.score, forged[some]) + by_frame

    def rate(step: int, steps: int) -> float:
        return _LEARNING_RATE * 0.5 * (1 + math.cos(math.pi * (step // len(starts)) / (steps // len(starts))))

    optimizer = torch.optim.AdamW(net.parameters(), lr=_LEARNING_RATE, weight_decay=_DECAY)
    steps = epochs * len(starts)
    schedule = Schedule(steps, learning_rate=rate)
    return fit(net, optimizer, loss, schedule, tell=lambda made: tell(made / steps) if tell else None)


@torch.no_grad()
def scores(net: FlickerNet, some: Sequence[VideoSample]) -> Floats:
    """``(n,)``. Raises :class:`UsageError` for none."""
    if not some:
        raise UsageError("there is no clip to score", got="none", want="at least one")
    courses = np.stack([one.courses for one in some])
    found: Floats = net(torch.from_numpy(courses)).score.numpy()
    return found
