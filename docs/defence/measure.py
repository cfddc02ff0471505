"""Measures the watermarks and writes their page: ``scripts/defence --data FOLDER``.

FOLDER is the project's shared data (photos.zip, dfdc-faces.zip, speech.zip, camera-originals.zip). ``--clean N`` sets
how many pictures without a mark are asked on the plain grid, ``--searched N`` how many with the whole search, by
default 40,000 and 3,000 (a quarter of an hour on one core); ``--clean 0`` keeps the last counts.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import soundfile
import torch
from PIL import Image

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from docs.defence.attacks import IMAGES, WAVEFORMS  # noqa: E402

from zhenwei import faces  # noqa: E402
from zhenwei.defence import watermark  # noqa: E402
from zhenwei.defence.watermark.carrier import canonical, coefficients, layout, projections, whitened  # noqa: E402
from zhenwei.defence.watermark.code import coded_length, decode  # noqa: E402
from zhenwei.forge.puppet import ANNA, BRUNO, portraits  # noqa: E402
from zhenwei.forge.swap.convert import Swapper, swap_image  # noqa: E402
from zhenwei.forge.swap.sides import of_portraits  # noqa: E402
from zhenwei.forge.swap.swap_settings import SwapSettings  # noqa: E402
from zhenwei.forge.synthesis import mesh_swap  # noqa: E402
from zhenwei.stats.bootstrap import mean_interval  # noqa: E402
from zhenwei.stats.intervals import rate_interval  # noqa: E402
from zhenwei.training.cloak import learned_swap  # noqa: E402
from zhenwei.types import Floats, Frame, Pixels  # noqa: E402

HERE = Path(__file__).parent
RESULTS, PAGE = HERE / "watermarks.json", HERE / "watermarks.md"
SEED = 20261127
_IMAGES, _WAVEFORMS, _SWAPS = 100, 60, 40
_BITS = coded_length(watermark.ID_BYTES, 24)
Row = dict[str, Any]


def main() -> None:
    given = _arguments()
    kept = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    results: Row = {"seed": SEED, "schema": "zhenwei.watermarks/1", "clean": kept.get("clean")}
    results["others"] = kept.get("others")
    images = list(_photographs(given.data, _IMAGES))
    _say(f"{len(images)} pictures")
    results["picture"] = image_table(images)
    results["swaps"] = swap_rows(given.data)
    results["sound"] = audio_table(list(_voices(given.data, _WAVEFORMS)))
    if given.clean:
        results["clean"] = clean(given.data, given.clean, given.searched)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(results), encoding="utf-8")


def image_table(images: list[Pixels]) -> Row:
    marked = []
    psnr, ssim = [], []
    for number, pixels in enumerate(images):
        ident, key = _chosen(number)
        made = watermark.mark_image(pixels, ident, key)
        marked.append((made, ident, key))
        psnr.append(_psnr(pixels, made))
        ssim.append(_ssim(pixels, made))
    rows = []
    for name, attack in IMAGES.items():
        found, bits, intact = [], [], []
        for number, (made, ident, key) in enumerate(marked):
            seen = attack(made, images[number - 1])
            mark = watermark.read_image(seen, key)
            found.append(mark is not None and mark.ident == ident)
            bits.append(_bits(mark.ident if mark else _guess(seen, key), ident))
            intact.append(mark.intact if mark else None)
        rows.append(_row(name, found, bits) | {"told": _told(intact)})
        _say(f"{name}: found {rows[-1]['found']:.3f}, bits {rows[-1]['bits']:.4f}")
    levels = {"psnr_db": _spread(psnr), "ssim": _spread(ssim)}
    return {"n": len(images), "rows": rows, **levels}


def swap_rows(data: Path) -> list[Row]:
    """Our own swaps on marked photographs: the source is still found, and the face is told to be replaced."""
    sitters = list(_sitters(data))
    return [
        _swap_row("mesh swap", [one for one, _ in sitters], _meshed(sitters)),
        _swap_row("autoencoder swap", [one for one, _ in sitters], _decoded_by(_puppet_swapper())),
    ]


Sitting = tuple[Pixels, Floats]
Swap = Callable[[int, Pixels], tuple[Pixels, Floats] | None]


def _swap_row(name: str, images: list[Pixels], swap: Swap) -> Row:
    found, bits, intact, overlap = [], [], [], []
    for number, pixels in enumerate(images[:-1]):
        ident, key = _chosen(number)
        swapped = swap(number, watermark.mark_image(pixels, ident, key))
        if swapped is None:
            continue
        seen, mask = swapped
        mark = watermark.read_image(seen, key)
        found.append(mark is not None and mark.ident == ident)
        bits.append(_bits(mark.ident if mark else _guess(seen, key), ident))
        intact.append(mark.intact if mark else None)
        if mark is not None and mark.altered is not None and mark.altered.any():
            truth = cv2.resize(mask, (16, 16), interpolation=cv2.INTER_AREA) > 0.5
            overlap.append(float((mark.altered & truth).sum() / max(1, (mark.altered | truth).sum())))
    row = _row(name, found, bits) | {"told": _told(intact)}
    return row | {"iou": float(np.mean(overlap)) if overlap else None, "iou_n": len(overlap)}


def _sitters(data: Path) -> Iterator[Sitting]:
    given = 0
    for pixels in _photographs(data, 4 * _SWAPS):
        seen = [f for t in faces.find_people([Frame(0, 0.0, pixels)]) for f in t.faces if f.landmarks is not None]
        if seen and given <= _SWAPS:
            given += 1
            yield pixels, np.asarray(seen[0].landmarks, np.float32)


def _meshed(sitters: list[Sitting]) -> Swap:
    def swap(number: int, marked: Pixels) -> tuple[Pixels, Floats]:
        donor, theirs = sitters[number + 1]
        made = mesh_swap(marked, sitters[number][1], donor, theirs, np.random.default_rng(number))
        return made.pixels, made.mask

    return swap


def _puppet_swapper() -> Swapper:
    """A swap that learned two drawn puppets, nobody's faces: what matters here is that it draws the face anew."""
    settings = SwapSettings(size=64, width=16, batch=8, steps=250, rate=1e-3, held_out=4, seed=SEED % 1000)
    drawn = [of_portraits(n, portraits(p, 40, 64, k)) for k, (n, p) in enumerate((("a", ANNA), ("b", BRUNO)))]
    return Swapper(
        learned_swap(drawn[0], drawn[1], settings), settings, "", ("a", "b"), settings.steps, torch.device("cpu")
    )


