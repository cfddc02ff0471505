"""Trains the generators of the zoo on real faces, and writes what is in ``src/zhenwei/forge/gan/weights``.

``python benchmarks/gan_zoo.py train KIND SEED SECONDS FOLDER`` trains, or goes on, in FOLDER/KIND-SEED;
``python benchmarks/gan_zoo.py press FOLDER`` measures all runs there and writes them into the package.
Needs the shared data. Nothing of the pictures is kept; weights are of what was learned from all of them.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import cast

import numpy as np
import torch
from PIL import Image

from zhenwei.forge.gan import dcgan, measure, zoo
from zhenwei.types import Pixels

DATA = Path(__file__).parents[2] / "shared" / "data"
SIDE, WIDTH, SAMPLES, CLOSE = 32, 32, 459, 0.72
WORDS = "real faces: 360 of FFHQ (middle 72 %) and 2000 of DFDC (already cut), training parts"
HELD_WORDS = "70 of FFHQ and 389 of DFDC, validation parts"
Row = Mapping[str, str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parts = parser.add_subparsers(dest="part", required=True)
    train = parts.add_parser("train")
    train.add_argument("kind", choices=sorted(dcgan.CRITIC_STEPS))
    train.add_argument("seed", type=int)
    train.add_argument("seconds", type=float)
    train.add_argument("folder", type=Path)
    parts.add_parser("press").add_argument("folder", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.part == "train":
        learn(given.kind, given.seed, given.seconds, given.folder / f"{given.kind}-{given.seed}")
    else:
        press(given.folder, zoo.home())


def learn(kind: str, seed: int, seconds: float, folder: Path) -> None:
    """Steps until the time is over; the number made is told in the zoo."""
    faces = dcgan.Faces(training(), "zoo")
    settings = dcgan.Settings(cast("dcgan.Kind", kind), SIDE, WIDTH, seed=seed)
    until = time.monotonic() + seconds
    dcgan.learn(
        settings, faces, 10**6, folder, device=torch.device("cpu"), stop=lambda: time.monotonic() > until
    )  # fmt: skip


def press(folder: Path, out: Path) -> None:
    """Half floats, digests, and figures measured on the half floats themselves."""
    trained, held = training(), held_out()
    rng = np.random.default_rng(0)
    some = measure.features(trained[rng.choice(len(trained), len(held), replace=False)])
    other = measure.features(held)
    floor = measure.kernel_distance(some, other).value
    models = {}
    for place in sorted(p for p in folder.iterdir() if p.is_dir()):
        generator, known = dcgan.open_run(place)
        settings = known["settings"]
        data = zoo.packed(generator)
        small = zoo.unpacked(data, settings["side"], settings["width"], settings["noise"])
        made = measure.features(dcgan.imagine(small, dcgan.noise_for(SAMPLES, settings["noise"], 1)))
        far = measure.kernel_distance(made, other)
        entry = zoo.Entry(
            name=place.name, kind=settings["kind"], side=settings["side"], width=settings["width"],
            noise=settings["noise"], sha256=sha256(data).hexdigest(), data=f"{WORDS}; held out: {HELD_WORDS}",
            n=len(trained), steps=known["step"], seed=settings["seed"], kid=round(far.value, 4),
            kid_deviation=round(far.deviation, 4), kid_n=far.n, kid_real=round(floor, 4),
            memorised=round(measure.memorised(made, some, other), 3),
        )  # fmt: skip
        out.mkdir(exist_ok=True)
        (out / f"{place.name}.safetensors").write_bytes(data)
        models[place.name] = {k: v for k, v in asdict(entry).items() if k != "name"}
    index = {"schema": zoo.SCHEMA, "features": measure.FEATURES, "models": models}
    (out / zoo.INDEX).write_text(json.dumps(index, indent=1) + "\n", "utf-8")


def training() -> Pixels:
    photos = _grab("photos", lambda r: (r["label"], r["source"], r["split"]) == ("real", "ffhq", "train"), CLOSE)
    return np.concatenate([photos, _grab("dfdc-faces", lambda r: (r["label"], r["split"]) == ("real", "train"), 1.0)])


def held_out() -> Pixels:
    photos = _grab("photos", lambda r: (r["label"], r["source"]) == ("real", "ffhq-val"), CLOSE)
    cut = _grab("dfdc-faces", lambda r: (r["label"], r["split"]) == ("real", "val"), 1.0)
    return np.concatenate([photos, cut[:389]])


def _grab(name: str, wanted: Callable[[Row], bool], close: float) -> Pixels:
    """Square middles of the first 2000 pictures that are wanted; ``close``: share of the edge that is kept."""
    found = []
    with (DATA / f"{name}.csv").open(newline="") as table, zipfile.ZipFile(DATA / f"{name}.zip") as pictures:
        for row in [row for row in csv.DictReader(table) if wanted(row)][:2000]:
            image = Image.open(io.BytesIO(pictures.read(row["path"]))).convert("RGB")
            half, x, y = min(image.size) * close / 2, image.width / 2, image.height / 2
            middle = image.crop((int(x - half), int(y - half), int(x + half), int(y + half)))
            found.append(np.asarray(middle.resize((SIDE, SIDE), Image.Resampling.LANCZOS)))
    return np.stack(found)


if __name__ == "__main__":
    main()
