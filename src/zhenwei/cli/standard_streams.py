"""Standard output and error, as every command finds them: a full disk, a closed pipe and a closed stream are told apart
from all else that can go wrong, whichever library does the writing.

Click and rich end a program with 1 when a pipe is closed, Python with 120 when its last flush fails, and a program
whose standard output is closed opens its first file in its place. In here there are two errors, raised where it is
written.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from collections.abc import Iterator
from typing import BinaryIO, TextIO, cast

from zhenwei.errors import OutputError

READER_GONE = 141  # exit status: 128 + 13, what a shell gives for a program that ended by the signal PIPE


class ReaderGoneError(OutputError):
    """Whoever read standard output has read enough, as ``head`` does: nothing is wrong, and nobody is left to tell."""


class _Door(io.BufferedIOBase):
    """Writes to ``out``, None for a closed stream. What the system refuses is an OutputError; of a ``lossy`` one it is
    dropped, since a note that cannot be shown is no reason to stop."""

    def __init__(self, out: BinaryIO | None, *, lossy: bool) -> None:
        self._out, self.lossy, self._lost = out, lossy, False

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        if self._out is None:
            raise io.UnsupportedOperation("a closed stream has no number")
        return self._out.fileno()

    def isatty(self) -> bool:
        return self._out is not None and self._out.isatty()

    def write(self, data: object) -> int:
        left = memoryview(cast("bytes", data)).cast("B")
        length = len(left)
        with self._told():
            while left and not self._lost:
                if self._out is None:
                    raise OSError(errno.EBADF, "it is closed")
                left = left[self._out.write(left) or 0 :]  # unbuffered, it may take a part alone
        return length

    def flush(self) -> None:
        with self._told():
            if self._out is not None and not self._lost:
                self._out.flush()

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._lost = True
            if self._out is not None:
                _lead_nowhere(self._out)
            if self.lossy:
                return
            if error.errno in (errno.EPIPE, errno.ESHUTDOWN, errno.ECONNRESET):
                raise ReaderGoneError("whoever read standard output is gone") from error
            cure = "Leave it open" if self._out is None else "Free some space"
            raise OutputError(
                "standard output cannot be written",
                got=error.strerror or type(error).__name__,
                fix=f"{cure} or send it elsewhere, and start again: what was written before is incomplete.",
            ) from error


def _lead_nowhere(out: BinaryIO) -> None:
    """What is still in its buffer must not be complained about once more while Python shuts down."""
    with contextlib.suppress(OSError):  # an UnsupportedOperation is one: a stream of a test, which has no number
        number, nowhere = out.fileno(), os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, number)
        os.close(nowhere)


class _Open(io.TextIOWrapper):
    """A standard stream that no plug-in closes for everybody."""

    def close(self) -> None:
        with contextlib.suppress(ValueError):  # given back already
            self.flush()


class _Results(_Open):
    """Standard output of a command: for its results, and nothing that a plug-in prints."""

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """Within it, ``sys.stdout`` and what is written to its number go to standard error; on a terminal, where a
        person reads both, to where they always go."""
        if sys.stdout is not self or self.isatty():
            yield
            return
        kept = None
        with contextlib.suppress(OSError):  # of a full disk or a closed pipe, which the next result meets and tells
            if self.fileno() == 1:
                _flush_buffers()
                kept = os.dup(1)
                os.dup2(2, 1)
        sys.stdout = sys.stderr
        try:
            yield
        finally:
            sys.stdout = self
            if kept is not None:
                with contextlib.suppress(OSError):
                    _flush_buffers()
                os.dup2(kept, 1)
                os.close(kept)


def _flush_buffers() -> None:
    """What Python and C keep of standard output goes to where its number leads now. OSError where it cannot."""
    with contextlib.suppress(AttributeError, ValueError):  # none, or closed
        cast("TextIO", sys.__stdout__).flush()
    with contextlib.suppress(ImportError, AttributeError, OSError, TypeError):  # where C cannot be asked
        import ctypes  # here alone: it takes time, and is for plug-ins

        ctypes.CDLL(None).fflush(None)


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """Within it, ``sys.stdout`` and ``sys.stderr`` are UTF-8 for pipes and files whatever the locale, escape what a
    terminal cannot show, and raise OutputError instead of OSError; notes that cannot be shown are dropped.
    ``sys.stdout.aside()`` keeps what others print out of the results."""
    _fill_closed()
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = _through_a_door(sys.stdout, lossy=False), _through_a_door(sys.stderr, lossy=True)
    doors = sys.stdout, sys.stderr
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
        for door, was in zip(doors, before, strict=True):
            if door is not was and isinstance(door, io.TextIOWrapper):
                with contextlib.suppress(OutputError):
                    door.detach()


def _through_a_door(stream: TextIO | None, *, lossy: bool) -> TextIO:
    if stream is None:
        return _text(_Door(None, lossy=lossy), "utf-8")
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    with contextlib.suppress(OSError):
        stream.flush()
    door = _Door(cast("BinaryIO", stream.buffer), lossy=lossy)
    return _text(door, stream.encoding if stream.isatty() else "utf-8", line_buffering=stream.line_buffering)


def _text(door: _Door, encoding: str, *, line_buffering: bool = False) -> TextIO:
    buffer = cast("io.BufferedWriter", door)  # of which it has all that a TextIOWrapper calls
    kind = _Open if door.lossy else _Results
    return kind(buffer, encoding, "backslashreplace", line_buffering=line_buffering, write_through=True)


def _fill_closed() -> None:
    """Open nothing in the place of closed standard streams: the next file would be opened there, and overwritten by a
    library that prints."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free, which is this one
