"""Picture and voice apart, the four possibilities, and pairs of picture and sound that do not belong together."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhenwei.fusion.operating import OperatingPoints, measure_operating_points
from zhenwei.fusion.verdict import decide, fuse
from zhenwei.types import Evidence, Forgery, StreamVerdict, Verdict

LLR = st.floats(-6, 6)


def said(llr: float | None, finds: Forgery = "altered", *, person: int | None = 1) -> Evidence:
    detector = {"altered": "cnn.face_forgery", "generated": "cnn.synthetic_image", "voice": "speech.variability"}
    name = detector.get(finds, "audiovisual.lip_sync")
    return Evidence(name, llr, "finding", "" if llr is not None else "reason", person=person, finds=finds)


def streams(evidence: list[Evidence], operating: OperatingPoints | None = None) -> dict[str, StreamVerdict]:
    found = decide(evidence, kind="video", operating=operating or OperatingPoints())
    return {s.stream: s for s in found.streams}


@given(LLR, LLR)
def test_each_stream_is_judged_by_its_own_evidence(picture: float, voice: float) -> None:
    found = streams([said(picture), said(voice, "voice", person=None)])
    assert found["picture"].llr == pytest.approx(picture)
    assert found["voice"].llr == pytest.approx(voice)


@given(LLR, st.sampled_from(["image", "audio"]))
def test_there_are_streams_only_in_videos_with_a_voice(llr: float, kind: str) -> None:
    voice = said(llr, "voice", person=None)
    assert decide([said(llr), voice], kind="image" if kind == "image" else "audio").streams == ()
    assert streams([said(llr)]) == {}
    assert streams([said(llr), said(None, "voice", person=None)]) == {}


def test_a_missing_picture_is_neutral() -> None:
    found = decide([said(None), said(1.0, "voice", person=None)], kind="video")
    assert {s.stream: s.llr for s in found.streams} == {"picture": None, "voice": 1.0}
    ways = found.four_ways()
    assert ways[False, True] == pytest.approx(ways[True, True])


def test_how_firm_a_voice_must_be_is_measured_on_sound() -> None:
    truth = [0, 1] * 200
    of_sound = measure_operating_points([-1.0, 1.0] * 200, truth, ["audio"] * 400)
    evidence = [said(0.0), said(1.5, "voice", person=None)]
    assert streams(evidence, of_sound)["voice"].decision == "forged"
    of_video = measure_operating_points([-1.0, 1.0] * 200, truth, ["video"] * 400)
    assert streams(evidence, of_video)["voice"].decision == "inconclusive"


@given(LLR, LLR)
def test_the_four_possibilities_are_those_of_bayes(picture: float, voice: float) -> None:
    ways = decide([said(picture), said(voice, "voice", person=None)], kind="video").four_ways()
    assert math.fsum(ways.values()) == pytest.approx(1)
    forged = math.fsum(share for (p, _), share in ways.items() if p)
    assert forged == pytest.approx(1 / (1 + math.exp(-picture)))
    assert ways[True, True] / ways[False, False] == pytest.approx(math.exp(picture + voice), rel=1e-6)


def test_without_streams_there_are_no_four_possibilities() -> None:
    assert Verdict("inconclusive", None, None, "").four_ways() == {}


@given(LLR)
def test_a_mouth_that_does_not_follow_counts_as_altered_and_blames_neither_stream(llr: float) -> None:
    assert fuse([said(llr, "pairing")]) == pytest.approx(llr)
    found = streams([said(0.5), said(llr, "pairing"), said(0.2, "voice", person=None)])
    assert found["picture"].llr == pytest.approx(0.5)
    assert found["voice"].llr == pytest.approx(0.2)
