"""A run that goes on: what it may do otherwise than it began, and the recipes that it keeps in its folder."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from zhenwei.errors import DataError, UsageError
from zhenwei.files import write_whole
from zhenwei.training.recipe import differences

R = TypeVar("R", bound=BaseModel)
RECORD = "recipe.json"


def kept_recipe(folder: Path, recipe: R) -> R:
    """As ``recipe.json`` has it; ``recipe`` where there is none. Raises :class:`DataError` where it is damaged."""
    path = folder / RECORD
    return _read(path, type(recipe)) if path.is_file() else recipe


def refuse_changed(names: Sequence[str], before: BaseModel, now: BaseModel) -> None:
    """Raises :class:`UsageError` where one of these fields is another: whom a run learned from cannot be held out of
    it afterwards."""
    changed = [name for name in names if getattr(before, name) != getattr(now, name)]
    if changed:
        got, want = (" ".join(_option(name, getattr(one, name)) for name in changed) for one in (now, before))
        fix = "Give it as the run was begun with, or begin anew in another folder."
        raise UsageError("what is held out stays while a run goes on", got=got, want=want, fix=fix)


def heed_changes(before: BaseModel, now: BaseModel, *, left: int, say: Callable[[str], None]) -> None:
    """Says what the ``left`` steps of a run are to do otherwise. Raises :class:`UsageError` where none is left: the
    recipe would tell of what was never done."""
    differ = changes_of(before, now)
    if differ and not left:
        fix = "Give the settings that it was made with, or begin anew in another folder."
        raise UsageError("the run is at its end, and its settings can no longer change", got="; ".join(differ), fix=fix)
    if differ:
        say(f"Settings of the run that change from here on: {'; '.join(differ)}")


def changes_of(before: BaseModel, now: BaseModel) -> list[str]:
    """As :func:`differences`, without the weights that it began with, which nobody gives a second time."""
    return [text for text in differences(before, now) if not text.startswith("start ")]


def refuse_beyond(step: int, steps: int, option: str = "--optimiser.steps") -> None:
    """Raises :class:`UsageError` where a run that goes on is beyond the ``steps`` it is to have in all."""
    if step > steps:
        want = f"{option} {step} or more, which is the number in all"
        raise UsageError(
            "the run has more steps behind it than it is to have", got=f"step {step} of {steps}", want=want
        )


def record(recipe: BaseModel, folder: Path, step: int) -> None:
    """``recipe.json``; that of the steps before, if it was another, stays as ``recipe-until-STEP.json``."""
    path, text = folder / RECORD, recipe.model_dump_json(indent=2)
    until = folder / f"recipe-until-{step}.json"
    if step and path.is_file() and path.read_text(encoding="utf-8") != text and not until.exists():
        path.replace(until)
    write_whole(path, text)
    if until.is_file() and until.read_text(encoding="utf-8") == text:  # changed and changed back, without a step
        until.unlink()


def told_changes(folder: Path, recipe: BaseModel) -> tuple[str, ...]:
    """For the card: what changed, and at which step, in a run that ends with ``recipe``."""
    steps = sorted(int(path.stem.rpartition("-")[2]) for path in folder.glob("recipe-until-*.json"))
    recipes = [*(_read(folder / f"recipe-until-{step}.json", type(recipe)) for step in steps), recipe]
    found = []
    for step, before, after in zip(steps, recipes, recipes[1:], strict=False):
        differ = changes_of(before, after)
        if differ:
            found.append(f"The recipe changed at step {step}: {'; '.join(differ)}.")
    return tuple(found)


def _read(path: Path, kind: type[R]) -> R:
    try:
        return kind.model_validate_json(path.read_text(encoding="utf-8"))
    except ValueError as error:
        fix = "Delete it: the run goes on by the recipe that is given."
        raise DataError("the recipe that the run was begun with cannot be read", got=str(path), fix=fix) from error


def _option(name: str, value: object) -> str:
    """As it is given on the command line, whose values are TOML."""
    if isinstance(value, dict):
        text = ", ".join(f"{json.dumps(key, ensure_ascii=False)} = {json.dumps(one)}" for key, one in value.items())
        text = f"{{{text}}}"
    else:
        text = json.dumps(value, ensure_ascii=False)
    return f"--{name.replace('_', '-')} {shlex.quote(text)}"
