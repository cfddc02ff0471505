"""What ``zhenwei scan`` costs as people run it: whole commands on every kind of file, each in a process of its own.

``python -m benchmarks.commands [--only NAME ...] [--rounds N] [--output results.json]``. Everything is processor time
(user and system), which other work on the machine disturbs little: *cold* is a whole command with its start, imports
and loading of models; *warm* is a scan in a process that scanned the file before; *first* is what was spent when the
first sign of life came to the terminal. Ratios are formed within a round, with every frame of the same file decoded in
that round. ``benchmarks/speed.py`` runs this as a part of ``./scripts/bench``.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import cases

SCHEMA = "zhenwei.commands/1"
# Starts a command on a terminal of its own. A child's peak begins at its parent's, so this one imports nothing large.
_LAUNCH = """
import json, os, pty, resource, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
tick = os.sysconf("SC_CLK_TCK")
first = None
while True:
    try:
        data = os.read(terminal, 65536)
    except OSError:
        break
    if not data:
        break
    if first is None:
        fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
        first = (int(fields[11]) + int(fields[12])) / tick
_, status, used = os.wait4(pid, 0)
print(json.dumps({"cpu_s": used.ru_utime + used.ru_stime, "peak_mib": used.ru_maxrss / 1024, "first_s": first,
                  "status": os.waitstatus_to_exitcode(status)}))
"""
_WARM = """
import sys, time
from zhenwei import Options, examine
options = Options(threads=1, depth=sys.argv[2])
examine(sys.argv[1], options=options)
began = time.process_time()
for _ in range(int(sys.argv[3])):
    examine(sys.argv[1], options=options)
print((time.process_time() - began) / int(sys.argv[3]))
"""
_DECODE = """
import sys, time
from pathlib import Path
from benchmarks import speed
speed.decode(Path(sys.argv[1]), colour=False)
began = time.process_time()
speed.decode(Path(sys.argv[1]), colour=False)
print(time.process_time() - began)
"""
QUICK = ("clip", "photo 0.9 MP", "voice 30 s")
MEASURES = {
    "cold_s": ("whole command, processor time", "s"),
    "warm_s": ("scan, warm, processor time", "s"),
    "fast_warm_s": ("scan --fast, warm, processor time", "s"),
    "first_s": ("whole command, processor time until its first sign of life", "s"),
    "peak_mib": ("whole command, peak memory", "MiB"),
    "decode_s": ("every frame decoded, processor time", "s"),
    "cold_over_decode": ("whole command / decode", "ratio"),
    "warm_over_decode": ("scan, warm / decode", "ratio"),
    "fast_warm_over_decode": ("scan --fast, warm / decode", "ratio"),
}
AIMS = {
    ("clip", "cold_over_decode"): 8.0,
    ("clip", "warm_over_decode"): 5.0,
    ("clip", "fast_warm_over_decode"): 3.0,
    ("clip", "peak_mib"): 900.0,
    ("five faces", "warm_over_decode"): 12.0,
    ("photo 12 MP", "warm_s"): 1.5,
    ("photo 48 MP", "warm_s"): 4.0,
    ("photo 48 MP", "peak_mib"): 1200.0,
    ("200 photos", "cold_s"): 50.0,
    ("voice 30 s", "warm_s"): 0.5,
    ("voice 10 min", "warm_s"): 10.0,
}
_WARM_SCANS = 2
_FOLDER = "200 photos"
_LONG = ("10 min", "10 min with sound", "voice 10 min")  # of which one warm scan is enough


@dataclass(slots=True)
class Case:
    """What was measured of one file, a value a round; ``decode_s`` and the ratios of clips only."""

    cold_s: list[float] = field(default_factory=list)
    warm_s: list[float] = field(default_factory=list)
    fast_warm_s: list[float] = field(default_factory=list)
    first_s: list[float] = field(default_factory=list)
    peak_mib: list[float] = field(default_factory=list)
    decode_s: list[float] = field(default_factory=list)


def main(arguments: Sequence[str] | None = None) -> int:
    from benchmarks import speed

    parser = argparse.ArgumentParser(prog="python -m benchmarks.commands", description=(__doc__ or "").split("\n")[0])
    add_options(parser)
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured (default 3)")
    parser.add_argument("--output", type=Path, help="file for the figures as JSON")
    given = parser.parse_args(arguments)
    pinned = speed.one_core()
    measured = measure(given.only or list(cases.CASES), given.rounds, given.folder)
    result = {"schema": SCHEMA, "machine": speed.machine(), "commit": speed.commit(), "pinned_to_one_core": pinned}
    result |= {"threads": 1, "rounds": given.rounds, "files": {name: row(case) for name, case in measured.items()}}
    if given.output is not None:
        given.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(table(measured))
    return 0


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options that ``scripts/bench`` has, too."""
    names = ", ".join(cases.CASES)
    parser.add_argument("--only", action="append", choices=list(cases.CASES), metavar="NAME", help=f"of {names}")
    parser.add_argument("--folder", type=Path, help="where the files are made and kept; else they are made anew")


