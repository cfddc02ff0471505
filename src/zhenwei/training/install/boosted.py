"""A classifier of statistics for the store: logistic regression and boosted trees, each its share of one score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper

from zhenwei.errors import ModelError
from zhenwei.stats.logistic import fit_logistic
from zhenwei.training.install.linear import Linear
from zhenwei.training.install.onnx_export import OPSET, ExportedModel

if TYPE_CHECKING:
    from sklearn.ensemble import GradientBoostingClassifier

_IR_VERSION = 8
_ML_OPSET = 3
_TOLERANCE = 1e-3
TREES, DEPTH, _RATE = 200, 3, 0.08
_ROWS, _FEATURES = 0.5, 0.2  # that each tree is grown from
_MIN_LEAF = 20
_CLIPPED = 4.0  # deviations that the linear part goes to: a broken recording must not decide by one number

Bools = NDArray[np.bool_]
Reals = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class BoostedClassifier:
    """score = linear(clipped, standardised features) + ``tree_scale`` x log odds by ``boosting`` + ``bias``; each part
    has mean 0 and unit spread on what it was fitted to."""

    centre: Reals
    scale: Reals
    linear: Linear
    boosting: GradientBoostingClassifier
    tree_scale: float
    bias: float

    @property
    def prior(self) -> float:
        """What the trees are added to, in log odds: boosting begins at the share of the forged."""
        somewhere = np.zeros((1, len(self.centre)), np.float32)
        by_trees = sum(float(tree.predict(somewhere)[0]) for (tree,) in self.boosting.estimators_)
        return float(self.boosting.decision_function(somewhere)[0]) - _RATE * by_trees

    def __call__(self, features: NDArray[np.number[Any]]) -> Reals:
        """``(n, d)`` -> ``(n,)``."""
        rows = np.asarray(features, np.float32)
        standard = np.clip((rows - self.centre) / self.scale, -_CLIPPED, _CLIPPED)
        by_trees = self.tree_scale * self.boosting.decision_function(rows)
        return np.asarray(self.linear(standard) + by_trees + self.bias, np.float64)


def fit_boosted(
    features: NDArray[np.number[Any]], forged: Bools, weights: Reals, *, l2: float, seed: int
) -> BoostedClassifier:
    """``features`` ``(n, d)``, ``forged`` ``(n,)``, ``weights`` ``(n,)`` of mean 1. ``l2``: penalty of the regression.

    Gradient boosting of shallow trees after J. Friedman, Stochastic gradient boosting, 2002 (scikit-learn); seeded.
    """
    from sklearn.ensemble import GradientBoostingClassifier

    rows = np.asarray(features, np.float32)
    centre, scale = rows.mean(axis=0, dtype=np.float64), rows.std(axis=0, dtype=np.float64) + 1e-9
    standard = np.clip((rows - centre) / scale, -_CLIPPED, _CLIPPED)
    fitted = fit_logistic(standard, forged, weights, l2=l2)
    boosting = GradientBoostingClassifier(
        n_estimators=TREES,
        learning_rate=_RATE,
        max_depth=DEPTH,
        min_samples_leaf=_MIN_LEAF,
        subsample=_ROWS,
        max_features=_FEATURES,
        random_state=seed,
    )
    boosting.fit(rows, forged, sample_weight=weights)
    by_trees = boosting.decision_function(rows)
    by_line = standard @ fitted[:-1]
    spreads = float(by_line.std()), float(by_trees.std())
    centres = float(by_line.mean()), float(by_trees.mean())
    bias = -centres[0] / spreads[0] - centres[1] / spreads[1]
    return BoostedClassifier(centre, scale, Linear(fitted[:-1] / spreads[0], 0.0), boosting, 1 / spreads[1], bias)


def export_boosted(fitted: BoostedClassifier) -> ExportedModel:
    """``features`` ``(n, d)`` float32 in, ``score`` ``(n,)`` float32 out; trees by the operator of ai.onnx.ml.

    Raises :class:`ModelError` when ONNX Runtime departs from scikit-learn by more than 0.001.
    """
    width = len(fitted.centre)
    constants = {
        "centre": fitted.centre,
        "scale": fitted.scale,
        "low": np.array(-_CLIPPED),
        "high": np.array(_CLIPPED),
        "slopes": fitted.linear.weights[:, None],
        "bias": np.array([fitted.bias + fitted.tree_scale * fitted.prior]),
    }
    held = [onnx.numpy_helper.from_array(np.asarray(value, np.float32), name) for name, value in constants.items()]
    held.append(onnx.numpy_helper.from_array(np.array([-1], np.int64), "flat"))
    nodes = [
        helper.make_node("Sub", ["features", "centre"], ["moved"]),
        helper.make_node("Div", ["moved", "scale"], ["standard"]),
        helper.make_node("Clip", ["standard", "low", "high"], ["clipped"]),
        helper.make_node("MatMul", ["clipped", "slopes"], ["line"]),
        _ensemble(fitted),
        helper.make_node("Add", ["line", "trees"], ["both"]),
        helper.make_node("Add", ["both", "bias"], ["sum"]),
        helper.make_node("Reshape", ["sum", "flat"], ["score"]),
    ]
    graph = helper.make_graph(
        nodes,
        "boosted",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", width])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, ["n"])],
        held,
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", _ML_OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION, producer_name="zhenwei")
    onnx.checker.check_model(model)
    data = model.SerializeToString()
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(0)
    drawn = (fitted.centre + fitted.scale * rng.standard_normal((256, width))).astype(np.float32)
    (found,) = session.run(None, {"features": drawn})
    worst = float(np.abs(np.asarray(found, np.float64) - fitted(drawn)).max())
    if not worst <= _TOLERANCE:
        raise ModelError("the exported trees depart from scikit-learn", got=f"{worst:.2g}", want=f"{_TOLERANCE}")
    return ExportedModel(data, worst)


def _ensemble(fitted: BoostedClassifier) -> onnx.NodeProto:
    """The operator of ai.onnx.ml: every node of every tree in a row."""
    nodes: dict[str, list[Any]] = {
        "nodes_treeids": [],
        "nodes_nodeids": [],
        "nodes_featureids": [],
        "nodes_values": [],
        "nodes_modes": [],
        "nodes_truenodeids": [],
        "nodes_falsenodeids": [],
        "target_treeids": [],
        "target_nodeids": [],
        "target_ids": [],
        "target_weights": [],
    }
    for number, (grown,) in enumerate(fitted.boosting.estimators_):
        tree = grown.tree_
        for node in range(tree.node_count):
            leaf = tree.children_left[node] < 0
            nodes["nodes_treeids"].append(number)
            nodes["nodes_nodeids"].append(node)
            nodes["nodes_featureids"].append(0 if leaf else int(tree.feature[node]))
            nodes["nodes_values"].append(0.0 if leaf else _at_most(float(tree.threshold[node])))
            nodes["nodes_modes"].append("LEAF" if leaf else "BRANCH_LEQ")
            nodes["nodes_truenodeids"].append(0 if leaf else int(tree.children_left[node]))
            nodes["nodes_falsenodeids"].append(0 if leaf else int(tree.children_right[node]))
            if leaf:
                nodes["target_treeids"].append(number)
                nodes["target_nodeids"].append(node)
                nodes["target_ids"].append(0)
                nodes["target_weights"].append(float(tree.value[node].item()) * _RATE * fitted.tree_scale)
    made = helper.make_node("TreeEnsembleRegressor", ["features"], ["trees"], domain="ai.onnx.ml", n_targets=1)
    made.attribute.extend(helper.make_attribute(name, values) for name, values in nodes.items())
    return made


def _at_most(threshold: float) -> float:
    """The largest float32 that is no larger: x <= threshold stays true of the same float32 numbers."""
    rounded = np.float32(threshold)
    return float(np.nextafter(rounded, np.float32(-np.inf)) if float(rounded) > threshold else rounded)
