"""A folder beside the store in which bytes lie under their sha256: media that are kept, and packed reports.

A file comes in two steps: it is written under another name, and takes its own in the transaction that tells of it. So
nothing that a row tells of is missing, however a process ends; what was left half way is swept away later.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from zhenwei.errors import DataError, NotFoundError, OutputError, UsageError
from zhenwei.files import make_folder

_PIECE = 1 << 20
_DIGEST = re.compile("[0-9a-f]{64}")
_STALE_S = 24 * 3600.0


def is_digest(text: str) -> bool:
    """Whether it is written as a sha256 is."""
    return _DIGEST.fullmatch(text) is not None


class GoneError(NotFoundError):
    """A row of the store tells of bytes that are not in this folder: it was not moved with the database, perhaps."""


class Folder:
    """``path/ab/abcd...``: one file for each digest. The folder is made when the first comes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def where(self, sha256: str) -> Path:
        """Where the bytes of that digest lie, whether they do or not. UsageError for what is no digest."""
        if not is_digest(sha256):
            raise UsageError("this is no sha256", got=repr(sha256)[:100], want="64 hexadecimal digits")
        return self.path / sha256[:2] / sha256

    def read(self, sha256: str) -> bytes:
        """GoneError where it is not there, DataError where somebody changed it."""
        try:
            data = self.where(sha256).read_bytes()
        except FileNotFoundError:
            fix = "The folder moves with the store; --folder names another."
            got = str(self.where(sha256))
            raise GoneError("this is not in the folder of the store any more", got=got, fix=fix) from None
        except OSError as error:
            got = f"{self.where(sha256)}: {error.strerror or error}"
            raise DataError("a file in the folder of the store cannot be read", got=got) from None
        if hashlib.sha256(data).hexdigest() != sha256:
            raise DataError("a file in the folder of the store was changed", got=str(self.where(sha256)), want=sha256)
        return data

    @contextlib.contextmanager
    def arriving(self, source: BinaryIO | bytes) -> Iterator[Arrival]:
        """The bytes, written whole and on the disk; :meth:`Arrival.stay` gives them their name, else they go again.
        OutputError where they cannot be written."""
        half = self.path / f".{secrets.token_hex(8)}.part"
        try:
            make_folder(self.path)
            sha256, size_bytes = _written(source, half)
            yield Arrival(self, half, sha256, size_bytes)
        except OSError as error:
            got = f"{self.path}: {error.strerror or error}"
            raise OutputError("the folder of the store cannot be written", got=got, fix="Free some space.") from None
        finally:
            with contextlib.suppress(OSError):
                half.unlink(missing_ok=True)

    def remove(self, sha256: str) -> bool:
        """Whether it was there."""
        try:
            self.where(sha256).unlink()
        except FileNotFoundError:
            return False
        with contextlib.suppress(OSError):  # others lie there
            self.where(sha256).parent.rmdir()
        return True

    def digests(self) -> Iterator[str]:
        """Of all that lies there."""
        for found in self.path.glob("??/*"):
            if is_digest(found.name):
                yield found.name

    def sweep(self) -> None:
        """Away with what was left half written, a day ago or earlier."""
        for half in self.path.glob(".*.part"):
            with contextlib.suppress(OSError):
                if time.time() - half.stat().st_mtime > _STALE_S:
                    half.unlink()


class Arrival:
    """Bytes that are written and have no name yet."""

    def __init__(self, folder: Folder, half: Path, sha256: str, size_bytes: int) -> None:
        self._folder, self._half, self.sha256, self.size_bytes = folder, half, sha256, size_bytes

    def stay(self) -> None:
        """To be called in the transaction that tells of them."""
        own = self._folder.where(self.sha256)
        make_folder(own.parent)
        self._half.replace(own)


def _written(source: BinaryIO | bytes, half: Path) -> tuple[str, int]:
    sha256, size = hashlib.sha256(), 0
    with half.open("xb") as file:
        for piece in _pieces(source):
            sha256.update(piece)
            size += len(piece)
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    half.chmod(0o600)
    return sha256.hexdigest(), size


def _pieces(source: BinaryIO | bytes) -> Iterator[bytes]:
    if isinstance(source, bytes):
        yield source
        return
    while piece := source.read(_PIECE):
        yield piece
