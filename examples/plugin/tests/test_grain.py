"""The plug-in keeps the contract of every detector, and its number means what it says."""

from __future__ import annotations

import numpy as np
from zhenwei_grain.grain import Grain

from zhenwei.detectors import build
from zhenwei.testing import check_detector
from zhenwei.types import Frame, Media, Subject


def test_it_keeps_the_contract() -> None:
    check_detector(Grain)


def test_zhenwei_finds_it() -> None:
    assert build("texture.grain") == Grain()


def test_the_score_is_the_mean_of_the_laplacian() -> None:
    pixels = np.random.default_rng(7).integers(0, 256, (40, 50, 3), np.uint8)
    luma = pixels @ np.array([0.299, 0.587, 0.114])
    laplacian = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:] - 4 * luma[1:-1, 1:-1]
    subject = Subject(Media("a.png", "0" * 64, "image", 1, "png"), (Frame(0, 0.0, pixels),))
    score = Grain().examine(subject).score
    assert score is not None
    assert abs(score - np.abs(laplacian).mean()) < 0.01
