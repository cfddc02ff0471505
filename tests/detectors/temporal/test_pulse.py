"""``temporal.pulse`` on strips whose skin beats, or does not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from zhenwei.detectors.temporal.pulse import PulseCoherence
from zhenwei.testing import strip_subject
from zhenwei.types import Curve, Evidence, Pixels

BLOOD = np.array([0.33, 0.77, 0.53])


def skin(seconds: float, fps: float, bpm: float, depth: float = 0.02) -> Pixels:
    """Frames of noisy skin with a pulse."""
    rng = np.random.default_rng(0)
    times = np.arange(round(seconds * fps)) / fps
    colour = np.array([180.0, 130.0, 110.0]) * (1 + depth * np.sin(2 * np.pi * bpm / 60 * times)[:, None] * BLOOD)
    frames = colour[:, None, None] + rng.normal(0, 2, (len(times), 96, 96, 3))
    return np.asarray(np.clip(np.rint(frames), 0, 255), np.uint8)


def ask(pixels: Pixels, fps: float = 25.0) -> Evidence:
    return PulseCoherence().examine(strip_subject(pixels, fps=fps))


def test_a_common_pulse_speaks_a_little_for_genuine() -> None:
    evidence = ask(skin(10, 25, 72))
    assert evidence.llr == pytest.approx(math.log(0.8))
    assert "72 a minute" in evidence.finding
    (curve,) = evidence.exhibits
    assert isinstance(curve, Curve)
    peak = curve.x[int(np.argmax([y or 0 for y in curve.y]))]
    assert peak == pytest.approx(72, abs=2)


def test_no_pulse_is_no_evidence() -> None:
    scrambled = skin(10, 25, 72)[np.random.default_rng(3).permutation(250)]
    for pixels in (scrambled, skin(10, 25, 72, depth=0.0)):
        evidence = ask(pixels)
        assert evidence.llr is None
        assert "stands out" in evidence.reason
        assert evidence.score is not None


def test_what_cannot_be_told_is_refused() -> None:
    assert "8 s are needed" in ask(skin(5, 25, 72)).reason
    assert "too few" in ask(skin(12, 10, 72), 10.0).reason
    assert "skin" in ask(np.zeros((250, 96, 96, 3), np.uint8)).reason
