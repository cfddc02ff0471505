"""The consent manifest: what it covers may be used, what it does not is refused, and its hash names what was said."""

from __future__ import annotations

import datetime
import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhenwei.errors import DataError
from zhenwei.forge import consent
from zhenwei.forge.consent import Consent, check_files, check_manifest, describe_folder, make_consent, read_consent
from zhenwei.forge.make import check_covered

TODAY = datetime.date(2026, 11, 27)


def folder_of(place: Path, name: str, count: int = 3) -> Path:
    folder = place / name
    folder.mkdir()
    for number in range(count):
        (folder / f"{number}.jpg").write_bytes(f"{name} {number}".encode())
    return folder


def manifest(
    place: Path, *, scope: consent.Scope = "face", expires: datetime.date | None = None
) -> tuple[Path, Consent]:
    folder, path = folder_of(place, "anna"), place / "consent.json"
    person = describe_folder(folder, path, "anna", basis="self", evidence="", scope=scope, expires=expires)
    consent.write_consent(make_consent([person]), path)
    return path, read_consent(path)


def test_what_was_written_is_read_and_every_file_is_hashed(tmp_path: Path) -> None:
    path, held = manifest(tmp_path)
    anna = held.subject("anna")
    assert dict(anna.files) == {f"anna/{n}.jpg": hashlib.sha256(f"anna {n}".encode()).hexdigest() for n in range(3)}
    check_manifest(held, path.parent, TODAY)


def test_the_hash_is_of_what_is_said_not_of_how_it_is_laid_out(tmp_path: Path) -> None:
    path, held = manifest(tmp_path)
    document = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(document, indent=7), encoding="utf-8")
    assert read_consent(path).sha256 == held.sha256
    document["subjects"]["anna"]["expires"] = "2030-01-01"
    path.write_text(json.dumps(document), encoding="utf-8")
    assert read_consent(path).sha256 != held.sha256
    oracle = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    assert read_consent(path).sha256 == hashlib.sha256(oracle).hexdigest()


def test_a_moved_file_is_still_covered_and_an_altered_or_foreign_one_is_not(tmp_path: Path) -> None:
    _, held = manifest(tmp_path)
    moved = tmp_path / "elsewhere.jpg"
    (tmp_path / "anna" / "0.jpg").rename(moved)
    check_files(held, "anna", [moved], TODAY, "face")
    (tmp_path / "anna" / "1.jpg").write_bytes(b"another face")
    with pytest.raises(DataError, match=r"altered since consent.*1\.jpg"):
        check_files(held, "anna", [tmp_path / "anna" / "1.jpg"], TODAY, "face")
    stranger = tmp_path / "stranger.jpg"
    stranger.write_bytes(b"a stranger")
    with pytest.raises(DataError, match=r"not in the consent manifest.*stranger\.jpg"):
        check_files(held, "anna", [stranger], TODAY, "face")
    with pytest.raises(DataError, match="missing"):
        check_files(held, "anna", [tmp_path / "gone.jpg"], TODAY, "face")


def test_files_that_were_exchanged_for_each_other_are_found(tmp_path: Path) -> None:
    path, held = manifest(tmp_path)
    (tmp_path / "anna" / "0.jpg").write_bytes(b"anna 1")
    with pytest.raises(DataError, match=r"altered.*0\.jpg"):
        check_manifest(held, path.parent, TODAY)


def test_it_holds_on_its_last_day_and_not_on_the_next(tmp_path: Path) -> None:
    _, held = manifest(tmp_path, expires=TODAY)
    files = [tmp_path / "anna" / "0.jpg"]
    check_files(held, "anna", files, TODAY, "face")
    with pytest.raises(DataError, match="ended"):
        check_files(held, "anna", files, TODAY + datetime.timedelta(days=1), "face")


@pytest.mark.parametrize(("granted", "wanted"), [("face", "voice"), ("voice", "face"), ("both", "all")])
def test_a_scope_that_was_not_granted_is_refused(granted: consent.Scope, wanted: str, tmp_path: Path) -> None:
    _, held = manifest(tmp_path, scope=granted)
    with pytest.raises(DataError, match="does not cover"):
        check_files(held, "anna", [tmp_path / "anna" / "0.jpg"], TODAY, wanted)


def test_an_unknown_subject_is_refused(tmp_path: Path) -> None:
    _, held = manifest(tmp_path)
    with pytest.raises(DataError, match="bert"):
        check_files(held, "bert", [], TODAY, "face")


def test_a_subject_is_named_once(tmp_path: Path) -> None:
    _, held = manifest(tmp_path)
    with pytest.raises(DataError, match="twice"):
        make_consent([held.subject("anna"), held.subject("anna")])


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("basis", "I found it on the net"),
        ("scope", "everything"),
        ("expires", "soon"),
        ("expires", "2026-02-30"),
        ("files", {}),
        ("files", {"../a.jpg": "0" * 64}),
        ("files", {"/a.jpg": "0" * 64}),
        ("files", {"a.jpg": "0" * 63}),
        ("evidence", 7),
    ],
)
def test_an_entry_without_meaning_is_refused(key: str, value: object, tmp_path: Path) -> None:
    path, _ = manifest(tmp_path)
    document = json.loads(path.read_text(encoding="utf-8"))
    document["subjects"]["anna"][key] = value
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(DataError, match=key):
        read_consent(path)


@pytest.mark.parametrize("basis", [b for b in consent.BASES if b != "self"])
def test_every_ground_but_self_needs_to_be_shown(basis: consent.Basis, tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "anna")
    person = describe_folder(folder, tmp_path / "c.json", "anna", basis=basis, evidence=" ", scope="face", expires=None)
    with pytest.raises(DataError, match="evidence"):
        make_consent([person])


def test_a_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "consent.json"
    path.write_text('{"schema": "zhenwei.consent/1", "subjects": {}, "subjects": {}}', encoding="utf-8")
    with pytest.raises(DataError, match="twice"):
        read_consent(path)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode) | st.just(b"[" * 100_000))
def test_whatever_else_stands_there_is_an_error_with_its_cure(content: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "consent.json"
        path.write_bytes(content)
        with pytest.raises(DataError, match="zhenwei forge consent make"):
            read_consent(path)


def test_whose_file_it_is_says_why_it_may_not_be_used(tmp_path: Path) -> None:
    path, ended = tmp_path / "consent.json", datetime.date(2026, 1, 1)
    people = []
    for name, expires in (("anna", None), ("bruno", ended)):
        folder = folder_of(tmp_path, name)
        people.append(describe_folder(folder, path, name, basis="self", evidence="", scope="face", expires=expires))
    consent.write_consent(make_consent(people), path)
    with pytest.raises(DataError, match="consent of bruno ended"):
        check_covered(read_consent(path), tmp_path / "bruno" / "0.jpg", TODAY, "face")
    check_covered(read_consent(path), tmp_path / "anna" / "0.jpg", TODAY, "face")
