"""Running averages of weights (EMA): what is kept of a network beside the network itself."""

from __future__ import annotations

import torch
from torch import nn


@torch.no_grad()
def follow(average: nn.Module, net: nn.Module, decay: float, *, buffers: bool = True) -> None:
    """Move ``average`` towards ``net`` by ``1 - decay``, in place.

    ``buffers``: floating-point buffers (statistics of norms) are averaged like weights, otherwise copied. Integer
    buffers are always copied.
    """
    followed = [average.parameters(), *([average.buffers()] if buffers else [])]
    is_followed = {id(value) for values in followed for value in values if value.is_floating_point()}
    ours: list[torch.Tensor] = []
    theirs: list[torch.Tensor] = []
    for kept, now in zip(average.state_dict(keep_vars=True).values(), net.state_dict().values(), strict=True):
        if id(kept) in is_followed:
            ours.append(kept)
            theirs.append(now)
        else:
            kept.copy_(now)
    # All of them at once: on a GPU three hundred small launches would take longer than the work.
    torch._foreach_lerp_(ours, theirs, 1 - decay)


def ema_warmup(decay: float, made: int) -> float:
    """``decay`` after ``made`` steps, less at the beginning so that the first weights are soon forgotten."""
    return min(decay, (1 + made) / (10 + made))
