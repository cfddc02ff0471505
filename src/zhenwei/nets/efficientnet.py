"""EfficientNet-B0 to B7 with a head of two classes; B4 is what self-blended images are learned with.

M. Tan & Q. Le, "EfficientNet: rethinking model scaling for convolutional neural networks", ICML 2019: inverted
bottlenecks with squeeze and excitation, widened and deepened together. Convolutions are padded as TensorFlow's "SAME".
"""

from __future__ import annotations

import math
from typing import cast

from torch import Tensor, nn
from torch.nn import functional as F

from zhenwei.nets.efficientnet_lite import SamePadConv2d
from zhenwei.nets.xception import ClassLogits

# (expansion, kernel, channels, repeats, stride) of the seven stages before scaling
_STAGES = (
    (1, 3, 16, 1, 1),
    (6, 3, 24, 2, 2),
    (6, 5, 40, 2, 2),
    (6, 3, 80, 3, 2),
    (6, 5, 112, 3, 1),
    (6, 5, 192, 4, 2),
    (6, 3, 320, 1, 1),
)
WIDTH_B4, DEPTH_B4, SIZE_B4_PX = 1.4, 1.8, 380
_EPS, _SQUEEZED, _DIVISOR = 1e-3, 0.25, 8


def _channels(count: int, width: float) -> int:
    """Scaled to a multiple of eight, and never by more than a tenth down."""
    scaled = count * width
    rounded = max(_DIVISOR, int(scaled + _DIVISOR / 2) // _DIVISOR * _DIVISOR)
    return rounded + _DIVISOR if rounded < 0.9 * scaled else rounded


class Bottleneck(nn.Module):
    """Widened, filtered channel by channel, weighed by what the whole picture holds, narrowed again."""

    def __init__(self, inputs: int, outputs: int, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        wide, squeezed = inputs * expansion, max(1, int(inputs * _SQUEEZED))
        self.widens = expansion != 1
        if self.widens:
            self.expand = nn.Conv2d(inputs, wide, 1, bias=False)
            self.norm0 = nn.BatchNorm2d(wide, eps=_EPS)
        self.depthwise = SamePadConv2d(wide, wide, kernel, stride, groups=wide, bias=False)
        self.norm1 = nn.BatchNorm2d(wide, eps=_EPS)
        self.squeeze = nn.Conv2d(wide, squeezed, 1)
        self.excite = nn.Conv2d(squeezed, wide, 1)
        self.project = nn.Conv2d(wide, outputs, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs, eps=_EPS)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y = F.silu(self.norm0(self.expand(x))) if self.widens else x
        y = F.silu(self.norm1(self.depthwise(y)))
        weights = self.excite(F.silu(self.squeeze(y.mean((2, 3), keepdim=True))))
        y = self.norm2(self.project(y * weights.sigmoid()))
        return cast("Tensor", y + x if self.adds else y)


class EfficientNet(nn.Module):
    """``(n, 3, size, size)`` float32 RGB; gives :class:`ClassLogits`. Scaled as B4 unless said otherwise."""

    def __init__(self, classes: int = 2, *, width: float = WIDTH_B4, depth: float = DEPTH_B4) -> None:
        super().__init__()
        channels = _channels(32, width)
        self.stem = SamePadConv2d(3, channels, 3, 2, bias=False)
        self.stem_norm = nn.BatchNorm2d(channels, eps=_EPS)
        blocks: list[nn.Module] = []
        for expansion, kernel, out, repeats, stride in _STAGES:
            outputs = _channels(out, width)
            for number in range(math.ceil(repeats * depth)):
                blocks.append(Bottleneck(channels, outputs, expansion, kernel, stride if number == 0 else 1))
                channels = outputs
        self.blocks = nn.ModuleList(blocks)
        features = _channels(1280, width)
        self.head = nn.Conv2d(channels, features, 1, bias=False)
        self.head_norm = nn.BatchNorm2d(features, eps=_EPS)
        self.linear = nn.Linear(features, classes)

    def forward(self, x: Tensor) -> ClassLogits:
        x = F.silu(self.stem_norm(self.stem(x)))
        for block in self.blocks:
            x = block(x)
        x = F.silu(self.head_norm(self.head(x)))
        return ClassLogits(self.linear(x.mean((2, 3))))
