"""What the service costs: lists and states with many results kept, uploads beside ``cp``, and the way of a file.

    python -m benchmarks.service --output benchmarks/service.json

One run, one machine. Times of the database are those of the call that a route makes; requests go over a socket of this
machine, from a process of their own, one after another and by eight at once.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from benchmarks.soak import ASKED, Server, picture
from sqlalchemy import insert, select

from zhenwei.client import Client
from zhenwei.engine import examine_many
from zhenwei.pipeline import Options
from zhenwei.store import Store, open_store
from zhenwei.store.job_tables import JobRow
from zhenwei.store.jobs import Jobs, Wanted, now
from zhenwei.store.tables import EngineRow, Examination, File, ReportRow

_ROUNDS = 30
_REQUESTS_S = 5.0
_BATCH = 5000
_MIB = 1 << 20
_DECISIONS = ("genuine",) * 80 + ("inconclusive",) * 15 + ("forged",) * 5
_DOCUMENT = json.dumps({"schema": "zhenwei.report/1", "evidence": ["x" * 80] * 40})  # about as long as a short one


def fill(store: Store, count: int) -> None:
    """So many results as a year of work leaves behind."""
    moment = now()
    with store.writing() as session:
        session.execute(
            insert(EngineRow), [{"fingerprint": "f" * 64, "version": "1", "models": {}, "options": {}, "detectors": []}]
        )
        engine = session.execute(select(EngineRow.id)).scalar_one()
    for first in range(1, count + 1, _BATCH):
        numbers = range(first, min(first + _BATCH, count + 1))
        rows: dict[Any, list[dict[str, Any]]] = {File: [], Examination: [], ReportRow: [], JobRow: []}
        for number in numbers:
            at = moment - timedelta(seconds=60 * (count - number))
            decision = _DECISIONS[number % 100]
            rows[File].append({"id": number, "sha256": f"{number * 7919:064x}", "size_bytes": 10**6, "met_at": at})
            found: dict[str, Any] = {
                "kind": "image",
                "decision": decision,
                "llr": 1.0,
                "error_rate": 0.05,
                "seconds": 1.0,
            }
            rows[Examination].append(
                {"id": number, "file_id": number, "engine_id": engine, "at_fault": "", "partly": False, "people": 1}
                | {"examined_at": at}
                | found
            )
            for language in ("en", "zh"):
                sentence = {"reason": "leans towards genuine, but weakly", "declared": "", "document": _DOCUMENT}
                rows[ReportRow].append({"examination_id": number, "language": language} | sentence)
            job: dict[str, Any] = {
                "uid": f"{number:032x}",
                "tenant": "local",
                "actor": "local",
                "name": f"holiday {number}.jpg",
            }
            job |= {"sha256": f"{number * 7919:064x}", "size_bytes": 10**6, "format": "jpeg", "fingerprint": "f" * 64}
            options: dict[str, Any] = {"depth": "standard", "frames": None, "detectors": [], "false_alarm": 0.05}
            job |= {"options": options, "same": f"{number:064x}", "state": "done", "stage": "done", "fraction": 1.0}
            job |= {"created_at": at, "finished_at": at, "examination_id": number, "tries": 1, "callback_tries": 0}
            rows[JobRow].append(job | found)
        with store.writing() as session:
            for table, values in rows.items():
                session.execute(insert(table), values)


def timed(work: Callable[[], object], rounds: int = _ROUNDS) -> dict[str, float]:
    """Milliseconds; the first round warms up. ``processor_ms``: of this process, which other work disturbs less."""
    work()
    values: list[float] = []
    spent: list[float] = []
    for _ in range(rounds):
        began, used = time.perf_counter(), time.process_time()
        work()
        values.append(1000 * (time.perf_counter() - began))
        spent.append(1000 * (time.process_time() - used))
    found = {"median_ms": statistics.median(values), "most_ms": max(values), "processor_ms": statistics.median(spent)}
    return {name: round(value, 2) for name, value in found.items()}


def at_the_database(store: Store, count: int) -> dict[str, Any]:
    jobs = Jobs(store)
    middle = f"{count // 2:032x}"
    return {
        "first page": timed(lambda: jobs.search("local")),
        "page in the middle": timed(lambda: jobs.search("local", after=middle)),
        "forged alone": timed(lambda: jobs.search("local", Wanted(decisions=["forged"]))),
        "by name, found": timed(lambda: jobs.search("local", Wanted(text="holiday 5"))),
        "by name, nothing found": timed(lambda: jobs.search("local", Wanted(text="nobody has this"))),
        "by how the sha256 begins": timed(lambda: jobs.search("local", Wanted(text=f"{7919 * 3:064x}"))),
        "one state": timed(lambda: jobs.get("local", middle)),
        "counts": timed(lambda: jobs.counts("local")),
    }


def requests(url: str, path: str, clients: int) -> float:
    """Requests a second, from a process of its own."""
    code = "import sys; from benchmarks.service import ask; print(ask(*sys.argv[1:3], int(sys.argv[3])))"
    ended = subprocess.run(
        [sys.executable, "-c", code, url, path, str(clients)], capture_output=True, text=True, check=True
    )
    return round(float(ended.stdout), 1)


def ask(url: str, path: str, clients: int) -> float:
    counts = [0] * clients
    end = time.monotonic() + _REQUESTS_S

    def work(number: int) -> None:
        with httpx.Client(base_url=url, timeout=60) as http:
            while time.monotonic() < end:
                http.get(path).raise_for_status()
                counts[number] += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / _REQUESTS_S


def throughput(folder: Path, size_mib: int) -> dict[str, Any]:
    """A film handed in, beside the same bytes copied by ``cp`` and brought to the disk, in turn."""
    source = folder / "film.mp4"
    head = b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00isomiso2avc1mp41"
    server = Server(folder / "upload", options=("--no-examine",))
    server.start()
    mib_s: dict[str, list[float]] = {"upload": [], "cp": []}
    try:
        for number in range(4):
            source.write_bytes(head + os.urandom(size_mib * _MIB))
            os.sync()
            began = time.perf_counter()
            subprocess.run(["cp", str(source), str(folder / "copy")], check=True)
            subprocess.run(["sync", str(folder / "copy")], check=True)
            copied_s = time.perf_counter() - began
            began = time.perf_counter()
            with Client(server.url) as client:
                client.submit(source, name=f"{number}.mp4")
            sent_s = time.perf_counter() - began
            if number:  # the first warms up
                mib_s["cp"].append(round(size_mib / copied_s, 1))
                mib_s["upload"].append(round(size_mib / sent_s, 1))
        memory = server.memory_mib()
    finally:
        server.stop()
    ratios = [sent / copied for sent, copied in zip(mib_s["upload"], mib_s["cp"], strict=True)]
    shares = {"upload / cp": round(statistics.median(ratios), 2), "server_memory_mib": round(memory)}
    return {"size_mib": size_mib, "mib_per_s": mib_s} | shares


def overhead(folder: Path, count: int) -> dict[str, Any]:
    """From the first file handed in to the last one done, by one worker that is warm, beside the engine alone."""
    files: list[str] = []
    for number in range(count + 1):
        path = folder / f"{number}.png"
        path.write_bytes(picture(number))
        files.append(str(path))
    options = Options(detectors=ASKED)
    engine: list[float] = []
    for _ in examine_many(files, options, workers=1):
        engine.append(time.perf_counter())
    server = Server(folder / "way", workers=1)
    server.start()
    try:
        with Client(server.url) as client:
            client.wait(client.submit(files[0], detectors=ASKED))
            began = time.perf_counter()
            jobs = [client.submit(file, detectors=ASKED) for file in files[1:]]
            handed_in = time.perf_counter()
            for job in jobs:
                client.wait(job)
            ended = time.perf_counter()
            one = io.BytesIO(picture(10**6))
            alone = time.perf_counter()
            client.wait(client.submit(one, detectors=ASKED))
            alone = time.perf_counter() - alone
    finally:
        server.stop()
    of_engine = (engine[-1] - engine[0]) / count
    return {
        "files": count,
        "engine_ms_per_file": round(1000 * of_engine, 1),
        "service_ms_per_file": round(1000 * (ended - began) / count, 1),
        "handing_in_ms_per_file": round(1000 * (handed_in - began) / count, 1),
        "one_file_alone_ms": round(1000 * alone, 1),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, help="a file; else standard output")
    parser.add_argument("--results", type=int, default=100_000, help="that are kept when lists are timed")
    parser.add_argument("--database-url", default="", help="an empty PostgreSQL database; else SQLite")
    parser.add_argument("--mib", type=int, default=256, help="of the film that is handed in")
    parser.add_argument("--files", type=int, default=60, help="for what a file costs")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="zhenwei-service-", ignore_cleanup_errors=True) as place:
        folder = Path(place)
        server = Server(folder / "many", given.database_url, options=("--no-examine",))
        (folder / "many").mkdir(mode=0o700)
        with open_store(given.database_url or str(folder / "many" / "zhenwei.db")) as store:
            fill(store, given.results)
            found: dict[str, Any] = {
                "schema": "zhenwei.service-benchmark/1",
                "taken": now().strftime("%Y-%m-%dT%H:%M:%SZ"),
                "cores": os.cpu_count(),
                "load_before": round(os.getloadavg()[0], 1),
                "database": "PostgreSQL" if given.database_url else "SQLite",
                "results": given.results,
                "at_the_database": at_the_database(store, given.results),
            }
        server.start()
        paths = {"list": "/api/v1/jobs?limit=50", "state": f"/api/v1/jobs/{given.results // 2:032x}"}
        rates: dict[str, float] = {}
        for name, path in paths.items():
            for clients in (1, 8):
                rates[f"{name}, {clients} at once"] = requests(server.url, path, clients)
        found["requests_per_s"] = rates | {"healthz, 1 at once": requests(server.url, "/healthz", 1)}
        server.stop()
        shutil.rmtree(folder / "many")
        found["throughput"] = throughput(folder, given.mib)
        found["overhead"] = overhead(folder, given.files)
    written = json.dumps(found, indent=1) + "\n"
    if given.output is None:
        print(written, end="")
    else:
        given.output.write_text(written, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
