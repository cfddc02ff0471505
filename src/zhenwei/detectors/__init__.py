"""The catalogue: every file ``detectors/<family>/<file>.py`` is the detector ``<family>.<file>``; the id is the path.

Other packages add theirs by an entry point of the group ``zhenwei.detectors`` whose name is the id.
"""

from __future__ import annotations

import difflib
import functools
import pkgutil
from collections.abc import Mapping
from dataclasses import fields
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import MappingProxyType

from zhenwei.errors import DetectorClashError, UsageError
from zhenwei.types import Detector

GROUP = "zhenwei.detectors"
Option = bool | int | float | str


def ids() -> tuple[str, ...]:
    """The ids of the detectors in this package, in alphabetical order, read off the folder; imports none of them."""
    families = [m.name for m in pkgutil.iter_modules(__path__) if m.ispkg]
    folders = [(family, str(Path(root, family))) for root in __path__ for family in families]
    files = [(family, m.name) for family, folder in folders for m in pkgutil.iter_modules([folder])]
    return tuple(sorted(f"{family}.{name}" for family, name in files if not name.startswith("_")))


@functools.cache
def catalogue() -> Mapping[str, type[Detector]]:
    """Every detector by its id, those of other packages included.

    Raises DetectorClashError where two claim one id, UsageError for one that is not what its path or name says.
    """
    found = {id_: _checked(id_, getattr(import_module(f"{__name__}.{id_}"), "detector", None)) for id_ in ids()}
    claims = {id_: f"{kind.__module__}:{kind.__name__}" for id_, kind in found.items()}
    for point in entry_points(group=GROUP):
        claim = f"{point.value} (of {point.dist.name if point.dist else 'an unknown package'})"
        if point.name in claims:
            fix = "Uninstall one of the two packages, or have its author choose another id."
            got = f"{claims[point.name]} and {claim}"
            raise DetectorClashError(f"two detectors claim the id {point.name!r}", got=got, fix=fix)
        found[point.name], claims[point.name] = _checked(point.name, _loaded(point, claim)), claim
    return MappingProxyType(dict(sorted(found.items())))


def build(id: str, /, **options: Option) -> Detector:  # noqa: A002 - the word that users know it by
    """The detector ``id`` with its options set. UsageError for an unknown id or option, or a value of another type."""
    kinds = catalogue()
    if id not in kinds:
        near = difflib.get_close_matches(id, kinds, n=3)
        fix = f"Did you mean {' or '.join(near)}?" if near else f"There are {', '.join(kinds)}."
        raise UsageError(f"there is no detector {id!r}", fix=fix)
    kind = kinds[id]
    known = {f.name: f.default for f in fields(kind) if f.init}  # type: ignore[arg-type]  # a Protocol hides it
    for name, value in options.items():
        if name not in known:
            want = ", ".join(known) or "none, it has no options"
            raise UsageError(f"{id} has no option {name!r}", got=f"{name}={value!r}", want=want)
        wanted = type(known[name])
        if type(value) is not wanted and not (wanted is float and type(value) is int):
            raise UsageError(f"option {name!r} of {id} has the wrong type", got=repr(value), want=wanted.__name__)
    return kind(**options)


def _checked(id_: str, kind: type[Detector] | None) -> type[Detector]:
    stated = getattr(getattr(kind, "info", None), "id", None)
    if kind is None or stated != id_:
        got = "no attribute 'detector'" if kind is None else f"info.id {stated!r}"
        raise UsageError(f"the detector {id_!r} is not what its place says", got=got, want=f"info.id {id_!r}")
    return kind


def _loaded(point: EntryPoint, claim: str) -> type[Detector]:
    try:
        kind: type[Detector] = point.load()
    except (ImportError, AttributeError) as error:
        fix = "Repair or uninstall the package that declares it."
        raise UsageError(f"the detector {point.name!r} does not load", got=f"{claim}: {error}", fix=fix) from error
    return kind
