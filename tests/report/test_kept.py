"""A report that was kept as JSON becomes a report again: the same page, the same JSON, an annex for examiners."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from tests.report.conftest import drawn
from tests.report.reading import Page, inert

from zhenwei.errors import DataError, MediaError
from zhenwei.report import Unreadable, schema, to_dict, to_html
from zhenwei.report.annex import Annex, FileNow, file_now, verbal_scale
from zhenwei.report.kept import from_dict, read_reports
from zhenwei.report.shape import SINCE
from zhenwei.types import DetectorInfo, ImageExhibit, Report

NOW = datetime(2026, 11, 29, 14, 2, 11, tzinfo=timezone(timedelta(hours=8), "CST"))


def kept(report: Report, **more: Any) -> Any:
    document = to_dict(report, **more)
    Draft202012Validator(schema()).validate(document)
    return json.loads(json.dumps(document))


def with_frames(report: Report) -> Report:
    boxes = ((1, 0.1, 0.2, 0.4, 0.6),)
    shown = tuple([ImageExhibit("A frame", drawn(n), 1.5 * n, boxes=boxes) for n in range(3)])
    return replace(report, frames=shown, poster=shown[1])


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_kept_report_is_the_same_again(every_report: tuple[Report, ...], language: Any) -> None:
    for report in every_report:
        first = kept(report, language=language)
        again = from_dict(first)
        assert isinstance(again, Report)
        second = to_dict(again, language)
        for row in (*first["evidence"], *second["evidence"]):
            row.pop("exhibits")  # of which JSON alone keeps captions
        assert second == first


def test_with_pictures_the_page_is_as_it_was(two_people: Report) -> None:
    report = with_frames(two_people)
    again = from_dict(kept(report, pictures=True))
    assert isinstance(again, Report)
    assert [len(each.exhibits) for each in again.evidence] == [len(each.exhibits) for each in report.evidence]
    assert again.frames[2].boxes == report.frames[2].boxes
    page, other = Page(to_html(again)), Page(to_html(report))
    words = [re.sub(r"[0-9.]+ (kB|MB)", "", each.words) for each in (page, other)]  # pictures in JPEG once more
    assert words[0] == words[1]
    assert len(page.has("img")) == len(other.has("img"))


def test_without_pictures_there_is_a_page_too(full_photo: Report) -> None:
    again = from_dict(kept(full_photo))
    assert isinstance(again, Report)
    inert(to_html(again))


def test_a_file_that_could_not_be_read_stays_one() -> None:
    document = to_dict(Unreadable("x.jpg", MediaError("x.jpg is empty", fix="Copy it again.")))
    again = from_dict(document)
    assert isinstance(again, Unreadable)
    assert to_dict(again)["file"] == document["file"]


def test_one_report_a_set_and_lines_are_read(tmp_path: Path, two_people: Report, abstaining: Report) -> None:
    documents = [to_dict(two_people), to_dict(abstaining)]
    written = {
        "one.json": json.dumps(documents[0]),
        "lines.json": "\n".join(map(json.dumps, documents)),
        "set.json": json.dumps({"schema": "zhenwei.report-set/1", "reports": documents}),
    }
    for name, text in written.items():
        path = tmp_path / name
        path.write_text(text)
        assert read_reports(path) == documents[: 1 if name == "one.json" else 2]


@pytest.mark.parametrize("text", ["", "{}", "[1]", "3", '{"schema": "zhenwei.report/1"} x', "\x00", "{" * 5000])
def test_what_is_no_report_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(DataError):
        read_reports(path)


@pytest.mark.parametrize("harm", ["verdict", "engine", "evidence", "people"])
def test_a_damaged_report_is_told_as_such(forged_photo: Report, harm: str) -> None:
    document = kept(forged_photo, pictures=True)
    document[harm] = [{}] if isinstance(document[harm], list) else {}
    with pytest.raises(DataError, match="not as it was written"):
        from_dict(document)


HARM: list[tuple[str, Any]] = [
    ("verdict.llr", "abc"),
    ("verdict.llr", float("nan")),
    ("evidence.0.llr", float("inf")),
    ("evidence.0.counted", 10**400),
    ("verdict.error_rate", "0.1"),
    ("verdict.error_rate", 7),
    ("verdict.by_person.0.person", "a"),
    ("verdict.by_person.0.person", True),
    ("verdict.decision", "sure"),
    ("file.path", None),
    ("file.size_bytes", "x"),
    ("file.duration_s", "zz"),
    ("file.sha256", "0"),
    ("file.sha256", "0" * 64 + "\n"),
    ("people.0.quality.yaw_deg", []),
    ("people.0.interval_s", [1]),
    ("engine.models", {"a": "b"}),
    ("language", 3),
]


@pytest.mark.parametrize(("field", "value"), HARM)
def test_a_field_of_another_kind_is_named(tmp_path: Path, two_people: Report, field: str, value: Any) -> None:
    document = kept(two_people)
    *way, last = [int(word) if word.isdigit() else word for word in field.split(".")]
    within = document
    for step in way:
        within = within[step]
    within[last] = value
    path = tmp_path / "x.json"
    path.write_text(json.dumps(document))
    named = re.escape(re.sub(r"\.(\d+)", r"[\1]", field))
    for reading in (lambda: from_dict(document), lambda: read_reports(path)):
        with pytest.raises(DataError, match=named):
            reading()


def test_a_field_that_is_missing_is_named(two_people: Report) -> None:
    document = kept(two_people)
    del document["file"]["path"]
    with pytest.raises(DataError, match=r"want file\.path"):
        from_dict(document)


def test_a_whole_number_may_be_written_with_a_point(two_people: Report) -> None:
    document = to_dict(two_people)
    document["file"] |= {"rotation_deg": 90.0, "size_bytes": float(document["file"]["size_bytes"])}
    read = from_dict(document)
    assert isinstance(read, Report)
    assert (read.media.rotation_deg, read.media.size_bytes) == (90, two_people.media.size_bytes)
    assert type(read.media.rotation_deg) is int


def test_fields_that_came_later_are_not_missed(every_report: tuple[Report, ...]) -> None:
    for report in every_report:
        document = kept(report)
        del document["language"], document["verdict"]["judged_as"]
        for name in SINCE["verdict"]:
            del document["verdict"][name]
        for row in document["evidence"]:
            for name in SINCE["evidence"]:
                del row[name]
        again = from_dict(document)
        assert isinstance(again, Report)
        assert (again.verdict.llr, again.verdict.unlike) == (report.verdict.llr, "")
        assert {each.counted for each in again.evidence} <= {None}
        inert(to_html(again))


def test_a_picture_that_is_none_is_told_as_such(full_photo: Report) -> None:
    document = kept(full_photo, pictures=True)
    document["poster"]["picture"] = "data:image/jpeg;base64,AAAA"
    with pytest.raises(DataError):
        from_dict(document)


def annexed(report: Report, detectors: Mapping[str, DetectorInfo], language: Any = "en", **given: Any) -> str:
    now = FileNow("same", {"SHA-256": report.media.sha256, "SHA-1": "1" * 40, "MD5": "2" * 32})
    return to_html(report, language, detectors=detectors, annex=Annex(now, NOW, **given))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_annex_has_what_an_examiner_needs(
    full_photo: Report, detectors: Mapping[str, DetectorInfo], language: Any
) -> None:
    html = annexed(full_photo, detectors, language, case="2026/17", exhibit="A3", examiner="J. Doe <x>")
    inert(html)
    words = Page(html).words
    for said in (
        "2026/17",
        "A3",
        "J. Doe <x>",
        "2026-11-29 14:02:11+08:00",
        "1" * 40,
        "2" * 32,
        "Shiohara 2022",
        "ENFSI",
    ):
        assert said in words
    assert '@bottom-left{content:"2026/17 · A3"' in html


def test_nothing_in_the_case_number_gets_into_the_style(forged_photo: Report) -> None:
    html = annexed(forged_photo, {}, case='1"}body{display:none}</style><b>')
    assert "display:none}</style><b>" not in html.split("</style>")[0]
    inert(html)


@pytest.mark.parametrize(
    ("llr", "row"), [(0.0, 0), (1.0, 1), (-3.0, 2), (5.0, 3), (-8.0, 4), (10.0, 5), (20.0, 6), (-1000.0, 6)]
)
def test_the_verbal_scale_has_one_place_for_every_ratio(llr: float, row: int) -> None:
    assert [here for _, _, here in verbal_scale(llr, "en")].index(True) == row
    assert sum(here for _, _, here in verbal_scale(llr, "zh")) == 1


def test_a_file_that_changed_gets_no_other_hashes(tmp_path: Path, forged_photo: Report) -> None:
    path = tmp_path / "x.jpg"
    assert file_now(forged_photo.media, path).standing == "missing"
    path.write_bytes(b"other")
    assert file_now(forged_photo.media, path) == FileNow("changed", {"SHA-256": forged_photo.media.sha256})
    same = replace(forged_photo.media, sha256=hashlib.sha256(b"other").hexdigest())
    hashes = file_now(same, path).hashes
    assert hashes["MD5"] == hashlib.md5(b"other").hexdigest()  # noqa: S324
    assert hashes["SHA-1"] == hashlib.sha1(b"other").hexdigest()  # noqa: S324


def test_boxes_and_frames_are_drawn_where_they_are(two_people: Report) -> None:
    html = to_html(with_frames(two_people))
    inert(html)
    page = Page(html)
    assert [link["data-second"] for link in page.has("a") if "data-second" in link][:3] == ["0.00", "1.50", "3.00"]
    faces = re.findall(r'class="face" style="left:10.00%;top:20.00%;width:30.00%;height:40.00%"', html)
    assert len(faces) == 4  # of the poster and three frames
    assert page.has("div", **{"class": "columns"})


def test_portraits_that_were_not_kept_are_left_out(forged_photo: Report) -> None:
    again = from_dict(kept(forged_photo))
    assert isinstance(again, Report)
    assert again.people[0].portrait.size == 0
