"""CycleGAN: two translators that undo each other, learned from two heaps of pictures without pairs.

The losses of the paper (J.-Y. Zhu et al., ICCV 2017): least squares for the critics, 10 x L1 for the cycle there and
back, 5 x L1 for what belongs to the other kind already, and a pool of 50 earlier translations for the critics.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import cast

import torch
from torch import Tensor, nn, optim
from torch.nn import functional

from zhenwei.forge.adversarial import Game
from zhenwei.nets.cyclegan import PatchCritic, Translator
from zhenwei.trainer.loop import take_step

Draw = Callable[[int, torch.Generator], Tensor]
POOL = 50


@dataclass(frozen=True, slots=True)
class CycleRules:
    """``cycle`` and ``identity``: weights of these losses. Sizes of networks: as in :mod:`zhenwei.nets.cyclegan`."""

    batch: int = 1
    rate: float = 2e-4
    cycle: float = 10.0
    identity: float = 5.0
    width: int = 64
    blocks: int = 9
    halvings: int = 2
    critic_halvings: int = 3


class Pool(nn.Module):
    """Up to ``POOL`` earlier translations. Half of what is asked for comes from it and is replaced there; kept in
    buffers, so that a run that goes on has the same."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.register_buffer("kept", torch.zeros(POOL, 3, side, side))
        self.register_buffer("count", torch.zeros(1, dtype=torch.int64))

    def exchanged(self, images: Tensor, rng: torch.Generator) -> Tensor:
        """``images`` (n, 3, s, s), some of them replaced by earlier ones."""
        kept, count = cast("Tensor", self.kept), cast("Tensor", self.count)
        out = []
        for image in images.detach():
            filled = int(count)
            if filled < POOL:
                kept[filled] = image
                count += 1
                out.append(image)
            elif float(torch.rand((), generator=rng)) < 0.5:
                place = int(torch.randint(POOL, (), generator=rng))
                out.append(kept[place].clone())
                kept[place] = image
            else:
                out.append(image)
        return torch.stack(out)


def play(draw_a: Draw, draw_b: Draw, side: int, rules: CycleRules, *, seed: int, device: torch.device) -> Game:
    """The game of both translators and both critics. ``draw_a(n, rng)``, ``draw_b``: pictures of either kind,
    (n, 3, side, side) in [-1, 1]; nothing says which belong together. The same for the same seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        nets = nn.ModuleDict({
            "a_to_b": Translator(rules.width, rules.blocks, rules.halvings),
            "b_to_a": Translator(rules.width, rules.blocks, rules.halvings),
            "critic_a": PatchCritic(rules.width, rules.critic_halvings),
            "critic_b": PatchCritic(rules.width, rules.critic_halvings),
            "pool_a": Pool(side),
            "pool_b": Pool(side),
        }).to(device)  # fmt: skip
    optimizers = {
        "translators": _adam(nets, ("a_to_b", "b_to_a"), rules.rate),
        "critics": _adam(nets, ("critic_a", "critic_b"), rules.rate),
    }

    def critic_step(rng: torch.Generator) -> Mapping[str, Tensor]:
        a, b = (draw(rules.batch, rng).to(device) for draw in (draw_a, draw_b))
        loss = torch.zeros((), device=device)
        for real, other, way, kind in ((a, b, "b_to_a", "a"), (b, a, "a_to_b", "b")):
            with torch.no_grad():
                made = nets[way](other)
            fake = cast("Pool", nets[f"pool_{kind}"]).exchanged(made, rng)
            critic = nets[f"critic_{kind}"]
            loss = loss + (_near(critic(real), 1.0) + _near(critic(fake), 0.0)) / 2
        take_step(optimizers["critics"], loss)
        return {"critic": loss}

    def generator_step(rng: torch.Generator) -> Mapping[str, Tensor]:
        a, b = (draw(rules.batch, rng).to(device) for draw in (draw_a, draw_b))
        to_b, to_a = nets["a_to_b"], nets["b_to_a"]
        made_b, made_a = to_b(a), to_a(b)
        fooling = _near(nets["critic_b"](made_b), 1.0) + _near(nets["critic_a"](made_a), 1.0)
        cycle = functional.l1_loss(to_a(made_b), a) + functional.l1_loss(to_b(made_a), b)
        same = functional.l1_loss(to_b(b), b) + functional.l1_loss(to_a(a), a)
        loss = fooling + rules.cycle * cycle + rules.identity * same
        take_step(optimizers["translators"], loss)
        return {"generator": loss, "fooling": fooling, "cycle": cycle, "identity": same}

    return Game(nets, optimizers, critic_step, generator_step, averaged=("a_to_b", "b_to_a"))


def _near(scores: Tensor, wanted: float) -> Tensor:
    return ((scores - wanted) ** 2).mean()


def _adam(nets: nn.ModuleDict, names: tuple[str, ...], rate: float) -> optim.Optimizer:
    return optim.Adam(chain.from_iterable(nets[name].parameters() for name in names), rate, betas=(0.5, 0.999))
