"""How good the whole chain is, file in, verdict out: figures with n and interval, in-domain and out-of-domain apart.

A file that gets no LLR is missing, not 0.5: it lowers coverage and enters no other figure. Beside every AUC stands
that of a classifier that sees only how the file is made (size, bytes, quantisation); where that one is above chance,
so much of the AUC may be owed to the data set.
"""

from __future__ import annotations

import csv
import math
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from zhenwei import pipeline
from zhenwei.errors import DataError, MediaError
from zhenwei.evaluation.metrics import (
    Estimate,
    auc,
    bootstrap_interval,
    c_llr,
    expected_calibration_error,
    rate_interval,
)
from zhenwei.evaluation.shortcuts import metadata_probe
from zhenwei.types import Media, Report

SCHEMA = "zhenwei.accuracy/1"


@dataclass(frozen=True, slots=True)
class Item:
    """One file of a set. ``group``: identity, or the file itself; ``domain``: "in" if its source was trained on."""

    archive: Path
    member: str
    set_name: str
    domain: str
    forged: bool
    group: str
    method: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the package said. ``llr`` None = no answer, with ``reason``; ``facts`` feed the metadata probe."""

    item: Item
    llr: float | None
    decision: str
    error: str
    facts: tuple[float, ...]


def items(data: Path) -> Iterator[Item]:
    """The test part of the data folder: ``val`` of dfdc-faces and photos, all clips, all camera originals.

    Raises :class:`DataError` where a file is missing or damaged.
    """
    try:
        yield from _items(data)
    except (KeyError, ValueError, zipfile.BadZipFile) as error:
        got, fix = f"{data}: {error}", "Fetch the data set again."
        raise DataError("the data folder is damaged", got=got, fix=fix) from error


def _items(data: Path) -> Iterator[Item]:
    yield from _faces(data)
    yield from _photos(data)
    yield from _clips(data)
    camera = data / "camera-originals.zip"
    if camera.is_file():
        with zipfile.ZipFile(camera) as archive:
            for name in sorted(n for n in archive.namelist() if not n.endswith("/")):
                yield Item(camera, name, "camera originals", "out", False, name, "")


def _table(data: Path, name: str) -> list[dict[str, str]]:
    path = data / f"{name}.csv"
    if not path.is_file() or not (data / f"{name}.zip").is_file():
        raise DataError("the data folder is incomplete", got=f"no {name}.csv and {name}.zip in {data}")
    with path.open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


def _faces(data: Path) -> Iterator[Item]:
    for row in _table(data, "dfdc-faces"):
        if row["split"] == "val":
            forged, zip_path = row["label"] == "fake", data / "dfdc-faces.zip"
            yield Item(
                zip_path, row["path"], "DFDC faces", "in", forged, row["identity"], "face swap" if forged else ""
            )


_PHOTO_SETS = {
    "ffhq-val": ("FFHQ and StyleGAN", "in"),
    "stylegan-val": ("FFHQ and StyleGAN", "in"),
    "pixabay-val": ("stock portraits", "out"),
}


def _photos(data: Path) -> Iterator[Item]:
    for row in _table(data, "photos"):
        if row["split"] == "val":
            name, domain = _PHOTO_SETS[row["source"]]
            forged = row["label"] == "fake"
            yield Item(data / "photos.zip", row["path"], name, domain, forged, row["path"], row["generator"])


def _clips(data: Path) -> Iterator[Item]:
    for row in _table(data, "clips"):
        forged = row["label"] == "fake"
        yield Item(data / "clips.zip", row["path"], "clips", "out", forged, row["path"], row["method"])


def run(
    chosen: Sequence[Item], scratch: Path, options: pipeline.Options, progress: Callable[[float], None] | None = None
) -> list[Outcome]:
    """Examines every file. ``scratch``: an empty folder for one file at a time."""
    outcomes: list[Outcome] = []
    with ExitStack() as opened:
        archives = {path: opened.enter_context(_archive(path)) for path in dict.fromkeys(i.archive for i in chosen)}
        for number, item in enumerate(chosen):
            if progress:
                progress(number / len(chosen))
            path = scratch / f"file{Path(item.member).suffix}"
            path.write_bytes(_member(archives[item.archive], item.member))
            outcomes.append(_examine(item, path, options))
            path.unlink()
    return outcomes


def _archive(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise DataError(
            "an archive cannot be opened", got=f"{path}: {error}", fix="Fetch the data set again."
        ) from error


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        return archive.read(name)
    except (KeyError, zipfile.BadZipFile, zlib.error) as error:
        got, fix = f"{name} of {archive.filename}: {error}", "Fetch the data set again."
        raise DataError("a file of the data set cannot be read", got=got, fix=fix) from error


def _examine(item: Item, path: Path, options: pipeline.Options) -> Outcome:
    try:
        report = pipeline.examine(path, options=options)
    except MediaError as error:
        said = str(error).replace(str(path), item.member)  # where it lay for the moment is of no interest
        return Outcome(item, None, "unreadable", said, ())
    return Outcome(item, report.verdict.llr, report.verdict.decision, _reason(report), _facts(report.media))


def _reason(report: Report) -> str:
    return "; ".join(sorted({str(e.reason) for e in report.evidence if e.llr is None and e.reason}))


def _facts(media: Media) -> tuple[float, ...]:
    """Size, shape, bytes a pixel and quantisation: what a shortcut would use."""
    width, height = float(media.width or math.nan), float(media.height or math.nan)
    quality = next((v for k, v in media.facts if "quality" in k.lower()), "")
    digits = "".join(c for c in quality if c.isdigit() or c == ".")
    pixels = width * height * (media.frame_count or 1)
    return (
        width,
        height,
        width / height,
        media.size_bytes / pixels,
        float(digits) if digits else math.nan,
        float(media.duration_s or 0),
        float(media.fps or 0),
    )


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one set; None where a figure needs what the set lacks (a class, enough files)."""

    set_name: str
    domain: str
    genuine: int
    forged: int
    coverage: Estimate
    auc: Estimate | None
    metadata_auc: Estimate | None
    false_alarms: Estimate | None
    called_genuine: Estimate | None
    detected: Estimate | None
    missed: Estimate | None
    ece: Estimate | None
    c_llr: Estimate | None


