"""How good a swap is, in figures: likeness to either person, reconstruction, the driving face's landmarks.

The store of models holds no face recognition, and none is built: likeness is measured by a small network that learned
to tell some people apart (:func:`train_embedding`; it is not told who of them is swapped, and is not kept), or, where
nobody but the two is at hand, by :func:`appearance`, edges and colours without any learning. Both say how alike two
pictures look; neither says who somebody is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from zhenwei.errors import UsageError
from zhenwei.stats import Estimate
from zhenwei.stats.bootstrap import mean_interval, percentile_interval
from zhenwei.types import Floats, Pixels

if TYPE_CHECKING:
    from torch import Tensor

    from zhenwei.nets.swap import FaceEmbedding
    from zhenwei.trainer.run import Turn

Embedder = Callable[[Pixels], Floats]
"""``(n, s, s, 3)`` uint8 faces to ``(n, d)`` float32 of length 1."""

_INNER = 0.1  # cut off each edge: likeness is the face's, not the background's
_SIDE = 64
_BINS, _CELLS = 8, 6


@dataclass(frozen=True, slots=True)
class Likeness:
    """Cosines with a person's mean face. ``to_target``, ``to_source``: of the swaps; ``gain``: their difference, face
    by face. ``ceiling``: of the target's own held-out faces with the target; ``floor``: of the source's."""

    to_target: Estimate
    to_source: Estimate
    gain: Estimate
    floor: float
    ceiling: float


def appearance(faces: Pixels) -> Floats:
    """Directions of edges over a grid, and colours coarsely laid out; without learning."""
    return np.stack([_appearance(face) for face in inner(faces)])


def likeness(
    swaps: Pixels, source: Pixels, target: Pixels, source_held: Pixels, target_held: Pixels, embed: Embedder
) -> Likeness:
    """``swaps``, ``(n, s, s, 3)`` uint8, of ``source_held`` into the target; ``source``, ``target``: genuine faces that
    were learned from, whose means stand for the two people."""
    of_source, of_target = (_unit(embed(faces).mean(axis=0)) for faces in (source, target))
    made = embed(swaps)
    there, here = made @ of_target, made @ of_source
    held_a, held_b = embed(source_held), embed(target_held)
    floor, ceiling = float((held_a @ of_target).mean()), float((held_b @ of_target).mean())
    return Likeness(mean_interval(there), mean_interval(here), mean_interval(there - here), floor, ceiling)


def landmark_error(driving: Floats, drawn: Floats) -> float:
    """Mean distance of landmarks ``(468, 2)`` as a share of the distance between the eyes' outer corners."""
    between = float(np.linalg.norm(driving[33] - driving[263]))
    if between < 1:
        raise UsageError("landmarks span no face", got=f"{between:.2f} px between the eyes")
    return float(np.linalg.norm(driving - drawn, axis=1).mean() / between)


