"""A given face found again among a generator's: styles that draw it, so that it can be edited as samples are.

R. Abdal et al., "Image2StyleGAN", ICCV 2019: styles by layer are moved from the mean face until the picture is drawn,
as near as the generator can; what keeps them near the mean, in the deviations of styles, keeps them editable.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from zhenwei.errors import UsageError
from zhenwei.forge.gan.edits import STEPS, Direction, moved
from zhenwei.forge.gan.samples import draw, enlarged, mean_style, noise_for
from zhenwei.nets.stylegan import StyleGenerator
from zhenwei.types import Pixels

TURNS = 300
_RATE, _NEAR = 0.06, 8e-3
_SCALES = (1, 2, 4)


@dataclass(frozen=True, slots=True, eq=False)
class Inverted:
    """``styles`` ``(1, layers, latent)`` that draw the face; ``error``: mean absolute difference of the drawing, of
    255, ``from_mean`` that of the mean face; ``far``: root mean square distance from the mean style, in deviations."""

    styles: Tensor
    error: float
    from_mean: float
    far: float


def invert(
    generator: StyleGenerator,
    face: Pixels,
    turns: int = TURNS,
    *,
    near: float = _NEAR,
    tell: Callable[[float], None] | None = None,
) -> Inverted:
    """Of ``face`` ``(side, side, 3)`` uint8 RGB, the same for the same face. ``near``: how much keeping close to the
    mean style counts. Raises :class:`UsageError` for a picture of another size."""
    side = generator.side
    if face.shape != (side, side, 3) or face.dtype != np.uint8:
        got = f"{face.dtype} {face.shape}"
        raise UsageError("the face does not fit the generator", got=got, want=f"uint8 ({side}, {side}, 3)")
    device = generator.constant.device
    wanted = torch.from_numpy(face).permute(2, 0, 1)[None].float().to(device) / 127.5 - 1
    middle = mean_style(generator)
    with torch.no_grad():
        spread = generator.mapping(noise_for(1024, generator.noise, 1).to(device)).std(0).clamp_min(1e-3)
    step = torch.zeros(1, generator.layers, generator.noise, device=device, requires_grad=True)
    optimizer = torch.optim.Adam([step], _RATE)
    for turn in range(turns):
        optimizer.param_groups[0]["lr"] = _RATE * min(1.0, (turn + 1) / 20, 2 * (turns - turn) / turns)
        drawn = generator.draw(middle + spread * step, None)
        loss = near * step.square().mean()
        for scale in _SCALES:
            loss = loss + (F.avg_pool2d(drawn, scale) - F.avg_pool2d(wanted, scale)).abs().mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if tell is not None:
            tell((turn + 1) / turns)
    with torch.no_grad():
        styles = (middle + spread * step).detach()
    mean = middle[None, None].expand_as(styles)
    far = float(step.detach().square().mean().sqrt())
    return Inverted(styles, _apart(generator, styles, face), _apart(generator, mean, face), far)


def edited_row(
    generator: StyleGenerator, face: Pixels, found: Inverted, direction: Direction, most: float
) -> list[Pixels]:
    """The face, its drawing, and its edits from ``-most`` to ``most`` s.d. of the attribute, in five steps."""
    edits = torch.cat([moved(found.styles, direction, far) for far in np.linspace(-most, most, STEPS)])
    drawn = draw(generator, torch.cat([found.styles, edits]), still=True)
    return enlarged(np.concatenate([face[None], drawn]))


def _apart(generator: StyleGenerator, styles: Tensor, face: Pixels) -> float:
    drawn = draw(generator, styles, still=True)[0]
    return float(np.abs(drawn.astype(np.int16) - face).mean())
