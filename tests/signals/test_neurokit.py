"""Rates of pulse and breath agree with NeuroKit2 (an independent implementation) on its own simulated signals."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from zhenwei.signals.breathing import common_breath
from zhenwei.signals.pulse import chrom, common_pulse, pos

RATE = 25.0
BLOOD = np.array([0.33, 0.77, 0.53])
SKIN = np.array([180.0, 130.0, 110.0])


@pytest.fixture(scope="module")
def nk() -> ModuleType:
    """Loaded where it is asked, since it brings much along."""
    import neurokit2

    found: ModuleType = neurokit2
    return found


@pytest.mark.parametrize("bpm", [55, 72, 96, 130])
def test_pulse_rates_agree(nk: ModuleType, bpm: int) -> None:
    simulated = nk.ppg_simulate(
        duration=20, sampling_rate=100, heart_rate=bpm, frequency_modulation=0, ibi_randomness=0, random_state=bpm
    )
    _, told = nk.ppg_process(simulated, sampling_rate=100)
    theirs = 60 * 100 / np.median(np.diff(told["PPG_Peaks"]))
    wave = simulated[::4] - simulated.mean()
    rng = np.random.default_rng(0)
    patches = [SKIN * (1 - 0.01 * wave[:, None] * BLOOD) + rng.normal(0, 0.15, (len(wave), 3)) for _ in range(8)]
    for way in (pos, chrom):
        found = common_pulse(np.stack([way(p, RATE) for p in patches]), RATE)
        assert 60 * found.rate_hz == pytest.approx(theirs, abs=2)


@pytest.mark.parametrize("breaths", [12, 16, 22])
def test_rates_of_breath_agree(nk: ModuleType, breaths: int) -> None:
    simulated = nk.rsp_simulate(duration=40, sampling_rate=100, respiratory_rate=breaths, random_state=1)
    _, told = nk.rsp_peaks(nk.rsp_clean(simulated, sampling_rate=100), sampling_rate=100)
    theirs = 60 * 100 / np.median(np.diff(told["RSP_Peaks"]))
    wave, rng = simulated[::4], np.random.default_rng(0)
    moved = wave * np.array([[1.0], [0.7], [1.3]]) + rng.normal(0, 0.1 * wave.std(), (3, len(wave)))
    assert 60 * common_breath(moved, RATE).rate_hz == pytest.approx(theirs, abs=1.5)
