"""The visible label is no shortcut: detectors say of a genuine portrait the same with the band below it as without."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zhenwei import faces
from zhenwei.defence.visible import add_label
from zhenwei.detectors import build, catalogue
from zhenwei.testing import image_subject
from zhenwei.types import Frame, Pixels, Subject

PORTRAIT = Path(__file__).parents[1] / "data" / "astronaut.jpg"
LOOK_AT_FACES = sorted(n for n, k in catalogue().items() if "image" in k.info.takes and k.info.level == "person")


def subject(pixels: Pixels) -> Subject:
    frame = Frame(0, 0.0, pixels)
    (track,) = faces.find_people([frame])
    media = image_subject(pixels).media
    return Subject(media, (frame,), track)


@pytest.fixture(scope="module")
def pair() -> tuple[Subject, Subject]:
    with Image.open(PORTRAIT) as image:
        pixels = np.asarray(image.convert("RGB"))
    return subject(pixels), subject(add_label(pixels))


def test_there_are_detectors_of_faces() -> None:
    assert len(LOOK_AT_FACES) >= 8


@pytest.mark.parametrize("name", LOOK_AT_FACES)
def test_the_band_does_not_move_a_detector_of_faces(name: str, pair: tuple[Subject, Subject]) -> None:
    plain, labelled = (build(name).examine(each) for each in pair)
    assert (plain.llr is None) == (labelled.llr is None)
    if plain.llr is not None and labelled.llr is not None:
        # The box may move by a fraction of a pixel, which patches of a transformer feel more than convolutions do.
        assert labelled.llr == pytest.approx(plain.llr, abs=0.5 if name.startswith("encoder.") else 0.25)
