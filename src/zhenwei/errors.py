"""The error tree.

    ZhenweiError
    ├── MediaError            the file cannot be read as the picture, video or sound that it claims to be
    │   ├── OutOfMemoryError  there is not enough memory for this file
    │   ├── TimeLimitError    it took longer than a file may take
    │   └── WorkerDiedError   the process that examined it died
    ├── ModelError            a weights file is missing, altered, or not of an accepted kind
    ├── DataError             a data set, manifest or checkpoint is missing or malformed
    │   ├── UnmarkedError     a mark finds no room in what was made, or cannot be read back from it
    │   ├── NotCoveredError   a file is not among those that a consent manifest covers
    │   └── NotFoundError     a case, file or examination is not in the store
    ├── UsageError            an option or argument has no meaning here
    ├── MissingExtraError     an optional part of the package is not installed
    ├── DetectorClashError    two detectors claim one id
    ├── ServiceError          a service that was asked (``zhenwei.client``) refused, or cannot be reached
    ├── OutputError           results cannot be written: a full disk, a closed pipe, a folder that is in use
    └── FaultError            something that nobody foresaw; made by ``zhenwei.faults`` alone

Every message says what happened, what was got, what was wanted, and how to fix it. A detector that has nothing to say
abstains; it does not raise. A bug is none of these: it becomes a FaultError at the barrier, which keeps its traceback,
costs one detector or one file, and is never passed over in silence.

Who handles an error asks for its type, never for words in its message.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shlex
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit


class ZhenweiError(Exception):
    """Base of every error that a caller may want to show to a person.

    ``what`` is one clause without a full stop; ``got``, ``want`` and ``fix`` complete it and may be empty.
    """

    def __init__(self, what: str, *, got: str = "", want: str = "", fix: str = "") -> None:
        self.what, self.got, self.want, self.fix = what, got, want, fix
        parts = [what]
        if got:
            parts.append(f"got {got}")
        if want:
            parts.append(f"want {want}")
        message = "; ".join(parts)
        super().__init__(f"{message}. {fix}" if fix else message)

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.what, self.got, self.want, self.fix)


def _rebuild(kind: type[ZhenweiError], what: str, got: str, want: str, fix: str) -> ZhenweiError:
    return kind(what, got=got, want=want, fix=fix)


class MediaError(ZhenweiError):
    """The file cannot be read as the picture, video or sound that it claims to be."""


class NoFileError(MediaError):
    """There is no file at this path."""


class OutOfMemoryError(MediaError):
    """There is not enough memory for this file. Others may well be smaller."""

    @classmethod
    def here(cls) -> Self:
        return cls(
            "there is not enough memory to examine this file",
            want="more free memory",
            fix="Close other programs, or examine it on a machine that has more; of a clip, fewer frames need less.",
        )


class TimeLimitError(MediaError):
    """The file took longer than a file may take, and its process was ended."""

    @classmethod
    def after(cls, seconds: float) -> Self:
        return cls(
            f"over {seconds:g} s",
            want="a file that is examined in that time",
            fix="Allow more time for a file; with a store, --retry beside it.",
        )


class WorkerDiedError(MediaError):
    """The process that examined the file died of it: a library crashed, or the system ended it."""

    @classmethod
    def of(cls, exit_code: int | None) -> Self:
        """``exit_code`` as multiprocessing gives it: below 0 for a signal."""
        how = f"signal {-exit_code}" if exit_code is not None and exit_code < 0 else f"exit status {exit_code}"
        fix = "The file may be damaged or made to do harm; what else was to be examined is not affected."
        if exit_code == -9:
            fix = "Most often the system ran out of memory: use fewer workers, or allow each less memory."
        return cls(f"the worker died ({how})", want="a file that can be examined to the end", fix=fix)


class ModelError(ZhenweiError):
    """A weights file is missing, altered, or not of an accepted kind."""


class DataError(ZhenweiError):
    """A data set, manifest or checkpoint is missing or malformed."""


class UnmarkedError(DataError):
    """A mark finds no room in what was made, or cannot be read back from it: something else may well be marked."""


class NotCoveredError(DataError):
    """A file is not among those that a consent manifest covers; the consent itself holds."""


class NotFoundError(DataError):
    """A case, file or examination is not in the store, or is somebody else's."""


