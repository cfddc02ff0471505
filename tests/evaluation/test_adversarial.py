"""Attacks: closed form on linear scores, the budget kept in saved pictures, more budget never harms the attacker."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from zhenwei import models
from zhenwei.errors import MissingExtraError, ModelError, UsageError
from zhenwei.evaluation import adversarial
from zhenwei.evaluation.adversarial import Budget, fgsm, network, pgd, scores
from zhenwei.testing.made import portrait
from zhenwei.types import Floats, Pixels

Score = Callable[[torch.Tensor], torch.Tensor]


def linear(weight: Floats) -> Score:
    """The sum of ``weight`` times the levels: its gradient is ``weight`` everywhere."""
    fixed = torch.from_numpy(weight)
    return lambda levels: (levels * fixed).sum((1, 2, 3))


def weights(size: int = 6) -> Floats:
    return np.random.default_rng(1).normal(0, 0.01, (3, size, size)).astype(np.float32)


def curved(levels: torch.Tensor) -> torch.Tensor:
    """A score whose gradient turns as the picture moves: what one step cannot follow, many can."""
    x = levels / 255
    return torch.sin(9 * x).sum((1, 2, 3)) + (x[:, :, 1:] * x[:, :, :-1]).sum((1, 2, 3))


def crops(count: int, size: int = 6, low: int = 20, high: int = 236) -> Pixels:
    return np.random.default_rng(2).integers(low, high, (count, size, size, 3), dtype=np.uint8)


@pytest.mark.parametrize("attack", [fgsm, pgd])
@pytest.mark.parametrize("eps", [1, 2, 4])
def test_on_a_linear_score_the_gain_is_eps_times_the_sum_of_the_weights(attack: Any, eps: int) -> None:
    weight, images, forged = weights(), crops(10), [True, False] * 5
    moved = attack(linear(weight), images, forged, Budget(eps))
    gain = scores(linear(weight), moved) - scores(linear(weight), images)
    most = eps * np.abs(weight).sum()
    assert gain == pytest.approx(np.where(forged, -most, most), rel=1e-3)


def test_nothing_leaves_the_range_of_a_picture() -> None:
    weight, ends = weights(), np.array([0, 255] * 54, np.uint8).reshape(1, 6, 6, 3)
    moved = fgsm(linear(weight), ends, [False], Budget(4))
    wanted = np.clip(ends.astype(int) + 4 * np.sign(weight).transpose(1, 2, 0)[None], 0, 255)
    assert np.array_equal(moved, wanted)


@pytest.mark.parametrize("attack", [fgsm, pgd])
@pytest.mark.parametrize("eps", [0, 1, 3])
def test_saved_pictures_stay_within_the_budget(attack: Any, eps: int) -> None:
    images = crops(9, low=0, high=256)
    moved = attack(curved, images, [True] * 9, Budget(eps, step_size=0.7, restarts=2))
    assert moved.dtype == np.uint8
    assert moved.shape == images.shape
    change = np.abs(moved.astype(int) - images)
    assert change.max() == eps
    if eps:
        assert change.mean() > 0.3 * eps  # it uses what it is given


def test_a_larger_budget_gains_more_on_average() -> None:
    images, forged = crops(16), [True, False] * 8
    sign = np.where(forged, -1, 1)
    plain = scores(curved, images)
    for attack in (fgsm, pgd):
        gains = [
            float((sign * (scores(curved, attack(curved, images, forged, Budget(eps))) - plain)).mean())
            for eps in (0, 1, 2, 4, 8)
        ]
        assert gains[0] == 0
        assert gains == sorted(gains)
        assert gains[1] > 0


def test_many_steps_do_no_worse_than_one_where_the_score_is_curved() -> None:
    images, forged = crops(16), [False] * 16
    once = scores(curved, fgsm(curved, images, forged, Budget(24)))
    many = scores(curved, pgd(curved, images, forged, Budget(24, steps=20)))
    more = scores(curved, pgd(curved, images, forged, Budget(24, steps=20, restarts=3)))
    assert many.mean() > once.mean() + 1
    assert (many >= scores(curved, images)).all()
    assert (more >= many).all()


def test_equal_seeds_give_equal_attacks_and_other_seeds_others() -> None:
    images = crops(4)
    first, again = [pgd(curved, images, [True] * 4, Budget(4, steps=2, restarts=2, seed=s)) for s in (5, 5)]
    assert np.array_equal(first, again)
    third, other = [pgd(lambda x: (x % 7).sum((1, 2, 3)), images, [True] * 4, Budget(4, 1, 0.1, 2, s)) for s in (5, 6)]
    assert not np.array_equal(third, other)


def shipped_faces(count: int) -> Pixels:
    shape = models.load("face_forgery").input_shape
    assert shape[2] is not None
    return np.stack([portrait(shape[2], shape[2], seed) for seed in range(count)])


def fed(images: Pixels) -> Floats:
    """As the network's contract says: RGB in [-1, 1], channels first."""
    return np.ascontiguousarray((images.transpose(0, 3, 1, 2) / 255 - 0.5) / 0.5, np.float32)


def test_the_rebuilt_network_is_the_shipped_one() -> None:
    """Scores of ONNX Runtime against PyTorch, on faces, noise and flat grey."""
    model = models.load("face_forgery")
    faces = shipped_faces(2)
    grey = np.full_like(faces[0], 120)
    noise = np.random.default_rng(0).integers(0, 256, faces[0].shape, dtype=np.uint8)
    batch = np.stack([*faces, grey, noise])
    once, mirrored = model.run(fed(batch))[0], model.run(fed(batch[:, :, ::-1]))[0]
    assert np.ptp(once) > 0.01
    assert scores(network(mirrored=False), batch) == pytest.approx(once, abs=2e-3)
    assert scores(network(), batch) == pytest.approx((once + mirrored) / 2, abs=2e-3)


def test_the_shipped_network_yields_in_both_directions() -> None:
    """What ONNX Runtime says of the pictures as saved, not what the attack claims."""
    images, model = shipped_faces(2), models.load("face_forgery")
    moved = pgd(network(mirrored=False), images, [True, False], Budget(2, steps=3))
    before, after = (model.run(fed(x))[0] for x in (images, moved))
    assert after[0] < before[0]
    assert after[1] > before[1]
    assert np.abs(moved.astype(int) - images).max() == 2


def test_what_has_no_meaning_is_refused() -> None:
    with pytest.raises(UsageError, match="faces"):
        fgsm(curved, crops(2).astype(np.float32), [True] * 2, Budget(1))
    with pytest.raises(UsageError, match="match"):
        fgsm(curved, crops(2), [True], Budget(1))
    with pytest.raises(UsageError):
        Budget(1, steps=0)
    with pytest.raises(ModelError, match="attacked"):
        network("face_landmark")


def test_without_pytorch_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = builtins.__import__

    def without(name: str, *args: Any, **options: Any) -> Any:
        if name.partition(".")[0] == "onnx":
            raise ImportError(name=name)
        return plain(name, *args, **options)

    adversarial._rebuilt.cache_clear()
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"pip install .*\[train\]"):
        network()
