"""Somebody's ONNX network into a store: asked about labelled files, calibrated, held to the contract, with its card.

Nothing of the store is touched until all of this has come out well: the network is tried in a store of its own.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from zhenwei import faces, media, models
from zhenwei.detectors._audio import spoken_s
from zhenwei.detectors._foreign import kind_of
from zhenwei.errors import DataError, MediaError, ModelError
from zhenwei.evaluation.by_source import to_markdown
from zhenwei.evaluation.examine import on_disk
from zhenwei.evaluation.foreign_results import evaluate_scores
from zhenwei.evaluation.foreign_scores import Scored
from zhenwei.evaluation.items import Item
from zhenwei.evaluation.results import Results
from zhenwei.models import ModelEntry
from zhenwei.models.calibration import Calibration
from zhenwei.models.calibration_fit import fit
from zhenwei.models.foreign import ForeignModel
from zhenwei.stats.estimate import cell
from zhenwei.testing import ContractError, check_detector
from zhenwei.types import Detector, Evidence, Kind, Subject

Tell = Callable[[str, int, int], None]
_FRAMES = 16
_AUDIO_HZ = 16_000
_UNMEASURED = Calibration(0.0, 1.0, (100.0,), (0.0,), (0.0,), -20.0, 20.0)


@dataclass(frozen=True, slots=True)
class AddedModel:
    """What was added: its row, what it is fed, and what it was measured to be worth on the labelled files."""

    row: ModelEntry
    network: ForeignModel
    calibration: Calibration
    results: Results
    unanswered: int


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the network said of one file: score, and size and sharpness of the face where it looks at one."""

    item: Item
    score: float
    face_px: float | None
    sharpness: float | None


def add_model(
    file: Path,
    network: ForeignModel,
    items: Sequence[Item],
    store: Path,
    *,
    licence: str = "not stated",
    origin: str = "",
    seed: int = 0,
    tell: Tell | None = None,
) -> AddedModel:
    """Puts the network in ``file`` into ``store``, calibrated on ``items``, and says what it is worth.

    Raises :class:`DataError` for too few people of a class, or scores that rank the wrong way round, and
    :class:`ModelError` for a network that cannot be run or breaks the contract of detectors.
    """
    say = tell or (lambda _what, _done, _of: None)
    with tempfile.TemporaryDirectory(prefix="zhenwei-models-") as scratch:
        trial = Path(scratch) / "store"
        row = _row(file, network, items, licence, origin)
        models.add_to_store(file, row, trial, card_text="to be measured\n")
        network.save(trial)
        _UNMEASURED.save(models.calibration_path(network.id, trial))
        kind = kind_of(trial, network.id, models.entry(network.id, trial).sha256)
        answers = _asked(kind(), items, Path(scratch), say)
        results = _measured(network, answers, seed)
        calibration = _calibrated(network, answers, seed)
        calibration.save(models.calibration_path(network.id, trial))
        say("holding it to the contract", 0, 1)
        _hold(kind)
        written = _install(trial, row, store, _card(network, row, results, calibration, len(items) - len(answers)))
    return AddedModel(written, network, calibration, results, len(items) - len(answers))


def _row(file: Path, network: ForeignModel, items: Sequence[Item], licence: str, origin: str) -> ModelEntry:
    sets = ", ".join(sorted({item.set_name for item in items}))
    return ModelEntry(
        id=network.id,
        file=f"{network.id}.onnx",
        sha256="0" * 64,
        bytes=1,
        kind="onnx",
        licence=licence,
        origin=origin or file.name,
        version="1",
        training_data=f"not known here; calibrated on {sets}",
        input=f"{network.takes}; see {network.id}.detector.json",
        card=f"{network.id}.md",
    )


def _asked(detector: Detector, items: Sequence[Item], scratch: Path, say: Tell) -> list[_Answer]:
    """What it says of every file; one that cannot be read, or that it abstains on, is left out and counted."""
    answers = []
    with ExitStack() as opened:
        for number, (item, path) in enumerate(zip(items, on_disk(items, scratch, opened), strict=True)):
            say("asking the network", number, len(items))
            try:
                answer = _most_suspicious(item, detector, _subjects(path, detector))
            except MediaError:
                continue
            if answer is not None:
                answers.append(answer)
    return answers


def _subjects(path: Path, detector: Detector) -> list[Subject]:
    """The file as the pipeline would show it to this detector: each person, or the whole."""
    facts = media.open_media(path)
    if facts.kind not in detector.info.takes:
        return []
    if "audio" in detector.info.takes:
        if facts.kind != "audio" and not facts.audio_codec:
            return []
        audio, facts = media.hear(facts, _AUDIO_HZ, speech_s=spoken_s)
        return [Subject(facts, (), None, audio)]
    frames = tuple(media.sample_frames(facts, _FRAMES))
    whole = Subject(facts, frames)
    if detector.info.level == "file":
        return [whole]
    return [replace(whole, track=track) for track in faces.find_people(frames)]


