"""A report from its JSON: all that the schema holds, without pictures and curves, in the language it was written in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from zhenwei.errors import DataError
from zhenwei.report.structure import SCHEMA
from zhenwei.types import (
    Declaration,
    Engine,
    Evidence,
    Interval,
    Media,
    Person,
    PersonVerdict,
    Quality,
    Report,
    StreamVerdict,
    Text,
    Verdict,
)

_NO_PICTURE = np.zeros((0, 0, 3), np.uint8)
_MEDIA = (
    "path", "sha256", "kind", "size_bytes", "container", "codec", "width", "height", "duration_s", "fps",
    "frame_count", "rotation_deg",
)  # fmt: skip


def from_dict(document: Mapping[str, Any]) -> Report:
    """The report that ``to_dict`` wrote. DataError for what is no report of this schema."""
    try:
        if document["schema"] != SCHEMA or "error" in document:
            raise ValueError(str(document["schema"]))
        return Report(
            _media(document["file"]),
            _verdict(document["verdict"]),
            tuple([_evidence(each) for each in document["evidence"]]),
            tuple([_person(each) for each in document["people"]]),
            _engine(document["engine"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise DataError("this is no report", got=str(error)[:200], want=SCHEMA) from None


def _media(found: Mapping[str, Any]) -> Media:
    audio = found["audio"] or {}
    return Media(
        **{name: found[name] for name in _MEDIA},
        audio_codec=audio.get("codec", ""),
        audio_rate_hz=audio.get("rate_hz"),
        audio_channels=audio.get("channels"),
        facts=tuple([(each["name"], each["value"]) for each in found["facts"]]),
        notes=tuple(found["notes"]),
    )


def _verdict(found: Mapping[str, Any]) -> Verdict:
    people = []
    for each in found["by_person"]:
        interval = _interval(each["interval_s"])
        people.append(PersonVerdict(**{**_without(each, "interval_s"), "interval": interval}))
    declared = []
    for each in found["declared"]:
        sentence = Text(each["sentence"])
        declared.append(Declaration(each["origin"], each["channel"], each["standing"], sentence, each["by"]))
    return Verdict(
        found["decision"],
        found["llr"],
        found["error_rate"],
        found["explanation"],
        tuple(people),
        tuple([StreamVerdict(**each) for each in found["streams"]]),
        tuple(declared),
        tuple(found["at_fault"]),
        found["measured_on"],
        found["unlike"],
    )


def _evidence(found: Mapping[str, Any]) -> Evidence:
    plain = _without(found, "interval_s", "failed", "exhibits")
    return Evidence(**plain, interval=_interval(found["interval_s"]), fault="failed" if found["failed"] else "")


def _person(found: Mapping[str, Any]) -> Person:
    interval = _interval(found["interval_s"]) or Interval(0.0, 0.0)
    return Person(found["person"], _NO_PICTURE, found["faces"], interval, Quality(**found["quality"]))


def _engine(found: Mapping[str, Any]) -> Engine:
    return Engine(**_without(found, "command"))


def _interval(found: list[float] | None) -> Interval | None:
    return None if found is None else Interval(*found)


def _without(found: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in found.items() if name not in names}
