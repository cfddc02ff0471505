"""The networks of the fingerprint family: small generators, classifiers of sources, and the experiment with seeds.

Sources are cameras (two collections of photographs), StyleGAN, and generators made here: two ways of enlarging, two
seeds each, that draw the very same faces. Telling two of these apart that differ in nothing but the seed is the
experiment of N. Yu, L. Davis, M. Fritz (ICCV 2019). Every picture goes through a delivery drawn regardless of its
source, before it is cut or after ("immunisation"), so that neither format nor size is a source's mark.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from zhenwei.detectors.fingerprint._sources import CONTRACT, MADE, SOURCES
from zhenwei.errors import DataError
from zhenwei.nets.efficientnet_lite import EfficientNetLite, load_imagenet
from zhenwei.nets.fingerprint import Generator, LearnedFingerprint, ResidualFingerprint
from zhenwei.stats import Estimate
from zhenwei.stats.intervals import rate_interval
from zhenwei.trainer.precision import reduced_precision
from zhenwei.trainer.run import Schedule, Turn
from zhenwei.trainer.supervised import to_input
from zhenwei.trainer.workers import OfStep
from zhenwei.training.data.portraits import ImageDegradation, LabelledPortrait, as_cut, draw_degradation, parted
from zhenwei.training.fit import FitCheckpoint, apart_from, fit
from zhenwei.training.imagenet import imagenet_state
from zhenwei.types import Floats, Pixels

SEED = 20261123
HELD_OUT = 0.25
STEPS, RESIDUAL_STEPS, GENERATOR_STEPS = 400, 1200, 500
_SHARE = {"ffhq": 12, "pixabay": 8, "stylegan": 12}  # pictures of a source in a batch; the made ones are told easily
_OTHERWISE = 4
_DRAWN = 16
_BATCHES = 12  # that the least similarities are measured on
_LEARNING_RATE, _OF_TRUNK, _DECAY = 2e-3, 0.2, 0.02
_RECONSTRUCTION = 5.0
_ACCEPTED = 0.95  # of a source's own held-out pictures
_KEEP_EVERY = 100
_RAW, _CPU = ImageDegradation(), torch.device("cpu")
Tell = Callable[[str, float], None]


@dataclass(frozen=True, slots=True, eq=False)
class PortraitsBySource:
    """Portraits by source, and the crops that the generators redraw: ``faces`` ``(n, 192, 192, 3)`` uint8."""

    portraits: Mapping[str, Sequence[LabelledPortrait]]
    faces: Pixels


def albums(portraits: Sequence[LabelledPortrait]) -> tuple[PortraitsBySource, PortraitsBySource]:
    """To learn from, and held out by name; test rows are in neither."""
    made = []
    for mine in parted([p for p in portraits if not p.test], HELD_OUT, lambda p: p.path):
        by_source: dict[str, list[LabelledPortrait]] = {name: [] for name in SOURCES if name not in MADE}
        for portrait in mine:
            if portrait.source in by_source:
                by_source[portrait.source].append(portrait)
        lacking = [name for name, some in by_source.items() if not some]
        if lacking:
            raise DataError("the pictures cannot serve this training", got=f"none of {', '.join(lacking)}")
        faces = np.stack([as_cut(p, p.pixels(), _RAW, CONTRACT) for p in by_source["ffhq"]])
        made.append(PortraitsBySource(by_source, faces))
    return made[0], made[1]


def train_generator(name: str, faces: Pixels, steps: int | None = None) -> Generator:
    """``name``: "enlarger seed", as in ``MADE``. Draws ``faces`` from a code of a quarter of their size."""
    enlarger, seed = name.split()
    steps = GENERATOR_STEPS if steps is None else steps
    torch.manual_seed(SEED + int(seed))
    rng = np.random.default_rng((SEED, int(seed)))
    net = Generator(enlarger)
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def loss(_: Turn) -> Tensor:
        batch = to_input(faces[rng.integers(0, len(faces), _DRAWN)], _CPU)
        with reduced_precision(_CPU):
            return functional.l1_loss(net(batch).float(), batch)

    def rate(step: int, steps: int) -> float:
        return 2e-3 * 0.5 * (1 + math.cos(math.pi * step / steps))

    return fit(net, torch.optim.Adam(net.parameters(), lr=2e-3), loss, Schedule(steps, learning_rate=rate))


@torch.no_grad()
def redrawn(net: Generator, faces: Pixels) -> Pixels:
    """``faces`` as the generator draws them."""
    parts = [net(to_input(faces[start : start + 32], _CPU)) for start in range(0, len(faces), 32)]
    values = torch.cat(parts).clamp(-1, 1).permute(0, 2, 3, 1).numpy()
    return np.asarray(np.rint((values + 1) * 127.5), np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class SourceImages:
    """An album with what every generator drew of its faces. ``drawn``: by generator, ``(n, 192, 192, 3)`` uint8."""

    album: PortraitsBySource
    drawn: Mapping[str, Pixels]

    def one(self, source: str, number: int, degradation: ImageDegradation, *, late: bool) -> Pixels:
        """``late``: delivered after it was cut out and not before."""
        if source in self.drawn:
            some = self.drawn[source]
            return degraded(some[number % len(some)], degradation)
        portraits = self.album.portraits[source]
        portrait = portraits[number % len(portraits)]
        if late:
            return degraded(as_cut(portrait, portrait.pixels(), _RAW, CONTRACT), degradation)
        return as_cut(portrait, portrait.pixels(), degradation, CONTRACT)

    def batch(self, seed: tuple[int, ...]) -> tuple[Pixels, NDArray[np.int64]]:
        """Some of every source, in order, delivered."""
        rng = np.random.default_rng(seed)
        pixels, labels = [], []
        for label, source in enumerate(SOURCES):
            for _ in range(_SHARE.get(source, _OTHERWISE)):
                number, late = int(rng.integers(1 << 30)), rng.random() < 0.5
                pixels.append(self.one(source, number, draw_degradation(rng), late=late))
                labels.append(label)
        return np.stack(pixels), np.array(labels, np.int64)


def degraded(face: Pixels, degradation: ImageDegradation) -> Pixels:
    """A crop of 192 px through a delivery and back to its size."""
    arrived = degradation.apply(face)
    if arrived.shape == face.shape:
        return arrived
    method = cv2.INTER_AREA if arrived.shape[0] > face.shape[0] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(arrived, face.shape[1::-1], interpolation=method), np.uint8)


def train(
    images: SourceImages,
    output: Path,
    *,
    steps: tuple[int, int] = (STEPS, RESIDUAL_STEPS),
    resume: bool = False,
    tell: Tell | None = None,
) -> tuple[LearnedFingerprint, ResidualFingerprint]:
    """Both networks, one after the other, from the same batches; the templates learn for longer. ``steps``: of each.

    ``output/last.pt`` and ``output/last.residual.pt`` are written every 100 steps and at the end. Raises
    :class:`DataError` for a checkpoint that is none, and for a loss that is no number.
    """
    output.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(SEED)
    trunk = EfficientNetLite("lite0")
    load_imagenet(trunk, imagenet_state("lite0"))
    learned = LearnedFingerprint(len(SOURCES), trunk)
    part = _Part(
        learned, _groups(learned), _loss_of_learned, steps[0], output / "last.pt", "learning sources", "--steps"
    )
    learn(part, images, resume=resume, tell=tell)
    torch.manual_seed(SEED)
    residual = ResidualFingerprint(len(SOURCES))
    every: Groups = [{"params": list(residual.parameters()), "share": 1.0}]
    path = output / "last.residual.pt"
    part = _Part(residual, every, _loss_of_residual, steps[1], path, "learning templates", "--residual-steps")
    learn(part, images, resume=resume, tell=tell)
    return learned, residual


Groups = list[dict[str, Any]]


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    net: nn.Module
    groups: Groups
    loss: Callable[[Any, Tensor, Tensor], Tensor]
    steps: int
    path: Path
    name: str
    option: str


def learn(part: _Part, images: SourceImages, *, resume: bool = False, tell: Tell | None = None) -> None:
    """To the end of ``part``; leaves its network ready to answer."""
    net, steps = part.net.to(memory_format=torch.channels_last), part.steps  # type: ignore[call-overload]

    def loss(turn: Turn) -> Tensor:
        pixels, labels = turn.batch
        return part.loss(net.train(), to_input(pixels, _CPU), torch.from_numpy(labels))

    fit(
        net,
        torch.optim.AdamW(part.groups, lr=_LEARNING_RATE, weight_decay=_DECAY),
        loss,
        Schedule(steps, save_every=_KEEP_EVERY, learning_rate=lambda step, of: _LEARNING_RATE * _rate(step, of)),
        state=FitCheckpoint(part.path, resume, option=part.option),
        clip_norm=5.0,
        batches=OfStep(lambda step: images.batch((SEED, 1, step))),
        tell=lambda made: tell(part.name, made / steps) if tell else None,
    )


def _groups(learned: LearnedFingerprint) -> Groups:
    known = [*learned.stem.parameters(), *learned.stages.parameters()]
    rest = apart_from(known, learned.parameters())
    return [{"params": known, "share": _OF_TRUNK}, {"params": rest, "share": 1.0}]


def _loss_of_learned(net: LearnedFingerprint, batch: Tensor, truth: Tensor) -> Tensor:
    mirrored = (torch.arange(len(batch)) % 2 == 0)[:, None, None, None]
    with reduced_precision(_CPU):
        found = net(torch.where(mirrored, batch.flip(3), batch))
    loss: Tensor = functional.cross_entropy(net.sharpness * found.cosines.float(), truth)
    return loss


def _loss_of_residual(net: ResidualFingerprint, batch: Tensor, truth: Tensor) -> Tensor:
    """Cross-entropy, and the reconstruction of the autoencoder. Templates would not survive mirroring."""
    with reduced_precision(_CPU):
        found = net(batch)
    loss: Tensor = functional.cross_entropy(net.sharpness * found.cosines.float(), truth)
    rebuilt: Tensor = found.residual.abs().mean()
    return loss + _RECONSTRUCTION * rebuilt


def _rate(step: int, steps: int) -> float:
    return min(1.0, (step + 1) / 50) * 0.5 * (1 + math.cos(math.pi * step / max(1, steps)))


@torch.no_grad()
def cosines(net: nn.Module, pixels: Pixels) -> Floats:
    """``(n, sources)`` of either network."""
    parts = [net(to_input(pixels[start : start + 32], _CPU)).cosines for start in range(0, len(pixels), 32)]
    return np.asarray(torch.cat(parts).numpy())


def set_least(
    net: LearnedFingerprint | ResidualFingerprint, held_out: SourceImages, batches: int | None = None
) -> None:
    """The cosine that all but 5 % of a source's own held-out pictures exceed, delivered as in training."""
    own: list[list[float]] = [[] for _ in SOURCES]
    for number in range(_BATCHES if batches is None else batches):
        pixels, labels = held_out.batch((SEED, 2, number))
        for row, label in zip(cosines(net, pixels), labels, strict=True):
            own[label].append(float(row[label]))
    with torch.no_grad():
        net.least.copy_(torch.tensor([float(np.quantile(some, 1 - _ACCEPTED)) for some in own]))


