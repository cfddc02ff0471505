"""Uploads: from the network to the disk in pieces, never whole in memory; what is too large or no medium is refused as
soon as that can be seen. What is kept lies under its digest, without its name."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from anyio import to_thread
from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.requests import ClientDisconnect, Request

from zhenwei.media.formats import HEAD_BYTES, advice, described, recognise
from zhenwei.server.problems import ProblemError, of_system

_PIECE = 1 << 20
_MAX_FIELDS = 64
_MAX_FIELD_BYTES = 1 << 16  # of all fields together
_OVERHEAD = 1 << 20  # of the form around its files


@dataclass(slots=True)
class Received:
    """A file that has arrived: on the disk and whole. ``problem``: why it was refused; then it lies nowhere."""

    name: str
    sha256: str = ""
    size_bytes: int = 0
    format: str = ""
    path: Path | None = None
    problem: ProblemError | None = None


@dataclass(slots=True)
class Form:
    """What came in one request; leaving it takes away whatever was not kept."""

    files: list[Received] = field(default_factory=list)
    fields: list[tuple[str, str]] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for file in self.files:
            if file.path is not None:
                file.path.unlink(missing_ok=True)

    def values(self, name: str) -> list[str]:
        return [value for known, value in self.fields if known == name]


class Folder:
    """Where the service keeps files: ``incoming`` while they arrive, ``media`` under their digest, ``work`` for the
    workers, ``alive`` for the locks of processes, ``previews`` for copies that pages show."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.incoming, self.media = root / "incoming", root / "media"
        self.work, self.alive = root / "work", root / "alive"
        self.previews = root / "previews"

    def make(self) -> None:
        """OSError where it cannot be made."""
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        for folder in (self.incoming, self.media, self.work, self.alive):
            folder.mkdir(exist_ok=True, mode=0o700)

    def medium(self, sha256: str) -> Path:
        return self.media / sha256[:2] / sha256

    def preview(self, sha256: str) -> Path:
        """A folder."""
        return self.previews / sha256[:2] / sha256

    def remove(self, sha256: str) -> None:
        """Away with the bytes, and with what pages show of them."""
        self.medium(sha256).unlink(missing_ok=True)
        shutil.rmtree(self.preview(sha256), ignore_errors=True)

    def keep(self, received: Received) -> None:
        """Put it where it belongs, on the disk for good."""
        if received.path is None:
            return
        target = self.medium(received.sha256)
        target.parent.mkdir(exist_ok=True, mode=0o700)
        if not target.exists():
            received.path.replace(target)
            sync_folder(target.parent)
            received.path = None

    def require_writable(self) -> None:
        """OSError where an upload could not be kept."""
        for folder in (self.incoming, self.media):
            with tempfile.TemporaryFile(dir=folder):
                pass

    def free_bytes(self) -> int:
        return shutil.disk_usage(self.root).free


