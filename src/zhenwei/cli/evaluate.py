"""``zhenwei evaluate``: the figures of docs/accuracy.md, from the data folder, in one command."""

from __future__ import annotations

import json
import platform
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer


def evaluate(
    data: Annotated[Path, typer.Option(help="folder with dfdc-faces, photos, clips (zip + csv)")],
    output: Annotated[Path, typer.Option(help="results file (JSON)")] = Path("accuracy.json"),
    page: Annotated[Path | None, typer.Option(help="also write the figures as a Markdown page")] = None,
    frames: Annotated[int, typer.Option(help="frames sampled from a clip", min=1)] = 32,
    only: Annotated[str, typer.Option(help="one set alone, by its name")] = "",
    limit: Annotated[int, typer.Option(help="at most this many files of each set, 0 = all", min=0)] = 0,
) -> None:
    """Examine labelled files and report AUC, false alarms, coverage and calibration with intervals.

    Examples:

      zhenwei evaluate --data DATA --output results.json --page docs/accuracy.md

      zhenwei evaluate --data DATA --only clips
    """
    from zhenwei.evaluation import accuracy, accuracy_page
    from zhenwei.pipeline import Options

    chosen = _chosen(list(accuracy.items(data)), only, limit)
    for file in (output, page):
        if file is not None:
            _check_writable(file)
    with tempfile.TemporaryDirectory(prefix="zhenwei-evaluate-") as scratch:
        outcomes = _with_progress(lambda tell: accuracy.run(chosen, Path(scratch), Options(frames=frames), tell))
    names = dict.fromkeys((o.item.set_name, o.item.domain) for o in outcomes)
    every = [accuracy.figures(n, d, [o for o in outcomes if o.item.set_name == n]) for n, d in names]
    engine = _engine(frames)
    text = json.dumps(accuracy.to_dict(every, outcomes, engine), indent=1, ensure_ascii=False, allow_nan=False)
    output.write_text(text + "\n", encoding="utf-8")
    markdown = accuracy_page.to_markdown(every, outcomes, engine)
    if page is not None:
        page.write_text(markdown, encoding="utf-8")
    typer.echo(markdown)


def _check_writable(file: Path) -> None:
    """Now, not after an hour of examining."""
    from zhenwei.errors import UsageError

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        there = file.exists()
        with file.open("a"):
            pass
        if not there:
            file.unlink()
    except OSError as error:
        raise UsageError("a file cannot be written", got=f"{file}: {error.strerror}", fix="Choose another.") from error


def _chosen(every: list[Any], only: str, limit: int) -> list[Any]:
    from zhenwei.errors import UsageError

    names = dict.fromkeys(i.set_name for i in every)
    if only and only not in names:
        raise UsageError("no such set", got=only, want=f"one of: {', '.join(names)}")
    chosen: list[Any] = []
    for name in [only] if only else names:
        mine = [i for i in every if i.set_name == name]
        step = max(1, len(mine) // limit) if limit else 1
        chosen += mine[::step][: limit or None]
    return chosen


def _with_progress(work: Any) -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (TextColumn("examining"), BarColumn(), TextColumn("{task.percentage:.0f} %"), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as progress:
        bar = progress.add_task("examining", total=1.0)
        return work(lambda done: progress.update(bar, completed=done))


def _engine(frames: int) -> dict[str, str]:
    from importlib import metadata

    from zhenwei import models

    versions = {p: metadata.version(p) for p in ("zhenwei", "numpy", "onnxruntime", "opencv-python-headless", "av")}
    weights = {f"model {row.id}": f"sha256 {row.sha256}" for row in models.manifest()}
    return {
        "python": platform.python_version(),
        **versions,
        "frames a clip": str(frames),
        "bootstrap seed": "0",
        **weights,
    }
