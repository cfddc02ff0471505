"""Networks of CycleGAN: residual generators and patch discriminators.

J.-Y. Zhu et al., "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks", ICCV 2017; the
generator after J. Johnson et al., ECCV 2016, the 70 x 70 PatchGAN after P. Isola et al., CVPR 2017.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import cast

from torch import Tensor, nn

from zhenwei.nets.gan import initialise


class Residual(nn.Module):
    """Two convolutions whose result is added to what came in, (n, c, h, w) -> the same."""

    def __init__(self, maps: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.ReflectionPad2d(1), nn.Conv2d(maps, maps, 3), nn.InstanceNorm2d(maps), nn.ReLU(),
            nn.ReflectionPad2d(1), nn.Conv2d(maps, maps, 3), nn.InstanceNorm2d(maps),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return cast("Tensor", x + self.layers(x))  # (n, c, h, w)


class Translator(nn.Module):
    """Pictures (n, 3, s, s) in [-1, 1] of one kind -> of the other. ``width``: maps of the first layer; ``halvings``
    before the ``blocks``; the paper's for 256 px is 64, 2 and 9."""

    def __init__(self, width: int = 64, blocks: int = 9, halvings: int = 2) -> None:
        super().__init__()
        maps = [width * 2**k for k in range(halvings + 1)]
        layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(3, width, 7), nn.InstanceNorm2d(width), nn.ReLU()]
        for into, out in pairwise(maps):
            layers += [nn.Conv2d(into, out, 3, 2, 1), nn.InstanceNorm2d(out), nn.ReLU()]
        layers += [Residual(maps[-1]) for _ in range(blocks)]
        for into, out in pairwise(reversed(maps)):
            layers += [nn.ConvTranspose2d(into, out, 3, 2, 1, output_padding=1), nn.InstanceNorm2d(out), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(width, 3, 7), nn.Tanh())
        self.apply(initialise)

    def forward(self, images: Tensor) -> Tensor:
        return cast("Tensor", self.layers(images))  # (n, 3, s, s)


class PatchCritic(nn.Module):
    """Pictures (n, 3, s, s) in [-1, 1] -> scores (n, 1, h, w), one for each patch. ``halvings`` 3 is the 70 x 70
    PatchGAN."""

    def __init__(self, width: int = 64, halvings: int = 3) -> None:
        super().__init__()
        maps = [width * min(8, 2**k) for k in range(halvings + 1)]
        layers: list[nn.Module] = [nn.Conv2d(3, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        for k, (into, out) in enumerate(pairwise(maps)):
            stride = 2 if k < halvings - 1 else 1
            layers += [nn.Conv2d(into, out, 4, stride, 1), nn.InstanceNorm2d(out), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(maps[-1], 1, 4, 1, 1))
        self.apply(initialise)

    def forward(self, images: Tensor) -> Tensor:
        return cast("Tensor", self.layers(images))  # (n, 1, h, w)

    def receptive_field(self) -> int:
        """Side of the patch, in pixels, that one score depends on."""
        return receptive_field(layer for layer in self.layers if isinstance(layer, nn.Conv2d))


def receptive_field(layers: Iterable[nn.Conv2d]) -> int:
    """Of a chain of square convolutions: r grows by (kernel - 1) times the product of the strides before."""
    side, jump = 1, 1
    for layer in layers:
        side += (layer.kernel_size[0] - 1) * jump
        jump *= layer.stride[0]
    return side
