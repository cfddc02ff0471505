"""Properties of every verdict, and error rates on simulated media."""

from __future__ import annotations

import itertools
import math
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zhenwei import fusion
from zhenwei.errors import UsageError
from zhenwei.fusion.dependence import Dependence, packaged
from zhenwei.fusion.operating import Domain, OperatingPoints, measure_operating_points
from zhenwei.fusion.streams import ODDS
from zhenwei.fusion.wording import leaning, most_useful, of_file, one_in, signed, undecided
from zhenwei.types import Evidence, Forgery, Interval, Kind, Person, PersonVerdict, Quality, Text, Verdict, in_language

DETECTORS = ("cnn.face_forgery", "cnn.other", "warp.self_blend", "temporal.pulse", "speech.variability")
LLR = st.floats(-8, 8)
ORDER = {"genuine": 0, "inconclusive": 1, "forged": 2}
NOTHING_MEASURED = OperatingPoints()
KNOWN = replace(packaged(), trust={}, silent={}, offset={})  # what LLRs are worth on other sources is tested apart
fuse: Callable[..., float | None] = partial(fusion.fuse, dependence=KNOWN)
contributions: Callable[..., tuple[float | None, ...]] = partial(fusion.contributions, dependence=KNOWN)
decide: Callable[..., Verdict] = partial(fusion.decide, dependence=KNOWN)


FINDS: dict[str, Forgery] = {"cnn.other": "generated", "speech.variability": "voice", "encoder.animated": "animated"}


def _evidence(llr: float | None, *, detector: str = DETECTORS[0], person: int | None = 1, reason: str = "") -> Evidence:
    return Evidence(detector, llr, "finding", reason, person=person, finds=FINDS.get(detector, "altered"))


@st.composite
def _collections(draw: st.DrawFn, *, least: int = 0, abstain: bool = True) -> list[Evidence]:
    """Evidence on up to four people and the file, at most one of each detector on each."""
    everything = list(itertools.product(DETECTORS, (None, 1, 2, 3, 4)))
    pairs = draw(st.lists(st.sampled_from(everything), unique=True, min_size=least, max_size=8))
    llrs = LLR | st.none() if abstain else LLR
    return [_evidence(draw(llrs), detector=d, person=p, reason=f"{d} {p}") for d, p in pairs]


def _measured() -> OperatingPoints:
    rng = np.random.default_rng(0)
    labels = np.arange(800) % 2
    return measure_operating_points(rng.normal((labels - 0.5) * 4, 2.0), labels, ["image"] * 800)


MEASURED = _measured()
TABLES = st.sampled_from([NOTHING_MEASURED, MEASURED])


def _decide(evidence: list[Evidence], tables: OperatingPoints = NOTHING_MEASURED) -> Verdict:
    return decide(evidence, operating=tables)


@settings(deadline=None)
@given(_collections(), TABLES)
def test_every_verdict_makes_sense(evidence: list[Evidence], tables: OperatingPoints) -> None:
    found = _decide(evidence, tables)
    everybody: list[Verdict | PersonVerdict] = [found, *found.by_person]
    for verdict in everybody:
        assert verdict.llr is None or math.isfinite(verdict.llr)
        assert (verdict.error_rate is None) == (verdict.decision == "inconclusive")
        assert verdict.error_rate is None or 0 < verdict.error_rate <= 0.05
        assert verdict.explanation.endswith(".")
        assert isinstance(verdict.explanation, Text)
        assert verdict.explanation.in_language("zh").endswith("。")
        if verdict.decision != "inconclusive":
            assert verdict.llr is not None
            assert (verdict.llr > 0) == (verdict.decision == "forged")


@settings(deadline=None)
@given(_collections(), TABLES, st.randoms())
def test_the_order_does_not_matter(evidence: list[Evidence], tables: OperatingPoints, shuffle: random.Random) -> None:
    expected = _decide(evidence, tables)
    shuffled = list(evidence)
    shuffle.shuffle(shuffled)
    assert _decide(shuffled, tables) == expected


