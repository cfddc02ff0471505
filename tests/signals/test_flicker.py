"""Flicker: planted tremor shows in its own course and to its own extent, motion and steadiness do not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from zhenwei.signals.flicker import CHANNELS, courses
from zhenwei.testing import strip_subject
from zhenwei.types import Floats, Pixels

SIDE = 160
FLOORS = np.array([0.2, 0.2, *[0.02] * 6])


def still(count: int = 20) -> tuple[Pixels, Floats]:
    texture = cv2.GaussianBlur(np.random.default_rng(0).uniform(40, 200, (SIDE, SIDE, 3)).astype(np.float32), (0, 0), 3)
    pixels = np.repeat(texture[None].round().astype(np.uint8), count, axis=0)
    strip = strip_subject(pixels).strip
    assert strip is not None
    return pixels.copy(), strip.landmarks.copy()


def course(pixels: Pixels, points: Floats) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
    found = courses(pixels, points)
    assert found.shape == (len(CHANNELS), len(pixels) - 2)
    assert found.dtype == np.float32
    return dict(zip(CHANNELS, np.exp(found.astype(np.float64)) - FLOORS[:, None], strict=True))


def inside() -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Where the face of the still clip is."""
    hull = cv2.convexHull(still(3)[1][0, :, :2].round().astype(np.int32))
    return np.asarray(cv2.fillConvexPoly(np.zeros((SIDE, SIDE), np.uint8), hull, 1) > 0)


def test_what_keeps_still_has_no_tremor() -> None:
    for values in course(*still()).values():
        np.testing.assert_allclose(values, 0, atol=1e-4)


def test_light_that_alternates_is_measured_in_grey_levels() -> None:
    pixels, points = still()
    pixels[1::2][:, inside()] += 6
    found = course(pixels, points)
    assert np.median(found["face light"]) == pytest.approx(6, abs=0.5)
    assert np.median(found["face texture"]) == pytest.approx(6, abs=0.7)
    assert found["around light"].max() < 0.5
    assert found["face colour"].max() < 0.3


def test_a_flickering_lamp_shows_around_the_face_too() -> None:
    pixels, points = still()
    pixels[1::2] += 5
    found = course(pixels, points)
    np.testing.assert_allclose(found["face light"], found["around light"], atol=0.2)
    assert np.median(found["around light"]) == pytest.approx(5, abs=0.2)


def test_colour_that_alternates_is_told_from_light() -> None:
    pixels, points = still()
    pixels[1::2, ..., 0] += 10
    found = course(pixels, points)
    assert np.median(found["face colour"]) > 1.5 * np.median(found["face light"])


def test_points_that_tremble_are_told_by_where_they_lie() -> None:
    pixels, points = still(40)
    points[::2, 4, 0] += 4  # the tip of the nose
    found = course(pixels, points)
    assert np.median(found["inner points"]) > 0.5
    assert np.median(found["outline"]) < 0.2 * np.median(found["inner points"])


def test_steady_motion_is_no_tremor() -> None:
    pixels, points = still(20)
    moved = np.stack([np.roll(f, 2 * t, axis=1) for t, f in enumerate(pixels)])
    points = points + (np.arange(20)[:, None, None] * np.array([2.0, 0, 0])).astype(np.float32)
    found = course(moved, points)
    assert np.median(found["inner points"][3:-3]) < 0.05
    assert np.median(found["face light"][3:-3]) < 0.2


def test_frames_without_a_face_are_bridged() -> None:
    pixels, points = still()
    points[5:7] = np.nan
    for values in course(pixels, points).values():
        np.testing.assert_allclose(values, 0, atol=1e-4)
