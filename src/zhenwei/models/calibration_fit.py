"""Fits a ``Calibration``: scores with known truth in, likelihood ratios conditioned on quality out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import compress

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize
from scipy.special import expit

from zhenwei.errors import DataError
from zhenwei.models.calibration import Calibration
from zhenwei.stats.logistic import apply_logistic, fit_logistic, group_folds
from zhenwei.stats.metrics import Labels, Reals, c_llr
from zhenwei.stats.supported import supported_range

_FOLDS = 5
_KNOT_QUANTILES = (0.1, 0.5, 0.9)
_KNOT_SPACING = 0.25  # octaves of face size
_MIN_SHARE = 0.02  # a class rarer than this at some quality is not weighted up any further
_UNBOUNDED = 1e6
_ANY_SIZE_PX = 100.0  # the one knot of what knows no size


@dataclass(frozen=True, slots=True)
class Samples:
    scores: Reals
    labels: Labels  # True = forged
    face_px: Reals
    sharpness: Reals  # NaN = unknown
    groups: tuple[str, ...]

    def take(self, chosen: Labels) -> Samples:
        groups = tuple(compress(self.groups, chosen))
        return Samples(self.scores[chosen], self.labels[chosen], self.face_px[chosen], self.sharpness[chosen], groups)


def fit(
    scores: ArrayLike,
    labels: ArrayLike,
    face_px: ArrayLike | None,
    groups: Sequence[object],
    *,
    seed: int,
    sharpness: ArrayLike | None = None,
    frame_rho: float = 1.0,
    l2: float = 1.0,
) -> Calibration:
    """The calibration of ``scores`` ``(n,)``, of single faces, by logistic regression. Deterministic.

    ``labels`` ``(n,)``: 1 forged, 0 genuine. ``face_px``, ``sharpness`` ``(n,)``: as in ``types.Quality``; None: there
    is no face, or its size does not matter; NaN in ``sharpness`` = unknown. ``groups`` ``(n,)``: identity or source;
    faces of one group are not independent, so n counts groups, and ``c_llr`` and the bounds come from groups left out
    of the fit. ``frame_rho``: how alike the frames of one person are, 1 = a clip weighs as one picture.
    ``l2`` pulls the slopes and offsets of all qualities together, the less the more groups.

    Faces are weighted by 1 / P(label | quality), so both classes weigh the same at *every* quality: if small faces are
    mostly forged in the data, smallness alone still does not count against a face.
    Raises :class:`DataError` for numbers missing, or fewer than two groups of either class.
    """
    data = checked(scores, labels, face_px, sharpness, groups)
    held_out = cross_fit(data, seed, l2)
    lowest, highest = supported_range(held_out, data.labels, data.groups)
    return replace(
        _fit(data, l2),
        lowest=lowest,
        highest=highest,
        frame_rho=frame_rho,
        genuine=int((~data.labels).sum()),
        forged=int(data.labels.sum()),
        groups=len(set(data.groups)),
        c_llr=c_llr(data.labels, np.clip(held_out, lowest, highest)),
        seed=seed,
    )


def checked(
    scores: ArrayLike,
    labels: ArrayLike,
    face_px: ArrayLike | None,
    sharpness: ArrayLike | None,
    groups: Sequence[object],
) -> Samples:
    values, truth = np.asarray(scores, np.float64), np.asarray(labels, np.float64)
    sizes = np.full(len(values), _ANY_SIZE_PX) if face_px is None else np.asarray(face_px, np.float64)
    detail = np.full(len(values), np.nan) if sharpness is None else np.asarray(sharpness, np.float64)
    lengths = {len(values), len(truth), len(sizes), len(detail), len(groups)}
    if len(lengths) != 1:
        raise DataError("the columns differ in length", got=str(sorted(lengths)), want="one length")
    if not (np.isfinite(values).all() and np.isfinite(sizes).all() and (sizes > 0).all()):
        raise DataError("a score or face size is missing", want="finite scores and sizes > 0", fix="Drop such faces.")
    if not np.isin(truth, (0, 1)).all():
        raise DataError("a label is neither 0 nor 1", got=str(sorted(set(truth.tolist()))[:5]))
    data = Samples(values, truth == 1, sizes, detail, tuple(map(str, groups)))
    for forged in (False, True):
        found = set(compress(data.groups, data.labels == forged))
        if len(found) < 2:
            name = "forged" if forged else "genuine"
            raise DataError("too few groups to calibrate on", got=f"{len(found)} {name}", want="at least 2")
    return data


def cross_fit(data: Samples, seed: int, l2: float) -> Reals:
    """LLRs ``(n,)``, unbounded, each by a calibration fitted without the sample's group."""
    held_out = np.full(len(data.scores), np.nan)
    fold = group_folds(data.groups, data.labels, folds=_FOLDS, seed=seed)
    for k in np.unique(fold):
        train = data.take(fold != k)
        if train.labels.all() or not train.labels.any():
            raise DataError("too few groups to calibrate on", got="one class is gone without one fold of the groups")
        held_out[fold == k] = _apply(_fit(train, l2), data.take(fold == k))
    return held_out


