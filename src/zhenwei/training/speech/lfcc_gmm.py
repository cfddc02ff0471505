"""``speech.lfcc_gmm``: mixtures of Gaussians of how the spectrum moves, one of people and one of machines."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from zhenwei.detectors.speech import lfcc_gmm
from zhenwei.errors import ModelError
from zhenwei.training.install.card import Product
from zhenwei.training.install.export import OPSET, Exported
from zhenwei.training.speech._folds import SHARED, Learned, Row, Tell, Way, speech_of, voice_lesson
from zhenwei.types import Floats

_COMPONENTS, _ROUNDS, _LEAST_VARIANCE = 64, 25, 1e-3
_TOLERANCE = 1e-3
_IR_VERSION = 8


def movements(sound: Floats) -> Floats | None:
    speech = speech_of(sound)
    return None if speech is None else lfcc_gmm.frames(speech)


@dataclass(frozen=True, slots=True, eq=False)
class Mixtures:
    """Diagonal Gaussian mixtures of two classes, genuine first: ``logs`` ``(2, k)`` log weights, ``means`` and
    ``variances`` ``(2, k, d)``."""

    logs: NDArray[np.float64]
    means: NDArray[np.float64]
    variances: NDArray[np.float64]

    def __call__(self, frames: Floats) -> NDArray[np.float64]:
        """``(n, d)`` -> ``(n,)`` log-likelihood ratios of synthetic against genuine."""
        each = []
        for logs, means, variances in zip(self.logs, self.means, self.variances, strict=True):
            off = frames[:, None].astype(np.float64) - means
            density = logs - 0.5 * (np.log(2 * np.pi * variances) + off**2 / variances).sum(-1)
            most = density.max(axis=1, keepdims=True)
            each.append(most[:, 0] + np.log(np.exp(density - most).sum(axis=1)))
        return np.asarray(each[1] - each[0])


def fit_mixtures(genuine: NDArray[np.floating], forged: NDArray[np.floating]) -> Mixtures:
    """By expectation maximisation (scikit-learn), seeded."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    found = []
    for frames in (genuine, forged):
        mixture = GaussianMixture(
            _COMPONENTS, covariance_type="diag", max_iter=_ROUNDS, reg_covar=_LEAST_VARIANCE, random_state=0, tol=1e-4
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the rounds are few on purpose
            found.append(mixture.fit(frames))
    return Mixtures(
        np.log([m.weights_ for m in found]),
        np.stack([m.means_ for m in found]),
        np.stack([m.covariances_ for m in found]),
    )


def export_mixtures(mixtures: Mixtures) -> Exported:
    """``frames`` ``(n, d)`` float32 in, ``llr`` ``(n,)`` out. The squares are completed: x^2 A + x B + c, then the
    log of summed exponentials. Raises :class:`ModelError` when ONNX Runtime departs from NumPy by more than 0.001."""
    constants: dict[str, NDArray[np.generic]] = {"axis": np.array([1], np.int64)}
    nodes = [helper.make_node("Mul", ["frames", "frames"], ["squares"])]
    for name, logs, means, variances in zip(
        ("genuine", "forged"), mixtures.logs, mixtures.means, mixtures.variances, strict=True
    ):
        rest = logs - 0.5 * (np.log(2 * np.pi * variances) + means**2 / variances).sum(-1)
        constants[f"{name}_squared"] = (-0.5 / variances).T.astype(np.float32)
        constants[f"{name}_linear"] = (means / variances).T.astype(np.float32)
        constants[f"{name}_rest"] = rest.astype(np.float32)
        nodes += [
            helper.make_node("MatMul", ["squares", f"{name}_squared"], [f"{name}_a"]),
            helper.make_node("MatMul", ["frames", f"{name}_linear"], [f"{name}_b"]),
            helper.make_node("Add", [f"{name}_a", f"{name}_b"], [f"{name}_ab"]),
            helper.make_node("Add", [f"{name}_ab", f"{name}_rest"], [f"{name}_each"]),
            helper.make_node("ReduceLogSumExp", [f"{name}_each"], [f"{name}_log"], axes=[1], keepdims=0),
        ]
    nodes.append(helper.make_node("Sub", ["forged_log", "genuine_log"], ["llr"]))
    del constants["axis"]
    width = mixtures.means.shape[-1]
    graph = helper.make_graph(
        nodes,
        "mixtures",
        [helper.make_tensor_value_info("frames", TensorProto.FLOAT, ["n", width])],
        [helper.make_tensor_value_info("llr", TensorProto.FLOAT, ["n"])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=_IR_VERSION)
    onnx.checker.check_model(model)
    data = model.SerializeToString()
    drawn = np.random.default_rng(0).standard_normal((64, width)).astype(np.float32)
    drawn = drawn * np.sqrt(mixtures.variances.mean(axis=(0, 1))).astype(np.float32)
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    worst = float(np.abs(session.run(None, {"frames": drawn})[0] - mixtures(drawn)).max())
    if not worst <= _TOLERANCE:
        raise ModelError("the exported mixtures depart from NumPy", got=f"{worst:.2g}", want=f"<= {_TOLERANCE}")
    return Exported(data, worst)


def learn(rows: Sequence[Row], _kept: Path, _tell: Tell) -> Learned:
    genuine = np.concatenate([row[::2] for row, u in rows if not u.forged])
    forged = np.concatenate([row[::4] for row, u in rows if u.forged])
    mixtures = fit_mixtures(genuine, forged)
    return Learned(lambda row: float(mixtures(row).mean()), lambda: export_mixtures(mixtures))


way = Way(
    Product(
        model=lfcc_gmm.MODEL,
        detector="speech.lfcc_gmm",
        question="Are the movements of the spectrum likelier of people or of machines? Frames in, log-likelihood "
        "ratios out.",
        origin="trained with `zhenwei train speech.lfcc_gmm`",
        input=f"curvatures of {lfcc_gmm.COEFFICIENTS} LFCC (n, {lfcc_gmm.COEFFICIENTS}) float32 of "
        "zhenwei.detectors.speech.lfcc_gmm; gives llr (n,)",
        facts=(f"Mixtures: {_COMPONENTS} Gaussians with diagonal covariance for each class, {_ROUNDS} rounds",),
        **SHARED,
    ),
    movements,
    learn,
)

lesson = voice_lesson(way)
