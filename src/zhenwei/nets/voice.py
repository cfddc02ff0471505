"""The network that converts voices: one encoder for two speakers, a decoder for each."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class VoiceConverter(nn.Module):
    """Log-mel frames ``(batch, bands, frames)`` of either speaker to as many of one of them.

    The autoencoder swap of faces, on speech: the encoder is shared, narrow (``bottleneck`` channels a frame) and
    normalises each channel over time (instance normalisation, as in AdaIN-VC, Chou et al. 2019), so that what stays
    the same through an utterance - the speaker - does not pass; the decoders put it back.
    """

    def __init__(
        self, bands: int, width: int = 64, bottleneck: int = 4, speakers: tuple[str, str] = ("a", "b")
    ) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv1d(bands, width, 5, padding=2),
            nn.LeakyReLU(0.1),
            nn.Conv1d(width, width, 5, padding=2),
            nn.LeakyReLU(0.1),
            nn.Conv1d(width, bottleneck, 1),
            nn.InstanceNorm1d(bottleneck),
        )
        self.decoders = nn.ModuleDict({name: _decoder(bands, width, bottleneck) for name in speakers})

    def forward(self, frames: Tensor, speaker: str) -> Tensor:
        out: Tensor = self.decoders[speaker](self.encoder(frames))
        return out


def _decoder(bands: int, width: int, bottleneck: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv1d(bottleneck, width, 5, padding=2),
        nn.LeakyReLU(0.1),
        nn.Conv1d(width, width, 5, padding=2),
        nn.LeakyReLU(0.1),
        nn.Conv1d(width, bands, 1),
    )


def stretched(frames: Tensor, factors: Tensor) -> Tensor:
    """``frames`` ``(batch, bands, frames)`` with the axis of bands stretched by ``factors`` ``(batch,)``, linearly
    interpolated: another length of the vocal tract (vocal tract length perturbation, Jaitly & Hinton 2013)."""
    bands = frames.shape[1]
    at = (torch.arange(bands, device=frames.device)[None] / factors[:, None]).clamp(0, bands - 1)
    low = at.floor().long().clamp(max=bands - 2)
    share = (at - low)[:, :, None]
    below, above = (frames.gather(1, (low + k)[:, :, None].expand(frames.shape)) for k in (0, 1))
    return below * (1 - share) + above * share
