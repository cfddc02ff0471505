"""``speech.lfcc_gmm``: mixtures of Gaussians of how the spectrum moves, one of people and one of machines."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zhenwei.detectors.speech import lfcc_gmm
from zhenwei.training.install.card import Product
from zhenwei.training.install.onnx_export import ExportedModel, export_formula
from zhenwei.training.speech._folds import SHARED, Row, Tell, TrainedVoiceDetector, Way, speech_of, voice_lesson
from zhenwei.types import Floats

_COMPONENTS, _ROUNDS, _MIN_VARIANCE = 64, 25, 1e-3
_TOLERANCE = 1e-3


def movements(audio: Floats) -> Floats | None:
    speech = speech_of(audio)
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
            _COMPONENTS, covariance_type="diag", max_iter=_ROUNDS, reg_covar=_MIN_VARIANCE, random_state=0, tol=1e-4
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the rounds are few on purpose
            found.append(mixture.fit(frames))
    weights = np.log([mixture.weights_ for mixture in found])
    return Mixtures(weights, np.stack([m.means_ for m in found]), np.stack([m.covariances_ for m in found]))


def export_mixtures(mixtures: Mixtures) -> ExportedModel:
    """``frames`` ``(n, d)`` float32 in, ``llr`` ``(n,)`` out. The squares are completed: x^2 A + x B + c, then the
    log of summed exponentials. Raises :class:`ModelError` when ONNX Runtime departs from NumPy by more than 0.001."""
    constants: dict[str, NDArray[np.float64]] = {}
    lines = ["squares = Mul (frames, frames)"]
    for number, name in enumerate(("genuine", "forged")):
        logs, means, variances = mixtures.logs[number], mixtures.means[number], mixtures.variances[number]
        constants[f"{name}_squared"] = (-0.5 / variances).T
        constants[f"{name}_linear"] = (means / variances).T
        constants[f"{name}_rest"] = logs - 0.5 * (np.log(2 * np.pi * variances) + means**2 / variances).sum(-1)
        lines += [
            f"{name}_a = MatMul (squares, {name}_squared)",
            f"{name}_b = MatMul (frames, {name}_linear)",
            f"{name}_ab = Add ({name}_a, {name}_b)",
            f"{name}_each = Add ({name}_ab, {name}_rest)",
            f"{name}_log = ReduceLogSumExp <axes = [1], keepdims = 0> ({name}_each)",
        ]
    lines.append("llr = Sub (forged_log, genuine_log)")
    width = mixtures.means.shape[-1]
    formula = f"mixtures (float[n, {width}] frames) => (float[n] llr) {{ {' '.join(lines)} }}"
    drawn = np.random.default_rng(0).standard_normal((64, width)).astype(np.float32)
    drawn = drawn * np.sqrt(mixtures.variances.mean(axis=(0, 1))).astype(np.float32)
    return export_formula(formula, constants, mixtures, drawn, tolerance=_TOLERANCE)


def learn(rows: Sequence[Row], _kept: Path, _tell: Tell) -> TrainedVoiceDetector:
    genuine = np.concatenate([row[::2] for row, u in rows if not u.forged])
    forged = np.concatenate([row[::4] for row, u in rows if u.forged])
    mixtures = fit_mixtures(genuine, forged)
    return TrainedVoiceDetector(lambda row: float(mixtures(row).mean()), lambda: export_mixtures(mixtures))


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
