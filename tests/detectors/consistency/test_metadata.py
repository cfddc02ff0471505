"""``consistency.metadata``: contradictions weigh nothing, and no camera original is accused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from zhenwei.detectors.consistency.metadata import THUMBNAIL_LLR, Metadata, resemblance
from zhenwei.media import open_media, read_image
from zhenwei.testing import audio_subject, image_subject, portrait
from zhenwei.types import Evidence, Subject

ROOT = Path(__file__).parents[3]
PORTRAIT = ROOT / "tests" / "data" / "astronaut.jpg"
ORIGINALS = ROOT / ".data" / "camera-originals"


def say(*facts: tuple[str, str], kind: str = "image") -> Evidence:
    subject = image_subject(portrait())
    media = replace(subject.media, facts=facts, kind=kind)  # type: ignore[arg-type]
    return Metadata().examine(replace(subject, media=media, track=None))


def read(path: Path) -> Evidence:
    media = open_media(path)
    return Metadata().examine(Subject(media, (read_image(media),)))


def test_an_editor_and_contradictions_are_told_and_weigh_nothing() -> None:
    evidence = say(
        ("Make", "Canon"),
        ("Software", "Adobe Photoshop 24.1"),
        ("JPEG quality", "92 (standard tables)"),
        ("Width by EXIF", "4000"),
        ("Height by EXIF", "3000"),
        ("Date and time taken", "2020:05:01 10:00:00"),
        ("Date and time", "2019:05:01 10:00:00"),
    )
    assert evidence.llr is None
    assert evidence.score is None
    for word in ("Photoshop", "4000 x 3000", "changed before", "standard tables"):
        assert word in evidence.finding
    assert "Photoshop" in evidence.finding.in_language("zh")  # type: ignore[attr-defined]
    assert "are no forgery" in evidence.reason


def test_turned_pictures_and_clocks_never_set_are_no_contradiction() -> None:
    evidence = say(
        ("Width by EXIF", "240"), ("Height by EXIF", "200"),
        ("Date and time taken", "0000:00:00 00:00:00"), ("Date and time", "2001:12:00 00:00:00"),
    )  # fmt: skip
    assert "no contradiction" in evidence.finding


def test_a_thumbnail_of_something_else_speaks_and_its_own_does_not(tmp_path: Path) -> None:
    image = np.asarray(Image.open(PORTRAIT).convert("RGB"), np.uint8)
    for name, small, llr in (
        ("own", image, None),
        ("turned", np.rot90(image), None),
        ("mirrored", np.fliplr(image), None),
        ("mirrored and turned", np.rot90(np.fliplr(image)), None),
        ("recoloured", np.clip(image * 0.7 + 40, 0, 255).astype(np.uint8), None),
        ("other", portrait(300, 300), THUMBNAIL_LLR),
    ):
        thumbnail = cv2.resize(np.ascontiguousarray(small), (160, 120), interpolation=cv2.INTER_AREA)
        padded = cv2.copyMakeBorder(thumbnail, 12, 12, 0, 0, cv2.BORDER_CONSTANT)  # black bars, as cameras put
        _, data = cv2.imencode(".jpg", padded[..., ::-1])
        exif = _exif_with(data.tobytes())
        Image.fromarray(image).save(tmp_path / f"{name}.jpg", exif=exif)
        assert dict(open_media(tmp_path / f"{name}.jpg").facts)["Thumbnail"] == "160 x 144"
        assert read(tmp_path / f"{name}.jpg").llr == llr, name


def _exif_with(thumbnail: bytes) -> bytes:
    """A minimal EXIF block, big-endian: IFD0 with an orientation, IFD1 with the thumbnail."""

    def entry(tag: int, kind: int, value: bytes) -> bytes:
        return tag.to_bytes(2) + kind.to_bytes(2) + (1).to_bytes(4) + value

    start = 8 + 2 + 12 + 4 + 2 + 24 + 4
    first = (1).to_bytes(2) + entry(0x0112, 3, (1).to_bytes(2) + b"\0\0") + (26).to_bytes(4)
    second = (2).to_bytes(2) + entry(0x0201, 4, start.to_bytes(4)) + entry(0x0202, 4, len(thumbnail).to_bytes(4))
    return b"Exif\0\0MM\0*" + (8).to_bytes(4) + first + second + (0).to_bytes(4) + thumbnail


def test_flat_pictures_resemble_nothing() -> None:
    flat = np.full((40, 40, 3), 90, np.uint8)
    assert resemblance(np.arange(64.0).reshape(8, 8), flat) is None
    assert resemblance(np.full((8, 8), 9.0), portrait()) is None


@given(st.lists(st.tuples(st.text(max_size=30), st.text(max_size=60)), max_size=8))
def test_whatever_the_facts_no_llr_is_below_zero(facts: list[tuple[str, str]]) -> None:
    llr = say(*facts).llr
    assert llr is None or 0 < llr <= THUMBNAIL_LLR


def test_missing_metadata_says_nothing() -> None:
    for evidence in (say(), Metadata().examine(audio_subject(np.zeros((1, 9), np.float32)))):
        assert evidence.llr is None
        assert "says nothing either way" in evidence.reason


def test_no_camera_original_is_accused() -> None:
    if not ORIGINALS.is_dir():
        pytest.skip("the camera originals are not here: unpack camera-originals.zip into .data")
    files = [f for f in sorted(ORIGINALS.iterdir()) if f.suffix.lower() == ".jpg"]
    assert len(files) >= 24
    accused = {f.name: e.finding for f in files if (e := read(f)).llr is not None}
    assert accused == {}
