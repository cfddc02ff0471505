"""Xception with a head of two classes, as detectors of face forgery use it.

F. Chollet, "Xception: deep learning with depthwise separable convolutions", CVPR 2017: a stem of two convolutions,
twelve residual blocks of depthwise separable convolutions, two more of these, mean and a linear layer. Parameters are
called as in the weights that are passed round (A. Rössler et al., "FaceForensics++", ICCV 2019, and its successors).
"""

from __future__ import annotations

from typing import NamedTuple, cast

from torch import Tensor, nn
from torch.nn import functional as F

SIZE_PX = 256
FEATURES = 2048
# channels out, separable convolutions, stride, whether the first of them widens, whether it begins with a ReLU
_BLOCKS = (
    (128, 2, 2, True, False),
    (256, 2, 2, True, True),
    (728, 2, 2, True, True),
    *((728, 3, 1, True, True),) * 8,
    (1024, 2, 2, False, True),
)


class ClassLogits(NamedTuple):
    """``(n, classes)``."""

    logits: Tensor


class SeparableConv2d(nn.Module):
    """A convolution of each channel by itself, then one of 1 x 1 over channels."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False)
        self.pointwise = nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return cast("Tensor", self.pointwise(self.conv1(x)))


class Block(nn.Module):
    """Separable convolutions beside a shortcut, which is a strided convolution where shape changes."""

    def __init__(self, inputs: int, outputs: int, depth: int, stride: int, widen_first: bool, relu_first: bool) -> None:
        super().__init__()
        self.changes = outputs != inputs or stride != 1
        if self.changes:
            self.skip = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.skipbn = nn.BatchNorm2d(outputs)
        layers: list[nn.Module] = []
        channels = inputs
        for number in range(depth):
            widens = number == (0 if widen_first else depth - 1)
            to = outputs if widens else channels
            if layers or relu_first:
                layers.append(nn.ReLU())
            layers += [SeparableConv2d(channels, to), nn.BatchNorm2d(to)]
            channels = to
        if stride != 1:
            layers.append(nn.MaxPool2d(3, stride, 1))
        self.rep = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        beside = self.skipbn(self.skip(x)) if self.changes else x
        return cast("Tensor", self.rep(x) + beside)


class Xception(nn.Module):
    """``(n, 3, size, size)`` float32 RGB in [-1, 1]; gives :class:`ClassLogits`."""

    def __init__(self, classes: int = 2) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 3, 2, bias=False)
        self.bn1 = nn.BatchNorm2d(32)
        self.conv2 = nn.Conv2d(32, 64, 3, bias=False)
        self.bn2 = nn.BatchNorm2d(64)
        channels = 64
        for number, (outputs, depth, stride, widen_first, relu_first) in enumerate(_BLOCKS, start=1):
            self.add_module(f"block{number}", Block(channels, outputs, depth, stride, widen_first, relu_first))
            channels = outputs
        self.conv3 = SeparableConv2d(1024, 1536)
        self.bn3 = nn.BatchNorm2d(1536)
        self.conv4 = SeparableConv2d(1536, FEATURES)
        self.bn4 = nn.BatchNorm2d(FEATURES)
        self.last_linear = nn.Linear(FEATURES, classes)

    def forward(self, x: Tensor) -> ClassLogits:
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.relu(self.bn2(self.conv2(x)))
        for number in range(1, len(_BLOCKS) + 1):
            x = self.get_submodule(f"block{number}")(x)
        x = F.relu(self.bn3(self.conv3(x)))
        x = F.relu(self.bn4(self.conv4(x)))
        return ClassLogits(self.last_linear(x.mean((2, 3))))
