"""The page: whole without anything else, safe with any file, and every figure on it comes from the report."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from tests.report.reading import Page, inert, read

from zhenwei import pages
from zhenwei.report import to_html
from zhenwei.report.plot import drawable, plotted
from zhenwei.report.thumbnails import MAX_PX, data_uri
from zhenwei.types import (
    Curve,
    Declaration,
    DetectorInfo,
    Evidence,
    ImageExhibit,
    Person,
    PersonVerdict,
    Report,
    StreamVerdict,
    Text,
)

HOSTILE = (
    "<script>alert(1)</script>",
    '"onload="alert(1)',
    "' onerror='alert(1)",
    "</style><img src=x onerror=alert(1)>",
    "&lt;b&gt;&#x3c;script&#x3e;",
    "gpj.\u202eexe\u2066",
    "a\x00b\x1b[2J\x9b\ud800",
    "]]><!--",
    "long " + "x" * 100_000,
)
relaxed = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("language", ["en", "zh"])
def test_pages_are_whole_and_need_nothing_else(every_report: tuple[Report, ...], language: Any) -> None:
    for report in every_report:
        html = to_html(report, language)
        inert(html)
        page = Page(html)
        assert page.has("html")[0]["lang"] == ("zh-Hans" if language == "zh" else "en")
        policy = page.has("meta", **{"http-equiv": "Content-Security-Policy"})[0]["content"] or ""
        assert "default-src 'none'" in policy
        assert "'unsafe-inline'" not in policy.replace("style-src 'unsafe-inline'", "")
        assert len(page.has("h1")) == 1
        assert len(html) < 200_000


def test_the_verdict_stands_first_in_word_and_sign(every_report: tuple[Report, ...]) -> None:
    signs = set()
    for report, word in zip(every_report, ("Forged", "Genuine", "Inconclusive"), strict=True):
        html = to_html(report)
        assert Page(html).text.index(word) < Page(html).text.index("Strength of the evidence")
        signs.add(re.findall(r'<svg class="icon".*?</svg>', html)[0])
    assert len(signs) == 3  # told apart without colour


def test_the_parts_come_in_the_order_of_the_questions(
    two_people: Report, detectors: Mapping[str, DetectorInfo]
) -> None:
    words = read(two_people, detectors=detectors).words
    words = words[words.index("Strongest exhibits") :]  # the table of contents stands above
    titles = ["What this means", "Score over time, person 1", "Score over time, person 2", "Clearest view", "Evidence",
              "What the file says", "What this cannot tell", "faces drawn whole by a generator",
              "To repeat this examination"]  # fmt: skip
    places = [words.index(title) for title in titles]
    assert places == sorted(places)


def test_figures_are_put_in_words_and_never_as_a_probability(forged_photo: Report) -> None:
    told = replace(
        forged_photo.verdict,
        measured_on=Text("These rates were measured on web faces.", zh="测自网络人像。"),
        unlike=Text("This file is unlike all that was measured: it is vast.", zh="与所有测量过的文件都不同。"),
    )
    words = read(replace(forged_photo, verdict=told)).words
    assert "These rates were measured on web faces." in words
    assert "unlike all that was measured: it is vast" in words
    assert "This is not the probability" in words
    assert "strong, for forged" in words
    assert not re.search(r"\d+(\.\d+)? ?% (fake|forged|likely|probab)", words)


def test_what_is_needed_to_repeat_it_is_there(forged_photo: Report) -> None:
    words = read(forged_photo).words
    for part in (
        "zhenwei scan 'photos/portrait of a stranger.jpg' --frames 32 --false-alarm 0.05",
        "zhenwei 0.1.0",
        "onnxruntime 1.32.0",
        "b" * 64,
        "a" * 64,
    ):
        assert part in words


def test_abstentions_show_their_reason_in_the_language_of_the_page(abstaining: Report) -> None:
    english, chinese = read(abstaining).words, read(abstaining, "zh").words
    assert english.count("Reason: no face was found") == 3
    assert chinese.count("原因：所有采样帧中都没有找到人脸") == 3
    assert "no mark on the scale" in english
    assert not re.search(
        "[A-Za-z]{4,} [a-z]{3,} [a-z]{3,}", re.sub(r"zhenwei scan.*", "", chinese)
    )  # no sentence is left over


def test_every_picture_has_words_and_maps_say_what_they_are_not(two_people: Report) -> None:
    page = read(two_people)
    assert len(page.has("img")) == 6  # two portraits, two maps with their originals
    assert all(image["alt"] for image in page.has("img"))
    assert page.words.count("Attention is not a forgery map.") == 1  # both maps are among the strongest exhibits
    assert all(drawing.get("aria-label") for drawing in page.has("div", role="img"))


def test_hostile_text_is_text(forged_photo: Report, detectors: Mapping[str, DetectorInfo]) -> None:
    whole = " ".join(HOSTILE[:-1])
    media = replace(
        forged_photo.media,
        path=whole,
        container=whole,
        codec=whole,
        audio_codec=whole,
        facts=tuple((text, text) for text in HOSTILE),
        notes=HOSTILE,
    )
    exhibits = (ImageExhibit(whole, np.zeros((9, 9, 3), np.uint8)), Curve(whole, whole, whole, (0.0, 1.0), (0.2, 0.4)))
    evidence = Evidence(whole, 1.0, whole, whole, person=1, exhibits=exhibits, weights=whole)
    engine = replace(forged_photo.engine, options={whole: whole}, libraries={whole: whole}, models={whole: whole})
    verdict = replace(forged_photo.verdict, explanation=whole)
    report = replace(forged_photo, media=media, evidence=(evidence,), engine=engine, verdict=verdict)
    html = to_html(report, detectors=detectors)
    inert(html)
    assert "&lt;script&gt;" in html
    assert "&lt;U+202E&gt;" in html
    assert "characters left out" in html
    assert len(html) < 400_000
    shown = Page(html)
    assert whole.split(" ")[0] in shown.words  # the text is there, as text


@given(odd=st.text(st.characters(codec=None), max_size=60))
@relaxed
def test_any_text_is_text(abstaining: Report, odd: str) -> None:
    media = replace(abstaining.media, path=odd, facts=((odd, odd),))
    inert(to_html(replace(abstaining, media=media)))


def test_each_family_has_a_bar_of_what_it_adds(two_people: Report) -> None:
    base = replace(two_people.evidence[0], exhibits=())
    said = (
        replace(base, detector="cnn.one", llr=2.0, counted=1.5),
        replace(base, detector="cnn.other", llr=1.0, counted=0.25),
        replace(base, detector="warp.one", llr=-1.0, counted=-0.75),
        replace(base, detector="temporal.one", llr=None, counted=None, reason="too short"),
    )
    page = read(replace(two_people, evidence=said))
    assert "What each kind of examination adds" in page.words
    bars = {tuple(str(b["style"]).split(";")) for b in page.has("b") if "style" in b}
    assert bars == {("left:50%", "width:50.0%"), ("right:50%", "width:21.4%")}  # 1.75 and 0.75, of 1.75
    assert "+1.75" in page.words
    assert "-0.75" in page.words
    assert "No answer from: Behaviour over time." in page.words
    alone = read(replace(two_people, evidence=said[:1]))
    assert "What each kind of examination adds" not in alone.words


def test_many_people_and_exhibits_are_cut_off_with_a_note(two_people: Report) -> None:
    first = two_people.people[0]
    people = tuple(Person(n, first.portrait, 1, first.interval, first.quality) for n in range(1, 41))
    judged = tuple(PersonVerdict(n, "genuine", -1.0, 0.1, "Fine.") for n in range(1, 41))
    exhibits = tuple(ImageExhibit("A picture", np.full((40, 40, 3), n, np.uint8), float(n)) for n in range(21))
    many = replace(two_people.evidence[0], exhibits=exhibits)
    report = replace(two_people, people=people, evidence=(many,), verdict=replace(two_people.verdict, by_person=judged))
    page = read(report)
    assert len(page.has("img")) == 24 + 16 + 1  # one of them is the strongest exhibit
    assert "16 more are in the JSON report." in page.words
    assert "4 more are in the JSON report." in page.words


@pytest.mark.parametrize("shape", [(1, 1, 3), (4000, 20, 3), (30, 900, 3), (0, 0, 3), (64, 48, 3)])
def test_pictures_are_jpegs_of_bounded_size(shape: tuple[int, int, int]) -> None:
    pixels = np.full(shape, 77, np.uint8)
    pixels.flags.writeable = False
    image = Image.open(io.BytesIO(base64.b64decode(data_uri(pixels).split(",")[1])))
    assert image.format == "JPEG"
    assert max(image.size) <= MAX_PX
    if shape[0] and max(shape) <= MAX_PX:
        assert image.size == (shape[1], shape[0])
        assert np.abs(np.asarray(image).astype(int) - 77).max() <= 2


def drawn_curve(curve: Curve) -> str:
    return pages.part("report/exhibits.html", "plot", plotted(curve, "en"))


def heights(html: str) -> list[float]:
    return [float(y) for y in re.findall(r"M[\d.]+ ([\d.]+)h0", html)]


def test_a_curve_is_drawn_where_its_figures_are() -> None:
    curve = Curve("c", "time (s)", "score", (0.0, 1.0, 2.0, 3.0), (0.0, 0.5, None, 1.0), threshold=0.5)
    html = drawn_curve(curve)
    assert heights(html) == [96.0, 50.0, 4.0]  # 0, 0.5 and 1 of an axis from 0 at the bottom to 1 at the top
    assert 'class="threshold" d="M0 50.00H1000"' in html
    assert html.count('class="line"') == 1  # the lone point after the gap is a dot
    assert "Above the threshold 33 % of the time." in html


@given(st.lists(st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True)), max_size=12))
@relaxed
def test_any_curve_can_be_drawn(values: list[float | None]) -> None:
    curve = Curve("c", "time (s)", "score", tuple(float(n) for n in range(len(values))), tuple(values))
    finite = [v for v in values if v is not None and np.isfinite(v)]
    assert drawable(curve) == (len(finite) > 1)
    if drawable(curve) and max(map(abs, finite)) < 1e100:
        drawn = heights(drawn_curve(curve))
        assert all(0 <= y <= 100 for y in drawn)
        for (before, after), (above, below) in zip(pairwise(finite), pairwise(drawn), strict=True):
            assert (after - before) * (below - above) <= 0  # higher figures are drawn higher


def test_picture_and_voice_are_shown_apart(forged_photo: Report) -> None:
    streams = (StreamVerdict("picture", "inconclusive", -0.8, None), StreamVerdict("voice", "forged", 2.4, 0.03))
    shown = replace(forged_photo, verdict=replace(forged_photo.verdict, streams=streams))
    page = Page(to_html(shown))
    words = " ".join(page.text)
    assert "it is likelier the voice" in words
    shares = [int(word.removesuffix(" %")) for word in page.text if re.fullmatch(r"\d+ %", word)]
    assert len(shares) == 4
    assert sum(shares) == pytest.approx(100, abs=2)
    assert shares[1] == max(shares)  # picture genuine, voice forged
    both = replace(streams[0], llr=1.0), streams[1]
    assert "Both lean" in to_html(replace(forged_photo, verdict=replace(forged_photo.verdict, streams=both)))
    neither = replace(streams[0], llr=None), replace(streams[1], llr=-1.0)
    text = to_html(replace(forged_photo, verdict=replace(forged_photo.verdict, streams=neither)))
    assert "Neither stands out" in text
    assert "nothing can be said" in text
    assert "Picture and voice" not in to_html(forged_photo)


def test_a_broad_picture_has_a_line_of_its_own(forged_photo: Report) -> None:
    strip = ImageExhibit("a strip", np.zeros((100, 900, 3), np.uint8))
    evidence = (replace(forged_photo.evidence[0], exhibits=(strip,)), *forged_photo.evidence[1:])
    page = Page(to_html(replace(forged_photo, evidence=evidence)))
    assert page.has("figure", **{"class": "card broad"})
    assert page.has("img", width="900")


def test_what_a_file_declares_comes_before_the_verdict(forged_photo: Report) -> None:
    sentence = Text(
        "Declares itself AI-made (signed by A & B, intact).", zh="自称由人工智能生成（由 A & B 签署，完好）。"
    )
    declared = (Declaration("ai-generated", "credential", "intact", sentence, by="A & B"),)
    report = replace(forged_photo, verdict=replace(forged_photo.verdict, declared=declared))
    words = read(report).words
    assert words.index("Declares itself AI-made (signed by A & B, intact).") < words.index("Strength of the evidence")
    assert "自称由人工智能生成" in read(report, "zh").words
    assert "What the file declares" not in read(forged_photo).words


def test_an_answer_that_does_not_count_says_so_and_why(forged_photo: Report) -> None:
    first, *rest = forged_photo.evidence
    note, why = "not counted in the verdict", "no better than chance"
    counted = read(replace(forged_photo, evidence=(replace(first, llr=1.2, counted=0.4), *rest))).words
    assert note not in counted
    assert why not in counted
    unheard = read(replace(forged_photo, evidence=(replace(first, llr=1.2, counted=0.0), *rest))).words
    assert unheard.count(note) == 2  # where it answers, and in the sentence that says why
    assert unheard.count(why) == 1
    chinese = replace(forged_photo, evidence=(replace(first, llr=1.2, counted=0.0), *rest))
    assert "不计入结论" in to_html(chinese, "zh")


def test_silent_detectors_are_folded_and_those_not_asked_named_in_one_line(forged_photo: Report) -> None:
    silent = Evidence("temporal.pulse", None, Text("No answer.", zh="没有结论。"), Text("too short", zh="太短"))
    unasked = replace(silent, detector="speech.lfcc_gmm", reason="this detector does not examine pictures", asked=False)
    words = read(replace(forged_photo, evidence=(*forged_photo.evidence, silent, unasked))).words
    assert "had no answer" in words
    assert "Not for a picture, and not asked: speech.lfcc_gmm." in words
    assert "does not examine pictures" not in words


@pytest.mark.parametrize(
    ("depth", "sentence"),
    [
        ("fast", "Not asked at the fast depth: warp.one, temporal.two."),
        ("standard", "no better than chance: warp.one. With --full they are asked"),
        ("full", ""),
    ],
)
def test_who_the_depth_leaves_out_is_named_in_one_sentence(
    forged_photo: Report, detectors: Mapping[str, DetectorInfo], depth: str, sentence: str
) -> None:
    info = next(iter(detectors.values()))
    others = {
        "warp.one": replace(info, id="warp.one", takes=("image",)),
        "temporal.two": replace(info, id="temporal.two", takes=("image", "video"), depth="full"),
        "speech.three": replace(info, id="speech.three", takes=("audio",)),
    }
    options = {**forged_photo.engine.options, "detectors": "", "depth": depth}
    report = replace(forged_photo, engine=replace(forged_photo.engine, options=options))
    words = read(report, detectors={info.id: info, **others}).words
    assert sentence in words
    assert ("Not asked at the" in words) == (depth != "full")
    assert ("they are asked, and do not count" in words) == (depth == "standard")
    named = replace(report, engine=replace(report.engine, options={**options, "detectors": info.id}))
    assert "Not asked at the" not in read(named, detectors={info.id: info, **others}).words
