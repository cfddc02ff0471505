"""One step of learning: batches of both people, warped and not, the losses, and what a trained network draws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from zhenwei.errors import DataError, UsageError
from zhenwei.forge.swap.checkpoint import SwapState
from zhenwei.forge.swap.sides import SwapFaces
from zhenwei.forge.swap.swap_settings import SwapSettings
from zhenwei.forge.swap.warp import Moves, move, warp
from zhenwei.nets.swap import Decoded, Side, SwapNet, ssim
from zhenwei.types import Floats, Pixels

_MOVES = Moves()
_MASK_WEIGHT = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class SwapBatch:
    """``seen``, ``target`` ``(n, 3, s, s)``, ``mask`` ``(n, 1, s, s)``, float32 in [0, 1]."""

    seen: Tensor
    target: Tensor
    mask: Tensor


@dataclass(frozen=True, slots=True)
class Losses:
    """Of each side's reconstruction; of the adversarial part and the discriminators, 0 where there are none."""

    a: float
    b: float
    fooling: float = 0.0
    critic: float = 0.0


def draw_batch(faces: SwapFaces, settings: SwapSettings, rng: np.random.Generator, device: torch.device) -> SwapBatch:
    """``settings.batch`` faces, moved, and seen through the warp; all that is drawn comes from ``rng``."""
    seen, target, masks = [], [], []
    for k in rng.integers(0, len(faces), settings.batch):
        pixels, mask = move(faces.pixels[k], faces.masks[k], _MOVES, rng)
        seen.append(warp(pixels, rng) if settings.warped else pixels)
        target.append(pixels)
        masks.append(mask)
    mask_ = torch.from_numpy(np.stack([m for m in masks if m is not None])[:, None]).to(device)
    return SwapBatch(to_tensor(np.stack(seen), device), to_tensor(np.stack(target), device), mask_)


def batches(
    a: SwapFaces, b: SwapFaces, settings: SwapSettings, step: int, device: torch.device
) -> tuple[SwapBatch, SwapBatch]:
    """Those of a step follow from seed and number alone, so that a run that goes on sees what it would have seen."""
    one, two = (np.random.default_rng((settings.seed, step, side)) for side in range(2))
    return draw_batch(a, settings, one, device), draw_batch(b, settings, two, device)


def learn(state: SwapState, pair: tuple[SwapBatch, SwapBatch], settings: SwapSettings) -> Losses:
    """One step, in place. Raises DataError before anything is changed, if a loss or gradient is not finite."""
    fooling_on = state.critics is not None and state.step >= settings.adversarial_from * settings.steps
    whole: list[Tensor] = []
    told: list[Tensor] = []
    for batch, drawn in zip(pair, state.net.each(*(batch.seen for batch in pair)), strict=True):
        whole.append(composed(drawn, batch.seen, settings))
        told.append(reconstruction(drawn, whole[-1], batch, settings))
    total, fooling = told[0] + told[1], torch.zeros(())
    if fooling_on and state.critics is not None:
        fooling = torch.zeros((), device=total.device)
        for critic, made, batch in zip(state.critics, whole, pair, strict=True):
            fooling = fooling + ((critic(torch.cat([made, batch.seen], 1)) - 1) ** 2).mean()
        total = total + settings.adversarial * fooling
    optimizer = state.optimizers["net"]
    optimizer.zero_grad(set_to_none=True)
    total.backward()  # type: ignore[no-untyped-call]
    _check(total, state.net, state.step)
    critic_loss = _teach_critics(state, whole, pair) if fooling_on else 0.0
    optimizer.step()
    state.step += 1
    return Losses(float(told[0].detach()), float(told[1].detach()), float(fooling.detach()), critic_loss)


def composed(drawn: Decoded, seen: Tensor, settings: SwapSettings) -> Tensor:
    """What the loss looks at: the colour, or for adversarial networks its mixture with what was seen."""
    if settings.adversarial and drawn.mask is not None:
        return drawn.mask * drawn.colour + (1 - drawn.mask) * seen
    return drawn.colour


def reconstruction(drawn: Decoded, whole: Tensor, batch: SwapBatch, settings: SwapSettings) -> Tensor:
    """L1, or 1 - SSIM + MSE; with masks also how far the mask drawn is from the face's (squares)."""

    def gap(made: Tensor) -> Tensor:
        if settings.loss == "l1":
            return functional.l1_loss(made, batch.target)
        return 1 - ssim(made, batch.target).mean() + functional.mse_loss(made, batch.target)

    found = gap(drawn.colour)
    if drawn.mask is not None:
        found = found + _MASK_WEIGHT * functional.mse_loss(drawn.mask, batch.mask)
        if settings.adversarial:
            found = (found + gap(whole)) / 2  # on both: an alpha of nought would be a way out
    return found


def swap_faces(net: SwapNet, faces: Pixels, side: Side, device: torch.device) -> tuple[Pixels, Floats | None]:
    """``(n, s, s, 3)`` uint8 faces as the decoder of ``side`` draws them, and the masks it draws ``(n, s, s)``."""
    size = net.encoder.coarse * 16
    if faces.ndim != 4 or faces.shape[1:] != (size, size, 3):
        raise UsageError("faces do not fit the network", got=str(faces.shape), want=f"(n, {size}, {size}, 3)")
    colours, masks = [], []
    with torch.inference_mode():
        for start in range(0, len(faces), 64):
            drawn = net(to_tensor(faces[start : start + 64], device), side)
            colours.append((drawn.colour * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy())
            if drawn.mask is not None:
                masks.append(drawn.mask[:, 0].float().cpu().numpy())
    return np.concatenate(colours), np.concatenate(masks) if masks else None


def to_tensor(faces: Pixels, device: torch.device) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(faces.transpose(0, 3, 1, 2))).to(device).float() / 255


def _teach_critics(state: SwapState, whole: list[Tensor], pair: tuple[SwapBatch, SwapBatch]) -> float:
    """Least squares: 1 for the face beside its warped self, 0 for what was drawn."""
    if state.critics is None:
        return 0.0
    loss = torch.zeros((), device=whole[0].device)
    for critic, made, batch in zip(state.critics, whole, pair, strict=True):
        real = critic(torch.cat([batch.target, batch.seen], 1))
        fake = critic(torch.cat([made.detach(), batch.seen], 1))
        loss = loss + (((real - 1) ** 2).mean() + (fake**2).mean()) / 2
    optimizer = state.optimizers["critics"]
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    _check(loss, state.critics, state.step)
    optimizer.step()
    return float(loss.detach())


def _check(loss: Tensor, net: torch.nn.Module, step: int) -> None:
    gradients = [p.grad for p in net.parameters() if p.grad is not None]
    if not bool(torch.isfinite(loss)) or not all(bool(torch.isfinite(g).all()) for g in gradients):
        fix = "The last checkpoint is clean: lower --rate and go on from it."
        raise DataError("the loss is no longer finite", got=f"loss {float(loss.detach())} at step {step}", fix=fix)
