"""Networks on mel frames: one that converts between two voices, and one that says what comes next."""

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


class MelModel(nn.Module):
    """What each band of each log-mel frame may be, given the frames before and the bands below: a mixture of normals.

    One tier of MelNet (Vasquez & Lewis 2019) in small: a recurrence over frames gives every band its context, and
    causal convolutions over bands add what lies below in the same frame.
    """

    def __init__(self, bands: int, width: int = 96, channels: int = 16, parts: int = 4) -> None:
        super().__init__()
        self.parts, self.channels = parts, channels
        self.over_time = nn.GRU(bands, width, batch_first=True)
        self.context = nn.Linear(width, bands * channels)
        self.over_bands = nn.ModuleList([nn.Conv1d(channels + 1, 32, 5), nn.Conv1d(32, 32, 5), nn.Conv1d(32, 32, 5)])
        self.out = nn.Conv1d(32, 3 * parts, 1)

    def forward(self, frames: Tensor) -> Tensor:
        """``frames`` ``(batch, frames, bands)`` to parameters ``(batch, frames, bands, 3 * parts)``: logits of the
        parts, their means and logarithms of their deviations; those of a band follow from earlier ones alone."""
        before = nn.functional.pad(frames[:, :-1], (0, 0, 1, 0))
        return self.within(self.over_time(before)[0], frames)

    def within(self, told: Tensor, frames: Tensor) -> Tensor:
        """The parameters from the recurrence's ``told`` ``(batch, frames, width)`` and the bands below."""
        batch, count, bands = frames.shape
        context = self.context(told).reshape(batch * count, bands, self.channels).transpose(1, 2)
        below = nn.functional.pad(frames[..., :-1], (1, 0)).reshape(batch * count, 1, bands)
        x = torch.cat([context, below], dim=1)
        for layer in self.over_bands:
            x = torch.relu(layer(nn.functional.pad(x, (4, 0))))
        out: Tensor = self.out(x).transpose(1, 2).reshape(batch, count, bands, 3 * self.parts)
        return out


def mixture_log_density(parameters: Tensor, values: Tensor) -> Tensor:
    """Log densities ``(...)`` of ``values`` ``(...)`` under mixtures of normals ``(..., 3 * parts)``."""
    logits, means, spreads = parameters.chunk(3, dim=-1)
    spreads = spreads.clamp(-4, 4)
    z = (values[..., None] - means) * torch.exp(-spreads)
    each = torch.log_softmax(logits, dim=-1) - 0.5 * z**2 - spreads - 0.918938533  # log sqrt(2 pi)
    return torch.logsumexp(each, dim=-1)
