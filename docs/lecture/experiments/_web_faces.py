"""The section on thousands of web faces of the zoo's page, from what ``benchmarks/gan_web_faces.py`` measured."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

KEPT = Path(__file__).parents[1] / "web_faces.json"
_HEAD = ("kind", "px", "seeds", "steps, batch", "untrained", "learned", "the zoo's own", "real faces")


def section() -> str:
    """Markdown; "" where nothing was measured."""
    if not KEPT.is_file():
        return ""
    told = json.loads(KEPT.read_text("utf-8"))
    rows = [_row(cells) for cells in _cells(told)]
    return f"""
## On thousands of web faces

Other faces than the zoo's: {told["runs"][0]["n"]} of photographs from the web, {told["held_out"]} more held out, cut
about their landmarks. Kernel distance of {told["samples"]} samples from those held out: before the first step; at the
end (mean, and least and most over the seeds); of the zoo's models of that kind and side, which learned from other
faces, cut otherwise; and of as many real faces that were learned from. On one core of a CPU; no picture is kept.

{_row(_HEAD)}
{_row(["---"] * len(_HEAD))}
{chr(10).join(rows)}

{_VERDICT.strip()}

Written by `python -m benchmarks.gan_web_faces`, which says how to run it again.
"""


def _cells(told: Mapping[str, Any]) -> Iterator[list[str]]:
    for kind, side in sorted({(run["kind"], run["side"]) for run in told["runs"]}):
        mine = [run for run in told["runs"] if (run["kind"], run["side"]) == (kind, side)]
        ends, starts = ([run["rows"][at]["kid"] for run in mine] for at in (-1, 0))
        own = [kid for name, kid in told["zoo"].items() if name.startswith(kind) and told["sides"][name] == side]
        steps = ", ".join(sorted({f"{run['rows'][-1]['step']:.0f}, {run['batch']}" for run in mine}))
        yield [kind, str(side), str(len(mine)), steps, _range(starts), _range(ends), _range(own),
               f"{told['real'][str(side)]:.3f}"]  # fmt: skip


def _range(values: Sequence[float]) -> str:
    if not values:
        return "-"
    mean = sum(values) / len(values)
    return f"{mean:.3f} ({min(values):.3f} to {max(values):.3f})" if len(values) > 1 else f"{mean:.3f}"


def _row(cells: Any) -> str:
    return f"| {' | '.join(cells)} |"


_VERDICT = """
"""
