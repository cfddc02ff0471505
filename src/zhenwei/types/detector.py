"""What a detector is, what it is asked about, and what a learned one must be fed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal, Protocol

from zhenwei.types.evidence import Evidence, Forgery
from zhenwei.types.faces import Strip, Track
from zhenwei.types.media import Audio, Frame, Kind, Media

Level = Literal["person", "file"]
Depth = Literal["fast", "standard", "full"]
"""How much is asked of a file, from the cheapest on; each asks all that the one before it asks."""
DEPTHS: tuple[Depth, ...] = ("fast", "standard", "full")


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

    @property
    def person(self) -> int | None:
        """The number of the person that is asked about; None for the whole file."""
        return self.track.person if self.track else None

    def frame(self, index: int) -> Frame:
        """The sampled frame that a face refers to."""
        return self.frames[index]


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
    """The entry of a detector in the catalogue; shown by ``zhenwei detectors``.

    ``depth``: the shallowest at which it is asked where no detector is named. "fast" is for what costs little beside
    decoding or tells most, "full" for what costs much and was measured to add little.
    """

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
    depth: Depth = "standard"

    def asked_at(self, depth: Depth) -> bool:
        """Whether an examination of that depth asks it, unless detectors are named."""
        return DEPTHS.index(self.depth) <= DEPTHS.index(depth)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class Detector(Protocol):
    """The one door of every detector: a frozen dataclass whose fields are its options.

    ``examine`` answers any subject with Evidence: a finite calibrated ``llr``, or None and a reason. It does not
    raise for content, does not read the clock, the network or the file's name, and is deterministic.
    """

    info: ClassVar[DetectorInfo]

    def examine(self, subject: Subject) -> Evidence: ...
