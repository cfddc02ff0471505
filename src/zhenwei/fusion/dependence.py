"""How much detectors repeat each other, and what each then adds: learned, not assumed, where it could be measured.

Detectors see the same pixels, so their LLRs are not simply added. For witnesses whose LLRs x are Gaussian in each class
with covariance S, and calibrated (mean S_ii / 2 either way), the LLR of all together is sum w x with S w = diag(S): one
alone keeps its LLR, two that repeat each other count once, m equicorrelated ones of one strength weigh 1 / (1 + (m - 1)
rho) each. Solved for w >= 0, since a witness for a forgery is never held against it. For whoever answered: an
abstention is as if the detector had not been asked.

Spreads and correlations are measured within each class on held-out people and sources; correlations are drawn towards
0.8 within a family and 0.3 between families, the more the fewer groups there were, and stand there where two detectors
never answered together.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from zhenwei.errors import DataError, ModelError

SCHEMA = "zhenwei.dependence/1"
PACKAGED = Path(__file__).with_name("dependence.json")
WITHIN_FAMILY = 0.8
BETWEEN_FAMILIES = 0.3
_PRIOR_GROUPS = 20.0  # what the assumed correlation weighs
_MOST = 0.98
_LEAST_SPREAD = 0.05
_SWEEPS = 500


@dataclass(frozen=True, slots=True)
class Dependence:
    """``spread``: standard deviation of each detector's LLR within a class. ``correlation``: of pairs ``(a, b)``, a < b
    in the alphabet, in [0, 0.98]. ``groups``: people and sources it was measured on."""

    spread: Mapping[str, float] = field(default_factory=dict)
    correlation: Mapping[tuple[str, str], float] = field(default_factory=dict)
    groups: int = 0

    def weights(self, detectors: Sequence[str]) -> tuple[float, ...]:
        """The weight of each of ``detectors`` when these and no others answered; each in [0, 1]."""
        if not detectors:
            return ()
        usual = float(np.median(list(self.spread.values()))) if self.spread else 1.0
        sizes = np.array([self.spread.get(name, usual) for name in detectors])
        rho = np.array([[self.between(a, b) for b in detectors] for a in detectors])
        np.fill_diagonal(rho, 1.0)
        return tuple(float(w) for w in _nonnegative(rho * np.outer(sizes, sizes), sizes**2))

    def between(self, one: str, other: str) -> float:
        """The correlation of two detectors; of one with itself, asked twice, nearly 1."""
        if one == other:
            return _MOST
        first, second = sorted((one, other))
        return self.correlation.get((first, second), assumed(one, other))

    def joined(self, other: Dependence) -> Dependence:
        """With what ``other`` has measured in place of what is known of the same detectors; the larger count."""
        groups = max(self.groups, other.groups)
        return Dependence({**self.spread, **other.spread}, {**self.correlation, **other.correlation}, groups)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        pairs = {f"{a} {b}": round(rho, 4) for (a, b), rho in sorted(self.correlation.items())}
        spread = {name: round(size, 4) for name, size in sorted(self.spread.items())}
        return {"schema": SCHEMA, "groups": self.groups, "spread": spread, "correlation": pairs}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`to_dict`. Raises :class:`ModelError` for anything else."""
        try:
            spread = {str(k): float(v) for k, v in values["spread"].items()}
            pairs = {tuple(k.split(" ")): float(v) for k, v in values["correlation"].items()}
            sound = values["schema"] == SCHEMA and all(len(k) == 2 and k[0] < k[1] for k in pairs)
            sound = sound and all(0 <= v <= _MOST for v in pairs.values()) and all(v > 0 for v in spread.values())
            if sound:
                return cls(spread, {(k[0], k[1]): v for k, v in pairs.items()}, int(values["groups"]))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise _malformed(str(error)) from error
        raise _malformed("numbers out of range")

    @classmethod
    def load(cls, path: str | Path | None = None) -> Self:
        """Reads ``path``, or what is in the package. Raises :class:`ModelError` if missing or malformed."""
        try:
            return cls.from_dict(json.loads(Path(path or PACKAGED).read_text("utf-8")))
        except OSError as error:
            raise ModelError("the dependence of detectors cannot be read", got=str(error.strerror)) from error
        except ValueError as error:
            raise _malformed(str(error)) from error

    def save(self, path: str | Path) -> None:
        Path(path).write_text(json.dumps(self.to_dict(), indent=1, allow_nan=False) + "\n", "utf-8")


@cache
def packaged() -> Dependence:
    """What is in the package, read once."""
    return Dependence.load()


def assumed(one: str, other: str) -> float:
    """The correlation of two detectors of which nothing is known."""
    return WITHIN_FAMILY if one.split(".", 1)[0] == other.split(".", 1)[0] else BETWEEN_FAMILIES


def measure_dependence(
    said: Sequence[Mapping[str, float]], forged: Sequence[bool], groups: Sequence[object]
) -> Dependence:
    """From what the detectors said of held-out pictures: ``said[i]`` has the LLRs of those that answered.

    ``groups``: whose face, or which photograph; pictures of one are one case. Raises :class:`DataError` for columns of
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
    spread = {
        name: max(_LEAST_SPREAD, float(np.sqrt(np.nanmean(centred[:, i] ** 2))))
        for i, name in enumerate(names)
        if np.isfinite(centred[:, i]).any()
    }
    correlation = {}
    for i, j in combinations(range(len(names)), 2):
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
