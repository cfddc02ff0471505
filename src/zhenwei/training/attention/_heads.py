"""``zhenwei train attention.manipulation_map`` (or any of ``warp.*``): the heads on the trunk of ``cnn.face_forgery``.

The trunk stays as it is, so its features of every batch are prepared once and kept in a file; the heads then learn from
them several times over, which takes minutes on a CPU. Each head sees the forgeries that its paper trains on and the
genuine faces they were made of: attention all kinds, the boundary blends of every kind, ``affine`` warps alone,
``self_blend`` self-blends alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from zhenwei.evaluation.adversarial import rebuilt
from zhenwei.evaluation.localisation import iinc, intersection_over_union, pixel_accuracy
from zhenwei.nets.face_traces import CELLS, FINE_CELLS, Attention, FaceTracesNet, FaceTracesOutput, principal_components
from zhenwei.stats.metrics import auc
from zhenwei.trainer.checkpoints import save_state
from zhenwei.trainer.loop import ema_warmup
from zhenwei.trainer.run import Schedule, Turn
from zhenwei.trainer.supervised import to_input
from zhenwei.training.data.batches import Example, split_pack
from zhenwei.training.data.pack import Pack
from zhenwei.training.data.pairs import held_out_pairs, training_pairs
from zhenwei.training.fit import apart_from, fit
from zhenwei.training.recipe import Recipe
from zhenwei.types import Floats

EPOCHS = 5
HELD_OUT_BATCHES = 40
_FACES = 64  # a step of the heads
LOCALISED = 0.5  # of a map: at this share a cell is marked
_BLENDS = ("self_blend", "mesh_swap", "cross_blend")
_OF = {"boundary": _BLENDS, "affine": ("affine_warp",), "blend": ("self_blend",)}
_KINDS = ("collected", "self_blend", "affine_warp", "generated", "mesh_swap", "cross_blend", "splice", "regenerated")
_CPU = torch.device("cpu")
Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """Of n faces, the genuine and the forged one of a pair beside each other.

    ``mid`` ``(n, 40, 24, 24)``, ``high`` ``(n, 112, 12, 12)`` float16, from a file; ``forged`` ``(n,)`` bool; ``kind``
    ``(n,)``, of the pair; ``mask`` ``(n, 12, 12)`` and ``known`` ``(n,)``; ``boundary`` ``(n, 24, 24)`` float32.
    """

    mid: NDArray[np.float16]
    high: NDArray[np.float16]
    forged: NDArray[np.bool_]
    kind: NDArray[np.str_]
    mask: Floats
    known: NDArray[np.bool_]
    boundary: Floats

    def __len__(self) -> int:
        return len(self.forged)


def network(kind: Attention = "regression", *, model: str = "face_forgery") -> FaceTracesNet:
    """On the trunk in the store, its heads drawn from PyTorch's random state."""
    return FaceTracesNet(rebuilt(model), kind)


def labels_of(pair: Example) -> tuple[Floats, bool, Floats]:
    """Of the forged face: share altered ``(12, 12)``, whether that is known, and the boundary ``(24, 24)``."""
    blank = np.zeros((FINE_CELLS, FINE_CELLS), np.float32)
    if pair.mask is None:
        return np.zeros((CELLS, CELLS), np.float32), False, blank
    share = cv2.resize(pair.mask, (CELLS, CELLS), interpolation=cv2.INTER_AREA)
    seam = 4 * pair.mask * (1 - pair.mask) if pair.kind in _BLENDS else np.zeros_like(pair.mask)
    fine = cv2.resize(seam, (FINE_CELLS, FINE_CELLS), interpolation=cv2.INTER_AREA)
    return np.asarray(share, np.float32), True, np.asarray(fine, np.float32)


