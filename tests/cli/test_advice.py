"""What an error advises fits who reads it: options and commands that exist, and no Python to somebody at a shell."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup

import zhenwei
from zhenwei import cli

SOURCE = Path(zhenwei.__file__).parent
# Doors that only a program of somebody's own comes through, and what tests such programs.
PYTHON_ONLY = ("media/given.py", "testing/", "forge/synthesis/", "models/onnx_model.py", "training/publish.py")
_PYTHON = re.compile(r"\w=['\"]|\bLimits\b|\bzhenwei\.[a-z]\w+|\b[a-z]\w*_[a-z]\w*\(")
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
_COMMAND = re.compile(r"\bzhenwei ((?:[a-z]+ ?)+)")
_EXTRA = re.compile(r"zhenwei\[([\w,]+)\]")
_OF_OTHERS = {
    "--force-reinstall",
    "--no-deps",
    "--upgrade",
    "--head",
    "--encoding",
    "--template",
}  # pip, Ray, PostgreSQL


def advice() -> list[tuple[str, str]]:
    """Every text that is given as ``fix``, or that a command tells with echo, with the file that it stands in; what is
    put in when it runs is "…"."""
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        name = path.relative_to(SOURCE).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            found += [(name, text) for given in fixes(node, name) for text in texts(given)]
    return found


def fixes(node: ast.AST, name: str) -> Iterator[ast.expr]:
    assigned = isinstance(node, ast.Assign) and any("fix" in names(target) for target in node.targets)
    if isinstance(node, ast.keyword | ast.Assign) and (assigned or getattr(node, "arg", "") == "fix"):
        yield node.value
    elif name.startswith("cli/") and isinstance(node, ast.Call):
        called = getattr(node.func, "attr", "") or getattr(node.func, "id", "")
        if called in ("echo", "_note", "say", "tell", "told"):
            yield from node.args


def names(target: ast.expr) -> set[str]:
    return {each.id for each in ast.walk(target) if isinstance(each, ast.Name)}


def texts(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(v.value) if isinstance(v, ast.Constant) else "…" for v in node.values)
    elif isinstance(node, ast.IfExp):
        yield from (*texts(node.body), *texts(node.orelse))
    elif isinstance(node, ast.Tuple | ast.BoolOp):
        for each in node.elts if isinstance(node, ast.Tuple) else node.values:
            yield from texts(each)


@cache
def commands() -> dict[str, Any]:
    """Every command and group by its words, as "forge voice copy"."""
    found: dict[str, Any] = {}

    def below(words: str, command: Any) -> None:
        found[words] = command
        if isinstance(command, TyperGroup):
            for name, each in command.commands.items():
                below(f"{words} {name}".strip(), each)

    for name in cli.COMMANDS:
        group: Any = typer.main.get_command(cli._app([name]))
        below(name, group.commands[name])
        for inner in cli.WITHIN.get(name, {}):
            group = typer.main.get_command(cli._app([name, inner]))
            below(f"{name} {inner}", group.commands[name].commands[inner])
    return found


def test_there_is_advice_to_look_at() -> None:
    assert len(advice()) > 150


def told() -> list[tuple[str, str]]:
    return [(name, text) for name, text in advice() if not name.startswith(PYTHON_ONLY)]


def test_nobody_at_a_shell_is_advised_in_python() -> None:
    assert [(name, text) for name, text in told() if _PYTHON.search(text)] == []


def test_every_option_that_is_advised_exists() -> None:
    known = {
        option for command in commands().values() for p in command.params for option in (*p.opts, *p.secondary_opts)
    }
    known |= _OF_OTHERS | {"--debug", "--help", "--lang"}
    assert [(n, t) for n, t in told() if not set(_OPTION.findall(t)) <= known] == []


def test_every_command_that_is_advised_exists() -> None:
    unknown = []
    for name, text in told():
        for words in _COMMAND.findall(text):
            first = words.split()[0]
            if f"zhenwei {first}" in text and re.search(rf"(`|: |Run |run |of )zhenwei {first}", text):
                unknown += [(name, text)] if first not in cli.COMMANDS else []
    assert unknown == []


def test_every_extra_that_is_advised_exists() -> None:
    extras = set(metadata("zhenwei").get_all("Provides-Extra") or ())
    assert [(n, t) for n, t in advice() if not {e for es in _EXTRA.findall(t) for e in es.split(",")} <= extras] == []


@pytest.mark.parametrize("text", ["Leave them out with missing='skip'.", "or raise Limits.max_bytes", "zhenwei.models"])
def test_the_check_knows_python_when_it_sees_it(text: str) -> None:
    assert _PYTHON.search(text)
