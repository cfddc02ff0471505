"""A bank of fingerprints that a user extends: one file of JSON, a source a row, made by one set of weights.

Each source is the mean direction of its pictures' fingerprints, with the least similarity that its own pictures have
to the rest of them. A picture that is less like every source than that is from none of these (open set).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from zhenwei.errors import DataError, ModelError, OutputError, UsageError
from zhenwei.files import make_folder, write_whole
from zhenwei.types import Floats

MIN_IMAGES = 5
LONGEST_NAME = 60
_ACCEPTED = 0.95  # of a source's own pictures
_LARGEST = 16_000_000  # bytes of a file
_MAX_SOURCES = 5000


class Source(BaseModel):
    """``centre``: of length 1. ``least``: cosine, below which a picture is not from here. ``pictures``: how many."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    name: Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
    pictures: Annotated[int, Field(ge=MIN_IMAGES)]
    least: Annotated[float, Field(ge=-1, le=1)]
    centre: Annotated[tuple[float, ...], Field(min_length=2, max_length=4096)]

    def likeness(self, fingerprint: Floats) -> float:
        """Cosine of a fingerprint ``(d,)`` with the centre, in [-1, 1]."""
        mine = np.asarray(self.centre, np.float64)
        return float(mine @ fingerprint / max(float(np.linalg.norm(mine) * np.linalg.norm(fingerprint)), 1e-12))


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")
    schema_: Annotated[Literal["zhenwei.fingerprints/1"], Field(alias="schema")]
    weights: str
    sources: Annotated[tuple[Source, ...], Field(max_length=_MAX_SOURCES)]


@dataclass(frozen=True, slots=True)
class Bank:
    """``weights``: "id @ sha256" of the network whose fingerprints these are; no other's can be compared."""

    weights: str
    sources: tuple[Source, ...] = ()

    @classmethod
    def load(cls, path: Path, weights: str) -> Self:
        """The bank at ``path``, empty if there is no file yet. Raises :class:`ModelError` for a file that is damaged or
        holds fingerprints of other weights."""
        try:
            if not path.exists():
                return cls(weights)
            if path.stat().st_size > _LARGEST:
                raise ModelError("this is no bank of fingerprints", got=f"{path}: {path.stat().st_size} bytes")
            held = _File.model_validate(json.loads(path.read_text("utf-8")))
        except OSError as error:
            raise ModelError("the bank of fingerprints cannot be read", got=f"{path}: {error.strerror}") from error
        except (ValueError, RecursionError) as error:
            first = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
            fix = "Restore it, or start a new one with --bank FILE."
            raise ModelError("the bank of fingerprints is damaged", got=f"{path}: {first[:200]}", fix=fix) from error
        if held.weights != weights:
            fix = "Add its sources anew, or name another file with --bank."
            raise ModelError("the bank is of other weights", got=held.weights, want=weights, fix=fix)
        return cls(weights, held.sources)

    def save(self, path: Path) -> None:
        """Whole or not at all. Raises :class:`OutputError` where nothing can be written."""
        held = _File(schema="zhenwei.fingerprints/1", weights=self.weights, sources=self.sources)  # type: ignore[call-arg]
        try:
            make_folder(path.parent)
            write_whole(path, held.model_dump_json(by_alias=True, indent=1) + "\n")
        except DataError as error:
            got = f"{path}: {error.got}"
            raise OutputError("the bank cannot be written", got=got, fix="Name another with --bank.") from error

    def add(self, name: str, fingerprints: Sequence[Floats]) -> Bank:
        """With one source more, or in the place of the one of that name. Copies count once. Raises :class:`UsageError`
        for fewer than five fingerprints, for names that are empty or longer than 60 characters, and for fingerprints of
        other lengths."""
        name = " ".join(name.split())
        if not name or len(name) > LONGEST_NAME:
            raise UsageError("this is no name of a source", got=repr(name[:80]), want=f"1 to {LONGEST_NAME} characters")
        different = list({np.asarray(each, np.float32).tobytes(): each for each in fingerprints}.values())
        if len(different) < MIN_IMAGES:
            got, want = f"{len(different)} with a usable face", f"{MIN_IMAGES}; 50 and more are better"
            raise UsageError("too few pictures to know a source by", got=got, want=want)
        rows = np.stack([f / max(float(np.linalg.norm(f)), 1e-12) for f in different]).astype(np.float64)
        total = rows.sum(0)
        rest = total[None] - rows
        own = (rest * rows).sum(1) / np.maximum(np.linalg.norm(rest, axis=1), 1e-12)
        centre = total / max(float(np.linalg.norm(total)), 1e-12)
        least = float(np.clip(np.quantile(own, 1 - _ACCEPTED), -1, 1))
        if self.sources and len(self.sources[0].centre) != len(centre):
            want = f"{len(self.sources[0].centre)} numbers"
            raise UsageError("fingerprints of another kind", got=f"{len(centre)} numbers", want=want)
        made = Source(name=name, pictures=len(rows), least=round(least, 6), centre=tuple(centre.round(7).tolist()))
        return replace(self, sources=(*(s for s in self.sources if s.name != name), made))

    def remove(self, name: str) -> Bank:
        """Without that source. Raises :class:`UsageError` where there is none of that name."""
        kept = tuple(s for s in self.sources if s.name != name)
        if len(kept) == len(self.sources):
            known = ", ".join(s.name for s in self.sources) or "none"
            raise UsageError("the bank has no such source", got=name, want=known)
        return replace(self, sources=kept)
