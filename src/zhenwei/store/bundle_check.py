"""Whether a bundle is as it was made: its members, its log, and that the one tells of the other."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zhenwei.errors import DataError, FaultError
from zhenwei.faults import contained
from zhenwei.report.packed import unpack
from zhenwei.report.page import to_html
from zhenwei.store.bundle_reading import Bundle
from zhenwei.store.case_page import case_page, page_maker
from zhenwei.store.chain import Entry, flaw, salted
from zhenwei.store.fingerprint import Fingerprint

_SAME_LLR = 0.05  # earlier versions left a page where the same was found again without one, on another machine perhaps
_SCHEMAS = ("zhenwei.case-bundle/1", "zhenwei.case/1")


@dataclass(frozen=True, slots=True)
class Claim:
    """What a bundle says of one file. ``medium``: the member with its bytes, "" where they are not in it. ``engine``:
    version, models, options and detectors, None where it was not examined."""

    sha256: str
    name: str
    decision: str
    llr: float | None
    medium: str
    engine: Fingerprint | None
    libraries: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Checked:
    """``digest``: of the whole bundle, by which it is known. ``flaws``: what does not hold, in words; none where all
    fits together. ``notes``: what could not be checked. ``are_pages_checked``: whether they could be made again."""

    digest: str
    uid: str
    title: str
    log_end: str
    entries: int
    claims: tuple[Claim, ...]
    flaws: tuple[str, ...]
    notes: tuple[str, ...]
    are_pages_checked: bool


def check(path: Path, *, expected: str = "") -> Checked:
    """Check the bundle at ``path``. ``expected``: the digest that was written down when it was made. DataError for what
    is no bundle. Whoever makes a bundle can make another that fits together: only ``expected`` tells the two apart."""
    with Bundle(path) as bundle:
        try:
            return _Check(bundle).all(expected)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError) as error:
            got = f"{path.name}: {type(error).__name__} {str(error)[:100]}"
            raise DataError("this bundle of a case is not put together as one is", got=got) from None


@dataclass(slots=True)
class _Told:
    """What the log tells of the case as it is at its end; texts as their digests."""

    title: Any = ""
    opened: tuple[str, Any] = ("", None)
    files: dict[str, tuple[Any, str, Any]] = field(default_factory=dict)  # name, actor, when
    examinations: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    notes: list[tuple[str, Any, str, Any]] = field(default_factory=list)  # file, text, actor, when
    tags: set[Any] = field(default_factory=set)

    def take(self, entry: Entry) -> None:
        subject, details = entry.subject, entry.details
        at = entry.at.isoformat()
        if entry.action == "opened":
            self.title, self.opened = details["title"], (entry.actor, at)
        elif entry.action == "file-added":
            self.files[subject] = details["name"], entry.actor, at
        elif entry.action in ("file-removed", "file-erased"):
            self.files.pop(subject, None)
            self.examinations.pop(subject, None)
            self.notes = [note for note in self.notes if note[0] != subject]
        elif entry.action in ("examination-added", "examination-changed"):
            self.examinations[subject] = details
        elif entry.action == "examination-erased":
            self.examinations.pop(subject, None)
        elif entry.action == "noted":
            self.notes.append(("" if subject == entry.chain else subject, details["text"], entry.actor, at))
        elif entry.action == "tagged":
            self.tags.add(details["tag"])
        elif entry.action == "untagged":
            self.tags.discard(details["tag"])


class _Check:
    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._manifest, self._case = bundle.document("manifest.json"), bundle.document("case.json")
        lines = bundle.read("log.jsonl").decode().split("\n")  # names may hold what else ends a line
        self._entries = [Entry.from_dict(json.loads(line)) for line in lines if line]
        self._notes: list[str] = []

    def all(self, expected: str) -> Checked:
        case, manifest = self._case, self._manifest
        if (manifest["schema"], case["schema"]) != _SCHEMAS:
            raise DataError("this bundle is of another version", got=str(manifest["schema"])[:100], want=_SCHEMAS[0])
        digest = hashlib.sha256(self._bundle.read("manifest.json")).hexdigest()
        flaws = [*self._members(), *self._log(), *self._told()]
        claims, engines = [], self._engines()
        for file in case["files"]:
            claims.append(self._claim(file, engines))
            flaws += self._file(file)
        flaws += self._pages()
        if expected and digest != expected.lower():
            flaws.insert(0, f"the bundle is another than {expected[:16]}…")
        end = self._entries[-1].sha256 if self._entries else ""
        return Checked(
            digest, str(case["uid"]), str(case["title"]), end, len(self._entries), tuple(claims), tuple(flaws),
            tuple(self._notes), self._case["pages_by"] == page_maker(),
        )  # fmt: skip

    def _members(self) -> Iterator[str]:
        told = self._manifest["files"]
        there = self._bundle.members.keys() - {"manifest.json"}
        for name in sorted(there - told.keys()):
            yield f"{name} was put in"
        for name in sorted(told.keys() - there):
            yield f"{name} was taken out"
        for name in sorted(there & told.keys()):
            found = told[name]
            if (found["size_bytes"], found["sha256"]) != (
                self._bundle.members[name].file_size,
                self._bundle.digest(name),
            ):
                yield f"{name} was changed"
        if self._bundle.has_more:
            yield "there is more in the archive than its members"

    def _log(self) -> Iterator[str]:
        found = flaw(self._entries)
        if found:
            yield f"the log does not hold: {found}"
            return
        if self._entries[0].chain != self._case["uid"] or self._manifest["case"] != self._case["uid"]:
            yield "the log is of another case"
        if self._entries[-1].sha256 != self._manifest["log_end"]:
            yield "the log ends otherwise than the bundle says"

    def _told(self) -> Iterator[str]:
        """What the case says of itself against what its log tells."""
        case, told = self._case, _Told()
        salt = str(case["salt"])
        for entry in self._entries:
            told.take(entry)
        self._of_log = told
        if told.title != salted(salt, case["title"]):
            yield "the title is another than in the log"
        if told.opened != (case["actor"], case["created_at"]):
            yield "who opened the case, or when, is another than in the log"
        if told.tags != {salted(salt, tag) for tag in case["tags"]}:
            yield "the tags are others than in the log"
        notes = [(one["sha256"], salted(salt, one["text"]), one["actor"], one["written_at"]) for one in case["notes"]]
        if notes != told.notes:
            yield "the notes, or their order, are others than in the log"
        files = {one["sha256"]: (salted(salt, one["name"]), one["actor"], one["added_at"]) for one in case["files"]}
        if files != told.files or [one["sha256"] for one in case["files"]] != list(told.files):
            yield "the files, their names or their order are others than in the log"

    def _file(self, file: Mapping[str, Any]) -> Iterator[str]:
        """One file with its reports, against the log."""
        name, told = file["name"], self._of_log.examinations.get(file["sha256"], {})
        if (file["decision"], file["fingerprint"]) != (told.get("decision", ""), told.get("fingerprint", "")):
            yield f"{name}: its verdict is another than in the log"
        digests = {language: self._digest_of(member) for language, member in file["reports"].items()}
        if digests != told.get("reports", {}):
            yield f"{name}: its reports are others than in the log"
        for member in file["reports"].values():
            report = self._bundle.document(member) if member in self._bundle.members else {}
            said = report.get("file", {}).get("sha256"), report.get("verdict", {}).get("decision")
            if said != (file["sha256"], file["decision"]):
                yield f"{name}: a report is on another file, or of another verdict"
        yield from self._of_page(file, told)
        yield from self._of_medium(file)

    def _of_page(self, file: Mapping[str, Any], told: Mapping[str, Any]) -> Iterator[str]:
        name = file["name"]
        if file["page"]:
            if self._digest_of(file["page"]) != told.get("page"):
                yield f"{name}: its page was made of something else than in the log"
            if self._says_otherwise(file):
                yield f"{name}: its page is of another verdict than its report"
        elif told.get("page"):
            self._notes.append(f"{name}: its page is not in the bundle, though the log tells of one")

    def _of_medium(self, file: Mapping[str, Any]) -> Iterator[str]:
        name = file["name"]
        if file["media"]:
            if self._digest_of(file["media"]) != file["sha256"]:
                yield f"{name}: the file is another"
            member = self._bundle.members.get(file["media"])
            if member is not None and member.file_size != file["size_bytes"]:
                yield f"{name}: its size is another than that of the file"
        else:
            self._notes.append(f"{name}: the file itself is not in the bundle")
            if self._size_in_report(file) not in (None, file["size_bytes"]):
                yield f"{name}: its size is another than in its report"

    def _says_otherwise(self, file: Mapping[str, Any]) -> bool:
        """Whether what the page is made of has another verdict than the reports have. Where another version packed it,
        nobody can tell."""
        member = min(file["reports"].values(), default="")
        if member not in self._bundle.members or file["page"] not in self._bundle.members:
            return False
        verdict = self._bundle.document(member).get("verdict", {})
        try:
            packed = contained(lambda: unpack(self._bundle.read(file["page"])).report.verdict)
        except (DataError, FaultError):
            return False
        llr = verdict.get("llr")
        if (packed.llr is None) != (llr is None) or packed.decision != verdict.get("decision"):
            return True
        return llr is not None and abs(packed.llr - llr) > _SAME_LLR

    def _size_in_report(self, file: Mapping[str, Any]) -> int | None:
        member = min(file["reports"].values(), default="")
        report = self._bundle.document(member) if member in self._bundle.members else {}
        found: int | None = report.get("file", {}).get("size_bytes")
        return found

    def _digest_of(self, member: str) -> str:
        found: str = self._manifest["files"].get(member, {}).get("sha256", "")
        return found

    def _engines(self) -> dict[str, Fingerprint]:
        found = {}
        for one in self._bundle.document("engines.json")["engines"]:
            engine = Fingerprint(one["version"], one["models"], one["options"], tuple(one["detectors"]))
            found[engine.sha256] = engine
        return found

    def _claim(self, file: Mapping[str, Any], engines: Mapping[str, Fingerprint]) -> Claim:
        """The engine is the one whose fingerprint stands in the log; one of another is no engine of the file."""
        member = file["reports"].get("en", "")
        report = self._bundle.document(member) if member in self._bundle.members else {}
        return Claim(
            file["sha256"], file["name"], file["decision"], report.get("verdict", {}).get("llr"), file["media"],
            engines.get(file["fingerprint"]), report.get("engine", {}).get("libraries", {}),
        )  # fmt: skip

    def _pages(self) -> Iterator[str]:
        """Pages are made again of what else is in the bundle, where this version made them."""
        if self._case["pages_by"] != page_maker():
            self._notes.append("the pages were made by another version, and were not made again to be compared")
            return
        for name, made in self._made_again():
            if made is None:
                yield f"{name} cannot be made again"
            elif name in self._bundle.members and made.encode() != self._bundle.read(name):
                yield f"{name} says something else than the rest of the bundle"

    def _made_again(self) -> Iterator[tuple[str, str | None]]:
        language, reports = self._case["language"], {}
        for file in self._case["files"]:
            if language in file["reports"]:
                reports[file["sha256"]] = self._bundle.document(file["reports"][language])
            if file["page"]:
                yield f"pages/{file['sha256']}.html", _made(lambda: self._page_of(file["page"], language))  # noqa: B023
        yield "index.html", _made(lambda: case_page(self._case, self._entries, reports, language))

    def _page_of(self, member: str, language: Any) -> str:
        return to_html(unpack(self._bundle.read(member)).report, language)


def _made(make: Any) -> str | None:
    try:
        found: str = contained(make)
    except (DataError, FaultError):
        return None
    return found
