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
from zhenwei.cli.language import current, say
from zhenwei.cli.progress import progress_bar
from zhenwei.errors import MissingExtraError, UsageError, install_extra

if TYPE_CHECKING:
    import torch

    from zhenwei.forge.consent import Consent
    from zhenwei.forge.export import Door, ExportedFile
    from zhenwei.trainer.run import Progress

_Run = TypeVar("_Run")
_MAKE = (
    "Make a manifest with: zhenwei forge consent make FOLDER --subject NAME --basis BASIS --evidence TEXT --scope {} "
    "--expires DATE (self needs no --evidence)"
)
CONSENT_FIX, VOICE_CONSENT_FIX = _MAKE.format("face"), _MAKE.format("voice")


def today() -> datetime.date:
    return datetime.datetime.now(datetime.UTC).date()


def opened_door() -> Door:
    """Keys and certificates are made at first use, in ZHENWEI_HOME or the user's folder of settings."""
    from zhenwei.defence.keys import home_folder
    from zhenwei.forge.export import open_door

    return open_door(home_folder(os.environ), today())


def consent_in(manifest: Path | None, rule: str, *, fix: str = "") -> Consent:
    """The manifest at ``manifest``; UsageError, with the ``rule`` that wants one, where none is given."""
    from zhenwei.forge.consent import read_consent

    if manifest is None:
        raise UsageError(rule, want="--consent FILE", fix=fix)
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


def together(*parts: str) -> str:
    """Parts of one line that are said already; empty ones are left out."""
    return ("，" if current() == "zh" else ", ").join(filter(None, parts))


def tell_run(output: Path, step: int, stopped: bool, words: str, facts: dict[str, Any], format_: TextFormat) -> None:
    """How far a run came: ``words`` of its outcome for people, said already, ``facts`` for programs."""
    if format_ is TextFormat.json:
        typer.echo(json.dumps({"run": str(output), "step": step, "stopped": stopped, **facts}))
        return
    line = say("{0}: stopped and saved at step {1}" if stopped else "{0}: done at step {1}", output, step)
    typer.echo(together(line, words))


def last_losses(rows: list[dict[str, float]] | None) -> dict[str, float]:
    """Those of the last step of a run's log, by name."""
    last = dict(rows[-1]) if rows else {}
    last.pop("step", None)
    return last


def tell_exported(exported: ExportedFile, what: str, format_: TextFormat) -> None:
    """Where a file that left by the door is, ``what`` is in it, said already, and the identifier in its mark."""
    if format_ is TextFormat.json:
        typer.echo(json.dumps({"path": str(exported.path), "ident": exported.ident}))
        return
    typer.echo(say("{0}: {1}, mark {2}", exported.path, what, exported.ident))
