"""The two answers of the network: their shapes, and that they look where they say."""

from __future__ import annotations

import pytest
import torch

from zhenwei.nets.face_forgery import FaceForgeryNet


@pytest.mark.parametrize(("batch", "size"), [(1, 32), (3, 64)])
def test_shapes(batch: int, size: int) -> None:
    net = FaceForgeryNet().eval()
    with torch.no_grad():
        answer = net(torch.zeros(batch, 3, size, size))
    assert answer.score.shape == (batch,)
    assert answer.regions.shape == (batch, size // 32, size // 32)


def test_the_score_is_linear_in_the_mean_feature_and_each_region_in_its_own() -> None:
    net = FaceForgeryNet().eval()
    x = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1
    with torch.no_grad():
        features = net.backbone(x)
        answer = net(x)
        weight, bias = net.whole.weight[0], net.whole.bias[0]
        score = torch.einsum("nchw,c->n", features, weight) / 4 + bias
        assert net.region.bias is not None
        region = torch.einsum("nc,c->n", features[:, :, 1, 0], net.region.weight[0, :, 0, 0]) + net.region.bias[0]
    assert answer.score.tolist() == pytest.approx(score.tolist(), abs=1e-5)
    assert answer.regions[:, 1, 0].tolist() == pytest.approx(region.tolist(), abs=1e-5)


def test_a_face_is_scored_alike_whoever_stands_beside_it() -> None:
    net = FaceForgeryNet().eval()
    x = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(2)) * 2 - 1
    with torch.no_grad():
        together = net(x).score
        alone = torch.cat([net(x[i : i + 1]).score for i in range(3)])
    assert together.tolist() == pytest.approx(alone.tolist(), abs=1e-5)


def test_dropout_acts_in_training_alone() -> None:
    net = FaceForgeryNet(dropout=0.5)
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eval()
    net.dropout.train()
    x = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        drawn = {float(net(x).score) for _ in range(4)}
        net.eval()
        fixed = {float(net(x).score) for _ in range(4)}
    assert len(drawn) > 1
    assert len(fixed) == 1
