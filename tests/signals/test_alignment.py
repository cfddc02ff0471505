"""Two recordings laid over each other: what was done to one of them is found again, and nothing else."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from zhenwei.signals.alignment import differ, sound_offset
from zhenwei.types import Audio, Pixels

PHOTO = Path(__file__).parents[2] / "examples" / "media" / "astronaut.jpg"
RATE_HZ = 8000


@pytest.fixture(scope="module")
def photo() -> Pixels:
    return np.asarray(Image.open(PHOTO).convert("RGB"), np.uint8)


def patched(photo: Pixels) -> Pixels:
    changed = photo.copy()
    changed[300:380, 100:200] = changed[300:380, 100:200][::-1, ::-1]
    return changed


def test_a_picture_beside_itself_differs_nowhere(photo: Pixels) -> None:
    found = differ(photo, photo)
    assert found is not None
    assert (found.how, found.share, found.levels) == ("as they are", 0.0, 0.0)
    assert found.correlation == pytest.approx(1.0)


def test_saving_again_is_no_difference(photo: Pixels) -> None:
    _, written = cv2.imencode(".jpg", photo[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])
    again = np.asarray(cv2.imdecode(written, cv2.IMREAD_COLOR), np.uint8)[..., ::-1]
    found = differ(photo, again)
    assert found is not None
    assert found.share < 0.002 < found.levels


def test_what_was_pasted_in_is_marked_where_it_is(photo: Pixels) -> None:
    found = differ(photo, patched(photo))
    assert found is not None
    area = 80 * 100 / (photo.shape[0] * photo.shape[1])
    assert 0.5 * area < found.share < 1.6 * area
    red = found.shown[..., 0].astype(int) - found.shown[..., 1]
    assert red[300:380, 100:200].mean() > 20 > 10 * abs(red[:250].mean())


def test_a_smaller_copy_is_scaled(photo: Pixels) -> None:
    found = differ(photo, np.asarray(cv2.resize(photo, (300, 300), interpolation=cv2.INTER_AREA), np.uint8))
    assert found is not None
    assert found.how == "scaled"


def test_a_cut_and_turned_copy_is_moved_back(photo: Pixels) -> None:
    turn = cv2.getRotationMatrix2D((256, 256), 7, 1.1)
    turned = np.asarray(cv2.warpAffine(patched(photo), turn, (512, 512)), np.uint8)[40:480, 30:470]
    found = differ(photo, turned)
    assert found is not None
    assert found.how == "moved"
    red = found.shown[..., 0].astype(int) - found.shown[..., 1]
    assert red[310:370, 110:190].mean() > 4 * abs(red[60:200, 60:200].mean())


def test_another_picture_is_told_as_such(photo: Pixels) -> None:
    rng = np.random.default_rng(5)
    noise = rng.integers(0, 256, photo.shape, dtype=np.uint8)
    assert differ(photo, noise) is None
    assert differ(photo, np.full_like(photo, 80)) is None


def sound(samples: np.ndarray) -> Audio:
    return Audio(samples[None].astype(np.float32), RATE_HZ)


def test_the_offset_of_a_copy_is_found() -> None:
    rng = np.random.default_rng(3)
    whole = rng.normal(size=4 * RATE_HZ)
    found = sound_offset(sound(whole), sound(0.5 * whole[RATE_HZ:]))
    assert found is not None
    assert found.offset_s == pytest.approx(-1.0)
    assert found.correlation == pytest.approx(1.0, abs=1e-3)
    back = sound_offset(sound(whole[RATE_HZ:]), sound(whole))
    assert back is not None
    assert back.offset_s == pytest.approx(1.0)


def test_other_sound_correlates_little_and_silence_not_at_all() -> None:
    rng = np.random.default_rng(4)
    found = sound_offset(sound(rng.normal(size=RATE_HZ)), sound(rng.normal(size=RATE_HZ)))
    assert found is not None
    assert abs(found.correlation) < 0.3
    assert sound_offset(sound(np.zeros(RATE_HZ)), sound(rng.normal(size=RATE_HZ))) is None


def test_channels_that_cancel_each_other_are_not_silence() -> None:
    voice = np.random.default_rng(5).normal(scale=0.1, size=RATE_HZ).astype(np.float32)
    found = sound_offset(Audio(np.stack([voice, -voice]), RATE_HZ), Audio(voice[None], RATE_HZ))
    assert found is not None
    assert found.offset_s == 0.0
    assert abs(found.correlation) == pytest.approx(1.0)


def test_whoever_speaks_in_one_of_many_channels_is_found() -> None:
    rng = np.random.default_rng(6)
    first, second = rng.normal(scale=0.1, size=(2, 2 * RATE_HZ)).astype(np.float32)
    first[RATE_HZ:], second[:RATE_HZ] = 0, 0
    apart = np.stack([first, 0.4 * second, *np.zeros((3, 2 * RATE_HZ), np.float32)])
    found = sound_offset(Audio(apart, RATE_HZ), Audio(0.4 * second[None, RATE_HZ:], RATE_HZ))
    assert found is not None
    assert found.offset_s == pytest.approx(-1.0)
    assert found.correlation == pytest.approx(1.0, abs=1e-3)


def test_of_a_copy_in_grey_brightness_is_compared(photo: Pixels) -> None:
    grey = np.asarray(Image.fromarray(photo).convert("L").convert("RGB"), np.uint8)
    for pair in ((photo, grey), (grey, photo)):
        found = differ(*pair)
        assert found is not None
        assert found.is_colourless
        assert found.share < 0.002
    forged = differ(grey, patched(photo))
    assert forged is not None
    assert forged.share > 0.005
    both = differ(grey, grey)
    assert both is not None
    assert not both.is_colourless


def test_of_a_part_it_is_told_how_much_of_the_other_it_shows(photo: Pixels) -> None:
    part = photo[:, :205]
    for pair, shared in (((photo, part), (0.4, 1.0)), ((part, photo), (1.0, 0.4))):
        found = differ(*pair)
        assert found is not None
        assert found.shared == pytest.approx(shared, abs=0.02)
    whole = differ(photo, photo)
    assert whole is not None
    assert whole.shared == (1.0, 1.0)


def test_pictures_of_one_tone_are_the_same_if_it_is_the_same_tone() -> None:
    flat = np.full((100, 100, 3), 40, np.uint8)
    found = differ(flat, flat.copy())
    assert found is not None
    assert found.share == 0.0
    assert differ(flat, flat + 40) is None
    red, blue = np.zeros_like(flat), np.zeros_like(flat)
    red[..., 0], blue[..., 2] = 76, 200  # of the same brightness
    assert differ(red, blue) is None
