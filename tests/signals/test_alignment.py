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
