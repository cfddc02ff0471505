"""The network of the attention and warp families: one trunk, several heads, one forward pass.

The trunk (up to stride 16) is that of ``cnn.face_forgery`` and stays as it is. On it stand

- *attention* (H. Dang, F. Liu, J. Stehouwer, X. Liu, A. Jain, "On the detection of digital face manipulation", CVPR
  2020): a map M over the features F of stride 16, F' = F * sigmoid(M), and the rest of the network on F'. The map is
  regressed from the features, or composed of a mean and ten principal components of known masks ("appearance").
- a *neck* at stride 8 that three heads share: the *boundary* of a blend, 4 m (1 - m), with a classifier that sees that
  map alone (L. Li et al., "Face X-ray", CVPR 2020); traces of *affine* warping, scored by regions of interest of which
  the more suspicious half counts (Y. Li & S. Lyu, CVPRW 2019); traces of *self-blending* (K. Shiohara & T. Yamasaki,
  CVPR 2022).
"""

from __future__ import annotations

from typing import Literal, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zhenwei.nets.face_forgery import FaceForgeryNet

Attention = Literal["regression", "appearance"]
COMPONENTS = 10  # principal components of the masks, as in the paper
CELLS = 12  # of the attention map along a side, at 192 px
FINE_CELLS = 24  # of the maps of the other heads
_SPLIT = 5  # stages of the trunk: it ends at stride 16
_MID_STAGE = 2  # whose features, at stride 8, the neck takes as well
_MID, _HIGH, _NECK = 40, 112, 48
_REGION, _STEP = 8, 4  # cells of a region of interest along a side, and from one to the next
_OPEN = 2.0  # logit that the attention starts from: most of the features pass


class FaceTracesOutput(NamedTuple):
    """Logits, > 0 leans to forged: scores ``(batch,)``; maps ``(batch, 12, 12)`` and, of the others, ``(batch, 24,
    24)``, for faces of 192 px."""

    attention: Tensor
    attention_map: Tensor
    boundary: Tensor
    boundary_map: Tensor
    affine: Tensor
    affine_map: Tensor
    blend: Tensor
    blend_map: Tensor


def _separable(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs), nn.Conv2d(inputs, outputs, 1))


class AttentionHead(nn.Module):
    """The map, and the rest of the network on the features that it lets through.

    ``rest``: the last stages and the head of the backbone. Of the appearance variant, ``mean`` ``(12, 12)`` and
    ``basis`` ``(10, 12, 12)`` are set from known masks (as logits) before training.
    """

    mean: Tensor
    basis: Tensor

    def __init__(self, rest: nn.Module, kind: Attention = "regression") -> None:
        super().__init__()
        self.kind = kind
        self.rest = rest
        self.whole = nn.Linear(1280, 1)
        self.regress = _separable(_HIGH, 1)
        self.compose = nn.Linear(_HIGH, COMPONENTS)
        self.register_buffer("mean", torch.zeros(CELLS, CELLS))
        self.register_buffer("basis", torch.zeros(COMPONENTS, CELLS, CELLS))
        nn.init.constant_(cast("Tensor", self.regress[-1].bias), _OPEN)

    def forward(self, high: Tensor) -> tuple[Tensor, Tensor]:
        logits = self._map(high)  # (n, 12, 12), of high (n, 112, 12, 12)
        passed = high * torch.sigmoid(logits)[:, None]  # (n, 112, 12, 12)
        pooled = self.rest(passed).mean((2, 3))  # (n, 1280)
        return self.whole(pooled).squeeze(1), logits

    def _map(self, high: Tensor) -> Tensor:
        if self.kind == "regression":
            out: Tensor = self.regress(high).squeeze(1)
            return out
        weights = self.compose(high.mean((2, 3)))  # (n, 10)
        return self.mean + torch.einsum("nk,khw->nhw", weights, self.basis)


