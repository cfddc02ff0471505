"""Labelled files through the whole chain, bytes in, verdict out; interrupted, it goes on where it was.

Every outcome is appended to a journal as it comes. A journal belongs to one run: other weights, options or package
versions begin another, so that figures never mix two networks; the first one's is set aside, and taken up again by it.
An outcome is that of the bytes of a file, whatever it is called; of what failed none is kept.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from zhenwei import pipeline
from zhenwei.errors import DataError, FaultError, MediaError
from zhenwei.evaluation.items import Answer, Item, Outcome, Part
from zhenwei.evaluation.ladder import Degradation
from zhenwei.faults import OnFault, on_one_file
from zhenwei.files import write_whole
from zhenwei.media import read_audio
from zhenwei.signals.channels import mix
from zhenwei.types import Curve, Media, Report, Text, in_language
from zhenwei.words import error_text

Tell = Callable[[int], None]  # how many files are done
_AUDIO_HZ = 16_000
_STRETCH_S, _SILENT_DB = 0.02, -50.0


@dataclass(slots=True)
class Journal:
    """Outcomes by set, name and delivery, each with the SHA-256 of its file, one JSON line each; ``path`` None keeps
    them in memory alone."""

    path: Path | None
    run: str
    known: dict[tuple[str, str, str], dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def open(cls, path: Path | None, run: Mapping[str, Any]) -> Journal:
        """``run``: all that the outcomes follow from. What another run wrote is set aside as "journal-RUN.jsonl", where
        the same run finds it again; a damaged line is dropped."""
        signature = hashlib.sha256(json.dumps(run, sort_keys=True).encode()).hexdigest()
        journal = cls(path, signature)
        if path is None:
            return journal
        if path.exists() and _run_of(path) != signature:
            path.replace(_aside(path, _run_of(path)))
        if not path.exists() and _aside(path, signature).exists():
            _aside(path, signature).replace(path)
        lines = _lines(path)
        begin: dict[str, Any] = {"run": signature}
        if lines and lines[0] == begin:
            for entry in lines[1:]:
                if _is_sound(entry):
                    journal.known[entry["set"], entry["name"], entry["delivery"]] = entry
        write_whole(path, "\n".join(map(json.dumps, (begin, *journal.known.values()))) + "\n")
        return journal

    def find(self, item: Item, delivery: str, sha256: str) -> Outcome | None:
        """What was said of these bytes, "" = they cannot be read; None where that is not known."""
        found = self.known.get((item.set_name, item.name, delivery))
        if found is None or not sha256 or found["sha256"] != sha256:
            return None
        try:
            return self._outcome(item, found["outcome"])
        except (KeyError, TypeError, ValueError, AttributeError):  # damaged; it is asked anew
            return None

    @staticmethod
    def _outcome(item: Item, kept: Mapping[str, Any]) -> Outcome:
        values = dict(kept)
        values["reason"] = Text(values["reason"], zh=values.pop("reason_zh", ""))
        facts = {name: math.nan if v is None else v for name, v in values.pop("facts").items()}
        parts = tuple(Part(**p) for p in values.pop("parts"))
        said = tuple(Answer(**x) for x in values.pop("said"))
        return Outcome(item, parts=parts, facts=facts, said=said, **values)

    def add(self, outcome: Outcome, delivery: str, sha256: str) -> None:
        values = asdict(outcome)
        del values["item"], values["failed"]  # of what failed nothing is kept
        if isinstance(outcome.reason, Text):
            values["reason_zh"] = outcome.reason.zh
        values["facts"] = {k: None if math.isnan(v) else v for k, v in outcome.facts.items()}
        item = outcome.item
        entry = {"set": item.set_name, "name": item.name, "delivery": delivery, "sha256": sha256, "outcome": values}
        self.known[(item.set_name, item.name, delivery)] = entry
        if self.path is not None:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry, allow_nan=False) + "\n")


def _is_sound(entry: Mapping[str, Any]) -> bool:
    named = all(isinstance(entry.get(key), str) for key in ("set", "name", "delivery", "sha256"))
    return named and isinstance(entry.get("outcome"), dict)


def _run_of(path: Path) -> str:
    """The signature that a journal begins with; "" for a file that is none."""
    lines = _lines(path)
    run = lines[0].get("run") if lines else None
    return run if isinstance(run, str) and run.isalnum() else ""


def _aside(path: Path, signature: str) -> Path:
    return path.with_name(f"{path.stem}-{signature[:12] or 'other'}{path.suffix}")


def _lines(path: Path) -> list[dict[str, Any]]:
    """Those that are JSON objects."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return []
    found: list[dict[str, Any]] = []
    for line in text.splitlines():
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(entry, dict):
            found.append(entry)
    return found


