"""The command line. One file per command, loaded only when it is the one that was called.

A command is a function of the same name in ``zhenwei.cli.<name>``, its docstring is its help; or, where it has commands
of its own, a Typer application of that name. To add one, write the
file and add its line to ``COMMANDS``.

Exit status: 0 done, 1 something could not be read or written or is broken, 2 wrong use, 130 interrupted, 141 whoever
read standard output closed it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Any

import typer

from zhenwei.cli._tree import Command, described, walked
from zhenwei.cli.language import without_language
from zhenwei.cli.standard_streams import READER_GONE, ReaderGoneError, guarded
from zhenwei.cli.trouble import complain, without_debug
from zhenwei.errors import OutputError, UsageError, ZhenweiError
from zhenwei.faults import contained

COMMANDS = {
    "scan": "Examine photos, videos and folders: is a face in them forged?",
    "results": "Show what a scan into a store found: table, CSV, JSON, Parquet, pages.",
    "case": "Keep files, verdicts and notes of a case together; hand it on so that others can check it.",
    "serve": "A page to drop files on, and a REST API.",
    "tour": "See how it works: seven families of methods on one picture and one clip.",
    "detectors": "Show the catalogue of detectors, or all about one of them.",
    "fingerprint": "Whose picture is this? Compare it with cameras and generators, your own too.",
    "doctor": "Check versions, models and extras, and say what to install.",
    "train": "Train a learned detector from a data folder.",
    "models": "Add somebody's ONNX network as a calibrated detector; convert known weights.",
    "evaluate": "Examine labelled files: AUC, false alarms, coverage, calibration, with intervals.",
    "report": "Make a page or a PDF from a kept report; sign it and check it.",
    "compare": "Compare two files: facts, difference, provenance, verdicts.",
    "forge": "The lab: make forgeries to teach and to train detectors, each of them marked.",
    "protect": "Sign, mark and label what is yours, so that others can tell where it came from.",
    "verify": "Show what files say of themselves: credential, watermark, labels.",
    "robust": "Save a file in many ways and see whether the verdict stands.",
    "completion": "Write what completes commands in bash, zsh, fish or PowerShell, or the manual page.",
}
# Commands within one that is itself a command, by file ``_NAME_INNER``.
WITHIN = {
    "report": {
        "sign": "Sign a report: a detached signature beside it.",
        "verify": "Has a signed report changed since? Is the answer the same today?",
    },
    "evaluate": {"compare": "Compare two evaluations of the same files, in pairs."},
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
    if os.environ.get("COLUMNS") == "0":  # what a shell without a terminal may say; tables that wide would be empty
        del os.environ["COLUMNS"]
    with guarded():
        try:
            words = without_language(given, os.environ)
            return contained(lambda: _run(words))
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
    from zhenwei.cli import _help

    if not given:
        _help.show_first_steps(_help.console_of(error=True), COMMANDS)
        return 2
    root = typer.main.get_command(_app(given))
    if _asks_for_help(given):
        _help.show(_asked(root, given), _help.console_of())
        status = 0
    else:
        status = _called(root, given)
    sys.stdout.flush()  # here, where a closed pipe can still be told
    return status


def _called(root: Any, given: list[str]) -> int:
    from zhenwei.cli import _help

    try:
        ended = root.main(given, prog_name="zhenwei", standalone_mode=False)
    except _WRONG_USE as error:
        command = described(error.ctx.command, _path(error.ctx)) if error.ctx is not None else None
        console = _help.console_of(error=True)
        if command is not None and type(error).__name__ == "NoArgsIsHelpError":
            _help.show(command, console)
        else:
            _help.wrong_use(error.format_message(), command.usage if command is not None else "", console)
        return 2
    except SystemExit as exited:
        ended = exited.code
    return ended if isinstance(ended, int) else int(ended is not None)


_WRONG_USE: Any = typer.BadParameter.__mro__[1]  # UsageError of Click, which some versions of Typer bring themselves


def _path(context: Any) -> tuple[str, ...]:
    """The words of a command after ``zhenwei``."""
    names = []
    while context.parent is not None:
        names.append(context.info_name)
        context = context.parent
    return tuple(reversed(names))


def _asks_for_help(given: Sequence[str]) -> bool:
    options = given[: given.index("--")] if "--" in given else given
    return "--help" in options or "-h" in options


def _asked(root: Any, given: Sequence[str]) -> Command:
    """The command that help is asked about."""
    command, path = root, []
    for word in given:
        inner = getattr(command, "commands", {})
        if word in inner:
            command = inner[word]
            path.append(word)
    return described(command, tuple(path), _within(path))


def _within(path: Sequence[str]) -> tuple[tuple[str, str], ...]:
    return tuple(WITHIN.get(path[0], {}).items()) if len(path) == 1 else ()


def every_command() -> list[Command]:
    """All commands, each with those that are in it; this imports all of them."""
    found = [described(typer.main.get_command(_app(())), ())]
    for name in COMMANDS:
        command: Any = typer.main.get_command(_app([name]))
        found += walked(command.commands[name], (name,), _within([name]))
        for inner in WITHIN.get(name, {}):
            command = typer.main.get_command(_app([name, inner]))
            found += walked(command.commands[name].commands[inner], (name, inner))
    return found


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
        name="zhenwei", help=_HELP, add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False
    )
    app.callback()(_main_options)
    called = next((word for word in given if not word.startswith("-")), "")
    following = [*given[given.index(called) + 1 :], ""][0] if called else ""
    for name, line in COMMANDS.items():
        if name != called:
            app.command(name, help=line)(_not_called)
        elif following in WITHIN.get(name, {}):
            group = typer.Typer()
            group.callback()(_group)
            group.command(following, short_help=WITHIN[name][following])(_function(f"_{name}_{following}", following))
            app.add_typer(group, name=name)
        else:
            _add(app, name, line)
    return app


def _add(app: typer.Typer, name: str, line: str) -> None:
    command = _function(name, name)
    if isinstance(command, typer.Typer):
        app.add_typer(command, name=name, short_help=line)
    else:
        app.command(name, short_help=line, context_settings=getattr(command, "context_settings", None))(command)


def _function(module: str, name: str) -> Any:
    return getattr(import_module(f"zhenwei.cli.{module}"), name)


def _not_called() -> None:
    """Stands in the list of commands for one that was not called."""


def _group() -> None:
    """Holds a command that is within another."""


def _show_version(wanted: bool) -> None:
    if wanted:
        import zhenwei

        typer.echo(f"zhenwei {zhenwei.__version__}")
        raise typer.Exit


def _main_options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and stop.")
    ] = False,
) -> None:
    del version
