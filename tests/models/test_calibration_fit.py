"""The fit against score models whose likelihood ratio is known."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.stats import norm

from zhenwei.errors import DataError
from zhenwei.models.calibration import Calibration
from zhenwei.models.calibration_fit import checked, cross_fit, fit
from zhenwei.stats.metrics import c_llr
from zhenwei.stats.supported import supported_range

Reals = NDArray[np.float64]


def _gaussian(n: int, separation: float, seed: int, *, forged: float = 0.5) -> tuple[Reals, Reals, Reals]:
    """Scores N(+-d/2, 1), whose LLR is d x score; truth; sizes that say nothing."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < forged).astype(np.float64)
    return rng.normal((labels - 0.5) * separation), labels, 2 ** rng.uniform(5.5, 8.5, n)


@pytest.mark.parametrize("separation", [0.5, 1.5, 2.5])
@pytest.mark.parametrize("forged", [0.5, 0.1])
def test_finds_the_analytic_ratio_whatever_the_share_of_forged(separation: float, forged: float) -> None:
    scores, labels, px = _gaussian(8000, separation, seed=1, forged=forged)
    found = fit(scores, labels, px, range(8000), seed=0)
    noise = 0.15 + 0.12 * separation  # three deviations over repeated draws, and no bias seen in them
    for score in (-1.0, 0.0, 1.0):
        for size in (50.0, 120.0, 300.0):
            expected = float(np.clip(separation * score, found.lowest, found.highest))
            assert found.llr(score, face_px=size) == pytest.approx(expected, abs=noise)


def test_the_cost_on_groups_left_out_is_near_its_integral() -> None:
    separation = 1.5
    scores, labels, px = _gaussian(6000, separation, seed=2)
    mean, spread = separation**2 / 2, separation
    ideal = quad(lambda x: norm.pdf(x, mean, spread) * np.logaddexp(0, -x) / math.log(2), -20, 20)[0]
    found = fit(scores, labels, px, range(6000), seed=0)
    assert found.c_llr == pytest.approx(ideal, abs=0.02)


