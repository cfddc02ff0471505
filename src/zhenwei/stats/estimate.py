"""``Estimate``: a figure with its 95 % confidence interval, the one type for it in the whole package."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its confidence interval [``low``, ``high``], from ``n`` samples.

    ``format(estimate, ".3f")`` gives "0.912 [0.880, 0.940]": the specification applies to each of the three numbers.
    """

    value: float
    low: float
    high: float
    n: int

    def __format__(self, spec: str) -> str:
        return f"{self.value:{spec}} [{self.low:{spec}}, {self.high:{spec}}]"

    def __neg__(self) -> Estimate:
        """The other sign, as for a cost, of which less is better."""
        return Estimate(-self.value, -self.high, -self.low, self.n)


def cell(estimate: Estimate | None, spec: str = ".3f") -> str:
    """An estimate in a table; a dash where there is none."""
    return "—" if estimate is None else format(estimate, spec)


def value_as_mean(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """A ``dict_factory`` for ``dataclasses.asdict``: files on swaps and cloaks call the value of an estimate "mean"."""
    return {"mean" if name == "value" else name: value for name, value in pairs}
