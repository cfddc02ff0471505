"""``zhenwei forge consent``: a manifest is made, grown and held against its files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from zhenwei.cli import main
from zhenwei.forge.consent import read_consent

Read = pytest.CaptureFixture[str]


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    for name in ("anna", "bert"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.jpg").write_bytes(name.encode())
    return tmp_path


def make(faces: Path, name: str, *more: str) -> int:
    wanted = ["forge", "consent", "make", str(faces / name), "--subject", name, "--scope", "face"]
    return main([*wanted, "--expires", "2099-12-31", *(more or ("--basis", "self"))])


def test_two_people_are_noted_in_one_manifest_and_checked(faces: Path, capsys: Read) -> None:
    assert make(faces, "anna") == 0
    assert make(faces, "bert", "--basis", "licensed-data-set", "--evidence", "CC BY 4.0") == 0
    held = read_consent(faces / "consent.json")
    assert [(p.name, p.basis) for p in held.subjects] == [("anna", "self"), ("bert", "licensed data set")]
    assert main(["forge", "consent", "check", str(faces / "consent.json")]) == 0
    assert held.sha256 in capsys.readouterr().out


def test_an_altered_file_ends_with_1_and_is_named(faces: Path, capsys: Read) -> None:
    make(faces, "anna")
    (faces / "anna" / "1.jpg").write_bytes(b"somebody else")
    assert main(["forge", "consent", "check", str(faces / "consent.json")]) == 1
    assert "1.jpg" in capsys.readouterr().err


def test_a_subject_is_replaced_only_on_demand(faces: Path) -> None:
    assert make(faces, "anna") == 0
    assert make(faces, "anna") == 2
    assert make(faces, "anna", "--basis", "self", "--replace") == 0


@pytest.mark.parametrize("more", [("--basis", "written-consent"), ("--basis", "self", "--expires", "soon")])
def test_what_has_no_meaning_is_refused_and_nothing_is_written(faces: Path, more: tuple[str, ...]) -> None:
    assert make(faces, "anna", *more) != 0
    assert not (faces / "consent.json").exists()


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(("scope", "asked"), [("face", ["gan", "train"]), ("voice", ["voice", "model"])])
def test_the_cure_that_a_refusal_prints_runs(
    scope: str, asked: list[str], language: str, faces: Path, capsys: Read
) -> None:
    assert main(["--lang", language, "forge", *asked, str(faces / "anna"), "--output", str(faces / "run")]) == 2
    told = capsys.readouterr().err
    assert ("请制作清单" in told) == (language == "zh")
    found = re.search(r"zhenwei (forge consent make [^(（]+)", told)
    assert found is not None
    words = {"FOLDER": str(faces / "anna"), "NAME": "anna", "BASIS": "synthetic", "TEXT": "drawn", "DATE": "never"}
    assert main([words.get(word, word) for word in found[1].split()]) == 0
    assert [(p.name, p.scope) for p in read_consent(faces / "consent.json").subjects] == [("anna", scope)]
