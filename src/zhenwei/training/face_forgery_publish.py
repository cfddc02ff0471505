"""``cnn.face_forgery`` into the store: held-out pictures, calibration, variants and the words of the card."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from zhenwei import faces, models
from zhenwei.detectors.cnn.face_forgery import FaceForgery
from zhenwei.forge.synthesis import affine_warp, self_blend
from zhenwei.fusion.operating import PACKAGED
from zhenwei.models import ModelEntry
from zhenwei.trainer.supervised import to_input
from zhenwei.training.batches import BatchMaker, Split, split_pack
from zhenwei.training.calibrate import Calibrated, Sample, Shown, calibrate, delivery
from zhenwei.training.export import export, load_weights
from zhenwei.training.face_forgery import held_out_faces, network
from zhenwei.training.pack import Pack
from zhenwei.training.publish import Product, best_row, publish
from zhenwei.training.recipe import Recipe
from zhenwei.training.variants import Cost, card_lines, write_variants
from zhenwei.types import Floats, Frame, Media, Pixels, Subject

Progress = Callable[[float], None]
_DATA = (
    "DFDC (Kaggle) training set: face crops of genuine clips and face swaps, identity-disjoint; FFHQ and StyleGAN "
    "faces; forgeries made of genuine faces on the fly (self-blending, affine warping, and the recipe's other kinds). "
    "Data sets' licences: research."
)
_RANGED = 8  # batches whose activations give the ranges of the 8 bit variant
_LIMITS = (
    "It knows swaps of the 2019 DFDC kind, blending and warping traces, and StyleGAN faces. Whole-head animation, "
    "text-to-video and generators unlike these may pass. Strong compression, filters and enlargement hide traces; "
    "profiles and covered faces are hard. It looks at the face alone."
)


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """What the weights are calibrated on: the held-out identities and the foreign sources, one picture after another.

    Each is shown as it is and delivered; forgeries are made of the genuine ones of foreign sources.
    """

    pack: Pack
    split: Split
    seed: int

    def __len__(self) -> int:
        return 2 * len(self.split.held_out) + 4 * len(self.split.foreign)

    def __iter__(self) -> Iterator[Shown]:
        for row in (*self.split.held_out.tolist(), *self.split.foreign.tolist()):
            yield from self._shown(row)

    def _shown(self, row: int) -> Iterator[Shown]:
        pack, original = self.pack, int(self.pack.original[row])
        source, group = str(pack.source[row]), f"{pack.source[row]}/{pack.identity[row]}"
        # A published forgery is delivered as its original is, so that the delivery says nothing of the label.
        rng = np.random.default_rng((self.seed, 11, row if original < 0 else original))
        pictures = [(pack.pixels(row), bool(pack.forged[row]))]
        points = pack.points(row)
        if row in self.split.foreign and points is not None:
            make = self_blend if rng.random() < 0.8 else affine_warp
            pictures.append((make(pictures[0][0], points, rng).pixels, True))
        arrives = delivery(rng)
        for pixels, forged in pictures:
            yield Shown(pixels, forged, row, group, source, delivered=False)
            yield Shown(arrives.apply(pixels), forged, row, group, source, delivered=True)


def ask(shown: Shown) -> Sample | None:
    """What the detector makes of it, through the package's own face finder; None where it sees no face or abstains."""
    frame = Frame(0, 0.0, shown.pixels)
    people = faces.find_people((frame,))
    if not people:
        return None
    track = max(people, key=lambda t: t.faces[0].box.area)
    media = Media("", "", "image", 0, "jpeg", width=shown.pixels.shape[1], height=shown.pixels.shape[0])
    score = FaceForgery().examine(Subject(media, (frame,), replace(track, person=1))).score
    if score is None:
        return None
    seen = track.faces[0].quality
    return Sample(
        score, shown.forged, seen.face_px, seen.sharpness, shown.face, shown.group, shown.source, shown.delivered
    )


