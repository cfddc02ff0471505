"""How well a detector tells forgeries made of the test photographs from the photographs: ``python -m
benchmarks.on_photographs traditional.noise DATA``.

These are the figures under "measured" of the pages of the detectors in ``docs/detectors``, of pictures that the
detector's training made but did not learn from. DATA is the folder with ``photos.zip`` and ``dfdc-faces.zip``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zhenwei.stats import Estimate
from zhenwei.stats.bootstrap import percentile_interval, resampled_rows
from zhenwei.stats.metrics import auc
from zhenwei.training.consistency import exif
from zhenwei.training.data.held_out_faces import HeldOutPortraits
from zhenwei.training.data.held_out_images import HeldOutImage
from zhenwei.training.data.photographs import Photograph, read_photographs
from zhenwei.training.install.calibrate import Ask
from zhenwei.training.traditional import exposure, jpeg_traces, noise

_RESAMPLES = 1000


def _exposure_examples(photographs: Sequence[Photograph]) -> HeldOutPortraits:
    return HeldOutPortraits(photographs, exposure.SEED, 2)


def _noise_examples(photographs: Sequence[Photograph]) -> noise.NoiseExamples:
    return noise.NoiseExamples(noise.sitters_of(photographs, lambda _done: None), 3)


# Of each detector: sources of photographs, what is made of them (3: the purpose "test" in the seeds), who is asked.
DETECTORS: dict[str, tuple[tuple[str, ...], Callable[[Sequence[Photograph]], Iterable[HeldOutImage]], Ask]] = {
    "consistency.exif": (exif.SOURCES, lambda photographs: exif.PatchExamples(photographs, 3), exif.ASK),
    "traditional.exposure": (exposure.SOURCES, _exposure_examples, exposure.ASK),
    "traditional.jpeg_traces": (
        jpeg_traces.SOURCES,
        lambda photographs: jpeg_traces.Splices(photographs, 3),
        jpeg_traces.ASK,
    ),
    "traditional.noise": (noise.SOURCES, _noise_examples, noise.ASK),
}


@dataclass(frozen=True, slots=True)
class Measured:
    """``area``: AUC of the scores, its interval by bootstrap over photographs; ``answered``: share with a score."""

    genuine: int
    forged: int
    area: Estimate
    answered: float


def measured(shown: Iterable[HeldOutImage], ask: Ask, *, seed: int = 0) -> Measured:
    """Asks for every picture; those of one photograph (``HeldOutImage.face``) are drawn together."""
    truth, scores, photographs = list[bool](), list[float](), list[int]()
    asked = 0
    for each in shown:
        asked += 1
        sample = ask(each)
        if sample is not None:
            truth.append(sample.forged)
            scores.append(sample.score)
            photographs.append(sample.number)
    forged, values = np.array(truth, bool), np.array(scores)
    drawn = []
    for rows in resampled_rows(photographs, forged=forged, seed=seed, resamples=_RESAMPLES):
        drawn.append(auc(forged[rows], values[rows]))
    area = percentile_interval(auc(forged, values), drawn, len(scores))
    return Measured(int((~forged).sum()), int(forged.sum()), area, len(scores) / asked)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("detector", choices=DETECTORS)
    parser.add_argument("data", type=Path)
    given = parser.parse_args(arguments)
    sources, made_of, ask = DETECTORS[given.detector]
    found = measured(made_of(read_photographs(given.data, sources, test=True)), ask)
    area = f"AUC {found.area.value:.3f} [{found.area.low:.3f}, {found.area.high:.3f}]"
    print(f"{found.genuine} genuine and {found.forged} forged, {found.answered:.0%} answered: {area}")


if __name__ == "__main__":
    main()
