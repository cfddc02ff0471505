"""Quality: angles against heads turned by known angles, the rest against pictures of known quality."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from zhenwei import faces
from zhenwei.types import Box, Floats, Pixels

FRAME = Box(0, 0, 512, 512)


@pytest.fixture(scope="module")
def head(astronaut: Pixels) -> Floats:
    """The points of a real face."""
    landmarks = faces.detect(astronaut)[0].landmarks
    assert landmarks is not None
    return landmarks


def turned(points: Floats, yaw: float, pitch: float, roll: float) -> Floats:
    """By SciPy, in a frame with y up and z towards the camera, where the angles are the usual right-handed ones."""
    flip = np.array([1, -1, -1])
    turn = Rotation.from_euler("YXZ", [yaw, -pitch, -roll], degrees=True)
    middle = points.mean(axis=0)
    return np.asarray(turn.apply((points - middle) * flip) * flip + middle, np.float32)


@settings(deadline=None, max_examples=40)
@given(yaw=st.floats(-60, 60), pitch=st.floats(-40, 40), roll=st.floats(-80, 80))
def test_angles_of_a_turned_head(head: Floats, yaw: float, pitch: float, roll: float) -> None:
    y, p, r = faces.pose(head)
    straight = turned(turned(turned(head, -y, 0, 0), 0, -p + PITCH_AXIS, 0), 0, 0, -r)
    found = faces.pose(turned(straight, yaw, pitch - PITCH_AXIS, roll))
    np.testing.assert_allclose(found, (yaw, pitch, roll), atol=0.05)


PITCH_AXIS = 7.5  # a face that looks straight ahead has its forehead this much nearer than its chin, in degrees


def test_the_portrait_looks_into_the_camera_and_its_turns_have_the_right_sign(head: Floats) -> None:
    yaw, pitch, roll = faces.pose(head)
    assert abs(yaw) < 12
    assert abs(pitch) < 12
    assert abs(roll) < 6
    nose, cheeks = 4, (234, 454)
    right = turned(head, 30, 0, 0)
    assert right[nose, 0] - right[list(cheeks), 0].mean() > head[nose, 0] - head[list(cheeks), 0].mean()
    up = turned(head, 0, 30, 0)
    assert up[nose, 1] - up[list(cheeks), 1].mean() < head[nose, 1] - head[list(cheeks), 1].mean()
    clockwise = turned(head, 0, 0, 30)
    assert clockwise[263, 1] > clockwise[33, 1] + 5  # the person's left eye, on the picture's right, sinks
    assert faces.pose(right)[0] > yaw + 25
    assert faces.pose(up)[1] > pitch + 25
    assert faces.pose(clockwise)[2] > roll + 25


def test_degenerate_points_have_finite_angles() -> None:
    assert np.isfinite(faces.pose(np.zeros((468, 3), np.float32))).all()


def blurred(pixels: Pixels, sigma: float) -> Pixels:
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma), np.uint8) if sigma else pixels


def test_blur_lowers_sharpness(astronaut: Pixels) -> None:
    box = faces.detect(astronaut)[0].box
    sharp = [faces.measure(blurred(astronaut, s), box, None).sharpness for s in (0, 1, 2, 4)]
    assert sharp == sorted(sharp, reverse=True)
    assert sharp[0] > 100 > 20 > sharp[-1]


@pytest.mark.parametrize("level", [0, 60, 128, 255])
def test_a_flat_picture(level: int) -> None:
    quality = faces.measure(np.full((512, 512, 3), level, np.uint8), FRAME, None)
    assert quality.brightness == pytest.approx(level / 255, abs=0.005)
    assert quality.sharpness == 0
    assert quality.clipped == (level in (0, 255))
    assert quality.face_px == 512
    assert quality.yaw_deg is None


def test_clipped_is_a_share() -> None:
    half = np.full((512, 512, 3), 128, np.uint8)
    half[:, :128] = 255
    half[:, 128:192] = 2
    assert faces.measure(half, FRAME, None).clipped == pytest.approx(3 / 8, abs=0.01)


def test_a_box_beyond_the_picture_is_measured() -> None:
    quality = faces.measure(np.full((40, 40, 3), 90, np.uint8), Box(-30, -30, 20, 15), None)
    assert quality.brightness == pytest.approx(90 / 255, abs=0.005)
    assert quality.face_px == 45
