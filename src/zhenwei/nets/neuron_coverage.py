"""Mean neuron coverage of a frozen network, layer by layer, and a linear verdict on it.

R. Wang et al., "FakeSpotter: A simple yet robust baseline for spotting AI-synthesized fake faces" (IJCAI 2020): of each
layer the share of neurons that are more active than the layer's mean activation over training faces. How a network
is excited by a face, not what it recognises, tells genuine from forged.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from zhenwei.nets.efficientnet_lite import EfficientNetLite, InvertedResidual

STAGES = 5  # of the backbone that are watched: up to stride 16


class NeuronCoverageOutput(NamedTuple):
    """``score`` ``(batch,)``, > 0 leans to forged; ``coverage`` ``(batch, layers)``: departure of each layer's coverage
    from that of genuine training faces, in their standard deviations."""

    score: Tensor
    coverage: Tensor


class NeuronCoverageNet(nn.Module):
    """Input ``(batch, 3, h, w)`` float32 RGB in [-1, 1]; output :class:`NeuronCoverageOutput`. Every layer that ends in
    a ReLU6 is watched. ``levels``, ``usual``, ``spread``, ``weights`` ``(layers,)`` and ``bias`` are set by
    whoever fits it."""

    levels: Tensor
    usual: Tensor
    spread: Tensor
    weights: Tensor
    bias: Tensor

    def __init__(self, backbone: EfficientNetLite) -> None:
        super().__init__()
        self.stem = backbone.stem
        self.stages = nn.ModuleList(list(backbone.stages)[:STAGES])
        self.requires_grad_(requires_grad=False)
        count = sum(isinstance(m, nn.ReLU6) for m in self.modules())
        for name, value in (("levels", 0.0), ("usual", 0.0), ("spread", 1.0), ("weights", 0.0)):
            self.register_buffer(name, torch.full((count,), value))
        self.register_buffer("bias", torch.zeros(()))

    def activations(self, x: Tensor) -> Iterator[Tensor]:
        """The output of every watched layer, in order, ``(batch, channels, h, w)``."""
        for layer in self.stem.children():
            x = layer(x)
        yield x
        for stage in self.stages:
            for block in stage.children():
                if not isinstance(block, InvertedResidual):
                    raise TypeError("a stage holds something else than blocks")
                before = x
                for layer in block.body.children():
                    x = layer(x)
                    if isinstance(layer, nn.ReLU6):
                        yield x
                x = before + x if block.adds_input else x

    def raw(self, x: Tensor) -> Tensor:
        """Shares of neurons above the level of their layer ``(batch, layers)``."""
        each = [(a > level).float().mean((1, 2, 3)) for a, level in zip(self.activations(x), self.levels, strict=True)]
        return torch.stack(each, 1)

    def forward(self, x: Tensor) -> NeuronCoverageOutput:
        departure = (self.raw(x) - self.usual) / self.spread  # (n, layers)
        return NeuronCoverageOutput(departure @ self.weights + self.bias, departure)
