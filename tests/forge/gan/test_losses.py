"""Losses, networks and measures."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from docs.lecture import measure, theory
from torch import nn

from zhenwei.errors import UsageError
from zhenwei.forge.gan import losses
from zhenwei.nets.gan import DcganCritic, DcganGenerator


def test_gradients_of_both_generator_losses_at_a_logit() -> None:
    for value in (-8.0, 0.0, 3.0):
        d = 1 / (1 + math.exp(-value))
        for loss, want in ((losses.generator_saturating, -d), (losses.generator_non_saturating, d - 1)):
            logit = torch.tensor([value], requires_grad=True)
            (slope,) = torch.autograd.grad(loss(logit), logit)
            assert float(slope) == pytest.approx(want, rel=1e-4)


def test_critic_loss_is_minus_v() -> None:
    real, fake = torch.randn(50, dtype=torch.float64), torch.randn(50, dtype=torch.float64)
    v = real.sigmoid().log().mean() + (1 - fake.sigmoid()).log().mean()
    assert float(losses.critic_logistic(real, fake)) == pytest.approx(-float(v))


def test_gradient_penalty_of_a_linear_critic_is_known() -> None:
    critic = nn.Linear(4, 1)
    norm = float(critic.weight.detach().norm())
    got = losses.gradient_penalty(critic, torch.randn(9, 4), torch.randn(9, 4), torch.Generator().manual_seed(0))
    assert float(got.detach()) == pytest.approx((norm - 1) ** 2, rel=1e-4)


@pytest.mark.parametrize("side", [32, 64])
def test_dcgan_keeps_its_rules(side: int) -> None:
    generator, critic = DcganGenerator(side, 8), DcganCritic(side, 8)
    images = generator(torch.randn(2, 100))
    assert images.shape == (2, 3, side, side)
    assert critic(images).shape == (2,)
    assert not [m for net in (generator, critic) for m in net.modules() if isinstance(m, nn.Linear | nn.MaxPool2d)]
    assert isinstance(generator.layers[-1], nn.Tanh)
    assert isinstance(generator.layers[-2], nn.ConvTranspose2d)
    assert isinstance(critic.layers[1], nn.LeakyReLU)
    assert not [m for m in DcganCritic(side, 8, normed=False).modules() if isinstance(m, nn.BatchNorm2d)]


def test_dcgan_starts_at_n_0_02() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        weights = torch.cat(
            [m.weight.flatten() for m in DcganGenerator().modules() if isinstance(m, nn.ConvTranspose2d)]
        )
    assert float(weights.std().detach()) == pytest.approx(0.02, rel=0.02)
    assert abs(float(weights.mean().detach())) < 1e-3
    with pytest.raises(UsageError, match="48 px"):
        DcganGenerator(48)


def test_modes_of_the_ring_and_of_a_collapse() -> None:
    centres = theory.ring_centres()
    fair = measure.modes(theory.ring(4000, torch.Generator().manual_seed(0)).double().numpy(), centres, 0.02)
    assert (fair.hit, fair.fair) == (8, 8)
    assert fair.quality == pytest.approx(1 - math.exp(-4.5), abs=0.01)  # a plane Gaussian within 3 sigma
    assert fair.top_share < 0.16
    fallen = measure.modes(np.tile(centres[3] * 0.7, (100, 1)), centres, 0.02)
    assert (fallen.hit, fallen.fair, fallen.quality, fallen.top_share, fallen.top) == (0, 0, 0, 1, 3)


def test_kernel_distance_is_nothing_for_the_same_and_large_for_others() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.integers(0, 256, (2, 64, 32, 32, 3), dtype=np.uint8)
    real = measure.features(one)
    assert real.shape == (64, 448)
    same = measure.kernel_distance(measure.features(other), real)
    assert abs(same.value) < 3 * same.deviation + 0.05
    assert measure.kernel_distance(measure.features(other // 2), real).value > 10 * abs(same.value) + 1
    with pytest.raises(UsageError, match="at least 8"):
        measure.kernel_distance(real[:4], real)


def test_learning_by_heart_is_seen() -> None:
    rng = np.random.default_rng(1)
    trained, held, new = rng.normal(size=(3, 200, 8))
    assert measure.memorised(trained + 1e-3, trained, held) == 1
    assert 0.35 < measure.memorised(new, trained, held) < 0.65
    assert measure.spearman(np.linspace(0, 1, 5), -np.linspace(0, 1, 5)) == pytest.approx(-1)
