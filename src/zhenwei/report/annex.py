"""The examiner's annex: whose case it is, what the file is today, by which methods it was examined, and what a
likelihood ratio says and does not say (ENFSI Guideline for Evaluative Reporting in Forensic Science, 2015)."""

from __future__ import annotations

import hashlib
import math
import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from zhenwei import words
from zhenwei.errors import ModelError
from zhenwei.fusion.wording import leaning, ratio, signed
from zhenwei.report.exhibits import weight
from zhenwei.report.terms import say
from zhenwei.types import DetectorInfo, Kind, Language, Media, Report

Standing = Literal["same", "changed", "missing"]
_CHUNK = 1 << 20
_BOUNDS = (1, 2, 10, 100, 1000, 10_000, 1_000_000)  # lower ends of the verbal scale
_FIELD = re.compile(r"[^\w .,:/#()\-]")


@dataclass(frozen=True, slots=True)
class FileNow:
    """What lies at the path of the report today. ``hashes``: by name, of the very bytes that were examined."""

    standing: Standing
    hashes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Annex:
    """What an examiner adds. ``made_at`` and ``kept_at`` know their time zone."""

    file: FileNow
    made_at: datetime
    case: str = ""
    exhibit: str = ""
    examiner: str = ""
    remarks: str = ""
    kept_at: datetime | None = None

    @property
    def running_foot(self) -> str:
        """What stands at the foot of every printed sheet; safe in a style sheet."""
        return " · ".join([_FIELD.sub("", each)[:60] for each in (self.case, self.exhibit) if each])

    @property
    def environment(self) -> str:
        return f"Python {platform.python_version()}, {platform.system()} {platform.release()}, {platform.machine()}"


@dataclass(frozen=True, slots=True)
class Method:
    """``weights``: id and sha256 of each model; ``measured``: how well its calibration was."""

    info: DetectorInfo
    adds: str
    weights: tuple[tuple[str, str], ...]
    measured: str


def file_now(media: Media, path: Path | None = None) -> FileNow:
    """The file of the report as it lies at ``path``, by default where it was: SHA-256, SHA-1 and MD5."""
    digests = {"SHA-256": hashlib.sha256(), "SHA-1": hashlib.sha1(), "MD5": hashlib.md5()}  # noqa: S324 - to be named
    try:
        with (path or Path(media.path)).open("rb") as file:
            while chunk := file.read(_CHUNK):
                for digest in digests.values():
                    digest.update(chunk)
    except (OSError, ValueError):
        return FileNow("missing", {"SHA-256": media.sha256})
    if digests["SHA-256"].hexdigest() != media.sha256:
        return FileNow("changed", {"SHA-256": media.sha256})
    return FileNow("same", {name: digest.hexdigest() for name, digest in digests.items()})


def methods(report: Report, known: Mapping[str, DetectorInfo], language: Language) -> list[Method]:
    """Each detector that answered and is in the catalogue ``known``, once; who adds most first."""
    found: dict[str, Method] = {}
    for each in sorted(report.evidence, key=lambda item: -abs(weight(item))):
        if each.llr is None or each.detector not in known or each.detector in found:
            continue
        info = known[each.detector]
        weights = [(name, report.engine.models[name]) for name in info.models if name in report.engine.models]
        found[each.detector] = Method(
            info, signed(weight(each), 2), tuple(weights), _measured(info, report.verdict.judged_as, language)
        )
    return list(found.values())


def _measured(info: DetectorInfo, kind: Kind, language: Language) -> str:
    """The calibration's paragraph of the first card that has one; of its own part where the model has several, and of
    that for clips where there is one."""
    from zhenwei import models

    part = info.id.rpartition(".")[2]
    parts = (f"{part}_clips", part) if kind == "video" else (part,)
    for name in info.models:
        try:
            section = models.card(name).partition("## Calibration")[2]
        except ModelError:
            continue
        paragraphs = section.partition("\n## ")[0].strip().split("\n\n")
        own = [each for name in parts for each in paragraphs if each.startswith(f"`{name}`: ")] or paragraphs
        if own[0]:
            text = " ".join(re.sub("^`[a-z_]+`: ", "", own[0]).replace("`", "").split())
            return re.sub(
                "（([a-z]+)）",
                lambda noun: f"（{words.translated(noun[1], language)}）",
                words.translated(text, language),
            )
    return ""


def verbal_scale(llr: float | None, language: Language) -> list[tuple[str, str, bool]]:
    """Rows of the scale: from which to which ratio, how much it supports, and whether the file stands there."""
    size = math.exp(min(abs(llr or 0.0), 700.0))
    rows = []
    for number, low in enumerate(_BOUNDS):
        high = _BOUNDS[number + 1] if number + 1 < len(_BOUNDS) else math.inf
        ends = f"{low:,} – {high:,}" if math.isfinite(high) else f"> {low:,}"
        here = llr is not None and low <= size < high
        rows.append((ends, say(f"support_{number + 1}", language), here))
    return rows


def statement(report: Report, language: Language) -> str:
    """What the likelihood ratio of the file says of H1 (forged) and H2 (genuine)."""
    llr = report.verdict.llr
    if llr is None:
        return say("likelihood_none", language)
    side = leaning(llr)
    if side == "neither":
        return say("likelihood_even", language, llr=signed(llr))
    first, second = ("H1", "H2") if side == "forged" else ("H2", "H1")
    return say("likelihood_value", language, ratio=ratio(llr), first=first, second=second, llr=signed(llr))


def shown(annex: Annex | None, report: Report, known: Mapping[str, DetectorInfo], language: Language) -> dict[str, Any]:
    """What the templates of the annex need."""
    if annex is None:
        return {"annex": None, "methods": [], "verbal_scale": [], "statement": ""}
    return {
        "annex": annex,
        "methods": methods(report, known, language),
        "verbal_scale": verbal_scale(report.verdict.llr, language),
        "statement": statement(report, language),
    }
