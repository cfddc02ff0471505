"""What is kept of the answers that thresholds rest on: all that they follow from, nobody's name, and no damage."""

from __future__ import annotations

import contextlib
import gzip
import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.training.install.test_thresholds import calibrated

from zhenwei.cli import main
from zhenwei.detectors import build
from zhenwei.errors import DataError
from zhenwei.evaluation.items import Answer
from zhenwei.fusion.dependence import PACKAGED as LEARNED
from zhenwei.fusion.operating import PACKAGED
from zhenwei.training.install.kept_answers import KeptAnswers, load, made_by, merged, save
from zhenwei.training.install.thresholds import FileAnswers, as_if_unknown, measure

ID = "cnn.face_forgery"


def kept(media: list[FileAnswers]) -> KeptAnswers:
    named = [replace(one, digest=f"{number:016x}") for number, one in enumerate(media)]
    return KeptAnswers(tuple(named), {ID: "abc"}, {named[0].digest: 41.5} if named else {})


def test_what_follows_from_answers_follows_from_the_file(tmp_path: Path) -> None:
    before = kept(calibrated(400, 4))
    save(before, tmp_path / "a.json.gz")
    after = load(tmp_path / "a.json.gz")
    assert after.by == before.by
    assert after.tones["0" * 16] == 41.5
    assert math.isnan(after.tones[f"{1:016x}"])
    found, wanted = measure(after.media), measure(before.media)
    assert found.decisions == wanted.decisions
    assert found.dependence.trust == pytest.approx(wanted.dependence.trust, abs=1e-3)
    save(after, tmp_path / "b.json.gz")  # once more changes nothing
    assert (tmp_path / "a.json.gz").read_bytes() == (tmp_path / "b.json.gz").read_bytes()


def test_nobody_is_named_and_people_stay_apart(tmp_path: Path) -> None:
    media = [replace(one, group=f"set/Ada Lovelace {number % 7}", video="set/Ada") for number, one in
             enumerate(calibrated(40, 2))]  # fmt: skip
    save(kept(media), tmp_path / "a.json.gz")
    text = gzip.decompress((tmp_path / "a.json.gz").read_bytes()).decode()
    assert "Ada" not in text
    found = load(tmp_path / "a.json.gz").media
    assert len({one.group for one in found}) == 7
    assert len({one.video for one in found}) == 1


def test_only_who_has_the_same_weights_is_believed() -> None:
    detector = build(ID)
    assert KeptAnswers((), {ID: made_by(detector)}).unchanged([detector]) == {ID}
    assert KeptAnswers((), {ID: "older"}).unchanged([detector]) == frozenset()
    assert KeptAnswers((), {}).unchanged([detector]) == frozenset()
    assert made_by(build("encoder.blended")) != made_by(detector)


def test_new_answers_join_those_that_hold() -> None:
    (before,) = [replace(one, digest="m") for one in calibrated(1, 1)]
    noise = Answer("traditional.noise", 1, 0.5, "altered")
    known = replace(before, said=(*before.said, noise))
    fresh = replace(before, said=(replace(noise, llr=-1.0),))
    (found,) = merged([known], [fresh], {ID})
    assert found.said == (*before.said, replace(noise, llr=-1.0))
    (alone,) = merged([], [fresh], {ID})
    assert alone == fresh
    sound = replace(fresh, kind="audio")  # which it does not take, though it answered once
    assert merged([replace(known, kind="audio")], [sound], {ID}) == [sound]


def test_a_medium_that_heads_knew_is_answered_by_those_that_did_not() -> None:
    (one,) = [replace(one, digest="m") for one in calibrated(1, 1)]
    (found,) = as_if_unknown([one], {"m": {ID: 0.25}, "other": {ID: 9.0}})
    assert [(a.detector, a.llr, a.person) for a in found.said] == [(ID, 0.25, 1)]
    assert as_if_unknown([one], {}) == [one]


_SCHEMA = b'{"schema": "zhenwei.threshold-answers/1"'
DAMAGED = {
    "empty": b"",
    "no gzip": b"answers",
    "no JSON": gzip.compress(b"{"),
    "a list": gzip.compress(b"[]"),
    "another schema": gzip.compress(b'{"schema": "zhenwei.threshold-answers/9"}'),
    "nothing in it": gzip.compress(_SCHEMA + b"}"),
    "a medium without anything": gzip.compress(_SCHEMA + b', "detectors": [], "media": [{}]}'),
    "cut short": gzip.compress(b"x" * 1000)[:-9],
}


@pytest.mark.parametrize("what", DAMAGED)
def test_a_file_that_is_none_is_told_with_the_cure(tmp_path: Path, what: str) -> None:
    path = tmp_path / "a.json.gz"
    path.write_bytes(DAMAGED[what])
    with pytest.raises(DataError) as caught:
        load(path)
    assert "zhenwei train fused --thresholds" in caught.value.fix
    with pytest.raises(DataError):
        load(tmp_path / "none.json.gz")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_is_changed_in_it_is_told_or_read(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "a.json.gz"
    save(kept(calibrated(4, 2)), path)
    document = json.loads(gzip.decompress(path.read_bytes()))
    row = data.draw(st.sampled_from(document["media"]))
    key = data.draw(st.sampled_from(sorted(row)))
    row[key] = data.draw(st.one_of(st.none(), st.integers(), st.text(), st.lists(st.integers()), st.just({})))
    path.write_bytes(gzip.compress(json.dumps(document).encode()))
    with contextlib.suppress(DataError):  # and nothing else
        assert len(load(path).media) == 4


def test_thresholds_go_to_the_output_unless_they_are_to_be_installed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packaged = [path.read_bytes() for path in (PACKAGED, LEARNED)]
    path, out = tmp_path / "a.json.gz", tmp_path / "out"
    save(kept(calibrated(12, 6)), path)
    assert main(["train", "fused", "--thresholds", "--data", str(path), "--output", str(out)]) == 0
    assert [path.read_bytes() for path in (PACKAGED, LEARNED)] == packaged
    assert (out / PACKAGED.name).is_file()
    assert (out / LEARNED.name).is_file()
    assert "the same command with --install" in " ".join(capsys.readouterr().err.split())
