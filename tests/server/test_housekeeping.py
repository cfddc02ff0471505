"""What processes that ended left behind is cleared away, and nothing else."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from sqlalchemy import event
from tests.hazard import draw
from tests.server.conftest import live

from zhenwei.server.housekeeping import Housekeeper
from zhenwei.server.service import Service
from zhenwei.store import Store
from zhenwei.store.queue import Queue


def aged(path: Path, hours: float) -> Path:
    moment = time.time() - 3600 * hours
    os.utime(path, (moment, moment))
    return path


@pytest.mark.usefixtures("plugin")
def test_half_uploads_orphans_and_files_of_workers_that_are_gone(tmp_path: Path) -> None:
    with live(tmp_path / "s", run_jobs=False) as made, made.client() as client:
        service = made.app.state.service
        folder = service.folder
        running, waiting = [client.submit(draw(tmp_path, "calm", number)) for number in (1, 2)]
        Queue(service.jobs, "somebody").take(1)
        kept = [aged(folder.medium(job.sha256), 48) for job in (running, waiting)]
        for name in (running.id, waiting.id, "0" * 32):
            (folder.work / name).touch()
        for name, hours in (("old.part", 48.0), ("new.part", 1.0)):
            (folder.incoming / name).touch()
            aged(folder.incoming / name, hours)
        for digest, hours in (("a" * 64, 2.0), ("b" * 64, 0.5)):
            (folder.media / digest[:2]).mkdir(exist_ok=True)
            folder.medium(digest).touch()
            aged(folder.medium(digest), hours)
        for digest, hours in (("c" * 64, 2.0), ("d" * 64, 0.5)):
            path = service.kept.folder.where(digest)
            path.parent.mkdir(parents=True)
            path.touch()
            aged(path, hours)
        rounds(service)
        assert [path.name for path in folder.work.iterdir()] == [running.id]
        assert [path.name for path in folder.incoming.iterdir()] == ["new.part"]
        assert all(path.is_file() for path in kept)
        assert not folder.medium("a" * 64).exists()
        assert folder.medium("b" * 64).exists()
        assert list(service.kept.folder.digests()) == ["d" * 64]


@pytest.mark.usefixtures("plugin")
def test_nothing_is_written_where_all_is_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with live(tmp_path / "s") as made, made.client() as client:
        jobs = [client.wait(client.submit(draw(tmp_path, "calm", n), detectors=["provenance.labels"])) for n in (1, 2)]
    with live(tmp_path / "s", run_jobs=False) as made:
        service = made.app.state.service
        media = [aged(service.folder.medium(job.sha256), 48) for job in jobs]
        pages = [aged(service.kept.folder.where(digest), 48) for digest in service.kept.folder.digests()]
        assert len(pages) == 2
        asked: list[object] = []
        monkeypatch.setattr(Store, "writing", lambda _: pytest.fail("something was written"))
        event.listen(service.store.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
        rounds(service)
        assert all(path.is_file() for path in media + pages)
        assert 0 < len(asked) < 12  # by the batch, whatever there is


def rounds(service: Service) -> None:
    housekeeper = Housekeeper(service)
    for _ in range(10):
        housekeeper.look()


def test_what_a_process_had_that_was_killed_is_taken_over_at_once(tmp_path: Path) -> None:
    """By the lock that the system lets go, long before the lease ends."""
    from zhenwei.server.alive import Alive

    here, there = Alive(tmp_path), Alive(tmp_path)
    assert here.dead_among([here.owner, there.owner, "never-was"]) == []
    os.close(there._descriptor)
    assert here.dead_among([here.owner, there.owner, "never-was"]) == [there.owner]
    here.forget([there.owner])
    assert here.dead_among([there.owner]) == []
    here.end()
    assert list(tmp_path.iterdir()) == []
