"""Faces of 32 or 64 px out of noise: DCGAN, and WGAN with a gradient penalty on the same convolutions.

A. Radford et al., "Unsupervised Representation Learning with DCGANs", ICLR 2016; I. Gulrajani et al., "Improved
Training of Wasserstein GANs", NeurIPS 2017. The critic of the latter has no batch norm, as the penalty is of each
sample alone. Both start from N(0, 0.02).
"""

from __future__ import annotations

import torch

from zhenwei.forge.adversarial import Game
from zhenwei.forge.gan.faces import TrainingFaces, mirrored
from zhenwei.forge.gan.gan import GanRules, play
from zhenwei.forge.gan.gan_settings import GanSettings
from zhenwei.nets.gan import DcganCritic, DcganGenerator


def game_of(settings: GanSettings, faces: TrainingFaces, device: torch.device) -> Game:
    """The game over ``faces``; its first weights are those of torch's rng."""
    generator = DcganGenerator(settings.side, settings.width, settings.noise)
    critic = DcganCritic(settings.side, settings.width, normed=settings.kind == "dcgan")
    for net in (generator, critic):
        net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # a third to a half less time on CPUs
    rules = GanRules("non-saturating", settings.batch, 2e-4, 2e-4, (0.5, 0.999))  # each paper's own rates
    if settings.kind == "wgan-gp":
        rules = GanRules("wgan-gp", settings.batch, 2e-4, 2e-4, (0.0, 0.9), penalty=10.0)
    return play(generator, critic, settings.noise, mirrored(faces), rules, device)
