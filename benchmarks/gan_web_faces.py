"""The zoo's generators on thousands of web faces: how near do they come, and does more of them show?

``python -m benchmarks.gan_web_faces pack FOLDER FACES.npz`` cuts the faces of ``found.csv`` in FOLDER (of
``shared/tools/gather.py``; research use, none is kept here) to 64 px, every twelfth held out; ``... train KIND SEED
STEPS FACES.npz OUT.json`` learns at 32 or 64 px with the zoo's settings and measures against those held out, after the
first step and every 250; what was measured is kept if a run is cut off. ``... gather RUNS FACES.npz
docs/lecture/web_faces.json`` joins the runs, with the zoo's own models and real faces against the same held-out ones.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from benchmarks.gan_few_pictures import halved
from benchmarks.gan_zoo import settings_of
from docs.lecture import measure

from zhenwei import media
from zhenwei.faces import detect
from zhenwei.forge.adversarial import GameProgress
from zhenwei.forge.animate.clips import cut, framing
from zhenwei.forge.gan import runs, samples, zoo
from zhenwei.forge.gan.faces import TrainingFaces
from zhenwei.forge.gan.gan_settings import CRITIC_STEPS
from zhenwei.trainer.run import Run
from zhenwei.types import Pixels

METHOD, SIDE, HELD_OUT, SAMPLES, EVERY, SEED = "MTFL net_7876 web faces", 64, 12, 500, 250, 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = parser.add_subparsers(dest="part", required=True)
    pack_ = parts.add_parser("pack")
    pack_.add_argument("folder", type=Path)
    pack_.add_argument("faces", type=Path)
    train = parts.add_parser("train")
    train.add_argument("kind", choices=sorted(CRITIC_STEPS))
    train.add_argument("seed", type=int)
    train.add_argument("steps", type=int)
    train.add_argument("faces", type=Path)
    train.add_argument("out", type=Path)
    train.add_argument("--side", type=int, choices=(32, 64), default=64)
    train.add_argument("--batch", type=int, default=64)
    join = parts.add_parser("gather")
    join.add_argument("folder", type=Path)
    join.add_argument("faces", type=Path)
    join.add_argument("out", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.part == "pack":
        pack(given.folder, given.faces)
    elif given.part == "train":
        run(given.kind, given.seed, given.steps, given.faces, given.out, given.side, given.batch)
    else:
        gather(given.folder, given.faces, given.out)


def pack(folder: Path, faces: Path) -> None:
    """The largest face of each picture in the window that motion is learned in, but for those that it would enlarge."""
    learned, held = list[Pixels](), list[Pixels]()
    with (folder / "found.csv").open(encoding="utf-8") as table:
        rows = [row for row in csv.DictReader(table) if row["method"] == METHOD]
    for number, row in enumerate(rows):
        pixels = media.read_image(media.open_media(folder / row["path"])).pixels
        found = [face for face in detect(pixels) if face.landmarks is not None]
        if found:
            points = np.asarray(max(found, key=lambda face: face.box.area).landmarks, np.float32)
            matrix = framing(points, SIDE)
            if matrix[0, 0] <= 1:
                (held if number % HELD_OUT == 0 else learned).append(cut(pixels, matrix, SIDE))
        if number % 500 == 0:
            say(f"{number} of {len(rows)} pictures, {len(learned)} and {len(held)} faces")
    np.savez_compressed(faces, training=np.stack(learned), held_out=np.stack(held))


def run(kind: str, seed: int, steps: int, faces: Path, out: Path, side: int, batch: int) -> None:
    """Kernel distance of 500 samples from the faces held out, by step."""
    training, held = opened(faces, side)
    settings = replace(settings_of(kind, side, seed), batch=batch, augment="none")
    noise, far = samples.noise_for(SAMPLES, settings.noise, SEED), measure.features(held)
    rows: list[dict[str, float]] = []

    def measured(step: int, made: Pixels) -> None:
        found = measure.kernel_distance(measure.features(made), far)
        rows.append({"step": step, "kid": found.value, "deviation": found.deviation})
        say(f"{kind} {side} px, seed {seed}: {rows[-1]}")
        told = {"kind": kind, "side": side, "seed": seed, "batch": batch, "n": len(training), "rows": rows}
        out.write_text(json.dumps(told) + "\n", "utf-8")

    def tell(progress: GameProgress, now: Run) -> None:
        if progress.step % EVERY == 0 or progress.step in (1, steps):
            measured(progress.step, samples.imagine(runs.generator_of(now), noise))

    runs.learn(settings, TrainingFaces(training, "web"), steps, device=torch.device("cpu"), tell=tell)


def opened(faces: Path, side: int) -> tuple[Pixels, Pixels]:
    with np.load(faces) as found:
        parts = [found["training"], found["held_out"]]
    training, held = parts if side == SIDE else map(halved, parts)
    return training, held


def gather(folder: Path, faces: Path, out: Path) -> None:
    found = [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))]
    told: dict[str, Any] = {
        "features": measure.FEATURES,
        "samples": SAMPLES,
        "runs": found,
        "real": {},
        "zoo": {},
        "sides": {},
    }
    for side in (32, SIDE):
        training, held = opened(faces, side)
        some = training[np.random.default_rng(SEED).choice(len(training), len(held), replace=False)]
        far = measure.features(held)
        told["real"][side] = measure.kernel_distance(measure.features(some), far).value
        for name, entry in zoo.entries().items():
            if entry.side == side:
                made = samples.imagine(zoo.open_generator(name), samples.noise_for(SAMPLES, entry.noise, SEED))
                told["sides"][name] = side
                told["zoo"][name] = measure.kernel_distance(measure.features(made), far).value
        told["held_out"] = len(held)
    out.write_text(json.dumps(told, indent=1) + "\n", "utf-8")


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
