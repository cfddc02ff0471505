#!/usr/bin/env python3
"""Adds a trained detector to a copy of zhenwei: three files, nothing else touched, and shows it in every report.

python scripts/added_detector.py [FOLDER]    keeps the copy, the data and the reports in FOLDER
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "trained_detector"
DETECTOR = "traditional.colour_noise"
PLACES = {
    "detector.py": "src/zhenwei/detectors/traditional/colour_noise.py",
    "lesson.py": "src/zhenwei/training/traditional/colour_noise.py",
    "tests/test_colour_noise.py": "tests/detectors/traditional/test_colour_noise.py",
}
INSTALLED = {
    "src/zhenwei/models/manifest.json",
    "src/zhenwei/models/cards/colour_noise.md",
    "src/zhenwei/models/weights/colour_noise.onnx",
    "src/zhenwei/models/weights/colour_noise.calibration.json",
}


def main(work: Path) -> dict[str, Any]:
    """What every step took, in seconds, and what the reports say. Raises SystemExit where a step fails."""
    tree, data, seconds = work / "zhenwei", work / "labelled", {}
    for folder in ("src", "tests"):
        skipped = shutil.ignore_patterns("__pycache__", ".pytest_cache")
        shutil.copytree(ROOT / folder, tree / folder, ignore=skipped)
    shutil.copy(ROOT / "pyproject.toml", tree)
    before = digests(tree)
    for name, place in PLACES.items():
        shutil.copy(EXAMPLE / name, tree / place)
    forged = make_data(data)
    report, figures = work / "report", work / "figures"
    steps: dict[str, list[str | Path]] = {
        "train": ["zhenwei", "train", DETECTOR, "--data", data / "train.csv", "--output", work / "run", "--install"],
        "scan": ["zhenwei", "scan", forged, "--detector", DETECTOR, "--output", report],
        "evaluate": ["zhenwei", "evaluate", DETECTOR, "--data", data / "test.csv", "--output", figures],
        "contract": ["pytest", "-q", "-p", "no:cacheprovider", "-n0", "tests/contract", "-k", DETECTOR],
        "its test": ["pytest", "-q", "-p", "no:cacheprovider", "-n0", PLACES["tests/test_colour_noise.py"]],
    }
    for step, words in steps.items():
        began = time.monotonic()
        run(tree, step, [str(word) for word in words])
        seconds[step] = round(time.monotonic() - began, 1)
    after = digests(tree)
    changed = {path for path in {*before, *after} if before.get(path) != after.get(path)}
    if changed != {*PLACES.values(), *INSTALLED}:
        raise SystemExit(f"other files were touched: {sorted(changed ^ {*PLACES.values(), *INSTALLED})}")
    return {"seconds": seconds} | shown(report, figures)


def make_data(folder: Path) -> Path:
    """Images whose noise all colours share (genuine) or have of their own (forged), and tables; gives a forged one."""
    rng = np.random.default_rng(7)
    (folder / "images").mkdir(parents=True)
    rows: dict[str, list[list[str]]] = {"train": [], "test": []}
    for number in range(120):
        forged, split = number % 2 == 1, "test" if number < 40 else "train"
        scene = rng.uniform(60, 190, (1, 1, 3)) + rng.uniform(-30, 30) * np.linspace(-1, 1, 96)[:, None, None]
        noise = rng.normal(0, 6, (96, 96, 3 if forged else 1)) + rng.normal(0, 2, (96, 96, 3))
        path = folder / "images" / f"{number:03}.png"
        Image.fromarray(np.clip(np.rint(scene + noise), 0, 255).astype(np.uint8)).save(path)
        rows[split].append([f"images/{path.name}", "fake" if forged else "real", split])
    for split, mine in rows.items():
        with (folder / f"{split}.csv").open("w", newline="", encoding="utf-8") as text:
            csv.writer(text).writerows([["path", "label", "split"], *mine])
    return folder / "images" / "001.png"


def run(tree: Path, step: str, words: list[str]) -> None:
    paths = {"PYTHONPATH": str(tree / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", *words]
    ended = subprocess.run(command, cwd=tree, env=os.environ | paths, capture_output=True, text=True, check=False)
    if ended.returncode not in ((0, 3) if step == "scan" else (0,)):
        raise SystemExit(f"{step}: {' '.join(words)}\n{ended.stdout[-3000:]}{ended.stderr[-3000:]}")


def digests(tree: Path) -> dict[str, str]:
    files = [path for path in tree.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return {path.relative_to(tree).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def shown(report: Path, figures: Path) -> dict[str, Any]:
    """What the JSON report says of the forged image, whether the page shows the detector, and its figures."""
    (scanned,) = json.loads((report / "report.json").read_text(encoding="utf-8"))["reports"]
    evidence = [row for row in scanned["evidence"] if row["detector"] == DETECTOR]
    page = "".join(path.read_text(encoding="utf-8") for path in report.rglob("*.html"))
    (row,) = json.loads((figures / "results.json").read_text(encoding="utf-8"))["figures"]
    measured = {name: row[name] for name in ("genuine", "forged", "auc")}
    return {"evidence": evidence, "on the page": DETECTOR in page, "figures": measured}


if __name__ == "__main__":
    if len(sys.argv) > 1:
        told = main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory(prefix="zhenwei-added-") as scratch:
            told = main(Path(scratch))
    sys.stdout.write(json.dumps(told, indent=2) + "\n")
