"""Linear classifiers for the store: fitted by logistic regression, written as ONNX, checked against NumPy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from pydantic import Field

from zhenwei.errors import DataError, ModelError
from zhenwei.models import ModelEntry
from zhenwei.stats.logistic import fit_logistic
from zhenwei.training.install.calibrate import Ask, Calibrated, Shown, calibrate, cautious
from zhenwei.training.install.card import Product
from zhenwei.training.install.export import OPSET, Exported
from zhenwei.training.install.publish import publish
from zhenwei.training.lesson import Lesson, Run
from zhenwei.training.recipe import Section
from zhenwei.types import Floats

E = TypeVar("E")
Progress = Callable[[float], None]

_IR_VERSION = 8  # of opset 17; newer ones are refused by older runtimes
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


def export_linear(fitted: Linear) -> Exported:
    """``features`` ``(n, d)`` float32 in, ``score`` ``(n,)`` float32 out.

    Raises :class:`ModelError` when ONNX Runtime departs from NumPy by more than 0.001 on features of unit size.
    """
    column = fitted.weights.astype(np.float32)[:, None]
    bias, flat = np.array([fitted.bias], np.float32), np.array([-1], np.int64)
    constants: dict[str, NDArray[Any]] = {"weights": column, "bias": bias, "flat": flat}
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["features", "weights"], ["product"]),
            helper.make_node("Add", ["product", "bias"], ["sum"]),
            helper.make_node("Reshape", ["sum", "flat"], ["score"]),
        ],
        "linear",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", len(column)])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, ["n"])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    opset = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=_IR_VERSION, producer_name="zhenwei")
    onnx.checker.check_model(model)
    data = model.SerializeToString()
    worst = _parity(fitted, data)
    if not worst <= _TOLERANCE:
        raise ModelError("the exported classifier departs from NumPy", got=f"{worst:.2g}", want=f"<= {_TOLERANCE}")
    return Exported(data, worst)


def _parity(fitted: Linear, data: bytes) -> float:
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    batch = np.random.default_rng(0).standard_normal((32, len(fitted.weights))).astype(np.float32)
    (ours,) = session.run(None, {"features": batch})
    return float(np.abs(np.asarray(ours, np.float64) - fitted(batch)).max())


class LinearRecipe(Section):
    """``l2``: penalty of the regression, in units of one sample."""

    seed: int = 20261123
    l2: float = Field(default=10.0, ge=0)


LR = TypeVar("LR", bound=LinearRecipe)


class HeldOut(Protocol):
    """Images that were not fitted to, one after another."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Shown]: ...


def linear_lesson(
    recipe: type[LR],
    product: Product,
    *,
    needs: str,
    split: Callable[[LR, Path, Progress], tuple[E, HeldOut]],
    rows: Callable[[LR, E, Progress], Iterable[tuple[Floats, bool]]],
    ask: Ask,
    bounded: bool = False,
) -> Lesson[LR, tuple[E, HeldOut], Exported]:
    """The lesson of a detector that is a linear classifier: fitted in one go and installed at once.

    ``split`` reads the data folder into what to learn from and what is held out; ``rows`` describes the first, features
    ``(d,)`` and the truth; ``ask`` is :mod:`zhenwei.training.install.asking` of the detector. ``bounded``: see
    :func:`cautious`. The classifier is written to the output folder, too, as ``MODEL.onnx``.
    """

    def prepare(chosen: LR, run: Run) -> tuple[E, HeldOut]:
        return split(chosen, run.data, run.bar("reading"))

    def learn(chosen: LR, data: tuple[E, HeldOut], run: Run) -> Exported:
        described = list(rows(chosen, data[0], run.bar("fitting")))
        run.tell("fitting", 1.0)
        if not described:
            raise DataError("there is nothing to fit to", got=str(run.data), want=needs)
        features, forged = zip(*described, strict=True)
        exported = export_linear(fit_linear(np.stack(features), np.asarray(forged), l2=chosen.l2))
        (run.output / f"{product.model}.onnx").write_bytes(exported.onnx)
        return exported

    def install(chosen: LR, data: tuple[E, HeldOut], exported: Exported, run: Run) -> tuple[ModelEntry, ...]:
        held_out, progress = data[1], run.bar("calibrating")

        def measure() -> Calibrated:
            found = calibrate(held_out, ask, seed=chosen.seed, total=len(held_out), progress=progress)
            return cautious(found) if bounded else found

        words = replace(product, facts=(_how(chosen), *product.facts))
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


def _how(recipe: LinearRecipe) -> str:
    return f"Classifier: logistic regression, L2 penalty {recipe.l2:.0f}, seed {recipe.seed}"
