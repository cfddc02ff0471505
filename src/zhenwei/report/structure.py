"""Report -> plain JSON values, as laid down in ``schema.json`` (``zhenwei.report/1``)."""

from __future__ import annotations

import json
import math
import re
import shlex
from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Any

from zhenwei.pages import legible
from zhenwei.report.outcome import Outcome, Unreadable
from zhenwei.types import (
    Declaration,
    Engine,
    Evidence,
    Exhibit,
    Interval,
    Language,
    Media,
    Person,
    PersonVerdict,
    StreamVerdict,
    Verdict,
    in_language,
)
from zhenwei.words import error_text, translated

SCHEMA = "zhenwei.report/1"
STDIN_NAME = "<stdin>"  # what a file from standard input is called
SET_SCHEMA = "zhenwei.report-set/1"

_UNSAFE = re.compile("[\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff]")


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) that every report, every unreadable file's record and every report set obeys."""
    loaded: dict[str, Any] = json.loads(files("zhenwei.report").joinpath("schema.json").read_text(encoding="utf-8"))
    return loaded


def to_dict(outcome: Outcome, language: Language = "en", *, pictures: bool = False) -> dict[str, Any]:
    """Plain JSON values; sentences in ``language`` where they know it; ``pictures``: with what its page shows, so that
    it can be made from them. A non-finite figure in it is a ValueError."""
    if isinstance(outcome, Unreadable):
        return _unreadable(outcome, language)
    values = {
        "schema": SCHEMA,
        "language": language,
        "file": _file(outcome.media, language),
        "verdict": _verdict(outcome.verdict, language),
        "evidence": [_evidence(evidence, language) for evidence in outcome.evidence],
        "people": [_person(person) for person in outcome.people],
        "engine": _engine(outcome.engine, outcome.media.path),
    }
    if pictures:
        from zhenwei.report.pictures import with_pictures

        return with_pictures(values, outcome, language)
    return values


def to_json(outcome: Outcome, language: Language = "en", *, indent: int | None = None, pictures: bool = False) -> str:
    """One JSON object, on one line unless ``indent`` is given. Characters that steer a terminal are escaped."""
    return as_json(to_dict(outcome, language, pictures=pictures), indent=indent)


def set_to_json(outcomes: Iterable[Outcome], language: Language = "en") -> str:
    """Many files as one object: ``{"schema": "zhenwei.report-set/1", "reports": [...]}``, one report a line."""
    return set_opening() + ",\n".join(to_json(outcome, language) for outcome in outcomes) + SET_ENDING


def set_opening() -> str:
    return f'{{"schema": "{SET_SCHEMA}", "reports": [\n'


SET_ENDING = "\n]}\n"


def as_json(value: Mapping[str, Any], *, indent: int | None = None) -> str:
    written = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent)
    return _UNSAFE.sub(lambda match: f"\\u{ord(match.group()):04x}", written)


def command(engine: Engine, path: str) -> str:
    """The command line that examines the file again in the same way."""
    return _command(engine.options, path)


def of_path(document: dict[str, Any], path: str) -> dict[str, Any]:
    """``document``, a report as JSON has it, changed to that of the same bytes at ``path``."""
    document["file"]["path"] = _text(path)
    document["engine"]["command"] = _text(_command(document["engine"]["options"], path))
    return document


def _command(options: Mapping[str, Any], path: str) -> str:
    named = legible(path, 4000)
    named = "-" if path == STDIN_NAME else f"./{named}" if named.startswith("-") else named
    words = ["zhenwei", "scan", named]
    for name, value in options.items():
        flag = _FLAGS.get(name)
        if flag and name == "detectors":
            for id_ in str(value).replace(",", " ").split():
                words += [flag, id_]
        elif flag:
            words += [flag, str(value)]
        elif name == "depth" and value != "standard":
            words.append(f"--{value}")
    return shlex.join(words)


_FLAGS = {"frames": "--frames", "detectors": "--detector", "false_alarm": "--false-alarm"}


def _unreadable(outcome: Unreadable, language: Language) -> dict[str, Any]:
    error = outcome.error
    said = error_text(error, language, cure=False)
    return {
        "schema": SCHEMA,
        "file": {"path": _text(outcome.path)},
        "error": {
            "kind": type(error).__name__,
            "message": _text(said),
            "fix": _text(translated(error.fix, language)),
        },
    }


def _file(media: Media, language: Language) -> dict[str, Any]:
    audio = {"codec": _text(media.audio_codec), "rate_hz": media.audio_rate_hz, "channels": media.audio_channels}
    return {
        "path": _text(media.path),
        "sha256": media.sha256,
        "kind": media.kind,
        "size_bytes": media.size_bytes,
        "container": _text(media.container),
        "codec": _text(media.codec),
        "width": media.width,
        "height": media.height,
        "duration_s": _declared(media.duration_s),
        "fps": _declared(media.fps),
        "frame_count": media.frame_count,
        "rotation_deg": media.rotation_deg,
        "audio": audio if media.audio_codec else None,
        "facts": [{"name": _text(name), "value": _text(value)} for name, value in media.facts],
        "notes": [_said(note, language) for note in media.notes],
    }


