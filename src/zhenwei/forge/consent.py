"""The consent manifest: whose face or voice may be learned from, on what ground, until when, and in which files.

A JSON file (``zhenwei.consent/1``) that stands in or above the folders it speaks of:

    {"schema": "zhenwei.consent/1",
     "subjects": {"anna": {"basis": "written consent", "evidence": "signed 2026-05-02, sha256 ...", "scope": "face",
                           "expires": "2027-12-31", "files": {"anna/1.jpg": "<sha256>", ...}}}}

Nothing in it proves that a person agreed; it makes whoever trains say so, file by file, and its SHA-256 goes into the
checkpoint, the recipe and the credential of all that comes of it, so that what was said can be held against them. A
file counts by its content: one that was moved or renamed is still covered, one that was altered is not.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal, get_args

from zhenwei.errors import DataError, NotCoveredError
from zhenwei.files import write_whole

SCHEMA = "zhenwei.consent/1"
Basis = Literal["self", "written consent", "licensed data set", "synthetic", "public domain"]
Scope = Literal["face", "voice", "both"]
BASES: tuple[Basis, ...] = get_args(Basis)
SCOPES: tuple[Scope, ...] = get_args(Scope)
NEVER = "never"
_MAX_BYTES = 64 << 20
_LONGEST_NAME, _LONGEST_EVIDENCE = 64, 4000
_SHA256 = re.compile(r"[0-9a-f]{64}")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_SHOWN = 3
_AGAIN = (
    "Make the manifest again with: zhenwei forge consent make FOLDER --subject NAME --basis BASIS --evidence TEXT "
    "--scope SCOPE --expires DATE (self needs no --evidence)"
)


@dataclass(frozen=True, slots=True)
class ConsentingPerson:
    """One subject: ``name`` is a pseudonym; ``files`` SHA-256 by path relative to the manifest, in order of path.

    ``evidence``: what shows the ground (a text, a licence, a hash of a signed form); only "self" needs none.
    ``expires``: the last day on which it holds; None = never ends.
    """

    name: str
    basis: Basis
    evidence: str
    scope: Scope
    expires: datetime.date | None
    files: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Consent:
    """A manifest as read: ``sha256`` of its canonical JSON (keys in order, no spaces, UTF-8), hexadecimal."""

    sha256: str
    subjects: tuple[ConsentingPerson, ...]

    def subject(self, name: str) -> ConsentingPerson:
        """The person of that name; DataError if there is none."""
        for person in self.subjects:
            if person.name == name:
                return person
        known = ", ".join(person.name for person in self.subjects) or "nobody"
        raise DataError("the consent manifest does not name this subject", got=name, want=known, fix=_AGAIN)


def make_consent(people: Iterable[ConsentingPerson]) -> Consent:
    """A manifest of ``people``. Raises DataError where one of them could not be read back."""
    subjects = tuple(sorted(people, key=lambda person: person.name))
    document = _document(subjects)
    parsed = _parsed(document, "the consent manifest")
    if len(document["subjects"]) != len(subjects):
        raise DataError("a consent manifest names a subject twice", want="one entry a subject")
    return Consent(_digest(document), parsed)


def describe_folder(
    folder: Path,
    manifest: Path,
    name: str,
    *,
    basis: Basis,
    evidence: str,
    scope: Scope,
    expires: datetime.date | None,
) -> ConsentingPerson:
    """The entry for all files in ``folder`` (hidden ones and ``manifest`` itself aside), each read and hashed.

    Raises DataError if there is no such folder, it holds no files, cannot be read, or does not lie beside or below the
    manifest's place.
    """
    root, place = folder.resolve(), manifest.resolve().parent
    if not root.is_dir():
        raise DataError(f"{folder} is not a folder", want="a folder with the subject's files")
    if not root.is_relative_to(place):
        fix = f"Write it to {root.parent / 'consent.json'}."
        raise DataError("a consent manifest speaks of files below its own place", got=str(root), fix=fix)
    files: dict[str, str] = {}
    for path in sorted(root.rglob("*")):
        is_hidden = "/." in f"/{path.relative_to(root).as_posix()}"
        if path.is_file() and path.resolve() != manifest.resolve() and not is_hidden:
            files[path.relative_to(place).as_posix()] = hash_file(path)
    if not files:
        raise DataError(f"{folder} holds no files", want="pictures, clips or recordings of the subject")
    return ConsentingPerson(name, basis, evidence, scope, expires, files)


def write_consent(consent: Consent, path: Path) -> None:
    """Write the manifest, all at once: what stood there before stays until the new one is whole."""
    text = json.dumps(_document(consent.subjects), ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    write_whole(path, text.encode())


def read_consent(path: Path) -> Consent:
    """The manifest at ``path``; DataError if it is missing or malformed, with what is wrong in it."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise DataError(f"{path.name} is too large for a consent manifest", want=f"at most {_MAX_BYTES:,} bytes")
        document = json.loads(path.read_bytes(), object_pairs_hook=_once)
    except OSError as error:
        why = error.strerror or str(error)
        raise DataError(f"there is no readable consent manifest at {path}", got=why, fix=_AGAIN) from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path.name} is not JSON", got=str(error)[:200], fix=_AGAIN) from None
    subjects = _parsed(document, path.name)
    return Consent(_digest(_document(subjects)), subjects)


