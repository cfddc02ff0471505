"""``temporal.flicker`` into the store, calibrated on photographs that were held out and set in motion."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from zhenwei import models
from zhenwei.detectors.temporal.flicker import ANY_SIZE_PX, FRAMES, Flicker
from zhenwei.models import ModelEntry
from zhenwei.nets.flicker import FlickerNet
from zhenwei.signals.flicker import CHANNELS
from zhenwei.training.cnn.synthetic_image import cautious
from zhenwei.training.data.photographs import Photograph, read_photographs
from zhenwei.training.data.portraits import kept_out
from zhenwei.training.install.calibrate import Calibrated, Sample, Shown, calibrate
from zhenwei.training.install.export import export_shape
from zhenwei.training.install.publish import Product, publish
from zhenwei.training.temporal import _clips as taught

MODEL = Flicker.info.models[0]
SOURCES = ("ffhq", "pixabay")
HELD_OUT = 0.25
_HIGHEST = 0.1
"""What it may say at most, whatever held-out photographs allow. An assumption: real clips are not photographs set in
motion, and on the few at hand it could not be shown to part genuine from forged."""
TIMES = 1  # that a photograph to learn from is set in motion


@dataclass(frozen=True, slots=True, eq=False)
class Albums:
    """Photographs to learn from and held out by name."""

    learn: list[Photograph]
    held_out: list[Photograph]


def albums(data: Path) -> Albums:
    """Of the training rows of ``photos`` in ``data``."""
    rows = read_photographs(data, SOURCES)
    kept = [kept_out(row.path, HELD_OUT) for row in rows]
    return Albums(
        [row for row, out in zip(rows, kept, strict=True) if not out],
        [row for row, out in zip(rows, kept, strict=True) if out],
    )


def install(
    net: FlickerNet,
    held_out: Sequence[taught.Clip],
    *,
    store: Path = models.STORE,
    progress: Callable[[float], None] | None = None,
) -> ModelEntry:
    """Exports, calibrates and publishes. ``held_out``: clips that were not learned from."""
    exported = export_shape(net, (len(CHANNELS), FRAMES), input_name="courses", outputs=("score", "course"))

    def measure() -> Calibrated:
        shown = _Shown(held_out)
        found = cautious(calibrate(shown, shown.ask, seed=taught.SEED, total=len(held_out), progress=progress))
        return replace(found, calibration=replace(found.calibration, highest=min(_HIGHEST, found.calibration.highest)))

    return publish(_product(), exported, measure, store=store, thresholds=None)


@dataclass(frozen=True, slots=True, eq=False)
class _Shown:
    """Clips in the place of pictures: what stands for the pixels is not looked at, the courses are."""

    clips: Sequence[taught.Clip]

    def __len__(self) -> int:
        return len(self.clips)

    def __iter__(self) -> Iterator[Shown]:
        nothing = np.zeros((1, 1, 3), np.uint8)
        for number, clip in enumerate(self.clips):
            yield Shown(nothing, clip.forged, number, clip.path, clip.source, delivered=False)

    def ask(self, shown: Shown) -> Sample:
        clip = self.clips[shown.face]
        scores = models.load(MODEL).run(clip.courses[None])[0]
        unknown = float("nan")
        return Sample(float(scores[0]), clip.forged, ANY_SIZE_PX, unknown, clip.photograph, clip.path, clip.source,
                      delivered=False)  # fmt: skip


def _product() -> Product:
    return Product(
        model=MODEL,
        detector=Flicker.info.id,
        question="Does a face tremble between frames more than its surroundings? Courses of 48 frames in; a score and "
        "log odds of every frame out.",
        licence="Apache-2.0 (weights made by this project; see training data)",
        origin="trained with `zhenwei train temporal.flicker`, from nothing",
        training_data="FFHQ photographs and stock portraits (Pixabay), set in motion by this project. Data sets' "
        "licences: research.",
        input=f"courses (n, {len(CHANNELS)}, {FRAMES}) float32, see zhenwei.signals.flicker; gives score (n,) and "
        f"course (n, {FRAMES})",
        facts=(
            f"Network: three convolutions over time, {taught.EPOCHS} epochs, seed {taught.SEED}",
            f"Clips: {TIMES} of each photograph, as it is and forged frame by frame (self-blends drawn anew or "
            "trembling, mixed in by 15 to 100 %), both through H.264 at the same CRF and followed by the "
            "package's tracker",
        ),
        held_out="Photographs that were not learned from, set in motion. Real clips are in `docs/accuracy.md`.",
        remarks=(
            f"No LLR is above {_HIGHEST}: real clips are not photographs set in motion, and on the few at hand it "
            "could not be shown to part genuine from forged. None is below log(1/2), as for smooth forgeries.",
        ),
        limits="It learned from photographs set in motion, not from clips; hands, hair and shadows that cross a face, "
        "flickering light and cuts are foreign to it.",
        noun="clips",
    )
