"""A tiny pack of painted faces, and a recipe that a core learns in seconds."""

from __future__ import annotations

import csv
import json
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from zhenwei.testing import face_mesh, portrait
from zhenwei.training.data.encoding import encode
from zhenwei.training.data.pack import COLUMNS, VERSION, Pack
from zhenwei.training.recipe import Recipe
from zhenwei.types import Box, Floats, Pixels

SIDE = 224


@dataclass(frozen=True, slots=True)
class Row:
    """One picture of a pack; ``original`` is the number of the row it was made of."""

    data: bytes
    source: str
    identity: str
    forged: bool = False
    original: int = -1
    split: str = "train"
    landmarks: bool = True


@cache
def person(number: int) -> Pixels:
    """A painted face of a colour of its own, ``(224, 224, 3)``, read-only."""
    tint = np.random.default_rng(number).integers(-40, 40, 3)
    painted = np.clip(portrait(SIDE, SIDE, seed=number).astype(int) + tint, 0, 255).astype(np.uint8)
    painted.flags.writeable = False
    return painted


def tampered(pixels: Pixels) -> Pixels:
    """A square over the middle, well outside what compression does."""
    out = pixels.copy()
    out[70:150, 70:150] = 255 - out[70:150, 70:150]
    return out


def jpeg(pixels: Pixels) -> bytes:
    return encode(pixels, ".jpg", 95)


def points() -> Floats:
    """``(468, 2)`` in [0, 1] of the crop."""
    return face_mesh(Box(0, 0, 1, 1))[:, :2]


def pack_of(rows: list[Row]) -> Pack:
    lost = np.full((468, 2), np.nan, np.float32)
    return Pack(
        data=np.frombuffer(b"".join(r.data for r in rows), np.uint8),
        offsets=np.cumsum([0, *(len(r.data) for r in rows)]).astype(np.int64),
        forged=np.array([r.forged for r in rows], np.bool_),
        original=np.array([r.original for r in rows], np.int64),
        landmarks=np.array([points() if r.landmarks else lost for r in rows], np.float16),
        path=np.array([f"{r.split}/{i}.jpg" for i, r in enumerate(rows)]),
        source=np.array([r.source for r in rows]),
        identity=np.array([r.identity for r in rows]),
        split=np.array([r.split for r in rows]),
        face_px=np.full(len(rows), 180, np.float32),
    )


def tiny_rows(people: int = 10) -> list[Row]:
    return list(_tiny_rows(people))


@cache
def _tiny_rows(people: int) -> list[Row]:
    """Pairs of ``people``, the last one for the test; a few pictures of every other source, and one without a mesh."""
    rows: list[Row] = []
    for number in range(people):
        split, face = "val" if number == people - 1 else "train", person(number)
        rows.append(Row(jpeg(face), "dfdc", str(number), split=split))
        rows.append(Row(jpeg(tampered(face)), "dfdc", str(number), True, len(rows) - 1, split))
    for number in range(4):
        split = "val" if number == 3 else "train"
        rows.append(Row(jpeg(person(100 + number)), "ffhq", f"ffhq/{number}", split=split))
        rows.append(Row(jpeg(person(200 + number)), "stylegan", f"stylegan/{number}", True, split=split))
        rows.append(Row(jpeg(person(300 + number)), "pixabay", f"pixabay/{number}", split=split))
    rows.append(Row(jpeg(person(400)), "dfdc", "nobody", landmarks=False))
    return rows


@cache
def tiny_pack(people: int = 10) -> Pack:
    return pack_of(tiny_rows(people))


def tiny_recipe(**changes: Any) -> Recipe:
    """One pair of each kind at 64 px. A change is a section's dict, laid over the section, or a value."""
    values: dict[str, Any] = {
        "detector": "cnn.face_forgery",
        "seed": 5,
        "backbone": "lite0",
        "size_px": 64,
        "pairs": {"collected": 1, "self_blend": 1, "affine_warp": 1, "generated": 1},
        "augmentation": {},
        "optimiser": {
            "steps": 4,
            "warmup_steps": 1,
            "learning_rate": 1e-3,
            "weight_decay": 0.02,
            "label_smoothing": 0.02,
            "map_weight": 0.5,
            "ema_decay": 0.9,
            "check_every": 2,
            "frozen_stages": 2,
        },
        "genuine_sources": {"dfdc": 0.7, "ffhq": 0.3},
        "held_out_identities": 0.3,
        "held_out_sources": ["pixabay"],
    }
    for name, change in changes.items():
        section = isinstance(change, dict) and name not in ("genuine_sources", "choose")
        values[name] = values[name] | change if section else change
    return Recipe.model_validate(values)


def save(pack: Pack, path: Path) -> Path:
    """As ``zhenwei.training.data.pack`` writes it."""
    columns = {name: getattr(pack, name) for name in COLUMNS}
    np.savez(path, allow_pickle=False, version=np.array(VERSION), **columns)
    return path


def write_table(folder: Path, name: str, rows: list[dict[str, object]], files: dict[str, bytes]) -> None:
    """``name.csv`` and ``name.zip`` as the data folder has them."""
    with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as text:
        writer = csv.DictWriter(text, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    with zipfile.ZipFile(folder / f"{name}.zip", "w") as archive:
        for path, data in files.items():
            archive.writestr(path, data)


def write_recipe(path: Path, recipe: Recipe) -> Path:
    """As TOML; every value of a recipe is a number, a word, a list or a table of those."""
    lines, tables = [], []
    for name, value in recipe.model_dump(mode="json").items():
        if isinstance(value, dict):
            tables += [f"[{name}]", *(f"{key} = {json.dumps(inner)}" for key, inner in value.items())]
        else:
            lines.append(f"{name} = {json.dumps(value)}")
    path.write_text("\n".join([*lines, *tables]) + "\n", encoding="utf-8")
    return path