@settings(deadline=None)
@given(_collections(least=1), TABLES, st.data())
def test_more_suspicious_evidence_never_makes_a_cleaner_verdict(
    evidence: list[Evidence], tables: OperatingPoints, data: st.DataObject
) -> None:
    k = data.draw(st.integers(0, len(evidence) - 1))
    before_llr = evidence[k].llr
    if before_llr is None:
        return
    raised = [*evidence[:k], replace(evidence[k], llr=before_llr + data.draw(st.floats(0, 10))), *evidence[k + 1 :]]
    before, after = _decide(evidence, tables), _decide(raised, tables)
    assert before.llr is not None
    assert after.llr is not None
    assert after.llr >= before.llr - 1e-9
    assert ORDER[after.decision] >= ORDER[before.decision]
    for one, other in zip(before.by_person, after.by_person, strict=True):
        assert ORDER[other.decision] >= ORDER[one.decision]


@settings(deadline=None)
@given(_collections(), TABLES, st.sampled_from([None, 1, 2, 9]))
def test_an_abstention_changes_nothing(evidence: list[Evidence], tables: OperatingPoints, person: int | None) -> None:
    before = _decide(evidence, tables)
    after = _decide([*evidence, _evidence(None, detector="speech.vocoder", person=person, reason="no sound")], tables)
    assert (after.decision, after.llr, after.error_rate) == (before.decision, before.llr, before.error_rate)
    kept = {v.person: (v.decision, v.llr, v.error_rate) for v in before.by_person}
    added = {v.person: (v.decision, v.llr, v.error_rate) for v in after.by_person}
    unknown = {} if person is None else {person: ("inconclusive", None, None)}
    assert added == unknown | kept


@settings(deadline=None)
@given(_collections(), TABLES, st.permutations(range(1, 5)))
def test_the_names_of_people_do_not_matter(evidence: list[Evidence], tables: OperatingPoints, names: list[int]) -> None:
    before = _decide(evidence, tables)
    renamed = [replace(e, person=None if e.person is None else names[e.person - 1]) for e in evidence]
    after = _decide(renamed, tables)
    assert (after.decision, after.error_rate) == (before.decision, before.error_rate)
    assert after.llr == pytest.approx(before.llr, abs=1e-9)
    for verdict in before.by_person:
        other = next(v for v in after.by_person if v.person == names[verdict.person - 1])
        assert (other.decision, other.llr, other.error_rate) == (verdict.decision, verdict.llr, verdict.error_rate)


@settings(deadline=None)
@given(st.sets(st.sampled_from(DETECTORS)))
def test_no_evidence_is_never_genuine(detectors: set[str]) -> None:
    found = _decide([_evidence(None, detector=d, reason=f"reason of {d}") for d in detectors])
    assert (found.decision, found.llr, found.error_rate) == ("inconclusive", None, None)
    told = [d for d in detectors if f"reason of {d}" in found.explanation]
    assert told == sorted(detectors)[:1]


@settings(deadline=None)
@given(LLR, TABLES)
def test_one_detector_on_one_person_is_the_file(llr: float, tables: OperatingPoints) -> None:
    found = _decide([_evidence(llr)], tables)
    person = found.by_person[0]
    assert (found.decision, found.llr, found.error_rate) == (person.decision, person.llr, person.error_rate)
    assert found.llr == llr


@settings(deadline=None)
@given(st.floats(0, 8), st.integers(2, 30), TABLES)
def test_the_more_people_the_harder_it_is_to_call_forged(llr: float, n: int, tables: OperatingPoints) -> None:
    """The same most suspicious person, among clean ones: the file is less suspicious and the rate no lower."""
    alone = _decide([_evidence(llr)], tables)
    crowd = _decide([_evidence(llr), *(_evidence(-1.0, person=k) for k in range(2, n + 1))], tables)
    assert alone.llr is not None
    assert crowd.llr is not None
    assert crowd.llr < alone.llr
    assert ORDER[crowd.decision] <= ORDER[alone.decision]
    if crowd.error_rate is not None and alone.error_rate is not None:
        assert crowd.error_rate == pytest.approx(1 - (1 - alone.error_rate) ** n)
    assert crowd.by_person[0] == alone.by_person[0]


def test_a_crowd_takes_more_than_one_person() -> None:
    """LLR 4 holds a false alarm to 1.8 %: enough for one person, not for the worst of five."""
    assert _decide([_evidence(4.0)]).decision == "forged"
    five = [_evidence(4.0), *(_evidence(-4.0, person=k) for k in range(2, 6))]
    assert _decide(five).decision == "inconclusive"


