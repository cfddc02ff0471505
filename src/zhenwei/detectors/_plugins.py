"""Detectors of other packages: found by their entry points, loaded behind the barrier, with the models they bring."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import get_args

from zhenwei import models
from zhenwei.errors import DetectorClashError, UsageError, ZhenweiError
from zhenwei.faults import contained
from zhenwei.models import ModelEntry
from zhenwei.types import DEPTHS, Detector, DetectorInfo, Forgery, InputContract, Kind, Level

GROUP = "zhenwei.detectors"
_REPAIR = "Repair or uninstall the package that declares it."


@dataclass(frozen=True, slots=True)
class BrokenPlugin:
    """A plug-in that cannot be asked. ``package``: that declares it. ``error``: why, for who asks for it by name.
    ``trace``: where it failed to load, "" if it did. ``kind``: its class, where that is sound and only cannot be asked
    yet, as before its first model is trained."""

    id: str
    package: str
    error: UsageError
    trace: str = ""
    kind: type[Detector] | None = None


@dataclass(frozen=True, slots=True)
class Catalogue(Mapping[str, type[Detector]]):
    """Detectors by id, in alphabetical order. ``packages``: of the plug-ins among them, where each comes from.
    ``left_out``: plug-ins that do not load. ``clashes``: ids that two claim, with the error that says who."""

    kinds: Mapping[str, type[Detector]]
    packages: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[BrokenPlugin, ...] = ()
    clashes: Mapping[str, DetectorClashError] = field(default_factory=dict)

    def __getitem__(self, id_: str) -> type[Detector]:
        return self.kinds[id_]

    def __iter__(self) -> Iterator[str]:
        return iter(self.kinds)

    def __len__(self) -> int:
        return len(self.kinds)


def plugins(
    own: Mapping[str, type[Detector]],
    added: Mapping[str, Sequence[tuple[Path, type[Detector]]]] | None = None,
    broken: Mapping[str, UsageError] | None = None,
) -> Catalogue:
    """The catalogue of ``own``, of what other packages declare, and of networks ``added`` to stores; ``broken``: what
    of the latter cannot be asked."""
    claims = {id_: [f"{kind.__module__}:{kind.__name__}"] for id_, kind in own.items()}
    for id_, stored in (added or {}).items():
        claims.setdefault(id_, []).extend([f"{id_} (of {store})" for store, _ in stored])
    points = sorted(entry_points(group=GROUP), key=lambda point: (point.name, _claim(point)))
    for point in points:
        claims.setdefault(point.name, []).append(_claim(point))
    clashes = {id_: _clash(id_, rivals) for id_, rivals in sorted(claims.items()) if len(rivals) > 1}
    found = {id_: kind for id_, kind in own.items() if id_ not in clashes}
    packages: dict[str, str] = {}
    left_out = [BrokenPlugin(id_, "a store of networks", error) for id_, error in (broken or {}).items()]
    for id_, stored in (added or {}).items():
        if id_ not in clashes:
            (store, found[id_]) = stored[0]
            packages[id_] = str(store)
    for point in points:
        if point.name in clashes:
            continue
        loaded = _loaded(point)
        if isinstance(loaded, BrokenPlugin):
            left_out.append(loaded)
        else:
            found[point.name], packages[point.name] = loaded, _package(point)
    return Catalogue(dict(sorted(found.items())), packages, tuple(left_out), clashes)


def checked(id_: str, kind: type[Detector] | None) -> type[Detector]:
    """``kind``, if its place gave one and it calls itself ``id_``; else UsageError."""
    stated = getattr(getattr(kind, "info", None), "id", None)
    if kind is None or stated != id_:
        got = "no attribute 'detector'" if kind is None else f"info.id {stated!r}"
        raise UsageError(f"the detector {id_!r} is not what its place says", got=got, want=f"info.id {id_!r}")
    return kind


def models_of(kind: type[Detector] | Detector) -> dict[str, ModelEntry]:
    """The rows of the models that a detector runs, by id, each from the store that it takes them from.

    A plug-in names the folder of its own store, with a ``manifest.json``, as the class attribute ``store``; a model
    that is not in it, and every model of a detector without one, is of this package. Raises ModelError for a model that
    is in neither, and for a store whose manifest is missing or malformed.
    """
    store = getattr(kind, "store", None)
    own = {} if store is None else {row.id: row for row in models.manifest(Path(store))}
    return {id_: own[id_] if id_ in own else models.entry(id_) for id_ in kind.info.models}


def _loaded(point: EntryPoint) -> type[Detector] | BrokenPlugin:
    what, trace = f"the detector {point.name!r} does not load", ""
    kind: type[Detector] | None = None
    try:
        with getattr(sys.stdout, "aside", nullcontext)():  # the command line keeps what it prints out of its results
            kind = contained(lambda: _sound(point))
            return contained(partial(_ready, kind))
    except ZhenweiError as error:
        got, trace = f"{_claim(point)}: {error.got or error}", getattr(error, "trace", "")
        if not trace:
            what, got = f"the detector {point.name!r} is left out: {error.what}", f"{_claim(point)}: {error.got}"
    except OSError as error:
        got = f"{_claim(point)}: {error}"
    return BrokenPlugin(point.name, _package(point), UsageError(what, got=got, fix=_REPAIR), trace, kind)


def _sound(point: EntryPoint) -> type[Detector]:
    """Its class, after it was seen to be a detector."""
    kind = checked(point.name, point.load())
    info: object = kind.info  # what another package calls so
    if not isinstance(info, DetectorInfo):
        got = f"info of type {type(info).__name__}"
        raise UsageError("it is no detector", got=got, want="info: DetectorInfo")
    if fault := _fault_of(info):
        raise UsageError("its entry in the catalogue is not sound", got=fault)
    return kind


def _ready(kind: type[Detector]) -> type[Detector]:
    """``kind``, after it was seen that it builds and that its models are there."""
    kind()
    models_of(kind)
    return kind


def _fault_of(info: DetectorInfo) -> str:
    """What of it no examination could work with: ``name value`` of the first such field, "" if there is none."""
    right = {
        "question": isinstance(info.question, str),
        "takes": _are_texts(info.takes) and bool(info.takes) and set(info.takes) <= set(get_args(Kind)),
        "level": info.level in get_args(Level),
        "needs": _are_texts(info.needs),
        "reference": isinstance(info.reference, str),
        "blind_spots": _are_texts(info.blind_spots),
        "models": _are_texts(info.models),
        "contract": info.contract is None or isinstance(info.contract, InputContract),
        "reads_metadata": isinstance(info.reads_metadata, bool),
        "finds": info.finds in get_args(Forgery),
        "needs_strip": isinstance(info.needs_strip, bool),
        "depth": info.depth in DEPTHS,
    }
    return next((f"{name} {getattr(info, name)!r}" for name, is_right in right.items() if not is_right), "")


def _are_texts(listed: object) -> bool:
    return isinstance(listed, tuple | list) and all(isinstance(text, str) for text in listed)


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist else "an unknown package"


def _claim(point: EntryPoint) -> str:
    return f"{point.value} (of {_package(point)})"


def _clash(id_: str, claims: list[str]) -> DetectorClashError:
    fix = "Uninstall one of the two packages, or have its author choose another id; of two stores, remove one."
    return DetectorClashError(f"two detectors claim the id {id_!r}", got=" and ".join(claims), fix=fix)
