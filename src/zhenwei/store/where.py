"""Conditions on results, as they are written: ``llr>=2``, ``decision=forged``, ``path~*/2024/*``."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement

from zhenwei.errors import UsageError

_FORM = re.compile(r"\s*([a-z_0-9]+)\s*(!=|>=|<=|=|>|<|~)\s*(.*?)\s*", re.DOTALL)
_COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
TEXTS = ("path", "sha256", "kind", "decision", "at_fault", "version", "fingerprint", "error_kind", "error")
NUMBERS = ("llr", "error_rate", "people", "size_bytes", "seconds")
MOMENTS = ("examined_at",)
DECISIONS = ("forged", "genuine", "inconclusive", "unreadable")


@dataclass(frozen=True, slots=True)
class Condition:
    """``column`` is one of ``TEXTS``, ``NUMBERS`` and ``MOMENTS``."""

    column: str
    compare: str
    value: str | float | datetime

    @classmethod
    def parse(cls, text: str) -> Condition:
        """UsageError for what is no condition, or on a column that is not there."""
        form = _FORM.fullmatch(text)
        want = f"COLUMN and =, !=, <, <=, >, >= or ~ and a value; columns: {', '.join((*TEXTS, *NUMBERS, *MOMENTS))}"
        if form is None or form[1] not in (*TEXTS, *NUMBERS, *MOMENTS):
            raise UsageError("this condition cannot be read", got=repr(text), want=want)
        column, compare, value = form.groups()
        if column == "decision" and compare != "~" and value not in DECISIONS:
            raise UsageError("there is no such decision", got=repr(value), want=", ".join(DECISIONS))
        if column in TEXTS:
            return cls(column, compare, value)
        if compare == "~":
            raise UsageError("a pattern is for texts", got=repr(text), want=f"one of {', '.join(TEXTS)}")
        try:
            return cls(column, compare, _number(value) if column in NUMBERS else moment(value))
        except (ValueError, OverflowError):  # the latter: the first and the last day of all, elsewhere
            what = "a number" if column in NUMBERS else "a date such as 2026-01-31 or 2026-01-31T12:00"
            raise UsageError("this condition has no value that fits", got=repr(text), want=what) from None

    def on(self, column: ColumnElement[Any]) -> ColumnElement[bool]:
        """As SQL. ``*`` and ``?`` of a pattern stand for any characters, and for one."""
        if self.compare == "~":
            escaped = re.sub(r"([%_\\])", r"\\\1", str(self.value)).replace("*", "%").replace("?", "_")
            return column.like(escaped, escape="\\")
        found: ColumnElement[bool] = _COMPARE[self.compare](column, self.value)
        return found


def _number(text: str) -> float:
    found = float(text)
    if math.isnan(found):
        raise ValueError(text)
    return found


def moment(text: str) -> datetime:
    """In UTC, as it is without a zone. ValueError or OverflowError for what is none."""
    found = datetime.fromisoformat(text)
    return found.astimezone(UTC) if found.tzinfo is not None else found.replace(tzinfo=UTC)