def install(
    recipe: Recipe,
    pack: Pack,
    folder: Path,
    *,
    store: Path = models.STORE,
    thresholds: Path | None = None,
    progress: Progress | None = None,
) -> ModelEntry:
    """Exports, calibrates and publishes ``folder/best.pt``; :func:`zhenwei.training.publish.publish` says how."""
    exported = export(load_weights(folder / "best.pt", network(recipe)), recipe.size_px)
    best, measured = best_row(folder / "log.csv"), folder / "variants" / "variants.json"
    product = product_of(recipe, best, card_lines(measured) if measured.is_file() else ())
    held_out = HeldOut(pack, split_pack(pack, recipe), recipe.seed)

    def measure() -> Calibrated:
        total = len(held_out)
        return calibrate(held_out, ask, seed=recipe.seed, of_video=("dfdc",), total=total, progress=progress)

    return publish(product, exported, measure, store=store, thresholds=thresholds)


def install_into(recipe: Recipe, pack: Pack, folder: Path, store: Path | None, progress: Progress) -> ModelEntry:
    """:func:`install` into ``store``, its own thresholds beside it; None: into the package, whose thresholds are of all
    detectors together and stay."""
    if store is None:
        return install(recipe, pack, folder, progress=progress)
    store.mkdir(parents=True, exist_ok=True)
    return install(recipe, pack, folder, store=store, thresholds=store / PACKAGED.name, progress=progress)


def write_variants_of(recipe: Recipe, pack: Pack, folder: Path) -> tuple[Cost, ...]:
    """Variants of ``folder/best.pt`` into ``folder/variants``, measured on the held-out identities; ranges of
    activations are those of batches that it was trained with."""
    exported = export(load_weights(folder / "best.pt", network(recipe)), recipe.size_px)
    split = split_pack(pack, recipe)
    maker, held_out = BatchMaker(pack, split, recipe), held_out_faces(pack, split, recipe)
    last = recipe.optimiser.steps
    return write_variants(
        exported.onnx,
        folder / "variants",
        faces=[_normalised(maker[step].pixels) for step in range(max(0, last - _RANGED), last)],
        held_out=_normalised(np.stack(held_out.pixels)),
        forged=held_out.forged,
        groups=[f"{pack.source[row]}/{pack.identity[row]}" for row in split.held_out],
        name="face_forgery",
    )


def _normalised(pixels: Pixels) -> Floats:
    return to_input(pixels, torch.device("cpu")).contiguous().numpy()


def _how(recipe: Recipe, step: float) -> str:
    if not step:
        return f"Weights: the mean of those of earlier runs ({recipe.start}), not trained any further"
    return (
        f"Recipe: {recipe.optimiser.steps} steps of {recipe.pairs.total * 2} faces, seed {recipe.seed}; the weights "
        f"are the running average (EMA) at step {step:.0f}, chosen by held-out people and sources"
    )


def product_of(recipe: Recipe, best: Mapping[str, str], remarks: tuple[str, ...] = ()) -> Product:
    """The words of the card. ``best``: the line of the log that is published; ``remarks``: more paragraphs."""
    backbone, cells = f"EfficientNet-{recipe.backbone.capitalize()}", recipe.size_px // 32
    foreign = " and ".join(recipe.held_out_sources) or "no source"
    began = f"weights {recipe.start} of an earlier run" if recipe.start else f"ImageNet {backbone}"
    return Product(
        model="face_forgery",
        detector="cnn.face_forgery",
        question=f"Is this face forged? A face crop in, a score and a {cells} x {cells} map of regional scores out.",
        licence="Apache-2.0 (weights made by this project; see training data)",
        origin=f"trained with `zhenwei train cnn.face_forgery`, from {began} (Apache-2.0)",
        training_data=_DATA,
        input=f"faces (n, 3, {recipe.size_px}, {recipe.size_px}) float32 RGB in [-1, 1], face box without margin; "
        "gives score (n,) and regions (n, size / 32, size / 32), logits",
        facts=(f"Network: {backbone} at {recipe.size_px} px", _how(recipe, float(best["step"]))),
        held_out=f"None of these faces was trained on, and nothing of {foreign} was; the weights were chosen and "
        "calibrated on them, so they flatter. The test figures are in `docs/accuracy.md`.",
        remarks=(
            f"AUC while training: {float(best['auc_people']):.3f} on other people of the training sources, "
            f"{float(best['auc_sources']):.3f} on sources never trained on (against self-made forgeries, degraded).",
            *remarks,
        ),
        limits=_LIMITS,
    )
