"""What every way of ``zhenwei train`` has in common: options, bars, device, output folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from zhenwei.errors import UsageError
from zhenwei.training.cnn import _face_forgery as face_forgery


@dataclass(frozen=True, slots=True)
class Options:
    detector: str
    data: Path
    output: Path
    recipe: str
    resume: bool
    dry_run: bool
    workers: int
    threads: int
    device: str
    stop_after: int | None
    install: bool = False
    start: tuple[Path, ...] = ()
    minutes: float = 0
    cache: bool = False
    variants: bool = False
    store: Path | None = None
    leave_out: bool = False
    thresholds: bool = False
    mean: bool = False
    limit: int = 0


def check_output(options: Options) -> None:
    """Before minutes are spent on preparing faces."""
    folder = options.output
    if options.dry_run:
        return
    face_forgery.refuse_existing(folder, resume=options.resume)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            "the output folder cannot be written", got=f"{folder}: {error.strerror}", fix="Choose another."
        ) from error


@contextmanager
def bar(what: str, console: Console) -> Iterator[Callable[[float], None]]:
    with Progress(TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), console=console) as progress:
        bar = progress.add_task(what, total=1.0)
        yield lambda done: progress.update(bar, completed=done)
        progress.update(bar, completed=1.0)


def device_of(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name not in ("cpu", "cuda"):
        raise UsageError("unknown device", got=name, want="auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise UsageError("no GPU is available to PyTorch here", got=name, fix="Use --device cpu.")
    return torch.device(name)