def _decoded_by(swapper: Swapper) -> Swap:
    def swap(_: int, marked: Pixels) -> tuple[Pixels, Floats] | None:
        made = swap_image(swapper, marked, "a-to-b", "reinhard", "feather")
        return None if made is None else (made.pixels, made.mask)

    return swap


def audio_table(voices: list[Floats]) -> Row:
    marked, ratio = [], []
    for number, samples in enumerate(voices):
        ident, key = _chosen(number)
        made = watermark.mark_audio(samples, 16_000, ident[:2], key)
        marked.append((made, ident[:2], key))
        ratio.append(10 * float(np.log10((samples**2).mean() / ((made - samples) ** 2).mean())))
    rows = []
    for name, attack in WAVEFORMS.items():
        found = []
        for made, ident, key in marked:
            mark = watermark.read_audio(attack(made, 16_000), 16_000, key)
            found.append(mark is not None and mark.ident == ident)
        rows.append(_row(name, found, []))
        _say(f"sound, {name}: found {rows[-1]['found']:.3f}")
    seconds = [samples.shape[1] / 16_000 for samples in voices]
    asked, alarms = 0, 0
    rng = np.random.default_rng(SEED)
    for samples in voices:
        for _ in range(20):
            asked += 1
            alarms += watermark.read_audio(samples, 16_000, rng.bytes(32)) is not None
    return {"n": len(voices), "rows": rows, "snr_db": _spread(ratio), "seconds": _spread(seconds),
            "clean": {"n": asked, "alarms": alarms}}  # fmt: skip


def clean(data: Path, count: int, searched: int) -> Row:
    """Crops, mirrored or not and of any scale, of pictures without a mark, each asked for another key: ``count`` on the
    plain and the mirrored grid, and ``searched`` others with the whole search for a grid, which takes long."""
    rng = np.random.default_rng(SEED)
    sources = list(_everything(data))
    rows = []
    for asked, search in ((count, False), (searched, True)):
        alarms = 0
        for number in range(asked):
            pixels = sources[number % len(sources)]
            height, width = pixels.shape[:2]
            share = float(rng.uniform(0.5, 1.0))
            tall, wide = round(height * share), round(width * share)
            top, left = int(rng.integers(height - tall + 1)), int(rng.integers(width - wide + 1))
            crop = np.ascontiguousarray(pixels[top : top + tall, left : left + wide, :])
            alarms += watermark.read_image(crop, rng.bytes(32), search=search) is not None
            if number % 500 == 499:
                _say(f"clean: {number + 1} asked, {alarms} alarms")
        bound = rate_interval(alarms, asked).high if alarms else 1 - 0.025 ** (1 / asked)
        rows.append({"n": asked, "alarms": alarms, "upper": bound})
    return {"pictures": len(sources), **rows[0], "searched": rows[1]}


def _row(name: str, found: list[bool], bits: list[float]) -> Row:
    rate = rate_interval(sum(found), len(found))
    row: Row = {"attack": name, "n": len(found), "found": rate.value, "found_low": rate.low, "found_high": rate.high}
    if bits:
        mean = mean_interval(bits, seed=SEED)  # over pictures
        row |= {"bits": mean.value, "bits_low": mean.low, "bits_high": mean.high}
    return row