def _verdict(verdict: Verdict, language: Language) -> dict[str, Any]:
    four_ways = []
    for (image, voice), share in verdict.four_ways().items():
        four_ways.append({"picture_forged": image, "voice_forged": voice, "probability": round(share, 6)})
    return {
        "decision": verdict.decision,
        "llr": _finite(verdict.llr, "verdict.llr"),
        "error_rate": _finite(verdict.error_rate, "verdict.error_rate"),
        "explanation": _said(verdict.explanation, language),
        "by_person": [_person_verdict(person, language) for person in verdict.by_person],
        "declared": [_declaration(each, language) for each in verdict.declared],
        "at_fault": list(verdict.at_fault),
        "measured_on": _said(verdict.measured_on, language),
        "unlike": _said(verdict.unlike, language),
        "judged_as": verdict.judged_as,
        "streams": [_stream(stream) for stream in verdict.streams],
        "four_ways": four_ways,
    }


def _declaration(each: Declaration, language: Language) -> dict[str, Any]:
    return {
        "origin": each.origin,
        "channel": each.channel,
        "standing": each.standing,
        "says_ai": each.says_ai,
        "by": _text(each.by),
        "sentence": _said(each.sentence, language),
    }


def _stream(verdict: StreamVerdict) -> dict[str, Any]:
    return {
        "stream": verdict.stream,
        "decision": verdict.decision,
        "llr": _finite(verdict.llr, "streams.llr"),
        "error_rate": _finite(verdict.error_rate, "streams.error_rate"),
    }


def _person_verdict(verdict: PersonVerdict, language: Language) -> dict[str, Any]:
    return {
        "person": verdict.person,
        "decision": verdict.decision,
        "llr": _finite(verdict.llr, "by_person.llr"),
        "error_rate": _finite(verdict.error_rate, "by_person.error_rate"),
        "explanation": _said(verdict.explanation, language),
        "faces": verdict.faces,
        "interval_s": _interval(verdict.interval),
    }


def _evidence(evidence: Evidence, language: Language) -> dict[str, Any]:
    return {
        "detector": _text(evidence.detector),
        "finds": evidence.finds,
        "asked": evidence.asked,
        "counted": _finite(evidence.counted, f"counted of {evidence.detector}"),
        "llr": _finite(evidence.llr, f"llr of {evidence.detector}"),
        "score": _finite(evidence.score, f"score of {evidence.detector}"),
        "finding": _said(evidence.finding, language),
        "reason": _said(evidence.reason, language),
        "failed": bool(evidence.fault),
        "person": evidence.person,
        "interval_s": _interval(evidence.interval),
        "weights": _text(evidence.weights),
        "seconds": _finite(evidence.seconds, f"seconds of {evidence.detector}"),
        "exhibits": [_exhibit(exhibit, language) for exhibit in evidence.exhibits],
    }


def _exhibit(exhibit: Exhibit, language: Language) -> dict[str, Any]:
    return {"kind": exhibit.kind, "caption": _said(exhibit.caption, language)}


def _person(person: Person) -> dict[str, Any]:
    quality = {}
    for name in ("face_px", "sharpness", "brightness", "clipped", "yaw_deg", "pitch_deg", "roll_deg"):
        quality[name] = _finite(getattr(person.quality, name), f"quality.{name}")
    return {
        "person": person.person,
        "faces": person.faces,
        "interval_s": _interval(person.interval),
        "quality": quality,
    }


def _engine(engine: Engine, path: str) -> dict[str, Any]:
    return {
        "version": engine.version,
        "models": dict(engine.models),
        "libraries": dict(engine.libraries),
        "options": dict(engine.options),
        "seconds": _finite(engine.seconds, "engine.seconds"),
        "command": _text(command(engine, path)),
    }


def _interval(interval: Interval | None) -> list[float] | None:
    return None if interval is None else [float(interval.start_s), float(interval.end_s)]


def _said(sentence: str, language: Language) -> str:
    return _text(in_language(sentence, language))


def _text(value: str) -> str:
    """Valid Unicode: a file name's undecodable bytes come as lone surrogates, which no JSON reader has to accept."""
    return value.encode("utf-8", "backslashreplace").decode("utf-8")


def _declared(value: float | None) -> float | None:
    """A figure that the file declares: nonsense in it is the file's, and is left out."""
    return float(value) if value is not None and math.isfinite(value) else None


def _finite(value: float | None, name: str) -> float | None:
    if value is not None and not math.isfinite(value):
        raise ValueError(f"{name} is {value}; a report holds finite figures or None")
    return None if value is None else float(value)
