"""``audiovisual.lip_sync`` from genuine clips of people who speak: how sound moves a mouth.

What it is worth is measured clip by clip: the map is learned from the other clips, the clip left out is asked as it is
and with its sound shifted by 0.4 s or more, and with the sound of every other clip. The calibration rests on that, and
is then bounded by hand (:data:`HIGHEST`, :data:`LOWEST`); the shipped map is learned from all.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import log
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from zhenwei import faces, media
from zhenwei.detectors._audio import mixed
from zhenwei.detectors.audiovisual.lip_sync import MODEL
from zhenwei.errors import DataError, MediaError
from zhenwei.evaluation import held_out
from zhenwei.evaluation.held_out import HeldOutTable
from zhenwei.models import ModelEntry
from zhenwei.signals.lips import BANDS, CONTEXT_S, GRID_HZ, SHAPES, Reals, audio_windows, fit, motion, mouth_shape
from zhenwei.signals.voice import RATE_HZ
from zhenwei.training.data.speech import read_videos
from zhenwei.training.install.calibrate import Calibrated, Sample, calibrate
from zhenwei.training.install.card import Product
from zhenwei.training.install.onnx_export import ExportedModel, export_formula
from zhenwei.training.install.publish import publish
from zhenwei.training.lesson import Lesson, LessonRun
from zhenwei.training.recipe import RecipeSection
from zhenwei.types import Floats, Strip

SEED = 20261124
SHIFTS_S = tuple(sign * round(0.4 + 0.2 * k, 1) for k in range(6) for sign in (-1, 1))
HIGHEST, LOWEST = log(1.5), log(0.9)
"""Bounds of the likelihood ratio, stated and not measured: of genuine clips in which a face is seen and a voice
heard some have a narrator, an interpreter or dubbing; of forgeries many are in step with the sound."""
_SILENT = 1e-4
_TOLERANCE = 1e-4
_WIDTH = BANDS * len(CONTEXT_S)


@dataclass(frozen=True, slots=True, eq=False)
class Talk:
    """A genuine clip: the mouth's motion ``moved`` ``(k, 2)`` at ``grid`` ``(k,)``, and the ``windows`` of its
    sound."""

    name: str
    source: str
    grid: Reals
    moved: Reals
    windows: Reals


def read_talks(data: Path, progress: Callable[[float], None] | None = None) -> list[Talk]:
    """The genuine clips of ``videos.zip`` whose sound can be heard. Raises :class:`DataError` if it is missing."""
    found = []
    for path, row, share in read_videos(data, "real"):
        talk = _talk(path, row["method"])
        if talk is not None:
            found.append(talk)
        if progress:
            progress(share)
    if len(found) < 4:
        raise DataError("too few clips with sound", got=str(len(found)), want="4 or more genuine clips of speech")
    return found


def _talk(path: Path, source: str) -> Talk | None:
    facts = media.open_media(path)
    if not facts.audio_codec:
        return None
    try:
        mono = mixed(media.read_audio(facts, rate_hz=RATE_HZ))
    except MediaError:
        return None
    strip = strip_of(path)
    if strip is None or float(np.abs(mono).max(initial=0.0)) < _SILENT:
        return None
    grid, moved = motion(strip.times_s, mouth_shape(strip.landmarks))
    return Talk(path.name, source, grid, moved, audio_windows(mono))


def strip_of(path: Path) -> Strip | None:
    """The head of the most prominent person, as the pipeline cuts it."""
    facts = media.open_media(path)
    sampled = tuple(media.sample_frames(facts, 24))
    people = faces.find_people(sampled)
    if not people:
        return None
    track = max(people, key=lambda t: sum(f.quality.face_px for f in t.faces))
    passage = faces.find_passage(sampled, track, duration_s=facts.duration_s, fps=facts.fps)
    if passage is None:
        return None
    dense = media.read_passage(
        facts, passage.start_s, passage.end_s, fastest_hz=faces.FASTEST_HZ, window=passage.window
    )
    return faces.follow(passage, dense)


def learn(talks: Sequence[Talk], ridge: float = 1000.0) -> Reals:
    """``(220, 2)``: ridge regression of the mouth's motion on the windows of sound at the same time."""
    windows, moved = zip(*map(_aligned, talks), strict=True)
    x, y = np.concatenate(windows), np.concatenate(moved)  # (rows, 220) and (rows, 2)
    return np.asarray(np.linalg.solve(x.T @ x + ridge * np.eye(x.shape[1]), x.T @ y), np.float64)


