"""The game of two plain networks: the first GAN, and WGAN with clipping or with a gradient penalty."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, cast

import torch
from torch import Tensor, nn, optim

from zhenwei.forge.adversarial import Game
from zhenwei.forge.gan import losses
from zhenwei.trainer.loop import take_step

Loss = Literal["saturating", "non-saturating", "wgan-clip", "wgan-gp"]
Draw = Callable[[int, torch.Generator], Tensor]


@dataclass(frozen=True, slots=True)
class GanRules:
    """How a game is played. ``clip``: bound of WGAN's weights; ``penalty``: weight of the gradient penalty."""

    loss: Loss = "non-saturating"
    batch: int = 256
    rate_generator: float = 1e-3
    rate_critic: float = 1e-3
    betas: tuple[float, float] = (0.5, 0.9)
    clip: float = 0.05
    penalty: float = 0.1


def play(
    generator: nn.Module, critic: nn.Module, noise: int, draw: Draw, rules: GanRules, device: torch.device
) -> Game:
    """The game between two networks. ``draw(n, rng)`` gives n real samples; noise is N(0, 1) of ``noise`` numbers.

    WGAN with clipping uses RMSprop, as momentum upset it in M. Arjovsky et al., ICML 2017; the others use Adam."""
    nets = nn.ModuleDict({"generator": generator, "critic": critic}).to(device)
    optimizers = {
        "generator": _optimizer(generator, rules.rate_generator, rules),
        "critic": _optimizer(critic, rules.rate_critic, rules),
    }

    def imagine(rng: torch.Generator) -> Tensor:
        return cast("Tensor", generator(torch.randn(rules.batch, noise, generator=rng).to(device)))

    def critic_step(rng: torch.Generator) -> Mapping[str, Tensor]:
        real = draw(rules.batch, rng).to(device)
        with torch.no_grad():
            fake = imagine(rng)
        loss, told = critic_loss(critic, real, fake, rules, rng)
        take_step(optimizers["critic"], loss)
        if rules.loss == "wgan-clip":
            losses.clip_weights(critic, rules.clip)
        return told

    def generator_step(rng: torch.Generator) -> Mapping[str, Tensor]:
        loss = generator_loss(critic(imagine(rng)), rules.loss)
        take_step(optimizers["generator"], loss)
        return {"generator": loss}

    return Game(nets, optimizers, critic_step, generator_step)


def critic_loss(
    critic: nn.Module, real: Tensor, fake: Tensor, rules: GanRules, rng: torch.Generator
) -> tuple[Tensor, dict[str, Tensor]]:
    """What the critic lowers, and what is told of it: ``critic``, and ``gap`` for the Wasserstein losses."""
    if rules.loss in ("saturating", "non-saturating"):
        loss = losses.critic_logistic(critic(real), critic(fake))
        return loss, {"critic": loss}
    loss = losses.critic_wasserstein(critic(real), critic(fake))
    told = {"gap": -loss}
    if rules.loss == "wgan-gp":
        loss = loss + rules.penalty * losses.gradient_penalty(critic, real, fake, rng)
    return loss, told | {"critic": loss}


def generator_loss(logits: Tensor, loss: Loss) -> Tensor:
    """What the generator lowers."""
    if loss == "saturating":
        return losses.generator_saturating(logits)
    if loss == "non-saturating":
        return losses.generator_non_saturating(logits)
    return losses.generator_wasserstein(logits)


def _optimizer(net: nn.Module, rate: float, rules: GanRules) -> optim.Optimizer:
    if rules.loss == "wgan-clip":
        return optim.RMSprop(net.parameters(), rate)
    return optim.Adam(net.parameters(), rate, betas=rules.betas)
