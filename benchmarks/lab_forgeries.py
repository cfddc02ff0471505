"""How well the detectors find what the lab makes: ``python -m benchmarks.lab_forgeries --data FOLDER``.

Genuine photographs of people and sources that nothing was learned from are forged in this process, one method after
another, with seeds; a forgery and its original go through the same JPEG. Clips with speech are compared with what the
lab makes of one frame of them, through the same H.264. No picture is written. Writes
``docs/held_out/lab_forgeries.json``, which `scripts/docs accuracy` puts on the accuracy page.

--only METHOD    these rows alone; the others stay as the file has them
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from benchmarks.lab_clips import CLIPS, clip_rows
from PIL import Image

from zhenwei import faces
from zhenwei.detectors import build, catalogue
from zhenwei.evaluation import held_out
from zhenwei.evaluation.held_out import HeldOutRow, HeldOutTable
from zhenwei.forge import latent, synthesis
from zhenwei.forge.animate import animated
from zhenwei.forge.animate.learned import rendered, shipped
from zhenwei.forge.synthesis import Forgery
from zhenwei.fusion.verdict import fuse
from zhenwei.types import Evidence, Floats, Frame, Media, Pixels, Subject

SEED = 20261127
UNSEEN = ("attribute", "animated", "rendered")  # the shipped weights never met these; the others on other people
_ALONE = ("cnn.face_forgery", "warp.self_blend", "attention.manipulation_map")
_MORE = ("encoder.animated", "encoder.generated")  # of methods that move or draw a head
_LEFT = ("fingerprint.", "provenance.", "consistency.metadata")  # read no pixels, or answer another question


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    name: str
    pixels: Pixels
    landmarks: Floats


def people(data: Path, count: int) -> Iterator[Person]:
    """Genuine portraits of the validation part."""
    with zipfile.ZipFile(data / "photos.zip") as packed, (data / "photos.csv").open(encoding="utf-8") as text:
        rows = [row for row in csv.DictReader(text) if row["label"] == "real" and row["split"] == "val"]
        given = 0
        for index in np.random.default_rng(SEED).permutation(len(rows)):
            row = rows[int(index)]
            with Image.open(io.BytesIO(packed.read(row["path"]))) as image:
                pixels = np.asarray(image.convert("RGB"))
            found = [f for t in faces.find_people([Frame(0, 0.0, pixels)]) for f in t.faces]
            if found and found[0].landmarks is not None and given < count:
                given += 1
                yield Person(row["path"], pixels, np.asarray(found[0].landmarks, np.float32))


def forged(method: str, one: Person, other: Person, rng: np.random.Generator, weights: Path) -> Forgery:
    if method == "regenerate":
        return synthesis.regenerate(one.pixels, rng)
    if method == "decoded":
        return synthesis.decoded(one.pixels, one.landmarks, rng, latent.opened(weights))
    if method == "rendered":
        return rendered(one.pixels, one.landmarks, rng, shipped())
    if method in ("cross_blend", "mesh_swap", "splice"):
        way = {"cross_blend": synthesis.cross_blend, "mesh_swap": synthesis.mesh_swap, "splice": synthesis.splice}
        return way[method](one.pixels, one.landmarks, other.pixels, other.landmarks, rng)
    return {
        "self_blend": synthesis.self_blend,
        "affine_warp": synthesis.affine_warp,
        "attribute": synthesis.attribute,
        "animated": animated,
    }[method](one.pixels, one.landmarks, rng)


_OLDER = ("self_blend", "affine_warp", "mesh_swap", "cross_blend", "splice", "regenerate", "attribute")
METHODS = (*_OLDER, "animated", "decoded", "rendered")


def sent(pixels: Pixels, quality: int) -> Pixels:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    with Image.open(file) as read:
        return np.asarray(read.convert("RGB"))


def asked(pixels: Pixels, detectors: Sequence[str]) -> tuple[dict[str, float | None], float | None]:
    """What each detector says of the first face, and all of them together."""
    frame = Frame(0, 0.0, np.ascontiguousarray(pixels))
    height, width = pixels.shape[:2]
    media = Media("", "", "image", 0, "jpeg", width=width, height=height)
    tracks = faces.find_people([frame])
    said: list[Evidence] = []
    for name in detectors:
        kind = catalogue()[name]
        track = tracks[0] if tracks and kind.info.level == "person" else None
        if kind.info.level == "person" and track is None:
            continue
        answer = build(name).examine(Subject(media, (frame,), track))
        said.append(Evidence(name, answer.llr, "", finds=kind.info.finds))
    return {e.detector: e.llr for e in said}, fuse(said)


def measure(data: Path, count: int, only: Sequence[str], clips: int, weights: Path) -> HeldOutTable:
    rows = picture_rows(data, count, [method for method in METHODS if method in only], weights)
    rows += clip_rows(data, clips, [method for method in CLIPS if method in only])
    text = (
        "What the lab makes of genuine portraits of the validation part (people that nothing was learned from), one "
        "forgery of each by each method, both through the same JPEG at a quality from 70 to 95; how many are asked "
        "stands in each row. The shipped weights have met every method but attribute edits and heads that were "
        "animated or rendered, on other people; what they are worth on a method that was left out of their training "
        "stands under *Leave one forgery out*. Of clips: genuine ones with speech, up to six seconds, and what is made "
        "of one frame of each - moved like somebody else's clip by a warp or by the learned network of puppets, or "
        "made to say its own sound -, both through the same H.264, by all detectors. Intervals by bootstrap over "
        "people."
    )
    return HeldOutTable(
        detector=held_out.LAB, noun="method: who was asked", text=text, seed=SEED, weights="", rows=tuple(rows)
    )


def with_kept(table: HeldOutTable, path: Path) -> HeldOutTable:
    """``table`` with the rows that ``path`` has of methods which were not asked about now, in the methods' order."""
    if not path.is_file():
        return table
    now = {_method(row.what) for row in table.rows}
    rows = [*(row for row in held_out.load(path).rows if _method(row.what) not in now), *table.rows]
    order = [*METHODS, *CLIPS]
    rows.sort(key=lambda row: order.index(_method(row.what)))
    return table.model_copy(update={"rows": tuple(rows)})


