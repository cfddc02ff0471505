"""The page in a real browser, where there is one."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from zhenwei.report import to_html
from zhenwei.report.player import Player
from zhenwei.types import Language, Report

BROWSER = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)
pytestmark = pytest.mark.skipif(not BROWSER, reason="no Chromium or Chrome on this machine")
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--window-size=500,900",
    "--enable-logging=stderr", "--dump-dom",
)  # fmt: skip
_MEASURE = "<script>document.title = `${document.documentElement.scrollWidth} of ${innerWidth}`</script>"


def opened(tmp_path: Path, html: str, *flags: str) -> tuple[str, str]:
    """The document as the browser holds it, and what it says on its console."""
    page = tmp_path / "page.html"
    page.write_text(html, encoding="utf-8")
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    ended = subprocess.run(
        [BROWSER, *_FLAGS, *flags, profile, page.as_uri()], capture_output=True, text=True, timeout=240, check=True
    )
    return ended.stdout, "\n".join(line for line in ended.stderr.splitlines() if "CONSOLE" in line)


def test_the_browser_has_nothing_to_refuse(tmp_path: Path, two_people: Report) -> None:
    dom, console = opened(tmp_path, to_html(two_people))
    assert "Score over time, person 2" in dom
    assert console == ""
    assert dom.count('class="scripted"') > dom.count('class="scripted" hidden') == 0  # the page's own script has run


def test_the_policy_of_the_page_holds_even_if_markup_got_in(tmp_path: Path, abstaining: Report) -> None:
    smuggled = "<script>document.title = 'run'</script><img src='https://example.invalid/x.png'></main>"
    dom, console = opened(tmp_path, to_html(abstaining).replace("</main>", smuggled))
    assert "<title>run</title>" not in dom
    assert len(re.findall("Content Security Policy", console)) >= 2  # the script and the picture, both refused


def measured(tmp_path: Path, html: str, script: str, width: int = 390) -> str:
    """What ``script`` finds in ``seen``, the window of the page as wide as a phone's."""
    bare = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", html)  # only so that it can be measured
    (tmp_path / "inner.html").write_text(bare, encoding="utf-8")
    after = f"const seen = document.querySelector('iframe').contentWindow; document.title = {script};"
    frame = f'<iframe src="inner.html" style="width:{width}px;height:844px;border:0"></iframe>'
    flagged = f"<body>{frame}<script>onload = () => {{ {after} }}</script></body>"
    dom, _ = opened(tmp_path, flagged, "--allow-file-access-from-files")
    found = re.search(r"<title>(.*?)</title>", dom)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_photo_is_told_on_two_screens_of_a_phone(tmp_path: Path, full_photo: Report, language: Language) -> None:
    html = to_html(replace(full_photo, verdict=replace(full_photo.verdict, unlike="")), language)
    shown = "`${seen.document.documentElement.scrollHeight} ${seen.document.body.innerText.split(/\\s+/).length}`"
    height, words = map(int, measured(tmp_path, html, shown).split())
    assert height <= 2 * 844
    assert 40 < words <= 350


def test_the_answer_prints_on_two_sheets_and_the_annex_after_them(tmp_path: Path, full_photo: Report) -> None:
    html = to_html(full_photo)
    answer = re.sub(r'<div class="annex">.*</div><footer>', "<footer>", html)
    assert 1 <= sheets(tmp_path, answer) <= 2
    assert sheets(tmp_path, html) > sheets(tmp_path, answer) + 1


@pytest.mark.parametrize("language", ["en", "zh"])
def test_on_paper_people_follow_each_other_and_words_have_room(
    tmp_path: Path, two_people: Report, language: Language
) -> None:
    html = to_html(two_people, language).replace("@media print{", "@media all{")
    opened_up = "seen.document.querySelectorAll('details').forEach((one) => { one.open = true; })"
    found = (
        f"({opened_up}, [...seen.document.querySelectorAll('.columns .pictures figcaption, .columns .person')]"
        ".map((one) => one.getBoundingClientRect()).map((box) => `${Math.round(box.left)},${Math.round(box.width)}`)"
        ".join(' '))"
    )
    boxes = [tuple(map(int, box.split(","))) for box in measured(tmp_path, html, found, width=688).split()]
    assert len(boxes) >= 4  # two people, and a caption of each
    assert [width for _, width in boxes if width < 150] == []
    assert len([left for left, width in boxes if width > 600]) == 2


def sheets(tmp_path: Path, html: str) -> int:
    page, pdf = tmp_path / "print.html", tmp_path / "print.pdf"
    page.write_text(html, encoding="utf-8")
    flags = [flag for flag in _FLAGS if flag != "--dump-dom"]
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    subprocess.run(
        [BROWSER, *flags, profile, f"--print-to-pdf={pdf}", page.as_uri()], capture_output=True, timeout=240, check=True
    )
    return len(re.findall(rb"/Type /Page\b", pdf.read_bytes()))


def test_a_picture_enlarges_without_scripts(tmp_path: Path, full_photo: Report) -> None:
    still = re.sub(r"<script>.*?</script>", "", to_html(full_photo))
    size = "seen.document.querySelector('#strong-1 .over').getBoundingClientRect().width"
    small = float(measured(tmp_path, still, size))
    linked = f"(seen.location.hash = '#strong-1', {size})"
    assert float(measured(tmp_path, still, linked)) > 2.5 * small
    faded = (
        "(seen.document.querySelector('#strong-1 .see-original').click(), "
        "seen.getComputedStyle(seen.document.querySelector('#strong-1 .over')).opacity)"
    )
    assert float(measured(tmp_path, still, faded)) == 0


def test_a_click_on_a_curve_plays_from_there_and_sliders_slide(tmp_path: Path, two_people: Report) -> None:
    html = to_html(two_people, player=Player("video", "data:video/mp4;base64,", "video/mp4"))
    click = """(() => {
        const all = (query) => seen.document.querySelector(query);
        all("#time").closest("details").open = true;
        const box = all(".timed").getBoundingClientRect();
        all(".timed").dispatchEvent(new seen.MouseEvent("click", {clientX: box.left + box.width / 2}));
        const slide = all("#strong-1 .slide");
        slide.value = 40;
        slide.dispatchEvent(new seen.Event("input"));
        return `${all("#player").currentTime} ${all("#strong-1 .over").style.clipPath}`;
    })()"""
    time_s, clipped = measured(tmp_path, html, click).split(" ", 1)
    assert float(time_s) == pytest.approx(5.0, abs=0.1)
    assert clipped.endswith("40%)")


def test_nothing_sticks_out_on_a_narrow_screen(tmp_path: Path, two_people: Report) -> None:
    media = replace(two_people.media, path="x" * 300, facts=(("k" * 90, "v" * 300),))
    html = to_html(replace(two_people, media=media))
    bare = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", html)  # only so that it can be measured
    dom, _ = opened(tmp_path, bare.replace("</body>", f"{_MEASURE}</body>"))
    measured = re.search(r"<title>(\d+) of (\d+)</title>", dom)
    assert measured is not None
    assert int(measured[1]) <= int(measured[2]) <= 500