@torch.no_grad()
def prepare(
    net: FaceTracesNet, pairs: Iterator[Example], count: int, folder: Path, progress: Progress | None = None
) -> Features:
    """The trunk's features of ``count`` pairs, in files in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for name, shape in (("mid", (40, FINE_CELLS, FINE_CELLS)), ("high", (112, CELLS, CELLS))):
        path, whole = folder / f"{name}.npy", (2 * count, *shape)
        files[name] = np.lib.format.open_memmap(path, mode="w+", dtype=np.float16, shape=whole)
    mask = np.zeros((2 * count, CELLS, CELLS), np.float32)
    boundary = np.zeros((2 * count, FINE_CELLS, FINE_CELLS), np.float32)
    known, kind = np.ones(2 * count, np.bool_), np.empty(2 * count, "U16")
    net.eval()
    for number, pair in enumerate(pairs):
        both = slice(2 * number, 2 * number + 2)
        mid, high = net.features(to_input(np.stack([pair.genuine, pair.forged]), _CPU))
        files["mid"][both], files["high"][both] = mid.numpy(), high.numpy()
        mask[2 * number + 1], known[2 * number + 1], boundary[2 * number + 1] = labels_of(pair)
        kind[both] = pair.kind
        if progress and number % 16 == 0:
            progress(number / count)
    forged = np.arange(2 * count) % 2 == 1
    return Features(files["mid"], files["high"], forged, kind, mask, known, boundary)


def losses(found: FaceTracesOutput, batch: dict[str, Tensor], smoothing: float) -> dict[str, Tensor]:
    """Of each head, over the faces that it learns from; maps by cross-entropy, over known masks."""
    target = batch["forged"] * (1 - smoothing) + 0.5 * smoothing
    out: dict[str, Tensor] = {}
    for name in ("attention", *_OF):
        each = F.binary_cross_entropy_with_logits(getattr(found, name), target, reduction="none")
        out[name] = _mean(each, batch.get(name, torch.ones_like(target)))  # attention learns from every face
    maps = F.binary_cross_entropy_with_logits(found.attention_map, batch["mask"], reduction="none").mean((1, 2))
    seams = F.binary_cross_entropy_with_logits(found.boundary_map, batch["seam"], reduction="none").mean((1, 2))
    return out | {"attention_map": _mean(maps, batch["known"]), "boundary_map": _mean(seams, batch["boundary"])}


def _mean(values: Tensor, share: Tensor) -> Tensor:
    return (values * share).sum() / share.sum().clamp(min=1)


def _batch(data: Features, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    values = {
        "forged": data.forged[rows].astype(np.float32),
        "mask": data.mask[rows],
        "known": data.known[rows].astype(np.float32),
        "seam": data.boundary[rows],
    }
    for name, kinds in _OF.items():
        values[name] = np.isin(data.kind[rows], kinds).astype(np.float32)
    mid, high = (
        torch.from_numpy(data.mid[rows].astype(np.float32)),
        torch.from_numpy(data.high[rows].astype(np.float32)),
    )
    inputs = {name: torch.from_numpy(value) for name, value in values.items()}
    return mid.contiguous(memory_format=torch.channels_last), high.contiguous(memory_format=torch.channels_last), inputs


def learn(
    net: FaceTracesNet, data: Features, recipe: Recipe, *, epochs: int = EPOCHS, progress: Progress | None = None
) -> FaceTracesNet:
    """The heads trained on ``data``, in place; their running average is what is returned. Seeded by the recipe."""
    options, pairs = recipe.optimiser, len(data) // 2
    rng, per = np.random.default_rng((recipe.seed, 21)), _FACES // 2
    per_epoch = math.ceil(pairs / per)
    steps = epochs * per_epoch
    if net.attention.kind == "appearance":
        masks = data.mask[data.forged & data.known]
        mean, basis = principal_components(torch.from_numpy(masks))
        net.attention.mean.copy_(mean)
        net.attention.basis.copy_(basis)
    slow = list(net.attention.rest.parameters())  # it knows most of it already
    fast = apart_from(slow, [*net.attention.parameters(), *net.warp.parameters()])
    groups = [{"params": fast, "share": 1.0}, {"params": slow, "share": 0.1}]
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # a third faster on a CPU
    heads = nn.ModuleDict({"attention": net.attention, "warp": net.warp})
    optimizer = torch.optim.AdamW(groups, lr=options.learning_rate, weight_decay=options.weight_decay)
    order = np.arange(pairs)

    def loss(turn: Turn) -> Tensor:
        nonlocal order
        if turn.step % per_epoch == 0:
            order = rng.permutation(pairs)
        first = turn.step % per_epoch * per
        chosen = order[first : first + per]
        mid, high, batch = _batch(data, np.sort(np.concatenate([2 * chosen, 2 * chosen + 1])))
        each = losses(net.heads(mid, high), batch, options.label_smoothing)
        each["attention_map"] = each["attention_map"] * options.map_weight
        each["boundary_map"] = each["boundary_map"] * options.map_weight
        return torch.stack(list(each.values())).sum()

    def rate(step: int, steps: int) -> float:
        warm = min(1.0, (step + 1) / max(1, options.warmup_steps))
        return options.learning_rate * warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * step / steps)))

    schedule = Schedule(
        steps, learning_rate=rate, ema=lambda made: ema_warmup(options.ema_decay, made - 1), ema_buffers=False
    )
    average = fit(
        heads,
        optimizer,
        loss,
        schedule,
        clip_norm=options.clip_norm,
        tell=lambda made: progress(made / steps) if progress else None,
    )
    heads.load_state_dict(average.state_dict())
    return net.eval()


@torch.no_grad()
def figures(net: FaceTracesNet, data: Features) -> dict[str, float]:
    """AUC of every head on the kinds that it is for and on all, and how well the attention map says where."""
    net.eval()
    parts = []
    for first in range(0, len(data), _FACES):
        mid, high, _ = _batch(data, np.arange(first, min(first + _FACES, len(data))))
        parts.append(net.heads(mid, high))
    found = FaceTracesOutput(*map(torch.cat, zip(*parts, strict=True)))
    out: dict[str, float] = {}
    for name in ("attention", *_OF):
        score = getattr(found, name).numpy()
        for kind in (*np.unique(data.kind), ""):
            rows = (data.kind == kind) | (kind == "")
            out[f"{name}_{kind or 'all'}"] = auc(data.forged[rows], score[rows])
    return out | _localised(torch.sigmoid(found.attention_map).numpy(), data)


def _localised(maps: Floats, data: Features) -> dict[str, float]:
    """Means over forged faces of known mask that were altered in part, and the share marked on genuine ones."""
    partly = data.forged & data.known & (data.kind != "generated")
    measures = {"iinc": iinc, "pbca": pixel_accuracy, "iou": intersection_over_union}
    out = {}
    for name, measure in measures.items():
        each = [measure(maps[i], data.mask[i], threshold=LOCALISED) for i in np.flatnonzero(partly)]
        out[name] = float(np.mean(each))
    return out | {"false_localisation": float((maps[~data.forged] > LOCALISED).mean())}


def run(
    recipe: Recipe, pack: Pack, folder: Path, tell: Callable[[str, float], None]
) -> tuple[Attention, dict[str, float]]:
    """Both variants of attention on the same features; gives the better one, which is ``best.pt``, and its figures."""
    split, log = split_pack(pack, recipe), folder / "log.csv"
    torch.manual_seed(recipe.seed)
    net = network()
    held = prepare(
        net, *held_out_pairs(pack, split, recipe, HELD_OUT_BATCHES), folder / "held_out", _of(tell, "held out")
    )
    data = prepare(net, *training_pairs(pack, recipe), folder / "features", _of(tell, "features"))
    found: dict[Attention, dict[str, float]] = {}
    nets: dict[Attention, FaceTracesNet] = {}
    for kind in get_args(Attention):
        torch.manual_seed(recipe.seed)
        nets[kind] = learn(network(kind), data, recipe, progress=_of(tell, kind))
        found[kind] = figures(nets[kind], held)
    best = max(found, key=lambda kind: found[kind]["attention_all"])
    lines = [",".join(["variant", *found[best]])]
    for kind, figures_of in found.items():
        lines.append(",".join([kind, *[f"{figures_of[name]:.6g}" for name in found[best]]]))
    log.write_text("\n".join(lines) + "\n", encoding="utf-8")
    save(nets[best], best, folder)
    return best, found[best]


def save(net: FaceTracesNet, kind: Attention, folder: Path) -> None:
    """``best.pt`` and which variant it is."""
    save_state(net.state_dict(), folder / "best.pt")
    (folder / "variant.txt").write_text(f"{kind}\n", encoding="utf-8")


def _of(tell: Callable[[str, float], None], what: str) -> Progress:
    return lambda share: tell(what, share)