def _method(what: str) -> str:
    return what.split(":")[0].split(",")[0]


def picture_rows(data: Path, count: int, methods: Sequence[str], weights: Path) -> list[HeldOutRow]:
    if not methods:
        return []
    detectors = [n for n, kind in catalogue().items() if "image" in kind.info.takes and not n.startswith(_LEFT)]
    sitters = list(people(data, count))
    answers: dict[str, list[tuple[dict[str, float | None], float | None]]] = {}
    for method in ("genuine", *methods):
        answers[method] = []
        place = ("genuine", *METHODS).index(method) + 1
        for number, one in enumerate(sitters):
            rng = np.random.default_rng([SEED, number, place])
            quality = int(np.random.default_rng([SEED, number]).integers(70, 96))
            pixels = one.pixels
            if method != "genuine":
                pixels = forged(method, one, sitters[number - 1], rng, weights).pixels
            answers[method].append(asked(sent(pixels, quality), detectors))
        sys.stderr.write(f"{method}: {len(sitters)} asked\n")
    rows = []
    groups = [one.name for one in sitters] * 2
    labels = [False] * len(sitters) + [True] * len(sitters)
    for method in methods:
        both = [*answers["genuine"], *answers[method]]
        note = ", never learned from" if method in UNSEEN else ""
        rows.append(held_out.row(f"{method}{note}: all together", labels, [fused for _, fused in both], groups))
        rows += [
            held_out.row(f"{method}: `{name}`", labels, [said.get(name) for said, _ in both], groups)
            for name in (*_ALONE, *(_MORE if method in ("animated", "decoded", "rendered") else ()))
        ]
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder with photos.zip and photos.csv")
    parser.add_argument("--output", type=Path, default=Path("docs/held_out/lab_forgeries.json"))
    parser.add_argument("--people", type=int, default=40)
    parser.add_argument("--clips", type=int, default=10)
    parser.add_argument("--only", nargs="+", choices=(*METHODS, *CLIPS), default=(*METHODS, *CLIPS))
    parser.add_argument("--latents", type=Path, help="the folder with the latent autoencoder's weights", required=True)
    given = parser.parse_args()
    made = measure(given.data, given.people, given.only, given.clips, given.latents)
    held_out.save(with_kept(made, given.output), given.output)


if __name__ == "__main__":
    main()
