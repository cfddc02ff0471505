"""From a file to a report, with every part real."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image
from tests import moving

from zhenwei import fusion, pipeline, report
from zhenwei.detectors import catalogue
from zhenwei.errors import MediaError, UsageError
from zhenwei.pipeline import Options, examine
from zhenwei.types import DEPTHS, Depth, ImageExhibit, PersonVerdict, Report, StreamVerdict, Text, Verdict, in_language

EXAMPLES = Path(__file__).parents[1] / "examples" / "media"


@cache
def examined(name: str, false_alarm: float = 0.05) -> Report:
    """The report on an example, made once: the first test shows that it is the same every time."""
    return examine(EXAMPLES / name, options=Options(false_alarm=false_alarm))


def test_the_same_file_gives_the_same_report() -> None:
    again = examine(EXAMPLES / "astronaut-forged.jpg")
    first, second = (report.to_dict(r) for r in (examined("astronaut-forged.jpg"), again))
    for values in (first, second):
        values["engine"]["seconds"] = 0
        for evidence in values["evidence"]:
            evidence["seconds"] = 0
    assert first == second


def test_the_name_of_the_file_does_not_matter(tmp_path: Path) -> None:
    other = tmp_path / "genuine-portrait.png"
    other.write_bytes((EXAMPLES / "astronaut-forged.jpg").read_bytes())
    assert examine(other).verdict == examined("astronaut-forged.jpg").verdict


def test_bytes_streams_and_pixels_are_examined_as_the_file_is() -> None:
    path = EXAMPLES / "astronaut-forged.jpg"
    options = Options(detectors=("traditional.noise", "provenance.labels"))
    known = examine(path, options=options)
    with path.open("rb") as stream:
        found = {
            "<bytes>": examine(path.read_bytes(), options=options),
            f"<{path.name}>": examine(stream, options=options),
        }
    for name, other in found.items():
        assert other.media == replace(known.media, path=name)
        assert other.verdict == known.verdict
    pixels = np.asarray(Image.open(path).convert("RGB"))
    of_pixels = examine(pixels, options=options)
    assert (of_pixels.media.path, of_pixels.media.container) == ("<array>", "ppm")
    assert of_pixels.evidence[0].llr == known.evidence[0].llr
    assert "given as pixels" in of_pixels.media.notes[0]
    with pytest.raises(UsageError, match="no picture"):
        examine(pixels.astype(np.float32), options=options)


@pytest.mark.parametrize("late", ["noise", "labels"])
def test_a_file_that_is_replaced_while_it_is_examined_has_no_verdict(tmp_path: Path, late: str) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes((EXAMPLES / "astronaut.jpg").read_bytes())

    def replace_it(stage: str, _fraction: float) -> None:
        if stage.endswith(late):
            path.write_bytes((EXAMPLES / "astronaut-forged.jpg").read_bytes())

    with pytest.raises(MediaError, match="was changed while it was read"):
        examine(path, options=Options(detectors=("traditional.noise", "provenance.labels")), progress=replace_it)


def test_two_people_are_judged_apart_and_the_file_follows_the_worse(tmp_path: Path) -> None:
    pair = [Image.open(EXAMPLES / name).convert("RGB") for name in ("astronaut.jpg", "astronaut-forged.jpg")]
    both = Image.new("RGB", (1024, 512))
    for place, image in enumerate(pair):
        both.paste(image, (512 * place, 0))
    both.save(tmp_path / "both.png")
    verdict = examine(tmp_path / "both.png").verdict
    llrs = {p.person: p.llr for p in verdict.by_person}
    assert len(llrs) == 2
    assert all(llr is not None for llr in llrs.values())
    known = [llr for llr in llrs.values() if llr is not None]
    assert verdict.llr is not None
    assert max(known) - np.log(2) - 1e-9 <= verdict.llr <= max(known)  # worst of two, corrected for the looking
    alone = examined("astronaut-forged.jpg").verdict
    assert max(known) == pytest.approx(alone.llr, abs=0.4)


def test_a_picture_without_a_face_is_inconclusive_with_the_reason(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (300, 400, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    found = examine(tmp_path / "noise.png")
    assert found.verdict.decision == "inconclusive"
    assert found.verdict.llr is None
    assert found.people == ()
    asked = {name: kind.info for name, kind in catalogue().items() if "image" in kind.info.takes}
    of_faces = [str(e.reason) for e in found.evidence if e.detector in asked and asked[e.detector].level == "person"]
    assert set(of_faces) == {"no face to look at"}
    assert all(e.llr is None and e.reason for e in found.evidence)


def test_a_tone_is_no_voice_and_damaged_sound_is_told(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "tone.wav", np.sin(np.arange(16000) / 9).astype(np.float32) * 0.2, 16000)
    found = examine(tmp_path / "tone.wav")
    assert found.media.kind == "audio"
    assert found.verdict.llr is None
    assert any("nobody is heard to speak" in str(e.reason) for e in found.evidence)
    assert found.poster is not None
    assert "Waveform" in found.poster.caption
    bad = np.zeros(1000, np.float32)
    bad[7] = np.nan
    soundfile.write(tmp_path / "bad.wav", bad, 16000, subtype="FLOAT")
    with pytest.raises(MediaError, match="not numbers"):
        examine(tmp_path / "bad.wav")


def test_a_report_shows_what_was_examined_and_what_its_maps_lie_over() -> None:
    found = examined("astronaut-forged.jpg")
    assert found.poster is not None
    with Image.open(EXAMPLES / "astronaut-forged.jpg") as image:
        assert np.array_equal(found.poster.pixels, np.asarray(image.convert("RGB")))
    assert found.poster.time_s is None
    shown = [exhibit for each in found.evidence for exhibit in each.exhibits if isinstance(exhibit, ImageExhibit)]
    maps = [exhibit for exhibit in shown if exhibit.original is not None]
    assert len(maps) > 8
    assert all(exhibit.original is not None and exhibit.original.shape == exhibit.pixels.shape for exhibit in maps)
    clip = examine(EXAMPLES / "astronaut-clip.mp4", options=Options(frames=4, detectors=("cnn.face_forgery",))).poster
    assert clip is not None
    assert clip.time_s is not None


def test_progress_rises_to_one() -> None:
    told: list[float] = []
    examine(
        EXAMPLES / "astronaut-clip.mp4", options=Options(frames=4), progress=lambda _stage, share: told.append(share)
    )
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_the_number_of_frames_is_heeded() -> None:
    (person,) = examine(EXAMPLES / "astronaut-clip.mp4", options=Options(frames=5)).people
    assert person.faces == 5


def test_faces_that_stay_are_looked_for_in_every_other_frame() -> None:
    found = examine(EXAMPLES / "astronaut-clip.mp4")
    (person,) = found.people
    assert person.faces == 17
    assert len(found.frames) == 8
    assert all(frame.boxes for frame in found.frames)
    (person,) = examine(
        EXAMPLES / "astronaut-clip.mp4", options=Options(detectors=("cnn.face_forgery", "temporal.pulse"))
    ).people
    assert person.faces == 32


def test_each_depth_asks_what_the_one_before_asks_and_more() -> None:
    fast, standard, full = (set(Options(depth=depth).asked) for depth in DEPTHS)
    assert fast < standard < full == set(catalogue())
    for id_, kind in catalogue().items():
        assert (id_ in fast, id_ in standard) == (kind.info.depth == "fast", kind.info.depth != "full")
    assert not any(catalogue()[id_].info.needs_strip for id_ in standard)  # nothing is decoded twice
    assert Options(detectors=("temporal.blink",)).asked == ("temporal.blink",)


def test_depth_sets_the_number_of_frames_unless_it_is_given() -> None:
    assert [Options(depth=depth).sampled_frames for depth in DEPTHS] == [8, 32, 32]
    assert Options(depth="fast", frames=3).sampled_frames == 3


@cache
def talking(folder: Path) -> Path:
    return moving.write(folder / "talking.mp4", moving.frames(moving.talking))


def test_a_fast_examination_asks_few_and_says_what_its_rates_come_from(tmp_path_factory: Any) -> None:
    clip = examine(talking(tmp_path_factory.getbasetemp()), options=Options(depth="fast", frames=4))
    assert {e.detector for e in clip.evidence} == set(Options(depth="fast").asked) - set(fusion.unheard("video"))
    assert (clip.engine.options["depth"], clip.engine.options["frames"]) == ("fast", 4)
    assert "measured at the standard depth" in clip.verdict.measured_on
    assert "测自标准深度" in in_language(clip.verdict.measured_on, "zh")


def test_who_counts_for_nothing_in_clips_is_asked_by_name_or_at_full_depth_alone(tmp_path_factory: Any) -> None:
    clip, frames = talking(tmp_path_factory.getbasetemp()), 4
    unheard = set(fusion.unheard("video"))
    assert unheard
    standard, full = [examine(clip, options=Options(frames=frames, depth=depth)) for depth in ("standard", "full")]
    assert {e.detector for e in standard.evidence} == set(Options().asked) - unheard
    assert {e.detector for e in full.evidence} == set(Options(depth="full").asked)
    name = min(unheard)
    named = examine(clip, options=Options(frames=frames, detectors=(name,)))
    assert {e.detector for e in named.evidence} == {name}
    costly = {id_ for id_, kind in catalogue().items() if kind.info.depth == "full"}
    mine = [(e.detector, e.person, e.llr) for e in standard.evidence]
    assert mine == [(e.detector, e.person, e.llr) for e in full.evidence if e.detector not in costly | unheard]
    assert all(e.counted in (None, 0.0) for e in full.evidence if e.detector in unheard)


def at(verdict: Verdict, depth: Depth) -> Verdict:
    return fusion.careful(verdict, (), still=(), depth=depth)


def test_a_firm_answer_at_the_fast_depth_names_the_depth_of_its_rate() -> None:
    firm = Verdict("forged", 2.0, 0.01, Text("Forged: 1 in 100.", zh="伪造。"), measured_on="Rates.")
    judged = replace(firm, by_person=(PersonVerdict(1, "forged", 2.0, 0.01, "Forged."),))
    fast = at(judged, "fast")
    assert fast.explanation == "Forged: 1 in 100. That rate was measured at the standard depth, not at the fast one."
    assert in_language(fast.explanation, "zh") == "伪造。该比率测自标准深度，而非快速深度。"
    assert "standard depth" in fast.by_person[0].explanation
    for depth in ("standard", "full"):
        assert at(judged, depth) == judged
    unsure = replace(firm, decision="inconclusive", error_rate=None)
    assert at(unsure, "fast").explanation == unsure.explanation
    unheard = at(replace(unsure, judged_as="audio"), "fast").explanation
    assert unheard == f"{unsure.explanation} A fast examination does not listen to voices; the standard one does."


@pytest.mark.parametrize("name", ["astronaut.jpg", "astronaut-forged.jpg"])
def test_a_picture_in_a_clip_is_judged_as_the_picture(name: str, tmp_path: Path) -> None:
    options = Options(detectors=("encoder.blended", "cnn.face_forgery", "temporal.pulse", "provenance.labels"))
    pixels = moving.portrait(name)
    picture = examine(pixels, options=options)
    clip = examine(moving.write(tmp_path / "held.mp4", [pixels] * moving.COUNT, crf=12), options=options)
    assert (clip.media.kind, clip.verdict.judged_as, picture.verdict.judged_as) == ("video", "image", "image")
    assert "judged as the picture" in clip.media.notes[-1]
    words = "video of a still picture, judged as the picture"
    assert words in report.to_html(clip)
    assert words not in report.to_html(picture)
    assert "按图片判定" in report.to_html(clip, "zh")
    assert clip.verdict.measured_on == picture.verdict.measured_on
    llrs = [{e.detector: e.llr for e in each.evidence} for each in (picture, clip)]
    for id_ in ("encoder.blended", "cnn.face_forgery"):
        assert llrs[0][id_] == pytest.approx(llrs[1][id_], abs=1.0)
    assert clip.verdict.decision == picture.verdict.decision
    (pulse,) = [e for e in clip.evidence if e.detector == "temporal.pulse"]  # which looks at the clip, for nothing
    assert "does not examine" not in str(pulse.reason)
    assert pulse.counted in (None, 0.0)


def test_a_face_that_moves_is_judged_as_a_clip(tmp_path: Path) -> None:
    options = Options(detectors=("encoder.animated",))
    found = examine(moving.write(tmp_path / "talking.mp4", moving.frames(moving.talking)), options=options)
    assert found.verdict.judged_as == "video"
    assert not any("picture that it shows" in note for note in found.media.notes)


def test_pictures_that_fade_into_each_other_are_not_called_genuine(tmp_path: Path) -> None:
    found = examine(moving.write(tmp_path / "shown.mp4", moving.frames(moving.faded, 48), crf=16, rate=6))
    assert found.verdict.judged_as == "video"
    assert found.verdict.llr is not None
    assert found.verdict.llr < -1.5  # low enough to be called so
    assert found.verdict.decision == "inconclusive"
    assert not any(person.decision == "genuine" for person in found.verdict.by_person)
    assert "one after another" in found.verdict.explanation


def test_who_does_nothing_beside_others_is_not_called_genuine() -> None:
    people = [PersonVerdict(number, "genuine", -3.0, 0.02, "So.") for number in (1, 2)]
    streams = (StreamVerdict("picture", "genuine", -3.0, 0.02), StreamVerdict("voice", "genuine", -2.0, 0.03))
    firm = Verdict("genuine", -2.0, 0.03, "Both.", tuple(people), streams, judged_as="video")
    found = fusion.careful(firm, (), still={2}, depth="standard")
    assert (found.decision, found.error_rate) == ("inconclusive", None)
    assert [each.decision for each in found.by_person] == ["genuine", "inconclusive"]
    assert [each.decision for each in found.streams] == ["inconclusive", "genuine"]
    assert "done with pictures" in found.explanation
    assert "用图片做出" in in_language(found.explanation, "zh")
    forged = replace(firm, decision="forged", by_person=(replace(people[0], decision="forged"),))
    assert fusion.careful(forged, (), still={1}, depth="standard").decision == "forged"
    assert fusion.careful(firm, (), still=(), depth="standard") == firm


@pytest.mark.parametrize(
    "options", [{"depth": "deep"}, {"depth": "fast", "detectors": ("cnn.face_forgery",)}, {"depth": 1}]
)
def test_depths_without_meaning_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="depth"):
        Options(**options)


@pytest.mark.parametrize("options", [{"frames": 0}, {"frames": 513}, {"false_alarm": 0.0}, {"false_alarm": 0.5}])
def test_options_without_meaning_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        Options(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "options",
    [
        {"frames": 1.5},
        {"frames": "8"},
        {"frames": True},
        {"frames": np.array([1, 2])},
        {"threads": 1.5},
        {"threads": "2"},
        {"threads": None},
        {"threads": -1},
        {"false_alarm": "0.1"},
        {"false_alarm": None},
        {"false_alarm": float("nan")},
        {"detectors": None},
        {"detectors": "encoder.blended"},
        {"detectors": (3,)},
    ],
)
def test_options_of_another_type_are_refused_at_once(options: dict[str, Any]) -> None:
    (name,) = options
    with pytest.raises(UsageError, match=name.replace("_", ".")):
        Options(**options)


def test_something_else_in_the_place_of_options_is_refused() -> None:
    with pytest.raises(UsageError, match=r"zhenwei\.Options"):
        examine(EXAMPLES / "astronaut.jpg", options={"frames": 1})  # type: ignore[arg-type]


def test_a_detector_that_is_named_twice_is_asked_once() -> None:
    once, often = [
        examine(EXAMPLES / "astronaut-forged.jpg", options=Options(detectors=("encoder.blended",) * count))
        for count in (1, 5)
    ]
    assert len(often.evidence) == len(once.evidence) == 1
    assert often.verdict == once.verdict
    assert often.engine.options == once.engine.options
    assert Options(detectors=("b", "a", "b")).detectors == ("b", "a")


def test_numbers_of_numpy_are_options_and_their_report_can_be_written() -> None:
    options = Options(
        frames=np.int64(4),  # type: ignore[arg-type]
        false_alarm=np.float32(0.25),  # type: ignore[arg-type]
        threads=np.int64(1),  # type: ignore[arg-type]
        detectors=["provenance.labels"],  # type: ignore[arg-type]
    )
    assert options == Options(4, ("provenance.labels",), 0.25, 1)
    written = json.loads(report.to_json(examine(EXAMPLES / "astronaut.jpg", options=options)))
    given = written["engine"]["options"]
    assert (given["frames"], given["false_alarm"], given["threads"]) == (4, 0.25, 1)


def test_an_unknown_detector_is_named() -> None:
    with pytest.raises(UsageError, match="face_forgery"):
        examine(EXAMPLES / "astronaut.jpg", options=pipeline.Options(detectors=("cnn.face_forgry",)))


@pytest.mark.heavy
def test_a_stricter_false_alarm_rate_never_adds_a_forged_verdict() -> None:
    rank = {"forged": 1, "inconclusive": 0, "genuine": 0}
    rates = (0.2, 0.05, 0.01, 0.001)
    said = [examined("astronaut-forged.jpg", r).verdict for r in rates]
    ranks = [rank[v.decision] for v in said]
    assert ranks == sorted(ranks, reverse=True)
    assert ranks[0] == 1
    assert ranks[-1] == 0
