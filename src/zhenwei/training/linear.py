"""Linear classifiers for the store: fitted by logistic regression, written as ONNX, checked against NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from zhenwei.errors import ModelError
from zhenwei.stats.logistic import fit_logistic
from zhenwei.training.export import OPSET, Exported

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
