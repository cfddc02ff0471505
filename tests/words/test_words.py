"""Every sentence of the program has its Chinese, with the same fields, and is recognised once it is filled in."""

from __future__ import annotations

import ast
import json
import re
import string
from collections.abc import Iterator, Mapping

import pytest
from tests.words.collecting import SOURCE, fields, sentences

from zhenwei.errors import MediaError, UsageError
from zhenwei.evaluation.page_terms import PHRASES as OF_EVALUATIONS
from zhenwei.report.terms import PHRASES as OF_REPORTS
from zhenwei.report.tour_words import WORDS as OF_TOUR
from zhenwei.server.pages.words import PHRASES as OF_PAGES
from zhenwei.types import Text
from zhenwei.words import _patterns, catalogue, error_text, say, speaking, spoken, translated

_CHINESE = re.compile("[\u4e00-\u9fff]")


@pytest.fixture(scope="module")
def said() -> Mapping[str, str]:
    return sentences()


def test_every_sentence_has_its_chinese_and_no_other_is_kept(said: Mapping[str, str]) -> None:
    missing = [f"{where}: {template}" for template, where in said.items() if template not in catalogue()]
    assert missing == [], "to be added to src/zhenwei/words/zh.json"
    assert [template for template in catalogue() if template not in said] == [], "nobody says these any more"


def test_both_have_the_same_fields() -> None:
    for english, chinese in catalogue().items():
        assert fields(english) == fields(chinese), english
    for english, chinese in _of_pages():
        assert sorted(re.findall(r"\{\w+\}", english)) == sorted(re.findall(r"\{\w+\}", chinese)), english


def test_the_chinese_can_be_filled_in_with_what_its_english_is_filled_with() -> None:
    for english, chinese in catalogue().items():
        values = [f"<{place}>" for place in range(1 + max(map(int, fields(english)), default=-1))]
        assert all(value in chinese.format(*values) for value in values if value in english.format(*values)), english
        assert say("zh", english, *values) == chinese.format(*values), english
    for english, chinese in _of_pages():
        named = {name: f"<{name}>" for _, name, _, _ in string.Formatter().parse(english) if name}
        assert all(value in chinese.format(**named) for value in named.values()), english


def _of_pages() -> Iterator[tuple[str, str]]:
    """The phrases of reports and pages, whose languages stand beside each other."""
    for phrases in (OF_REPORTS, OF_PAGES, OF_EVALUATIONS):
        yield from phrases.values()
    yield from ((str(text), text.zh) for text in OF_TOUR.values())


def test_a_chinese_that_cannot_be_filled_in_leaves_its_english(monkeypatch: pytest.MonkeyPatch) -> None:
    for chinese in ("{1} 的 {} 张脸", "{2} 的 {0} 张脸", "{faces} 张脸", "{ 张脸"):
        monkeypatch.setitem(catalogue(), "{} faces of a sentence of {}", chinese)
        _patterns.cache_clear()
        assert translated("3 faces of a sentence of anna", "zh") == "3 faces of a sentence of anna"
        assert say("zh", "{} faces of a sentence of {}", 3, "anna") == "3 faces of a sentence of anna"
    monkeypatch.undo()
    _patterns.cache_clear()


def test_the_chinese_is_chinese() -> None:
    short = {english for english, chinese in catalogue().items() if not _CHINESE.search(chinese)}
    assert len(short) < 0.06 * len(catalogue())  # shapes, names and figures are the same in both
    assert not any(len(english.split()) > 9 for english in short if "{" not in english and "(" not in english)


def test_the_file_is_as_its_owner_writes_it() -> None:
    path = SOURCE / "words" / "zh.json"
    written = json.dumps(dict(sorted(catalogue().items())), ensure_ascii=False, indent=1) + "\n"
    assert path.read_text(encoding="utf-8") == written


def test_a_sentence_that_is_filled_in_is_recognised() -> None:
    error = MediaError(
        "holiday photo.jpg is cut short", got="3 frames", want="16 rows or more", fix="Copy or download the file again."
    )
    told = error_text(error, "zh")
    assert told == "holiday photo.jpg 不完整；得到：3 帧；应为：16 行以上。请重新复制或下载文件。"
    assert error_text(error, "en") == str(error)
    assert error_text(error, "en", cure=False) + ". " + error.fix == str(error)


