"""``zhenwei train cnn.face_forgery``: pack, start, batches and held-out figures."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from zhenwei.errors import DataError, UsageError
from zhenwei.forge.synthesis import affine_warp, self_blend
from zhenwei.nets.efficientnet_lite import load_imagenet
from zhenwei.nets.face_forgery import FaceForgeryNet
from zhenwei.stats.metrics import auc
from zhenwei.trainer.checkpoints import save_state
from zhenwei.trainer.distributed import ALONE, World, synchronised
from zhenwei.trainer.log import write_log
from zhenwei.trainer.state import TrainState, begin
from zhenwei.trainer.supervised import Check, Tell, scores, train
from zhenwei.training.data.augment import draw
from zhenwei.training.data.batches import BatchMaker, Split, split_pack
from zhenwei.training.data.encoding import shrink
from zhenwei.training.data.pack import Pack
from zhenwei.training.imagenet import imagenet_state
from zhenwei.training.install.onnx_export import load_weights
from zhenwei.training.recipe import Recipe
from zhenwei.types import Pixels

Progress = Callable[[float], None]
_ASKED = 32  # faces that tell how long a check takes


@dataclass(frozen=True, slots=True, eq=False)
class LabelledFaces:
    """Pictures at the network's size with labels and the data sets they are of, to be scored as they are."""

    pixels: tuple[Pixels, ...]
    forged: tuple[bool, ...]
    source: tuple[str, ...]


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
) -> TrainState:
    """The last checkpoint in ``folder``, else a fresh state from ``weights``, else from ImageNet.

    ``weights``: of other runs; of several, their mean (M. Wortsman et al., "Robust fine-tuning of zero-shot models",
    CVPR 2022). Raises :class:`DataError` if the folder holds a run that is not to be resumed.
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
    if not resume and ((folder / "last.pt").exists() or (folder / "best.pt").exists()):
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
) -> TrainState:
    """Trains to the recipe's end (or ``stop_after`` steps further); checkpoints and ``log.csv`` go to ``folder``.

    ``weights``: as of :func:`start`; ``deadline``, ``check_s``, ``here``: as of :class:`zhenwei.trainer.loop.Runtime`.
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


def take_mean(
    recipe: Recipe, pack: Pack, folder: Path, weights: Sequence[Path], *, device: torch.device
) -> dict[str, float]:
    """The mean of ``weights``, not trained any further, as ``best.pt`` of a run in ``folder``, with held-out figures in
    ``log.csv``: a run of no steps. Raises :class:`DataError` where the folder holds a run."""
    state = start(recipe, folder, device, resume=False, weights=weights)
    folder.mkdir(parents=True, exist_ok=True)
    _record(with_start(recipe, weights, folder, 0), folder, 0)
    figures = {"step": 0.0} | checked_on(recipe, pack, split_pack(pack, recipe), device)(state.net.eval())
    save_state(state.net.state_dict(), folder / "best.pt")
    write_log(folder / "log.csv", [figures], ".6g")
    return figures


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
            for source, rows in by_source(shown).items():
                figures[source] = auc(forged[rows], said[rows])
        chosen = sum(weight * figures[name] for name, weight in recipe.choose.items()) / sum(recipe.choose.values())
        return {f"auc_{name}": figures[name] for name in names} | {"choose": chosen}

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
    found, halves = {}, []
    for name in np.unique(source).tolist():
        rows = np.flatnonzero(source == name)
        if len(np.unique(forged[rows])) == 2:
            found[name] = rows
        else:
            halves.append(name)
    rows = np.flatnonzero(np.isin(source, halves))
    if len(np.unique(forged[rows])) == 2:
        found["+".join(halves)] = rows
    return found


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
    mean = states[0].copy()
    for name, first in mean.items():
        if first.is_floating_point():
            mean[name] = torch.stack([state[name] for state in states]).mean(0)
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
