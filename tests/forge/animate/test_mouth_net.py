"""The LSTM for mouths, on sound whose mouth is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from zhenwei.errors import DataError
from zhenwei.forge.animate.mouth_net import MouthSettings, Spoken, foretell, learn
from zhenwei.signals.lips import BANDS, CONTEXT_S


def made(seed: int, count: int = 400) -> Spoken:
    """The mouth opens as one band sounds, and a tenth of a second before it."""
    rng = np.random.default_rng(seed)
    band = np.convolve(rng.standard_normal(count + 40), np.hanning(9), "same")
    band /= band.std()
    windows = np.zeros((count, len(CONTEXT_S), BANDS))
    windows[:, len(CONTEXT_S) // 2, 5] = band[20 : 20 + count]
    opening = band[25 : 25 + count]
    return Spoken(windows.reshape(count, -1), np.stack([opening, -opening], axis=1))


def test_a_mouth_is_learned_and_foretold_for_sound_it_never_heard(tmp_path: Path) -> None:
    net = learn([made(k) for k in range(4)], tmp_path, MouthSettings(steps=150, hidden=24, noise=0.05))
    unseen = made(99)
    said = foretell(net)(unseen.windows)
    assert said.shape == (400, 2)
    assert np.corrcoef(said[20:380, 0], unseen.moved[20:380, 0])[0, 1] > 0.8
    assert np.corrcoef(said[20:380, 1], unseen.moved[20:380, 1])[0, 1] > 0.8
    shifted = np.roll(unseen.moved[:, 0], 50)
    assert abs(np.corrcoef(said[60:380, 0], shifted[60:380])[0, 1]) < 0.4
    assert foretell(net)(np.zeros((0, 220))).shape == (0, 2)


def test_a_run_goes_on_and_ends_where_it_would_have(tmp_path: Path) -> None:
    clips = [made(k) for k in range(2)]
    whole = learn(clips, tmp_path / "whole", MouthSettings(steps=12, hidden=8))
    again = learn(clips, tmp_path / "whole", MouthSettings(steps=12, hidden=8))
    windows = made(5).windows
    assert np.allclose(foretell(whole)(windows), foretell(again)(windows))


def test_clips_that_are_too_short_are_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="long enough"):
        learn([made(0, 50)], tmp_path)
