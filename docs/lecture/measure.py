"""How good samples are: modes of toy mixtures, kernel distance of pictures, ranks, and what was learned by heart; how
even a walk is, and how well an embedding knows people apart.

Features are of a fixed random convolutional network of this file (seeded, never trained): local, free of licence, and
comparable only with figures of this same function, not with published KID values, which use Inception.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats
from torch import nn

from zhenwei.errors import UsageError
from zhenwei.forge.swap.score import Embedder, inner
from zhenwei.types import Pixels

Doubles = NDArray[np.float64]

FEATURES = "random convolutions, 3 layers (32, 64, 128), seed 0: mean and s.d. of each map, 448 numbers"


@dataclass(frozen=True, slots=True)
class Modes:
    """``hit``: centres with any sample within 3 sigma. ``fair``: centres with at least a tenth of the share they would
    have among such samples. ``quality``: share of samples within 3 sigma of a centre. ``top_share``: share of *all*
    samples that are nearest to the most popular centre, which shows collapse where ``quality`` is near 0."""

    hit: int
    fair: int
    quality: float
    top_share: float
    top: int


def modes(samples: Doubles, centres: Doubles, sigma: float) -> Modes:
    """Modes of ``samples`` (n, d) of a mixture round ``centres`` (k, d). UsageError without samples."""
    if len(samples) == 0:
        raise UsageError("modes are counted over samples", got="none")
    distance = np.linalg.norm(samples[:, None] - centres[None], axis=2)
    nearest = distance.argmin(1)
    good = distance.min(1) < 3 * sigma
    inside = np.bincount(nearest[good], minlength=len(centres))
    whole = np.bincount(nearest, minlength=len(centres))
    fair = int((inside >= max(1.0, 0.1 * good.sum() / len(centres))).sum())
    return Modes(
        int((inside > 0).sum()), fair, float(good.mean()), float(whole.max() / len(samples)), int(whole.argmax())
    )


@dataclass(frozen=True, slots=True)
class Kernel:
    """Squared kernel distance ``value``, its ``deviation`` over subsets, and ``n`` pictures a side."""

    value: float
    deviation: float
    n: int


def features(images: Pixels) -> Doubles:
    """(n, side, side, 3) uint8 -> (n, 448) float64: see FEATURES. Deterministic."""
    layers: list[nn.Conv2d] = []
    rng = torch.Generator().manual_seed(0)
    for into, out in ((3, 32), (32, 64), (64, 128)):
        layer = nn.Conv2d(into, out, 3, stride=2, padding=1, bias=False)
        with torch.no_grad():
            layer.weight.copy_(torch.randn(layer.weight.shape, generator=rng) * (2 / (into * 9)) ** 0.5)
        layers.append(layer)
    found: list[Doubles] = []
    with torch.no_grad():
        for start in range(0, len(images), 256):
            x = torch.from_numpy(np.array(images[start : start + 256])).permute(0, 3, 1, 2).float() / 127.5 - 1
            parts = []
            for layer in layers:
                x = torch.nn.functional.leaky_relu(layer(x), 0.2)
                parts += [x.mean((2, 3)), x.std((2, 3))]
            found.append(torch.cat(parts, 1).double().numpy())
    return np.concatenate(found)


def kernel_distance(made: Doubles, real: Doubles, subsets: int = 20, seed: int = 0) -> Kernel:
    """Unbiased squared MMD with the kernel (x.y / d + 1) cubed, over subsets of half the smaller side.

    M. Binkowski et al., "Demystifying MMD GANs", ICLR 2018. ``made`` (n, d), ``real`` (m, d); features are scaled by
    the real side's mean and s.d. UsageError under 8 a side. May be below 0 where there is no difference.
    """
    n = min(len(made), len(real))
    if n < 8:
        raise UsageError("a kernel distance needs pictures", got=str(n), want="at least 8 a side")
    middle, spread = real.mean(0), real.std(0) + 1e-8
    a, b = (made - middle) / spread, (real - middle) / spread
    rng = np.random.default_rng(seed)
    size = n // 2
    values = [
        _mmd(a[rng.choice(len(a), size, replace=False)], b[rng.choice(len(b), size, replace=False)])
        for _ in range(subsets)
    ]
    return Kernel(float(np.mean(values)), float(np.std(values, ddof=1)), n)


def _mmd(a: Doubles, b: Doubles) -> float:
    m, d = a.shape
    aa, bb, ab = ((x @ y.T / d + 1) ** 3 for x, y in ((a, a), (b, b), (a, b)))
    own = (aa.sum() - np.trace(aa) + bb.sum() - np.trace(bb)) / (m * (m - 1))
    return float(own - 2 * ab.mean())


def spearman(one: Doubles, other: Doubles) -> float:
    """Rank correlation of two series of the same length, in [-1, 1]."""
    return float(stats.spearmanr(one, other).statistic)


def memorised(made: Doubles, trained: Doubles, held_out: Doubles) -> float:
    """Share of ``made`` (n, d) nearer to a training sample than to any held-out one: about the training set's share
    of both where nothing was learned by heart, 1 where all was. Give sets of equal size for a rng level of 0.5."""
    near = [np.linalg.norm(made[:, None] - s[None], axis=2).min(1) for s in (trained, held_out)]
    return float((near[0] < near[1]).mean())


def roughness(frames: Pixels) -> float:
    """Largest change from a frame (n, h, w, 3) to the next over the mean one: 1 is even, the length a jump."""
    change = np.abs(np.diff(frames.astype(np.float64), axis=0)).mean((1, 2, 3))
    if len(change) == 0 or change.mean() == 0:
        raise UsageError("nothing moves in these frames", got=f"{len(frames)} frames")
    return float(change.max() / change.mean())


def verification_auc(people: Sequence[Pixels], embed: Embedder) -> tuple[float, int]:
    """How often two faces of one person are more alike than two of two people, and the number of pairs of one."""
    vectors = [embed(faces) for faces in people]
    every, who = np.concatenate(vectors), np.repeat(np.arange(len(vectors)), [len(v) for v in vectors])
    cosines = every @ every.T
    upper = np.triu(np.ones_like(cosines, bool), 1)
    same = who[:, None] == who[None]
    alike, other = np.sort(cosines[upper & same]), np.sort(cosines[upper & ~same])
    below = np.searchsorted(other, alike, "left") + np.searchsorted(other, alike, "right")
    return float(below.mean() / 2 / len(other)), len(alike)


def sharpness(faces: Pixels) -> float:
    """Mean variance of the Laplacian of ``(n, s, s, 3)`` faces' luma, in [0, 1] levels squared times 10⁴."""
    lumas = [cv2.cvtColor(face, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255 for face in inner(faces)]
    return float(np.mean([cv2.Laplacian(luma, cv2.CV_32F).var() for luma in lumas]) * 1e4)


def receptive_field(layers: Iterable[nn.Module]) -> int:
    """Side of the patch, in pixels, that one score of a chain of square convolutions depends on.

    It grows by (kernel - 1) times the product of the strides before."""
    side, jump = 1, 1
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            side += (layer.kernel_size[0] - 1) * jump
            jump *= layer.stride[0]
    return side
