"""Fingerprints of generators, implicit and explicit, and small generators to leave some.

After N. Yu, L. Davis, M. Fritz, "Attributing Fake Images to GANs: Learning and Analyzing GAN Fingerprints", ICCV 2019.
Implicit: the last features of a classifier of sources are the picture's fingerprint, the rows of its classifier those
of the sources. Explicit: what an autoencoder fails to give back is the picture's fingerprint, and each source has a
template that this residual is correlated with.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from zhenwei.nets.efficientnet_lite import EfficientNetLite

SIZE_PX = 192
FEATURES = 128
_SHARPNESS = 16.0  # at first
_MID, _HIGH = 2, 4  # stages of the trunk whose features are pooled, at strides 8 and 16
_POOLED = 2 * (40 + 112)
_CODE = 6
ENLARGERS = ("transposed", "nearest", "shuffle")


class LearnedFingerprintOutput(NamedTuple):
    """``fingerprint``: ``(n, 128)``, of length 1; ``cosines``: ``(n, sources)``, with the row of each source;
    ``least``: ``(n, sources)``, below which a picture is none of that source's, alike for all pictures."""

    fingerprint: Tensor
    cosines: Tensor
    least: Tensor


class ExplicitFingerprintOutput(NamedTuple):
    """``residual``: ``(n, 3, 192, 192)``, picture less reconstruction; ``cosines``: ``(n, sources)``, its correlation
    with each template; ``least``: as for :class:`LearnedFingerprintOutput`; ``templates``:
    ``(sources, 3, 192, 192)``."""

    residual: Tensor
    cosines: Tensor
    least: Tensor
    templates: Tensor


class LearnedFingerprint(nn.Module):
    """``(n, 3, 192, 192)`` float32 RGB in [-1, 1] to :class:`LearnedFingerprintOutput`.

    ``sharpness`` of the softmax over cosines. The trunk is the first five stages of an EfficientNet-Lite0, means and
    deviations of its features the rest; ``trunk``: one that has learned already.
    """

    least: Tensor

    def __init__(self, sources: int, trunk: EfficientNetLite | None = None) -> None:
        super().__init__()
        trunk = EfficientNetLite("lite0") if trunk is None else trunk
        self.stem, self.stages = trunk.stem, trunk.stages[: _HIGH + 1]
        self.last = nn.Linear(_POOLED, FEATURES)
        self.rows = nn.Parameter(torch.randn(sources, FEATURES))
        self.register_buffer("least", torch.zeros(sources))
        self.sharpness = nn.Parameter(torch.tensor(_SHARPNESS))

    def forward(self, x: Tensor) -> LearnedFingerprintOutput:
        x = self.stem(x)
        pooled = []
        for number, stage in enumerate(self.stages):
            x = stage(x)
            if number in (_MID, _HIGH):
                features = x.float()  # (n, 40, 24, 24), then (n, 112, 12, 12)
                mean = features.mean((2, 3))
                spread = ((features - mean[:, :, None, None]).pow(2).mean((2, 3)) + 1e-4).sqrt()
                pooled += [mean, spread]
        fingerprint = functional.normalize(self.last(torch.cat(pooled, dim=1)), dim=1)
        cosines = fingerprint @ functional.normalize(self.rows, dim=1).T  # (n, 128) with (sources, 128)
        # least does not depend on x: the term of 0 gives it the batch's shape in the exported graph
        return LearnedFingerprintOutput(fingerprint, cosines, self.least + 0 * cosines)


class ResidualFingerprint(nn.Module):
    """``(n, 3, 192, 192)`` float32 RGB in [-1, 1] to :class:`ExplicitFingerprintOutput`."""

    least: Tensor

    def __init__(self, sources: int) -> None:
        super().__init__()
        self.autoencoder = Generator("nearest", code=12, wide=24)
        self.templates = nn.Parameter(0.1 * torch.randn(sources, 3, SIZE_PX, SIZE_PX))
        self.register_buffer("least", torch.zeros(sources))
        self.sharpness = nn.Parameter(torch.tensor(2 * _SHARPNESS))

    def forward(self, x: Tensor) -> ExplicitFingerprintOutput:
        residual = x - self.autoencoder(x).float()  # (n, 3, 192, 192)
        flat, rows = residual.flatten(1), self.templates.flatten(1)
        cosines = functional.normalize(flat - flat.mean(1, keepdim=True), dim=1) @ (
            functional.normalize(rows - rows.mean(1, keepdim=True), dim=1).T
        )
        return ExplicitFingerprintOutput(residual, cosines, self.least + 0 * cosines, self.templates + 0)


class Generator(nn.Module):
    """A small autoencoder that draws faces from a code of a quarter of their size, enlarged twice as generators do.

    ``enlarger``: "transposed" convolutions, "nearest" neighbours and a convolution, or a pixel "shuffle". Sides must
    be multiples of 4.
    """

    def __init__(self, enlarger: str, *, code: int = _CODE, wide: int = 32) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(3, wide, 4, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(wide, wide, 4, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(wide, code, 3, 1, 1),
        )
        self.decoder = nn.Sequential(
            nn.Conv2d(code, wide, 3, 1, 1),
            nn.LeakyReLU(0.2),
            *_enlarged(enlarger, wide),
            nn.LeakyReLU(0.2),
            *_enlarged(enlarger, wide),
            nn.LeakyReLU(0.2),
            nn.Conv2d(wide, 3, 3, 1, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        drawn: Tensor = self.decoder(self.encoder(x))  # the code: (n, code, h / 4, w / 4)
        return drawn


def _enlarged(enlarger: str, wide: int) -> tuple[nn.Module, ...]:
    if enlarger == "transposed":
        return (nn.ConvTranspose2d(wide, wide, 4, 2, 1),)
    if enlarger == "nearest":
        return nn.Upsample(scale_factor=2, mode="nearest"), nn.Conv2d(wide, wide, 3, 1, 1)
    if enlarger == "shuffle":
        return nn.Conv2d(wide, 4 * wide, 3, 1, 1), nn.PixelShuffle(2)
    raise ValueError(enlarger)
