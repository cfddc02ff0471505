"""Picture and voice apart, the four possibilities, and pairs of picture and sound that do not belong together."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhenwei import fusion
from zhenwei.fusion.dependence import packaged
from zhenwei.fusion.operating import Domain, OperatingPoints, measure_operating_points
from zhenwei.types import Declaration, Evidence, Forgery, Kind, StreamVerdict, Text, Verdict

LLR = st.floats(-6, 6)
KNOWN = replace(packaged(), trust={}, silent={}, offset={})
fuse: Callable[..., float | None] = partial(fusion.fuse, dependence=KNOWN)
contributions: Callable[..., tuple[float | None, ...]] = partial(fusion.contributions, dependence=KNOWN)
decide: Callable[..., Verdict] = partial(fusion.decide, dependence=KNOWN)


def said(llr: float | None, finds: Forgery = "altered", *, person: int | None = 1) -> Evidence:
    detector = {"altered": "cnn.face_forgery", "generated": "cnn.synthetic_image", "voice": "speech.variability"}
    name = detector.get(finds, "audiovisual.lip_sync")
    return Evidence(name, llr, "finding", "" if llr is not None else "reason", person=person, finds=finds)


def streams(evidence: list[Evidence], operating: OperatingPoints | None = None) -> dict[str, StreamVerdict]:
    found = decide(evidence, kind="video", operating=operating or OperatingPoints())
    return {s.stream: s for s in found.streams}


@given(LLR, LLR)
def test_each_stream_is_judged_by_its_own_evidence(image: float, voice: float) -> None:
    found = streams([said(image), said(voice, "voice", person=None)])
    assert found["picture"].llr == pytest.approx(image)
    assert found["voice"].llr == pytest.approx(voice)


@given(LLR)
def test_there_are_streams_only_where_a_picture_has_a_voice(llr: float) -> None:
    voice = said(llr, "voice", person=None)
    assert decide([said(llr), voice], kind="audio").streams == ()
    assert [s.stream for s in decide([said(llr), voice], kind="image").streams] == [
        "picture",
        "voice",
    ]  # held in a clip
    assert streams([said(llr)]) == {}
    assert streams([said(llr), said(None, "voice", person=None)]) == {}


def test_a_missing_picture_is_neutral() -> None:
    found = decide([said(None), said(1.0, "voice", person=None)], kind="video")
    assert {s.stream: s.llr for s in found.streams} == {"picture": None, "voice": 1.0}
    ways = found.four_ways()
    assert ways[False, True] == pytest.approx(ways[True, True])


def test_how_firm_a_voice_must_be_is_measured_on_sound() -> None:
    truth = [0, 1] * 200
    of_audio = measure_operating_points([-1.0, 1.0] * 200, truth, ["audio"] * 400)
    evidence = [said(0.0), said(1.5, "voice", person=None)]
    assert streams(evidence, of_audio)["voice"].decision == "forged"
    of_video = measure_operating_points([-1.0, 1.0] * 200, truth, ["video"] * 400)
    assert streams(evidence, of_video)["voice"].decision == "inconclusive"


def _separated(*kinds: Kind) -> OperatingPoints:
    """Genuine media at -4, forged ones at +4: from 1 on an LLR decides, in picture and sound alike."""
    every = [kind for kind in kinds for _ in range(600)]
    return measure_operating_points([-4.0, 4.0] * (len(every) // 2), [0, 1] * (len(every) // 2), every)


TABLES = _separated("video", "audio")


def file(evidence: list[Evidence]) -> Verdict:
    return decide(evidence, kind="video", operating=TABLES)


def test_a_machines_voice_under_a_genuine_picture_makes_the_file_forged_and_is_named() -> None:
    found = file([said(-3.0), said(1.5, "voice", person=None)])
    assert (found.decision, found.at_fault) == ("forged", ("voice",))
    assert found.llr == pytest.approx(1.5)
    assert found.explanation.startswith("The voice looks forged")
    assert found.explanation.in_language("zh").startswith("语音看起来是伪造的")  # type: ignore[attr-defined]


def test_a_file_is_genuine_only_if_every_stream_that_was_examined_is() -> None:
    both = file([said(-3.0), said(-2.0, "voice", person=None)])
    assert (both.decision, both.at_fault) == ("genuine", ())
    assert both.llr == pytest.approx(-2.0)
    assert both.explanation.startswith("Each of picture and voice looks genuine")
    for voice in (0.5, 0.0, -0.2, -0.9):
        assert file([said(-3.0), said(voice, "voice", person=None)]).decision == "inconclusive"
    assert file([said(-0.2), said(-3.0, "voice", person=None)]).decision == "inconclusive"
    assert file([said(-3.0), said(None, "voice", person=None)]).decision == "genuine"


def test_a_pair_that_does_not_belong_together_is_no_genuine_file() -> None:
    genuine = [said(-3.0), said(-2.0, "voice", person=None)]
    assert file([*genuine, said(-2.0, "pairing")]).decision == "genuine"
    assert file([*genuine, said(0.5, "pairing")]).decision == "inconclusive"
    firm = file([*genuine, said(5.0, "pairing")])  # nothing was measured of pairs: Markov's bound
    assert (firm.decision, firm.at_fault) == ("forged", ("pairing",))
    assert "picture and sound" in firm.explanation


def test_that_lips_follow_the_sound_makes_nothing_genuine() -> None:
    found = file([said(None), said(-5.0, "pairing")])
    assert found.decision == "inconclusive"
    assert found.llr == pytest.approx(-5.0)


def test_rates_of_a_voice_name_the_recordings_that_they_come_from() -> None:
    domains = {"video": Domain((("LRS3", 20, 0),)), "audio": Domain((("CSJ", 50, 30),))}
    tables = replace(TABLES, domains=domains)
    silent = decide([said(-3.0)], kind="video", operating=tables).measured_on
    assert "clips from 1 source (LRS3)" in silent
    assert "recordings" not in silent
    heard = decide([said(-3.0), said(1.5, "voice", person=None)], kind="video", operating=tables).measured_on
    assert "50 genuine and 30 forged recordings from 1 source (CSJ)" in heard
    assert "LRS3" in heard


STREAMS = st.sampled_from(["altered", "generated", "voice", "pairing"])


@settings(deadline=None)
@given(st.lists(st.tuples(STREAMS, st.floats(-8, 8)), min_size=1, max_size=6), STREAMS, st.floats(-8, 0))
def test_no_evidence_for_a_forgery_in_one_stream_is_outvoted_by_another(
    rows: list[tuple[Forgery, float]], finds: Forgery, clean: float
) -> None:
    """Whatever speaks for genuine is added in one stream: what another stream says for forged stands."""
    evidence = [said(llr, kind, person=None) for kind, llr in rows]
    before, after = file(evidence), file([*evidence, said(clean, finds, person=None)])
    other = {"altered": "picture", "generated": "picture"}.get(finds, finds)
    kept = {s.stream: s.llr for s in before.streams or _alone(evidence, before) if s.stream != other}
    assert {s.stream: s.llr for s in after.streams if s.stream != other}.items() >= kept.items() or not after.streams
    most = max((llr for llr in kept.values() if llr is not None and llr > 0), default=None)
    if most is not None:
        assert after.llr is not None
        assert after.llr >= most - 1e-9
        assert after.decision != "genuine"


def _alone(evidence: list[Evidence], found: Verdict) -> tuple[StreamVerdict, ...]:
    return (StreamVerdict("picture", found.decision, found.llr, found.error_rate),)


@settings(deadline=None)
@given(st.lists(st.tuples(STREAMS, st.floats(-8, 8)), min_size=1, max_size=6))
def test_the_file_follows_its_streams(rows: list[tuple[Forgery, float]]) -> None:
    found = file([said(llr, kind, person=None) for kind, llr in rows])
    judged = {s.stream: s for s in found.streams}
    forged = {name for name, s in judged.items() if s.decision == "forged"}
    if judged:
        assert (found.decision == "forged") == bool(forged)
        assert set(found.at_fault) == forged
        if found.decision == "genuine":
            assert all(s.decision == "genuine" for s in judged.values() if s.stream != "pairing" and s.llr is not None)


AI = Declaration("ai-generated", "credential", "intact", Text("Declares itself AI-made.", zh="自称由人工智能生成。"))
CAMERA = Declaration("captured", "credential", "trusted", Text("Signed as captured.", zh="签名称由相机拍摄。"))


def declares(llr: float, what: Declaration) -> Evidence:
    name = "provenance.credential"
    return Evidence(name, llr, "finding", finds="generated", declares=(what,))


@given(LLR)
def test_pixel_statistics_do_not_discount_what_a_file_declares(pixels: float) -> None:
    evidence = [said(pixels), declares(3.0, AI)]
    assert contributions(evidence) == pytest.approx((pixels, 3.0))
    found = file(evidence)
    assert found.declared == (AI,)
    assert found.decision == "forged"
    assert found.llr == pytest.approx(max(3.0, pixels))
    if pixels < 0:
        assert found.at_fault == ("declared",)
        assert found.error_rate is None
        assert "itself says" in found.explanation
        alone = file([said(pixels)]).explanation
        assert found.explanation.endswith(f"Measured: {alone}")  # the statistical verdict follows


def test_statements_of_one_file_count_once_and_those_for_ai_before_a_camera() -> None:
    label = replace(AI, channel="label", standing="unsigned")
    both = file([declares(-3.0, CAMERA), declares(3.0, AI), declares(3.0, label)])
    assert both.declared == (CAMERA, AI, label)
    assert (both.decision, both.llr) == ("forged", 3.0)


def test_a_camera_that_signed_speaks_for_picture_and_voice() -> None:
    found = file([said(1.5), said(0.5, "voice", person=None), declares(-3.0, CAMERA)])
    assert {s.stream: s.llr for s in found.streams} == {"picture": pytest.approx(-1.5), "voice": pytest.approx(-2.5)}
    assert found.decision == "genuine"
    assert file([said(None), declares(-3.0, CAMERA)]).decision == "inconclusive"


@given(LLR, LLR)
def test_the_four_possibilities_are_those_of_bayes(image: float, voice: float) -> None:
    ways = decide([said(image), said(voice, "voice", person=None)], kind="video").four_ways()
    assert math.fsum(ways.values()) == pytest.approx(1)
    forged = math.fsum(share for (p, _), share in ways.items() if p)
    assert forged == pytest.approx(1 / (1 + math.exp(-image)))
    assert ways[True, True] / ways[False, False] == pytest.approx(math.exp(image + voice), rel=1e-6)


def test_without_streams_there_are_no_four_possibilities() -> None:
    assert Verdict("inconclusive", None, None, "").four_ways() == {}


@given(LLR)
def test_a_mouth_that_does_not_follow_blames_neither_stream(llr: float) -> None:
    assert fuse([said(llr, "pairing")]) == pytest.approx(llr)
    found = streams([said(0.5), said(llr, "pairing"), said(0.2, "voice", person=None)])
    assert found["picture"].llr == pytest.approx(0.5)
    assert found["voice"].llr == pytest.approx(0.2)
    assert found["pairing"].llr == pytest.approx(llr)
