"""Many files: what the engine costs beside the examination, and whether anything is lost when processes are killed.

    python -m benchmarks.engine speed CLIP [--files 6] [--ray]    figures of docs/scale.md, as JSON
    python -m benchmarks.engine kill [--times 30] [--seed 1]      kills workers, drivers and actors at random moments
    python -m benchmarks.engine machine [--files 24]              a Ray cluster of two machines, of which one is lost

On a shared machine wall time says little, so ``speed`` counts CPU seconds of the driver and its workers, with Ray of
the actors, too, and of what Ray runs beside them. ``kill`` ends with status 1 where a file is missing, doubled, or told
otherwise than by a run that nobody disturbed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[1]
TICKS = os.sysconf("SC_CLK_TCK")
LABELS = "provenance.labels"
_SCAN_S = 600.0
_SLOW = """
import time
from dataclasses import dataclass
from typing import ClassVar
from zhenwei.types import DetectorInfo, Evidence

@dataclass(frozen=True, slots=True)
class Slow:
    info: ClassVar[DetectorInfo] = DetectorInfo(
        id="pace.slow", question="Does it take its time?", takes=("image",), level="file", needs=(), reference="none",
        blind_spots=("all",), models=(),
    )

    def examine(self, subject):
        time.sleep(0.3)
        return Evidence(self.info.id, llr=None, finding="Nothing.", reason="it only takes its time")


detector = Slow
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    speed_ = commands.add_parser("speed")
    speed_.add_argument("clip", type=Path)
    speed_.add_argument("--files", type=int, default=6)
    speed_.add_argument("--ray", action="store_true")
    kill_ = commands.add_parser("kill")
    kill_.add_argument("--times", type=int, default=30)
    kill_.add_argument("--seed", type=int, default=1)
    kill_.add_argument("--files", type=int, default=40)
    kill_.add_argument("--what", nargs="+", choices=sorted(_VICTIMS), default=sorted(_VICTIMS))
    machine_ = commands.add_parser("machine")
    machine_.add_argument("--files", type=int, default=24)
    given = parser.parse_args()
    if given.command == "speed":
        print(json.dumps(speed(given.clip, given.files, with_ray=given.ray), indent=1))
        return 0
    if given.command == "machine":
        return machine(given.files)
    return kill(given.times, given.seed, given.files, given.what)


def speed(clip: Path, count: int, *, with_ray: bool) -> dict[str, Any]:
    """CPU seconds for each of ``count`` copies of ``clip`` after one that warms up, and memory of a worker."""
    from zhenwei import examine
    from zhenwei.engine import Pool, RayPool, examine_into
    from zhenwei.pipeline import Options
    from zhenwei.store import Kept, open_store
    from zhenwei.store.kept import folder_of

    found: dict[str, Any] = {"clip": clip.name, "files": count, "unit": "CPU seconds for each file"}
    options = Options(threads=1)
    with tempfile.TemporaryDirectory() as folder:
        files = list(_copies(clip, Path(folder), count + 1))
        began = _cpu([os.getpid()])
        for number, path in enumerate(files):
            if number == 1:
                began = _cpu([os.getpid()])
            examine(path, options=options)
        found["loop"] = (_cpu([os.getpid()]) - began) / count
        for workers in (1, 2):
            with Pool(workers) as pool:
                found[f"pool of {workers}"] = _timed(pool, files, options, pool.processes, workers)
                found[f"MiB, pool of {workers}"] = [_mib(pid) for pid in pool.processes()]
        with open_store(f"{folder}/a.db") as store:
            began, wall = _cpu([os.getpid()]), time.monotonic()
            keep = Kept(store, folder_of(store))
            kept = list(examine_into(store, files, Options(threads=1, detectors=(LABELS,)), workers=1, keep=keep))
            found["driver with a store, cheap files"] = (_cpu([os.getpid()]) - began) / len(kept)
            found["wall of these"] = (time.monotonic() - wall) / len(kept)
        if with_ray:
            import ray

            ray.init(num_cpus=3, include_dashboard=False, log_to_driver=False)
            for workers in (1, 2):
                with RayPool(workers) as cluster:
                    began = _cpu(_daemons())
                    found[f"Ray with {workers}"] = _timed(cluster, files, options, _of_ray, workers)
                    found[f"its daemons, {workers}, in all"] = _cpu(_daemons()) - began
                    found[f"MiB, Ray with {workers}"] = {name: _mib(pid) for name, pid in _named()}
    return found


