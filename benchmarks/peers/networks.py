"""The networks of the field's usual path, with weights drawn at random: what they cost does not depend on them.

Xception after F. Chollet (2017), as Rössler et al. (FaceForensics++, 2019) and DeepfakeBench use it; the three networks
of MTCNN after Zhang et al. (2016), which stand in for dlib's detector.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn


class Separable(nn.Module):
    """Depthwise 3 x 3, then pointwise."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False)
        self.pointwise = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.norm(self.pointwise(self.depthwise(x)))
        return found


class Block(nn.Module):
    """Separable convolutions with a shortcut; a ``stride`` of 2 halves the picture at its end."""

    def __init__(self, widths: tuple[int, ...], stride: int, *, begins_active: bool = True) -> None:
        super().__init__()
        steps: list[nn.Module] = []
        for number, (before, after) in enumerate(pairwise(widths)):
            if number or begins_active:
                steps.append(nn.ReLU())
            steps.append(Separable(before, after))
        if stride > 1:
            steps.append(nn.MaxPool2d(3, stride, 1))
        self.steps = nn.Sequential(*steps)
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or widths[0] != widths[-1]:
            straight = nn.Conv2d(widths[0], widths[-1], 1, stride, bias=False)
            self.shortcut = nn.Sequential(straight, nn.BatchNorm2d(widths[-1]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.steps(x) + self.shortcut(x)
        return found


def xception() -> nn.Module:
    """``(n, 3, 256, 256)`` to two logits: 20.8 million weights."""
    entry = [nn.Conv2d(3, 32, 3, 2, bias=False), nn.BatchNorm2d(32), nn.ReLU()]
    entry += [nn.Conv2d(32, 64, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
    blocks = [Block((64, 128, 128), 2, begins_active=False), Block((128, 256, 256), 2), Block((256, 728, 728), 2)]
    for _ in range(8):
        blocks.append(Block((728, 728, 728, 728), 1))
    blocks.append(Block((728, 728, 1024), 2))
    leave = [Separable(1024, 1536), nn.ReLU(), Separable(1536, 2048), nn.ReLU()]
    return nn.Sequential(*entry, *blocks, *leave, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2048, 2))


def proposals() -> nn.Module:
    """P-Net, fully convolutional: ``(1, 3, h, w)`` to scores and boxes of every cell of 2 pixels."""
    return nn.Sequential(
        nn.Conv2d(3, 10, 3), nn.PReLU(10), nn.MaxPool2d(2, 2, ceil_mode=True),
        nn.Conv2d(10, 16, 3), nn.PReLU(16), nn.Conv2d(16, 32, 3), nn.PReLU(32), nn.Conv2d(32, 6, 1),
    )  # fmt: skip


def refinement() -> nn.Module:
    """R-Net: ``(n, 3, 24, 24)`` to scores and boxes."""
    return nn.Sequential(
        nn.Conv2d(3, 28, 3), nn.PReLU(28), nn.MaxPool2d(3, 2, ceil_mode=True),
        nn.Conv2d(28, 48, 3), nn.PReLU(48), nn.MaxPool2d(3, 2, ceil_mode=True),
        nn.Conv2d(48, 64, 2), nn.PReLU(64), nn.Flatten(), nn.Linear(576, 128), nn.PReLU(128), nn.Linear(128, 6),
    )  # fmt: skip


def output() -> nn.Module:
    """O-Net: ``(n, 3, 48, 48)`` to scores, boxes and five points."""
    return nn.Sequential(
        nn.Conv2d(3, 32, 3), nn.PReLU(32), nn.MaxPool2d(3, 2, ceil_mode=True),
        nn.Conv2d(32, 64, 3), nn.PReLU(64), nn.MaxPool2d(3, 2, ceil_mode=True),
        nn.Conv2d(64, 64, 3), nn.PReLU(64), nn.MaxPool2d(2, 2, ceil_mode=True),
        nn.Conv2d(64, 128, 2), nn.PReLU(128), nn.Flatten(), nn.Linear(1152, 256), nn.PReLU(256), nn.Linear(256, 16),
    )  # fmt: skip
