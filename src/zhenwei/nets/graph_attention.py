"""The network of ``speech.graph_attention``: from the wave to a score by graph attention over bands and moments.

After AASIST (Jung, Heo, Tak, Shim, Chung, Lee, Yu & Evans, ICASSP 2022), made small: a bank of fixed sinc filters,
residual blocks over the picture of their energies, one graph of bands and one of moments, both in a heterogeneous graph
with a node that listens to all, twice in parallel, the larger answer taken. Departures: energies are logarithmic and
without their mean over time (a microphone's colour falls out), and a node is told how far its features spread, not only
their mean.
"""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

RATE_HZ = 16_000
SAMPLES = 40_000  # 2.5 s
BANDS, FRAMES = 64, 240
_TAPS, _STRIDE, _POOLED = 401, 40, 4
_RANGE_HZ = (40.0, 7900.0)
_FLOOR = 1e-7
_WIDTHS = (16, 24, 40)
_NODE = 48
STATISTICS = 150
_KEPT = 0.6  # of the nodes, at each pooling
_TEMPERATURE = 3.0


class GraphAttentionOutput(NamedTuple):
    """``score`` ``(n,)``: log odds that the voice is synthetic. ``statistics`` ``(n, 150)``: a guess at the numbers of
    ``zhenwei.signals.voice.variability``, standardised; a second task, so that what is learned from few sources is
    not their sound alone."""

    score: Tensor
    statistics: Tensor


class SincBank(nn.Module):
    """``(n, samples)`` -> ``(n, 64, frames)``: log energies of 64 bands on the mel scale every 10 ms. Nothing is
    learned here, as in AASIST."""

    filters: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("filters", sinc_filters(), persistent=False)

    def forward(self, wave: Tensor) -> Tensor:
        bands = functional.conv1d(wave[:, None], self.filters, stride=_STRIDE)  # (n, 64, moments of 2.5 ms)
        return torch.log(functional.avg_pool1d(bands * bands, _POOLED) + _FLOOR)


def sinc_filters() -> Tensor:
    """``(64, 1, 401)``: differences of windowed low passes whose edges lie evenly on the mel scale, of unit energy."""
    low, high = (2595 * math.log10(1 + f / 700) for f in _RANGE_HZ)
    edges = 700 * (10 ** (torch.linspace(low, high, BANDS + 1, dtype=torch.float64) / 2595) - 1) / RATE_HZ
    at = torch.arange(_TAPS, dtype=torch.float64) - _TAPS // 2
    passes = 2 * edges[:, None] * torch.sinc(2 * edges[:, None] * at)
    bands = (passes[1:] - passes[:-1]) * torch.hamming_window(_TAPS, periodic=False, dtype=torch.float64)
    return (bands / bands.square().sum(1, keepdim=True).sqrt()).float()[:, None]


class _Residual(nn.Module):
    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.BatchNorm2d(before), nn.SELU(), nn.Conv2d(before, after, 3, padding=1))
        self.second = nn.Sequential(nn.BatchNorm2d(after), nn.SELU(), nn.Conv2d(after, after, 3, padding=1))
        self.straight = nn.Conv2d(before, after, 1)

    def forward(self, x: Tensor) -> Tensor:
        return functional.max_pool2d(self.second(self.first(x)) + self.straight(x), 2)  # half as many bands and frames


class _Attention(nn.Module):
    """Graph attention by products of pairs: every node hears every other. ``kinds`` weights for pairs of one kind."""

    def __init__(self, width: int, kinds: int) -> None:
        super().__init__()
        self.pair = nn.Linear(width, width)
        self.weigh = nn.Parameter(torch.randn(kinds, width) / math.sqrt(width))
        self.heard, self.own = nn.Linear(width, width), nn.Linear(width, width)
        self.norm = nn.BatchNorm1d(width)

    def forward(self, nodes: Tensor, kind: Tensor) -> Tensor:
        """``nodes`` ``(n, m, width)``, ``kind`` ``(m, m, kinds)`` one-hot."""
        pairs = torch.tanh(self.pair(nodes[:, :, None] * nodes[:, None]))  # (n, m, m, width)
        each = pairs @ self.weigh.T  # (n, m, m, kinds)
        share = torch.softmax((each * kind).sum(-1) / _TEMPERATURE, -1)  # (n, m, m)
        out = self.heard(share @ nodes) + self.own(nodes)
        return functional.selu(self.norm(out.transpose(1, 2)).transpose(1, 2))


class _Pool(nn.Module):
    """Keeps the nodes that a learned score puts first, each scaled by it (Gao & Ji, Graph U-Nets, ICML 2019)."""

    def __init__(self, width: int, count: int) -> None:
        super().__init__()
        self.score = nn.Linear(width, 1)
        self.count = count

    def forward(self, nodes: Tensor) -> Tensor:
        score = torch.sigmoid(self.score(nodes))  # (n, m, 1)
        best = torch.topk(score[..., 0], self.count, dim=1).indices  # (n, count)
        index = best[..., None].expand(-1, -1, nodes.shape[-1])
        return torch.gather(nodes * score, 1, index)


