"""Tests of writing whole files."""

from pathlib import Path

import pytest

from zhenwei.errors import DataError
from zhenwei.files import make_folder, write_whole


def test_a_file_is_written_and_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_whole(path, b"one")
    write_whole(path, b"another")
    assert path.read_bytes() == b"another"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_write_keeps_the_old_file_and_leaves_no_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_whole(path, b"one")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(DataError, match="No space left"):
        write_whole(path, b"another")
    assert path.read_bytes() == b"one"
    assert list(tmp_path.iterdir()) == [path]


def test_without_replace_what_is_there_stays(tmp_path: Path) -> None:
    write_whole(tmp_path / "file", b"one", replace=False)
    with pytest.raises(FileExistsError):
        write_whole(tmp_path / "file", b"two", replace=False)
    assert (tmp_path / "file").read_bytes() == b"one"


def test_disks_without_hard_links_are_written_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.link", refuse)
    write_whole(tmp_path / "file", b"one", replace=False)
    with pytest.raises(FileExistsError):
        write_whole(tmp_path / "file", b"two", replace=False)
    assert (tmp_path / "file").read_bytes() == b"one"
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_what_the_disk_gives_back_otherwise_replaces_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_whole(path, b"one", reread=True)
    monkeypatch.setattr(Path, "read_bytes", lambda _: b"something else")
    with pytest.raises(DataError, match="not written as it should be"):
        write_whole(path, b"two", reread=True)
    monkeypatch.undo()
    assert path.read_bytes() == b"one"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["真" * 83 + ".json", "x" * 255])
def test_a_name_may_be_as_long_as_the_system_allows(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"before")  # what may stand there may be written
    write_whole(path, b"after")
    assert path.read_bytes() == b"after"


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "file" / "below", tmp_path / "nowhere" / "file", tmp_path / "folder"):
        with pytest.raises(DataError, match="cannot write"):
            write_whole(path, b"one")


def test_a_folder_is_made_with_those_above_it_but_not_in_place_of_a_file(tmp_path: Path) -> None:
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").write_bytes(b"kept")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(DataError, match="cannot make the folder"):
            make_folder(path)
    assert (tmp_path / "file").read_bytes() == b"kept"
