"""The manual page (roff, man(7)) of all commands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from zhenwei.cli._tree import EVERYWHERE, Command, Parameter
from zhenwei.words import Language, say, translated

_TITLE = "Tells forged faces from real ones, and shows why. Works offline."


def manual(commands: Sequence[Command], language: Language) -> str:
    """One page for all: what it is, what is taken everywhere, then each command with its options and examples."""
    import zhenwei

    root, *rest = commands
    lines = [f'.TH ZHENWEI 1 "" "zhenwei {zhenwei.__version__}" "zhenwei"', ".SH NAME"]
    lines += [f"zhenwei \\- {_text(translated(_TITLE, language))}", ".SH SYNOPSIS", r"\fBzhenwei\fR COMMAND [OPTIONS]"]
    lines.append(".SH DESCRIPTION")
    for paragraph in root.paragraphs:
        lines += [".PP", _text(translated(paragraph, language))]
    lines.append(f".SH {say(language, 'OPTIONS EVERYWHERE')}")
    for names, value, line in EVERYWHERE:
        lines += [".TP", rf"\fB{_text(names)}\fR {_text(value)}".strip(), _text(translated(line, language))]
    for command in rest:
        lines += _command(command, language)
    return "\n".join(lines) + "\n"


def _command(command: Command, language: Language) -> list[str]:
    lines = [f".SH zhenwei {' '.join(command.path)}", ".PP", rf"\fB{_text(command.usage)}\fR"]
    for paragraph in command.paragraphs:
        lines += [".PP", _text(translated(paragraph, language))]
    for name, line in command.within:
        lines += [".TP", rf"\fB{_text(name)}\fR", _text(translated(line, language))]
    lines += _parameters(command.arguments, language)
    lines += _parameters(command.options, language)
    if command.examples:
        lines += [".PP", _text(say(language, "Examples:")), ".nf"]
        lines += [_text(_example(line, language)) for line in command.examples]
        lines.append(".fi")
    return lines


def _parameters(parameters: Iterable[Parameter], language: Language) -> list[str]:
    lines = []
    for each in parameters:
        name = rf"\fB{_text(', '.join(each.names))}\fR"
        value = "" if each.is_argument else rf" \fI{_text(each.value)}\fR" if each.value else ""
        lines += [".TP", name + value, _text(translated(each.help, language))]
    return lines


def _example(line: str, language: Language) -> str:
    call, sign, remark = line.partition(" # ")
    return f"{call}{sign}{translated(remark.strip(), language)}"


def _text(text: str) -> str:
    """Nothing in it is a request or an escape."""
    escaped = text.replace("\\", r"\e").replace("-", r"\-").replace("'", r"\(aq")
    return rf"\&{escaped}" if escaped.startswith(".") else escaped
