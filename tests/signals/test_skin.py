"""The colour of skin: known colours have known angles, and only the skin is looked at."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from zhenwei.signals.skin import typology_angle_deg
from zhenwei.types import Floats, Pixels


def face(lab: tuple[float, float, float]) -> Pixels:
    """A picture of one colour, given in CIE L*a*b*."""
    colour = np.array([[lab]], np.float32)
    rgb = cv2.cvtColor(colour, cv2.COLOR_LAB2RGB)[0, 0]
    return np.full((200, 200, 3), np.rint(255 * rgb), np.uint8)


def landmarks() -> Floats:
    points = np.full((468, 3), 100, np.float32)
    points[234, :2], points[454, :2] = (40, 100), (160, 100)
    points[50, :2], points[280, :2], points[151, :2] = (70, 120), (130, 120), (100, 50)
    return points


@pytest.mark.parametrize("lab", [(80, 10, 15), (65, 14, 20), (50, 14, 20), (35, 12, 15)])
def test_the_angle_is_that_of_the_colour(lab: tuple[float, float, float]) -> None:
    wanted = math.degrees(math.atan2(lab[0] - 50, lab[2]))
    assert typology_angle_deg(face(lab), landmarks()) == pytest.approx(wanted, abs=2.0)


def test_darker_skin_has_a_smaller_angle() -> None:
    angles = [typology_angle_deg(face((lightness, 12, 18)), landmarks()) for lightness in (85, 70, 55, 40, 25)]
    assert angles == sorted(angles, reverse=True)


def test_hair_eyes_and_background_do_not_matter() -> None:
    plain = face((65, 14, 20))
    other = plain.copy()
    other[:35], other[150:], other[:, :35], other[:, 165:] = 0, 255, 90, 10
    assert typology_angle_deg(other, landmarks()) == typology_angle_deg(plain, landmarks())


def test_outside_of_the_picture_there_is_no_skin() -> None:
    assert math.isnan(typology_angle_deg(face((65, 14, 20)), landmarks() + 500))
    partly = landmarks()
    partly[[50, 280], 0] = -20
    assert typology_angle_deg(face((65, 14, 20)), partly) == pytest.approx(36.9, abs=2.0)


def test_grey_pictures_have_an_angle_too() -> None:
    assert typology_angle_deg(np.full((200, 200, 3), 200, np.uint8), landmarks()) == pytest.approx(90, abs=2)
