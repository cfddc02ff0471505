"""What styles are for: the shape of one face in the colours of another, and one attribute moved while others stay.

Mixing: T. Karras et al., CVPR 2019, section 3.1. Directions of attributes in the space of styles, freed of each other:
Y. Shen et al., "Interpreting the Latent Space of GANs for Semantic Face Editing", CVPR 2020; here by regression on
attributes that are measured in samples, not by a classifier's boundary.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zhenwei.errors import DataError, UsageError
from zhenwei.forge.gan.samples import draw, enlarged, noise_for, styles_of, truncated
from zhenwei.forge.swap.score import found_landmarks
from zhenwei.nets.stylegan import StyleGenerator
from zhenwei.types import Pixels

Doubles = NDArray[np.float64]
ATTRIBUTES = ("turn", "mouth", "light", "warmth")
LEARNED_FROM, STEPS = 600, 5
_RIDGE, _MIN_FACES = 0.01, 50  # of the mean variance of a style's numbers


@dataclass(frozen=True, slots=True, eq=False)
class Direction:
    """``move``: (latent,) change of style that moves ``attribute`` by one s.d. among faces, the others by none, where
    the regression holds. ``explained``: R squared of the regression on a fifth of the faces that it did not see."""

    attribute: str
    move: Tensor
    explained: float


def size_of_layer(generator: StyleGenerator, layer: int) -> int:
    """Side in px at which the style of ``layer`` works."""
    return generator.sizes[min((layer + 1) // 2, len(generator.sizes) - 1)]


def mix(generator: StyleGenerator, coarse: Tensor, fine: Tensor, fine_from: int) -> Tensor:
    """Styles by layer of ``coarse`` below ``fine_from`` px and of ``fine`` from there on: (n, layers, latent) each.

    UsageError for a size that the generator has not."""
    if fine_from not in generator.sizes:
        raise UsageError("no layer begins there", got=f"{fine_from} px", want=", ".join(map(str, generator.sizes)))
    late = torch.tensor([size_of_layer(generator, k) >= fine_from for k in range(generator.layers)])
    return torch.where(late.to(coarse.device)[None, :, None], fine, coarse)


def mixing_sheet(
    generator: StyleGenerator, rows: int, columns: int, fine_from: int, *, truncation: float, seed: int
) -> list[list[Pixels]]:
    """Faces down the first column give the shape, faces along the first row the fine styles; the corner is white."""
    styles = styles_of(generator, noise_for(rows + columns, generator.noise, seed))
    coarse, fine = torch.split(truncated(generator, styles, truncation), [rows, columns])
    top, left = enlarged(draw(generator, fine)), enlarged(draw(generator, coarse))
    made = []
    for k in range(rows):
        mixed = mix(generator, coarse[k : k + 1].expand(columns, -1, -1), fine, fine_from)
        made.append([left[k], *enlarged(draw(generator, mixed))])
    return [[np.full_like(top[0], 255), *top], *made]


def measured(images: Pixels) -> dict[str, Doubles]:
    """Attributes of faces (n, side, side, 3), each (n,), NaN where no face is found for those that need one.

    ``turn``: how far the nose is from the middle of the cheeks, as a share of the face's width; ``mouth``: gap of the
    lips as a share of the face's height; ``light`` and ``warmth``: mean level, and red less blue, of the middle, of
    255."""
    side = images.shape[1]
    middle = images[:, side // 4 : -side // 4, side // 4 : -side // 4].astype(np.float64)
    shapes = np.array([_shape(image) for image in images]).reshape(len(images), 2)
    return {
        "turn": shapes[:, 0],
        "mouth": shapes[:, 1],
        "light": middle.mean((1, 2, 3)),
        "warmth": (middle[..., 0] - middle[..., 2]).mean((1, 2)),
    }


def directions(generator: StyleGenerator, count: int = LEARNED_FROM, seed: int = 0) -> dict[str, Direction]:
    """A direction for each attribute, learned from ``count`` samples of the generator itself.

    Of all moves that change one attribute and none of the others, the one that is likeliest among styles is taken:
    covariance C of styles, regression weights B, move C B (B' C B)^-1. DataError where too few samples show a face."""
    styles = styles_of(generator, noise_for(count, generator.noise, seed))
    values = measured(draw(generator, styles, still=True))
    table = np.stack([values[name] for name in ATTRIBUTES], 1)
    seen = np.isfinite(table).all(1)
    if seen.sum() < _MIN_FACES:
        got, want = f"{int(seen.sum())} of {count}", f"{_MIN_FACES} at least"
        raise DataError("too few samples show a face to measure", got=got, want=want, fix="Train the model longer.")
    w = styles[:, 0].double().cpu().numpy()[seen]
    moves, explained = moves_of(w, table[seen])
    found: dict[str, Direction] = {}
    for k, name in enumerate(ATTRIBUTES):
        found[name] = Direction(name, torch.from_numpy(moves[:, k]).float(), explained[k])
    return found


def moves_of(styles: Doubles, attributes: Doubles) -> tuple[Doubles, list[float]]:
    """Styles (n, latent), attributes (n, k) -> moves (latent, k) of one s.d. each; R squared of a fifth kept back."""
    a = (attributes - attributes.mean(0)) / attributes.std(0)
    x = styles - styles.mean(0)
    cut = len(x) - len(x) // 5
    ridge = _RIDGE * np.trace(x[:cut].T @ x[:cut]) / x.shape[1]
    weights = np.linalg.solve(x[:cut].T @ x[:cut] + ridge * np.eye(x.shape[1]), x[:cut].T @ a[:cut])
    left = a[cut:] - x[cut:] @ weights
    explained = 1 - (left**2).sum(0) / ((a[cut:] - a[:cut].mean(0)) ** 2).sum(0)
    towards = np.cov(x.T) @ weights
    return towards @ np.linalg.inv(weights.T @ towards), explained.tolist()


def moved(styles: Tensor, direction: Direction, far: float) -> Tensor:
    """Styles by layer (n, layers, latent) moved by ``far`` s.d. of the attribute, in all layers."""
    return styles + far * direction.move.to(styles.device)


def edit_sheet(
    generator: StyleGenerator, direction: Direction, count: int, most: float, *, truncation: float, seed: int
) -> list[list[Pixels]]:
    """A face a row, from ``-most`` to ``most`` s.d. in five steps."""
    styles = truncated(generator, styles_of(generator, noise_for(count, generator.noise, seed)), truncation)
    rows: list[list[Pixels]] = [[] for _ in range(count)]
    for far in np.linspace(-most, most, STEPS):
        for row, face in zip(rows, enlarged(draw(generator, moved(styles, direction, far))), strict=True):
            row.append(face)
    return rows


def _shape(image: Pixels) -> tuple[float, float]:
    points = found_landmarks(image)
    if points is None:
        return np.nan, np.nan
    nose, one, other, top, chin, upper, lower = points[[1, 234, 454, 10, 152, 13, 14]].astype(float)
    turn = (nose - (one + other) / 2) @ (other - one) / float((other - one) @ (other - one))
    return float(turn), float(np.linalg.norm(upper - lower) / np.linalg.norm(top - chin))