def _most_suspicious(item: Item, detector: Detector, subjects: Sequence[Subject]) -> _Answer | None:
    found: list[tuple[Subject, Evidence]] = []
    for subject in subjects:
        evidence = detector.examine(subject)
        if evidence.score is not None:
            found.append((subject, evidence))
    if not found:
        return None
    subject, evidence = max(found, key=lambda one: one[1].score or 0.0)
    if subject.track is None:
        return _Answer(item, float(evidence.score or 0.0), None, None)
    qualities = [face.quality for face in subject.track.faces]
    px, sharpness = np.median([(quality.face_px, quality.sharpness) for quality in qualities], axis=0).tolist()
    return _Answer(item, float(evidence.score or 0.0), px, sharpness)


def _measured(network: ForeignModel, answers: Sequence[_Answer], seed: int) -> Results:
    """As ``zhenwei evaluate --scores`` would; refuses what ranks the wrong way round."""
    if not answers:
        fix = "Check --input, and that the labelled files hold what the network looks at."
        raise DataError("the network has an answer to none of the labelled files", want="some of each class", fix=fix)
    rows = [Scored(answer.item, answer.score, _kind(network), {}) for answer in answers]
    results = evaluate_scores(network.id, rows, seed=seed)
    for figures in results.figures:
        if figures.auc is not None and figures.auc.high < 0.5:
            fix = f"Say which class is forged: --forged {1 - min(network.forged, 1)}."
            raise DataError("the network takes forged for genuine", got=f"AUC {figures.auc:.3f}", fix=fix)
    return results


def _kind(network: ForeignModel) -> Kind:
    return "audio" if network.takes == "audio" else "image"


def _calibrated(network: ForeignModel, answers: Sequence[_Answer], seed: int) -> Calibration:
    sizes = sharpness = None
    if network.takes == "face":
        sizes = [answer.face_px or np.nan for answer in answers]
        sharpness = [np.nan if answer.sharpness is None else answer.sharpness for answer in answers]
    scores, labels = [answer.score for answer in answers], [answer.item.forged for answer in answers]
    groups = [f"{answer.item.set_name}/{answer.item.group}" for answer in answers]
    return fit(scores, labels, sizes, groups, sharpness=sharpness, seed=seed)


def _hold(kind: type[Detector]) -> None:
    try:
        check_detector(kind)
    except ContractError as error:
        fix = "Export it so that the same input has the same answer, in single precision and evaluation mode."
        raise ModelError("the network breaks the contract of detectors", got=str(error)[:400], fix=fix) from error


def _install(trial: Path, row: ModelEntry, store: Path, card: str) -> ModelEntry:
    """The manifest last: a network is there when it names it, and all else is in its place by then."""
    weights = store / "weights"
    weights.mkdir(parents=True, exist_ok=True)
    for end in ("calibration.json", "detector.json"):
        shutil.copyfile(trial / "weights" / f"{row.id}.{end}", weights / f"{row.id}.{end}")
    return models.add_to_store(trial / "weights" / row.file, row, store, card_text=card)


def _card(network: ForeignModel, row: ModelEntry, results: Results, calibration: Calibration, unanswered: int) -> str:
    """What was measured, for people."""
    figures = results.figures[0]
    lines = [
        f"# {network.id}",
        "",
        f"A network that a user added from `{row.origin}`, licence: {row.licence}. It looks at: {network.takes}. "
        f"{network.reference}",
        "",
        f"Calibrated on {calibration.genuine} genuine and {calibration.forged} forged files of {calibration.groups} "
        f"groups; {unanswered} files had no answer. The figures below are of answers whose "
        f"{'source' if 'source' in results.protocol else 'people'} the calibration had not seen, with 95 % intervals.",
        "",
        "| figure | value |",
        "|---|---|",
        f"| AUC | {cell(figures.auc)} |",
        f"| EER | {cell(figures.eer)} |",
        f"| C_llr (1 = says nothing) | {cell(figures.c_llr)} |",
        f"| false alarms | {cell(figures.false_alarms, '.1%')} |",
        f"| forged found | {cell(figures.found, '.1%')} |",
        "",
    ]
    if results.by_source:
        lines += to_markdown(results.by_source)
    for finding in results.findings:
        if not finding.ok:
            lines += ["", f"**{finding.check}**: {finding.text}"]
    return "\n".join(lines) + "\n"
