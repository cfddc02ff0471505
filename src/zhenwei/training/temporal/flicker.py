"""``temporal.flicker``: learned from photographs set in motion, calibrated on others that were held out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from pydantic import Field

from zhenwei import models
from zhenwei.detectors.temporal.flicker import FRAMES, Flicker
from zhenwei.models import ModelEntry
from zhenwei.nets.flicker import FlickerNet
from zhenwei.signals.flicker import CHANNELS
from zhenwei.stats.metrics import auc
from zhenwei.trainer.checkpoints import save_state
from zhenwei.training.data.photographs import read_photographs
from zhenwei.training.data.portraits import parted
from zhenwei.training.install.calibrate import Calibrated, Sample, calibrate
from zhenwei.training.install.card import Product
from zhenwei.training.install.onnx_export import export
from zhenwei.training.install.publish import publish
from zhenwei.training.lesson import Lesson, LessonRun
from zhenwei.training.recipe import RecipeSection, Share
from zhenwei.training.temporal import _videos as taught
from zhenwei.training.temporal._videos import VideoSample

MODEL = Flicker.info.models[0]
_SOURCES = ("ffhq", "pixabay")
_HIGHEST = 0.1
"""What it may say at most, whatever held-out photographs allow. An assumption: real clips are not photographs set in
motion, and on the few at hand it could not be shown to part genuine from forged."""


class FlickerRecipe(RecipeSection):
    """``times``: how often a photograph to learn from is set in motion; ``held_out``: share that is calibrated on."""

    epochs: int = Field(default=taught.EPOCHS, gt=0)
    times: int = Field(default=1, gt=0)
    held_out: Share = 0.25


Videos = tuple[list[VideoSample], list[VideoSample]]


def prepare(recipe: FlickerRecipe, run: LessonRun) -> Videos:
    """Clips to learn from, and of photographs held out by name: the training rows of ``photos`` set in motion."""
    rows, apart = parted(read_photographs(run.data, _SOURCES), recipe.held_out, lambda row: row.path)
    learn = list(taught.videos(rows, 1, recipe.times, run.bar("setting photographs in motion")))
    return learn, list(taught.videos(apart, 2, 1, run.bar("the same for held-out ones")))


def learn(recipe: FlickerRecipe, videos: Videos, run: LessonRun) -> FlickerNet:
    net = taught.train(videos[0], epochs=recipe.epochs, tell=run.bar("training"))
    save_state(net.state_dict(), run.output / "best.pt")
    area = auc([video.forged for video in videos[1]], taught.scores(net, videos[1]))
    run.say(f"AUC on held-out photographs: {area:.3f}")
    return net


def install(recipe: FlickerRecipe, videos: Videos, net: FlickerNet, run: LessonRun) -> tuple[ModelEntry, ...]:
    exported = export(net, (len(CHANNELS), FRAMES), input_name="courses", outputs=("score", "course"))
    held_out = videos[1]

    def measure() -> Calibrated:
        progress = run.bar("calibrating")
        found = calibrate(held_out, ask, seed=taught.SEED, progress=progress, bounded=True)
        return replace(found, calibration=replace(found.calibration, highest=min(_HIGHEST, found.calibration.highest)))

    return (publish(_product(recipe), exported, measure, store=run.store),)


def ask(video: VideoSample) -> Sample:
    """What the network in the store says of a clip that was followed already."""
    scores = models.load(MODEL).run(video.courses[None])[0]
    score = float(np.asarray(scores)[0])
    return Sample(score=score, forged=video.forged, number=video.photograph, group=video.path, source=video.source)


def _product(recipe: FlickerRecipe) -> Product:
    return Product(
        model=MODEL,
        detector=Flicker.info.id,
        question="Does a face tremble between frames more than its surroundings? Courses of 48 frames in; a score and "
        "log odds of every frame out.",
        origin="trained with `zhenwei train temporal.flicker`, from nothing",
        training_data="FFHQ photographs and stock portraits (Pixabay), set in motion by this project. Data sets' "
        "licences: research.",
        input=f"courses (n, {len(CHANNELS)}, {FRAMES}) float32, see zhenwei.signals.flicker; gives score (n,) and "
        f"course (n, {FRAMES})",
        facts=(
            f"Network: three convolutions over time, {recipe.epochs} epochs, seed {taught.SEED}",
            f"Clips: {recipe.times} of each photograph, as it is and forged frame by frame (self-blends drawn anew or "
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


lesson = Lesson(
    serves=(Flicker.info.id,),
    recipe=FlickerRecipe,
    needs="photos (zip + csv): photographs with faces",
    prepare=prepare,
    learn=learn,
    install=install,
)