def test_genuine_needs_everybody_examined_to_be_clean() -> None:
    clean = [_evidence(-5.0, person=1), _evidence(-4.0, person=2)]
    found = _decide(clean)
    assert found.decision == "genuine"
    assert found.error_rate == pytest.approx(math.exp(-4))
    assert _decide([*clean, _evidence(-0.5, person=3)]).decision == "inconclusive"


def test_a_decision_never_goes_against_its_own_evidence() -> None:
    """Tables of a collection in which everything is far away: a rate alone must not decide."""
    high = measure_operating_points(np.full(200, 4.0), np.ones(200), ["image"] * 200)
    low = measure_operating_points(np.full(200, -4.0), np.zeros(200), ["image"] * 200)
    assert high.forged["image"].at(-0.5) < 0.05
    assert _decide([_evidence(0.5), _evidence(-3.0, person=2)], high).decision == "inconclusive"
    assert low.genuine["image"].at(-0.5) < 0.05
    assert _decide([_evidence(-0.5)], low).decision == "inconclusive"


def test_those_who_could_not_be_examined_are_named() -> None:
    found = _decide([_evidence(-5.0), _evidence(None, person=2, reason="too small")])
    assert found.decision == "genuine"
    assert "1 other person could not be examined" in found.explanation
    assert found.by_person[1].decision == "inconclusive"
    assert "too small" in found.by_person[1].explanation


def test_evidence_on_the_file_joins_everybody() -> None:
    people = [_evidence(2.0, person=1), _evidence(-3.0, person=2)]
    with_file = _decide([*people, _evidence(1.5, detector="provenance.c2pa", person=None)])
    joined = [fuse([p, _evidence(1.5, detector="provenance.c2pa")]) or 0.0 for p in people]
    assert with_file.llr == pytest.approx(math.log(sum(math.exp(v) for v in joined) / 2))
    assert with_file.by_person == _decide(people).by_person
    alone = _decide([_evidence(3.5, detector="provenance.c2pa", person=None)])
    assert (alone.decision, alone.llr) == ("forged", 3.5)


def test_witnesses_who_see_the_same_are_discounted() -> None:
    one = [_evidence(0.8)]
    sisters = [*one, _evidence(0.8, detector="cnn.sister")]
    strangers = [*one, _evidence(0.8, detector="warp.self_blend")]
    nothing_measured = Dependence()
    llrs = [fuse(e, dependence=nothing_measured) for e in (one, sisters, strangers)]
    assert llrs == [0.8, pytest.approx(1.6 / 1.8), pytest.approx(1.6 / 1.3)]
    copies = [_evidence(0.8, detector=f"cnn.copy{k}") for k in range(1000)]
    assert fuse(copies[:60], dependence=nothing_measured) == pytest.approx(0.8 / 0.8, rel=0.02)


@pytest.mark.parametrize("kind", ["image", "video"])
def test_kinds_of_forgery_are_alternatives(kind: Kind) -> None:
    """A picture that is altered or generated, as often as their odds say, against a genuine one: the mixture's ratio,
    from densities of two detectors of which each sees one kind only."""
    rng = np.random.default_rng(3)
    x, y = rng.normal(0, 2, (2, 50))
    altered, generated = 2 * x - 2, y - 0.5  # log N(x; 2, 1) / N(x; 0, 1), log N(y; 1, 1) / N(y; 0, 1)
    genuine = np.exp(-(x**2) / 2 - y**2 / 2)
    odds = ODDS.get(kind, {}).get("altered", 1.0)
    one, other = np.exp(-((x - 2) ** 2) / 2 - y**2 / 2), np.exp(-(x**2) / 2 - (y - 1) ** 2 / 2)
    forged = (odds * one + other) / (odds + 1)
    for a, g, expected in zip(altered, generated, np.log(forged / genuine), strict=True):
        evidence = [_evidence(float(a)), _evidence(float(g), detector="cnn.other")]
        assert fuse(evidence, kind=kind) == pytest.approx(expected)


