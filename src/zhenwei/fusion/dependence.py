"""How much detectors repeat each other, and what each then adds: learned, not assumed, where it could be measured.

Detectors see the same pixels, so their LLRs are not simply added. For witnesses whose LLRs x are Gaussian in each class
with covariance S, and calibrated (mean S_ii / 2 either way), the LLR of all together is sum w x with S w = diag(S): one
alone keeps its LLR, two that repeat each other count once, m equicorrelated ones of one strength weigh 1 / (1 + (m - 1)
rho) each. Solved for w >= 0, since a witness for a forgery is never held against it. For whoever answered: an
abstention is as if the detector had not been asked.

Spreads and correlations are measured within each class on held-out people and sources; correlations are drawn towards
0.8 within a family and 0.3 between families, the more the fewer groups there were, and stand there where two detectors
never answered together. A detector that was never measured is taken to spread by 0.5.

**Strong evidence is heard.** The Gaussian picture holds where the measurements were made: within two spreads. A witness
that goes further says what the others were never seen to repeat, and what it says beyond that is its own: it is added
whole, and discounted only for others that go beyond theirs on the same side (all but the firmest of a family by 0.8,
all but the firmest family by 0.3). So weak evidence of an unmeasured witness is discounted, down to nothing beside a
strong one, and strong evidence of it moves the verdict. More of any evidence never makes a cleaner verdict: weights do
not depend on what was said, and what lies beyond counts by rank.

**Trust.** LLRs are calibrated on the sources that a detector's calibration has seen. What they turn out to be worth on
media of sources left out, as one factor for each kind of media, multiplies what the measured detectors add together:
a factor of 0.3 says that "ten times likelier" was, on such sources, twice. It is the least of the factors found with
each source left out in turn. Detectors that were never measured are taken at their word.
"""

from __future__ import annotations

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

SCHEMA = "zhenwei.dependence/2"
PACKAGED = Path(__file__).with_name("dependence.json")
WITHIN_FAMILY = 0.8
BETWEEN_FAMILIES = 0.3
_PRIOR_GROUPS = 20.0  # what the assumed correlation weighs
_MOST = 0.98
_MOST_TRUST = 10.0
UNMEASURED_SPREAD = 0.5
SPREADS = 3.0  # as far as weights hold; beyond that evidence is a witness's own
_LEAST_SPREAD = 0.05
_SWEEPS = 500


