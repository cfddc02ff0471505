"""Sixteen bits where the hardware has them, and nowhere else."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import torch
from torch import nn

import zhenwei
from zhenwei.trainer import precision

CPU = torch.device("cpu")


@pytest.mark.parametrize(("has", "wanted"), [(True, torch.bfloat16), (False, torch.float32)])
def test_a_processor_without_units_for_it_computes_in_32_bits(
    monkeypatch: pytest.MonkeyPatch, has: bool, wanted: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: has)
    assert precision.quickest_type(CPU) is wanted
    with precision.reduced_precision(CPU):
        assert nn.Linear(4, 4)(torch.ones(1, 4)).dtype is wanted


def test_nobody_asks_for_sixteen_bits_past_that_question() -> None:
    """Where they are imitated they cost ten times what they were to save."""
    root = Path(zhenwei.__file__).parent
    asked = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in ("bfloat16", "autocast")
    }
    # The second turns it off for a layer that does not gain.
    assert asked == {"trainer/precision.py", "nets/efficientnet_lite.py"}
