"""The section on real faces of the page on learned motion, from what ``docs/lecture/real_motion.py`` measured."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

REAL = Path(__file__).parents[1] / "real_motion.json"
_SCORES = {"pixels": "L1, of 255", "space": "distance of features", "places": "landmarks, px",
           "cosine": "identity cosine"}  # fmt: skip
_NETS = {"faces": "faces", "puppets": "puppets alone"}


def section() -> str:
    """Markdown; "" where nothing was measured."""
    if not REAL.is_file():
        return ""
    told = json.loads(REAL.read_text("utf-8"))
    rows = [
        _row(net, what, told["found"][key][name])
        for key, net in _NETS.items()
        for name, what in _SCORES.items()
    ]  # fmt: skip
    clips, s, e = told["clips"], told["settings"], told["embedding"]
    how = f"width {s['width']}, {told['steps']} steps of {s['batch']} pairs, on one core"
    return f"""

## On real faces

Learned from {clips["learned"]} genuine clips of at most 3 s (talks, a corpus of sentences, streams), {how};
measured on {clips["kept_back"]} clips of people kept back, whose other frames are drawn from their first, beside the
network that comes with the package. *Ratio*: of what was drawn to the first frame that stands still, clip by clip, 95 %
interval over clips; below 1 something was won. Of the cosine, from an embedding that learned from the first clips (AUC
{e["verification_auc"]:.3f} on the people kept back), the difference. No picture is kept.

| learned from | score | drawn | standing still | ratio (of the cosine: difference) |
|---|---|---|---|---|
{chr(10).join(rows)}

On people who were not learned from the motion is carried, not only drawn: landmarks end at half of the distance that
standing still leaves, and pixels, features and likeness are nearer to the truth, too. The network that has seen puppets
alone does nothing for people. Which of the two did it, faces or twice as many steps, was not told apart.

Written by `docs/lecture/real_motion.py`, which says how to run it again."""


def _row(net: str, what: str, found: Mapping[str, Any]) -> str:
    around = f"{found['mean']:.3f} [{found['low']:.3f}, {found['high']:.3f}], n = {found['n']}"
    return f"| {net} | {what} | {found['drawn']:.3g} | {found['stood']:.3g} | {around} |"
