"""What the two players of the game lower. All take critic outputs (n,) or (n, 1), as logits or values, give a scalar.

Saturating and non-saturating: I. Goodfellow et al., NeurIPS 2014. Wasserstein with clipping: M. Arjovsky et al., ICML
2017. Gradient penalty: I. Gulrajani et al., NeurIPS 2017.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus


def critic_logistic(real: Tensor, fake: Tensor) -> Tensor:
    """-V(D, G) = -E log D(x) - E log(1 - D(G(z))), from logits; stable for any size of them."""
    return softplus(-real).mean() + softplus(fake).mean()


def generator_saturating(fake: Tensor) -> Tensor:
    """E log(1 - D(G(z))): the minimax loss. Its gradient at a logit is -D, so it dies where the critic is sure."""
    return -softplus(fake).mean()


def generator_non_saturating(fake: Tensor) -> Tensor:
    """-E log D(G(z)): same fixed point; its gradient at a logit is D - 1, strong where the critic is sure."""
    return softplus(-fake).mean()


def critic_wasserstein(real: Tensor, fake: Tensor) -> Tensor:
    """-(E f(x) - E f(G(z))): minus the critic's gap, which bounds the Earth-Mover distance of a 1-Lipschitz f below."""
    return fake.mean() - real.mean()


def generator_wasserstein(fake: Tensor) -> Tensor:
    """-E f(G(z))."""
    return -fake.mean()


@torch.no_grad()
def clip_weights(critic: nn.Module, bound: float) -> None:
    """Keep every weight in [-bound, bound], after each critic step."""
    for weight in critic.parameters():
        weight.clamp_(-bound, bound)


def gradient_norms(critic: Callable[[Tensor], Tensor], at: Tensor) -> Tensor:
    """Norm of the critic's gradient at each of ``at`` (n, ...): (n,), differentiable in the critic's weights."""
    at = at.detach().requires_grad_(True)
    (slope,) = torch.autograd.grad(critic(at).sum(), at, create_graph=True)
    return cast("Tensor", slope.flatten(1).norm(dim=1))


def between(real: Tensor, fake: Tensor, rng: torch.Generator) -> Tensor:
    """One point on the line between each real and fake of a pair, uniformly."""
    share = torch.rand((len(real),) + (1,) * (real.dim() - 1), generator=rng).to(real.device)
    return (share * real + (1 - share) * fake).detach()


def gradient_penalty(critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, rng: torch.Generator) -> Tensor:
    """E (norm of the gradient between real and fake - 1) squared."""
    return ((gradient_norms(critic, between(real, fake, rng)) - 1) ** 2).mean()


def r1(logits: Tensor, reals: Tensor) -> Tensor:
    """E |gradient of the critic at the reals| squared, from its logits (n,) of ``reals`` that ask for a gradient."""
    (slope,) = torch.autograd.grad(logits.sum(), reals, create_graph=True)
    return slope.flatten(1).square().sum(1).mean()
