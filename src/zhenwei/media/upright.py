"""From a decoded video frame to upright RGB pixels of bounded size."""

from __future__ import annotations

from typing import Any

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from zhenwei.media.containers import Orientation, orientation
from zhenwei.media.images import GREY, frozen
from zhenwei.types import Pixels

Window = tuple[int, int, int, int]  # left, top, right and bottom in pixels of the upright frame
_PLANAR = frozenset({"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p"})  # 8 bits, no alpha
_EDGE = 16  # further than enlarging the colour planes reaches


def upright_pixels(frame: VideoFrame, max_side: int, converter: VideoReformatter) -> Pixels:
    """``(height, width, 3)`` uint8 RGB, contiguous and read-only; the longer side is reduced by area to ``max_side``.

    Colours without a mark are taken for BT.601, as FFmpeg and OpenCV do; pixels are not made square.
    """
    size = reduced_size(frame.width, frame.height, max_side)
    how = Interpolation.BILINEAR if size == (frame.width, frame.height) else Interpolation.AREA
    return frozen(stored_upright(frame, size, converter, how, ("rgb24", "rgba")))


def stored_upright(
    frame: VideoFrame,
    size: tuple[int, int],
    converter: VideoReformatter,
    how: Interpolation,
    formats: tuple[str, str],
) -> NDArray[Any]:
    """``(height, width, 3)`` full-range R'G'B' as stored, upright, transparency over mid-grey. ``size``: (width,
    height) as stored. ``formats``: FFmpeg's, without and with transparency."""
    clear = any(component.is_alpha for component in frame.format.components)
    converted = converter.reformat(
        frame, width=size[0], height=size[1], format=formats[clear], interpolation=how, threads=1
    )
    samples: NDArray[Any] = np.asarray(converted.to_ndarray())
    if clear:
        full = np.iinfo(samples.dtype).max
        alpha = samples[..., 3:].astype(np.float32) / full
        mixed = samples[..., :3] * alpha + np.float32(GREY * (full // 255)) * (1 - alpha)
        samples = np.rint(mixed).astype(samples.dtype)
    return turned(samples, orientation(frame))


def upright_part(frame: VideoFrame, max_side: int, converter: VideoReformatter, window: Window) -> Pixels:
    """The part of ``upright_pixels`` inside ``window``, bit for bit, without converting the rest where that can be; at
    least one pixel."""
    plain = frame.format.name in _PLANAR and orientation(frame) == Orientation()
    if not plain or max(frame.width, frame.height) > max_side:
        whole = upright_pixels(frame, max_side, converter)
        left, top, right, bottom = inside(window, whole.shape[1], whole.shape[0])
        return frozen(np.ascontiguousarray(whole[top:bottom, left:right]))
    left, top, right, bottom = inside(window, frame.width, frame.height)
    outer = (
        max(0, left - _EDGE) // 2 * 2,
        max(0, top - _EDGE) // 2 * 2,
        min(frame.width, right + _EDGE),
        min(frame.height, bottom + _EDGE),
    )
    part = upright_pixels(_cropped(frame, outer), max_side, converter)
    inner = part[top - outer[1] : bottom - outer[1], left - outer[0] : right - outer[0]]
    return frozen(np.ascontiguousarray(inner))


def inside(window: Window, width: int, height: int) -> Window:
    """What of ``window`` lies in the frame; at least one pixel."""
    left, top = min(max(window[0], 0), width - 1), min(max(window[1], 0), height - 1)
    return left, top, max(left + 1, min(window[2], width)), max(top + 1, min(window[3], height))


def _cropped(frame: VideoFrame, outer: Window) -> VideoFrame:
    """A frame of the same colours that holds a part of the planes; ``outer`` begins at even pixels."""
    left, top, right, bottom = outer
    part = VideoFrame(right - left, bottom - top, frame.format.name)
    for have, want in zip(frame.planes, part.planes, strict=True):
        across, down = -(-frame.width // have.width), -(-frame.height // have.height)
        rows = np.frombuffer(memoryview(have), np.uint8)[: have.line_size * have.height].reshape(
            have.height, have.line_size
        )
        copy = np.zeros((want.height, want.line_size), np.uint8)
        x, y = left // across, top // down
        copy[:, : want.width] = rows[y : y + want.height, x : x + want.width]
        want.update(copy)  # type: ignore[arg-type]  # anything with a buffer goes
    part.colorspace, part.color_range = frame.colorspace, frame.color_range
    return part


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
