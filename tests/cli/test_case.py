"""``zhenwei case``: from the first file to a bundle that somebody else checks, and to its end."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed: pip install 'zhenwei[store]'")

from sqlalchemy import Connection, text
from tests.hazard import draw
from tests.store.test_kept import drawn

from zhenwei.cli import main
from zhenwei.pipeline import Options, engine_of
from zhenwei.report.kept import from_dict
from zhenwei.store import Fingerprint, fingerprint_of, open_store
from zhenwei.store.jobs import Jobs, NewJob
from zhenwei.store.queue import Queue
from zhenwei.types import Report

LABELS = ["--detector", "provenance.labels"]


class Told:
    """The command line on one store: what it wrote."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.store, self._capsys = str(folder / "r.db"), capsys

    def __call__(self, *words: object, status: int = 0) -> str:
        assert main(["case", *map(str, words)]) == status
        return self._capsys.readouterr().out

    def error(self) -> str:
        return self._capsys.readouterr().err


@pytest.fixture
def case(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Told:
    """A store with one examined picture, calm_1.png, and one case without files."""
    told = Told(tmp_path, capsys)
    monkeypatch.setenv("ZHENWEI_STORE", told.store)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    picture = draw(tmp_path, "calm", 1)
    assert main(["scan", picture, "--store", told.store, "--workers", "1", "-q", *LABELS]) == 0
    assert told("new", "A face", "--tag", "news", "--actor", "ada") == "1\n"
    return told


def add_known(case: Told, tmp_path: Path) -> str:
    with open_store(case.store) as store:
        (found,) = store.results()
    case("add", 1, found.sha256, "--actor", "ada")
    return found.sha256


@pytest.mark.heavy
def test_from_the_first_file_to_a_bundle_that_is_checked(case: Told, tmp_path: Path) -> None:
    sha256 = add_known(case, tmp_path)
    case("note", 1, "The first.", "--file", sha256[:12])
    case("tag", 1, "old", "forum")
    case("tag", 1, "old", "--remove")
    (line,) = case("list", "--tag", "forum", "--format", "json").splitlines()
    assert json.loads(line)["tags"] == ["forum", "news"]
    shown = json.loads(case("show", 1, "--format", "json"))
    assert "salt" not in shown
    assert [file["decision"] for file in shown["files"]] == ["inconclusive"]
    assert "无法判定" in case("show", 1, "--lang", "zh")
    assert case("log", 1).count("tag added") == 3
    assert "加入文件" in case("log", 1, "--lang", "zh")

    bundle = tmp_path / "a.zip"
    digest = case("export", 1, "--output", bundle).strip()
    assert main(["case", "export", "1", "--output", str(bundle)]) == 2
    assert "--force" in case.error()
    told = case("verify", bundle, "--replay", "--expect", digest)
    assert "Whole: 1 file, 8 entries in the log." in told
    assert "calm_1.png: same answer (inconclusive → inconclusive)" in told
    answer = json.loads(case("verify", bundle, "--replay", "--format", "json"))
    assert (answer["whole"], answer["pages_checked"]) == (True, True)
    assert [one["answer"] for one in answer["replayed"]] == ["same"]
    assert answer["replayed"][0]["by_same_version"] is True


@pytest.mark.heavy
def test_what_was_changed_is_told_from_another_answer_of_another_version(case: Told, tmp_path: Path) -> None:
    bundle = tmp_path / "a.zip"
    for version, told in (("9.9", "other answer: another version"), ("", "TAMPERED: another answer by the very same")):
        with open_store(case.store) as store, store.engine.execution_options(writes=True).begin() as connection:
            connection.exec_driver_sql("DELETE FROM log_entry")
            connection.exec_driver_sql('DELETE FROM "case"')
            _answer_otherwise(connection, version)
        case("new", "Another")
        add_known_to(case, 2 if version else 3)
        case("export", 2 if version else 3, "--output", bundle, "--force")
        out = case("verify", bundle, "--replay", status=0 if version else 1)
        assert f"calm_1.png: {told}" in out
        assert "(forged → inconclusive)" in out


def add_known_to(case: Told, number: int) -> None:
    with open_store(case.store) as store:
        (found,) = store.results()
    case("add", number, found.sha256)


def _answer_otherwise(connection: Connection, version: str) -> None:
    """The store says "forged", by that version, or by the one that it was."""
    run = connection.exec_driver_sql
    run("DELETE FROM page")  # nor does a page say otherwise
    run("UPDATE examination SET decision = 'forged'")
    run('UPDATE report SET document = replace(document, \'"decision": "inconclusive"\', \'"decision": "forged"\')')
    row = run("SELECT version, models, options, detectors FROM engine").one()
    models, options, detectors = [json.loads(text) for text in row[1:]]
    original = json.loads(run("SELECT document FROM report WHERE language = 'en'").scalar_one())["engine"]["version"]
    engine = Fingerprint(version or original, models, options, tuple(detectors))
    run("UPDATE engine SET version = ?, fingerprint = ?", (engine.version, engine.sha256))


@pytest.mark.heavy
def test_what_the_store_does_not_know_is_examined_first(case: Told, tmp_path: Path) -> None:
    case("add", 1, draw(tmp_path, "calm", 2), tmp_path / "gone.png", status=1)
    shown = json.loads(case("show", 1, "--format", "json"))
    assert [file["name"] for file in shown["files"]] == ["calm_2.png"]
    case("remove", 1, "calm_2.png")
    assert json.loads(case("show", 1, "--format", "json"))["files"] == []


def test_an_earlier_examination_is_put_into_a_case(case: Told, tmp_path: Path) -> None:
    with open_store(case.store) as store:
        (found,) = store.results()
        report = from_dict(json.loads(store.document(found.examination_id or 0) or ""))
        assert isinstance(report, Report)
        other = Fingerprint("9.9", {}, {}, ())
        later = store.record(found.path, found.sha256, found.size_bytes or 0, report, other, seconds=1)
        job = _job_on(Jobs(store), found.sha256, later)
    case("add", 1, found.sha256)
    assert _examinations(case) == [later]
    case("add", 1, "--examination", found.examination_id)
    assert _examinations(case) == [found.examination_id]
    case("add", 1, "--examination", job)
    assert _examinations(case) == [later]
    assert case("log", 1).count("examination") == 3
    for wrong, told in ((99, "no such examination"), ("0" * 32, "no such examination"), ("x", "no examination")):
        assert main(["case", "add", "1", "--examination", str(wrong)]) == 1
        assert told in case.error()
    assert main(["case", "add", "1"]) == 2
    assert "--examination" in case.error()
    assert main(["case", "add", "1", "--examination", "x", "--lang", "zh"]) == 1
    assert "这不是一项检验" in case.error()
    assert main(["results", "--store", case.store, "--format", "csv"]) == 0
    head, row = case._capsys.readouterr().out.splitlines()
    assert head.endswith(",examination_id")
    assert row.endswith(f",{later}")


def _examinations(case: Told) -> list[int]:
    return [file["examination_id"] for file in json.loads(case("show", 1, "--format", "json"))["files"]]


def _job_on(jobs: Jobs, sha256: str, examination_id: int) -> str:
    """As the service has it."""
    new = NewJob("local", "local", "other name.png", sha256, 1, "png", {}, "f" * 64)
    uid = jobs.add(new).job.id
    queue = Queue(jobs, "test")
    queue.take(1)
    assert queue.finish(uid, {"examination_id": examination_id, "decision": "inconclusive"}, again=False)
    return uid


@pytest.mark.heavy
def test_a_case_is_erased_with_its_files(case: Told, tmp_path: Path) -> None:
    sha256 = add_known(case, tmp_path)
    case("note", 1, "A note that nobody may find 5Jd")
    assert main(["case", "erase", "--store", case.store]) == 2
    case("erase", "--case", 1, "--files", "--yes")
    for path in tmp_path.glob("r.db*"):
        if path.is_file():
            assert b"5Jd" not in path.read_bytes()
    assert not [path for path in (tmp_path / "r.db.kept").rglob("*") if path.is_file()]
    main(["case", "show", "1"])
    assert "no such case" in case.error()
    log = [json.loads(line) for line in case("log", "--format", "json").splitlines()]
    assert [entry["action"] for entry in log] == ["case-opened", "case-erased", "file-erased"]
    assert log[-1]["subject"] == sha256


@pytest.mark.heavy
def test_the_same_bytes_under_another_name_are_told(case: Told, tmp_path: Path) -> None:
    add_known(case, tmp_path)
    (name,) = [path.name for path in tmp_path.glob("*.png")]
    shutil.copy(tmp_path / name, tmp_path / "other.png")
    assert main(["case", "add", "1", "other.png"]) == 0
    assert f"in the case already, as {name}" in " ".join(case.error().split())


@pytest.mark.heavy
def test_nothing_is_erased_without_a_yes(case: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    for answer in ("n\n", "", "\n"):
        monkeypatch.setattr("sys.stdin", io.StringIO(answer))
        assert main(["case", "erase", "--case", "1"]) == 1
        assert "Nothing was erased." in case.error()
    assert "A face" in case("list")
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    case("erase", "--case", 1)
    assert "A face" not in case("list")


@pytest.mark.heavy
def test_a_bundle_takes_no_store_away_and_is_checked_against_a_whole_digest(case: Told, tmp_path: Path) -> None:
    sha256 = add_known(case, tmp_path)
    for place in (case.store, f"{case.store}-wal", tmp_path / "r.db.kept" / "x.zip"):
        assert main(["case", "export", "1", "--output", str(place), "--force"]) == 2
        assert "into the store" in case.error()
    assert "A face" in case("list")
    for kept in (tmp_path / "r.db.kept").rglob("*"):
        if kept.is_file() and kept.name.startswith(sha256[:8]):
            kept.unlink()  # the picture itself is still where it was met
    digest = case("export", 1, "--output", tmp_path / "b.zip").strip()
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        assert [name for name in archive.namelist() if name.startswith("media/")]
    case("verify", tmp_path / "b.zip", "--expect", digest)
    for wrong in ("", "abc", digest[:12]):
        case("verify", tmp_path / "b.zip", "--expect", wrong, status=2)
    case("verify", tmp_path / "b.zip", "--expect", "0" * 64, status=1)


def test_what_is_no_bundle_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../evil", b"x")
    assert main(["case", "verify", str(path)]) == 1
    assert "no bundle of a case" in capsys.readouterr().err
    assert main(["case", "verify", str(tmp_path / "gone.zip")]) == 1


def test_why_a_file_cannot_be_examined_is_said_at_once_and_once(case: Told, tmp_path: Path) -> None:
    number = case("new", "A title").strip()
    (tmp_path / "fake.png").write_text("this is no picture\n" * 100)
    assert main(["case", "add", number, "fake.png", "gone.png"]) == 1
    lines = sorted(case.error().splitlines())
    assert [line.partition("; ")[0] for line in lines] == [
        "× fake.png: 'fake.png' is not a picture, video or sound that can be read",
        "× gone.png: 'gone.png' does not exist",
    ]
    assert "fake.png" in case("show", number)


def known(case: Told, number: int, path: Path) -> Report:
    """A picture that the store holds as this version would have examined it, and later by another one."""
    report = drawn(path, number)
    options = Options()
    genuine = replace(report, verdict=replace(report.verdict, decision="genuine", llr=-3.0))
    with open_store(case.store) as store:
        for outcome, fingerprint in (
            (genuine, fingerprint_of(engine_of(options), options.asked)),
            (report, Fingerprint("9.9", {}, {}, ())),
        ):
            store.record(path.name, report.media.sha256, 5000, outcome, fingerprint, seconds=1)
    return report


def test_the_examination_that_is_told_is_the_one_in_the_case(case: Told, tmp_path: Path) -> None:
    number = case("new", "A title").strip()
    report = known(case, 1, tmp_path / "a.png")
    assert main(["case", "add", number, "a.p*g", "--lang", "zh"]) == 0
    assert case.error().strip() == "a.png: 真实"
    (file,) = json.loads(case("show", number, "--format", "json"))["files"]
    assert (file["name"], file["decision"]) == ("a.png", "genuine")
    other = case("new", "By digest").strip()
    case("add", other, report.media.sha256.upper())
    (file,) = json.loads(case("show", other, "--format", "json"))["files"]
    assert file["decision"] == "forged"


def test_what_is_not_there_is_told_and_not_stored(case: Told) -> None:
    number = case("new", "A title").strip()
    assert main(["case", "add", number, "gone.png", "gone*.jpg", "--examination", "99"]) == 1
    lines = sorted(case.error().splitlines())
    assert [line.partition(";")[0].partition(". ")[0] for line in lines] == [
        "× 99: the store knows no such examination",
        "× gone*.jpg: no file fits this pattern",
        "× gone.png: 'gone.png' does not exist",
    ]
    with open_store(case.store) as store:
        assert [one.path for one in store.results() if "gone" in one.path] == []


def test_what_an_export_leaves_out_is_told(case: Told, tmp_path: Path) -> None:
    number = case("new", "A title").strip()
    report = known(case, 1, tmp_path / "a.png")
    case("add", number, "a.png", "--keep-media", "never")
    (tmp_path / "a.png").rename(tmp_path / "b.png")
    digest = case("export", number, "--output", "a.zip").strip()
    case("verify", "a.zip", "--expect", digest)
    assert main(["case", "export", number, "--output", "a.zip", "--force"]) == 0
    assert "it was not kept" in case.error()
    (tmp_path / "b.png").rename(tmp_path / "a.png")
    case("add", number, "a.png")
    (tmp_path / "a.png").unlink()
    sha256 = report.media.sha256
    (tmp_path / "r.db.kept" / sha256[:2] / sha256).unlink()
    assert main(["case", "export", number, "--output", "a.zip", "--force"]) == 1
    assert "--folder names another" in case.error()
    assert main(["case", "export", number, "--output", "a.zip", "--force", "--lang", "zh"]) == 1
    assert "其副本不在结果库的文件夹中" in case.error()
    case("export", number, "--output", "a.zip", "--force", "--no-media")


def test_a_case_that_was_changed_is_exported_and_told(case: Told) -> None:
    with open_store(case.store) as store, store.writing() as session:
        session.execute(text("UPDATE \"case\" SET title = 'other'"))
    assert main(["case", "export", "1", "--output", "a.zip", "--lang", "zh"]) == 1
    assert "× 标题与日志不符" in case.error()
    assert "已被篡改" in case("verify", "a.zip", "--lang", "zh", status=1)
    with open_store(case.store) as store, store.writing() as session:
        session.execute(text("UPDATE log_entry SET actor = 'eve' WHERE number = 2"))
    assert main(["case", "log", "1", "--lang", "zh"]) == 1
    assert "日志核验未通过：第 2 条被改动。" in case.error()


def test_a_bundle_of_another_version_is_not_called_whole_without_a_word(
    case: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case("export", 1, "--output", "a.zip")
    monkeypatch.setattr("zhenwei.store.bundle_check.page_maker", lambda: "0" * 64)
    told = case("verify", "a.zip")
    assert "Whole, but its pages were made by another version and were not checked: 0 files, 2 entries" in told
    assert json.loads(case("verify", "a.zip", "--format", "json"))["pages_checked"] is False
    assert "完整，但其页面由另一版本生成" in case("verify", "a.zip", "--lang", "zh")


def test_a_bundle_takes_no_file_of_the_case_away(case: Told, tmp_path: Path) -> None:
    add_known(case, tmp_path)
    (picture,) = tmp_path.glob("*.png")
    before = picture.read_bytes()
    assert main(["case", "export", "1", "--output", picture.name, "--force"]) == 2
    assert "the place of a file of the case" in case.error()
    assert picture.read_bytes() == before


def test_what_an_erasure_does_not_find_is_named(case: Told, tmp_path: Path) -> None:
    sha256 = add_known(case, tmp_path)
    kept = sorted([path.name for path in (tmp_path / "r.db.kept").rglob("*") if path.is_file()])
    assert kept
    assert main(["case", "erase", "--file", sha256.upper(), "--yes", "--folder", "other", "--lang", "zh"]) == 1
    told = case.error()
    assert "已清除 1 项；日志保留其摘要。" in told
    assert sorted([word for word in told.split() if len(word) == 64]) == kept
    case("erase", "--compact")
    assert not [path for path in (tmp_path / "r.db.kept").rglob("*") if path.is_file()]


def test_options_without_a_meaning_are_refused(case: Told) -> None:
    for words, told in (
        (["erase", "--before", "2020-01-31", "--files"], "--files is for --case"),
        (["erase", "--case", "1", "--in-cases"], "--in-cases is for --before"),
        (["new", "T", "--actor", "\udcff"], "no name to stand in the log"),
    ):
        assert main(["case", *words]) == 2
        assert told in case.error()
