"""The section on thousands of web faces of the zoo's page, from what ``benchmarks/gan_web_faces.py`` measured."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

KEPT = Path(__file__).parents[1] / "web_faces.json"
_HEAD = ("kind", "px", "seeds", "steps, batch", "first step", "learned", "the zoo's own", "real faces")


def section() -> str:
    """Markdown; "" where nothing was measured."""
    if not KEPT.is_file():
        return ""
    told = json.loads(KEPT.read_text("utf-8"))
    rows = [_row(cells) for cells in _cells(told)]
    return f"""
## On thousands of web faces

Other faces than the zoo's: {told["runs"][0]["n"]} of photographs from the web, {told["held_out"]} more held out, cut
about their landmarks. Kernel distance of {told["samples"]} samples from those held out: after the first step; at the
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
               f"{told['real'][str(side)]:.3g}"]  # fmt: skip


def _range(values: Sequence[float]) -> str:
    if not values:
        return "-"
    mean = sum(values) / len(values)
    return f"{mean:.3g} ({min(values):.3g} to {max(values):.3g})" if len(values) > 1 else f"{mean:.3g}"


def _row(cells: Any) -> str:
    return f"| {' | '.join(cells)} |"


_VERDICT = """
Falls short: after minutes of a core the distance has fallen to a twentieth and falls on, and the seeds differ by two
to one; the zoo's DCGANs of that side, of 1,750 steps in larger batches on fewer faces, are seven times nearer to faces
that they never learned from. More faces did not stand in for steps here. Tried: DCGAN at 32 px with five seeds;
WGAN-GP, whose critic is taught several times a step, farther off at the same step; StyleGAN, begun and given up for
time. 64 and 128 px are for a GPU: the command is the same there.
"""
