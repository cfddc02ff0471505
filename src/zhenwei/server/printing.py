"""Reports as PDF: one at a time, since a browser prints them, in a bounded time."""

from __future__ import annotations

import threading
from pathlib import Path

from zhenwei.errors import MissingExtraError, OutputError, UsageError
from zhenwei.report.printing import printed
from zhenwei.server.problems import ProblemError

_SECONDS = 45.0  # of one
_WAIT_S = 30.0  # for those before it
_MOST = 5  # that are printed or wait: each holds a thread that answers requests


class Printer:
    """``browser``: what prints; None = what is found."""

    def __init__(self, browser: Path | None = None) -> None:
        self._browser = browser
        self._places = threading.BoundedSemaphore(_MOST)
        self._turn = threading.Lock()

    def pdf(self, html: str) -> bytes:
        """The page on sheets of paper. Problem 501 where nothing here prints, 503 where too many wait, or where what
        prints failed."""
        if not self._places.acquire(blocking=False):
            raise _busy()
        try:
            if not self._turn.acquire(timeout=_WAIT_S):
                raise _busy()
            try:
                return _printed(html, self._browser)
            finally:
                self._turn.release()
        finally:
            self._places.release()


def _printed(html: str, browser: Path | None) -> bytes:
    try:
        return printed(html, browser, seconds=_SECONDS)[0]
    except (MissingExtraError, UsageError):  # the second: the browser that the settings name has gone
        fix = "Whoever runs the service installs Chromium or WeasyPrint. Or take the HTML and print it from a browser."
        raise ProblemError(501, "no-printer", "nothing here prints a page into a PDF", fix=fix) from None
    except (OutputError, OSError):
        fix = "Try again; or take the HTML and print it from a browser."
        raise ProblemError(503, "not-printed", "the report could not be printed", fix=fix) from None


def _busy() -> ProblemError:
    fix = "Try again in a while."
    return ProblemError(503, "printer-busy", "other reports are being printed", fix=fix, headers={"Retry-After": "10"})