@given(st.lists(LLR, min_size=2, max_size=2))
def test_the_absence_of_another_kind_takes_off_no_more_than_its_share(llrs: list[float]) -> None:
    altered, generated = llrs
    found = fuse([_evidence(altered), _evidence(generated, detector="cnn.other")])
    assert found is not None
    assert max(altered + math.log(2 / 3), generated + math.log(1 / 3)) - 1e-9 <= found <= max(llrs) + 1e-9
    assert fuse([_evidence(altered), _evidence(altered, detector="cnn.other")]) == pytest.approx(altered)


def test_more_of_another_kind_never_makes_a_cleaner_verdict() -> None:
    fused = [fuse([_evidence(2.0), _evidence(g, detector="cnn.other")]) for g in (-9.0, 0.0, 0.8, 2.0, 4.0)]
    assert fused == sorted(value for value in fused if value is not None)


def test_a_detector_at_chance_in_a_kind_of_media_is_shown_and_not_heard() -> None:
    known = replace(packaged(), trust={}, offset={}, silent={"video": ("cnn.face_forgery",)})
    evidence = [_evidence(5.0), _evidence(0.4, detector="cnn.other")]
    assert fusion.fuse(evidence, kind="video", dependence=known) == pytest.approx(0.4)
    assert fusion.contributions(evidence, kind="video", dependence=known) == (0.0, 0.4)
    assert fusion.fuse(evidence[:1], kind="video", dependence=known) == 0.0
    assert fusion.fuse(evidence[:1], kind="image", dependence=known) == 5.0


def test_an_offset_is_taken_off_where_every_kind_was_looked_for() -> None:
    known = replace(packaged(), trust={}, silent={}, offset={"image": -0.5})
    every = [_evidence(1.0), _evidence(1.0, detector="cnn.other"), _evidence(1.0, detector="encoder.animated")]
    assert fusion.fuse(every, dependence=known) == pytest.approx(0.5)
    assert fusion.fuse(every[:2], dependence=known) == pytest.approx(1.0)
    assert fusion.fuse(every, kind="video", dependence=known) == pytest.approx(1.0)


def test_what_was_added_is_told() -> None:
    evidence = [_evidence(-2.0), _evidence(0.3, detector="cnn.other"), _evidence(None, reason="No face.")]
    assert contributions(evidence) == (-2.0, 0.3, None)
    several = [_evidence(1.0), _evidence(2.0, detector="warp.self_blend")]
    assert math.fsum(c for c in contributions(several) if c is not None) == pytest.approx(fuse(several))


def test_a_trace_is_not_outvoted_by_a_detector_of_something_else() -> None:
    found = fuse([_evidence(5.0), _evidence(-5.0, detector="cnn.other")])
    assert found == pytest.approx(5.0 - math.log(3 / 2), abs=1e-3)
    found = fuse([_evidence(-5.0), _evidence(5.0, detector="cnn.other")])
    assert found == pytest.approx(5.0 - math.log(3), abs=1e-3)


def test_equicorrelated_witnesses_get_the_analytic_ratio() -> None:
    """Gaussian LLRs of equal strength with the assumed correlation: the fused LLR is the log ratio of densities."""
    m, rho, variance = 4, 0.8, 0.25  # the spread that is assumed of witnesses that were never measured, squared
    covariance = variance * ((1 - rho) * np.eye(m) + rho)
    x = np.array([0.3, -1.0, 0.9, 0.4])
    mean = np.full(m, variance / 2)
    squares = [(x - s * mean) @ np.linalg.solve(covariance, x - s * mean) for s in (1, -1)]
    found = fuse([_evidence(float(v), detector=f"cnn.d{k}") for k, v in enumerate(x)], dependence=Dependence())
    assert found == pytest.approx((squares[1] - squares[0]) / 2)


@pytest.mark.parametrize("detector", ["temporal.pulse", "temporal.blink", "vendor.plugin", "audiovisual.lip_sync"])
def test_strong_evidence_of_an_unmeasured_witness_moves_the_verdict(detector: str) -> None:
    """With what is known of the shipped detectors, beside the strongest of them."""
    both = [_evidence(-0.5), _evidence(5.0, detector=detector)]
    assert (fuse(both) or 0.0) > 3.0
    assert _decide(both).decision == "forged"
    weak = (fuse([_evidence(-0.5), _evidence(0.4, detector=detector)]) or 0.0) + 0.5
    assert 0.0 <= weak < 0.2
    against = [_evidence(0.5), _evidence(-5.0, detector=detector)]
    assert (fuse(against) or 0.0) < -3.0


