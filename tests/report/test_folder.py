"""The output folder: whole after every file, and nothing of anybody else's is overwritten."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from io import FileIO
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhenwei.errors import MediaError, OutputError, UsageError
from zhenwei.report import Hold, ReportFolder, Unreadable, folder, schema
from zhenwei.report.folder import safe_name
from zhenwei.types import Report


def of(report: Report, path: str, digit: str) -> Report:
    return replace(report, media=replace(report.media, path=path, sha256=digit * 64))


def written(folder: Path) -> list[str]:
    loaded = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    jsonschema.validate(loaded, schema())
    return [entry["file"]["path"] for entry in loaded["reports"]]


def test_it_is_whole_after_every_file(tmp_path: Path, every_report: tuple[Report, ...]) -> None:
    with ReportFolder(tmp_path / "deep" / "out") as out:
        assert written(out.folder) == []
        for count, report in enumerate(every_report, start=1):
            page = out.add(report)
            assert page is not None
            assert page.read_text(encoding="utf-8").endswith("</html>\n")
            assert len(written(out.folder)) == count
        assert out.add(Unreadable("x.mp4", MediaError("broken"))) is None
    assert written(out.folder)[-1] == "x.mp4"
    assert sorted(path.name for path in out.folder.iterdir()) == [
        "interview.html", "landscape.html", "portrait of a stranger.html", "report.json",
    ]  # fmt: skip


def test_files_of_one_name_get_a_page_each(tmp_path: Path, abstaining: Report) -> None:
    paths = ["a/clip.mp4", "b/clip.mp4", "c/CLIP.mov", "d/clip-2.mp4"]
    with ReportFolder(tmp_path) as out:
        pages = [out.add(of(abstaining, path, "abcd"[n])) for n, path in enumerate(paths)]
    names = [page.name for page in pages if page]
    assert names == ["clip.html", "clip-2.html", "CLIP-3.html", "clip-2-2.html"]
    for path, page in zip(paths, pages, strict=True):
        assert page is not None
        assert path in page.read_text(encoding="utf-8")


def test_a_page_of_another_file_from_an_earlier_run_stays(tmp_path: Path, abstaining: Report) -> None:
    with ReportFolder(tmp_path) as out:
        out.add(of(abstaining, "a/clip.mp4", "a"))
    before = (tmp_path / "clip.html").read_bytes()
    with ReportFolder(tmp_path) as out:
        assert out.add(of(abstaining, "b/clip.mp4", "b")) == tmp_path / "clip-2.html"
        assert out.add(of(abstaining, "b/own.mp4", "c")) == tmp_path / "own.html"
    assert (tmp_path / "clip.html").read_bytes() == before
    with ReportFolder(tmp_path) as out:  # the same file again renews its own page
        assert out.add(of(abstaining, "a/clip.mp4", "a")) == tmp_path / "clip.html"


def test_somebody_elses_files_are_left_alone(tmp_path: Path, abstaining: Report) -> None:
    (tmp_path / "clip.html").write_text("<p>my diary</p>")
    with ReportFolder(tmp_path) as out:
        assert out.add(of(abstaining, "clip.mp4", "a")) == tmp_path / "clip-2.html"
    assert (tmp_path / "clip.html").read_text() == "<p>my diary</p>"
    other = tmp_path / "other"
    other.mkdir()
    (other / "report.json").write_text('{"coverage": 93}')
    with pytest.raises(UsageError, match="not a set of reports"):
        ReportFolder(other)
    assert (other / "report.json").read_text() == '{"coverage": 93}'


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot be written"):
        ReportFolder(tmp_path / "file")


def digests(folder: Path) -> list[str]:
    loaded = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    jsonschema.validate(loaded, schema())
    return [entry["file"].get("sha256", "?")[0] for entry in loaded["reports"]]


def pages_of(folder: Path) -> dict[str, str]:
    """Each page and the path that it is on."""
    paths = [entry["file"]["path"] for entry in json.loads((folder / "report.json").read_text("utf-8"))["reports"]]
    texts = {page.name: page.read_text(encoding="utf-8") for page in folder.glob("*.html")}
    return {name: next(path for path in paths if f">{path}<" in text) for name, text in texts.items()}


def test_what_an_earlier_scan_left_stays(tmp_path: Path, abstaining: Report) -> None:
    with ReportFolder(tmp_path) as out:
        out.add(of(abstaining, "a/clip.mp4", "a"))
        out.add(of(abstaining, "own.mp4", "b"))
    with ReportFolder(tmp_path) as out:
        out.add(of(abstaining, "other.mp4", "c"))
        assert digests(tmp_path) == ["a", "b", "c"]  # whole while it is written
        out.add(of(abstaining, "b/clip.mp4", "d"))
    assert (out.kept, out.replaced) == (2, 0)
    assert digests(tmp_path) == ["a", "b", "c", "d"]
    assert pages_of(tmp_path) == {"clip.html": "a/clip.mp4", "own.html": "own.mp4", "other.html": "other.mp4",
                                  "clip-2.html": "b/clip.mp4"}  # fmt: skip
    assert {path.name for path in tmp_path.iterdir()} == {*pages_of(tmp_path), "report.json"}


def test_the_same_file_once_more_takes_its_own_place(tmp_path: Path, abstaining: Report) -> None:
    """Two of one name and of the same bytes: each keeps its page, also where only the second is scanned again."""
    first, second = of(abstaining, "a/clip.mp4", "a"), of(abstaining, "b/clip.mp4", "a")
    with ReportFolder(tmp_path) as out:
        out.add(first)
        out.add(second)
    with ReportFolder(tmp_path, "zh") as out:
        assert out.add(second) == tmp_path / "clip-2.html"
    assert (out.kept, out.replaced) == (1, 1)
    assert pages_of(tmp_path) == {"clip.html": "a/clip.mp4", "clip-2.html": "b/clip.mp4"}
    assert 'lang="en"' in (tmp_path / "clip.html").read_text(encoding="utf-8")
    assert 'lang="zh-Hans"' in (tmp_path / "clip-2.html").read_text(encoding="utf-8")


def test_a_file_that_was_changed_has_a_report_of_each_version(tmp_path: Path, abstaining: Report) -> None:
    for digit in "ab":
        with ReportFolder(tmp_path) as out:
            out.add(of(abstaining, "clip.mp4", digit))
    assert digests(tmp_path) == ["a", "b"]
    assert set(pages_of(tmp_path)) == {"clip.html", "clip-2.html"}


def test_a_file_that_could_not_be_read_is_renewed_by_what_comes_of_it_now(tmp_path: Path, abstaining: Report) -> None:
    lost = Unreadable("clip.mp4", MediaError("broken"))
    for _ in range(2):
        with ReportFolder(tmp_path) as out:
            out.add(lost)
    assert digests(tmp_path) == ["?"]
    with ReportFolder(tmp_path) as out:
        out.add(of(abstaining, "clip.mp4", "a"))
    assert digests(tmp_path) == ["a"]
    with ReportFolder(tmp_path) as out:
        out.add(lost)
    assert digests(tmp_path) == ["a", "?"]  # the report is on bytes that were there


def test_a_scan_that_was_killed_leaves_a_whole_set_and_the_next_one_tidies_it(
    tmp_path: Path, abstaining: Report
) -> None:
    with ReportFolder(tmp_path) as out:
        out.add(of(abstaining, "clip.mp4", "a"))
    killed = ReportFolder(tmp_path)
    killed.add(of(abstaining, "clip.mp4", "a"))
    killed._all.close()
    killed._hold.release()  # as the system does; nothing else was done at the end
    assert digests(tmp_path) == ["a", "a"]
    with ReportFolder(tmp_path) as out:
        out.add(of(abstaining, "own.mp4", "b"))
    assert digests(tmp_path) == ["a", "b"]


def test_a_set_that_somebody_made_legible_is_still_one(tmp_path: Path, abstaining: Report) -> None:
    with ReportFolder(tmp_path) as out:
        out.add(of(abstaining, "clip.mp4", "a"))
    path = tmp_path / "report.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")), indent=4), encoding="utf-8")
    with ReportFolder(tmp_path) as out:
        out.add(of(abstaining, "own.mp4", "b"))
    assert digests(tmp_path) == ["a", "b"]


def test_a_page_whose_name_differs_in_case_is_not_written_over(tmp_path: Path, abstaining: Report) -> None:
    (tmp_path / "CLIP.HTML").write_text("<p>my diary</p>")
    with ReportFolder(tmp_path) as out:
        assert out.add(of(abstaining, "clip.mp4", "a")) == tmp_path / "clip-2.html"
    with ReportFolder(tmp_path) as out:
        assert out.add(of(abstaining, "Clip-2.mp4", "b")) == tmp_path / "Clip-2-2.html"


def test_one_process_at_a_time(tmp_path: Path, abstaining: Report) -> None:
    with ReportFolder(tmp_path) as out:
        out.add(of(abstaining, "clip.mp4", "a"))
        with pytest.raises(UsageError, match=r"another zhenwei is writing.*another folder with --output"):
            ReportFolder(tmp_path)
        out.add(of(abstaining, "own.mp4", "b"))
    assert digests(tmp_path) == ["a", "b"]
    with ReportFolder(tmp_path):
        pass
    assert {path.name for path in tmp_path.iterdir()} == {"clip.html", "own.html", "report.json"}


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    code = f"import os, pathlib, zhenwei.report; zhenwei.report.Hold(pathlib.Path({str(tmp_path)!r})); os._exit(9)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=240).returncode == 9
    with Hold(tmp_path):
        pass
    assert not list(tmp_path.iterdir())


def test_a_refused_folder_is_not_held(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text("[]")
    for _ in range(2):
        with pytest.raises(UsageError, match="not a set of reports"):
            ReportFolder(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_disk_that_fills_up_leaves_what_was_whole(
    tmp_path: Path, abstaining: Report, monkeypatch: pytest.MonkeyPatch, error: BaseException, share: float
) -> None:
    with ReportFolder(tmp_path) as out:
        out.add(of(abstaining, "clip.mp4", "a"))
        true, left = folder._write_all, [1]

        def full(file: FileIO, data: bytes) -> None:
            if left.pop() if left else False:
                true(file, data[: int(share * len(data))])
                raise error
            true(file, data)

        monkeypatch.setattr(folder, "_write_all", full)
        with pytest.raises(OutputError if isinstance(error, OSError) else KeyboardInterrupt):
            out.add(of(abstaining, "own.mp4", "b"))
        assert digests(tmp_path) == ["a"]
        out.add(of(abstaining, "third.mp4", "c"))
    assert digests(tmp_path) == ["a", "c"]


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
