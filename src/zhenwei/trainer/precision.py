"""Arithmetic in 16 bits, where it is quicker."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch


def quickest_type(device: torch.device) -> torch.dtype:
    """bfloat16 where the hardware has it: any recent GPU, CPUs with AMX or AVX512-BF16. Elsewhere float32, since a CPU
    without such units imitates them: convolutions take nine times as long as in float32, matrices twenty times."""
    if device.type == "cpu" and not torch.cpu._is_avx512_bf16_supported():
        return torch.float32
    return torch.bfloat16


def reduced_precision(device: torch.device) -> AbstractContextManager[object]:
    """What is computed within is computed in :func:`quickest_type`; weights stay as they are."""
    found = quickest_type(device)
    return nullcontext() if found is torch.float32 else torch.autocast(device.type, found)
