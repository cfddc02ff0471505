"""Errors are told apart by their type: no decision in the package hangs on the words of a message."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import zhenwei
from zhenwei.errors import DataError, NotCoveredError, UnmarkedError
from zhenwei.forge.make import check_consent
from zhenwei.forge.swap import fitting
from zhenwei.forge.voice.attempts import ATTEMPTS, first_marked

SOURCE = Path(zhenwei.__file__).parent
# Messages of the C2PA library, where it has no type for what it says.
FOREIGN = {"defence/credential.py", "defence/credential_states.py", "media/images.py"}
_WORDS = {"what", "got", "want", "fix", "finding", "reason", "args", "strerror"}
_TESTS = {"startswith", "endswith", "find", "index", "count"}


def decisions(tree: ast.AST) -> Iterator[ast.expr]:
    """Comparisons and tests whose subject is a message: ``"mark" in error.what``, ``str(error).startswith("a")``."""
    caught = {h.name for h in ast.walk(tree) if isinstance(h, ast.ExceptHandler) and h.name}
    for node in ast.walk(tree):
        sides: list[ast.expr] = []
        if isinstance(node, ast.Compare) and not any(isinstance(op, ast.Is | ast.IsNot) for op in node.ops):
            sides = [node.left, *node.comparators]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _TESTS:
            sides = [node.func.value]
        if isinstance(node, ast.expr) and any(is_message(side, caught) for side in sides):
            yield node


def is_message(node: ast.expr, caught: set[str]) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return is_message(node.func.value, caught)  # .lower(), .strip()
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "str" and node.args:
        inner = node.args[0]
        return (isinstance(inner, ast.Name) and inner.id in caught | {"error"}) or is_message(inner, caught)
    return isinstance(node, ast.Attribute) and node.attr in _WORDS and not is_own(node)


def is_own(node: ast.Attribute) -> bool:
    """A field of something else that is called so."""
    return isinstance(node.value, ast.Name) and node.value.id in ("self", "options", "one", "given", "row")


def test_no_decision_hangs_on_the_words_of_a_message() -> None:
    files = {path.relative_to(SOURCE).as_posix(): path for path in SOURCE.rglob("*.py")}
    found = [
        (name, node.lineno, ast.unparse(node))
        for name in sorted(files.keys() - FOREIGN)
        for node in decisions(ast.parse(files[name].read_text(encoding="utf-8")))
    ]
    assert found == []


@pytest.mark.parametrize(
    "code",
    [
        "try:\n f()\nexcept E as e:\n if 'mark' in str(e): raise",
        "if 'not in' in error.what: pass",
        "x = str(error).lower().startswith('a')",
        "x = evidence.reason == 'no face'",
    ],
)
def test_the_check_knows_one_when_it_sees_it(code: str) -> None:
    assert list(decisions(ast.parse(code)))


@pytest.mark.parametrize("failures", range(ATTEMPTS + 1))
def test_another_draw_is_tried_for_what_cannot_be_marked(failures: int) -> None:
    tried: list[int] = []

    def leave(attempt: int) -> int:
        tried.append(attempt)
        if attempt < failures:
            raise UnmarkedError("no room")
        return attempt

    if failures < ATTEMPTS:
        assert first_marked(leave) == failures
    else:
        with pytest.raises(UnmarkedError):
            first_marked(leave)
    assert tried == list(range(min(failures + 1, ATTEMPTS)))


def test_no_other_draw_is_tried_for_what_it_would_not_mend() -> None:
    def leave(attempt: int) -> int:
        assert attempt == 0
        raise DataError("cannot write marks/mark.wav; a mark, marks")

    with pytest.raises(DataError, match="cannot write"):
        first_marked(leave)


def test_a_sheet_loses_rows_until_it_can_be_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    def sheet(rows: list[int], *_: object, **__: object) -> list[int]:
        if len(rows) > 2:
            raise UnmarkedError("too busy")
        return rows

    monkeypatch.setattr(fitting, "export_sheet", sheet)
    assert fitting.export_rows([1, 2, 3, 4], *[None] * 3) == [1, 2]  # type: ignore[list-item, arg-type, comparison-overlap]

    def full(*_: object, **__: object) -> None:
        raise DataError("cannot write marks.png")

    monkeypatch.setattr(fitting, "export_sheet", full)
    with pytest.raises(DataError, match="cannot write"):
        fitting.export_rows([1, 2, 3, 4], *[None] * 3)  # type: ignore[list-item, arg-type]


def test_a_consent_that_ended_is_told_before_one_of_somebody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    refusals = {"a": NotCoveredError("a: none of hers"), "not in it": DataError("consent of 'not in it' ended")}

    def check_files(_consent: object, name: str, *_: object) -> None:
        raise refusals[name]

    class Named:
        files: Mapping[str, str] = {}

        def __init__(self, name: str) -> None:
            self.name = name

    class Held:
        subjects = (Named("a"), Named("not in it"))

    class Sitter:
        path = Path(__file__)

    monkeypatch.setattr("zhenwei.forge.make.check_files", check_files)
    with pytest.raises(DataError, match="ended"):
        check_consent(Held(), [Sitter()], None)  # type: ignore[arg-type, list-item]
