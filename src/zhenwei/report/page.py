"""Report -> one HTML page that needs nothing else: no script, no network, no second file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import PurePath

from zhenwei.report import sections
from zhenwei.report.legible import legible
from zhenwei.report.markup import Markup, element, foreign, join, text
from zhenwei.report.wording import clock, say
from zhenwei.types import DetectorInfo, Language, Media, Report

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def to_html(report: Report, language: Language = "en", *, detectors: Mapping[str, DetectorInfo] | None = None) -> str:
    """The report as a page. ``detectors``: catalogue entries by id, for their questions and blind spots."""
    known = detectors or {}
    body = element(
        "main",
        _masthead(report, language),
        sections.declared(report, language),
        sections.verdict(report, language),
        sections.meaning(report, language),
        sections.streams(report, language),
        sections.people(report, language),
        sections.whole_file_exhibits(report, language),
        sections.evidence_table(report, language, known),
        sections.file_facts(report.media, language),
        sections.limits(report, language, known),
        sections.reproduction(report, language),
        element("footer", say("kept_local", language)),
    )
    page = element("html", _head(report, language), element("body", body), lang="zh-Hans" if language == "zh" else "en")
    return f"<!DOCTYPE html>\n{page}\n"


def path_mark(path: str) -> str:
    """What tells, in a page's head, which path it is on: two files of the same bytes have a page each."""
    return hashlib.sha256(path.encode("utf-8", "backslashreplace")).hexdigest()[:32]


def _head(report: Report, language: Language) -> Markup:
    style = files("zhenwei.report").joinpath("style.css").read_text(encoding="utf-8")
    title = f"{_name(report.media)} · {say(report.verdict.decision, language)} · zhenwei"
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("meta", name="zhenwei-file", content=report.media.sha256),
        element("meta", name="zhenwei-path", content=path_mark(report.media.path)),
        element("title", legible(title, 200)),
        element("style", Markup(style)),
    )


def _masthead(report: Report, language: Language) -> Markup:
    media = report.media
    facts = [say(media.kind, language)]
    if media.duration_s is not None:
        facts.append(clock(media.duration_s))
    if media.width and media.height:
        facts.append(f"{media.width} × {media.height} px")
    line = join([text(" · ".join(facts)), element("span", f"SHA-256 {media.sha256[:12]}…", class_="mono")], " · ")
    return join(
        [
            element("header", element("b", "真伪 zhenwei"), element("span", say("title", language)), class_="masthead"),
            element("h1", foreign(_name(media), 160)),
            element("p", line, class_="quiet"),
        ]
    )


def _name(media: Media) -> str:
    return PurePath(media.path).name or media.path
