"""A drawn face whose eyes shut when they are told to."""

from __future__ import annotations

import cv2
import numpy as np

from zhenwei.testing import face_mesh
from zhenwei.types import Box, Floats, Pixels

CORNERS = ((33, 133), (362, 263))


def drawn(shut: list[bool], seed: int = 0, *, turn_deg: float = 0.0) -> tuple[Pixels, Floats]:
    """A face of skin with two drawn eyes, shut in some frames, a little noise on it; and its landmarks."""
    rng = np.random.default_rng(seed)
    mesh = face_mesh(Box(20, 20, 140, 140)).copy()
    for (a, b), x in zip(CORNERS, (45.0, 91.0), strict=True):
        mesh[a, :2], mesh[b, :2] = (x, 70), (x + 24, 70)
    matrix = cv2.getRotationMatrix2D((80, 80), turn_deg, 1.0)
    frames = []
    for closed in shut:
        face = np.full((160, 160, 3), (200, 160, 140), np.uint8)
        for x in (57, 103):
            if closed:
                cv2.ellipse(face, (x, 71), (12, 3), 0, 0, 180, (120, 80, 70), 1)
            else:
                cv2.ellipse(face, (x, 70), (12, 6), 0, 0, 360, (240, 240, 240), -1)
                cv2.circle(face, (x, 70), 5, (40, 30, 30), -1)
        noisy = face + rng.normal(0, 2, face.shape)
        frames.append(cv2.warpAffine(np.clip(noisy, 0, 255).astype(np.uint8), matrix, (160, 160)))
    turned = mesh.copy()
    turned[:, :2] = mesh[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    points = np.repeat(turned[None], len(shut), axis=0).astype(np.float32)
    return np.stack(frames).astype(np.uint8), points
