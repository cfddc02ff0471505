"""What augmentation is worth where pictures are few: a small StyleGAN learns from 40 puppets, or from 200 real faces.

``python -m benchmarks.gan_few_images train puppets AUGMENT SEED STEPS OUT.json`` trains one at 16 px and measures it
every 500 steps against puppets that none of the runs learns from; with FACES.npz, of ``benchmarks.gan_zoo pack``, in
place of ``puppets``, at 32 px on real faces. What was measured is kept if a run is cut off. ``... gather FOLDER
docs/lecture/few_pictures.json`` joins what runs wrote.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from docs.lecture import measure

from zhenwei.forge.adversarial import GameProgress
from zhenwei.forge.gan import runs, samples
from zhenwei.forge.gan.faces import TrainingFaces, puppets
from zhenwei.forge.gan.gan_settings import Augment, GanSettings
from zhenwei.trainer.run import Run
from zhenwei.types import Pixels

SAMPLES, EVERY, LATENT = 400, 500, 64


@dataclass(frozen=True, slots=True)
class Few:
    """``few``: faces to learn from; ``held``: features of others; ``penalty``: weight of R1."""

    words: str
    few: Pixels
    held: measure.Doubles
    width: int
    batch: int
    penalty: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = parser.add_subparsers(dest="part", required=True)
    train = parts.add_parser("train")
    train.add_argument("what", help="puppets, or FACES.npz")
    train.add_argument("augment", choices=get_args(Augment))
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
        run(given.what, given.augment, given.seed, given.steps, given.out)


def run(what: str, augment: Any, seed: int, steps: int, out: Path) -> None:
    """One run's figures: kernel distance, how sure the critic was of the reals, and its augmentation, by step."""
    torch.set_num_threads(1)
    data = puppets_few() if what == "puppets" else real_few(Path(what))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    settings = GanSettings(
        "stylegan", data.few.shape[1], data.width, LATENT, data.batch, seed, 0.998, augment, data.penalty
    )
    noise = samples.noise_for(SAMPLES, LATENT, 1)
    rows: list[dict[str, float]] = []

    def tell(step: GameProgress, now: Run) -> None:
        if step.step % EVERY == 0 or step.step == steps:
            made = measure.features(samples.imagine(runs.generator_of(now), noise))
            far = measure.kernel_distance(made, data.held)
            logged = (now.rows or [])[-200:]
            sure, share = (float(np.mean([row[name] for row in logged])) for name in ("sure", "share"))
            rows.append({"step": step.step, "kid": far.value, "deviation": far.deviation, "sure": sure, "share": share})
            print(augment, seed, rows[-1], flush=True)
            told = {"data": data.words, "augment": augment, "seed": seed, "width": data.width, "batch": data.batch,
                    "penalty": data.penalty, "rows": rows}  # fmt: skip
            out.write_text(json.dumps(told) + "\n", "utf-8")

    runs.learn(settings, TrainingFaces(data.few, what), steps, device=device, tell=tell)


def puppets_few() -> Few:
    """40 puppets of 16 px, and 400 others."""
    pixels = puppets(40 + SAMPLES, 16, 77).pixels
    return Few("40 drawn puppets of 16 px", pixels[:40], measure.features(pixels[40:]), 8, 16, 0.01)


def real_few(faces: Path) -> Few:
    """200 real faces of 32 px, of the zoo's training part, and those that it holds out."""
    with np.load(faces) as found:
        training, held_out = (halved(found[part]) for part in ("training", "held_out"))
    chosen = training[np.random.default_rng(0).choice(len(training), 200, replace=False)]
    return Few("200 real faces of 32 px, of the zoo's training part", chosen, measure.features(held_out), 16, 64, 0.1)


def halved(images: Pixels) -> Pixels:
    """(n, 64, 64, 3) -> (n, 32, 32, 3), by means of four."""
    n, side = images.shape[:2]
    whole = images.reshape(n, side // 2, 2, side // 2, 2, 3).mean((2, 4))
    return np.asarray(whole.round(), np.uint8)


def gather(folder: Path, out: Path) -> None:
    found = [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))]
    told = {"features": measure.FEATURES, "samples": SAMPLES, "runs": found}
    out.write_text(json.dumps(told, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
