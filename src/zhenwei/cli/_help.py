"""Help as it is shown: in the language of the command line, in two columns where there is room, else one below the
other."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from zhenwei.cli._tree import EVERYWHERE, Command, Parameter
from zhenwei.cli.language import current, say
from zhenwei.words import translated

if TYPE_CHECKING:
    from rich.console import Console

_TWO_COLUMNS = 64  # columns of the terminal from which on there are two
_WIDE = 100  # from which on remarks stand beside their examples
_LEFT = 30
_LONGEST_VALUE = 24
_CJK, _MARKS = "\u3000-\u303f\u4e00-\u9fff\uff00-\uffef\u201c\u2018", "，。、；：？！）】》”’"
# An opening mark with what follows, a Chinese character or a Latin word, closing marks, spaces.
_PIECES = re.compile(f"[（《“‘]*(?:[{_CJK}]|[^{_CJK}\\s]+)?[{_MARKS}]*\\s*")
STEPS = (  # what one does first
    ("zhenwei scan photo.jpg", "Examine a photo, a clip or a recording."),
    ("zhenwei scan folder/ --output out/", "A page for each file, to be opened and passed on."),
    ("zhenwei doctor", "See what is installed, and what is missing."),
)
CLICK = (  # what Click says of wrong use
    "Missing argument '{}'.",
    "Missing option '{}'.",
    "Missing option '{}' / '{}'.",
    "Missing argument '{}'. Choose from: {}",
    "Missing option '{}'. Choose from: {}",
    "Missing option '{}' / '{}'. Choose from: {}",
    "Missing command.",
    "Missing parameter: {}",
    "No such option: {}",
    "No such option: {} Did you mean {}?",
    "No such option: {} (Possible options: {})",
    "No such option '{}'.",
    "No such option '{}'. Did you mean '{}'?",
    "No such option '{}'. Did you mean {}?",
    "No such option '{}'. (Did you mean {})",
    "No such command '{}'.",
    "No such command '{}'. Did you mean '{}'?",
    "No such command '{}'. Did you mean {}?",
    "No such command '{}'. (Did you mean {})",
    "Invalid value for '{}': {}",
    "Invalid value for '{}' / '{}': {}",
    "Invalid value for {}: {}",
    "Invalid value: {}",
    "Input should be greater than or equal to {}",
    "Input should be greater than {}",
    "Input should be less than or equal to {}",
    "Input should be less than {}",
    "Input should be a valid integer, unable to parse string as an integer",
    "Input should be a valid number, unable to parse string as a number",
    "{} is not one of {}.",
    "{} is not a valid integer.",
    "{} is not a valid float.",
    "{} is not in the range {}.",
    "{} is not a valid integer range.",
    "Got unexpected extra argument ({})",
    "Got unexpected extra arguments ({})",
    "Got unexpected extra argument(s) ({})",
    "Option '{}' requires an argument.",
    "Option '{}' does not take a value.",
    "Option '{}' requires {} arguments.",
)


def console_of(error: bool = False) -> Console:
    from rich.console import Console

    return Console(stderr=error, highlight=False)


def show(command: Command, console: Console, everywhere: Sequence[tuple[str, str, str]] = EVERYWHERE) -> None:
    """All about one command."""
    from rich.text import Text

    console.print(Text.assemble((say("Usage:"), "bold"), " ", _usage(command.usage)), soft_wrap=False)
    for paragraph in command.paragraphs:
        console.print()
        console.print(Text(wrapped(_told(paragraph), console.width)))
    arguments = [("  ".join(each.names), _told(each.help)) for each in command.arguments if each.help]
    _section(console, say("Arguments:"), arguments)
    _section(console, say("Commands:"), [(name, _told(line)) for name, line in command.within])
    for title, options in _panels(command.options).items():
        _section(console, say(title) if title else say("Options:"), [(_flag(each), _said(each)) for each in options])
    common = [(" ".join([names, value]).strip(), say(line)) for names, value, line in everywhere]
    _section(console, say("Everywhere:"), common)
    show_examples(command.examples, console)


def show_examples(examples: Iterable[str], console: Console) -> None:
    from rich.text import Text

    lines = list(examples)
    if not lines:
        return
    console.print()
    console.print(Text(say("Examples:"), "bold"))
    for line in lines:
        call, _, remark = line.partition(" # ")
        if remark and console.width < _WIDE:
            console.print(Text(f"  # {_told(remark.strip())}", "dim"))
            console.print(Text(f"  {call.rstrip()}"))
        elif remark:
            console.print(Text.assemble(f"  {call}", (f" # {_told(remark.strip())}", "dim")), soft_wrap=True)
        else:
            console.print(Text(f"  {line}"), soft_wrap=True)


def show_first_steps(console: Console, commands: Mapping[str, str]) -> None:
    """What one does first, and the names of what else there is."""
    from rich.text import Text

    console.print(Text(say("Tells forged faces from real ones, and shows why. Works offline."), "bold"))
    _section(console, say("Begin with:"), [(call, say(line)) for call, line in STEPS], left=38)
    console.print()
    console.print(Text.assemble((say("All commands:"), "bold"), " ", ", ".join(commands)))
    console.print(Text(say("zhenwei COMMAND --help tells more; zhenwei --help lists them with a line each.")))


def _section(console: Console, title: str, rows: Sequence[tuple[str, str]], left: int = _LEFT) -> None:
    """Names and what they are; below each other where the terminal is narrow."""
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    if not rows:
        return
    console.print()
    console.print(Text(title, "bold"))
    if console.width < _TWO_COLUMNS:
        for name, words in rows:
            console.print(Padding(Text(name, "cyan"), (0, 0, 0, 2)))
            console.print(Padding(Text(wrapped(words, console.width - 6)), (0, 0, 0, 6)))
        return
    width = min(left, max([len(name) for name, _ in rows]) + 1)
    table = Table.grid(padding=(0, 1, 0, 0), expand=True)
    table.add_column(width=width, overflow="fold")
    table.add_column(ratio=1)
    for name, words in rows:
        table.add_row(Text(name, "cyan"), Text(wrapped(words, console.width - width - 4)))
    console.print(Padding(table, (0, 0, 0, 2)))


def wrapped(text: str, width: int) -> str:
    """Lines of at most ``width`` columns, broken at spaces and between Chinese characters, but within no Latin word and
    before no punctuation."""
    from rich.cells import cell_len

    lines, used = [""], 0
    for piece in _PIECES.findall(text):
        size = cell_len(piece.rstrip())
        if used and used + size > width:
            lines[-1] = lines[-1].rstrip()
            lines.append("")
            used = 0
        lines[-1] += piece
        used += cell_len(piece)
    return "\n".join(lines)


def _panels(options: Iterable[Parameter]) -> dict[str, list[Parameter]]:
    panels: dict[str, list[Parameter]] = {}
    for each in options:
        panels.setdefault(each.panel, []).append(each)
    return panels


def _flag(option: Parameter) -> str:
    value = option.value if len(option.value) <= _LONGEST_VALUE else "WORD"
    return f"{', '.join(option.names)} {value}".strip()


def _said(option: Parameter) -> str:
    words = _told(option.help)
    if len(option.value) > _LONGEST_VALUE:
        words = say("{} One of: {}.", words, ", ".join(option.choices))
    if option.is_required:
        words = say("{} Required.", words)
    if option.default:
        words = say("{} Default: {}.", words, option.default)
    return words.strip()


def _usage(usage: str) -> str:
    """What stands for any option and any command, in the language of the command line."""
    return usage.replace("[OPTIONS]", say("[OPTIONS]")).replace(" COMMAND", f" {say('COMMAND')}")


def _told(sentence: str) -> str:
    return translated(sentence, current())


def wrong_use(message: str, usage: str, console: Console) -> None:
    """One line on what was wrong, one on what is right."""
    from rich.text import Text

    # As the library that reads options begins what we say, and lists choices on lines of their own.
    message = " ".join(message.replace(": Value error, ", ": ").split())
    console.print(Text(say("Error: {}", _told(message)), "bold red"), soft_wrap=True)
    if usage:
        console.print(Text(say("Usage: {} (--help tells more)", _usage(usage)), "dim"), soft_wrap=True)
