"""The network of ``speech.graph_attention``: its filters, what does not move its answer, its shapes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from zhenwei.nets.graph_attention import (
    BANDS,
    FRAMES,
    RATE_HZ,
    SAMPLES,
    STATISTICS,
    GraphAttentionNet,
    SincBank,
    sinc_filters,
)


def net() -> GraphAttentionNet:
    torch.manual_seed(0)
    return GraphAttentionNet().eval()


def test_the_filters_pass_their_bands_in_order() -> None:
    response = np.abs(np.fft.rfft(sinc_filters()[:, 0].numpy(), 4096))
    peaks = response.argmax(axis=1) * RATE_HZ / 4096
    assert (np.diff(peaks[2:]) > 0).all()
    assert peaks[-1] < 8000
    for k in (20, 40, 60):
        inside = response[k, abs(np.arange(2049) * RATE_HZ / 4096 - peaks[k]) < 0.2 * peaks[k]]
        assert np.square(inside).sum() > 0.9 * np.square(response[k]).sum()


@pytest.mark.parametrize("band", [15, 30, 50])
def test_a_tone_lights_its_band(band: int) -> None:
    response = np.abs(np.fft.rfft(sinc_filters()[band, 0].numpy(), 4096))
    hertz = float(response.argmax()) * RATE_HZ / 4096
    wave = torch.sin(2 * torch.pi * hertz * torch.arange(SAMPLES) / RATE_HZ)[None]
    level = SincBank()(wave)[0].mean(1)
    assert abs(int(level.argmax()) - band) <= 1


def test_shapes() -> None:
    bank = SincBank()(torch.zeros(2, SAMPLES))
    assert bank.shape[:2] == (2, BANDS)
    assert bank.shape[2] >= FRAMES
    heard = net()(torch.randn(3, SAMPLES))
    assert heard.score.shape == (3,)
    assert heard.statistics.shape == (3, STATISTICS)


def test_windows_do_not_know_each_other() -> None:
    waves = 0.05 * torch.randn(4, SAMPLES)
    model = net()
    with torch.no_grad():
        together = model(waves).score
        apart = torch.cat([model(w[None]).score for w in waves])
    torch.testing.assert_close(together, apart, atol=1e-4, rtol=1e-4)


def test_the_colour_of_a_microphone_falls_out() -> None:
    levels = torch.randn(2, BANDS, FRAMES)
    colour = torch.randn(1, BANDS, 1)
    model = net()
    with torch.no_grad():
        torch.testing.assert_close(
            model.of_levels(levels).score, model.of_levels(levels + colour).score, atol=1e-4, rtol=1e-4
        )


def test_every_weight_learns() -> None:
    model = GraphAttentionNet()
    heard = model(0.05 * torch.randn(4, SAMPLES))
    (heard.score.sum() + heard.statistics.sum()).backward()
    still = [name for name, p in model.named_parameters() if p.grad is None]
    assert still == []
