"""Networks of learned motion transfer: keypoints nobody named, the motion around each to first order, and a picture
drawn along it.

A. Siarohin et al., "First Order Motion Model for Image Animation", NeurIPS 2019, in small and for 64 px: around every
keypoint the motion from the driving frame to the source is taken for affine, a network says which of these motions
(or none) each pixel follows and what the source does not show, and a generator draws the source's features, warped so.
Places are (x, y) in [-1, 1], from edge to edge of the picture.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SIDE = 64
_SPREAD = 0.01  # variance of the bump that stands for a keypoint
_SHARP = 10.0  # of the soft maximum: what the heat maps are multiplied by
_LEAST_DET = 1e-2
_SHOWN_AT_FIRST = 2.0  # logit: at the start nearly all is the source, moved, so that motion is learned before drawing


class Keypoints(NamedTuple):
    """``at`` ``(n, k, 2)``; ``axes`` ``(n, k, 2, 2)``: the motion around each from the frame that nobody sees, to
    first order."""

    at: Tensor
    axes: Tensor


class Flow(NamedTuple):
    """``grid`` ``(n, h, w, 2)``: where in the source each pixel comes from. ``shown`` ``(n, 1, h, w)`` in [0, 1]: how
    much of it the source shows."""

    grid: Tensor
    shown: Tensor


class Drawn(NamedTuple):
    """``pixels`` ``(n, 3, s, s)`` in [0, 1], and the flow that they came by, at half that size."""

    pixels: Tensor
    flow: Flow


def _block(into: int, out: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(into, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out), nn.ReLU())


class _Hourglass(nn.Module):
    """Down and up again with shortcuts: ``(n, into, h, w)`` -> ``(n, out, h, w)``."""

    def __init__(self, into: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.first = _block(into, widths[0])
        self.down = nn.ModuleList(_block(a, b, 2) for a, b in pairwise(widths))
        self.up = nn.ModuleList(_block(2 * a if k else a, b) for k, (a, b) in enumerate(pairwise(widths[::-1])))
        self.out = 2 * widths[0]

    def forward(self, x: Tensor) -> Tensor:
        kept = [self.first(x)]
        for layer in self.down:
            kept.append(layer(kept[-1]))
        x = kept.pop()
        for layer in self.up:
            x = layer(F.interpolate(x, scale_factor=2.0))
            x = torch.cat([x, kept.pop()], 1)
        return x


class KeypointDetector(nn.Module):
    """Pictures ``(n, 3, 64, 64)`` in [0, 1] -> :class:`Keypoints`, learned without anybody having named one."""

    def __init__(self, points: int = 10, width: int = 24) -> None:
        super().__init__()
        self.points = points
        self.stem = _block(3, width, 2)
        self.glass = _Hourglass(width, (width, 2 * width, 3 * width, 4 * width))
        self.heat = nn.Conv2d(self.glass.out, points, 3, padding=1)
        self.slope = nn.Conv2d(self.glass.out, 4 * points, 3, padding=1)
        nn.init.zeros_(self.slope.weight)
        if self.slope.bias is not None:
            with torch.no_grad():
                self.slope.bias.copy_(torch.tensor([1.0, 0.0, 0.0, 1.0]).repeat(points))

    def forward(self, pixels: Tensor) -> Keypoints:
        x = self.glass(self.stem(2 * pixels - 1))
        heat = (self.heat(x).float() * _SHARP).flatten(2).softmax(2)  # (n, k, h w)
        places = places_of(*x.shape[-2:], device=x.device).flatten(0, 1)  # (h w, 2)
        slope = self.slope(x).float().reshape(len(x), self.points, 4, -1)  # (n, k, 4, h w)
        axes = (slope * heat[:, :, None]).sum(3).reshape(len(x), self.points, 2, 2)
        return Keypoints(heat @ places, axes)


class DenseMotion(nn.Module):
    """A source and the keypoints of both -> :class:`Flow` at half the size."""

    def __init__(self, points: int = 10, width: int = 32) -> None:
        super().__init__()
        self.glass = _Hourglass(4 * (points + 1), (width, 2 * width, 3 * width))
        self.share = nn.Conv2d(self.glass.out, points + 1, 3, padding=1)
        self.shown = nn.Conv2d(self.glass.out, 1, 3, padding=1)
        if self.shown.bias is not None:
            nn.init.constant_(self.shown.bias, _SHOWN_AT_FIRST)

    def forward(self, source: Tensor, ours: Keypoints, theirs: Keypoints) -> Flow:
        """``ours``: of the source, ``theirs``: of the driving frame."""
        small = F.avg_pool2d(source, 2)
        n, _, height, width = small.shape
        places = places_of(height, width, device=small.device)
        moves = around(places, ours, theirs)  # (n, k, h, w, 2)
        still = places.expand(n, 1, height, width, 2)
        moves = torch.cat([still, moves], 1)
        count = moves.shape[1]
        copies = small[:, None].expand(n, count, 3, height, width).flatten(0, 1)
        warped = warp(copies, moves.flatten(0, 1)).reshape(n, count, 3, height, width)
        bumps = _bumps(places, theirs.at) - _bumps(places, ours.at)  # (n, k, h, w)
        bumps = torch.cat([torch.zeros_like(bumps[:, :1]), bumps], 1)[:, :, None]
        x = self.glass(torch.cat([bumps, warped], 2).flatten(1, 2))
        share = self.share(x).float().softmax(1)
        grid = (share[..., None] * moves).sum(1)
        return Flow(grid, self.shown(x).float().sigmoid())


class MotionGenerator(nn.Module):
    """A source ``(n, 3, s, s)`` in [0, 1] and a flow -> the frame, ``(n, 3, s, s)`` in [0, 1]: what the source shows is
    its own, moved, and the rest is drawn."""

    def __init__(self, width: int = 32, blocks: int = 2) -> None:
        super().__init__()
        self.stem = _block(3, width)
        self.down = _block(width, 2 * width, 2)
        self.blocks = nn.ModuleList(
            nn.Sequential(_block(2 * width, 2 * width), nn.Conv2d(2 * width, 2 * width, 3, padding=1))
            for _ in range(blocks)
        )
        self.up = _block(2 * width, width)
        self.last = nn.Sequential(_block(width + 4, width // 2), nn.Conv2d(width // 2, 3, 5, padding=2))

    def forward(self, source: Tensor, flow: Flow) -> Tensor:
        x = warp(self.down(self.stem(2 * source - 1)), flow.grid) * flow.shown
        for block in self.blocks:
            x = x + block(x)
        x = F.interpolate(self.up(F.relu(x)), scale_factor=2.0)
        fine = enlarged(flow)
        moved = warp(source, fine.grid)
        drawn = self.last(torch.cat([x, moved * fine.shown, fine.shown], 1)).float().sigmoid()
        return cast("Tensor", fine.shown * moved + (1 - fine.shown) * drawn)


class FirstOrderMotion(nn.Module):
    """The three together."""

    def __init__(self, points: int = 10, width: int = 32) -> None:
        super().__init__()
        self.points, self.width = points, width
        self.detector = KeypointDetector(points, 3 * width // 4)
        self.motion = DenseMotion(points, width)
        self.generator = MotionGenerator(width)

    def forward(self, source: Tensor, ours: Keypoints, theirs: Keypoints) -> Drawn:
        flow = self.motion(source, ours, theirs)
        return Drawn(self.generator(source, flow), flow)


def places_of(height: int, width: int, *, device: torch.device | None = None) -> Tensor:
    """``(h, w, 2)``: (x, y) of the middle of every pixel."""
    y, x = ((torch.arange(side, device=device) * 2 + 1) / side - 1 for side in (height, width))
    return torch.stack([x.expand(height, width), y[:, None].expand(height, width)], 2)


def around(places: Tensor, ours: Keypoints, theirs: Keypoints) -> Tensor:
    """Where in the source the driving frame's ``places`` ``(h, w, 2)`` come from, if each keypoint's motion held
    everywhere: ``(n, k, h, w, 2)``."""
    turn = ours.axes @ inverse(theirs.axes)  # (n, k, 2, 2)
    from_there = places - theirs.at[:, :, None, None]
    return torch.einsum("nkab,nkhwb->nkhwa", turn, from_there) + ours.at[:, :, None, None]


def inverse(axes: Tensor) -> Tensor:
    """Of matrices ``(..., 2, 2)``; those that are nearly singular are taken for a little less so."""
    a, b, c, d = axes[..., 0, 0], axes[..., 0, 1], axes[..., 1, 0], axes[..., 1, 1]
    det = a * d - b * c
    det = torch.where(det < 0, det.clamp(max=-_LEAST_DET), det.clamp(min=_LEAST_DET))
    adjugate = torch.stack([torch.stack([d, -b], -1), torch.stack([-c, a], -1)], -2)
    return adjugate / det[..., None, None]


def warp(x: Tensor, grid: Tensor) -> Tensor:
    """``x`` ``(n, c, h, w)`` looked up at ``grid`` ``(n, h', w', 2)``."""
    return F.grid_sample(x.float(), grid.float(), padding_mode="border", align_corners=False)


def enlarged(flow: Flow, factor: float = 2.0) -> Flow:
    """The same flow for pictures ``factor`` times as large."""
    grid = F.interpolate(flow.grid.permute(0, 3, 1, 2), scale_factor=factor, mode="bilinear")
    shown = F.interpolate(flow.shown, scale_factor=factor, mode="bilinear")
    return Flow(grid.permute(0, 2, 3, 1), shown)


def _bumps(places: Tensor, at: Tensor) -> Tensor:
    gap = places - at[:, :, None, None]
    return torch.exp(-(gap**2).sum(4) / (2 * _SPREAD))
