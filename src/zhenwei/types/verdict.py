"""What is concluded from evidence: for a person, a stream, a file; and the report on it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from zhenwei.types.evidence import Declaration, Evidence, ImageExhibit
from zhenwei.types.faces import Quality
from zhenwei.types.media import Box, Interval, Kind, Media, Pixels

Decision = Literal["forged", "genuine", "inconclusive"]
Stream = Literal["picture", "voice", "pairing", "declared"]
"""What is judged apart: what is seen, what is heard, whether the two belong together, and what the file says itself."""


@dataclass(frozen=True, slots=True)
class PersonVerdict:
    person: int
    decision: Decision
    llr: float | None
    error_rate: float | None
    explanation: str
    faces: int = 0
    interval: Interval | None = None


@dataclass(frozen=True, slots=True)
class StreamVerdict:
    """The answer for one stream by itself; an ``llr`` of None = nothing can be said of it."""

    stream: Stream
    decision: Decision
    llr: float | None
    error_rate: float | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer for a file.

    ``error_rate`` is how often a decision this firm is wrong: for "forged" the share of genuine files at least as
    suspicious, for "genuine" the share of forged files at least as clean; None when inconclusive.
    ``by_person`` has one entry a person; the picture follows the worst, corrected for how many were looked at.
    ``streams``: picture, voice and their pairing apart, for videos in which something beside the picture was examined;
    empty elsewhere. A file is forged if one of its streams is, and then ``at_fault`` names those, the firmest first;
    ``llr`` is that of the most suspicious one. ``declared``: what the file says of itself, the firmest first; told
    before the statistics. ``measured_on``: the media that the rates were measured on; ``unlike``: in what the file is
    like none of them, "" where it is not. ``judged_as``: the kind of media that what is seen (of sound alone, what is
    heard) was judged as: a clip in which no face does anything is judged as the picture that it shows.
    """

    decision: Decision
    llr: float | None
    error_rate: float | None
    explanation: str
    by_person: tuple[PersonVerdict, ...] = ()
    streams: tuple[StreamVerdict, ...] = ()
    declared: tuple[Declaration, ...] = ()
    at_fault: tuple[Stream, ...] = ()
    measured_on: str = ""
    unlike: str = ""
    judged_as: Kind = "image"

    def four_ways(self) -> dict[tuple[bool, bool], float]:
        """By (picture forged, voice forged): the probability, had all four been equally likely beforehand and were both
        streams forged independently of each other. Nothing said of a stream counts as an LLR of 0. Empty without
        ``streams``."""
        llr = {s.stream: s.llr or 0.0 for s in self.streams}
        if not {"picture", "voice"} <= set(llr):
            return {}
        ways = [(image, voice) for image in (False, True) for voice in (False, True)]
        odds = [math.exp(p * llr["picture"] + v * llr["voice"]) for p, v in ways]
        return {way: one / math.fsum(odds) for way, one in zip(ways, odds, strict=True)}


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """A person as shown in the report: their clearest face and how well they were seen. ``sightings``: when and where,
    in shares of the frame's width and height."""

    person: int
    portrait: Pixels
    faces: int
    interval: Interval
    quality: Quality
    sightings: tuple[tuple[float, Box], ...] = ()


@dataclass(frozen=True, slots=True)
class Engine:
    """What produced a report, enough to reproduce it. ``models``: id -> sha256. ``options``: as given."""

    version: str
    models: Mapping[str, str] = field(default_factory=dict)
    libraries: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """``poster``: what was examined, to be shown beside the verdict: the picture, a frame of the clip, the waveform.
    ``frames``: some of the sampled frames of a clip, in order of time."""

    media: Media
    verdict: Verdict
    evidence: tuple[Evidence, ...]
    people: tuple[Person, ...]
    engine: Engine
    poster: ImageExhibit | None = None
    frames: tuple[ImageExhibit, ...] = ()
