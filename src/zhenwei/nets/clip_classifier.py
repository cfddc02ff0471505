"""The image tower of CLIP with a linear head: ViT-L/14 where nothing else is said.

A. Radford et al., "Learning transferable visual models from natural language supervision", ICML 2021. Detectors tune
the norms alone (A. Yermakov et al. 2025) or add a low-rank part to every attention (Z. Yan et al., "Effort", ICML
2025); once folded in, both are this network.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zhenwei.nets.face_encoder import Block
from zhenwei.nets.xception import ClassLogits

SIZE_PX = 224
_EPS = 1e-5


class ClipClassifier(nn.Module):
    """``(n, 3, size, size)`` float32 RGB, normalised by CLIP's own mean and deviation; gives :class:`ClassLogits`.

    The head reads the class token behind the last norm, of length 1 with ``unit_features``.
    """

    def __init__(
        self,
        classes: int = 2,
        *,
        width: int = 1024,
        blocks: int = 24,
        heads: int = 16,
        patch_px: int = 14,
        size_px: int = SIZE_PX,
        unit_features: bool = False,
    ) -> None:
        super().__init__()
        self.unit_features = unit_features
        self.patch = nn.Conv2d(3, width, patch_px, patch_px, bias=False)
        self.token = nn.Parameter(torch.zeros(width))
        self.position = nn.Parameter(torch.zeros(1 + (size_px // patch_px) ** 2, width))
        self.norm = nn.LayerNorm(width, eps=_EPS)
        self.blocks = nn.ModuleList([Block(width, heads) for _ in range(blocks)])
        self.last_norm = nn.LayerNorm(width, eps=_EPS)
        self.head = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> ClassLogits:
        patches = self.patch(x).flatten(2).transpose(1, 2)  # (n, patches, width)
        first = torch.zeros_like(patches[:, :1]) + self.token
        x = self.norm(torch.cat([first, patches], 1) + self.position)
        for block in self.blocks:
            x = block(x)
        features = self.last_norm(x[:, 0])
        return ClassLogits(self.head(F.normalize(features, dim=1) if self.unit_features else features))
