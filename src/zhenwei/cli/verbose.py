"""``--verbose`` of the commands that search folders, and what they say of what they left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from zhenwei.cli.inputs import Inputs

Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Name what was left out of folders.")]


def tell_left_out(inputs: Inputs, notes: Console, *, verbose: bool) -> None:
    """On standard error: how much was left out of folders, or with ``verbose`` what."""
    for line in inputs.notes(verbose=verbose):
        notes.print(line, style="dim", markup=False, soft_wrap=True)
