"""FaceMesh: 468 points on each candidate, and a second opinion on whether it is a face at all.

After Kartynnik et al., "Real-time Facial Surface Geometry from Monocular Video on Mobile GPUs" (2019). The region is
built as MediaPipe builds it: a square of 1.5 times the box about its centre, turned so that the eyes are level.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from zhenwei import models
from zhenwei.faces.blazeface import Candidate
from zhenwei.types import Floats, Pixels

FACE_MESH = "face_landmark"
_REGION = 1.5
_BATCH = 8
_MAX_FINER = 4


def place(pixels: Pixels, candidates: Sequence[Candidate]) -> list[tuple[Floats, float]]:
    """Points ``(468, 3)`` float32 in pixels of the picture (z in the same unit, smaller is nearer) and, for each
    candidate, the network's logit that there is a face."""
    model = models.load(FACE_MESH)
    size = model.input_shape[1] or 0
    found: list[tuple[Floats, float]] = []
    for start in range(0, len(candidates), _BATCH):
        part = candidates[start : start + _BATCH]
        maps = [_to_image(candidate, size) for candidate in part]
        batch = np.stack([_upright(pixels, m, size) for m in maps]).astype(np.float32) / np.float32(255)
        points, flags = model.run(batch)
        for m, raw, flag in zip(maps, points.reshape(len(part), 468, 3), flags.reshape(-1), strict=True):
            flat = raw[:, :2].astype(np.float64) @ m[:, :2].T + m[:, 2]
            depth = raw[:, 2:].astype(np.float64) * np.hypot(*m[:, 0])
            found.append((np.concatenate([flat, depth], axis=1).astype(np.float32), float(flag)))
    return found


def _to_image(candidate: Candidate, size: int) -> NDArray[np.float64]:
    """``(2, 3)``: from the region's coordinates (0 to ``size``, continuous) to those of the picture."""
    box = candidate.box
    centre = np.array([box.left + box.right, box.top + box.bottom]) / 2
    scale = max(box.width, box.height) * _REGION / size
    cos, sin = np.cos(candidate.angle) * scale, np.sin(candidate.angle) * scale
    turn = np.array([[cos, -sin], [sin, cos]])
    return np.column_stack([turn, centre - turn @ np.full(2, size / 2)])


def _upright(pixels: Pixels, to_image: NDArray[np.float64], size: int) -> Pixels:
    import cv2

    # Sampled finer and then averaged where the face is larger than the network's input, or detail would alias.
    finer = int(min(_MAX_FINER, max(1, np.hypot(*to_image[:, 0]))))
    turn = to_image[:, :2] / finer
    # Pixel i covers i to i + 1, so its middle is i + 0.5 on both sides; OpenCV counts from the middles.
    shift = to_image[:, 2] + turn @ np.full(2, 0.5) - 0.5
    region = cv2.warpAffine(
        pixels,
        np.column_stack([turn, shift]),
        (size * finer, size * finer),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    if finer > 1:
        region = cv2.resize(region, (size, size), interpolation=cv2.INTER_AREA)
    return np.asarray(region, np.uint8)
