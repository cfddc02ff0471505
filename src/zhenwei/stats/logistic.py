"""Logistic regression with an L2 penalty, and folds that keep groups together: small, deterministic, SciPy only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from zhenwei.stats.metrics import Labels, Reals


def fit_logistic(features: Reals, labels: Labels, weights: Reals, *, l2: float) -> Reals:
    """Coefficients ``(d + 1,)``, the intercept last, that minimise the weighted log loss + l2 / 2 |coefficients|^2.

    ``features`` ``(n, d)``, ``labels`` ``(n,)``, ``weights`` ``(n,)`` >= 0. The intercept is not penalised.
    """
    design = np.column_stack([features, np.ones(len(features))])
    penalty = np.full(design.shape[1], l2)
    penalty[-1] = 0.0

    def loss(theta: Reals) -> tuple[float, Reals]:
        logit = design @ theta
        value = weights @ (np.logaddexp(0, logit) - labels * logit) + 0.5 * penalty @ theta**2
        return float(value), design.T @ (weights * (expit(logit) - labels)) + penalty * theta

    found = minimize(loss, np.zeros(design.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 500})
    return np.asarray(found.x, np.float64)


def apply_logistic(features: Reals, coefficients: Reals) -> Reals:
    """Logits ``(n,)`` of ``features`` ``(n, d)``."""
    return np.asarray(features @ coefficients[:-1] + coefficients[-1], np.float64)


def group_folds(groups: Sequence[object], labels: Labels, *, folds: int, seed: int) -> NDArray[np.int64]:
    """The fold, in [0, folds), of every sample ``(n,)``: no group is in two, and every class is spread over all.

    Groups of one kind (all genuine, all forged, both) are shuffled and dealt out in turn.
    """
    names, inverse = np.unique(np.asarray([str(g) for g in groups]), return_inverse=True)
    has_forged = np.bincount(inverse, labels, len(names)) > 0
    has_genuine = np.bincount(inverse, ~labels, len(names)) > 0
    kind = has_forged.astype(int) + 2 * has_genuine.astype(int)
    shuffled = np.random.default_rng(seed).permutation(len(names))
    dealt = shuffled[np.argsort(kind[shuffled], kind="stable")]
    fold_of_group = np.empty(len(names), np.int64)
    fold_of_group[dealt] = np.arange(len(names)) % folds
    return fold_of_group[inverse]
