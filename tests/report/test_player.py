"""A clip plays in its page where it is small or near, and only if it is the file that was examined."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from tests.report.reading import Page

from zhenwei.report import to_html
from zhenwei.report.player import MAX_EMBEDDED_BYTES, player
from zhenwei.types import Media, Report


def written(path: Path, data: bytes, media: Media) -> Media:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    return replace(media, path=str(path), size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest())


def test_a_small_clip_is_within_the_page(tmp_path: Path, two_people: Report) -> None:
    media = written(tmp_path / "far" / "clip.mp4", b"a clip", two_people.media)
    found = player(media, tmp_path / "elsewhere" / "deep")
    assert found is not None
    assert base64.b64decode(found.src.removeprefix("data:video/mp4;base64,")) == b"a clip"
    html = to_html(replace(two_people, media=media), player=found)
    assert Page(html).has("video")[0]["controls"] is not None
    assert Page(html).has("source", src=found.src, type="video/mp4")
    assert "<video" not in to_html(two_people)


def test_a_large_clip_is_played_where_it_lies_if_that_is_near(tmp_path: Path, two_people: Report) -> None:
    media = written(tmp_path / "clips" / "a clip?#.mp4", bytes(MAX_EMBEDDED_BYTES + 1), two_people.media)
    sources = []
    for folder in (tmp_path / "clips", tmp_path / "clips" / "out", tmp_path, tmp_path / "clips" / "out" / "deep"):
        found = player(media, folder)
        sources.append(found and found.src)
    assert sources == ["a%20clip%3F%23.mp4", "../a%20clip%3F%23.mp4", "clips/a%20clip%3F%23.mp4", None]


def test_what_has_changed_or_cannot_be_played_is_not(tmp_path: Path, two_people: Report, forged_photo: Report) -> None:
    media = written(tmp_path / "clip.mp4", b"a clip", two_people.media)
    assert player(media, tmp_path) is not None
    for other in (
        replace(media, sha256="e" * 64),
        replace(media, size_bytes=7),
        replace(media, codec="prores"),
        replace(media, path=str(tmp_path / "gone.mp4")),
        replace(media, path="<bytes>"),
        replace(media, path="nul\0.mp4"),
        forged_photo.media,
    ):
        assert player(other, tmp_path) is None


@pytest.mark.parametrize(("container", "type_"), [("wav", "audio/wav"), ("mp3", "audio/mpeg"), ("matroska,webm", "")])
def test_recordings_have_a_player_too(tmp_path: Path, two_people: Report, container: str, type_: str) -> None:
    sound = replace(two_people.media, kind="audio", container=container, codec="pcm_s16le")
    found = player(written(tmp_path / "sound", b"a sound", sound), tmp_path)
    assert found is not None
    assert found.kind == "audio"
    assert found.type == (type_ or "audio/webm")
    html = to_html(replace(two_people, media=sound, people=()), player=found)
    assert Page(html).has("audio")
