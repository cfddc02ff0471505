"""What augmentation is worth where pictures are few: a small StyleGAN learns from 200 real faces of 32 px.

``python benchmarks/gan_few_pictures.py train FACES.npz AUGMENT SEED STEPS OUT.json`` trains one and measures it every
thousand steps against held-out faces that none of the runs learns from; FACES.npz is of ``benchmarks/gan_zoo.py pack
--side 32``. ``... gather FOLDER docs/lecture/few_pictures.json`` joins what runs wrote.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from zhenwei.forge.gan import measure, runs, samples
from zhenwei.forge.gan.faces import Faces
from zhenwei.forge.gan.loop import Run, Step
from zhenwei.forge.gan.settings import AUGMENTS, Settings

FEW, SAMPLES, EVERY, WIDTH = 200, 459, 1000, 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = parser.add_subparsers(dest="part", required=True)
    train = parts.add_parser("train")
    train.add_argument("faces", type=Path)
    train.add_argument("augment", choices=AUGMENTS)
    train.add_argument("seed", type=int)
    train.add_argument("steps", type=int)
    train.add_argument("out", type=Path)
    join = parts.add_parser("gather")
    join.add_argument("folder", type=Path)
    join.add_argument("out", type=Path)
    given = parser.parse_args()
    if given.part == "gather":
        gather(given.folder, given.out)
    else:
        found = run(given.faces, given.augment, given.seed, given.steps)
        given.out.write_text(json.dumps(found) + "\n", "utf-8")


def run(faces: Path, augment: Any, seed: int, steps: int) -> dict[str, Any]:
    """One run's figures: kernel distance, how sure the critic was of the reals, and its augmentation, by step."""
    torch.set_num_threads(1)
    with np.load(faces) as found:
        few = found["training"][np.random.default_rng(0).choice(len(found["training"]), FEW, replace=False)]
        held = measure.features(found["held_out"])
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    settings = Settings("stylegan", few.shape[1], WIDTH, 128, seed=seed, ema=0.998, augment=augment)
    noise = samples.noise_for(SAMPLES, settings.noise, 1)
    rows: list[dict[str, float]] = []

    def tell(step: Step, now: Run) -> None:
        if step.step % EVERY == 0 or step.step == steps:
            made = measure.features(samples.imagine(runs.generator_of(now), noise))
            far = measure.kernel_distance(made, held)
            logged = (now.rows or [])[-200:]
            sure, share = (float(np.mean([row[name] for row in logged])) for name in ("sure", "share"))
            rows.append({"step": step.step, "kid": far.value, "deviation": far.deviation, "sure": sure, "share": share})
            print(augment, seed, rows[-1], flush=True)

    runs.learn(settings, Faces(few, "few"), steps, device=device, tell=tell)
    return {"augment": augment, "seed": seed, "batch": settings.batch, "rows": rows}


def gather(folder: Path, out: Path) -> None:
    found = [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("few-*.json"))]
    told = {
        "data": f"{FEW} real faces of 32 px, of the zoo's training part; {SAMPLES} samples beside as many held out",
        "network": f"StyleGAN, width {WIDTH}",
        "features": measure.FEATURES,
        "runs": found,
    }
    out.write_text(json.dumps(told, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
