"""An examination done again as a kept report says it was done: is the answer the same?"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from pathlib import Path

from zhenwei.errors import DataError
from zhenwei.pipeline import Options, Progress, examine
from zhenwei.report.annex import file_now
from zhenwei.types import Report

_TOLERANCE = 1e-3  # of LLRs: other machines and libraries round otherwise


@dataclass(frozen=True, slots=True)
class Repeated:
    """``differences``: what came out otherwise, as name, before and now; ``engine``: what was another this time, which
    may be why."""

    report: Report
    differences: tuple[tuple[str, str, str], ...]
    engine: tuple[tuple[str, str, str], ...]

    @property
    def same(self) -> bool:
        return not self.differences


def repeated(kept: Report, path: Path | None = None, progress: Progress | None = None) -> Repeated:
    """Examine the file of ``kept`` again with its options, at ``path`` where it has moved.

    DataError where the file is gone or another, MediaError where it cannot be read.
    """
    where = path or Path(kept.media.path)
    standing = file_now(kept.media, where).standing
    if standing != "same":
        what = "the examined file is not there" if standing == "missing" else "the file is not the one examined"
        fix = "Name the file that was examined with --file."
        raise DataError(what, got=str(where), want=f"SHA-256 {kept.media.sha256[:16]}…", fix=fix)
    fresh = examine(str(where), options=_options(kept), progress=progress)
    return Repeated(fresh, tuple(_differences(kept, fresh)), tuple(_engines(kept, fresh)))


def _options(kept: Report) -> Options:
    given = dict(kept.engine.options)
    given["detectors"] = tuple(str(given.get("detectors", "")).replace(",", " ").split())  # type: ignore[assignment]
    known = {field.name for field in fields(Options)}
    return Options(**{name: value for name, value in given.items() if name in known})  # type: ignore[arg-type]


def _differences(kept: Report, fresh: Report) -> list[tuple[str, str, str]]:
    found = []
    if kept.verdict.decision != fresh.verdict.decision:
        found.append(("decision", str(kept.verdict.decision), str(fresh.verdict.decision)))
    if not _close(kept.verdict.llr, fresh.verdict.llr):
        found.append(("LLR", _figure(kept.verdict.llr), _figure(fresh.verdict.llr)))
    before = {(each.detector, each.person): each.llr for each in kept.evidence}
    now = {(each.detector, each.person): each.llr for each in fresh.evidence}
    for key in {**before, **now}:
        if not _close(before.get(key), now.get(key)):
            name = key[0] if key[1] is None else f"{key[0]}, {key[1]}"
            found.append((name, _figure(before.get(key)), _figure(now.get(key))))
    return found


def _engines(kept: Report, fresh: Report) -> list[tuple[str, str, str]]:
    found = []
    if kept.engine.version != fresh.engine.version:
        found.append(("zhenwei", kept.engine.version, fresh.engine.version))
    for before, now in ((kept.engine.models, fresh.engine.models), (kept.engine.libraries, fresh.engine.libraries)):
        for name in {**before, **now}:
            if before.get(name) != now.get(name):
                found.append((name, before.get(name, "–")[:16], now.get(name, "–")[:16]))
    return found


def _close(before: float | None, now: float | None) -> bool:
    if before is None or now is None:
        return before is now
    return math.isclose(before, now, abs_tol=_TOLERANCE)


def _figure(llr: float | None) -> str:
    return "–" if llr is None else f"{llr:+.3f}"
