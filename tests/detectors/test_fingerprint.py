"""``fingerprint.learned`` and ``fingerprint.residual``: what they say follows from the network's answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zhenwei import models
from zhenwei.detectors._faces import FaceBatch
from zhenwei.detectors.fingerprint._sources import CONTRACT, GENERATORS, SOURCES, look, nearest, weighed
from zhenwei.detectors.fingerprint.learned import LearnedFingerprint, fingerprint_of, spectrum_of
from zhenwei.detectors.fingerprint.residual import ResidualFingerprint
from zhenwei.models.calibration import Calibration
from zhenwei.testing import image_subject, video_subject
from zhenwei.types import ImageExhibit, Pixels

PORTRAIT = Path(__file__).parents[1] / "data" / "astronaut.jpg"
KINDS = (LearnedFingerprint, ResidualFingerprint)
Kind = type[LearnedFingerprint] | type[ResidualFingerprint]


@pytest.fixture(scope="module")
def face() -> Pixels:
    return np.asarray(Image.open(PORTRAIT).convert("RGB").resize((400, 400)), np.uint8)


@pytest.mark.parametrize("kind", KINDS)
def test_answers_follow_from_the_network_and_its_calibration(kind: Kind, face: Pixels) -> None:
    subject = image_subject(face)
    frank, shy = kind(always=True).examine(subject), kind().examine(subject)
    model = kind.info.models[0]
    seen = look(subject, model)
    assert seen is not None
    assert seen.crops[0].shape == (CONTRACT.size_px, CONTRACT.size_px, 3)
    cosines = seen.outputs[1][0]
    assert cosines.shape == (len(SOURCES),)
    assert frank.score == pytest.approx(weighed(cosines))
    assert subject.track is not None
    quality = subject.track.faces[0].quality
    calibration = Calibration.load(models.calibration_path(model))
    assert frank.score is not None
    assert frank.llr == calibration.llr(frank.score, face_px=quality.face_px, sharpness=quality.sharpness)
    assert calibration.lowest >= np.log(0.5) - 1e-9
    assert shy.score == frank.score
    assert shy.llr is None or shy.llr == frank.llr >= np.log(2)
    (shown,) = shy.exhibits
    assert isinstance(shown, ImageExhibit)


def test_generators_weigh_against_cameras() -> None:
    cosines = np.full(len(SOURCES), 0.2, np.float32)
    cosines[SOURCES.index("ffhq")] = 0.9
    assert weighed(cosines) < 0
    cosines[SOURCES.index(GENERATORS[0])] = 0.95
    assert weighed(cosines) > 0


def test_what_is_like_no_source_is_from_none() -> None:
    least = np.full(len(SOURCES), 0.5, np.float32)
    cosines = np.linspace(0.1, 0.4, len(SOURCES)).astype(np.float32)
    assert nearest(cosines, least) is None
    cosines[2] = 0.6
    assert nearest(cosines, least) == 2


def test_a_planted_grid_is_ringed() -> None:
    rng = np.random.default_rng(0)
    crops = rng.normal(128, 12, (3, 192, 192, 3))
    plain = spectrum_of(FaceBatch(crops=tuple(np.clip(crops, 0, 255).astype(np.uint8))))
    crops += 10 * np.cos(np.pi / 2 * np.arange(192))[None, None, :, None]
    ringed = spectrum_of(FaceBatch(crops=tuple(np.clip(crops, 0, 255).astype(np.uint8))))
    colour = np.ptp(ringed.astype(int), axis=2) > 40
    assert not (np.ptp(plain.astype(int), axis=2) > 40).any()
    columns = np.flatnonzero(colour.any(0))
    assert {round(float(c) / 2 / 192 - 0.5, 1) for c in (columns.min(), columns.max())} == {-0.3, 0.3}


@pytest.mark.parametrize("kind", KINDS)
def test_what_cannot_be_told_is_refused(kind: Kind) -> None:
    blurred = np.full((300, 300, 3), 127, np.uint8)
    assert "too small or too soft" in kind().examine(image_subject(blurred)).reason
    assert kind().examine(video_subject([blurred])).llr is None


def test_a_fingerprint_is_of_length_one_and_of_its_weights(face: Pixels) -> None:
    found = fingerprint_of(image_subject(face))
    assert found is not None
    assert np.linalg.norm(found.fingerprint) == pytest.approx(1, abs=1e-5)
    assert found.weights.startswith("fingerprint_learned @ ")
    assert len(found.sources) == len(found.cosines) == len(found.least) == len(SOURCES)
    assert fingerprint_of(image_subject(np.full((300, 300, 3), 127, np.uint8))) is None
