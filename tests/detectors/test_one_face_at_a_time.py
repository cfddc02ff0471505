"""What the networks of single faces share, with a network whose right answers are known: where a map lies, which faces
are shown, what both views of a face come to."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
import pytest

from zhenwei import models
from zhenwei.detectors._faces import Examiner, Wording
from zhenwei.detectors.attention.manipulation_map import ManipulationMap
from zhenwei.detectors.cnn.face_forgery import FaceForgery
from zhenwei.types import (
    Box,
    Curve,
    Evidence,
    Face,
    Floats,
    Frame,
    ImageExhibit,
    InputContract,
    Media,
    Pixels,
    Quality,
    Subject,
    Text,
    Track,
)  # fmt: skip

SIDE, CELLS = 96, 12
CONTRACT = InputContract(size_px=SIDE, margin=0.0, min_face_px=40)
WORDING = Wording(
    Text("neither", zh="无"), Text("forged {}", zh="{}"), Text("genuine {}", zh="{}"), Text("map", zh="图")
)


@dataclass(slots=True)
class Network:
    """Its regional score is the red of the region, its score the red of the left third."""

    weights: str = "a network that looks at red"
    sizes: list[int] = field(default_factory=list)

    def run(self, batch: Floats) -> tuple[Floats, Floats]:
        self.sizes.append(len(batch))
        red = batch[:, 0]
        regional = red.reshape(len(batch), CELLS, SIDE // CELLS, CELLS, SIDE // CELLS).mean((2, 4))
        return red[:, :, : SIDE // 3].mean((1, 2)), np.asarray(regional, np.float32)


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    found = Network()
    monkeypatch.setattr(models, "load", lambda _name: found)
    return found


def examiner(*, mirrored: bool = True, enough: int = 8, most: int = 0) -> Examiner:
    return Examiner(FaceForgery.info, CONTRACT, WORDING, mirrored, enough, most)


def face_image(seed: int = 0) -> Pixels:
    """Coarse noise: no half of it is like the other."""
    noise = np.random.default_rng(seed).integers(0, 255, (CELLS, CELLS, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(noise, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC), np.uint8)


def subject(*images: Pixels) -> Subject:
    quality = Quality(SIDE, 60.0, 0.5, 0.0)
    faces = tuple(
        Face(i, i / 2, Box(0, 0, SIDE, SIDE), 0.9, np.zeros((6, 2), np.float32), quality) for i in range(len(images))
    )
    frames = tuple(Frame(i, i / 2, p) for i, p in enumerate(images))
    media = Media("a", "b", "video" if len(frames) > 1 else "image", 1, "png", width=SIDE, height=SIDE)
    return Subject(media, frames, Track(1, faces))


def straight(*images: Pixels) -> tuple[Floats, Floats]:
    batch = (np.stack(images).astype(np.float32) / 255 - CONTRACT.mean) / CONTRACT.deviation
    return Network().run(np.ascontiguousarray(batch.transpose(0, 3, 1, 2), np.float32))


def test_the_map_of_the_mirrored_face_is_turned_back_before_both_are_averaged(network: Network) -> None:
    image = face_image()
    regional = examiner().maps(subject(image))
    assert network.sizes == [1, 1]
    assert regional is not None
    np.testing.assert_allclose(regional, straight(image)[1], atol=1e-5)
    assert np.abs(regional - regional[..., ::-1]).max() > 0.2


def test_the_score_is_the_mean_of_both_views(network: Network) -> None:
    image = face_image(1)
    here, there = (float(straight(p)[0][0]) for p in (image, image[:, ::-1]))
    assert abs(here - there) > 0.02
    assert examiner().examine(subject(image)).score == pytest.approx((here + there) / 2, abs=1e-5)
    assert examiner(mirrored=False).examine(subject(image)).score == pytest.approx(here, abs=1e-5)


def test_from_enough_faces_on_one_view_is_enough(network: Network) -> None:
    images = [face_image(i) for i in range(3)]
    examiner(enough=3).examine(subject(*images))
    assert network.sizes == [1] * 3
    examiner(enough=4).examine(subject(*images))
    assert network.sizes == [1] * 9


def test_faces_are_answered_in_their_order_however_many(network: Network) -> None:
    images = [face_image(i) for i in range(19)]
    regional = examiner().maps(subject(*images))
    assert sum(network.sizes) == 19
    assert regional is not None
    np.testing.assert_allclose(regional, straight(*images)[1], atol=1e-5)


def test_of_many_faces_an_even_spread_is_looked_at_from_the_first_to_the_last(network: Network) -> None:
    images = [face_image(i) for i in range(9)]
    for most, chosen in ((3, [0, 4, 8]), (9, list(range(9))), (0, list(range(9)))):
        regional = examiner(enough=1, most=most).maps(subject(*images))
        assert regional is not None
        np.testing.assert_allclose(regional, straight(*[images[i] for i in chosen])[1], atol=1e-5)


def shown(evidence: Evidence) -> list[ImageExhibit]:
    return [e for e in evidence.exhibits if isinstance(e, ImageExhibit)]


def reddish(level: int, seed: int = 0) -> Pixels:
    """All of one red, so that a higher ``level`` scores higher, with detail in the other colours."""
    image = face_image(seed)
    image[..., 0] = level
    return image


@pytest.mark.usefixtures("network")
def test_red_is_laid_where_the_map_is_high_and_nowhere_else() -> None:
    image = reddish(0)
    image[8:32, 64:88, 0] = 255
    pixels = shown(examiner().examine(subject(image)))[0].pixels
    changed = np.abs(pixels.astype(int) - image).max(axis=-1) > 12
    assert changed[16:24, 72:80].all()
    assert not changed[:, :48].any()
    assert not changed[48:].any()
    assert (pixels[16:24, 72:80, 0] == 255).all()
    assert (pixels[16:24, 72:80].astype(int) - image[16:24, 72:80])[..., 1:].mean() < 0  # towards red, off the rest


@pytest.mark.usefixtures("network")
def test_the_three_highest_faces_are_shown_in_order_of_time() -> None:
    asked = subject(*[reddish(level, i) for i, level in enumerate((200, 10, 240, 30, 220))])
    assert [p.time_s for p in shown(examiner().examine(asked))] == [0.0, 1.0, 2.0]
    of_several = Examiner(ManipulationMap.info, CONTRACT, WORDING, True, 8, part="manipulation_map")
    assert [p.time_s for p in shown(of_several.examine(asked))] == [1.0]


@pytest.mark.usefixtures("network")
def test_the_curve_holds_what_each_face_would_weigh_alone() -> None:
    images = [reddish(level, 3) for level in (40, 120, 200)]
    evidence = examiner().examine(subject(*images))
    (curve,) = [e for e in evidence.exhibits if isinstance(e, Curve)]
    assert curve.x == (0.0, 0.5, 1.0)
    for value, image in zip(curve.y, images, strict=True):
        assert value == pytest.approx(examiner().examine(subject(image)).llr, abs=1e-3)
    image_alone = examiner().examine(subject(images[0]))
    assert not [e for e in image_alone.exhibits if isinstance(e, Curve)]
    assert shown(image_alone)[0].time_s is None
    assert image_alone.interval is None
