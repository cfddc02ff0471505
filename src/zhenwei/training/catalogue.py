"""The lessons there are: ``training/<family>/<file>.py`` teaches ``<family>.<file>``; other packages add theirs by an
entry point of the group ``zhenwei.lessons`` whose name is the detector's id."""

from __future__ import annotations

import difflib
import pkgutil
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, TypeVar

from zhenwei import training
from zhenwei.errors import FaultError, UsageError
from zhenwei.faults import contained
from zhenwei.training.lesson import Lesson

GROUP = "zhenwei.lessons"
T = TypeVar("T")
_REPAIR = "Repair or uninstall the package that declares it."
_NO_FAMILY = ("data", "install", "recipes")  # folders of training that hold no lessons


def ids() -> tuple[str, ...]:
    """The detectors that can be trained, in alphabetical order, read off the folders and the entry points."""
    own = _own()
    return tuple(sorted({*own, *(point.name for point in entry_points(group=GROUP))}))


def lesson_of(id_: str) -> Lesson[Any, Any, Any]:
    """The lesson that teaches the detector ``id_``; of its own and a plug-in's, its own.

    Raises :class:`UsageError` where there is none, two plug-ins claim it, or what stands there is no lesson, and
    :class:`FaultError` that names the package where a plug-in's does not load.
    """
    points = _points(id_)
    if id_ in _own():
        return _checked(id_, getattr(import_module(f"{training.__name__}.{id_}"), "lesson", None))
    if not points:
        known = ids()
        near = difflib.get_close_matches(id_, known, n=3)
        fix = f"Did you mean {' or '.join(near)}?" if near else "zhenwei train --list shows all that can be trained."
        raise UsageError(f"there is no lesson for {id_!r}", fix=fix)
    if len(points) > 1:
        fix = "Uninstall one of the packages, or have its author choose another id."
        raise UsageError(f"two lessons claim the id {id_!r}", got=" and ".join(map(_claim, points)), fix=fix)
    what = f"the lesson of {id_!r} does not load"
    return of_plugin(id_, lambda: _checked(id_, points[0].load(), points[0]), what)


def of_plugin(id_: str, work: Callable[[], T], what: str) -> T:
    """What ``work`` of the lesson ``id_`` gives. A fault in it is told as ``what``, with the package that the lesson is
    of; raises besides what :func:`contained` does."""
    if id_ in _own() or not _points(id_):
        return work()
    try:
        return contained(work)
    except FaultError as error:
        got = f"{_claim(_points(id_)[0])}: {error.got}"
        raise FaultError(what, got=got, fix=_REPAIR, trace=error.trace) from None


def is_own(id_: str) -> bool:
    """Whether the lesson of ``id_`` is of this package, and no plug-in's."""
    return id_ in _own()


def passed_over(id_: str) -> tuple[str, ...]:
    """The plug-ins' lessons for ``id_`` that are not taken, as the package has one."""
    return tuple(map(_claim, _points(id_))) if id_ in _own() else ()


def _points(id_: str) -> list[EntryPoint]:
    return list(entry_points(group=GROUP, name=id_))


def _claim(point: EntryPoint) -> str:
    return f"{point.value} (of {point.dist.name if point.dist else 'an unknown package'})"


def _checked(id_: str, found: object, point: EntryPoint | None = None) -> Lesson[Any, Any, Any]:
    if not isinstance(found, Lesson) or id_ not in found.serves:
        got = repr(found.serves) if isinstance(found, Lesson) else f"a {type(found).__name__}"
        got, fix = (f"{_claim(point)}: {got}", _REPAIR) if point else (got, "")
        what, want = f"the lesson of {id_!r} is not what its place says", f"a Lesson for {id_!r}"
        raise UsageError(what, got=got, want=want, fix=fix)
    return found


def _own() -> list[str]:
    found = []
    for family in pkgutil.iter_modules(training.__path__):
        if family.ispkg and family.name not in _NO_FAMILY:
            files = pkgutil.iter_modules([str(Path(root, family.name)) for root in training.__path__])
            found += [f"{family.name}.{file.name}" for file in files if not file.name.startswith("_")]
    return found
