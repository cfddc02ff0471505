"""``consistency.exif`` into the store: calibrated on splices and on the same pictures whole, with the same last saving.

Of each held-out photograph come four pictures. Two are as published, whole and with a part of another photograph that
was saved otherwise; two went through the synthetic camera, whole and with a part that another camera took.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from zhenwei.detectors.consistency.exif import Exif
from zhenwei.errors import DataError
from zhenwei.files import write_whole
from zhenwei.models import ModelEntry
from zhenwei.nets.self_consistency import SelfConsistencyNet
from zhenwei.training.consistency import _network as learned
from zhenwei.training.data.camera import Camera, another, draw_camera, saved
from zhenwei.training.data.held_out_images import HeldOutImage
from zhenwei.training.data.photographs import Photograph, read_photographs
from zhenwei.training.data.portraits import parted
from zhenwei.training.install.asking import of_image
from zhenwei.training.install.calibrate import calibrate
from zhenwei.training.install.card import Product
from zhenwei.training.install.onnx_export import export
from zhenwei.training.install.publish import publish
from zhenwei.training.lesson import Lesson, LessonRun, figures_line
from zhenwei.training.recipe import RecipeSection, Share
from zhenwei.training.resuming import RECORD
from zhenwei.training.traditional.jpeg_traces import draw_history
from zhenwei.training.traditional.jpeg_traces import splice as splice_histories
from zhenwei.types import Pixels

MODEL = "self_consistency"
ASK = of_image(Exif(always=True))
SOURCES = ("ffhq", "pixabay")
_GOOD, _LAST = 85, (60, 99)
_KEEP_SIZE = (0, 3, 4)  # settings of resampling that leave no fewer pixels
_TOLERANCE = 0.05  # of logits that reach hundreds


class ExifRecipe(RecipeSection):
    """``held_out``: share of the photographs that is calibrated on."""

    steps: int = Field(default=3600, gt=0)
    held_out: Share = 0.4


@dataclass(frozen=True, slots=True, eq=False)
class PhotographSplit:
    """Pictures to learn from, and photographs held out by name."""

    learn: list[Pixels]
    held_out: list[Photograph]


def prepare(recipe: ExifRecipe, run: LessonRun) -> PhotographSplit:
    """The training rows of ``photos``."""
    learn, held_out = parted(read_photographs(run.data, SOURCES), recipe.held_out, lambda row: row.path)
    return PhotographSplit([row.pixels() for row in learn], held_out)


def learn(
    recipe: ExifRecipe, album: PhotographSplit, run: LessonRun
) -> tuple[SelfConsistencyNet, dict[str, float]] | None:
    """From shots of the synthetic camera; its AUC of agreement by property on held-out photographs. None where it was
    stopped before the end."""
    kept = run.output / RECORD
    if not run.resume:
        write_whole(kept, recipe.model_dump_json(indent=2))
    net = learned.train(
        album.learn,
        run.output,
        steps=recipe.steps,
        resume=run.resume,
        stop_after=run.stop_after,
        tell=lambda step: run.tell("training", step / recipe.steps),
    )
    write_whole(kept, recipe.model_dump_json(indent=2))
    found = learned.check(net, [photograph.pixels() for photograph in album.held_out])
    run.say(figures_line(found))
    return (net, found) if run.stop_after is None else None


def install(
    recipe: ExifRecipe, album: PhotographSplit, taught: tuple[SelfConsistencyNet, dict[str, float]], run: LessonRun
) -> tuple[ModelEntry, ...]:
    net, found = taught
    exported = export(net, 128, input_name="patches", outputs=("scaled", "margins"), tolerance=_TOLERANCE)
    examples = PatchExamples(album.held_out, 2)
    progress = run.bar("calibrating")
    measure = partial(calibrate, examples, ASK, seed=learned.SEED, progress=progress, bounded=True)
    return (publish(_product(recipe, found), exported, measure, store=run.store),)


@dataclass(frozen=True, slots=True, eq=False)
class PatchExamples:
    """Photographs whole and spliced, as published and by camera, one after another. ``purpose``: part of the seed."""

    photographs: Sequence[Photograph]
    purpose: int

    def __len__(self) -> int:
        return 4 * len(self.photographs)

    def __iter__(self) -> Iterator[HeldOutImage]:
        if len(self.photographs) < 2:
            raise DataError("too few photographs to splice", got=str(len(self.photographs)), want="at least two")
        for number, mine in enumerate(self.photographs):
            rng = np.random.default_rng((learned.SEED, self.purpose, number))
            away = int(rng.integers(1, len(self.photographs)))
            other = self.photographs[(number + away) % len(self.photographs)]
            for images in (_published, _by_camera):
                (whole, spliced), last = images(mine.pixels(), other.pixels(), rng)
                poor = last is not None and last < _GOOD
                for pixels, forged in ((whole, False), (spliced, True)):
                    yield HeldOutImage(pixels, forged, number, mine.path, mine.source, poor)


def _published(mine: Pixels, other: Pixels, rng: np.random.Generator) -> tuple[tuple[Pixels, Pixels], int | None]:
    history = draw_history(rng)
    spliced, _ = splice_histories(mine, other, history, rng)
    return (history.apply(mine), spliced), history.last


def _by_camera(mine: Pixels, other: Pixels, rng: np.random.Generator) -> tuple[tuple[Pixels, Pixels], int | None]:
    camera = _of_kept_size(draw_camera(rng), rng)
    theirs = _of_kept_size(another(camera, rng), rng)
    quality = int(rng.integers(*_LAST)) if rng.random() < 0.85 else None
    whole, part = camera.shoot(even(mine), rng), theirs.shoot(even(other), rng)
    spliced, _ = pasted(whole, part, rng)
    if quality is None:
        return (whole, spliced), None
    return (saved(whole, quality), saved(spliced, quality)), quality


def _of_kept_size(camera: Camera, rng: np.random.Generator) -> Camera:
    """Photographs here are small; made smaller still, too few patches would fit."""
    kept = camera.resampling in _KEEP_SIZE
    return camera if kept else replace(camera, resampling=_KEEP_SIZE[int(rng.integers(len(_KEEP_SIZE)))])


def even(pixels: Pixels) -> Pixels:
    """With even sides, as a sensor has."""
    height, width = pixels.shape[0] // 2 * 2, pixels.shape[1] // 2 * 2
    return np.ascontiguousarray(pixels[:height, :width])


def pasted(whole: Pixels, part: Pixels, rng: np.random.Generator) -> tuple[Pixels, NDArray[np.bool_]]:
    """``whole`` with an ellipse of ``part``, which is repeated in reflection where it is too small; and where it is.
    A tenth to a third of the picture: smaller ones hide within a patch."""
    height, width = whole.shape[:2]
    down, across = max(0, height - part.shape[0]), max(0, width - part.shape[1])
    part = np.pad(part, ((0, down), (0, across), (0, 0)), "symmetric")[:height, :width]
    centre, axes = rng.uniform(0.25, 0.75, 2) * (width, height), rng.uniform(0.2, 0.33, 2) * (width, height)
    region = np.zeros((height, width), np.uint8)
    cv2.ellipse(region, tuple(centre.round().astype(int)), tuple(axes.round().astype(int)), 0, 0, 360, 1, -1)
    inside = region > 0
    return np.where(inside[..., None], part, whole).astype(np.uint8), inside


def _product(recipe: ExifRecipe, found: Mapping[str, float]) -> Product:
    areas = figures_line(found, ".2f", between=", ")
    return Product(
        model=MODEL,
        detector=Exif.info.id,
        question="Do patches of a picture share every imaging property? Patches in; points out, whose squared distance "
        "is what the agreement of two patches loses.",
        origin="trained with `zhenwei train consistency.exif`, from nothing",
        training_data="FFHQ photographs and stock portraits (Pixabay) made smaller, and dead leaves, all shot by a "
        "synthetic camera of known settings. Data sets' licences: research.",
        input="patches (n, 3, 128, 128) float32 RGB in [-1, 1], pixels as they are in the file; gives scaled "
        "(n, 9, 6) and margins (n, 10)",
        facts=(
            f"Network: five stages of 3 x 3 convolutions, {recipe.steps} steps of 64 patches, seed {learned.SEED}, EMA",
            f"AUC of agreement, pairs of patches of different held-out pictures: {areas}",
        ),
        held_out="Splices of photographs that were not learned from, beside the same pictures whole: half as published "
        f"with another compression, half by the synthetic camera. As published here means last saved at quality {_GOOD}"
        " or better, or without loss. The test figures are in `docs/detectors/consistency.exif.md`.",
        remarks=(
            "Half of all forgeries are taken to leave no such trace: no LLR is below log(1/2), and the highest is "
            "lowered by as much.",
        ),
        limits="Splices of parts that were processed otherwise, while the last saving is a good one. Genuine pictures "
        "with blurred backgrounds, overlays or portrait modes can be as uneven.",
        noun="pictures",
    )


lesson = Lesson(
    serves=(Exif.info.id,),
    recipe=ExifRecipe,
    needs="photos (zip + csv): photographs",
    prepare=prepare,
    learn=learn,
    install=install,
    accepts=frozenset({"resume", "stop_after"}),
    checkpoints=("last.pt",),
    settled=("held_out",),
)
