"""The section on real faces of the swap's page, from what ``docs/lecture/real_faces.py`` measured."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

REAL = Path(__file__).parents[1] / "real_faces.json"
_HEAD = ("pair", "seed", "way", "gain untrained", "gain, 95 % interval", "own decoder", "real faces", "variety",
         "landmarks off")  # fmt: skip


def section() -> str:
    """Markdown; "" where nothing was measured."""
    if not REAL.is_file():
        return ""
    told = json.loads(REAL.read_text("utf-8"))
    lines = [_line(_HEAD), _line(["---"] * len(_HEAD))]
    for run in told["runs"]:
        for way, after in run["after"]["ways"].items():
            lines.append(_line(_cells(run, way.replace("_", " "), run["before"]["ways"][way]["gain"], after)))
        lines.append(_line(_pooled(run)))
    e, s = told["embedding"], told["settings"]
    counts = "; ".join(
        f"pair {run['pair']}: {' and '.join(map(str, run['learned_from']))} crops to learn from, "
        f"{' and '.join(map(str, run['held_out']))} held out"
        for run in told["runs"]
        if run["seed"] == told["runs"][0]["seed"]
    )
    return f"""

## On real faces

Data: {told["data"]}; {counts}. Width {s["width"]}, {s["steps"]} steps of {s["batch"]} a side, Adam {s["rate"]}, {
        s["loss"]
    }, on a GPU.
**Gain**: how much nearer a swap of a held-out face is to its target's mean face than to its source's, in cosines; above
0 it has changed sides. *Untrained* is the same network before its first step, which draws one grey for everybody: its
gain says where grey lies, and is as far below 0 one way as above it the other; both ways together it is 0. *Own
decoder*: gain of the target's own held-out faces as their decoder redraws them, which is what a swap could reach;
*real faces*: of those faces themselves. *Variety*: how much swaps differ from each other, as a share of how much the
driving faces do. *Landmarks off*: mean distance of the swap's landmarks from the driving face's, and from those of
another driving face in brackets, in units of the distance between the eyes' outer corners: what the first is below the
second is how far pose and expression are followed.

The interval is a bootstrap over faces and knows nothing of other pairs of people. The embedding is a small network
trained on {e["people"]} other identities, half of its faces blurred, so that softness is nobody's mark; on {
        e["people_of_auc"]
    } more that it never saw its AUC of verification is {e["verification_auc"]:.3f} ({e["pairs_of_auc"]} pairs of one
person). An identity is what the data set's list calls one. No picture is kept.

{chr(10).join(lines)}

Faces of this size, aligned, differ little in where their landmarks are, and these networks follow the driving face
only a little: with some thirty pictures of a person, there is not more to learn it from. The workflow advises 300 and
more. Written by `docs/lecture/real_faces.py`, which says how to run it again."""


def _cells(run: Mapping[str, Any], way: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    off = "-"
    if after["landmark_error"] is not None:
        found = f"{after['faces_found']} found"
        off = f"{after['landmark_error']:.3f} ({after['landmark_error_of_another']:.3f}), {found}"
    means = [f"{after[name]['mean']:.3f}" for name in ("own_gain", "real_gain")]
    return [str(run["pair"]), str(run["seed"]), way, f"{before['mean']:.3f}", _gain(after["gain"]), *means,
            f"{after['variety']:.2f}", off]  # fmt: skip


def _pooled(run: Mapping[str, Any]) -> list[str]:
    gains = [f"{run['before']['gain']['mean']:.3f}", f"**{_gain(run['after']['gain'])}**"]
    return [str(run["pair"]), str(run["seed"]), "both", *gains, "", "", "", ""]


def _gain(gain: Mapping[str, Any]) -> str:
    return f"{gain['mean']:.3f} ({gain['low']:.3f} to {gain['high']:.3f}), n = {gain['n']}"


def _line(cells: Any) -> str:
    return f"| {' | '.join(cells)} |"
