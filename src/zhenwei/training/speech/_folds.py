"""Detectors of synthetic voices: measured source by source, learned from all, put into the store.

What is particular to one is its :class:`Way`; :func:`voice_lesson` makes the lesson of it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from zhenwei import models
from zhenwei.detectors.speech._hearing import listen
from zhenwei.errors import DataError
from zhenwei.evaluation import held_out
from zhenwei.evaluation.held_out import HeldOutTable
from zhenwei.evaluation.items import Item
from zhenwei.evaluation.ladder.audio import RUNGS
from zhenwei.evaluation.readers.project import NEWER_SPEECH
from zhenwei.evaluation.shortcuts import metadata_probe
from zhenwei.models import ModelEntry
from zhenwei.models.calibration import Calibration
from zhenwei.signals.voice import RATE_HZ
from zhenwei.stats.metrics import intraclass_correlation
from zhenwei.training.data.speech import (
    CHANNELS,
    FOLDS,
    SEED,
    Utterance,
    features_of,
    neural_copies,
    read_speech,
    split,
    with_copies,
)
from zhenwei.training.install.calibrate import Calibrated, Sample, calibrate
from zhenwei.training.install.card import Product
from zhenwei.training.install.onnx_export import ExportedModel
from zhenwei.training.install.publish import publish
from zhenwei.training.install.thresholds import save_left_out
from zhenwei.training.lesson import Lesson, LessonRun
from zhenwei.training.recipe import RecipeSection
from zhenwei.training.speech import _together as together
from zhenwei.types import Audio, Floats, Text

Scorer = Callable[[Floats], float]
Tell = Callable[[float], None]
Bools = NDArray[np.bool_]
Row = tuple[Floats, Utterance]


def speech_of(audio: Floats) -> Floats | None:
    """What the detectors hear of a window: its speech, pauses cut out; None where they would abstain."""
    heard = listen(Audio(audio[None], RATE_HZ))
    if isinstance(heard, Text):
        return None
    places = [np.arange(round(r.start_s * RATE_HZ), min(len(audio), round(r.end_s * RATE_HZ))) for r in heard.runs]
    return heard.mono[np.concatenate(places)]


@dataclass(frozen=True, slots=True, eq=False)
class TrainedVoiceDetector:
    score: Scorer
    export: Callable[[], ExportedModel]


@dataclass(frozen=True, slots=True)
class Way:
    """How one of the detectors is learned. ``describe``: a window -> what is learned from, None where it abstains.
    ``learn``: from rows, with a file for its state if it takes long. ``neural``: whether copies by neural vocoders are
    among these."""

    product: Product
    describe: Callable[[Floats], Floats | None]
    learn: Callable[[Sequence[Row], Path, Tell], TrainedVoiceDetector]
    neural: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class FoldAnswer:
    """What the weights of a fold, learned without its sources, said of a window of these; ``rung``: "" as published."""

    utterance: Utterance
    fold: int
    rung: str
    score: float | None


class SpeechRecipe(RecipeSection):
    """Nothing is left to choose: every figure of these detectors is fixed by what it measures."""


@dataclass(frozen=True, slots=True, eq=False)
class Voices:
    """Every window with its copies, as it is described: as published, and after each channel."""

    everything: list[Utterance]
    clean: list[Floats | None]
    travelled: list[list[Floats | None]]  # by channel


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What was said of sources left out, and what was learned from all."""

    asked: list[FoldAnswer]
    learned: TrainedVoiceDetector


def voice_lesson(way: Way) -> Lesson[SpeechRecipe, Voices, Answers]:
    """``held_out.csv`` and ``held_out.json`` go to the output folder, and the states of what takes long."""
    return Lesson(
        serves=(way.product.detector,),
        recipe=SpeechRecipe,
        needs="speech2 (zip + csv)",
        prepare=partial(_prepare, way),
        learn=partial(_learn, way),
        install=partial(_install, way),
        accepts=frozenset({"resume"}),
        checkpoints=("fold*.pt", "all*.pt", "copies"),
        ways={"thresholds": lambda _recipe, _voices, run: together.run(run)},
        at_once=True,
    )


def _prepare(way: Way, _: SpeechRecipe, run: LessonRun) -> Voices:
    if run.way == "thresholds":
        return Voices([], [], [])
    run.tell("copying voices", 0.0)
    everything = list(with_copies(read_speech(run.data)))
    run.tell("copying voices", 1.0)
    if way.neural:
        copies = neural_copies(everything, run.output / "copies", progress=run.bar("copying voices by HiFi-GAN"))
        everything = beside(everything, list(copies))
    clean = features_of(everything, way.describe, workers=run.workers, progress=run.bar("hearing"))
    travelled = []
    for channel in range(1, CHANNELS + 1):
        bar = run.bar("the same after channels", of=CHANNELS, part=channel - 1)
        travelled.append(features_of(everything, way.describe, workers=run.workers, channel=channel, progress=bar))
    return Voices(everything, clean, travelled)


