"""``zhenwei protect``: files are written whole beside the originals, which stay; what cannot be done is said."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from PIL import Image
from tests.carriers import carrier, image, saved

from zhenwei.cli import main
from zhenwei.defence.credential import read_credential
from zhenwei.defence.keys import PUBLIC_KEY, own_key
from zhenwei.defence.labels import read_labels
from zhenwei.defence.verify import verify

PORTRAIT = Path(__file__).parents[1] / "data" / "astronaut.jpg"
Read = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ZHENWEI_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "work" / "photo.jpg"
    path.parent.mkdir()
    path.write_bytes(PORTRAIT.read_bytes())
    return path


def test_sign_writes_beside_and_leaves_the_original(photo: Path, home: Path, capsys: Read) -> None:
    assert main(["protect", "sign", str(photo), "--claim", "ai-edited"]) == 0
    shown = capsys.readouterr()
    assert "photo.signed.jpg: signed as ai-edited by zhenwei (untrusted local key)" in shown.out
    assert photo.read_bytes() == PORTRAIT.read_bytes()
    data = photo.with_name("photo.signed.jpg").read_bytes()
    read = verify(data, keys=[own_key(home)])
    assert (read.standing, read.binding, read.says_ai) == ("intact", "bound", True)
    assert read_labels(data).count == 1
    assert sorted(path.name for path in photo.parent.iterdir()) == ["photo.jpg", "photo.signed.jpg"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in home.iterdir()} == {0o600}


def test_the_least_is_claimed_unless_one_says_more_and_only_ai_is_labelled(photo: Path) -> None:
    assert main(["protect", "sign", str(photo)]) == 0
    data = photo.with_name("photo.signed.jpg").read_bytes()
    assert read_credential(data).claim == "edited"
    assert read_labels(data).count == 0


def test_what_is_in_the_way_stays_without_force(photo: Path, capsys: Read) -> None:
    target = photo.with_name("photo.signed.jpg")
    target.write_bytes(b"mine")
    assert main(["protect", "sign", str(photo)]) == 1
    assert "is there already" in capsys.readouterr().err
    assert target.read_bytes() == b"mine"
    assert main(["protect", "sign", str(photo), "--force"]) == 0
    assert read_credential(target.read_bytes()).state == "valid"


def test_in_place_replaces_the_original_and_keeps_its_permissions(photo: Path) -> None:
    photo.chmod(0o640)
    assert main(["protect", "sign", str(photo), "--in-place", "--claim", "captured"]) == 0
    assert read_credential(photo.read_bytes()).claim == "captured"
    assert stat.S_IMODE(photo.stat().st_mode) == 0o640
    assert [path.name for path in photo.parent.iterdir()] == ["photo.jpg"]
    assert main(["protect", "sign", str(photo), "--in-place", "--claim", "captured"]) == 1  # would lose the credential
    assert main(["protect", "sign", str(photo), "--in-place", "--out", str(photo.parent / "x")]) == 2


def test_in_place_signs_what_a_link_leads_to(photo: Path) -> None:
    link = photo.with_name("link.jpg")
    link.symlink_to(photo.name)
    assert main(["protect", "sign", str(link), "--in-place", "--claim", "captured"]) == 0
    assert link.is_symlink()
    assert read_credential(photo.read_bytes()).claim == "captured"


def test_what_belongs_to_a_watermark_is_refused_without_one(photo: Path) -> None:
    for option in (["--id", "11" * 8], ["--published-key"]):
        assert main(["protect", "sign", str(photo), "--no-watermark", *option]) == 2


def test_folders_go_to_a_folder_and_one_bad_file_does_not_stop_the_rest(photo: Path, capsys: Read) -> None:
    (photo.parent / "a.png").write_bytes(saved(image(), "png"))
    (photo.parent / "b.png").write_bytes(saved(image(), "png")[:90])
    (photo.parent / "c.wav").write_bytes(carrier("wav"))
    (photo.parent / "d.signed.png").write_bytes(saved(image(), "png"))
    out = photo.parent.parent / "out"
    assert main(["protect", "sign", str(photo.parent), "--out", str(out), "--format", "json"]) == 1
    shown = capsys.readouterr()
    rows = {Path(row["path"]).name: row for row in map(json.loads, shown.out.splitlines())}
    assert set(rows) == {"photo.jpg", "a.png", "b.png", "c.wav"}
    assert rows["b.png"]["written"] is None
    assert rows["a.png"]["verification"]["binding"] == "bound"
    assert rows["c.wav"]["notes"][0].startswith("without a watermark")  # too short
    assert sorted(path.name for path in out.iterdir()) == ["a.signed.png", "c.signed.wav", "photo.signed.jpg"]


def test_mark_holds_the_identifier_under_ones_own_or_the_published_key(photo: Path, home: Path, capsys: Read) -> None:
    assert main(["protect", "mark", str(photo), "--id", "00c0ffee00c0ffee"]) == 0
    data = photo.with_name("photo.marked.jpg").read_bytes()
    assert [mark.ident for mark in verify(data, keys=[own_key(home)]).marks] == ["00c0ffee00c0ffee"]
    assert verify(data, keys=[PUBLIC_KEY]).marks == ()
    assert "watermark 00c0ffee00c0ffee" in capsys.readouterr().out
    assert main(["protect", "mark", str(photo), "--published-key", "--force"]) == 0
    data = photo.with_name("photo.marked.jpg").read_bytes()
    assert len(verify(data, keys=[PUBLIC_KEY]).marks) == 1
    for wrong in ("xyz", "00C0FFEE00C0FFEE", "00"):
        assert main(["protect", "mark", str(photo), "--id", wrong, "--force"]) == 2


def test_what_is_lost_with_a_mark_is_said(photo: Path, capsys: Read) -> None:
    pictures = [Image.fromarray(image(200, 280, seed)) for seed in range(2)]
    pictures[0].save(photo, "MPO", save_all=True, append_images=pictures[1:])
    for command in (["mark"], ["sign", "--force"]):
        assert main(["protect", *command, str(photo)]) == 0
        assert "such as a gain map" in " ".join(capsys.readouterr().err.split())


def test_a_mark_does_not_break_a_credential(photo: Path, capsys: Read) -> None:
    assert main(["protect", "sign", str(photo), "--no-watermark"]) == 0
    assert main(["protect", "mark", str(photo.with_name("photo.signed.jpg"))]) == 1
    assert "which a mark would break" in capsys.readouterr().err


def test_identity_shows_who_signs_and_writes_the_certificate(photo: Path, home: Path, capsys: Read) -> None:
    anchors = photo.with_name("anchors.pem")
    assert main(["protect", "identity", "--export", str(anchors)]) == 0
    shown = capsys.readouterr().out
    assert "zhenwei (untrusted local key), installation " in shown
    assert str(home) in shown
    assert b"PRIVATE" not in anchors.read_bytes()
    assert main(["protect", "identity", "--export", str(anchors)]) == 1
    assert "is there already" in capsys.readouterr().err
    assert main(["protect", "sign", str(photo)]) == 0
    signed = photo.with_name("photo.signed.jpg").read_bytes()
    assert read_credential(signed, anchors.read_text()).state == "trusted"


def test_ones_own_certificate_and_key_sign(photo: Path, home: Path, capsys: Read) -> None:
    assert main(["protect", "identity"]) == 0
    key, _, chain = (home / "identity.pem").read_bytes().partition(b"-----BEGIN CERT")
    (photo.parent / "key.pem").write_bytes(key)
    (photo.parent / "chain.pem").write_bytes(b"-----BEGIN CERT" + chain)
    own = ["--cert", str(photo.parent / "chain.pem"), "--key", str(photo.parent / "key.pem")]
    assert main(["protect", "sign", str(photo), *own]) == 0
    assert main(["protect", "sign", str(photo), *own[:2]]) == 2
    assert main(["protect", "sign", str(photo), "--cert", "missing.pem", "--key", "missing.pem"]) == 1
    assert "belong together" in capsys.readouterr().err


def test_every_part_has_help_with_examples(capsys: Read) -> None:
    for words in (["sign"], ["mark"], ["identity"]):
        assert main(["protect", *words, "--help"]) == 0
        assert f"zhenwei protect {words[0]}" in capsys.readouterr().out.split("Examples:")[1]


def test_nothing_to_protect_is_wrong_use(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert main(["protect", "sign", str(empty)]) == 2
    assert main(["protect", "sign", str(tmp_path / "missing.jpg")]) == 1


def test_a_file_where_the_folder_should_be_is_told(photo: Path, capsys: Read) -> None:
    blocker = photo.with_name("blocker")
    blocker.write_bytes(b"kept")
    for words in (["sign"], ["mark"]):
        for out in (blocker, blocker / "below"):
            assert main(["protect", *words, str(photo), "--out", str(out)]) == 1
            assert "cannot make the folder" in capsys.readouterr().err
    assert blocker.read_bytes() == b"kept"


def test_force_replaces_neither_a_file_given_nor_one_just_written(photo: Path, capsys: Read) -> None:
    given = photo.with_name("photo.marked.jpg")
    given.write_bytes(PORTRAIT.read_bytes())
    assert main(["protect", "mark", str(photo), str(given), "--force"]) == 1
    assert "is one of the files given" in capsys.readouterr().err
    assert given.read_bytes() == PORTRAIT.read_bytes()
    other = photo.parent / "other" / "photo.jpg"
    other.parent.mkdir()
    other.write_bytes(saved(image(), "jpeg"))
    out = photo.parent / "out"
    assert main(["protect", "mark", str(photo), str(other), "--out", str(out), "--force"]) == 1
    assert "was just written" in capsys.readouterr().err
    assert [path.name for path in out.iterdir()] == ["photo.marked.jpg"]


def test_a_cloak_replaces_no_original_and_asks_for_a_folder_before_it_works(photo: Path, capsys: Read) -> None:
    drawn = photo.with_name("drawn.png")
    drawn.write_bytes(saved(image(), "png"))
    before = drawn.read_bytes()
    assert main(["protect", "cloak", str(drawn), "--out", str(drawn), "--force"]) == 2
    assert "does not replace its original" in capsys.readouterr().err
    assert drawn.read_bytes() == before
    for out in (photo.parent / "nowhere" / "c.png", drawn / "c.png"):
        assert main(["protect", "cloak", str(photo), "--out", str(out)]) == 2
        assert "cannot be written there" in capsys.readouterr().err
