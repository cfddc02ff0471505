"""The service under load while it is killed: what was accepted is finished, nothing twice (``scripts/soak``).

``kills``: clients hand in pictures without pause while the server and its workers are killed at random moments.
``uploads``: many clients at once with good, damaged and hostile files. ``zeros``: gigabytes of zeros.
Each prints its figures as JSON and ends with status 1 where a promise was not kept.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image
from sqlalchemy import func, select, text

from zhenwei.client import Client
from zhenwei.errors import ServiceError
from zhenwei.store import open_store
from zhenwei.store.job_tables import JobRow
from zhenwei.store.jobs import Jobs
from zhenwei.store.tables import Examination, File

ASKED = ("provenance.labels", "traditional.noise")  # quick, so that moments fall everywhere between two files
_START_S = 120.0
_AHEAD = 20  # files that wait at most while clients go on handing in
_CLOSED = re.compile(r"job ([0-9a-f]{32}): (?!was no longer)")


def picture(number: int, side: int = 96) -> bytes:
    """Another one for each number."""
    pixels = np.random.default_rng(number).integers(0, 256, (side, side, 3), np.uint8)
    made = io.BytesIO()
    Image.fromarray(pixels).save(made, "PNG")
    return made.getvalue()


@dataclass(slots=True)
class Server:
    """``zhenwei serve`` in a process of its own, which can be killed and started again."""

    folder: Path
    database_url: str = ""
    workers: int = 2
    options: tuple[str, ...] = ()
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.folder.parent / f"server-{self.port}.log"

    def start(self) -> None:
        words = ["serve", "--no-browser", "--port", str(self.port), "--folder", str(self.folder)]
        words += ["--workers", str(self.workers), *self.options]
        if self.database_url:
            words += ["--database-url", self.database_url]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "zhenwei", *words], stdout=log, stderr=log, start_new_session=True
            )
        end = time.monotonic() + _START_S
        while True:
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{self.url}/healthz", timeout=5).is_success:
                    return
            if self.process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"the server did not start:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.05)

    def kill(self) -> None:
        """At once, as when the power goes."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> int:
        """In an orderly way; the exit status."""
        if self.process is None:
            return 0
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)

    def workers_now(self) -> list[int]:
        """The processes that examine."""
        found: list[int] = []
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                is_ours = self.process is not None and int(fields[1]) == self.process.pid
                if is_ours and b"spawn_main" in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
        return found

    def memory_mib(self) -> float:
        """The most that the server itself has held."""
        lines = Path(f"/proc/{self.process.pid if self.process else 0}/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


@dataclass(slots=True)
class Load:
    """Clients that hand in pictures until they are told to stop. ``accepted``: ids by digest of what was answered."""

    servers: Sequence[Server]
    count: int
    accepted: dict[str, str] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    changed: list[str] = field(default_factory=list)
    ending: threading.Event = field(default_factory=threading.Event)
    threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        for number in range(self.count):
            self.threads.append(threading.Thread(target=self._hand_in, args=(number,)))
            self.threads[-1].start()

    def stop(self) -> None:
        self.ending.set()
        for thread in self.threads:
            thread.join()

    def _hand_in(self, client_number: int) -> None:
        rng = random.Random(client_number)  # noqa: S311
        number = client_number * 1_000_000
        while not self.ending.is_set():
            number += 1
            content = picture(number)
            while not self.ending.is_set():
                server = rng.choice(self.servers)
                try:
                    with Client(server.url, timeout_s=20) as client:
                        waiting = client.counts()["queued"]
                        job = client.submit(io.BytesIO(content), name=f"{number}.png", detectors=ASKED)
                except ServiceError as error:  # the server is gone: the same again
                    self.refused[error.kind or "unreachable"] += 1
                    self.ending.wait(0.1)
                    continue
                if self.accepted.setdefault(job.sha256, job.id) != job.id:
                    self.changed.append(job.sha256)
                if waiting > _AHEAD:
                    self.ending.wait(1.0)
                break


def kills(
    folder: Path,
    moments: int,
    *,
    database_url: str = "",
    servers: int = 1,
    workers: int = 2,
    seed: int = 0,
    within_s: float = 8.0,
) -> dict[str, Any]:
    """Kill the server ``moments`` times and a worker as often, each ``within_s`` of the one before. ``broken`` in the
    answer lists promises not kept."""
    rng = random.Random(seed)  # noqa: S311
    running = [Server(folder / "service", database_url, workers) for _ in range(servers)]
    for server in running:
        server.start()
    load, began = Load(running, 2), time.monotonic()
    load.start()
    killed: Counter[str] = Counter()
    try:
        for _ in range(moments):
            for victim in ("worker", "server"):
                time.sleep(rng.uniform(0.0, within_s))
                killed[victim] += _kill(rng, running, victim)
        load.stop()
        left = _drain(running[0], load.accepted)
    finally:
        load.stop()
        status = [server.stop() for server in running]
    found = audited(running, database_url, load, left)
    return {
        "killed": dict(killed),
        "servers": servers,
        "database": "PostgreSQL" if database_url else "SQLite",
        "seconds": round(time.monotonic() - began),
        "unanswered_requests": load.refused.total(),
        "exit_status": status,
        **found,
    }


def _kill(rng: random.Random, servers: Sequence[Server], victim: str) -> int:
    server = rng.choice(servers)
    if victim == "server":
        server.kill()
        server.start()
        return 1
    workers = server.workers_now()
    end = time.monotonic() + 30
    while not workers and time.monotonic() < end:
        time.sleep(0.1)
        workers = server.workers_now()
    if not workers:
        return 0
    with contextlib.suppress(ProcessLookupError):
        os.kill(rng.choice(workers), signal.SIGKILL)
    return 1


def _drain(server: Server, accepted: dict[str, str]) -> int:
    """Wait until nothing is open; how many were open after the last moment."""
    with Client(server.url) as client:
        counts = client.counts()
        left = counts["queued"] + counts["running"]
        end = time.monotonic() + 60 + 5 * len(accepted)
        while counts["queued"] + counts["running"] and time.monotonic() < end:
            time.sleep(0.5)
            counts = client.counts()
    return left


def audited(servers: Sequence[Server], database_url: str, load: Load, left: int) -> dict[str, Any]:
    """What the store says afterwards, against what clients were told."""
    broken: list[str] = []
    folder = servers[0].folder
    with open_store(database_url or str(folder / "zhenwei.db")) as store:
        with store.reading() as session:
            rows = session.execute(
                select(JobRow.uid, JobRow.sha256, JobRow.state, JobRow.tries, JobRow.error_kind)
            ).all()
            examined = session.execute(select(func.count()).select_from(Examination)).scalar_one()
            files = session.execute(select(func.count()).select_from(File)).scalar_one()
            if not database_url:
                integrity = session.execute(text("PRAGMA integrity_check")).scalar_one()
                broken += [] if integrity == "ok" else [f"integrity: {integrity}"]
                broken += [f"foreign key: {row}" for row in session.execute(text("PRAGMA foreign_key_check"))]
        counts = Jobs(store).counts()
    ids = {row.uid for row in rows}
    lost = set(load.accepted.values()) - ids
    broken += [f"lost: {id_}" for id_ in lost]
    broken += [f"other job for the same file: {sha256}" for sha256 in load.changed]
    broken += [f"two jobs for one file: {sha}" for sha, n in Counter([row.sha256 for row in rows]).items() if n > 1]
    broken += [f"not finished: {row.uid} {row.state}" for row in rows if row.state not in ("done", "failed")]
    closed = Counter(_CLOSED.findall("".join([server.log.read_text() for server in servers])))
    broken += [f"closed {count} times: {id_}" for id_, count in closed.items() if count > 1]
    if not examined == files == len(rows):
        broken.append(f"{len(rows)} jobs, {files} files and {examined} examinations")
    kept = {path.name for path in (folder / "media").glob("??/*")}
    broken += [f"bytes are gone: {row.sha256}" for row in rows if row.sha256 not in kept]
    return {
        "accepted": len(load.accepted),
        "jobs": len(rows),
        "open_after_the_last_kill": left,
        "done": counts["done"],
        "failed": dict(Counter([row.error_kind for row in rows if row.error_kind])),
        "begun_more_than_once": sum([row.tries > 1 for row in rows]),
        "broken": broken,
    }


def uploads(folder: Path, count: int, clients: int) -> dict[str, Any]:
    """``count`` files by ``clients`` at once: three of five are good, the others damaged or hostile."""
    server = Server(folder / "service")
    server.start()
    numbers = iter(range(count))
    lock, statuses, seconds, broken = threading.Lock(), Counter[str](), list[float](), list[str]()

    def hand_in() -> None:
        with httpx.Client(base_url=server.url, timeout=120) as http:
            while True:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    return
                kind, content, allowed = _file(number)
                began = time.perf_counter()
                answer = http.post("/api/v1/jobs", files={"file": ("f", content)}, data={"detectors": list(ASKED)})
                with lock:
                    seconds.append(time.perf_counter() - began)
                    statuses[f"{kind} {answer.status_code}"] += 1
                    if answer.status_code not in allowed:
                        broken.append(f"{kind}: {answer.status_code} {answer.text[:200]}")

    began = time.monotonic()
    threads = [threading.Thread(target=hand_in) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    accepted_s = time.monotonic() - began
    with Client(server.url) as client:
        _drain(server, {str(number): "" for number in range(count)})
        counts = client.counts()
    memory = server.memory_mib()
    status = server.stop()
    if counts["queued"] + counts["running"]:
        broken.append(f"not finished: {counts}")
    left = list((server.folder / "incoming").iterdir())
    broken += [f"left over: {path.name}" for path in left]
    seconds.sort()
    return {
        "files": count,
        "clients": clients,
        "handed_in_s": round(accepted_s, 1),
        "finished_s": round(time.monotonic() - began, 1),
        "answer_s": {"median": round(seconds[len(seconds) // 2], 3), "most": round(seconds[-1], 3)},
        "answers": dict(sorted(statuses.items())),
        "states": counts,
        "server_memory_mib": round(memory),
        "exit_status": status,
        "broken": broken,
    }


def _file(number: int) -> tuple[str, bytes, tuple[int, ...]]:
    """Kind, content, and the statuses that are right for it."""
    good = picture(number)
    if number % 5 < 3:
        return "good", good, (201,)
    if number % 5 == 3:
        return "damaged", good[: len(good) // 2] + number.to_bytes(4, "big"), (201,)
    hostile: list[tuple[str, bytes, tuple[int, ...]]] = [
        ("archive", b"PK\x03\x04" + good, (415,)),
        ("playlist", b"#EXTM3U\nfile:///etc/passwd\n", (415,)),
        ("page", b"<html><script>alert(1)</script>", (415,)),
        ("empty", b"", (415,)),
        ("bomb", _bomb(number), (201,)),
    ]
    return hostile[number // 5 % len(hostile)]


def _bomb(number: int) -> bytes:
    """A PNG that says it is 60,000 pixels a side."""
    import struct
    import zlib

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunks = b""
    for name, content in (
        (b"IHDR", head),
        (b"tEXt", b"n\0%d" % number),
        (b"IDAT", zlib.compress(bytes(100_000))),
        (b"IEND", b""),
    ):
        chunks += struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
    return b"\x89PNG\r\n\x1a\n" + chunks


def zeros(folder: Path, gib: float) -> dict[str, Any]:
    """So many zeros as a form without a length, and behind the beginning of a film; and how much the server held."""
    server = Server(folder / "service", options=("--no-examine",))
    server.start()
    before = server.memory_mib()
    found: dict[str, Any] = {"gib": gib}
    broken: list[str] = []
    film = b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00isomiso2avc1mp41"
    for name, head, expected in (("zeros", b"", 415), ("film of zeros", film, 413)):
        sent = [0]

        def body(head: bytes = head, sent: list[int] = sent) -> Iterator[bytes]:
            yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n' + head
            piece = bytes(1 << 20)
            for _ in range(int(gib * 1024)):
                sent[0] += 1
                yield piece

        began = time.monotonic()
        status = 0
        with httpx.Client(base_url=server.url, timeout=300) as http, contextlib.suppress(httpx.TransportError):
            headers = {"Content-Type": "multipart/form-data; boundary=b"}
            status = http.post("/api/v1/jobs", content=body(), headers=headers).status_code
        found[name] = {"status": status, "mib_sent": sent[0], "seconds": round(time.monotonic() - began, 1)}
        if status not in (expected, 0) or sent[0] >= gib * 1024:
            broken.append(f"{name}: {found[name]}")
    found["server_memory_mib"] = {"before": round(before), "most": round(server.memory_mib())}
    if server.memory_mib() > before + 64:
        broken.append("memory grew")
    server.stop()
    broken += [f"left over: {path}" for path in (server.folder / "incoming").iterdir()]
    return found | {"broken": broken}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("kills", "uploads", "zeros"))
    parser.add_argument("--moments", type=int, default=50, help="kills of the server, and as many of workers")
    parser.add_argument("--database-url", default="", help="postgresql://USER@HOST/NAME; else SQLite")
    parser.add_argument("--servers", type=int, default=1, help="processes that share the database")
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--gib", type=float, default=4.0)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="zhenwei-soak-", ignore_cleanup_errors=True) as place:
        folder = Path(place)
        if given.what == "kills":
            found = kills(
                folder, given.moments, database_url=given.database_url, servers=given.servers, seed=given.seed
            )
        elif given.what == "uploads":
            found = uploads(folder, given.files, given.clients)
        else:
            found = zeros(folder, given.gib)
    print(json.dumps({given.what: found}, indent=1))
    return int(bool(found["broken"]))


if __name__ == "__main__":
    sys.exit(main())
