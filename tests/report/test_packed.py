"""A report as bytes and back: what a page is made from later, in either language."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from zhenwei.errors import DataError
from zhenwei.report import to_dict, to_html
from zhenwei.report.kept import from_dict
from zhenwei.report.packed import FORMAT, pack, picture, unpack
from zhenwei.types import Box, ImageExhibit, Language, Report

LANGUAGES: tuple[Language, ...] = ("en", "zh")


def test_a_report_comes_back_in_both_languages(every_report: tuple[Report, ...], full_photo: Report) -> None:
    for report in (*every_report, full_photo):
        assert pack(report) == pack(report)
        back = unpack(pack(report)).report
        for language in LANGUAGES:
            assert to_dict(back, language) == to_dict(report, language)
            assert "<html" in to_html(back, language)


def test_pictures_come_back_nearly_as_they_were_with_their_places(forged_photo: Report) -> None:
    found = forged_photo.evidence[0].exhibits[0]
    assert isinstance(found, ImageExhibit)
    placed = replace(found, place=Box(0.1, 0.2, 0.3, 0.4))
    person = replace(forged_photo.people[0], sightings=((1.5, Box(0.25, 0.5, 0.75, 1.0)),))
    evidence = (replace(forged_photo.evidence[0], exhibits=(placed,)),)
    packed = unpack(pack(replace(forged_photo, evidence=evidence, people=(person,))))
    exhibit = packed.report.evidence[0].exhibits[0]
    assert exhibit.place == Box(0.1, 0.2, 0.3, 0.4)  # type: ignore[union-attr]
    assert packed.report.people[0].sightings == ((1.5, Box(0.25, 0.5, 0.75, 1.0)),)
    difference = exhibit.pixels.astype(int) - found.pixels  # type: ignore[union-attr]
    assert np.abs(difference).mean() < 3
    assert len(packed.pictures) == 3  # map, original, portrait
    assert any(packed.report.people[0].portrait is pixels for pixels in packed.pictures)


def test_a_name_that_is_no_utf_8_comes_back(forged_photo: Report) -> None:
    name = "inv\udcff\udcfe.jpg"
    report = replace(forged_photo, media=replace(forged_photo.media, path=name))
    assert unpack(pack(report)).report.media.path == name


def test_a_traceback_stays_behind(forged_photo: Report) -> None:
    evidence = (replace(forged_photo.evidence[0], fault="Traceback: /home/someone/secret.py"),)
    data = pack(replace(forged_photo, evidence=evidence))
    assert unpack(data).report.evidence[0].fault
    assert b"secret.py" not in zipfile.ZipFile(io.BytesIO(data)).read("report.json")


def test_single_pictures_are_taken_out(forged_photo: Report) -> None:
    data = pack(forged_photo)
    jpeg = picture(data, 0)
    assert jpeg is not None
    assert jpeg[:3] == b"\xff\xd8\xff"
    assert picture(data, 99) is None


def test_json_and_the_archive_keep_the_same_pictures(full_photo: Report) -> None:
    packed = unpack(pack(full_photo)).report
    kept = from_dict(to_dict(full_photo, pictures=True))
    assert isinstance(kept, Report)
    assert kept.poster is not None
    assert packed.poster is not None
    assert np.array_equal(kept.poster.pixels, packed.poster.pixels)


def test_what_earlier_versions_kept_is_read(full_photo: Report) -> None:
    """Pictures of any size and quality, in the archive and in JSON."""
    large = np.random.default_rng(0).integers(0, 255, (30, 5000, 3), np.uint8)
    written = io.BytesIO()
    Image.fromarray(large).save(written, "JPEG", quality=50)
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(pack(full_photo))) as now, zipfile.ZipFile(made, "w") as earlier:
        for name in now.namelist():
            earlier.writestr(name, written.getvalue() if name == "0.jpg" else now.read(name))
    assert unpack(made.getvalue()).pictures[0].shape == large.shape
    document = to_dict(full_photo, pictures=True)
    document["poster"]["picture"] = "data:image/jpeg;base64," + base64.b64encode(written.getvalue()).decode()
    report = from_dict(document)
    assert isinstance(report, Report)
    assert report.poster is not None
    assert report.poster.pixels.shape == large.shape


def archive(document: object, picture: bytes = b"", compression: int = zipfile.ZIP_STORED) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", compression) as made:
        made.writestr("report.json", json.dumps(document))
        if picture:
            made.writestr("0.jpg", picture)
    return written.getvalue()


def png() -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (4, 4)).save(written, "PNG")
    return written.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no archive",
        archive({"format": "zhenwei.packed/0", "report": {}}),
        archive({"format": FORMAT, "report": {"": "Popen", "args": ["id"]}}),
        archive({"format": FORMAT, "report": {"": "Report", "nothing": 1}}),
        archive({"format": FORMAT, "report": {"": "pixels", "number": 7}}),
        archive([]),
        archive({"format": FORMAT, "report": " " * (260 << 20)}, compression=zipfile.ZIP_DEFLATED),
        archive({"format": FORMAT, "report": {}}, png()),
        archive([])[:-30],
    ],
    ids=[
        "nothing",
        "no archive",
        "another version",
        "another class",
        "another field",
        "a picture too few",
        "no table",
        "unfolds",
        "another kind of picture",
        "cut short",
    ],
)
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(DataError, match="no packed report"):
        unpack(data)


def test_json_is_a_report_without_its_pictures(every_report: tuple[Report, ...]) -> None:
    for report in every_report:
        for language in LANGUAGES:
            written = to_dict(report, language)
            back = from_dict(written)
            assert isinstance(back, Report)
            again = to_dict(back, language)
            for evidence in written["evidence"]:
                evidence["exhibits"] = []
            assert again == written
            assert "<html" in to_html(back, language)
    for wrong in ({"schema": "zhenwei.report/1", "file": {}, "error": {}}, {"schema": "another/1"}, {}):
        with pytest.raises(DataError, match="not as it was written"):
            from_dict(wrong)
