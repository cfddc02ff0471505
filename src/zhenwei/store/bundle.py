"""A case as one file: media, reports, pages, notes, log, engines. The same case gives the same bytes.

A ZIP archive that any program opens. ``index.html`` is to be read or printed, ``manifest.json`` has the digest of every
other member, and its own digest is that of the bundle. :mod:`zhenwei.store.bundle_check` finds what was changed.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

from zhenwei.errors import DataError, OutputError
from zhenwei.report.packed import unpack
from zhenwei.report.page import to_html
from zhenwei.report.shape import wrong_in
from zhenwei.store.bundle_check import check
from zhenwei.store.bundle_reading import ATTRIBUTES, EPOCH, MAX_MEMBERS, MAX_TEXT_BYTES, MAX_TEXTS_BYTES, UNIX
from zhenwei.store.case_page import case_page, page_maker
from zhenwei.store.cases import CaseAtRest, Cases, FileInCase
from zhenwei.store.chain import canonical
from zhenwei.store.folder import GoneError
from zhenwei.store.kept import Kept
from zhenwei.types import Language

SCHEMA = "zhenwei.case-bundle/1"
CASE_SCHEMA = "zhenwei.case/1"
_PIECE = 1 << 20
_ENDING = re.compile(r"\.[a-z0-9]{1,5}")
_LANGUAGES: tuple[Language, ...] = ("en", "zh")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What is not in a bundle. ``name``: of the file in the case. ``is_lost``: it was kept, and cannot be read."""

    name: str
    what: Literal["media", "page", "report"]
    is_lost: bool


@dataclass(frozen=True, slots=True)
class Exported:
    """``digest``: of the bundle. ``flaws``: what :func:`zhenwei.store.bundle_check.check` says does not hold, where
    somebody changed the database."""

    digest: str
    left_out: tuple[LeftOut, ...]
    flaws: tuple[str, ...]


def export(
    cases: Cases, kept: Kept | None, case_id: int, path: Path, *, language: Language = "en", media: bool = True
) -> Exported:
    """Write the case to ``path``, whole or not at all. The log of the store keeps the digest of the bundle.

    ``language``: of the pages; reports are there in both. ``kept``: where media and pages are; without, there are none
    in it. ``media``: whether the files themselves go in, as far as they are to be had. Raises OutputError where it
    cannot be written, DataError where it would be larger than what is read again.
    """
    half = path.with_name(f".zhenwei-{secrets.token_hex(8)}.part")
    try:
        for is_last in (False, False, True):
            try:
                with cases.at_rest(case_id) as case, half.open("wb") as file:
                    writer = _Writer(file, cases, case, kept, media, language)
                    digest = writer.all()
                break
            except GoneError:  # it was examined anew meanwhile, and its earlier page went
                if is_last:
                    raise
        found = Exported(digest, tuple(writer.left_out), check(half).flaws)
        half.replace(path)
    except OSError as error:
        raise OutputError("the bundle cannot be written", got=f"{path}: {error.strerror or error}") from None
    finally:
        with suppress(OSError):
            half.unlink(missing_ok=True)
    cases.record(case_id, "case-exported", {"bundle": digest})
    return found


