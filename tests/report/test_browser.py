"""The page in a real browser, where there is one."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from zhenwei.report import to_html
from zhenwei.types import Report

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


def opened(tmp_path: Path, html: str) -> tuple[str, str]:
    """The document as the browser holds it, and what it says on its console."""
    page = tmp_path / "page.html"
    page.write_text(html, encoding="utf-8")
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    ended = subprocess.run(
        [BROWSER, *_FLAGS, profile, page.as_uri()], capture_output=True, text=True, timeout=240, check=True
    )
    return ended.stdout, "\n".join(line for line in ended.stderr.splitlines() if "CONSOLE" in line)


def test_the_browser_has_nothing_to_refuse(tmp_path: Path, two_people: Report) -> None:
    dom, console = opened(tmp_path, to_html(two_people))
    assert "Score over time, person 2" in dom
    assert console == ""


def test_the_policy_of_the_page_holds_even_if_markup_got_in(tmp_path: Path, abstaining: Report) -> None:
    smuggled = "<script>document.title = 'run'</script><img src='https://example.invalid/x.png'></main>"
    dom, console = opened(tmp_path, to_html(abstaining).replace("</main>", smuggled))
    assert "<title>run</title>" not in dom
    assert len(re.findall("Content Security Policy", console)) >= 2  # the script and the picture, both refused


def test_nothing_sticks_out_on_a_narrow_screen(tmp_path: Path, two_people: Report) -> None:
    media = replace(two_people.media, path="x" * 300, facts=(("k" * 90, "v" * 300),))
    html = to_html(replace(two_people, media=media))
    bare = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", html)  # only so that it can be measured
    dom, _ = opened(tmp_path, bare.replace("</body>", f"{_MEASURE}</body>"))
    measured = re.search(r"<title>(\d+) of (\d+)</title>", dom)
    assert measured is not None
    assert int(measured[1]) <= int(measured[2]) <= 500