def check_files(consent: Consent, subject: str, files: Iterable[Path], today: datetime.date, scope: str) -> None:
    """Refuse, with a DataError, unless every one of ``files`` may be used of ``subject`` on ``today``.

    ``scope``: "face" or "voice", what is to be learned. Refused are an unknown subject, a scope that was not granted,
    a manifest past its last day, and a file that is missing, altered since, or not in the manifest. A file is known by
    its content.
    """
    person = consent.subject(subject)
    if scope not in ("face", "voice") or person.scope not in ("both", scope):
        fix = "Ask the person, then make the manifest again with the wider --scope."
        raise DataError(f"consent of {subject} does not cover this", got=f"a {scope}", want=person.scope, fix=fix)
    if person.expires is not None and today > person.expires:
        fix = "Ask the person anew, then make the manifest again with a later --expires."
        raise DataError(f"consent of {subject} ended", got=f"{today}", want=f"a day up to {person.expires}", fix=fix)
    known, names = set(person.files.values()), {PurePosixPath(name).name for name in person.files}
    wrong: dict[str, list[str]] = {"missing": [], "altered": [], "outside": []}
    for path in files:
        if not path.is_file():
            wrong["missing"].append(path.name)
        elif hash_file(path) not in known:
            wrong["altered" if path.name in names else "outside"].append(path.name)
    _refuse(subject, wrong)


def check_same(consent: Consent, learned_under: str) -> None:
    """DataError unless ``consent`` is the manifest, by its SHA-256, that a run was ``learned_under``."""
    if consent.sha256 != learned_under:
        want = f"{learned_under[:12]}…" if learned_under else "none: it was of nobody"
        raise DataError("the run belongs to another consent manifest", got=f"{consent.sha256[:12]}…", want=want)


def check_manifest(consent: Consent, place: Path, today: datetime.date) -> None:
    """Hold a whole manifest against the files it names, below ``place``: DataError as in :func:`check_files`."""
    for person in consent.subjects:
        scope = "voice" if person.scope == "voice" else "face"
        check_files(consent, person.name, (place / name for name in person.files), today, scope)
        swapped = [name for name, digest in person.files.items() if hash_file(place / name) != digest]
        _refuse(person.name, {"altered": swapped})


