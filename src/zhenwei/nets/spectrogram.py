"""The network of ``speech.spectrogram``: a small residual network over the log spectrum, pooled by attention.

Residual blocks after He, Zhang, Ren & Sun (2016); attentive statistics pooling after Okabe, Koshinaka & Shinoda,
Attentive statistics pooling for deep speaker embedding, Interspeech 2018. Two views of the spectrum go in: without its
mean over time, so that a microphone's colour falls out, and without its envelope, which leaves the fine structure that
vocoders draw.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

BINS, FRAMES = 224, 247
_WIDTHS = (16, 32, 48, 64)
_PARTS = 2  # of the band, kept apart when time is pooled
_HIDDEN = 64
_ENVELOPE = 9  # bins
_DEVIATIONS = (3.0, 2.0)  # of the two views, roughly


class SpectrogramOutput(NamedTuple):
    """``score`` ``(n,)``: log odds that the voice is synthetic."""

    score: Tensor


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions beside a short cut; ``stride`` 2 halves both sides."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, width, 3, stride, 1, bias=False)
        self.first_norm = nn.BatchNorm2d(width)
        self.second = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.second_norm = nn.BatchNorm2d(width)
        same = channels == width and stride == 1
        self.short: nn.Module = nn.Identity() if same else nn.Conv2d(channels, width, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        inner = functional.relu(self.first_norm(self.first(x)))
        return functional.relu(self.second_norm(self.second(inner)) + self.short(x))


class SpectrogramNet(nn.Module):
    """Log powers ``(n, 224, frames)`` float32, bins of 31 Hz from 125 Hz, a frame every 10 ms, to log odds. 0.2 million
    weights."""

    def __init__(self) -> None:
        super().__init__()
        widths, half = _WIDTHS, BINS // 2
        self.stem = nn.Sequential(
            nn.Conv2d(2, widths[0], (5, 3), 2, (2, 1), bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU()
        )
        self.blocks = nn.Sequential(
            ResidualBlock(widths[0], widths[0], 1),
            ResidualBlock(widths[0], widths[1], 2),
            ResidualBlock(widths[1], widths[2], 2),
            ResidualBlock(widths[2], widths[3], 2),
            ResidualBlock(widths[3], widths[3], 1),
        )
        self._rows = half // 8 // _PARTS
        features = widths[3] * _PARTS
        self.attention = nn.Conv1d(features, 1, 1)
        self.hidden = nn.Linear(2 * features, _HIDDEN)
        self.score = nn.Linear(_HIDDEN, 1)

    def forward(self, levels: Tensor) -> SpectrogramOutput:
        coloured = levels - levels.mean(2, keepdim=True)
        envelope = functional.avg_pool1d(levels.transpose(1, 2), _ENVELOPE, 1, _ENVELOPE // 2).transpose(1, 2)
        views = torch.stack([coloured / _DEVIATIONS[0], (levels - envelope) / _DEVIATIONS[1]], 1)
        maps = self.blocks(self.stem(views))  # (n, 64, 14, moments)
        bands = functional.avg_pool2d(maps, (self._rows, 1)).flatten(1, 2)  # (n, 128, moments)
        share = torch.softmax(self.attention(bands), 2)
        mean = (bands * share).sum(2)
        spread = ((bands - mean[:, :, None]) ** 2 * share).sum(2).clamp_min(1e-6).sqrt()
        hidden = functional.relu(self.hidden(torch.cat([mean, spread], 1)))
        return SpectrogramOutput(self.score(hidden)[:, 0])
