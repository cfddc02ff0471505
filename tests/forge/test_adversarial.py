"""The one loop: rng, resume, guard and watch."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from docs.lecture.theory import ring, toy
from safetensors.torch import save
from torch import Tensor, nn, optim

from zhenwei.errors import DataError, UsageError
from zhenwei.forge.adversarial import SCHEMA, Game, GameSchedule, task_of, train
from zhenwei.forge.gan.gan import GanRules, Loss
from zhenwei.trainer import loop
from zhenwei.trainer.checkpoints import read_checkpoint
from zhenwei.trainer.run import LOG, WEIGHTS, Run
from zhenwei.trainer.run import begin as begin_run
from zhenwei.trainer.run import save as save_run


def _game(loss: Loss = "non-saturating", seed: int = 3) -> Game:
    return toy(ring, GanRules(loss, batch=16), seed=seed, width=16, depth=1)


def begin(game: Game, schedule: GameSchedule) -> Run:
    """A run at its start, for tests that step by themselves."""
    return begin_run(task_of(game, schedule), schedule.of_loop())


def _same(one: nn.Module, other: nn.Module) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True))


@pytest.mark.parametrize("loss", ["non-saturating", "wgan-clip", "wgan-gp"])
def test_a_run_cut_in_two_is_the_run_in_one(tmp_path: Path, loss: Loss) -> None:
    whole = train(_game(loss), GameSchedule(12, 2, ema=0.9))
    train(_game(loss), GameSchedule(5, 2, ema=0.9), tmp_path)
    again = train(
        _game(loss, seed=99), GameSchedule(12, 2, ema=0.9), tmp_path
    )  # every weight comes from the checkpoint
    assert again.rows == whole.rows
    assert _same(again.task.nets, whole.task.nets)
    assert _same(again.averages, whole.averages)
    assert (tmp_path / LOG).read_text().count("\n") == 13


def test_stopping_saves_and_says_where(tmp_path: Path) -> None:
    run = train(_game(), GameSchedule(50), tmp_path, stop=iter([False, False, False, True]).__next__)
    assert run.step == 3
    assert json.loads((tmp_path / "last.json").read_text())["step"] == 3


def test_seeds_decide() -> None:
    one, same, other = (train(_game(), GameSchedule(4, seed=s)).rows for s in (0, 0, 1))
    assert one == same
    assert one != other


def test_average_is_the_running_mean_of_the_generator() -> None:
    run = begin(_game(), GameSchedule(1, ema=0.75))
    before = [p.clone() for p in run.averages["generator"].parameters()]
    loop.advance(run, GameSchedule(1, ema=0.75).of_loop())
    now = list(run.task.nets["generator"].parameters())
    for kept, a, b in zip(run.averages["generator"].parameters(), before, now, strict=True):
        torch.testing.assert_close(kept, 0.75 * a + 0.25 * b)


def test_a_loss_that_is_not_finite_stops_and_leaves_the_last_save_clean(tmp_path: Path) -> None:
    train(_game(), GameSchedule(4), tmp_path)
    saved = (tmp_path / WEIGHTS).read_bytes()
    game = _game()
    turn = game.generator_step
    game.generator_step = lambda rng: {k: v * float("nan") for k, v in turn(rng).items()}
    with pytest.raises(DataError, match="no longer finite at step 5"):
        train(game, GameSchedule(9, save_every=1), tmp_path)
    assert (tmp_path / WEIGHTS).read_bytes() == saved


def test_weights_that_are_not_finite_are_not_saved(tmp_path: Path) -> None:
    run = begin(_game(), GameSchedule(1))
    with torch.no_grad():
        next(run.task.nets.parameters()).fill_(float("inf"))
    with pytest.raises(DataError, match="weights"):
        save_run(run, tmp_path, {})
    assert not list(tmp_path.iterdir())


def test_another_run_is_refused(tmp_path: Path) -> None:
    train(_game(), GameSchedule(2), tmp_path, about={"data": "ring"})
    with pytest.raises(UsageError, match="data grid instead of ring"):
        train(_game(), GameSchedule(4), tmp_path, about={"data": "grid"})
    with pytest.raises(UsageError, match="seed 1 instead of 0"):
        train(_game(), GameSchedule(4, seed=1), tmp_path, about={"data": "ring"})


def test_a_broken_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / WEIGHTS).write_bytes(b"not a checkpoint")
    with pytest.raises(DataError, match="no readable checkpoint"):
        train(_game(), GameSchedule(2), tmp_path)
    (tmp_path / WEIGHTS).write_bytes(save({"x": torch.zeros(1)}, {"zhenwei": "[" * 100_000}))
    with pytest.raises(DataError, match="no readable checkpoint"):
        train(_game(), GameSchedule(2), tmp_path)


@pytest.mark.parametrize("what", ["step", "low", "weight"])
def test_numbers_without_end_are_refused(what: str, tmp_path: Path) -> None:
    told = {"schema": SCHEMA, "step": 1, "low": 0, "about": {}} | {what: math.inf}
    held = {"x": torch.tensor([math.nan if what == "weight" else 1.0])}
    (tmp_path / WEIGHTS).write_bytes(save(held, {"zhenwei": json.dumps(told)}))
    with pytest.raises(DataError, match="no readable checkpoint"):
        read_checkpoint(tmp_path / WEIGHTS, SCHEMA)


@pytest.mark.parametrize("log", [b"step,x\n1," + b"9" * 200_000, b"\xff\xfe", b"step\n1,2,3\n", b"step,x\ninf,1\n"])
def test_a_run_goes_on_without_a_readable_log(log: bytes, tmp_path: Path) -> None:
    train(_game(), GameSchedule(2), tmp_path)
    (tmp_path / LOG).write_bytes(log)
    assert train(_game(), GameSchedule(3), tmp_path).step == 3


def test_a_file_where_the_folder_should_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "run").write_bytes(b"kept")
    with pytest.raises(DataError, match="cannot make the folder"):
        train(_game(), GameSchedule(2), tmp_path / "run")
    assert (tmp_path / "run").read_bytes() == b"kept"


def _won(level: float) -> Game:
    net = nn.Linear(1, 1)

    def turn(_rng: torch.Generator) -> dict[str, Tensor]:
        return {"critic": torch.tensor(level)}

    best = optim.Adam(net.parameters())
    return Game(nn.ModuleDict({"generator": net}), {"generator": best}, turn, lambda _: {"generator": torch.ones(())})


def test_a_critic_that_has_won_is_told_after_500_steps() -> None:
    said: list[str] = []
    with pytest.warns(RuntimeWarning, match="has won") as caught:
        train(_won(1e-5), GameSchedule(503), tell=lambda step, _: said.append(step.warning))
    assert [i for i, s in enumerate(said) if s] == [500, 501, 502]
    assert len(caught) == 1
    train(_won(1e-5), GameSchedule(500))
    train(_won(0.01), GameSchedule(600))


def test_clipped_weights_stay_in_bounds() -> None:
    run = train(_game("wgan-clip"), GameSchedule(20, 5))
    assert max(float(p.detach().abs().max()) for p in run.task.nets["critic"].parameters()) <= np.float32(0.05)
