"""Trains the generators of the zoo on real faces, and writes what is in ``src/zhenwei/forge/gan/weights``.

``python -m benchmarks.gan_zoo pack FILE`` writes the faces into one file, for a machine that has not the shared data;
``... train KIND SEED SECONDS FOLDER`` trains, or goes on, in FOLDER/KIND-SIDE-SEED, on a GPU where there is one;
``... press FOLDER`` measures all runs there and writes them into the package, beside the models that it has.
Nothing of the pictures is kept; weights are of what was learned from all of them.
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
from docs.lecture import measure
from PIL import Image
from safetensors.torch import save

from zhenwei.forge.gan import runs, samples, zoo
from zhenwei.forge.gan.faces import TrainingFaces
from zhenwei.forge.gan.gan_settings import CRITIC_STEPS, GanSettings, Generator, Kind
from zhenwei.types import Pixels

DATA = Path(__file__).parents[2] / "shared" / "data"
WIDTHS, EMA, SAMPLES, CLOSE = {32: 32, 64: 24}, 0.998, 459, 0.72
WORDS = "real faces: 360 of FFHQ (middle 72 %) and 2000 of DFDC (already cut), training parts"
HELD_WORDS = "70 of FFHQ and 389 of DFDC, validation parts"
Row = Mapping[str, str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = parser.add_subparsers(dest="part", required=True)
    pack = parts.add_parser("pack")
    pack.add_argument("file", type=Path)
    train = parts.add_parser("train")
    train.add_argument("kind", choices=sorted(CRITIC_STEPS))
    train.add_argument("seed", type=int)
    train.add_argument("seconds", type=float)
    train.add_argument("folder", type=Path)
    train.add_argument("--faces", type=Path, help="what `pack` wrote")
    press_ = parts.add_parser("press")
    press_.add_argument("folder", type=Path)
    for one in (pack, train):
        one.add_argument("--side", type=int, choices=sorted(WIDTHS), default=64)
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.part == "pack":
        np.savez_compressed(given.file, training=training(given.side), held_out=held_out(given.side))
    elif given.part == "train":
        pixels = training(given.side) if given.faces is None else packed(given.faces, "training")
        folder = given.folder / f"{given.kind}-{given.side}-{given.seed}"
        learn(settings_of(given.kind, given.side, given.seed), pixels, given.seconds, folder)
    else:
        press(given.folder, zoo.home())


def settings_of(kind: str, side: int, seed: int) -> GanSettings:
    """The zoo's: StyleGAN's critic sees changed pictures, as there are few."""
    style = kind == "stylegan"
    return GanSettings(
        cast("Kind", kind), side, WIDTHS[side], noise=128 if style else 100, seed=seed, ema=EMA,
        augment="ada" if style else "none",
    )  # fmt: skip


def learn(settings: GanSettings, pixels: Pixels, seconds: float, folder: Path) -> None:
    """Steps until the time is over; the number made is told in the zoo."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    until = time.monotonic() + seconds
    run = runs.learn(
        settings, TrainingFaces(pixels, "zoo"), 10**6, folder, device=device, save_every=2000,
        stop=lambda: time.monotonic() > until,
    )  # fmt: skip
    last = run.rows[-1] if run.rows else {}
    print(folder.name, " ".join(f"{name} {value:.3g}" for name, value in last.items()), flush=True)


def packed(file: Path, part: str) -> Pixels:
    with np.load(file) as found:
        return cast("Pixels", found[part])


def pressed(generator: Generator) -> bytes:
    """Safetensors in half precision; counters of batch norm are left out, as nothing reads them."""
    state = generator.state_dict()
    return save({k: v.detach().cpu().half().contiguous() for k, v in state.items() if v.is_floating_point()})


def press(folder: Path, out: Path) -> None:
    """Half floats, digests, and figures measured on the half floats themselves."""
    out.mkdir(exist_ok=True)
    index = json.loads((out / zoo.INDEX).read_text("utf-8")) if (out / zoo.INDEX).exists() else {"models": {}}
    models = index["models"]
    for place in sorted(p for p in folder.iterdir() if p.is_dir()):
        generator, known = runs.open_run(place)
        data = pressed(generator)
        (out / f"{place.name}.safetensors").write_bytes(data)
        models[place.name] = {k: v for k, v in asdict(entry_of(place.name, data, known)).items() if k != "name"}
    index = {"schema": zoo.SCHEMA, "features": measure.FEATURES, "models": dict(sorted(models.items()))}
    (out / zoo.INDEX).write_text(json.dumps(index, indent=1) + "\n", "utf-8")


def entry_of(name: str, data: bytes, known: Mapping[str, object]) -> zoo.Entry:
    """What is told of the generator ``data``, from pictures of its own size."""
    settings = GanSettings(**cast("dict[str, object]", known["settings"]))  # type: ignore[arg-type]
    trained, held = training(settings.side), held_out(settings.side)
    rng = np.random.default_rng(0)
    some = measure.features(trained[rng.choice(len(trained), len(held), replace=False)])
    other = measure.features(held)
    small = zoo.unpacked(data, settings.kind, settings.side, settings.width, settings.noise)
    made = measure.features(samples.imagine(small, samples.noise_for(SAMPLES, settings.noise, 1)))
    far = measure.kernel_distance(made, other)
    return zoo.Entry(
        name=name, kind=settings.kind, side=settings.side, width=settings.width, noise=settings.noise,
        sha256=sha256(data).hexdigest(), data=f"{WORDS}; held out: {HELD_WORDS}", n=len(trained),
        steps=cast("int", known["step"]), seed=settings.seed, kid=round(far.value, 4),
        kid_deviation=round(far.deviation, 4), kid_n=far.n,
        kid_real=round(measure.kernel_distance(some, other).value, 4),
        memorised=round(measure.memorised(made, some, other), 3),
    )  # fmt: skip


def training(side: int) -> Pixels:
    photos = _grab("photos", lambda r: (r["label"], r["source"], r["split"]) == ("real", "ffhq", "train"), CLOSE, side)
    return np.concatenate(
        [photos, _grab("dfdc-faces", lambda r: (r["label"], r["split"]) == ("real", "train"), 1.0, side)]
    )


def held_out(side: int) -> Pixels:
    photos = _grab("photos", lambda r: (r["label"], r["source"]) == ("real", "ffhq-val"), CLOSE, side)
    cut = _grab("dfdc-faces", lambda r: (r["label"], r["split"]) == ("real", "val"), 1.0, side)
    return np.concatenate([photos, cut[:389]])


def _grab(name: str, wanted: Callable[[Row], bool], close: float, side: int) -> Pixels:
    """Square middles of the first 2000 pictures that are wanted; ``close``: share of the edge that is kept."""
    found = []
    with (DATA / f"{name}.csv").open(newline="") as table, zipfile.ZipFile(DATA / f"{name}.zip") as images:
        for row in [row for row in csv.DictReader(table) if wanted(row)][:2000]:
            image = Image.open(io.BytesIO(images.read(row["path"]))).convert("RGB")
            half, x, y = min(image.size) * close / 2, image.width / 2, image.height / 2
            middle = image.crop((int(x - half), int(y - half), int(x + half), int(y + half)))
            found.append(np.asarray(middle.resize((side, side), Image.Resampling.LANCZOS)))
    return np.stack(found)


if __name__ == "__main__":
    main()
