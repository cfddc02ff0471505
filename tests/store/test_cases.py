"""Cases hold what was put into them, each tenant's their own, and their log shows whatever was done to it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed: pip install 'zhenwei[store]'")

from sqlalchemy import text
from tests.store.test_store import OURS, digest, keep, report

from zhenwei.errors import NotFoundError, UsageError
from zhenwei.store import Cases, Store, open_store
from zhenwei.store.chain import salted


@pytest.fixture
def store(where: str) -> Iterator[Store]:
    with open_store(where) as opened:
        keep(opened, 1, report(1), "one.png")
        keep(opened, 2, report(2, "genuine", -3.0), "two.png")
        yield opened


def altered(store: Store, statement: str) -> None:
    with store.engine.execution_options(writes=True).begin() as connection:
        assert connection.execute(text(statement)).rowcount > 0


def test_a_case_holds_files_notes_and_tags_and_who_did_it(store: Store) -> None:
    cases = Cases(store, actor="ada")
    made = cases.create("  A face in the news ")
    cases.add_file(made.id, digest(1), name="one.png")
    cases.add_file(made.id, digest(1))  # is there already
    Cases(store, actor="bob").note(made.id, "The mouth does not follow.", sha256=digest(1))
    cases.note(made.id, "来自论坛。")
    for _ in range(2):
        cases.tag(made.id, "news")
    cases.tag(made.id, "old")
    cases.untag(made.id, "old")
    found = cases.get(made.id)
    assert (found.line.title, found.line.actor, found.line.files) == ("A face in the news", "ada", 1)
    assert found.line.tags == ("news",)
    (file,) = found.files
    assert (file.name, file.decision, file.llr, file.kind) == ("one.png", "forged", 2.5, "image")
    assert (file.version, file.fingerprint) == ("1.0", OURS.sha256)
    assert [(note.text, note.sha256, note.actor) for note in found.notes] == [
        ("The mouth does not follow.", digest(1), "bob"),
        ("来自论坛。", "", "ada"),
    ]
    assert [case.id for case in cases.with_file(digest(1))] == [made.id]
    cases.remove_file(made.id, digest(1))
    found = cases.get(made.id)
    assert (found.files, len(found.notes)) == ((), 1)
    assert [(entry.action, entry.actor) for entry in cases.log(made.id)] == [
        ("opened", "ada"),
        ("file-added", "ada"),
        ("examination-added", "ada"),
        ("noted", "bob"),
        ("noted", "ada"),
        ("tagged", "ada"),
        ("tagged", "ada"),
        ("untagged", "ada"),
        ("file-removed", "ada"),
    ]
    assert cases.verify_log(made.id) == cases.verify_log() == ""


def test_lists_are_read_page_by_page_and_by_tag(store: Store) -> None:
    cases = Cases(store)
    made = [cases.create(f"case {number}").id for number in range(5)]
    cases.tag(made[1], "x")
    assert [case.id for case in cases.list(limit=3)] == made[:1:-1]
    assert [case.id for case in cases.list(before=made[2])] == made[1::-1]
    assert [case.id for case in cases.list(tag="x")] == [made[1]]


def test_tenants_do_not_see_each_other(store: Store) -> None:
    ours, theirs = Cases(store, tenant="a"), Cases(store, tenant="b")
    made = ours.create("ours")
    assert theirs.list() == ()
    for attempt in (
        lambda: theirs.get(made.id),
        lambda: theirs.add_file(made.id, digest(1)),
        lambda: theirs.note(made.id, "x"),
        lambda: theirs.tag(made.id, "x"),
        lambda: theirs.log(made.id),
        lambda: theirs.verify_log(made.id),
    ):
        with pytest.raises(NotFoundError):
            attempt()
    assert theirs.store_log() == ()
    assert ours.get(made.id).line == made


def test_what_is_not_there_or_too_long_is_told(store: Store) -> None:
    cases = Cases(store)
    made = cases.create("a")
    with pytest.raises(NotFoundError, match="no such file"):
        cases.add_file(made.id, digest(9))
    with pytest.raises(NotFoundError, match="no examination"):
        cases.add_file(made.id, digest(1), examination_id=_examination(store, "two.png"))
    with pytest.raises(NotFoundError, match="holds no such file"):
        cases.note(made.id, "x", sha256=digest(2))
    with pytest.raises(UsageError, match="title"):
        cases.create(" \0"[:1])
    with pytest.raises(UsageError, match="tag"):
        cases.tag(made.id, "x" * 65)
    assert len(cases.log(made.id)) == 1


def _examination(store: Store, path: str) -> int:
    (found,) = [one.examination_id for one in store.results() if one.path == path]
    assert found is not None
    return found


def test_an_examination_brings_its_file(store: Store) -> None:
    cases = Cases(store)
    made = cases.create("a")
    cases.add_examination(made.id, _examination(store, "two.png"), name="two.png")
    assert [(file.sha256, file.decision) for file in cases.get(made.id).files] == [(digest(2), "genuine")]


def test_the_log_holds_digests_and_no_texts(store: Store) -> None:
    cases = Cases(store)
    made = cases.create("secret title")
    cases.add_file(made.id, digest(1), name="secret.png")
    cases.note(made.id, "secret note")
    cases.tag(made.id, "secret tag")
    found = cases.get(made.id)
    entries = cases.log(made.id)
    assert "secret" not in "".join([entry.content for entry in entries])
    assert entries[0].details["title"] == salted(found.salt, "secret title")
    assert entries[2].details["reports"].keys() == {"en", "zh"}


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE log_entry SET actor = 'eve' WHERE number = 2 AND chain != 'store'", "entry 2 was changed"),
        ("UPDATE log_entry SET content = '{}' WHERE number = 3", "entry 3 was changed"),
        ("DELETE FROM log_entry WHERE number = 2 AND chain != 'store'", "entry 2 is missing"),
        ("DELETE FROM log_entry WHERE number = 5 AND chain != 'store'", "another than when"),
        ("UPDATE log_entry SET subject = 'x' WHERE chain = 'store'", "entry 1 was changed"),
    ],
)
def test_what_is_done_to_the_log_shows(store: Store, statement: str, told: str) -> None:
    cases = Cases(store)
    made = cases.create("a")
    cases.add_file(made.id, digest(1))
    cases.note(made.id, "one")
    cases.note(made.id, "two")
    cases.record(made.id, "case-exported", {"bundle": digest(7)})
    assert cases.verify_log(made.id) == ""
    altered(store, statement)
    assert told in cases.verify_log(made.id)


def test_a_number_is_given_once(store: Store) -> None:
    cases = Cases(store)
    last = cases.create("a").id
    altered(store, 'DELETE FROM "case"')
    assert cases.create("b").id > last


_WRITER = """
from zhenwei.store import Cases, open_store
with open_store({where!r}) as store:
    cases = Cases(store)
    for number in range(20):
        cases.note({case}, str(number))
        cases.create("x")
"""


@pytest.mark.heavy
def test_several_may_write_to_one_log(store: Store) -> None:
    cases = Cases(store)
    made = cases.create("a")
    code = _WRITER.format(where=store.where, case=made.id)
    writers = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True) for _ in range(3)]
    ended = [(writer.communicate(timeout=120)[1], writer.returncode) for writer in writers]
    assert ended == [("", 0)] * 3
    assert len(cases.log(made.id)) == 61
    assert len(cases.store_log()) == 61
    assert cases.verify_log(made.id) == ""


def test_the_catalogue_of_tables_is_whole(tmp_path: Path) -> None:
    with open_store(str(tmp_path / "a.db")) as store, store.engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars()
        assert {"case", "case_file", "note", "tag", "log_entry", "kept_media", "page"} <= set(found)
