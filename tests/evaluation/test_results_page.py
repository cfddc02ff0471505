"""The page of an evaluation: well-formed, self-contained, safe against names, and true to the figures."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from zhenwei.errors import MissingExtraError
from zhenwei.evaluation import results_page as page
from zhenwei.evaluation.results import (
    Against,
    Figures,
    FileResult,
    Finding,
    OverSources,
    Results,
    SourceFigures,
    Step,
    save,
)
from zhenwei.pages import counted
from zhenwei.stats import Estimate

HOSTILE = (
    "<script>alert(1)</script>",
    "\"><img src=x onerror='alert(1)'>",
    "</style></svg></table><a href='http://evil.example/'>",
    "a\u202egpj.exe\u2066",
    "]]>&lt;&#x3c;{{7*7}}",
    "--><!--",
    "line\nbreak\x00\x1b[31m",
    "张三的照片😀.jpg",
    "x" * 5000,
)


def interval(value: float, n: int = 40) -> Estimate:
    return Estimate(value=value, low=max(0.0, value - 0.1), high=min(1.0, value + 0.05), n=n)


def files(set_name: str, n: int, *, forged: float = 0.5, seed: int = 0, name: str = "file {}") -> list[FileResult]:
    rng = np.random.default_rng(seed)
    made = []
    for i in range(n):
        truth = bool(i < round(forged * n))
        llr = float(rng.normal(1.5 if truth else -1.5, 1.5))
        said = "forged" if llr > 2 else "genuine" if llr < -1 else "inconclusive"
        kind: dict[str, Any] = {"forged": truth, "method": "swap" if truth else "", "group": str(i)}
        made.append(FileResult(set=set_name, file=name.format(i), llr=llr, decision=said, **kind))
    return made


def figures(rows: list[FileResult], **more: Any) -> Figures:
    forged = sum(r.forged for r in rows)
    values: dict[str, Any] = {"level": "video", "domain": "out", "groups": len(rows), "coverage": interval(1.0)} | more
    return Figures(name=rows[0].set, genuine=len(rows) - forged, forged=forged, **values)


def results(rows: list[FileResult], every: list[Figures], **more: Any) -> Results:
    values: dict[str, Any] = {
        "subject": "cnn.face_forgery",
        "protocol": "in-domain",
        "protocol_text": "Other people of the same data.",
        "created": "2026-01-02T03:04:05Z",
        "data": {f.name: "made up" for f in every},
        "weights": {"face_forgery": "ab12" * 16},
        "versions": {"zhenwei": "0.1.0"},
        "seed": 0,
        "frames": 16,
    }
    return Results(figures=tuple(every), files=tuple(rows), **values | more)


@cache
def whole() -> Results:
    """Two sets, one of them of one class, with everything that a page can show."""
    first, second = files("人脸", 60), files("portraits", 12, forged=0.0)
    second[0] = second[0].model_copy(update={"llr": None, "decision": "inconclusive", "reason": "no face"})
    auc = interval(roc_auc_score([r.forged for r in first], [r.llr for r in first]))
    rates = {"false_alarms": interval(0.03), "found": interval(0.6), "missed": interval(0.05)}
    controls = {"metadata_auc": interval(0.95), "random_label_auc": interval(0.52)}
    every = [
        figures(first, auc=auc, domain="in", c_llr=interval(0.6), ece=interval(0.05), **rates, **controls),
        figures(second, false_alarms=interval(0.0)),
        figures(first, slice="method: swap", auc=auc, found=interval(0.6)),
        figures(first, slice="origin: HDTF", auc=auc),
        figures(first, slice="odd: thing"),
        figures(first, slice="jpeg 50"),
        figures(first, level="frame", auc=auc),
    ]
    steps = [
        Step(
            set=s,
            family=f,
            step=f"{f} {a:g}",
            amount=a,
            genuine=30,
            forged=30,
            coverage=1.0,
            auc=interval(0.9 - i / 20),
        )
        for s in ("人脸", "b")
        for f, amounts in (
            ("jpeg", (90.0, 50.0, 10.0)),
            ("h264", (23.0, 40.0)),
            ("social", (1.0, 2.0)),
            ("one", (1.0,)),
        )
        for i, a in enumerate(amounts)
    ]
    steps.append(Step(set="b", family="empty", step="nothing", amount=0, genuine=3, forged=0, coverage=0.5))
    findings = (
        Finding(check="near-duplicates", ok=False, text="Two files are one.", cases=("a ~ b", "李四.jpg ~ c")),
        Finding(check="split leak: identity", ok=True, text="Nobody is on both sides."),
    )
    return results([*first, *second], every, ladder=tuple(steps), findings=findings)


@cache
def page_of_whole() -> str:
    return page.to_html(whole())


def parsed(html: str) -> Element:
    """As XML, which forgives nothing."""
    first, rest = html.split("\n", 1)
    assert first == "<!DOCTYPE html>"
    return ElementTree.fromstring(rest)  # noqa: S314 - written here


def words(element: Element) -> str:
    return " ".join(" ".join(element.itertext()).split())


def self_contained(html: str) -> Element:
    root = parsed(html)
    assert not {e.tag for e in root.iter()} & {"script", "link", "img", "iframe", "object", "base", "form", "image"}
    for element in root.iter():
        for name, value in element.attrib.items():
            assert not name.startswith("on")
            assert name not in ("src", "srcset", "action", "background", "xlink:href")
            assert name != "href" or value.startswith("#")
            assert set(re.findall(r"url\((.)", value)) <= {"#"}
    assert "@import" not in html
    assert "url(" not in str(root.findtext("head/style"))
    ids = [e.attrib["id"] for e in root.iter() if "id" in e.attrib]
    assert len(ids) == len(set(ids))
    targets = {e.attrib["href"][1:] for e in root.iter() if "href" in e.attrib}
    assert targets | set(re.findall(r"url\(#([^)]*)\)", html)) <= set(ids)
    return root


def test_the_page_is_one_well_formed_file_that_loads_nothing() -> None:
    root = self_contained(page_of_whole())
    assert "http" not in page_of_whole().replace("http-equiv", "")
    policy = next(m for m in root.iter("meta") if m.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy.attrib["content"]


def test_pictures_have_words_and_tables_have_headers() -> None:
    root = self_contained(page_of_whole())
    charts = [f for f in root.iter("figure") if f.get("class") == "chart"]
    assert len(charts) == 4 + 2 + 4  # a full set, a set of one class, four families with an AUC
    for figure in charts:
        svg = next(s for s in figure.iter("svg") if s.get("role") == "img")
        assert len(svg.attrib["aria-label"]) > 20
        assert len(words(figure.findall("figcaption")[0])) > 20
    for table in root.iter("table"):
        assert table.findtext("caption")
        heads = [e for e in table.findall("thead/tr/*") if e.tag == "th" and e.get("scope") == "col"]
        for row in table.findall("tbody/tr"):
            assert len(row) == len(heads)
            assert row[0].get("scope") == "row"
            assert [c.get("data-label") for c in row[1:]] == [words(h) for h in heads[1:]]


def test_the_figures_and_what_speaks_against_them_are_told() -> None:
    said = words(self_contained(page_of_whole()))
    auc = whole().figures[0].auc
    assert auc is not None
    for part in (
        f"{auc.value:.3f}",
        f"ROC, area {auc.value:.3f}",
        "cnn.face_forgery",
        "Other people of the same data.",
        "72 files (42 genuine, 30 forged)",
        "2026-01-02",
        "ab12ab12ab12",
        "2 of 4 checks found something",  # a finding, and a control of the set that nobody wrote down
        "without a pixel, by size, format and compression alone, AUC 0.950",
        "李四.jpg ~ c",
        "no AUC: genuine files only",
        "1 of 12 files got no answer",
        "no face",
        "By method of forgery",
        "By source of the media",
        "By odd",
        "By frame and by person",
        "Lowest: 0.800 at jpeg 10",
    ):
        assert part in said, part


def test_mean_and_worst_over_sources_come_before_all_figures() -> None:
    pairs, rate = interval(0.7, n=45), interval(0.02)
    known: dict[str, Any] = {"of": "source", "kind": "video", "genuine": 30, "forged": 45, "genuine_answered": 28}
    known |= {"forged_answered": 44, "firm": interval(0.3), "false_alarms": rate}
    against = (Against(source="<web>", auc=interval(0.61)), Against(source="lrs", auc=interval(0.9)))
    rows = (
        SourceFigures(name="<b>swaps</b>", auc=interval(0.755), against=against, pair_accuracy=pairs, **known),
        SourceFigures(name="quiet", **known),
    )
    worst: dict[str, Any] = {"mean": interval(0.8, n=2), "worst": interval(0.755), "worst_name": "<b>swaps</b>"}
    over = (OverSources(of="source", kind="video", figure="auc", counted=2, **worst),)
    one = whole().model_copy(update={"by_source": rows, "over_sources": over})
    html = page.to_html(one)
    said = words(self_contained(html))
    assert said.index("Source by source") < said.index("What can I trust here?") < said.index("The sets")
    assert "it ranks them rightly" not in said
    for part in (
        "2 sources of clips",
        "0.755",
        "<b>swaps</b>",
        "0.610",
        "<web>",
        "45 pairs",
        "28 + 44 (clips)",
        "never by",
    ):
        assert part in said, part
    assert "Sources of fewer than 10 cases are shown, and count neither in a mean nor as the worst." in said
    assert "Source by source" not in words(parsed(page_of_whole()))


def test_pair_accuracy_stands_beside_the_area_or_is_missing() -> None:
    rows = files("a", 20)
    paired = figures(rows, auc=interval(0.9), pair_accuracy=interval(0.65, n=10))
    said = words(parsed(page.to_html(results(rows, [paired]))))
    assert "0.650" in said
    assert "10 pairs" in said
    assert "10 pairs" not in words(parsed(page.to_html(results(rows, [figures(rows, auc=interval(0.9))]))))


def test_controls_that_hold_are_not_held_against_a_set() -> None:
    rows = files("a", 20)
    good = figures(rows, auc=interval(0.9), metadata_auc=interval(0.5), random_label_auc=interval(0.5))
    finding = Finding(check="random labels", ok=True, text="0.5.")
    assert "2 checks found nothing wrong" in words(parsed(page.to_html(results(rows, [good], findings=(finding,)))))
    shuffled = figures(rows, random_label_auc=Estimate(value=0.8, low=0.7, high=0.9, n=20))
    assert "against shuffled labels" in words(parsed(page.to_html(results(rows, [shuffled]))))
    assert "No checks are recorded" in words(parsed(page.to_html(results(rows, [figures(rows)]))))


def test_names_are_text_whatever_they_are() -> None:
    rows = [
        FileResult(set=h, file=h, forged=bool(i % 2), method=h, group=h, llr=i / 3 - 1, decision=h, reason=h)
        for i, h in enumerate(HOSTILE)
    ]
    every = [f for r in rows for f in (figures([r]), figures([r], slice=f"{r.set}: {r.file}"))]
    steps = tuple(
        Step(set=h, family=h, step=h, amount=i, genuine=1, forged=1, coverage=1.0, auc=interval(0.7))
        for i, h in enumerate(HOSTILE)
    )
    cases = tuple(Finding(check=h, ok=False, text=h, cases=(h,)) for h in HOSTILE)
    named = dict.fromkeys(HOSTILE, HOSTILE[0])
    texts = {"subject": HOSTILE[0], "protocol": HOSTILE[1], "protocol_text": HOSTILE[2], "created": HOSTILE[3]}
    html = page.to_html(
        results(rows, every, ladder=steps, findings=cases, data=named, weights=named, versions=named, **texts)
    )
    root = self_contained(html)
    said = words(root)
    assert "<script>alert(1)</script>" in said
    assert "张三的照片😀.jpg" in said
    assert "a<U+202E>gpj.exe" in said
    assert not {c for c in html if ord(c) < 32 and c != "\n"}
    assert not {"\u202e", "\u2066"} & set(html)
    assert "x" * 2000 not in html
    assert max(len(words(cell)) for tag in ("th", "td") for cell in root.iter(tag)) < 500
    assert {a.get("href", "")[:5] for a in root.iter("a")} == {"#set-"}


@pytest.mark.parametrize(
    ("count", "forged"),
    [(1, 0.0), (1, 1.0), (2, 0.5), (5, 1.0)],
    ids=["a genuine", "a forged", "a pair", "forged only"],
)
def test_few_files(count: int, forged: float) -> None:
    rows = files("few", count, forged=forged)
    self_contained(page.to_html(results(rows, [figures(rows)])))


def test_nothing_at_all_is_still_a_page() -> None:
    bare = results([], [], weights={}, versions={}, protocol_text="", frames=0)
    assert "These results hold no set." in words(self_contained(page.to_html(bare)))
    rows = files("silent", 3)
    silent = [r.model_copy(update={"llr": None, "decision": "unreadable", "reason": "cut short"}) for r in rows]
    assert "No file of this set got an answer" in words(self_contained(page.to_html(results(silent, [figures(rows)]))))
    assert "list no file of this set" in words(self_contained(page.to_html(results([], [figures(rows)]))))


def test_ten_thousand_files_open() -> None:
    rows = files("many", 10_000, name="some/folder/of/a/data/set/{:05d}.jpg")
    html = page.to_html(results(rows, [figures(rows, auc=interval(0.8))]))
    assert len(html.encode()) < 2_000_000
    root = self_contained(html)
    assert f"The {page.MAX_FILES:,} worst are shown; all 10,000 are in the results file." in words(root)
    assert len(root.findall(".//table[@class='files']/tbody/tr")) == page.MAX_FILES


def test_many_sets_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "MAX_DRAWN_SETS", 3)
    rows = [r for i in range(page.MAX_DRAWN_SETS + 2) for r in files(f"set {i}", 1, seed=i)]
    html = page.to_html(results(rows, [figures([r]) for r in rows]))
    assert "2 more sets without pictures" in words(self_contained(html))


def test_the_worst_errors_come_first() -> None:
    rows = files("a", 30)
    rows[3] = rows[3].model_copy(update={"llr": None, "decision": "inconclusive"})
    root = self_contained(page.to_html(results(rows, [figures(rows)])))
    shown = [words(row[0]) for row in root.findall(".//table[@class='files']/tbody/tr")]
    wrong = {r.file: (-r.llr if r.forged else r.llr) if r.llr is not None else 0.0 for r in rows}
    assert shown == sorted(wrong, key=lambda name: -wrong[name])
    mistakes = sum(r.decision != "inconclusive" and r.decision != ("forged" if r.forged else "genuine") for r in rows)
    assert f"{counted(mistakes, 'file')} of 30 got the wrong verdict" in words(root)


def test_parts_and_steps_of_the_ladder_are_not_files() -> None:
    rows = files("a", 10)
    others = [r.model_copy(update={"delivery": "jpeg 50", "llr": 9.0}) for r in rows]
    others += [r.model_copy(update={"level": "frame", "part": "frame 1", "llr": -9.0}) for r in rows]
    every = [figures(rows, auc=interval(0.8))]
    assert page.to_html(results(rows, every)) == page.to_html(results([*rows, *others], every))


def test_the_same_results_are_the_same_page(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    save(whole(), path)
    code = (
        "import hashlib, sys; from pathlib import Path; from zhenwei.evaluation import results_page as page, results\n"
        "print(hashlib.sha256(page.to_html(results.load(Path(sys.argv[1]))).encode()).hexdigest())"
    )
    environment = os.environ | {"PYTHONHASHSEED": "7"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout.strip() == hashlib.sha256(page_of_whole().encode()).hexdigest()


def test_without_matplotlib_the_install_line_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"pip install .*\[report\]"):
        page.to_html(whole())
