"""What is kept comes back, once for each path, whichever database keeps it and however many write to it."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jsonschema
import pytest

pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed: pip install 'zhenwei[store]'")

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from zhenwei.errors import DataError, MediaError, OutputError, TimeLimitError, UsageError
from zhenwei.media.sources import identify
from zhenwei.report import Unreadable, schema
from zhenwei.store import Fingerprint, Store, fingerprint_of, migrations, open_store
from zhenwei.store.store import said_of
from zhenwei.store.tables import Base
from zhenwei.store.where import Condition
from zhenwei.types import Decision, Engine, Evidence, Media, Report, Text, Verdict
from zhenwei.words import translated

ENGINE = Engine("1.0", {"a": "0" * 64}, {"numpy": "2"}, {"frames": 32, "threads": 1})
OURS = fingerprint_of(ENGINE, ["cnn.a"])


def digest(number: int) -> str:
    return f"{number:064x}"


def report(number: int, decision: Decision = "forged", llr: float | None = 2.5, path: str = "a.png") -> Report:
    found = Evidence("cnn.a", llr=llr, finding=Text("It is drawn.", zh="是画的。"), reason="" if llr else "nothing")
    media = Media(path, digest(number), "image", 7, "png")
    return Report(media, Verdict(decision, llr, 0.05, "Because."), (found,), (), ENGINE)


def keep(store: Store, number: int, outcome: Report | Unreadable, path: str = "a.png") -> None:
    store.record(path, digest(number), 7, outcome, OURS, seconds=1.25)


def failure(path: str = "a.png") -> Unreadable:
    return Unreadable(path, TimeLimitError.after(300))


def test_what_is_kept_comes_back(where: str) -> None:
    began = datetime.now(UTC)
    with open_store(where) as store:
        assert store.decision(digest(1), OURS) is None
        keep(store, 1, report(1))
        assert store.decision(digest(1), OURS) == "forged"
    with open_store(where, create=False) as store:
        (found,) = store.results(language="zh")
        assert (found.path, found.sha256, found.size_bytes, found.kind) == ("a.png", digest(1), 7, "image")
        assert (found.decision, found.llr, found.error_rate, found.people) == ("forged", 2.5, 0.05, 0)
        assert (found.reason, found.seconds, found.error) == ("是画的。", 1.25, "")
        assert found.examined_at is not None
        assert began - timedelta(seconds=1) < found.examined_at < datetime.now(UTC)
        assert found.fingerprint == OURS.sha256
        assert found.examination_id is not None
        for language in ("en", "zh"):
            document = json.loads(store.document(found.examination_id, language) or "")
            jsonschema.validate(document, schema())
            assert document["language"] == language


def test_another_engine_has_not_been_asked_but_another_number_of_threads_is_no_other(where: str) -> None:
    with open_store(where) as store:
        keep(store, 1, report(1))
        for other in (
            replace(ENGINE, version="1.1"),
            replace(ENGINE, models={"a": "1" * 64}),
            replace(ENGINE, options={**ENGINE.options, "frames": 8}),
        ):
            assert store.decision(digest(1), fingerprint_of(other, ["cnn.a"])) is None
        assert store.decision(digest(1), fingerprint_of(ENGINE, ["cnn.a", "plugin.b"])) is None
        same = replace(ENGINE, options={**ENGINE.options, "threads": 4}, libraries={"numpy": "3"}, seconds=9.0)
        assert store.decision(digest(1), fingerprint_of(same, ["cnn.a"])) == "forged"


def test_an_answer_replaces_an_answer_and_a_failure_replaces_none(where: str) -> None:
    with open_store(where) as store:
        keep(store, 1, failure())
        (found,) = store.results()
        assert (found.decision, found.error_kind, found.error) == ("unreadable", "TimeLimitError", "over 300 s")
        assert found.examination_id is not None
        assert store.document(found.examination_id) is None
        keep(store, 1, report(1, "genuine", -3.0))
        keep(store, 1, failure())
        (found,) = store.results()
        assert (found.decision, found.error_kind, found.llr) == ("genuine", "", -3.0)
        keep(store, 1, report(1, "inconclusive", None))
        assert [(one.decision, one.llr) for one in store.results()] == [("inconclusive", None)]


def test_a_path_is_one_result_with_the_latest_answer_on_what_lies_there(where: str) -> None:
    newer = fingerprint_of(replace(ENGINE, version="2.0"), ["cnn.a"])
    with open_store(where) as store:
        keep(store, 1, report(1))
        store.record("a.png", digest(1), 7, report(1, "genuine", -3.0), newer, seconds=1.0)
        store.place("copy.png", digest(1), 7)
        keep(store, 2, report(2, "inconclusive", 0.1), "b.png")
        store.place("b.png", digest(1), 7)  # somebody put other bytes there
        store.lose("gone.png", DataError("it is gone", got="nothing", want="a file", fix="Look."))
        found = {one.path: (one.decision, one.version, one.error) for one in store.results()}
    answer = ("genuine", "2.0", "")
    lost = ("unreadable", "", "it is gone; got nothing; want a file")
    assert found == {"a.png": answer, "copy.png": answer, "b.png": answer, "gone.png": lost}


def test_an_answer_stays_where_its_path_could_not_be_looked_at(where: str) -> None:
    with open_store(where) as store:
        keep(store, 1, report(1))
        keep(store, 2, failure(), "b.png")
        for path in ("a.png", "b.png", "new.png"):
            store.lose(path, DataError("it is gone"), unseen=True)
        found = {one.path: (one.decision, one.sha256, one.error) for one in store.results()}
        assert found == {
            "a.png": ("forged", digest(1), "it is gone"),
            "b.png": ("unreadable", digest(2), "it is gone"),
            "new.png": ("unreadable", "", "it is gone"),
        }
        store.lose("a.png", DataError("it is empty"))
        assert {(one.decision, one.sha256) for one in store.results([Condition.parse("path=a.png")])} == {
            ("unreadable", "")
        }
        keep(store, 1, report(1))
        assert [one.error for one in store.results([Condition.parse("path=a.png")])] == [""]


def test_names_of_any_kind_are_kept(where: str) -> None:
    names = ["\udcff\udcfe.png", "a\u202eb.png", "图.png", "a%b_c.png", "x" * 3000 + ".png", "'; DROP TABLE file; --"]
    with open_store(where) as store:
        for number, name in enumerate(names):
            keep(store, number, report(number, path=name), name)
        found = [one.path for one in store.results()]
        assert len(found) == len(names)
        assert set(names[1:]) < set(found)
        assert [one.path for one in store.results([Condition.parse("path~*%b_*")])] == ["a%b_c.png"]


def test_conditions(where: str) -> None:
    with open_store(where) as store:
        keep(store, 1, report(1), "x/1/a.png")
        keep(store, 2, report(2, "genuine", -4.0), "x/2/b.png")
        keep(store, 3, failure(), "x/2/c.png")

        def names(*conditions: str) -> str:
            return "".join([one.path[-5] for one in store.results([Condition.parse(text) for text in conditions])])

        assert names() == "abc"
        assert names("decision=forged") == "a"
        assert names("decision!=forged") == "bc"
        assert names("decision=unreadable") == "c"
        assert names("llr>=2.5") == "a"
        assert names("llr < 0") == "b"
        assert names("path~*/2/*", "seconds>1") == "bc"
        assert names("path ~ x/?/b*") == "b"
        assert names("error_kind=TimeLimitError") == "c"
        assert names("error~over*") == "c"
        assert names("examined_at>=2020-01-31") == "abc"
        assert names("examined_at<2020-01-31T10:00:00+02:00") == ""


@pytest.mark.parametrize(
    "text",
    ["", "llr", "llr>>2", "colour=red", "llr=many", "llr~2*", "examined_at>today", "=2", "decision=Forged", "llr>=nan"],
)
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        Condition.parse(text)


def test_the_migrations_make_the_tables_that_are_declared(where: str) -> None:
    with open_store(where) as store, store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
        steps = sorted(path.name[1:5] for path in Path(str(migrations.__file__)).parent.glob("versions/v*.py"))
        assert context.get_current_revision() == steps[-1]


def test_a_store_of_a_later_version_is_refused(where: str) -> None:
    with open_store(where) as store, store.engine.connect() as connection, connection.begin():
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(DataError, match="later zhenwei"):
        open_store(where)


def test_a_database_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE photos (id INTEGER)")
    connection.close()
    with pytest.raises(DataError, match="photos"):
        open_store(str(other))
    text = tmp_path / "notes.db"
    text.write_text("these are notes\n" * 100)
    with pytest.raises(DataError, match="no store"):
        open_store(str(text))
    assert text.read_text().startswith("these")


def test_what_cannot_be_opened_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no store"):
        open_store(str(tmp_path / "gone.db"), create=False)
    with pytest.raises(OutputError, match="cannot be read or written"):
        open_store(str(tmp_path / "no folder" / "a.db"))
    with pytest.raises(UsageError, match="kind"):
        open_store("oracle://somewhere/a")
    pytest.importorskip("psycopg")
    with pytest.raises(OutputError) as refused:
        open_store("postgresql://me:secret@127.0.0.1:1/none")
    assert "secret" not in str(refused.value)


def test_a_full_disk_is_told_and_what_was_kept_stays(tmp_path: Path) -> None:
    with open_store(str(tmp_path / "a.db")) as store:
        keep(store, 1, report(1))
        with store.engine.connect() as connection:  # the one that is used from now on
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        large = report(2, path="x" * 100_000)
        with pytest.raises(OutputError, match="full"):
            keep(store, 2, large)
        assert store.decision(digest(2), OURS) is None
        assert store.decision(digest(1), OURS) == "forged"
    with open_store(str(tmp_path / "a.db")) as store:
        assert store.decision(digest(1), OURS) == "forged"


_WRITER = """
import sys
sys.path[:0] = [{tests!r}, {here!r}]
from test_store import digest, keep, report
from zhenwei.store import open_store
with open_store({where!r}) as store:
    for number in range(40):
        keep(store, number, report(number), f"{{number}}.png")