def figures(net: nn.Module, held_out: SourceImages, *, clean: bool, most: int = 60) -> dict[str, Estimate]:
    """Share of held-out pictures given to their source: of "all", and between the two "seeds" of one architecture."""
    right: list[bool] = []
    seeds: list[bool] = []
    for label, source in enumerate(SOURCES):
        pixels = _shown(held_out, source, most, clean=clean)
        found = cosines(net, pixels)
        right += (found.argmax(1) == label).tolist()
        if source in MADE:
            twins = [i for i, name in enumerate(SOURCES) if name in MADE and name.split()[0] == source.split()[0]]
            seeds += (np.array(twins)[found[:, twins].argmax(1)] == label).tolist()
    return {"all": rate_interval(sum(right), len(right)), "seeds": rate_interval(sum(seeds), len(seeds))}


def _shown(held_out: SourceImages, source: str, most: int, *, clean: bool) -> Pixels:
    of = held_out.drawn.get(source)
    count = min(most, len(held_out.album.portraits[source]) if of is None else len(of))
    rng = np.random.default_rng((SEED, 3))
    degradations = [_RAW if clean else draw_degradation(rng) for _ in range(count)]
    return np.stack([held_out.one(source, i, degradations[i], late=i % 2 == 0) for i in range(count)])
