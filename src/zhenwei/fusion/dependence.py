"""How much detectors repeat each other, and what each then adds: learned, not assumed, where it could be measured.

Detectors see the same pixels, so their LLRs are not simply added. For witnesses whose LLRs x are Gaussian in each class
with covariance S, and calibrated (mean S_ii / 2 either way), the LLR of all together is sum w x with S w = diag(S): one
alone keeps its LLR, two that repeat each other count once, m equicorrelated ones of one strength weigh 1 / (1 + (m - 1)
rho) each. Solved for w >= 0, since a witness for a forgery is never held against it. For whoever answered: an
abstention is as if the detector had not been asked.

Spreads and correlations are measured within each class on held-out people and sources; correlations are drawn towards
0.8 within a family and 0.3 between families, the more the fewer groups there were, and stand there where two detectors
never answered together. A detector that was never measured is taken to spread by 0.5.

**Strong evidence is heard.** The Gaussian picture holds where the measurements were made: within three spreads. A
witness that goes further says what the others were never seen to repeat, and what it says beyond that is its own: it is
added whole, and discounted only for others that go beyond theirs on the same side (all but the firmest of a family by
0.8, all but the firmest family by 0.3). So weak evidence of an unmeasured witness is discounted, down to nothing beside
a strong one, and strong evidence of it moves the verdict. More of any evidence never makes a cleaner verdict: weights
do not depend on what was said, and what lies beyond counts by rank.

**Trust.** LLRs are calibrated on the sources that a detector's calibration has seen. What they turn out to be worth on
media of sources left out, as one factor for each kind of media, multiplies what the measured detectors add together:
a factor of 0.3 says that "ten times likelier" was, on such sources, twice. Detectors that were never measured are taken
at their word. An **offset**, not above 0, takes off what genuine media reach where every kind of forgery was looked
for: of several alternatives one looks suspicious by chance.

**Silent** is, in media of one kind, who was no better than chance there on sources left out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from itertools import combinations
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from zhenwei.errors import DataError, ModelError
from zhenwei.files import read_document, write_document
from zhenwei.types import Kind

SCHEMA = "zhenwei.dependence/3"
PACKAGED = Path(__file__).with_name("dependence.json")
WITHIN_FAMILY = 0.8
BETWEEN_FAMILIES = 0.3
_PRIOR_GROUPS = 20.0  # what the assumed correlation weighs
_MAX_CORRELATION = 0.98
_MAX_TRUST = 10.0
UNMEASURED_SPREAD = 0.5
SPREADS = 3.0  # as far as weights hold; beyond that evidence is a witness's own
_MIN_SPREAD = 0.05
_MAX_SWEEPS = 500


@dataclass(frozen=True, slots=True)
class Dependence:
    """``spread``: standard deviation of each detector's LLR within a class. ``correlation``: of pairs ``(a, b)``, a < b
    in the alphabet, in [0, 0.98]. ``groups``: people and sources it was measured on. ``trust``: by kind of media, what
    LLRs of measured detectors are multiplied by, 1 where it is not known. ``silent``: by kind of media, the detectors
    that are not heard. ``offset``: by kind of media, at most 0, what is added where every kind of forgery was looked
    for."""

    spread: Mapping[str, float] = field(default_factory=dict)
    correlation: Mapping[tuple[str, str], float] = field(default_factory=dict)
    groups: int = 0
    trust: Mapping[str, float] = field(default_factory=dict)
    silent: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    offset: Mapping[str, float] = field(default_factory=dict)

    def weights(self, detectors: Sequence[str]) -> tuple[float, ...]:
        """The weight of each of ``detectors`` when these and no others answered; each in [0, 1]."""
        if not detectors:
            return ()
        spreads = np.array([self.spread_of(name) for name in detectors])
        rho = np.eye(len(detectors))
        for i, j in combinations(range(len(detectors)), 2):
            rho[i, j] = rho[j, i] = self.between(detectors[i], detectors[j])
        covariance = rho * np.outer(spreads, spreads)
        return _weights(tuple(map(tuple, covariance.tolist())), tuple((spreads**2).tolist()))

    def spread_of(self, detector: str) -> float:
        """Its standard deviation within a class, or what is assumed of one that was never measured."""
        return self.spread.get(detector, UNMEASURED_SPREAD)

    def contributions(self, answers: Sequence[tuple[str, float]], kind: Kind | None = None) -> tuple[float, ...]:
        """What each of ``answers``, detector and LLR, adds to the LLR of all together; no others answered. ``kind``: of
        the media, whose trust applies; None for none.

        A witness alone adds its LLR. Otherwise weight times LLR as far as three spreads, and what lies beyond,
        discounted for the others that go beyond theirs on the same side. The sum rises with each of the LLRs.
        """
        names = [name for name, _ in answers]
        llrs = np.array([llr for _, llr in answers], np.float64)
        trust = np.ones(len(names))
        bounds = np.empty(len(names))
        for i, name in enumerate(names):
            bounds[i] = SPREADS * self.spread_of(name)
            if name in self.spread:
                trust[i] = self.trust.get(kind or "", 1.0)
        if len(names) == 1:
            return tuple((trust * llrs).tolist())
        inside = np.clip(llrs, -bounds, bounds)
        beyond = llrs - inside
        own = _discounted(names, beyond) - _discounted(names, -beyond)
        return tuple((trust * (np.array(self.weights(names)) * inside + own)).tolist())

    def between(self, one: str, other: str) -> float:
        """The correlation of two detectors; of one with itself, asked twice, nearly 1."""
        if one == other:
            return _MAX_CORRELATION
        first, second = sorted((one, other))
        return self.correlation.get((first, second), assumed(one, other))

    def joined(self, other: Dependence) -> Dependence:
        """With what ``other`` has measured in place of what is known of the same detectors; the larger count."""
        groups = max(self.groups, other.groups)
        correlation = {**self.correlation, **other.correlation}
        trust, silent = {**self.trust, **other.trust}, {**self.silent, **other.silent}
        offset = {**self.offset, **other.offset}
        return Dependence({**self.spread, **other.spread}, correlation, groups, trust, silent, offset)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        pairs = {" ".join(pair): rho for pair, rho in self.correlation.items()}
        trust, spread, correlation = _rounded(self.trust), _rounded(self.spread), _rounded(pairs)
        silent = {kind: list(names) for kind, names in sorted(self.silent.items())}
        return {
            "groups": self.groups,
            "trust": trust,
            "offset": _rounded(self.offset),
            "silent": silent,
            "spread": spread,
            "correlation": correlation,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`to_dict`. Raises :class:`ModelError` for anything else."""
        try:
            spread = _in_range(values["spread"], math.ulp(0.0), math.inf)  # any above 0
            trust = _in_range(values["trust"], 0.0, _MAX_TRUST)
            correlation = {}
            for pair, rho in _in_range(values["correlation"], 0.0, _MAX_CORRELATION).items():
                first, second = pair.split(" ")
                if first >= second:
                    raise ValueError(f"the pair {pair!r} is not in alphabetical order")
                correlation[first, second] = rho
            silent = {str(kind): tuple(map(str, names)) for kind, names in values["silent"].items()}
            offset = _in_range(values["offset"], -_MAX_TRUST, 0.0)
            return cls(spread, correlation, int(values["groups"]), trust, silent, offset)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            want = "JSON written by Dependence.save"
            raise ModelError("the dependence of detectors is malformed", got=str(error), want=want) from error

    @classmethod
    def load(cls, path: str | Path | None = None) -> Self:
        """Reads ``path``, or what is in the package. Raises :class:`ModelError` if missing or malformed."""
        return cls.from_dict(read_document(Path(path or PACKAGED), SCHEMA, error=ModelError))

    def save(self, path: str | Path) -> None:
        write_document(Path(path), SCHEMA, self.to_dict())


