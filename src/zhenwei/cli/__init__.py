"""The command line. One file per command, loaded only when it is the one that was called.

A command is a function of the same name in ``zhenwei.cli.<name>``, its docstring is its help; or, where it has commands
of its own, a Typer application of that name. To add one, write the
file and add its line to ``COMMANDS``.

Exit status: 0 done, 1 something could not be read or is broken, 2 wrong use, 130 interrupted.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Annotated

import typer

from zhenwei.errors import UsageError, ZhenweiError

COMMANDS = {
    "scan": "Examine photos, videos and folders: is a face in them forged?",
    "detectors": "Show the catalogue of detectors, or all about one of them.",
    "fingerprint": "Whose picture is this? Compare it with cameras and generators, your own too.",
    "doctor": "Check versions, models and extras, and say what to install.",
    "train": "Train a learned detector from a data folder.",
    "evaluate": "Examine labelled files: AUC, false alarms, coverage, calibration, with intervals.",
    "compare": "Compare two evaluations of the same files, in pairs.",
    "forge": "The lab: make forgeries to teach and to train detectors, each of them marked.",
    "protect": "Sign, mark and label what is yours, so that others can tell where it came from.",
    "verify": "Show what files say of themselves: credential, watermark, labels.",
    "robust": "Save a file in many ways and see whether the verdict stands.",
}

_HELP = """Tells forged faces from real ones, and shows why. Works offline.

Examples:

  zhenwei scan clip.mp4 photo.jpg folder/

  zhenwei scan clip.mp4 --output out/

  zhenwei doctor
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit status. No traceback for anything that the user can put right."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    _speak_unicode()
    try:
        return _run(given)
    except BrokenPipeError:
        _silence_output()
        return 1
    except KeyboardInterrupt:
        return 130
    except ZhenweiError as error:
        _complain(error)
        return 2 if isinstance(error, UsageError) else 1


def _run(given: list[str]) -> int:
    try:
        typer.main.get_command(_app(given)).main(given, prog_name="zhenwei")
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        sys.stdout.flush()  # here, where a closed pipe can still be told apart from a crash
        return status
    return 0


def _app(given: Sequence[str]) -> typer.Typer:
    """The commands, of which only the one that is called is imported: help lists the others by their line above."""
    app = typer.Typer(
        name="zhenwei",
        help=_HELP,
        add_completion=False,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    called = next((word for word in given if not word.startswith("-")), "")
    for name, line in COMMANDS.items():
        if name == called:
            command = _loaded(name)
            if isinstance(command, typer.Typer):
                app.add_typer(command, name=name, short_help=line)
            else:
                app.command(name, short_help=line)(command)
        else:
            app.command(name, help=line)(_not_called)
    return app


def _loaded(name: str) -> Callable[..., None] | typer.Typer:
    command: Callable[..., None] | typer.Typer = getattr(import_module(f"zhenwei.cli.{name}"), name)
    return command


def _not_called() -> None:
    """Stands in the list of commands for one that was not called."""


def _show_version(wanted: bool) -> None:
    if wanted:
        import zhenwei

        typer.echo(f"zhenwei {zhenwei.__version__}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and stop.")
    ] = False,
) -> None:
    del version


def _complain(error: ZhenweiError) -> None:
    from rich.console import Console
    from rich.text import Text

    from zhenwei.report.legible import legible

    Console(stderr=True, highlight=False).print(Text(f"Error: {legible(str(error), 2000)}", "bold red"), soft_wrap=True)


def _speak_unicode() -> None:
    """Pipes and files get UTF-8 whatever the locale; a terminal that cannot show a character gets its number."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="backslashreplace")


def _silence_output() -> None:
    """Whoever read our output is gone; Python must not complain about it while it shuts down."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
