"""Takes the pictures of reports that the README and the docs show, in a headless Chromium: ``scripts/docs image``."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import zhenwei
from zhenwei.report.player import player
from zhenwei.types import Language

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "img"
MEDIA = ROOT / "examples" / "media"
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
)  # fmt: skip
_DARK = ("--force-dark-mode", "--blink-settings=preferredColorScheme=0")


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture: of which example, in which language, how large the window is, and where in the page it is."""

    name: str
    example: str
    size: tuple[int, int]
    language: Language = "en"
    place: str = ""
    flags: tuple[str, ...] = ()


SHOTS = (
    Shot("report", "astronaut-forged.jpg", (1120, 1060)),
    Shot("report-map", "astronaut-forged.jpg", (1120, 800), place="#strong-1"),
    Shot("report-phone-zh", "astronaut-forged.jpg", (500, 1500), language="zh"),
    Shot("report-clip-dark", "astronaut-clip.mp4", (1120, 920), flags=_DARK),
)


def main() -> int:
    found = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
    browser = next(filter(None, found), "")
    if not browser:
        sys.stderr.write("Error: no Chromium or Chrome on this machine. On Debian: apt-get install chromium\n")
        return 1
    IMAGES.mkdir(parents=True, exist_ok=True)
    reports = {name: zhenwei.examine(MEDIA / name) for name in ("astronaut-forged.jpg", "astronaut-clip.mp4")}
    with tempfile.TemporaryDirectory(prefix="zhenwei-picture-") as folder:
        for shot in SHOTS:
            report, page = reports[shot.example], Path(folder, "page.html")
            html = zhenwei.to_html(report, shot.language, player=player(report.media, page.parent))
            page.write_text(html, encoding="utf-8")
            taken = Path(folder, "shot.png")
            size = f"--window-size={shot.size[0]},{shot.size[1]}"
            ways = (*_FLAGS, *shot.flags, size, f"--user-data-dir={folder}/profile", f"--screenshot={taken}")
            command = [browser, *ways, page.as_uri() + shot.place]
            subprocess.run(command, check=True, capture_output=True, timeout=120)
            _shrunk(taken, IMAGES / f"{shot.name}.png")
            sys.stderr.write(f"→ docs/img/{shot.name}.png: {report.verdict.explanation}\n")
    return 0


def _shrunk(source: Path, target: Path) -> None:
    """Without what the browser writes into it, and in few enough colours for a page that loads quickly."""
    from PIL import Image

    with Image.open(source) as image:
        image.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(target, optimize=True)


if __name__ == "__main__":
    sys.exit(main())
