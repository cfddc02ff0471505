"""Whatever a file does to the process that examines it costs that file and nothing else: real processes, real ends."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.hazard import OPTIONS, draw, install

from zhenwei.engine import Examined, Limits, Pool, examine_many
from zhenwei.errors import MediaError, OutOfMemoryError, TimeLimitError, UsageError, WorkerDiedError
from zhenwei.pipeline import Options
from zhenwei.report import Outcome, Unreadable
from zhenwei.types import Report

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals")


@pytest.fixture(autouse=True)
def plugin(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(install(tmp_path_factory.mktemp("site"))))


def by_act(done: list[Examined]) -> dict[str, Outcome]:
    return {Path(one.path).stem: one.outcome for one in done}


def worker_of(outcome: Outcome) -> str:
    """The process that examined it."""
    assert isinstance(outcome, Report)
    return str(outcome.evidence[0].reason)


def failure(outcome: Outcome) -> MediaError:
    assert isinstance(outcome, Unreadable)
    assert isinstance(outcome.error, MediaError)
    return outcome.error


def test_a_crash_and_an_endless_file_cost_themselves_alone(tmp_path: Path) -> None:
    acts = ["calm", "crash", "endless"]
    files = [draw(tmp_path, act) for act in acts] + [draw(tmp_path, "calm", number) for number in (1, 2)]
    files.append(str(tmp_path / "gone.png"))
    done = list(examine_many(files, OPTIONS, workers=2, limits=Limits(seconds=5.0)))
    assert sorted(one.path for one in done) == sorted(files)
    found = by_act(done)
    assert [type(found[f"calm_{number}"]) for number in range(3)] == [Report] * 3
    assert str(failure(found["crash_0"])).startswith("the worker died (signal 11)")
    assert isinstance(failure(found["crash_0"]), WorkerDiedError)
    assert isinstance(failure(found["endless_0"]), TimeLimitError)
    assert str(failure(found["endless_0"])).startswith("over 5 s")
    assert not isinstance(failure(found["gone"]), WorkerDiedError)


@pytest.mark.heavy
def test_so_do_one_that_ends_its_process_and_one_that_never_lets_go(tmp_path: Path) -> None:
    files = [draw(tmp_path, act) for act in ("deaf", "exit", "calm")]
    found = by_act(list(examine_many(files, OPTIONS, workers=1, limits=Limits(seconds=5.0))))
    assert isinstance(found["calm_0"], Report)
    assert str(failure(found["exit_0"])).startswith("the worker died (exit status 3)")
    assert isinstance(failure(found["deaf_0"]), TimeLimitError)


@pytest.mark.heavy
def test_memory_has_a_limit_and_the_next_file_has_a_new_worker(tmp_path: Path) -> None:
    files = [draw(tmp_path, act) for act in ("calm", "memory")] + [draw(tmp_path, "calm", 1)]
    done = list(examine_many(files, OPTIONS, workers=1, limits=Limits(memory_bytes=3 << 30)))
    found = by_act(done)
    assert isinstance(failure(found["memory_0"]), OutOfMemoryError)
    assert worker_of(found["calm_0"]) != worker_of(found["calm_1"])


@pytest.mark.heavy
def test_a_temporary_file_has_a_limit_and_what_a_dead_worker_left_is_gone(tmp_path: Path) -> None:
    with Pool(1, Limits(disk_bytes=1 << 20)) as pool:
        for path in (draw(tmp_path, "disk"), draw(tmp_path, "crash")):
            pool.give(path, OPTIONS)
        done: list[Examined] = []
        while pool.open_files:
            done += pool.wait()
        found = by_act(done)
        failed = found["disk_0"]
        assert isinstance(failed, Report)
        assert "File too large" in failed.evidence[0].fault
        assert isinstance(failure(found["crash_0"]), WorkerDiedError)
        assert list(Path(pool._temporary.name).iterdir()) == []


@pytest.mark.heavy
def test_a_worker_killed_from_outside_is_replaced_and_its_file_is_tried_once_more(tmp_path: Path) -> None:
    files = [draw(tmp_path, act) for act in ("killed_once", "killed", "calm")]
    found = by_act(list(examine_many(files, OPTIONS, workers=1)))
    assert isinstance(found["killed_once_0"], Report)
    assert isinstance(found["calm_0"], Report)
    assert str(failure(found["killed_0"])).startswith("the worker died (signal 9)")


def test_a_worker_starts_once_and_a_fault_of_a_detector_does_not_end_it(tmp_path: Path) -> None:
    files = [draw(tmp_path, "calm"), draw(tmp_path, "fault"), draw(tmp_path, "calm", 1)]
    stages: list[tuple[str, str]] = []
    many = examine_many(files, OPTIONS, workers=1, tell=lambda path, stage, _: stages.append((path, stage)))
    found = by_act(list(many))
    assert worker_of(found["calm_0"]) == worker_of(found["calm_1"])
    failed = found["fault_0"]
    assert isinstance(failed, Report)
    assert failed.evidence[0].fault
    assert {path for path, stage in stages if stage == "finding faces"} == set(files)


@pytest.mark.heavy
def test_files_are_asked_for_one_ahead(tmp_path: Path) -> None:
    taken: list[str] = []

    def files() -> Iterator[str]:
        for number in range(5):
            taken.append(draw(tmp_path, "slow", number))
            yield taken[-1]

    with closing(examine_many(files(), OPTIONS, workers=1)) as many:
        next(many)
        assert len(taken) <= 3


def test_closing_ends_the_workers_at_once(tmp_path: Path) -> None:
    with Pool(1) as pool:
        pool.give(draw(tmp_path, "calm"), OPTIONS)
        assert len(pool.wait()) == 1
        (process,) = pool.processes()
        pool.give(draw(tmp_path, "deaf"), OPTIONS)
        assert pool.wait(0.3) == []
        began = time.monotonic()
    assert time.monotonic() - began < 20
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


@pytest.mark.heavy
def test_what_is_cancelled_is_told_of_no_more(tmp_path: Path) -> None:
    endless, calm, waiting = draw(tmp_path, "endless"), draw(tmp_path, "calm"), draw(tmp_path, "calm", 1)
    with Pool(1) as pool:
        for path in (endless, waiting, calm):
            pool.give(path, OPTIONS)
        pool.wait(0.2)
        assert pool.cancel(endless)
        assert pool.cancel(waiting)
        assert not pool.cancel("never given")
        assert [one.path for one in pool.wait()] == [calm]
        assert pool.open_files == 0


@pytest.mark.heavy
def test_an_idle_worker_that_was_killed_costs_nothing(tmp_path: Path) -> None:
    with Pool(1) as pool:
        pool.give(draw(tmp_path, "calm"), OPTIONS)
        pool.wait()
        os.kill(pool.processes()[0], signal.SIGKILL)
        time.sleep(0.2)
        pool.give(draw(tmp_path, "calm", 1), OPTIONS)
        assert [type(one.outcome) for one in pool.wait()] == [Report]


def test_what_every_file_would_meet_is_raised(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no detector"):
        list(examine_many([draw(tmp_path, "calm")], Options(detectors=("nobody.knows",)), workers=1))
    with pytest.raises(UsageError):
        Limits(seconds=0)
    with pytest.raises(UsageError):
        Pool(-1)
