"""``consistency.exif``: a part from another camera is found, and what cannot be compared gets no answer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from zhenwei import models
from zhenwei.detectors.consistency.exif import Exif, compared, found_enough, telling
from zhenwei.models.calibration import Calibration
from zhenwei.testing import image_subject, video_subject
from zhenwei.training.data.camera import Camera, dead_leaves, saved
from zhenwei.types import Evidence, ImageExhibit, Pixels

REGION = np.s_[150:380, 150:400]
SHARP = Camera()
NOISY = Camera(lens=2, noise=3, tone=2)


@pytest.fixture(scope="module")
def scene() -> Pixels:
    return dead_leaves(512, np.random.default_rng(1))


def ask(pixels: Pixels, *, always: bool = True) -> Evidence:
    return Exif(always=always).examine(replace(image_subject(pixels), track=None))


def spliced(scene: Pixels) -> tuple[Pixels, Pixels]:
    """One shot, and the same with a part that another camera took."""
    rng = np.random.default_rng(0)
    whole, other = SHARP.shoot(scene, rng), NOISY.shoot(scene, rng)
    mixed = whole.copy()
    mixed[REGION] = other[REGION]
    return saved(whole, 95), saved(mixed, 95)


def test_a_part_from_another_camera_scores_higher_and_is_shown(scene: Pixels) -> None:
    whole, mixed = spliced(scene)
    plain, forged = ask(whole), ask(mixed)
    assert plain.score is not None
    assert forged.score is not None
    assert 0 <= plain.score < forged.score - 0.1 < 1
    (shown,) = forged.exhibits
    assert isinstance(shown, ImageExhibit)
    red = shown.pixels[..., 0].astype(int) - shown.pixels[..., 2]
    inside = np.zeros(red.shape, bool)
    inside[REGION] = True
    assert red[inside].mean() > 2 * red[~inside].mean()


def test_agreement_is_symmetric_and_of_every_patch(scene: Pixels) -> None:
    at = telling(scene)
    agree = compared(scene, at)
    assert agree.shape == (len(at), len(at))
    np.testing.assert_array_equal(agree, agree.T)
    assert (agree.max(1) <= np.diag(agree) + 1e-6).all()


def test_the_llr_is_what_the_calibration_makes_of_the_score(scene: Pixels) -> None:
    for evidence in map(ask, spliced(scene)):
        calibration = Calibration.load(models.calibration_path("self_consistency"))
        assert evidence.score is not None
        assert evidence.llr == calibration.llr(evidence.score)
    assert calibration.lowest >= np.log(0.5) - 1e-9


def test_weak_findings_are_kept_to_itself(scene: Pixels) -> None:
    for pixels in spliced(scene):
        frank, shy = ask(pixels), ask(pixels, always=False)
        assert frank.score == shy.score
        assert frank.llr is not None
        assert shy.llr == (frank.llr if found_enough(frank.score, frank.llr) else None)
    assert [found_enough(s, llr) for s, llr in ((0.5, 0.1), (0.3, 0.1), (0.5, -0.1), (None, None))] == [
        True, False, False, False,
    ]  # fmt: skip


def test_large_pictures_are_looked_at_only_where_an_answer_is_wanted_always() -> None:
    mixed = dead_leaves(700, np.random.default_rng(2))
    mixed[200:500, 200:500] = NOISY.shoot(mixed, np.random.default_rng(0))[200:500, 200:500]
    evidence = ask(mixed, always=False)
    assert evidence.llr is None
    assert "larger than" in evidence.reason
    assert evidence.exhibits == ()
    assert ask(mixed).llr is not None


def test_what_cannot_be_compared_gets_no_answer(scene: Pixels) -> None:
    assert "too small" in ask(scene[:180]).reason
    assert "detail" in ask(np.full((400, 400, 3), 128, np.uint8)).reason
    assert "no still picture" in Exif().examine(video_subject([scene])).reason
