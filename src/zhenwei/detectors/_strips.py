"""What detectors of passages share: whether a strip is long, fast and complete enough to be examined."""

from __future__ import annotations

import numpy as np

from zhenwei.types import Strip, Text

TOO_OFTEN_LOST = Text("the face is lost in too many frames", zh="太多帧中找不到人脸")


def unfit(strip: Strip | None, *, min_s: float = 0.0, min_hz: float, min_seen: float = 0.0) -> Text | None:
    """Why a passage cannot be examined, None where it can: it lasts less than ``min_s``, has fewer than ``min_hz``
    frames a second, or landmarks in a smaller share of them than ``min_seen``."""
    if strip is None or strip.duration_s < min_s:
        seconds = 0.0 if strip is None else strip.duration_s
        return Text(
            f"the face is seen for {seconds:.1f} s without a break; {min_s:g} s are needed",
            zh=f"连续看到人脸的时间为 {seconds:.1f} 秒，至少需要 {min_s:g} 秒",
        )
    if strip.rate_hz < min_hz:
        return Text(f"{strip.rate_hz:.0f} frames a second are too few", zh=f"每秒 {strip.rate_hz:.0f} 帧太少")
    return TOO_OFTEN_LOST if np.isfinite(strip.landmarks[:, 0, 0]).mean() < min_seen else None
