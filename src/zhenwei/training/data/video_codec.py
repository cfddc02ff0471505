"""Images through a video codec and back, as the frames of a clip went."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np

from zhenwei.types import Pixels

_OPTIONS = {"preset": "veryfast", "tune": "zerolatency"}  # what looks ahead differs from run to run


def through_h264(frames: Pixels, crf: int, keyframes: int = 250) -> Pixels:
    """``frames`` ``(n, height, width, 3)`` uint8 RGB, even sides, as an H.264 clip. ``crf``: 0 (best) to 51;
    ``keyframes``: frames from one to the next."""
    height, width = frames.shape[1:3]
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base = Fraction(1, 25)
    encoder.thread_count = 1
    encoder.options = {**_OPTIONS, "crf": str(crf), "g": str(keyframes)}
    packets = []
    for number, pixels in enumerate(frames):
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgb24")
        frame.pts = number
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    decoder = av.CodecContext.create("h264", "r")
    decoder.thread_count = 1
    images = []
    for packet in [*packets, None]:
        for frame in decoder.decode(packet):
            images.append(frame.to_ndarray(format="rgb24"))
    return np.stack(images)
