"""A real Ray here: the same outcomes as of the pool, and nothing lost or doubled when actors are killed."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="Ray is not installed: pip install 'zhenwei[scale]'")
pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed: pip install 'zhenwei[store]'")

import ray
from tests.hazard import OPTIONS, draw, install

from zhenwei import detectors
from zhenwei.engine import Examined, Limits, RayPool, examine_into
from zhenwei.errors import MediaError, TimeLimitError, UsageError, WorkerDiedError
from zhenwei.report import Unreadable
from zhenwei.store import open_store
from zhenwei.types import Report

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are looked up in /proc"),
    pytest.mark.filterwarnings("ignore"),  # Ray leaves sockets and uses what is going to go
]


@pytest.fixture(scope="module")
def cluster(s3_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Of three CPUs, whatever this machine has; its workers know the plug-in, and where objects are."""
    site = install(tmp_path_factory.mktemp("site"))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(site))
        patch.setenv("PYTHONPATH", os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")]))
        patch.setenv("RAY_worker_niceness", "0")
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        detectors.catalogue.cache_clear()  # it may be known already, without the plug-in
        ray.init(num_cpus=3, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
        try:
            yield
        finally:
            ray.shutdown()
            detectors.catalogue.cache_clear()


@pytest.fixture(scope="module")
def pool(cluster: None) -> Iterator[RayPool]:
    with RayPool(2, Limits(seconds=8.0)) as made:
        yield made


def all_of(pool: RayPool) -> dict[str, Examined]:
    done: dict[str, Examined] = {}
    while pool.open_files:
        for one in pool.wait(60.0):
            assert one.path not in done
            done[one.path] = one
    return done


def actors() -> list[int]:
    """The processes of actors, of the cluster of this process alone."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            is_actor = (entry / "cmdline").read_bytes().startswith(b"ray::Examiner")
            if is_actor and parent(parent(int(entry.name))) == os.getpid():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_a_file_is_told_as_by_the_pool_of_one_machine(pool: RayPool, tmp_path: Path) -> None:
    from zhenwei.media.sources import identify

    files = [draw(tmp_path, act) for act in ("calm", "crash", "fault", "endless")]
    for path in files:
        pool.give(path, OPTIONS, identify(path)[0])
    found = {Path(path).stem: one.outcome for path, one in all_of(pool).items()}
    assert isinstance(found["calm_0"], Report)
    assert found["calm_0"].media.path == files[0]
    assert isinstance(found["fault_0"], Report)
    for name, kind, told in (
        ("crash_0", WorkerDiedError, "the worker died (signal 11)"),
        ("endless_0", TimeLimitError, "over 8 s"),
    ):
        outcome = found[name]
        assert isinstance(outcome, Unreadable)
        assert isinstance(outcome.error, kind)
        assert outcome.error.what == told


def test_actors_fetch_objects_themselves(pool: RayPool, bucket: str, tmp_path: Path) -> None:
    import s3fs

    url, gone = f"{bucket}/a.png", f"{bucket}/gone.png"
    s3fs.S3FileSystem().put(draw(tmp_path, "calm"), url)
    for path in (url, gone):
        pool.give(path, OPTIONS)
    found = all_of(pool)
    outcome = found[url].outcome
    assert isinstance(outcome, Report)
    assert outcome.media.path == url
    lost = found[gone].outcome
    assert isinstance(lost, Unreadable)
    assert "cannot be fetched" in str(lost.error)


def test_a_machine_that_sees_other_files_ends_the_run(pool: RayPool, tmp_path: Path) -> None:
    path = draw(tmp_path, "calm")
    pool.give(path, OPTIONS, "0" * 64)
    with pytest.raises(UsageError, match="does not see the same files"):
        all_of(pool)
    gone = str(tmp_path / "gone.png")
    pool.give(gone, OPTIONS, "0" * 64)
    outcome = all_of(pool)[gone].outcome
    assert isinstance(outcome, Unreadable)
    assert isinstance(outcome.error, MediaError)


def test_more_workers_than_the_cluster_has_are_refused(cluster: None) -> None:
    with pytest.raises(UsageError, match="at most 2"):
        RayPool(3)


def test_an_actor_that_is_killed_loses_nothing_and_doubles_nothing(pool: RayPool, tmp_path: Path) -> None:
    """Again and again, whatever it is at."""
    from zhenwei.media.sources import identify

    files = [draw(tmp_path, "slow", number) for number in range(4)]
    killed: list[int] = []

    def kill() -> None:
        for _ in range(2):
            time.sleep(1.5)
            there = actors()
            if there:
                killed.append(there[0])
                os.kill(there[0], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    left = list(files)
    done: list[Examined] = []
    while left or pool.open_files:
        while left and pool.has_room:
            path = left.pop()
            pool.give(path, OPTIONS, identify(path)[0])
        done += pool.wait(5.0)
    killer.join()
    assert killed
    assert sorted([one.path for one in done]) == sorted(files)
    assert {type(one.outcome) for one in done} == {Report}


def test_a_scan_on_a_cluster_goes_into_the_same_store(cluster: None, pool: RayPool, tmp_path: Path) -> None:
    pool.close()  # the CPUs are wanted
    files = [draw(tmp_path, "calm", number) for number in range(2)]
    with open_store(str(tmp_path / "a.db")) as store:
        steps = list(examine_into(store, files, OPTIONS, ray="auto", workers=1))
        assert [step.decision for step in steps] == ["inconclusive"] * 2
        again = list(examine_into(store, files, OPTIONS))  # on this machine: nothing is left to do
        assert [(step.decision, step.outcome) for step in again] == [("inconclusive", None)] * 2
        assert len(list(store.results())) == 2


def test_a_cluster_that_is_not_there_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for address in (f"127.0.0.1:{port}", f"ray://127.0.0.1:{port}"):
        began = time.monotonic()
        with pytest.raises(UsageError, match="no such cluster") as told:
            RayPool(1, address=address)
        assert time.monotonic() - began < 20
        assert "ray start --head" in told.value.fix
