"""The words of the pages in English and Chinese; those of reports are the report's (``zhenwei.report.terms``)."""

from __future__ import annotations

from zhenwei.report.terms import PHRASES as OF_REPORTS
from zhenwei.server.pages.words import looking, minding, working
from zhenwei.types import Language

PHRASES: dict[str, tuple[str, str]] = looking.PHRASES | working.PHRASES | minding.PHRASES


def say(phrase: str, language: Language, **values: str | int) -> str:
    """The phrase of these pages, else that of reports, in the language, its ``{names}`` filled in."""
    english, chinese = PHRASES.get(phrase) or OF_REPORTS[phrase]
    return (chinese if language == "zh" else english).format(**values)
