"""What the detectors of synthetic voices say together, from the answers on sources that each of them left out: the
table of the accuracy page. The packaged weights and thresholds come of :mod:`zhenwei.training.install.thresholds`."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from zhenwei import models
from zhenwei.detectors import catalogue
from zhenwei.errors import DataError
from zhenwei.evaluation import held_out
from zhenwei.evaluation.held_out import HeldOutTable
from zhenwei.evaluation.ladder.audio import RUNGS
from zhenwei.fusion.dependence import Dependence, measure_dependence
from zhenwei.fusion.verdict import fuse
from zhenwei.models.calibration import Calibration
from zhenwei.training.data.speech import SEED
from zhenwei.training.lesson import OWN_STORE, LessonRun
from zhenwei.types import Evidence, Text

ANSWERS = "held_out.csv"
ARRIVED = ("", "channel", *(name for name in RUNGS if not name.startswith(("noise", "room"))))
"""How files arrive, for the calibration: the channel draws noise and rooms of its own."""
TEXT = (
    "Windows of 3 s. Six folds: whole sources are left out of learning together with every system and speaker "
    "that occurs in them. Intervals by bootstrap over sources and systems. Metadata only: length, bytes a second, "
    "peak and silence at the start."
)


@dataclass(frozen=True, slots=True)
class Together:
    dependence: Dependence
    table: HeldOutTable


@dataclass(frozen=True, slots=True)
class _Asked:
    forged: bool
    rung: str
    whose: str  # speaker of a source, or its system
    llrs: dict[str, float]

    @property
    def said(self) -> tuple[Evidence, ...]:
        return tuple(Evidence(name, llr, Text("", zh=""), finds="voice") for name, llr in self.llrs.items())

    def fused(self, dependence: Dependence) -> float | None:
        return fuse(self.said, dependence=dependence)


def run(given: LessonRun) -> None:
    """``--thresholds --from``: the table of all of them together, from the answers that their trainings have left."""
    found = measure(given.start, store=given.store)
    held_out.save(found.table, given.output / "held_out.json")
    given.show(held_out.to_markdown(found.table))


def measure(folders: Sequence[Path], *, store: Path = models.STORE) -> Together:
    """``folders``: outputs of the trainings of all these detectors, each with the calibration in it where it was not
    installed. Raises :class:`DataError` for any other."""
    asked = _read(folders, store)
    arrived = [one for one in asked if one.rung in ARRIVED and one.llrs]
    forged, whose = [one.forged for one in arrived], [one.whose for one in arrived]
    dependence = measure_dependence([one.llrs for one in arrived], forged, whose)
    return Together(dependence, _table(asked, dependence))


def _read(folders: Sequence[Path], store: Path) -> list[_Asked]:
    said: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    facts: dict[tuple[str, str], tuple[bool, str]] = {}
    heard = set()
    known = {name: kind for name, kind in catalogue().items() if name.startswith("speech.")}
    for folder in folders:
        try:
            with (folder / ANSWERS).open(encoding="utf-8", newline="") as text:
                rows = list(csv.DictReader(text))
            detector = rows[0]["detector"]
            calibration = Calibration.load(_calibration(folder, known[detector].info.models[0], store))
        except (OSError, KeyError, IndexError) as error:
            want = "the output of `zhenwei train speech...`"
            raise DataError(
                "no held-out answers of a detector of voices", got=f"{folder}: {error}", want=want
            ) from error
        heard.add(detector)
        for row in rows:
            key = row["path"], row["rung"]
            facts[key] = bool(row["system"]), f"{row['source']} {row['system'] or row['speaker']}"
            if row["score"]:
                said[key][detector] = calibration.llr(float(row["score"]))
    if heard != set(known):
        raise DataError("every detector of voices is needed", got=", ".join(sorted(heard)), want=", ".join(known))
    return [_Asked(forged, key[1], whose, said[key]) for key, (forged, whose) in facts.items()]


def _calibration(folder: Path, model: str, store: Path) -> Path:
    own = folder / OWN_STORE
    is_own = store == models.STORE and (own / "manifest.json").is_file()
    return models.calibration_path(model, own if is_own else store)


def _table(asked: Sequence[_Asked], dependence: Dependence) -> HeldOutTable:
    rows = []
    by_rung: dict[str, list[_Asked]] = defaultdict(list)
    for one in asked:
        by_rung[one.rung].append(one)
    for rung, mine in by_rung.items():
        truth, whose = [one.forged for one in mine], [one.whose for one in mine]
        fused = [one.fused(dependence) for one in mine]
        rows.append(held_out.row(rung or "all, as published", truth, fused, whose))
    text = f"All detectors of voices together, discounted for what they repeat. {TEXT}"
    return HeldOutTable(
        detector="speech, fused", noun="what was done", text=text, seed=SEED, weights="", rows=tuple(rows)
    )
