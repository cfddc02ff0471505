"""Networks of the first adversarial games: convolutions for pictures of 32 or 64 px.

A. Radford et al., "Unsupervised Representation Learning with DCGANs", ICLR 2016: no dense layers, strides instead of
pooling, batch norm except at the generator's output and the critic's input, weights from N(0, 0.02).
"""

from __future__ import annotations

from itertools import pairwise
from typing import cast

from torch import Tensor, nn

from zhenwei.errors import UsageError

NOISE = 100


class DcganGenerator(nn.Module):
    """Noise (n, noise) -> pictures (n, 3, side, side) in [-1, 1]. ``width``: maps of the last hidden layer."""

    def __init__(self, side: int = 32, width: int = 32, noise: int = NOISE) -> None:
        super().__init__()
        maps = [width * 2**k for k in reversed(range(_doublings(side)))]
        layers: list[nn.Module] = [*_up(noise, maps[0], stride=1, padding=0)]
        for into, out in pairwise(maps):
            layers += _up(into, out)
        self.layers = nn.Sequential(*layers, nn.ConvTranspose2d(maps[-1], 3, 4, 2, 1), nn.Tanh())
        self.noise = noise
        self.apply(initialise)

    def forward(self, noise: Tensor) -> Tensor:
        return cast("Tensor", self.layers(noise[:, :, None, None]))  # (n, noise, 1, 1) -> (n, 3, side, side)


class DcganCritic(nn.Module):
    """Pictures (n, 3, side, side) in [-1, 1] -> logits (n,). ``normed=False`` for WGAN with a gradient penalty, which
    is of each sample alone: batch norm would tie samples to each other."""

    def __init__(self, side: int = 32, width: int = 32, *, normed: bool = True) -> None:
        super().__init__()
        maps = [width * 2**k for k in range(_doublings(side))]
        layers: list[nn.Module] = [nn.Conv2d(3, maps[0], 4, 2, 1), nn.LeakyReLU(0.2)]
        for into, out in pairwise(maps):
            layers.append(nn.Conv2d(into, out, 4, 2, 1, bias=not normed))
            layers += [nn.BatchNorm2d(out)] if normed else []
            layers.append(nn.LeakyReLU(0.2))
        self.layers = nn.Sequential(*layers, nn.Conv2d(maps[-1], 1, 4, 1, 0))
        self.apply(initialise)

    def forward(self, images: Tensor) -> Tensor:
        return cast("Tensor", self.layers(images)).flatten()  # (n, 1, 1, 1) -> (n,)


def initialise(layer: nn.Module) -> None:
    """DCGAN's start: convolutions N(0, 0.02), batch norm N(1, 0.02), biases 0."""
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(layer.weight, 0.0, 0.02)
    elif isinstance(layer, nn.BatchNorm2d):
        nn.init.normal_(layer.weight, 1.0, 0.02)
    else:
        return
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


def _doublings(side: int) -> int:
    if side not in (32, 64):
        raise UsageError("the lab's DCGAN makes small pictures", got=f"{side} px", want="32 or 64 px")
    return {32: 3, 64: 4}[side]


def _up(into: int, out: int, stride: int = 2, padding: int = 1) -> list[nn.Module]:
    return [nn.ConvTranspose2d(into, out, 4, stride, padding, bias=False), nn.BatchNorm2d(out), nn.ReLU()]
