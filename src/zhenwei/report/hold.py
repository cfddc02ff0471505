"""A folder of results belongs to one process at a time: two that write at once would lose each other's reports."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Self

from zhenwei.errors import UsageError

NAME = ".zhenwei.lock"
_TRIES = 5


class Hold:
    """The folder is this process's until the context is left, or the process ends in whatever way.

    Raises UsageError where another holds it, OSError where it cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._file = -1
        for _ in range(_TRIES):
            self._file = _taken(self._path)
            if self._file >= 0:
                return
        raise UsageError(
            "another zhenwei is writing to this folder",
            got=str(folder),
            want="one at a time",
            fix="Wait until it is done, or name another folder with --output.",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        if self._file < 0:
            return
        with contextlib.suppress(OSError):  # gone already, on systems where closing removes it
            self._path.unlink()
        os.close(self._file)
        self._file = -1


def _taken(path: Path) -> int:
    """A descriptor that holds the lock; -1 if it has to be tried again, or another has it."""
    try:
        import fcntl
    except ImportError:  # no POSIX: there, the file goes when its process does
        flags = os.O_CREAT | os.O_EXCL | os.O_RDWR | getattr(os, "O_TEMPORARY", 0)
        try:
            return os.open(path, flags)
        except FileExistsError:
            return -1
    file = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.exists() and path.stat().st_ino == os.fstat(file).st_ino:
            return file  # and not one that was removed between the two lines
    except BlockingIOError:
        pass
    except OSError:
        os.close(file)
        raise
    os.close(file)
    return -1
