"""Small public files that were once read wrongly, each with what it is by FFmpeg's own tools."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from zhenwei.media import hear, open_media, sample_frames


@pytest.fixture
def cases() -> Path:
    """ZHENWEI_CASES, or shared/cases beside the checkout."""
    folder = Path(os.environ.get("ZHENWEI_CASES") or Path(__file__).parents[3] / "shared" / "cases")
    if not folder.is_dir():
        pytest.skip("the cases are not here (ZHENWEI_CASES, or ../shared/cases beside the checkout)")
    return folder


def test_variable_rate_without_a_header(cases: Path) -> None:
    assert open_media(cases / "vbr_no_xing.mp3").duration_s == pytest.approx(8, abs=0.1)


def test_two_sound_tracks_the_first_of_them_silent(cases: Path) -> None:
    media = open_media(cases / "two_sound_tracks.mp4")
    assert media.notes == ("it holds 2 sound tracks, of which one is heard",)
    audio, media = hear(media, 16000)
    assert abs(audio.samples).max() > 0.1
    assert media.notes[0].startswith("of its 2 sound tracks number 2 was heard")


def test_anamorphic(cases: Path) -> None:
    media = open_media(cases / "anamorphic.mp4")
    assert (media.width, media.height) == (256, 256)
    assert {frame.pixels.shape for frame in sample_frames(media)} == {(256, 256, 3)}
    assert media.notes == ("its pixels are not square (2:1): 128 x 256 were resampled to 256 x 256",)


def test_high_dynamic_range(cases: Path) -> None:
    media = open_media(cases / "pq.mp4")
    assert dict(media.facts)["Transfer curve"].startswith("smpte2084")
    assert any(note.startswith("high dynamic range (PQ") for note in media.notes)
    assert "samples of 10 bits were reduced to 8" in media.notes


def test_cut_short(cases: Path) -> None:
    media = open_media(cases / "cut_short.webm")
    assert media.notes == ("cut short: the file ends after 1.6 s, it tells of 6.0 s",)
    assert media.duration_s == pytest.approx(1.6)


def test_raw_stream_that_begins_with_supplementary_information(cases: Path) -> None:
    media = open_media(cases / "raw_sei_first.h264")
    assert (media.container, media.fps, media.frame_count, media.duration_s) == ("h264", 10, 10, 1.0)
    assert len(list(sample_frames(media))) == 10
