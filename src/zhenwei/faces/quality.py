"""How well a face can be examined: size, sharpness, exposure, and where it looks."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from zhenwei.faces.sampling import part, scaled
from zhenwei.signals.colour import clipped_share
from zhenwei.signals.focus import laplacian_variance
from zhenwei.types import Box, Floats, Pixels, Quality

_SIDE = 128
# FaceMesh points in pairs, the person's right and left: outer and inner corners of the eyes, cheeks, mouth.
_RIGHT, _LEFT = (33, 133, 234, 61), (263, 362, 454, 291)
_FOREHEAD, _CHIN = 10, 152
_PITCH_OF_AXIS = -7.5  # of the line from forehead to chin in a face that looks straight ahead (median of 680 portraits)


def measure(pixels: Pixels, box: Box, landmarks: Floats | None) -> Quality:
    """The quality record of the face in ``box``; angles are None without ``landmarks``."""
    import cv2

    left, top = math.floor(box.left), math.floor(box.top)
    right, bottom = max(left + 1, math.ceil(box.right)), max(top + 1, math.ceil(box.bottom))
    face = part(pixels, left, top, right, bottom)
    luma = np.asarray(cv2.cvtColor(scaled(face, _SIDE, _SIDE), cv2.COLOR_RGB2GRAY), np.uint8)
    yaw, pitch, roll = (None, None, None) if landmarks is None else pose(landmarks)
    return Quality(
        face_px=float(min(box.width, box.height)),
        sharpness=laplacian_variance(luma),
        brightness=float(luma.mean() / 255),
        clipped=clipped_share(luma),
        yaw_deg=yaw,
        pitch_deg=pitch,
        roll_deg=roll,
    )


def pose(landmarks: Floats) -> tuple[float, float, float]:
    """Yaw, pitch and roll in degrees from FaceMesh points ``(468, 3)``; all 0 for a face that looks into the camera.

    Yaw > 0: the nose points to the picture's right. Pitch > 0: it points up. Roll > 0: the head is turned clockwise as
    seen. The head is turned by the roll first, then the pitch, then the yaw.
    """
    axes = _axes(landmarks.astype(np.float64))
    towards = -axes[:, 2]
    yaw = math.atan2(towards[0], -towards[2])
    pitch = math.asin(max(-1.0, min(1.0, -towards[1])))
    levelled = (rotation(math.degrees(yaw), math.degrees(pitch), 0.0)).T @ axes[:, 0]
    roll = math.atan2(levelled[1], levelled[0])
    return math.degrees(yaw), math.degrees(pitch) - _PITCH_OF_AXIS, math.degrees(roll)


def rotation(yaw_deg: float, pitch_deg: float, roll_deg: float) -> NDArray[np.float64]:
    """The turn of a head by these angles, ``(3, 3)``: x to the right, y down, z away from the camera."""
    yaw, pitch, roll = math.radians(yaw_deg), math.radians(pitch_deg), math.radians(roll_deg)
    about_y = np.array([[math.cos(yaw), 0, -math.sin(yaw)], [0, 1, 0], [math.sin(yaw), 0, math.cos(yaw)]])
    about_x = np.array([[1, 0, 0], [0, math.cos(pitch), math.sin(pitch)], [0, -math.sin(pitch), math.cos(pitch)]])
    about_z = np.array([[math.cos(roll), -math.sin(roll), 0], [math.sin(roll), math.cos(roll), 0], [0, 0, 1]])
    return np.asarray(about_y @ about_x @ about_z)


def _axes(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The head's own axes as columns: to its left (the picture's right), down, and away from the camera."""
    across = (points[list(_LEFT)] - points[list(_RIGHT)]).sum(axis=0)
    across /= max(float(np.linalg.norm(across)), 1e-9)
    down = points[_CHIN] - points[_FOREHEAD]
    down -= (down @ across) * across
    down /= max(float(np.linalg.norm(down)), 1e-9)
    return np.column_stack([across, down, np.cross(across, down)])
