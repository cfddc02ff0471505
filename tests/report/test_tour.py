"""The tour: every family in both languages, with what was measured, in one page that needs nothing else."""

from __future__ import annotations

import re
import string
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import soundfile
from tests.speaking import RATE_HZ, voice

from zhenwei import examine
from zhenwei.cli import main
from zhenwei.detectors import catalogue, ids
from zhenwei.pipeline import Options
from zhenwei.report.tour import tour_page
from zhenwei.report.tour_words import CHAPTERS, WORDS
from zhenwei.types import Language

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "src" / "zhenwei" / "cli" / "samples"


def fields(text: str) -> list[str]:
    return [name for _, name, _, _ in string.Formatter().parse(text) if name is not None]


def test_every_sentence_is_there_in_both_languages_with_the_same_fields() -> None:
    texts = list(WORDS.values())
    for chapter in CHAPTERS:
        texts += [chapter.title, chapter.idea, chapter.limit]
    for text in texts:
        assert text.zh
        assert fields(text) == fields(text.zh), text


def test_the_chapters_are_the_families_of_the_catalogue() -> None:
    assert {chapter.family for chapter in CHAPTERS} == {id_.partition(".")[0] for id_ in ids()}
    assert sum(chapter.in_lecture for chapter in CHAPTERS) == 7


def test_what_comes_with_it_is_the_marked_example() -> None:
    for ours, example in (("portrait.jpg", "astronaut-forged.jpg"), ("portrait.mp4", "astronaut-clip.mp4")):
        assert (SAMPLES / ours).read_bytes() == (ROOT / "examples" / "media" / example).read_bytes()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_shows_what_was_measured(language: Language) -> None:
    options = Options(detectors=("cnn.face_forgery", "traditional.exposure", "provenance.labels"))
    report = examine(SAMPLES / "portrait.jpg", options=options)
    infos = {id_: kind.info for id_, kind in catalogue().items()}
    page = tour_page([("picture", report)], language, infos)
    ET.fromstring(page.removeprefix("<!DOCTYPE html>"))  # noqa: S314 - it was made here
    for chapter in CHAPTERS:
        assert (chapter.title if language == "en" else chapter.title.zh) in page
    for evidence in report.evidence:
        assert evidence.detector in page
    assert report.media.sha256 in page
    assert f"{report.media.size_bytes:,} {'bytes' if language == 'en' else '字节'}" in page
    assert "data:image/jpeg" in page
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", page)
    assert "<script" not in page


def test_the_command_writes_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["tour", "--output", str(tmp_path), "--picture", str(SAMPLES / "picture.jpg")]
    assert main([*words, "--clip", str(SAMPLES / "clip.mp4"), "--lang", "zh"]) == 0
    assert "tour.html" in capsys.readouterr().out
    assert "七类方法导览" in (tmp_path / "tour.html").read_text(encoding="utf-8")


def test_a_recording_is_no_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    soundfile.write(tmp_path / "voice.wav", voice(2.0), RATE_HZ)
    for option in "--picture", "--clip":
        given = ["tour", option, str(tmp_path / "voice.wav"), "--output", str(tmp_path / "tour"), "--quiet"]
        assert main(given) == 2
        assert f"{option} is of another kind" in capsys.readouterr().err
    assert not (tmp_path / "tour" / "tour.html").exists()
