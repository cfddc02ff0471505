"""Linear classifiers: planted truth is found, and the ONNX file computes what NumPy does."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
from scipy.special import expit

from zhenwei.errors import ModelError
from zhenwei.training.install.linear import Linear, export_linear, fit_linear


def test_planted_coefficients_are_found_whatever_the_units() -> None:
    rng = np.random.default_rng(3)
    x = rng.standard_normal((40_000, 3)) * [1, 100, 0.01] + [5, -300, 0]
    logit = 1.5 * (x[:, 0] - 5) - 0.01 * (x[:, 1] + 300)
    fitted = fit_linear(x, rng.random(len(x)) < expit(logit), l2=1e-3)
    assert fitted.weights[:2] == pytest.approx([1.5, -0.01], rel=0.08)
    assert abs(fitted.weights[2] * 0.01) < 0.05
    assert np.corrcoef(fitted(x), logit)[0, 1] > 0.999


def test_a_feature_that_never_changes_is_harmless() -> None:
    x = np.column_stack([np.ones(40), np.arange(40)])
    fitted = fit_linear(x, np.arange(40) >= 20, l2=1.0)
    assert np.isfinite([*fitted.weights, fitted.bias]).all()
    assert fitted(x)[0] < 0 < fitted(x)[-1]


def test_the_classes_weigh_the_same_however_many_there_are() -> None:
    x = np.array([[0.0]] * 90 + [[1.0]] * 10)
    fitted = fit_linear(x, np.arange(100) >= 90, l2=1.0)
    assert fitted(np.array([[0.5]]))[0] == pytest.approx(0, abs=1e-3)


def test_the_file_computes_the_same() -> None:
    rng = np.random.default_rng(5)
    fitted = Linear(rng.standard_normal(7), 0.25)
    exported = export_linear(fitted)
    assert exported.parity < 1e-4
    session = onnxruntime.InferenceSession(exported.onnx, providers=["CPUExecutionProvider"])
    for count in (1, 5):
        batch = rng.standard_normal((count, 7)).astype(np.float32)
        (scores,) = session.run(None, {"features": batch})
        assert np.asarray(scores).shape == (count,)
        assert np.asarray(scores) == pytest.approx(batch @ fitted.weights + 0.25, abs=1e-4)


def test_what_float32_cannot_hold_is_refused() -> None:
    with pytest.raises(ModelError, match="departs"):
        export_linear(Linear(np.array([3e7, -3e7]), 1 / 3))
