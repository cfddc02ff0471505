"""Detectors of synthetic voices: measured source by source, learned from all, put into the store.

What is particular to one is its :class:`Way`; :func:`voice_lesson` makes the lesson of it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from zhenwei.detectors.speech._hearing import listen
from zhenwei.evaluation import held_out
from zhenwei.evaluation.held_out import HeldOutTable
from zhenwei.evaluation.ladder.sounds import RUNGS
from zhenwei.evaluation.shortcuts import metadata_probe
from zhenwei.models import ModelEntry
from zhenwei.signals.voice import RATE_HZ
from zhenwei.training.data.speech import FOLDS, SEED, Utterance, features_of, read_speech, split, with_copies
from zhenwei.training.install.calibrate import Calibrated, Sample, calibrate
from zhenwei.training.install.card import Product
from zhenwei.training.install.export import Exported
from zhenwei.training.install.publish import publish
from zhenwei.training.lesson import Lesson, Run
from zhenwei.training.recipe import Section
from zhenwei.training.speech import _together as together
from zhenwei.types import Audio, Floats, Text

Scorer = Callable[[Floats], float]
Tell = Callable[[float], None]
Bools = NDArray[np.bool_]
Row = tuple[Floats, Utterance]


def speech_of(sound: Floats) -> Floats | None:
    """What the detectors hear of a window: its speech, pauses cut out; None where they would abstain."""
    heard = listen(Audio(sound[None], RATE_HZ))
    if isinstance(heard, Text):
        return None
    places = [np.arange(round(r.start_s * RATE_HZ), min(len(sound), round(r.end_s * RATE_HZ))) for r in heard.runs]
    return heard.mono[np.concatenate(places)]


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    score: Scorer
    export: Callable[[], Exported]


@dataclass(frozen=True, slots=True)
class Way:
    """How one of the detectors is learned. ``describe``: a window -> what is learned from, None where it abstains.
    ``learn``: from rows, with a file for its state if it takes long."""

    product: Product
    describe: Callable[[Floats], Floats | None]
    learn: Callable[[Sequence[Row], Path, Tell], Learned]


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """What the weights of a fold, learned without its sources, said of a window of these; ``rung``: "" as published."""

    utterance: Utterance
    fold: int
    rung: str
    score: float | None


class Recipe(Section):
    """Nothing is left to choose: every figure of these detectors is fixed by what it measures."""


@dataclass(frozen=True, slots=True, eq=False)
class Voices:
    """Every window with its copies, as it is described: as published, and after a channel."""

    everything: list[Utterance]
    clean: list[Floats | None]
    travelled: list[Floats | None]


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What was said of sources left out, and what was learned from all."""

    asked: list[Asked]
    learned: Learned


def voice_lesson(way: Way) -> Lesson[Recipe, Voices, Answers]:
    """``held_out.csv`` and ``held_out.json`` go to the output folder, and the states of what takes long."""
    return Lesson(
        serves=(way.product.detector,),
        recipe=Recipe,
        needs="speech (zip + csv)",
        prepare=partial(_prepare, way),
        learn=partial(_learn, way),
        install=partial(_install, way),
        accepts=frozenset({"resume", "start"}),
        ways={"thresholds": _measure_together},
        at_once=True,
    )


def _prepare(way: Way, _: Recipe, run: Run) -> Voices:
    if run.way == "thresholds":
        return Voices([], [], [])
    run.tell("copying voices", 0.0)
    everything = list(with_copies(read_speech(run.data)))
    run.tell("copying voices", 1.0)
    clean = features_of(everything, way.describe, workers=run.workers, progress=run.bar("hearing"))
    travelled = features_of(
        everything,
        way.describe,
        workers=run.workers,
        through_channel=True,
        progress=run.bar("the same after a channel"),
    )
    return Voices(everything, clean, travelled)


def _learn(way: Way, _: Recipe, voices: Voices, run: Run) -> Answers:
    everything, clean, travelled = voices.everything, voices.clean, voices.travelled
    if not run.resume:
        for name in ("all", *(f"fold{number + 1}" for number in range(len(FOLDS)))):
            (run.output / f"{name}.pt").unlink(missing_ok=True)
    asked = _leave_out(way, everything, clean, travelled, run.output, run.workers, run.tell)
    _write(run.output, way.product.detector, asked)
    rows = _rows(everything, clean, travelled, np.ones(len(everything), np.bool_))
    return Answers(asked, way.learn(rows, run.output / "all.pt", run.bar("learning from all")))


def _install(way: Way, _: Recipe, __: Voices, answers: Answers, run: Run) -> tuple[ModelEntry, ...]:
    row = publish(way.product, answers.learned.export(), lambda: calibrated(answers.asked), store=run.store)
    found = table(way.product.detector, answers.asked, row.weights)
    held_out.save(found, run.output / "held_out.json")
    run.show(held_out.to_markdown(found))
    return (row,)


def _measure_together(_: Recipe, __: Voices, run: Run) -> None:
    together.run(run)


def _rows(
    everything: Sequence[Utterance], clean: Sequence[Floats | None], travelled: Sequence[Floats | None], which: Bools
) -> list[Row]:
    return [
        (row, one)
        for rows in (clean, travelled)
        for row, one, mine in zip(rows, everything, which, strict=True)
        if mine and row is not None
    ]