def found_landmarks(face: Pixels, enlarged: int = 256) -> Floats | None:
    """FaceMesh points ``(468, 2)`` in pixels of a square face, or None where no face is found in it."""
    from zhenwei.faces import detect

    side = face.shape[0]
    framed = cv2.copyMakeBorder(
        cv2.resize(face, (enlarged, enlarged), interpolation=cv2.INTER_CUBIC),
        enlarged // 4, enlarged // 4, enlarged // 4, enlarged // 4, cv2.BORDER_REPLICATE,
    )  # fmt: skip
    for found in detect(np.asarray(framed, np.uint8)):
        if found.landmarks is not None:
            points = (found.landmarks[:, :2] - enlarged // 4) * (side / enlarged)
            return np.asarray(points, np.float32)
    return None


def kernel_distance(made: Pixels, genuine: Pixels, embed: Embedder) -> Estimate:
    """How far swaps are from genuine faces of the target as two heaps: squared MMD of their embeddings, unbiased.

    The measure of M. Bińkowski et al., "Demystifying MMD GANs", ICLR 2018 (kernel (x·y + 1)³ here, as vectors have
    length 1), in the embedding given instead of Inception's features: comparable with itself only. May be slightly
    negative. The interval is over 50 random halves of both heaps. UsageError below 4 faces of either.
    """
    if min(len(made), len(genuine)) < 4:
        raise UsageError("too few faces to compare", got=f"{len(made)} and {len(genuine)}", want="4 and more")
    one, other, rng = embed(made), embed(genuine), np.random.default_rng(0)
    found = []
    for _ in range(50):
        x = one[rng.choice(len(one), max(2, len(one) // 2), replace=False)].astype(np.float64)
        y = other[rng.choice(len(other), max(2, len(other) // 2), replace=False)].astype(np.float64)
        xx, yy, xy = (x @ x.T + 1) ** 3, (y @ y.T + 1) ** 3, (x @ y.T + 1) ** 3
        n, m = len(x), len(y)
        within = (xx.sum() - np.trace(xx)) / (n * (n - 1)) + (yy.sum() - np.trace(yy)) / (m * (m - 1))
        found.append(within - 2 * xy.mean())
    return percentile_interval(float(np.mean(found)), found, min(len(made), len(genuine)))


def driving_error(swaps: Pixels, driving: Floats) -> tuple[Estimate | None, int]:
    """:func:`landmark_error` of those ``swaps`` ``(n, s, s, 3)`` in which FaceMesh finds a face, with ``driving``
    landmarks ``(n, 468, 2)``, and how many those are; None where there are none."""
    errors = []
    for face, points in zip(swaps, driving, strict=True):
        found = found_landmarks(face)
        if found is not None:
            errors.append(landmark_error(points, found))
    return (mean_interval(np.array(errors)) if errors else None), len(errors)


def train_embedding(
    people: Sequence[Pixels], steps: int, seed: int, batch: int = 64, soft: float = 0.0
) -> FaceEmbedding:
    """A small network that tells ``people``, each ``(n, s, s, 3)`` uint8, apart by cosines with a margin.

    ``soft``: the share of faces that it sees blurred (Gaussian, up to 2.5 px of 64), so that the softness of what an
    autoencoder draws is not taken for anybody's likeness.

    H. Wang et al., "CosFace: Large Margin Cosine Loss for Deep Face Recognition", CVPR 2018: scale 16, margin 0.2.
    """
    import torch
    from torch.nn import functional

    from zhenwei.forge.swap.warp import Moves, move
    from zhenwei.nets.swap import FaceEmbedding
    from zhenwei.trainer.loop import take_step, train
    from zhenwei.trainer.run import Schedule, Task

    if len(people) < 2:
        raise UsageError("nothing to tell apart", got=f"{len(people)} people", want="two and more")
    rng = np.random.default_rng(seed)
    held = [_resized(inner(faces)) for faces in people]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = FaceEmbedding(len(held))
    optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-2)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    moves = Moves(8.0, 0.06, 0.04, 0.5, 0.2, 0.05)

    def step(_: Turn) -> dict[str, Tensor]:
        who = rng.integers(0, len(held), batch)
        drawn = [move(held[k][rng.integers(len(held[k]))], None, moves, rng)[0] for k in who]
        if soft:
            drawn = [_softened(face, rng) if rng.random() < soft else face for face in drawn]
        label = torch.from_numpy(who)
        cosines = net.cosines(_tensor(np.stack(drawn)))
        logits = 16 * (cosines - 0.2 * functional.one_hot(label, len(held)))
        loss = functional.cross_entropy(logits, label)
        take_step(optimizer, loss)
        scheduler.step()
        return {"loss": loss}

    train(Task(torch.nn.ModuleDict({"net": net}), {"net": optimizer}, step), Schedule(steps))
    return net.eval()


def learned(net: FaceEmbedding) -> Embedder:
    """The embedder of a trained network."""
    import torch

    def embed(faces: Pixels) -> Floats:
        with torch.inference_mode():
            parts = torch.split(_tensor(_resized(inner(faces))), 128)
            return np.concatenate([np.asarray(net(part).numpy(), np.float32) for part in parts])

    return embed


def _tensor(faces: Pixels):  # type: ignore[no-untyped-def]  # a torch tensor; torch is loaded late
    import torch

    return torch.from_numpy(np.ascontiguousarray(faces.transpose(0, 3, 1, 2))).float() / 255


def inner(faces: Pixels) -> Pixels:
    off = round(_INNER * faces.shape[1])
    return faces[:, off : faces.shape[1] - off, off : faces.shape[2] - off]


def _softened(face: Pixels, rng: np.random.Generator) -> Pixels:
    return np.asarray(cv2.GaussianBlur(face, (0, 0), rng.uniform(0.3, 2.5)), np.uint8)


def _resized(faces: Pixels) -> Pixels:
    if faces.shape[1] == _SIDE:
        return faces
    scaled = [cv2.resize(np.ascontiguousarray(f), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA) for f in faces]
    return np.asarray(np.stack(scaled), np.uint8)


def _appearance(face: Pixels) -> Floats:
    small = cv2.resize(np.ascontiguousarray(face), (48, 48), interpolation=cv2.INTER_AREA)
    luma = cv2.GaussianBlur(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), (0, 0), 1.0).astype(np.float32)
    dx, dy = cv2.Sobel(luma, cv2.CV_32F, 1, 0), cv2.Sobel(luma, cv2.CV_32F, 0, 1)
    turn = ((np.arctan2(dy, dx) % np.pi) / np.pi * _BINS).astype(int) % _BINS
    cell = np.arange(48) * _CELLS // 48
    place = ((cell[:, None] * _CELLS + cell[None]) * _BINS + turn).ravel()
    edges = np.bincount(place, np.hypot(dx, dy).ravel(), _CELLS * _CELLS * _BINS).reshape(-1, _BINS)
    edges = (edges / (np.linalg.norm(edges, axis=1, keepdims=True) + 10)).ravel()
    lab = cv2.cvtColor(cv2.resize(small, (6, 6), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2LAB)
    colours = (lab.astype(np.float32) - 128).ravel()
    return _unit(np.concatenate([_unit(edges - edges.mean()), _unit(colours)]))


def _unit(vector: NDArray[np.floating]) -> Floats:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-9), np.float32)