@cache
def packaged() -> Dependence:
    """What is in the package, read once."""
    return Dependence.load()


def unheard(kind: Kind) -> tuple[str, ...]:
    """The detectors that count for nothing in media of ``kind``."""
    return packaged().silent.get(kind, ())


def assumed(one: str, other: str) -> float:
    """The correlation of two detectors of which nothing is known."""
    return WITHIN_FAMILY if one.split(".", 1)[0] == other.split(".", 1)[0] else BETWEEN_FAMILIES


def measure_dependence(
    answers: Sequence[Mapping[str, float]],
    forged: Sequence[bool],
    groups: Sequence[object],
    *,
    min_answers: int = 1,
) -> Dependence:
    """From what the detectors said of held-out pictures: ``answers[i]`` has the LLRs of those that answered.

    ``groups``: whose face, or which photograph; pictures of one are one case. ``min_answers``: a detector that
    answered less often counts as not measured. Raises :class:`DataError` for columns of
    different length or an LLR that is no number.
    """
    if not len(answers) == len(forged) == len(groups):
        raise DataError("the columns differ in length", want="one length")
    names = sorted(set[str]().union(*answers))
    llrs = np.full((len(answers), len(names)), np.nan)  # NaN: abstained
    for i, name in enumerate(names):
        llrs[:, i] = [given.get(name, np.nan) for given in answers]
    if np.isinf(llrs).any():
        raise DataError("an LLR is not finite", want="finite LLRs, abstentions left out")
    group_of = np.array(list(map(str, groups)))
    centred = llrs - _class_means(llrs, np.asarray(forged, np.bool_))
    answered = np.isfinite(centred)
    measured = np.flatnonzero(answered.sum(axis=0) >= min_answers).tolist()
    spread = {}
    for i in measured:
        deviation = float(np.sqrt(np.nanmean(centred[:, i] ** 2)))
        spread[names[i]] = max(_MIN_SPREAD, deviation)
    correlation = {}
    for i, j in combinations(measured, 2):
        both = answered[:, i] & answered[:, j]
        count = len(set(group_of[both].tolist()))
        prior = _PRIOR_GROUPS * assumed(names[i], names[j])
        shrunk = (count * _correlation(centred[both, i], centred[both, j]) + prior) / (count + _PRIOR_GROUPS)
        correlation[names[i], names[j]] = min(_MAX_CORRELATION, max(0.0, shrunk))
    return Dependence(spread, correlation, len(set(group_of.tolist())))


