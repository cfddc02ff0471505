"""``cnn.synthetic_image`` into the store: held-out pictures, calibration and the words of the card."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from zhenwei import faces, models
from zhenwei.detectors.cnn.synthetic_image import SyntheticImage
from zhenwei.models import ModelEntry
from zhenwei.nets.face_forgery import FaceForgeryNet
from zhenwei.training.cnn._synthetic_image import FAMILY, Album, SyntheticRecipe
from zhenwei.training.data.portraits import Delivery, Portrait, draw_delivery
from zhenwei.training.install.calibrate import Ask, Calibrated, Sample, Shown, calibrate
from zhenwei.training.install.export import export, load_weights
from zhenwei.training.install.publish import Product, best_row, publish
from zhenwei.types import Detector, Frame, Media, Subject

MODEL = "synthetic_image"
_UNKNOWN = 0.5
"""Share u of generators that may leave none of the known traces. An assumption, not a measurement: of generators that
were not trained on there are none here to measure. With LR the likelihood ratio among the known ones, that of "drawn by
some generator" is (1 - u) LR + u: never below u, and 1 - u as large at the top."""
_DATA = "FFHQ photographs and StyleGAN portraits learned from them, 256 px. Data sets' licences: research."
_LIMITS = (
    "The one generator it was trained on is StyleGAN, on a few hundred portraits. Expect little of it on diffusion "
    "models and other GANs: pictures redrawn with a generator's way of enlarging look like photographs to it. For that "
    "reason it never speaks for a picture being photographed, and abstains unless it finds traces. It does not look "
    "for faces swapped into genuine pictures."
)


@dataclass(frozen=True, slots=True, eq=False)
class HeldOutPortraits:
    """Whole pictures held out of training, one after another, each as it is and delivered.

    Generated portraits and photographs of the family that their generator learned from. Other sources are left out:
    they differ in size and have no forgeries, and the calibration, which heeds the size of the face, would learn that.
    """

    portraits: Sequence[Portrait]
    seed: int

    def __len__(self) -> int:
        return 2 * len(self._portraits())

    def __iter__(self) -> Iterator[Shown]:
        for number, portrait in enumerate(self._portraits()):
            pixels, arrives = portrait.pixels(), draw_delivery(np.random.default_rng((self.seed, 11, number)))
            if arrives == Delivery():
                arrives = replace(arrives, encoding=(".jpg", 75))
            source = f"{FAMILY} and generated from it"
            for picture, delivered in ((pixels, False), (arrives.apply(pixels), True)):
                yield Shown(picture, portrait.forged, number, portrait.path, source, delivered)

    def _portraits(self) -> list[Portrait]:
        return [p for p in self.portraits if p.forged or p.source == FAMILY]


def asked_of(detector: Detector) -> Ask:
    """What ``detector`` makes of a picture's largest face, found by the package's own finder; None where it sees no
    face or abstains."""

    def ask(shown: Shown) -> Sample | None:
        frame = Frame(0, 0.0, shown.pixels)
        people = faces.find_people((frame,))
        if not people:
            return None
        track = max(people, key=lambda t: t.faces[0].box.area)
        media = Media("", "", "image", 0, "jpeg", width=shown.pixels.shape[1], height=shown.pixels.shape[0])
        score = detector.examine(Subject(media, (frame,), replace(track, person=1))).score
        if score is None:
            return None
        seen = track.faces[0].quality
        return Sample(
            score, shown.forged, seen.face_px, seen.sharpness, shown.face, shown.group, shown.source, shown.delivered
        )

    return ask


def install(
    recipe: SyntheticRecipe,
    album: Album,
    folder: Path,
    *,
    store: Path = models.STORE,
    progress: Callable[[float], None] | None = None,
) -> ModelEntry:
    """Exports, calibrates and publishes ``folder/best.pt``; :func:`zhenwei.training.install.publish.publish` says how.

    The operating points of the fused verdict are left alone: they belong to all detectors together.
    """
    exported = export(load_weights(folder / "best.pt", FaceForgeryNet(recipe.backbone)), recipe.size_px)
    product = product_of(recipe, best_row(folder / "log.csv"))
    held_out = HeldOutPortraits(album.held_out, recipe.seed)

    def measure() -> Calibrated:
        ask = asked_of(SyntheticImage(always=True))
        return cautious(calibrate(held_out, ask, seed=recipe.seed, total=len(held_out), progress=progress))

    return publish(product, exported, measure, store=store, thresholds=None)


def cautious(found: Calibrated) -> Calibrated:
    """``found`` with bounds that allow for generators that leave other traces: log(u) below, log(1 - u) less above."""
    fitted = found.calibration
    lowest = max(fitted.lowest, math.log(_UNKNOWN))
    highest = max(0.0, fitted.highest + math.log(1 - _UNKNOWN))
    return replace(found, calibration=replace(fitted, lowest=lowest, highest=highest))


def product_of(recipe: SyntheticRecipe, best: Mapping[str, str]) -> Product:
    """The words of the card. ``best``: the line of the log whose weights are published."""
    backbone, cells = f"EfficientNet-{recipe.backbone.capitalize()}", recipe.size_px // 32
    pairs = recipe.pairs.generated + recipe.pairs.regenerated
    return Product(
        model=MODEL,
        detector=recipe.detector,
        question=f"Was this portrait drawn by a generator? A face with a margin of {recipe.margin:.0%} in, a score and "
        f"a {cells} x {cells} map of regional scores out.",
        licence="Apache-2.0 (weights made by this project; see training data)",
        origin=f"trained with zhenwei.training.cnn._synthetic_image, from ImageNet {backbone} (Apache-2.0)",
        training_data=_DATA,
        input=f"faces (n, 3, {recipe.size_px}, {recipe.size_px}) float32 RGB in [-1, 1], face box with a margin of "
        f"{recipe.margin:.0%}; gives score (n,) and regions (n, size / 32, size / 32), logits",
        facts=(
            f"Network: {backbone} at {recipe.size_px} px",
            f"Recipe: {recipe.optimiser.steps} steps of {2 * pairs} pictures ({recipe.pairs.generated} of {pairs} "
            f"pairs with a generated portrait), seed {recipe.seed}; the weights are the running average (EMA) at step "
            f"{float(best['step']):.0f}, chosen by held-out pictures",
        ),
        held_out="None of these pictures was trained on; the weights were chosen and calibrated on them, so they "
        "flatter. The test figures are in `docs/accuracy.md`.",
        remarks=(
            f"AUC while training: {float(best['auc_generated']):.3f} on generated portraits, "
            f"{float(best['auc_half_jpeg']):.3f} after half size and JPEG 70.",
            "Half of all generators are taken to leave none of these traces: no LLR is below log(1/2), and the highest "
            "is lowered by as much.",
        ),
        limits=_LIMITS,
        noun="pictures",
    )
