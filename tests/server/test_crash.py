"""The server and its workers are killed while clients hand in files: a few moments here, many in ``scripts/soak``."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from benchmarks.soak import ASKED, Server, kills, picture
from tests.server.conftest import Live  # noqa: F401 - skips where the extra is missing
from tests.waiting import until

from zhenwei.client import Client
from zhenwei.store import open_store
from zhenwei.store.jobs import Jobs

pytestmark = [pytest.mark.heavy, pytest.mark.skipif(os.name == "nt", reason="signals")]


def test_what_was_accepted_is_finished_once_whatever_is_killed(tmp_path: Path) -> None:
    found = kills(tmp_path, 1, workers=1, within_s=2.0)
    assert found["broken"] == []
    assert found["killed"] == {"worker": 1, "server": 1}
    assert found["accepted"] > 0
    assert found["exit_status"] == [0]


def test_ctrl_c_hands_back_what_is_open(tmp_path: Path) -> None:
    server = Server(tmp_path / "service", workers=1)
    server.start()
    with Client(server.url) as client:
        for number in range(4):
            content = tmp_path / f"{number}.png"
            content.write_bytes(picture(number))
            client.submit(content, detectors=ASKED)
        until(lambda: client.counts()["running"] or client.counts()["done"])
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < 20
    with open_store(str(server.folder / "zhenwei.db")) as store:
        found, _ = Jobs(store).search("local")
    assert len(found) == 4
    assert {job.state for job in found} <= {"queued", "done"}
    assert {job.tries for job in found if job.state == "queued"} == {0}
    assert list((server.folder / "alive").iterdir()) == []