def _class_means(llrs: NDArray[np.float64], forged: NDArray[np.bool_]) -> NDArray[np.float64]:
    """``(n, d)``: for every picture the mean of its class, NaN where a class was never answered."""
    means = np.full_like(llrs, np.nan)
    for label in (False, True):
        rows = forged == label
        for column in range(llrs.shape[1]):
            values = llrs[rows, column]
            if np.isfinite(values).any():
                means[rows, column] = np.nanmean(values)
    return means


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    size = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return float((a * b).sum()) / size if size > 0 else 0.0


def _discounted(names: Sequence[str], beyond: NDArray[np.float64]) -> NDArray[np.float64]:
    """What each counts of what lies ``beyond`` on the side above 0: the firmest of the firmest family whole.

    Sums of values in falling order with weights that fall by rank alone, within families and over them, so that
    the total rises with every value.
    """
    counted = np.zeros(len(names))
    families: dict[str, list[int]] = {}
    for i in sorted(range(len(names)), key=lambda i: (-beyond[i], names[i])):
        if beyond[i] > 0:
            members = families.setdefault(names[i].split(".", 1)[0], [])
            counted[i] = beyond[i] * (1 - WITHIN_FAMILY) if members else beyond[i]
            members.append(i)
    totals = {family: sum(counted[members].tolist()) for family, members in families.items()}
    firmest_first = sorted(totals, key=lambda family: (-totals[family], family))
    for family in firmest_first[1:]:
        counted[families[family]] *= 1 - BETWEEN_FAMILIES
    return counted


@lru_cache(maxsize=1024)  # the same detectors answer again and again
def _weights(covariance: tuple[tuple[float, ...], ...], target: tuple[float, ...]) -> tuple[float, ...]:
    """The w >= 0 that minimises w' covariance w / 2 - target' w, by coordinate descent; positive definite."""
    matrix = np.array(covariance)
    w = np.zeros(len(target))
    for _ in range(_MAX_SWEEPS):
        before = w.copy()
        for i in range(len(w)):
            rest = target[i] - matrix[i] @ w + matrix[i, i] * w[i]
            w[i] = max(0.0, rest / matrix[i, i])
        if np.abs(w - before).max(initial=0.0) < 1e-12:
            break
    return tuple(w.tolist())


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in sorted(values.items())}


def _in_range(values: Mapping[str, Any], lowest: float, highest: float) -> dict[str, float]:
    numbers = {str(name): float(value) for name, value in values.items()}
    for name, number in numbers.items():
        if not lowest <= number <= highest:
            raise ValueError(f"{name}: {number} is out of range")
    return numbers
