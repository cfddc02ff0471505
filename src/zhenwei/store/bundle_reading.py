"""A bundle of a case as it is read: an archive from anybody, so nothing in it is believed or unpacked to a path."""

from __future__ import annotations

import hashlib
import json
import re
import stat
import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any, Self

from zhenwei.errors import DataError

MAX_MEMBERS = 400_000
MAX_TEXT_BYTES = 64 << 20  # of a member that is read whole
MAX_TEXTS_BYTES = 8 << 30  # of all of these
_PIECE = 1 << 20
EPOCH = (1980, 1, 1, 0, 0, 0)  # of every member, so that the same case gives the same bytes
UNIX, ATTRIBUTES = 3, 0o644 << 16
_TIME, _DATE = 0, 1 << 5 | 1  # as an archive writes it
_HEX = "[0-9a-f]{64}"
_NAMES = re.compile(
    r"manifest\.json|case\.json|log\.jsonl|engines\.json|index\.html"
    rf"|media/{_HEX}(\.[a-z0-9]{{1,5}})?|reports/{_HEX}\.(en|zh)\.json|pages/{_HEX}\.(packed|html)"
)
_NEEDED = {"manifest.json", "case.json", "log.jsonl", "engines.json", "index.html"}
_ENCRYPTED, _DESCRIBED_BEHIND = 0x1, 0x8
_LOCAL = struct.Struct("<4s5HIIIHH")  # before each member: zipfile.structFileHeader, its halves of bytes together
_LISTED, _END, _END_LARGE = 46, 22, 76  # bytes: of a member in the directory but for its name, of what ends it
_LARGE, _LARGE_FROM = 20, 1 << 31  # bytes of the extra field of a file of 2 GB and more
_DAMAGED = (OSError, EOFError, ValueError, NotImplementedError, zipfile.BadZipFile, zlib.error)


class Bundle:
    """The archive at ``path``. DataError for what is no bundle, and for one that was made to do harm: names that no
    bundle has, links, more or larger members than any has, members that share their bytes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except _DAMAGED as error:
            got = error.strerror if isinstance(error, OSError) else str(error)
            raise _refused(path, got or "what cannot be read") from None
        try:
            self.members = {info.filename: info for info in self._zip.infolist()}
            self._check()
        except BaseException:
            self._zip.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    @property
    def has_more(self) -> bool:
        """Whether there are bytes before, between or behind the members and their directory, comments or extra fields
        other than those of a large file, or headers that say something else than the directory or than those of a
        bundle do."""
        infos = sorted(self._zip.infolist(), key=lambda info: info.header_offset)
        at = listed = 0
        try:
            with self.path.open("rb") as file:
                for info in infos:
                    file.seek(at)
                    header = file.read(_LOCAL.size)
                    *_, name, extra = _LOCAL.unpack(header)
                    size = len(info.orig_filename.encode())
                    is_plain = extra in (0, _LARGE) and not info.comment and not info.flag_bits & _DESCRIBED_BEHIND
                    is_plain = is_plain and (not info.extra or max(info.file_size, info.header_offset) >= _LARGE_FROM)
                    is_plain = is_plain and header == _header(info, extra) and _is_as_written(info, extra)
                    if not is_plain or info.header_offset != at or name != size:
                        return True
                    at += _LOCAL.size + name + extra + info.compress_size
                    listed += _LISTED + size + len(info.extra)
                behind = file.seek(0, 2) - at - listed
        except (OSError, struct.error):
            return True
        return bool(self._zip.comment) or self._zip.start_dir != at or behind not in (_END, _END + _END_LARGE)

    def digest(self, name: str) -> str:
        """Of a member, read in pieces; "" where it is damaged."""
        found = hashlib.sha256()
        try:
            with self.open(name) as file:
                while piece := file.read(_PIECE):
                    found.update(piece)
        except _DAMAGED:
            return ""
        return found.hexdigest()

    def open(self, name: str) -> IO[bytes]:
        return self._zip.open(self.members[name])

    def read(self, name: str) -> bytes:
        """A member that is no medium, whole. DataError where it is damaged or not there."""
        try:
            with self.open(name) as file:
                return file.read(MAX_TEXT_BYTES)
        except KeyError:
            raise _refused(self.path, f"no {name}") from None
        except _DAMAGED as error:
            raise _refused(self.path, f"{name}: {error}") from None

    def document(self, name: str) -> dict[str, Any]:
        """A JSON object. DataError where it is none."""
        try:
            found = json.loads(self.read(name))
        except (ValueError, RecursionError) as error:
            raise _refused(self.path, f"{name}: {str(error)[:200]}") from None
        if not isinstance(found, dict):
            raise _refused(self.path, f"{name}, which is no JSON object")
        return found

    def _check(self) -> None:
        infos = self._zip.infolist()
        told = ""
        if len(infos) > MAX_MEMBERS:
            told = f"{len(infos):,} members"
        elif len(self.members) < len(infos):
            told = "two members of one name"
        elif missing := _NEEDED - self.members.keys():
            told = f"no {min(missing)}"
        elif sum([info.compress_size for info in infos]) > self.path.stat().st_size:
            told = "members that share their bytes"
        else:
            texts = [info.file_size for info in infos if not info.filename.startswith("media/")]
            told = f"{sum(texts):,} bytes of text" if sum(texts) > MAX_TEXTS_BYTES else ""
        for info in infos if not told else ():
            told = told or _harm(info)
        if told:
            raise _refused(self.path, told)


def _header(info: zipfile.ZipInfo, extra: int) -> bytes:
    """What has to stand before a member of which the directory says this."""
    sizes = (0xFFFFFFFF, 0xFFFFFFFF) if extra else (info.compress_size, info.file_size)
    lengths = len(info.orig_filename.encode()), extra
    version, moment = zipfile.ZIP64_VERSION if extra else zipfile.DEFAULT_VERSION, (_TIME, _DATE)
    return _LOCAL.pack(b"PK\x03\x04", version, info.flag_bits, info.compress_type, *moment, info.CRC, *sizes, *lengths)


def _is_as_written(info: zipfile.ZipInfo, extra: int) -> bool:
    """Whether the directory says of it what that of a bundle does: no other time, rights, system or version."""
    version = zipfile.ZIP64_VERSION if extra or info.extra else zipfile.DEFAULT_VERSION
    return (
        (info.date_time, info.external_attr, info.internal_attr) == (EPOCH, ATTRIBUTES, 0)
        and (info.create_system, info.flag_bits, info.volume) == (UNIX, 0, 0)
        and info.create_version == info.extract_version == version
    )


def _harm(info: zipfile.ZipInfo) -> str:
    """Why a member is none of a bundle; "" for one that may be."""
    is_medium = info.filename.startswith("media/")
    methods = (zipfile.ZIP_STORED,) if is_medium else (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    mode = info.external_attr >> 16
    if not _NAMES.fullmatch(info.filename) or info.orig_filename != info.filename:
        return f"a member called {info.orig_filename[:100]!r}"
    if mode and not stat.S_ISREG(mode) and stat.S_IFMT(mode):
        return f"{info.filename}, which is a link or device"
    if info.flag_bits & _ENCRYPTED or info.compress_type not in methods:
        return f"{info.filename}, which is encrypted or packed in another way"
    if not is_medium and info.file_size > MAX_TEXT_BYTES:
        return f"{info.filename} of {info.file_size:,} bytes"
    return ""


def _refused(path: Path, got: str) -> DataError:
    return DataError("this is no bundle of a case", got=f"{path.name}: {got}", want="a file of zhenwei case export")
