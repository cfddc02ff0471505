"""The server and its workers are killed while clients hand in files: a few moments here, many in ``scripts/soak``."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from benchmarks.soak import ASKED, Load, Server, audited, kills, picture
from tests.server.conftest import Live  # noqa: F401 - skips where the extra is missing

from zhenwei.client import Client

pytestmark = [pytest.mark.heavy, pytest.mark.skipif(os.name == "nt", reason="signals")]


def test_what_was_accepted_is_finished_once_whatever_is_killed(tmp_path: Path) -> None:
    found = kills(tmp_path, 1, workers=1)
    assert found["broken"] == []
    assert found["killed"] == {"worker": 1, "server": 1}
    assert found["accepted"] > 0
    assert found["exit_status"] == [0]


def test_ctrl_c_hands_back_what_is_open_and_the_next_start_goes_on(tmp_path: Path) -> None:
    server = Server(tmp_path / "service", workers=1)
    load = Load([server], 0)
    server.start()
    with Client(server.url) as client:
        for number in range(4):
            content = tmp_path / f"{number}.png"
            content.write_bytes(picture(number))
            job = client.submit(content, detectors=ASKED)
            load.accepted[job.sha256] = job.id
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < 20
    server.start()
    with Client(server.url) as client:
        assert {client.wait(id_).state for id_ in load.accepted.values()} == {"done"}
    assert server.process is not None
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(30) in (0, -signal.SIGTERM)
    assert audited([server], "", load, 0)["broken"] == []