def _told(intact: list[bool | None]) -> Row:
    return {"as marked": intact.count(True), "replaced in part": intact.count(False), "cannot tell": intact.count(None)}


def _chosen(number: int) -> tuple[bytes, bytes]:
    rng = np.random.default_rng([SEED, number])
    return rng.bytes(watermark.ID_BYTES), rng.bytes(32)


def _guess(pixels: Pixels, key: bytes) -> bytes:
    """The likeliest identifier on the plain grid where none is found: half of its bits are right by chance."""
    soft = projections(whitened(coefficients(canonical(pixels))), layout(key, _BITS))
    return decode(soft / max(1e-9, float(np.sqrt((soft**2).mean()))), watermark.ID_BYTES, 24)[0]


def _bits(found: bytes, wanted: bytes) -> float:
    one, other = (np.unpackbits(np.frombuffer(x, np.uint8)) for x in (found, wanted))
    return float((one == other).mean())


def _psnr(before: Pixels, after: Pixels) -> float:
    return 10 * float(np.log10(255.0**2 / np.mean((before.astype(np.float64) - after) ** 2)))


def _ssim(before: Pixels, after: Pixels) -> float:
    """Structural similarity of luma, Gaussian window of 1.5 px (Wang et al. 2004)."""
    x, y = (cv2.cvtColor(p, cv2.COLOR_RGB2GRAY).astype(np.float64) for p in (before, after))
    blur: Callable[[Any], Any] = lambda v: cv2.GaussianBlur(v, (11, 11), 1.5)  # noqa: E731
    mx, my = blur(x), blur(y)
    vx, vy, cxy = blur(x * x) - mx**2, blur(y * y) - my**2, blur(x * y) - mx * my
    a, b = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    return float((((2 * mx * my + a) * (2 * cxy + b)) / ((mx**2 + my**2 + a) * (vx + vy + b))).mean())


def _spread(values: list[float]) -> Row:
    return {"mean": float(np.mean(values)), "least": float(np.min(values)), "most": float(np.max(values))}


def _photographs(data: Path, count: int) -> Iterator[Pixels]:
    """Genuine photographs of at least 256 px, spread over the archive."""
    with zipfile.ZipFile(data / "photos.zip") as packed, (data / "photos.csv").open(encoding="utf-8") as text:
        names = [row["path"] for row in csv.DictReader(text) if row["label"] in ("real", "genuine", "0")]
        chosen = np.random.default_rng(SEED).permutation(len(names))
        given = 0
        for index in chosen:
            pixels = _decoded(packed.read(names[int(index)]))
            if min(pixels.shape[:2]) >= 256 and given < count:
                given += 1
                yield pixels


def _everything(data: Path) -> Iterator[Pixels]:
    for name in ("photos.zip", "camera-originals.zip", "dfdc-faces.zip"):
        with zipfile.ZipFile(data / name) as packed:
            members = [m for m in packed.namelist() if m.lower().endswith((".jpg", ".jpeg", ".png"))]
            for member in members[:: max(1, len(members) // 1200)]:
                pixels = _decoded(packed.read(member))
                scale = 1024 / max(pixels.shape[:2])
                if scale < 1:
                    pixels = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(np.uint8)
                if min(pixels.shape[:2]) >= 200:
                    yield pixels


def _decoded(data: bytes) -> Pixels:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


def _voices(data: Path, count: int) -> Iterator[Floats]:
    """Genuine speech of one source each, windows put together to about eight seconds."""
    with zipfile.ZipFile(data / "speech.zip") as packed, (data / "speech.csv").open(encoding="utf-8") as text:
        by_source: dict[str, list[str]] = {}
        for row in csv.DictReader(text):
            if row["label"] == "bonafide":
                by_source.setdefault(row["source"], []).append(row["path"])
        rng = np.random.default_rng(SEED)
        sources = sorted(by_source)
        for number in range(count):
            paths = by_source[sources[number % len(sources)]]
            chosen = rng.choice(paths, min(4, len(paths)), replace=False)
            parts = [soundfile.read(io.BytesIO(packed.read(str(path))), dtype="float32")[0] for path in chosen]
            yield np.concatenate(parts)[None]


def page(results: Row) -> str:
    from docs.defence.words import to_markdown

    return to_markdown(results)


def _arguments() -> Any:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = os.environ.get("ZHENWEI_DATA") or str(ROOT.parent / "shared" / "data")
    parser.add_argument("--data", type=Path, default=Path(default))
    parser.add_argument("--clean", type=int, default=40_000)
    parser.add_argument("--searched", type=int, default=3_000)
    return parser.parse_args()


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
