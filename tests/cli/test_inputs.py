"""Which files a command line means."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from PIL import Image

from zhenwei.cli import main
from zhenwei.cli.inputs import collect
from zhenwei.errors import MediaError
from zhenwei.media import open_media


def image(path: Path, form: str = "PNG") -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), "teal").save(path, form)
    return str(path)


def test_folders_are_searched_by_content_whatever_the_name(tmp_path: Path) -> None:
    wanted = [
        image(tmp_path / "a.png"),
        image(tmp_path / "b" / "no_extension"),
        image(tmp_path / "c.txt", "JPEG"),
    ]
    (tmp_path / "notes.txt").write_text("this is no video")
    found = collect([str(tmp_path)])
    assert list(found.files) == [wanted[0], wanted[2], wanted[1]]  # files of a folder come before its folders
    assert [(Path(item.path).name, item.kind) for item in found.left_out] == [("notes.txt", "no media")]
    assert sum(item.kind == "no media" for item in found.left_out) == 1
    assert found.unreadable == ()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("empty.jpg", b""),
        ("empty", b""),
        ("empty.bin", b""),
        ("saved.jpg", b"<!DOCTYPE html><html></html>"),
        ("notes.mp4", b"this is no video"),
        ("noise.HEIC", bytes(range(1, 200))),
        ("a.b.DNG", b"garbage"),
        ("design.psd", b"8BPS" + bytes(30)),
        ("design", b"8BPS" + bytes(30)),
        ("sound.m4a", b"{}"),
        ("video.ts", bytes(range(200))),
        ("zeros.mkv", bytes(500)),
    ],
)
def test_what_is_called_like_media_or_is_empty_does_not_vanish(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    found = collect([str(tmp_path)])
    assert found.files == (str(tmp_path / name),)
    with pytest.raises(MediaError):
        open_media(found.files[0])


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("main.ts", b"export const answer = 42;"),
        ("__init__.py", b""),
        ("notes.txt", b""),
        ("half.mp4.part", b""),
        ("report.pdf", b"%PDF-1.7"),
        ("page.html", b"<html></html>"),
        ("table.csv", b"a,b"),
        ("jpg", b"a text that is called jpg"),
        ("go.mod", b"module example"),
    ],
)
def test_programs_texts_and_papers_are_left_out(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    found = collect([str(tmp_path)])
    assert found.files == ()
    assert sum(item.kind == "no media" for item in found.left_out) == 1


def test_everything_that_is_left_out_is_counted_and_can_be_named(tmp_path: Path) -> None:
    image(tmp_path / ".hidden.png")
    image(tmp_path / ".cache" / "x.png")
    (tmp_path / "notes.txt").write_text("no picture")
    elsewhere = tmp_path / "below" / "album"
    image(elsewhere / "y.png")
    (tmp_path / "linked").symlink_to(elsewhere, target_is_directory=True)
    (tmp_path / "dead.png").symlink_to(tmp_path / "gone.png")
    found = collect([str(tmp_path)])
    assert found.files == (str(elsewhere / "y.png"),)
    named = {Path(item.path).name: item.kind for item in found.left_out}
    kinds = {".hidden.png": "hidden", ".cache": "hidden", "notes.txt": "no media", "linked": "linked folder"}
    assert named == {**kinds, "dead.png": "no file"}
    assert found.notes() == (
        "Left out of folders: 1 file that is no picture, video or sound, 2 hidden files and folders, 1 linked folder, "
        "1 dead link, pipe or device. --verbose names them.",
    )
    told = "\n".join(found.notes(verbose=True))
    assert all(name in told for name in named)
    assert collect([str(elsewhere)]).notes(verbose=True) == ()


def test_a_named_file_is_always_tried_and_each_file_only_once(tmp_path: Path) -> None:
    (tmp_path / "notes.mp4").write_text("this is no video")
    named = [str(tmp_path / "notes.mp4"), str(tmp_path / "gone.jpg"), image(tmp_path / ".hidden.png")]
    assert list(collect([*named, *named]).files) == named
    inside = image(tmp_path / "below" / "a.png")
    assert list(collect([inside, str(tmp_path / "below")]).files) == [inside]


def test_pipes_are_not_waited_for_and_loops_are_not_followed(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    wanted = image(tmp_path / "a.png")
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


@pytest.mark.parametrize("command", [["scan"], ["verify"]])
def test_an_empty_name_is_no_folder(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, ""]) == 2
    assert "has an empty name" in capsys.readouterr().err


def test_every_command_unfolds_what_the_shell_did_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "b.png", "[c].png"):
        Image.effect_noise((320, 320), 40).convert("RGB").save(name)
    assert list(collect(["*.png"]).files) == ["[c].png", "a.png", "b.png"]
    assert list(collect(["[c].png", "[ab].png"]).files) == ["[c].png", "a.png", "b.png"]  # a file called so comes first
    commands = (["scan", "--detector", "provenance.labels"], ["verify"], ["protect", "mark", "--output", "out"])
    for command in commands:
        assert main([*command, "[ab].png", "--format", "json"]) == 0
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert [line.get("file", line)["path"] for line in lines] == ["a.png", "b.png"]
    for command in commands:
        assert main([*command, "*.jpg", "--format", "json"]) == 1
        read = capsys.readouterr()
        (line,) = [json.loads(line) for line in read.out.splitlines()]
        assert line.get("file", line)["path"] == "*.jpg"
        assert "no file fits this pattern" in str(line["error"])
        assert "no file fits this pattern" in read.err
