"""Files of an object store or web server, by URL: listed, and fetched to a temporary file, piece by piece.

What can be reached is what fsspec reaches; the extra ``objects`` brings S3, packages such as gcsfs bring more.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from zhenwei.errors import FaultError, MediaError, MissingExtraError, UsageError, ZhenweiError, install_extra
from zhenwei.faults import contained
from zhenwei.media.formats import meant_as_media
from zhenwei.media.limits import DEFAULT_LIMITS
from zhenwei.report import Outcome, Unreadable

SCHEMES = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "http", "https")
_URL = re.compile(rf"({'|'.join(SCHEMES)})://", re.IGNORECASE)
_PATTERN = re.compile(r"[*?\[]")
_UNUSUAL = re.compile(r"[^\w.-]+")
_PIECE = 1 << 20
_PREFIX = "zhenwei-objects-"
_LONGEST_NAME = 100


def is_url(path: str) -> bool:
    """Whether the path leads to an object store or web server."""
    return bool(_URL.match(path))


def listed(url: str) -> Iterator[str]:
    """The URLs of the object, of all below a folder that are called like media, or of those that fit a pattern.

    Raises MissingExtraError where the package for it is not installed, MediaError where it cannot be reached.
    """
    found = _told(url, lambda: _listed(url))
    if not found:
        raise _unreachable(url, "nothing there")
    yield from found


def fetch(url: str, to: Path, *, max_bytes: int = DEFAULT_LIMITS.max_bytes) -> None:
    """Write the object to the file ``to``. MediaError where it cannot be had, or is larger than ``max_bytes``."""
    _told(url, lambda: _fetch(url, to, max_bytes))


@dataclass(frozen=True, slots=True)
class Given:
    """A file to be examined: what it is called, and where it lies now; ``error``: why it does not."""

    path: str
    local: str
    error: MediaError | None = None

    def done(self) -> None:
        """Away with what was fetched."""
        if self.local != self.path:
            shutil.rmtree(Path(self.local).parent, ignore_errors=True)


class Fetched:
    """``files`` in their order, those of URLs fetched ``ahead`` by threads; use it in a ``with``."""

    def __init__(self, files: Iterable[str], ahead: int) -> None:
        self._files, self._ahead = iter(files), ahead
        self._waiting: deque[Given | Future[Given]] = deque()
        self._stack = contextlib.ExitStack()
        self._threads: ThreadPoolExecutor | None = None
        self._folder = Path()

    def __enter__(self) -> Iterator[Given]:
        return self._given()

    def __exit__(self, *_: object) -> None:
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)
        self._stack.close()

    def _given(self) -> Iterator[Given]:
        for path in self._files:
            self._waiting.append(self._begun(path))
            while self._waiting and (len(self._waiting) > self._ahead or isinstance(self._waiting[0], Given)):
                yield self._first()
        while self._waiting:
            yield self._first()

    def _first(self) -> Given:
        first = self._waiting.popleft()
        return first if isinstance(first, Given) else first.result()

    def _begun(self, path: str) -> Given | Future[Given]:
        if not is_url(path):
            return Given(path, path)
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self._ahead, "zhenwei-fetch")
            _sweep()
            own = tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-", ignore_cleanup_errors=True)
            self._folder = Path(self._stack.enter_context(own))
        return self._threads.submit(fetched, path, self._folder)


def fetched(url: str, folder: Path) -> Given:
    """The object in a folder of its own below ``folder``, under its own name."""
    own = Path(tempfile.mkdtemp(dir=folder))
    local = own / name_of(url)
    try:
        fetch(url, local)
    except MediaError as error:
        return Given(url, str(local), error)
    return Given(url, str(local))


def _sweep() -> None:
    """Away with what drivers left that were killed: their folders name them."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}[0-9]*-*"):
        number = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if number.isdecimal() and not _is_alive(int(number)):
            shutil.rmtree(folder, ignore_errors=True)


def _is_alive(pid: int) -> bool:
    if os.name == "nt":  # there, asking would end it
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        pass
    return True


def name_of(url: str) -> str:
    """What the object is called, as any file system takes it."""
    name = _UNUSUAL.sub("_", url.split("?")[0].rstrip("/").rpartition("/")[2]).strip(".")
    return name[-_LONGEST_NAME:] or "object"


def renamed(outcome: Outcome, path: str) -> Outcome:
    """As of a file at ``path``."""
    if isinstance(outcome, Unreadable):
        return Unreadable(path, outcome.error)
    return replace(outcome, media=replace(outcome.media, path=path))


def _listed(url: str) -> list[str]:
    files, path = _system(url)
    if _PATTERN.search(url):
        return [files.unstrip_protocol(found) for found in files.glob(path)]
    if url.lower().startswith("http") or files.isfile(path):
        return [url]
    found = []
    for each in files.find(path):
        if meant_as_media(each, b"\0"):
            found.append(files.unstrip_protocol(each))
    return found


def _fetch(url: str, to: Path, max_bytes: int) -> None:
    files, path = _system(url)
    size = 0
    with files.open(path, "rb", block_size=4 * _PIECE, cache_type="readahead") as read, to.open("wb") as write:
        while piece := read.read(_PIECE):
            size += len(piece)
            if size > max_bytes:
                got, want = f"over {max_bytes:,} bytes", f"at most {max_bytes:,} bytes"
                raise MediaError(f"'{url}' is too large", got=got, want=want)
            write.write(piece)


def _system(url: str) -> tuple[Any, str]:
    if "::" in url:
        raise UsageError("an address in an address is not fetched", got=url, want="one URL")
    try:
        from fsspec.core import url_to_fs

        found: tuple[Any, str] = url_to_fs(url)
    except ImportError as error:
        fix = f"Run: {install_extra('objects')}"
        raise MissingExtraError(
            "files in an object store need fsspec and its part for it", got=str(error), fix=fix
        ) from None
    return found


def _told(url: str, work: Any) -> Any:
    """What libraries raise of a store that cannot be reached is of no kind that they agree on."""
    try:
        return contained(work)
    except FaultError as error:
        raise _unreachable(url, error.got) from None
    except ZhenweiError:
        raise
    except OSError as error:
        raise _unreachable(url, str(error)) from None


def _unreachable(url: str, got: str) -> MediaError:
    fix = "Check the address, the network and the credentials (as the environment gives them to fsspec)."
    return MediaError(f"'{url}' cannot be fetched", got=" ".join(got.split())[:300], want="an object", fix=fix)
