"""Pictures as other people's programs wrote them, where the folder of cases is at hand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from zhenwei.cli.inputs import collect
from zhenwei.errors import MediaError
from zhenwei.media import open_media, sample_frames

CASES = Path(os.environ.get("ZHENWEI_CASES") or Path(__file__).parents[3] / "shared" / "cases")
pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not CASES.is_dir(), reason="the folder of cases (ZHENWEI_CASES, or ../shared/cases) is absent"),
]


@pytest.mark.parametrize("name", ["photo.heic", "photo.jxl", "no_eoi.jpg", "truncated.jpg", "animated.avif"])
def test_each_is_examined(name: str) -> None:
    media = open_media(CASES / name)
    frames = list(sample_frames(media))
    assert frames[0].pixels.shape == (media.height, media.width, 3)
    if name == "animated.avif":
        assert (media.kind, len(frames), media.frame_count) == ("video", 8, 8)
        assert media.duration_s == pytest.approx(0.64)
        assert media.fps == pytest.approx(12.5)
    assert any("cut short" in note for note in media.notes) == (name in ("no_eoi.jpg", "truncated.jpg"))
    assert media.height == (191 if name == "truncated.jpg" else 256)


@pytest.mark.parametrize(("name", "says"), [("empty.jpg", "is empty"), ("saved_page.jpg", "a web page")])
def test_what_cannot_be_read_is_told_and_found_in_folders(name: str, says: str) -> None:
    with pytest.raises(MediaError, match=says):
        open_media(CASES / name)
    assert str(CASES / name) in collect([str(CASES)]).files
