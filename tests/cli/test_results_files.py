"""``zhenwei results`` as Parquet, typed, and as the pages that a scan would have written."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed: pip install 'zhenwei[store]'")

from sqlalchemy import text
from tests.store.test_kept import PHRASE, drawn, keep
from tests.store.test_store import failure
from tests.store.test_store import keep as keep_plain

from zhenwei.cli import main
from zhenwei.cli._results_files import RESULT_COLUMNS
from zhenwei.errors import MediaError
from zhenwei.store import Kept, Result, open_store
from zhenwei.store.kept import folder_of


@pytest.fixture
def store(tmp_path: Path) -> str:
    """Two pictures, one without its page, and a file that could not be examined."""
    where = str(tmp_path / "r.db")
    with open_store(where) as opened:
        kept = Kept(opened, folder_of(opened))
        keep(kept, drawn(tmp_path / "a.png", 1))
        keep(Kept(opened, folder_of(opened), pages=False), drawn(tmp_path / "b.png", 2))
        keep_plain(opened, 9, failure(), "c.png")
    return where


def test_parquet_has_a_column_of_its_type_for_all_that_is_known(
    store: str, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed: pip install 'zhenwei[parquet]'")
    assert list(RESULT_COLUMNS) == list(Result.__dataclass_fields__)
    monkeypatch.setattr("zhenwei.cli._results_files._AT_ONCE", 2)
    assert main(["results", "--store", store, "--format", "parquet"]) == 0
    table = parquet.read_table(io.BytesIO(capfdbinary.readouterr().out))
    assert table.column("decision").to_pylist() == ["forged", "forged", "unreadable"]
    assert table.column("llr").to_pylist() == [2.5, 2.5, None]
    assert str(table.schema.field("examined_at").type) == "timestamp[us, tz=UTC]"
    assert main(["results", "--store", store, "--by-folder", "--format", "parquet"]) == 0
    table = parquet.read_table(io.BytesIO(capfdbinary.readouterr().out))
    assert sum(table.column("forged").to_pylist()) == 2


def test_the_store_may_be_named_once_for_all_and_counts_have_no_pages(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZHENWEI_STORE", store)
    assert main(["results", "--by-folder"]) == 0
    assert main(["results", "--by-folder", "--output", str(tmp_path / "p")]) == 2
    assert not (tmp_path / "p").exists()


def test_pages_are_those_of_a_scan(store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "pages"
    forged = ["results", "--store", store, "--where", "decision=forged", "--output", str(out), "--lang", "zh"]
    assert main([*forged, "--where", "path~*a.png"]) == 0
    assert [path.name for path in out.glob("*.html")] == ["a.html"]
    assert PHRASE in (out / "a.html").read_text(encoding="utf-8")
    assert 'lang="zh-Hans"' in (out / "a.html").read_text(encoding="utf-8")
    assert len(json.loads((out / "report.json").read_text(encoding="utf-8"))["reports"]) == 1
    assert main(forged) == 1
    assert "--again" in capsys.readouterr().err


def test_files_without_an_answer_are_in_the_report(
    store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "pages"
    with open_store(store) as opened:
        opened.lose("gone.png", MediaError("the file does not exist", got="gone.png", fix="Look for it."))
    assert main(["results", "--store", store, "--where", "decision=unreadable", "--output", str(out)]) == 0
    found = json.loads((out / "report.json").read_text(encoding="utf-8"))["reports"]
    assert [one["file"]["path"] for one in found] == ["c.png", "gone.png"]
    assert [one["error"]["kind"] for one in found] == ["TimeLimitError", "MediaError"]
    assert found[0]["error"]["message"].startswith("over 300 s")
    assert found[1]["error"]["fix"] == "Look for it."
    assert "2 without an answer" in capsys.readouterr().err


def test_a_store_that_was_moved_without_its_folder_is_told_from_one_without_pages(
    store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    moved = Path(store).rename(tmp_path / "moved.db")
    pages = ["results", "--store", str(moved), "--where", "path~*a.png", "--output", str(tmp_path / "pages")]
    assert main(pages) == 1
    told = capsys.readouterr().err
    assert "--folder" in told
    assert "--again" not in told
    assert main([*pages, "--folder", f"{store}.kept"]) == 0


def test_options_that_would_do_nothing_are_refused(
    store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (["--format", "csv", "--output", str(tmp_path / "p")], ["--folder", "nope"]):
        assert main(["results", "--store", store, *words]) == 2
        assert "--output" in capsys.readouterr().err
    assert not (tmp_path / "p").exists()


def test_a_report_that_is_damaged_is_told_and_the_others_come(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    with open_store(store) as opened, opened.writing() as session:
        session.execute(text("UPDATE report SET document = '{bad' WHERE examination_id = 1"))
    assert main(["results", "--store", store, "--format", "jsonl"]) == 0
    told = capsys.readouterr()
    first, second, third = [json.loads(line) for line in told.out.splitlines()]
    assert first["error"]["kind"] == "DataError"
    assert second["verdict"]["decision"] == "forged"
    assert third["error"]["kind"] == "TimeLimitError"
    assert "the report in the store is damaged" in told.err
