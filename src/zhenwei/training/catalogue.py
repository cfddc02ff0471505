"""The lessons there are: ``training/<family>/<file>.py`` teaches ``<family>.<file>``; other packages add theirs by an
entry point of the group ``zhenwei.lessons`` whose name is the detector's id."""

from __future__ import annotations

import difflib
import pkgutil
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from zhenwei import training
from zhenwei.errors import UsageError
from zhenwei.faults import contained
from zhenwei.training.lesson import Lesson

GROUP = "zhenwei.lessons"
_NO_FAMILY = ("data", "install", "recipes")  # folders of training that hold no lessons


def ids() -> tuple[str, ...]:
    """The detectors that can be trained, in alphabetical order, read off the folders and the entry points."""
    own = _own()
    return tuple(sorted({*own, *(point.name for point in entry_points(group=GROUP))}))


def lesson_of(id_: str) -> Lesson[Any, Any, Any]:
    """The lesson that teaches the detector ``id_``.

    Raises :class:`UsageError` where there is none or two packages claim it, and what :func:`contained` raises where a
    plug-in's does not load.
    """
    points = list(entry_points(group=GROUP, name=id_))
    claims = [f"zhenwei.training.{id_}"] if id_ in _own() else []
    claims += [f"{point.value} (of {point.dist.name if point.dist else 'an unknown package'})" for point in points]
    if not claims:
        known = ids()
        near = difflib.get_close_matches(id_, known, n=3)
        fix = f"Did you mean {' or '.join(near)}?" if near else "zhenwei train --list shows all that can be trained."
        raise UsageError(f"there is no lesson for {id_!r}", fix=fix)
    if len(claims) > 1:
        fix = "Uninstall one of the packages, or have its author choose another id."
        raise UsageError(f"two lessons claim the id {id_!r}", got=" and ".join(claims), fix=fix)
    found: object
    if points:
        found = contained(points[0].load)
    else:
        found = getattr(import_module(f"{training.__name__}.{id_}"), "lesson", None)
    if not isinstance(found, Lesson) or id_ not in found.serves:
        got = repr(found.serves) if isinstance(found, Lesson) else "no attribute 'lesson'"
        raise UsageError(f"the lesson of {id_!r} is not what its place says", got=got, want=f"a Lesson for {id_!r}")
    return found


def _own() -> list[str]:
    found = []
    for family in pkgutil.iter_modules(training.__path__):
        if family.ispkg and family.name not in _NO_FAMILY:
            files = pkgutil.iter_modules([str(Path(root, family.name)) for root in training.__path__])
            found += [f"{family.name}.{file.name}" for file in files if not file.name.startswith("_")]
    return found
