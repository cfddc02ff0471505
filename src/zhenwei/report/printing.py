"""A page -> PDF: by a Chromium that is on this machine, without network and out of sight, else by WeasyPrint."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
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
)  # fmt: skip
_SECONDS = 180
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
    """Write the page as a PDF and return what printed it. MissingExtraError where there is nothing that could."""
    found = find_browser(browser)
    if found:
        write_whole(path, _by_chromium(html, found))
        return found
    try:
        from weasyprint import HTML  # type: ignore[import-not-found]
    except (ImportError, OSError) as error:  # OSError: its libraries of the system are missing
        raise MissingExtraError(
            "there is nothing here that prints a page into a PDF",
            got=str(error)[:200],
            want="Chromium, Chrome, Edge or WeasyPrint",
            fix=f"Install Chromium, name one with --browser, or run: {install_extra('pdf')}. "
            "Or write the page with --html and print it from any browser.",
        ) from None
    write_whole(path, HTML(string=html).write_pdf())
    return "WeasyPrint"


def _by_chromium(html: str, browser: str) -> bytes:
    with tempfile.TemporaryDirectory(prefix="zhenwei-print-", ignore_cleanup_errors=True) as scratch:
        page, pdf = Path(scratch, "page.html"), Path(scratch, "page.pdf")
        page.write_text(html, encoding="utf-8")
        words = [browser, *_FLAGS, f"--user-data-dir={Path(scratch, 'profile')}", f"--print-to-pdf={pdf}"]
        said = ""
        for more in _sandboxes():
            said = _ran([*words, *more, page.as_uri()])
            if pdf.is_file() and pdf.stat().st_size:
                return pdf.read_bytes()
    fix = "Try another with --browser, or write the page with --html and print it from any browser."
    raise OutputError("the browser printed nothing", got=f"{browser}: {said[-300:]}", fix=fix)


def _sandboxes() -> tuple[tuple[str, ...], ...]:
    """Chromium's sandbox does not start for root, nor in many containers. The page is our own and loads nothing."""
    without = ("--no-sandbox",)
    return (without,) if hasattr(os, "geteuid") and os.geteuid() == 0 else ((), without)


def _ran(words: Sequence[str]) -> str:
    try:
        ended = subprocess.run(words, capture_output=True, text=True, errors="replace", timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return ended.stderr.strip()


def sheets(pdf: bytes) -> int:
    """How many sheets a PDF has."""
    return len(_PAGE.findall(pdf))
