"""A real browser, and axe-core to be put into its pages: fixtures of every room."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

BROWSER = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)
AXE = "axe-core@4.14.1"
RUN = "axe.run(document, {resultTypes: ['violations']})"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install 'zhenwei[dev]'")
    if not BROWSER:
        pytest.skip("no Chromium or Chrome on this machine")
    with api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def axe(request: pytest.FixtureRequest) -> str:
    """axe-core, as npm has it; kept between runs."""
    folder = Path(request.config.cache.mkdir("axe"))
    script = folder / "package" / "axe.min.js"
    if not script.is_file():
        if shutil.which("npm") is None:
            pytest.skip("no npm on this machine, which brings axe-core")
        ended = subprocess.run(
            ["npm", "pack", "--silent", AXE], cwd=folder, capture_output=True, text=True, timeout=120, check=False
        )
        if ended.returncode:
            pytest.skip(f"npm cannot bring {AXE}: {ended.stderr.strip()[:200]}")
        shutil.unpack_archive(folder / ended.stdout.split()[-1], folder, "gztar", filter="data")
    return script.read_text(encoding="utf-8")
