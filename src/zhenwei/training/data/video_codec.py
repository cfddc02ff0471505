"""A picture through a video codec and back, as every frame of a clip went."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np

from zhenwei.types import Pixels

_OPTIONS = {"preset": "veryfast", "tune": "zerolatency"}


def through_h264(pixels: Pixels, crf: int) -> Pixels:
    """``pixels`` ``(height, width, 3)`` uint8 RGB, even sides, as one H.264 picture. ``crf``: 0 (best) to 51."""
    height, width = pixels.shape[:2]
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base = Fraction(1, 25)
    encoder.thread_count = 1
    encoder.options = {**_OPTIONS, "crf": str(crf)}
    frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
    packets = [*encoder.encode(frame), *encoder.encode(None)]
    decoder = av.CodecContext.create("h264", "r")
    decoder.thread_count = 1
    (picture,) = [*(f for p in packets for f in decoder.decode(p)), *decoder.decode(None)]
    return np.asarray(picture.to_ndarray(format="rgb24"), np.uint8)
