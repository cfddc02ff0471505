"""``fingerprint.learned`` and ``fingerprint.residual``: two networks from the same batches, calibrated, with cards.

Calibrated on whole pictures, photographs of FFHQ and StyleGAN portraits that were not learned from; the small
generators of the experiment with seeds are told apart, but say nothing of forgeries that users bring.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from pydantic import Field

from zhenwei.detectors.fingerprint._sources import CONTRACT, MADE, SOURCES
from zhenwei.detectors.fingerprint.learned import LearnedFingerprint as Learned
from zhenwei.detectors.fingerprint.residual import ResidualFingerprint as Residual
from zhenwei.errors import DataError
from zhenwei.models import ModelEntry
from zhenwei.nets.fingerprint import Generator, LearnedFingerprint, ResidualFingerprint
from zhenwei.stats import Estimate
from zhenwei.trainer.checkpoints import UNREADABLE, save_state
from zhenwei.training.data.held_out_faces import HeldOutPortraits
from zhenwei.training.data.portraits import read_portraits
from zhenwei.training.fingerprint import _networks as taught
from zhenwei.training.install.asking import of_face
from zhenwei.training.install.calibrate import Calibrated, calibrate
from zhenwei.training.install.card import Product
from zhenwei.training.install.onnx_export import export
from zhenwei.training.install.publish import publish
from zhenwei.training.lesson import Lesson, LessonRun
from zhenwei.training.recipe import RecipeSection
from zhenwei.types import Pixels

OUTPUTS = {
    Learned.info.models[0]: ("fingerprint", "cosines", "least"),
    Residual.info.models[0]: ("residual", "cosines", "least", "templates"),
}
_ORIGIN: dict[type[Learned] | type[Residual], str] = {
    Learned: "trained with `zhenwei train fingerprint.learned`, from ImageNet EfficientNet-Lite0 (Apache-2.0)",
    Residual: "trained with `zhenwei train fingerprint.residual`, from nothing",
}
_TOLERANCE = 5e-3  # of residuals in [-2, 2]
_LIMITS = (
    "It knows two collections of photographs, StyleGAN and four small generators of this project, and says none of "
    "these of most others. Fingerprints do not survive strong shrinking, compression and filters. For want of an "
    "answer about other generators it never speaks for a picture being photographed."
)
Nets = tuple[LearnedFingerprint, ResidualFingerprint]
Told = Mapping[str, Estimate]


class FingerprintRecipe(RecipeSection):
    """``steps`` of the network that learns sources, of the one that learns templates, and of each small generator."""

    steps: int = Field(default=taught.STEPS, gt=0)
    residual_steps: int = Field(default=taught.RESIDUAL_STEPS, gt=0)
    generator_steps: int = Field(default=taught.GENERATOR_STEPS, gt=0)


@dataclass(frozen=True, slots=True, eq=False)
class Taught:
    """Both networks, and what they get right of held-out pictures, by "clean" and "delivered" and whose network."""

    nets: Nets
    figures: Mapping[tuple[str, str], Told]


def prepare(recipe: FingerprintRecipe, run: LessonRun) -> tuple[taught.SourceImages, taught.SourceImages]:
    """To learn from and held out, redrawn by generators; those that the output already holds are not trained again."""
    learn, held_out = taught.albums(read_portraits(run.data, run.bar("finding faces")))
    drawn: tuple[dict[str, Pixels], dict[str, Pixels]] = ({}, {})
    for number, name in enumerate(MADE):
        run.tell("training generators", number / len(MADE))
        generator = _generator(name, learn.faces, run.output / f"{name}.pt", recipe.generator_steps)
        for made, album in zip(drawn, (learn, held_out), strict=True):
            made[name] = taught.redrawn(generator, album.faces)
    run.tell("training generators", 1.0)
    return taught.SourceImages(learn, drawn[0]), taught.SourceImages(held_out, drawn[1])


def _generator(name: str, faces: Pixels, path: Path, steps: int) -> Generator:
    if not path.is_file():
        generator = taught.train_generator(name, faces, steps)
        save_state(generator.state_dict(), path)
        return generator
    generator = Generator(name.split()[0])
    try:
        generator.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except UNREADABLE as error:
        raise DataError("this is no generator of the run", got=str(path), fix="Delete it to train it anew.") from error
    return generator.eval()


def measure(nets: Nets, held_out: taught.SourceImages) -> Taught:
    """Sets the least similarities of both and counts what they get right."""
    found: dict[tuple[str, str], Told] = {}
    networks: tuple[LearnedFingerprint | ResidualFingerprint, ...] = nets
    for name, net in zip(OUTPUTS, networks, strict=True):
        taught.set_least(net, held_out)
        for way in ("clean", "delivered"):
            found[name, way] = taught.figures(net, held_out, clean=way == "clean")
    return Taught(nets, found)


def learn(recipe: FingerprintRecipe, images: tuple[taught.SourceImages, taught.SourceImages], run: LessonRun) -> Taught:
    """Both networks, from the same batches."""
    steps = recipe.steps, recipe.residual_steps
    nets = taught.train(images[0], run.output, steps=steps, resume=run.resume, tell=run.tell)
    found = measure(nets, images[1])
    for (model, way), figures in found.figures.items():
        run.say(f"{model}, {way}: all {figures['all'].value:.3f}  seeds {figures['seeds'].value:.3f}")
    return found


def install(
    recipe: FingerprintRecipe, images: tuple[taught.SourceImages, taught.SourceImages], found: Taught, run: LessonRun
) -> tuple[ModelEntry, ...]:
    """Both networks, each calibrated on the portraits that were held out."""
    portraits = itertools.chain.from_iterable(images[1].album.portraits.values())
    held_out = HeldOutPortraits(list(portraits), taught.SEED)
    kinds: tuple[type[Learned] | type[Residual], ...] = (Learned, Residual)
    rows = []
    for number, (net, kind) in enumerate(zip(found.nets, kinds, strict=True)):
        exported = export(net, CONTRACT.size_px, outputs=OUTPUTS[kind.info.models[0]], tolerance=_TOLERANCE)
        measure = partial(_calibrated, kind, held_out, run.bar("calibrating", of=2, part=number))
        rows.append(publish(_product(recipe, kind, found), exported, measure, store=run.store))
    return tuple(rows)


def _calibrated(
    kind: type[Learned] | type[Residual], held_out: HeldOutPortraits, progress: Callable[[float], None]
) -> Calibrated:
    ask = of_face(kind(always=True))
    return calibrate(held_out, ask, seed=taught.SEED, progress=progress, bounded=True)


def _product(recipe: FingerprintRecipe, kind: type[Learned] | type[Residual], found: Taught) -> Product:
    steps = recipe.steps if kind is Learned else recipe.residual_steps
    model, outputs = kind.info.models[0], ", ".join(OUTPUTS[kind.info.models[0]])
    return Product(
        model=model,
        detector=kind.info.id,
        question="Whose fingerprint is in this picture? A face with its surroundings in; a fingerprint and its "
        "similarity to that of each known source out.",
        origin=_ORIGIN[kind],
        training_data="FFHQ photographs, stock portraits (Pixabay), StyleGAN portraits, and "
        "photographs redrawn by small generators. Data sets' licences: research.",
        input=f"faces (n, 3, 192, 192) float32 RGB in [-1, 1], face box with a margin of {CONTRACT.margin:.0%}; "
        f"gives {outputs}",
        facts=(
            f"Sources, in the order of the answers: {', '.join(SOURCES)}",
            f"{steps} batches of 48 pictures, seed {taught.SEED}; every picture is scaled and re-encoded "
            "regardless of its source, before it is cut or after",
            _line("clean", found.figures[model, "clean"]),
            _line("delivered", found.figures[model, "delivered"]),
        ),
        held_out="Pictures that were not learned from: FFHQ photographs and StyleGAN portraits, each as it is and "
        "delivered. The test figures are in `docs/accuracy.md`.",
        remarks=(
            "Half of all generators are taken to leave a fingerprint unlike these: no LLR is below log(1/2), and the "
            "highest is lowered by as much.",
        ),
        limits=_LIMITS,
        noun="pictures",
    )


def _line(way: str, told: Told) -> str:
    return f"Held-out pictures, {way}: {_share(told['all'])} given to their source; {_share(told['seeds'])} of redrawn \
ones to the right seed of two"


def _share(estimate: Estimate) -> str:
    return f"{estimate.value:.1%} [{estimate.low:.1%}, {estimate.high:.1%}] (n {estimate.n})"


lesson = Lesson(
    serves=(Learned.info.id, Residual.info.id),
    recipe=FingerprintRecipe,
    needs="photos and dfdc-faces (zip + csv)",
    prepare=prepare,
    learn=learn,
    install=install,
    accepts=frozenset({"resume"}),
    checkpoints=("*.pt",),
)
