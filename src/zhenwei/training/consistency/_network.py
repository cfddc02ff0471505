"""The network of ``consistency.exif`` from a synthetic camera: batches whose labels are exact, and its training loop.

A batch is made of groups. A group has two scenes, each shot by two cameras that differ in one setting or more, so that
neither what is shown nor the delivery tells who shot it: most groups are saved a last time alike. Agreement is learned
for all pairs of patches in the batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from zhenwei.nets.self_consistency import PATCH_PX, SelfConsistencyNet, agreement
from zhenwei.stats.metrics import auc
from zhenwei.trainer.checkpoints import save_state
from zhenwei.trainer.loop import ema_warmup
from zhenwei.trainer.precision import reduced_precision
from zhenwei.trainer.run import Schedule, Turn
from zhenwei.trainer.workers import OfStep
from zhenwei.training.data.camera import PROPERTIES, another, dead_leaves, draw_camera, saved
from zhenwei.training.fit import FitCheckpoint, fit
from zhenwei.types import Pixels

SEED = 20261123
SETTINGS = tuple(PROPERTIES.values())
GROUPS, PATCHES = 8, 2  # of a batch; of a picture
_SCENE_PX = 288  # the strongest resampling leaves more than a patch of it
_LEAVES = 0.3  # share of the scenes that are dead leaves
_SHARED = 0.75  # groups of one delivery
_ENCODED, _QUALITY = 0.7, (70, 99)
_LEARNING_RATE, _DECAY, _AVERAGE = 2e-3, 1e-4, 0.998
_NAMED = 0.5  # weight of naming the settings
_KEEP_EVERY = 200
_CHECKED = 8  # batches


@dataclass(frozen=True, slots=True, eq=False)
class Shots:
    """``patches``: ``(n, 3, 128, 128)`` float32 in [-1, 1]; ``settings``: ``(n, properties)`` int64, by number;
    ``images``: ``(n,)`` int64, which picture of the batch each is from."""

    patches: NDArray[np.float32]
    settings: NDArray[np.int64]
    images: NDArray[np.int64]


def shots(album: Sequence[Pixels], seed: tuple[int, ...], groups: int | None = None) -> Shots:
    """A batch from pictures ``(height, width, 3)`` uint8 of at least 96 px a side."""
    rng = np.random.default_rng(seed)
    patches: list[Pixels] = []
    settings: list[tuple[int, ...]] = []
    for _ in range(GROUPS if groups is None else groups):
        camera = draw_camera(rng)
        cameras = (camera, another(camera, rng))
        alike = rng.random() < _SHARED
        last = _draw_quality(rng)
        for scene in (_scene(album, rng), _scene(album, rng)):
            for each in cameras:
                image = each.shoot(scene, rng)
                image = _degraded(image, last if alike else _draw_quality(rng), rng)
                for _ in range(PATCHES):
                    patches.append(_cut(image, PATCH_PX, rng))
                    settings.append(each.settings())
    values = np.stack(patches).astype(np.float32).transpose(0, 3, 1, 2) / 127.5 - 1
    images = np.arange(len(patches), dtype=np.int64) // PATCHES
    return Shots(np.ascontiguousarray(values), np.array(settings, np.int64), images)


def _scene(album: Sequence[Pixels], rng: np.random.Generator) -> Pixels:
    """288 px a side, without traces of its own: photographs are made smaller first, four beside each other."""
    if rng.random() < _LEAVES:
        return dead_leaves(_SCENE_PX, rng)
    half = _SCENE_PX // 2
    rows = [np.hstack([_part(album, half, rng) for _ in range(2)]) for _ in range(2)]
    return np.vstack(rows)


def _part(album: Sequence[Pixels], side: int, rng: np.random.Generator) -> Pixels:
    pixels = album[int(rng.integers(len(album)))]
    least = side / min(pixels.shape[:2])
    scale = max(least, float(rng.uniform(0.5, 0.8)))
    size = (math.ceil(pixels.shape[1] * scale), math.ceil(pixels.shape[0] * scale))
    small = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    part = _cut(small, side, rng)
    return part[:, ::-1] if rng.random() < 0.5 else part


def _draw_quality(rng: np.random.Generator) -> int | None:
    return int(rng.integers(*_QUALITY)) if rng.random() < _ENCODED else None


def _degraded(image: Pixels, quality: int | None, rng: np.random.Generator) -> Pixels:
    """Cut at a random place, so that no grid lies where it was, and saved."""
    top, left = rng.integers(0, 8, 2).tolist()
    image = np.ascontiguousarray(image[top:, left:])
    return image if quality is None else saved(image, quality)


def _cut(pixels: Pixels, side: int, rng: np.random.Generator) -> Pixels:
    top = int(rng.integers(0, pixels.shape[0] - side + 1))
    left = int(rng.integers(0, pixels.shape[1] - side + 1))
    return pixels[top : top + side, left : left + side]


def agreed(settings: Tensor) -> Tensor:
    """``(n, properties)`` to ``(n, n, properties + 1)`` float32: 1 where a pair shares the setting; last, all."""
    same = settings[:, None] == settings[None]
    return torch.cat([same, same.all(-1, keepdim=True)], dim=-1).float()


def loss_of(net: SelfConsistencyNet, batch: Shots) -> Tensor:
    """Agreement of all pairs, each property and both answers weighing alike, and the settings by name."""
    settings = torch.from_numpy(batch.settings)
    patches = torch.from_numpy(batch.patches).contiguous(memory_format=torch.channels_last)
    with reduced_precision(torch.device("cpu")):
        features = net.features(patches).float()
    logits, truth = agreement(net.place(features)), agreed(settings)
    pairs = ~torch.eye(len(settings), dtype=torch.bool)
    logits, truth = logits[pairs], truth[pairs]
    positive = truth.mean(0).clamp(0.01, 0.99)
    weight = torch.where(truth > 0, 0.5 / positive, 0.5 / (1 - positive))
    pairwise = functional.binary_cross_entropy_with_logits(logits, truth, weight=weight)
    named = [functional.cross_entropy(head, settings[:, i]) for i, head in enumerate(net.settings(features))]
    return pairwise + _NAMED * torch.stack(named).mean()


def check(net: SelfConsistencyNet, album: Sequence[Pixels], batches: int | None = None) -> dict[str, float]:
    """AUC of agreement on pairs of different pictures, for each property and for all ("camera")."""
    net.eval()
    scores: list[NDArray[np.float32]] = []
    truths: list[NDArray[np.float32]] = []
    with torch.no_grad():
        for number in range(_CHECKED if batches is None else batches):
            batch = shots(album, (SEED, 2, number))
            logits, truth = agreement(net(torch.from_numpy(batch.patches))), agreed(torch.from_numpy(batch.settings))
            apart = torch.from_numpy(batch.images[:, None] < batch.images[None])
            scores.append(logits[apart].numpy())
            truths.append(truth[apart].numpy())
    score, truth_of = np.concatenate(scores), np.concatenate(truths) > 0
    return {name: auc(truth_of[:, i], score[:, i]) for i, name in enumerate([*PROPERTIES, "camera"])}


def train(
    album: Sequence[Pixels],
    output: Path,
    *,
    steps: int,
    resume: bool = False,
    stop_after: int | None = None,
    tell: Callable[[int], None] | None = None,
) -> SelfConsistencyNet:
    """Learns for ``steps`` batches and returns the running average of the weights, which ``output/best.pt`` holds too.

    ``output/last.pt`` is written every 200 steps and at the end; ``resume`` goes on from there. Raises
    :class:`DataError` for a checkpoint that is none, and for a loss that is no number.
    """
    torch.manual_seed(SEED)
    output.mkdir(parents=True, exist_ok=True)
    net = SelfConsistencyNet(SETTINGS)
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(net.parameters(), lr=_LEARNING_RATE, weight_decay=_DECAY)

    def loss(turn: Turn) -> Tensor:
        return loss_of(net.train(), turn.batch)

    def rate(step: int, steps: int) -> float:
        return _LEARNING_RATE * min(1, (step + 1) / 100) * 0.5 * (1 + math.cos(math.pi * step / max(1, steps)))

    average = fit(
        net,
        optimizer,
        loss,
        Schedule(steps, save_every=_KEEP_EVERY, learning_rate=rate, ema=lambda made: ema_warmup(_AVERAGE, made - 1)),
        state=FitCheckpoint(output / "last.pt", resume),
        clip_norm=2.0,
        batches=OfStep(lambda step: shots(album, (SEED, 1, step))),
        stop_after=stop_after,
        tell=tell or (lambda _step: None),
    )
    save_state(average.state_dict(), output / "best.pt")
    return average
