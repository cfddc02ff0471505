"""From a decoded video frame to upright RGB pixels of bounded size."""

from __future__ import annotations

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from zhenwei.media.containers import Orientation, orientation
from zhenwei.media.pictures import GREY, frozen
from zhenwei.types import Pixels


def upright_pixels(frame: VideoFrame, max_side: int, converter: VideoReformatter) -> Pixels:
    """``(height, width, 3)`` uint8 RGB, contiguous and read-only.

    The colour matrix and range are the frame's own; one without a mark is taken for BT.601, as FFmpeg and OpenCV do.
    Reduced by area so that the longer side is at most ``max_side``, never enlarged. Transparency is laid over
    mid-grey. Pixels stay as stored where they are not square.
    """
    width, height = reduced_size(frame.width, frame.height, max_side)
    clear = any(component.is_alpha for component in frame.format.components)
    converted = converter.reformat(
        frame,
        width=width,
        height=height,
        format="rgba" if clear else "rgb24",
        interpolation=Interpolation.AREA if (width, height) != (frame.width, frame.height) else Interpolation.BILINEAR,
        threads=1,
    )
    pixels = np.asarray(converted.to_ndarray(), dtype=np.uint8)
    if clear:
        pixels = _over_grey(pixels)
    return frozen(turned(pixels, orientation(frame)))


def reduced_size(width: int, height: int, max_side: int) -> tuple[int, int]:
    """(width, height) with the longer side at most ``max_side`` and the shape kept to the nearest pixel."""
    longer = max(width, height)
    if longer <= max_side:
        return width, height
    return max(1, round(width * max_side / longer)), max(1, round(height * max_side / longer))


def turned(pixels: Pixels, how: Orientation) -> Pixels:
    """``pixels`` as ``how`` says, as a view."""
    if how.swap:
        pixels = pixels.swapaxes(0, 1)
    if how.mirror:
        pixels = pixels[:, ::-1]
    return pixels[::-1] if how.flip else pixels


def _over_grey(layer: Pixels) -> Pixels:
    alpha: NDArray[np.uint32] = layer[..., 3:].astype(np.uint32)
    mixed = layer[..., :3] * alpha + GREY * (255 - alpha)
    return ((mixed + 127) // 255).astype(np.uint8)
