"""EfficientNet-Lite 0 to 2: ImageNet backbones without squeeze-and-excitation or swish.

Source: Tan & Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks" (ICML 2019), in the
"Lite" form published with TensorFlow: ReLU6, no attention, a fixed stem and head. Pictures go in as
``(batch, 3, height, width)`` float32 scaled to [-1, 1] (mean and deviation 0.5), RGB.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Variant = Literal["lite0", "lite1", "lite2"]

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
_SCALE: dict[Variant, tuple[float, float]] = {"lite0": (1.0, 1.0), "lite1": (1.0, 1.1), "lite2": (1.1, 1.2)}
_HEAD_CHANNELS = 1280


class SamePadConv2d(nn.Conv2d):
    """A strided convolution padded as TensorFlow's "SAME": the odd pixel goes to the right and the bottom.

    The published weights were trained with it; symmetric padding shifts every feature by half a stride.
    """

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        (top, bottom), (left, right) = self._pad(height, 0), self._pad(width, 1)
        padded = F.pad(x, (left, right, top, bottom))
        return F.conv2d(padded, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)

    def _pad(self, size: int, axis: int) -> tuple[int, int]:
        stride, kernel = self.stride[axis], self.kernel_size[axis]
        total = max((math.ceil(size / stride) - 1) * stride + kernel - size, 0)
        return total // 2, total - total // 2


class DepthwiseInFull(nn.Module):
    """Runs a depthwise convolution in float32 whatever the autocast type.

    On CPUs with bfloat16 units the 1x1 convolutions gain from it, while the backward pass of a depthwise convolution
    loses a factor of three; split like this a training step is a third faster than in either type alone.
    """

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.conv = conv

    def forward(self, x: Tensor) -> Tensor:
        if not torch.is_autocast_enabled("cpu") or x.device.type != "cpu":
            return self._run(x)
        with torch.autocast("cpu", enabled=False):
            return self._run(x.float())

    def _run(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv(x)
        return out


def _conv(inputs: int, outputs: int, kernel: int, stride: int, groups: int = 1) -> nn.Conv2d:
    if stride > 1:
        return SamePadConv2d(inputs, outputs, kernel, stride, 0, groups=groups, bias=False)
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


class InvertedResidual(nn.Module):
    """Expand 1x1, depthwise k x k, project 1x1; the input is added where shapes allow."""

    def __init__(self, inputs: int, outputs: int, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        layers: list[nn.Module] = []
        if expansion != 1:
            layers += [_conv(inputs, hidden, 1, 1), _norm(hidden), nn.ReLU6()]
        depthwise = DepthwiseInFull(_conv(hidden, hidden, kernel, stride, groups=hidden))
        layers += [depthwise, _norm(hidden), nn.ReLU6()]
        layers += [_conv(hidden, outputs, 1, 1), _norm(outputs)]
        self.body = nn.Sequential(*layers)
        self.adds_input = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.body(x)
        return x + out if self.adds_input else out


def _round_channels(channels: float) -> int:
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


class EfficientNetLite(nn.Module):
    """The backbone without its classifier; ``forward`` returns the last feature map.

    Output: ``(batch, 1280, height / 32, width / 32)``, after the 1x1 head convolution and ReLU6.
    ``stages`` lets a caller take features half way (stage 4 ends at stride 16 with 112 x width channels).
    """

    channels = _HEAD_CHANNELS

    def __init__(self, variant: Variant = "lite0") -> None:
        super().__init__()
        width, depth = _SCALE[variant]
        self.stem = nn.Sequential(_conv(3, 32, 3, 2), _norm(32), nn.ReLU6())
        stages: list[nn.Module] = []
        inputs = 32
        for number, (expansion, kernel, channels, repeats, stride) in enumerate(_STAGES):
            outputs = _round_channels(channels * width)
            fixed = number in (0, len(_STAGES) - 1)
            count = repeats if fixed else math.ceil(repeats * depth)
            blocks = [InvertedResidual(inputs, outputs, expansion, kernel, stride)]
            blocks += [InvertedResidual(outputs, outputs, expansion, kernel, 1) for _ in range(count - 1)]
            stages.append(nn.Sequential(*blocks))
            inputs = outputs
        self.stages = nn.ModuleList(stages)
        self.head = nn.Sequential(_conv(inputs, _HEAD_CHANNELS, 1, 1), _norm(_HEAD_CHANNELS), nn.ReLU6())

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)  # (n, 32, h / 2, w / 2)
        for stage in self.stages:
            x = stage(x)  # the last: (n, 320, h / 32, w / 32) for lite0
        out: Tensor = self.head(x)  # (n, 1280, h / 32, w / 32)
        return out


def load_imagenet(net: EfficientNetLite, state: Mapping[str, Tensor]) -> None:
    """Copy published ImageNet weights into ``net`` by position; the classifier's two tensors are left over.

    Both state dicts list the same tensors in the order of computation under other names. Raises ``ValueError`` at the
    first tensor whose shape differs, so that a wrong variant cannot be loaded by half.
    """
    own = net.state_dict()
    theirs = [(k, v) for k, v in state.items() if not k.endswith("num_batches_tracked")]
    ours = [k for k in own if not k.endswith("num_batches_tracked")]
    if len(theirs) < len(ours):
        raise ValueError(f"ImageNet weights: got {len(theirs)} tensors, want at least {len(ours)}: wrong variant?")
    for key, (name, value) in zip(ours, theirs, strict=False):
        if own[key].shape != value.shape:
            raise ValueError(f"ImageNet weights: {name} is {tuple(value.shape)}, {key} wants {tuple(own[key].shape)}")
        own[key] = value.to(torch.float32)
    net.load_state_dict(own)
