"""The catalogue: every file ``detectors/<family>/<file>.py`` is the detector ``<family>.<file>``; the id is the path.

Other packages add theirs by an entry point of the group ``zhenwei.detectors`` whose name is the id, and bring the
models of their detectors in a store of their own (``store``, see :func:`models_of`). Networks that a user added to a
store (:mod:`zhenwei.models.foreign`) are in it as ``foreign.NAME``.
"""

from __future__ import annotations

import difflib
import functools
import pkgutil
from dataclasses import fields
from importlib import import_module
from pathlib import Path

from zhenwei.detectors._asking import ask
from zhenwei.detectors._plugins import GROUP, BrokenPlugin, Catalogue, checked, models_of, plugins
from zhenwei.errors import UsageError
from zhenwei.models import foreign
from zhenwei.types import Depth, Detector

__all__ = [
    "GROUP",
    "BrokenPlugin",
    "Catalogue",
    "ask",
    "asked_at",
    "build",
    "catalogue",
    "ids",
    "models_of",
    "package_of",
]

Option = bool | int | float | str


def ids() -> tuple[str, ...]:
    """The ids of the detectors in this package, in alphabetical order, read off the folder; imports none of them."""
    found: list[str] = []
    for root in __path__:
        for family in pkgutil.iter_modules([root]):
            if family.ispkg:
                names = [module.name for module in pkgutil.iter_modules([str(Path(root, family.name))])]
                found += [f"{family.name}.{name}" for name in names if not name.startswith("_")]
    return tuple(sorted(found))


@functools.cache
def catalogue(*, strict: bool = True) -> Catalogue:
    """Every detector by its id, those of other packages included; what does not load of theirs is in ``left_out``.

    Raises DetectorClashError where two claim one id; unless ``strict``, neither of the two is in it then, and asking
    for that id is the error. Raises UsageError for a file of this package that is not what its path says.
    """
    if strict:
        found = catalogue(strict=False)
        for clash in found.clashes.values():
            raise clash
        return found
    own = {id_: checked(id_, getattr(import_module(f"{__name__}.{id_}"), "detector", None)) for id_ in ids()}
    stores = foreign.stores()
    if not stores:
        return plugins(own)
    from zhenwei.detectors._foreign import kinds

    return plugins(own, *kinds(stores))


def asked_at(depth: Depth) -> tuple[str, ...]:
    """The ids of those that an examination of ``depth`` asks, in alphabetical order. Raises as :func:`catalogue`."""
    return tuple([id_ for id_, kind in catalogue().items() if kind.info.asked_at(depth)])


def build(id: str, /, **options: Option) -> Detector:  # noqa: A002 - the word that users know it by
    """The detector ``id`` with its options set. UsageError for an unknown id or option, a value of another type, or a
    plug-in that does not load; DetectorClashError where two packages claim ``id``."""
    kind = _kind(id, catalogue(strict=False))
    known = {f.name: f.default for f in fields(kind) if f.init}  # type: ignore[arg-type]  # a Protocol hides it
    for name, value in options.items():
        if name not in known:
            want = ", ".join(known) or "none, it has no options"
            raise UsageError(f"{id} has no option {name!r}", got=f"{name}={value!r}", want=want)
        wanted = type(known[name])
        if type(value) is not wanted and not (wanted is float and type(value) is int):
            raise UsageError(f"option {name!r} of {id} has the wrong type", got=repr(value), want=wanted.__name__)
    return kind(**options)


def package_of(id_: str) -> str:
    """The package that a plug-in came with; "" for a detector of this one."""
    return catalogue(strict=False).packages.get(id_, "")


def _kind(id_: str, kinds: Catalogue) -> type[Detector]:
    if id_ in kinds.clashes:
        raise kinds.clashes[id_]
    for lost in kinds.left_out:
        if lost.id == id_:
            raise lost.error
    if id_ not in kinds:
        near = difflib.get_close_matches(id_, kinds, n=3)
        fix = f"Did you mean {' or '.join(near)}?" if near else f"There are {', '.join(kinds)}."
        raise UsageError(f"there is no detector {id_!r}", fix=fix)
    return kinds[id_]
