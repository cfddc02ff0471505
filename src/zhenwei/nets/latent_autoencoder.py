"""A small autoencoder of the latents that text-to-image models draw in: a picture to latents and back.

The architecture of TAEF2 (O. Bohan, "Tiny AutoEncoder", MIT licence), distilled from the autoencoder of FLUX.2: a
photograph that goes through it keeps its content and gains what a decoder leaves. Weights are not part of the package.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_WIDTH, _BRANCH, _GROUPS = 64, 256, 4
LATENTS = 32


class _Block(nn.Module):
    """Three convolutions and a shortcut; at the lowest resolution with a normalised branch, which sees the whole."""

    def __init__(self, *, low: bool = False) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for _ in range(3):
            layers += [nn.Conv2d(_WIDTH, _WIDTH, 3, padding=1), nn.ReLU()]
        self.conv = nn.Sequential(*layers[:-1])
        self.pool = None
        if low:
            self.pool = nn.Sequential(
                nn.Conv2d(_WIDTH, _BRANCH, 1, bias=False),
                nn.GroupNorm(_GROUPS, _BRANCH),
                nn.ReLU(),
                nn.Conv2d(_BRANCH, _WIDTH, 1, bias=False),
            )

    def forward(self, x: Tensor) -> Tensor:
        if self.pool is not None:
            x = x + self.pool(x)
        return F.relu(self.conv(x) + x)


class _Clamp(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(x / 3) * 3


def latent_encoder() -> nn.Sequential:
    """``(n, 3, h, w)`` in [0, 1], sides multiples of 8 -> latents ``(n, 32, h / 8, w / 8)``."""
    layers: list[nn.Module] = [nn.Conv2d(3, _WIDTH, 3, padding=1), _Block()]
    for low in (False, False, True):
        layers.append(nn.Conv2d(_WIDTH, _WIDTH, 3, 2, 1, bias=False))
        layers += [_Block(low=low) for _ in range(3)]
    return nn.Sequential(*layers, nn.Conv2d(_WIDTH, LATENTS, 3, padding=1))


def latent_decoder() -> nn.Sequential:
    """The reverse; what it gives is to be clipped to [0, 1]."""
    layers: list[nn.Module] = [_Clamp(), nn.Conv2d(LATENTS, _WIDTH, 3, padding=1), nn.ReLU()]
    for low in (True, False, False):
        layers += [_Block(low=low) for _ in range(3)]
        layers += [nn.Upsample(scale_factor=2), nn.Conv2d(_WIDTH, _WIDTH, 3, padding=1, bias=False)]
    return nn.Sequential(*layers, _Block(), nn.Conv2d(_WIDTH, 3, 3, padding=1))
