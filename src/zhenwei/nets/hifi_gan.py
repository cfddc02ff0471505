"""The generator of HiFi-GAN (Kong, Kim & Bae, HiFi-GAN: generative adversarial networks for efficient and high fidelity
speech synthesis, NeurIPS 2020), version 1: mel bands to a waveform. To run it; nothing here trains it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

MELS, HOP = 80, 256
_WIDTH = 512
_RATES, _KERNELS = (8, 8, 2, 2), (16, 16, 4, 4)
_RESIDUAL_KERNELS, _DILATIONS = (3, 7, 11), (1, 3, 5)
_SLOPE = 0.1


class ResidualUnit(nn.Module):
    """Three pairs of dilated and plain convolutions, each beside a short cut."""

    def __init__(self, width: int, kernel: int) -> None:
        super().__init__()
        self.convs1, self.convs2 = nn.ModuleList(), nn.ModuleList()
        for dilation in _DILATIONS:
            self.convs1.append(nn.Conv1d(width, width, kernel, padding="same", dilation=dilation))
            self.convs2.append(nn.Conv1d(width, width, kernel, padding="same"))

    def forward(self, x: Tensor) -> Tensor:
        for dilated, plain in zip(self.convs1, self.convs2, strict=True):
            x = x + plain(functional.leaky_relu(dilated(functional.leaky_relu(x, _SLOPE)), _SLOPE))
        return x


class HifiGanGenerator(nn.Module):
    """Log mel bands ``(n, 80, frames)`` to sound ``(n, 256 frames)`` within -1 and 1."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_pre = nn.Conv1d(MELS, _WIDTH, 7, padding=3)
        self.ups, self.resblocks = nn.ModuleList(), nn.ModuleList()
        width = _WIDTH
        for rate, kernel in zip(_RATES, _KERNELS, strict=True):
            self.ups.append(nn.ConvTranspose1d(width, width // 2, kernel, rate, (kernel - rate) // 2))
            width //= 2
            for size in _RESIDUAL_KERNELS:
                self.resblocks.append(ResidualUnit(width, size))
        self.conv_post = nn.Conv1d(width, 1, 7, padding=3)

    def forward(self, mel: Tensor) -> Tensor:
        x = self.conv_pre(mel)
        several = len(_RESIDUAL_KERNELS)
        for stage, up in enumerate(self.ups):
            x = up(functional.leaky_relu(x, _SLOPE))
            heard = [unit(x) for unit in self.resblocks[several * stage : several * (stage + 1)]]
            x = torch.stack(heard).mean(0)
        return torch.tanh(self.conv_post(functional.leaky_relu(x)))[:, 0]


def without_weight_norm(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights that a state with weight normalisation (``weight_g``, ``weight_v``) stands for: ``g v / |v|``, the
    norm over all but the first axis."""
    plain = {}
    for name, value in state.items():
        stem, _, part = name.rpartition(".")
        if part == "weight_v":
            norm = value.flatten(1).norm(dim=1)[:, None, None]
            plain[f"{stem}.weight"] = state[f"{stem}.weight_g"] * value / norm
        elif part != "weight_g":
            plain[name] = value
    return plain
