"""Error rates by the colour of the skin, as far as a measured proxy goes: the angle of :mod:`zhenwei.signals.skin`.

No data set here says who is seen. The angle has the light and the camera in it, and groups by it are of pictures rather
than of people; but where genuine faces of one group were accused more often, it would be seen.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from zhenwei import faces, media
from zhenwei.errors import MediaError
from zhenwei.evaluation.examine import on_disk
from zhenwei.evaluation.items import Item
from zhenwei.files import write_whole
from zhenwei.signals.skin import typology_angle_deg
from zhenwei.stats.intervals import rate_interval
from zhenwei.training.install.thresholds import FileAnswers, MeasuredThresholds

TONES = "tones.json"
GROUPS = (("light", 41.0), ("intermediate", 28.0), ("tan", 10.0), ("brown and dark", -math.inf))
"""From which angle on, in degrees; after Del Bino and Bernerd (2013), the ends taken together."""
_FRAMES = 3  # of a clip
_LEVEL = 0.95
_MIN_MEDIA = 10  # of a group that is told of
_HEAD = """## By apparent skin tone

The decisions above by the colour of the most prominent face's skin: its individual typology angle (light from 41
degrees on, intermediate from 28, tan from 10), on cheeks and forehead. No data set here says who is seen, and light and
camera are in the angle as much as the person: it tells whether faces that look alike are accused more often, and
is no measure of anybody. "At one level": genuine media above the LLR that 5 % of all genuine ones of the kind exceed.
"""


def tones_of(items: Sequence[Item], folder: Path, progress: Callable[[float], None] | None = None) -> dict[str, float]:
    """The angle of each picture and clip by :attr:`Item.digest`, NaN where no face is seen; kept in ``folder``."""
    path = folder / TONES
    known: dict[str, float | None] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    new = [item for item in items if item.digest not in known]
    try:
        with ExitStack() as opened:
            for number, (item, file) in enumerate(zip(new, on_disk(new, folder, opened), strict=True)):
                tone = _tone(file)
                known[item.digest] = None if math.isnan(tone) else round(tone, 2)
                if progress:
                    progress((number + 1) / len(new))
    finally:  # whoever interrupts it goes on from here
        write_whole(path, json.dumps(known, indent=0) + "\n")
    return {digest: math.nan if tone is None else tone for digest, tone in known.items()}


def _tone(path: Path) -> float:
    try:
        with media.opened(path) as facts:
            frames = tuple(media.sample_frames(facts, _FRAMES)) if facts.kind != "audio" else ()
    except MediaError:
        return math.nan
    tracks = faces.find_people(frames) if frames else ()
    if not tracks:
        return math.nan
    prominent = max(tracks, key=lambda track: sum([face.quality.face_px for face in track.faces]))
    found = []
    for face in prominent.faces:
        if face.landmarks is not None:
            found.append(typology_angle_deg(frames[face.frame].pixels, face.landmarks))
    known = [tone for tone in found if not math.isnan(tone)]
    return float(np.median(known)) if known else math.nan


def to_markdown(found: MeasuredThresholds, tones: Mapping[str, float]) -> str:
    """A table of each kind with faces; "" where no tone is known."""
    parts = []
    for kind, title in (("image", "Pictures"), ("video", "Clips")):
        rows = []
        for one, decision in zip(found.answered, found.decisions, strict=True):
            if one.kind == kind and decision and not math.isnan(tones.get(one.digest, math.nan)):
                rows.append((one, decision, max(one.llrs(found.dependence)), tones[one.digest]))
        if rows:
            parts += [f"### {title}", "", *_table(rows), ""]
    return "\n".join([_HEAD, *parts]) if parts else ""


def _table(rows: Sequence[tuple[FileAnswers, str, float, float]]) -> list[str]:
    lines = [
        "| skin | genuine | called forged | at one level | median LLR | forged | found | called genuine |",
        "|---|---|---|---|---|---|---|---|",
    ]
    level = float(np.quantile([llr for one, _, llr, _ in rows if not one.forged] or [0.0], _LEVEL))
    high = math.inf
    for name, low in GROUPS:
        mine = [row for row in rows if low <= row[3] < high]
        high = low
        genuine = [(decision, llr) for one, decision, llr, _ in mine if not one.forged]
        forged = [decision for one, decision, _, _ in mine if one.forged]
        if len(genuine) < _MIN_MEDIA:
            lines.append(f"| {name} | {len(genuine)} | — | — | — | {len(forged)} | — | — |")
            continue
        accused = _share(sum([decision == "forged" for decision, _ in genuine]), len(genuine))
        above = _share(sum([llr > level for _, llr in genuine]), len(genuine))
        median = float(np.median([llr for _, llr in genuine]))
        told = f"{forged.count('forged')} | {forged.count('genuine')}" if forged else "— | —"
        lines.append(f"| {name} | {len(genuine)} | {accused} | {above} | {median:+.2f} | {len(forged)} | {told} |")
    return lines


def _share(count: int, n: int) -> str:
    return f"{count} ({rate_interval(count, n):.1%})"
