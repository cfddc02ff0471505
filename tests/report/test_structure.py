"""Every report obeys the published schema, whatever text a file holds, and a program can read all of it back."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zhenwei.errors import MediaError, ModelError
from zhenwei.report import Unreadable, schema, set_to_json, to_dict, to_json
from zhenwei.types import Report

PUBLISHED = schema()
VALIDATOR = jsonschema.Draft202012Validator(PUBLISHED)
BROKEN = Unreadable(
    "notes.mp4", MediaError("the file is no video", got="text", want="a video", fix="Name another file.")
)
odd_text = st.text(st.characters(codec=None), max_size=40)
relaxed = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def valid(value: object) -> None:
    VALIDATOR.validate(value)


def objects_in(node: Any) -> list[dict[str, Any]]:
    found = [node] if isinstance(node, dict) else []
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else []
    return found + [inner for child in children for inner in objects_in(child)]


def test_the_schema_is_a_schema_and_admits_no_unknown_key() -> None:
    jsonschema.Draft202012Validator.check_schema(PUBLISHED)
    for node in objects_in(PUBLISHED):
        if node.get("type") == "object":
            assert node.get("additionalProperties") is not None, node.get("description")
            assert node["description"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_report_is_valid(every_report: tuple[Report, ...], language: Any) -> None:
    for report in every_report:
        valid(to_dict(report, language))
        assert json.loads(to_json(report, language)) == to_dict(report, language)


def test_an_unreadable_file_has_an_error_and_no_verdict() -> None:
    record = to_dict(BROKEN)
    valid(record)
    assert "verdict" not in record
    assert record["error"] == {
        "kind": "MediaError",
        "message": "the file is no video; got text; want a video",
        "fix": "Name another file.",
    }
    assert to_dict(Unreadable("x", ModelError("weights are gone")))["error"]["kind"] == "ModelError"


def test_a_set_of_reports_is_valid_and_keeps_the_order(every_report: tuple[Report, ...]) -> None:
    loaded = json.loads(set_to_json([*every_report, BROKEN]))
    valid(loaded)
    assert [entry["file"]["path"] for entry in loaded["reports"]] == [
        *(report.media.path for report in every_report),
        "notes.mp4",
    ]
    valid(json.loads(set_to_json([])))


def test_the_schema_refuses_what_a_report_is_not(forged_photo: Report) -> None:
    good = to_dict(forged_photo)
    for path, value in (
        (("verdict", "decision"), "fake"),
        (("verdict", "error_rate"), 1.5),
        (("file", "sha256"), "A" * 64),
        (("file", "kind"), "text"),
        (("schema",), "zhenwei.report/2"),
        (("verdict", "probability"), 0.93),
    ):
        bad = json.loads(json.dumps(good))
        inner = bad
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = value
        assert not VALIDATOR.is_valid(bad), path
    silent = json.loads(json.dumps(good))
    silent["evidence"][1]["reason"] = ""  # an abstention without its reason
    assert not VALIDATOR.is_valid(silent)


def test_the_figures_are_those_of_the_report(two_people: Report) -> None:
    record = to_dict(two_people)
    assert record["verdict"]["llr"] == -2.9
    assert [v["error_rate"] for v in record["verdict"]["by_person"]] == [0.03, None]
    assert record["evidence"][1]["interval_s"] == [0.0, 8.0]
    assert record["evidence"][0]["exhibits"][0]["kind"] == "curve"
    assert record["people"][0]["quality"]["yaw_deg"] == -12.0
    assert record["file"]["audio"] == {"codec": "aac", "rate_hz": 48_000, "channels": 2}
    assert record["engine"]["command"] == (
        "zhenwei scan clips/interview.mp4 --frames 32 --detector cnn.face_forgery --false-alarm 0.05"
    )


def test_sentences_come_in_the_language_asked_for(abstaining: Report) -> None:
    assert to_dict(abstaining, "zh")["evidence"][0]["reason"] == "所有采样帧中都没有找到人脸"
    assert to_dict(abstaining)["evidence"][0]["reason"].startswith("no face")


@pytest.mark.parametrize("figure", [math.nan, math.inf, -math.inf])
def test_no_figure_in_a_report_is_infinite_or_undefined(forged_photo: Report, figure: float) -> None:
    media = replace(forged_photo.media, fps=figure, duration_s=figure)
    declared = to_dict(replace(forged_photo, media=media))  # the file's own nonsense is left out
    assert declared["file"]["fps"] is None
    assert declared["file"]["duration_s"] is None
    spoiled = replace(forged_photo, evidence=(replace(forged_photo.evidence[0], llr=figure),))
    with pytest.raises(ValueError, match=r"llr of cnn\.face_forgery"):
        to_dict(spoiled)


@given(path=odd_text, name=odd_text, value=odd_text, finding=odd_text)
@relaxed
def test_any_text_stays_valid_json(forged_photo: Report, path: str, name: str, value: str, finding: str) -> None:
    media = replace(forged_photo.media, path=path, facts=((name, value),), notes=(value,))
    evidence = replace(forged_photo.evidence[0], finding=finding)
    written = to_json(replace(forged_photo, media=media, evidence=(evidence,)))
    written.encode("utf-8")  # no lone surrogate is left
    loaded = json.loads(written)
    valid(loaded)
    assert "\n" not in written
    if value.isprintable():
        assert loaded["file"]["facts"][0]["value"] == value


def test_json_cannot_steer_a_terminal(forged_photo: Report) -> None:
    hostile = "a\x1b[2Jb\x9b31mc\u202egpj.exe\u2066\x7f"
    written = to_json(replace(forged_photo, media=replace(forged_photo.media, path=hostile)))
    assert all(character.isprintable() or character == " " for character in written)
    assert json.loads(written)["file"]["path"] == hostile


def test_the_command_survives_a_shell(forged_photo: Report) -> None:
    import shlex

    path = "it's; rm -rf $HOME `x`.jpg"
    record = to_dict(replace(forged_photo, media=replace(forged_photo.media, path=path)))
    assert shlex.split(record["engine"]["command"])[:3] == ["zhenwei", "scan", path]
    dashed = to_dict(replace(forged_photo, media=replace(forged_photo.media, path="--quiet.jpg")))
    assert dashed["engine"]["command"].startswith("zhenwei scan ./--quiet.jpg ")  # not an option
