"""Checkpoints as data: tensors in safetensors, what is said of them as JSON, each file whole or not at all.

Tensors are named ``nets.NAME.KEY``, ``averages.NAME.KEY`` and ``optimizers.NAME.PARAMETER.KEY``. The JSON document
(``schema``, ``step``, ``about``: what the run was made of, and what its task remembers) stands in the header of the
safetensors and, for people, in a file beside it. A run cut between the two writes is therefore still read rightly.
"""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn, optim

from zhenwei.errors import DataError
from zhenwei.files import write_whole

# What reading weights raises for bytes that are none, or are those of another network.
UNREADABLE = (
    pickle.UnpicklingError,
    struct.error,
    zipfile.BadZipFile,
    ArithmeticError,
    AssertionError,
    RuntimeError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    EOFError,
    OSError,
)


def write_checkpoint(path: Path, tensors: Mapping[str, Tensor], document: Mapping[str, Any]) -> None:
    """Write ``tensors`` with ``document`` in their header, then ``document`` beside them as ``.json``."""
    told = json.dumps(dict(document), sort_keys=True, allow_nan=False)
    held = {name: value.detach().cpu().clone().contiguous() for name, value in tensors.items()}
    write_whole(path, save(held, {"zhenwei": told}))
    write_whole(path.with_suffix(".json"), told + "\n")


def read_checkpoint(path: Path, *schemas: str, fix: str = "") -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The document and the tensors of a checkpoint of one of ``schemas``.

    Raises DataError, with ``fix`` as the cure, where ``path`` is no readable checkpoint of these schemas, or holds
    numbers that are not finite.
    """
    try:
        with safe_open(path, framework="pt") as file:
            document: Any = json.loads((file.metadata() or {}).get("zhenwei", ""), parse_constant=_refuse)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # no mapping
        if document["schema"] not in schemas or not isinstance(document["step"], int):
            raise ValueError(document["schema"])
        odd = [name for name, value in tensors.items() if not bool(torch.isfinite(value).all())]
        if odd:
            raise ValueError(f"{odd[0]} is not finite")
    except FileNotFoundError:
        got = "no such file or folder"
        raise DataError(f"there is no readable checkpoint at {path}", got=got, fix=fix) from None
    except (OSError, SafetensorError, ValueError, LookupError, TypeError, RuntimeError) as error:
        raise DataError(f"there is no readable checkpoint at {path}", got=str(error)[:200], fix=fix) from None
    return dict(document), tensors


def under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Those whose names begin with ``prefix``, without it."""
    found: dict[str, Tensor] = {}
    for name, value in tensors.items():
        if name.startswith(prefix):
            found[name.removeprefix(prefix)] = value
    return found


def state_tensors(nets: nn.Module, averages: nn.Module, optimizers: Mapping[str, optim.Optimizer]) -> dict[str, Tensor]:
    """All tensors that the next step depends on, by their names in a checkpoint."""
    found = {f"nets.{key}": value for key, value in nets.state_dict().items()}
    found |= {f"averages.{key}": value for key, value in averages.state_dict().items()}
    for name, optimizer in optimizers.items():
        for number, moments in optimizer.state_dict()["state"].items():
            found |= {f"optimizers.{name}.{number}.{key}": torch.as_tensor(v) for key, v in moments.items()}
    return found


def load_tensors(
    tensors: Mapping[str, Tensor], nets: nn.Module, averages: nn.Module, optimizers: Mapping[str, optim.Optimizer]
) -> None:
    """The reverse of :func:`state_tensors`. Raises RuntimeError, LookupError or ValueError where they do not fit."""
    nets.load_state_dict(under(tensors, "nets."))
    averages.load_state_dict(under(tensors, "averages."))
    for name, optimizer in optimizers.items():
        moments = under(tensors, f"optimizers.{name}.") or under(tensors, f"best.{name}.")  # as it was called once
        _load_moments(optimizer, moments)


def save_state(values: Mapping[str, Any], path: Path) -> None:
    """A dictionary of tensors and numbers by ``torch.save``, whole or not at all; read it with ``weights_only``.

    Raises DataError where it cannot be written.
    """
    held = io.BytesIO()
    torch.save(dict(values), held)
    write_whole(path, held.getvalue())


def _load_moments(optimizer: optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        number, key = name.split(".")
        state.setdefault(int(number), {})[key] = value
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    kinds = next(iter(state.values()), {}).keys()
    for index, moments in state.items():  # an optimizer would look at them only at its next step
        if moments.keys() != kinds:
            raise ValueError(f"the moments of parameter {index} are not whole")
        for key, value in moments.items():
            if value.shape not in (torch.Size(), parameters[index].shape):
                raise ValueError(f"{key} of parameter {index} has the shape {tuple(value.shape)}")
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not finite")
