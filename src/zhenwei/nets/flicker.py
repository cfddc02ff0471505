"""The network of ``temporal.flicker``: a few convolutions over time."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

FRAMES = 48  # of a window
_WIDE = 24
_TOP = 12  # frames: the quarter that counts


class FlickerOutput(NamedTuple):
    """``score`` ``(n,)``: mean of the most suspicious quarter of ``course`` ``(n, 48)``, log odds a frame."""

    score: Tensor
    course: Tensor


class FlickerNet(nn.Module):
    """``(n, channels, 48)`` float32, courses as of ``zhenwei.signals.flicker``, to :class:`FlickerOutput`."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.BatchNorm1d(channels),
            nn.Conv1d(channels, _WIDE, 5, padding=2),
            nn.ReLU(inplace=True),
            nn.Conv1d(_WIDE, _WIDE, 5, padding=4, dilation=2),
            nn.ReLU(inplace=True),
            nn.Dropout(0.2),
            nn.Conv1d(_WIDE, 1, 5, padding=2),
        )

    def forward(self, x: Tensor) -> FlickerOutput:
        course = self.layers(x)[:, 0]  # (n, channels, 48) -> (n, 1, 48) -> (n, 48)
        return FlickerOutput(torch.topk(course, _TOP, dim=1).values.mean(1), course)
