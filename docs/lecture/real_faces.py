"""The autoencoder swap on real faces: figures only, no picture of anybody is kept.

    nice .venv/bin/python docs/lecture/real_faces.py --minutes 25 --seeds 0 1

Takes the two identities with the most genuine crops in ``dfdc-faces.csv`` (actors who were paid and consented to the
making of forgeries: B. Dolhansky et al., "The DeepFake Detection Challenge Dataset", 2020), keeps every fourth crop of
each back, trains at 64 px, and measures how near the swaps of the held-out faces are to either person, with an
embedding that was trained on other identities only. Writes ``real_faces.json`` beside this file.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
import time
import zipfile
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from docs.lecture.pages import data_folder  # noqa: E402

from zhenwei.forge.swap import checkpoint, score  # noqa: E402
from zhenwei.forge.swap.learn import batches, learn, swap_faces, to_tensor  # noqa: E402
from zhenwei.forge.swap.prepare import cut_faces  # noqa: E402
from zhenwei.forge.swap.settings import Settings  # noqa: E402
from zhenwei.forge.swap.sides import Faces, oval_mask  # noqa: E402
from zhenwei.nets.swap import ssim  # noqa: E402
from zhenwei.types import Pixels  # noqa: E402

SIZE, OTHERS, LEARNED_PEOPLE, EMBEDDING_STEPS = 64, 150, 120, 1500
CPU = torch.device("cpu")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=25, help="for all seeds together")
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--output", type=Path, default=Path(__file__).with_suffix(".json"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    folder = data_folder()
    if folder is None:
        sys.stderr.write("The shared data are not here.\n")
        return 1
    people = read_people(folder)
    say(f"{len(people)} identities, crops of the first two: {len(people[0])}, {len(people[1])}")
    a, held_a = halves("a", people[0])
    b, held_b = halves("b", people[1])
    others = [np.stack([c[0] for c in crops]) for crops in people[2:]]
    net = score.train_embedding(others[:LEARNED_PEOPLE], EMBEDDING_STEPS, 0)
    embed = score.learned(net)
    auc, pairs = score.verification_auc(others[LEARNED_PEOPLE:], embed)
    say(f"embedding: AUC {auc:.3f} on {len(others) - LEARNED_PEOPLE} identities that it never saw, {pairs} pairs")
    found: dict[str, Any] = {
        "data": "dfdc-faces.zip, genuine crops of the two identities with the most of them, aligned at 64 px",
        "learned_from": [len(a), len(b)],
        "held_out": [len(held_a), len(held_b)],
        "embedding": {
            "what": f"small convolutional network, CosFace, {EMBEDDING_STEPS} steps; seen none of the two",
            "people": LEARNED_PEOPLE,
            "verification_auc": round(auc, 4),
            "people_of_auc": len(others) - LEARNED_PEOPLE,
            "pairs_of_auc": pairs,
        },
        "runs": [],
    }
    for seed in options.seeds:
        found["runs"].append(run(a, b, held_a, held_b, seed, options, embed))
        options.output.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0


def run(a: Faces, b: Faces, held_a: Faces, held_b: Faces, seed: int, options: Any, embed: score.Embedder) -> Any:
    """One seed: train until the steps or the time are used up, then measure."""
    settings = Settings(SIZE, 32, 16, options.steps, 3e-4, seed=seed)
    state = checkpoint.fresh(settings, CPU)
    began, most = time.monotonic(), options.minutes * 60 / len(options.seeds)
    before = measure(state, a, b, held_a, held_b, embed)
    while state.step < settings.steps and time.monotonic() - began < most:
        losses = learn(state, batches(a, b, settings, state.step, CPU), settings)
        if state.step % 500 == 0:
            now = measure(state, a, b, held_a, held_b, embed)
            say(f"seed {seed} step {state.step} loss {losses.a:.4f} {losses.b:.4f} {now['gain']}")
    told = {"width": settings.width, "batch": settings.batch, "rate": settings.rate, "loss": settings.loss}
    minutes = round((time.monotonic() - began) / 60, 1)
    after = measure(state, a, b, held_a, held_b, embed)
    return {"seed": seed, "steps": state.step, "minutes": minutes, "settings": told, "before": before, "after": after}


def measure(state: checkpoint.State, a: Faces, b: Faces, held_a: Faces, held_b: Faces, embed: score.Embedder) -> Any:
    """Distances are 1 - cosine, of swaps of held-out faces, both ways pooled; plus each way's own."""
    ways = {}
    gains, there, here = [], [], []
    for name, source, target, held, other, side in (
        ("a_to_b", a, b, held_a, held_b, "b"),
        ("b_to_a", b, a, held_b, held_a, "a"),
    ):
        made, _ = swap_faces(state.net, held.pixels, side, CPU)  # type: ignore[arg-type]
        found = score.likeness(made, source.pixels, target.pixels, held.pixels, other.pixels, embed)
        ways[name] = asdict(found)
        of_source, of_target = (embed(x.pixels).mean(axis=0) for x in (source, target))
        vectors = embed(made)
        near = vectors @ (of_target / np.linalg.norm(of_target))
        far = vectors @ (of_source / np.linalg.norm(of_source))
        gains.append(near - far)
        there.append(1 - near)
        here.append(1 - far)
    reconstruction = []
    for faces, side in ((held_a, "a"), (held_b, "b")):
        made, _ = swap_faces(state.net, faces.pixels, side, CPU)  # type: ignore[arg-type]
        one, two = to_tensor(made, CPU), to_tensor(faces.pixels, CPU)
        reconstruction.append((float((one - two).abs().mean()), float(ssim(one, two).mean())))
    return {
        "distance_to_target": asdict(score.interval(np.concatenate(there))),
        "distance_to_source": asdict(score.interval(np.concatenate(here))),
        "gain": asdict(score.interval(np.concatenate(gains))),
        "nearer_to_target": float(np.mean(np.concatenate(gains) > 0)),
        "held_out_l1": float(np.mean([r[0] for r in reconstruction])),
        "held_out_ssim": float(np.mean([r[1] for r in reconstruction])),
        "ways": ways,
    }


def read_people(folder: Path) -> list[list[tuple[Pixels, Any]]]:
    """Aligned genuine crops by identity, those with most crops first: the two to be swapped, then the others."""
    by_identity = defaultdict(list)
    with (folder / "dfdc-faces.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["label"] == "real":
                by_identity[row["identity"]].append(row["path"])
    order = sorted(by_identity, key=lambda k: (-len(by_identity[k]), k))[: 2 + OTHERS]
    people = []
    with zipfile.ZipFile(folder / "dfdc-faces.zip") as archive:
        for number, identity in enumerate(order):
            crops = []
            for path in by_identity[identity][: None if number < 2 else 14]:
                pixels = np.asarray(Image.open(io.BytesIO(archive.read(path))).convert("RGB"))
                crops += [(cut.pixels, cut.landmarks) for cut in cut_faces(pixels, SIZE)]
            if len(crops) >= 4:
                people.append(crops)
    return people


def halves(name: str, crops: list[tuple[Pixels, Any]]) -> tuple[Faces, Faces]:
    pixels, points = np.stack([c[0] for c in crops]), np.stack([c[1] for c in crops])
    faces = Faces(name, pixels, points, np.stack([oval_mask(p, SIZE) for p in points]))
    kept = [k for k in range(len(faces)) if k % 4 == 3]
    return faces.part([k for k in range(len(faces)) if k % 4 != 3]), faces.part(kept)


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
