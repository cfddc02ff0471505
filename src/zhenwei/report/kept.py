"""Kept JSON reports -> reports again, as far as JSON holds them; what follows from one is the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from zhenwei.errors import DataError, MediaError, NoFileError
from zhenwei.report.annex import file_now
from zhenwei.report.outcome import Outcome, Unreadable
from zhenwei.report.pictures import exhibit_from, pixels_from, shown_from
from zhenwei.report.shape import SINCE, wrong_in
from zhenwei.report.structure import SCHEMA, SET_SCHEMA
from zhenwei.report.thumbnails import FULL_PX
from zhenwei.types import (
    Declaration,
    Engine,
    Evidence,
    ImageExhibit,
    Interval,
    Kind,
    Media,
    Person,
    PersonVerdict,
    Quality,
    Report,
    StreamVerdict,
    Text,
    Verdict,
)

MAX_BYTES = 1 << 30
_AUDIO_HZ = 16_000
_POSTER = Text("What was examined", zh="检验对象")
_WHOLE = ("size_bytes", "width", "height", "frame_count", "rotation_deg")
_WANT = "what zhenwei scan --format json or --output wrote"


def read_reports(path: Path) -> list[dict[str, Any]]:
    """The documents in a JSON file: one report, a set of them, or one a line. DataError for anything else, and where a
    field is not of the kind that it was written with."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DataError("this is no report", got=f"{path}: over {MAX_BYTES} bytes", want=_WANT)
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise DataError("the report cannot be read", got=f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise DataError("this is no report", got=f"{path}, which is no text", want=_WANT) from None
    try:
        found = json.loads(text)
        documents = found["reports"] if found.get("schema") == SET_SCHEMA else [found]
    except (ValueError, LookupError, AttributeError, TypeError, RecursionError):
        documents = _lines(path, text)
    for document in documents:
        if not isinstance(document, dict) or document.get("schema") != SCHEMA:
            raise DataError("this is no report", got=str(path), want=_WANT)
        _require_shape(document, f"{path}: ")
    if not documents:
        raise DataError("there is no report in it", got=str(path), want=_WANT)
    return list(documents)


def _lines(path: Path, text: str) -> list[Any]:
    try:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    except (ValueError, RecursionError) as error:
        raise DataError("this is no report", got=f"{path}: {str(error)[:200]}", want=_WANT) from None


def from_dict(document: Mapping[str, Any]) -> Outcome:
    """The inverse of ``to_dict``: sentences in the language that they were kept in, and pictures if they were.

    DataError where the document is no report of this version.
    """
    try:
        if document["schema"] != SCHEMA:
            raise ValueError(f"schema {document['schema']!r}")
        _require_shape(document)
        if "error" in document:
            wrong = document["error"]
            kind = NoFileError if wrong["kind"] == NoFileError.__name__ else MediaError
            return Unreadable(str(document["file"]["path"]), kind(str(wrong["message"]), fix=str(wrong["fix"])))
        return _report(document)
    except (LookupError, TypeError, ValueError, AttributeError, OSError) as error:
        got = f"{type(error).__name__}: {str(error)[:200]}"
        raise DataError("the report is not as it was written", got=got, want=_WANT) from None


def _require_shape(document: Mapping[str, Any], where: str = "") -> None:
    """DataError that names the first field that is missing, or of another kind or range than any that was written."""
    wrong = wrong_in(document)
    if wrong is None:
        return
    field, found = wrong
    got = f"{where}{field}: {found}" if found else where.removesuffix(": ")
    raise DataError("the report is not as it was written", got=got, want=_WANT if found else field)


def _report(document: Mapping[str, Any]) -> Report:
    """Fields that are missing here came later: ``shape.SINCE`` says what their absence meant."""
    engine = document["engine"]
    poster = document.get("poster")
    return Report(
        _media(document["file"]),
        _verdict(document["verdict"], document["file"]["kind"]),
        tuple(map(_evidence, document["evidence"])),
        tuple(map(_person, document["people"])),
        Engine(
            str(engine["version"]),
            dict(engine["models"]),
            dict(engine["libraries"]),
            dict(engine["options"]),
            float(engine["seconds"]),
        ),
        shown_from(poster) if poster else None,
        tuple(map(shown_from, document.get("frames", ()))),
    )


def _media(file: Mapping[str, Any]) -> Media:
    audio = file["audio"] or {"codec": "", "rate_hz": None, "channels": None}
    names = ("path", "sha256", "kind", "size_bytes", "container", "codec", "width", "height", "duration_s", "fps",
             "frame_count", "rotation_deg")  # fmt: skip
    return Media(
        **{name: _whole(file[name]) if name in _WHOLE else file[name] for name in names},
        audio_codec=str(audio["codec"]),
        audio_rate_hz=audio["rate_hz"],
        audio_channels=audio["channels"],
        facts=tuple([(str(fact["name"]), str(fact["value"])) for fact in file["facts"]]),
        notes=tuple(map(str, file["notes"])),
    )


def _whole(value: Any) -> Any:
    """90.0 is 90, as programs that write JSON anew may have it."""
    return None if value is None else int(value)


def _verdict(kept: Mapping[str, Any], kind: Kind) -> Verdict:
    found = {**SINCE["verdict"], **kept}
    people = []
    for one in found["by_person"]:
        interval = _interval(one["interval_s"])
        number = int(one["person"])
        people.append(
            PersonVerdict(
                number,
                one["decision"],
                one["llr"],
                one["error_rate"],
                str(one["explanation"]),
                one["faces"],
                interval,
            )
        )
    declared = []
    for each in found["declared"]:
        sentence = Text(str(each["sentence"]))
        declared.append(Declaration(each["origin"], each["channel"], each["standing"], sentence, str(each["by"])))
    streams = []
    for each in found["streams"]:
        streams.append(StreamVerdict(each["stream"], each["decision"], each["llr"], each["error_rate"]))
    return Verdict(
        found["decision"],
        found["llr"],
        found["error_rate"],
        str(found["explanation"]),
        tuple(people),
        tuple(streams),
        tuple(declared),
        tuple(found["at_fault"]),
        str(found["measured_on"]),
        str(found["unlike"]),
        found.get("judged_as", kind),  # reports from before there was this were judged as what they are
    )


def _evidence(kept: Mapping[str, Any]) -> Evidence:
    row = {**SINCE["evidence"], **kept}
    exhibits = [exhibit_from(entry) for entry in row["exhibits"]]
    return Evidence(
        str(row["detector"]),
        row["llr"],
        str(row["finding"]),
        str(row["reason"]),
        row["score"],
        row["person"],
        _interval(row["interval_s"]),
        tuple([exhibit for exhibit in exhibits if exhibit is not None]),
        str(row["weights"]),
        row["seconds"],
        row["finds"],
        row["counted"],
        asked=bool(row["asked"]),
        fault="failed" if row["failed"] else "",
    )


def _person(row: Mapping[str, Any]) -> Person:
    portrait = pixels_from(row["portrait"]) if "portrait" in row else np.zeros((0, 0, 3), np.uint8)
    interval = _interval(row["interval_s"]) or Interval(0.0, 0.0)
    return Person(row["person"], portrait, row["faces"], interval, Quality(**row["quality"]))


def _interval(ends: list[float] | None) -> Interval | None:
    return None if ends is None else Interval(float(ends[0]), float(ends[1]))


def with_poster(report: Report, path: Path | None = None) -> Report:
    """With a picture of what was examined, where its file still lies at ``path``, by default where it was."""
    from zhenwei import media
    from zhenwei.signals.shown import shrunk, waveform

    where = path or Path(report.media.path)
    if file_now(report.media, where).standing != "same":
        return report
    try:
        with media.opened(where) as facts:
            if facts.kind == "audio":
                audio, _ = media.hear(facts, _AUDIO_HZ)
                return report if audio is None else replace(report, poster=ImageExhibit(_POSTER, waveform(audio)))
            for frame in media.sample_frames(facts, 1):
                return replace(report, poster=ImageExhibit(_POSTER, shrunk(frame.pixels, FULL_PX), frame.time_s))
    except MediaError:
        pass
    return report
