"""The manifest of a model store: rows as typed data, bytes that are what the row says, deterministic writing."""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

from zhenwei.errors import ModelError, reinstall_package
from zhenwei.files import make_folder, write_whole

STORE = Path(__file__).parent
SUFFIXES = {"onnx": ".onnx", "safetensors": ".safetensors"}
_ID = re.compile(r"[a-z0-9]+([._-][a-z0-9]+)*")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One row of the manifest.

    ``file``: name inside ``weights/``. ``bytes`` and ``sha256``: of that file. ``input``: what the model takes and
    gives, in words. ``card``: name inside ``cards/``, or "".
    """

    id: str
    file: str
    sha256: str
    bytes: int
    kind: Literal["onnx", "safetensors"]
    licence: str
    origin: str
    version: str
    training_data: str
    input: str
    card: str = ""

    @property
    def weights(self) -> str:
        """What evidence quotes: "id @ sha256"."""
        return f"{self.id} @ {self.sha256}"


def manifest(store: Path = STORE) -> tuple[ModelEntry, ...]:
    """Every model of the store, by id. Raises :class:`ModelError` if the manifest is missing or malformed."""
    try:
        found = (store / "manifest.json").stat()
        return _manifest(store, found.st_mtime_ns, found.st_size, found.st_ino)
    except OSError as error:
        got = f"{store / 'manifest.json'}: {error.strerror}"
        raise ModelError("the model manifest cannot be read", got=got, want="a file", fix=restore(store)) from error


@functools.lru_cache(maxsize=8)  # asked for forty times a file, and checked row by row
def _manifest(store: Path, _changed_ns: int, _size: int, _inode: int) -> tuple[ModelEntry, ...]:
    path = store / "manifest.json"
    try:
        rows = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise _malformed(f"{path}: {error}", "JSON in UTF-8", store) from error
    if not isinstance(rows, list):
        raise _malformed(type(rows).__name__, "a list of rows", store)
    entries = tuple(_entry(row, store) for row in rows)
    if len({e.id for e in entries}) < len(entries):
        raise _malformed("an id twice", "one row for each id", store)
    return tuple(sorted(entries, key=lambda e: e.id))


def entry(model_id: str, store: Path = STORE) -> ModelEntry:
    """The row of ``model_id``. Raises :class:`ModelError` if there is none."""
    known = manifest(store)
    for row in known:
        if row.id == model_id:
            return row
    raise ModelError("no such model", got=repr(model_id), want=f"one of {', '.join(e.id for e in known) or 'none'}")


def read(model_id: str, store: Path = STORE) -> bytes:
    """The bytes of the model's file, after their hash was found to be the manifest's; else :class:`ModelError`."""
    row = entry(model_id, store)
    return checked_bytes(store / "weights" / row.file, row.sha256, restore(store))


def verify(model_id: str, store: Path = STORE) -> str:
    """Hashes the file anew and returns its SHA-256; :class:`ModelError` if it is missing or altered."""
    return hashlib.sha256(read(model_id, store)).hexdigest()


def card(model_id: str, store: Path = STORE) -> str:
    """The model's card, Markdown; "" where it has none."""
    row = entry(model_id, store)
    if not row.card:
        return ""
    try:
        return (store / "cards" / row.card).read_text("utf-8")
    except OSError as error:
        got = f"{row.card}: {error.strerror}"
        raise ModelError(
            f"the card of {model_id} cannot be read", got=got, want="a file", fix=restore(store)
        ) from error


def calibration_path(model_id: str, store: Path | None = None, *, part: str = "") -> Path:
    """Where the calibration that belongs to the model's weights lies. The model must be in the manifest.

    By default that of the weights which ``load`` gives: the package's, or those of a store put before it. ``part``: of
    a model that answers several questions, which of them.
    """
    store = holder(model_id, store)
    name = f"{entry(model_id, store).id}.{part}" if part else entry(model_id, store).id
    return store / "weights" / f"{name}.calibration.json"


_before: list[Path] = []


@contextmanager
def using(store: Path) -> Iterator[None]:
    """Within it, ``load`` and ``calibration_path`` take the models that ``store`` holds from there, all others from
    where they are. It is in force for the whole process, so that a detector can be asked with weights on trial."""
    _before.append(store)
    try:
        yield
    finally:
        _before.remove(store)