def sync_folder(folder: Path) -> None:
    """Names in it are on the disk."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """Of one request. ``max_bytes`` of one file, ``total_bytes`` of all; ``min_free_bytes`` stay free on the disk."""

    max_bytes: int
    max_files: int
    total_bytes: int
    min_free_bytes: int


async def receive(request: Request, folder: Folder, limits: UploadLimits) -> Form:
    """The form in the request. Raises Problem for what is no form, too many files, and a disk that is full; with one
    file allowed for what is wrong with that, too. Of several, each says what is wrong with it."""
    boundary = _boundary(request)
    _require_size(request, folder, limits)
    form = Form()
    reader = _Reader(folder, limits, form)
    try:
        parser = MultipartParser(boundary, reader.callbacks(), max_header_count=16, max_header_size=4096)
        async for piece in _pieces(request, limits):
            _require_room(folder, limits)
            parser.write(piece)
            await to_thread.run_sync(reader.work)
        parser.finalize()
        await to_thread.run_sync(reader.work)
        reader.require_end()
    except FormParserError:
        reader.abandon()
        form.__exit__(None, None, None)
        raise ProblemError(400, "broken-form", "the form in this request is broken", fix="Send it again.") from None
    except BaseException:
        reader.abandon()
        form.__exit__(None, None, None)
        raise
    return form


def _boundary(request: Request) -> bytes:
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not boundary:
        fix = "Send multipart/form-data with the file in the field file, as curl -F file=@NAME does."
        raise ProblemError(415, "no-form", "an upload has to be a form", fix=fix)
    return boundary


def _require_size(request: Request, folder: Folder, limits: UploadLimits) -> None:
    """By what the sender says, before anything is read."""
    said = request.headers.get("content-length", "")
    size = int(said) if said.isascii() and said.isdigit() else 0
    if size > limits.total_bytes + _OVERHEAD:
        raise _too_large(limits)
    _require_room(folder, limits, size)


def _require_room(folder: Folder, limits: UploadLimits, wanted: int = 0) -> None:
    if folder.free_bytes() < limits.min_free_bytes + wanted:
        fix = "Nothing was accepted. Whoever runs the service makes room; then send it again."
        raise ProblemError(507, "disk-full", "there is no room left on the disk of the service", fix=fix)


def _too_large(limits: UploadLimits) -> ProblemError:
    fix = "Cut out the part in question, or ask whoever runs the service for more."
    return ProblemError(413, "too-large", f"a file may have at most {limits.max_bytes:,} bytes", fix=fix)


async def _pieces(request: Request, limits: UploadLimits) -> AsyncIterator[bytes]:
    """The body in pieces of about a mebibyte; the first comes as soon as a file can be recognised by it."""
    gathered, wanted, total = bytearray(), HEAD_BYTES + 4096, 0
    most = limits.total_bytes + _OVERHEAD
    try:
        async for piece in request.stream():
            gathered += piece
            total += len(piece)
            if total > most:
                raise _too_large(limits)
            if len(gathered) >= wanted:
                yield bytes(gathered)
                gathered, wanted = bytearray(), _PIECE
    except ClientDisconnect:
        raise ProblemError(400, "cut-short", "the connection ended before the file was whole") from None
    yield bytes(gathered)


def _as_typed(name: str) -> str:
    """Browsers write these three characters of a file's name so, as HTML asks them to, and no others."""
    return name.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")


class _Reader:
    """Takes what the parser says. Work that waits for the disk is gathered first, and done by :meth:`work`."""

    def __init__(self, folder: Folder, limits: UploadLimits, form: Form) -> None:
        self._folder, self._limits, self._form = folder, limits, form
        self._todo: list[Callable[[], None]] = []
        self._headers: dict[str, str] = {}
        self._name = self._value = b""
        self._field: str | None = None
        self._text = bytearray()
        self._field_bytes = 0
        self._file: _Incoming | None = None
        self._ended = False

    def callbacks(self) -> Any:
        names = ("part_begin", "part_data", "part_end", "header_field", "header_value", "header_end")
        found: dict[str, Any] = {f"on_{name}": getattr(self, f"_{name}") for name in names}
        return found | {"on_headers_finished": self._headers_finished, "on_end": self._end}

    def work(self) -> None:
        todo, self._todo = self._todo, []
        for act in todo:
            act()

    def require_end(self) -> None:
        if not self._ended:
            raise ProblemError(400, "cut-short", "the form in this request ends too early", fix="Send it again.")

    def abandon(self) -> None:
        if self._file is not None:
            self._file.abandon()

    def _part_begin(self) -> None:
        self._headers, self._name, self._value = {}, b"", b""
        self._field, self._text = None, bytearray()

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._headers[self._name.decode("latin-1").lower()] = self._value.decode("utf-8", "replace")
        self._name = self._value = b""

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get("content-disposition", "").encode())
        name = options.get(b"name", b"").decode("utf-8", "replace")
        if b"filename" in options:
            self._begin_file(name, _as_typed(options[b"filename"].decode("utf-8", "replace")))
        else:
            self._field = name
            if len(self._form.fields) >= _MAX_FIELDS:
                raise ProblemError(413, "too-large", f"a form may have at most {_MAX_FIELDS} fields")

    def _begin_file(self, field_name: str, name: str) -> None:
        if field_name != "file":
            raise ProblemError(422, "invalid", "a file stands in a field of another name", fix="Call the field: file.")
        if len(self._form.files) >= self._limits.max_files:
            fix = "Send one file to /api/v1/jobs, several to /api/v1/batches."
            raise ProblemError(413, "too-many", f"at most {self._limits.max_files} files may come at once", fix=fix)
        received = Received(name)
        self._form.files.append(received)
        incoming = _Incoming(received, self._folder, self._limits)
        self._todo.append(incoming.begin)
        self._file = incoming

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        piece = data[start:end]
        if self._file is not None:
            incoming = self._file
            self._todo.append(lambda: incoming.write(piece))
            return
        self._text += piece
        self._field_bytes += len(piece)
        if self._field_bytes > _MAX_FIELD_BYTES:
            raise ProblemError(413, "too-large", f"fields may have at most {_MAX_FIELD_BYTES} bytes")

    def _part_end(self) -> None:
        if self._file is not None:
            self._todo.append(self._file.end)
            self._file = None
        elif self._field is not None:
            self._form.fields.append((self._field, self._text.decode("utf-8", "replace")))

    def _end(self) -> None:
        self._ended = True


