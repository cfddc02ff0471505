"""The addresses that are called when a job is over: lines of ``job.callback_url``, a ``-`` before one that was."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from zhenwei.errors import UsageError
from zhenwei.store.job_tables import JobRow

WAITING, DUE, DELIVERED, GIVEN_UP = "waiting", "due", "delivered", "given up"
_CALLED = "-"  # which no address begins with
_MOST = 100  # of a job that are still to be called, and that were
_SOON_S, _TRIES_LEFT = 60.0, 5  # for an address that joins others that do not answer


class CrowdedError(UsageError):
    """More addresses than are called wait for one job."""


class Called(Protocol):
    """What knows the addresses of a job."""

    @property
    def callback_url(self) -> str | None: ...
    @property
    def callback_state(self) -> str | None: ...


def to_call(job: Called | JobRow) -> list[str]:
    """Those that are still to be called."""
    if job.callback_state in (DELIVERED, GIVEN_UP):
        return []
    return [line for line in (job.callback_url or "").splitlines() if not line.startswith(_CALLED)]


def mark_called(row: JobRow, heard: Sequence[str]) -> None:
    """These have heard of it."""
    lines = (row.callback_url or "").splitlines()
    row.callback_url = "\n".join([f"{_CALLED}{line}" if line in heard else line for line in lines])
    if not to_call(row):
        row.callback_state = DELIVERED


def call_too(row: JobRow, url: str, moment: datetime, *, is_over: bool, is_repeated: bool) -> None:
    """When the job is over, or at once where it is at ``moment``. ``is_repeated``: the same request again, which has
    been called already where its address was. CrowdedError for one address too many."""
    left = to_call(row)
    known = [line.removeprefix(_CALLED) for line in (row.callback_url or "").splitlines()]
    if url in left or (is_repeated and url in known):
        return
    if len(left) >= _MOST:
        got, want = f"{len(left)} that wait for it", f"at most {_MOST} for one file"
        raise CrowdedError("too many addresses are to be called", got=got, want=want, fix="Ask for the job instead.")
    kept = {url, *left}
    called = [f"{_CALLED}{line}" for line in known if line not in kept][-_MOST:]
    row.callback_url = "\n".join([*called, *left, url])
    if not is_over:
        row.callback_state = WAITING
    elif row.callback_state == DUE:  # who calls the others is not disturbed, and who never answers is not begun anew
        soon = moment + timedelta(seconds=_SOON_S)
        row.callback_at = soon if row.callback_at is None else min(row.callback_at, soon)
        row.callback_tries = min(row.callback_tries, _TRIES_LEFT)
    else:
        row.callback_state, row.callback_at, row.callback_tries = DUE, moment, 0
