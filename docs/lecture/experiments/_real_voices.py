"""The section on real voices of the conversion's page, from what ``docs/lecture/real_voices.py`` measured."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

REAL = Path(__file__).parents[1] / "real_voices.json"
_SHOWN = ("source", "untrained", "mean spectrum added", "converted", "target")


def section() -> str:
    """Markdown; "" where nothing was measured."""
    if not REAL.is_file():
        return ""
    told = json.loads(REAL.read_text("utf-8"))
    heads = ("from, to", "seed", "n", *_SHOWN, "words passed")
    lines = [_line(heads), _line(["---"] * len(heads))]
    for run in told["runs"]:
        lines += [_line(_cells(way, run["seed"], found)) for way, found in run.items() if " to " in way]
    counts = {name: n for run in told["runs"] for name, n in run["windows"].items()}
    windows = "; ".join(f"{name} {n[0]} to learn from, {n[1]} held out" for name, n in counts.items())
    return f"""

## Between real speakers

Data: {told["data"]} of CMU Arctic and LJ Speech, at most 2.5 s each: {windows}. {told["steps"]} steps; everything
through the same analysis and the same search for a phase. The columns say how much likelier a recogniser ({
        told["recogniser"]
    }) holds the target's voice than the source's, in nats a frame, means over held-out windows with 95 % intervals by
bootstrap over them: of the source's own windows, of these through the converter before it learned, with the plainest
conversion (the difference of the two mean spectra added), converted, and of the target's own windows. *Words passed*:
distance of what was converted to its source, each band by its own mean and deviation, over that to other windows of
the source; 1 were nothing. The recogniser knows the windows that the converter learned from, and windows may be of one
recording: it hears these speakers in these rooms, and says nothing of others.

{chr(10).join(lines)}

No sound is kept. Written by `docs/lecture/real_voices.py`, which says how to run it again.
"""


def _cells(way: str, seed: int, found: Mapping[str, Any]) -> list[str]:
    margins = [_between(found["margin"][what]) for what in _SHOWN]
    n = found["margin"]["converted"]["n"]
    return [way.replace("arctic_", ""), str(seed), str(n), *margins, _between(found["content"])]


def _between(told: Mapping[str, float]) -> str:
    return f"{told['mean']:.2f} ({told['low']:.2f} to {told['high']:.2f})"


def _line(cells: Any) -> str:
    return "| " + " | ".join(cells) + " |"
