"""The page of an evaluation in Chinese: every phrase, nothing left in English, the same figures."""

from __future__ import annotations

import re
import string
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.browsing import RUN
from tests.evaluation.test_results_page import (
    HOSTILE,
    figures,
    interval,
    page_of_whole,
    parsed,
    results,
    self_contained,
    whole,
    words,
)
from tests.evaluation.test_results_page import files as made_files

import zhenwei.evaluation
from zhenwei.cli import main
from zhenwei.evaluation import drawings
from zhenwei.evaluation import results_page as page
from zhenwei.evaluation.chart_terms import FAMILIES
from zhenwei.evaluation.documents import as_json
from zhenwei.evaluation.examine import Journal
from zhenwei.evaluation.items import Item, Outcome
from zhenwei.evaluation.ladder import steps
from zhenwei.evaluation.page_terms import PHRASES, UNITS, count, say
from zhenwei.evaluation.protocols import load_protocol, names
from zhenwei.evaluation.results import Finding, load, save
from zhenwei.types import Text, in_language
from zhenwei.words import speaking, spoken

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_CHINESE = re.compile("[\u4e00-\u9fff]")
# Names of sets, files, steps and measures, which are the same in both languages.
_NAMES = re.compile(
    r"zhenwei|cnn\.face_forgery|face_forgery|in-domain|portraits|swap|HDTF|odd|Odd|thing|file|SHA-|AUC|ROC|LLR|ECE|C_llr|"
    r"min|CRF|jpeg|JPEG|h264|H\.264|social|one|empty|nothing|ab12\w+|Z|T|b\b|jpg|test"
)


@cache
def chinese() -> str:
    own = Text("Other people of the same data.", zh="同一数据集，但人物不同。")
    findings = (
        Finding(check="near-duplicates", ok=False, text="the data list no part that was trained on: nothing could be "
                "compared", cases=("李四.jpg = 张三.jpg", "and 3 more")),
        Finding(check="split leak: identity", ok=True, text="no people of the test were trained on"),
    )  # fmt: skip
    silent = Text("no face", zh="没有人脸")
    rows = [f.model_copy(update={"reason": silent}) if f.reason else f for f in whole().files]
    data = {"人脸": "30 genuine and 30 forged files, split test", "portraits": "12 genuine and 0 forged files"}
    changes = {"protocol_text": own, "findings": findings, "files": tuple(rows), "data": data}
    return page.to_html(whole().model_copy(update=changes), "zh")


def test_every_phrase_has_both_languages_and_the_same_fields() -> None:
    for name, (english, other) in PHRASES.items():
        fields = [{field for _, field, _, _ in string.Formatter().parse(text) if field} for text in (english, other)]
        assert fields[0] == fields[1], name
        assert english.isascii() or "“" in english or "–" in english or "·" in english or "←" in english, name
        wordless = not re.search("[a-z]{2}", re.sub(r"{\w+}", "", english)) or name == "family_worst"
        assert wordless or _CHINESE.search(other), name
    assert all("{n}" in unit and _CHINESE.search(unit) for unit in UNITS.values())
    assert {step.family for step in steps()} <= FAMILIES.keys()


def test_every_phrase_that_is_named_is_there_and_no_other() -> None:
    room = Path(zhenwei.evaluation.__file__).parent
    sources = [(room / name).read_text("utf-8") for name in ("charts.py", "drawings.py", "results_page.py")]
    for each in sorted(files("zhenwei.pages").joinpath("templates", "evaluation").iterdir(), key=str):
        sources.append(each.read_text(encoding="utf-8"))
    text = "\n".join(sources)
    named = set(re.findall(r'say\(\s*"(\w+)"[,)]', text))
    assert named - PHRASES.keys() == set()
    assert set(re.findall(r'count\([^"]*"([a-z ]+)"\)', text)) == UNITS.keys()
    unnamed = [name for name in PHRASES if f'"{name}"' not in text]
    computed = ("every_", "trust_", "each_", "amount_", "none_", "median_")
    as_values = {"in", "out", "inconclusive", "unreadable"}
    assert {name for name in unnamed if not name.startswith(computed)} == as_values


def test_nothing_but_names_is_left_in_english() -> None:
    html = chinese()
    root = self_contained(html)
    assert root.get("lang") == "zh-Hans"
    attributes = [root.findtext("head/title") or ""]
    for element in root.iter():
        attributes += [element.get(name, "") for name in ("aria-label", "title", "data-label")]
    said = [words(body) for body in root.iter("body")] + attributes
    left = re.findall(r"[A-Za-z]{2,}", _NAMES.sub(" ", " ".join(said)))
    assert left == []
    known = ("同一数据集，但人物不同。", "李四.jpg = 张三.jpg", "另有 3 项", "没有人脸", "JPEG 压缩 jpeg", "随机猜测")
    for part in known:
        assert part in html, part


def test_figures_are_the_same_in_both_languages() -> None:
    def numbers(html: str) -> list[str]:
        return sorted(re.findall(r"\b\d+\.\d+%?", words(next(parsed(html).iter("body")))))

    assert numbers(page.to_html(whole(), "zh")) == numbers(page_of_whole())


