"""Faces in frames, one person through a clip, and a passage of frames without gaps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zhenwei.types.media import Box, Floats, Interval, Pixels


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

    @property
    def interval(self) -> Interval:
        """From the first frame to the last."""
        return Interval(float(self.times_s[0]), float(self.times_s[-1]))
