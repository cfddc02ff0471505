"""Linear classifiers for the store: fitted by logistic regression, written as ONNX, checked against NumPy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from zhenwei.errors import DataError
from zhenwei.models import ModelEntry
from zhenwei.stats.logistic import fit_logistic
from zhenwei.training.data.held_out_images import HeldOutImage
from zhenwei.training.install.calibrate import Ask, calibrate
from zhenwei.training.install.card import Product
from zhenwei.training.install.onnx_export import ExportedModel, export_formula
from zhenwei.training.install.publish import publish
from zhenwei.training.lesson import Lesson, LessonRun
from zhenwei.training.recipe import RecipeSection, Seed
from zhenwei.types import Floats, Pixels

E = TypeVar("E")
Progress = Callable[[float], None]

_TOLERANCE = 1e-3
_STEADY = 1e-3  # a feature that varies less is left as it is


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """score = ``weights`` (d,) . features + ``bias``, on the features as they come."""

    weights: NDArray[np.float64]
    bias: float

    def __call__(self, features: NDArray[np.number[Any]]) -> NDArray[np.float64]:
        """``(n, d)`` -> ``(n,)``."""
        return np.asarray(features, np.float64) @ self.weights + self.bias


def fit_linear(features: NDArray[np.number[Any]], forged: NDArray[np.bool_], *, l2: float) -> Linear:
    """Logistic regression on standardised features, both classes weighing the same; the standardisation is folded in.

    ``features`` ``(n, d)``, ``forged`` ``(n,)``. ``l2``: penalty in units of one sample.
    """
    x = np.asarray(features, np.float64)
    centre, scale = x.mean(axis=0), x.std(axis=0)
    scale = np.where(scale < _STEADY, 1.0, scale)
    weights = np.where(forged, 0.5 / forged.mean(), 0.5 / (~forged).mean())
    fitted = fit_logistic((x - centre) / scale, forged, weights, l2=l2)
    slopes = fitted[:-1] / scale
    return Linear(slopes, float(fitted[-1] - slopes @ centre))


def export_linear(fitted: Linear) -> ExportedModel:
    """``features`` ``(n, d)`` float32 in, ``score`` ``(n,)`` float32 out.

    Raises :class:`ModelError` when ONNX Runtime departs from NumPy by more than 0.001 on features of unit size.
    """
    formula = f"""linear (float[n, {len(fitted.weights)}] features) => (float[n] score) {{
        flat = Constant <value_ints = [-1]> ()
        product = MatMul (features, weights)
        sum = Add (product, bias)
        score = Reshape (sum, flat)
    }}"""
    constants = {"weights": fitted.weights[:, None], "bias": np.array([fitted.bias])}
    drawn = np.random.default_rng(0).standard_normal((32, len(fitted.weights))).astype(np.float32)
    return export_formula(formula, constants, fitted, drawn, tolerance=_TOLERANCE)


class LinearRecipe(RecipeSection):
    """``l2``: penalty of the regression, in units of one sample; ``held_out``: share that is calibrated on."""

    seed: Seed = 20261123
    l2: float = Field(default=10.0, ge=0)
    held_out: float = Field(default=0.4, gt=0, lt=1)


LR = TypeVar("LR", bound=LinearRecipe)


class Images(Protocol):
    """Images, one after another: to learn from, or that are not fitted to."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[HeldOutImage]: ...


def rows_of(
    describe: Callable[[Pixels], Floats | None],
) -> Callable[[LinearRecipe, Images, Progress], Iterator[tuple[Floats, bool]]]:
    """For ``rows`` of a lesson that learns from images as they are shown; those that are not described are left out."""

    def rows(_: LinearRecipe, learn: Images, progress: Progress) -> Iterator[tuple[Floats, bool]]:
        for number, shown in enumerate(learn):
            progress(number / len(learn))
            features = describe(shown.pixels)
            if features is not None:
                yield features, shown.forged

    return rows


def linear_lesson(
    recipe: type[LR],
    product: Product,
    *,
    needs: str,
    split: Callable[[LR, Path, Progress], tuple[E, Images]],
    rows: Callable[[LR, E, Progress], Iterable[tuple[Floats, bool]]],
    ask: Ask,
    bounded: bool = False,
) -> Lesson[LR, tuple[E, Images], ExportedModel]:
    """The lesson of a detector that is a linear classifier: fitted in one go and measured at once.

    ``split`` reads the data folder into what to learn from and what is held out; ``rows`` describes the first, features
    ``(d,)`` and the truth; ``ask`` is :mod:`zhenwei.training.install.asking` of the detector. ``bounded``: see
    :func:`cautious`. The classifier is written to the output folder, too, as ``MODEL.onnx``.
    """

    def prepare(chosen: LR, run: LessonRun) -> tuple[E, Images]:
        return split(chosen, run.data, run.bar("reading"))

    def learn(chosen: LR, data: tuple[E, Images], run: LessonRun) -> ExportedModel:
        described = list(rows(chosen, data[0], run.bar("fitting")))
        run.tell("fitting", 1.0)
        if not described:
            raise DataError("there is nothing to fit to", got=str(run.data), want=needs)
        features, forged = zip(*described, strict=True)
        if len(set(forged)) < 2:
            count = len(forged)
            got = f"{count} forged images, none genuine" if forged[0] else f"{count} genuine images, none forged"
            want, fix = "both classes to learn from", "Add images of the other to DATA."
            raise DataError("one class alone teaches nothing", got=got, want=want, fix=fix)
        exported = export_linear(fit_linear(np.stack(features), np.asarray(forged), l2=chosen.l2))
        (run.output / f"{product.model}.onnx").write_bytes(exported.onnx)
        return exported

    def install(chosen: LR, data: tuple[E, Images], exported: ExportedModel, run: LessonRun) -> tuple[ModelEntry, ...]:
        progress = run.bar("calibrating")
        measure = partial(calibrate, data[1], ask, seed=chosen.seed, progress=progress, bounded=bounded)
        how = f"Classifier: logistic regression, L2 penalty {chosen.l2:.0f}, seed {chosen.seed}"
        words = replace(product, facts=(how, *product.facts))
        return (publish(words, exported, measure, store=run.store),)

    return Lesson(
        serves=(product.detector,),
        recipe=recipe,
        needs=needs,
        prepare=prepare,
        learn=learn,
        install=install,
        at_once=True,
    )
