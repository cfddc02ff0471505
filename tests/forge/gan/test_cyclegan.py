"""CycleGAN: the critic's patch, symmetric translators, the pool, exact resume, and what a step teaches."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from docs.lecture.measure import receptive_field
from tests.forge.test_adversarial import begin
from torch import Tensor, nn

from zhenwei.forge.adversarial import Game, GameSchedule
from zhenwei.forge.gan import cyclegan
from zhenwei.nets.cyclegan import PatchCritic, Translator
from zhenwei.trainer.loop import advance
from zhenwei.trainer.run import restore, save

RULES = cyclegan.CycleRules(batch=2, width=4, blocks=1, halvings=1, critic_halvings=1)
CPU = torch.device("cpu")


def red(count: int, rng: torch.Generator) -> Tensor:
    return torch.rand(count, 3, 16, 16, generator=rng) * torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1)


def blue(count: int, rng: torch.Generator) -> Tensor:
    return red(count, rng).flip(1)


@pytest.mark.parametrize(("halvings", "side"), [(1, 16), (2, 34), (3, 70)])
def test_a_score_depends_on_a_patch_of_the_known_size(halvings: int, side: int) -> None:
    critic = PatchCritic(4, halvings)
    assert receptive_field(critic.layers) == side
    for layer in critic.layers:
        if isinstance(layer, nn.Conv2d):
            nn.init.constant_(layer.weight, 0.01)  # no weight cancels another: what is reached is seen
    plain = nn.Sequential(*(layer for layer in critic.layers if isinstance(layer, nn.Conv2d)))
    images = torch.zeros(1, 3, 160, 160, requires_grad=True)
    scores = plain(images)
    scores[0, 0, scores.shape[2] // 2, scores.shape[3] // 2].backward()
    assert images.grad is not None
    seen = images.grad[0, 0].abs().sum(0).nonzero()
    assert int(seen.max() - seen.min()) + 1 == side


def test_the_field_of_one_convolution_is_its_kernel() -> None:
    assert receptive_field([nn.Conv2d(1, 1, 5)]) == 5
    assert receptive_field([nn.Conv2d(1, 1, 3, 2), nn.Conv2d(1, 1, 3)]) == 7


@pytest.mark.parametrize("side", [32, 48, 64])
def test_a_translation_has_the_size_of_the_picture(side: int) -> None:
    made = Translator(4, 1, 2)(torch.zeros(2, 3, side, side))
    assert made.shape == (2, 3, side, side)
    assert float(made.detach().abs().max()) <= 1


def test_the_pool_holds_fifty_and_gives_back_earlier_ones() -> None:
    pool, rng = cyclegan.Pool(4), torch.Generator().manual_seed(0)
    first = torch.arange(50.0).view(50, 1, 1, 1).expand(-1, 3, 4, 4)
    assert torch.equal(pool.exchanged(first, rng), first)
    later = torch.full((200, 3, 4, 4), -1.0)
    given = pool.exchanged(later, rng)[:, 0, 0, 0]
    old = given[given >= 0]
    assert 0 < len(old) <= 50
    assert len(set(old.tolist())) == len(old)  # each at most once: it was replaced
    assert int((given == -1).sum()) > 60


def test_a_run_that_goes_on_makes_the_very_same_step(tmp_path: Path) -> None:
    schedule = GameSchedule(6, seed=3, watch="")

    def game() -> Game:
        return cyclegan.play(red, blue, 16, RULES, seed=3, device=CPU)

    whole = begin(game(), schedule)
    losses = [advance(whole, schedule.of_loop()).losses["generator"] for _ in range(5)]
    half = begin(game(), schedule)
    for _ in range(3):
        advance(half, schedule.of_loop())
    save(half, tmp_path, {})
    again = begin(game(), schedule)
    restore(again, tmp_path, {})
    assert [advance(again, schedule.of_loop()).losses["generator"] for _ in range(2)] == losses[3:]


def test_critics_learn_in_their_turn_and_translators_in_theirs() -> None:
    game = cyclegan.play(red, blue, 16, RULES, seed=0, device=CPU)

    def weights(names: tuple[str, ...]) -> list[Tensor]:
        return [p.detach().clone() for n in names for p in game.nets[n].parameters()]

    translators, critics = ("a_to_b", "b_to_a"), ("critic_a", "critic_b")
    before = weights(translators), weights(critics)
    game.critic_step(torch.Generator().manual_seed(1))
    assert all(torch.equal(a, b) for a, b in zip(before[0], weights(translators), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(before[1], weights(critics), strict=True))
    between = weights(critics)
    game.generator_step(torch.Generator().manual_seed(2))
    assert all(torch.equal(a, b) for a, b in zip(between, weights(critics), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(before[0], weights(translators), strict=True))
