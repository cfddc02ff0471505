"""``Calibration``: what a score means, as a likelihood ratio, for a face seen this well. JSON beside the weights.

With z the standardised score and q the quality of the face,

    llr = clip(n_eff (a(q) z + b(q)), lowest, highest),    a(q) = exp(piecewise linear in log2 face_px + sharpness term)

so a higher score never lowers the LLR. A calibration with one knot does not depend on the size and is asked without it.
The prior of the data it was fitted on is taken out at every quality (see
``zhenwei.models.calibration_fit.fit``), hence a likelihood ratio and not posterior odds. ``lowest`` and ``highest``
bound it to what that many faces can support: n genuine faces cannot show that something happens to fewer than one in n
of them, so no LLR beyond about log n is believable (bounds after Vergeer, van Es, de Jongh, Alberink & Stoel 2016,
"Numerical likelihood ratios outputted by LR systems are often based on extrapolation", Science & Justice 56).

The frames of a clip show one person under one encoder; they are no independent witnesses. n of them with correlation
``frame_rho`` weigh as much as n_eff = n / (1 + (n - 1) frame_rho) independent ones (the design effect, Kish 1965): with
frame_rho = 1, the default, a clip of any length weighs as much as one picture.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np

from zhenwei.errors import ModelError, UsageError
from zhenwei.files import read_document, write_document

SCHEMA = "zhenwei.calibration/1"
_FIX = "Restore the file from the package, or fit it anew."
_CURVES = ("knots_px", "log_slopes", "offsets")
_COUNTS = ("genuine", "forged", "groups", "seed")
_MAX_DEVIATIONS = 2.0  # a sharpness further from the usual counts as this far: nothing was seen there to learn from
_STEEPEST = 20.0  # largest size of a log slope; exp() of it is finite by far


@dataclass(frozen=True, slots=True)
class Calibration:
    """Score -> LLR, conditioned on the quality of the face.

    ``score_centre``, ``score_scale``: z = (score - centre) / scale. ``knots_px``: rising face sizes in source pixels;
    ``log_slopes`` and ``offsets`` hold log a and b there, linear in log2 px between, constant beyond.
    ``sharpness_centre`` and ``_scale`` standardise log2(1 + sharpness); ``sharpness_log_slope`` and ``_offset`` are
    what one deviation adds to log a and b; an unknown sharpness adds nothing. ``trim``: share of the frames left out
    at each end by :meth:`combine_frames`. The rest tells where it comes from: counts of faces and of independent groups
    (identities, sources), and ``c_llr`` in bits on groups it was not fitted on (0 perfect, 1 useless).
    """

    score_centre: float
    score_scale: float
    knots_px: tuple[float, ...]
    log_slopes: tuple[float, ...]
    offsets: tuple[float, ...]
    lowest: float
    highest: float
    sharpness_centre: float = 0.0
    sharpness_scale: float = 1.0
    sharpness_log_slope: float = 0.0
    sharpness_offset: float = 0.0
    frame_rho: float = 1.0
    trim: float = 0.1
    genuine: int = 0
    forged: int = 0
    groups: int = 0
    c_llr: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Raises :class:`ModelError` for numbers that make no calibration."""
        for field in fields(self):
            _check(field.name, getattr(self, field.name))
        rules = {
            "knots_px": self.knots_px[0] > 0 and list(self.knots_px) == sorted(set(self.knots_px)),
            "log_slopes": len(self.log_slopes) == len(self.knots_px) and max(map(abs, self.log_slopes)) <= _STEEPEST,
            "offsets": len(self.offsets) == len(self.knots_px),
            "score_scale": self.score_scale > 0,
            "sharpness_scale": self.sharpness_scale > 0,
            "sharpness_log_slope": abs(self.sharpness_log_slope) <= _STEEPEST,
            "lowest": self.lowest <= 0,
            "highest": self.highest >= 0,
            "frame_rho": 0 <= self.frame_rho <= 1,
            "trim": 0 <= self.trim < 0.5,
            "c_llr": self.c_llr is None or self.c_llr >= 0,
        }
        for name, holds in rules.items():
            if not holds:
                raise _malformed(f"a sensible {name}", repr(getattr(self, name)))

    def llr(
        self, score: float, *, face_px: float | None = None, sharpness: float | None = None, frames: int = 1
    ) -> float:
        """The LLR of one score, within [``lowest``, ``highest``]; never falls as the score rises.

        ``face_px``, ``sharpness``: as in ``types.Quality``; None where there is no face or it does not matter, which
        for ``face_px`` takes a calibration with one knot. ``frames``: how many frames ``score`` is the mean of; 1 for a
        picture. Raises :class:`UsageError` for a number that is not finite, and for a size that is missing.
        """
        sized = len(self.knots_px) == 1 if face_px is None else math.isfinite(face_px) and face_px > 0
        if not (math.isfinite(score) and sized and frames >= 1):
            got = f"score {score}, face of {face_px} px, {frames} frames"
            raise UsageError("a score cannot be calibrated", got=got, want="finite numbers, at least one frame")
        slope, offset = self.slope_and_offset(face_px, sharpness)
        z = (score - self.score_centre) / self.score_scale
        return float(np.clip(self.effective_frames(frames) * (slope * z + offset), self.lowest, self.highest))

    def slope_and_offset(self, face_px: float | None, sharpness: float | None) -> tuple[float, float]:
        """a(q) > 0 and b(q), in LLR per standardised score and in LLR; without ``face_px`` as for the first knot."""
        at, knots = math.log2(face_px or self.knots_px[0]), np.log2(self.knots_px)
        deviations = 0.0
        if sharpness is not None and math.isfinite(sharpness):
            deviations = (math.log2(1 + max(0.0, sharpness)) - self.sharpness_centre) / self.sharpness_scale
            deviations = min(_MAX_DEVIATIONS, max(-_MAX_DEVIATIONS, deviations))
        log_slope = float(np.interp(at, knots, self.log_slopes)) + self.sharpness_log_slope * deviations
        return math.exp(log_slope), float(np.interp(at, knots, self.offsets)) + self.sharpness_offset * deviations

    def effective_frames(self, frames: int) -> float:
        """How many independent pictures that many frames of one person weigh as much as: 1 for 1, never more than n."""
        return frames / (1 + (frames - 1) * self.frame_rho)

    def combine_frames(self, scores: Iterable[float], times: Iterable[float]) -> float:
        """One score for a track: the mean of its frames' scores without the ``trim`` highest and lowest shares.

        Frames of one time (in seconds) count once, so a frame given twice changes nothing; the order does not matter. A
        track of one frame has the score of that frame, exactly. Pass the number of frames to :meth:`llr`.
        """
        moments: dict[float, list[float]] = {}
        for score, time_s in zip(scores, times, strict=True):
            moments.setdefault(time_s, []).append(score)
        if not moments:
            raise UsageError("there is no frame to combine", got="no scores", want="at least one")
        means = sorted([math.fsum(same) / len(same) for same in moments.values()])
        cut = int(self.trim * len(means))
        kept = means[cut : len(means) - cut]
        return math.fsum(kept) / len(kept)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        values = asdict(self)
        for name in _CURVES:
            values[name] = list(values[name])
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`to_dict`. Raises :class:`ModelError` unless every field is there, and no other."""
        names, given = {f.name for f in fields(cls)}, set(values)
        if given != names:
            got = f"unknown {given - names or '{}'}, missing {names - given or '{}'}"
            raise _malformed("exactly the known fields", got)
        curves = {}
        for name in _CURVES:
            if not isinstance(values[name], list | tuple):
                raise _malformed(f"a list for {name}", repr(values[name]))
            curves[name] = tuple(values[name])
        return cls(**{**values, **curves})

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Reads a calibration written by :meth:`save`. Raises :class:`ModelError` if it is missing or malformed."""
        return cls.from_dict(read_document(Path(path), SCHEMA, error=ModelError, fix=_FIX))

    def save(self, path: str | Path) -> None:
        write_document(Path(path), SCHEMA, self.to_dict(), indent=2)


def _check(name: str, value: object) -> None:
    if name in _COUNTS:
        holds = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    elif name in _CURVES:
        holds = isinstance(value, tuple) and len(value) > 0 and all(_finite(v) for v in value)
    else:
        holds = _finite(value) or (name == "c_llr" and value is None)
    if not holds:
        raise _malformed(f"a sensible {name}", repr(value))


def _finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _malformed(want: str, got: str) -> ModelError:
    return ModelError("a calibration is malformed", got=got, want=want, fix=_FIX)
