"""What protection costs, and what one changed byte does: ``python -m benchmarks.protect``, JSON on standard output.

Speed: a 12-megapixel JPEG is marked and signed on one core, one thread; each step is timed in turn, the first round
warms up and is not counted. ``ratio`` is the median over the aim of one second. ``--tamper`` also changes every byte
of one small signed file of each format, one at a time, and counts what the reader says.
"""

from __future__ import annotations

import argparse
import datetime
import io
import json
import os
import platform
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

AIM_S = 1.0
WIDTH, HEIGHT = 4000, 3000
_SEED = 7


def main(arguments: Sequence[str] | None = None) -> int:
    given = _arguments(arguments)
    pinned = _one_core()
    with tempfile.TemporaryDirectory(prefix="zhenwei-bench-") as folder:
        result = {
            "schema": "zhenwei.protect-cost/1",
            "version": metadata.version("zhenwei"),
            "machine": {
                "processor": platform.processor() or platform.machine(),
                "system": platform.system(),
                "python": platform.python_version(),
                "libraries": {name: metadata.version(name) for name in ("c2pa-python", "pillow", "numpy")},
            },
            "protocol": {"threads": 1, "pinned_to_one_core": pinned, "warm_up_rounds": 1, "rounds": given.rounds},
            "speed": _speed(Path(folder), given.rounds),
            "one_changed_byte": _tamper(Path(folder), given.stride) if given.tamper else None,
        }
    sys.stdout.write(json.dumps(result, indent=1) + "\n")
    return 0


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.protect", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=7, help="how often each step is timed (default 7)")
    parser.add_argument("--tamper", action="store_true", help="change every byte of signed files, too (minutes)")
    parser.add_argument("--stride", type=int, default=1, help="change every n-th byte only (default 1)")
    return parser.parse_args(arguments)


def _one_core() -> bool:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"  # read when the libraries are loaded, which is later
    if sys.platform != "linux":
        return False
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    return True


def _speed(home: Path, rounds: int) -> dict[str, Any]:
    import cv2

    from zhenwei.defence import keys
    from zhenwei.defence.credential import SOURCE_TYPES, sign
    from zhenwei.defence.identity import own_identity
    from zhenwei.defence.labels import Aigc, write_labels
    from zhenwei.defence.marking import mark_file
    from zhenwei.defence.verify import verify

    cv2.setNumThreads(1)
    photo, me = _photo(), own_identity(home, datetime.datetime.now(datetime.UTC).date())
    ident = bytes.fromhex("00c0ffee00c0ffee")
    held: dict[str, bytes] = {"photo": photo}
    kind = SOURCE_TYPES["ai-edited"]
    steps: dict[str, Callable[[], object]] = {
        "mark": lambda: held.update(marked=mark_file(photo, ident, keys.PUBLIC_KEY)),
        "label": lambda: held.update(labelled=write_labels(held["marked"], Aigc(produce_id=ident.hex()), kind)),
        "sign": lambda: held.update(
            signed=sign(held["labelled"], claim="ai-edited", identity=me, parent=photo, watermark=ident.hex())
        ),
        "verify": lambda: verify(held["signed"], keys=[keys.PUBLIC_KEY]),
    }
    seconds: dict[str, list[float]] = {name: [] for name in (*steps, "mark, label and sign")}
    for number in range(rounds + 1):
        taken = {}
        for name, step in steps.items():
            started = time.perf_counter()
            step()
            taken[name] = time.perf_counter() - started
        taken["mark, label and sign"] = taken["mark"] + taken["label"] + taken["sign"]
        for name, value in taken.items():
            if number:
                seconds[name].append(round(value, 4))
    middle = sorted(seconds["mark, label and sign"])[rounds // 2]
    sizes = {"photo_bytes": len(photo), "signed_bytes": len(held["signed"])}
    image = {"width": WIDTH, "height": HEIGHT, "quality": 90, "seed": _SEED, **sizes}
    return {
        "picture": image,
        "seconds": seconds,
        "median_s": middle,
        "aim_s": AIM_S,
        "ratio": round(middle / AIM_S, 3),
    }


def _photo() -> bytes:
    """Smooth shapes and grain in about the measure of a photograph: a 12-megapixel JPEG of some megabytes."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(_SEED)
    coarse = Image.fromarray(rng.integers(0, 256, (HEIGHT // 100, WIDTH // 100, 3), np.uint8))
    smooth = np.asarray(coarse.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC), np.float32)
    grain = rng.normal(0, 3, (HEIGHT, WIDTH, 1)).astype(np.float32)
    out = io.BytesIO()
    Image.fromarray((smooth + grain).clip(0, 255).astype(np.uint8)).save(out, "JPEG", quality=90)
    return out.getvalue()


def _tamper(home: Path, stride: int) -> dict[str, Any]:
    """For each format: how often one flipped bit in a byte gives which state. "noted" = valid or absent, with a problem
    told; "silent" = valid with none. C2PA's own reader says "valid" to both of the kind."""
    from tests.carriers import FORMATS, carrier

    from zhenwei.defence.credential import read_credential, sign
    from zhenwei.defence.identity import own_identity
    from zhenwei.errors import MediaError

    me = own_identity(home, datetime.datetime.now(datetime.UTC).date())
    rows = {}
    for form in FORMATS:
        data = sign(carrier(form), claim="ai-generated", identity=me, watermark="00c0ffee00c0ffee")
        counts: Counter[str] = Counter()
        for at in range(0, len(data), stride):
            changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
            try:
                read = read_credential(changed)
            except MediaError:
                counts["no media"] += 1
                continue
            quiet = read.state in ("valid", "absent")
            counts[f"{read.state}, {'noted' if read.problems else 'silent'}" if quiet else read.state] += 1
        rows[form] = {"bytes": len(data), "tried": sum(counts.values()), **dict(sorted(counts.items()))}
    return rows


if __name__ == "__main__":
    raise SystemExit(main())
