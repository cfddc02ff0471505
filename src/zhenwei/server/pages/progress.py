"""How far a job is, in words."""

from __future__ import annotations

from dataclasses import dataclass

from zhenwei.server.models import seconds_left
from zhenwei.server.pages.words import say
from zhenwei.store.jobs import QUEUED, RUNNING, Job, Jobs
from zhenwei.types import Language

_SOON_S = 4.0
_STAGES = {
    "": "waiting",
    "waiting": "waiting",
    "reading": "reading",
    "finding faces": "finding",
    "following faces": "following",
    "done": "done",
}


@dataclass(frozen=True, slots=True)
class Progress:
    """``percent``: 100 where it is over, whatever became of it."""

    job: Job
    percent: int
    stage: str
    left: str


def progress(job: Job, jobs: Jobs, language: Language) -> Progress:
    if job.is_over:
        return Progress(job, 100, "", "")
    if job.state == QUEUED:
        ahead = jobs.ahead(job)
        told = say("ahead", language, count=ahead) if ahead else say("ahead_none", language)
        return Progress(job, 0, say("state_queued", language), told)
    return Progress(job, round(100 * job.fraction), _stage(job, language), _left(job, language))


def _stage(job: Job, language: Language) -> str:
    """The step; a detector that is asked goes by its id."""
    known = _STAGES.get(job.stage)
    if known is not None:
        return say(f"stage_{known}", language)
    return f"{say('stage_asking', language)}: {job.stage}"


def _left(job: Job, language: Language) -> str:
    left = seconds_left(job) if job.state == RUNNING else None
    if left is None:
        return say("left_unknown", language)
    if left < _SOON_S:
        return say("left_soon", language)
    if left < 90:
        return say("left_s", language, value=f"{left:.0f}")
    return say("left_min", language, value=f"{left / 60:.0f}")
