"""Every English sentence that the program says to its user, read from its source: what ``zh.json`` has to hold.

``python -m tests.words.collecting`` writes those that it lacks, and those that nobody says any more.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.words.looked_up import LOOKED_UP

import zhenwei
from zhenwei import errors
from zhenwei.cli import COMMANDS, WITHIN, every_command
from zhenwei.cli._help import CLICK, STEPS
from zhenwei.cli._tree import EVERYWHERE

SOURCE = Path(zhenwei.__file__).parent
_ERRORS = {name for name, kind in vars(errors).items() if isinstance(kind, type)} | {
    "cls",
    "complain",
    "_malformed",
    "BadParameter",
}
_SAYING = {"say", "tell", "told", "_note", "progress_bar"}
_PARTS = ("what", "got", "want", "fix")


def sentences() -> dict[str, str]:
    """Template -> where it stands."""
    found: dict[str, str] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        where = str(path.relative_to(SOURCE))
        for template in _in_file(path, where):
            if _says_something(template) or (where.startswith("cli/") and _is_word(template)):
                found.setdefault(template, where)
    for template in (*_in_help(), *_in_pages()):
        if _says_something(template) or _is_word(template):
            found.setdefault(template, "help")
    for template in LOOKED_UP:
        found.setdefault(template, "looked up")
    return found


def fields(template: str) -> list[str]:
    """``{}`` and ``{1}`` alike, by number, sorted."""
    plain = template.replace("{{", "").replace("}}", "")
    names = re.findall(r"\{(\d*)\}", plain)
    return sorted([name or str(place) for place, name in enumerate(names)])


def _in_file(path: Path, where: str) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    constants = _constants(tree)
    for call in ast.walk(tree):
        if isinstance(call, ast.Call):
            for argument in _said_by(call, where):
                yield from _templates(argument, constants)
            if _name(call.func) == "show_table":
                yield from constants.get(getattr(call.args[0], "id", ""), []) or _within(call.args[0])


def _said_by(call: ast.Call, where: str) -> list[ast.expr]:
    """Those of its arguments that a person is told."""
    name, room = _name(call.func), where.partition("/")[0]
    keywords = {keyword.arg: keyword.value for keyword in call.keywords}
    if name in _ERRORS or {"got", "want"} & keywords.keys():  # by whatever name the class of an error goes
        return [*call.args, *[keywords[part] for part in _PARTS if part in keywords]]
    if name == "ValueError" and room in ("forge", "trainer", "training"):  # of settings; told as wrong use
        return call.args
    if name == "consent_in":
        return call.args[1:2]
    if room == "cli" and name in _SAYING:
        return call.args[: 2 if where == "cli/_manual.py" else 1]
    if room == "cli" and name in ("Check", "SelfTest"):
        return [*call.args, *keywords.values()]
    if room == "training" and name in ("say", "tell", "bar"):  # what a run tells: sentences, stages and notes on them
        return [*call.args[:1], *call.args[2:3]]
    told = ["fix"]
    if name in ("Finding", "HeldOutTable"):
        told = ["check", "text", "noun"]
    if room == "training":
        told.append("needs")
    return [keywords[part] for part in told if part in keywords]


def _templates(node: ast.expr, constants: dict[str, list[str]]) -> Iterator[str]:
    """What a constant, an f-string, a choice between them or a name of them says."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield _of_f_string(node)
    elif isinstance(node, ast.IfExp):
        yield from _templates(node.body, constants)
        yield from _templates(node.orelse, constants)
    elif isinstance(node, ast.BoolOp):
        for value in node.values:
            yield from _templates(value, constants)
    elif isinstance(node, ast.Name):
        yield from constants.get(node.id, [])
    elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
        yield from constants.get(node.value.id, [])


def _of_f_string(node: ast.JoinedStr) -> str:
    parts = []
    for value in node.values:
        is_text = isinstance(value, ast.Constant)
        parts.append(str(value.value).replace("{", "{{").replace("}", "}}") if is_text else "{}")  # type: ignore[attr-defined]
    return "".join(parts)


def _constants(tree: ast.Module) -> dict[str, list[str]]:
    """Texts by the name that they are given anywhere in the file."""
    found: dict[str, list[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.For) and isinstance(node.target, ast.Name):
            found.setdefault(node.target.id, []).extend(_within(node.iter))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            found.setdefault(node.target.id, []).extend(_within(node.value))
        elif isinstance(node, ast.Assign) and len(node.targets) == 1:
            target, value = node.targets[0], node.value
            if isinstance(target, ast.Name) and isinstance(value, ast.Constant | ast.JoinedStr | ast.IfExp):
                found.setdefault(target.id, []).extend(_templates(value, {}))
            elif isinstance(target, ast.Name):
                found.setdefault(target.id, []).extend(_within(value))
            elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                for name, each in zip(target.elts, value.elts, strict=False):
                    if isinstance(name, ast.Name):
                        found.setdefault(name.id, []).extend(_templates(each, {}))
    return found


def _within(node: ast.expr) -> Iterator[str]:
    """Texts in a tuple, a list or the values of a dictionary, and in tuples within."""
    if isinstance(node, ast.Constant | ast.JoinedStr):
        yield from _templates(node, {})
    for each in getattr(node, "elts", None) or getattr(node, "values", None) or ():
        if isinstance(each, ast.expr) and isinstance(node, ast.Tuple | ast.List | ast.Dict):
            yield from _within(each)


def _name(function: ast.expr) -> str:
    return (
        function.id if isinstance(function, ast.Name) else function.attr if isinstance(function, ast.Attribute) else ""
    )


def _in_pages() -> Iterator[str]:
    """``"..."|told`` in a template."""
    for path in sorted((SOURCE / "pages" / "templates").rglob("*.html")):
        yield from re.findall(r'"([^"]+)"\|told', path.read_text(encoding="utf-8"))


def _in_help() -> Iterator[str]:
    yield from CLICK
    yield from [line for _, line in STEPS]
    yield from COMMANDS.values()
    for within in WITHIN.values():
        yield from within.values()
    for _, _, line in EVERYWHERE:
        yield line
    for command in every_command():
        yield from command.paragraphs
        yield command.line
        for parameter in command.parameters:
            yield parameter.help
            yield parameter.panel
        for example in command.examples:
            yield example.partition(" # ")[2].strip()
        yield from [line for _, line in command.within]


def _says_something(template: str) -> bool:
    """Not only values, names of files, options or commands."""
    bare = re.sub(r"\.(?=\s|$)", " ", re.sub(r"\{[^}]*\}", " ", template))
    words = re.findall(r"[A-Za-z][a-z]+|^[A-Z][A-Z ]+:", re.sub(r"(--?|\.)?[\w.]*[/_.=\\][\w./]*|--[\w-]+", " ", bare))
    return any(len(word) > 1 for word in words) and not re.fullmatch(r"[\w.\-/\[\]]+", template.strip())


def _is_word(template: str) -> bool:
    """One word of a language, which is no name of a file or option."""
    return bool(re.fullmatch(r"[A-Za-z][a-z]+([ -][a-z]+)*", template))


if __name__ == "__main__":
    import sys

    from zhenwei.words import catalogue

    said = sentences()
    for template in said:
        if template not in catalogue():
            sys.stdout.write(f"+ {template}  ({said[template]})\n")
    for template in catalogue():
        if template not in said:
            sys.stdout.write(f"- {template}\n")
