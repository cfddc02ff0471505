"""The synthetic camera: each setting does what it says, and nothing else is drawn."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from PIL import Image
from tests.training.albums import astronaut

from zhenwei.training.data.camera import PROPERTIES, Camera, another, dead_leaves, draw_camera, mosaic, saved
from zhenwei.types import Pixels

PLAIN = Camera()


def scene() -> Pixels:
    return np.ascontiguousarray(astronaut()[:192, :192])


def shot(camera: Camera, seed: int = 0) -> Pixels:
    return camera.shoot(scene(), np.random.default_rng(seed))


def test_the_plain_camera_hands_on_what_it_sees() -> None:
    assert np.abs(shot(PLAIN).astype(int) - scene()).max() <= 1


@pytest.mark.parametrize("number", range(len(PROPERTIES)))
def test_every_setting_leaves_another_picture(number: int) -> None:
    name, count = fields(Camera)[number].name, list(PROPERTIES.values())[number]
    images = [shot(replace(PLAIN, **{name: setting})) for setting in range(count)]
    for i, one in enumerate(images):
        for other in images[:i]:
            assert one.shape != other.shape or (one != other).mean() > 0.02


def test_only_noise_is_drawn() -> None:
    for camera in (replace(PLAIN, demosaicing=2, compression=3), replace(PLAIN, sharpening=2, resampling=4)):
        assert (shot(camera, 1) == shot(camera, 2)).all()
    assert (shot(replace(PLAIN, noise=2), 1) != shot(replace(PLAIN, noise=2), 2)).any()


def test_the_mosaic_keeps_one_colour_of_every_pixel() -> None:
    pixels = scene()
    plane = mosaic(pixels)
    assert (plane[0::2, 0::2] == pixels[0::2, 0::2, 0]).all()
    assert (plane[1::2, 1::2] == pixels[1::2, 1::2, 2]).all()
    assert (plane[0::2, 1::2] == pixels[0::2, 1::2, 1]).all()


@pytest.mark.parametrize("way", [1, 2, 3])
def test_filling_in_the_mosaic_keeps_the_colours(way: int) -> None:
    """A wrong order of the filters would exchange red and blue."""
    flat = np.broadcast_to(np.array([200, 90, 30], np.uint8), (32, 32, 3))
    image = replace(PLAIN, demosaicing=way).shoot(np.ascontiguousarray(flat), np.random.default_rng(0))
    np.testing.assert_allclose(image[8:-8, 8:-8].mean((0, 1)), [200, 90, 30], atol=2)


def test_more_noise_is_more_noise() -> None:
    flat = np.full((64, 64, 3), 120, np.uint8)
    levels = [float(replace(PLAIN, noise=n).shoot(flat, np.random.default_rng(0))[..., 1].std()) for n in range(5)]
    assert levels == sorted(levels)
    assert levels[-1] > 3 * levels[1] > 0


def test_saving_is_that_of_pillow(tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("saved") / "one.jpg"
    Image.fromarray(scene()).save(file, quality=80, subsampling=0)
    assert (saved(scene(), 80, 0) == np.asarray(Image.open(file))).all()


def test_draws_are_of_every_kind_and_another_differs() -> None:
    rng = np.random.default_rng(4)
    cameras = [draw_camera(rng) for _ in range(300)]
    for number, count in enumerate(PROPERTIES.values()):
        assert {camera.settings()[number] for camera in cameras} == set(range(count))
    apart = [sum(a != b for a, b in zip(c.settings(), another(c, rng).settings(), strict=True)) for c in cameras]
    assert set(apart) == set(range(1, len(PROPERTIES) + 1))


def test_dead_leaves_hold_edges_and_flats_and_repeat() -> None:
    one, again = (dead_leaves(128, np.random.default_rng(5)) for _ in range(2))
    assert (one == again).all()
    assert one.shape == (128, 128, 3)
    steps = np.abs(np.diff(one[..., 1].astype(int), axis=1))
    assert (steps > 20).mean() > 0.01
    assert (steps <= 3).mean() > 0.4
