"""From a path to the bytes behind it: only regular files, opened so that nothing can hang, and their digest."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from zhenwei.errors import MediaError, NoFileError
from zhenwei.media.facts import clean
from zhenwei.media.formats import Format
from zhenwei.media.limits import Limits
from zhenwei.types import Media

# O_NONBLOCK: opening a FIFO without a writer would wait for ever; it has no effect on regular files.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
# A scheme, or what is left of one where a Path took away a slash; of one letter it would be a Windows drive.
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+:/|data:|www\.", re.IGNORECASE)
_SPECIAL = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a character device",
    stat.S_IFBLK: "a block device",
}


def is_address(path: str) -> bool:
    """Whether what was given as a path is an address of the network, and no file is called so."""
    return bool(_ADDRESS.match(path)) and not os.path.lexists(path)


def address_words(path: str) -> dict[str, str]:
    """What an error says of one: ``what``, ``got``, ``want`` and ``fix``."""
    here = path.lower().startswith("file:")
    return {
        "what": f"'{clean(path)}' is an address, not a file",
        "got": "an address",
        "want": "the path of a file on this machine",
        "fix": "Give the path alone, without what stands before it."
        if here
        else "zhenwei fetches nothing: download it first, then give the path of what was saved.",
    }


def shown_name(path: str) -> str:
    """The file's own name as it may stand in a message: quoted, without control characters."""
    return f"'{clean(Path(path).name or path)}'"


@dataclass(slots=True)
class KeptFile:
    """A file that stays open while it is examined. ``busy``: somebody is reading it, and nobody else may move in it."""

    file: BufferedReader
    media: Media
    form: Format
    busy: bool = False


@contextmanager
def regular_file(path: str, limits: Limits) -> Iterator[tuple[BufferedReader, int]]:
    """Open the regular file at ``path`` for reading and give it with its size in bytes.

    Raises MediaError for a path that is missing, not permitted, not a regular file, empty, or beyond ``max_bytes``, and
    if its size or time changed by the end.
    """
    with _regular_file(path, limits) as (file, before), _not_moved(file, before, path):
        yield file, before.st_size


@contextmanager
def kept_file(
    path: str, limits: Limits, describe: Callable[[BufferedReader, int], tuple[Media, Format]]
) -> Iterator[KeptFile]:
    """As :func:`regular_file`, for all that is read of a file: ``describe`` says what it is. Leaving raises MediaError
    unless ``path`` still is this file with the bytes of ``Media.sha256``, all of which are read once more."""
    with _regular_file(path, limits) as (file, before):
        with _not_moved(file, before, path):
            media, form = describe(file, before.st_size)
        try:
            yield KeptFile(file, media, form)
        except MediaError as error:
            if not _holds(file, before, media):
                raise changed(path) from error
            raise
        if not _holds(file, before, media):
            raise changed(path)


def identify(path: str) -> tuple[str, int]:
    """SHA-256 and size in bytes of a regular file that is not empty; MediaError where there is none."""
    with _regular_file(path, Limits()) as (file, status):
        return digest(file), status.st_size


@contextmanager
def _regular_file(path: str, limits: Limits) -> Iterator[tuple[BufferedReader, os.stat_result]]:
    name = shown_name(path)
    try:
        descriptor = os.open(path, _FLAGS)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise _cannot_open(path, error) from error
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        kind = stat.S_IFMT(status.st_mode)
        raise MediaError(
            f"{name} is not a regular file",
            got=_SPECIAL[kind] if kind in _SPECIAL else "a special file",  # noqa: SIM401 - so zh.json finds them
            want="a picture, video or sound file",
            fix="Name the files in it." if kind == stat.S_IFDIR else "Save its content to a file first.",
        )
    with open(descriptor, "rb") as file:  # noqa: PTH123 - takes over the descriptor
        if status.st_size == 0:
            raise MediaError(
                f"{name} is empty",
                got="0 bytes",
                want="a picture, video or sound",
                fix="Copy or download the file again.",
            )
        if status.st_size > limits.max_bytes:
            raise too_large(name, status.st_size, limits.max_bytes)
        yield file, status


@contextmanager
def _not_moved(file: BufferedReader, before: os.stat_result, path: str) -> Iterator[None]:
    try:
        yield
    except MediaError as error:
        if _moved(file, before):
            raise changed(path) from error
        raise
    if _moved(file, before):
        raise changed(path)


def _moved(file: BufferedReader, before: os.stat_result) -> bool:
    """Whether somebody wrote to the file since ``before``, as far as its size and time tell."""
    now = os.fstat(file.fileno())
    return (now.st_size, now.st_mtime_ns) != (before.st_size, before.st_mtime_ns)


def _holds(file: BufferedReader, before: os.stat_result, media: Media) -> bool:
    """Whether the path of ``media`` still leads to ``file``, and that to the bytes of its digest."""
    try:
        now = Path(media.path).stat()
        return os.path.samestat(now, before) and digest(file) == media.sha256
    except OSError:  # gone, or changed again under the reading
        return False


def too_large(name: str, size_bytes: int, most: int) -> MediaError:
    return MediaError(
        f"{name} is too large",
        got=f"{size_bytes:,} bytes",
        want=f"at most {most:,} bytes",
        fix="Cut out the part in question.",
    )


def changed(path: str) -> MediaError:
    return MediaError(
        f"{shown_name(path)} was changed while it was read",
        got="other bytes at the end than at the beginning",
        want="a file that stays as it is while it is examined",
        fix="Wait until it is completely written, or copy it, and examine it again.",
    )


def _cannot_open(path: str, error: OSError | ValueError) -> MediaError:
    name = shown_name(path)
    number = error.errno if isinstance(error, OSError) else None
    if is_address(path):
        return MediaError(**address_words(path))
    if number in (errno.ENOENT, errno.ENOTDIR):
        return NoFileError(f"{name} does not exist", want="the path of a file", fix="Check the path.")
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
