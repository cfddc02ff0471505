"""The network of ``cnn.face_forgery``: an EfficientNet-Lite with one answer for the face and one for each region.

The regional head is supervised by the masks of the forgeries (after Dang et al., "On the Detection of Digital Face
Manipulation", CVPR 2020): a face cropped from a swap teaches not only *that* but *where*. The global head averages the
features, so the two answers share everything but one linear map each.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from zhenwei.nets.efficientnet_lite import EfficientNetLite, Variant


class FaceForgeryOutput(NamedTuple):
    """``score`` ``(batch,)`` and ``regions`` ``(batch, h / 32, w / 32)``: logits, > 0 leans to forged."""

    score: Tensor
    regions: Tensor


class FaceForgeryNet(nn.Module):
    """Input ``(batch, 3, h, w)`` float32 RGB in [-1, 1], h and w multiples of 32; output :class:`FaceForgeryOutput`."""

    def __init__(self, variant: Variant = "lite0", dropout: float = 0.2) -> None:
        super().__init__()
        self.backbone = EfficientNetLite(variant)
        self.dropout = nn.Dropout(dropout)
        self.whole = nn.Linear(EfficientNetLite.channels, 1)
        self.region = nn.Conv2d(EfficientNetLite.channels, 1, 1)
        for layer in (self.whole, self.region):
            nn.init.normal_(layer.weight, std=0.01)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> FaceForgeryOutput:
        features = self.backbone(x)  # (n, 1280, h / 32, w / 32)
        pooled = self.dropout(features.mean((2, 3)))  # (n, 1280)
        return FaceForgeryOutput(self.whole(pooled).squeeze(1), self.region(features).squeeze(1))
