"""Pages that are generated: every command's help, the public names of the package, the catalogue of detectors."""

from __future__ import annotations

import contextlib
import inspect
import io
import os
import re
from collections.abc import Iterator
from typing import Any

import typer

import zhenwei
from zhenwei import cli
from zhenwei.detectors import catalogue
from zhenwei.types import Language, in_language

_COLUMNS = "100"
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_ROLE = re.compile(r":(?:class|func|mod|meth|data):`~?([^`]+)`")
_QUOTED = re.compile(r"'([^']+)'")  # annotations are kept as text
_WORDS: dict[str, dict[str, str]] = {
    "en": {
        "commands": "Commands",
        "told": "What `--help` says of each; the same stands in the terminal.",
        "detectors": "Detectors",
        "each": "Every detector answers one question, or abstains with its reason. How each works, what it was "
        "measured to be worth and a picture of what it shows stand on its page.",
        "head": "| detector | question | takes | needs |\n|---|---|---|---|",
        "blind": "What they do not see",
        "image": "picture",
        "video": "clip",
        "audio": "sound",
    },
    "zh": {
        "commands": "命令",
        "told": "各命令 `--help` 的内容，与终端里显示的相同。",
        "detectors": "检测器",
        "each": "每个检测器回答一个问题，或不作判断并说明原因。各自的原理、测得的效果和示意图见其页面（英文）。",
        "head": "| 检测器 | 问题 | 适用于 | 需要 |\n|---|---|---|---|",
        "blind": "它们看不到什么",
        "image": "图片",
        "video": "视频",
        "audio": "声音",
    },
}


def detectors_page(language: str) -> str:
    words, lang = _WORDS[language], _language(language)
    lines = [f"# {words['detectors']}", "", words["each"], "", words["head"]]
    kinds = {id_: kind for id_, kind in catalogue().items() if not id_.startswith("foreign.")}
    for id_, kind in kinds.items():
        info = kind.info
        takes = ", ".join(words[each] for each in info.takes)
        needs = ", ".join(in_language(need, lang) for need in info.needs)
        lines.append(f"| [`{id_}`]({id_}.md) | {in_language(info.question, lang)} | {takes} | {needs} |")
    lines += ["", f"## {words['blind']}", ""]
    for id_, kind in kinds.items():
        spots = "; ".join(in_language(spot, lang) for spot in kind.info.blind_spots)
        lines.append(f"- `{id_}`: {spots}")
    return "\n".join(lines) + "\n"


def commands_page(language: str) -> str:
    words = _WORDS[language]
    lines = [f"# {words['commands']}", "", words["told"], ""]
    for path in [(), *_paths()]:
        lines += [f"## zhenwei {' '.join(path)}".rstrip(), "", "```text", _help(path, language), "```", ""]
    return "\n".join(lines)


def _paths() -> Iterator[tuple[str, ...]]:
    """The words of every command, those within others behind it."""
    for name in cli.COMMANDS:
        yield (name,)
        command: Any = typer.main.get_command(cli._app([name]))
        yield from _inner(command.commands[name], (name,))
        for inner in getattr(cli, "WITHIN", {}).get(name, {}):
            yield name, inner


def _inner(command: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for name, each in getattr(command, "commands", {}).items():
        yield (*path, name)
        yield from _inner(each, (*path, name))


def _help(path: tuple[str, ...], language: str) -> str:
    """In that language where the command line speaks it, else in English."""
    before = {name: os.environ.get(name) for name in ("COLUMNS", "NO_COLOR", "TERMINAL_WIDTH")}
    os.environ |= {"COLUMNS": _COLUMNS, "NO_COLOR": "1", "TERMINAL_WIDTH": _COLUMNS}
    try:
        for words in (["--lang", language, *path, "--help"], [*path, "--help"]):
            said = io.StringIO()
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
                status = cli.main(words)
            if status == 0:
                break
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
    text = _ANSI.sub("", said.getvalue())
    return "\n".join(line.rstrip() for line in text.splitlines()).strip("\n")


def api_page(language: str) -> str:
    del language  # docstrings are English
    lines = ["# Python package", "", "The public names of `zhenwei`. Everything else may change between versions.", ""]
    for name in zhenwei.__all__:
        if name != "__version__":
            lines += _described(name, getattr(zhenwei, name))
    return "\n".join(lines)


def _described(name: str, thing: Any) -> list[str]:
    try:
        signature = _QUOTED.sub(r"\1", str(inspect.signature(thing)))
    except (TypeError, ValueError):
        signature = ""
    kind = "class " if inspect.isclass(thing) else "def "
    lines = [f"## {name}", "", "```python", f"{kind}{name}{signature}", "```", "", _prose(thing), ""]
    for member, value in sorted(vars(thing).items()) if inspect.isclass(thing) else ():
        if not member.startswith("_") and (inspect.isfunction(value) or isinstance(value, property | classmethod)):
            text = _prose(value)
            if text:
                lines += [f"- **`{member}`**: {' '.join(text.split())}"]
    return [*lines, ""]


def _prose(thing: Any) -> str:
    """A docstring as Markdown: its references become code."""
    text = inspect.getdoc(thing) or ""
    return _ROLE.sub(r"`\1`", text).replace("``", "`").replace("<", "&lt;")


def _language(name: str) -> Language:
    return "zh" if name == "zh" else "en"
