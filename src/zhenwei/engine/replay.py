"""What is in a bundle of a case, examined again: the same answer, or another, by another version or by the same."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from zhenwei.engine.pool import Limits, Pool
from zhenwei.errors import UsageError
from zhenwei.pipeline import Options, engine_of
from zhenwei.report import Outcome
from zhenwei.store.bundle_check import Claim
from zhenwei.store.bundle_reading import Bundle
from zhenwei.store.fingerprint import Fingerprint, fingerprint_of
from zhenwei.types import Report

Answer = Literal["same", "other version", "tampered", "not examined", "cannot"]
SAME_LLR = 0.05  # what two machines may differ by
"""``same``: as it says. ``other version``: another answer, by another version, models, options or libraries than then.
``tampered``: another answer by the very same. ``not examined``: the bundle says nothing of it, or it is not in it.
``cannot``: its detectors or options are not to be had here."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """``by_same``: whether what examined it now is what did then. ``decision`` and ``llr``: of now."""

    claim: Claim
    answer: Answer
    by_same: bool
    decision: str = ""
    llr: float | None = None
    why: str = ""


def replay(path: Path, claims: tuple[Claim, ...], *, limits: Limits | None = None) -> Iterator[Replayed]:
    """Examine again what the bundle at ``path`` holds, each file in a worker process; one for each of ``claims``."""
    temporary = tempfile.TemporaryDirectory(prefix="zhenwei-replay-")
    with Bundle(path) as bundle, temporary as folder, Pool(1, limits) as pool:
        for claim in claims:
            if not claim.medium or claim.engine is None:
                yield Replayed(claim, "not examined", by_same=False)
                continue
            try:
                options, now = _as_then(claim.engine)
            except UsageError as error:
                yield Replayed(claim, "cannot", by_same=False, why=str(error))
                continue
            own = Path(folder, Path(claim.medium).name)
            with bundle.open(claim.medium) as packed, own.open("wb") as file:
                shutil.copyfileobj(packed, file)
            pool.give(str(own), options)
            (done,) = pool.wait()
            own.unlink()
            yield _compared(claim, done.outcome, now)


def _as_then(engine: Fingerprint) -> tuple[Options, Fingerprint]:
    given = engine.options
    detectors = tuple([id_ for id_ in str(given.get("detectors", "")).split(",") if id_])
    try:
        options = Options(
            frames=int(given["frames"]), detectors=detectors, false_alarm=float(given["false_alarm"]),
            depth=given["depth"],  # type: ignore[arg-type]
        )  # fmt: skip
    except (KeyError, ValueError, TypeError) as error:
        raise UsageError("its options are none of this version", got=f"{type(error).__name__}: {error}") from None
    return options, fingerprint_of(engine_of(options), options.asked)


def _compared(claim: Claim, outcome: Outcome, now: Fingerprint) -> Replayed:
    by_same = claim.engine is not None and now.sha256 == claim.engine.sha256
    if not isinstance(outcome, Report):
        is_same = claim.decision == "unreadable"
        return Replayed(claim, _answer(is_same, by_same), by_same, "unreadable", why=str(outcome.error))
    by_same = by_same and dict(outcome.engine.libraries) == dict(claim.libraries)
    verdict = outcome.verdict
    is_same = verdict.decision == claim.decision and _near(verdict.llr, claim.llr)
    return Replayed(claim, _answer(is_same, by_same), by_same, verdict.decision, verdict.llr)


def _answer(is_same: bool, by_same: bool) -> Answer:
    return "same" if is_same else "tampered" if by_same else "other version"


def _near(one: float | None, other: float | None) -> bool:
    return one == other if one is None or other is None else abs(one - other) <= SAME_LLR