def test_the_language_ends_with_the_page_and_the_results_stay_english(tmp_path: Path) -> None:
    one = results(made_files("a", 4), [], protocol_text=Text("All of it.", zh="全部。"))
    assert "全部。" in page.to_html(one, "zh")
    assert spoken() == "en"
    assert "全部" not in as_json(one)
    save(one, tmp_path / "results.json")
    read = load(tmp_path / "results.json")
    assert read == one
    assert "All of it." in page.to_html(read, "zh")


def test_a_reason_keeps_its_chinese_when_the_evaluation_goes_on(tmp_path: Path) -> None:
    item = Item("a.jpg", tmp_path / "a.jpg", "a", forged=False)
    outcome = Outcome(item, None, "unreadable", Text("cut short", zh="不完整"))
    Journal.open(tmp_path / "journal.jsonl", {}).add(outcome, "", "ab")
    found = Journal.open(tmp_path / "journal.jsonl", {}).find(item, "", "ab")
    assert found is not None
    assert found == outcome
    assert in_language(found.reason, "zh") == "不完整"


def test_the_command_writes_the_page_in_its_language(tmp_path: Path) -> None:
    rows = ["id,score,label,group"]
    for number in range(80):
        rows.append(f"v{number},{number % 2 + number / 100:.2f},{'fake' if number % 2 else 'real'},g{number // 4}")
    (tmp_path / "theirs.csv").write_text("\n".join(rows) + "\n")
    command = ["evaluate", "theirs", "--scores", str(tmp_path / "theirs.csv"), "--output", str(tmp_path / "out")]
    assert main(["--lang", "zh", *command]) == 0
    html = (tmp_path / "out" / "results.html").read_text(encoding="utf-8")
    assert '<html lang="zh-Hans">' in html
    assert "外部分数（留出人物）" in html
    assert "另一模型的分数，越高越支持伪造。分数经逻辑回归校准。" in html
    assert load(tmp_path / "out" / "results.json").protocol_text.startswith("The scores of another model")


def test_names_are_text_in_chinese_too() -> None:
    rows = []
    for hostile in HOSTILE:
        (row,) = made_files("a", 1)
        rows.append(row.model_copy(update={"file": hostile, "decision": hostile, "reason": hostile}))
    found = tuple(Finding(check=h, ok=False, text=h, cases=(h,)) for h in HOSTILE)
    texts = {"protocol_text": HOSTILE[2], "subject": HOSTILE[0]}
    one = results(rows, [figures(rows)], findings=found, **texts)
    html = page.to_html(one, "zh")
    self_contained(html)
    assert not {"\u202e", "\u2066"} & set(html)


def test_a_set_that_is_called_like_a_sentence_keeps_its_name() -> None:
    rows = made_files("FFHQ and StyleGAN", 20)
    controls = {"metadata_auc": interval(0.5), "random_label_auc": interval(0.5)}
    said = words(parsed(page.to_html(results(rows, [figures(rows, auc=interval(0.9), **controls)]), "zh")))
    assert "FFHQ and StyleGAN：标签打乱后 AUC 为" in said
    assert "FFHQ 和" not in said


def test_a_decision_that_is_called_like_a_phrase_is_no_phrase() -> None:
    (row,) = made_files("a", 1)
    said = words(parsed(page.to_html(results([row.model_copy(update={"decision": "size"})], []), "zh")))
    assert "size" in said


def test_what_is_counted() -> None:
    assert (count(1204, "file"), count(1, "pair")) == ("1,204 files", "1 pair")
    with speaking("zh"):
        assert count(1204, "file") == "1,204 个文件"
        assert say("family_worst", area="0.800", step="jpeg 10") == "0.800（jpeg 10）"
        sentence = next(drawings.of_set("set-1", []))
    assert sentence == "这份结果未列出该数据集的文件，无图可绘。"


@pytest.mark.parametrize("name", names())
def test_every_protocol_has_its_chinese(name: str) -> None:
    assert _CHINESE.search(load_protocol(name).text_zh)


@pytest.mark.heavy
@pytest.mark.parametrize(
    "options",
    [
        {"viewport": {"width": 1200, "height": 900}},
        {"viewport": {"width": 360, "height": 780}, "color_scheme": "dark"},
    ],
    ids=["desktop", "phone"],
)
def test_nothing_stands_in_the_way(browser: Browser, axe: str, tmp_path: Path, options: dict[str, object]) -> None:
    (tmp_path / "page.html").write_text(chinese(), encoding="utf-8")
    context = browser.new_context(bypass_csp=True, **options)  # type: ignore[arg-type]  # so that axe can be put into it
    shown = context.new_page()
    shown.goto((tmp_path / "page.html").as_uri())
    shown.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    shown.evaluate(axe)
    found = shown.evaluate(RUN)["violations"]
    assert [(each["id"], each["nodes"][0]["target"]) for each in found] == []
    assert shown.evaluate("document.documentElement.scrollWidth <= innerWidth")
    outside = r"""[...document.querySelectorAll('.chart > svg')].flatMap(svg => {
        const box = svg.getBoundingClientRect();
        const texts = [...svg.querySelectorAll('text')].filter(text => /[\u4e00-\u9fff]/.test(text.textContent));
        return texts.filter(text => {
            const own = text.getBoundingClientRect();
            return own.left < box.left - 2 || own.right > box.right + 2 || own.bottom > box.bottom + 2;
        }).map(text => text.textContent);
    })"""
    assert shown.evaluate(outside) == []
    context.close()
