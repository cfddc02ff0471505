"""``temporal.breathing`` on strips whose head and shoulders rise and fall, or do not."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from zhenwei.detectors.temporal.breathing import Breathing
from zhenwei.testing import strip_subject
from zhenwei.types import Curve, Evidence, Pixels, Subject


def body(sunk: NDArray[np.float64], fps: float = 25.0) -> Subject:
    """A clip whose texture and face sink by so many pixels."""
    texture = cv2.GaussianBlur(np.random.default_rng(0).uniform(0, 255, (136, 96, 3)).astype(np.float32), (0, 0), 2)
    moves = [np.array([[1, 0, 0], [0, 1, row]], np.float32) for row in sunk]
    frames = [cv2.warpAffine(texture, m, (96, 136))[20:116].clip(0, 255) for m in moves]
    pixels: Pixels = np.stack(frames).astype(np.uint8)
    still = strip_subject(pixels, fps=fps)
    assert still.strip is not None
    points = still.strip.landmarks.copy()
    points[..., 1] += sunk[:, None].astype(np.float32)
    return strip_subject(pixels, points, fps=fps)


def waves(seconds: float, breaths: float, fps: float = 25.0) -> NDArray[np.float64]:
    return np.asarray(1.5 * np.sin(2 * np.pi * breaths / 60 * np.arange(round(seconds * fps)) / fps))


def ask(subject: Subject) -> Evidence:
    return Breathing().examine(subject)


@pytest.mark.parametrize("breaths", [15, 24])
def test_breath_speaks_a_little_for_genuine(breaths: int) -> None:
    evidence = ask(body(waves(10, breaths)))
    assert evidence.llr == pytest.approx(math.log(0.9))
    assert any(f"{n} times a minute" in evidence.finding for n in (breaths - 1, breaths, breaths + 1))
    (curve,) = evidence.exhibits
    assert isinstance(curve, Curve)
    assert np.ptp([y or 0 for y in curve.y]) == pytest.approx(3, abs=1)


def test_no_breath_is_no_evidence() -> None:
    rng = np.random.default_rng(0)
    for sunk in (np.zeros(250), rng.permutation(waves(10, 15)), rng.normal(0, 1, 250)):
        evidence = ask(body(sunk))
        assert evidence.llr is None
        assert "stands out" in evidence.reason


def test_what_cannot_be_told_is_refused() -> None:
    assert "8 s are needed" in ask(body(waves(5, 15))).reason
    assert "too few" in ask(body(waves(20, 15, 5.0), 5.0)).reason
    assert "shoulders" in ask(strip_subject(np.full((250, 96, 96, 3), 120, np.uint8))).reason
    lost = body(waves(10, 15)).strip
    assert lost is not None
    points = lost.landmarks.copy()
    points[::3] = np.nan
    assert "lost" in ask(strip_subject(lost.pixels, points)).reason
