"""Does the timeline of speech show where a sentence was replaced?

``python -m benchmarks.spoken_splices --data DIR --states DIR``. Recordings are put together of windows of one genuine
speaker, with one synthetic sentence among them at a drawn place and of the same loudness. Nothing of its source, its
systems or its speakers was learned from: fold by fold the detectors are learned anew, or taken from the states that
``zhenwei train speech.spectrogram --output STATES`` has left. Writes ``docs/held_out/speech.splices.json``, which
`scripts/docs accuracy` puts on the accuracy page.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zhenwei import models
from zhenwei.detectors.speech._hearing import listen
from zhenwei.evaluation import held_out
from zhenwei.evaluation.held_out import HeldOutTable
from zhenwei.models.calibration import Calibration
from zhenwei.signals.voice import RATE_HZ
from zhenwei.stats.intervals import rate_interval
from zhenwei.training.data.speech import CHANNELS, FOLDS, SEED, Utterance, features_of, read_speech, split, with_copies
from zhenwei.training.speech import spectrogram, variability
from zhenwei.training.speech._folds import Row, TrainedVoiceDetector, Way
from zhenwei.types import Audio, Floats, Text

DETECTORS = "speech.variability and speech.spectrogram"
WAYS = (variability.way, spectrogram.way)
AROUND, EACH = 4, 1  # genuine windows of a recording; recordings made with each synthetic window
_MOSTLY, _BARELY = 0.6, 0.1  # shares of a window that are synthetic: to count as forged, as genuine


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """``audio`` ``(samples,)`` at 16 kHz, synthetic from ``start_s`` to ``end_s``. ``group``: source and system."""

    audio: Floats
    start_s: float
    end_s: float
    group: str


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Scores of a recording's windows and the share of each that is synthetic."""

    scores: tuple[float, ...]
    shares: tuple[float, ...]
    group: str


def recordings(fold: Sequence[Utterance], rng: np.random.Generator) -> Iterator[Recording]:
    """Of what a fold leaves out; hosts are speakers with enough genuine windows."""
    hosts: dict[str, list[Utterance]] = defaultdict(list)
    for one in fold:
        if not one.forged:
            hosts[f"{one.source} {one.speaker}"].append(one)
    able = [windows for windows in hosts.values() if len(windows) >= AROUND]
    for one in (u for u in fold if u.forged and able):
        for _ in range(EACH):
            host = able[int(rng.integers(len(able)))]
            chosen = [host[i].audio for i in rng.choice(len(host), AROUND, replace=False)]
            place = int(rng.integers(AROUND + 1))
            level = float(np.sqrt(np.mean(np.concatenate(chosen) ** 2)))
            own = float(np.sqrt(np.mean(one.audio**2)))
            inserted = np.asarray(one.audio * (level / own), np.float32)
            parts = [*chosen[:place], inserted, *chosen[place:]]
            start = sum(len(p) for p in parts[:place]) / RATE_HZ
            audio = np.clip(np.concatenate(parts), -1, 1).astype(np.float32)
            yield Recording(audio, start, start + len(inserted) / RATE_HZ, f"{one.source} {one.system}")


@dataclass(frozen=True, slots=True, eq=False)
class Witness:
    """A detector that learned nothing of a fold, and what its scores are worth."""

    way: Way
    learned: TrainedVoiceDetector
    calibration: Calibration

    def llr(self, audio: Floats) -> float | None:
        row = self.way.describe(audio)
        return None if row is None else self.calibration.llr(self.learned.score(row))


def judged(recording: Recording, witnesses: Sequence[Witness]) -> Judged | None:
    """By the sum of the LLRs of a window; windows that one of them cannot judge are left out."""
    heard = listen(Audio(recording.audio[None], RATE_HZ))
    if isinstance(heard, Text):
        return None
    scores, shares = list[float](), list[float]()
    for window in heard.windows:
        llrs = [found for one in witnesses if (found := one.llr(window.audio)) is not None]
        if len(llrs) < len(witnesses):
            continue
        inside = min(window.interval.end_s, recording.end_s) - max(window.interval.start_s, recording.start_s)
        scores.append(sum(llrs))
        shares.append(max(0.0, inside) / (window.interval.end_s - window.interval.start_s))
    return Judged(tuple(scores), tuple(shares), recording.group) if len(scores) > 1 else None


def measure(data: Path, states: Path, workers: int) -> HeldOutTable:
    everything = list(with_copies(read_speech(data)))
    described = []
    for way in WAYS:
        described.append(
            [features_of(everything, way.describe, workers=workers, channel=n) for n in range(CHANNELS + 1)]
        )
    found: list[Judged] = []
    asked = 0
    for number, sources in enumerate(FOLDS):
        learn, ask = split(everything, sources)
        witnesses = []
        for way, channels in zip(WAYS, described, strict=True):
            known = list[Row]()
            for each in channels:
                for row, one, mine in zip(each, everything, learn, strict=True):
                    if mine and row is not None:
                        known.append((row, one))
            learned = way.learn(known, states / f"fold{number + 1}.pt", lambda _share: None)
            calibration = Calibration.load(models.calibration_path(way.product.model))
            witnesses.append(Witness(way, learned, calibration))
        left_out = [u for u, mine in zip(everything, ask, strict=True) if mine]
        made = list(recordings(left_out, np.random.default_rng([SEED, number])))
        asked += len(made)
        found += [j for recording in made if (j := judged(recording, witnesses)) is not None]
        sys.stderr.write(f"fold {number + 1}: {len(made)} recordings\n")
    return table(found, asked)


def table(found: Sequence[Judged], asked: int) -> HeldOutTable:
    """Windows pooled, and windows less the median of their recording: what the eye does with a timeline."""
    pooled, beside, truth, groups = [], [], [], []
    hits, chance = 0, 0.0
    for one in found:
        middle = float(np.median(one.scores))
        for score, share in zip(one.scores, one.shares, strict=True):
            if share >= _MOSTLY or share <= _BARELY:
                pooled.append(score)
                beside.append(score - middle)
                truth.append(share >= _MOSTLY)
                groups.append(one.group)
        over = np.asarray(one.shares) > 0.5
        hits += bool(over[int(np.argmax(one.scores))])
        chance += float(over.mean())
    hit = rate_interval(hits, len(found))
    text = (
        f"Where a sentence was replaced: {len(found)} recordings of about 14 s ({asked} made) of one genuine speaker, "
        "with one synthetic sentence of the same loudness among the genuine ones. Asked are windows of 2.5 s as in the "
        "report's timeline, of weights that learned nothing of the source, its systems and speakers. In "
        f"{hit.value:.1%} [{hit.low:.1%}, {hit.high:.1%}] of them the window accused most lies on the replaced "
        f"sentence; by chance it would in {chance / len(found):.1%}. A window counts as synthetic from "
        f"{_MOSTLY:.0%} on, as genuine up to {_BARELY:.0%}. Intervals by bootstrap over sources and systems."
    )
    each = [
        held_out.row("windows, as scored", truth, pooled, groups),
        held_out.row("windows, less their recording's median", truth, beside, groups),
    ]
    return HeldOutTable(
        detector=f"{DETECTORS}, spliced speech", noun="scores", text=text, seed=SEED, weights="", rows=tuple(each)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder with speech2.zip and speech2.csv")
    parser.add_argument("--output", type=Path, default=Path("docs/held_out/speech.splices.json"))
    parser.add_argument("--states", type=Path, required=True, help="output of `zhenwei train speech.spectrogram`")
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_args()
    held_out.save(measure(given.data, given.states, given.workers), given.output)


if __name__ == "__main__":
    main()
