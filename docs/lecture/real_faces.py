"""The autoencoder swap on real faces: figures only, no picture of anybody is kept in the repository.

    nice .venv/bin/python docs/lecture/real_faces.py --work runs/real_faces --steps 5000 --pairs 2 --seeds 0 1

Takes the identities with the most genuine crops in ``dfdc-faces.csv`` (actors who were paid and consented to the making
of forgeries: B. Dolhansky et al., "The DeepFake Detection Challenge Dataset", 2020), two by two; writes their crops and
a consent manifest into the work folder; prepares and trains through the workflow of ``zhenwei forge swap``, which goes
on where it was cut; and measures how near the swaps of the held-out faces, each of another recording than those that
were learned from, are to either person. Writes ``real_faces.json`` beside this file.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import io
import json
import sys
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from docs.lecture.pages import data_folder  # noqa: E402

from zhenwei.forge import consent as manifests  # noqa: E402
from zhenwei.forge.export import Door, open_door  # noqa: E402
from zhenwei.forge.swap import checkpoint, score, train  # noqa: E402
from zhenwei.forge.swap.learn import swap_faces  # noqa: E402
from zhenwei.forge.swap.prepare import Prepared, cut_faces, prepare  # noqa: E402
from zhenwei.forge.swap.settings import Settings  # noqa: E402
from zhenwei.nets.swap import Side, SwapNet  # noqa: E402
from zhenwei.types import Pixels  # noqa: E402

SIZE, HELD, OTHERS, LEARNED_PEOPLE, EMBEDDING_STEPS = 64, 10, 150, 120, 1500
CPU = torch.device("cpu")
TODAY = datetime.datetime.now(datetime.UTC).date()
WAYS: tuple[tuple[str, Side, Side], ...] = (("a_to_b", "a", "b"), ("b_to_a", "b", "a"))
EVIDENCE = "DFDC: paid actors who agreed to the making of forgeries (Dolhansky et al., 2020, section 3)"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "real_faces", help="crops, manifests, runs")
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--pairs", type=int, default=2)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--output", type=Path, default=Path(__file__).with_suffix(".json"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    folder = data_folder()
    if folder is None:
        sys.stderr.write("The shared data are not here.\n")
        return 1
    names = identities(folder)
    embed, told = embedding(folder, names[2 * options.pairs :][:OTHERS], options.work)
    found: dict[str, Any] = {
        "data": f"dfdc-faces.zip, genuine crops of {2 * options.pairs} identities, {SIZE} px, one crop a recording",
        "embedding": told,
        "runs": [],
    }
    for number in range(options.pairs):
        who = names[2 * number : 2 * number + 2]
        a, b, manifest = people(folder, who, options.work / f"pair-{number}")
        for seed in options.seeds:
            place = options.work / f"pair-{number}" / f"run-{seed}"
            found["runs"].append({"pair": number, **run(a, b, manifest, place, seed, options.steps, embed)})
            options.output.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0


def run(
    a: Prepared, b: Prepared, consent: manifests.Consent, place: Path, seed: int, steps: int, embed: score.Embedder
) -> dict[str, Any]:
    """One seed: train to the end, then measure beside the network at its start."""
    settings = Settings(SIZE, 32, 16, steps, 3e-4, held_out=HELD, check_every=500, seed=seed)
    pair = train.split(a.faces, b.faces, settings)
    before = measure(checkpoint.fresh(settings, CPU).net, pair, embed)

    def tell(progress: train.Progress) -> None:
        if progress.step % 500 == 0:
            say(f"{place}: step {progress.step} of {steps}; {progress.trend}")

    with a_door() as door:
        last = train.train(
            a, b, settings, place, consent=consent, today=TODAY, door=door, device=CPU, tell=tell, embed=embed
        )
    state, _ = checkpoint.restore(last, consent.sha256, CPU)
    shown = {"width": settings.width, "batch": settings.batch, "rate": settings.rate, "loss": settings.loss}
    after = measure(state.net, pair, embed)
    say(f"{place}: {after['gain']}")
    counts = {"learned_from": [len(pair.a), len(pair.b)], "held_out": [len(pair.held_a), len(pair.held_b)]}
    return {"seed": seed, "steps": state.step, "settings": shown, **counts, "before": before, "after": after}


def measure(net: SwapNet, pair: train.Pair, embed: score.Embedder) -> dict[str, Any]:
    """Distances are 1 - cosine, of swaps of held-out faces, by way and both ways pooled."""
    ways, gains = {}, []
    for name, here, there in WAYS:
        ways[name], gain = one_way(net, pair, here, there, embed)
        gains.append(gain)
    pooled = np.concatenate(gains)
    l1, alike = train.reconstruct(net, pair, CPU)
    return {
        "gain": asdict(score.interval(pooled)),
        "nearer_to_target": float(np.mean(pooled > 0)),
        "held_out_l1": l1,
        "held_out_ssim": alike,
        "ways": ways,
    }


def one_way(net: SwapNet, pair: train.Pair, here: Side, there: Side, embed: score.Embedder) -> tuple[Any, Any]:
    """Likeness of ``here``'s held-out faces as ``there``, how far they follow the driving faces, and the gains."""
    learned, held = {"a": pair.a, "b": pair.b}, {"a": pair.held_a, "b": pair.held_b}
    driving, target = held[here], held[there]
    made, _ = swap_faces(net, driving.pixels, there, CPU)
    own, _ = swap_faces(net, target.pixels, there, CPU)
    found = score.likeness(made, learned[here].pixels, learned[there].pixels, driving.pixels, target.pixels, embed)
    of_target, of_source = (unit(embed(learned[x].pixels).mean(axis=0)) for x in (there, here))
    vectors, again = embed(made), embed(own)
    follows, n = score.driving_error(made, driving.landmarks)
    turned, _ = score.driving_error(made, np.roll(driving.landmarks, 1, axis=0))
    told = asdict(found) | {
        "own_gain": asdict(score.interval(again @ of_target - again @ of_source)),
        "variety": float(made.astype(float).std(axis=0).mean() / driving.pixels.astype(float).std(axis=0).mean()),
        "landmark_error": follows.mean if follows else None,
        "landmark_error_of_another": turned.mean if turned else None,
        "faces_found": n,
    }
    return told, vectors @ of_target - vectors @ of_source