def test_measured_witnesses_are_trusted_as_far_as_they_held_on_other_sources() -> None:
    known = replace(KNOWN, trust={"video": 0.25, "audio": 4.0})
    image = [_evidence(2.0), _evidence(-0.5, detector="warp.self_blend")]
    whole = fuse(image, kind="image") or 0.0
    for kind, factor in (("image", 1.0), ("video", 0.25)):
        assert fuse(image, kind=kind, dependence=known) == pytest.approx(factor * whole)
        shares = [c or 0.0 for c in contributions(image, kind=kind, dependence=known)]
        assert math.fsum(shares) == pytest.approx(factor * whole)
    voice = _evidence(0.5, detector="speech.variability", person=None)
    found = decide([*image, voice], kind="video", operating=NOTHING_MEASURED, dependence=known)
    assert {s.stream: s.llr for s in found.streams} == pytest.approx({"picture": 0.25 * whole, "voice": 2.0})
    plugin = [_evidence(2.0, detector="vendor.plugin")]
    assert fuse(plugin, kind="video", dependence=known) == 2.0


def test_facts_of_people_reach_their_verdicts() -> None:
    pixels = np.zeros((4, 4, 3), np.uint8)
    people = [Person(k, pixels, 7 + k, Interval(0.0, 3.0), Quality(90, 80, 0.5, 0.0)) for k in (2, 1)]
    found = decide([_evidence(5.0)], people=people, operating=NOTHING_MEASURED)
    assert [(v.person, v.faces, v.interval) for v in found.by_person] == [
        (1, 8, Interval(0.0, 3.0)),
        (2, 9, Interval(0.0, 3.0)),
    ]
    assert found.by_person[1].decision == "inconclusive"


@pytest.mark.parametrize("llr", [math.nan, math.inf, -math.inf])
def test_an_llr_that_is_no_number_is_refused_by_name(llr: float) -> None:
    with pytest.raises(UsageError, match=r"cnn\.face_forgery"):
        _decide([_evidence(llr)])


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.1, math.nan])
def test_rates_without_meaning_are_refused(rate: float) -> None:
    with pytest.raises(UsageError, match="out of range"):
        decide([], false_alarm=rate)
    with pytest.raises(UsageError, match="out of range"):
        decide([], miss=rate)


def test_the_sentence_gives_the_rate_as_one_in_so_many() -> None:
    found = _decide([_evidence(math.log(1 / 0.025))])
    assert found.explanation == (
        "The face of person 1 looks forged: at most 1 in 40 genuine files would look this suspicious."
    )
    rare = _decide([_evidence(-math.log(1 / 0.0004))])
    assert "at most 1 in 2,500 forged files would look this clean" in rare.explanation
    assert "at most 1 in 10,000" in _decide([_evidence(30.0)]).explanation
    leaning = _decide([_evidence(1.5)])
    assert "looks more forged than genuine" in leaning.explanation
    assert "too many genuine files look like this, too: perhaps more than 1 in 20" in leaning.explanation


@given(st.floats(1e-6, 1.0))
def test_a_rate_in_words_is_never_lower_than_the_rate(rate: float) -> None:
    few, of = one_in(rate)
    assert few / of >= min(1.0, rate) * (1 - 1e-6)
    if rate >= 1e-4:
        assert few / of <= rate * 4 / 3 + 1e-9 + (0.1 if rate > 1 / 3 else 0.0)


@given(LLR)
def test_what_leans_is_what_is_shown(llr: float) -> None:
    side, shown = leaning(llr), signed(llr)
    assert (side == "neither") == (shown == "0.0")
    assert shown.startswith({"forged": "+", "genuine": "-", "neither": "0"}[side])
    said = undecided(of_file(), llr, 0.05, 0.05, least=1.0)
    assert ("leans neither way" in said) == (side == "neither")
    assert (f"more {side} than" in said) == (side != "neither")
    assert "-0.0" not in shown


