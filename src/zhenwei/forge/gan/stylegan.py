"""StyleGAN's game over small faces: styles mixed, noise by pixel, R1, and augmentation for few pictures.

T. Karras et al., CVPR 2019 and 2020 (see :mod:`zhenwei.nets.stylegan`); the penalty is of L. Mescheder et al., "Which
Training Methods for GANs do actually Converge?", ICML 2018, paid every 16th step at 16 times the weight.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn, optim

from zhenwei.forge.adversarial import Game
from zhenwei.forge.gan import losses
from zhenwei.forge.gan.augment import Adaptive, augment
from zhenwei.forge.gan.faces import TrainingFaces, mirrored
from zhenwei.forge.gan.gan_settings import GanSettings
from zhenwei.nets.stylegan import StyleCritic, StyleGenerator
from zhenwei.trainer.loop import take_step

RATE, MIXED, LAZY = 2.5e-3, 0.9, 16


def game_of(settings: GanSettings, faces: TrainingFaces, device: torch.device) -> Game:
    """The game over ``faces``; its first weights are those of torch's rng."""
    generator = StyleGenerator(settings.side, settings.width, settings.noise)
    critic = StyleCritic(settings.side, settings.width)
    return play(generator, critic, faces, settings, device)


def play(
    generator: StyleGenerator, critic: StyleCritic, faces: TrainingFaces, settings: GanSettings, device: torch.device
) -> Game:
    """Tells ``critic``, ``generator``, ``penalty`` (of the last step that paid it), ``share`` (of augmentation) and
    ``sure`` (share of reals the critic takes for real, less that it takes for fake; StyleGAN-ADA's r)."""
    for net in (generator, critic):
        net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    memory = _Memory()
    nets = nn.ModuleDict({"generator": generator, "critic": critic, "memory": memory}).to(device)
    optimizers: dict[str, optim.Optimizer] = {"generator": _adam(generator, 1), "critic": _adam(critic, LAZY)}
    reals_of = mirrored(faces)

    def fakes(rng: torch.Generator) -> Tensor:
        styles = mixed(generator, settings.batch, rng)
        noise = [torch.randn(shape, generator=rng).to(device) for shape in generator.noise_shapes(settings.batch)]
        return generator.draw(styles, noise)

    def seen(images: Tensor, rng: torch.Generator) -> Tensor:
        share = {"none": 0.0, "diffaugment": 1.0, "ada": float(memory.ada.share)}[settings.augment]
        return augment(images, share, rng) if settings.augment != "none" else images

    def critic_step(rng: torch.Generator) -> Mapping[str, Tensor]:
        pays = settings.penalty > 0 and int(memory.steps) % LAZY == 0
        reals = seen(reals_of(settings.batch, rng).to(device), rng).requires_grad_(pays)
        with torch.no_grad():
            made = seen(fakes(rng), rng)
        logits = critic(reals)
        loss = losses.critic_logistic(logits, critic(made))
        whole = loss
        if pays:
            penalty = losses.r1(logits, reals)
            memory.penalty.copy_(penalty.detach())
            whole = loss + settings.penalty / 2 * LAZY * penalty
        take_step(optimizers["critic"], whole)
        memory.steps += 1
        memory.ada.watch(logits)
        return {"critic": loss, "penalty": memory.penalty, "share": memory.ada.share, "sure": memory.ada.sure}

    def generator_step(rng: torch.Generator) -> Mapping[str, Tensor]:
        loss = losses.generator_non_saturating(critic(seen(fakes(rng), rng)))
        take_step(optimizers["generator"], loss)
        return {"generator": loss}

    return Game(nets, optimizers, critic_step, generator_step)


def mixed(generator: StyleGenerator, count: int, rng: torch.Generator) -> Tensor:
    """Styles by layer (count, layers, noise): nine in ten have the styles of another latent from some layer on."""
    latents = torch.randn(2 * count, generator.noise, generator=rng)
    first = torch.randint(1, generator.layers, (count,), generator=rng)
    first[torch.rand(count, generator=rng) >= MIXED] = generator.layers
    device = generator.constant.device
    one, other = torch.split(generator.repeated(generator.mapping(latents.to(device))), count)
    late = torch.arange(generator.layers)[None] >= first[:, None]
    return torch.where(late.to(device)[:, :, None], other, one)


class _Memory(nn.Module):
    steps: Tensor
    penalty: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))
        self.register_buffer("penalty", torch.zeros(()))
        self.ada = Adaptive()


def _adam(net: nn.Module, every: int) -> optim.Adam:
    """Rates for a penalty that is paid every ``every``th step (2020, appendix B)."""
    share = every / (every + 1) if every > 1 else 1.0
    return optim.Adam(net.parameters(), RATE * share, betas=(0.0, cast("float", 0.99**share)), eps=1e-8)
