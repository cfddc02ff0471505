"""The colour of the skin of a face, as it is seen: light and camera are in it as much as the person."""

from __future__ import annotations

import cv2
import numpy as np

from zhenwei.types import Floats, Pixels

_PLACES = (50, 280, 151)  # of the face mesh: both cheeks, the middle of the forehead
_CHEEKBONES = (234, 454)
_REACH = 0.05  # radius of what is looked at, in widths of the face


def typology_angle_deg(pixels: Pixels, landmarks: Floats) -> float:
    """The individual typology angle of the skin, in degrees (Chardon et al. 1991): arctan((L* - 50) / b*), about 60 for
    very light, 10 for brown, below -30 for very dark skin in even light.

    ``pixels``: ``(height, width, 3)`` uint8 RGB; ``landmarks``: ``(468, 2 or 3)``, points of the face mesh in pixels.
    The median over cheeks and forehead; NaN where none of them is in the picture.
    """
    height, width = pixels.shape[:2]
    across = float(np.linalg.norm(landmarks[_CHEEKBONES[1], :2] - landmarks[_CHEEKBONES[0], :2]))
    reach = max(1, round(_REACH * across))
    patches = []
    for x, y in np.rint(landmarks[list(_PLACES), :2]).astype(int):
        if 0 <= x < width and 0 <= y < height:
            patch = pixels[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1]
            patches.append(patch.reshape(-1, 3))
    if not patches:
        return float("nan")
    lab = cv2.cvtColor(np.concatenate(patches)[None].astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[0]
    lightness, _, blue_yellow = np.median(lab, axis=0)
    return float(np.degrees(np.arctan2(lightness - 50, max(float(blue_yellow), 1e-3))))
