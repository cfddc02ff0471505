"""A bundle is the same bytes for the same case, shows whatever is done to it, and does no harm to who reads it."""

from __future__ import annotations

import hashlib
import io
import json
import stat
import struct
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed: pip install 'zhenwei[store]'")

from sqlalchemy import select, text, update
from tests.store.test_kept import PHRASE, drawn, keep, kept
from tests.store.test_store import OURS

from zhenwei.errors import DataError
from zhenwei.report.packed import pack, unpack
from zhenwei.store import Cases, Kept, Store, open_store
from zhenwei.store.bundle import LeftOut, _member, export
from zhenwei.store.bundle_check import check
from zhenwei.store.bundle_reading import Bundle
from zhenwei.store.cases import CaseAtRest
from zhenwei.store.chain import Entry, canonical, salted
from zhenwei.store.erasure import Erasure
from zhenwei.store.folder import Folder
from zhenwei.store.tables import Examination, ReportRow
from zhenwei.types import Report

Members = dict[str, bytes]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A case with two files, one of them gone and without its page, and its digest."""
    folder = tmp_path_factory.mktemp("case")
    with open_store(str(folder / "a.db")) as store:
        own = kept(store, folder)
        first, second = drawn(folder / "a.PNG", 1), drawn(folder / "b.png", 2)
        keep(own, first)
        keep(replace(own, media="never", pages=False), second)
        (folder / "b.png").unlink()
        cases = Cases(store, actor="ada")
        made = cases.create("A case")
        cases.add_file(made.id, first.media.sha256, name="../a.PNG")
        cases.add_file(made.id, second.media.sha256, name="b.png")
        cases.note(made.id, "A note", sha256=first.media.sha256)
        cases.note(made.id, "Another")
        cases.tag(made.id, "news")
        bundles = [folder / "one.zip", folder / "two.zip"]
        digests = {export(cases, own, made.id, path).digest for path in bundles}
        assert bundles[0].read_bytes() == bundles[1].read_bytes()
        assert [entry.action for entry in cases.store_log()] == ["case-opened", "case-exported", "case-exported"]
        assert cases.store_log()[-1].details["bundle"] in digests
    assert len(digests) == 1
    return bundles[0], digests.pop()


def members(path: Path) -> Members:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def written(path: Path, content: Members) -> Path:
    """As a bundle, its manifest as it is."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            method = zipfile.ZIP_STORED if name.startswith("media/") else zipfile.ZIP_DEFLATED
            archive.writestr(_member(name, len(data), method), data)
    return path


def resealed(content: Members) -> Members:
    """With a manifest that tells of the members as they are now: what a careful forger does."""
    manifest = json.loads(content["manifest.json"])
    for name, data in content.items():
        if name != "manifest.json":
            manifest["files"][name] = {"sha256": hashlib.sha256(data).hexdigest(), "size_bytes": len(data)}
    return content | {"manifest.json": json.dumps(manifest).encode()}


def test_a_bundle_is_whole_and_holds_what_was_in_the_case(exported: tuple[Path, str]) -> None:
    path, digest = exported
    found = check(path, expected=digest)
    assert found.flaws == ()
    assert found.notes == ("b.png: the file itself is not in the bundle",)
    assert (found.title, found.digest, found.entries) == ("A case", digest, 8)
    assert [(claim.name, claim.decision, claim.llr) for claim in found.claims] == [
        ("../a.PNG", "forged", 2.5),
        ("b.png", "forged", 2.5),
    ]
    assert found.claims[0].engine == OURS
    names = members(path).keys()
    assert sum([name.startswith("media/") and name.endswith(".png") for name in names]) == 1
    assert sum([name.endswith(".html") for name in names]) == 2
    assert sum([name.startswith("reports/") for name in names]) == 4
    assert PHRASE in members(path)[found.claims[0].medium.replace("media", "pages").replace(".png", ".html")].decode()
    assert b"zhenwei case verify BUNDLE.zip --replay" in members(path)["index.html"]
    other = check(path, expected="0" * 64)
    assert other.flaws == ("the bundle is another than 0000000000000000…",)