def people(folder: Path, who: list[str], work: Path) -> tuple[Prepared, Prepared, manifests.Consent]:
    """Crops of two identities in ``work``, the manifest that covers them, and both prepared."""
    entries, found = [], []
    manifest = work / "consent.json"
    rows = genuine(folder)
    with zipfile.ZipFile(folder / "dfdc-faces.zip") as archive:
        for name in who:
            place = work / f"person-{name}"
            place.mkdir(parents=True, exist_ok=True)
            for path in rows[name]:
                (place / Path(path).name).write_bytes(archive.read(path))
            entries.append(
                manifests.describe_folder(
                    place, manifest, name, basis="licensed data set", evidence=EVIDENCE, scope="face", expires=None
                )
            )
    consent = manifests.make_consent(entries)
    manifests.write_consent(consent, manifest)
    for name in who:
        sources = sorted((work / f"person-{name}").glob("*.jpg"))
        found.append(prepare(sources, name, work / f"faces-{name}", SIZE)[0])
    return found[0], found[1], consent


def embedding(folder: Path, names: list[str], work: Path) -> tuple[score.Embedder, dict[str, Any]]:
    """Trained on identities that are not swapped, and its AUC on some more; kept in ``work``."""
    kept = work / "others.npz"
    if not kept.is_file():
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.savez(kept, *others(folder, names))
    with np.load(kept) as file:
        held: list[Pixels] = [file[f"arr_{k}"] for k in range(len(file.files))]
    embed = score.learned(score.train_embedding(held[:LEARNED_PEOPLE], EMBEDDING_STEPS, 0, soft=0.5))
    auc, pairs = score.verification_auc(held[LEARNED_PEOPLE:], embed)
    say(f"embedding: AUC {auc:.3f} on {len(held) - LEARNED_PEOPLE} identities that it never saw, {pairs} pairs")
    return embed, {
        "what": f"small convolutional network, CosFace, {EMBEDDING_STEPS} steps, half of the faces blurred",
        "people": LEARNED_PEOPLE,
        "verification_auc": round(auc, 4),
        "people_of_auc": len(held) - LEARNED_PEOPLE,
        "pairs_of_auc": pairs,
    }


def others(folder: Path, names: list[str]) -> Iterator[Pixels]:
    """Aligned crops of each identity that has four."""
    rows = genuine(folder)
    with zipfile.ZipFile(folder / "dfdc-faces.zip") as archive:
        for name in names:
            crops = []
            for path in rows[name][:14]:
                pixels = np.asarray(Image.open(io.BytesIO(archive.read(path))).convert("RGB"))
                crops += [cut.pixels for cut in cut_faces(pixels, SIZE)]
            if len(crops) >= 4:
                yield np.stack(crops)


def identities(folder: Path) -> list[str]:
    """By the number of their genuine crops."""
    rows = genuine(folder)
    return sorted(rows, key=lambda name: (-len(rows[name]), name))


def genuine(folder: Path) -> dict[str, list[str]]:
    """Paths of genuine crops by identity."""
    found = defaultdict(list)
    with (folder / "dfdc-faces.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["label"] == "real":
                found[row["identity"]].append(row["path"])
    return found


@contextmanager
def a_door() -> Iterator[Door]:
    """Keys made for this run: previews in the work folder are marked like everything that leaves the lab."""
    with tempfile.TemporaryDirectory() as home:
        yield open_door(Path(home), TODAY)


def unit(vector: Any) -> Any:
    return vector / np.linalg.norm(vector)


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