def _leave_out(
    way: Way,
    everything: Sequence[Utterance],
    clean: Sequence[Floats | None],
    travelled: Sequence[Floats | None],
    output: Path,
    workers: int,
    tell: Callable[[str, float], None],
) -> list[Asked]:
    asked: list[Asked] = []
    published = [u for u in everything if not u.copied]
    changed: dict[str, list[Floats | None]] = {}
    for number, (name, change) in enumerate(RUNGS.items()):
        tell("changing sounds", number / len(RUNGS))
        changed[name] = features_of([_after(u, change) for u in published], way.describe, workers=workers)
    tell("changing sounds", 1.0)
    place = {id(u): k for k, u in enumerate(published)}
    for fold, sources in enumerate(FOLDS):
        learn, ask = split(everything, sources)
        rows = _rows(everything, clean, travelled, learn)
        learned = way.learn(rows, output / f"fold{fold + 1}.pt", partial(_told, tell, fold))
        for k in np.flatnonzero(ask).tolist():
            one = everything[k]
            each = {"": clean[k], "channel": travelled[k]} | {n: r[place[id(one)]] for n, r in changed.items()}
            asked += [Asked(one, fold, n, None if row is None else learned.score(row)) for n, row in each.items()]
        tell("leaving out sources", (fold + 1) / len(FOLDS))
    return asked


def _told(tell: Callable[[str, float], None], fold: int, share: float) -> None:
    tell("leaving out sources", (fold + share) / len(FOLDS))


def _after(one: Utterance, change: Callable[[Floats], Floats]) -> Utterance:
    return Utterance(change(one.sound), one.system, one.speaker, one.source, one.path, one.copied)


def calibrated(asked: Sequence[Asked]) -> Calibrated:
    """On what was answered as published, after a drawn channel and after the codecs: files arrive as MP3 or by
    telephone, and what weighed as much as if they did not would weigh too much. Sources are the independent cases."""
    arrived = [a for a in asked if a.rung in together.ARRIVED and (a.score is not None or a.rung == "")]
    return calibrate(enumerate(arrived), _sample, seed=SEED)


def _sample(numbered: tuple[int, Asked]) -> Sample | None:
    number, one = numbered
    if one.score is None:
        return None
    return Sample(
        score=one.score,
        forged=one.utterance.forged,
        number=number,
        group=one.utterance.source,
        source=f"fold {one.fold + 1}",
        delivered=one.rung != "",
    )


def _write(output: Path, detector: str, asked: Sequence[Asked]) -> None:
    with (output / together.ANSWERS).open("w", encoding="utf-8", newline="") as text:
        rows = csv.writer(text)
        rows.writerow(["detector", "path", "source", "speaker", "system", "fold", "rung", "score"])
        for a in asked:
            u = a.utterance
            score = "" if a.score is None else f"{a.score:.6f}"
            rows.writerow([detector, u.path, u.source, u.speaker, u.system, a.fold + 1, a.rung, score])


def table(detector: str, asked: Sequence[Asked], weights: str = "") -> HeldOutTable:
    """AUC and equal error rate with intervals over sources and systems: whole, by fold, and after each change; and what
    a file tells without being heard."""
    published = [a for a in asked if a.rung == ""]
    rows = [_row("all, as published", published)]
    for fold, sources in enumerate(FOLDS):
        rows.append(_row(", ".join(sources), [a for a in published if a.fold == fold]))
    rows += [
        _row(r or "as published", [a for a in asked if a.rung == r]) for r in dict.fromkeys(a.rung for a in asked) if r
    ]
    return HeldOutTable(
        detector=detector,
        noun="sources left out, or what was done to all",
        text=together.TEXT,
        seed=SEED,
        weights=weights,
        rows=(*rows, _metadata([a.utterance for a in published])),
    )


def _row(name: str, asked: Sequence[Asked]) -> held_out.Row:
    groups = [f"{a.utterance.source} {a.utterance.system}" for a in asked]
    return held_out.row(name, [a.utterance.forged for a in asked], [a.score for a in asked], groups)


def _metadata(utterances: Sequence[Utterance]) -> held_out.Row:
    """The probe that hears nothing: at chance, or the data would tell by themselves."""
    features = np.array([_facts(u.sound) for u in utterances])
    truth = [u.forged for u in utterances]
    area = metadata_probe(features, truth, [u.source for u in utterances], seed=SEED)
    forged, count = sum(truth), len(truth)
    return held_out.Row(what="metadata only", genuine=count - forged, forged=forged, asked=count, auc=area, eer=None)


def _facts(sound: Floats) -> tuple[float, float, float, float]:
    packed = io.BytesIO()
    soundfile.write(packed, sound, RATE_HZ, format="FLAC")
    peak = float(np.abs(sound).max())
    loud = np.flatnonzero(np.abs(sound) > 0.02 * peak)
    return len(sound) / RATE_HZ, packed.getbuffer().nbytes * RATE_HZ / len(sound), peak, float(loud[0]) / RATE_HZ


SHARED: dict[str, Any] = {
    "training_data": "genuine and synthetic speech of public demonstration pages and corpora (speech.zip), and "
    "copies of "
    "the genuine by vocoders made by this project. Data sets' licences: research.",
    "held_out": "Windows of sources that were left out of learning together with their systems and speakers, fold by "
    "fold; small and re-encoded too means: after a drawn room, band, noise and companding, and after each codec. The "
    "shipped weights were "
    "learned from all sources. EER and the ladder of codecs: docs/accuracy.md.",
    "limits": "Few sources and systems: on others it may do better or worse. Voices of the best neural vocoders pass "
    "unnoticed.",
    "noun": "windows",
    "reference": "NumPy",
}