@dataclass(frozen=True, slots=True)
class Dependence:
    """``spread``: standard deviation of each detector's LLR within a class. ``correlation``: of pairs ``(a, b)``, a < b
    in the alphabet, in [0, 0.98]. ``groups``: people and sources it was measured on. ``trust``: by kind of media, what
    LLRs of measured detectors are multiplied by, 1 where it is not known."""

    spread: Mapping[str, float] = field(default_factory=dict)
    correlation: Mapping[tuple[str, str], float] = field(default_factory=dict)
    groups: int = 0
    trust: Mapping[str, float] = field(default_factory=dict)

    def weights(self, detectors: Sequence[str]) -> tuple[float, ...]:
        """The weight of each of ``detectors`` when these and no others answered; each in [0, 1]."""
        if not detectors:
            return ()
        sizes = np.array([self.spread_of(name) for name in detectors])
        rho = np.array([[self.between(a, b) for b in detectors] for a in detectors])
        np.fill_diagonal(rho, 1.0)
        return _weights(tuple(map(tuple, (rho * np.outer(sizes, sizes)).tolist())), tuple((sizes**2).tolist()))

    def spread_of(self, detector: str) -> float:
        """Its standard deviation within a class, or what is assumed of one that was never measured."""
        return self.spread.get(detector, UNMEASURED_SPREAD)

    def contributions(self, said: Sequence[tuple[str, float]], kind: Kind | None = None) -> tuple[float, ...]:
        """What each of ``said``, detector and LLR, adds to the LLR of all together; no others answered. ``kind``: of
        the media, whose trust applies; None for none.

        A witness alone adds its LLR. Otherwise weight times LLR as far as two spreads, and what lies beyond, discounted
        for the others that go beyond theirs on the same side. The sum rises with each of the LLRs.
        """
        names = [name for name, _ in said]
        trusted = [self.trust.get(kind or "", 1.0) if name in self.spread else 1.0 for name in names]
        if len(said) == 1:
            return (trusted[0] * float(said[0][1]),)
        inside, beyond = [], []
        for name, llr in said:
            bound = SPREADS * self.spread_of(name)
            inside.append(min(max(llr, -bound), bound))
            beyond.append(llr - inside[-1])
        above, below = _ranked(names, beyond), _ranked(names, [-far for far in beyond])
        shares = []
        for i, weight in enumerate(self.weights(names)):
            shares.append(trusted[i] * (weight * inside[i] + (above[i] - below[i])))
        return tuple(shares)

    def between(self, one: str, other: str) -> float:
        """The correlation of two detectors; of one with itself, asked twice, nearly 1."""
        if one == other:
            return _MOST
        first, second = sorted((one, other))
        return self.correlation.get((first, second), assumed(one, other))

    def joined(self, other: Dependence) -> Dependence:
        """With what ``other`` has measured in place of what is known of the same detectors; the larger count."""
        groups = max(self.groups, other.groups)
        correlation = {**self.correlation, **other.correlation}
        return Dependence({**self.spread, **other.spread}, correlation, groups, {**self.trust, **other.trust})

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        pairs = {f"{a} {b}": round(rho, 4) for (a, b), rho in sorted(self.correlation.items())}
        spread = {name: round(size, 4) for name, size in sorted(self.spread.items())}
        trust = {kind: round(factor, 4) for kind, factor in sorted(self.trust.items())}
        return {"groups": self.groups, "trust": trust, "spread": spread, "correlation": pairs}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`to_dict`. Raises :class:`ModelError` for anything else."""
        try:
            spread = {str(k): float(v) for k, v in values["spread"].items()}
            pairs = {tuple(k.split(" ")): float(v) for k, v in values["correlation"].items()}
            trust = {str(k): float(v) for k, v in values["trust"].items()}
            sound = all(len(k) == 2 and k[0] < k[1] for k in pairs)
            sound = sound and all(0 <= v <= _MOST_TRUST for v in trust.values())
            sound = sound and all(0 <= v <= _MOST for v in pairs.values()) and all(v > 0 for v in spread.values())
            if sound:
                return cls(spread, {(k[0], k[1]): v for k, v in pairs.items()}, int(values["groups"]), trust)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise _malformed(str(error)) from error
        raise _malformed("numbers out of range")

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


def assumed(one: str, other: str) -> float:
    """The correlation of two detectors of which nothing is known."""
    return WITHIN_FAMILY if one.split(".", 1)[0] == other.split(".", 1)[0] else BETWEEN_FAMILIES


def measure_dependence(
    said: Sequence[Mapping[str, float]],
    forged: Sequence[bool],
    groups: Sequence[object],
    *,
    least_answers: int = 1,
) -> Dependence:
    """From what the detectors said of held-out pictures: ``said[i]`` has the LLRs of those that answered.

    ``groups``: whose face, or which photograph; pictures of one are one case. ``least_answers``: a detector that
    answered less often counts as not measured. Raises :class:`DataError` for columns of
    different length or an LLR that is no number.
    """
    if not len(said) == len(forged) == len(groups):
        raise DataError("the columns differ in length", want="one length")
    names = sorted({name for row in said for name in row})
    table = np.array([[row.get(name, np.nan) for name in names] for row in said], np.float64).reshape(len(said), -1)
    if np.isinf(table).any():
        raise DataError("an LLR is not finite", want="finite LLRs, abstentions left out")
    whose = np.array([str(g) for g in groups])
    centred = table - _class_means(table, np.asarray(forged, np.bool_))
    often = [i for i in range(len(names)) if np.isfinite(centred[:, i]).sum() >= least_answers]
    spread = {names[i]: max(_LEAST_SPREAD, float(np.sqrt(np.nanmean(centred[:, i] ** 2)))) for i in often}
    correlation = {}
    for i, j in combinations(often, 2):
        both = np.isfinite(centred[:, i]) & np.isfinite(centred[:, j])
        found = _correlation(centred[both, i], centred[both, j])
        count = len(set(whose[both].tolist()))
        prior = assumed(names[i], names[j])
        drawn = (count * found + _PRIOR_GROUPS * prior) / (count + _PRIOR_GROUPS)
        correlation[names[i], names[j]] = min(_MOST, max(0.0, drawn))
    return Dependence(spread, correlation, len(set(whose.tolist())))


def _class_means(table: NDArray[np.float64], forged: NDArray[np.bool_]) -> NDArray[np.float64]:
    """``(n, d)``: for every picture the mean of its class, NaN where a class was never answered."""
    means = np.full_like(table, np.nan)
    for label in (False, True):
        rows = forged == label
        for column in range(table.shape[1]):
            values = table[rows, column]
            if np.isfinite(values).any():
                means[rows, column] = np.nanmean(values)
    return means


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    size = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return float((a * b).sum()) / size if size > 0 else 0.0


def _ranked(names: Sequence[str], beyond: Sequence[float]) -> list[float]:
    """What each counts of what lies beyond on the side above 0: the firmest of the firmest family whole.

    Sums of values in falling order with weights that fall by rank alone, within families and over them, so that
    the total rises with every value.
    """
    families: dict[str, list[int]] = {}
    firmest_first = sorted(range(len(names)), key=lambda i: (-beyond[i], names[i]))
    for i in firmest_first:
        if beyond[i] > 0:
            families.setdefault(names[i].split(".", 1)[0], []).append(i)
    within = {family: [beyond[rows[0]]] for family, rows in families.items()}
    for family, rows in families.items():
        within[family] += [beyond[i] * (1 - WITHIN_FAMILY) for i in rows[1:]]
    counted = [0.0] * len(names)
    for rank, family in enumerate(sorted(families, key=lambda f: (-sum(within[f]), f))):
        for i, share in zip(families[family], within[family], strict=True):
            counted[i] = share * (1.0 if rank == 0 else 1 - BETWEEN_FAMILIES)
    return counted


@lru_cache(maxsize=1024)  # the same detectors answer again and again
def _weights(matrix: tuple[tuple[float, ...], ...], target: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(float(w) for w in _nonnegative(np.array(matrix), np.array(target)))


def _nonnegative(matrix: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """The w >= 0 that minimises w' matrix w / 2 - target' w, by coordinate descent; ``matrix`` is positive definite."""
    w = np.zeros(len(target))
    for _ in range(_SWEEPS):
        before = w.copy()
        for i in range(len(w)):
            rest = target[i] - matrix[i] @ w + matrix[i, i] * w[i]
            w[i] = max(0.0, rest / matrix[i, i])
        if np.abs(w - before).max(initial=0.0) < 1e-12:
            break
    return w


def _malformed(got: str) -> ModelError:
    return ModelError("the dependence of detectors is malformed", got=got, want="JSON written by Dependence.save")
