"""From a path to the bytes behind it: only regular files, opened so that nothing can hang, and their digest."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from zhenwei.errors import MediaError
from zhenwei.media.facts import clean
from zhenwei.media.limits import Limits

# O_NONBLOCK: opening a FIFO without a writer would wait for ever; it has no effect on regular files.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
# A scheme, or what is left of one where a Path took away a slash; of one letter it would be a Windows drive.
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+:/|data:|www\.", re.IGNORECASE)
_SPECIAL = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a character device"),
    (stat.S_ISBLK, "a block device"),
)


def shown_name(path: str) -> str:
    """The file's own name as it may stand in a message: quoted, without control characters."""
    return f"'{clean(Path(path).name or path)}'"


@contextmanager
def regular_file(path: str, limits: Limits) -> Iterator[tuple[BufferedReader, int]]:
    """Open the regular file at ``path`` for reading and give it with its size in bytes.

    Raises MediaError for a path that is missing, not permitted, not a regular file, empty, or beyond ``max_bytes``.
    """
    name = shown_name(path)
    try:
        descriptor = os.open(path, _FLAGS)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise _cannot_open(path, error) from error
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise _special(name, status.st_mode)
    with open(descriptor, "rb") as file:  # noqa: PTH123 - takes over the descriptor
        if status.st_size == 0:
            raise MediaError(f"{name} is empty", got="0 bytes", want="a picture, video or sound", fix=_COPY_AGAIN)
        if status.st_size > limits.max_bytes:
            raise MediaError(
                f"{name} is too large",
                got=f"{status.st_size:,} bytes",
                want=f"at most {limits.max_bytes:,} bytes",
                fix="Cut out the part in question.",
            )
        try:
            yield file, status.st_size
        except MediaError as error:
            if _moved(file, status):
                raise _changed(name) from error
            raise
        if _moved(file, status):
            raise _changed(name)


def _moved(file: BufferedReader, before: os.stat_result) -> bool:
    """Whether somebody wrote to the file since ``before``, as far as its size and time tell."""
    now = os.fstat(file.fileno())
    return (now.st_size, now.st_mtime_ns) != (before.st_size, before.st_mtime_ns)


def _changed(name: str) -> MediaError:
    return MediaError(
        f"{name} was changed while it was read",
        got="other bytes at the end than at the beginning",
        want="a file that stays as it is while it is examined",
        fix="Wait until it is completely written, or copy it, and examine it again.",
    )


@contextmanager
def unchanged(path: str, sha256: str, limits: Limits) -> Iterator[None]:
    """See ``zhenwei.media.unchanged``. Sizes and times of files can lie, so all of it is read once more."""
    try:
        yield
    except MediaError as error:
        if not _holds(path, sha256, limits):
            raise _changed(shown_name(path)) from error
        raise
    if not _holds(path, sha256, limits):
        raise _changed(shown_name(path))


def _holds(path: str, sha256: str, limits: Limits) -> bool:
    try:
        with regular_file(path, limits) as (file, _):
            return digest(file) == sha256
    except (MediaError, OSError):  # gone, or changed again under the reading
        return False


_COPY_AGAIN = "Copy or download the file again."


def _special(name: str, mode: int) -> MediaError:
    got = next((word for is_kind, word in _SPECIAL if is_kind(mode)), "a special file")
    fix = "Name the files in it." if stat.S_ISDIR(mode) else "Save its content to a file first."
    return MediaError(f"{name} is not a regular file", got=got, want="a picture, video or sound file", fix=fix)


def _cannot_open(path: str, error: OSError | ValueError) -> MediaError:
    name = shown_name(path)
    number = error.errno if isinstance(error, OSError) else None
    if _ADDRESS.match(path):
        return MediaError(
            f"'{clean(path)}' is an address, not a file",
            got="an address",
            want="the path of a file on this machine",
            fix="zhenwei fetches nothing: download it first, then give the path of what was saved.",
        )
    if number in (errno.ENOENT, errno.ENOTDIR):
        return MediaError(f"{name} does not exist", want="the path of a file", fix="Check the path.")
    if number in (errno.EACCES, errno.EPERM):
        return MediaError(f"{name} may not be read", got="permission denied", fix="Give yourself read permission.")
    if number == errno.EISDIR:
        return MediaError(f"{name} is not a regular file", got="a folder", fix="Name the files in it.")
    if number == errno.ENXIO:
        return MediaError(f"{name} is not a regular file", got="a socket or device", want="a file")
    reason = os.strerror(number) if number else str(error)
    return MediaError(f"{name} cannot be opened", got=clean(reason), want="a readable file", fix="Check the path.")


def digest(file: BufferedReader) -> str:
    """SHA-256 of the whole file as 64 hexadecimal digits, read in pieces."""
    file.seek(0)
    found = hashlib.file_digest(file, "sha256").hexdigest()
    file.seek(0)
    return found
