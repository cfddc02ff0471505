"""What a detector answers, with its exhibits, and what a file declares of itself."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

from zhenwei.types.media import Box, Interval, Pixels
from zhenwei.types.text import Text

Forgery = Literal["altered", "animated", "generated", "voice", "pairing"]
"""A picture: of a genuine recording that was changed, of a head set in motion by a network, or of one that never was; a
voice that was made by a machine; picture and sound that do not belong together, which is a way to alter a recording."""
Origin = Literal["ai-generated", "ai-edited", "generator-settings", "captured", "edited", "synthetic", "other"]
"""What a file says of how it came about: made by AI; in part made or altered by AI; settings of a generator stand in
it; recorded by a device; edited by a person; made by a program that learned from nothing; something else."""


@dataclass(frozen=True, slots=True, eq=False)
class ImageExhibit:
    """An exhibit to look at: ``pixels`` ``(height, width, 3)`` uint8 RGB.

    ``original``: of a map, the pixels that it is laid over, of the same size; None for every other picture. ``boxes``:
    faces in it, each as person, left, top, right and bottom, the edges as shares of its width and height. ``place``: of
    a map of a part of the frame, which part, in shares of the frame's width and height; None for the whole of it.
    """

    kind: ClassVar[str] = "picture"

    caption: str
    pixels: Pixels
    time_s: float | None = None
    original: Pixels | None = None
    boxes: tuple[tuple[int, float, float, float, float], ...] = ()
    place: Box | None = None


@dataclass(frozen=True, slots=True)
class Curve:
    """An exhibit to read off: ``y`` against ``x``; None in ``y`` is a gap. ``threshold`` draws a level."""

    kind: ClassVar[str] = "curve"

    caption: str
    x_label: str
    y_label: str
    x: tuple[float, ...]
    y: tuple[float | None, ...]
    threshold: float | None = None


Exhibit = ImageExhibit | Curve


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
            "exhibits": [{"kind": e.kind, "caption": str(e.caption)} for e in self.exhibits],
        }
