"""How a command tells what went wrong: one line, and the traceback of a fault for who asked for it with ``--debug``."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zhenwei.cli.language import current, say
from zhenwei.errors import FaultError, ZhenweiError
from zhenwei.words import error_text

if TYPE_CHECKING:
    from rich.console import Console

    from zhenwei.types import Report

DEBUG = "--debug"
_ADVICE = "(--debug shows the traceback.)"


@dataclass(slots=True)
class _Setting:
    """Whether this command line asked for tracebacks."""

    debug: bool = False


_setting = _Setting()


def without_debug(arguments: list[str]) -> list[str]:
    """The words without ``--debug``, which may stand anywhere before a ``--`` and is remembered."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    _setting.debug = DEBUG in arguments[:end]
    return [word for number, word in enumerate(arguments) if word != DEBUG or number >= end]


def notes_console() -> Console:
    """Standard error, for notes whose lines are not broken."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


def complain(error: ZhenweiError) -> None:
    """Of the whole command, on standard error."""
    _line(say("Error: {}", _said(error, 2000)), "bold red")
    _trace(error)


def complain_of(path: str, error: ZhenweiError, notes: Console | None = None) -> None:
    """Of one file; the rest goes on. ``notes``: the console that shows how far the work is, if there is one."""
    from zhenwei.report import legible

    _line(f"× {legible(path)}: {_said(error, 1000)}", "red", notes)
    _trace(error)


def left_by_ctrl_c(in_folder: bool) -> str:
    """What Ctrl-C leaves: where to find what was done."""
    if in_folder:
        return say("Interrupted. What was finished before is above and in the output folder.")
    return say("Interrupted. What was finished before is above.")


def complain_of_detectors(report: Report, notes: Console | None = None) -> bool:
    """Of every detector that failed on a file; whether there was one."""
    from zhenwei.report import legible
    from zhenwei.types import in_language

    failed = {e.detector: e for e in report.evidence if e.fault}
    for name, evidence in failed.items():
        advice = "" if _setting.debug else f" {say(_ADVICE)}"
        reason = in_language(evidence.reason, current())
        line = f"× {legible(report.media.path)}: {name}: {legible(reason, 1000)}{advice}"
        _line(line, "red", notes)
        if _setting.debug:
            _plain(evidence.fault)
    return bool(failed)


def _said(error: ZhenweiError, most: int) -> str:
    from zhenwei.pages import legible

    advice = f" {say(_ADVICE)}" if isinstance(error, FaultError) and not _setting.debug else ""
    return f"{legible(error_text(error, current()), most)}{advice}"


def _trace(error: ZhenweiError) -> None:
    if _setting.debug and isinstance(error, FaultError):
        _plain(error.trace)


def tell_of_plugins(notes: Console | None = None) -> None:
    """Of plug-ins that do not load, once: their detectors are missing from what follows."""
    from zhenwei.detectors import catalogue
    from zhenwei.report import legible

    found = catalogue(strict=False)
    for lost in found.left_out:
        advice = f" {say(_ADVICE)}" if lost.trace and not _setting.debug else ""
        said = legible(error_text(lost.error, current()), 1000)
        _line(say("Note: {} It is left out.", said) + advice, "yellow", notes)
        if _setting.debug:
            _plain(lost.trace)
    for clash in found.clashes.values():
        _line(say("Note: {}", legible(error_text(clash, current()), 1000)), "yellow", notes)


def _line(line: str, style: str, notes: Console | None = None) -> None:
    from rich.console import Console
    from rich.text import Text

    console = notes or Console(stderr=True, highlight=False)
    console.print(Text(line, style), soft_wrap=True)


def _plain(trace: str) -> None:
    """As it is but for what steers a terminal: a traceback quotes what the file holds."""
    from zhenwei.pages import legible

    for line in trace.splitlines():
        sys.stderr.write(f"{line[: len(line) - len(line.lstrip())]}{legible(line, 4000)}\n")
    sys.stderr.flush()
