"""Passages without gaps: where they lie, and that strip, landmarks and frame agree."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from zhenwei import faces, media
from zhenwei.faces.passage import Passage, Window
from zhenwei.testing import face_in
from zhenwei.types import Box, Floats, Frame, Media, Pixels, Strip, Track

PORTRAIT = Path(__file__).parents[1] / "data" / "astronaut.jpg"
SIZE = (400, 300)  # width and height of the made clips


def written(path: Path, images: list[Pixels], fps: int = 25, pix_fmt: str = "yuv420p") -> Media:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps, options={"crf": "12", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = images[0].shape[1], images[0].shape[0], pix_fmt
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    return media.open_media(path)


def moving(n: int, step: tuple[float, float]) -> tuple[list[Pixels], Floats]:
    """A portrait that moves over a grey ground by ``step`` px a frame, and where its corner is."""
    face = cv2.resize(np.asarray(Image.open(PORTRAIT).convert("RGB"))[:300, 80:380], (200, 200), interpolation=3)
    corners = np.array([(40 + step[0] * i, 40 + step[1] * i) for i in range(n)], np.float32)
    images = []
    for x, y in corners.round().astype(int):
        ground = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
        ground[y : y + 200, x : x + 200] = face
        images.append(ground)
    return images, corners


def strip_of(video: Media, sampled: int = 8) -> tuple[Strip, Passage, tuple[Frame, ...]]:
    frames = tuple(media.sample_frames(video, sampled))
    (track,) = faces.find_people(frames)
    passage = faces.find_passage(frames, track, duration_s=video.duration_s, fps=video.fps)
    assert passage is not None
    dense = media.read_passage(video, passage.start_s, passage.end_s, window=passage.window)
    strip = faces.follow(passage, dense)
    assert strip is not None
    return strip, passage, frames


def test_the_strip_shows_every_frame_and_its_landmarks_follow_the_head(tmp_path: Path) -> None:
    images, corners = moving(50, (2.0, 0.5))
    strip, _, _ = strip_of(written(tmp_path / "a.mp4", images))
    assert len(strip.times_s) == 50
    np.testing.assert_allclose(strip.times_s, np.arange(50) / 25, atol=1e-6)
    assert strip.rate_hz == pytest.approx(25)
    assert strip.duration_s == pytest.approx(2.0)
    assert not np.isnan(strip.landmarks).any()
    in_frame = strip.landmarks[..., :2] / strip.scale + strip.origins[:, None]
    moved = (in_frame - in_frame[:1]).mean(axis=1)
    assert np.abs(moved - (corners.round() - corners[:1].round())).max() < 2.5  # of a face of 150 px
    assert not any(a.flags.writeable for a in (strip.times_s, strip.pixels, strip.origins, strip.landmarks))


def always(window: Window, _time_s: float) -> Window:
    return window


def test_a_window_is_the_frame_itself_there(tmp_path: Path) -> None:
    images, _ = moving(12, (3.0, 0.0))
    for pix_fmt in ("yuv420p", "yuv444p"):
        video = written(tmp_path / f"{pix_fmt}.mp4", images, pix_fmt=pix_fmt)
        whole = list(media.read_passage(video, 0, 9))
        for window in ((33, 21, 238, 190), (-20, -5, 100, 90), (301, 201, 900, 900), (500, 500, 600, 600)):
            parts = list(media.read_passage(video, 0, 9, window=partial(always, window)))
            left, top = min(max(window[0], 0), SIZE[0] - 1), min(max(window[1], 0), SIZE[1] - 1)
            for one, other in zip(whole, parts, strict=True):
                expected = one.pixels[top : max(window[3], top + 1), left : max(window[2], left + 1)]
                np.testing.assert_array_equal(other.pixels, expected)
                assert other.time_s == one.time_s


def test_fast_clips_are_thinned_evenly_and_bounds_are_included(tmp_path: Path) -> None:
    images, _ = moving(60, (1.0, 0.0))
    video = written(tmp_path / "fast.mp4", images, fps=60)
    times = [f.time_s for f in media.read_passage(video, 0.0, 0.5)]
    np.testing.assert_allclose(times, np.arange(0, 31, 2) / 60, atol=1e-4)
    assert list(media.read_passage(video, 5.0, 6.0)) == []


def test_the_longest_stretch_between_cuts_stays(tmp_path: Path) -> None:
    images, _ = moving(40, (0.0, 0.0))
    rng = np.random.default_rng(0)
    other = cv2.resize(rng.integers(0, 255, (6, 8, 3), dtype=np.uint8), SIZE, interpolation=cv2.INTER_CUBIC)
    cut = [*images, *([np.asarray(other, np.uint8)] * 12)]
    video = written(tmp_path / "cut.mp4", cut)
    frames = tuple(media.sample_frames(video, 6))
    (track,) = faces.find_people(frames[:4])
    passage = faces.find_passage(frames, track, duration_s=video.duration_s, fps=25)
    assert passage is not None
    strip = faces.follow(passage, media.read_passage(video, 0.0, 9.0, window=passage.window))
    assert strip is not None
    assert len(strip.times_s) == 40


def test_where_a_passage_lies() -> None:
    def found(seen: list[int], duration_s: float, count: int = 10) -> Passage | None:
        rng = np.random.default_rng(1)
        same = rng.integers(0, 255, (60, 80, 3), dtype=np.uint8)
        step = duration_s / count
        frames = tuple(Frame(i, (i + 0.5) * step, same) for i in range(count))
        track = Track(1, tuple(face_in(frames[i], Box(10, 10, 40, 40)) for i in seen))
        return faces.find_passage(frames, track, duration_s=duration_s, fps=25.0)

    whole = found(list(range(10)), 5.0)
    assert whole is not None
    assert (whole.start_s, whole.end_s) == (0.0, 5.0)
    long = found(list(range(10)), 60.0)
    assert long is not None
    assert long.start_s == pytest.approx(30 - 5.1, abs=0.1)
    assert long.end_s - long.start_s == pytest.approx(10.2, abs=0.05)
    part = found([0, 4, 5, 6, 7], 10.0)
    assert part is not None
    assert (part.start_s, part.end_s) == (4.5, 7.5)
    assert found([], 5.0) is None


def test_a_window_beyond_the_frame_is_filled_with_its_border() -> None:
    rng = np.random.default_rng(2)
    pixels = rng.integers(0, 255, (50, 50, 3), dtype=np.uint8)
    frames = (Frame(0, 0.0, pixels), Frame(1, 1.0, pixels))
    track = Track(1, tuple(face_in(f, Box(0, 0, 50, 50)) for f in frames))
    passage = faces.find_passage(frames, track, duration_s=2.0, fps=25.0)
    assert passage is not None
    left, top, right, bottom = passage.square(0.5)
    assert (left, right) == (-15, 65)
    strip = faces.follow(passage, frames)
    assert strip is not None
    assert strip.scale == 1.0
    np.testing.assert_array_equal(strip.pixels[0, -top : 50 - top, 15:65], pixels)
    np.testing.assert_array_equal(strip.pixels[0, 40, :15], np.repeat(pixels[40 + top, :1], 15, axis=0))
    assert bottom - top == 80