def _aligned(talk: Talk) -> tuple[Reals, Reals]:
    index = np.rint(talk.grid * GRID_HZ).astype(int)
    inside = (index >= 0) & (index < len(talk.windows))
    return talk.windows[index[inside]], talk.moved[inside]


@dataclass(frozen=True, slots=True)
class LipSyncTrial:
    """``standing`` of the clip's mouth with a sound: its own shifted by ``shift_s``, or that of ``other``."""

    video: str
    source: str
    shift_s: float
    other: str
    standing: float

    @property
    def belongs(self) -> bool:
        return self.shift_s == 0 and not self.other


def leave_out(talks: Sequence[Talk], *, by_source: bool = False, ridge: float = 1000.0) -> list[LipSyncTrial]:
    """Every clip asked with a map learned from the other clips, or from the clips of other sources."""
    asked: list[LipSyncTrial] = []
    for talk in talks:
        others = [t for t in talks if (t.source != talk.source if by_source else t is not talk)]
        weights = learn(others, ridge)
        own = talk.windows @ weights
        for shift in (0.0, *SHIFTS_S):
            asked += _ask(talk, own, shift, "")
        for other in talks:
            if other is not talk:
                asked += _ask(talk, other.windows @ weights, 0.0, other.name)
    return asked


def _ask(talk: Talk, predicted: Reals, shift: float, other: str) -> list[LipSyncTrial]:
    found = fit(talk.grid, talk.moved, predicted, shift_s=shift)
    return [] if found is None else [LipSyncTrial(talk.name, talk.source, shift, other, found.standing)]


class LipSyncRecipe(RecipeSection):
    """``ridge``: penalty of the regression, of about 4,000 rows."""

    ridge: float = Field(default=1000.0, gt=0)


def prepare(_: LipSyncRecipe, run: LessonRun) -> list[Talk]:
    return read_talks(run.data, run.bar("following mouths"))


@dataclass(frozen=True, slots=True, eq=False)
class Lips:
    """What was said of clips left out by themselves, and with all clips of their source; the map learned from all."""

    by_video: list[LipSyncTrial]
    by_source: list[LipSyncTrial]
    weights: Reals


def learn_all(recipe: LipSyncRecipe, talks: Sequence[Talk], _: LessonRun) -> Lips:
    ridge = recipe.ridge
    return Lips(leave_out(talks, ridge=ridge), leave_out(talks, by_source=True, ridge=ridge), learn(talks, ridge))


def install(recipe: LipSyncRecipe, _: Sequence[Talk], lips: Lips, run: LessonRun) -> tuple[ModelEntry, ...]:
    """``held_out.csv`` and ``held_out.json`` go to the output folder."""
    product = replace(_PRODUCT, facts=(f"Map: ridge regression, penalty {recipe.ridge:.0f}",))
    row = publish(product, export(lips.weights), lambda: calibrated(lips.by_video), store=run.store)
    _write(run.output, lips.by_video, lips.by_source)
    found = table(lips.by_video, lips.by_source, row.weights)
    held_out.save(found, run.output / "held_out.json")
    run.show(held_out.to_markdown(found))
    return (row,)


