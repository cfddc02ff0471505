"""The lab's small trained generators, each checked against its digest before it is loaded.

``weights/zoo.json`` says of each what it learned from, for how long, and how far its samples are from held-out faces
(the kernel distance of ``docs/lecture/measure.py``). Weights are half floats of the averaged generator.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as read_tensors

from zhenwei.errors import DataError, UsageError
from zhenwei.forge.gan.gan_settings import Generator, Kind, fresh_generator

SCHEMA = "zhenwei.gan-zoo/1"
INDEX = "zoo.json"


@dataclass(frozen=True, slots=True)
class Entry:
    """``kid``: mean of the squared kernel distance to held-out faces over subsets, ``kid_deviation`` its s.d. over
    them, ``kid_n`` pictures a side; ``kid_real``: the same of as many training faces, what no model need beat.
    ``memorised``: share of samples nearer to a training face than to a held-out one, in sets of equal size."""

    name: str
    kind: Kind
    side: int
    width: int
    noise: int
    sha256: str
    data: str
    n: int
    steps: int
    seed: int
    kid: float
    kid_deviation: float
    kid_n: int
    kid_real: float
    memorised: float


def home() -> Path:
    """Where the zoo lies: inside the package."""
    return Path(str(files("zhenwei.forge.gan") / "weights"))


def entries(folder: Path | None = None) -> dict[str, Entry]:
    """What is in the zoo, by name. DataError where the index cannot be read."""
    path = (folder or home()) / INDEX
    try:
        document: Any = json.loads(path.read_text("utf-8"))
        if document["schema"] != SCHEMA:
            raise ValueError(document["schema"])
        return {name: Entry(name, **told) for name, told in document["models"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"there is no readable zoo at {path}", got=str(error)[:200]) from None


def nearest(kind: Kind | None = None, folder: Path | None = None) -> str:
    """The model, of ``kind`` if given, whose samples are nearest to held-out faces. DataError if there is none."""
    known = [entry for entry in entries(folder).values() if kind in (None, entry.kind)]
    if not known:
        raise DataError("the zoo has no such model", want=kind or "a model", fix="Install zhenwei anew.")
    return min(known, key=lambda entry: entry.kid - entry.kid_real).name


def open_generator(name: str, folder: Path | None = None) -> Generator:
    """The generator ``name``, on the CPU, ready to sample.

    Raises UsageError for a name that is not in the zoo, DataError where its file is not the one that was measured."""
    known = entries(folder)
    if name not in known:
        raise UsageError("there is no such model in the zoo", got=repr(name), want=", ".join(sorted(known)))
    entry, path = known[name], (folder or home()) / f"{name}.safetensors"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}", got=error.strerror or str(error), fix="Install zhenwei anew.") from None
    digest = hashlib.sha256(data).hexdigest()
    if digest != entry.sha256:
        fix = "Install zhenwei anew; do not use this file."
        raise DataError(f"{path.name} is not the file of the index", got=digest, want=entry.sha256, fix=fix)
    return unpacked(data, entry.kind, entry.side, entry.width, entry.noise)


def unpacked(data: bytes, kind: Kind, side: int, width: int, noise: int) -> Generator:
    """Half floats without counters of batch norm, which nothing reads, as a generator in single precision."""
    generator = fresh_generator(kind, side, width, noise)
    own = generator.state_dict()
    try:
        held = {k: v.float() for k, v in read_tensors(data).items()}
        counters: Mapping[str, torch.Tensor] = {k: v for k, v in own.items() if not v.is_floating_point()}
        generator.load_state_dict({**held, **counters})
    except (SafetensorError, RuntimeError) as error:
        raise DataError("these weights do not fit the generator", got=str(error)[:200]) from None
    return generator.eval().requires_grad_(False)