def in_json(name: str, change: Callable[[Any], object]) -> Callable[[Members], object]:
    def act(content: Members) -> None:
        document = json.loads(content[name])
        change(document)
        content[name] = json.dumps(document).encode()

    return act


def in_log(number: int, **changes: str) -> Callable[[Members], object]:
    """An entry is changed, and all digests after it are made anew."""

    def act(content: Members) -> None:
        entries = [Entry.from_dict(json.loads(line)) for line in content["log.jsonl"].decode().splitlines()]
        entries[number - 1] = replace(entries[number - 1], **changes)  # type: ignore[arg-type]
        previous = "0" * 64
        for place, entry in enumerate(entries):
            moved = replace(entry, previous=previous)
            entries[place] = replace(moved, sha256=moved.digest())
            previous = entries[place].sha256
        content["log.jsonl"] = "".join([canonical(entry.to_dict()) + "\n" for entry in entries]).encode()
        in_json("manifest.json", lambda manifest: manifest.update(log_end=previous))(content)

    return act


def one(content: Members, ending: str, folder: str) -> str:
    return min([name for name in content if name.startswith(folder) and name.endswith(ending)])


FORGERIES: dict[str, tuple[Callable[[Members], object], str]] = {
    "medium": (lambda c: c.update({one(c, "", "media/"): b"other"}), "the file is another"),
    "report": (lambda c: c.update({one(c, ".en.json", "reports/"): b"{}"}), "reports are others"),
    "title": (in_json("case.json", lambda case: case.update(title="Another")), "title"),
    "opened": (in_json("case.json", lambda case: case.update(created_at="2020-01-01T00:00:00+00:00")), "opened"),
    "tag": (in_json("case.json", lambda case: case["tags"].append("x")), "tags"),
    "note": (in_json("case.json", lambda case: case["notes"][0].update(text="No")), "notes"),
    "note's author": (in_json("case.json", lambda case: case["notes"][0].update(actor="eve")), "notes"),
    "name": (in_json("case.json", lambda case: case["files"][0].update(name="c.png")), "the files, their names"),
    "file left out": (in_json("case.json", lambda case: case["files"].pop()), "the files, their names"),
    "file twice": (in_json("case.json", lambda case: case["files"].append(case["files"][0])), "the files, their names"),
    "verdict": (in_json("case.json", lambda case: case["files"][0].update(decision="genuine")), "verdict is another"),
    "page": (lambda c: c.update({one(c, ".html", "pages/"): b"<p>genuine</p>"}), "says something else"),
    "index": (lambda c: c.update({"index.html": b"<p>genuine</p>"}), "says something else"),
    "packed": (lambda c: c.update({one(c, ".packed", "pages/"): b"PK"}), "made of something else"),
    "put in": (lambda c: c.update({f"media/{'0' * 64}": b"x"}), "was changed|put in"),
    "log entry": (in_log(4, actor="eve"), "the files, their names"),
    "log end": (in_json("manifest.json", lambda manifest: manifest.update(log_end="0" * 64)), "ends otherwise"),
    "order of files": (in_json("case.json", lambda case: case["files"].reverse()), "their order"),
    "order of notes": (in_json("case.json", lambda case: case["notes"].reverse()), "their order"),
    "size": (in_json("case.json", lambda case: case["files"][0].update(size_bytes=1)), "that of the file"),
    "size of a file that is not there": (
        in_json("case.json", lambda case: case["files"][1].update(size_bytes=1)),
        "than in its report",
    ),
    "salt": (in_json("case.json", lambda case: case.update(salt="x")), "title"),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_whatever_is_changed_shows_even_where_the_manifest_is_made_anew(
    exported: tuple[Path, str], tmp_path: Path, name: str
) -> None:
    path, digest = exported
    act, told = FORGERIES[name]
    content = members(path)
    act(content)
    plain = check(written(tmp_path / "plain.zip", content), expected=digest)
    assert plain.flaws
    sealed = check(written(tmp_path / "sealed.zip", resealed(content)), expected=digest)
    assert "another than" in sealed.flaws[0]
    if name != "put in":
        assert told in "; ".join(sealed.flaws[1:])


def test_a_member_that_is_missing_and_a_broken_log_show(exported: tuple[Path, str], tmp_path: Path) -> None:
    path, _ = exported
    content = members(path)
    del content[one(content, "", "media/")]
    assert "was taken out" in "; ".join(check(written(tmp_path / "a.zip", content)).flaws)
    content = members(path)
    lines = content["log.jsonl"].splitlines(keepends=True)
    content["log.jsonl"] = b"".join([lines[0], *lines[2:]])
    assert "entry 2 is missing" in "; ".join(check(written(tmp_path / "b.zip", resealed(content))).flaws)


def test_a_page_that_is_not_there_and_one_of_another_verdict_are_told(
    exported: tuple[Path, str], tmp_path: Path
) -> None:
    path, _ = exported
    content = members(path)
    del content[one(content, ".packed", "pages/")], content[one(content, ".html", "pages/")]
    for name in ("case.json", "manifest.json"):
        in_json(name, _without_pages)(content)
    found = check(written(tmp_path / "a.zip", resealed(content)))
    assert "../a.PNG: its page is not in the bundle, though the log tells of one" in found.notes
    content = members(path)
    name = one(content, ".packed", "pages/")
    report = unpack(content[name]).report
    other = pack(replace(report, verdict=replace(report.verdict, decision="genuine", llr=-3.0)))
    content[name] = other
    found = check(written(tmp_path / "b.zip", resealed(content)))
    assert "../a.PNG: its page is of another verdict than its report" in found.flaws


def _without_pages(document: dict[str, Any]) -> None:
    for file in document["files"]:
        if isinstance(file, dict):
            file["page"] = ""
    if isinstance(document["files"], dict):
        document["files"] = {name: file for name, file in document["files"].items() if "pages/" not in name}


def test_pages_of_another_version_are_not_made_again(exported: tuple[Path, str], tmp_path: Path) -> None:
    path, _ = exported
    content = members(path)
    in_json("case.json", lambda case: case.update(pages_by="0" * 64))(content)
    found = check(written(tmp_path / "a.zip", resealed(content)))
    assert found.flaws == ()
    assert "another version" in found.notes[-1]
    assert (found.are_pages_checked, check(path).are_pages_checked) == (False, True)


def test_bytes_before_the_archive_show(exported: tuple[Path, str], tmp_path: Path) -> None:
    path, _ = exported
    longer = tmp_path / "a.zip"
    longer.write_bytes(b"MZ" + b"\0" * 100 + path.read_bytes())
    assert check(longer).flaws == ("there is more in the archive than its members",)


def test_bytes_between_and_behind_the_members_show(exported: tuple[Path, str], tmp_path: Path) -> None:
    path, _ = exported
    data = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        directory = archive.start_dir
    moved = data[:directory] + b"A" * 5000 + data[directory:-6] + struct.pack("<I", directory + 5000) + data[-2:]
    commented = data[:-2] + struct.pack("<H", 3) + b"abc"
    for number, other in enumerate((moved, data + bytes(60_000), commented)):
        longer = tmp_path / f"{number}.zip"
        longer.write_bytes(other)
        assert check(longer).flaws == ("there is more in the archive than its members",)
    assert check(path).flaws == ()


@pytest.mark.parametrize("where", [4, 6, 8, 10, 12, 14, 18, 22])
def test_a_header_that_says_something_else_than_the_directory_shows(
    exported: tuple[Path, str], tmp_path: Path, where: int
) -> None:
    data = bytearray(exported[0].read_bytes())
    data[where] ^= 0x01
    damaged = tmp_path / "a.zip"
    damaged.write_bytes(data)
    try:
        assert check(damaged).flaws
    except DataError:
        assert where in (6, 8)  # it seems to be encrypted, or packed in another way


def test_a_directory_with_other_times_or_rights_shows(exported: tuple[Path, str], tmp_path: Path) -> None:
    data = exported[0].read_bytes()
    with zipfile.ZipFile(exported[0]) as archive:
        start = archive.start_dir
    for offset in (12, 14, 36, 40):
        changed = bytearray(data)
        changed[start + offset] ^= 0x01
        (tmp_path / "a.zip").write_bytes(changed)
        assert "there is more in the archive than its members" in check(tmp_path / "a.zip").flaws


def with_member(info: zipfile.ZipInfo, data: bytes) -> Callable[[Path, Members], None]:
    def act(path: Path, content: Members) -> None:
        written(path, content)
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(info, data)

    return act


def named(name: str, *, mode: int = stat.S_IFREG | 0o644, method: int = zipfile.ZIP_STORED) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr, info.compress_type, info.create_system = mode << 16, method, 3
    return info


def overlapping(path: Path, content: Members) -> None:
    """Members that share their bytes: the second entry of the directory points to the first one's data."""
    written(path, {**content, f"reports/{'0' * 64}.en.json": b"\0" * (30 << 20)})
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(io.BytesIO(bytes(data))) as archive:
        start, count = archive.start_dir, len(archive.infolist())
    directory, end = bytes(data[start:-22]), bytearray(data[-22:])
    entry = directory[directory.rindex(b"PK\x01\x02") :]
    copies = 60
    more = b"".join([entry.replace(b"0" * 64, f"{number:064x}".encode()) for number in range(1, copies)])
    struct.pack_into("<HH", end, 8, count + copies - 1, count + copies - 1)
    struct.pack_into("<I", end, 12, len(directory) + len(more))
    path.write_bytes(bytes(data[:start]) + directory + more + bytes(end))


HOSTILE: dict[str, tuple[Callable[[Path, Members], object], str]] = {
    "no archive": (lambda path, _: path.write_bytes(b"PK\x03\x04 nothing"), "no bundle"),
    "empty": (lambda path, _: path.write_bytes(b""), "no bundle"),
    "another archive": (lambda path, _: written(path, {"a.txt": b"x"}), "no case.json"),
    "traversal": (with_member(named("media/../../../tmp/x"), b"x"), "a member called"),
    "absolute": (with_member(named("/etc/passwd"), b"x"), "a member called"),
    "backslash": (with_member(named("media\\..\\x"), b"x"), "a member called"),
    "NUL": (with_member(named("index.html\0.exe"), b"x"), "a member called|two members"),
    "link": (with_member(named(f"media/{'0' * 64}", mode=stat.S_IFLNK | 0o777), b"/etc/passwd"), "link"),
    "device": (with_member(named(f"media/{'0' * 64}", mode=stat.S_IFCHR | 0o777), b""), "link or device"),
    "folder": (with_member(named("media/", mode=stat.S_IFDIR | 0o777), b""), "a member called"),
    "packed medium": (with_member(named(f"media/{'0' * 64}", method=zipfile.ZIP_DEFLATED), b"0" * 99), "packed"),
    "strange method": (with_member(named(f"reports/{'0' * 64}.en.json", method=zipfile.ZIP_LZMA), b"0"), "packed"),
    "bomb": (
        with_member(named(f"reports/{'0' * 64}.en.json", method=zipfile.ZIP_DEFLATED), b"\0" * (65 << 20)),
        "bytes",
    ),
    "shared bytes": (overlapping, "share their bytes"),
    "list": (lambda path, c: written(path, {**c, "case.json": b"[]"}), "no JSON object"),
    "deep": (lambda path, c: written(path, {**c, "case.json": b"[" * 100_000}), "case.json"),
    "wrong types": (lambda path, c: written(path, {**c, "case.json": b'{"schema": 1}'}), "not put together|version"),
    "no numbers": (lambda path, c: written(path, {**c, "log.jsonl": b'{"at": 5}\n'}), "not put together"),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_made_to_do_harm_is_refused(exported: tuple[Path, str], tmp_path: Path, name: str) -> None:
    act, told = HOSTILE[name]
    path = tmp_path / "bad.zip"
    act(path, members(exported[0]))
    with pytest.raises(DataError, match=told):
        check(path)
    assert sorted(tmp_path.iterdir()) == [path]


def test_damage_anywhere_is_found_or_refused(exported: tuple[Path, str], tmp_path: Path) -> None:
    whole = exported[0].read_bytes()
    path = tmp_path / "a.zip"
    for place in range(0, len(whole), max(1, len(whole) // 150)):
        damaged = bytearray(whole)
        damaged[place] ^= 0x55
        path.write_bytes(damaged)
        try:
            found = check(path, expected=exported[1])
        except DataError:
            continue
        if found.flaws:
            continue
        with Bundle(path) as bundle:  # what is not content, as a time, may differ: all that is read is the same
            assert [bundle.read(name) for name in bundle.members] == list(members(exported[0]).values())


def test_texts_cannot_be_guessed_without_the_salt() -> None:
    assert salted("a", "text") != salted("b", "text")


@pytest.fixture
def opened(where: str, tmp_path: Path) -> Iterator[tuple[Cases, Kept, Report]]:
    """A case of one file, number 1."""
    with open_store(where) as store:
        own, outcome = kept(store, tmp_path), drawn(tmp_path / "a.png")
        keep(own, outcome)
        cases = Cases(store, actor="ada")
        cases.create("A case")
        cases.add_file(1, outcome.media.sha256, name="a.png")
        yield cases, own, outcome


def _changed(store: Store, *statements: str) -> None:
    with store.writing() as session:
        for statement in statements:
            session.execute(text(statement))


def test_a_verdict_that_was_changed_in_the_database_is_not_certified(
    opened: tuple[Cases, Kept, Report], tmp_path: Path
) -> None:
    cases, own, outcome = opened
    again = replace(outcome, verdict=replace(outcome.verdict, llr=2.75))
    keep(own, again)  # as it should be
    assert export(cases, own, 1, tmp_path / "a.zip").flaws == ()
    assert cases.log(1)[-1].action == "examination-changed"
    entries = len(cases.log(1))
    with cases.store.writing() as session:
        session.execute(update(Examination).values(decision="genuine", llr=-4.5))
        for row in session.scalars(select(ReportRow)):
            document = json.loads(row.document)
            document["verdict"] |= {"decision": "genuine", "llr": -4.5}
            row.document = json.dumps(document)
    found = export(cases, own, 1, tmp_path / "a.zip")
    assert "a.png: its verdict is another than in the log" in found.flaws
    assert "a.png: its page is of another verdict than its report" in found.flaws
    assert len(cases.log(1)) == entries
    assert check(tmp_path / "a.zip").flaws == found.flaws


def test_a_note_that_was_changed_in_the_database_is_told(opened: tuple[Cases, Kept, Report], tmp_path: Path) -> None:
    cases, own, _ = opened
    cases.note(1, "one")
    _changed(cases.store, "UPDATE note SET text = 'other'")
    assert export(cases, own, 1, tmp_path / "a.zip").flaws == ("the notes, or their order, are others than in the log",)


def test_whoever_works_on_a_case_while_it_is_exported_does_not_spoil_it(
    opened: tuple[Cases, Kept, Report], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others come in between the case and its first report, and between that and the page."""
    cases, own, outcome = opened
    came: list[str] = []
    read, document = Folder.read, CaseAtRest.document

    def at_document(case: CaseAtRest, *given: Any) -> str | None:
        if "document" not in came:
            came.append("document")
            cases.note(1, "meanwhile")
            keep(own, replace(outcome, evidence=(replace(outcome.evidence[0], finding="Another."),)))
        return document(case, *given)

    def at_page(folder: Folder, sha256: str) -> bytes:
        if "page" not in came:
            came.append("page")
            keep(own, replace(outcome, evidence=(replace(outcome.evidence[0], finding="Yet another."),)))
        return read(folder, sha256)

    monkeypatch.setattr(CaseAtRest, "document", at_document)
    monkeypatch.setattr(Folder, "read", at_page)
    found = export(cases, own, 1, tmp_path / "a.zip")
    assert came == ["document", "page"]
    assert (found.flaws, found.left_out) == ((), ())
    assert check(tmp_path / "a.zip").flaws == ()
    assert "Yet another." in members(tmp_path / "a.zip")[f"reports/{outcome.media.sha256}.en.json"].decode()


def test_what_ends_a_line_may_stand_in_a_name(opened: tuple[Cases, Kept, Report], tmp_path: Path) -> None:
    cases, own, _ = opened
    Cases(cases.store, actor="a\u2028b\u0085c").note(1, "one\u2028two")
    assert export(cases, own, 1, tmp_path / "a.zip").flaws == ()


def test_a_case_that_no_bundle_can_hold_is_told_when_it_is_written(
    opened: tuple[Cases, Kept, Report], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases, own, _ = opened
    monkeypatch.setattr("zhenwei.store.bundle.MAX_TEXT_BYTES", 20_000)
    cases.note(1, "字" * 10_000)
    with pytest.raises(DataError, match="too large for one bundle"):
        export(cases, own, 1, tmp_path / "a.zip")
    assert not (tmp_path / "a.zip").exists()
    assert cases.store_log()[-1].action == "case-opened"


def test_what_is_lost_is_left_out_and_told(opened: tuple[Cases, Kept, Report], tmp_path: Path) -> None:
    cases, own, _ = opened
    (tmp_path / "a.png").unlink()
    for path in (tmp_path / "kept").rglob("*"):
        if path.is_file():
            path.unlink()
    found = export(cases, own, 1, tmp_path / "a.zip")
    assert found.left_out == (LeftOut("a.png", "page", is_lost=True), LeftOut("a.png", "media", is_lost=True))
    assert found.flaws == ()
    _changed(cases.store, "UPDATE report SET document = '{bad'")
    found = export(cases, own, 1, tmp_path / "a.zip")
    assert found.left_out.count(LeftOut("a.png", "report", is_lost=True)) == 1
    assert "a.png: its reports are others than in the log" in found.flaws


@pytest.mark.parametrize("document", ["null", "[]", "{}", '{"verdict": null}', '{"verdict": {"llr": 1e999}}'])
def test_a_report_that_is_json_and_no_report_is_left_out_and_told(
    opened: tuple[Cases, Kept, Report], tmp_path: Path, document: str
) -> None:
    cases, own, _ = opened
    with cases.store.writing() as session:
        session.execute(update(ReportRow).values(document=document))
    found = export(cases, own, 1, tmp_path / "a.zip")
    assert found.left_out == (LeftOut("a.png", "report", is_lost=True),)
    assert "a.png: its reports are others than in the log" in found.flaws


def test_the_clock_of_another_machine_may_be_ahead(
    opened: tuple[Cases, Kept, Report], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases, own, outcome = opened
    monkeypatch.setattr("zhenwei.store.store._now", lambda: datetime.now(UTC) - timedelta(hours=1))
    keep(own, replace(outcome, verdict=replace(outcome.verdict, llr=2.75)))
    assert export(cases, own, 1, tmp_path / "a.zip").flaws == ()
    assert cases.log(1)[-1].action == "examination-changed"


def test_an_examination_that_is_erased_is_told_in_everybodys_case(
    opened: tuple[Cases, Kept, Report], tmp_path: Path
) -> None:
    cases, own, outcome = opened
    others = Cases(cases.store, tenant="anna", actor="anna")
    number = others.create("Hers").id
    others.add_file(number, outcome.media.sha256, name="hers.png")
    Erasure(own, "ada").examination(others.get(number).files[0].examination_id or 0)
    for each, case in ((cases, 1), (others, number)):
        last = each.log(case)[-1]
        assert last.action == "examination-erased"
        assert export(each, own, case, tmp_path / "a.zip").flaws == ()
    assert others.log(number)[-1].actor == "store"  # who it was is none of hers
