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


def numbers_of_people(report: Report) -> list[int]:
    """Of everybody who was seen or judged, rising."""
    seen = [person.person for person in report.people]
    judged = [person.person for person in report.verdict.by_person]
    return sorted({*seen, *judged})
