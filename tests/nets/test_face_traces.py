"""Heads on one trunk: what each computes, against NumPy, and what may learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from zhenwei.nets.face_forgery import FaceForgeryNet
from zhenwei.nets.face_traces import COMPONENTS, FaceTracesNet, FaceTracesOutput, principal_components


@pytest.fixture(scope="module")
def net() -> FaceTracesNet:
    torch.manual_seed(0)
    return FaceTracesNet(FaceForgeryNet("lite0")).eval()


def faces(count: int = 2) -> torch.Tensor:
    return torch.rand(count, 3, 192, 192, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_every_head_answers_every_face(net: FaceTracesNet) -> None:
    with torch.no_grad():
        found = net(faces(3))
    shapes = [tuple(part.shape) for part in found]
    assert shapes == [(3,), (3, 12, 12), (3,), (3, 24, 24), (3,), (3, 24, 24), (3,), (3, 24, 24)]
    assert all(torch.isfinite(part).all() for part in found)


def test_heads_on_the_features_are_the_whole_and_neighbours_do_not_matter(net: FaceTracesNet) -> None:
    with torch.no_grad():
        whole, apart, alone = net(faces()), net.heads(*net.features(faces())), net(faces()[1:])
    for name in FaceTracesOutput._fields:
        assert torch.allclose(getattr(whole, name), getattr(apart, name), atol=1e-5)
        assert torch.allclose(getattr(whole, name)[1:], getattr(alone, name), atol=1e-5)


def test_the_more_suspicious_half_of_the_regions_counts(net: FaceTracesNet) -> None:
    with torch.no_grad():
        found = net(faces())
    for score, cells in zip(found.affine.numpy(), found.affine_map.numpy(), strict=True):
        regions = sorted(
            (cells[y : y + 8, x : x + 8].mean() for y in range(0, 17, 4) for x in range(0, 17, 4)), reverse=True
        )
        assert score == pytest.approx(np.mean(regions[:13]), abs=1e-5)


def test_the_boundarys_verdict_sees_the_map_alone(net: FaceTracesNet) -> None:
    mid, high = (torch.rand(1, *shape) for shape in ((40, 24, 24), (112, 12, 12)))
    with torch.no_grad():
        found = net.heads(mid, high)
        again = net.warp.judged(net.warp.judge(torch.sigmoid(found.boundary_map)[:, None]).mean((2, 3))).squeeze(1)
    assert torch.allclose(found.boundary, again, atol=1e-6)


def test_attention_shut_everywhere_leaves_nothing_to_judge(net: FaceTracesNet) -> None:
    bias, weight = net.attention.regress[-1].bias, net.attention.regress[-1].weight
    assert isinstance(bias, torch.Tensor)
    assert isinstance(weight, torch.Tensor)
    kept = bias.detach().clone()
    with torch.no_grad():
        scale = weight.detach().clone()
        bias.fill_(-60.0)
        weight.zero_()
        scores = net.attention(torch.rand(3, 112, 12, 12))[0]
        bias.copy_(kept)
        weight.copy_(scale)
    assert torch.allclose(scores, scores[:1].expand(3), atol=1e-4)


def test_the_trunk_stays_as_it_is(net: FaceTracesNet) -> None:
    assert not any(p.requires_grad for part in (net.stem, net.trunk) for p in part.parameters())
    assert all(p.requires_grad for part in (net.attention, net.warp) for p in part.parameters())


def test_the_appearance_model_is_mean_and_principal_components() -> None:
    rng = np.random.default_rng(0)
    masks = np.clip(rng.random((60, 12, 12)), 0.02, 0.98).astype(np.float32)
    mean, basis = principal_components(torch.from_numpy(masks))
    logits = np.log(masks / (1 - masks)).reshape(60, -1)
    assert np.allclose(mean.numpy().ravel(), logits.mean(0), atol=1e-5)
    _, sizes, directions = np.linalg.svd(logits - logits.mean(0), full_matrices=False)
    for i in range(COMPONENTS):
        expected = directions[i] * sizes[i] / np.sqrt(59)
        assert min(np.abs(basis[i].numpy().ravel() - s * expected).max() for s in (1, -1)) < 1e-3
    net = FaceTracesNet(FaceForgeryNet("lite0"), "appearance").eval()
    net.attention.mean.copy_(mean)
    net.attention.basis.copy_(basis)
    high = torch.rand(2, 112, 12, 12)
    with torch.no_grad():
        weights = net.attention.compose(high.mean((2, 3))).numpy()
        found = net.attention(high)[1].numpy()
    expected = mean.numpy() + np.tensordot(weights, basis.numpy(), 1)
    assert np.allclose(found, expected, atol=1e-4)
