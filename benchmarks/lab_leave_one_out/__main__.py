"""What a method's AUC owes to having seen that method: ``python -m benchmarks.lab_leave_one_out pack|train|report``.

``pack FOLDER --data DATA`` makes the faces, all forged by every method of the lab, and the backbone of ImageNet.
``train FOLDER OUTPUT`` trains on them with every method and once without each, alike in all else, with two seeds, and
writes the scores of test faces; a GPU machine needs PyTorch, NumPy, OpenCV and safetensors for it (``PYTHONPATH=src``).
``report OUTPUT`` writes ``docs/lab_leave_one_out.json``, which `scripts/docs accuracy` puts on the accuracy page.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

ROOT = Path(__file__).parents[2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = parser.add_subparsers(dest="part", required=True)
    pack = parts.add_parser("pack")
    pack.add_argument("folder", type=Path)
    pack.add_argument("--data", type=Path, required=True, help="the folder with dfdc-faces, photos and taef2")
    pack.add_argument("--workers", type=int, default=2)
    train = parts.add_parser("train")
    train.add_argument("folder", type=Path, help="what `pack` wrote")
    train.add_argument("output", type=Path)
    train.add_argument("--steps", type=int, default=1000, help="at most; fewer, the same for all, if time is short")
    train.add_argument("--seconds", type=float, default=180.0, help="for all of it, start included")
    train.add_argument("--conditions", nargs="+", default=[], help='"all" and methods to leave out; everything')
    train.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    train.add_argument("--workers", type=int, help="processes beside each other; eight on a GPU, else one")
    train.add_argument("--batch", type=int, default=64, help="faces of a step, an even number")
    report = parts.add_parser("report")
    report.add_argument("output", type=Path, help="what `train` wrote")
    report.add_argument("--json", type=Path, default=ROOT / "docs" / "lab_leave_one_out.json")
    given = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if given.part == "pack":
        from benchmarks.lab_leave_one_out import making
        from benchmarks.lab_leave_one_out.pack import FACES, load

        making.build(given.data, given.folder, given.workers)
        print(making.summary(load(given.folder / FACES)), end="")
    elif given.part == "train":
        from benchmarks.lab_leave_one_out.training import Plan, run

        run(Plan(**{name: getattr(given, name) for name in Plan.__dataclass_fields__}))
    else:
        from benchmarks.lab_leave_one_out.telling import tell

        tell(given.output, given.json)


if __name__ == "__main__":
    main()
