"""``traditional.noise``: a face with another noise stands out, and nothing is said where nothing can be compared."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zhenwei import models
from zhenwei.detectors.traditional import noise
from zhenwei.detectors.traditional.noise import Noise, noise_features, noise_map
from zhenwei.models.calibration import Calibration
from zhenwei.signals.noise import BlockNoise, block_noise
from zhenwei.testing import face_in, image_subject, video_subject
from zhenwei.types import Box, Face, Floats, Frame, ImageExhibit, Pixels

PORTRAIT = Path(__file__).parents[2] / "data" / "astronaut.jpg"
FACE = Box(170, 60, 290, 210)


@pytest.fixture(scope="module")
def astronaut() -> Pixels:
    return np.asarray(Image.open(PORTRAIT).convert("RGB"), np.uint8)


def face_of(pixels: Pixels, box: Box = FACE) -> Face:
    return face_in(Frame(0, 0.0, pixels), box)


def grainy(height: int, width: int, sigma: float, seed: int = 2) -> Pixels:
    grain = np.random.default_rng(seed).normal(128, sigma, (height, width, 1))
    return np.repeat(np.clip(np.rint(grain), 0, 255).astype(np.uint8), 3, axis=2)


def with_face(outside: Pixels, inside: Pixels, box: Box) -> Pixels:
    mixed = outside.copy()
    rows, columns = slice(int(box.top), int(box.bottom)), slice(int(box.left), int(box.right))
    mixed[rows, columns] = inside[rows, columns]
    return mixed


def test_a_planted_difference_is_the_first_feature() -> None:
    box = Box(96, 96, 256, 256)
    noisy, quiet = grainy(400, 400, 8), grainy(400, 400, 2, 3)
    for outside, inside, octaves in ((noisy, quiet, -2), (quiet, noisy, 2), (noisy, noisy, 0)):
        mixed = with_face(outside, inside, box)
        row = noise_features(mixed, face_of(mixed, box))
        assert row is not None
        assert row[0] == pytest.approx(0.8 * octaves, abs=0.4)  # texture is allowed for, which takes some of it away
        assert row[4] == abs(row[0])
        assert row[2:4] == pytest.approx([0, 0], abs=0.1)  # grey has no chroma to compare


def test_smoothing_the_face_alone_raises_the_score_and_smoothing_everything_does_not() -> None:
    box = Box(96, 96, 256, 256)
    noisy, quiet = grainy(400, 400, 8), grainy(400, 400, 1.5, 3)
    scores = []
    for pixels in (noisy, with_face(noisy, quiet, box), quiet):
        score = Noise().examine(image_subject(pixels, box)).score
        assert score is not None
        scores.append(score)
    assert scores[1] > scores[0] + 0.5
    assert scores[2] == pytest.approx(scores[0], abs=0.3)


def test_the_llr_is_what_the_calibration_makes_of_the_classifier(astronaut: Pixels) -> None:
    evidence = Noise().examine(image_subject(astronaut, FACE))
    face = face_of(astronaut)
    row = noise_features(astronaut, face)
    assert row is not None
    (scores,) = models.load("noise").run(row[None])
    calibration = Calibration.load(models.calibration_path("noise"))
    expected = calibration.llr(float(scores[0]), face_px=face.quality.face_px, sharpness=face.quality.sharpness)
    assert evidence.llr == expected
    assert evidence.weights == models.entry("noise").weights
    assert expected < 1


def test_nothing_is_said_where_nothing_can_be_compared(astronaut: Pixels) -> None:
    tight = image_subject(astronaut[60:210, 170:290], Box(0, 0, 120, 150), tight=True)
    assert "nothing but the face" in Noise().examine(tight).reason
    assert "too small" in Noise().examine(image_subject(astronaut, Box(10, 10, 70, 70))).reason
    white = np.full((300, 300, 3), 255, np.uint8)
    assert "free of texture and clipping" in Noise().examine(image_subject(white, Box(50, 50, 200, 200))).reason
    assert "no face" in Noise().examine(replace(image_subject(astronaut), track=None)).reason


def test_a_clip_has_the_mean_and_the_map_shows_where(astronaut: Pixels) -> None:
    box = Box(int(0.15 * 512), int(0.05 * 512), int(0.85 * 512), int(0.95 * 512))
    one, video = Noise().examine(image_subject(astronaut, box)), Noise().examine(video_subject([astronaut] * 12))
    assert one.score is not None
    assert video.score == pytest.approx(one.score, abs=0.2)
    (image,) = video.exhibits
    assert isinstance(image, ImageExhibit)
    assert image.time_s is not None
    noisy = with_face(grainy(400, 400, 2), grainy(400, 400, 9, 3), FACE)
    shown = noise_map(noisy, face_of(noisy)).astype(int)
    redder = shown[..., 0] - shown[..., 2]
    assert redder[90:180, 200:260].mean() > 60
    assert redder[300:].mean() < 20


def test_the_map_of_a_large_picture_is_made_smaller() -> None:
    large = grainy(1500, 900, 4)
    assert noise_map(large, face_of(large)).shape == (640, 384, 3)


def test_of_a_large_picture_a_sample_says_the_same(astronaut: Pixels, monkeypatch: pytest.MonkeyPatch) -> None:
    """All patches fit into the sample here, so that only what the patches' borders do can make a difference."""
    assert astronaut.shape[:2] == (512, 512)
    whole, shown = noise_features(astronaut, face_of(astronaut)), noise_map(astronaut, face_of(astronaut))
    monkeypatch.setattr(noise, "WHOLE_PX", 0)
    sampled = noise_features(astronaut, face_of(astronaut))
    assert whole is not None
    assert sampled is not None
    assert sampled[0] == pytest.approx(whole[0], abs=1e-4)
    assert sampled == pytest.approx(whole, abs=0.005)  # at half size the picture's own edge is mirrored otherwise
    by_place = noise_map(astronaut, face_of(astronaut))
    assert by_place.shape == shown.shape
    off = np.abs(by_place.astype(int) - shown).mean()
    assert off < 14  # a block stands for its place


def test_the_work_does_not_grow_with_the_picture(astronaut: Pixels, monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[int] = []

    def counted(plane: Floats) -> BlockNoise:
        measured.append(plane.size)
        return block_noise(plane)

    monkeypatch.setattr(noise, "block_noise", counted)
    large = np.tile(astronaut, (8, 10, 1))
    face = face_of(large, Box(1200, 1100, 3000, 3200))
    assert noise_features(large, face) is not None
    assert noise_map(large, face).shape == (512, 640, 3)
    assert sum(measured) < 9_000_000 < large.shape[0] * large.shape[1]