def export(weights: NDArray[np.floating]) -> ExportedModel:
    """``windows`` ``(n, 220)`` float32 in, ``shape`` ``(n, 2)`` out."""
    formula = f"""lips (float[n, {_WIDTH}] windows) => (float[n, {len(SHAPES)}] shape) {{
        shape = MatMul (windows, weights)
    }}"""
    drawn: Floats = np.random.default_rng(0).standard_normal((64, _WIDTH)).astype(np.float32)
    return export_formula(formula, {"weights": weights}, lambda x: x @ weights, drawn, tolerance=_TOLERANCE)


def calibrated(asked: Sequence[LipSyncTrial]) -> Calibrated:
    """On clips that were left out, bounded by hand."""
    found = calibrate(enumerate(asked), _sample, seed=SEED)
    fitted = found.calibration
    bounded = replace(fitted, lowest=max(fitted.lowest, LOWEST), highest=min(fitted.highest, HIGHEST))
    return replace(found, calibration=bounded)


def _sample(numbered: tuple[int, LipSyncTrial]) -> Sample:
    number, one = numbered
    return Sample(score=-one.standing, forged=not one.belongs, number=number, group=one.video, source=one.source)


def _write(output: Path, by_video: Sequence[LipSyncTrial], by_source: Sequence[LipSyncTrial]) -> None:
    with (output / "held_out.csv").open("w", encoding="utf-8", newline="") as text:
        rows = csv.writer(text)
        rows.writerow(["clip", "source", "left out", "shift_s", "sound of", "standing"])
        for way, asked in (("clip", by_video), ("source", by_source)):
            rows.writerows([a.video, a.source, way, a.shift_s, a.other, f"{a.standing:.5f}"] for a in asked)


def table(by_video: Sequence[LipSyncTrial], by_source: Sequence[LipSyncTrial], weights: str = "") -> HeldOutTable:
    """AUC and equal error rate of own sounds against shifted and exchanged ones, intervals over clips."""
    rows = []
    for way, asked in (("clip left out", by_video), ("source left out", by_source)):
        own = [a for a in asked if a.belongs]
        shifted = [a for a in asked if a.shift_s]
        exchanged = [a for a in asked if a.other]
        for what, others in (("shifted by 0.4 to 1.4 s", shifted), ("of another clip", exchanged)):
            both = [*own, *others]
            truth, scores = [not a.belongs for a in both], [-a.standing for a in both]
            rows.append(held_out.row(f"sound {what}; {way}", truth, scores, [a.video for a in both]))
    return HeldOutTable(
        detector=_PRODUCT.detector,
        noun="forged: the sound",
        text="Mouths of genuine clips with their own sound (genuine) and with the sound shifted or exchanged "
        "(forged), each asked of a map learned from the other clips, or from those of other sources. Intervals by "
        "bootstrap over clips.",
        seed=SEED,
        weights=weights,
        rows=tuple(rows),
    )


_PRODUCT = Product(
    model=MODEL,
    detector="audiovisual.lip_sync",
    question="Which shape of the mouth does a sound let expect? Windows of log mel spectra in, opening and width out.",
    origin="trained with `zhenwei train audiovisual.lip_sync`",
    training_data="the genuine clips with speech of clips.zip: demonstration clips of public projects, VoxCeleb2 and "
    "HDTF among their sources. Data sets' licences: research.",
    input=f"windows (n, {_WIDTH}) float32 of zhenwei.signals.lips.sound_windows; gives shape (n, 2)",
    held_out="Every clip asked with a map that was learned from the other clips: as it is (genuine), with its sound "
    "shifted by 0.4 to 1.4 s and with the sounds of the others (forged).",
    limits="Ten clips of ten people, most of them interviews and speeches. The bounds of the likelihood ratio, "
    "0.9 and 1.5, are stated and not measured: narrators and dubbing are genuine, and forgeries driven by sound are "
    "in step.",
    noun="pairs of mouth and sound",
    reference="NumPy",
)


lesson = Lesson(
    serves=(_PRODUCT.detector,),
    recipe=LipSyncRecipe,
    needs="clips (zip + csv): genuine clips of people who speak",
    prepare=prepare,
    learn=learn_all,
    install=install,
    at_once=True,
)