def holder(model_id: str, named: Path | None = None) -> Path:
    """The store that gives ``model_id``: the last one put before all others that has it, else the one that is
    ``named``, as a plug-in names its own, else the package's."""
    for store in reversed(_before):
        if (store / "manifest.json").is_file() and any(row.id == model_id for row in manifest(store)):
            return store
    return named or STORE


def checked_bytes(path: Path, sha256: str, fix: str) -> bytes:
    """The bytes of ``path`` if their SHA-256 is ``sha256``. What is returned is what was hashed: one read."""
    try:
        data = path.read_bytes()
    except OSError as error:
        got = f"{path}: {error.strerror}"
        raise ModelError("a weights file cannot be read", got=got, want="a file", fix=fix) from error
    found = hashlib.sha256(data).hexdigest()
    if found != sha256.lower():
        got = f"{path.name} with sha256 {found}"
        raise ModelError("a weights file was altered", got=got, want=f"sha256 {sha256}", fix=fix)
    return data


def add_to_store(source: Path, row: ModelEntry, store: Path = STORE, *, card_text: str | None = None) -> ModelEntry:
    """Copies ``source`` into the store and writes its row, replacing a row of the same id; returns the row written.

    ``sha256`` and ``bytes`` of ``row`` are taken from ``source``, whatever they say. The same files give the same
    manifest, byte for byte. ``card_text`` becomes the file ``row.card``. Raises :class:`ModelError` if ``source``
    cannot be read or a name is not acceptable; nothing is written then.
    """
    try:
        data = source.read_bytes()
    except OSError as error:
        got = f"{source}: {error.strerror}"
        raise ModelError("a weights file cannot be read", got=got, want="an .onnx or .safetensors file") from error
    written = _entry(asdict(replace(row, sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))), store)
    if card_text is not None and not written.card:
        raise ModelError(f"the card of {row.id} has no name", want="the row's field card, such as face_landmark.md")
    others = manifest(store) if (store / "manifest.json").exists() else ()
    for other in others:
        if other.id != written.id and other.file == written.file:
            raise ModelError("two models want one file", got=f"{written.file} of {other.id} and {written.id}")
    rows = sorted([*(e for e in others if e.id != written.id), written], key=lambda e: e.id)
    _write(store / "weights" / written.file, data)
    if card_text is not None:
        _write(store / "cards" / written.card, card_text.encode("utf-8"))
    text = json.dumps([asdict(e) for e in rows], indent=2, ensure_ascii=False)
    _write(store / "manifest.json", f"{text}\n".encode())
    return written


def _write(path: Path, data: bytes) -> None:
    make_folder(path.parent)
    write_whole(path, data)


def _entry(row: Any, store: Path) -> ModelEntry:
    names = [f.name for f in fields(ModelEntry)]
    if not isinstance(row, dict) or set(row) != set(names):
        raise _malformed(repr(row)[:200], f"a row with exactly {', '.join(names)}", store)
    for name, value in row.items():
        if not isinstance(value, int if name == "bytes" else str):
            raise _malformed(f"{name} = {value!r}", "text (bytes: a number)", store)
    checks = {
        "id": bool(_ID.fullmatch(row["id"])),
        "kind": row["kind"] in SUFFIXES,
        "file": bool(_FILE.fullmatch(row["file"])) and row["file"].endswith(SUFFIXES.get(row["kind"], "\0")),
        "sha256": bool(_SHA256.fullmatch(row["sha256"])),
        "bytes": row["bytes"] > 0,
        "card": not row["card"] or (bool(_FILE.fullmatch(row["card"])) and row["card"].endswith(".md")),
        "licence": bool(row["licence"]),
    }
    for name, holds in checks.items():
        if not holds:
            want = f"a sensible {name}; weights are .onnx or .safetensors, in lower case ids"
            raise _malformed(f"{name} = {row[name]!r}", want, store)
    return ModelEntry(**row)


def _malformed(got: str, want: str, store: Path) -> ModelError:
    return ModelError("the model manifest is malformed", got=got, want=want, fix=restore(store))


def restore(store: Path) -> str:
    """What mends a damaged store: its package is installed anew, which for another's store this one does not name."""
    if store == STORE:
        return f"Reinstall zhenwei: {reinstall_package()}"
    return (
        f"Reinstall the package that {store} came with, or restore what belongs in it; what was added to it is added "
        "again by: zhenwei models add --force"
    )