def _timed(pool: Any, files: list[str], options: Any, others: Callable[[], Any], warm: int) -> float:
    """CPU seconds of this process and of ``others``, for each file after the first ones, which load the models."""
    for path in files[:1] * warm:
        pool.give(path, options)
    while pool.open_files:
        pool.wait()
    began = _cpu([os.getpid(), *others()])
    for path in files[1:]:
        while not pool.has_room:
            pool.wait()
        pool.give(path, options)
    while pool.open_files:
        pool.wait()
    return (_cpu([os.getpid(), *others()]) - began) / (len(files) - 1)


def _copies(clip: Path, folder: Path, count: int) -> Iterator[str]:
    for number in range(count):
        path = folder / f"{number}{clip.suffix}"
        shutil.copy(clip, path)
        yield str(path)


def _cpu(pids: list[int]) -> float:
    total = 0.0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / TICKS
    return total


def _mib(pid: int) -> int:
    """Of its own, and its share of what it shares."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) // 1024
    return 0


def _below(root: int) -> list[tuple[int, str]]:
    """All processes that descend from it, with their command lines."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(entry.parent.name))
    found, waiting = [], [root]
    while waiting:
        for pid in parents.get(waiting.pop(), []):
            try:
                line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            found.append((pid, line))
            waiting.append(pid)
    return found


def _of_ray() -> list[int]:
    """Actors and their workers."""
    return [pid for _, pid in _named()]


def _daemons() -> list[int]:
    """What Ray runs beside them, whether there is work or not."""
    own = set(_of_ray())
    return [pid for pid, line in _below(os.getpid()) if pid not in own and "ray" in line]


def _named() -> Iterator[tuple[str, int]]:
    for pid, line in _below(os.getpid()):
        if line.startswith("ray::Examiner"):
            yield f"actor {pid}", pid
        elif "spawn_main" in line:
            yield f"worker {pid}", pid


def kill(times: int, seed: int, count: int, what: list[str]) -> int:
    """Scans again and again, kills something each time; then one that nobody disturbs."""
    rng = random.Random(seed)  # noqa: S311
    with tempfile.TemporaryDirectory(prefix="kill-") as name:
        folder = Path(name)
        _prepare(folder, count)
        assert _run(folder, "reference.db", []).wait(_SCAN_S) == 0
        reference = _found(folder / "reference.db")
        assert len(reference) == count
        done: dict[str, int] = dict.fromkeys(what, 0)
        store, rounds = "killed.db", 0
        while sum(done.values()) < times:
            victim = what[rounds % len(what)]
            rounds += 1
            done[victim] += _disturbed(folder, store, victim, rng)
            flaws = _flaws(folder / store, reference, whole=False)
            kept = len(_found(folder / store))
            print(f"{sum(done.values())} kills {done}, {kept} of {count} in the store", flush=True)
            if kept == count:  # all done: from the beginning
                flaws += _flaws(folder / store, reference, whole=True)
            if flaws:
                print("\n".join(flaws))
                return 1
            if kept == count:
                for path in folder.glob(f"{store}*"):
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
        assert _run(folder, store, []).wait(_SCAN_S) == 0
        flaws += _flaws(folder / store, reference, whole=True)
        left = _left(folder)
        print("\n".join([*flaws, *left]) or f"{done}: nothing lost, nothing doubled, nothing left behind")
        return int(bool(flaws or left))


def machine(count: int) -> int:
    """Three actors on two machines of two CPUs each, which here are two raylets; one is killed under load."""
    from ray.cluster_utils import Cluster

    with tempfile.TemporaryDirectory(prefix="kill-") as name:
        folder = Path(name)
        _prepare(folder, count)
        os.environ |= {"PYTHONPATH": _path(folder), "RAY_worker_niceness": "0", "RAY_AUTH_MODE": "disabled"}
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
        lost = cluster.add_node(num_cpus=2)
        scan = _run(folder, "a.db", ["--ray", cluster.address, "--workers", "3"])
        while len(_found(folder / "a.db")) < count // 6 and scan.poll() is None:
            time.sleep(0.1)
        before = len(_found(folder / "a.db"))
        cluster.remove_node(lost, allow_graceful=False)
        status, found = scan.wait(_SCAN_S), len(_found(folder / "a.db"))
        cluster.shutdown()  # type: ignore[no-untyped-call]
        print(f"a machine lost after {before} of {count} files: exit status {status}, {found} of {count} in the store")
        return int(status != 0 or found != count or before == count)


def _path(folder: Path) -> str:
    return os.pathsep.join([str(folder / "site"), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])


