"""``zhenwei verify``: every layer of every file in words or JSON, and what the exit status says."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from PIL.PngImagePlugin import PngInfo
from tests.carriers import carrier, image, saved

from zhenwei.cli import main

PORTRAIT = Path(__file__).parents[1] / "data" / "astronaut.jpg"
Read = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ZHENWEI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path / "home"


@pytest.fixture
def signed(tmp_path: Path, capsys: Read) -> Path:
    """A folder with one signed picture in it, and certificates beside it."""
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "photo.jpg").write_bytes(PORTRAIT.read_bytes())
    assert main(["protect", "sign", str(folder / "photo.jpg"), "--claim", "ai-generated", "--in-place"]) == 0
    assert main(["protect", "identity", "--export", str(tmp_path / "anchors.pem")]) == 0
    capsys.readouterr()
    return folder


def test_the_table_shows_layers_and_the_sentence(signed: Path, capsys: Read) -> None:
    assert main(["verify", str(signed / "photo.jpg")]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for words in (
        "photo.jpg",
        "Declares Declares itself AI-made (signed by zhenwei (untrusted local key), installation",
        "Credential intact, signed on this machine",
        "signer zhenwei (untrusted local key), installation",
        "claim ai-generated",
        "(own key, agreement",
        "which the credential names",
        "AIGC label made by AI, by zhenwei",
        "IPTC label trainedAlgorithmicMedia",
        "Not a byte was changed since",
    ):
        assert words in shown


def test_another_machine_is_told_apart(
    signed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Read
) -> None:
    assert main(["verify", str(signed / "photo.jpg"), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["signed_here"] is True
    monkeypatch.setenv("ZHENWEI_HOME", str(tmp_path / "elsewhere"))
    assert main(["protect", "identity"]) == 0
    assert main(["verify", str(signed / "photo.jpg")]) == 0
    assert "Credential intact, by a signer on no list you trust" in " ".join(capsys.readouterr().out.split())


def test_a_trust_list_and_chinese(signed: Path, tmp_path: Path, capsys: Read) -> None:
    assert main(["verify", str(signed), "--trust", str(tmp_path / "anchors.pem"), "--lang", "zh"]) == 0
    shown = "".join(capsys.readouterr().out.split())
    for words in ("凭证完整，签名者在您的信任列表中", "水印画面", "AIGC标识由人工智能生成", "以来未有一个字节被改动"):
        assert words in shown
    assert main(["verify", str(signed), "--trust", str(tmp_path / "missing.pem")]) == 2
    (tmp_path / "empty.pem").write_text("nobody")
    assert main(["verify", str(signed), "--trust", str(tmp_path / "empty.pem")]) == 2


def test_json_has_one_line_a_file_and_unreadable_ones_are_exit_status_1(signed: Path, capsys: Read) -> None:
    (signed / "plain.wav").write_bytes(carrier("wav"))
    (signed / "cut.png").write_bytes(saved(image(), "png")[:120])
    (signed / "notes.txt").write_text("no media")
    assert main(["verify", str(signed), str(signed / "notes.txt"), "--format", "json"]) == 1
    shown = capsys.readouterr()
    rows = {Path(row["path"]).name: row for row in map(json.loads, shown.out.splitlines())}
    assert set(rows) == {"photo.jpg", "plain.wav", "cut.png", "notes.txt"}
    assert rows["photo.jpg"]["standing"] == "intact"
    assert rows["plain.wav"]["standing"] == "bare"
    assert "says nothing" in rows["plain.wav"]["sentence"]["en"]
    assert set(rows["cut.png"]) == set(rows["notes.txt"]) == {"path", "error"}
    assert "×" in shown.err


def test_a_changed_file_is_read_and_said_to_be_changed(signed: Path, capsys: Read) -> None:
    data = bytearray((signed / "photo.jpg").read_bytes())
    data[-400] ^= 1
    (signed / "photo.jpg").write_bytes(bytes(data))
    assert main(["verify", str(signed / "photo.jpg")]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "Credential does not hold: changed after it was signed" in shown
    assert "the file was changed after it was signed" in shown


def test_settings_and_unread_formats_are_shown(tmp_path: Path, capsys: Read) -> None:
    text = PngInfo()
    text.add_text("prompt", '{"3": {"class_type": "KSampler", "inputs": {}}}')
    (tmp_path / "a.png").write_bytes(saved(image(), "png", pnginfo=text))
    (tmp_path / "b.gif").write_bytes(saved(image(), "gif"))
    assert main(["verify", str(tmp_path / "a.png"), str(tmp_path / "b.gif")]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for words in (
        "Declares Carries a generator's settings (ComfyUI).",
        "Settings ComfyUI (prompt)",
        "Labels labels are not read in files of this format",
    ):
        assert words in shown
    assert main(["verify", str(tmp_path / "a.png"), "--format", "json"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert (row["standing"], row["says_ai"]) == ("labelled", True)
    assert [(each["origin"], each["channel"], each["standing"]) for each in row["declared"]] == [
        ("generator-settings", "settings", "unsigned")
    ]


def test_looking_makes_no_keys_and_finds_marks_under_the_published_one(
    tmp_path: Path, home: Path, capsys: Read
) -> None:
    from zhenwei.defence.keys import PUBLIC_KEY
    from zhenwei.defence.marking import mark_file

    path = tmp_path / "a.jpg"
    path.write_bytes(mark_file(PORTRAIT.read_bytes(), bytes(8), PUBLIC_KEY))
    assert main(["verify", str(path)]) == 0
    assert not home.exists()
    shown = " ".join(capsys.readouterr().out.split())
    assert "0000000000000000 in the picture (published key" in shown
    assert "with which anybody can write one" in shown


def test_nothing_to_look_at_is_wrong_use_and_a_missing_file_is_not_read(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert main(["verify", str(empty)]) == 2
    assert main(["verify", str(tmp_path / "missing.jpg")]) == 1


def test_names_cannot_steer_the_terminal(tmp_path: Path, capsys: Read) -> None:
    path = tmp_path / "a\x1b[31m[bold]b.png"
    path.write_bytes(saved(image(), "png"))
    assert main(["verify", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "\x1b[31m" not in shown
    assert "[bold]b.png" in shown


@pytest.mark.parametrize("package", ["c2pa", "cryptography"])
def test_without_the_extra_the_line_that_installs_it_is_shown(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Read
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(saved(image(), "png"))
    monkeypatch.setitem(sys.modules, package, None)
    for command in (["verify"], ["protect", "sign"]):
        assert main([*command, str(path)]) == 1
        told = capsys.readouterr().err
        assert sys.executable in told
        assert "pip install" in told
        assert "provenance" not in told
