"""How well a detector tells forgeries made of the test photographs from the photographs: ``python -m
benchmarks.on_photographs traditional.noise DATA``.

These are the figures under "measured" of the pages of the detectors in ``docs/detectors``, of pictures that the
detector's training made but did not learn from. DATA is the folder with ``photos.zip`` and ``dfdc-faces.zip``.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

DETECTORS = ("consistency.exif", "traditional.exposure", "traditional.jpeg_traces", "traditional.noise")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("detector", choices=DETECTORS)
    parser.add_argument("data", type=Path)
    given = parser.parse_args(arguments)
    found = import_module(f"zhenwei.training.{given.detector}").measured_on_test(given.data)
    area = f"AUC {found.auc:.3f} [{found.low:.3f}, {found.high:.3f}]"
    print(f"{found.genuine} genuine and {found.forged} forged, {found.answered:.0%} answered: {area}")


if __name__ == "__main__":
    main()
