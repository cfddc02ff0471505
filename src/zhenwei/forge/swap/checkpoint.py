"""Checkpoints of a swap: safetensors, written all at once, bound to the consent that the run was started with."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn, optim

from zhenwei.errors import DataError
from zhenwei.files import write_whole
from zhenwei.forge.swap.settings import Settings, settings_of
from zhenwei.nets.swap import PatchDiscriminator, SwapNet

SCHEMA = "zhenwei.swap/1"
_OTHER = "Train it here, under its own consent manifest: zhenwei forge swap train"


@dataclass(slots=True)
class State:
    """Networks and their optimisers; ``critics`` are None without the adversarial loss. ``step``: steps made."""

    net: SwapNet
    best: optim.Adam
    critics: nn.ModuleList | None
    critics_best: optim.Adam | None
    step: int
    least: float = float("inf")


@dataclass(frozen=True, slots=True)
class Told:
    """What a checkpoint says of itself. ``subjects``: pseudonyms of side A and side B."""

    settings: Settings
    consent: str
    subjects: tuple[str, str]
    step: int
    least: float


def fresh(settings: Settings, device: torch.device) -> State:
    """Networks at their start, the same for the same seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        net = SwapNet(settings.size, settings.width, masked=settings.has_mask).to(device)
        net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # a third less time a step on CPUs
        critics = None
        if settings.adversarial:
            critics = nn.ModuleList(PatchDiscriminator(max(16, settings.width)) for _ in range(2)).to(device)
    best = optim.Adam(net.parameters(), settings.rate, betas=(0.5, 0.999))
    critics_best = None if critics is None else optim.Adam(critics.parameters(), 2 * settings.rate, betas=(0.5, 0.999))
    return State(net, best, critics, critics_best, 0)


def keep(path: Path, state: State, settings: Settings, consent: str, subjects: tuple[str, str]) -> None:
    """Write all that the next step depends on; what stood at ``path`` stays until the new file is whole."""
    tensors = {f"net.{k}": v for k, v in state.net.state_dict().items()} | _moments("best", state.best)
    if state.critics is not None and state.critics_best is not None:
        tensors |= {f"critics.{k}": v for k, v in state.critics.state_dict().items()}
        tensors |= _moments("critics_best", state.critics_best)
    told = {
        "schema": SCHEMA,
        "settings": settings.to_dict(),
        "consent": consent,
        "subjects": list(subjects),
        "step": state.step,
        "least": state.least if state.least < float("inf") else None,
    }
    data = save({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, {"zhenwei": json.dumps(told)})
    write_whole(path, data)


def tell(path: Path) -> Told:
    """What the checkpoint at ``path`` says of itself; DataError if it is none of ours."""
    return _told(_read(path)[0], path)


def restore(path: Path, consent: str, device: torch.device) -> tuple[State, Told]:
    """The state of a checkpoint. Refused, with a DataError, is one of another origin, one that was trained under
    another consent manifest than ``consent`` (its SHA-256), and one with values that are not finite."""
    raw, tensors = _read(path)
    told = _told(raw, path)
    if told.consent != consent:
        got, want = f"trained under {told.consent[:12]}…", f"{consent[:12]}…"
        raise DataError(f"{path.name} belongs to another consent manifest", got=got, want=want, fix=_OTHER)
    if not all(bool(torch.isfinite(v).all()) for v in tensors.values()):
        raise DataError(f"{path.name} holds values that are not finite", fix="Go back to best.safetensors.")
    state = fresh(told.settings, device)
    state.step, state.least = told.step, told.least
    try:
        state.net.load_state_dict(_under(tensors, "net."))
        _give_moments("best", state.best, tensors)
        if state.critics is not None and state.critics_best is not None:
            state.critics.load_state_dict(_under(tensors, "critics."))
            _give_moments("critics_best", state.critics_best, tensors)
    except (RuntimeError, KeyError, ValueError) as error:
        raise DataError(f"{path.name} does not fit its settings", got=str(error)[:200], fix=_OTHER) from None
    return state, told


def _read(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    try:
        with safe_open(path, framework="pt") as file:
            return file.metadata() or {}, {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118  # no mapping
    except (OSError, SafetensorError) as error:
        raise DataError(f"there is no readable checkpoint at {path}", got=str(error)[:200], fix=_OTHER) from None


def _told(raw: dict[str, str], path: Path) -> Told:
    try:
        given: Any = json.loads(raw.get("zhenwei", ""))
        if given["schema"] != SCHEMA:
            raise ValueError(given["schema"])
        one, two = (str(s) for s in given["subjects"])
        least = float("inf") if given["least"] is None else float(given["least"])
        return Told(settings_of(given["settings"]), str(given["consent"]), (one, two), int(given["step"]), least)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise DataError(f"{path.name} is no checkpoint of this lab", got=str(error)[:200], fix=_OTHER) from None


def _moments(name: str, best: optim.Adam) -> dict[str, Tensor]:
    state = best.state_dict()["state"]
    return {f"{name}.{k}.{key}": torch.as_tensor(v) for k, values in state.items() for key, v in values.items()}


def _give_moments(name: str, best: optim.Adam, tensors: dict[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in _under(tensors, f"{name}.").items():
        number, what = key.split(".")
        state.setdefault(int(number), {})[what] = value
    held = dict(enumerate(p for group in best.param_groups for p in group["params"]))
    for at, values in state.items():  # Adam would look at them only at its next step
        shape = held[at].shape
        if {k: v.shape for k, v in values.items()} != {"step": torch.Size(), "exp_avg": shape, "exp_avg_sq": shape}:
            raise ValueError(f"the moments of parameter {at} are not its own")
    best.load_state_dict({"state": state, "param_groups": best.state_dict()["param_groups"]})


def _under(tensors: dict[str, Tensor], start: str) -> dict[str, Tensor]:
    return {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}
