"""Two examinations side by side: of two files, or of one file at two times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zhenwei.store.jobs import Job


@dataclass(frozen=True, slots=True)
class Pair:
    """One detector, on one person or on the file. LLRs are None where it abstained or was not asked."""

    detector: str
    person: int | None
    first_llr: float | None
    second_llr: float | None
    first_finding: str
    second_finding: str

    @property
    def is_silent(self) -> bool:
        """Whether it has an answer on neither."""
        return self.first_llr is None and self.second_llr is None

    @property
    def difference(self) -> float | None:
        if self.first_llr is None or self.second_llr is None:
            return None
        return self.second_llr - self.first_llr


@dataclass(frozen=True, slots=True)
class Comparison:
    """``same_bytes``: it is one file. ``same_engine``: version, models and options are the same. ``pairs``: those that
    differ most first. ``facts``: what the files say of themselves, where it differs: name, first, second."""

    first: Job
    second: Job
    same_bytes: bool
    same_engine: bool
    pairs: tuple[Pair, ...]
    facts: tuple[tuple[str, str, str], ...]


def compare(first: Job, second: Job, one: Mapping[str, Any], other: Mapping[str, Any]) -> Comparison:
    """Of two jobs and their reports."""
    return Comparison(
        first,
        second,
        first.sha256 == second.sha256,
        first.fingerprint == second.fingerprint,
        _pairs(one.get("evidence", []), other.get("evidence", [])),
        _facts(one["file"], other["file"]),
    )


def _pairs(one: list[Mapping[str, Any]], other: list[Mapping[str, Any]]) -> tuple[Pair, ...]:
    sides: list[dict[tuple[str, int | None], Mapping[str, Any]]] = []
    for evidence in (one, other):
        side: dict[tuple[str, int | None], Mapping[str, Any]] = {}
        for item in evidence:
            side.setdefault((item["detector"], item["person"]), item)
        sides.append(side)
    first, second = sides
    pairs: list[Pair] = []
    for key in first | second:
        mine, theirs = first.get(key, {}), second.get(key, {})
        said = [str(side.get("finding") or side.get("reason") or "") for side in (mine, theirs)]
        pairs.append(Pair(*key, mine.get("llr"), theirs.get("llr"), said[0], said[1]))
    pairs.sort(key=lambda pair: (-abs(pair.difference or 0.0), pair.detector, pair.person or 0))
    return tuple(pairs)


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
