"""``fingerprint.learned`` and ``fingerprint.residual`` into the store: least similarities, calibration, cards.

Calibrated on whole pictures, photographs of FFHQ and StyleGAN portraits that were not learned from; the small
generators of the experiment with seeds are told apart, but say nothing of forgeries that users bring.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from zhenwei import models
from zhenwei.detectors.fingerprint._sources import CONTRACT, MADE, SOURCES
from zhenwei.detectors.fingerprint.learned import LearnedFingerprint as Learned
from zhenwei.detectors.fingerprint.residual import ResidualFingerprint as Residual
from zhenwei.errors import DataError
from zhenwei.models import ModelEntry
from zhenwei.nets.fingerprint import Generator, LearnedFingerprint, ResidualFingerprint
from zhenwei.stats import Estimate
from zhenwei.trainer.checkpoints import UNREADABLE
from zhenwei.training import fingerprint as taught
from zhenwei.training.calibrate import Calibrated, calibrate
from zhenwei.training.export import export
from zhenwei.training.publish import Product, publish
from zhenwei.training.synthetic_pictures import Portrait
from zhenwei.training.synthetic_publish import HeldOutPortraits, asked_of, cautious
from zhenwei.types import Pixels

OUTPUTS = {
    Learned.info.models[0]: ("fingerprint", "cosines", "least"),
    Residual.info.models[0]: ("residual", "cosines", "least", "templates"),
}
_ORIGIN: dict[type[Learned] | type[Residual], str] = {
    Learned: "trained with `zhenwei train fingerprint.learned`, from ImageNet EfficientNet-Lite0 (Apache-2.0)",
    Residual: "trained with `zhenwei train fingerprint.residual`, from nothing",
}
_STEPS: dict[type[Learned] | type[Residual], Callable[[], int]] = {
    Learned: lambda: taught.STEPS,
    Residual: lambda: taught.RESIDUAL_STEPS,
}
_TOLERANCE = 5e-3  # of residuals in [-2, 2]
_LIMITS = (
    "It knows two collections of photographs, StyleGAN and four small generators of this project, and says none of "
    "these of most others. Fingerprints do not survive strong shrinking, compression and filters. For want of an "
    "answer about other generators it never speaks for a picture being photographed."
)
Nets = tuple[LearnedFingerprint, ResidualFingerprint]
Told = Mapping[str, Estimate]


@dataclass(frozen=True, slots=True, eq=False)
class Taught:
    """Both networks, and what they get right of held-out pictures, by "clean" and "delivered" and whose network."""

    nets: Nets
    figures: Mapping[tuple[str, str], Told]


def pictures(
    portraits: Sequence[Portrait], output: Path, tell: taught.Tell | None = None
) -> tuple[taught.Pictures, taught.Pictures]:
    """To learn from and held out, redrawn by generators; those that ``output`` already holds are not trained again."""
    learn, held_out = taught.albums(portraits)
    output.mkdir(parents=True, exist_ok=True)
    drawn: tuple[dict[str, Pixels], dict[str, Pixels]] = ({}, {})
    for number, name in enumerate(MADE):
        if tell:
            tell("training generators", number / len(MADE))
        generator = _generator(name, learn.faces, output / f"{name}.pt")
        for made, album in zip(drawn, (learn, held_out), strict=True):
            made[name] = taught.redrawn(generator, album.faces)
    return taught.Pictures(learn, drawn[0]), taught.Pictures(held_out, drawn[1])


def _generator(name: str, faces: Pixels, path: Path) -> Generator:
    if not path.is_file():
        generator = taught.train_generator(name, faces)
        torch.save(generator.state_dict(), path)
        return generator
    generator = Generator(name.split()[0])
    try:
        generator.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except UNREADABLE as error:
        raise DataError("this is no generator of the run", got=str(path), fix="Delete it to train it anew.") from error
    return generator.eval()


def measure(nets: Nets, held_out: taught.Pictures) -> Taught:
    """Sets the least similarities of both and counts what they get right."""
    found: dict[tuple[str, str], Told] = {}
    networks: tuple[LearnedFingerprint | ResidualFingerprint, ...] = nets
    for name, net in zip(OUTPUTS, networks, strict=True):
        taught.set_least(net, held_out)
        for way in ("clean", "delivered"):
            found[name, way] = taught.figures(net, held_out, clean=way == "clean")
    return Taught(nets, found)


def install(
    found: Taught,
    portraits: Sequence[Portrait],
    *,
    store: Path = models.STORE,
    progress: Callable[[float], None] | None = None,
) -> tuple[ModelEntry, ...]:
    """Exports, calibrates and publishes both. ``portraits``: held out."""
    kinds: tuple[type[Learned] | type[Residual], ...] = (Learned, Residual)
    rows = []
    for number, (net, kind) in enumerate(zip(found.nets, kinds, strict=True)):

        def told(share: float, before: int = number) -> None:
            if progress:
                progress((before + share) / 2)

        rows.append(_installed(net, kind, found, HeldOutPortraits(portraits, taught.SEED), store, told))
    return tuple(rows)


def _installed(
    net: torch.nn.Module,
    kind: type[Learned] | type[Residual],
    found: Taught,
    shown: HeldOutPortraits,
    store: Path,
    told: Callable[[float], None],
) -> ModelEntry:
    exported = export(net, CONTRACT.size_px, outputs=OUTPUTS[kind.info.models[0]], tolerance=_TOLERANCE)

    def calibrated() -> Calibrated:
        ask = asked_of(kind(always=True))
        return cautious(calibrate(shown, ask, seed=taught.SEED, total=len(shown), progress=told))

    return publish(_product(kind, found), exported, calibrated, store=store, thresholds=None)


def _product(kind: type[Learned] | type[Residual], found: Taught) -> Product:
    model, outputs = kind.info.models[0], ", ".join(OUTPUTS[kind.info.models[0]])
    return Product(
        model=model,
        detector=kind.info.id,
        question="Whose fingerprint is in this picture? A face with its surroundings in; a fingerprint and its "
        "similarity to that of each known source out.",
        licence="Apache-2.0 (weights made by this project; see training data)",
        origin=_ORIGIN[kind],
        training_data="FFHQ photographs, stock portraits (Pixabay), StyleGAN portraits, and "
        "photographs redrawn by small generators. Data sets' licences: research.",
        input=f"faces (n, 3, 192, 192) float32 RGB in [-1, 1], face box with a margin of {CONTRACT.margin:.0%}; "
        f"gives {outputs}",
        facts=(
            f"Sources, in the order of the answers: {', '.join(SOURCES)}",
            f"{_STEPS[kind]()} batches of 48 pictures, seed {taught.SEED}; every picture is scaled and re-encoded "
            "regardless of its source, before it is cut or after",
            *(_line(way, found.figures[model, way]) for way in ("clean", "delivered")),
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
