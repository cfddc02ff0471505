"""The network of ``cnn.face_forgery`` rebuilt from exported weights, in which norms are part of the convolutions.

The exporter folds every batch norm into the convolution before it, so exported weights fit no training network. This
one has a bias in each convolution and no norms. It has gradients, which ONNX Runtime does not give.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import torch
from torch import nn

from zhenwei.nets.efficientnet_lite import Variant
from zhenwei.nets.face_forgery import FaceForgeryNet
from zhenwei.types import Floats

Layer = tuple[Floats, Floats]  # weight and bias


def folded_net(convolutions: Sequence[Layer], whole: Layer) -> FaceForgeryNet:
    """The network in evaluation mode, its parameters without gradients; the variant is known by the shapes.

    ``convolutions``: weight ``(out, in / groups, k, k)`` and bias ``(out,)`` of each in the order of computation, that
    of the regions last. ``whole``: weight ``(1, channels)`` and bias ``(1,)`` of the answer for the face. Raises
    ``ValueError`` where they are those of no known variant.
    """
    shapes = [tuple(weight.shape) for weight, _ in convolutions]
    for variant in get_args(Variant):
        net = _blank(variant)
        layers = [m for m in net.modules() if isinstance(m, nn.Conv2d)]
        if [tuple(layer.weight.shape) for layer in layers] == shapes:
            for layer, (weight, bias) in zip(layers, convolutions, strict=True):
                _fill(layer, weight, bias)
            _fill(net.whole, *whole)
            return net.eval().requires_grad_(False)
    known = ", ".join(get_args(Variant))
    raise ValueError(f"exported weights: got {len(shapes)} convolutions that are those of none of {known}")


def _blank(variant: Variant) -> FaceForgeryNet:
    with torch.random.fork_rng(devices=[]):  # whose first weights do not matter: the caller's draws stay as they are
        net = FaceForgeryNet(variant, dropout=0.0)
    for module in list(net.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.BatchNorm2d):
                setattr(module, name, nn.Identity())
            elif isinstance(child, nn.Conv2d) and child.bias is None:
                child.bias = nn.Parameter(torch.zeros(child.out_channels))
    return net


def _fill(layer: nn.Conv2d | nn.Linear, weight: Floats, bias: Floats) -> None:
    if layer.bias is None or tuple(layer.bias.shape) != bias.shape or tuple(layer.weight.shape) != weight.shape:
        got, want = f"{weight.shape} and {bias.shape}", tuple(layer.weight.shape)
        raise ValueError(f"exported weights: got {got}, want {want} and one bias each")
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weight.copy()))
        layer.bias.copy_(torch.from_numpy(bias.copy()))
