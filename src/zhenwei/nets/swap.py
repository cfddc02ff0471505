"""The autoencoder that swaps faces: one encoder for two people, a decoder for each, and a patch discriminator.

The layout is that of the first public face swappers of 2017: four halvings, a dense bottleneck, four doublings by pixel
shuffle, trained to undo a warp. What both people share (pose, light, expression) has to pass the one bottleneck; what
they do not share is left to their decoders. ``width`` 128 is the original (82 M parameters at 64 px with both
decoders), 32 a sixteenth of it. Pixel shuffle: W. Shi et al., "Real-Time Single Image and Video Super-Resolution",
CVPR 2016. The discriminator scores patches (P. Isola et al., "Image-to-Image Translation with Conditional Adversarial
Networks", CVPR 2017) with least squares (X. Mao et al., "Least Squares Generative Adversarial Networks", ICCV 2017).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

Side = Literal["a", "b"]
SIZES = (32, 64, 128)
_HALVINGS = 4
_SLOPE = 0.1
_FIRST, _SECOND = 0.01**2, 0.03**2  # the constants of SSIM for values in [0, 1]


class Decoded(NamedTuple):
    """``colour``: ``(n, 3, s, s)`` in [0, 1]; ``mask``: ``(n, 1, s, s)`` in [0, 1], or None from a decoder without."""

    colour: Tensor
    mask: Tensor | None


class Encoder(nn.Module):
    """``(n, 3, s, s)`` float32 RGB in [0, 1] to a code ``(n, 4 * width, s / 8, s / 8)``; ``s``: 32, 64 or 128."""

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        planes = [3, *(width << k for k in range(_HALVINGS))]
        self.halve = nn.ModuleList(nn.Conv2d(i, o, 5, 2, 2) for i, o in pairwise(planes))
        self.coarse = size >> _HALVINGS
        self.deepest = planes[-1]
        self.squeeze = nn.Linear(self.deepest * self.coarse**2, self.deepest)
        self.spread = nn.Linear(self.deepest, self.deepest * self.coarse**2)
        self.enlarge = Double(self.deepest, self.deepest // 2)

    def forward(self, pixels: Tensor) -> Tensor:
        for halve in self.halve:
            pixels = functional.leaky_relu(halve(pixels), _SLOPE)  # half the sides each time
        code: Tensor = self.spread(self.squeeze(pixels.flatten(1)))  # (n, deepest * coarse * coarse)
        grown: Tensor = self.enlarge(code.view(-1, self.deepest, self.coarse, self.coarse))
        return grown


class Double(nn.Module):
    """Twice the side: a convolution to four times the planes, then pixel shuffle."""

    def __init__(self, planes: int, out: int) -> None:
        super().__init__()
        self.grow = nn.Conv2d(planes, 4 * out, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return functional.pixel_shuffle(functional.leaky_relu(self.grow(x), _SLOPE), 2)


class Decoder(nn.Module):
    """A code to :class:`Decoded`; ``masked``: with a fourth plane, the mask or the share of the forged face."""

    def __init__(self, width: int, *, masked: bool) -> None:
        super().__init__()
        planes = [4 * width, 2 * width, width, max(8, width // 2)]
        self.enlarge = nn.ModuleList(Double(i, o) for i, o in pairwise(planes))
        self.last = nn.Conv2d(planes[-1], 4 if masked else 3, 5, 1, 2)

    def forward(self, code: Tensor) -> Decoded:
        for enlarge in self.enlarge:
            code = enlarge(code)
        out = torch.sigmoid(self.last(code))  # (n, 3 or 4, side, side): colours, and the mask where there is one
        return Decoded(out[:, :3], out[:, 3:] if out.shape[1] == 4 else None)


class SwapNet(nn.Module):
    """Encoder and both decoders. ``masked`` decoders give a fourth plane."""

    def __init__(self, size: int, width: int, *, masked: bool = False) -> None:
        super().__init__()
        if size not in SIZES or width < 8 or width % 4:
            raise ValueError(f"no such network: size {size} (one of {SIZES}), width {width} (8 and more, in fours)")
        self.encoder = Encoder(size, width)
        self.decoder_a = Decoder(width, masked=masked)
        self.decoder_b = Decoder(width, masked=masked)

    def forward(self, pixels: Tensor, side: Side) -> Decoded:
        """The face in ``pixels`` as the decoder of ``side`` draws it."""
        decoded: Decoded = (self.decoder_a if side == "a" else self.decoder_b)(self.encoder(pixels))
        return decoded

    def each(self, a: Tensor, b: Tensor) -> tuple[Decoded, Decoded]:
        """Faces of both people, each as their own decoder draws them: both pass the encoder together, which is a sixth
        quicker to learn from."""
        of_a, of_b = self.encoder(torch.cat([a, b])).split([len(a), len(b)])
        return self.decoder_a(of_a), self.decoder_b(of_b)


class PatchDiscriminator(nn.Module):
    """``(n, 6, s, s)``, a face beside the warped picture it was made from, to scores of patches ``(n, 1, h, w)``."""

    def __init__(self, width: int) -> None:
        super().__init__()
        planes = [6, width, 2 * width, 4 * width]
        self.halve = nn.ModuleList(nn.Conv2d(i, o, 4, 2, 1) for i, o in pairwise(planes))
        self.last = nn.Conv2d(planes[-1], 1, 4, 1, 1)

    def forward(self, pair: Tensor) -> Tensor:
        for halve in self.halve:
            pair = functional.leaky_relu(halve(pair), 0.2)
        score: Tensor = self.last(pair)
        return score


class FaceEmbedding(nn.Module):
    """``(n, 3, 64, 64)`` float32 RGB in [0, 1] to ``(n, 64)`` of length 1: who it is, as far as a small network tells.

    Trained as a classifier by cosines (``who``); faces of people it never saw are compared by the cosine of theirs.
    """

    def __init__(self, people: int, width: int = 32, features: int = 64) -> None:
        super().__init__()
        planes = [3, width, 2 * width, 4 * width, 4 * width]
        parts: list[nn.Module] = []
        for i, o in pairwise(planes):
            parts += [nn.Conv2d(i, o, 3, 2, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU()]
        self.body = nn.Sequential(*parts)
        self.last = nn.Linear(planes[-1] * 16, features)
        self.who = nn.Parameter(torch.randn(people, features))

    def forward(self, pixels: Tensor) -> Tensor:
        found: Tensor = functional.normalize(self.last(self.body(pixels * 2 - 1).flatten(1)), dim=1)
        return found

    def cosines(self, pixels: Tensor) -> Tensor:
        """``(n, people)``, with each person of the training."""
        cosines: Tensor = self(pixels) @ functional.normalize(self.who, dim=1).T
        return cosines


def ssim(one: Tensor, other: Tensor) -> Tensor:
    """Structural similarity of ``(n, c, s, s)`` in [0, 1], one value each, ``(n,)``; 11 px Gaussian window, 1.5 px.

    Z. Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity", 2004.
    """
    at = torch.arange(11, dtype=one.dtype, device=one.device) - 5
    line = torch.exp(-(at**2) / (2 * 1.5**2))
    line = line / line.sum()
    planes = one.shape[1]

    def smooth(x: Tensor) -> Tensor:
        across = functional.conv2d(x, line.view(1, 1, 1, -1).expand(planes, 1, 1, -1), groups=planes)
        return functional.conv2d(across, line.view(1, 1, -1, 1).expand(planes, 1, -1, 1), groups=planes)

    m, n = smooth(one), smooth(other)
    mm, nn_, mn = smooth(one * one) - m * m, smooth(other * other) - n * n, smooth(one * other) - m * n
    map_ = ((2 * m * n + _FIRST) * (2 * mn + _SECOND)) / ((m * m + n * n + _FIRST) * (mm + nn_ + _SECOND))
    return map_.mean(dim=(1, 2, 3))
