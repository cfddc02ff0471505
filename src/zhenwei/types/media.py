"""What is read of a file: its facts, its frames, its sound. Pixels and samples as NumPy arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

Kind = Literal["image", "video", "audio"]
Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]


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

    def share_of(self, width: int, height: int) -> Box:
        """The box in shares of a frame of ``width`` by ``height`` pixels."""
        return Box(self.left / width, self.top / height, self.right / width, self.bottom / height)


@dataclass(frozen=True, slots=True)
class Interval:
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One decoded picture. ``index`` counts the sampled frames from 0, ``time_s`` is its place in the clip."""

    index: int
    time_s: float
    pixels: Pixels


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Audio:
    """Decoded sound: ``samples`` is ``(channels, n)`` float32 in [-1, 1]. ``gaps``: where the file holds no sound, and
    reading put silence between what comes before and after."""

    samples: Floats
    rate_hz: int
    gaps: tuple[Interval, ...] = ()

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

    @classmethod
    def blank(cls, kind: Kind, *, width: int | None = None, height: int | None = None) -> Self:
        """Media of no file, for pixels or sound that were never saved: no path, no digest, no bytes."""
        return cls("", "", kind, 0, "", width=width, height=height)