def beside(everything: Sequence[Utterance], copies: Sequence[Utterance]) -> list[Utterance]:
    """``copies`` after the first other copy of the same original."""
    by_path: dict[str, list[Utterance]] = {}
    for copy in copies:
        by_path.setdefault(copy.path, []).append(copy)
    found = []
    for one in everything:
        found.append(one)
        if one.copied:
            found += by_path.pop(one.path, [])  # once, however many others there are
    return found


def _learn(way: Way, _: SpeechRecipe, voices: Voices, run: LessonRun) -> Answers:
    if not run.resume:
        for state in (*run.output.glob("all*.pt"), *run.output.glob("fold*.pt")):
            state.unlink()
    asked = _leave_out(way, voices, run)
    _write(run.output, way.product.detector, asked)
    rows = _rows(voices, np.ones(len(voices.everything), np.bool_))
    return Answers(asked, way.learn(rows, run.output / "all.pt", run.bar("learning from all")))


def _install(way: Way, _: SpeechRecipe, __: Voices, answers: Answers, run: LessonRun) -> tuple[ModelEntry, ...]:
    row = publish(way.product, answers.learned.export(), lambda: calibrated(answers.asked), store=run.store)
    save_left_out(left_out(way.product, answers.asked, run.store), way.product.model, run.store)
    found = table(way.product.detector, answers.asked, row.weights)
    held_out.save(found, run.output / "held_out.json")
    run.show(held_out.to_markdown(found))
    return (row,)


def _rows(voices: Voices, which: Bools) -> list[Row]:
    found = []
    for rows in (voices.clean, *voices.travelled):
        for row, one, mine in zip(rows, voices.everything, which, strict=True):
            if mine and row is not None:
                found.append((row, one))
    return found


def _leave_out(way: Way, voices: Voices, run: LessonRun) -> list[FoldAnswer]:
    asked: list[FoldAnswer] = []
    published = [u for u in voices.everything if not u.copied]
    # By rung, a row for each window; copies, which are never asked about, have none after the codecs.
    shown: dict[str, Sequence[Floats | None]] = {"": voices.clean, "channel": voices.travelled[0]}
    for number, (name, change) in enumerate(RUNGS.items()):
        run.tell("changing sounds", number / len(RUNGS))
        changed = [replace(u, audio=change(u.audio)) for u in published]
        rows = iter(features_of(changed, way.describe, workers=run.workers))
        shown[name] = [None if u.copied else next(rows) for u in voices.everything]
    run.tell("changing sounds", 1.0)
    for fold, sources in enumerate(FOLDS):
        learn, ask = split(voices.everything, sources)
        bar = run.bar("leaving out sources", of=len(FOLDS), part=fold)
        learned = way.learn(_rows(voices, learn), run.output / f"fold{fold + 1}.pt", bar)
        for k in np.flatnonzero(ask).tolist():
            for name, by_window in shown.items():
                row = by_window[k]
                asked.append(FoldAnswer(voices.everything[k], fold, name, None if row is None else learned.score(row)))
        bar(1.0)
    return asked


def calibrated(asked: Sequence[FoldAnswer]) -> Calibrated:
    """On what was answered as published, after a drawn channel and after codecs; sources are the independent cases.
    How alike windows of one source are, of the two classes the more alike, says what a longer recording is worth."""
    arrived = [a for a in asked if a.rung in together.ARRIVED and (a.score is not None or a.rung == "")]
    found = calibrate(enumerate(arrived), _sample, seed=SEED)
    return replace(found, calibration=replace(found.calibration, frame_rho=alike(asked)))


def alike(asked: Sequence[FoldAnswer]) -> float:
    """Intraclass correlation of the scores of windows as published, by source and, of the forged, by system: what its
    rooms, microphones and codecs have in common does not average out, however long one listens. 1 where there is
    nothing to compare."""
    found = []
    for forged in (False, True):
        mine = [a for a in asked if a.rung == "" and a.score is not None and a.utterance.forged is forged]
        try:
            scores = [a.score for a in mine if a.score is not None]
            found.append(intraclass_correlation(scores, [f"{a.utterance.source} {a.utterance.system}" for a in mine]))
        except DataError:
            return 1.0
    return round(max(found), 4)