class _Incoming:
    """One file on its way to the disk. Where several may come, the others are read on after one was refused."""

    def __init__(self, received: Received, folder: Folder, limits: UploadLimits) -> None:
        self._received, self._folder, self._limits = received, folder, limits
        self._head = bytearray()
        self._known = False
        self._digest = hashlib.sha256()
        self._file: Any = None

    def begin(self) -> None:
        path = self._folder.incoming / f"{secrets.token_hex(16)}.part"
        with _writing():
            self._file = open(path, "xb", buffering=0, opener=_private)  # noqa: SIM115
        self._received.path = path

    def write(self, piece: bytes) -> None:
        received = self._received
        if received.problem is not None:
            return
        received.size_bytes += len(piece)
        if received.size_bytes > self._limits.max_bytes:
            self._refuse(_too_large(self._limits))
            return
        if not self._known:
            self._head += piece
            if len(self._head) < HEAD_BYTES:
                return
            piece = self._recognised()
        self._put(piece)

    def end(self) -> None:
        received = self._received
        if received.problem is None and not self._known:
            self._put(self._recognised())
        if received.problem is None:
            with _writing():
                os.fsync(self._file.fileno())
            received.sha256 = self._digest.hexdigest()
        self._file.close()

    def abandon(self) -> None:
        if self._file is not None:
            self._file.close()

    def _recognised(self) -> bytes:
        """What has come so far, once it is known to be a picture, a video or sound."""
        head = bytes(self._head)
        self._head, self._known = bytearray(), True
        if not head:
            fix = "Choose the file again; what was sent has no content."
            self._refuse(ProblemError(415, "empty", "the file is empty", fix=fix))
            return b""
        form = recognise(head[:HEAD_BYTES])
        if form is None:
            got = described(head[:HEAD_BYTES])
            detail = f"this is no picture, video or sound that can be read; got {got}"
            self._refuse(ProblemError(415, "not-media", detail, fix=advice(head[:HEAD_BYTES])))
            return b""
        self._received.format = form.name
        return head

    def _put(self, piece: bytes) -> None:
        if not piece or self._received.problem is not None:
            return
        self._digest.update(piece)
        with _writing():
            left = memoryview(piece)
            while left:
                left = left[self._file.write(left) :]

    def _refuse(self, problem: ProblemError) -> None:
        received = self._received
        received.problem = problem
        self._file.close()
        if received.path is not None:
            received.path.unlink(missing_ok=True)
            received.path = None
        if self._limits.max_files == 1:
            raise problem


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o600)


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise of_system(error) from None
