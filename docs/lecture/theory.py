"""The theory of the game as functions: what an optimal critic is, and what it is worth.

V(D, G) = E_p log D + E_q log(1 - D); its maximum is at D* = p / (p + q), and there V = -2 log 2 + 2 JSD(p, q).
I. Goodfellow et al., "Generative Adversarial Nets", NeurIPS 2014, propositions 1 and 2. Natural logarithms throughout.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn, optim

from zhenwei.forge.adversarial import Game
from zhenwei.forge.gan.gan import Draw, GanRules, play
from zhenwei.forge.gan.losses import clip_weights, critic_logistic, critic_wasserstein
from zhenwei.trainer.loop import take_step, train
from zhenwei.trainer.run import Schedule, Task, Turn

RING_SIGMA = 0.02

Doubles = NDArray[np.float64]


def normal_density(x: Doubles, mean: float) -> Doubles:
    """Density of N(mean, 1)."""
    return np.asarray(np.exp(-((x - mean) ** 2) / 2) / math.sqrt(2 * math.pi))


def optimal_critic(p: Doubles, q: Doubles) -> Doubles:
    """D* = p / (p + q), one half where both are 0."""
    whole = p + q
    return np.asarray(np.where(whole > 0, p / np.where(whole > 0, whole, 1.0), 0.5))


def jensen_shannon(p: Doubles, q: Doubles, step: float) -> float:
    """JSD of two densities on a grid of width ``step``, in nats: 0 to log 2."""
    middle = (p + q) / 2
    return float(step * (_relative(p, middle) + _relative(q, middle)) / 2)


def best_value(divergence: float) -> float:
    """V(D*, G) for a JSD of ``divergence``."""
    return -2 * math.log(2) + 2 * divergence


def train_critic(mean: float, *, steps: int, seed: int, batch: int = 512, width: int = 64) -> nn.Sequential:
    """A perceptron that learned to tell N(0, 1) (real) from N(mean, 1): (n, 1) -> logits (n, 1).

    The learning rate falls to 0 along a cosine, so that the last steps average over their noise."""
    generator = torch.Generator().manual_seed(seed)
    critic = _seeded(seed, width, 2)
    optimizer = optim.Adam(critic.parameters(), 2e-3)
    scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)

    def step(_: Turn) -> dict[str, Tensor]:
        real = torch.randn(batch, 1, generator=generator)
        fake = torch.randn(batch, 1, generator=generator) + mean
        loss = critic_logistic(critic(real), critic(fake))
        take_step(optimizer, loss)
        scheduler.step()
        return {"critic": loss}

    train(Task(nn.ModuleDict({"critic": critic}), {"critic": optimizer}, step), Schedule(steps))
    return critic


@torch.no_grad()
def value_on_grid(critic: nn.Module, mean: float, reach: float = 9.0, points: int = 6001) -> float:
    """V(D, G) of a critic for N(0, 1) against N(mean, 1), by quadrature: no sampling noise, so never above V(D*, G)."""
    x = np.linspace(-reach, reach + mean, points)
    logit = critic(torch.from_numpy(x).float()[:, None]).double().numpy().ravel()
    p, q = normal_density(x, 0.0), normal_density(x, mean)
    return float((x[1] - x[0]) * -(p * np.logaddexp(0, -logit) + q * np.logaddexp(0, logit)).sum())


def ring(n: int, generator: torch.Generator, modes: int = 8, radius: float = 1.0, sigma: float = RING_SIGMA) -> Tensor:
    """(n, 2) samples of ``modes`` round Gaussians on a circle, all equally likely."""
    which = torch.randint(modes, (n,), generator=generator)
    return torch.from_numpy(ring_centres(modes, radius)).float()[which] + sigma * torch.randn(n, 2, generator=generator)


def ring_centres(modes: int = 8, radius: float = 1.0) -> Doubles:
    """(modes, 2) centres of ``ring``."""
    angle = np.arange(modes) * 2 * np.pi / modes
    return np.asarray(radius * np.stack([np.cos(angle), np.sin(angle)], 1))


def point_mass_gap(distance: float, *, steps: int, seed: int, bound: float = 0.1, width: int = 16) -> float:
    """Gap f(0) - f(distance) of a critic with clipped weights between two point masses, ``distance`` in (0, 0.8].

    Their JSD is log 2 at every distance but 0, so the first game's value says nothing of how far they are apart, while
    this gap is K times the distance (M. Arjovsky et al., ICML 2017, example 1). The critic has one hidden ReLU layer;
    its best gap is width * bound**2 * distance. Well below distance 1 no kink need lie between the points, and
    with biases that start at the bound none starts dead, so that the optimum is reached."""
    critic = _seeded(seed, width, 1)
    for layer in critic:
        if isinstance(layer, nn.Linear):
            nn.init.constant_(layer.bias, bound)
    clip_weights(critic, bound)
    optimizer = optim.RMSprop(critic.parameters(), 5e-3)
    real, fake = torch.zeros(1, 1), torch.full((1, 1), distance)

    def step(_: Turn) -> dict[str, Tensor]:
        loss = critic_wasserstein(critic(real), critic(fake))
        take_step(optimizer, loss)
        clip_weights(critic, bound)
        return {"critic": loss}

    train(Task(nn.ModuleDict({"critic": critic}), {"critic": optimizer}, step), Schedule(steps))
    with torch.no_grad():
        return float(critic(real) - critic(fake))


def perceptron(into: int, out: int, width: int = 128, depth: int = 3) -> nn.Sequential:
    """``depth`` hidden ReLU layers of ``width``: (n, into) -> (n, out). Generator or critic of toy data."""
    layers: list[nn.Module] = []
    for k in range(depth):
        layers += [nn.Linear(into if k == 0 else width, width), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(width if depth else into, out))


def toy(draw: Draw, rules: GanRules, *, seed: int, noise: int = 2, width: int = 128, depth: int = 3) -> Game:
    """A game of perceptrons over points of the plane, on the CPU, the same for the same seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        generator, critic = perceptron(noise, 2, width, depth), perceptron(2, 1, width, depth)
    return play(generator, critic, noise, draw, rules, torch.device("cpu"))


def _seeded(seed: int, width: int, depth: int) -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return perceptron(1, 1, width, depth)


def _relative(p: Doubles, q: Doubles) -> float:
    some = p > 0
    return float((p[some] * np.log(p[some] / q[some])).sum())
