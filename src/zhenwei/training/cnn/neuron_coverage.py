"""``zhenwei train cnn.neuron_coverage``: levels and coverage of a frozen network, a linear verdict, calibration, card.

Two networks are watched, one that knows ImageNet and the trunk of ``cnn.face_forgery``; the one whose coverage tells
held-out faces apart better is kept. The paper's face-recognition networks may not be redistributed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from zhenwei.detectors.cnn.neuron_coverage import NeuronCoverage
from zhenwei.errors import DataError
from zhenwei.evaluation.adversarial import rebuilt
from zhenwei.models import ModelEntry
from zhenwei.nets.efficientnet_lite import EfficientNetLite, load_imagenet
from zhenwei.nets.neuron_coverage import NeuronCoverageNet, NeuronCoverageOutput
from zhenwei.stats.logistic import fit_logistic
from zhenwei.stats.metrics import auc
from zhenwei.trainer.checkpoints import save_state
from zhenwei.trainer.supervised import to_input
from zhenwei.training.data.batches import Example, split_pack
from zhenwei.training.data.held_out_faces import HeldOutFaces
from zhenwei.training.data.pack import Pack, prepare_pack
from zhenwei.training.data.pairs import held_out_pairs, training_pairs
from zhenwei.training.imagenet import imagenet_state
from zhenwei.training.install.asking import of_face
from zhenwei.training.install.calibrate import Calibrated, calibrate
from zhenwei.training.install.card import Product
from zhenwei.training.install.onnx_export import export
from zhenwei.training.install.publish import publish
from zhenwei.training.lesson import Lesson, LessonRun, figures_line
from zhenwei.training.recipe import Recipe

MODEL = "neuron_coverage"
HELD_OUT_BATCHES = 40
_LEVELLED = 200  # pairs whose genuine faces give the levels
_L2 = 1.0
_TOLERANCE = 0.05  # standard deviations of coverage
_CPU = torch.device("cpu")
Progress = Callable[[float], None]
_LIMITS = (
    "A handful of numbers that say how strongly a network is excited, not by what. Anything that changes "
    "contrast, sharpness "
    "or compression changes them too; the data it learned from varied these alike in both classes. A weak witness."
)


@dataclass(frozen=True, slots=True)
class Found:
    """``areas``: held-out AUC of each network watched; ``kept``: which is in ``net``."""

    net: NeuronCoverageNet
    kept: str
    areas: Mapping[str, float]


def watched() -> dict[str, NeuronCoverageNet]:
    """The networks that may be watched, by name; levels not yet set."""
    general = EfficientNetLite("lite0")
    load_imagenet(general, imagenet_state("lite0"))
    whole = rebuilt("face_forgery")
    both = {"ImageNet": general, "face_forgery": whole.backbone}
    return {name: NeuronCoverageNet(backbone).eval() for name, backbone in both.items()}


@torch.no_grad()
def set_levels(net: NeuronCoverageNet, genuine: list[Tensor]) -> None:
    """The mean activation of each layer over ``genuine``, each ``(n, 3, h, w)``."""
    sums = torch.zeros_like(net.levels)
    for batch in genuine:
        sums += torch.stack(list(map(torch.mean, net.activations(batch))))
    net.levels.copy_(sums / len(genuine))


def fit(net: NeuronCoverageNet, coverage: Tensor, forged: Tensor) -> None:
    """Sets what is usual of genuine faces and the weights, from raw ``coverage`` ``(n, layers)``."""
    usual, spread = coverage[~forged].mean(0), coverage[~forged].std(0).clamp(min=1e-6)
    departures = ((coverage - usual) / spread).double().numpy()
    found = fit_logistic(departures, forged.numpy(), np.ones(len(departures)), l2=_L2)
    net.usual.copy_(usual)
    net.spread.copy_(spread)
    net.weights.copy_(torch.from_numpy(found[:-1]))
    net.bias.fill_(float(found[-1]))


def _inputs(pairs: Iterator[Example]) -> Iterator[Tensor]:
    for pair in pairs:
        yield to_input(np.stack([pair.genuine, pair.forged]), _CPU)


@torch.no_grad()
def watch(pack: Pack, recipe: Recipe, tell: Callable[[str, float], None]) -> Found:
    """Both networks on the same pairs; seeded by the recipe. Raises :class:`DataError` without pairs."""
    nets = watched()
    pairs, count = training_pairs(pack, recipe)
    coverage: dict[str, list[Tensor]] = {name: [] for name in nets}
    first: list[Tensor] = []
    for number, both in enumerate(_inputs(pairs)):
        tell("coverage", number / count)
        if len(first) < _LEVELLED:
            first.append(both)
        if len(first) == _LEVELLED or number == count - 1:
            waiting = first if not coverage["ImageNet"] else [both]
            for name, net in nets.items():
                if not coverage[name]:
                    set_levels(net, [x[:1] for x in first])
                coverage[name] += [net.raw(x) for x in waiting]
    if not coverage["ImageNet"]:
        raise DataError("there is nothing to learn from", got="no pairs")
    held, held_count = held_out_pairs(pack, split_pack(pack, recipe), recipe, HELD_OUT_BATCHES)
    shown: dict[str, list[Tensor]] = {name: [] for name in nets}
    for name, net in nets.items():
        rows = torch.cat(coverage[name])
        fit(net, rows, torch.arange(len(rows)) % 2 == 1)
    for number, both in enumerate(_inputs(held)):
        tell("held out", number / held_count)
        for name, net in nets.items():
            shown[name].append(net(both).score)
    labels = np.arange(2 * held_count) % 2 == 1
    areas = {name: auc(labels, torch.cat(said).numpy()) for name, said in shown.items()}
    kept = max(areas, key=lambda name: areas[name])
    return Found(nets[kept], kept, areas)


def prepare(_: Recipe, run: LessonRun) -> Pack:
    return prepare_pack(run.data, run.output, run.bar("preparing faces"), workers=run.workers)


def learn(recipe: Recipe, pack: Pack, run: LessonRun) -> Found:
    found = watch(pack, recipe, run.tell)
    save_state(found.net.state_dict(), run.output / "best.pt")
    run.say(figures_line(found.areas))
    return found


def install(recipe: Recipe, pack: Pack, found: Found, run: LessonRun) -> tuple[ModelEntry, ...]:
    # A neuron that lies at the level to the last bit falls on either side: a step of one neuron, not an error.
    exported = export(found.net, recipe.size_px, outputs=NeuronCoverageOutput._fields, tolerance=_TOLERANCE)
    held_out = HeldOutFaces(pack, split_pack(pack, recipe), recipe.seed)

    def measure() -> Calibrated:
        ask, progress = of_face(NeuronCoverage()), run.bar("calibrating")
        return calibrate(held_out, ask, seed=recipe.seed, of_video=("dfdc",), progress=progress)

    return (publish(product_of(recipe, found), exported, measure, store=run.store),)


def product_of(recipe: Recipe, found: Found) -> Product:
    areas = figures_line(found.areas, between=", ")
    return Product(
        model=MODEL,
        detector="cnn.neuron_coverage",
        question="How strongly does this face excite a network, layer by layer? A face crop in, a score and the "
        "departure of each layer out.",
        origin=f"fitted with `zhenwei train cnn.neuron_coverage` on the frozen {found.kept} EfficientNet-Lite0 "
        "(Apache-2.0)",
        training_data="DFDC face swaps, FFHQ and StyleGAN faces, self-made forgeries. Data sets' licences: research.",
        input=f"faces (n, 3, {recipe.size_px}, {recipe.size_px}) float32 RGB in [-1, 1], face box without margin; "
        "gives score (n,) and coverage (n, layers)",
        facts=(
            f"Network watched: {found.kept} EfficientNet-Lite0, {len(found.net.levels)} layers up to stride 16; "
            f"held-out AUC by network: {areas}",
            f"Recipe: {recipe.optimiser.steps * recipe.pairs.total} pairs, logistic regression, seed {recipe.seed}",
        ),
        held_out="None of these faces was fitted on; it was calibrated on them, so they flatter. The test figures are "
        "in `docs/accuracy.md`.",
        limits=_LIMITS,
    )


lesson = Lesson(
    serves=(NeuronCoverage.info.id,),
    recipe=Recipe,
    packaged=MODEL,
    needs="dfdc-faces and photos (zip + csv), or a pack.npz of them",
    prepare=prepare,
    learn=learn,
    install=install,
)
