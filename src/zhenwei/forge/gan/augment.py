"""Changes to pictures before a critic sees them, so that few pictures are not learned by heart.

S. Zhao et al., "Differentiable Augmentation for Data-Efficient GAN Training", NeurIPS 2020: always, to reals and fakes
alike. T. Karras et al., "Training Generative Adversarial Networks with Limited Data", NeurIPS 2020 (ADA): each with a
probability that follows how sure the critic is of the reals. All are differentiable in the pictures.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

_SHIFT, _CUT = 1 / 8, 1 / 2  # of the side
_MOST = 0.9  # above, a generator learns the changes themselves (ADA's paper, section 2.2)


def augment(images: Tensor, share: float, rng: torch.Generator) -> Tensor:
    """(n, 3, s, s) -> the same, each of five changes made to each picture with probability ``share``.

    Brightness, saturation, contrast, a shift of an eighth of the side, a grey square of half the side. Draws the same
    numbers from ``rng``, a CPU generator, whatever ``share``."""
    for change in _CHANGES:
        made = change(images, rng)
        kept = torch.rand(len(images), generator=rng) >= share
        images = torch.where(kept.to(images.device)[:, None, None, None], images, made)
    return images


def _draws(images: Tensor, rng: torch.Generator, columns: int = 1) -> Tensor:
    return torch.rand(len(images), columns, generator=rng).to(images.device)


def _brightness(x: Tensor, rng: torch.Generator) -> Tensor:
    return x + (_draws(x, rng)[..., None, None] - 0.5)


def _saturation(x: Tensor, rng: torch.Generator) -> Tensor:
    grey = x.mean(1, keepdim=True)
    return grey + (x - grey) * 2 * _draws(x, rng)[..., None, None]


def _contrast(x: Tensor, rng: torch.Generator) -> Tensor:
    level = x.mean((1, 2, 3), keepdim=True)
    return level + (x - level) * (0.5 + _draws(x, rng)[..., None, None])


def _shift(x: Tensor, rng: torch.Generator) -> Tensor:
    """What moves in from outside is grey."""
    side = x.shape[-1]
    most = int(side * _SHIFT + 0.5)
    moves = (_draws(x, rng, 2) * (2 * most + 1)).long().clamp(max=2 * most) - most
    padded = nn.functional.pad(x, (most,) * 4)
    along = torch.arange(side, device=x.device)
    rows = along + most + moves[:, :1]
    columns = along + most + moves[:, 1:]
    padded = padded.gather(2, rows[:, None, :, None].expand(-1, x.shape[1], -1, padded.shape[3]))
    return padded.gather(3, columns[:, None, None, :].expand(-1, x.shape[1], side, -1))


def _cutout(x: Tensor, rng: torch.Generator) -> Tensor:
    """The middle of the square lies anywhere, so it may hang over the edge."""
    side = x.shape[-1]
    middle = _draws(x, rng, 2) * side
    along = torch.arange(side, device=x.device) + 0.5
    down, across = ((along - middle[:, k : k + 1]).abs() < side * _CUT / 2 for k in (0, 1))
    return x * ~(down[:, :, None] & across[:, None, :])[:, None]


_CHANGES: tuple[Callable[[Tensor, torch.Generator], Tensor], ...] = (
    _brightness, _saturation, _contrast, _shift, _cutout
)  # fmt: skip


class Adaptive(nn.Module):
    """ADA's probability ``share``, which rises while the critic is sure of the reals and falls while it is not.

    r = E[sign(D(x))] over the last ``every`` batches: 0 where the critic knows nothing, 1 where it knows every real. It
    moves so that 0 to 1 takes ``images`` pictures. All is in buffers, and saved with the networks."""

    share: Tensor
    signs: Tensor
    seen: Tensor
    sure: Tensor
    batches: Tensor

    def __init__(self, target: float = 0.6, images: int = 100_000, every: int = 4) -> None:
        super().__init__()
        self.target, self.images, self.every = target, images, every
        for name in ("share", "signs", "seen", "sure"):
            self.register_buffer(name, torch.zeros(()))
        self.register_buffer("batches", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def watch(self, logits: Tensor) -> None:
        """Take the critic's logits (n,) of a batch of reals; every ``every`` batches, move ``share``."""
        self.signs += logits.detach().sign().sum().to(self.signs.device)
        self.seen += len(logits)
        self.batches += 1
        if int(self.batches) % self.every:
            return
        self.sure.copy_(self.signs / self.seen)
        step = float(self.seen) / self.images
        self.share.add_(step if float(self.sure) > self.target else -step).clamp_(0, _MOST)
        self.signs.zero_()
        self.seen.zero_()
