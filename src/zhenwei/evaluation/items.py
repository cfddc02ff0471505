"""A labelled file, and what was said of it: the currency of this room."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from zhenwei.stats.metrics import Labels, Reals
from zhenwei.types import Decision, Forgery, Kind

Split = Literal["train", "val", "test"]
Domain = Literal["in", "out"]
Level = Literal["frame", "track", "video"]


@dataclass(frozen=True, slots=True)
class Item:
    """One labelled file.

    ``name`` is unique within its set and names it in results. ``path`` is the file, or the zip whose ``member`` it is.
    ``forged``: the label. ``method`` made it ("" where genuine), ``origin`` is where the media come from: a row of the
    table by source. ``identity`` is the person and ``video`` the source video that it was taken or made from; "" is
    not known. ``domain`` is "in" where that data set was trained on. ``learned``: embedded detectors learned from this
    file; only where thresholds are measured are they asked about it, without its source. A picture is a video of one
    frame.
    """

    name: str
    path: Path
    set_name: str
    forged: bool
    member: str = ""
    method: str = ""
    origin: str = ""
    identity: str = ""
    video: str = ""
    split: Split = "test"
    domain: Domain = "out"
    learned: bool = False

    @property
    def digest(self) -> str:
        """Of set and name: a key for what is told of it elsewhere."""
        return hashlib.sha256(f"{self.set_name} {self.name}".encode()).hexdigest()[:16]

    @property
    def group(self) -> str:
        """What is resampled as one: files that share a person, else a source video, are no independent cases."""
        return self.identity or self.video or self.name


@dataclass(frozen=True, slots=True)
class Part:
    """What was said of one frame, or of one person through the file. ``time_s``: of the frame; None for a person."""

    level: Level
    key: str  # "frame 12", "person 1"
    llr: float | None
    score: float | None = None
    time_s: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What one detector said of a person of the file, or of the file (``person`` None). ``llr`` None = no answer."""

    detector: str
    person: int | None
    llr: float | None
    finds: Forgery
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was said of one file. ``llr`` None = no answer, for ``reason``; ``decision`` "unreadable" where it could
    not be opened. ``score``: before calibration, of a single detector. ``facts``: numbers that say how the file is made
    and nothing of what it shows, for the shortcut probe; NaN = not known.
    ``parts``: finer levels, where asked for. ``said``: by each detector. ``failed``: the detectors that failed on it.
    ``seen``: how well the clearest face could be seen, by the names of ``types.Quality``; empty where nobody was."""

    item: Item
    llr: float | None
    decision: Decision | Literal["unreadable"]
    reason: str = ""
    score: float | None = None
    facts: Mapping[str, float] = field(default_factory=dict)
    parts: tuple[Part, ...] = ()
    seconds: float = 0.0
    said: tuple[Answer, ...] = ()
    failed: tuple[str, ...] = ()
    seen: Mapping[str, float] = field(default_factory=dict)

    @property
    def kind(self) -> Kind:
        """Of the media, by ``facts``: sound has no width, a picture lasts no time."""
        if math.isnan(self.facts.get("width", 0.0)):
            return "audio"
        return "video" if self.facts.get("duration", 0.0) > 0 else "image"


def class_sizes(outcomes: Iterable[Outcome]) -> tuple[int, int]:
    """How many files are genuine, and how many forged."""
    counts = Counter(o.item.forged for o in outcomes)
    return counts[False], counts[True]


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Cases that were answered, as columns: ``forged`` ``(n,)``, ``groups`` (n names) and ``llr`` ``(sides, n)``."""

    forged: Labels
    groups: list[str]
    llr: Reals

    @classmethod
    def of(cls, rows: Iterable[tuple[bool, str, *tuple[float | None, ...]]], sides: int = 1) -> Columns:
        """``rows``: label, group, and an LLR for each of ``sides`` systems; a row that lacks one is left out."""
        forged, groups, llrs = [], [], []
        for label, group, *said in rows:
            if None not in said:
                forged.append(label)
                groups.append(group)
                llrs.append(said)
        return cls(np.array(forged, bool), groups, np.array(llrs, np.float64).reshape(-1, sides).T)

    @property
    def fewest_groups(self) -> int:
        """Of the class that has fewer: with one group, a bootstrap cannot tell how far a figure varies."""
        names = np.array(self.groups, str)
        return min(len(np.unique(names[self.forged])), len(np.unique(names[~self.forged])))
