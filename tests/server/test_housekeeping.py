"""What processes that ended left behind is cleared away, and nothing else."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from tests.hazard import draw
from tests.server.conftest import live

from zhenwei.server.housekeeping import Housekeeper
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
        Housekeeper(service).look()
        assert [path.name for path in folder.work.iterdir()] == [running.id]
        assert [path.name for path in folder.incoming.iterdir()] == ["new.part"]
        assert all(path.is_file() for path in kept)
        assert not folder.medium("a" * 64).exists()
        assert folder.medium("b" * 64).exists()


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
