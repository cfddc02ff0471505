"""Log-mel frames of speech, there and back: what the lab's models of voices hear and say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from zhenwei.errors import DataError
from zhenwei.forge.voice.griffin_lim import griffin_lim, magnitude_of_mel
from zhenwei.signals.speech import FLOOR, mel_filters, stft
from zhenwei.signals.voice import RATE_HZ

Reals = NDArray[np.float64]
BANDS, SIZE, HOP = 40, 512, 160
MIN_FRAMES = 1000  # 10 s
_FLOOR, _ROUNDS = 1e4 * FLOOR, 60


def log_mel(audio: NDArray[np.floating]) -> Reals:
    """``(frames, BANDS)`` natural logarithms of mel energies of sound ``(samples,)`` at 16 kHz, every 10 ms."""
    power = np.abs(stft(audio, SIZE, HOP)) ** 2
    return np.asarray(np.log(power @ mel_filters(BANDS, SIZE, RATE_HZ).T + _FLOOR), np.float64)


def audio_of(frames: Reals, seed: int) -> NDArray[np.float32]:
    """Sound ``(frames * HOP,)`` at 16 kHz, peak 0.5, whose log-mel frames are near ``frames`` ``(n, BANDS)``.

    The phase is found by Griffin & Lim from a random one, the same for the same seed; what lies between the bands,
    above all the pitch, is what they leave of it."""
    mel = np.maximum(np.exp(np.clip(frames, np.log(_FLOOR), 20)) - _FLOOR, 0)
    power = magnitude_of_mel(mel_filters(BANDS, SIZE, RATE_HZ), mel.T + 1e-10)
    rng = np.random.default_rng(seed)
    made = griffin_lim(np.sqrt(power), SIZE, HOP, len(frames) * HOP, _ROUNDS, rng)
    return np.asarray(0.5 * made / max(1e-9, float(np.abs(made).max())), np.float32)


class Scale(nn.Module):
    """Mean and deviation of each band, kept beside a network's weights. ``mean``, ``spread``: (BANDS,) float64."""

    mean: Tensor
    spread: Tensor

    def __init__(self, frames: Reals | None = None) -> None:
        super().__init__()
        told = np.zeros((2, BANDS)) if frames is None else np.stack([frames.mean(axis=0), frames.std(axis=0) + 1e-3])
        self.register_buffer("mean", torch.from_numpy(told[0].copy()))
        self.register_buffer("spread", torch.from_numpy(told[1].copy()))

    def standard(self, frames: Reals) -> Reals:
        return np.asarray((frames - self.mean.numpy()) / self.spread.numpy(), np.float64)

    def natural(self, frames: Reals) -> Reals:
        return np.asarray(frames * self.spread.numpy() + self.mean.numpy(), np.float64)

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over a saved scale. ValueError or RuntimeError where it is none."""
        self.load_state_dict(tensors)
        if not bool((self.spread > 0).all()):
            raise ValueError("a band without deviation")


def check_frames(frames: Reals) -> Reals:
    """``frames``; DataError where a damaged network made what is no number."""
    if not np.isfinite(frames).all():
        raise DataError("what the network says is not finite", fix="The run is damaged: learn it again.")
    return frames


def joined(waveforms: Sequence[NDArray[np.floating]], who: str) -> Reals:
    """Frames of all utterances ``(samples,)`` of ``who``, one after another. DataError for less than 10 s."""
    frames = [log_mel(audio) for audio in waveforms]
    count = sum(map(len, frames))
    if count < MIN_FRAMES:
        raise DataError(f"{who} says too little to learn from", got=f"{count / 100:.1f} s", want="10 s")
    return np.concatenate(frames)
