"""The one loop, on a small task: learns, resumes bit by bit, averages, checks, and refuses what is not its own."""

from __future__ import annotations

import json
import math
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from zhenwei.errors import DataError, UsageError
from zhenwei.trainer import loop
from zhenwei.trainer.checkpoints import read_checkpoint, write_checkpoint
from zhenwei.trainer.loop import Clock, ema_warmup, take_step, train
from zhenwei.trainer.run import LOG, SCHEMA, WEIGHTS, Run, Runtime, Schedule, Task, Turn, begin, save
from zhenwei.trainer.schedule import warmup_cosine
from zhenwei.words import error_text


class Numbers:
    """Batches that are a function of their step."""

    def __getitem__(self, step: int, /) -> Tensor:
        return torch.randn(16, 2, generator=torch.Generator().manual_seed(step))


def task(*, batches: bool = False, bad_at: int | None = None) -> Task:
    torch.manual_seed(5)
    net = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    optimizer = torch.optim.AdamW(net.parameters(), 1e-2)
    memory = {"seen": 0}

    def step(turn: Turn) -> dict[str, Tensor]:
        x = turn.batch if batches else torch.randn(16, 2, generator=turn.generator())
        loss = ((net(x)[:, 0] - x.sum(1)) ** 2).mean()
        if turn.step == bad_at:
            loss = loss * math.nan
        take_step(optimizer, loss, clip_norm=1.0)
        memory["seen"] += len(x)
        return {"loss": loss}

    source = Numbers() if batches else None
    return Task(nn.ModuleDict({"net": net}), {"net": optimizer}, step, ("net",), source, memory=memory)


def schedule(steps: int, save_every: int = 500) -> Schedule:
    return Schedule(
        steps,
        seed=3,
        save_every=save_every,
        learning_rate=lambda step, steps: warmup_cosine(step, steps, 0.05, 3),
        ema=lambda made: ema_warmup(0.9, made),
    )


def same(one: nn.Module, other: nn.Module) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True))


def test_the_loss_falls() -> None:
    rows = train(task(), schedule(60)).rows
    assert rows[-1]["loss"] < 0.3 * rows[0]["loss"]


@pytest.mark.parametrize("batches", [False, True])
def test_a_run_cut_in_two_is_the_run_in_one(batches: bool, tmp_path: Path) -> None:
    whole = train(task(batches=batches), schedule(12))
    train(task(batches=batches), schedule(12), tmp_path, runtime=Runtime(stop_after=5))
    assert json.loads((tmp_path / "last.json").read_text())["step"] == 5
    torch.manual_seed(99)
    again = train(task(batches=batches), schedule(12), tmp_path)
    assert again.rows == whole.rows
    assert same(again.task.nets, whole.task.nets)
    assert same(again.averages, whole.averages)
    assert again.task.memory == whole.task.memory == {"seen": 12 * 16}
    assert (tmp_path / LOG).read_text().count("\n") == 13


def test_checks_are_made_before_saving_and_at_the_end(tmp_path: Path) -> None:
    checked: list[tuple[int, bool]] = []
    one = task()

    def check(run: Run) -> None:
        checked.append((run.step, (tmp_path / WEIGHTS).exists()))

    one.check = check
    train(one, Schedule(5, check_every=2), tmp_path)
    assert checked == [(2, False), (4, True), (5, True)]


def test_ctrl_c_saves_the_step_before(tmp_path: Path) -> None:
    def tell(progress: object, run: Run) -> None:
        if run.step == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(task(), schedule(9), tmp_path, tell=tell)
    assert json.loads((tmp_path / "last.json").read_text())["step"] == 4
    assert same(train(task(), schedule(9), tmp_path).task.nets, train(task(), schedule(9)).task.nets)