def figures(name: str, domain: str, outcomes: Sequence[Outcome], *, seed: int = 0) -> Figures:
    """Bootstrap intervals are over groups (people where known), rates have Wilson's; 95 % all."""
    said = [o for o in outcomes if o.llr is not None]
    labels = np.array([o.item.forged for o in said])
    llr = np.array([o.llr for o in said], np.float64)
    groups = [o.item.group for o in said]
    both = _fewest_groups(said) >= 2
    area = bootstrap_interval(auc, labels, llr, groups=groups, seed=seed) if both else None
    error = bootstrap_interval(_ece, labels, llr, groups=groups, seed=seed) if both and len(said) >= 100 else None
    cost = bootstrap_interval(c_llr, labels, llr, groups=groups, seed=seed) if both else None
    return Figures(
        name,
        domain,
        sum(not o.item.forged for o in outcomes),
        sum(o.item.forged for o in outcomes),
        rate_interval(len(said), len(outcomes)),
        area,
        _probe(outcomes, seed),
        _share(outcomes, False, "forged"),
        _share(outcomes, False, "genuine"),
        _share(outcomes, True, "forged"),
        _share(outcomes, True, "genuine"),
        error,
        cost,
    )


def _fewest_groups(outcomes: Sequence[Outcome]) -> int:
    """How many groups the class has that is in the fewest: with one, a bootstrap cannot tell how far it varies."""
    return min(len({o.item.group for o in outcomes if o.item.forged == forged}) for forged in (False, True))


def _ece(labels: Any, llr: Any) -> float:
    """Of the probability at even prior odds, in ten bins of equal mass."""
    return expected_calibration_error(labels, 1 / (1 + np.exp(-np.asarray(llr))), bins=10, equal="mass")


def _share(outcomes: Sequence[Outcome], forged: bool, decision: str) -> Estimate | None:
    """How many *examined* files of a class got this decision; unreadable ones and those without answer count."""
    mine = [o for o in outcomes if o.item.forged == forged]
    return rate_interval(sum(o.decision == decision for o in mine), len(mine)) if mine else None


def _probe(outcomes: Sequence[Outcome], seed: int) -> Estimate | None:
    usable = [o for o in outcomes if o.facts]
    labels = np.array([o.item.forged for o in usable])
    if _fewest_groups(usable) < 10 or min(labels.sum(), (~labels).sum()) < 20:
        return None
    table = np.array([o.facts for o in usable])
    return metadata_probe(table, labels, [o.item.group for o in usable], seed=seed)


def to_dict(every: Sequence[Figures], outcomes: Sequence[Outcome], engine: dict[str, Any]) -> dict[str, Any]:
    """The results file: figures, and what was said of each file, so that anybody can recompute them."""
    return {
        "schema": SCHEMA,
        "engine": engine,
        "figures": [asdict(f) for f in every],
        "files": [
            {
                "set": o.item.set_name,
                "file": o.item.member,
                "forged": o.item.forged,
                "method": o.item.method,
                "llr": o.llr,
                "decision": o.decision,
                "reason": o.error,
            }
            for o in outcomes
        ],
    }
