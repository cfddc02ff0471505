"""What a training run was asked for, and what it will cost before it starts."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Annotated, Any, Literal

from pydantic import Field

from zhenwei.errors import DataError, UsageError
from zhenwei.forge.checked_settings import checked, one_of

Loss = Literal["l1", "ssim_mse"]
Profile = Literal["cpu", "gpu"]
_HALVINGS = 4


@checked
class SwapSettings:
    """``width`` 128 is the original network. ``adversarial`` 0: none; 0.1 is usual, and from ``adversarial_from`` of
    the steps on. ``masked``: the decoders draw the mask as well; adversarial ones always do. ``warped`` False is the
    ablation. ``batch``: a side. Raises UsageError for values without meaning."""

    size: Annotated[int, one_of(32, 64, 128)] = 64  # no face here is larger
    width: Annotated[int, Field(ge=8, le=128, multiple_of=4)] = 32
    batch: Annotated[int, Field(ge=1, le=256)] = 16
    steps: Annotated[int, Field(ge=1, le=1_000_000)] = 2000
    rate: Annotated[float, Field(gt=0, le=0.01)] = 2e-4
    loss: Loss = "l1"
    masked: bool = False
    adversarial: Annotated[float, Field(ge=0, le=5)] = 0.0
    adversarial_from: Annotated[float, Field(ge=0, lt=1)] = 0.5
    warped: bool = True
    held_out: Annotated[int, Field(ge=1)] = 8
    check_every: Annotated[int, Field(ge=1)] = 200
    seed: int = 0

    @property
    def has_mask(self) -> bool:
        return self.masked or self.adversarial > 0

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


PROFILES: dict[Profile, SwapSettings] = {
    "cpu": SwapSettings(),
    "gpu": SwapSettings(width=128, rate=5e-5, steps=40_000, check_every=1000, loss="ssim_mse", masked=True),
}


@dataclass(frozen=True, slots=True)
class SwapCost:
    """``parameters`` in all; ``memory_mib``: weights, gradients, Adam's two moments and activations."""

    parameters: int
    memory_mib: float


def cost(settings: SwapSettings) -> SwapCost:
    """Worked out from the layers, without building them: exact for the parameters, near for the rest."""
    shapes = _layers(settings)
    parameters = sum(times * (weights + bias) for weights, bias, _, times, _ in shapes)
    # An encoder works on both sides' batches, each decoder on one.
    kept = sum(bias * places * runs for _, bias, places, _, runs in shapes) * settings.batch * 4 * 3
    return SwapCost(parameters, (parameters * 16 + kept) / 2**20)


def settings_of(given: object) -> SwapSettings:
    """SwapSettings as a checkpoint tells them; DataError if they are none."""
    names = {field.name for field in fields(SwapSettings)}
    if not isinstance(given, dict) or set(given) != names:
        raise DataError("a checkpoint's settings are not those of a swap", want=", ".join(sorted(names)))
    try:
        return SwapSettings(**given)
    except (TypeError, UsageError) as error:
        raise DataError("a checkpoint's settings have no meaning", got=str(error)[:200]) from None


def _layers(settings: SwapSettings) -> list[tuple[int, int, int, int, int]]:
    """(weights, biases, places it is applied at, how many there are, how many sides run through them) of each."""
    s, w = settings.size, settings.width
    found = []
    for i, o, side in zip(
        (3, w, 2 * w, 4 * w), (w, 2 * w, 4 * w, 8 * w), (s // 2, s // 4, s // 8, s // 16), strict=True
    ):
        found.append((25 * i * o, o, side * side, 1, 2))
    deep, flat = 8 * w, 8 * w * (s // 16) ** 2
    found += [
        (deep * flat, deep, 1, 1, 2),
        (deep * flat, flat, 1, 1, 2),
        (9 * deep * 16 * w, 16 * w, (s // 16) ** 2, 1, 2),
    ]
    planes = (4 * w, 2 * w, w, max(8, w // 2))
    for i, o, side in zip(planes, planes[1:], (s // 8, s // 4, s // 2), strict=False):
        found.append((9 * i * 4 * o, 4 * o, side * side, 2, 2))
    out = 4 if settings.has_mask else 3
    return [*found, (25 * planes[-1] * out, out, s * s, 2, 2)]
