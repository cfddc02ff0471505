"""Two examinations side by side: of two files, or of one file at two times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zhenwei.report.kept import from_dict
from zhenwei.report.pair import Paired, paired
from zhenwei.report.pair_people import matched, numbers
from zhenwei.store.jobs import Job
from zhenwei.types import Report


@dataclass(frozen=True, slots=True)
class Comparison:
    """``same_bytes``: it is one file. ``same_engine``: version, models and options are the same. ``pairs``: those that
    differ most first, and last what was asked about one of them only. ``facts``: what the files say of themselves,
    where it differs: name, first, second."""

    first: Job
    second: Job
    same_bytes: bool
    same_engine: bool
    pairs: tuple[Paired, ...]
    facts: tuple[tuple[str, str, str], ...]

    @property
    def people_apart(self) -> bool:
        """Whether nobody knows who of the first is who of the second: what is kept has no places of faces."""
        return any(any(each.unpaired) for each in self.pairs)


def compare(first: Job, second: Job, one: Mapping[str, Any], other: Mapping[str, Any]) -> Comparison:
    """Of two jobs and their reports."""
    sides = _report(one), _report(other)
    people = None if sides[0] is None or sides[1] is None else _people(sides[0], sides[1])
    return Comparison(
        first,
        second,
        first.sha256 == second.sha256,
        first.fingerprint == second.fingerprint,
        paired(*sides, people),
        _facts(one["file"], other["file"]),
    )


def _people(first: Report, second: Report) -> dict[int, int] | None:
    """As :func:`matched`; of one person each, whom else would somebody compare?"""
    known = numbers(first), numbers(second)
    found = matched(first, second)
    return dict(zip(*known, strict=True)) if found is None and len(known[0]) == len(known[1]) == 1 else found


def _report(document: Mapping[str, Any]) -> Report | None:
    found = from_dict(document)
    return found if isinstance(found, Report) else None


def _facts(one: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[tuple[str, str, str], ...]:
    sides = [_flat(one), _flat(other)]
    found: list[tuple[str, str, str]] = []
    for name in sides[0] | sides[1]:
        first, second = sides[0].get(name, ""), sides[1].get(name, "")
        if first != second:
            found.append((name, first, second))
    return tuple(found)


def _flat(file: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in file.items():
        if isinstance(value, str | int | float) and not isinstance(value, bool) and name != "path":
            found[name] = str(value)
    for fact in file.get("facts", []):
        found.setdefault(fact["name"], fact["value"])
    return found
