"""Sharpness-aware steps do what the paper says, on a quadratic where everything is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from zhenwei.trainer.sam import still_norms, worst_near_by


def test_the_gradient_is_that_of_the_worst_place_near_by() -> None:
    rng = np.random.default_rng(0)
    root = rng.normal(size=(5, 5))
    curvature = torch.tensor(root @ root.T)
    start = torch.tensor(rng.normal(size=5))
    halves = [nn.Parameter(start[:2].clone()), nn.Parameter(start[2:].clone())]  # one radius for all of them

    def loss() -> torch.Tensor:
        w = torch.cat(list(halves))
        return 0.5 * w @ curvature @ w

    def gradient() -> torch.Tensor:
        for half in halves:
            half.grad = None
        loss().backward()  # type: ignore[no-untyped-call]
        return torch.cat([half.grad for half in halves if half.grad is not None])

    rho = 0.3
    plain = gradient()
    with worst_near_by(halves, rho):
        moved = torch.cat([h.detach() for h in halves]) - start
        sharp = gradient()
    assert float(moved.norm()) == pytest.approx(rho)
    slope = curvature @ start
    assert torch.allclose(plain, slope)
    assert torch.allclose(sharp, curvature @ (start + rho * slope / slope.norm()))
    assert torch.equal(torch.cat([h.detach() for h in halves]), start)  # back where it was, bit by bit


def test_statistics_of_norms_stay_while_they_are_held_still() -> None:
    norm = nn.Sequential(nn.BatchNorm2d(2, momentum=0.3))
    x = torch.randn(4, 2, 3, 3, generator=torch.Generator().manual_seed(0)) + 5
    with still_norms(norm):
        norm(x)
        assert torch.equal(norm[0].running_mean, torch.zeros(2))  # type: ignore[arg-type]
    norm(x)
    assert torch.allclose(norm[0].running_mean, 0.3 * x.mean((0, 2, 3)))  # type: ignore[arg-type]
