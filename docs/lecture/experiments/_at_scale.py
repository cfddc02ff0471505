"""The section on the lecture's own scale, from what ``benchmarks/swap_at_scale.py`` measured."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

KEPT = Path(__file__).parents[1] / "swap_at_scale.json"
_WHO = {"puppets": "drawn puppets", "puppets_128": "drawn puppets at 128 px", "people": "two people"}
_FOLLOWS = {
    "landmarks_to_driver_over_another": "swap",
    "the_same_less_each_mean_shape": "swap, less each person's mean shape",
    "the_same_of_the_own_decoder": "own decoder",
    "the_same_of_the_driving_faces": "the driving face itself",
}
_HEAD = ("faces", "network", "way", "gain", "sharpness, of the target's", "of the plain one's", *_FOLLOWS.values())


def name_of(who: str, size: int) -> str:
    """Of the rows of "puppets" or "people" at ``size`` px."""
    return who if size == 64 else f"{who}_{size}"


def in_order(row: tuple[str, Any]) -> int:
    """Where the rows of that name stand; names that the page has no word for come last."""
    return list(_WHO).index(row[0]) if row[0] in _WHO else len(_WHO)


def sheet_of(name: str) -> str:
    """The file of the sheet that goes with the rows of that name."""
    return name.replace("puppets", "swap_at_scale") + ".jpg"


def section() -> str:
    """Markdown; "" where nothing was measured."""
    if not KEPT.is_file():
        return ""
    told = json.loads(KEPT.read_text("utf-8"))
    rows = [_row(cells) for who, found in told.items() for cells in _cells(_WHO[who], found)]
    how = "; ".join(_how(_WHO[who], found) for who, found in told.items())
    return f"""

## At the lecture's own scale

{how}. Plain and adversarial, one after another, on one core each. **Gain** as on the page of the autoencoder swap.
**Follows**: the landmarks' distance of a swap from those of its driving face over the mean distance from those of the
other driving faces; wanted: below 0.5. Beside it what is left when each person's mean shape is taken off, which no swap
is to carry over; what the person's own decoder reaches; and the driving face itself, looked at by the same finder of
landmarks at this size, below which nobody comes. 95 % intervals, bootstrap over the faces held out.

{_row(_HEAD)}
{_row(["---"] * len(_HEAD))}
{chr(10).join(rows)}

{_VERDICT.strip()}

{_sheets(told)}

### Beside what others report

{chr(10).join(_row(cells) for cells in _OTHERS)}

Their distances are of other data in other units and are not compared with ours. What can be: they learn from as many
faces with 25 to 125 times as many steps. Sources: `USAGE.md` and `faceswap.py train --help` of
deepfakes/faceswap; the questions and answers of DeepFaceLab's forum and the guides of its models (deepwiki, Recaster);
arXiv 2005.05535, table 1.

Written by `python -m benchmarks.swap_at_scale RUN --keep`, which goes on where it was left; 40,000 steps of
16 a side are its default, and `--size 128` is for a GPU."""


def _sheets(told: Iterable[str]) -> str:
    drawn = [name for name in told if (KEPT.parent / "img" / sheet_of(name)).is_file()]
    return "\n\n".join(f"![{_CAPTION}{_OF_SIDE.get(name, '')}](img/{sheet_of(name)})" for name in drawn)


def _how(who: str, found: Mapping[str, Any]) -> str:
    s, (a, b) = found["settings"], found["faces"]
    return (
        f"{who.capitalize()}, {a} and {b} faces of {s['size']} px to learn from, {found['held_out']} of each held out, "
        f"width {s['width']}, {s['steps']} steps of {s['batch']} a side, Adam {s['rate']:g}, likeness from an "
        f"embedding of AUC {found['embedding_auc']:.3f} on others"
    )


def _cells(who: str, found: Mapping[str, Any]) -> Iterator[list[str]]:
    for kind, ways in found["kinds"].items():
        for way in ("a_to_b", "b_to_a"):
            told = ways[way]
            sharp = told["sharpness"] / told["sharpness_of_target"]
            follows = [_around(told[name]) for name in _FOLLOWS]
            over = _around(found["sharper"][way]) if kind == "adversarial" else ""
            yield [who, kind, way.replace("_", " "), _around(told["gain"]), f"{sharp:.2f}", over, *follows]


def _around(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return "no face found"
    return f"{found['mean']:.2f} [{found['low']:.2f}, {found['high']:.2f}], n = {found['n']}"


def _row(cells: Any) -> str:
    return f"| {' | '.join(cells)} |"


_CAPTION = "Held-out puppets of both: as they are, by their own decoder, by the other's, plain and adversarial"
_OF_SIDE = {"puppets_128": ", at 128 px"}
_OTHERS = (
    ("", "faces a person", "side", "steps", "time", "what is reported"),
    ("---",) * 6,
    ("this page", "see above", "64 px", "see above", "see above, on one core", "the table above"),
    ("the lecture", "300 to 2,000", "", "", "", "pictures"),
    ("faceswap, its guide and help", "500 to 5,000", "64 px (original model) and up", "until its preview pleases",
     "24 hours to over a week, on a GPU", "previews and losses"),
    ("DeepFaceLab's users", "as many angles as can be had, of clips", "128 to 320 px", "100,000 to 500,000",
     "1 to 7 days, on a GPU", "previews"),
    ("DeepFaceLab's paper, on FaceForensics++", "a clip each", "", "", "",
     "landmarks off 0.73, pose off 1.12, SSIM 0.73; DeepFakes there 1.15, 4.75, 0.71"),
)  # fmt: skip
_VERDICT = """
Puppets reach what is wanted at either side, with either network: a swap lies three times as near to its driving face
as to another, about as near as the own decoder comes; the adversarial part makes it sharper (by 1.05 to 1.18 at 64 px,
1.29 to 1.51 at 128) and no less alike. The two people, of clips of 386 and 244 frames (none that can be had here has
500 of one person), change sides, but follow their driver only a little: 0.75 to 0.82, where their own decoders stand
at 0.42 to 0.72. After 1,500 steps these stood at 0.75 to 0.84 and 0.55 to 0.72: four times as many made the own
decoder follow and the swap hardly, so it is not steps that lack most, but poses that both sides show. The adversarial
part, which made one way sharper by 1.11 [1.10, 1.13] after 1,500 steps, lost its balance on so few faces on the way to
6,000 (the generator's loss rose from 0.15 to 0.72 within 500 steps and came back) and left them softer than the plain
one. The ruler, too, is coarse: heads in such clips move little, and at 64 px the finder of landmarks alone is off by
0.30 and 0.54 of what one frame differs from another, so that the second way can hardly reach 0.5 at all. Of another
pair, with the last two seconds of each clip kept back, that floor stood at 0.60 and 0.79, at 128 px at 0.43 and 0.57:
hence passages from all over the clip, and of two clips of thirty one in which heads turn. Colours brought to the
target's before the encoder were looked at on ten puppets: paler, and following no better.
"""
