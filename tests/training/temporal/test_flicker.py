"""Photographs set in motion: genuine and forged clips differ where they should, a planted tremor is learned."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.training.albums import album, astronaut, few

from zhenwei.cli import main
from zhenwei.errors import DataError, UsageError
from zhenwei.models import manifest
from zhenwei.signals.flicker import CHANNELS
from zhenwei.stats.metrics import auc
from zhenwei.training.data.encoding import encode
from zhenwei.training.data.photographs import Photograph, largest_face
from zhenwei.training.data.video_codec import through_h264
from zhenwei.training.temporal import _videos as taught
from zhenwei.training.temporal import flicker as published
from zhenwei.training.temporal._videos import VideoSample, both, followed, moving, scores, train, videos
from zhenwei.types import Floats


@pytest.fixture(scope="module")
def landmarks() -> Floats:
    face = largest_face(astronaut())
    assert face is not None
    assert face.landmarks is not None
    return face.landmarks


def test_a_photograph_moves_smoothly_and_its_points_with_it(landmarks: Floats) -> None:
    frames, points = moving(astronaut(), landmarks, np.random.default_rng(0))
    assert frames.shape == (50, 256, 256, 3)
    assert points.shape == (50, 468, 2)
    strip = followed(frames)
    assert strip is not None
    seen = strip.landmarks[..., :2] / strip.scale + strip.origins[:, None]
    assert np.median(np.linalg.norm(seen - points, axis=2)) < 3
    steps = np.linalg.norm(np.diff(points, axis=0), axis=2)
    assert 0.01 < steps.mean() < 4


def test_a_forgery_differs_where_it_says(landmarks: Floats, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taught, "_AMOUNT", (1.0, 1.0))
    monkeypatch.setattr(taught, "_CRF", (18, 20))
    (whole, none), (forged, altered) = both(astronaut(), landmarks, np.random.default_rng(5))
    assert not none.any()
    assert 2 <= altered.sum() <= 26
    apart = np.abs(whole.astype(int) - forged).mean((1, 2, 3))
    before = apart[: int(np.flatnonzero(altered)[0])]  # after it the codec carries the difference on
    assert np.median(apart[altered]) > 3 * np.median(before) + 0.05


def test_a_clip_comes_back_from_the_codec_frame_for_frame(landmarks: Floats) -> None:
    frames, _ = moving(astronaut(), landmarks, np.random.default_rng(2))
    back = through_h264(frames, 18)
    assert back.shape == frames.shape
    apart = [np.abs(back[i].astype(int) - frames).mean((1, 2, 3)).argmin() for i in (0, 10, 25, 49)]
    assert apart == [0, 10, 25, 49]
    assert np.abs(back.astype(int) - frames).mean() < 4


def planted(count: int, seed: int) -> list[VideoSample]:
    rng = np.random.default_rng(seed)
    made = []
    for number in range(count):
        forged, found = number % 2 == 1, rng.normal(size=(len(CHANNELS), 48)).astype(np.float32)
        altered = np.zeros(48, bool)
        if forged:
            first = int(rng.integers(0, 30))
            altered[first : first + 15] = True
            found[2, altered] += 2
        made.append(VideoSample(found, altered, forged, number // 2, f"{number // 2}", "ffhq"))
    return made


def test_a_planted_tremor_is_learned_and_found_again() -> None:
    net = train(planted(300, 0), epochs=15)
    fresh = planted(100, 1)
    assert auc([c.forged for c in fresh], scores(net, fresh)) > 0.95
    with pytest.raises(DataError, match="too few"):
        train([c for c in planted(10, 2) if c.forged], epochs=1)
    with pytest.raises(UsageError, match="no clip"):
        scores(net, [])


@pytest.mark.heavy
def test_clips_come_in_pairs_and_repeat() -> None:
    some = [Photograph(encode(astronaut(), ".jpg", 95), "a.jpg", "ffhq", False),
            Photograph(encode(np.full((64, 64, 3), 99, np.uint8), ".jpg", 95), "b.jpg", "ffhq", False)]  # fmt: skip
    one, again = list(videos(some, 1)), list(videos(some, 1))
    assert [c.forged for c in one] == [False, True]
    assert all((a.courses == b.courses).all() for a, b in zip(one, again, strict=True))
    assert one[0].courses.shape == (8, 48)
    assert not one[0].altered.any()
    assert one[1].altered.any()


@pytest.mark.heavy
def test_one_command_trains_and_installs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = album(
        tmp_path / "data",
        [(n, astronaut()) for n in few("ffhq", published.lesson.read().held_out, learn=2, held_out=2)],
    )
    given = ["--data", str(data), "--output", str(tmp_path / "out"), "--store", str(tmp_path / "store")]
    assert main(["train", "temporal.flicker", *given, "--threads", "1", "--epochs", "2"]) == 0
    assert "AUC on held-out" in capsys.readouterr().err
    (row,) = manifest(tmp_path / "store")
    assert row.id == "flicker"
    assert main(["train", "temporal.flicker", *given]) == 1
    assert "holds a run" in capsys.readouterr().err
