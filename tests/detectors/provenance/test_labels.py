"""``provenance.labels``: what says that a generator made it speaks, names inside words do not, absence says nothing."""

from __future__ import annotations

import io
import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image, PngImagePlugin

from zhenwei.defence.credential import SOURCE_TYPES
from zhenwei.defence.labels import Aigc, write_labels
from zhenwei.detectors.provenance._content import (
    COMPOSITE_LLR,
    GENERATED_LLR,
    MAX_BYTES,
    NO_FILE,
    TOO_LARGE,
    Statements,
    statements,
)
from zhenwei.detectors.provenance.labels import SUSPECTED_LLR, Labels
from zhenwei.media import open_media, read_image
from zhenwei.testing import image_subject, portrait
from zhenwei.types import Evidence, Subject


def say(*facts: tuple[str, str], kind: str = "image") -> Evidence:
    subject = image_subject(portrait())
    media = replace(subject.media, facts=facts, kind=kind)  # type: ignore[arg-type]
    return Labels().examine(replace(subject, media=media, track=None))


def read(path: Path) -> Evidence:
    media = open_media(path)
    return Labels().examine(Subject(media, (read_image(media),) if media.kind == "image" else ()))


def test_settings_of_a_generator_in_a_png_speak_firmly(tmp_path: Path) -> None:
    for key, value in (
        ("parameters", "a portrait\nNegative prompt: blurry\nSteps: 20, Sampler: Euler a, CFG scale: 7"),
        ("workflow", '{"last_node_id": 9, "nodes": []}'),
        ("prompt", '{"3": {"inputs": {"seed": 1}, "class_type": "KSampler"}}'),
        ("Software", "NovelAI"),
        ("AIGC", '{"Label":"1","ContentProducer":"x"}'),
    ):
        text = PngImagePlugin.PngInfo()
        text.add_text(key, value)
        Image.fromarray(portrait()).save(tmp_path / "a.png", pnginfo=text)
        assert read(tmp_path / "a.png").llr == GENERATED_LLR, key
    harmless = PngImagePlugin.PngInfo()
    harmless.add_text("parameters", "aperture and time")
    harmless.add_text("prompt", "say cheese")
    Image.fromarray(portrait()).save(tmp_path / "b.png", pnginfo=harmless)
    assert read(tmp_path / "b.png").llr is None


@pytest.mark.parametrize(
    ("xmp", "llr"),
    [
        ('Iptc4xmpExt:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"', 3.0),
        ("><Iptc4xmpExt:DigitalSourceType>trainedAlgorithmicMedia</Iptc4xmpExt:DigitalSourceType", 3.0),
        ('Iptc4xmpExt:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"', None),
        ('xmp:CreatorTool="Adobe Photoshop 25.0"', None),
        ("TC260:AIGC='{&quot;Label&quot;:&quot;1&quot;}'", 3.0),
    ],
)
def test_xmp_is_read_in_both_forms(tmp_path: Path, xmp: str, llr: float | None) -> None:
    packet = f"<x:xmpmeta><rdf:Description {xmp}></x:xmpmeta>".encode()
    Image.fromarray(portrait()).save(tmp_path / "a.jpg", xmp=packet)
    assert read(tmp_path / "a.jpg").llr == llr


def test_settings_in_the_user_comment_are_seen_and_not_shown(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[0x9286] = b"UNICODE\0" + "a secret portrait Steps: 20, Sampler: DDIM".encode(
        "utf-16-be"
    )
    Image.fromarray(portrait()).save(tmp_path / "a.jpg", exif=exif)
    assert read(tmp_path / "a.jpg").llr == GENERATED_LLR
    assert "secret" not in str(open_media(tmp_path / "a.jpg").facts)


def test_words_inside_words_are_not_names() -> None:
    assert say(("Software", "Subreface 1, Unfaceapped")).llr is None
    assert say(("Software", "Editor de imagen")).llr is None
    assert say(("Software", "Digital Camera FinePix1400Zoom")).llr is None
    assert say(("Software", "reface app 2")).llr == 0.7
    assert say(("encoder", "HeyGen export"), kind="video").llr == 0.7


def spoken() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16000)
        out.writeframes(np.zeros(16000, np.int16).tobytes())
    return file.getvalue()


def test_the_block_is_read_in_sound_which_has_no_such_fact(tmp_path: Path) -> None:
    path = tmp_path / "voice.wav"
    path.write_bytes(spoken())
    assert read(path).llr is None
    path.write_bytes(write_labels(spoken(), Aigc(content_producer="x"), None))
    assert read(path).llr == GENERATED_LLR


def test_a_composite_speaks_less_and_a_suspicion_less_than_a_label(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(portrait()).save(path)
    plain = path.read_bytes()
    path.write_bytes(write_labels(plain, None, SOURCE_TYPES["ai-edited"]))
    assert read(path).llr == COMPOSITE_LLR
    path.write_bytes(write_labels(plain, Aigc(label="3"), None))
    assert read(path).llr == SUSPECTED_LLR


def test_a_file_that_was_changed_since_it_was_opened_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(portrait()).save(path)
    media = open_media(path)
    assert isinstance(statements(media), Statements)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert statements(media) is NO_FILE
    path.unlink()
    assert statements(media) is NO_FILE


def test_of_a_very_large_file_only_what_is_known_of_it_is_looked_through(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    text = PngImagePlugin.PngInfo()
    text.add_text("parameters", "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1")
    Image.fromarray(portrait()).save(path, pnginfo=text)
    large = replace(open_media(path), size_bytes=MAX_BYTES + 1)
    found = Labels().examine(Subject(large))
    assert found.llr == GENERATED_LLR
    assert [each.origin for each in found.declares] == ["generator-settings"]
    bare = Labels().examine(Subject(replace(large, facts=())))
    assert (bare.llr, bare.reason) == (None, TOO_LARGE)


def test_a_damaged_label_weighs_nothing_and_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(portrait()).save(path, xmp=b"<x:xmpmeta><broken")
    found = read(path)
    assert (found.llr, found.finding, found.declares) == (None, "the XMP is damaged", ())
    assert "a damaged label weighs nothing" in found.reason


@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=60)), max_size=6))
def test_whatever_the_facts_no_llr_is_below_zero(facts: list[tuple[str, str]]) -> None:
    llr = say(*facts).llr
    assert llr is None or llr > 0
