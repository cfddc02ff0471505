"""Attacks on the score of ``cnn.face_forgery`` by somebody who has its weights: FGSM and PGD in uint8 pictures.

Both move every sample of a face by at most ``eps`` of 255 levels (the L-infinity norm) in the direction that the
attacker wants: a forgery towards genuine, a genuine face towards forged. FGSM takes one step of the full size along the
sign of the gradient (Goodfellow, Shlens & Szegedy 2015, "Explaining and Harnessing Adversarial Examples"); PGD many
small ones from random starts and keeps the best (Madry et al. 2018, "Towards Deep Learning Models Resistant to
Adversarial Attacks"). What counts is the picture as it would be saved: rounded to whole levels, never beyond ``eps``.

The attacker hands over the very crop that the network sees. Scaling and compression on the way blunt most such
attacks, so these are worst cases. Needs PyTorch: the extra ``train``.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from zhenwei import models
from zhenwei.errors import MissingExtraError, ModelError, UsageError, install_extra
from zhenwei.models.manifest import holder
from zhenwei.types import Floats, Pixels

if TYPE_CHECKING:
    import torch

    from zhenwei.nets.face_forgery import FaceForgeryNet

    Score = Callable[[torch.Tensor], torch.Tensor]

Attack = Literal["fgsm", "pgd"]
EPS = (1, 2, 4)
_BATCH = 8
_MEAN, _DEVIATION = 0.5, 0.5


@dataclass(frozen=True, slots=True)
class Budget:
    """``eps``: levels of 255 by which a sample may change. The rest is of PGD alone: ``steps`` of ``step_size`` levels
    (0 = 2.5 eps / steps) from each of ``restarts`` starts, the first at the picture itself, the others drawn by
    ``seed``."""

    eps: int
    steps: int = 10
    step_size: float = 0.0
    restarts: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.eps < 0 or self.steps < 1 or self.restarts < 1 or self.step_size < 0:
            want = "eps of 0 or more, at least one step and one start"
            raise UsageError("this attack has no meaning", got=str(self), want=want)


def network(model_id: str = "face_forgery", *, mirrored: bool = True) -> Score:
    """The score as a function of ``(n, 3, size, size)`` float32 levels 0 to 255, with gradients.

    ``mirrored``: the mean over the face and its mirror image, as the detector takes it of pictures. Raises
    :class:`MissingExtraError` without PyTorch or onnx, :class:`ModelError` for weights of another network.
    """
    store = holder(model_id)
    net = _rebuilt(model_id, store, models.entry(model_id, store).sha256)

    def score(levels: torch.Tensor) -> torch.Tensor:
        x = (levels / 255 - _MEAN) / _DEVIATION
        once: torch.Tensor = net(x).score
        return (once + net(x.flip(3)).score) / 2 if mirrored else once

    return score


def rebuilt(model_id: str = "face_forgery") -> FaceForgeryNet:
    """The network with the weights in the store, norms folded, in evaluation mode; it is the caller's own.

    Raises as :func:`network` does.
    """
    store = holder(model_id)
    net: FaceForgeryNet = copy.deepcopy(_rebuilt(model_id, store, models.entry(model_id, store).sha256))
    return net


@lru_cache(maxsize=2)
def _rebuilt(model_id: str, store: Path, _sha256: str) -> Any:
    try:
        import onnx
        from onnx import numpy_helper

        from zhenwei.nets.folded import folded_net
    except ImportError as error:
        raise MissingExtraError(
            "attacks need PyTorch and onnx", got=str(error.name), fix=f"Run: {install_extra('train')}"
        ) from error
    graph = onnx.load_from_string(models.read(model_id, store)).graph
    weights = {tensor.name: tensor for tensor in graph.initializer}
    layers: dict[str, list[tuple[Floats, Floats]]] = {"Conv": [], "Gemm": []}
    try:
        for node in graph.node:
            if node.op_type in layers:
                weight, bias = (numpy_helper.to_array(weights[name]) for name in node.input[1:3])
                layers[node.op_type].append((np.asarray(weight, np.float32), np.asarray(bias, np.float32)))
        (whole,) = layers["Gemm"]
        return folded_net(layers["Conv"], whole)
    except (KeyError, ValueError) as error:
        want = "an export of the face-forgery network, norms folded"
        raise ModelError(f"{model_id} cannot be attacked", got=str(error), want=want) from error


def scores(score: Score, crops: Pixels) -> Floats:
    """Of each of ``(n, size, size, 3)`` uint8 RGB; float32 ``(n,)``, before calibration."""
    import torch

    found = np.zeros(len(_checked(crops)), np.float32)
    with torch.no_grad():
        for rows in _batches(crops):
            found[rows] = score(_levels(crops[rows])).numpy()
    return found


def fgsm(score: Score, crops: Pixels, forged: Sequence[bool], budget: Budget) -> Pixels:
    """``crops`` ``(n, size, size, 3)`` uint8 RGB moved by one step of ``budget.eps``; the same shape and type."""
    moved, towards = _checked(crops).copy(), _towards(forged, crops)
    for rows in _batches(crops):
        _, gradient = _ascent(score, _levels(crops[rows]), towards[rows])
        moved[rows] = _saved(crops[rows], budget.eps * np.sign(gradient), budget.eps)
    return moved


def pgd(score: Score, crops: Pixels, forged: Sequence[bool], budget: Budget) -> Pixels:
    """As :func:`fgsm`, by many steps; of all the pictures on the way, the one of the best score for the attacker.

    That is never worse than the picture itself.
    """
    rng = np.random.default_rng(budget.seed)
    moved, towards = _checked(crops).copy(), _towards(forged, crops)
    for rows in _batches(crops):
        moved[rows] = _many_steps(score, crops[rows], towards[rows], budget, rng)
    return moved


def _many_steps(score: Score, crops: Pixels, towards: Floats, budget: Budget, rng: np.random.Generator) -> Pixels:
    best, most = crops.copy(), np.full(len(crops), -np.inf, np.float32)
    size = budget.step_size or 2.5 * budget.eps / budget.steps
    for restart in range(budget.restarts):
        shape = (len(crops), 3, *crops.shape[1:3])
        offset = np.zeros(shape) if restart == 0 else rng.uniform(-budget.eps, budget.eps, shape)
        for step in range(budget.steps + 1):
            here = _saved(crops, offset, budget.eps)
            gain, gradient = _ascent(score, _levels(here), towards)  # of the picture as saved: what it scores is true
            better = gain > most
            best[better], most[better] = here[better], gain[better]
            if step < budget.steps:
                offset = np.clip(offset + size * np.sign(gradient), -budget.eps, budget.eps)
    return best


def _ascent(score: Score, levels: torch.Tensor, towards: Floats) -> tuple[Floats, Floats]:
    """What the attacker gains ``(n,)``, and its gradient by level ``(n, 3, h, w)``."""
    import torch

    levels = levels.requires_grad_(True)
    gain = score(levels) * torch.from_numpy(towards)
    (gradient,) = torch.autograd.grad(gain.sum(), levels)
    return gain.detach().numpy(), gradient.numpy()


def _saved(crops: Pixels, offset: NDArray[np.floating[Any]], eps: int) -> Pixels:
    whole: NDArray[np.int16] = np.clip(np.rint(offset), -eps, eps).astype(np.int16).transpose(0, 2, 3, 1)
    moved: NDArray[np.int16] = crops.astype(np.int16) + whole
    return np.clip(moved, 0, 255).astype(np.uint8)


def _levels(crops: Pixels) -> torch.Tensor:
    import torch

    return torch.from_numpy(np.ascontiguousarray(crops.transpose(0, 3, 1, 2))).float()


def _towards(forged: Sequence[bool], crops: Pixels) -> Floats:
    return np.where(_labels(forged, crops), -1, 1).astype(np.float32)


def _batches(crops: Pixels) -> list[slice]:
    return [slice(i, i + _BATCH) for i in range(0, len(crops), _BATCH)]


def _checked(crops: Pixels) -> Pixels:
    if crops.dtype != np.uint8 or crops.ndim != 4 or crops.shape[3] != 3:
        got = f"{crops.dtype} {crops.shape}"
        raise UsageError("these are no pictures of faces", got=got, want="uint8 (n, size, size, 3)")
    return crops


def _labels(forged: Sequence[bool], crops: Pixels) -> NDArray[np.bool_]:
    labels = np.asarray(forged, bool)
    if labels.shape != (len(crops),):
        raise UsageError("labels and faces do not match", got=f"{labels.shape} for {len(crops)}", want="one each")
    return labels