class WarpHeads(nn.Module):
    """Neck and the three heads on it; in: features of stride 8 ``(n, 40, 24, 24)`` and of stride 16."""

    def __init__(self) -> None:
        super().__init__()
        self.from_mid = nn.Conv2d(_MID, _NECK, 1)
        self.from_high = nn.Conv2d(_HIGH, _NECK, 1)
        self.neck = nn.Sequential(_separable(_NECK, _NECK), nn.ReLU(), _separable(_NECK, _NECK), nn.ReLU())
        self.boundary = nn.Conv2d(_NECK, 1, 1)
        self.judge = nn.Sequential(
            nn.Conv2d(1, 8, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.ReLU()
        )
        self.judged = nn.Linear(16, 1)
        self.affine = nn.Conv2d(_NECK, 1, 1)
        self.blend = nn.Sequential(nn.Conv2d(_NECK, _NECK, 1), nn.ReLU())
        self.blended = nn.Conv2d(_NECK, 1, 1)

    def forward(self, mid: Tensor, high: Tensor) -> tuple[Tensor, ...]:
        up = F.interpolate(self.from_high(high), scale_factor=2.0, mode="nearest")  # (n, 48, 24, 24)
        neck = self.neck(F.relu(self.from_mid(mid) + up))  # (n, 48, 24, 24)
        boundary = self.boundary(neck)  # (n, 1, 24, 24)
        judged = self.judged(self.judge(torch.sigmoid(boundary)).mean((2, 3))).squeeze(1)  # (n,)
        affine = self.affine(neck)  # (n, 1, 24, 24)
        regions = F.avg_pool2d(affine, _REGION, _STEP).flatten(1)  # (n, 25)
        suspicious = regions.topk((regions.shape[1] + 1) // 2, dim=1).values.mean(1)  # (n,)
        blend = self.blended(self.blend(neck))
        maps = boundary.squeeze(1), affine.squeeze(1), blend.squeeze(1)
        return judged, maps[0], suspicious, maps[1], blend.mean((1, 2, 3)), maps[2]


class FaceTracesNet(nn.Module):
    """Input ``(batch, 3, 192, 192)`` float32 RGB in [-1, 1]; output :class:`FaceTracesOutput`.

    ``whole``: the trained network of ``cnn.face_forgery``, norms folded (:mod:`zhenwei.nets.folded`). Its trunk is
    shared, its last stages are where the attention head starts from.
    """

    def __init__(self, whole: FaceForgeryNet, kind: Attention = "regression") -> None:
        super().__init__()
        backbone = whole.backbone
        self.stem = backbone.stem
        self.trunk = nn.ModuleList(list(backbone.stages)[:_SPLIT])
        rest = nn.Sequential(*list(backbone.stages)[_SPLIT:], backbone.head)
        for part in (self.stem, self.trunk):
            part.requires_grad_(requires_grad=False)
        rest.requires_grad_(requires_grad=True)
        self.attention = AttentionHead(rest, kind)
        self.attention.whole.load_state_dict(whole.whole.state_dict())
        self.warp = WarpHeads()

    def features(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Of the trunk: stride 8 ``(n, 40, h / 8, w / 8)`` and stride 16 ``(n, 112, h / 16, w / 16)``."""
        x = self.stem(x)
        mid = x
        for number, stage in enumerate(self.trunk):
            x = stage(x)
            if number == _MID_STAGE:
                mid = x
        return mid, x

    def heads(self, mid: Tensor, high: Tensor) -> FaceTracesOutput:
        return FaceTracesOutput(*self.attention(high), *self.warp(mid, high))

    def forward(self, x: Tensor) -> FaceTracesOutput:
        return self.heads(*self.features(x))


def principal_components(masks: Tensor) -> tuple[Tensor, Tensor]:
    """Mean ``(12, 12)`` and ``(10, 12, 12)`` principal components, each times its deviation, of the logits of masks
    ``(n, 12, 12)`` in [0, 1]: the appearance model's M_mean and A."""
    logits = torch.logit(masks.float().clamp(0.02, 0.98)).flatten(1)
    mean = logits.mean(0)
    _, sizes, directions = torch.linalg.svd(logits - mean, full_matrices=False)
    scale = sizes[:COMPONENTS, None] / max(1, len(masks) - 1) ** 0.5
    shape = (-1, CELLS, CELLS)
    return mean.view(CELLS, CELLS), (scale * directions[:COMPONENTS]).view(shape)