def examine(
    items: Sequence[Item],
    scratch: Path,
    *,
    options: pipeline.Options,
    degradation: Degradation | None = None,
    journal: Journal | None = None,
    tell: Tell | None = None,
    on_fault: OnFault | None = None,
) -> list[Outcome]:
    """What is said of every file, in order. ``scratch``: an empty folder, holding one file at a time.

    ``degradation``: each file is re-shipped by it first. A file that cannot be read, or on which the program fails, is
    "unreadable" with the reason; of the latter, and of detectors that fail, ``on_fault`` is told as well.
    Raises :class:`DataError` for an archive or a member that is damaged.
    """
    kept = journal or Journal(None, "")
    name = degradation.name if degradation else ""
    outcomes: list[Outcome] = []
    with ExitStack() as opened:
        archives: dict[Path, zipfile.ZipFile] = {}
        for number, item in enumerate(items):
            with _file(item, scratch, archives, opened) as path:
                sha256 = _digest(path)
                outcome = kept.find(item, name, sha256)
                if outcome is None:
                    outcome, is_sound = _outcome(item, path, scratch, degradation, options, on_fault)
                    if is_sound and sha256:
                        kept.add(outcome, name, sha256)
            outcomes.append(outcome)
            if tell:
                tell(number + 1)
    return outcomes


def _digest(path: Path) -> str:
    """SHA-256 of a file; "" of one that cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError):
        return ""


def on_disk(items: Sequence[Item], scratch: Path, opened: ExitStack) -> Iterator[Path]:
    """Where each item's file is, one after another: a member of an archive is a copy that is gone with the next."""
    archives: dict[Path, zipfile.ZipFile] = {}
    for item in items:
        with _file(item, scratch, archives, opened) as path:
            yield path


def bytes_of(item: Item, archives: dict[Path, zipfile.ZipFile], opened: ExitStack) -> bytes:
    """The file itself. ``archives``: those that are open already, which ``opened`` closes; raises :class:`DataError`
    where it cannot be read."""
    try:
        if not item.member:
            return item.path.read_bytes()
        if item.path not in archives:
            archives[item.path] = opened.enter_context(zipfile.ZipFile(item.path))
        return archives[item.path].read(item.member)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        got = f"{item.member} of {item.path}: {error}" if item.member else f"{item.path}: {error}"
        fix = "Fetch the data set again."
        raise DataError("a file of the data set cannot be read", got=got, fix=fix) from error


@contextmanager
def _file(item: Item, scratch: Path, archives: dict[Path, zipfile.ZipFile], opened: ExitStack) -> Iterator[Path]:
    if not item.member:
        yield item.path
        return
    path = scratch / f"file{Path(item.member).suffix}"
    path.write_bytes(bytes_of(item, archives, opened))
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def _outcome(
    item: Item,
    path: Path,
    scratch: Path,
    degradation: Degradation | None,
    options: pipeline.Options,
    on_fault: OnFault | None,
) -> tuple[Outcome, bool]:
    """The outcome, and whether the file was read and no detector failed on it."""
    arrived = path
    try:
        if degradation is not None:
            arrived = on_one_file(lambda: degradation.apply(path, scratch))
        outcome, report = on_one_file(lambda: _examined(item, arrived, options))
    except (MediaError, FaultError) as error:
        if on_fault and isinstance(error, FaultError):
            on_fault(item.name, error)
        told = []
        for said in (error_text(error, "en"), error_text(error, "zh")):
            told.append(said.replace(str(arrived), item.name).replace(str(path), item.name))
        return Outcome(item, None, "unreadable", Text(told[0], zh=told[1])), False
    finally:
        if arrived != path:
            arrived.unlink(missing_ok=True)
    tell_faults(report, item.name, on_fault)
    return outcome, not outcome.failed


def tell_faults(report: Report, name: str, on_fault: OnFault | None) -> None:
    """``on_fault``, if there is one, is told of each detector that failed on the file, which is called ``name``."""
    if on_fault is None:
        return
    faults: dict[str, FaultError] = {}  # the last of each detector
    for e in report.evidence:
        if e.fault:
            faults[e.detector] = FaultError(f"{e.detector}: {e.reason}", trace=e.fault)
    for fault in faults.values():
        on_fault(name, fault)


