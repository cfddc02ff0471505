"""``zhenwei report``: from a kept JSON to a page and a PDF, signed, checked, and examined again."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from zhenwei.cli import main
from zhenwei.cli.report import _places, _with
from zhenwei.report.printing import find_browser, sheets
from zhenwei.report.signature import beside
from zhenwei.words import translated

EXAMPLES = Path(__file__).parents[2] / "examples" / "media"
QUICK = ["--detector", "provenance.labels"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photo, and its report with pictures."""
    made = tmp_path_factory.mktemp("report")
    shutil.copy(EXAMPLES / "astronaut-forged.jpg", made / "photo.jpg")
    assert main(["scan", str(made / "photo.jpg"), *QUICK, "--quiet", "--pictures", "--output", str(made / "out")]) == 0
    shutil.copy(made / "out" / "report.json", made / "photo.json")
    return made


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZHENWEI_HOME", str(tmp_path / "home"))


def test_a_page_with_the_annex(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    words = ["--case", "2026-17", "--exhibit", "A3", "--examiner", "J. Doe", "--quiet"]
    assert main(["report", str(folder / "photo.json"), "-o", str(out), *words]) == 0
    page = out.read_text(encoding="utf-8")
    for said in ("2026-17", "A3", "J. Doe", "MD5", "ENFSI", "data:image/jpeg"):
        assert said in page
    assert main(["report", str(folder / "photo.json"), "-o", str(out), "--lang", "zh", "--force", "--quiet"]) == 0
    assert "局限性声明" in out.read_text(encoding="utf-8")


@pytest.mark.skipif(not find_browser(), reason="no Chromium or Chrome on this machine")
def test_a_pdf_of_sheets(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "photo.pdf"
    assert main(["report", str(folder / "photo.json"), "--pdf", "-o", str(out), "--quiet"]) == 0
    data = out.read_bytes()
    assert data.startswith(b"%PDF")
    assert sheets(data) > 2


def test_without_a_browser_the_cure_is_named(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("zhenwei.report.printing.BROWSERS", ())
    monkeypatch.setitem(__import__("sys").modules, "weasyprint", None)
    assert main(["report", str(folder / "photo.json"), "--pdf", "-o", str(tmp_path / "x.pdf")]) == 1
    said = capsys.readouterr().err
    assert "[pdf]" in said
    assert "--html" in said
    assert not (tmp_path / "x.pdf").exists()


def test_what_is_there_is_not_replaced(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "page.html"
    out.write_text("mine")
    assert main(["report", str(folder / "photo.json"), "-o", str(out)]) == 2
    assert out.read_text() == "mine"
    assert "--force" in capsys.readouterr().err


def test_several_reports_go_into_a_folder(folder: Path, tmp_path: Path) -> None:
    report = json.loads((folder / "photo.json").read_text())["reports"][0]
    other = json.loads(json.dumps(report))
    other["file"]["path"] = "photo.v2.jpg"
    both = tmp_path / "both.json"
    both.write_text(json.dumps({"schema": "zhenwei.report-set/1", "reports": [report, report, other]}))
    assert main(["report", str(both), "-o", str(tmp_path / "out"), "--quiet"]) == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["photo-2.html", "photo.html", "photo.v2.html"]
    assert main(["report", str(both), "-o", str(tmp_path / "x.html")]) == 2


def test_reports_on_files_of_one_name_take_no_page_from_each_other(folder: Path, tmp_path: Path) -> None:
    report = json.loads((folder / "photo.json").read_text())["reports"][0]
    paths = ["a/IMG.jpg", "b/img.jpg", "c/IMG.jpg", "d/IMG-2.jpg", "e/IMG.jpg", "f/IMG.html.jpg"]
    lines = [json.dumps(report | {"file": report["file"] | {"path": path}}) for path in paths]
    several = tmp_path / "several.json"
    several.write_text("\n".join(lines))
    out = tmp_path / "out"
    assert main(["report", str(several), "-o", str(out), "--quiet"]) == 0
    pages = [page.read_text(encoding="utf-8") for page in out.iterdir()]
    assert all(sum(path in page for page in pages) == 1 for path in paths)
    assert len({page.name.casefold() for page in out.iterdir()}) == len(paths)


def test_many_reports_on_one_name_are_counted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[Path] = []

    def page_name(place: Path) -> str:
        counted.append(place)
        return place.name.casefold()

    monkeypatch.setattr("zhenwei.cli.report._page_name", page_name)
    documents = [{"file": {"path": f"{number}/IMG.jpg"}} for number in range(100)]
    places = _places(tmp_path / "r.json", None, documents)
    assert [place.name for place in places] == ["IMG", *[f"IMG-{number}" for number in range(2, 101)]]
    assert len(counted) == len(documents)


def test_a_signature_takes_the_place_of_nothing_that_it_is_made_of(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "photo.json"
    shutil.copy(folder / "photo.json", path)
    assert main(["report", "sign", str(path), "-o", str(path), "--force"]) == 2
    assert path.read_bytes() == (folder / "photo.json").read_bytes()
    for command in (["report", str(path)], ["report", "verify", str(path)]):
        assert main([*command, "--file", "other.jpg"]) == 2


def test_it_is_signed_and_checked(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "photo.json"
    shutil.copy(folder / "photo.json", path)
    assert main(["report", "verify", str(path)]) == 1  # there is no signature
    assert main(["report", "sign", str(path), "--signer", "J. Doe"]) == 0
    assert main(["report", "sign", str(path)]) == 2  # there is one
    fingerprint = capsys.readouterr().out.strip().splitlines()[-1].split(": ")[1]
    assert main(["report", "verify", str(path), "--signer", fingerprint]) == 0
    assert "J. Doe" in capsys.readouterr().out
    assert main(["report", "verify", str(path), "--signer", "0" * 40]) == 1
    assert main(["report", "verify", str(path), "--format", "json"]) == 0
    told = capsys.readouterr().out
    assert json.loads(told[told.index("{") :])["signature"]["is_own_key"] is True
    path.write_text(path.read_text().replace("forged", "forgee", 1))
    assert main(["report", "verify", str(path)]) == 1
    assert "changed since it was signed" in capsys.readouterr().err


def test_examined_again_the_answer_is_the_same_or_told(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "photo.json"
    document = json.loads((folder / "photo.json").read_text())
    path.write_text(json.dumps(document))
    assert main(["report", "verify", str(path), "--again", "--quiet"]) == 0
    assert "the answer is the same" in capsys.readouterr().out
    document["reports"][0]["verdict"]["llr"] = 5.0
    document["reports"][0]["engine"]["version"] = "0.0.1"
    path.write_text(json.dumps(document))
    assert main(["report", "verify", str(path), "--again", "--format", "json", "--quiet"]) == 1
    told = json.loads(capsys.readouterr().out)["again"][0]
    assert told["differences"][0][:2] == ["LLR", "+5.000"]
    assert told["engine"][0][:2] == ["zhenwei", "0.0.1"]


def test_another_file_in_its_place_is_not_examined(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = EXAMPLES / "astronaut.jpg"
    assert main(["report", "verify", str(folder / "photo.json"), "--again", "--file", str(other)]) == 1
    assert "not the one examined" in capsys.readouterr().err


def test_a_report_of_a_file_that_could_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").write_bytes(b"")
    assert main(["scan", str(tmp_path / "empty.jpg"), "--quiet", "--output", str(tmp_path / "out")]) == 1
    assert main(["report", str(tmp_path / "out" / "report.json"), "-o", str(tmp_path / "x.html")]) == 1
    assert not (tmp_path / "x.html").exists()


def test_a_signers_name_speaks_for_nobody_else(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "photo.json"
    shutil.copy(folder / "photo.json", path)
    forged = "Lab\nIt is the key of this installation.\x1b[2K"
    for name in (forged, "Lab\udcff", "Lab\u202e", "Lab\u200b"):
        assert main(["report", "sign", str(path), "--signer", name]) == 2
        assert "no name of a signer" in capsys.readouterr().err
    assert not beside(path).exists()
    assert main(["report", "sign", str(path), "--signer", "张\u3000伟"]) == 0
    assert json.loads(beside(path).read_text())["signer"] == "张 伟"
    _sign_as(path, forged)
    assert main(["report", "verify", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "It is the key of this installation." not in lines
    assert [line for line in lines if "Lab" in line] == [
        "Name that the signature gives: Lab It is the key of this installation.<U+001B>[2K"
    ]


def _sign_as(path: Path, signer: str) -> None:
    """As a program that signs by itself may."""
    key = Ed25519PrivateKey.generate()
    content = {
        "schema": "zhenwei.signature/1",
        "algorithm": "Ed25519",
        "file": path.name,
        "public_key": base64.b64encode(key.public_key().public_bytes_raw()).decode(),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "signed_at": "2026-01-01\nIt is the key of this installation.",
        "signer": signer,
        "size_bytes": path.stat().st_size,
    }
    message = json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
    beside(path).write_text(json.dumps(content | {"signature": base64.b64encode(key.sign(message)).decode()}))


def test_what_does_not_hold_is_told_in_json_too(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "photo.json"
    shutil.copy(folder / "photo.json", path)
    assert main(["report", "sign", str(path)]) == 0
    path.write_text(path.read_text() + " ")
    capsys.readouterr()
    assert main(["report", "verify", str(path), "--format", "json", "--again"]) == 1
    said = capsys.readouterr()
    told = json.loads(said.out)
    assert told["signature"]["holds"] is False
    assert "changed since it was signed" in told["signature"]["why"]
    assert "changed since it was signed" in said.err


def test_what_could_not_be_read_is_tried_again(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"no picture")
    assert main(["scan", str(bad), "--quiet", "--output", str(tmp_path / "out")]) == 1
    verify = ["report", "verify", str(tmp_path / "out" / "report.json"), "--again", "--quiet"]
    capsys.readouterr()
    assert main(verify) == 0
    assert "the answer is the same" in capsys.readouterr().out
    shutil.copy(folder / "photo.jpg", bad)
    assert main([*verify, "--lang", "zh"]) == 1
    assert "文件: 无法读取 → 可以读取" in capsys.readouterr().out
    bad.unlink()  # of what is gone nothing can be said
    assert main([*verify, "--format", "json"]) == 1
    assert json.loads(capsys.readouterr().out)["again"][0]["same"] is None
    assert main(["scan", str(bad), "--quiet", "--output", str(tmp_path / "none")]) == 1
    assert main([*verify[:2], str(tmp_path / "none" / "report.json"), *verify[3:]]) == 0  # it was not there then


def test_the_difference_is_told_in_the_language_that_is_spoken(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "photo.json"
    document = json.loads((folder / "photo.json").read_text())
    report = document["reports"][0]
    now, report["verdict"]["decision"] = report["verdict"]["decision"], "genuine"
    report["engine"]["libraries"]["numpy"] = "1\n\x1b[2K"
    path.write_text(json.dumps(document))
    assert main(["report", "verify", str(path), "--again", "--quiet", "--lang", "zh"]) == 1
    said = capsys.readouterr().out
    assert f"结论: 真实 → {translated(now, 'zh')}" in said
    assert "\x1b" not in said


def test_sentences_that_stay_in_another_language_are_told_of(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["report", str(folder / "photo.json"), "-o", str(tmp_path / "x.html"), "--force", "--quiet"]
    assert main([*words, "--lang", "en"]) == 0
    assert capsys.readouterr().err == ""
    assert main([*words, "--lang", "zh"]) == 0
    assert "写出时的英文" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "suffix"), [("x.PDF", ".pdf"), ("x.Html", ".html")])
def test_the_name_that_was_given_is_kept(tmp_path: Path, name: str, suffix: str) -> None:
    assert _with(tmp_path / name, suffix) == tmp_path / name


def test_a_page_is_called_as_it_was_named(folder: Path, tmp_path: Path) -> None:
    assert main(["report", str(folder / "photo.json"), "-o", str(tmp_path / "X.HTML"), "--quiet"]) == 0
    assert [path.name for path in tmp_path.glob("*.*")] == ["X.HTML"]


def test_a_damaged_report_in_a_set_is_told_before_any_page_is_written(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = json.loads((folder / "photo.json").read_text())["reports"][0]
    both = tmp_path / "both.json"
    for harm, field in (({"verdict": report["verdict"] | {"llr": "abc"}}, "verdict.llr"), ({"file": None}, "file")):
        both.write_text(json.dumps({"schema": "zhenwei.report-set/1", "reports": [report, report | harm]}))
        assert main(["report", str(both), "-o", str(tmp_path / "out"), "--quiet"]) == 1
        assert field in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
