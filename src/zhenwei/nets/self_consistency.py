"""Do two patches of a picture come from one camera? The network of ``consistency.exif``.

After M. Huh, A. Liu, A. Owens, A. Efros, "Fighting Fake News: Image Splice Detection via Learned Self-Consistency",
ECCV 2018: siamese patches of 128 px, one answer for every imaging property, one for all together. There a perceptron
looks at each pair; here every patch gets a point for each property, and a pair agrees the more, the nearer its points
lie. All pairs of a picture then cost no more than a matrix of distances, and agreement is symmetric by construction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

PATCH_PX = 128
POINT = 6  # dimensions of the space of each property
_WIDTHS = (16, 24, 40, 64, 96)
_HIDDEN = 128
_GAIN = 6.0


class PatchEmbeddings(NamedTuple):
    """``points``: ``(n, properties, 6)``. ``scaled``: the same, weighted so that the squared distance of two patches is
    what their agreement in everything loses. ``margins``: ``(n, properties + 1)``, the logits of agreement at distance
    0, of each property and of all together; the same for every patch."""

    points: Tensor
    scaled: Tensor
    margins: Tensor


class SelfConsistencyNet(nn.Module):
    """``(n, 3, 128, 128)`` float32 RGB in [-1, 1] to :class:`PatchEmbeddings`. ``settings``: how many each
    property has, for the classifiers that help it learn."""

    def __init__(self, settings: Sequence[int]) -> None:
        super().__init__()
        count = len(settings)
        widths = (6, *_WIDTHS)
        self.stages = nn.ModuleList(_stage(widths[i], widths[i + 1], i) for i in range(len(_WIDTHS)))
        pooled = 2 * sum(_WIDTHS[1:])
        self.mixed = nn.Sequential(nn.Linear(pooled, _HIDDEN), nn.ReLU(inplace=True))
        self.placed = nn.Linear(_HIDDEN, count * POINT)
        self.margin = nn.Parameter(torch.ones(count + 1))
        self.weight = nn.Parameter(torch.zeros(count))
        self.named = nn.ModuleList(nn.Linear(_HIDDEN, n) for n in settings)

    def features(self, x: Tensor) -> Tensor:
        """``(n, 128)``: means and deviations of every stage, mixed. Deviations are what noise and blur change."""
        # (n, 6, 128, 128): the pixels, and by how much each differs from the mean around it
        x = torch.cat([x, _GAIN * (x - functional.avg_pool2d(x, 3, 1, 1, count_include_pad=False))], dim=1)
        found = []
        for number, stage in enumerate(self.stages):
            x = stage(x)
            if number:
                whole = x.float()
                mean = whole.mean((2, 3))
                variance = (whole - mean[:, :, None, None]).pow(2).mean((2, 3))
                found += [mean, (variance + 1e-4).sqrt()]
        mixed: Tensor = self.mixed(torch.cat(found, dim=1))
        return mixed

    def forward(self, x: Tensor) -> PatchEmbeddings:
        return self.place(self.features(x))

    def place(self, features: Tensor) -> PatchEmbeddings:
        points = self.placed(features).unflatten(1, (-1, POINT))  # (n, properties, 6)
        scaled = points * functional.softplus(self.weight).sqrt()[None, :, None]
        # margins do not depend on the patches: the term of 0 gives them the batch's shape in the exported graph
        return PatchEmbeddings(points, scaled, self.margin[None] + 0 * features[:, :1])

    def settings(self, features: Tensor) -> list[Tensor]:
        """Logits ``(n, settings)`` for each property; learned beside the rest, not exported."""
        return [head(features) for head in self.named]


def agreement(patches: PatchEmbeddings) -> Tensor:
    """Logits ``(n, n, properties + 1)`` that two patches share each setting, and all of them."""
    apart = (patches.points[:, None] - patches.points[None]).pow(2).sum(-1)  # (n, n, properties)
    every = (patches.scaled[:, None] - patches.scaled[None]).pow(2).sum((-1, -2))
    return patches.margins[None, :] - torch.cat([apart, every[..., None]], dim=-1)


def _stage(wide_in: int, wide_out: int, number: int) -> nn.Sequential:
    """The first keeps every pixel, since noise and demosaicing live between neighbours; each later one halves."""
    layers = [*_layer(wide_in, wide_out, 2 if number else 1)]
    return nn.Sequential(*layers, *(_layer(wide_out, wide_out, 1) if number else ()))


def _layer(wide_in: int, wide_out: int, stride: int) -> tuple[nn.Module, ...]:
    convolution = nn.Conv2d(wide_in, wide_out, 3, stride, 1, bias=False)
    return convolution, nn.BatchNorm2d(wide_out), nn.ReLU(inplace=True)
