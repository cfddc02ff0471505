"""Motion taken from one face and given to another: exact where it can be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from zhenwei.errors import DataError
from zhenwei.forge.animate.motion import (
    MAX_SHIFT,
    MAX_SIZE,
    MAX_TURN_DEG,
    Motion,
    Points,
    drive,
    limited,
    motion_of,
    opening,
    similarity,
    smoothed,
)
from zhenwei.forge.puppet import ANNA, BRUNO, Look, Puppet, draw
from zhenwei.types import Floats

LOOKS = [Look(yaw=9 * k - 18, pitch=3 * k - 6, roll=2 * k - 4, open=0.25 * ((k + 2) % 4), blink=0.1) for k in range(6)]


def acted(puppet: Puppet, size: int = 160) -> Floats:
    return np.stack([draw(puppet, look, size).landmarks for look in LOOKS])


@given(st.lists(st.floats(-3, 3), min_size=3, max_size=3), st.floats(0.2, 5), st.integers(0, 99))
def test_a_similarity_is_found_again(vector: list[float], size: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    turn, shift, points = Rotation.from_rotvec(vector).as_matrix(), rng.normal(0, 9, 3), rng.normal(0, 1, (20, 3))
    found, found_size, found_shift = similarity(points, size * points @ turn.T + shift)
    assert np.allclose(found, turn, atol=1e-7)
    assert np.isclose(found_size, size)
    assert np.allclose(found_shift, shift, atol=1e-7)


def test_a_face_driven_by_itself_does_what_it_did() -> None:
    clip = acted(BRUNO)
    motion = motion_of(clip, 25.0)
    still = int(
        np.argmin([np.abs(e).max() + np.abs(t).max() for e, t in zip(motion.expression, motion.turn, strict=True)])
    )
    moved = drive(clip[still], motion)
    assert np.abs(moved[:, :, :2] - clip[:, :, :2]).max() < 1e-3


def test_the_neutral_frame_has_no_motion_and_a_shut_mouth() -> None:
    clip = acted(ANNA)
    motion = motion_of(clip, 25.0)
    still = [k for k in range(len(motion)) if np.abs(motion.expression[k]).max() < 1e-9]
    assert len(still) == 1
    assert np.allclose(motion.turn[still[0]], 0, atol=1e-9)
    assert opening(clip[still[0]]) <= min(opening(points) for points in clip) + 0.005


def test_another_face_follows_better_than_it_stands_still() -> None:
    """Drawn faces say where the points of one person would be in the looks of another."""
    portrait = draw(ANNA, Look(blink=0.1), 160).landmarks
    moved, truth = drive(portrait, motion_of(acted(BRUNO), 25.0)), acted(ANNA)
    followed = np.linalg.norm(moved[:, :, :2] - truth[:, :, :2], axis=2).mean()
    stood = np.linalg.norm(portrait[None, :, :2] - truth[:, :, :2], axis=2).mean()
    assert followed < 0.3 * stood


def test_without_gain_the_head_moves_and_the_face_does_not() -> None:
    portrait = draw(ANNA, Look(blink=0.1), 160).landmarks
    motion = motion_of(acted(BRUNO), 25.0)
    assert len({round(opening(points), 6) for points in drive(portrait, motion, gain=0.0)}) == 1
    assert len({round(opening(points), 3) for points in drive(portrait, motion)}) > 1


def motion(turn: Points, size: Points, shift: Points) -> Motion:
    count = len(turn)
    return Motion(turn, size, shift, np.zeros((count, 468, 3)), np.zeros((468, 3)), 25.0)


@given(st.integers(0, 999), st.floats(0.01, 20))
def test_limits_hold_and_bend_nothing_small(seed: int, much: float) -> None:
    rng = np.random.default_rng(seed)
    wild = motion(rng.normal(0, much, (7, 3)), np.exp(rng.normal(0, much, 7)), rng.normal(0, much, (7, 2)))
    held = limited(wild)
    assert (np.abs(np.degrees(held.turn)) <= np.array(MAX_TURN_DEG) + 1e-9).all()
    assert (held.size <= MAX_SIZE + 1e-9).all()
    assert (held.size >= 1 / MAX_SIZE - 1e-9).all()
    assert (np.abs(held.shift) <= MAX_SHIFT + 1e-9).all()
    small = motion(wild.turn / much / 1000, np.exp(np.log(wild.size) / much / 1000), wild.shift / much / 1000)
    assert np.allclose(limited(small).turn, small.turn, rtol=1e-2, atol=1e-9)
    assert np.allclose(limited(small).size, small.size, rtol=1e-3)


def test_smoothing_keeps_parabolas_and_takes_jitter_away() -> None:
    at = np.linspace(-1, 1, 25)
    bent = motion(np.stack([at**2, at, 1 + 0 * at], 1), 1 + 0.1 * at**2, np.stack([at, at**2], 1))
    assert np.allclose(smoothed(bent).turn, bent.turn)
    assert np.allclose(smoothed(bent).size, bent.size)
    noise = np.random.default_rng(0).normal(0, 1, (50, 3))
    assert smoothed(motion(noise, np.ones(50), noise[:, :2])).turn.std() < 0.8 * noise.std()
    short = motion(noise[:3], np.ones(3), noise[:3, :2])
    assert smoothed(short) is short


@pytest.mark.parametrize("landmarks", [np.zeros((3, 468, 2)), np.zeros((0, 468, 3)), np.full((2, 468, 3), np.nan),
                                       np.zeros((2, 468, 3)), np.zeros((468, 3))])  # fmt: skip
def test_what_is_no_clip_of_a_face_is_refused(landmarks: Floats) -> None:
    with pytest.raises(DataError):
        motion_of(landmarks, 25.0)
