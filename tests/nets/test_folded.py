"""The rebuilt network answers as the one it was folded from, and has gradients."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
import torch
from torch import nn

from zhenwei.nets.efficientnet_lite import Variant
from zhenwei.nets.face_forgery import FaceForgeryNet
from zhenwei.nets.folded import Layer, folded_net


def trained(variant: Variant) -> FaceForgeryNet:
    """A network whose norms have something to fold: statistics and gains of a made-up training."""
    generator = torch.Generator().manual_seed(4)
    net = FaceForgeryNet(variant).eval()
    for module in net.modules():
        if isinstance(module, nn.Conv2d):  # strong enough for the picture to reach the answer
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=generator)
        if isinstance(module, nn.BatchNorm2d):
            for values, low, high in ((module.weight, 0.8, 1.2), (module.bias, -0.2, 0.2)):
                values.data.uniform_(low, high, generator=generator)
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.uniform_(-0.1, 0.1, generator=generator)
            module.running_var.uniform_(0.5, 1.5, generator=generator)
    return net


def fold(net: FaceForgeryNet) -> tuple[list[Layer], Layer]:
    """By the definition of the norm: y = gain (x - mean) / sqrt(var + eps) + bias."""
    modules = [m for m in net.modules() if isinstance(m, nn.Conv2d | nn.BatchNorm2d)]
    layers = []
    for conv, norm in zip(modules, [*modules[1:], None], strict=True):
        if not isinstance(conv, nn.Conv2d):
            continue
        weight = conv.weight.detach()
        bias = torch.zeros(len(weight)) if conv.bias is None else conv.bias.detach()
        if isinstance(norm, nn.BatchNorm2d):
            assert norm.running_mean is not None
            assert norm.running_var is not None
            scale = norm.weight.detach() / torch.sqrt(norm.running_var + norm.eps)
            weight = weight * scale[:, None, None, None]
            bias = (bias - norm.running_mean) * scale + norm.bias.detach()
        layers.append((weight.numpy(), bias.numpy()))
    return layers, (net.whole.weight.detach().numpy(), net.whole.bias.detach().numpy())


@pytest.mark.parametrize("variant", get_args(Variant))
@pytest.mark.parametrize("size", [64, 96])
def test_parity_with_the_network_with_norms(variant: Variant, size: int) -> None:
    net = trained(variant)
    rebuilt = folded_net(*fold(net))
    x = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(1)) * 2 - 1
    x[1] *= 0.1
    with torch.no_grad():
        ours, theirs = rebuilt(x), net(x)
    for mine, others in ((ours.score, theirs.score), (ours.regions, theirs.regions)):
        scale = float(others.abs().max())
        assert float((mine - others).abs().max()) <= 1e-3 * scale
        assert float(others.std()) > 1e-2 * scale  # it does depend on the picture


def test_gradients_reach_the_picture_and_no_weight() -> None:
    net = folded_net(*fold(trained("lite0")))
    x = torch.zeros(1, 3, 64, 64, requires_grad=True)
    net(x).score.sum().backward()
    assert x.grad is not None
    assert float(x.grad.abs().sum()) > 0
    assert all(not p.requires_grad for p in net.parameters())


def test_building_it_leaves_the_caller_s_draws_alone() -> None:
    layers, whole = fold(trained("lite0"))
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    folded_net(layers, whole)
    assert torch.equal(torch.rand(3), expected)


def test_weights_of_another_network_are_refused() -> None:
    layers, whole = fold(trained("lite0"))
    with pytest.raises(ValueError, match="none of lite0, lite1, lite2"):
        folded_net(layers[:-1], whole)
    with pytest.raises(ValueError, match="want"):
        folded_net(layers, (whole[0], np.zeros(2, np.float32)))
    with pytest.raises(ValueError, match="want"):
        folded_net([*layers[:-1], (layers[-1][0], np.zeros(5, np.float32))], whole)