def _examined(item: Item, path: Path, options: pipeline.Options) -> tuple[Outcome, Report]:
    report = pipeline.examine(path, options=options)
    detectors, reasons, said = set(), set[Text](), []
    scored: list[tuple[float, float]] = []
    for e in report.evidence:
        detectors.add(e.detector)
        said.append(Answer(e.detector, e.person, e.llr, e.finds, e.seconds))
        if e.llr is None and e.reason:
            reasons.add(Text(e.reason, zh=in_language(e.reason, "zh")))
        if e.llr is not None and e.score is not None:
            scored.append((e.llr, e.score))
    alone = len(detectors) == 1
    outcome = Outcome(
        item,
        report.verdict.llr,
        report.verdict.decision,
        _joined(sorted(reasons)),
        score=max(scored, key=itemgetter(0))[1] if alone and scored else None,  # of the most suspicious person
        facts=facts_of(report.media),
        parts=_parts(report, alone),
        seconds=report.engine.seconds,
        said=tuple(said),
        failed=tuple(sorted({e.detector for e in report.evidence if e.fault})),
        seen=_seen(report),
    )
    return outcome, report


def _joined(reasons: Sequence[Text]) -> Text:
    return Text("; ".join(reasons), zh="；".join([reason.zh for reason in reasons]))


def _seen(report: Report) -> dict[str, float]:
    if not report.people:
        return {}
    q = max(report.people, key=lambda p: p.quality.face_px).quality
    return {"face_px": q.face_px, "sharpness": q.sharpness, "brightness": q.brightness, "clipped": q.clipped}


def _parts(report: Report, alone: bool) -> tuple[Part, ...]:
    """People by their verdict; frames where one detector, ``alone``, drew what each of them would weigh alone."""
    people, frames = [], []
    for p in report.verdict.by_person:
        people.append(Part("track", f"person {p.person}", p.llr))
        if report.media.kind == "image":
            frames.append(Part("frame", f"person {p.person}", p.llr, time_s=0.0))
    if report.media.kind != "image" and alone:
        for e in report.evidence:
            for curve in e.exhibits:
                if isinstance(curve, Curve) and str(curve.y_label) == "LLR":
                    for x, y in zip(curve.x, curve.y, strict=True):
                        frames.append(Part("frame", f"person {e.person}, {x:.2f} s", y, time_s=x))
    return (*people, *frames)


def facts_of(media: Media) -> dict[str, float]:
    """How a file is made, and nothing of what it shows: what a shortcut would use. NaN = not known.

    Formats and codecs are numbers without an order, the same for the same name.
    """
    width, height = float(media.width or math.nan), float(media.height or math.nan)
    digits = ""
    for name, value in media.facts:
        if "quality" in name.lower():
            digits = re.sub(r"[^\d.]", "", value)
            break
    return {
        "width": width,
        "height": height,
        "aspect": width / height,
        "bytes per pixel": media.size_bytes / (width * height * (media.frame_count or 1)),
        "quality": float(digits) if digits else math.nan,
        "duration": float(media.duration_s or 0),
        "frame rate": float(media.fps or 0),
        "format": _as_number(media.container),
        "codec": _as_number(media.codec),
        "sound codec": _as_number(media.audio_codec),
        "sample rate": float(media.audio_rate_hz or 0),
        "channels": float(media.audio_channels or 0),
        "leading silence": _leading_silence(media),
    }


def _as_number(name: str) -> float:
    return zlib.crc32(name.encode()) / 2**32 if name else 0.0


def _leading_silence(media: Media) -> float:
    """Seconds until a stretch of 20 ms is louder than -50 dB of full scale; all of it if none is.

    A shortcut that data sets of synthetic speech are known for (N. Müller et al., "Speech is silver, silence is
    golden", ASVspoof workshop 2021). NaN without sound.
    """
    if not media.audio_codec and media.kind != "audio":
        return math.nan
    try:
        audio = read_audio(media, rate_hz=_AUDIO_HZ)
    except MediaError:  # the pictures were read all the same
        return math.nan
    long = int(_AUDIO_HZ * _STRETCH_S)
    mono = mix(audio).mono.astype(np.float64)
    whole = mono[: len(mono) // long * long].reshape(-1, long)
    loud = np.flatnonzero(np.sqrt((whole**2).mean(1)) > 10 ** (_SILENT_DB / 20))
    return float(loud[0] * _STRETCH_S) if len(loud) else len(mono) / _AUDIO_HZ
