"""The autoencoder swap on real faces: figures only, no picture of anybody is kept in the repository.

    .venv/bin/python docs/lecture/real_faces.py prepare
    .venv/bin/python docs/lecture/real_faces.py learn     (on a GPU where there is one; no shared data are needed)
    .venv/bin/python docs/lecture/real_faces.py measure

Takes the identities with the most genuine crops in ``dfdc-faces.csv`` (actors who were paid and consented to the making
of forgeries: B. Dolhansky et al., "The DeepFake Detection Challenge Dataset", 2020), two by two; writes their crops and
a consent manifest into the work folder; prepares and learns as ``zhenwei forge swap`` does; and measures how near the
swaps of the held-out faces, each of another recording than those that were learned from, are to either person. Writes
``real_faces.json`` beside this file.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import io
import json
import sys
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from docs.lecture.measure import verification_auc  # noqa: E402
from docs.lecture.pages import data_folder  # noqa: E402

from zhenwei.forge import consent as manifests  # noqa: E402
from zhenwei.forge.swap import checkpoint, score  # noqa: E402
from zhenwei.forge.swap.learn import batches, learn, swap_faces, to_tensor  # noqa: E402
from zhenwei.forge.swap.prepare import cut_faces, prepare  # noqa: E402
from zhenwei.forge.swap.sides import SwapFaces  # noqa: E402
from zhenwei.forge.swap.swap_settings import SwapSettings  # noqa: E402
from zhenwei.nets.swap import Side, SwapNet, ssim  # noqa: E402
from zhenwei.stats.bootstrap import mean_interval  # noqa: E402
from zhenwei.stats.estimate import value_as_mean  # noqa: E402
from zhenwei.types import Pixels  # noqa: E402

SIZE, HELD, OTHERS, LEARNED_PEOPLE, EMBEDDING_STEPS = 64, 10, 150, 120, 1500
PAIRS, SEEDS = 2, (0, 1)
WAYS: tuple[tuple[Side, Side], ...] = (("a", "b"), ("b", "a"))
EVIDENCE = "DFDC: paid actors who agreed to the making of forgeries (Dolhansky et al., 2020, section 3)"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("prepare", "learn", "measure"))
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "real_faces", help="crops, manifests, swaps")
    parser.add_argument("--steps", type=int, default=15_000)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--pairs", type=int, nargs="+", default=range(PAIRS))
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--made", type=Path, help="where learned swaps lie; by default the work folder")
    parser.add_argument("--output", type=Path, default=Path(__file__).with_suffix(".json"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    made = options.made or options.work
    if options.part == "learn":
        for number in options.pairs:
            for seed in options.seeds:
                learn_one(options.work, number, settings_of(options, seed), made)
        return 0
    folder = data_folder()
    if folder is None:
        sys.stderr.write("The shared data are not here.\n")
        return 1
    if options.part == "prepare":
        for number in range(PAIRS):
            people(folder, identities(folder)[2 * number : 2 * number + 2], options.work / f"pair-{number}")
        return 0
    options.output.write_text(json.dumps(measure_all(folder, options, made), indent=1) + "\n", encoding="utf-8")
    return 0


def settings_of(options: Any, seed: int) -> SwapSettings:
    return SwapSettings(SIZE, options.width, 16, options.steps, 2e-4, held_out=HELD, seed=seed)


def pair_of(work: Path, number: int) -> dict[Side, tuple[SwapFaces, SwapFaces]]:
    """By side: faces to learn from, and those kept back."""
    with np.load(work / f"pair-{number}" / "faces.npz") as file:
        one, other = (
            SwapFaces(side, file[f"{side}_pixels"], file[f"{side}_landmarks"], file[f"{side}_masks"])
            for side in ("a", "b")
        )
    return {"a": one.halves(HELD), "b": other.halves(HELD)}


def learn_one(work: Path, number: int, settings: SwapSettings, out: Path) -> None:
    """Learn from one pair, and keep what is made of the held-out faces by the network at its start and at its end."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    pair = pair_of(work, number)
    state = checkpoint.fresh(settings, device)
    kept = {f"before_{k}": v for k, v in made_of(state.net, pair, device).items()}
    while state.step < settings.steps:
        losses = learn(state, batches(pair["a"][0], pair["b"][0], settings, state.step, device), settings)
        if state.step % 500 == 0:
            say(f"pair {number}, seed {settings.seed}: step {state.step}, loss {losses.a:.4f} {losses.b:.4f}")
    kept |= {f"after_{k}": v for k, v in made_of(state.net, pair, device).items()}
    np.savez_compressed(out / f"swaps-{number}-{settings.seed}.npz", **kept)  # type: ignore[arg-type]


def made_of(net: SwapNet, pair: Mapping[Side, tuple[SwapFaces, SwapFaces]], device: torch.device) -> dict[str, Pixels]:
    """Of each side's held-out faces, what either decoder draws."""
    return {
        f"{here}_as_{there}": swap_faces(net, pair[here][1].pixels, there, device)[0] for here in pair for there in pair
    }


