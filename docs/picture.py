"""Takes the pictures of reports that the docs show, in a headless Chromium: ``scripts/docs picture``.

A photo, a clip and a recording, each on a desktop, a phone, a dark screen, in Chinese and on paper: ``img/screens``.
And the photo's answer and its strongest map alone: ``img/report.png`` and ``img/report-map.png``.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import soundfile  # noqa: E402
from PIL import Image  # noqa: E402
from tests.speaking import RATE_HZ, voice  # noqa: E402

import zhenwei  # noqa: E402
from zhenwei.report.player import player  # noqa: E402
from zhenwei.report.printing import find_browser, to_pdf  # noqa: E402
from zhenwei.types import Language, Report  # noqa: E402

IMAGES = ROOT / "docs" / "img"
MEDIA = ROOT / "examples" / "media"
MAX_BYTES = 80_000  # of one screen
_PAPER_DPI = 75
_QUALITIES = (80, 70, 60, 50, 40, 30)


@dataclass(frozen=True, slots=True)
class Screen:
    """``size``: of the window, px; of a phone what two of its screens show. ``scale``: dots to a pixel."""

    name: str
    size: tuple[int, int]
    language: Language = "en"
    scheme: Literal["light", "dark"] = "light"
    scale: float = 1


SCREENS = (
    Screen("desktop", (1120, 1040)),
    Screen("phone", (390, 2 * 844), scale=1.5),
    Screen("dark", (1120, 1040), scheme="dark"),
    Screen("chinese", (1120, 1040), language="zh"),
)


def main() -> int:
    found = find_browser()
    if not found or not shutil.which("pdftoppm"):
        sys.stderr.write("Error: Chromium and pdftoppm are needed. On Debian: apt-get install chromium poppler-utils\n")
        return 1
    (IMAGES / "screens").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="zhenwei-picture-") as made, _browser(found) as browser:
        folder = Path(made)
        for name, path in _media(folder).items():
            report = zhenwei.examine(path)
            for screen in SCREENS:
                with _opened(browser, report, screen, folder) as page:
                    _keep(page.screenshot(), IMAGES / "screens" / f"{name}-{screen.name}.webp")
            _keep(_printed(report, folder), IMAGES / "screens" / f"{name}-print.webp")
            sys.stderr.write(f"→ docs/img/screens/{name}-*.webp: {report.verdict.explanation}\n")
            if name == "photo":
                _closer(browser, report, folder)
    return 0


def _media(folder: Path) -> dict[str, Path]:
    """The recording is nobody's voice: pulses through moving formants, as the tests make it."""
    recording = folder / "recording.flac"
    soundfile.write(recording, voice(8), RATE_HZ)
    return {
        "photo": MEDIA / "astronaut-forged.jpg",
        "clip": MEDIA / "astronaut-clip.mp4",
        "recording": recording,
    }


@contextmanager
def _browser(executable: str) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def _opened(browser: Any, report: Report, screen: Screen, folder: Path, place: str = "") -> Iterator[Any]:
    """The report's page on that screen."""
    file = folder / "page.html"
    file.write_text(zhenwei.to_html(report, screen.language, player=player(report.media, folder)), encoding="utf-8")
    width, height = screen.size
    page = browser.new_page(
        viewport={"width": width, "height": height}, device_scale_factor=screen.scale, color_scheme=screen.scheme
    )
    page.goto(file.as_uri() + place, wait_until="load")
    page.wait_for_timeout(300)  # a video shows its first frame
    yield page
    page.close()


def _closer(browser: Any, report: Report, folder: Path) -> None:
    for name, height, place in (("report", 1060, ""), ("report-map", 800, "#strong-1")):
        with (
            _opened(browser, report, Screen(name, (1120, height)), folder, place) as page,
            Image.open(io.BytesIO(page.screenshot())) as image,
        ):
            few = image.convert("RGB").quantize(256, dither=Image.Dither.NONE)
            few.save(IMAGES / f"{name}.png", optimize=True)


def _printed(report: Report, folder: Path) -> bytes:
    """The first sheet."""
    to_pdf(zhenwei.to_html(report), folder / "page.pdf")
    sheet = ("-r", str(_PAPER_DPI), "-png", "-f", "1", "-l", "1", "-singlefile")
    subprocess.run(["pdftoppm", *sheet, folder / "page.pdf", folder / "sheet"], check=True, timeout=60)
    return (folder / "sheet.png").read_bytes()


def _keep(png: bytes, target: Path) -> None:
    """As finely as ``MAX_BYTES`` allow."""
    with Image.open(io.BytesIO(png)) as image:
        plain = image.convert("RGB")
    for quality in _QUALITIES:
        packed = io.BytesIO()
        plain.save(packed, "WEBP", quality=quality, method=6)
        if packed.tell() <= MAX_BYTES:
            break
    target.write_bytes(packed.getvalue())


if __name__ == "__main__":
    sys.exit(main())
