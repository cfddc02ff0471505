"""Four possibilities: pictures of clips beside voices, each genuine or forged, and what is said of each pair.

The answers are paired, not the files: the voices' are those of detectors that left out their source, which no scan of a
made file could give, since the shipped weights know all of these voices.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zhenwei import pipeline
from zhenwei.detectors import catalogue
from zhenwei.evaluation import held_out
from zhenwei.evaluation.held_out import HeldOutTable
from zhenwei.fusion.verdict import decide
from zhenwei.pipeline import Options
from zhenwei.training.data.speech import SEED, read_videos
from zhenwei.types import Evidence, Verdict

_EACH = 30  # voices of each class
Tell = Callable[[float], None]


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What the detectors that look at pictures said of a clip."""

    name: str
    forged: bool
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Spoken:
    """What those that listen said of a window of a source that they did not learn from."""

    forged: bool
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Pair:
    video: str
    image: bool
    voice: bool
    verdict: Verdict

    def llr(self, stream: str) -> float:
        for found in self.verdict.streams:
            if found.stream == stream:
                return found.llr or 0.0
        return 0.0

    @property
    def likeliest(self) -> tuple[bool, bool]:
        ways = self.verdict.four_ways()
        return max(ways, key=lambda way: ways[way])


def look(data: Path, tell: Tell | None = None) -> list[Seen]:
    """Every clip of ``videos.zip``, asked by all detectors that do not listen. DataError where it is missing."""
    deaf = Options(detectors=tuple(name for name, kind in catalogue().items() if "audio" not in kind.info.takes))
    found = []
    for path, row, share in read_videos(data):
        report = pipeline.examine(path, options=deaf)
        found.append(Seen(row["path"], row["label"] == "fake", report.evidence))
        if tell:
            tell(share)
    return found


def table(videos: Sequence[Seen], voices: Sequence[Spoken]) -> HeldOutTable:
    """AUC of picture alone, voice alone and both fused, for every way a pair may be forged; intervals over clips."""
    chosen = _chosen(voices)
    pairs, right = [], 0
    by_truth: dict[tuple[bool, bool], list[_Pair]] = defaultdict(list)
    for video in videos:
        for voice in chosen:
            verdict = decide([*video.evidence, *voice.evidence], kind="video")
            pair = _Pair(video.name, video.forged, voice.forged, verdict)
            pairs.append(pair)
            by_truth[pair.image, pair.voice].append(pair)
            right += (pair.image, pair.voice) == pair.likeliest
    nothing = by_truth[False, False]

    def fused(pair: _Pair) -> float:
        return 1 - pair.verdict.four_ways()[False, False]

    rows = [
        _row("either forged: picture alone", pairs, lambda p: p.image or p.voice, lambda p: p.llr("picture")),
        _row("either forged: voice alone", pairs, lambda p: p.image or p.voice, lambda p: p.llr("voice")),
        _row("either forged: four possibilities", pairs, lambda p: p.image or p.voice, fused),
        _row("either forged: the verdict", pairs, lambda p: p.image or p.voice, lambda p: p.verdict.llr or 0.0),
    ]
    for truth, name in (
        ((True, False), "the picture alone"),
        ((False, True), "the voice alone"),
        ((True, True), "both"),
    ):
        mine = by_truth[truth]
        rows.append(_row(f"forged is {name}", [*nothing, *mine], lambda p: p.image or p.voice, fused))
    one = [p for p in pairs if p.image != p.voice]
    rows.append(
        _row("which of the two, where one is", one, lambda p: p.voice, lambda p: p.llr("voice") - p.llr("picture"))
    )
    return HeldOutTable(
        detector="picture and voice",
        noun="what is forged",
        text=f"{len(videos)} clips beside {len(chosen)} voices of sources left out, every pair: genuine are those with "
        "nothing forged (in the last row, those whose picture is). Intervals by bootstrap over clips. Four "
        "possibilities: one minus the probability that neither is forged. The likeliest of the four was right in "
        f"{right / len(pairs):.1%} of {len(pairs)} pairs.",
        seed=SEED,
        weights="",
        rows=tuple(rows),
    )


def _chosen(voices: Sequence[Spoken]) -> list[Spoken]:
    rng = np.random.default_rng(SEED)
    found: list[Spoken] = []
    for forged in (False, True):
        mine = [v for v in voices if v.forged == forged and v.evidence]
        for i in sorted(rng.permutation(len(mine))[:_EACH].tolist()):
            found.append(mine[i])
    return found


def _row(
    what: str, pairs: Sequence[_Pair], forged: Callable[[_Pair], bool], score: Callable[[_Pair], float]
) -> held_out.HeldOutRow:
    return held_out.row(what, list(map(forged, pairs)), list(map(score, pairs)), [pair.video for pair in pairs])
