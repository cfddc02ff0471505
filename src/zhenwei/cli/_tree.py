"""What every command takes, as data: the one source of help, completion and the manual."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, get_args

EVERYWHERE = (
    ("--lang", "en|zh", "Language of all that is said; else that of the locale."),
    ("--debug", "", "Show the traceback of a fault of the program."),
    ("-h, --help", "", "Show this and stop."),
)
_PLACEHOLDERS = {"integer": "N", "float": "X", "path": "PATH", "text": "TEXT"}
_EARLIER = ("--out", "--set")  # taken as before, and not shown
_EXAMPLES = "Examples:"


@dataclass(frozen=True, slots=True)
class Parameter:
    """An option or argument. ``names``: of an option, the short one first; of an argument what stands for it.
    ``value``: what stands for its value, "" for a switch. ``default``: as shown, "" where it goes without saying."""

    names: tuple[str, ...]
    value: str
    help: str
    is_argument: bool = False
    choices: tuple[str, ...] = ()
    panel: str = ""
    default: str = ""
    is_required: bool = False
    is_repeated: bool = False
    is_path: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """``path``: its words after ``zhenwei``. ``within``: its own commands, each with a line."""

    path: tuple[str, ...]
    line: str
    paragraphs: tuple[str, ...]
    examples: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    within: tuple[tuple[str, str], ...] = ()

    @property
    def arguments(self) -> tuple[Parameter, ...]:
        return tuple([each for each in self.parameters if each.is_argument])

    @property
    def options(self) -> tuple[Parameter, ...]:
        return tuple([each for each in self.parameters if not each.is_argument])

    @property
    def usage(self) -> str:
        """``zhenwei scan [OPTIONS] PATH...``."""
        words = ["zhenwei", *self.path]
        if self.within and not self.parameters:
            return " ".join([*words, "COMMAND"])
        if self.options:
            words.append("[OPTIONS]")
        for each in self.arguments:
            name = each.names[0] + ("..." if each.is_repeated and not each.names[0].endswith("...") else "")
            words.append(name if each.is_required or name.startswith("[") else f"[{name}]")
        return " ".join(words)


def described(command: Any, path: tuple[str, ...], within: tuple[tuple[str, str], ...] = ()) -> Command:
    """A command of Click as data. ``within``: commands that Click does not know to be in it."""
    paragraphs, examples = _prose(inspect.cleandoc(command.help or ""))
    inner = [(name, _line(each)) for name, each in getattr(command, "commands", {}).items() if not each.hidden]
    parameters = [_parameter(each) for each in command.params if _is_shown(each)]
    line = command.short_help or (paragraphs[0] if paragraphs else "")
    return Command(path, line, tuple(paragraphs), tuple(examples), tuple(parameters), (*inner, *within))


def walked(command: Any, path: tuple[str, ...], within: tuple[tuple[str, str], ...] = ()) -> Iterator[Command]:
    """The command and all that are in it."""
    yield described(command, path, within)
    for name, each in getattr(command, "commands", {}).items():
        if not each.hidden:
            yield from walked(each, (*path, name))


def _line(command: Any) -> str:
    paragraphs, _ = _prose(inspect.cleandoc(command.help or ""))
    return command.short_help or (paragraphs[0] if paragraphs else "")


def _is_shown(parameter: Any) -> bool:
    return not getattr(parameter, "hidden", False) and parameter.name not in ("help", "debug")


def _prose(text: str) -> tuple[list[str], list[str]]:
    """Paragraphs, each on one line, and the lines of examples, which stand below their heading or begin with spaces."""
    paragraphs, examples = [], []
    for block in text.replace("\f", "").split("\n\n"):
        lines = block.splitlines()
        if block.strip() == _EXAMPLES:
            continue
        if lines and all(line.startswith("  ") for line in lines):
            examples.append(" ".join(block.split()) if len(lines) > 1 else block.strip())  # one may take several lines
        elif block.strip():
            paragraphs.append(" ".join(block.split()))
    return paragraphs, examples


def _parameter(parameter: Any) -> Parameter:
    is_argument = parameter.param_type_name == "argument"
    kind, choices = _kind(parameter)
    is_switch = bool(getattr(parameter, "is_flag", False))
    value = "" if is_switch else _value(parameter, kind, choices)
    names = (value.strip(),) if is_argument else _names(parameter)
    return Parameter(
        names,
        value,
        " ".join((parameter.help or "").split()),
        is_argument,
        choices,
        getattr(parameter, "rich_help_panel", None) or "",
        "" if is_argument or is_switch else _default(parameter),
        bool(parameter.required),
        bool(getattr(parameter, "multiple", False)) or parameter.nargs == -1,
        kind == "path" or value.rstrip(".") in ("PATH", "FILE", "DIR"),
    )


def _names(parameter: Any) -> tuple[str, ...]:
    """Without those that only older command lines use."""
    names = [name for name in (*parameter.opts, *parameter.secondary_opts) if name not in _EARLIER]
    return tuple(sorted(names, key=len))


def _kind(parameter: Any) -> tuple[str, tuple[str, ...]]:
    """ "integer", "float", "path" or "text", and what it may be. Typer keeps annotations; older releases, types."""
    descriptor = getattr(parameter, "type_descriptor", None)
    if descriptor is None:
        name = parameter.type.name.split()[0].lower()
        choices = [str(getattr(each, "value", each)) for each in getattr(parameter.type, "choices", None) or ()]
        return {"file": "path", "filename": "path"}.get(name, name), tuple(choices)
    inner = [each for each in get_args(descriptor.annotation) if each is not type(None)]
    annotation = inner[0] if inner else descriptor.annotation
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return "choice", tuple([str(each.value) for each in annotation])
    names: dict[Any, str] = {int: "integer", float: "float", Path: "path"}
    return names.get(annotation, "text"), ()


def _value(parameter: Any, kind: str, choices: tuple[str, ...]) -> str:
    given = parameter.metavar
    if given:
        return str(given)
    if choices:
        return "|".join(choices)
    if parameter.param_type_name == "argument":
        return str(parameter.name).strip("_").upper()
    return _PLACEHOLDERS.get(kind, "TEXT")


def _default(parameter: Any) -> str:
    """Only what is a word or a figure: of nothing, of a function and of a list nothing is shown."""
    value = getattr(parameter.default, "value", parameter.default)
    if isinstance(value, bool) or callable(value) or value is None or getattr(parameter, "show_default", True) is False:
        return ""
    return str(value) if isinstance(value, str | int | float) else ""
