"""Score -> LLR: monotone at every quality, bounded, exact for one frame, strict about its file."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhenwei.errors import ModelError, UsageError
from zhenwei.models.calibration import Calibration

EXAMPLE = Calibration(
    score_centre=1.0,
    score_scale=2.0,
    knots_px=(50.0, 100.0, 400.0),
    log_slopes=(-1.0, 0.0, 0.7),
    offsets=(0.5, 0.0, -0.2),
    lowest=-4.0,
    highest=5.0,
    sharpness_centre=6.0,
    sharpness_scale=1.5,
    sharpness_log_slope=0.3,
    sharpness_offset=-0.1,
    frame_rho=0.8,
    genuine=300,
    forged=200,
    groups=90,
    c_llr=0.6,
    seed=3,
)
SCORES = st.floats(-1e6, 1e6)
SIZES = st.floats(1.0, 4000.0)
SHARPNESS = st.none() | st.floats(0.0, 1e6)


def test_is_affine_at_a_knot() -> None:
    llr = EXAMPLE.llr(2.5, face_px=100.0)
    assert llr == pytest.approx(math.exp(0.0) * (2.5 - 1) / 2 + 0.0)


def test_interpolates_log_slopes_in_octaves_of_face_size() -> None:
    slope, offset = EXAMPLE.slope_and_offset(200.0, None)  # halfway from 100 to 400 px in octaves
    assert slope == pytest.approx(math.exp(0.35))
    assert offset == pytest.approx(-0.1)


def test_is_constant_beyond_the_knots() -> None:
    assert EXAMPLE.slope_and_offset(9.0, None) == EXAMPLE.slope_and_offset(50.0, None)
    assert EXAMPLE.slope_and_offset(4000.0, None) == EXAMPLE.slope_and_offset(400.0, None)


def test_sharpness_of_the_usual_amount_is_as_good_as_unknown_and_extremes_saturate() -> None:
    assert EXAMPLE.llr(2.0, face_px=100, sharpness=2**6 - 1) == pytest.approx(EXAMPLE.llr(2.0, face_px=100))
    assert EXAMPLE.slope_and_offset(100, 1e9) == EXAMPLE.slope_and_offset(100, 2**9 - 1)
    assert EXAMPLE.slope_and_offset(100, math.nan) == EXAMPLE.slope_and_offset(100, None)


@settings(deadline=None)
@given(SCORES, SCORES, SIZES, SHARPNESS, st.integers(1, 500))
def test_never_falls_as_the_score_rises(a: float, b: float, face_px: float, sharpness: float | None, n: int) -> None:
    low, high = sorted((a, b))
    llrs = [EXAMPLE.llr(s, face_px=face_px, sharpness=sharpness, frames=n) for s in (low, high)]
    assert llrs[0] <= llrs[1]
    assert EXAMPLE.lowest <= llrs[0] <= llrs[1] <= EXAMPLE.highest


@pytest.mark.parametrize(
    "wrong", [{"score": math.nan}, {"score": math.inf}, {"face_px": 0.0}, {"face_px": math.nan}, {"frames": 0}]
)
def test_refuses_what_is_no_number(wrong: dict[str, Any]) -> None:
    given = {"score": 1.0, "face_px": 100.0, "frames": 1} | wrong
    with pytest.raises(UsageError, match="cannot be calibrated"):
        EXAMPLE.llr(given.pop("score"), **given)


@settings(deadline=None)
@given(SCORES, SIZES)
def test_one_knot_needs_no_size_and_gives_the_same_at_every_size(score: float, face_px: float) -> None:
    flat = Calibration(1.0, 2.0, (100.0,), (0.3,), (-0.2,), -4.0, 5.0)
    assert flat.llr(score) == flat.llr(score, face_px=face_px)
    with pytest.raises(UsageError, match="cannot be calibrated"):
        EXAMPLE.llr(score)


@settings(deadline=None)
@given(SCORES)
def test_a_track_of_one_frame_is_the_picture(score: float) -> None:
    combined = EXAMPLE.combine_frames([score], [3.2])
    assert combined == score
    assert EXAMPLE.llr(combined, face_px=80, frames=1) == EXAMPLE.llr(score, face_px=80)


@settings(deadline=None)
@given(st.lists(st.floats(-50, 50), min_size=1, max_size=60), st.randoms())
def test_frames_are_combined_in_any_order_within_their_range(scores: list[float], random: Any) -> None:
    frames = list(enumerate(scores))
    combined = EXAMPLE.combine_frames([s for _, s in frames], [float(t) for t, _ in frames])
    random.shuffle(frames)
    assert EXAMPLE.combine_frames([s for _, s in frames], [float(t) for t, _ in frames]) == combined
    assert min(scores) - 1e-9 <= combined <= max(scores) + 1e-9


def test_the_same_frame_twice_counts_once() -> None:
    assert EXAMPLE.combine_frames([1.0, 4.0, 4.0], [0.0, 1.0, 1.0]) == EXAMPLE.combine_frames([1.0, 4.0], [0.0, 1.0])


def test_a_tenth_of_the_frames_at_each_end_does_not_matter() -> None:
    steady = [1.0] * 18
    assert EXAMPLE.combine_frames([*steady, 1e6, -1e5], [float(t) for t in range(20)]) == 1.0


def test_frames_without_times_or_none_at_all_are_refused() -> None:
    with pytest.raises(UsageError, match="no frame"):
        EXAMPLE.combine_frames([], [])
    with pytest.raises(ValueError, match="shorter"):
        EXAMPLE.combine_frames([1.0, 2.0], [0.0])


@settings(deadline=None)
@given(st.integers(1, 10_000), st.floats(0, 1))
def test_effective_frames_lie_between_one_and_all_of_them(n: int, rho: float) -> None:
    values = EXAMPLE.to_dict() | {"frame_rho": rho}
    effective = Calibration.from_dict(values).effective_frames(n)
    assert 1 - 1e-9 <= effective <= n + 1e-6
    assert effective <= 1 / rho + 1e-6 if rho > 1e-6 else True


def test_without_knowledge_of_the_correlation_a_clip_weighs_as_much_as_a_picture() -> None:
    careful = Calibration(0.0, 1.0, (100.0,), (0.0,), (0.0,), -9.0, 9.0)
    assert careful.llr(1.5, face_px=100, frames=32) == careful.llr(1.5, face_px=100)


def test_equals_itself_after_a_round_trip_through_a_file(tmp_path: Path) -> None:
    EXAMPLE.save(tmp_path / "c.json")
    assert Calibration.load(tmp_path / "c.json") == EXAMPLE


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"schema": "zhenwei.calibration/2"}, "schema"),
        ({"extra": 1}, "extra"),
        ({"score_scale": 0.0}, "score_scale"),
        ({"score_scale": True}, "score_scale"),
        ({"score_centre": "1"}, "score_centre"),
        ({"score_centre": math.nan}, "score_centre"),
        ({"knots_px": [100.0, 50.0, 400.0]}, "knots_px"),
        ({"knots_px": 50.0}, "knots_px"),
        ({"knots_px": []}, "knots_px"),
        ({"offsets": [0.0]}, "offsets"),
        ({"offsets": [0.0, None, 1.0]}, "offsets"),
        ({"log_slopes": [0.0, 0.0, 500.0]}, "log_slopes"),
        ({"lowest": 1.0}, "lowest"),
        ({"highest": None}, "highest"),
        ({"highest": -1.0}, "highest"),
        ({"frame_rho": 1.2}, "frame_rho"),
        ({"trim": 0.5}, "trim"),
        ({"genuine": 3.5}, "genuine"),
        ({"genuine": -3}, "genuine"),
        ({"c_llr": -0.1}, "c_llr"),
    ],
)
def test_a_malformed_calibration_is_refused_by_name(change: dict[str, Any], names: str) -> None:
    with pytest.raises(ModelError, match=names):
        Calibration.from_dict(EXAMPLE.to_dict() | change)


def test_a_missing_field_is_refused() -> None:
    values = EXAMPLE.to_dict()
    del values["trim"]
    with pytest.raises(ModelError, match="missing"):
        Calibration.from_dict(values)


@pytest.mark.parametrize("content", [b"", b"{", b"[1, 2]", b"\xff\xfe{}", b"null"])
def test_a_file_that_is_no_calibration_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "c.json"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"is no JSON|another schema"):
        Calibration.load(path)


def test_a_missing_file_is_a_model_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot read"):
        Calibration.load(tmp_path / "none.json")


def test_the_file_holds_plain_json_numbers_only(tmp_path: Path) -> None:
    EXAMPLE.save(tmp_path / "c.json")
    values = json.loads((tmp_path / "c.json").read_text("utf-8"))
    assert values["knots_px"] == [50.0, 100.0, 400.0]
    assert not any(isinstance(v, np.generic) for v in values.values())
