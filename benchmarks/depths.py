"""What a scan costs at each depth beside decoding the same file: ``python -m benchmarks.depths [CLIP ...]``.

One run, one machine, one core, processor time, which other work on the machine disturbs little. Warm is a scan in a
process that scanned the file before; cold is a whole process, with its start, its imports and the loading of models.
Ratios are formed within a round. Without clips it is the one that ``benchmarks/clips.py`` makes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import clips, speed
from zhenwei.types import DEPTHS, Depth

SCHEMA = "zhenwei.depths/1"
_COLD = """
import sys, time
from zhenwei import Options, examine
examine(sys.argv[1], options=Options(depth=sys.argv[2], threads=1))
print(time.process_time())
"""
Ratios = dict[str, list[float]]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.depths", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("clips", nargs="*", type=Path, metavar="CLIP")
    parser.add_argument("--rounds", type=int, default=3, help="how often each file is measured (default 3)")
    parser.add_argument("--output", type=Path, help="file for the figures as JSON")
    given = parser.parse_args(arguments)
    pinned = speed.one_core()
    with tempfile.TemporaryDirectory(prefix="zhenwei-bench-") as folder:
        paths = given.clips
        if not paths:
            paths = [Path(folder, "clip.mp4")]
            clips.write_video(paths[0], speed.VIDEO_S)
        rows = [measured(path, given.rounds) for path in paths]
    result = {"schema": SCHEMA, "machine": speed.machine(), "commit": speed.commit(), "pinned_to_one_core": pinned}
    result |= {"threads": 1, "rounds": given.rounds, "files": rows}
    if given.output is not None:
        given.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(table(rows))
    return 0


def measured(path: Path, rounds: int) -> dict[str, Any]:
    """Of one clip: seconds to decode it, and scans as multiples of that, one of each a round."""
    from zhenwei import Options, examine
    from zhenwei.media import open_media

    facts = open_media(path)
    scans: dict[Depth, Options] = {depth: Options(depth=depth, threads=1) for depth in DEPTHS}
    decoding: list[float] = []
    warm: Ratios = {depth: [] for depth in DEPTHS}
    cold: Ratios = {depth: [] for depth in DEPTHS}
    for number in range(rounds + 1):
        speed.say(f"{path.name}: round {number} of {rounds}" if number else f"{path.name}: warming up ...")
        decode_s = _seconds(partial(speed.decode, path, colour=False))
        for depth, options in scans.items():
            scan_s = _seconds(partial(examine, path, options=options))
            if number:
                cold[depth].append(_cold_s(path, depth) / decode_s)
                warm[depth].append(scan_s / decode_s)
        if number:
            decoding.append(decode_s)
    shape = {"codec": facts.codec, "width": facts.width, "height": facts.height, "duration_s": facts.duration_s}
    figures = {"decode_s": decoding, "cold": cold, "warm": warm}
    return {"sha256": facts.sha256, **shape, "sound": bool(facts.audio_codec), **figures}


def _seconds(task: Callable[[], object]) -> float:
    began = time.process_time()
    task()
    return time.process_time() - began


def _cold_s(path: Path, depth: Depth) -> float:
    command = [sys.executable, "-c", _COLD, str(path), depth]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Markdown: a row a file with the medians over rounds, and one of all files together, by their sums of seconds."""
    heads = ["clip", "decode (s)"]
    for depth in DEPTHS:
        heads += [f"{depth}, cold", f"{depth}, warm"]
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    decode_s = 0.0
    scan_s = dict.fromkeys(heads[2:], 0.0)
    for row in rows:
        own_s = _median(row["decode_s"])
        decode_s += own_s
        sound = ", sound" if row["sound"] else ""
        cells = [f"{row['width']} x {row['height']}, {row['duration_s']:.0f} s{sound}", f"{own_s:.2f}"]
        for head in heads[2:]:
            asked, state = head.split(", ")
            ratio = _median(row[state][asked])
            scan_s[head] += ratio * own_s
            cells.append(f"{ratio:.1f}")
        lines.append(f"| {' | '.join(cells)} |")
    if len(rows) > 1:
        together = [f"{seconds / decode_s:.1f}" for seconds in scan_s.values()]
        lines.append(f"| all {len(rows)} together | {decode_s:.2f} | {' | '.join(together)} |")
    return "\n".join(lines) + "\n"


def _median(values: Sequence[float]) -> float:
    return statistics.median(values)


if __name__ == "__main__":
    sys.exit(main())