def test_a_group_has_no_part_in_its_own_ratios() -> None:
    rng = np.random.default_rng(14)
    labels, groups, px = np.arange(120) % 2, (np.arange(120) // 6).tolist(), 2 ** rng.uniform(5, 9, 120)
    scores = rng.normal(labels * 1.0)
    before = cross_fit(checked(scores, labels, px, None, groups), seed=0, l2=1.0)
    scores[0] += 50.0
    after = cross_fit(checked(scores, labels, px, None, groups), seed=0, l2=1.0)
    np.testing.assert_array_equal(after[1:6], before[1:6])  # the rest of the first group
    assert (after[6:] != before[6:]).any()


def test_scale_and_origin_of_the_scores_do_not_matter() -> None:
    scores, labels, px = _gaussian(600, 1.5, seed=3)
    one, other = (fit(s, labels, px, range(600), seed=0) for s in (scores, 40 * scores - 700))
    for score in (-1.0, 0.3, 2.0):
        assert other.llr(40 * score - 700, face_px=90) == pytest.approx(one.llr(score, face_px=90), abs=1e-3)


def test_small_soft_faces_whose_scores_say_less_get_flatter_ratios() -> None:
    rng = np.random.default_rng(4)
    n = 6000
    labels, px, sharp = rng.integers(0, 2, n), 2 ** rng.uniform(5, 9, n), 2 ** rng.uniform(3, 9, n)
    separation = 0.3 + 0.5 * (np.log2(px) - 5) * (sharp > 64)
    scores = rng.normal((labels - 0.5) * separation)
    found = fit(scores, labels, px, range(n), seed=0, sharpness=sharp)
    large, small = (found.slope_and_offset(size, 400.0)[0] for size in (400.0, 40.0))
    soft = found.slope_and_offset(400.0, 12.0)[0]
    assert large > 2 * small
    assert large > 1.5 * soft


def test_quality_alone_is_no_evidence() -> None:
    """Small faces are mostly forged, the scores are noise: the ratio stays at one."""
    rng = np.random.default_rng(5)
    n = 4000
    px = 2 ** rng.uniform(5, 9, n)
    labels = rng.random(n) < np.where(px < 2**7, 0.85, 0.15)
    found = fit(rng.normal(size=n), labels, px, range(n), seed=0)
    assert [found.llr(2.0, face_px=size) for size in (40.0, 400.0)] == pytest.approx([0, 0], abs=0.25)
    informative = fit(rng.normal(labels * 1.5), labels, px, range(n), seed=0)
    for size in (40.0, 130.0, 400.0):
        assert informative.llr(0.75, face_px=size) == pytest.approx(0.0, abs=0.35)


def test_scores_that_point_the_wrong_way_become_useless_not_reversed() -> None:
    scores, labels, px = _gaussian(1000, 2.0, seed=6)
    found = fit(-scores, labels, px, range(1000), seed=0)
    assert found.llr(-3, face_px=100) <= found.llr(3, face_px=100)
    assert found.llr(3, face_px=100) == pytest.approx(0, abs=0.2)


def test_perfect_separation_is_bounded_by_the_number_of_groups() -> None:
    labels = np.arange(400) % 2
    scores, px = labels * 100.0, np.full(400, 100.0)
    of_many = fit(scores, labels, px, range(400), seed=0)
    of_few = fit(scores, labels, px, [k // 20 for k in range(400)], seed=0)
    assert of_few.highest <= math.log(20 + 1)
    assert of_few.highest < of_many.highest <= math.log(200 + 1)
    assert of_many.llr(1e9, face_px=100) == of_many.highest


def test_a_ratio_beyond_what_the_data_holds_is_not_supported() -> None:
    rng = np.random.default_rng(7)
    for n in (30, 300):
        labels = np.arange(2 * n) < n
        llr = 10 * rng.normal(np.where(labels, 1.0, -1.0))  # overstated tenfold
        lowest, highest = supported_range(llr, labels, range(2 * n))
        assert -math.log(n + 1) < lowest <= 0 <= highest < math.log(n + 1)
    noise = rng.normal(size=600)
    assert supported_range(np.sign(noise) * 9, np.arange(600) % 2 == 0, range(600)) == pytest.approx((0, 0), abs=0.25)


def test_same_data_same_calibration_in_any_order() -> None:
    scores, labels, px = _gaussian(500, 1.0, seed=8)
    groups = np.arange(500) // 3
    found = fit(scores, labels, px, groups.tolist(), seed=9)
    assert fit(scores, labels, px, groups.tolist(), seed=9) == found
    order = np.random.default_rng(0).permutation(500)
    again = fit(scores[order], labels[order], px[order], groups[order].tolist(), seed=9)
    assert again.llr(1.0, face_px=80) == pytest.approx(found.llr(1.0, face_px=80), abs=1e-3)
    assert again.c_llr == pytest.approx(found.c_llr, abs=1e-3)


def test_sharpness_is_standardised_in_octaves() -> None:
    scores, labels, px = _gaussian(400, 1.0, seed=9)
    sharpness = 2 ** np.random.default_rng(9).normal(6, 2, 400)
    found = fit(scores, labels, px, range(400), sharpness=sharpness, seed=0)
    octaves = np.log2(1 + sharpness)
    assert found.sharpness_centre == pytest.approx(octaves.mean())
    assert found.sharpness_scale == pytest.approx(octaves.std())


def test_the_record_says_where_it_comes_from() -> None:
    scores, labels, px = _gaussian(300, 1.0, seed=10, forged=0.3)
    found = fit(scores, labels, px, [k // 4 for k in range(300)], seed=11, frame_rho=0.9)
    assert (found.forged, found.genuine, found.groups) == (int(labels.sum()), 300 - int(labels.sum()), 75)
    assert (found.seed, found.frame_rho) == (11, 0.9)
    assert Calibration.from_dict(found.to_dict()) == found


def test_frames_of_one_person_do_not_inflate_the_ratio() -> None:
    """Planted correlation: the clip's ratio is the analytic one, far below the sum over frames."""
    rho, frames, separation = 0.6, 16, 1.2
    rng = np.random.default_rng(13)

    def videos(n: int) -> tuple[Reals, Reals]:
        labels = np.arange(n) % 2
        mean = (labels - 0.5) * separation + math.sqrt(rho) * rng.normal(size=n)
        return mean[:, None] + math.sqrt(1 - rho) * rng.normal(size=(n, frames)), labels.astype(np.float64)

    scores, labels = videos(1200)
    truth, names = np.repeat(labels, frames), np.repeat(np.arange(1200), frames).tolist()
    found = fit(scores.ravel(), truth, np.full(truth.shape, 100.0), names, seed=0, frame_rho=rho)
    fresh, labels = videos(1200)
    times = [float(t) for t in range(frames)]
    combined = np.array([found.combine_frames(row.tolist(), times) for row in fresh])
    llr = np.array([found.llr(s, face_px=100.0, frames=frames) for s in combined])
    expected = np.clip(separation * fresh.mean(1) / (rho + (1 - rho) / frames), found.lowest, found.highest)
    assert np.abs(llr - expected).mean() < 0.15
    naive = np.array([sum(found.llr(s, face_px=100.0) for s in row) for row in fresh])
    assert c_llr(labels, llr) < 0.8 < 1.5 < c_llr(labels, naive)


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"scores": [math.nan] * 8}, "missing"),
        ({"face_px": [0.0] * 8}, "missing"),
        ({"labels": [2] * 8}, "neither"),
        ({"labels": [1] * 8}, "0 genuine"),
        ({"groups": ["a"] * 4 + ["b"] * 4}, "1 genuine"),
        ({"groups": list("abc")}, "length"),
    ],
)
def test_data_that_cannot_calibrate_is_refused(change: dict[str, Any], names: str) -> None:
    columns: dict[str, Any] = {
        "scores": [0.0] * 8,
        "labels": [0] * 4 + [1] * 4,
        "face_px": [90.0] * 8,
        "groups": list("abcdefgh"),
    }
    columns |= change
    groups = columns.pop("groups")
    with pytest.raises(DataError, match=names):
        fit(columns["scores"], columns["labels"], columns["face_px"], groups, seed=0)
