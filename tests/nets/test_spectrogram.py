"""The network of ``speech.spectrogram``: what does not move its answer, its shapes, its size."""

from __future__ import annotations

import numpy as np
import torch

from zhenwei.detectors.speech import spectrogram
from zhenwei.nets.spectrogram import BINS, FRAMES, SpectrogramNet


def net() -> SpectrogramNet:
    torch.manual_seed(0)
    return SpectrogramNet().eval()


def test_one_number_a_window() -> None:
    with torch.no_grad():
        assert net()(torch.randn(3, BINS, FRAMES)).score.shape == (3,)
    assert sum(p.numel() for p in net().parameters()) < 300_000


def test_loudness_does_not_move_the_answer() -> None:
    levels = torch.randn(2, BINS, FRAMES)
    with torch.no_grad():
        torch.testing.assert_close(net()(levels).score, net()(levels + 3.0).score, atol=2e-2, rtol=0)


def test_windows_do_not_hear_each_other() -> None:
    levels = torch.randn(3, BINS, FRAMES)
    with torch.no_grad():
        together, alone = net()(levels).score, torch.cat([net()(levels[k : k + 1]).score for k in range(3)])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)


def test_the_detector_gives_what_the_network_takes() -> None:
    shown = spectrogram.pieces(np.random.default_rng(0).standard_normal(40_000).astype(np.float32))
    assert shown is not None
    assert shown.shape == (1, BINS, FRAMES)
