"""A small StyleGAN2 for pictures of 16, 32 or 64 px.

T. Karras et al., "A Style-Based Generator Architecture for Generative Adversarial Networks", CVPR 2019 (the mapping
network, styles by layer, noise by pixel, mixing, truncation) and "Analyzing and Improving the Image Quality of
StyleGAN", CVPR 2020 (modulation and demodulation instead of AdaIN, outputs by size that are summed, the critic's
residual blocks). Weights start at N(0, 1) and are scaled as they are used, so that every layer learns at one rate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, interpolate, leaky_relu, linear, normalize

from zhenwei.errors import UsageError

SIDES = (16, 32, 64)
MAPPING_LAYERS, MAPPING_RATE = 8, 0.01
_LEAST, _WIDEST = 4, 4  # px of the constant; widths at most so many times that of the last layer


def maps_at(side: int, size: int, width: int) -> int:
    """Maps of the layers of ``size`` px in a network of ``side`` px whose layers of full size have ``width``."""
    return width * min(side // size, _WIDEST)


class ScaledLinear(nn.Module):
    """(n, into) -> (n, out). ``rate``: how fast it learns beside the others; ``start``: what its biases begin at."""

    def __init__(self, into: int, out: int, rate: float = 1.0, start: float = 0.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out, into) / rate)
        self.bias = nn.Parameter(torch.full((out,), start / rate))
        self.scale, self.rate = rate / math.sqrt(into), rate

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, self.weight * self.scale, self.bias * self.rate)


class ScaledConv(nn.Module):
    """(n, into, h, w) -> (n, out, h, w), by a kernel of odd size."""

    def __init__(self, into: int, out: int, kernel: int, *, bias: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out, into, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(out)) if bias else None
        self.scale = 1 / math.sqrt(into * kernel * kernel)

    def forward(self, x: Tensor) -> Tensor:
        return conv2d(x, self.weight * self.scale, self.bias, padding=self.weight.shape[-1] // 2)


class ModulatedConv(nn.Module):
    """A convolution whose weights a style scales map by map: (n, into, h, w), (n, style) -> (n, out, h, w).

    With ``demodulate`` each sample's weights are brought back to length 1 an output map, so that independent inputs of
    unit variance give outputs of unit variance whatever the style (2020, section 2.2). Scaling the input before, and
    the output after, one convolution for all samples is the same as one of a scaled kernel for each."""

    def __init__(self, into: int, out: int, style: int, kernel: int = 3, *, demodulate: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out, into, kernel, kernel))
        self.style = ScaledLinear(style, into, start=1.0)
        self.scale, self.demodulate = 1 / math.sqrt(into * kernel * kernel), demodulate

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        strength, weight = self.style(style), self.weight * self.scale  # (n, into), (out, into, k, k)
        y = conv2d(x * strength[:, :, None, None], weight, padding=weight.shape[-1] // 2)
        if not self.demodulate:
            return y
        length = (strength.square() @ weight.square().sum((2, 3)).T + 1e-8).sqrt()
        return cast("Tensor", y / length[:, :, None, None])


class Mapping(nn.Module):
    """Latents z (n, latent), made of unit mean square -> styles w (n, latent), by eight layers that learn slowly."""

    def __init__(self, latent: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(ScaledLinear(latent, latent, MAPPING_RATE) for _ in range(MAPPING_LAYERS))

    def forward(self, z: Tensor) -> Tensor:
        w = normalize(z, dim=1) * math.sqrt(z.shape[1])
        for layer in self.layers:
            w = _active(layer(w))
        return w


class StyledLayer(nn.Module):
    """Double the size where ``up``, convolve by style, add noise by pixel, bias, activate."""

    def __init__(self, into: int, out: int, style: int, *, up: bool) -> None:
        super().__init__()
        self.conv = ModulatedConv(into, out, style)
        self.bias = nn.Parameter(torch.zeros(out))
        self.noise = nn.Parameter(torch.zeros(()))
        self.up = up

    def forward(self, x: Tensor, style: Tensor, noise: Tensor | None) -> Tensor:
        """``noise`` (n, 1, h, w) of the size that comes out; None for none."""
        y = self.conv(double(x) if self.up else x, style)
        if noise is not None:
            y = y + self.noise * noise
        return _active(y + self.bias[:, None, None])


class StyleGenerator(nn.Module):
    """Latents (n, latent) -> pictures (n, 3, side, side), unbounded, of reals in [-1, 1]. ``width``: maps at full size.

    ``layers`` styled layers, two a size but one at 4 px, and a colour output a size that is added to the doubled one
    before it; the output of a size takes the style of the layer that follows."""

    def __init__(self, side: int = 64, width: int = 32, latent: int = 128) -> None:
        super().__init__()
        sizes = sizes_of(side)
        maps = [maps_at(side, size, width) for size in sizes]
        self.mapping = Mapping(latent)
        self.constant = nn.Parameter(torch.randn(1, maps[0], _LEAST, _LEAST))
        styled = [StyledLayer(maps[0], maps[0], latent, up=False)]
        colours = [ModulatedConv(n, 3, latent, 1, demodulate=False) for n in maps]
        for k in range(1, len(sizes)):
            styled.append(StyledLayer(maps[k - 1], maps[k], latent, up=True))
            styled.append(StyledLayer(maps[k], maps[k], latent, up=False))
        self.styled, self.colours = nn.ModuleList(styled), nn.ModuleList(colours)
        self.tint = nn.Parameter(torch.zeros(len(sizes), 3))
        self.side, self.width, self.noise, self.sizes = side, width, latent, sizes
        self.layers = 2 * len(sizes)

    def forward(self, latents: Tensor, noise: Sequence[Tensor] | None = None) -> Tensor:
        """One style for all layers."""
        return self.draw(self.repeated(self.mapping(latents)), noise)

    def repeated(self, style: Tensor) -> Tensor:
        """(n, latent) -> (n, layers, latent)."""
        return style[:, None].expand(-1, self.layers, -1)

    def draw(self, styles: Tensor, noise: Sequence[Tensor] | None = None) -> Tensor:
        """Styles by layer (n, layers, latent), and the noise of :meth:`noise_shapes` or none, -> pictures."""
        x = self.constant.expand(len(styles), -1, -1, -1)  # (n, maps, 4, 4)
        image: Tensor | None = None
        for k, layer in enumerate(self.styled):
            x = layer(x, styles[:, k], None if noise is None else noise[k])
            if k % 2 == 0:
                level = k // 2
                seen = self.colours[level](x, styles[:, k + 1]) + self.tint[level, :, None, None]
                image = seen if image is None else double(image) + seen
        return cast("Tensor", image)

    def noise_shapes(self, count: int) -> list[tuple[int, int, int, int]]:
        """Shapes of the noise by pixel of ``count`` pictures, layer by layer."""
        return [(count, 1, s, s) for s in self.sizes for _ in range(1 if s == _LEAST else 2)]


class StyleCritic(nn.Module):
    """Pictures (n, 3, side, side) in [-1, 1] -> logits (n,). Batches are looked at in groups of ``group``."""

    def __init__(self, side: int = 64, width: int = 32, group: int = 4) -> None:
        super().__init__()
        sizes = sizes_of(side)[::-1]
        maps = [maps_at(side, size, width) for size in sizes]
        self.look = ScaledConv(3, maps[0], 1)
        self.blocks = nn.ModuleList(_Halving(maps[k], maps[k + 1]) for k in range(len(sizes) - 1))
        self.last = ScaledConv(maps[-1] + 1, maps[-1], 3)
        self.judge = ScaledLinear(maps[-1] * _LEAST * _LEAST, maps[-1])
        self.say = ScaledLinear(maps[-1], 1)
        self.group = group

    def forward(self, images: Tensor) -> Tensor:
        x = _active(self.look(images))
        for block in self.blocks:
            x = block(x)
        x = _active(self.last(with_deviation(x, self.group)))
        return cast("Tensor", self.say(_active(self.judge(x.flatten(1))))).flatten()


class _Halving(nn.Module):
    def __init__(self, into: int, out: int) -> None:
        super().__init__()
        self.one, self.two = ScaledConv(into, into, 3), ScaledConv(into, out, 3)
        self.past = ScaledConv(into, out, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(n, into, h, w) -> (n, out, h / 2, w / 2): half the sum of what is seen and what passes, in power."""
        seen = _active(self.two(avg_pool2d(_active(self.one(x)), 2)))
        return cast("Tensor", (seen + self.past(avg_pool2d(x, 2))) / math.sqrt(2))