def hash_file(path: Path) -> str:
    """SHA-256 of the file's bytes, hexadecimal; DataError if it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"cannot read {path}", got=error.strerror or str(error), want="a readable file") from None


_WRONG = {
    "missing": ("files are missing", "Put them back, or make the manifest again without them."),
    "altered": ("files were altered since consent was noted", "Restore them; if the change is meant, note it anew."),
    "outside": ("files are not in the consent manifest", "Take them away, or have the manifest cover them."),
}


def some_of(names: Sequence[str]) -> str:
    """The first of ``names``, and how many more there are."""
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _refuse(subject: str, wrong: Mapping[str, Sequence[str]]) -> None:
    for kind, found in wrong.items():
        if found:
            what, fix = _WRONG[kind]
            refused = NotCoveredError if kind == "outside" else DataError
            raise refused(f"{subject}: {what}", got=some_of(found), fix=fix)


def _document(subjects: Iterable[ConsentingPerson]) -> dict[str, Any]:
    people: dict[str, dict[str, Any]] = {}
    for person in subjects:
        people[person.name] = {
            "basis": person.basis,
            "evidence": person.evidence,
            "scope": person.scope,
            "expires": person.expires.isoformat() if person.expires else NEVER,
            "files": dict(person.files),
        }
    return {"schema": SCHEMA, "subjects": people}


def _digest(document: Mapping[str, Any]) -> str:
    text = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _parsed(document: object, name: str) -> tuple[ConsentingPerson, ...]:
    if not isinstance(document, dict) or document.get("schema") != SCHEMA or set(document) != {"schema", "subjects"}:
        raise DataError(f"{name} is not a consent manifest", want=f"schema {SCHEMA} and subjects", fix=_AGAIN)
    people = document["subjects"]
    if not isinstance(people, dict) or not people:
        raise DataError(f"{name} names no subjects", want="one or more", fix=_AGAIN)
    return tuple(_person(key, value) for key, value in sorted(people.items()))


def _person(name: str, entry: object) -> ConsentingPerson:
    keys = {"basis", "evidence", "scope", "expires", "files"}
    if not isinstance(entry, dict) or set(entry) != keys:
        raise _malformed(name, "its entry", ", ".join(sorted(keys)))
    if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable() or name != name.strip() or "/" in name:
        raise _malformed(name[:_LONGEST_NAME], "its name", f"a pseudonym of up to {_LONGEST_NAME} characters, no /")
    basis, evidence, scope = entry["basis"], entry["evidence"], entry["scope"]
    if basis not in BASES:
        raise _malformed(name, "basis", " | ".join(BASES))
    if scope not in SCOPES:
        raise _malformed(name, "scope", " | ".join(SCOPES))
    if not isinstance(evidence, str) or len(evidence) > _LONGEST_EVIDENCE or not _encodes(evidence):
        raise _malformed(name, "evidence", f"a text of up to {_LONGEST_EVIDENCE} characters")
    if basis != "self" and not evidence.strip():
        raise _malformed(name, "evidence", f"what shows the ground '{basis}': a licence, a form's hash, a generator")
    return ConsentingPerson(name, basis, evidence, scope, _expiry(name, entry["expires"]), _files(name, entry["files"]))


def _expiry(name: str, given: object) -> datetime.date | None:
    if given == NEVER:
        return None
    if isinstance(given, str) and _DATE.fullmatch(given):
        try:
            return datetime.date.fromisoformat(given)
        except ValueError:
            pass
    raise _malformed(name, "expires", f"a day as 2027-12-31, or {NEVER}")


def _files(name: str, given: object) -> dict[str, str]:
    if not isinstance(given, dict) or not given:
        raise _malformed(name, "files", "one or more, each path with its SHA-256")
    for path, digest in given.items():
        parts = PurePosixPath(path).parts
        if not parts or path.startswith("/") or ".." in parts or "\\" in path or "\0" in path or not _encodes(path):
            raise _malformed(name, "files", "paths below the manifest's place, with /")
        if not isinstance(digest, str) or not _SHA256.fullmatch(digest):
            raise _malformed(name, "files", "a SHA-256 in 64 hexadecimal digits for each path")
    return dict(sorted(given.items()))


def _encodes(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:  # lone surrogates: names that are no text
        return False
    return True


def _malformed(name: str, what: str, want: str) -> DataError:
    return DataError(f"consent manifest, subject {name!r}: {what} has no meaning", want=want, fix=_AGAIN)