def test_every_sentence_is_told_by_its_own_template_and_no_looser_one() -> None:
    for english, chinese in catalogue().items():
        if "{}" in english:
            values = [f"v{place}" for place in range(len(fields(english)))]
            assert translated(english.format(*values), "zh") == chinese.format(*values), english


def test_what_is_to_be_run_is_told_however_long_it_is() -> None:
    assert translated("Run: /a/python -m pip install -e '/a[pdf]'", "zh") == (
        "请运行：/a/python -m pip install -e '/a[pdf]'"
    )


def test_what_is_only_said_is_not_recognised() -> None:
    assert say("zh", "{0}: done at step {1}", "run", 3) == "run：已完成，共 3 步"
    assert translated("a plug-in: done at step 3 of its own", "zh") == "a plug-in: done at step 3 of its own"


def test_a_template_that_says_little_takes_no_sentence_for_its_own() -> None:
    assert translated("3 of 5", "zh") == "5 的 3"
    assert translated("Sources of few cases, and of none, and of a plug-in", "zh").startswith("Sources of few")


def test_what_nobody_translated_stays_as_it_is() -> None:
    assert translated("a sentence of a plug-in", "zh") == "a sentence of a plug-in"
    assert error_text(UsageError("a sentence of a plug-in"), "zh") == "a sentence of a plug-in。"
    assert say("zh", "nobody {} this", "said") == "nobody said this"


def test_a_file_that_is_called_like_a_word_keeps_its_name() -> None:
    assert translated("none is empty", "zh") == "none 是空的"


def test_what_is_known_of_a_file_is_told_behind_its_name() -> None:
    assert translated("my holiday/a b.jpg: Permission denied", "zh") == "my holiday/a b.jpg：没有权限"
    assert (
        translated("a sentence of a plug-in: Permission denied", "zh") == "a sentence of a plug-in: Permission denied"
    )


def test_a_name_in_front_of_a_sentence_stays() -> None:
    told = translated("this and that: AUC 0.5 against shuffled labels", "zh")
    assert told == "this and that：标签打乱后 AUC 为 0.5"


def test_the_longer_of_two_templates_is_told() -> None:
    looked = "583 of the test against 5151 that were trained on; 6001 files were too many to be looked at"
    told = translated(f"no copies, by what they look like: {looked}", "zh")
    assert told == "从外观上看没有副本：测试中的 583 个文件对照训练过的 5151 个文件；另有 6001 个因数量过多未查看"


def test_a_sentence_that_carries_its_chinese_is_told_in_it() -> None:
    assert translated(Text("no face", zh="没有人脸"), "zh") == "没有人脸"
    assert translated(Text("no face", zh="没有人脸"), "en") == "no face"


def test_what_is_spoken_ends_where_it_is_said_to() -> None:
    with speaking("zh"):
        with speaking("en"):
            assert spoken() == "en"
        assert spoken() == "zh"
    assert spoken() == "en"


def test_sentences_that_carry_their_chinese_have_it() -> None:
    """``Text("...", zh="...")`` anywhere below the command line, with fields in both or in neither."""
    for path in SOURCE.rglob("*.py"):
        if path.parent.name == "cli":
            continue  # there ``Text`` is of rich
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "Text" and call.args:
                chinese = [*call.args[1:], *[keyword.value for keyword in call.keywords if keyword.arg == "zh"]]
                english = call.args[0]
                if isinstance(english, ast.JoinedStr) or (isinstance(english, ast.Constant) and english.value):
                    assert chinese, f"{path.name}:{call.lineno}"
                if all(isinstance(each, ast.JoinedStr | ast.Constant) for each in (english, *chinese[:1])):
                    is_filled = [bool(_values(each)) for each in (english, *chinese[:1])]
                    assert len(set(is_filled)) == 1, f"{path.name}:{call.lineno}"


def _values(node: ast.expr) -> list[ast.expr]:
    return [value for value in getattr(node, "values", []) if isinstance(value, ast.FormattedValue)]
