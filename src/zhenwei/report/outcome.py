"""What became of one file that was to be examined: a report, or why it could not be read."""

from __future__ import annotations

from dataclasses import dataclass

from zhenwei.errors import ZhenweiError
from zhenwei.types import Report


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file that could not be examined, and why."""

    path: str
    error: ZhenweiError


Outcome = Report | Unreadable


def path_of(outcome: Outcome) -> str:
    return outcome.media.path if isinstance(outcome, Report) else outcome.path
