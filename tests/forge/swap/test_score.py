"""Figures of a swap: each tells apart what it should."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from docs.lecture import measure

from zhenwei.errors import UsageError
from zhenwei.forge.puppet import ANNA, BRUNO, any_puppet, portraits
from zhenwei.forge.swap import score
from zhenwei.forge.swap.sides import SwapFaces, of_portraits
from zhenwei.stats.bootstrap import mean_interval
from zhenwei.types import Pixels


@pytest.fixture(scope="module")
def people() -> tuple[SwapFaces, SwapFaces]:
    a, b = (of_portraits(n, portraits(p, 24, 64, s)) for n, p, s in (("anna", ANNA, 1), ("bruno", BRUNO, 2)))
    return a, b


def test_likeness_of_genuine_faces_is_at_ceiling_and_floor(people: tuple[SwapFaces, SwapFaces]) -> None:
    (a, held_a), (b, held_b) = (faces.halves(8) for faces in people)
    args = (a.pixels, b.pixels, held_a.pixels, held_b.pixels, score.appearance)
    perfect, nothing = score.likeness(held_b.pixels, *args), score.likeness(held_a.pixels, *args)
    assert perfect.to_target.value == pytest.approx(perfect.ceiling)
    assert nothing.to_target.value == pytest.approx(nothing.floor)
    assert perfect.gain.low > 0 > nothing.gain.high


def test_intervals_hold_the_mean_and_shrink_with_n() -> None:
    rng = np.random.default_rng(0)
    few, many = (mean_interval(rng.normal(1, 1, n)) for n in (10, 1000))
    assert few.low < few.value < few.high
    assert many.high - many.low < 0.3 * (few.high - few.low)


def test_kernel_distance_is_near_nought_for_one_heap_and_not_for_two(people: tuple[SwapFaces, SwapFaces]) -> None:
    a, b = people
    same = score.kernel_distance(a.pixels[:12], a.pixels[12:], score.appearance)
    other = score.kernel_distance(a.pixels[:12], b.pixels[12:], score.appearance)
    assert abs(same.value) < 0.2 * other.value
    assert other.low > same.high
    with pytest.raises(UsageError, match="too few"):
        score.kernel_distance(a.pixels[:3], b.pixels, score.appearance)


def test_a_learned_embedding_tells_apart_puppets_that_it_never_saw() -> None:
    made = [of_portraits(str(k), portraits(any_puppet(np.random.default_rng(k)), 10, 64, k)).pixels for k in range(20)]
    embed = score.learned(score.train_embedding(made[:12], 60, 0))
    auc, pairs = measure.verification_auc(made[12:], embed)
    assert pairs == 8 * 45
    assert auc > 0.85
    assert np.allclose(np.linalg.norm(embed(made[0]), axis=1), 1, atol=1e-5)
    with pytest.raises(UsageError, match="nothing to tell apart"):
        score.train_embedding(made[:1], 1, 0)


def test_as_many_faces_are_softened_as_is_asked(
    people: tuple[SwapFaces, SwapFaces], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Pixels] = []

    def softened(face: Pixels, _: np.random.Generator) -> Pixels:
        seen.append(face)
        return face

    monkeypatch.setattr(score, "_softened", softened)
    for soft, least, most in ((0.0, 0, 0), (0.25, 35, 65), (1.0, 200, 200)):
        seen.clear()
        score.train_embedding([faces.pixels for faces in people], 4, 0, batch=50, soft=soft)
        assert least <= len(seen) <= most


def test_an_embedding_that_saw_soft_faces_is_less_moved_by_softness() -> None:
    made = [of_portraits(str(k), portraits(any_puppet(np.random.default_rng(k)), 5, 64, k)).pixels for k in range(6)]
    soft = [np.stack([np.asarray(cv2.GaussianBlur(face, (0, 0), 2.5), np.uint8) for face in faces]) for faces in made]

    def moved(share: float) -> float:
        """How far a blur moves a face, over how far two people are apart."""
        embed = score.learned(score.train_embedding(made, 50, 0, batch=24, soft=share))
        sharp, blurred = (np.concatenate([embed(faces) for faces in each]) for each in (made, soft))
        who = np.repeat(np.arange(6), 5)
        apart = 1 - (sharp @ sharp.T)[who[:, None] != who[None]].mean()
        return float((1 - (sharp * blurred).sum(axis=1)).mean() / apart)

    assert moved(0.5) < 0.6 * moved(0.0)  # 0.015 and 0.061


def test_landmark_error_is_a_share_of_the_eyes_distance(people: tuple[SwapFaces, SwapFaces]) -> None:
    points = people[0].landmarks[0]
    between = float(np.linalg.norm(points[33] - points[263]))
    assert score.landmark_error(points, points) == 0
    assert score.landmark_error(points, points + np.array([between / 2, 0], np.float32)) == pytest.approx(0.5, rel=1e-4)
    with pytest.raises(UsageError, match="no face"):
        score.landmark_error(np.zeros_like(points), points)


def test_genuine_puppets_drive_themselves(people: tuple[SwapFaces, SwapFaces]) -> None:
    a = people[0]
    own, seen = score.driving_error(a.pixels[:6], a.landmarks[:6])
    other, _ = score.driving_error(a.pixels[:6], a.landmarks[6:12])
    assert seen >= 4
    assert own is not None
    assert other is not None
    assert own.value < 0.15
    assert own.value < 0.6 * other.value


def test_blurred_faces_are_less_sharp(people: tuple[SwapFaces, SwapFaces]) -> None:
    import cv2

    soft = np.stack([cv2.GaussianBlur(p, (0, 0), 1.5) for p in people[0].pixels])
    assert measure.sharpness(soft.astype(np.uint8)) < 0.5 * measure.sharpness(people[0].pixels)
