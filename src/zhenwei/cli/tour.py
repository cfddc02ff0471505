"""``zhenwei tour``: the seven families of methods on one picture and one clip, as a page to read."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from zhenwei.cli._options import Quiet
from zhenwei.cli.language import current, tell
from zhenwei.errors import UsageError

_KINDS = {"picture": "image", "clip": "video"}
_SAMPLES = Path(__file__).parent / "samples"


def tour(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for the page; tour/ by default.", metavar="DIR")
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(help="A picture of your own instead of the one that comes with it.", metavar="FILE")
    ] = None,
    clip: Annotated[Path | None, typer.Option(help="A clip of your own likewise.", metavar="FILE")] = None,
    open_: Annotated[bool, typer.Option("--open", help="Show the page in the browser.")] = False,
    quiet: Quiet = False,
) -> None:
    """See how it works: one picture and one clip, examined step by step by seven families of methods, with pictures.

    For students, and for whoever wants to know what a verdict rests on. It takes about a minute and writes one page
    that needs nothing else.

    Examples:

      zhenwei tour --output tour/ --open

      zhenwei tour --lang zh --picture photo.jpg --clip clip.mp4
    """
    from zhenwei.cli.progress import stages
    from zhenwei.detectors import catalogue
    from zhenwei.files import make_folder, write_whole
    from zhenwei.pipeline import Options, examine
    from zhenwei.report.tour import tour_page

    folder = output or Path.cwd() / "tour"
    make_folder(folder)
    files = {"picture": picture or _SAMPLES / "portrait.jpg", "clip": clip or _SAMPLES / "portrait.mp4"}
    reports = []
    with stages() as shown:
        for of, path in files.items():
            say = None if quiet else lambda stage, share, of=of: shown(f"{of}: {stage}", int(100 * share), 100)
            report = examine(path, options=Options(depth="full"), progress=say)
            if report.media.kind != _KINDS[of]:
                raise UsageError(f"--{of} is of another kind", got=f"{report.media.kind}: {path}", want=_KINDS[of])
            reports.append((of, report))
    infos = {id_: kind.info for id_, kind in catalogue(strict=False).items()}
    page = folder / "tour.html"
    write_whole(page, tour_page(reports, current(), infos))
    if not quiet:
        tell(f"See {page}")
    if open_:
        webbrowser.open(page.resolve().as_uri())
