"""What goes over the wire, version 1. Fields are added; none changes its meaning or goes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field

from zhenwei.server.comparison import Comparison
from zhenwei.server.problems import ProblemBody
from zhenwei.store.jobs import RUNNING, Job, now
from zhenwei.types import Depth

State = Literal["queued", "running", "done", "failed", "cancelled"]
Decision = Literal["forged", "genuine", "inconclusive"]
Kind = Literal["image", "video", "audio"]
Lang = Literal["en", "zh"]
Scope = Literal["read", "submit", "admin"]
MIN_DAYS, MAX_DAYS = 0.001, 36_500
MAX_BYTES, MAX_PER_MINUTE = 2**62, 1_000_000
_LEAST_FRACTION = 0.05  # from which the time that is left can be told


def _printable(name: str) -> str:
    if not name.isprintable():
        raise ValueError("characters that can be printed alone")
    return name


def _unique(scopes: list[Scope]) -> list[Scope]:
    if len(set(scopes)) != len(scopes):
        raise ValueError("each scope once")
    return scopes


class OptionsBody(BaseModel):
    depth: Depth
    frames: int | None
    detectors: list[str]
    false_alarm: float


class ErrorBody(BaseModel):
    """Why a file could not be examined."""

    kind: str
    message: str
    fix: str


class JobBody(BaseModel):
    """One examination. ``state`` "failed": the file could not be examined, and ``error`` says why. ``llr``: natural-log
    likelihood ratio, above 0 for forged. ``seconds_left`` is a guess by what is done. A key without the scope ``read``
    is not told what was found, who handed it in, or under which name another did: these are null or ""."""

    id: str
    name: str
    sha256: str
    size_bytes: int
    format: str
    options: OptionsBody
    state: State
    stage: str
    fraction: Annotated[float, Field(ge=0, le=1)]
    seconds_left: float | None
    kind: Kind | None
    decision: Decision | None
    llr: float | None
    error_rate: float | None
    reason: str
    error: ErrorBody | None
    submitted_by: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    seconds: float | None
    links: dict[str, str]


class JobList(BaseModel):
    """The newest first. ``next``: the cursor of the next page, "" at the end."""

    jobs: list[JobBody]
    next: str


class BatchItem(BaseModel):
    """What became of one file of a batch: a job, or the problem with it."""

    name: str
    is_new: bool
    job: JobBody | None
    problem: ProblemBody | None


class BatchBody(BaseModel):
    items: list[BatchItem]


class Counts(BaseModel):
    queued: int
    running: int
    done: int
    failed: int
    cancelled: int


class PairBody(BaseModel):
    detector: str
    person: int | None
    second_person: int | None
    first_llr: float | None
    second_llr: float | None
    difference: float | None
    first_finding: str
    second_finding: str


class FactBody(BaseModel):
    name: str
    first: str
    second: str


class ComparisonBody(BaseModel):
    first: JobBody
    second: JobBody
    same_bytes: bool
    same_engine: bool
    evidence: list[PairBody]
    facts: list[FactBody]


class WhoBody(BaseModel):
    """Who asks. ``csrf`` goes into the header X-CSRF-Token of every request of a session that changes something."""

    tenant: str
    name: str
    scopes: list[str]
    csrf: str


class LoginBody(BaseModel):
    name: Annotated[str, Field(max_length=64), AfterValidator(_printable)]
    password: Annotated[str, Field(max_length=1024)]


class KeyBody(BaseModel):
    """A key, without its secret."""

    id: str
    name: str
    scopes: list[str]
    max_bytes: int | None
    per_minute: int | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class NewKeyBody(KeyBody):
    """``key`` is shown this once."""

    key: str


class KeyList(BaseModel):
    keys: list[KeyBody]


class AskKeyBody(BaseModel):
    name: Annotated[
        str, Field(min_length=1, max_length=64, description="Of what can be printed."), AfterValidator(_printable)
    ]
    scopes: Annotated[
        list[Scope], Field(min_length=1, max_length=3, json_schema_extra={"uniqueItems": True}), AfterValidator(_unique)
    ]
    days: Annotated[float | None, Field(ge=MIN_DAYS, le=MAX_DAYS)] = 365.0
    max_bytes: Annotated[int | None, Field(ge=1, le=MAX_BYTES)] = None
    per_minute: Annotated[int | None, Field(ge=1, le=MAX_PER_MINUTE)] = None


class HealthBody(BaseModel):
    status: Literal["ok"]


def job_body(job: Job) -> JobBody:
    own = f"/api/v1/jobs/{job.id}"
    links = {"self": own, "events": f"{own}/events", "report": f"{own}/report", "page": f"{own}/report.html"}
    error = None
    if job.error_kind is not None:
        error = ErrorBody(kind=job.error_kind, message=job.error or "", fix=job.error_fix or "")
    values: dict[str, Any] = {}
    for name in _COPIED:
        values[name] = getattr(job, name)
    return JobBody(
        **values,
        options=OptionsBody.model_validate(dict(job.options)),
        seconds_left=seconds_left(job),
        error=error,
        submitted_by=job.actor,
        links=links,
    )


def veiled(body: JobBody, name: str) -> JobBody:
    """For who may not read: nothing of what was found, nor of who handed it in. ``name``: as they called it, or ""."""
    nothing = dict.fromkeys(("kind", "decision", "llr", "error_rate", "error", "seconds"))
    return body.model_copy(update=nothing | {"name": name, "reason": "", "submitted_by": ""})


_OWN = {"options", "seconds_left", "error", "submitted_by", "links"}
_COPIED = [name for name in JobBody.model_fields if name not in _OWN]


def seconds_left(job: Job) -> float | None:
    if job.state != RUNNING or job.started_at is None or job.fraction < _LEAST_FRACTION:
        return None
    passed = (now() - job.started_at).total_seconds()
    return round(max(0.0, passed * (1 - job.fraction) / job.fraction), 1)


def comparison_body(found: Comparison) -> ComparisonBody:
    pairs: list[PairBody] = []
    for pair in found.pairs:
        pairs.append(
            PairBody(
                detector=pair.detector,
                person=pair.person,
                second_person=pair.second_person,
                first_llr=pair.first_llr,
                second_llr=pair.second_llr,
                difference=pair.difference,
                first_finding=pair.first_finding,
                second_finding=pair.second_finding,
            )
        )
    facts = [FactBody(name=name, first=first, second=second) for name, first, second in found.facts]
    return ComparisonBody(
        first=job_body(found.first),
        second=job_body(found.second),
        same_bytes=found.same_bytes,
        same_engine=found.same_engine,
        evidence=pairs,
        facts=facts,
    )
