"""The vocabulary: what every room of the house passes to the others. Frozen, NumPy only.

Conventions: pictures are ``(height, width, 3)`` uint8 RGB; sound is ``(channels, samples)`` float32 in [-1, 1]; boxes
and points are in pixels of the frame they belong to, x to the right, y down; times are seconds from the start.
``llr`` is a natural-log likelihood ratio, > 0 speaks for forged, ``None`` abstains; ``score`` is uncalibrated.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray

Kind = Literal["image", "video", "audio"]
Decision = Literal["forged", "genuine", "inconclusive"]
Level = Literal["person", "file"]
Forgery = Literal["altered", "generated", "voice", "pairing"]
"""A picture: of a genuine recording that was changed, or of one that never was; a voice that was made by a machine;
picture and sound that do not belong together, which is a way to alter a recording."""
Stream = Literal["picture", "voice", "pairing", "declared"]
"""What is judged apart: what is seen, what is heard, whether the two belong together, and what the file says itself."""
Origin = Literal["ai-generated", "ai-edited", "generator-settings", "captured", "edited", "synthetic", "other"]
"""What a file says of how it came about: made by AI; in part made or altered by AI; settings of a generator stand in
it; recorded by a device; edited by a person; made by a program that learned from nothing; something else."""
Language = Literal["en", "zh"]
Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]


class Text(str):
    """An English sentence that knows its Chinese: ``Text("no face found", zh="没有找到人脸")``.

    It *is* the English string wherever a string is wanted; ``in_language("zh")`` gives the other, or English if none.
    """

    __slots__ = ("zh",)
    zh: str

    def __new__(cls, en: str, zh: str = "") -> Self:
        text = super().__new__(cls, en)
        text.zh = zh
        return text

    def in_language(self, language: Language) -> str:
        return self.zh if language == "zh" and self.zh else str(self)

    def __getnewargs__(self) -> tuple[str, str]:  # type: ignore[override]
        return str(self), self.zh


def in_language(text: str, language: Language) -> str:
    """``text`` in ``language`` where it knows it; plain strings are returned unchanged."""
    return text.in_language(language) if isinstance(text, Text) else text


@dataclass(frozen=True, slots=True)
class Box:
    """An axis-aligned rectangle in pixels; ``right`` and ``bottom`` are exclusive. May reach beyond its frame."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top

    @property
    def area(self) -> float:
        return max(0.0, self.width) * max(0.0, self.height)

    def overlap(self, other: Box) -> float:
        """Intersection over union, in [0, 1]."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        shared = max(0.0, width) * max(0.0, height)
        union = self.area + other.area - shared
        return shared / union if union > 0 else 0.0

    def expanded(self, margin: float) -> Box:
        """The box grown by ``margin`` of its width (left, right) and of its height (top, bottom) on each side."""
        dx, dy = self.width * margin, self.height * margin
        return Box(self.left - dx, self.top - dy, self.right + dx, self.bottom + dy)


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One decoded picture. ``index`` counts the sampled frames from 0, ``time_s`` is its place in the clip."""

    index: int
    time_s: float
    pixels: Pixels


@dataclass(frozen=True, slots=True, eq=False)
class Audio:
    """Decoded sound: ``samples`` is ``(channels, n)`` float32 in [-1, 1]."""

    samples: Floats
    rate_hz: int

    @property
    def duration_s(self) -> float:
        return float(self.samples.shape[1] / self.rate_hz)


@dataclass(frozen=True, slots=True)
class Media:
    """What is known of a file without decoding all of it. Pixels and samples are read through ``zhenwei.media``."""

    path: str
    sha256: str
    kind: Kind
    size_bytes: int
    container: str  # "jpeg", "png", "mov,mp4,...": the format found in the bytes, not the extension
    codec: str = ""
    width: int | None = None  # as shown, after EXIF orientation or rotation metadata
    height: int | None = None
    duration_s: float | None = None
    fps: float | None = None  # average
    frame_count: int | None = None  # as declared or counted; None when unknown
    rotation_deg: int = 0
    audio_codec: str = ""  # "" = no sound
    audio_rate_hz: int | None = None
    audio_channels: int | None = None
    facts: tuple[tuple[str, str], ...] = ()  # EXIF and container facts, for the report; untrusted text
    notes: tuple[str, ...] = ()  # what reading had to do or leave out ("alpha laid over grey", "truncated after 3.2 s")


