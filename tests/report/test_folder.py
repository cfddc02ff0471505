"""The output folder: whole after every file, and nothing of anybody else's is overwritten."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhenwei.errors import MediaError, UsageError
from zhenwei.report import ReportFolder, Unreadable, schema
from zhenwei.report.folder import safe_name
from zhenwei.types import Report


def of(report: Report, path: str, digit: str) -> Report:
    return replace(report, media=replace(report.media, path=path, sha256=digit * 64))


def written(folder: Path) -> list[str]:
    loaded = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    jsonschema.validate(loaded, schema())
    return [entry["file"]["path"] for entry in loaded["reports"]]


def test_it_is_whole_after_every_file(tmp_path: Path, every_report: tuple[Report, ...]) -> None:
    with ReportFolder(tmp_path / "deep" / "out") as folder:
        assert written(folder.folder) == []
        for count, report in enumerate(every_report, start=1):
            page = folder.add(report)
            assert page is not None
            assert page.read_text(encoding="utf-8").endswith("</html>\n")
            assert len(written(folder.folder)) == count
        assert folder.add(Unreadable("x.mp4", MediaError("broken"))) is None
    assert written(folder.folder)[-1] == "x.mp4"
    assert sorted(path.name for path in folder.folder.iterdir()) == [
        "interview.html", "landscape.html", "portrait of a stranger.html", "report.json",
    ]  # fmt: skip


def test_files_of_one_name_get_a_page_each(tmp_path: Path, abstaining: Report) -> None:
    paths = ["a/clip.mp4", "b/clip.mp4", "c/CLIP.mov", "d/clip-2.mp4"]
    with ReportFolder(tmp_path) as folder:
        pages = [folder.add(of(abstaining, path, "abcd"[n])) for n, path in enumerate(paths)]
    names = [page.name for page in pages if page]
    assert names == ["clip.html", "clip-2.html", "CLIP-3.html", "clip-2-2.html"]
    for path, page in zip(paths, pages, strict=True):
        assert page is not None
        assert path in page.read_text(encoding="utf-8")


def test_a_page_of_another_file_from_an_earlier_run_stays(tmp_path: Path, abstaining: Report) -> None:
    with ReportFolder(tmp_path) as folder:
        folder.add(of(abstaining, "a/clip.mp4", "a"))
    before = (tmp_path / "clip.html").read_bytes()
    with ReportFolder(tmp_path) as folder:
        assert folder.add(of(abstaining, "b/clip.mp4", "b")) == tmp_path / "clip-2.html"
        assert folder.add(of(abstaining, "b/own.mp4", "c")) == tmp_path / "own.html"
    assert (tmp_path / "clip.html").read_bytes() == before
    with ReportFolder(tmp_path) as folder:  # the same file again renews its own page
        assert folder.add(of(abstaining, "a/clip.mp4", "a")) == tmp_path / "clip.html"


def test_somebody_elses_files_are_left_alone(tmp_path: Path, abstaining: Report) -> None:
    (tmp_path / "clip.html").write_text("<p>my diary</p>")
    with ReportFolder(tmp_path) as folder:
        assert folder.add(of(abstaining, "clip.mp4", "a")) == tmp_path / "clip-2.html"
    assert (tmp_path / "clip.html").read_text() == "<p>my diary</p>"
    other = tmp_path / "other"
    other.mkdir()
    (other / "report.json").write_text('{"coverage": 93}')
    with pytest.raises(UsageError, match="not a set of reports"):
        ReportFolder(other)
    assert (other / "report.json").read_text() == '{"coverage": 93}'


def test_a_folder_that_cannot_be_written_is_wrong_use(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="cannot be written"):
        ReportFolder(tmp_path / "file")


@given(st.text(st.characters(codec=None), min_size=1, max_size=300))
def test_any_name_becomes_a_safe_one(path: str) -> None:
    name = safe_name(path)
    assert 0 < len(f"{name}-100000.html".encode()) < 240
    assert not set(name) & set('/\\:*?"<>|\0\n')
    assert name == name.strip()
    assert name[0] not in ".-"


def test_names_that_systems_keep_for_themselves_are_avoided() -> None:
    assert safe_name("con.mp4") == "_con"
    assert safe_name("../../etc/passwd") == "passwd"
    assert safe_name("..") == "file"
    assert safe_name("人物采访.mp4") == "人物采访"