def _fit(data: Samples, l2: float) -> Calibration:
    """The unbounded calibration of all of ``data``."""
    centre, scale = float(data.scores.mean()), float(data.scores.std()) or 1.0
    z = (data.scores - centre) / scale
    detail = np.log2(1 + np.maximum(0, data.sharpness[np.isfinite(data.sharpness)]))
    usual, spread = (float(detail.mean()), float(detail.std()) or 1.0) if len(detail) else (0.0, 1.0)
    knots = _knots(np.log2(data.face_px))
    basis = _basis(data, knots, usual, spread)
    log_slope, offset = _regress(z, data.labels, _weights(data, basis), basis, l2)
    return Calibration(
        score_centre=centre,
        score_scale=scale,
        knots_px=tuple(float(2**k) for k in knots),
        log_slopes=tuple(log_slope[:-1].tolist()),
        offsets=tuple(offset[:-1].tolist()),
        lowest=-_UNBOUNDED,
        highest=_UNBOUNDED,
        sharpness_centre=usual,
        sharpness_scale=spread,
        sharpness_log_slope=float(log_slope[-1]),
        sharpness_offset=float(offset[-1]),
    )


def _knots(octaves: Reals) -> Reals:
    low, middle, high = np.quantile(octaves, _KNOT_QUANTILES).tolist()
    if high - low < _KNOT_SPACING:
        return np.asarray([middle])
    apart = min(middle - low, high - middle) >= _KNOT_SPACING
    return np.asarray([low, middle, high] if apart else [low, high])


def _basis(data: Samples, knots: Reals, usual: float, spread: float) -> Reals:
    """``(n, knots + 1)``: the weights of linear interpolation between the knots, and deviations of sharpness."""
    octaves = np.log2(data.face_px)
    hats = [np.interp(octaves, knots, row) for row in np.eye(len(knots))]
    detail = (np.log2(1 + np.maximum(0, data.sharpness)) - usual) / spread
    return np.column_stack([*hats, np.clip(np.nan_to_num(detail), -2, 2)])


def _weights(data: Samples, basis: Reals) -> Reals:
    """``(n,)``, in sum the number of groups, the classes balanced at every quality."""
    ones = np.ones(len(data.labels))
    share = expit(apply_logistic(basis, fit_logistic(basis, data.labels, ones, l2=1.0)))
    share = np.clip(np.where(data.labels, share, 1 - share), _MIN_SHARE, 1)
    weights = 1 / share
    for forged in (False, True):
        weights[data.labels == forged] /= 2 * weights[data.labels == forged].sum()
    return np.asarray(weights * len(set(data.groups)), np.float64)


def _regress(z: Reals, labels: Labels, weights: Reals, basis: Reals, l2: float) -> tuple[Reals, Reals]:
    """Log slopes and offsets ``(knots + 1,)``, the last of each for sharpness.

    The parameters are a common value, deviations from it at each knot and the sharpness term. The common log slope
    has a wide prior (deviation 2) that keeps it finite where the scores separate the classes, or say nothing at all.
    """
    k = basis.shape[1]
    penalty = np.concatenate([[0.25], np.full(k, l2), [1e-3], np.full(k, l2)])
    knots = np.concatenate([np.ones(k - 1), [0.0]])

    def unpack(theta: Reals) -> tuple[Reals, Reals]:
        return theta[0] * knots + theta[1 : k + 1], theta[k + 1] * knots + theta[k + 2 :]

    def loss(theta: Reals) -> tuple[float, Reals]:
        log_slope, offset = unpack(theta)
        steep = z * np.exp(np.clip(basis @ log_slope, -15, 15))
        logit = steep + basis @ offset
        value = weights @ (np.logaddexp(0, logit) - labels * logit) + 0.5 * penalty @ theta**2
        residual = weights * (expit(logit) - labels)
        by_slope, by_offset = basis.T @ (residual * steep), basis.T @ residual
        gradient = np.concatenate([[knots @ by_slope], by_slope, [knots @ by_offset], by_offset])
        return float(value), gradient + penalty * theta

    limits = [(-4.0, 4.0)] * (k + 1) + [(-20.0, 20.0)] * (k + 1)
    start = np.zeros(2 * k + 2)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=limits, options={"maxiter": 1000, "ftol": 1e-12})
    return unpack(np.asarray(found.x, np.float64))


def _apply(calibration: Calibration, data: Samples) -> Reals:
    rows = zip(data.scores, data.face_px, data.sharpness, strict=True)
    return np.asarray([calibration.llr(float(s), face_px=float(p), sharpness=float(d)) for s, p, d in rows])