def _prepare(folder: Path, count: int) -> None:
    media, site = folder / "media", folder / "site"
    media.mkdir()
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 255, (32, 32, 3), np.uint8)
        Image.fromarray(pixels).save(media / f"{number}.png")
    (site / "pace.dist-info").mkdir(parents=True)
    (site / "pace.py").write_text(_SLOW)
    (site / "pace.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: pace\nVersion: 1\n")
    (site / "pace.dist-info" / "entry_points.txt").write_text("[zhenwei.detectors]\npace.slow = pace:detector\n")


def _run(folder: Path, store: str, more: list[str]) -> subprocess.Popen[bytes]:
    words = ["scan", str(folder / "media"), "--store", str(folder / store), "-q"]
    words += ["--workers", "1" if "--ray" in more else "2"]
    words += ["--detector", "pace.slow", "--detector", LABELS, *more]
    environment = os.environ | {"PYTHONPATH": _path(folder), "RAY_worker_niceness": "0"}
    return subprocess.Popen([sys.executable, "-m", "zhenwei", *words], env=environment)


def _is_worker(line: str) -> bool:
    return "spawn_main" in line


def _is_actor(line: str) -> bool:
    return line.startswith("ray::Examiner")


# What is killed, and what stands behind the command line then.
_VICTIMS: dict[str, tuple[Callable[[str], bool] | None, list[str]]] = {
    "worker": (_is_worker, []),
    "driver": (None, []),
    "actor": (_is_actor, ["--ray", "auto"]),
    "driver of Ray": (None, ["--ray", "auto"]),
}


def _disturbed(folder: Path, store: str, victim: str, rng: random.Random) -> int:
    """One scan; how often something was killed in it. A driver once, others up to three times."""
    wanted, more = _VICTIMS[victim]
    environment = ["--retry", *more]
    scan = _run(folder, store, environment)
    known = len(_found(folder / store))
    killed = 0
    in_start = wanted is None and rng.random() < 0.2
    while scan.poll() is None and killed < 3:
        if len(_found(folder / store)) == known and not in_start:
            time.sleep(0.1)  # it has not begun
            continue
        time.sleep(rng.uniform(0.0, 1.5))
        if wanted is None:
            scan.kill()
            killed += 1
            break
        known = len(_found(folder / store))
        there = [pid for pid, line in _below(scan.pid) if wanted(line)]
        if there and scan.poll() is None:
            os.kill(rng.choice(there), signal.SIGKILL)
            killed += 1
    scan.wait(_SCAN_S)
    return killed


def _found(store: Path) -> list[tuple[str, Any]]:
    """Each path with what was said of it."""
    if not store.is_file():
        return []
    query = """SELECT place.path, examination.decision, report.document FROM place
        JOIN file ON file.id = place.file_id JOIN examination ON examination.file_id = file.id
        JOIN report ON report.examination_id = examination.id AND report.language = 'en' ORDER BY place.path"""
    try:
        with closing(sqlite3.connect(store, timeout=60)) as connection:
            rows = connection.execute(query).fetchall()
    except sqlite3.OperationalError:  # it has no tables yet
        return []
    found = []
    for path, decision, document in rows:
        report = json.loads(document)
        evidence = [(one["detector"], one["llr"], one["reason"]) for one in report["evidence"]]
        found.append((path, (decision, report["file"]["sha256"], evidence)))
    return found


def _flaws(store: Path, reference: list[tuple[str, Any]], *, whole: bool) -> list[str]:
    found = _found(store)
    flaws = []
    if len(dict(found)) != len(found):
        flaws.append("a file was examined twice")
    if whole and found != reference:
        flaws.append("files are missing, or told otherwise than by a run that nobody disturbed")
    flaws += [f"{path} is told otherwise" for path, told in found if dict(reference)[path] != told]
    if not store.is_file():
        return flaws
    with closing(sqlite3.connect(store, timeout=60)) as connection:
        if connection.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
            flaws.append("the database is damaged")
        try:
            pages = [row[0] for row in connection.execute("SELECT sha256 FROM page")]
        except sqlite3.OperationalError:
            pages = []
    for digest in pages:
        path = Path(f"{store}.kept", digest[:2], digest)
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            flaws.append(f"what a page is made of is gone: {digest}")
    if whole and len(pages) != len(reference):
        flaws.append(f"{len(pages)} pages of {len(reference)}")
    return flaws


def _left(folder: Path) -> list[str]:
    """Processes that outlived their scan, whoever is their parent by now: the folder stands in their environment."""
    time.sleep(5)
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            environment = (entry / "environ").read_bytes()
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if os.fsencode(folder) in environment:
            found.append(f"left behind: {line[:100]}")
    return found


if __name__ == "__main__":
    sys.exit(main())
