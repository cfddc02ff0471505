"""Sharpness-aware minimisation: step by the gradient of the worst place near by (Foret et al., ICLR 2021).

Of all weights within ``rho`` of w (Euclidean, all parameters together) the loss is worst, to first order, at
w + rho g / |g|; the gradient taken there, applied at w, leads to minima that are flat.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def worst_near_by(parameters: Iterable[nn.Parameter], rho: float) -> Iterator[None]:
    """Moves ``parameters`` by ``rho`` along their gradients, and back, bit by bit, at the end. Gradients are left."""
    moved = [p for p in parameters if p.grad is not None]
    before = [p.detach().clone() for p in moved]
    with torch.no_grad():
        norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(p.grad) for p in moved]))
        for p in moved:
            p.add_(p.grad * (rho / (norm + 1e-12)))
    try:
        yield
    finally:
        with torch.no_grad():
            for p, old in zip(moved, before, strict=True):
                p.copy_(old)


@contextmanager
def still_norms(net: nn.Module) -> Iterator[None]:
    """Running statistics do not follow what is computed meanwhile: that is of their neighbours, not of the weights."""
    norms = [m for m in net.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    momenta = [m.momentum for m in norms]
    for m in norms:
        m.momentum = 0.0
    try:
        yield
    finally:
        for m, momentum in zip(norms, momenta, strict=True):
            m.momentum = momentum
