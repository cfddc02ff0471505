"""Checkpoints of a swap: safetensors, written all at once, bound to the consent that the run was started with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn, optim

from zhenwei.errors import DataError
from zhenwei.forge.swap.swap_settings import SwapSettings, settings_of
from zhenwei.nets.swap import PatchDiscriminator, SwapNet
from zhenwei.trainer.checkpoints import load_tensors, read_checkpoint, state_tensors, write_checkpoint

SCHEMA, _EARLIER = "zhenwei.swap/2", "zhenwei.swap/1"
_OTHER = "Train it here, under its own consent manifest: zhenwei forge swap train"
_RENAMED = {"net.": "nets.net.", "critics.": "nets.critics.", "best.": "optimizers.net.",
            "critics_best.": "optimizers.critics."}  # fmt: skip


@dataclass(slots=True)
class SwapState:
    """``nets`` and their ``optimizers``: "net" and, with the adversarial loss, "critics", one of each side. ``step``:
    steps made. ``least``: the lowest held-out L1 so far."""

    nets: nn.ModuleDict
    optimizers: dict[str, optim.Optimizer]
    step: int = 0
    least: float = float("inf")

    @property
    def net(self) -> SwapNet:
        return cast("SwapNet", self.nets["net"])

    @property
    def critics(self) -> nn.ModuleList | None:
        return cast("nn.ModuleList", self.nets["critics"]) if "critics" in self.nets else None


@dataclass(frozen=True, slots=True)
class SwapCheckpointInfo:
    """What a checkpoint says of itself. ``subjects``: pseudonyms of side A and side B."""

    settings: SwapSettings
    consent: str
    subjects: tuple[str, str]
    step: int
    least: float


def fresh(settings: SwapSettings, device: torch.device) -> SwapState:
    """Networks at their start, the same for the same seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        net = SwapNet(settings.size, settings.width, masked=settings.has_mask).to(device)
        net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # a third less time a step on CPUs
        nets: dict[str, nn.Module] = {"net": net}
        if settings.adversarial:
            nets["critics"] = nn.ModuleList(PatchDiscriminator(max(16, settings.width)) for _ in range(2)).to(device)
    rates = {"net": settings.rate, "critics": 2 * settings.rate}
    optimizers: dict[str, optim.Optimizer] = {}
    for name, made in nets.items():
        optimizers[name] = optim.Adam(made.parameters(), rates[name], betas=(0.5, 0.999))
    return SwapState(nn.ModuleDict(nets), optimizers)


def keep(path: Path, state: SwapState, settings: SwapSettings, consent: str, subjects: tuple[str, str]) -> None:
    """Write all that the next step depends on; what stood at ``path`` stays until the new file is whole."""
    document = {
        "schema": SCHEMA,
        "step": state.step,
        "about": {"settings": settings.to_dict(), "consent": consent, "subjects": list(subjects)},
        "least": state.least if state.least < float("inf") else None,
    }
    write_checkpoint(path, state_tensors(state.nets, nn.ModuleDict(), state.optimizers), document)


def tell(path: Path) -> SwapCheckpointInfo:
    """What the checkpoint at ``path`` says of itself; DataError if it is none of ours."""
    return _read(path)[0]


def restore(path: Path, consent: str, device: torch.device) -> tuple[SwapState, SwapCheckpointInfo]:
    """The state of a checkpoint. Refused, with a DataError, is one of another origin, one that was trained under
    another consent manifest than ``consent`` (its SHA-256), and one with values that are not finite."""
    told, tensors = _read(path)
    if told.consent != consent:
        got, want = f"trained under {told.consent[:12]}…", f"{consent[:12]}…"
        raise DataError(f"{path.name} belongs to another consent manifest", got=got, want=want, fix=_OTHER)
    state = fresh(told.settings, device)
    state.step, state.least = told.step, told.least
    try:
        load_tensors(tensors, state.nets, nn.ModuleDict(), state.optimizers)
    except (RuntimeError, LookupError, ValueError) as error:
        raise DataError(f"{path.name} does not fit its settings", got=str(error)[:200], fix=_OTHER) from None
    return state, told


def _read(path: Path) -> tuple[SwapCheckpointInfo, dict[str, Tensor]]:
    document, tensors = read_checkpoint(path, SCHEMA, _EARLIER, fix=_OTHER)
    try:
        if document["schema"] == _EARLIER:  # all in one, and other names
            document["about"], tensors = document, _renamed(tensors)
        about: Any = document["about"]
        one, two = (str(name) for name in about["subjects"])
        least = float("inf") if document["least"] is None else float(document["least"])
        told = SwapCheckpointInfo(
            settings_of(about["settings"]), str(about["consent"]), (one, two), document["step"], least
        )
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path.name} is no checkpoint of this lab", got=str(error)[:200], fix=_OTHER) from None
    return told, tensors


def _renamed(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    for name, value in tensors.items():
        first, rest = name.split(".", 1)
        found[_RENAMED[f"{first}."] + rest] = value
    return found
