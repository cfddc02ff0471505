"""Arithmetic in 16 bits, where it is quicker."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch


def reduced_precision(device: torch.device) -> AbstractContextManager[object]:
    """bfloat16 where the hardware has it: any recent GPU, CPUs with AMX or AVX512-BF16."""
    if device.type == "cpu" and not torch.cpu._is_avx512_bf16_supported():
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16)