def measure_all(folder: Path, options: Any, made: Path) -> dict[str, Any]:
    names = identities(folder)
    embed, told = embedding(folder, names[2 * PAIRS :][:OTHERS], options.work)
    shown = {k: getattr(settings_of(options, 0), k) for k in ("width", "batch", "rate", "loss", "steps")}
    runs = []
    for number in options.pairs:
        pair = pair_of(options.work, number)
        counts = {k: [len(pair["a"][n]), len(pair["b"][n])] for n, k in enumerate(("learned_from", "held_out"))}
        for seed in options.seeds:
            with np.load(made / f"swaps-{number}-{seed}.npz") as file:
                found = {
                    when: measure(
                        {k: file[f"{when}_{k}"] for k in ("a_as_a", "a_as_b", "b_as_a", "b_as_b")}, pair, embed
                    )
                    for when in ("before", "after")
                }
            say(f"pair {number}, seed {seed}: {found['after']['gain']}")
            runs.append({"pair": number, "seed": seed, **counts, **found})
    data = f"dfdc-faces.zip, genuine crops of {2 * PAIRS} identities, {SIZE} px, one crop a recording"
    return {"data": data, "settings": shown, "embedding": told, "runs": runs}


def measure(made: Mapping[str, Pixels], pair: Mapping[Side, tuple[SwapFaces, SwapFaces]], embed: score.Embedder) -> Any:
    """Distances are 1 - cosine, of swaps of held-out faces, by way and both ways pooled."""
    ways, gains, rebuilt = {}, [], []
    for here, there in WAYS:
        ways[f"{here}_to_{there}"], gain = one_way(made, pair, here, there, embed)
        gains.append(gain)
        again, whole = (to_tensor(p, torch.device("cpu")) for p in (made[f"{here}_as_{here}"], pair[here][1].pixels))
        rebuilt.append((float((again - whole).abs().mean()), float(ssim(again, whole).mean())))
    pooled = np.concatenate(gains)
    return {
        "gain": asdict(mean_interval(pooled), dict_factory=value_as_mean),
        "nearer_to_target": float(np.mean(pooled > 0)),
        "held_out_l1": float(np.mean([r[0] for r in rebuilt])),
        "held_out_ssim": float(np.mean([r[1] for r in rebuilt])),
        "ways": ways,
    }


def one_way(
    made: Mapping[str, Pixels],
    pair: Mapping[Side, tuple[SwapFaces, SwapFaces]],
    here: Side,
    there: Side,
    embed: score.Embedder,
) -> tuple[Any, Any]:
    """Likeness of ``here``'s held-out faces as ``there``, how far they follow the driving faces, and the gains."""
    swaps, own = made[f"{here}_as_{there}"], made[f"{there}_as_{there}"]
    (source, driving), (target, wanted) = pair[here], pair[there]
    found = score.likeness(swaps, source.pixels, target.pixels, driving.pixels, wanted.pixels, embed)
    of_target, of_source = (unit(embed(x.pixels).mean(axis=0)) for x in (target, source))
    vectors, again, real = embed(swaps), embed(own), embed(wanted.pixels)
    follows, n = score.driving_error(swaps, driving.landmarks)
    turned, _ = score.driving_error(swaps, np.roll(driving.landmarks, 1, axis=0))
    told = asdict(found, dict_factory=value_as_mean) | {
        "own_gain": asdict(mean_interval(again @ of_target - again @ of_source), dict_factory=value_as_mean),
        "real_gain": asdict(mean_interval(real @ of_target - real @ of_source), dict_factory=value_as_mean),
        "variety": float(swaps.astype(float).std(axis=0).mean() / driving.pixels.astype(float).std(axis=0).mean()),
        "landmark_error": follows.value if follows else None,
        "landmark_error_of_another": turned.value if turned else None,
        "faces_found": n,
    }
    return told, vectors @ of_target - vectors @ of_source


def people(folder: Path, who: list[str], work: Path) -> None:
    """Crops of two identities in ``work``, the manifest that covers them, and both prepared, with its consent."""
    from zhenwei.forge.swap.fitting import check_consent

    entries, today = [], datetime.datetime.now(datetime.UTC).date()
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
    kept: dict[str, Any] = {}
    for side, name in zip(("a", "b"), who, strict=True):
        sources = sorted((work / f"person-{name}").glob("*.jpg"))
        prepared = prepare(sources, name, work / f"faces-{name}", SIZE)[0]
        check_consent(prepared, consent, today)
        kept |= {f"{side}_{what}": getattr(prepared.faces, what) for what in ("pixels", "landmarks", "masks")}
    np.savez_compressed(work / "faces.npz", **kept)


def embedding(folder: Path, names: list[str], work: Path) -> tuple[score.Embedder, dict[str, Any]]:
    """Trained on identities that are not swapped, and its AUC on some more; kept in ``work``."""
    kept = work / "others.npz"
    if not kept.is_file():
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.savez(kept, *others(folder, names))
    with np.load(kept) as file:
        held: list[Pixels] = [file[f"arr_{k}"] for k in range(len(file.files))]
    embed = score.learned(score.train_embedding(held[:LEARNED_PEOPLE], EMBEDDING_STEPS, 0, soft=0.5))
    auc, pairs = verification_auc(held[LEARNED_PEOPLE:], embed)
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


def unit(vector: Any) -> Any:
    return vector / np.linalg.norm(vector)


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