class _Branch(nn.Module):
    """Bands and moments in one graph with a node that listens to all, pooled, and once more."""

    def __init__(self, bands: int, moments: int) -> None:
        super().__init__()
        fewer = (max(2, int(bands * _KEPT)), max(2, int(moments * _KEPT)))
        self.master = nn.Parameter(torch.randn(1, 1, _NODE) * 0.1)
        self.first, self.second = _Attention(_NODE, 4), _Attention(_NODE, 4)
        self.of_bands, self.of_moments = _Pool(_NODE, fewer[0]), _Pool(_NODE, fewer[1])
        self.register_buffer("kinds", _kinds(bands, moments), persistent=False)
        self.register_buffer("fewer_kinds", _kinds(*fewer), persistent=False)
        self.bands, self.fewer = bands, fewer[0]

    kinds: Tensor
    fewer_kinds: Tensor

    def forward(self, bands: Tensor, moments: Tensor) -> Tensor:
        """-> ``(n, 5 * width)``: largest and mean of either kind, and the listener."""
        listener = self.master + torch.zeros_like(bands[:, :1])  # one each, however many there are
        nodes = self.first(torch.cat([listener, bands, moments], 1), self.kinds)
        kept = [self.of_bands(nodes[:, 1 : 1 + self.bands]), self.of_moments(nodes[:, 1 + self.bands :])]
        nodes = self.second(torch.cat([nodes[:, :1], *kept], 1), self.fewer_kinds)
        b, t = nodes[:, 1 : 1 + self.fewer], nodes[:, 1 + self.fewer :]
        return torch.cat([b.amax(1), b.mean(1), t.amax(1), t.mean(1), nodes[:, 0]], 1)


def _kinds(bands: int, moments: int) -> Tensor:
    """``(m, m, 4)`` one-hot: pairs of bands, of moments, of one of each, and with the listener."""
    kind = torch.cat([torch.zeros(1), torch.ones(bands), torch.full((moments,), 2.0)]).long()
    pair = torch.full((len(kind), len(kind)), 3)
    both = (kind[:, None] > 0) & (kind[None] > 0)
    pair[both] = 2
    pair[both & (kind[:, None] == kind[None])] = (kind[:, None].expand_as(pair) - 1)[
        both & (kind[:, None] == kind[None])
    ]
    return functional.one_hot(pair, 4).float()


class GraphAttentionNet(nn.Module):
    """``(n, 40000)`` float32 mono at 16 kHz to :class:`GraphAttentionOutput`; about 0.1 million weights."""

    def __init__(self) -> None:
        super().__init__()
        self.bank = SincBank()
        self.stem = nn.Conv2d(3, _WIDTHS[0], 5, stride=2, padding=2)
        self.blocks = nn.Sequential(*(_Residual(a, b) for a, b in itertools.pairwise(_WIDTHS)))
        shrunk = 2 ** len(_WIDTHS)
        bands, moments = BANDS // shrunk, FRAMES // shrunk
        self.of_bands, self.of_moments = nn.Linear(2 * _WIDTHS[-1], _NODE), nn.Linear(2 * _WIDTHS[-1], _NODE)
        self.places = nn.Parameter(torch.randn(1, bands, _NODE) * 0.1)
        self.branches = nn.ModuleList([_Branch(bands, moments) for _ in range(2)])
        self.drop = nn.Dropout(0.4)
        self.answer = nn.Linear(5 * _NODE, 1)
        self.statistics = nn.Linear(5 * _NODE, STATISTICS)

    def forward(self, wave: Tensor) -> GraphAttentionOutput:
        return self.of_levels(self.bank(wave)[..., :FRAMES])

    def of_levels(self, levels: Tensor) -> GraphAttentionOutput:
        """Of 240 frames of :class:`SincBank`: they need not be computed anew at every step of a training."""
        x = self.blocks(self.stem(_movements(levels)))  # (n, 3, 64, 240) -> (n, 40, bands, moments)
        bands, moments = _spread(x, 3), _spread(x, 2)  # (n, bands, 80), (n, moments, 80)
        bands, moments = self.of_bands(bands) + self.places, self.of_moments(moments)
        both = torch.stack([branch(bands, moments) for branch in self.branches]).amax(0)  # (n, 240)
        return GraphAttentionOutput(self.answer(self.drop(both))[:, 0], self.statistics(both))


def _movements(levels: Tensor) -> Tensor:
    """``(n, 3, bands, frames)``: levels less their mean over time, their slopes and curvatures over five frames, of
    about unit size."""
    first, last = levels[..., :1], levels[..., -1:]
    ends = torch.cat([first, first, levels, last, last], -1)
    slope = (2 * (ends[..., 4:] - ends[..., :-4]) + ends[..., 3:-1] - ends[..., 1:-3]) / 10
    curve = (2 * (ends[..., 4:] + ends[..., :-4]) - ends[..., 3:-1] - ends[..., 1:-3] - 2 * levels) / 7
    return torch.stack([(levels - levels.mean(2, keepdim=True)) / 3.0, slope / 0.8, curve / 0.7], 1)


def _spread(x: Tensor, over: int) -> Tensor:
    """``(n, c, bands, moments)`` -> ``(n, nodes, 2 c)``: mean and deviation over the other axis."""
    mean = x.mean(over)
    deviation = 0.5 * torch.log((x - x.mean(over, keepdim=True)).square().mean(over) + 1e-3)
    return torch.cat([mean, deviation], 1).transpose(1, 2)