def _sample(numbered: tuple[int, FoldAnswer]) -> Sample | None:
    number, one = numbered
    if one.score is None:
        return None
    return Sample(
        score=one.score,
        forged=one.utterance.forged,
        number=number,
        group=one.utterance.source,
        source=f"fold {one.fold + 1}",
        degraded=one.rung != "",
    )


def left_out(product: Product, asked: Sequence[FoldAnswer], store: Path) -> dict[str, dict[str, float]]:
    """What is known of each window as published without its source, for the thresholds; by digest of the medium."""
    calibration = Calibration.load(models.calibration_path(product.model, store))
    found = {}
    for one in asked:
        if one.rung == "" and one.score is not None:
            name = one.utterance.path
            medium = Item(name, Path(name), NEWER_SPEECH, one.utterance.forged).digest
            found[medium] = {product.detector: round(calibration.llr(one.score), 4)}
    return found


def _write(output: Path, detector: str, asked: Sequence[FoldAnswer]) -> None:
    with (output / together.ANSWERS).open("w", encoding="utf-8", newline="") as text:
        rows = csv.writer(text)
        rows.writerow(["detector", "path", "source", "speaker", "system", "fold", "rung", "score"])
        for a in asked:
            u = a.utterance
            score = "" if a.score is None else f"{a.score:.6f}"
            rows.writerow([detector, u.path, u.source, u.speaker, u.system, a.fold + 1, a.rung, score])


def table(detector: str, asked: Sequence[FoldAnswer], weights: str = "") -> HeldOutTable:
    """AUC and equal error rate with intervals over sources and systems: whole, by fold, and after each change; and what
    a file tells without being heard."""
    by_rung: dict[str, list[FoldAnswer]] = {"": []}
    for one in asked:
        by_rung.setdefault(one.rung, []).append(one)
    published = by_rung.pop("")
    rows = [_row("all, as published", published)]
    for fold, sources in enumerate(FOLDS):
        rows.append(_row(", ".join(sources), [a for a in published if a.fold == fold]))
    for name, those in (("Chinese", True), ("other languages", False)):
        rows.append(_row(name, [a for a in published if a.utterance.chinese is those]))
    for rung, mine in by_rung.items():
        rows.append(_row(rung, mine))
    return HeldOutTable(
        detector=detector,
        noun="sources left out, or what was done to all",
        text=together.TEXT,
        seed=SEED,
        weights=weights,
        rows=(*rows, _metadata(published)),
    )


def _row(name: str, asked: Sequence[FoldAnswer]) -> held_out.HeldOutRow:
    forged, scores = [a.utterance.forged for a in asked], [a.score for a in asked]
    groups = [f"{a.utterance.source} {a.utterance.system}" for a in asked]
    return held_out.row(name, forged, scores, groups)


def _metadata(asked: Sequence[FoldAnswer]) -> held_out.HeldOutRow:
    """The probe that hears nothing: at chance, or the data would tell by themselves."""
    utterances = [a.utterance for a in asked]
    facts, truth = np.array([_facts(u.audio) for u in utterances]), [u.forged for u in utterances]
    area = metadata_probe(facts, truth, [u.source for u in utterances], seed=SEED)
    forged, count = sum(truth), len(truth)
    return held_out.HeldOutRow(
        what="metadata only", genuine=count - forged, forged=forged, asked=count, auc=area, eer=None
    )


def _facts(audio: Floats) -> tuple[float, float, float, float]:
    packed = io.BytesIO()
    soundfile.write(packed, audio, RATE_HZ, format="FLAC")
    peak = float(np.abs(audio).max())
    loud = np.flatnonzero(np.abs(audio) > 0.02 * peak)
    return len(audio) / RATE_HZ, packed.getbuffer().nbytes * RATE_HZ / len(audio), peak, float(loud[0]) / RATE_HZ


SHARED: dict[str, Any] = {
    "training_data": "genuine and synthetic speech of public demonstration pages and corpora (speech2.zip), and copies "
    "of the genuine by vocoders made by this project. Data sets' licences: research.",
    "held_out": "Windows of sources that were left out of learning together with their systems and speakers, fold by "
    "fold; small and re-encoded too means: out of a drawn channel (room, band, noise, companding, codec), and after "
    "each codec. The shipped weights were learned from all sources. EER and the ladder of codecs: docs/accuracy.md.",
    "limits": "Few sources and systems: on others it may do better or worse. Voices of the best neural vocoders pass "
    "unnoticed.",
    "noun": "windows",
    "reference": "NumPy",
}