def test_a_loss_that_is_no_number_leaves_the_last_save(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no longer finite at step 4"):
        train(task(bad_at=3), schedule(9, save_every=2), tmp_path)
    assert json.loads((tmp_path / "last.json").read_text())["step"] == 2


def test_weights_that_are_not_finite_are_not_saved(tmp_path: Path) -> None:
    run = begin(task(), schedule(2))
    with torch.no_grad():
        next(run.task.nets.parameters()).fill_(math.inf)
    with pytest.raises(DataError, match="weights"):
        save(run, tmp_path, {})
    assert not list(tmp_path.iterdir())


def test_several_runs_share_a_folder_and_each_knows_its_own(tmp_path: Path) -> None:
    train(task(), schedule(2), tmp_path, about={"data": "a"})
    train(task(), schedule(3), tmp_path, about={"data": "b"}, name="other")
    with pytest.raises(UsageError, match="data a instead of b"):
        train(task(), schedule(3), tmp_path, about={"data": "a"}, name="other")
    assert train(task(), schedule(4), tmp_path, about={"data": "a"}).step == 4


def test_another_run_is_told_setting_by_setting(tmp_path: Path) -> None:
    was = {"settings": {"kind": "dcgan", "width": 16, "noise": 64}, "data": "33 puppets", "pixels": "a" * 64}

    def got(**now: object) -> tuple[str, str]:
        with pytest.raises(UsageError, match="another run") as error:
            train(task(), schedule(3), tmp_path, about=was | now)
        return error.value.got, error_text(error.value, "zh")

    train(task(), schedule(2), tmp_path, about=was)
    wider = {"kind": "dcgan", "width": 32, "noise": 64}
    assert got(settings=wider, seed=3)[0] == "seed 3 instead of nothing; width 32 instead of 16"
    assert "宽度为 32，原为 16" in got(settings=wider)[1]
    # What follows from another kind or from other data is not told beside it, and no digest is.
    assert got(settings={"kind": "stylegan", "width": 16, "noise": 128})[0] == "kind stylegan instead of dcgan"
    assert got(data="40 puppets", pixels="b" * 64)[0] == "data 40 puppets instead of 33 puppets"
    assert got(pixels="b" * 64)[0] == "what it learned from was something else"
    assert got(consent="c" * 64)[0] == "its consent manifest was another"


def test_another_network_does_not_fit(tmp_path: Path) -> None:
    train(task(), schedule(2), tmp_path)
    other = task()
    other.nets = nn.ModuleDict({"net": nn.Linear(2, 1)})
    with pytest.raises(DataError, match="does not fit"):
        train(other, schedule(3), tmp_path)
    other = task()
    other.schema = "another/1"
    with pytest.raises(DataError, match="no readable checkpoint"):
        train(other, schedule(3), tmp_path)


def test_a_checkpoint_that_does_not_say_what_it_was_made_of_is_refused(tmp_path: Path) -> None:
    train(task(), schedule(4), tmp_path, runtime=Runtime(stop_after=2))
    document, tensors = read_checkpoint(tmp_path / WEIGHTS, SCHEMA)
    del document["about"]
    write_checkpoint(tmp_path / WEIGHTS, tensors, document)
    with pytest.raises(DataError, match="does not say what it was made of"):
        train(task(), schedule(4), tmp_path)


def test_moments_by_their_earlier_name_are_read(tmp_path: Path) -> None:
    train(task(), schedule(4), tmp_path, runtime=Runtime(stop_after=2))
    document, tensors = read_checkpoint(tmp_path / WEIGHTS, SCHEMA)
    earlier = {name.replace("optimizers.", "best."): value for name, value in tensors.items()}
    write_checkpoint(tmp_path / WEIGHTS, earlier, document)
    assert same(train(task(), schedule(4), tmp_path).task.nets, train(task(), schedule(4)).task.nets)


def test_a_deadline_shortens_a_run_and_the_check_at_its_end_is_made() -> None:
    one, checked = task(), list[int]()
    one.check = lambda run: checked.append(run.step)
    run = train(one, Schedule(10**6), runtime=Runtime(deadline=time.monotonic() + 2.0))
    assert checked == [run.step]
    assert 0 < run.step == run.steps < 10**6


def test_the_example_of_the_module_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = (loop.__doc__ or "").splitlines()
    example = textwrap.dedent("\n".join(line for line in lines if line.startswith("    ") or not line))
    names: dict[str, Any] = {"folder": tmp_path}
    exec(example, names)  # noqa: S102  # our own text
    assert names["run"].rows[-1]["loss"] < 0.01 < names["run"].rows[0]["loss"]
    assert capsys.readouterr().out.count("loss") == 500
    assert sorted(path.name for path in tmp_path.iterdir()) == ["last.json", WEIGHTS, LOG]


def test_a_clock_allows_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    clock = Clock(deadline=220.0)
    assert clock.allows(0, 1000, 100) == 1000  # nothing is known yet
    for _ in range(40):
        now[0] += 0.5
        clock.stepped()
    assert clock.allows(40, 1000, 100) == 40 + int(0.97 * 100 / 0.5)
    began = now[0]
    now[0] += 10
    clock.checked(began)
    now[0] += 0.5
    clock.stepped()
    left = 220 - now[0] - 10  # the check at the end; those on the way cost 10 s every 100 steps
    assert clock.allows(41, 1000, 100) == 41 + int(0.97 * left / (0.5 + 0.1))
    assert clock.allows(41, 60, 100) == 60
    now[0] = 215.0
    assert clock.allows(90, 1000, 100) == 90
    assert Clock().allows(3, 7, 1) == 7