class UsageError(ZhenweiError):
    """An option or argument has no meaning here."""


class MissingExtraError(ZhenweiError):
    """An optional part of the package is not installed; ``fix`` holds the exact install line."""


class DetectorClashError(ZhenweiError):
    """Two detectors claim one id."""


class OutputError(ZhenweiError):
    """Results cannot be written where they are to go."""


class ServiceError(ZhenweiError):
    """A service refused. ``status`` of its answer: 0 where it cannot be reached; ``kind``: its word for the problem."""

    def __init__(
        self, what: str, *, got: str = "", want: str = "", fix: str = "", status: int = 0, kind: str = ""
    ) -> None:
        super().__init__(what, got=got, want=want, fix=fix)
        self.status, self.kind = status, kind

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild_refusal, (self.what, self.got, self.want, self.fix, self.status, self.kind)


def _rebuild_refusal(what: str, got: str, want: str, fix: str, status: int, kind: str) -> ServiceError:
    return ServiceError(what, got=got, want=want, fix=fix, status=status, kind=kind)


class FaultError(ZhenweiError):
    """Something that nobody foresaw. ``trace``: where, as text; for whoever mends it, not for a report."""

    def __init__(self, what: str, *, got: str = "", want: str = "", fix: str = "", trace: str = "") -> None:
        super().__init__(what, got=got, want=want, fix=fix)
        self.trace = trace

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild_fault, (self.what, self.got, self.want, self.fix, self.trace)


def _rebuild_fault(what: str, got: str, want: str, fix: str, trace: str) -> FaultError:
    return FaultError(what, got=got, want=want, fix=fix, trace=trace)


def install_extra(extra: str) -> str:
    """The command that adds ``zhenwei[extra]`` to the environment that runs this: its interpreter, and the folder or
    address that zhenwei was installed from where that was not the index."""
    return _installing(*_requirement(extra))


def install_package(*names: str) -> str:
    """The command that adds those packages to the environment that runs this."""
    return _installing(*names)


def reinstall_package() -> str:
    """The command that puts this package's own files back, from where they came; of an editable install, its models."""
    kind, *rest = _requirement("")
    if kind != "-e":
        return _installing("--force-reinstall", "--no-deps", kind)
    return _joined("git", "-C", *rest, "restore", "src/zhenwei/models")


def _installing(*arguments: str) -> str:
    pip = [sys.executable or "python", "-m", "pip", "install"]
    if importlib.util.find_spec("pip") is None:  # environments of uv have none
        pip = ["uv", "pip", "install", "--python", sys.executable or "python"]
    return _joined(*pip, *arguments)


def _joined(*words: str) -> str:
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)


def _requirement(extra: str) -> tuple[str, ...]:
    """What pip is to install: by PEP 610 from where the package came, as long as that is there."""
    wanted = f"[{extra}]" if extra else ""
    name = f"zhenwei{wanted}"
    try:
        origin = json.loads(metadata.distribution("zhenwei").read_text("direct_url.json") or "{}")
    except (metadata.PackageNotFoundError, ValueError, OSError):
        origin = {}
    url = str(origin.get("url", "")) if isinstance(origin, dict) else ""
    if not url:
        return (name,)
    if not url.startswith("file:"):
        kind = origin.get("vcs_info", {}).get("vcs", "")
        return (f"{name} @ {kind}+{url}" if kind else f"{name} @ {url}",)
    from urllib.request import url2pathname  # a twentieth of a second to import

    folder = Path(url2pathname(urlsplit(url).path))
    if not folder.is_dir():
        return (f"{name} @ {url}",) if folder.is_file() else (name,)
    editable = origin.get("dir_info", {}).get("editable") is True
    return ("-e", f"{folder}{wanted}") if editable else (f"{folder}{wanted}",)
