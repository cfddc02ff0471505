"""Clips laid over each other: only frames of the same moments are, whatever was done to the time of one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from zhenwei.media import open_media
from zhenwei.report import pair_frames
from zhenwei.report.pair import Pair, compared, findings, pair_to_dict, pair_to_html
from zhenwei.types import Pixels, Report

PHOTO = Path(__file__).parents[2] / "examples" / "media" / "astronaut.jpg"
SAME = "Both show the same picture; nothing differs by more than saving it again does."


@pytest.fixture(scope="module")
def moving() -> list[Pixels]:
    """A photo before which something comes down."""
    photo = np.asarray(Image.open(PHOTO).convert("RGB").resize((256, 256)), np.uint8)
    thing = (
        np.random.default_rng(2).integers(60, 200, (6, 6, 1)).repeat(3, 2).astype(np.uint8).repeat(10, 0).repeat(10, 1)
    )
    thing = np.asarray(cv2.GaussianBlur(thing, (0, 0), 4), np.uint8)
    frames = []
    for number in range(60):
        frame = photo.copy()
        top, left = 3 * number, 20 + int(15 * np.sin(number / 5))
        frame[top : top + 60, left : left + 60] = thing
        frames.append(frame)
    return frames


def written(path: Path, frames: Sequence[Pixels], rate_hz: int = 25) -> str:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate_hz, options={"crf": "20", "preset": "veryfast"})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for number, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, rate_hz)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return str(path)


def pasted(frames: Sequence[Pixels]) -> list[Pixels]:
    changed = [frame.copy() for frame in frames]
    for frame in changed:
        frame[60:120, 150:210] = frame[60:120, 150:210][::-1, ::-1]
    return changed


@pytest.fixture
def lay(two_people: Report) -> Callable[[str, str], Pair]:
    def laid(first: str, second: str) -> Pair:
        one, two = [replace(two_people, media=open_media(path)) for path in (first, second)]
        return compared(one, two)

    return laid


def test_a_clip_that_was_trimmed_or_runs_faster_is_the_same_and_a_forged_one_is_not(
    moving: list[Pixels], tmp_path: Path, lay: Callable[[str, str], Pair]
) -> None:
    whole = written(tmp_path / "whole.mp4", moving)
    smaller = [np.asarray(cv2.resize(f, (160, 160), interpolation=cv2.INTER_AREA), np.uint8) for f in moving[15:]]
    for name, frames, rate_hz in (
        ("begun later", moving[20:], 25), ("ended earlier", moving[:31], 25), ("faster", moving, 40),
        ("fewer frames", moving[::2], 12), ("more frames", [moving[n * 5 // 6] for n in range(72)], 30),
        ("smaller", smaller, 25), ("cut", [f[20:240, 10:240] for f in moving[10:]], 25),
    ):  # fmt: skip
        copy = written(tmp_path / f"{name}.mp4", frames, rate_hz)
        for pair in ((whole, copy), (copy, whole)):
            found = lay(*pair)
            assert found.difference is not None, name
            least = 0.006 if name == "smaller" else 0.002  # its edges were scaled
            assert found.difference.share < least, name
            assert name in ("smaller", "cut") or findings(found, "en")[0] == SAME
            if name == "cut":
                assert "of the second" in findings(found, "en")[0] or "of the first" in findings(found, "en")[0]
    for name, frames, rate_hz in (("forged", moving, 25), ("and trimmed", moving[20:50], 25), ("faster", moving, 40)):
        found = lay(whole, written(tmp_path / f"forged {name}.mp4", pasted(frames), rate_hz))
        assert found.difference is not None, name
        assert 0.02 < found.difference.share < 0.1, name
        assert not found.is_apart
    later = pair_to_dict(lay(whole, str(tmp_path / "begun later.mp4")))["difference"]
    assert later["time_s"] - later["second_time_s"] == pytest.approx(0.8)


def test_different_moments_are_told_and_nothing_is_marked(
    moving: list[Pixels], tmp_path: Path, lay: Callable[[str, str], Pair]
) -> None:
    halves = [written(tmp_path / f"{n}.mp4", moving[30 * n : 30 * n + 28]) for n in range(2)]
    found = lay(*halves)
    assert found.is_apart
    assert found.difference is None
    assert "which moments of the two clips belong together" in findings(found, "en")[0]
    assert "belong together" in pair_to_html(found)


def test_a_picture_is_laid_over_the_likest_frame(
    moving: list[Pixels], tmp_path: Path, lay: Callable[[str, str], Pair]
) -> None:
    clip = written(tmp_path / "clip.mp4", moving)
    Image.fromarray(moving[37]).save(tmp_path / "still.png")
    found = lay(str(tmp_path / "still.png"), clip)
    assert found.difference is not None
    assert found.difference.share < 0.01  # the colours are coded at half the size
    assert found.times_s[0] is None
    assert found.times_s[1] == pytest.approx(37 / 25)


def test_of_a_long_clip_what_lies_between_is_looked_at_where_it_is_needed(
    moving: list[Pixels], tmp_path: Path, lay: Callable[[str, str], Pair], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pair_frames, "_ALL", 30)
    monkeypatch.setattr(pair_frames, "_SOME", 20)
    whole = written(tmp_path / "whole.mp4", moving)
    for name, frames in (("darker", [np.maximum(f, 2) - 2 for f in moving]), ("begun later", moving[7:])):
        found = lay(whole, written(tmp_path / f"{name}.mp4", frames))
        assert findings(found, "en")[0] == SAME, name


def test_a_clip_of_which_most_was_replaced_is_not_the_same(
    moving: list[Pixels], tmp_path: Path, lay: Callable[[str, str], Pair]
) -> None:
    other = np.random.default_rng(8).integers(0, 256, (8, 8, 3)).astype(np.uint8).repeat(32, 0).repeat(32, 1)
    one = written(tmp_path / "one.mp4", moving)
    two = written(tmp_path / "two.mp4", moving[:20] + [np.roll(other, 3 * n, 1) for n in range(40)])
    found = lay(one, two)
    count, of = found.unlike
    assert of == 5
    assert 0 < count < 5
    assert findings(found, "en")[0].startswith(f"{count} of 5 frames of the first show something else")
    assert SAME not in findings(found, "en")
    assert pair_to_dict(found)["frames"] == {"compared": 5, "unlike": count}
    assert "frames of the first show something else" in pair_to_html(found)
