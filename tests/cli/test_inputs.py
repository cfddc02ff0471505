"""Which files a command line means."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from zhenwei.cli.inputs import collect


def picture(path: Path, form: str = "PNG") -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), "teal").save(path, form)
    return str(path)


def test_folders_are_searched_by_content_not_by_name(tmp_path: Path) -> None:
    wanted = [
        picture(tmp_path / "a.png"),
        picture(tmp_path / "b" / "no_extension"),
        picture(tmp_path / "c.txt", "JPEG"),
    ]
    (tmp_path / "notes.mp4").write_text("this is no video")
    (tmp_path / "empty.jpg").touch()
    found = collect([str(tmp_path)])
    assert list(found.files) == [wanted[0], wanted[2], wanted[1]]  # files of a folder come before its folders
    assert found.foreign == 2
    assert found.unreadable == ()


def test_hidden_files_and_folders_are_left_out_and_not_counted(tmp_path: Path) -> None:
    picture(tmp_path / ".hidden.png")
    picture(tmp_path / ".cache" / "x.png")
    assert collect([str(tmp_path)]).files == ()
    assert collect([str(tmp_path)]).foreign == 0


def test_a_named_file_is_always_tried_and_each_file_only_once(tmp_path: Path) -> None:
    (tmp_path / "notes.mp4").write_text("this is no video")
    named = [str(tmp_path / "notes.mp4"), str(tmp_path / "gone.jpg"), picture(tmp_path / ".hidden.png")]
    assert list(collect([*named, *named]).files) == named
    inside = picture(tmp_path / "a.png")
    assert list(collect([inside, str(tmp_path)]).files) == [inside]


def test_pipes_are_not_waited_for_and_loops_are_not_followed(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    wanted = picture(tmp_path / "a.png")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "dangling.png").symlink_to(tmp_path / "gone.png")
    assert list(collect([str(tmp_path)]).files) == [wanted]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list every folder")
def test_a_folder_that_cannot_be_listed_is_named(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o000)
    try:
        found = collect([str(tmp_path)])
    finally:
        closed.chmod(0o700)
    assert [failure.path for failure in found.unreadable] == [str(closed)]
    assert "cannot be listed" in str(found.unreadable[0].error)