def test_of_many_reasons_the_commonest_is_given() -> None:
    small = [("a.x", "the face measures 31 px"), ("b.x", "the face measures 44 px"), ("c.x", "no pulse")]
    assert most_useful(small) == "the face measures 31 px"
    assert most_useful([("a.x", "")]) is None
    unasked = replace(_evidence(None, reason="it does not examine sound"), asked=False)
    found = _decide([unasked, _evidence(None, detector="cnn.other", reason="no face was found")])
    assert "no face was found" in found.explanation
    assert "sound" not in found.explanation


def test_little_evidence_decides_nothing_however_rare() -> None:
    """Tables of a collection in which hardly a genuine file reaches 0.5."""
    sharp = measure_operating_points([-3.0] * 300 + [3.0] * 300, [0] * 300 + [1] * 300, ["image"] * 600)
    for llr in (0.6, 0.99, -0.6, -0.99):
        found = _decide([_evidence(llr)], sharp)
        assert found.decision == "inconclusive"
        assert "slightly" in found.explanation
    nearly = _decide([_evidence(0.99)], sharp).explanation
    assert "is slightly less than 2.7 times likelier in a forged file, and a decision asks for 2.7 times." in nearly
    assert "略低于另一类文件的 2.7 倍，作出判定至少需要 2.7 倍" in in_language(nearly, "zh")
    assert "found is 1.8 times likelier" in _decide([_evidence(0.6)], sharp).explanation
    assert _decide([_evidence(1.01)], sharp).decision == "forged"
    assert _decide([_evidence(-1.01)], sharp).decision == "genuine"


def _files(rng: np.random.Generator, n: int, people: int) -> list[list[Evidence]]:
    """Genuine files of that many people whose calibrated LLRs are N(-2, 4)."""
    llrs = rng.normal(-2.0, 2.0, (n, people))
    return [[_evidence(float(v), person=k + 1) for k, v in enumerate(row)] for row in llrs]


@pytest.mark.parametrize("people", [1, 3])
@pytest.mark.parametrize("wanted", [0.05, 0.01])
@pytest.mark.parametrize("measured", [True, False])
def test_false_alarms_stay_below_the_wanted_rate(people: int, wanted: float, measured: bool) -> None:
    n = 3000
    tables = MEASURED if measured else NOTHING_MEASURED
    files = _files(np.random.default_rng(people), n, people)
    alarms = sum(decide(f, false_alarm=wanted, operating=tables).decision == "forged" for f in files)
    assert alarms / n <= wanted + 3 * math.sqrt(wanted * (1 - wanted) / n)


def test_measured_rates_are_used_to_the_full() -> None:
    """The bound must not be bought by never deciding: measured at 400 media, over 2 % of the allowed 5 % are spent."""
    files = _files(np.random.default_rng(5), 3000, 1)
    decisions = [_decide(f, MEASURED).decision for f in files]
    assert decisions.count("forged") / 3000 > 0.02
    assert decisions.count("genuine") / 3000 > 0.4


def test_fusion_loads_neither_torch_nor_opencv_nor_pillow() -> None:
    code = (
        "import sys, zhenwei.fusion.verdict, zhenwei.models.calibration_fit; "
        "print([m for m in ('torch', 'cv2', 'PIL') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_the_media_that_rates_come_from_are_named_and_a_file_unlike_them_is_told() -> None:
    domain = Domain(
        (("web faces", 40, 0), ("StyleGAN", 0, 60), *((f"s{i}", 1, 1) for i in range(6))), {"face_px": (50, 200)}
    )
    tables = OperatingPoints(MEASURED.genuine, MEASURED.forged, {"image": domain})
    pixels = np.zeros((4, 4, 3), np.uint8)

    def judged(face_px: float) -> Verdict:
        people = [Person(1, pixels, 1, Interval(0.0, 0.0), Quality(face_px, 80, 0.5, 0.0))]
        return decide([_evidence(5.0)], people=people, operating=tables)

    usual, vast = judged(120), judged(900)
    assert usual.unlike == ""
    assert "on 46 genuine and 66 forged pictures from 8 sources (StyleGAN, web faces, s0, s1, s2, s3 and 2 more)" in (
        usual.measured_on
    )
    assert "the face measures 900 px, measured were 50–200" in vast.unlike
    assert "the face measures 200.3 px, measured were 50.0–200.0" in judged(200.3).unlike
    assert vast.decision == usual.decision
    assert _decide([_evidence(5.0)]).measured_on == ""
