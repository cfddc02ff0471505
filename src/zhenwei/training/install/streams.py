"""Four possibilities: pictures of clips beside voices, each genuine or forged, and what is said of each pair.

The answers are paired, not the files, and those are taken that left out the source of the clip and of the voice, which
no scan of a made file could give: the shipped weights know all of these voices.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from zhenwei.evaluation import held_out
from zhenwei.evaluation.held_out import HeldOutTable
from zhenwei.fusion.verdict import decide
from zhenwei.training.install.thresholds import FileAnswers, MeasuredThresholds
from zhenwei.types import Verdict

FILE = "voice_and_picture.json"
_SEED = 20261124
_VOICES = 30  # of each class
_VIDEOS = 100  # of each class


@dataclass(frozen=True, slots=True, eq=False)
class _Pair:
    group: str  # of the clip
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


def table(measured: MeasuredThresholds) -> HeldOutTable:
    """AUC of picture alone, voice alone and both fused, for every way a pair may be forged; intervals over clips."""
    videos, voices = _drawn(measured.answered, "video", _VIDEOS), _drawn(measured.answered, "audio", _VOICES)
    pairs, right = [], 0
    by_truth: dict[tuple[bool, bool], list[_Pair]] = defaultdict(list)
    for video in videos:
        for voice in voices:
            verdict = decide(
                [*video.evidence(), *voice.evidence()],
                kind="video",
                operating=measured.operating,
                dependence=measured.dependence,
            )
            pair = _Pair(video.group, video.forged, voice.forged, verdict)
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
        text=f"{len(videos)} clips beside {len(voices)} voices, by answers that left out the source of each, every "
        "pair: genuine are those with nothing forged (in the last row, those whose picture is). Weights and levels are "
        "those of the package. Intervals by bootstrap over the people and recordings of the clips. Four possibilities: "
        "one minus the probability that neither is forged. The likeliest of the four was right in "
        f"{right / max(1, len(pairs)):.1%} of {len(pairs)} pairs.",
        seed=_SEED,
        weights="",
        rows=tuple(rows),
    )


def _drawn(media: Sequence[FileAnswers], kind: str, most: int) -> list[FileAnswers]:
    """At most so many of each class that were answered."""
    rng = np.random.default_rng(_SEED)
    found: list[FileAnswers] = []
    for forged in (False, True):
        mine = [one for one in media if one.kind == kind and one.forged == forged and one.evidence()]
        found += [mine[i] for i in sorted(rng.permutation(len(mine))[:most].tolist())]
    return found


def _row(
    what: str, pairs: Sequence[_Pair], forged: Callable[[_Pair], bool], score: Callable[[_Pair], float]
) -> held_out.HeldOutRow:
    return held_out.row(what, list(map(forged, pairs)), list(map(score, pairs)), [pair.group for pair in pairs])