@dataclass(frozen=True, slots=True)
class Quality:
    """How well one face can be examined.

    ``face_px``: shorter side of the face box in source pixels. ``sharpness``: variance of the Laplacian of the luma of
    the face scaled to 128 px (0 = featureless; below about 20 is soft). ``brightness``: mean luma in [0, 1].
    ``clipped``: share of pixels at 0-4 or 251-255, in [0, 1]. Angles in degrees, 0 = frontal; None without landmarks.
    """

    face_px: float
    sharpness: float
    brightness: float
    clipped: float
    yaw_deg: float | None = None
    pitch_deg: float | None = None
    roll_deg: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One face in one frame.

    ``keypoints``: ``(6, 2)`` float32, BlazeFace order (right eye, left eye, nose, mouth, right ear, left ear; right
    and left are the person's). ``landmarks``: ``(468, 3)`` float32 FaceMesh points, or None where the mesh found none.
    ``tight``: the picture itself is a crop of this face, so nothing beyond the box can be seen.
    """

    frame: int  # Frame.index
    time_s: float
    box: Box
    confidence: float
    keypoints: Floats
    quality: Quality
    landmarks: Floats | None = None
    tight: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """One person through the clip, at most one face a frame, in order of time. ``person`` counts from 1."""

    person: int
    faces: tuple[Face, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Strip:
    """A passage of a clip without gaps, cut to one person's head; for what happens between sampled frames.

    ``times_s``: ``(n,)`` float64, rising, on the clock of ``Frame.time_s``. ``pixels``: ``(n, side, side, 3)`` uint8
    RGB: a window of one size that moves with the head in whole pixels of the frame, reduced by area, never enlarged.
    ``origins``: ``(n, 2)`` float32, the frame's x and y at the window's upper left corner; ``scale``: pixels of the
    strip for one of the frame, so a point of the strip lies at ``point / scale + origin`` in its frame. ``landmarks``:
    ``(n, 468, 3)`` float32 FaceMesh points in pixels of the strip, NaN where the mesh found no face. Arrays are
    read-only.
    """

    times_s: NDArray[np.float64]
    pixels: Pixels
    origins: Floats
    landmarks: Floats
    scale: float

    @property
    def rate_hz(self) -> float:
        """Frames a second, from the median gap; 0 for fewer than two."""
        return float(1 / np.median(np.diff(self.times_s))) if len(self.times_s) > 1 else 0.0

    @property
    def duration_s(self) -> float:
        """From the first frame to the end of the last."""
        rate = self.rate_hz
        return float(self.times_s[-1] - self.times_s[0] + 1 / rate) if rate else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """What a detector is asked about: the file's facts, its sampled frames, one person of it, its sound.

    Frames are evenly spread over the whole clip; a picture is one frame. ``track`` is set for detectors of level
    "person" and None for level "file". ``strip`` is set where a detector with ``needs_strip`` is asked, and None for
    pictures and wherever it cannot be had; ``company``: those of the other people. Arrays are read-only.
    """

    media: Media
    frames: tuple[Frame, ...] = ()
    track: Track | None = None
    audio: Audio | None = None
    strip: Strip | None = None
    company: tuple[Strip, ...] = ()

    def frame(self, index: int) -> Frame:
        """The sampled frame that a face refers to."""
        return self.frames[index]


@dataclass(frozen=True, slots=True)
class Interval:
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """An exhibit to look at: ``pixels`` ``(height, width, 3)`` uint8 RGB."""

    caption: str
    pixels: Pixels
    time_s: float | None = None


@dataclass(frozen=True, slots=True)
class Curve:
    """An exhibit to read off: ``y`` against ``x``; None in ``y`` is a gap. ``threshold`` draws a level."""

    caption: str
    x_label: str
    y_label: str
    x: tuple[float, ...]
    y: tuple[float | None, ...]
    threshold: float | None = None


Exhibit = Picture | Curve


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a file says of its own origin: words of whoever wrote it, told before any statistics and never mixed in.

    ``origin``: what it says. ``channel``: where it stands. ``standing``: "trusted" = signed by somebody on the reader's
    list, and intact; "intact" = signed and intact, by a signer on no such list; "broken" = signed, and it does not
    hold; "unsigned" = anybody can have written it. ``by``: signer, tool or producer, untrusted text, "" if unnamed.
    ``sentence``: all of it for a person, beginning with a capital ("Declares itself AI-made (signed by ..., intact).").
    """

    origin: Origin
    channel: Literal["credential", "label", "watermark", "settings", "tool"]
    standing: Literal["trusted", "intact", "broken", "unsigned"]
    sentence: Text
    by: str = ""

    @property
    def says_ai(self) -> bool:
        """Whether it says that AI made or altered the file, and holds as far as anybody can tell."""
        return self.standing != "broken" and self.origin in ("ai-generated", "ai-edited", "generator-settings")

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, the sentence in English."""
        return asdict(self) | {"sentence": str(self.sentence), "says_ai": self.says_ai}


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one detector has to say of one subject. ``llr=None`` abstains and ``reason`` says why.

    ``fault``: where the detector failed, a traceback; "" for one that answered or abstained. It is for whoever mends it
    and stays out of reports, which say only that it failed.
    """

    detector: str
    llr: float | None
    finding: str
    reason: str = ""
    score: float | None = None
    person: int | None = None
    interval: Interval | None = None
    exhibits: tuple[Exhibit, ...] = ()
    weights: str = ""  # "model id @ sha256"
    seconds: float = 0.0
    finds: Forgery = "altered"  # what ``llr`` is the evidence of; filled in by the pipeline
    counted: float | None = None  # what it adds to the fused LLR of that kind, once others' repeating it is taken off
    declares: tuple[Declaration, ...] = ()  # what the file says of itself, as this detector read it
    asked: bool = True  # False: it does not examine this kind of media, which ``reason`` says
    fault: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; exhibits are named by kind and caption, their arrays stay behind."""
        return {
            "detector": self.detector,
            "finds": self.finds,
            "asked": self.asked,
            "llr": self.llr,
            "counted": self.counted,
            "finding": str(self.finding),
            "reason": str(self.reason),
            "failed": bool(self.fault),
            "score": self.score,
            "person": self.person,
            "interval_s": [self.interval.start_s, self.interval.end_s] if self.interval else None,
            "weights": self.weights,
            "seconds": self.seconds,
            "exhibits": [{"kind": type(e).__name__.lower(), "caption": str(e.caption)} for e in self.exhibits],
        }


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
    like none of them, "" where it is not.
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

    def four_ways(self) -> dict[tuple[bool, bool], float]:
        """By (picture forged, voice forged): the probability, had all four been equally likely beforehand and were both
        streams forged independently of each other. Nothing said of a stream counts as an LLR of 0. Empty without
        ``streams``."""
        llr = {s.stream: s.llr or 0.0 for s in self.streams}
        if not {"picture", "voice"} <= set(llr):
            return {}
        ways = [(picture, voice) for picture in (False, True) for voice in (False, True)]
        odds = [math.exp(p * llr["picture"] + v * llr["voice"]) for p, v in ways]
        return {way: one / math.fsum(odds) for way, one in zip(ways, odds, strict=True)}


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """A person as shown in the report: their clearest face and how well they were seen."""

    person: int
    portrait: Pixels
    faces: int
    interval: Interval
    quality: Quality


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
    media: Media
    verdict: Verdict
    evidence: tuple[Evidence, ...]
    people: tuple[Person, ...]
    engine: Engine


@dataclass(frozen=True, slots=True)
class InputContract:
    """What a learned detector must be fed, enforced at run time by ``zhenwei.faces.cut``.

    ``margin``: share of the face box added on each side. ``min_face_px``: shorter side of the face box in source
    pixels below which the detector abstains. Pixels are RGB, ``(value / 255 - mean) / deviation``.
    """

    size_px: int
    margin: float
    min_face_px: int
    mean: float = 0.5
    deviation: float = 0.5


@dataclass(frozen=True, slots=True)
class DetectorInfo:
    """The entry of a detector in the catalogue; shown by ``zhenwei detectors``."""

    id: str
    question: str
    takes: tuple[Kind, ...]
    level: Level
    needs: tuple[str, ...]
    reference: str
    blind_spots: tuple[str, ...]
    models: tuple[str, ...] = ()  # ids in the model store
    contract: InputContract | None = None
    reads_metadata: bool = False
    finds: Forgery = "altered"
    needs_strip: bool = False  # whether it looks at ``Subject.strip``, which takes a second decoding

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class Detector(Protocol):
    """The one door of every detector: a frozen dataclass whose fields are its options.

    ``examine`` answers any subject with Evidence: a finite calibrated ``llr``, or None and a reason. It does not
    raise for content, does not read the clock, the network or the file's name, and is deterministic.
    """

    info: ClassVar[DetectorInfo]

    def examine(self, subject: Subject) -> Evidence: ...
