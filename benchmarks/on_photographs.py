"""How well a detector tells forgeries made of the test photographs from the photographs: ``python -m
benchmarks.on_photographs traditional.noise DATA``.

These are the figures under "measured" of the pages of the detectors in ``docs/detectors``, of pictures that the
detector's training made but did not learn from. DATA is the folder with ``photos.zip`` and ``dfdc-faces.zip``.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np

from zhenwei.stats.bootstrap import percentile_interval, resampled_rows
from zhenwei.stats.metrics import auc
from zhenwei.training.data.photographs import read_photographs
from zhenwei.training.data.shown import Shown
from zhenwei.training.install.calibrate import Ask

_DRAWS = 1000
DETECTORS = ("consistency.exif", "traditional.exposure", "traditional.jpeg_traces", "traditional.noise")


@dataclass(frozen=True, slots=True)
class Measured:
    """``auc`` of the scores with its 95 % interval (bootstrap over photographs); ``answered``: share with a score."""

    genuine: int
    forged: int
    auc: float
    low: float
    high: float
    answered: float


def measured(shown: Iterable[Shown], ask: Ask, *, seed: int = 0) -> Measured:
    """Asks for every picture; those of one photograph (``Shown.face``) are drawn together."""
    answers = [(each, ask(each)) for each in shown]
    samples = [sample for _, sample in answers if sample is not None]
    forged, scores = np.array([s.forged for s in samples], bool), np.array([s.score for s in samples])
    samples_drawn = resampled_rows([s.number for s in samples], forged=forged, seed=seed, resamples=_DRAWS)
    drawn = [auc(forged[rows], scores[rows]) for rows in samples_drawn]
    area = percentile_interval(auc(forged, scores), drawn, len(samples))
    answered = len(samples) / len(answers)
    return Measured(int((~forged).sum()), int(forged.sum()), area.value, area.low, area.high, answered)


def _shown(detector: str, data: Path) -> Iterable[Shown]:
    """Forgeries made of the test photographs in ``data``, and those photographs, re-encoded or delivered alike."""
    lesson = import_module(f"zhenwei.training.{detector}")
    photographs = read_photographs(data, lesson.SOURCES, test=True)
    shown: Iterable[Shown]
    if detector == "traditional.exposure":
        shown = lesson.HeldOut(photographs)
    elif detector == "traditional.jpeg_traces":
        shown = lesson.Splices(photographs, 3)
    elif detector == "traditional.noise":
        shown = lesson.Examples(lesson.sitters_of(photographs, lambda _done: None), 3)
    else:
        shown = lesson.Examples(photographs, 3)
    return shown


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("detector", choices=DETECTORS)
    parser.add_argument("data", type=Path)
    given = parser.parse_args(arguments)
    found = measured(_shown(given.detector, given.data), import_module(f"zhenwei.training.{given.detector}").ASK)
    area = f"AUC {found.auc:.3f} [{found.low:.3f}, {found.high:.3f}]"
    print(f"{found.genuine} genuine and {found.forged} forged, {found.answered:.0%} answered: {area}")


if __name__ == "__main__":
    main()