def measure(names: Sequence[str], rounds: int, folder: Path | None = None) -> dict[str, Case]:
    """Each of ``names`` so many times, in turn; the files are made in ``folder`` unless they are there."""
    with tempfile.TemporaryDirectory(prefix="zhenwei-bench-") as own:
        place = folder or Path(own)
        place.mkdir(parents=True, exist_ok=True)
        say("making the files ...")
        code = (
            "import sys; from pathlib import Path; from benchmarks import cases; "
            "cases.make(Path(sys.argv[1]), sys.argv[2:])"
        )
        child(code, str(place), *names)  # in a process of its own: encoders leave memory behind
        launched("-m", "zhenwei", "scan", "--help")
        child("from zhenwei import detectors; detectors.catalogue()")  # bytecode, which an installation has
        paths = cases.make(place, list(names))
        found = {name: Case() for name in names}
        for number in range(rounds):
            for name, path in paths.items():
                say(f"round {number + 1} of {rounds}: {name}")
                _measured(found[name], name, path)
                say(json.dumps({key: values[-1] for key, values in row(found[name]).items()}))
        return found


def _measured(case: Case, name: str, path: Path) -> None:
    whole = launched("-m", "zhenwei", "scan", str(path))
    if whole["status"] != 0:
        raise RuntimeError(f"zhenwei scan {path} ended with {whole['status']}")
    case.cold_s.append(whole["cpu_s"])
    case.peak_mib.append(whole["peak_mib"])
    case.first_s.append(whole["first_s"])
    if cases.is_clip(name):
        case.decode_s.append(float(child(_DECODE, str(path))))
    times = 1 if name in _LONG else _WARM_SCANS
    if name != _FOLDER:
        case.warm_s.append(warm_s(path, times=times))
    if cases.is_clip(name):
        case.fast_warm_s.append(warm_s(path, "fast", times))


def launched(*arguments: str) -> dict[str, Any]:
    """A command in an interpreter of its own on a terminal: processor seconds, peak, seconds at its first output."""
    command = [sys.executable, "-S", "-E", "-c", _LAUNCH, *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, cwd=cases.ROOT, env=_environment())
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def child(code: str, *arguments: str) -> str:
    """What ``code`` wrote, run in an interpreter of its own."""
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(
        command, stdout=subprocess.PIPE, text=True, check=True, cwd=cases.ROOT, env=_environment()
    ).stdout


def warm_s(path: Path, depth: str = "standard", times: int = _WARM_SCANS) -> float:
    """Processor seconds of a scan in a process that scanned the file before."""
    return float(child(_WARM, str(path), depth, str(times)))


def _environment() -> dict[str, str]:
    """With bytecode kept, as where a package is installed: reading source again would count as start."""
    kept = Path(tempfile.gettempdir(), "zhenwei-bench-bytecode")
    own = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return own | {"PYTHONPYCACHEPREFIX": str(kept)}


def row(case: Case) -> dict[str, Any]:
    """All values and the ratios, formed within each round, for the results."""
    found: dict[str, Any] = {name: getattr(case, name) for name in Case.__slots__ if getattr(case, name)}
    for name in ("cold_s", "warm_s", "fast_warm_s"):
        if case.decode_s and getattr(case, name):
            found[f"{name[:-2]}_over_decode"] = ratios(getattr(case, name), case.decode_s)
    return found


def ratios(values: Sequence[float], others: Sequence[float]) -> list[float]:
    return [round(one / other, 3) for one, other in zip(values, others, strict=True)]


def table(measured: dict[str, Case]) -> str:
    """Markdown: medians over rounds."""
    heads = ("file", "cold (s)", "warm (s)", "fast, warm (s)", "decode (s)", "cold x", "warm x", "fast x", "first (s)")
    lines = [f"| {' | '.join(heads)} | peak (MiB) |", "|" + "---|" * (len(heads) + 1)]
    for name, case in measured.items():
        figures = row(case)
        cells = [name]
        for key in ("cold_s", "warm_s", "fast_warm_s", "decode_s"):
            cells.append(_median(figures.get(key), 2))
        for key in ("cold_over_decode", "warm_over_decode", "fast_warm_over_decode"):
            cells.append(_median(figures.get(key), 1))
        cells += [_median(figures.get("first_s"), 2), _median(figures.get("peak_mib"), 0)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _median(values: Sequence[float] | None, places: int) -> str:
    return f"{statistics.median(values):.{places}f}" if values else ""


def say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
