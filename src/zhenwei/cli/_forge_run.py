"""What the commands of ``zhenwei forge`` share: the lab's door, long runs that Ctrl-C saves, and how they end."""

from __future__ import annotations

import datetime
import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from zhenwei.cli._options import TextFormat
from zhenwei.cli.language import tell
from zhenwei.cli.progress import progress_bar
from zhenwei.errors import MissingExtraError, UsageError, install_extra

if TYPE_CHECKING:
    import torch

    from zhenwei.forge.consent import Consent
    from zhenwei.forge.export import Door, ExportedFile
    from zhenwei.trainer.run import Progress

_Run = TypeVar("_Run")
CONSENT_FIX = "Make a manifest with: zhenwei forge consent make FOLDER --subject NAME --basis BASIS --expires DATE"


def today() -> datetime.date:
    return datetime.datetime.now(datetime.UTC).date()


def opened_door() -> Door:
    """Keys and certificates are made at first use, in ZHENWEI_HOME or the user's folder of settings."""
    from zhenwei.defence.keys import home_folder
    from zhenwei.forge.export import open_door

    return open_door(home_folder(os.environ), today())


def consent_in(manifest: Path | None, what: str, *, fix: str = "") -> Consent:
    """The manifest at ``manifest``; UsageError, with ``what`` is used with consent only, where none is given."""
    from zhenwei.forge.consent import read_consent

    if manifest is None:
        raise UsageError(f"{what} with consent only", want="--consent FILE", fix=fix)
    return read_consent(manifest)


def check_extra(what: str = "generators need") -> None:
    """Refuse where torch is not installed, and say how it is."""
    if find_spec("torch") is None or find_spec("safetensors") is None:
        raise MissingExtraError(f"{what} torch and safetensors", fix=f"Run: {install_extra('train')}")


def device_for(*, gpu: bool = True) -> torch.device:
    """The GPU where it is wanted and there is one."""
    import torch

    return torch.device("cuda" if gpu and torch.cuda.is_available() else "cpu")


@contextmanager
def interrupt() -> Iterator[Callable[[], bool]]:
    """The first Ctrl-C ends the run after its step, with everything saved; the second as usual."""
    asked = False

    def ask(*_: object) -> None:
        nonlocal asked
        asked = True
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, before)


def train_run(train: Callable[..., _Run], steps: int, output: Path, save_every: int) -> tuple[_Run, bool]:
    """Train, or go on, with a bar; Ctrl-C saves and ends. The run, and whether it was stopped."""

    def tell(step: Progress, _: object) -> None:
        advance(step.step, " ".join(f"{name} {loss:.3f}" for name, loss in step.losses.items()))

    with interrupt() as stop, progress_bar("steps", steps) as advance:
        run = train(steps, output, save_every=save_every, tell=tell, stop=stop)
        return run, stop()


def tell_run(output: Path, step: int, stopped: bool, words: str, facts: dict[str, Any], format_: TextFormat) -> None:
    """How far a run came: ``words`` for people, ``facts`` for programs."""
    if format_ is TextFormat.json:
        typer.echo(json.dumps({"run": str(output), "step": step, "stopped": stopped, **facts}))
        return
    tell(f"{output}: {'stopped and saved' if stopped else 'done'} at step {step}{words}")


def last_losses(rows: list[dict[str, float]] | None) -> dict[str, float]:
    """Those of the last step of a run's log, by name."""
    last = dict(rows[-1]) if rows else {}
    last.pop("step", None)
    return last


def tell_exported(exported: ExportedFile, what: str, format_: TextFormat) -> None:
    """Where a file that left by the door is, and the identifier in its mark."""
    if format_ is TextFormat.json:
        typer.echo(json.dumps({"path": str(exported.path), "ident": exported.ident}))
        return
    tell(f"{exported.path}: {what}, mark {exported.ident}")