def with_deviation(x: Tensor, group: int) -> Tensor:
    """A map more: the mean s.d. over ``group`` samples of the batch, which shows a critic that samples are alike.

    T. Karras et al., "Progressive Growing of GANs", ICLR 2018, section 3. Groups are of samples that stand ``n /
    group`` apart; where ``group`` does not divide n, the whole batch is one."""
    n, _, h, w = x.shape
    size = group if n % group == 0 else n
    groups = x.reshape(size, n // size, *x.shape[1:])
    spread = (groups.var(0, unbiased=False) + 1e-8).sqrt().mean((1, 2, 3))
    return torch.cat([x, spread.repeat(size)[:, None, None, None].expand(n, 1, h, w)], 1)


def double(x: Tensor) -> Tensor:
    """Twice the size, bilinear: close to the paper's filter (1, 3, 3, 1)."""
    return interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def sizes_of(side: int) -> list[int]:
    """4, 8, ... ``side``. UsageError for other sides."""
    if side not in SIDES:
        raise UsageError("the lab's StyleGAN makes small pictures", got=f"{side} px", want="16, 32 or 64 px")
    return [_LEAST * 2**k for k in range(int(math.log2(side // _LEAST)) + 1)]


def _active(x: Tensor) -> Tensor:
    return leaky_relu(x, 0.2) * math.sqrt(2)
