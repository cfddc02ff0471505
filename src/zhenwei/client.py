"""A small client of the service (``zhenwei serve``): hand in files, wait, and read what was found.

    from zhenwei.client import Client

    with Client("http://127.0.0.1:8765") as service:
        job = service.wait(service.submit("clip.mp4"))
        print(job.decision, job.reason)

Needs the extra ``client``. It loads nothing that examines, so that it runs where zhenwei itself would be too much.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, fields
from datetime import datetime
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, Self

from zhenwei.errors import MissingExtraError, ServiceError, install_extra

if TYPE_CHECKING:
    import httpx

Source = str | PathLike[str] | BinaryIO
Lang = Literal["en", "zh"]
_TRIES = 4  # of what can be asked again without harm
_PASSING = (429, 502, 503, 504)  # busy, or away behind a proxy
_MOST_WAIT_S = 30.0
_AWAY_S = 30.0  # that a service may be away, such as for a restart, while one waits without an end
_LAST_ANSWER_S = 10.0  # that the answer to the last question of a wait may take beyond its time
_SHORTEST_S = 0.25  # of a pause, and that a wait listens in silence before it looks at its time again
_ID = re.compile("[0-9a-f]{32}")
_VISIBLE = re.compile("[!-~]+")  # what a header takes as a word
_MOMENTS = {"created_at", "started_at", "finished_at"}


@dataclass(frozen=True, slots=True)
class Job:
    """One examination, as the service tells of it. ``state``: "queued", "running", "done", "failed" or "cancelled".
    ``decision``: "forged", "genuine", "inconclusive", or None while there is none. ``llr``: natural-log likelihood
    ratio, above 0 for forged. ``error``: of one that failed, ``kind``, ``message`` and ``fix``."""

    id: str
    name: str
    sha256: str
    size_bytes: int
    format: str
    options: Mapping[str, Any]
    state: str
    stage: str
    fraction: float
    seconds_left: float | None
    kind: str | None
    decision: str | None
    llr: float | None
    error_rate: float | None
    reason: str
    error: Mapping[str, str] | None
    submitted_by: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    seconds: float | None

    @property
    def is_over(self) -> bool:
        return self.state in ("done", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Submitted:
    """One file of a batch: the job, or why there is none. ``is_new``: False where it was known."""

    name: str
    is_new: bool
    job: Job | None
    error: ServiceError | None


class Client:
    """``key``: as ``zhenwei serve keys add`` printed it, white space around it aside; none for a service on this
    machine. ``timeout_s``: without a sign of the service. Every method raises ServiceError for what the service
    refuses, for what cannot be sent at all, and where it cannot be reached; making one does for an address or a key
    that cannot be used. Use it in a ``with``, or :meth:`close` it."""

    def __init__(self, url: str = "http://127.0.0.1:8765", key: str = "", *, timeout_s: float = 60.0) -> None:
        try:
            import httpx
        except ImportError as error:
            fix = f"Run: {install_extra('client')}"
            raise MissingExtraError("the client needs httpx", got=str(error), fix=fix) from None
        key = key.strip()
        if key and not _VISIBLE.fullmatch(key):  # which an error must not quote
            fix = "Copy it as it was printed, on one line: zw_ and what follows."
            raise ServiceError(
                "the key of the service has characters that no key has", want="ASCII, no spaces", fix=fix
            )
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._failures = (httpx.HTTPError, httpx.InvalidURL)
        self._away = (httpx.NetworkError, httpx.ProxyError, httpx.RemoteProtocolError, httpx.TimeoutException)
        try:
            self._held = httpx.Client(base_url=url, headers=headers, timeout=timeout_s)
        except (httpx.InvalidURL, ValueError) as error:
            got = (
                type(error).__name__ if "@" in url else f"{type(error).__name__}: {error}"
            )  # a password may stand there
            want = "http://HOST:PORT"
            raise ServiceError("the address of the service cannot be used", got=got, want=want) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._held.close()

    @property
    def _http(self) -> httpx.Client:
        if self._held.is_closed:
            raise ServiceError("the client is closed", fix="Make another.")
        return self._held

    def submit(
        self,
        file: Source,
        *,
        name: str = "",
        depth: str = "",
        frames: int | None = None,
        detectors: Sequence[str] = (),
        false_alarm: float | None = None,
        again: bool = False,
        callback_url: str = "",
        idempotency_key: str = "",
    ) -> Job:
        """Hand in a path or a file that is open for reading. Bytes that the service knows are not examined twice,
        unless ``again``. ``idempotency_key``: the same word later gets the same job, whatever happened between."""
        data = _fields(depth, frames, detectors, false_alarm, again, callback_url)
        if idempotency_key and not _VISIBLE.fullmatch(idempotency_key):
            fix = "Letters, digits and signs of ASCII, without spaces."
            raise ServiceError("the idempotency key has characters that none has", got=ascii(idempotency_key), fix=fix)
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        with ExitStack() as stack:
            files = [_part(stack, file, name)]
            answer = self._send("POST", "/api/v1/jobs", data=data, files=files, headers=headers)
        return _job_in(answer)

    def submit_many(
        self,
        files: Iterable[Source],
        *,
        depth: str = "",
        frames: int | None = None,
        detectors: Sequence[str] = (),
        false_alarm: float | None = None,
        again: bool = False,
    ) -> list[Submitted]:
        """Hand in several at once, in their order. One that cannot be read or is refused costs itself alone."""
        data, files = _fields(depth, frames, detectors, false_alarm, again, ""), list(files)
        parts, unread = [], dict[int, Submitted]()
        with ExitStack() as stack:
            for place, file in enumerate(files):
                try:
                    parts.append(_part(stack, file, ""))
                except ServiceError as error:
                    unread[place] = Submitted(_name_of(file), is_new=False, job=None, error=error)
            answer = self._send("POST", "/api/v1/batches", data=data, files=parts) if parts else None
        with _understood():
            told = [] if answer is None else [_submitted(item) for item in answer.json()["items"]]
            sent = iter(told)
            if len(told) != len(parts):
                raise ValueError(len(told))
        return [unread[place] if place in unread else next(sent) for place in range(len(files))]

    def job(self, id_: str, *, language: Lang = "en") -> Job:
        return _job_in(self._get(_path(id_), language=language))

    def wait(self, job: Job | str, *, timeout_s: float | None = None, tell: Callable[[Job], None] | None = None) -> Job:
        """Until it is over: the job as it is then. ``tell`` hears how far it is. Raises TimeoutError after
        ``timeout_s``; a service that is slow to answer the last question is given up to 10 s more. One that is away for
        a while, as in a restart, is asked again until then; without ``timeout_s`` for half a minute."""
        id_ = job if isinstance(job, str) else job.id
        end = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            heard = False
            with contextlib.suppress(*self._failures):
                for seen in self._events(id_, end):
                    heard = True
                    if tell is not None:
                        tell(seen)
                    if seen.is_over:
                        break
            try:
                now = _job_in(self._get(_path(id_), language="en", end=end, away_s=_AWAY_S))
            except ServiceError as error:
                if end is None or not self._passes(error):
                    raise
                raise TimeoutError(f"the examination {id_} is not over after {timeout_s:g} s") from error
            if now.is_over:
                return now
            if end is not None and time.monotonic() >= end:
                raise TimeoutError(f"the examination {id_} is not over after {timeout_s:g} s")
            time.sleep(_at_most(0.2 if heard else 1.0, end))

    def jobs(
        self,
        *,
        state: Sequence[str] = (),
        decision: Sequence[str] = (),
        kind: Sequence[str] = (),
        text: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
        language: Lang = "en",
    ) -> Iterator[Job]:
        """The newest first, all pages. ``text``: a part of the name, or how the sha256 begins."""
        asked: dict[str, Any] = {"state": list(state), "decision": list(decision), "kind": list(kind), "limit": 200}
        asked |= {"language": language, "q": text}
        for name, moment in (("since", since), ("until", until)):
            if moment is not None:
                asked[name] = moment.isoformat()
        while True:
            answer = self._get("/api/v1/jobs", **asked)
            with _understood():
                page = answer.json()
                found, asked["after"] = [_job(item) for item in page["jobs"]], page["next"]
            yield from found
            if not asked["after"]:
                return

    def report(self, id_: str, *, language: Lang = "en") -> dict[str, Any]:
        """By the schema ``zhenwei.report/1``; of a file that could not be examined, with ``error``."""
        return _read(self._get(f"{_path(id_)}/report", language=language))

    def page(self, id_: str, *, language: Lang = "en") -> str:
        """The report as HTML."""
        return self._get(f"{_path(id_)}/report.html", language=language).text

    def pdf(self, id_: str, *, language: Lang = "en") -> bytes:
        """The report on paper, A4, with an annex for examiners; the service prints one at a time."""
        return self._get(f"{_path(id_)}/report", language=language, format="pdf", timeout_s=120.0).content

    def save_media(self, id_: str, path: str | PathLike[str]) -> None:
        """The bytes that were handed in."""
        with self._told(), self._http.stream("GET", f"{_path(id_)}/media") as answer:
            if answer.is_error:
                answer.read()
                raise _of(answer)
            with Path(path).open("wb") as file:
                for piece in answer.iter_bytes():
                    file.write(piece)

    def compare(self, first: str, second: str, *, language: Lang = "en") -> dict[str, Any]:
        one, other = _checked(first), _checked(second)
        return _read(self._get("/api/v1/compare", first=one, second=other, language=language))

    def counts(self) -> dict[str, int]:
        """How many are in each state."""
        return _read(self._get("/api/v1/counts"))

    def cancel(self, id_: str) -> Job:
        return _job_in(self._send("POST", f"{_path(id_)}/cancel"))

    def delete(self, id_: str) -> None:
        """For ever."""
        self._send("DELETE", _path(id_))

    def _events(self, id_: str, end: float | None) -> Iterator[Job]:
        """News until ``end`` at the latest. How long a stream may be silent is set as it is opened: where less is left,
        listening ends, so that who waits opens another."""
        silence = None if end is None else max(_SHORTEST_S, (end - time.monotonic()) / 4)
        with self._http.stream("GET", f"{_path(id_)}/events", timeout=self._patience(silence)) as answer:
            if answer.status_code in _PASSING:
                return
            if answer.is_error:
                answer.read()
                raise _of(answer)
            for line in answer.iter_lines():
                if line.startswith("data: {") and line != "data: {}":
                    with _understood():
                        seen = _job(json.loads(line.removeprefix("data: ")))
                    yield seen
                if end is not None and silence is not None and time.monotonic() > end - silence:
                    return

    def _patience(self, seconds: float | None) -> httpx.Timeout:
        """The timeouts of the client, but at most ``seconds`` to connect and of silence."""
        own = self._http.timeout
        if seconds is None:
            return own
        connect, read = [seconds if limit is None else min(limit, seconds) for limit in (own.connect, own.read)]
        return type(own)(connect=connect, read=read, write=own.write, pool=own.pool)

    def _get(
        self,
        path: str,
        *,
        timeout_s: float | None = None,
        end: float | None = None,
        away_s: float = 0.0,
        **asked: Any,
    ) -> httpx.Response:
        longer = {} if timeout_s is None else {"timeout": max(timeout_s, self._http.timeout.read or timeout_s)}
        return self._send("GET", path, end=end, away_s=away_s, params=asked, **longer)

    def _send(self, method: str, path: str, **content: Any) -> httpx.Response:
        """The answer. What changes nothing is asked again where the service is busy or away."""
        try:
            return self._answer(method, path, **content)
        except UnicodeError as error:  # of texts that are none, such as names of files in another encoding
            got = f"{type(error).__name__}: {error}"
            raise ServiceError("a text of this request cannot be sent", got=got, want="valid Unicode") from None

    def _answer(
        self, method: str, path: str, *, end: float | None = None, away_s: float = 0.0, **content: Any
    ) -> httpx.Response:
        """Asked again until ``end``; without one a few times, and for ``away_s`` at least."""
        began = time.monotonic()
        for tries in itertools.count():
            if end is not None:
                content["timeout"] = self._patience(max(_LAST_ANSWER_S, end - time.monotonic()))
            pause = 0.5 * 2 ** min(tries, 3)
            try:
                with self._told():
                    answer = self._http.request(method, path, **content)
                if not answer.is_error:
                    return answer
                wait = answer.headers.get("retry-after", "")
                pause = min(_MOST_WAIT_S, max(_SHORTEST_S, float(wait))) if wait.isdigit() else pause
                raise _of(answer)
            except ServiceError as error:
                now = time.monotonic()
                enough = now >= end if end is not None else tries + 1 >= _TRIES and now >= began + away_s
                if method != "GET" or enough or not self._passes(error):
                    raise
            time.sleep(_at_most(pause, end))
        raise AssertionError  # the count has no end

    def _passes(self, error: ServiceError) -> bool:
        """Whether it may be otherwise a little later."""
        return error.status in _PASSING or isinstance(error.__cause__, self._away)

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except self._failures as error:
            fix = "Check the address, and that it runs: zhenwei serve"
            got = f"{type(error).__name__}: {error}"
            raise ServiceError("the service cannot be reached", got=got, fix=fix) from error


def _path(id_: str) -> str:
    """Of the job with that id."""
    return f"/api/v1/jobs/{_checked(id_)}"


def _checked(id_: str) -> str:
    """ServiceError for what would lead to something else."""
    if not _ID.fullmatch(id_):
        raise ServiceError("this is no id of an examination", got=ascii(id_)[:100], want="one that the service gave")
    return id_


def _at_most(seconds: float, end: float | None) -> float:
    return seconds if end is None else max(0.0, min(seconds, end - time.monotonic()))


@contextlib.contextmanager
def _understood() -> Iterator[None]:
    """Around what is read from an answer."""
    try:
        yield
    except (KeyError, TypeError, ValueError) as error:
        fix = "Check the address: something else answers there, or another version."
        raise ServiceError("the answer is none of the service", got=type(error).__name__, fix=fix) from None


def _fields(
    depth: str,
    frames: int | None,
    detectors: Sequence[str],
    false_alarm: float | None,
    again: bool,
    callback_url: str,
) -> dict[str, Any]:
    if isinstance(detectors, str):
        want = "a list of ids of detectors"
        raise ServiceError("the option detectors has the wrong type", got=ascii(detectors)[:100], want=want)
    found: dict[str, Any] = {"depth": depth, "frames": frames, "detectors": list(detectors)}
    found |= {"false_alarm": false_alarm, "again": "true" if again else "", "callback_url": callback_url}
    return {name: value for name, value in found.items() if value not in ("", None, [])}


def _part(stack: ExitStack, file: Source, name: str) -> tuple[str, tuple[str, BinaryIO]]:
    """Raises ServiceError for what cannot be read, and for a file that gives text."""
    if isinstance(file, str | PathLike):
        path = Path(file)
        try:
            opened = stack.enter_context(path.open("rb"))
        except (OSError, ValueError) as error:
            got = f"{_sendable(str(path))[:300]}: {getattr(error, 'strerror', None) or error}"
            raise ServiceError("the file cannot be read", got=got, fix="Check its name and the permissions.") from None
        return "file", (_sendable(name or _name_of(file)), opened)
    try:
        nothing: object = file.read(0)
    except (AttributeError, OSError, TypeError, ValueError):
        nothing = None
    if not isinstance(nothing, bytes):
        want, fix = "a path, or a file that is open for reading bytes", 'Open it with open(PATH, "rb").'
        raise ServiceError("this cannot be handed in", got=type(file).__name__, want=want, fix=fix)
    return "file", (_sendable(name or _name_of(file)), file)


def _name_of(file: Source) -> str:
    if isinstance(file, str | PathLike):
        return Path(file).name
    return Path(str(getattr(file, "name", "upload"))).name


def _sendable(name: str) -> str:
    """Names of files may hold bytes that are no text."""
    return name.encode("utf-8", "replace").decode("utf-8")


def _read(answer: httpx.Response) -> dict[str, Any]:
    with _understood():
        found: dict[str, Any] = answer.json()
        return found


def _job_in(answer: httpx.Response) -> Job:
    with _understood():
        return _job(answer.json())


def _job(content: Mapping[str, Any]) -> Job:
    values: dict[str, Any] = {}
    for each in fields(Job):
        value = content[each.name]
        values[each.name] = datetime.fromisoformat(value) if each.name in _MOMENTS and value else value
    return Job(**values)


def _submitted(item: Mapping[str, Any]) -> Submitted:
    job = None if item["job"] is None else _job(item["job"])
    error = None if item["problem"] is None else _error(item["problem"])
    return Submitted(item["name"], item["is_new"], job, error)


def _of(answer: httpx.Response) -> ServiceError:
    try:
        content = answer.json()
        return _error(content)
    except (ValueError, KeyError, TypeError):  # of a proxy in between
        return ServiceError("the service refused", got=f"status {answer.status_code}", status=answer.status_code)


def _error(problem: Mapping[str, Any]) -> ServiceError:
    kind = str(problem["type"]).rpartition(":")[2]
    return ServiceError(str(problem["detail"]), fix=str(problem["fix"]), status=int(problem["status"]), kind=kind)
