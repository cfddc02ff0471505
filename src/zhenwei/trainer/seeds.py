"""Random numbers that are a function of (seed, step, part), so that a resumed run draws what it would have drawn."""

from __future__ import annotations

import torch


def generator_at(seed: int, step: int, part: int = 0) -> torch.Generator:
    """The generator of one part (0 to 63) of one step, on the CPU whatever the device, so that machines agree."""
    return torch.Generator().manual_seed((seed * 1_000_003 + step) * 64 + part)
