"""The service on a real cluster of Ray: files are examined by its actors, and one that dies costs no file."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="Ray is not installed: pip install 'zhenwei[scale]'")

import httpx
import ray
from benchmarks.soak import ASKED, Server, picture
from tests.server.conftest import Live  # noqa: F401 - skips where the extra is missing
from tests.waiting import until

from zhenwei.client import Client

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are looked up in /proc"),
    pytest.mark.filterwarnings("ignore"),  # Ray leaves sockets and uses what is going to go
]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Of a cluster of two CPUs, whatever this machine has."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_worker_niceness", "0")
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
        try:
            yield ray.get_runtime_context().gcs_address
        finally:
            ray.shutdown()


def test_the_service_examines_on_a_cluster(address: str, tmp_path: Path) -> None:
    server = Server(tmp_path / "service", workers=1, options=("--ray", address))
    server.start()
    try:
        with Client(server.url) as client:
            jobs = []
            for number in range(3):
                (tmp_path / f"{number}.png").write_bytes(picture(number))
                jobs.append(client.submit(tmp_path / f"{number}.png", detectors=ASKED))
            (tmp_path / "damaged.png").write_bytes(picture(9)[:60])
            damaged = client.submit(tmp_path / "damaged.png", detectors=ASKED)
            assert [client.wait(job, timeout_s=90).state for job in jobs] == ["done"] * 3
            assert client.wait(damaged, timeout_s=60).state == "failed"
            assert server.workers_now() == []  # none of its own
            assert "zhenwei" in client.page(jobs[0].id)
            assert client.counts()["failed"] == 1
            nodes = children(os.getpid(), b"raylet")
            for pid in [*children(nodes[0], b"ray::Examiner"), *nodes]:
                os.kill(pid, signal.SIGKILL)
            again = client.submit(tmp_path / "0.png", detectors=ASKED, again=True)
            until(lambda: httpx.get(f"{server.url}/readyz", timeout=10).status_code == 503)
            assert not client.job(again.id).is_over  # the cluster was lost, and no file is blamed for it
    finally:
        status = server.stop()
    assert status == 0
    assert "Traceback" not in server.log.read_text()


def children(parent: int, name: bytes) -> list[int]:
    """Processes that ``parent`` started and whose command has that name in it."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            own = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            if own == parent and name in (entry / "cmdline").read_bytes().split(b"\0")[0]:
                found.append(int(entry.name))
        except OSError:
            continue
    return found