"""


@pytest.mark.heavy
def test_several_processes_may_write_at_once_and_open_it_first(where: str) -> None:
    here = Path(__file__).parent
    code = _WRITER.format(tests=str(here.parent), here=str(here), where=where)
    writers = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True) for _ in range(3)]
    ended = [(writer.communicate(timeout=120)[1], writer.returncode) for writer in writers]
    assert ended == [("", 0)] * 3
    with open_store(where) as store, store.engine.connect() as connection:
        assert len(list(store.results())) == 40
        for table in ("file", "place", "examination"):
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() == 40  # noqa: S608


def test_a_fingerprint_does_not_hang_on_the_order_of_anything() -> None:
    one = Fingerprint("1", {"a": "x", "b": "y"}, {"frames": 1, "depth": "full"}, ("a", "b"))
    assert one.sha256 == Fingerprint("1", {"b": "y", "a": "x"}, {"depth": "full", "frames": 1}, ("a", "b")).sha256
    assert fingerprint_of(ENGINE, ["b", "a", "b"]) == fingerprint_of(ENGINE, ["a", "b"])


def test_what_is_kept_of_a_refusal_has_all_but_the_cure_and_is_told_in_chinese(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    with pytest.raises(MediaError) as refused:
        identify(str(tmp_path / "a.png"))
    assert str(refused.value) == f"{said_of(refused.value)}. {refused.value.fix}"
    assert "得到：0 字节；应为：图片、视频或声音" in translated(said_of(refused.value), "zh")
