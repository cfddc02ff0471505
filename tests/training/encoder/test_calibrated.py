"""What scores of a head are worth on pictures, and apart from them on clips."""

from __future__ import annotations

import math

import numpy as np
import pytest

from zhenwei.training.encoder._heads import COLLECTED, FittedHead
from zhenwei.training.encoder.blended import calibrated
from zhenwei.training.install.calibrate import Sample

PICTURES, CLIPS = 400, 60  # of each class


def head(kind: str, *, clips: int = CLIPS, lifted: float = 1.5) -> FittedHead:
    """Forged media score two deviations higher; clips, genuine and forged, ``lifted`` higher than pictures."""
    rng = np.random.default_rng(3)
    samples, of_clips = list[Sample](), set[int]()
    for clip, count in ((False, PICTURES), (True, clips)):
        for forged in (False, True):
            for _ in range(count):
                number, score = len(samples), float(rng.normal(2.0 * forged + lifted * clip))
                sample = Sample(score=score, forged=forged, number=number, group=str(number), source="a", face_px=100.0)
                samples.append(sample)
                if clip:
                    of_clips.add(number)
    digests = frozenset(map(str, of_clips))
    weight = np.zeros((1, 4), np.float32)
    return FittedHead(kind, (), COLLECTED, weight, 0.0, tuple(samples), {}, frozenset(of_clips), digests, {})


def test_a_score_that_all_clips_reach_says_less_of_a_clip() -> None:
    found = calibrated(head("animated"), 0)
    assert set(found) == {"animated", "animated_clips"}
    pictures, clips = (found[part].calibration for part in ("animated", "animated_clips"))
    assert clips.llr(2.5, face_px=100.0) < pictures.llr(2.5, face_px=100.0) - 1
    assert clips.llr(2.5, face_px=100.0) == pytest.approx(0.0, abs=0.6)  # as likely of either, 1 and 1 deviation off
    assert (clips.genuine, clips.forged) == (CLIPS, CLIPS)


def test_clips_are_bounded_by_the_number_of_all_genuine_media() -> None:
    found = calibrated(head("animated"), 0)
    bound = math.log(PICTURES + CLIPS)
    clips = found["animated_clips"].calibration
    assert (clips.lowest, clips.highest) == pytest.approx((-bound, bound))
    assert found["animated"].calibration.highest < bound
    assert "all genuine media" in found["animated_clips"].bounds


def test_where_there_are_few_clips_both_are_one() -> None:
    found = calibrated(head("blended", clips=10), 0)
    pictures, clips = found["blended"].calibration, found["blended_clips"].calibration
    assert clips.genuine == PICTURES + 10
    assert pictures.genuine == PICTURES
    assert clips.highest < math.log(PICTURES)


def test_of_generators_that_may_leave_no_trace_nothing_is_cleared() -> None:
    found = calibrated(head("generated"), 0)
    for part in ("generated", "generated_clips"):
        assert found[part].calibration.lowest == pytest.approx(math.log(0.5))
