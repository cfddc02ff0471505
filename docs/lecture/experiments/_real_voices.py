"""The section on real voices of the conversion's page, from what ``docs/lecture/real_voices.py`` measured."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

REAL = Path(__file__).parents[1] / "real_voices.json"
_MADE = ("untrained", "mean spectrum added", "mean frame", "converted")
_SHOWN = ("source", *_MADE, "target")


def section() -> str:
    """Markdown; "" where nothing was measured."""
    if not REAL.is_file():
        return ""
    told = json.loads(REAL.read_text("utf-8"))
    counts = {name: n for run in told["runs"] for name, n in run["windows"].items()}
    windows = ", ".join(f"{n} of {name}" for name, n in counts.items())
    left_out = sum(told["doubles_left_out"].values())
    return f"""

## Between real speakers

Data: {told["data"]}, at most 2.5 s each, {windows} (CMU Arctic: bdl, slt; LJ Speech: lj); left out as another one's
sound again: {left_out}. Learned from two thirds for {told["steps"]} steps, the other third converted, and that
{told["folds"]} times, so that every window is converted by what never heard it. Everything, the speakers' own windows
included, went through the same analysis and the same search for a phase. Intervals are 95 % by bootstrap over windows.

How much likelier a recogniser ({told["recogniser"]}) holds the target's voice than the source's, nats a frame:

{_table(told["runs"], "margin", _SHOWN)}

How far what was made is from its source, each band by its own mean and deviation, over how far from other windows of
the source; 1 if no words passed:

{_table(told["runs"], "content", _MADE)}

*Untrained*: the converter after one step. *Mean spectrum added*: the difference of the two mean spectra, the plainest
conversion. *Mean frame*: the target's mean frame throughout, as loud as the source, which is nobody's speech and no
conversion.

{_words(told["runs"])}

The recogniser knows the windows that the converter learned from, and windows may be of one recording: it hears these
speakers in these rooms, and says nothing of others. Nobody listened. No sound is kept. Written by
`docs/lecture/real_voices.py`, which says how to run it again.
"""


def _words(runs: Sequence[Mapping[str, Any]]) -> str:
    """What the figures say, and what they do not."""
    found = [way for _, _, way in _ways(runs)]
    held, short, over, more = 0, 0, 0, 0
    for way in found:
        margin, content = way["margin"], way["content"]
        held += margin["converted"]["low"] > max(0.0, margin["mean frame"]["high"])
        short += margin["converted"]["high"] < margin["target"]["low"]
        over += margin["converted"]["mean"] > margin["target"]["mean"]
        more += content["converted"]["high"] < content["mean frame"]["low"]
    plain, frame, made = (
        _range([way["content"][what]["mean"] for way in found])
        for what in ("mean spectrum added", "mean frame", "converted")
    )
    total = len(found)
    return f"""In {held} of {total} rows what was converted is held for the target, and more surely so than the mean
frame; in {short} it stays short of the target's own windows (intervals apart in all of these), and in {over} its mean
is above theirs, so that the figure is no measure of likeness. More passes than loudness in {more} of {total}, but not
all: loudness alone has {frame}, the converter {made}, and the plainest conversion {plain}."""


def _range(values: Sequence[float]) -> str:
    return f"{min(values):.2f} to {max(values):.2f}"


def _table(runs: Sequence[Mapping[str, Any]], kind: str, shown: Sequence[str]) -> str:
    lines = [_line(("from, to", "seed", "n", *shown)), _line(["---"] * (3 + len(shown)))]
    for name, seed, way in _ways(runs):
        cells = [_between(way[kind][what]) for what in shown]
        lines.append(_line([name.replace("arctic_", ""), str(seed), str(way[kind]["converted"]["n"]), *cells]))
    return "\n".join(lines)


def _ways(runs: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, int, Mapping[str, Any]]]:
    for run in runs:
        for name, found in run.items():
            if " to " in name:
                yield name, run["seed"], found


def _between(told: Mapping[str, float]) -> str:
    return f"{told['mean']:.2f} ({told['low']:.2f} to {told['high']:.2f})"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
