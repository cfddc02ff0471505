"""``zhenwei forge make`` as it is typed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from zhenwei.cli import main
from zhenwei.cli._forge_make import Method, refuse_other
from zhenwei.errors import DataError
from zhenwei.forge.make import METHODS


def test_the_methods_that_can_be_typed_are_those_that_there_are() -> None:
    assert sorted(method.value for method in Method) == sorted(METHODS)


def test_a_file_where_the_output_folder_should_be_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "taken").write_bytes(b"kept")
    assert main(["forge", "make", "self_blend", "portrait.jpg", "--output", str(tmp_path / "taken")]) == 1
    assert "cannot make the folder" in capsys.readouterr().err
    assert (tmp_path / "taken").read_bytes() == b"kept"


def test_files_of_one_name_do_not_replace_each_others_forgeries(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [str(tmp_path / name) for name in ("a/1.jpg", "b/1.png", "b/2.png")]
    assert main(["forge", "make", "self_blend", *files, "--output", str(tmp_path / "out")]) == 2
    assert "would have one name; got 1." in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_forgery_of_another_file_is_not_replaced(tmp_path: Path) -> None:
    place = tmp_path / "1.self_blend.0-0.png"
    refuse_other(place, b"one")  # nothing is there
    place.write_bytes(b"a forgery")
    refuse_other(place, b"one")  # whose it is, the door knows
    told = {"recipe": {"source_sha256": hashlib.sha256(b"one").hexdigest()}}
    place.with_name(f"{place.name}.json").write_text(json.dumps(told))
    refuse_other(place, b"one")
    with pytest.raises(DataError, match="a forgery of another file and is not replaced"):
        refuse_other(place, b"two")
