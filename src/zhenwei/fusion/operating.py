"""Operating points: how often genuine and forged media reach a given LLR; never better than the data can show.

``Tail.at(t)`` bounds P(LLR >= t) on one side from above, at 95 % confidence. Where no medium of the calibration set
went so far, or none was measured at all, it is Markov's bound: E[e^LLR | genuine] = 1 for any likelihood ratio, hence
P(LLR >= t | genuine) <= e^-t, and likewise P(LLR <= -t | forged) <= e^-t.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Self, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zhenwei.errors import DataError, ModelError
from zhenwei.files import read_document, write_document
from zhenwei.types import Kind, Person

SCHEMA = "zhenwei.operating_points/2"
PACKAGED = Path(__file__).with_name("operating_points.json")
_MAX_STEPS = 200


@dataclass(frozen=True, slots=True)
class Tail:
    """P(value >= t) from above: ``rate[i]`` for t from ``llr[i]`` on, 1 below the first; ``floor`` beyond the last.

    ``llr`` rises, ``rate`` does not; values count towards the error, so for forged media they are -LLR. ``media`` were
    measured, of ``groups`` independent sources.
    """

    llr: tuple[float, ...] = ()
    rate: tuple[float, ...] = ()
    floor: float = 1.0
    media: int = 0
    groups: int = 0

    def __post_init__(self) -> None:
        """Raises :class:`ModelError` for numbers that make no tail."""
        llr, rate = np.array(self.llr, np.float64), np.array((1.0, *self.rate, self.floor), np.float64)
        rises = len(self.llr) == len(self.rate) and bool((llr[1:] > llr[:-1]).all())
        falls = bool((rate[1:] <= rate[:-1]).all() and (rate > 0).all())
        if not (rises and falls and np.isfinite(llr).all()):
            raise _malformed("rising LLRs with rates in (0, 1] that do not rise", "something else")

    def at(self, t: float) -> float:
        """The share of media, in (0, 1], that reach ``t``; never rises with ``t``."""
        step = bisect_right(self.llr, t) - 1
        if self.llr and (step < 0 or t <= self.llr[-1]):
            return self.rate[step] if step >= 0 else 1.0
        return min(self.floor, math.exp(-min(max(t, 0.0), 700.0)))


@dataclass(frozen=True, slots=True)
class Domain:
    """What rates were measured on. ``sources``: name, genuine and forged media of each. ``ranges``: between which
    values 98 in 100 of the genuine ones lay, by the names of ``types.Quality``."""

    sources: tuple[tuple[str, int, int], ...] = ()
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OperatingPoints:
    """The tails of fused LLRs of one person (of the file, where nobody is seen), by kind of media, and the media that
    they were measured on."""

    genuine: Mapping[str, Tail] = field(default_factory=dict)
    forged: Mapping[str, Tail] = field(default_factory=dict)
    domains: Mapping[str, Domain] = field(default_factory=dict)

    def measured_on(self, kind: Kind) -> tuple[tuple[str, int, int], ...]:
        """Name of a source, genuine and forged media of it; empty where nothing was measured."""
        return self.domains.get(kind, Domain()).sources

    def outside(self, kind: Kind, people: Sequence[Person]) -> tuple[tuple[str, float, float, float], ...]:
        """In what the clearest person is like none that was measured: quality, its value, the measured range."""
        if not people:
            return ()
        clearest = max(people, key=lambda p: p.quality.face_px).quality
        ranges = self.domains.get(kind, Domain()).ranges
        outside = []
        for name, (low, high) in ranges.items():
            value = float(getattr(clearest, name))
            if not low <= value <= high:
                outside.append((name, value, low, high))
        return tuple(outside)

    def joined(self, other: OperatingPoints) -> OperatingPoints:
        """With the kinds of media that ``other`` has measured in place of these."""
        domains = {**self.domains, **other.domains}
        return OperatingPoints({**self.genuine, **other.genuine}, {**self.forged, **other.forged}, domains)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        genuine = {kind: _plain(tail) for kind, tail in sorted(self.genuine.items())}
        forged = {kind: _plain(tail) for kind, tail in sorted(self.forged.items())}
        domains = {}
        for kind, domain in sorted(self.domains.items()):
            ranges = {}
            for name, (low, high) in sorted(domain.ranges.items()):
                ranges[name] = [round(low, 4), round(high, 4)]
            domains[kind] = {"sources": list(map(list, domain.sources)), "ranges": ranges}
        return {"genuine": genuine, "forged": forged, "domains": domains}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`to_dict`. Raises :class:`ModelError` for anything else."""
        if set(values) != {"genuine", "forged", "domains"}:
            raise _malformed("genuine, forged and domains", str(sorted(values)))
        for side in values.values():
            if not set(side) <= set(get_args(Kind)):
                raise _malformed("image, video or audio", str(sorted(side)))
        genuine = {kind: _tail(tail) for kind, tail in values["genuine"].items()}
        forged = {kind: _tail(tail) for kind, tail in values["forged"].items()}
        return cls(genuine, forged, {kind: _domain(domain) for kind, domain in values["domains"].items()})

    @classmethod
    def load(cls, path: str | Path | None = None) -> Self:
        """Reads ``path``, or the tables in the package. Raises :class:`ModelError` if missing or malformed."""
        values = read_document(Path(path or PACKAGED), SCHEMA, error=ModelError)
        try:
            return cls.from_dict(values)
        except (ValueError, TypeError, AttributeError) as error:
            raise _malformed("JSON written by OperatingPoints.save", str(error)) from error

    def save(self, path: str | Path) -> None:
        write_document(Path(path), SCHEMA, self.to_dict())


