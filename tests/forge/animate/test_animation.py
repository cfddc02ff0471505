"""Frames of an animated portrait: the truth about them is exact, and the marks of the lab are on them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from zhenwei.errors import DataError
from zhenwei.forge.animate import animate, animated_seeded, motion_of
from zhenwei.forge.animate.layers import layers_of
from zhenwei.forge.animate.motion import OUTER_EYES, opening
from zhenwei.forge.animate.warp import field_of, frame_of
from zhenwei.forge.puppet import ANNA, BRUNO, Look, PuppetPortrait, draw
from zhenwei.types import Floats

PORTRAIT = draw(ANNA, Look(blink=0.1, scene=3), 192)
LOOKS = [Look(blink=0.1), Look(yaw=14, open=0.7, blink=0.1), Look(yaw=-16, pitch=7, roll=5, smile=0.6, blink=1.0)]


def acted() -> Floats:
    return np.stack([draw(BRUNO, look, 192).landmarks for look in LOOKS])


def test_a_driver_who_stands_still_changes_nothing() -> None:
    made = animate(PORTRAIT.pixels, PORTRAIT.landmarks, motion_of(np.repeat(acted()[:1], 3, 0), 25.0))
    assert (made.frames == PORTRAIT.pixels).all()
    assert not made.masks.any()


def test_the_same_again_and_masks_without_a_gap() -> None:
    motion = motion_of(acted(), 25.0)
    made, again = [animate(PORTRAIT.pixels, PORTRAIT.landmarks, motion) for _ in range(2)]
    assert (made.frames == again.frames).all()
    assert made.recipe == again.recipe
    assert (made.frames == PORTRAIT.pixels)[made.masks == 0].all()
    assert made.masks[1:].any((1, 2)).all()
    assert set(np.unique(made.masks)) <= {0.0, 1.0}


def test_landmarks_land_where_they_were_sent() -> None:
    layers = layers_of(PORTRAIT.pixels, PORTRAIT.landmarks)
    made = animate(PORTRAIT.pixels, PORTRAIT.landmarks, motion_of(acted(), 25.0))
    for moved in made.landmarks:
        xs, ys = field_of(layers, moved)
        for point in (*OUTER_EYES, 4, 13, 61, 291):
            at = np.rint(moved[point, :2]).astype(int)
            came = np.array([xs[at[1], at[0]], ys[at[1], at[0]]]) + moved[point, :2] - at
            assert np.linalg.norm(came - PORTRAIT.landmarks[point, :2]) < 1.5


def test_what_is_behind_the_head_stays_where_it_is() -> None:
    made = animate(PORTRAIT.pixels, PORTRAIT.landmarks, motion_of(acted(), 25.0))
    corner = np.s_[:, :20, :20]
    assert (made.frames[corner] == PORTRAIT.pixels[None, :20, :20]).all()


def test_a_face_is_nearer_to_the_truth_than_the_portrait_is() -> None:
    made = animate(PORTRAIT.pixels, PORTRAIT.landmarks, motion_of(acted(), 25.0))
    for frame, look in zip(made.frames[1:], LOOKS[1:], strict=True):
        truth = draw(ANNA, Look(scene=3, **_fields(look)), 192)
        face, wanted = truth.mask > 0.5, truth.pixels.astype(float)
        assert np.abs(frame - wanted)[face].mean() < 0.75 * np.abs(PORTRAIT.pixels - wanted)[face].mean()


def _fields(look: Look) -> dict[str, float]:
    names = ("yaw", "pitch", "roll", "smile", "open", "blink")
    return {name: getattr(look, name) for name in names}


def test_a_shut_mouth_that_opens_shows_what_is_inside() -> None:
    """Closed lips are drawn over a drawn face's gap: nothing of an inside is in the picture."""
    shut = _lips_shut(PORTRAIT)
    assert opening(shut.landmarks.astype(float)) < 0.02
    layers = layers_of(shut.pixels, shut.landmarks)
    moved = shut.landmarks.astype(np.float64)
    lower = [14, 87, 178, 88, 95, 317, 402, 318, 324]
    moved[lower, 1] += 14
    frame, mask = frame_of(layers, moved)
    middle = np.rint((moved[13, :2] + moved[14, :2]) / 2).astype(int)
    inside = frame[middle[1] + 3, middle[0]].astype(int)
    assert inside.max() < 90  # dark, and not stretched lip
    assert mask[middle[1] + 3, middle[0]] == 1


def _lips_shut(portrait: PuppetPortrait) -> PuppetPortrait:
    points, pixels = portrait.landmarks.copy(), portrait.pixels.copy()
    upper, lower = [191, 80, 81, 82, 13, 312, 311, 310, 415], [95, 88, 178, 87, 14, 317, 402, 318, 324]
    ring = [61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146]
    cv2.fillPoly(pixels, [np.rint(points[ring, :2]).astype(np.int32)], (190, 90, 95))
    points[lower] = points[upper]
    return PuppetPortrait(pixels, points, portrait.mask)


def test_a_tight_crop_is_one_layer_and_a_portrait_two() -> None:
    assert layers_of(PORTRAIT.pixels, PORTRAIT.landmarks).cut
    low, high = PORTRAIT.landmarks[:, :2].min(0).astype(int), PORTRAIT.landmarks[:, :2].max(0).astype(int)
    tight = np.ascontiguousarray(PORTRAIT.pixels[low[1] : high[1], low[0] : high[0]])
    moved = PORTRAIT.landmarks - np.array([low[0], low[1], 0], np.float32)
    assert not layers_of(tight, moved).cut
    made = animate(tight, moved, motion_of(acted(), 25.0))
    assert made.recipe["layers"] == 1
    assert made.frames.shape == (3, *tight.shape)


def test_a_recipe_tells_head_and_mouth_of_every_frame() -> None:
    made = animate(PORTRAIT.pixels, PORTRAIT.landmarks, motion_of(acted(), 12.5), gain=0.5)
    assert made.recipe["rate_hz"] == 12.5
    assert made.recipe["gain"] == 0.5
    for name in ("nod_deg", "turn_deg", "tilt_deg", "mouth"):
        assert len(made.recipe[name]) == 3  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(6))
def test_a_still_moved_at_random_has_its_truth_and_its_seed(seed: int) -> None:
    made, again = [animated_seeded(PORTRAIT.pixels, PORTRAIT.landmarks, seed) for _ in range(2)]
    assert (made.pixels == again.pixels).all()
    assert made.recipe == again.recipe
    assert (made.pixels == PORTRAIT.pixels)[made.mask == 0].all()
    assert 0.02 < made.mask.mean() < 0.9


def test_points_that_are_no_face_are_refused() -> None:
    with pytest.raises(DataError):
        animate(PORTRAIT.pixels, np.zeros((468, 3), np.float32), motion_of(acted(), 25.0))
