"""Takes the picture of a report that the README shows, in a headless Chromium: ``scripts/docs image``."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import zhenwei

ROOT = Path(__file__).parents[1]
IMAGE = ROOT / "docs" / "img" / "report.png"
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
    "--window-size=1120,1060",
)  # fmt: skip


def main() -> int:
    found = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
    browser = next(filter(None, found), "")
    if not browser:
        sys.stderr.write("Error: no Chromium or Chrome on this machine. On Debian: apt-get install chromium\n")
        return 1
    report = zhenwei.examine("examples/media/astronaut-forged.jpg")
    IMAGE.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="zhenwei-picture-") as folder:
        page, shot = Path(folder, "page.html"), Path(folder, "shot.png")
        page.write_text(zhenwei.to_html(report), encoding="utf-8")
        profile = f"--user-data-dir={folder}/profile"
        command = [browser, *_FLAGS, profile, f"--screenshot={shot}", page.as_uri()]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        _shrunk(shot, IMAGE)
    sys.stderr.write(f"→ {IMAGE.relative_to(ROOT)}: {report.verdict.explanation}\n")
    return 0


def _shrunk(source: Path, target: Path) -> None:
    """Without what the browser writes into it, and in few enough colours for a page that loads quickly."""
    from PIL import Image

    with Image.open(source) as image:
        image.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(target, optimize=True)


if __name__ == "__main__":
    sys.exit(main())
