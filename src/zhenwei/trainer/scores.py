"""What a network answers about pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from zhenwei.trainer.supervised import to_input
from zhenwei.types import Floats, Pixels


@torch.no_grad()
def scores(
    net: nn.Module, pixels: Sequence[Pixels], device: torch.device, batch: int = 64, *, mirrored: bool = False
) -> Floats:
    """Scores ``(n,)`` of ``(size, size, 3)`` uint8 pictures, in float32: what the exported network must reproduce.

    ``mirrored``: the mean with the left-right mirrored picture, as detectors take it.
    """
    net.eval()
    out: list[Tensor] = []
    for i in range(0, len(pixels), batch):
        x = to_input(np.stack(pixels[i : i + batch]), device).contiguous(memory_format=torch.channels_last)
        score = net(x).score
        out.append((score + net(x.flip(3)).score) / 2 if mirrored else score)
    return np.asarray(torch.cat(out).float().cpu().numpy(), np.float32)
