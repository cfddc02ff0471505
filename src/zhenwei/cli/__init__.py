"""The command line. One file per command, loaded only when it is the one that was called.

A command is a function of the same name in ``zhenwei.cli.<name>``, its docstring is its help; or, where it has commands
of its own, a Typer application of that name. To add one, write the
file and add its line to ``COMMANDS``.

Exit status: 0 done, 1 something could not be read or written or is broken, 2 wrong use, 130 interrupted, 141 whoever
read standard output closed it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Annotated

import typer

from zhenwei.cli.standard_streams import READER_GONE, ReaderGoneError, guarded
from zhenwei.cli.trouble import DEBUG, complain, without_debug
from zhenwei.errors import OutputError, UsageError, ZhenweiError
from zhenwei.faults import contained

COMMANDS = {
    "scan": "Examine photos, videos and folders: is a face in them forged?",
    "results": "Show what a scan into a store found: table, CSV, JSON, Parquet, pages.",
    "case": "Keep files, verdicts and notes of a case together; hand it on so that others can check it.",
    "serve": "A page to drop files on, and a REST API.",
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

Exit status of every command: 0 done, 1 something could not be read or written or is broken, 2 wrong use, 130
interrupted, 141 whoever read standard output closed it (as head does).
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit status. No traceback, unless asked for with ``--debug``."""
    given = without_debug(list(sys.argv[1:] if arguments is None else arguments))
    with guarded():
        try:
            return contained(lambda: _run(given))
        except KeyboardInterrupt:
            return 130
        except ReaderGoneError:
            return READER_GONE
        except ZhenweiError as error:
            complain(error)
            return 2 if isinstance(error, UsageError) else 1
        except OSError as error:
            complain(_refused(error))
            return 1


def _run(given: list[str]) -> int:
    try:
        typer.main.get_command(_app(given)).main(given, prog_name="zhenwei")
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        sys.stdout.flush()  # here, where a closed pipe can still be told
        return status
    return 0


def _refused(error: OSError) -> OutputError:
    where = f"{error.filename}: " if error.filename is not None else ""
    return OutputError(
        "a file that is needed cannot be read or written",
        got=f"{where}{error.strerror or type(error).__name__}",
        fix="Check that it exists, its permissions, and the space that is left.",
    )


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
    app.callback()(_main_options)
    called = next((word for word in given if not word.startswith("-")), "")
    for name, line in COMMANDS.items():
        if name == called:
            command: Callable[..., None] | typer.Typer = getattr(import_module(f"zhenwei.cli.{name}"), name)
            if isinstance(command, typer.Typer):
                app.add_typer(command, name=name, short_help=line)
            else:
                settings = getattr(command, "context_settings", None)
                app.command(name, short_help=line, context_settings=settings)(command)
        else:
            app.command(name, help=line)(_not_called)
    return app


def _not_called() -> None:
    """Stands in the list of commands for one that was not called."""


def _show_version(wanted: bool) -> None:
    if wanted:
        import zhenwei

        typer.echo(f"zhenwei {zhenwei.__version__}")
        raise typer.Exit


def _main_options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and stop.")
    ] = False,
    debug: Annotated[
        bool, typer.Option(DEBUG, help="Show the traceback of a fault of the program; may stand anywhere.")
    ] = False,
) -> None:
    del version, debug  # of the latter, ``main`` has taken note
