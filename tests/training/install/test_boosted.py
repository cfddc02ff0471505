"""Boosted trees beside a regression: what they learn, and that the exported model computes the same."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest

from zhenwei.stats.metrics import auc
from zhenwei.training.install.boosted import BoostedClassifier, export_boosted, fit_boosted


@pytest.fixture(scope="module")
def learned() -> tuple[BoostedClassifier, np.ndarray, np.ndarray]:
    """Half of the truth lies along a line, the other half in a product that no line sees."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((3000, 6)).astype(np.float32)
    forged = x[:, 0] + 2.0 * np.sign(x[:, 1] * x[:, 2]) + rng.normal(0, 0.5, len(x)) > 0
    return fit_boosted(x[:2000], forged[:2000], np.ones(2000), l2=1.0, seed=0), x[2000:], forged[2000:]


def test_trees_see_what_no_line_sees(learned: tuple[BoostedClassifier, np.ndarray, np.ndarray]) -> None:
    fitted, x, forged = learned
    line = fitted.linear(np.clip((x - fitted.centre) / fitted.scale, -4, 4))
    assert auc(forged, line) < 0.75
    both = fitted(x)
    assert auc(forged, both) > 0.85


def test_the_exported_model_computes_the_same(learned: tuple[BoostedClassifier, np.ndarray, np.ndarray]) -> None:
    fitted, x, _ = learned
    exported = export_boosted(fitted)
    assert exported.parity < 1e-3
    session = onnxruntime.InferenceSession(exported.onnx, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"features": x})
    np.testing.assert_allclose(found, fitted(x), atol=1e-4)
    assert found.shape == (1000,)


def test_one_seed_gives_one_model() -> None:
    rng = np.random.default_rng(1)
    x, forged = rng.standard_normal((300, 4)), rng.random(300) < 0.5
    one, two = (export_boosted(fit_boosted(x, forged, np.ones(300), l2=1.0, seed=3)).onnx for _ in range(2))
    assert one == two


def test_a_wild_number_does_not_decide(learned: tuple[BoostedClassifier, np.ndarray, np.ndarray]) -> None:
    fitted, x, _ = learned
    wild = x[:1].copy()
    wild[0, 0] = 1e6
    assert abs(float(fitted(wild)[0])) < 20
