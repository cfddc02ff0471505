"""A protocol: everything but the data and the weights that a figure follows from. Read from TOML, typed."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from zhenwei.errors import UsageError
from zhenwei.evaluation.documents import first_of
from zhenwei.evaluation.items import Domain, Item, Level, Split
from zhenwei.types import Text


class Protocol(BaseModel):
    """``sets``, ``methods``, ``origins``, ``domains``: what is taken, empty = all; genuine files pass ``methods``.

    ``slices`` are reported beside each whole set: "method" (one forgery method against all genuine files of the set),
    "origin" (one source). ``unseen``: without what was trained on. ``ladder``: names of deliveries, or families of
    them, that ``ladder_files`` of each of ``ladder_sets`` (empty = every set) also go through. ``text_zh``: ``text`` in
    Chinese.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    text: str
    text_zh: str = ""
    splits: tuple[Split, ...] = ("val", "test")
    sets: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    domains: tuple[Domain, ...] = ()
    unseen: bool = False
    levels: Annotated[tuple[Level, ...], Field(min_length=1)] = ("video",)
    slices: tuple[Literal["method", "origin"], ...] = ()
    frames: Annotated[int, Field(ge=1, le=512)] = 32
    seed: Annotated[int, Field(ge=0)] = 0
    ladder: tuple[str, ...] = ()
    ladder_sets: tuple[str, ...] = ()
    ladder_files: Annotated[int, Field(ge=0)] = 0  # of each set, half of each class; 0 = all
    maps: bool = False  # also measure where maps of manipulation lie

    def choose(self, items: Sequence[Item]) -> list[Item]:
        """The files that this protocol asks about. Raises :class:`UsageError` where none is left."""
        chosen = [item for item in items if self._takes(item)]
        if not chosen:
            raise UsageError(
                f"protocol {self.name} takes none of these files",
                got=f"{len(items)} files",
                want=Text(self.text, zh=self.text_zh),
            )
        return chosen

    def unmatched(self, items: Iterable[Item]) -> dict[str, tuple[list[str], list[str]]]:
        """What it names that no file is of, by "sets", "methods" and "sources", and beside it what there is."""
        listed = list(items)
        there = {
            "sets": ((*self.sets, *self.ladder_sets), {item.set_name for item in listed}),
            "methods": (self.methods, {item.method for item in listed if item.forged}),
            "sources": (self.origins, {item.origin for item in listed}),
        }
        found = {}
        for what, (named, known) in there.items():
            if strange := [name for name in dict.fromkeys(named) if name not in known]:
                found[what] = strange, sorted(known - {""})
        return found

    def _takes(self, item: Item) -> bool:
        where = (not self.sets or item.set_name in self.sets) and (not self.origins or item.origin in self.origins)
        part = (not self.splits or item.split in self.splits) and (not self.domains or item.domain in self.domains)
        if self.unseen and (item.learned or (item.split == "train" and item.domain == "in")):
            return False
        return where and part and (not self.methods or not item.forged or item.method in self.methods)


def names() -> list[str]:
    """Of the packaged protocols."""
    return sorted(p.name.removesuffix(".toml") for p in _folder().iterdir() if p.name.endswith(".toml"))


def load_protocol(name: str | Path) -> Protocol:
    """The protocol in a TOML file, or the packaged one of that name. :class:`UsageError` says what is wrong with it."""
    packaged = _folder() / f"{name}.toml"
    try:
        source = packaged if packaged.is_file() else Path(name)
        if not source.is_file():
            raise UsageError("no such protocol", got=str(name), want=f"a TOML file or one of {', '.join(names())}")
        return Protocol.model_validate(tomllib.loads(source.read_text("utf-8")))
    except ValidationError as error:
        _, got, want = first_of(error)
        raise UsageError("the protocol cannot be read", got=got, want=want, fix=f"Correct {name}.") from None
    except (ValueError, OSError, RecursionError) as error:  # not UTF-8, or no TOML
        raise UsageError("the protocol cannot be read", got=str(error), want="TOML", fix=f"Correct {name}.") from error


def _folder() -> resources.abc.Traversable:
    return resources.files("zhenwei.evaluation.protocols")
