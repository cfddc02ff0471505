"""The command line in Chinese, at any width, and what it shows first."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from unicodedata import east_asian_width

import pytest

from zhenwei.cli import COMMANDS, main
from zhenwei.cli._help import wrapped
from zhenwei.cli.evaluate import show_results
from zhenwei.cli.language import current, of_locale, without_language
from zhenwei.evaluation.results import Results

_CHINESE = re.compile("[\u4e00-\u9fff]")


@pytest.fixture(autouse=True)
def english_again() -> Iterator[None]:
    """Other tests know of no language that was chosen here."""
    yield
    without_language([], {})


@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "de_DE.UTF-8", "LC_MESSAGES": "zh_TW"}, "zh"),
        ({"LANG": "en_GB.UTF-8"}, "en"),
        ({}, "en"),
    ],
)
def test_the_locale_decides(environ: dict[str, str], language: str) -> None:
    assert of_locale(environ) == language


@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_flag_may_stand_anywhere(place: int, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["scan", "--help"]
    words[place:place] = ["--lang", "zh"]
    assert main(words) == 0
    assert "用法：" in capsys.readouterr().out
    assert current() == "zh"
    assert main(["--help"]) == 0
    assert "Usage:" in capsys.readouterr().out  # of the next command line it is no more


def test_a_language_that_there_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--lang", "fr", "scan"], ["scan", "--lang"]):
        assert main(words) == 2
        assert "want en or zh" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["", *sorted(COMMANDS)])
def test_help_is_chinese_throughout(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert main([*([name] if name else []), "--help", "--lang", "zh"]) == 0
    for line in capsys.readouterr().out.splitlines():
        plain = re.sub(r"zhenwei .*|--?[\w-]+|\b[A-Z_./|]+\b", "", line)
        words = re.findall(r"\b[a-z]{3,}\b", plain)
        assert _CHINESE.search(line) or len(words) < 5, line


def width(line: str) -> int:
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in line)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", ["scan", "report", "evaluate", "protect"])
def test_help_keeps_its_shape_in_40_columns(
    name: str, language: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    assert main([name, "--help", "--lang", language]) == 0
    out, examples = capsys.readouterr().out.split("Examples:" if language == "en" else "示例：")
    for line in out.splitlines():
        assert width(line.rstrip()) <= 40, line
    assert "zhenwei" in examples  # which are to be copied, and stay on one line


def test_lines_break_within_no_latin_word_and_before_no_punctuation() -> None:
    text = "隐藏文件会被略去：--verbose 可逐一列出。“真实”表示（在 zhenwei 中）证据支持。"
    for columns in range(12, 40):
        lines = wrapped(text, columns).splitlines()
        assert "".join(lines).replace(" ", "") == text.replace(" ", "")
        for line in lines:
            assert width(line) <= columns
            assert line[0] not in "，。、；：）”"
        assert sum("--verbose" in line for line in lines) == 1
    assert wrapped("one two three", 8) == "one two\nthree"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_alone_it_shows_what_one_does_first(language: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--lang", language]) == 2
    said = capsys.readouterr().err
    for call in ("zhenwei scan photo.jpg", "zhenwei scan folder/ --output out/", "zhenwei doctor"):
        assert call in said
    assert all(name in said for name in COMMANDS)


def test_errors_reasons_and_notes_are_chinese(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scan", "--lang", "zh"]) == 2
    assert "没有可检验的内容" in capsys.readouterr().err
    assert main(["verify", "--lang", "zh"]) == 2
    assert "缺少参数" in capsys.readouterr().err
    assert main(["scan", str(tmp_path / "nothing.jpg"), "--lang", "zh", "--detector", "provenance.labels"]) == 1
    shown = capsys.readouterr()
    assert "不存在" in shown.out
    assert "1 个文件无法读取。" in shown.err
    assert main(["scan", "x", "--fast", "--full", "--lang", "zh"]) == 2
    assert "错误：选项互相排斥" in capsys.readouterr().err
    assert main(["detectors", "cnn.face_forgry", "--lang", "zh"]) == 2
    assert "没有检测器" in capsys.readouterr().err


def test_figures_of_an_evaluation_are_chinese_and_keep_their_shape(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    published = json.loads((Path(__file__).parents[2] / "docs" / "accuracy.json").read_text(encoding="utf-8"))
    found = Results.model_validate(published | {"files": []})
    without_language(["--lang", "zh"], {})
    for width in (40, 170):
        monkeypatch.setenv("COLUMNS", str(width))
        show_results(found, [])
        *lines, _ = capsys.readouterr().out.splitlines()
        for said in ("成对准确率", "伪造检出率", "个图片来源", "不足 10 例的来源"):
            assert said in "".join(lines)
        cells = [line for line in lines if not line.endswith("。") and "：" not in line]  # not the sentences
        assert max(sum(1 + (east_asian_width(c) in "WF") for c in line) for line in cells) <= width
        assert any("误报率" in line and "漏报率" in line for line in cells) is (width == 170)
