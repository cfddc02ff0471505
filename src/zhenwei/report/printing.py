"""A page -> PDF: by a Chromium that is on this machine, without network and out of sight, else by WeasyPrint."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from zhenwei.errors import MissingExtraError, OutputError, UsageError, install_extra
from zhenwei.files import write_whole

BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
    "msedge",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)
_FLAGS = (
    "--headless", "--disable-gpu", "--no-first-run", "--disable-sync", "--disable-extensions", "--disable-quic",
    "--disable-background-networking", "--disable-component-update", "--no-pdf-header-footer",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)  # fmt: skip
_SECONDS = 180.0
# WeasyPrint lays no picture over another by their share of a box: of a map and its original it shows
# the map, or, where that does not speak for a forgery, the original.
_WEASYPRINT = """.stack{height:auto!important;aspect-ratio:auto!important}
.stack img{position:static!important;display:block!important;height:auto!important;width:100%!important}
.stack.map img:first-child{display:none!important}.stack .over{opacity:1!important}.badge{white-space:nowrap!important}
.stack.grey img:first-child{display:block!important}.stack.grey .over{display:none!important}"""
_LINES = {
    '<svg class="icon"': 'fill="none" stroke="#444" stroke-width="3.2"',
    '<path class="line"': 'fill="none" stroke="#24507f" stroke-width="2"',
    '<path class="dots"': 'fill="none" stroke="#24507f" stroke-width="4"',
    '<path class="threshold"': 'fill="none" stroke="#666"',
}
_PAGE = re.compile(rb"/Type\s*/Page\b")


def find_browser(named: Path | None = None) -> str:
    """A Chromium to print with: ``named``, or one that is found; "" where there is none."""
    if named is not None:
        found = shutil.which(named)
        if found is None:
            raise UsageError("there is no such browser", got=str(named), want="Chromium, Chrome or Edge")
        return found
    return next((found for name in BROWSERS if (found := shutil.which(name))), "")


def to_pdf(html: str, path: Path, browser: Path | None = None) -> str:
    """Write the page as a PDF and return what printed it. Raises as :func:`printed`."""
    pdf, by = printed(html, browser)
    write_whole(path, pdf)
    return by


def printed(html: str, browser: Path | None = None, *, seconds: float = _SECONDS) -> tuple[bytes, str]:
    """The page as a PDF, and what printed it. MissingExtraError where there is nothing that could, OutputError where
    that printed nothing in ``seconds``."""
    found = find_browser(browser)
    if not found:
        _require_weasyprint()
    with tempfile.TemporaryDirectory(prefix="zhenwei-print-", ignore_cleanup_errors=True) as scratch:
        make = _by_chromium if found else _by_weasyprint
        said = make(html, Path(scratch), found, time.monotonic() + seconds)
        pdf = Path(scratch, "page.pdf")
        if pdf.is_file() and pdf.stat().st_size:
            return pdf.read_bytes(), found or "WeasyPrint"
    fix = "Try another with --browser, or write the page with --html and print it from any browser."
    raise OutputError("the browser printed nothing", got=f"{found or 'WeasyPrint'}: {said[-300:]}", fix=fix)


def _require_weasyprint() -> None:
    try:
        import weasyprint  # type: ignore[import-not-found]  # noqa: F401
    except (ImportError, OSError) as error:  # OSError: its libraries of the system are missing
        raise MissingExtraError(
            "there is nothing here that prints a page into a PDF",
            got=str(error)[:200],
            want="Chromium, Chrome, Edge or WeasyPrint",
            fix=f"Install Chromium, name one with --browser, or run: {install_extra('pdf')}. "
            "Or write the page with --html and print it from any browser.",
        ) from None


def _with_drawn_lines(html: str) -> str:
    """WeasyPrint applies no style of the page within SVG: what draws its lines stands at each of them."""
    for start, drawn in _LINES.items():
        html = html.replace(start, f"{start} {drawn}")
    return html


def _by_chromium(html: str, scratch: Path, browser: str, end: float) -> str:
    """``page.pdf`` in ``scratch``, unless something is in the way: what was said."""
    page, pdf = scratch / "page.html", scratch / "page.pdf"
    page.write_text(html, encoding="utf-8")
    words = [browser, *_FLAGS, f"--user-data-dir={scratch / 'profile'}", f"--print-to-pdf={pdf}"]
    said = ""
    for more in _sandboxes():
        said = _ran([*words, *more, page.as_uri()], end)
        if pdf.is_file():
            break
    return said


def _by_weasyprint(html: str, scratch: Path, _browser: str, end: float) -> str:
    """As :func:`_by_chromium`; in a process of its own, which can be ended."""
    page, style = scratch / "page.html", scratch / "print.css"
    page.write_text(_with_drawn_lines(html), encoding="utf-8")
    style.write_text(_WEASYPRINT, encoding="utf-8")
    words = [sys.executable, "-m", "weasyprint", "--stylesheet", str(style), str(page), str(scratch / "page.pdf")]
    return _ran(words, end)


def _sandboxes() -> tuple[tuple[str, ...], ...]:
    """Chromium's sandbox does not start for root, nor in many containers. The page is our own and loads nothing."""
    without = ("--no-sandbox",)
    return (without,) if hasattr(os, "geteuid") and os.geteuid() == 0 else ((), without)


def _ran(words: Sequence[str], end: float) -> str:
    """What it said until it ended, or was ended with all that it had started."""
    with tempfile.TemporaryFile() as told:  # no pipe, which a child that is left could hold open
        try:
            started = subprocess.Popen(words, stdout=told, stderr=told, start_new_session=True)
        except OSError as error:
            return str(error)
        try:
            started.wait(max(0.1, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            _end(started)
            return "it took too long"
        told.seek(0)
        return told.read().decode(errors="replace").strip()


def _end(started: subprocess.Popen[bytes]) -> None:
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(started.pid, signal.SIGKILL)
    started.kill()
    started.wait()


def sheets(pdf: bytes) -> int:
    """How many sheets a PDF has."""
    return len(_PAGE.findall(pdf))