@cache
def packaged() -> OperatingPoints:
    """The tables in the package, read once."""
    return OperatingPoints.load()


def worst_of(tails: list[Tail]) -> Tail:
    """The tail that bounds each of ``tails``: at every level the largest of their rates."""
    if not tails:
        raise DataError("no source to measure on", want="at least one")
    levels, floor, media, groups = set[float](), 0.0, 0, 0
    for tail in tails:
        levels.update(tail.llr)
        floor, media, groups = max(floor, tail.floor), media + tail.media, groups + tail.groups
    grid, rates = sorted(levels), []
    for level in grid:
        rates.append(max(floor, *[tail.at(level) for tail in tails]))
    return Tail(tuple(grid), tuple(np.minimum.accumulate(rates).tolist()), floor, media, groups)


def measure_operating_points(
    llr: ArrayLike,
    labels: ArrayLike,
    kinds: Sequence[Kind],
    *,
    groups: Sequence[object] | None = None,
    confidence: float = 0.95,
) -> OperatingPoints:
    """The tables of calibration media that no part of the detector learned from.

    ``llr``, ``labels``, ``kinds``, ``groups`` ``(n,)``: one entry a person examined (a file, where nobody is seen), the
    fused LLR, 1 forged or 0 genuine, "image" or "video", and the source; media of one source count as one, which is
    careful, and without ``groups`` each is a source of its own. Abstentions are dropped beforehand and reported as
    coverage. Rates are upper Clopper-Pearson limits at ``confidence``. Raises :class:`DataError` for NaN, or a label
    that is neither.
    """
    values, truth = np.asarray(llr, np.float64), np.asarray(labels, np.float64)
    group_of = np.array(list(map(str, range(len(values)) if groups is None else groups)))
    kind = np.asarray(list(kinds), np.str_)
    if not values.shape == truth.shape == kind.shape == group_of.shape:
        raise DataError("the columns differ in length", want="one length")
    if not (np.isfinite(values).all() and np.isin(truth, (0, 1)).all() and np.isin(kind, get_args(Kind)).all()):
        raise DataError("operating points cannot be measured", want="finite LLRs, labels 0 or 1, kinds of media")
    sides: list[dict[str, Tail]] = []
    for label, sign in ((0, 1.0), (1, -1.0)):
        tails = {}
        for name in get_args(Kind):
            rows = (truth == label) & (kind == name)
            if rows.any():
                tails[name] = _measure(sign * values[rows], group_of[rows], confidence)
        sides.append(tails)
    return OperatingPoints(sides[0], sides[1])


def _measure(values: NDArray[np.float64], groups: NDArray[np.str_], confidence: float) -> Tail:
    """Clopper-Pearson with the groups as sample size (Korn & Graubard 1998): exact where each medium is a group."""
    from scipy.special import betaincinv  # the scan needs the tables only

    n = len(set(groups.tolist()))
    grid = np.unique(values)
    if len(grid) > _MAX_STEPS:  # by rank, so that the steps lie close where rates change; from both ends
        grid = grid[np.unique(np.linspace(0, len(grid) - 1, _MAX_STEPS).round().astype(int))]
    reached = len(values) - np.searchsorted(np.sort(values), grid, side="left")
    count = reached / len(values) * n
    with np.errstate(invalid="ignore"):
        upper = np.where(count < n, betaincinv(count + 1, np.maximum(n - count, 1e-9), confidence), 1.0)
    floor = 1 - (1 - confidence) ** (1 / n)
    rates = np.maximum(np.minimum.accumulate(upper), floor)
    return Tail(tuple(grid.tolist()), tuple(rates.tolist()), float(floor), len(values), n)


def _plain(tail: Tail) -> dict[str, Any]:
    return asdict(tail) | {"llr": list(tail.llr), "rate": list(tail.rate)}


def _domain(values: Mapping[str, Any]) -> Domain:
    if set(values) != {"sources", "ranges"}:
        raise _malformed("sources and ranges", str(sorted(values)))
    sources = []
    for name, genuine, forged in values["sources"]:
        sources.append((str(name), int(genuine), int(forged)))
    ranges = {}
    for quality, (low, high) in values["ranges"].items():
        ranges[str(quality)] = (float(low), float(high))
    return Domain(tuple(sources), ranges)


def _tail(values: Mapping[str, Any]) -> Tail:
    if set(values) != {"llr", "rate", "floor", "media", "groups"}:
        raise _malformed("the fields of a tail", str(sorted(values)))
    llr, rate = tuple(map(float, values["llr"])), tuple(map(float, values["rate"]))
    return Tail(llr, rate, float(values["floor"]), int(values["media"]), int(values["groups"]))


def _malformed(want: str, got: str) -> ModelError:
    fix = "Restore the file from the package, or measure it anew."
    return ModelError("the operating points are malformed", got=got, want=want, fix=fix)
