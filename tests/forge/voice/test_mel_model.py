"""The model of mel frames: it looks only back, its densities are densities, and it beats frames without memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from docs.lecture.experiments.mel_model import nll, standardised
from numpy.typing import NDArray

from zhenwei.errors import DataError
from zhenwei.forge.voice.frames import BANDS, Scale
from zhenwei.forge.voice.heard import SpeakerRecordings
from zhenwei.forge.voice.mel_model import MelModelSettings, TrainedMelModel, learn, open_model
from zhenwei.forge.voice.speak import LOW, speak, words
from zhenwei.nets.voice import MelModel, mixture_log_density


def spoken(seed: int, count: int) -> list[NDArray[np.float32]]:
    rng = np.random.default_rng(seed)
    return [speak(words(4, rng), LOW, rng) for _ in range(count)]


@pytest.fixture(scope="module")
def learned() -> TrainedMelModel:
    torch.set_num_threads(1)
    return learn(SpeakerRecordings("low", tuple(spoken(0, 10)), "made"), MelModelSettings(), 60)


def test_a_band_follows_from_earlier_ones_alone() -> None:
    torch.manual_seed(0)
    net, frames = MelModel(6, 8, 4, 2).eval(), torch.randn(1, 5, 6)
    with torch.no_grad():
        before = net(frames)
        changed = frames.clone()
        changed[0, 2, 3] += 5.0
        moved = (net(changed) - before).abs().amax(dim=-1)[0] > 1e-7
    assert not moved[:2].any()
    assert not moved[2, :4].any()
    assert moved[2, 4:].any()
    assert moved[3:].any()


def test_a_mixture_is_a_density() -> None:
    parameters = torch.tensor([0.3, -0.5, 1.0, -2.0, 0.2, 0.5]).double()
    at = torch.linspace(-30, 30, 60_001).double()
    total = torch.exp(mixture_log_density(parameters.expand(len(at), 6), at)).sum() * 0.001
    assert float(total) == pytest.approx(1.0, abs=1e-4)


@pytest.mark.heavy
def test_it_beats_independent_normals_on_held_out_words(learned: TrainedMelModel) -> None:
    frames = np.concatenate([standardised(learned, s, k) for k, s in enumerate(spoken(1, 4))])
    normal = 0.5 * np.log(2 * np.pi * 1.01) + frames**2 / 2 / 1.01  # standardised, and the noise's variance
    assert nll(learned, frames).mean() < normal.mean() - 0.3


def test_draws_are_frames_and_repeat(learned: TrainedMelModel) -> None:
    first, again, other = (learned.draw(5, np.random.default_rng(s)) for s in (0, 0, 1))
    assert first.shape == (5, BANDS)
    assert np.isfinite(first).all()
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_draw_goes_on_from_its_beginning(learned: TrainedMelModel) -> None:
    beginning = standardised(learned, spoken(2, 1)[0], 0)[:30]
    drawn = learned.draw(3, np.random.default_rng(0), beginning)
    told = nll(learned, np.concatenate([beginning, drawn]))[-3:]
    shuffled = nll(learned, np.concatenate([beginning, -drawn]))[-3:]
    assert told.mean() < shuffled.mean()


def test_what_has_no_meaning() -> None:
    with pytest.raises(DataError):
        learn(SpeakerRecordings("low", tuple(spoken(0, 1)), "made"), MelModelSettings(), 1)


def test_a_run_goes_on_exactly_and_is_opened(tmp_path: Path) -> None:
    heard = SpeakerRecordings("low", tuple(spoken(0, 8)), "made")
    whole = learn(heard, MelModelSettings(batch=2), 4)
    learn(heard, MelModelSettings(batch=2), 2, tmp_path)
    assert learn(heard, MelModelSettings(batch=2), 4, tmp_path).losses == whole.losses
    found = open_model(tmp_path)
    one, other = (model.draw(2, np.random.default_rng(0)) for model in (found, whole))
    np.testing.assert_array_equal(one, other)
    (tmp_path / "last.safetensors").write_bytes(b"x" * 99)
    with pytest.raises(DataError, match="no readable"):
        open_model(tmp_path)


def test_weights_beyond_all_numbers_are_told() -> None:
    net = MelModel(BANDS)
    torch.nn.init.constant_(net.out.weight, 1e38)
    scale = Scale(np.random.default_rng(0).standard_normal((9, BANDS)))
    with pytest.raises(DataError, match="not finite"):
        TrainedMelModel(net, scale).draw(2, np.random.default_rng(0))