class _Writer:
    def __init__(
        self, file: IO[bytes], cases: Cases, case: CaseAtRest, kept: Kept | None, media: bool, language: Language
    ) -> None:
        self.left_out: list[LeftOut] = []
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED)
        self._cases, self._case, self._kept, self._media, self._language = cases, case, kept, media, language
        self._members: dict[str, dict[str, Any]] = {}
        self._reports: dict[str, Mapping[str, Any]] = {}  # by digest of the file, in the language of the pages
        self._text_bytes = 0

    def all(self) -> str:
        content, entries = self._case.content, self._case.entries
        with self._zip:
            line = content.line
            files = [self._file(file) for file in content.files]
            case = {
                "schema": CASE_SCHEMA,
                "language": self._language,
                "pages_by": page_maker(),
                "uid": line.uid,
                "salt": content.salt,
                "title": line.title,
                "actor": line.actor,
                "created_at": line.created_at.isoformat(),
                "tags": list(line.tags),
                "files": files,
                "notes": [_note(note) for note in content.notes],
            }
            self._text("case.json", _document(case))
            self._text("log.jsonl", "".join([canonical(entry.to_dict()) + "\n" for entry in entries]))
            self._text("engines.json", _document({"engines": self._case.engines()}))
            self._text("index.html", case_page(case, entries, self._reports, self._language))
            manifest = {"schema": SCHEMA, "case": line.uid, "log_end": entries[-1].sha256, "files": self._members}
            written = _document(manifest)
            self._text("manifest.json", written)
            return hashlib.sha256(written.encode()).hexdigest()

    def _file(self, file: FileInCase) -> dict[str, Any]:
        """What ``case.json`` says of it, and its members."""
        reports: dict[str, str] = {}
        for language in _LANGUAGES if file.examination_id is not None else ():
            document = self._case.document(file.examination_id or 0, language)
            if document is None:
                continue
            report = _report_in(document)
            if report is None:
                lost = LeftOut(file.name, "report", is_lost=True)
                if lost not in self.left_out:  # once, whatever languages it was kept in
                    self.left_out.append(lost)
                continue
            reports[language] = f"reports/{file.sha256}.{language}.json"
            self._text(reports[language], document)
            if language == self._language:
                self._reports[file.sha256] = report
        return {
            "sha256": file.sha256,
            "size_bytes": file.size_bytes,
            "name": file.name,
            "actor": file.actor,
            "added_at": file.added_at.isoformat(),
            "decision": file.decision,
            "fingerprint": file.fingerprint,
            "reports": reports,
            "page": self._page(file),
            "media": self._medium(file),
        }

    def _page(self, file: FileInCase) -> str:
        """The packed report and the page that is made of it; "" where none was kept, or it is lost. GoneError where
        it went because another took its place meanwhile."""
        digest = self._case.page_digest(file.examination_id) if file.examination_id is not None else ""
        if self._kept is None or not digest:
            return ""
        try:
            packed = self._kept.folder.read(digest)
            page = to_html(unpack(packed).report, self._language)
        except DataError as error:
            if isinstance(error, GoneError) and self._cases.page_digest(file.examination_id or 0) != digest:
                raise
            self.left_out.append(LeftOut(file.name, "page", is_lost=True))
            return ""
        name = f"pages/{file.sha256}.packed"
        self._text(name, packed, zipfile.ZIP_STORED)
        self._text(f"pages/{file.sha256}.html", page)
        return name

    def _medium(self, file: FileInCase) -> str:
        source = self._kept.media_path(file.sha256) if self._kept is not None and self._media else None
        if source is None:
            if self._media:
                is_lost = self._kept is not None and self._kept.is_to_be_kept(file.sha256)
                self.left_out.append(LeftOut(file.name, "media", is_lost))
            return ""
        ending = Path(file.name).suffix.lower()
        name = f"media/{file.sha256}{ending if _ENDING.fullmatch(ending) else ''}"
        found = hashlib.sha256()
        try:
            read = source.open("rb")
        except OSError as error:
            got = f"{source}: {error.strerror or error}"
            raise DataError("a file that was kept cannot be read", got=got, fix="Or leave the files out.") from None
        with read, self._zip.open(_member(name, file.size_bytes, zipfile.ZIP_STORED), "w") as to:
            while piece := read.read(_PIECE):
                found.update(piece)
                to.write(piece)
        if found.hexdigest() != file.sha256:
            raise DataError("a file is not as it was when it was kept", got=str(source), want=file.sha256)
        self._members[name] = {"sha256": file.sha256, "size_bytes": file.size_bytes}
        return name

    def _text(self, name: str, text: str | bytes, method: int = zipfile.ZIP_DEFLATED) -> None:
        data = text.encode() if isinstance(text, str) else text
        self._text_bytes += len(data)
        if len(data) > MAX_TEXT_BYTES or self._text_bytes > MAX_TEXTS_BYTES or len(self._members) >= MAX_MEMBERS:
            got = f"{name}: {len(data):,} bytes; {len(self._members):,} members of {self._text_bytes:,} bytes in all"
            want = f"at most {MAX_TEXT_BYTES:,} bytes, {MAX_MEMBERS:,} members and {MAX_TEXTS_BYTES:,} bytes"
            fix = "Divide it: put some of its files and notes into another case."
            raise DataError("this case is too large for one bundle", got=got, want=want, fix=fix)
        self._zip.writestr(_member(name, len(data), method), data)
        self._members[name] = {"sha256": hashlib.sha256(data).hexdigest(), "size_bytes": len(data)}


def _report_in(document: str) -> Mapping[str, Any] | None:
    """None where it is damaged."""
    try:
        report = json.loads(document)
    except (ValueError, RecursionError):
        return None
    return report if isinstance(report, dict) and wrong_in(report) is None else None


def _member(name: str, size_bytes: int, method: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, EPOCH)
    info.compress_type, info.create_system, info.external_attr = method, UNIX, ATTRIBUTES
    info.file_size = size_bytes
    return info


def _note(note: Any) -> dict[str, str]:
    moment = note.written_at.isoformat()
    return {"text": note.text, "sha256": note.sha256, "actor": note.actor, "written_at": moment}


def _document(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False) + "\n"
