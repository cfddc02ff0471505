"""A portrait drawn by the learned network: ground truth, seeds, digests; and its flow against what really moved."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from zhenwei.errors import DataError
from zhenwei.forge.animate import learned
from zhenwei.forge.animate.clips import framing, puppet_clips
from zhenwei.forge.animate.learned import (
    INDEX,
    WEIGHTS,
    LearnedMotion,
    Rendered,
    animate_learned,
    carried,
    home,
    open_weights,
    render,
    rendered,
    rendered_seeded,
    shipped,
    window_px,
    with_detail,
)
from zhenwei.forge.puppet import ANNA, BRUNO, Look, draw
from zhenwei.nets.first_order import Flow, places_of
from zhenwei.types import Floats, Pixels

PORTRAIT = draw(ANNA, Look(blink=0.1, scene=3), 192)
LOOKS = [Look(blink=0.1), Look(yaw=14, open=0.7, blink=0.1), Look(yaw=-16, pitch=7, roll=5, smile=0.6)]


def acted() -> tuple[Pixels, Floats]:
    drawn = [draw(BRUNO, look, 160) for look in LOOKS]
    return np.stack([each.pixels for each in drawn]), np.stack([each.landmarks for each in drawn])


def still(count: int = 1) -> Flow:
    return Flow(places_of(32, 32).expand(count, -1, -1, 2).clone(), torch.ones(count, 1, 32, 32))


def test_the_shipped_network_is_the_measured_one_and_small(tmp_path: Path) -> None:
    assert (home() / WEIGHTS).stat().st_size < 4e6
    _, told = open_weights(home())
    assert told["data"].split()[1:3] == ["drawn", "puppets"]
    for name in (WEIGHTS, INDEX):
        shutil.copy(home() / name, tmp_path)
    data = bytearray((tmp_path / WEIGHTS).read_bytes())
    data[-1] ^= 1
    (tmp_path / WEIGHTS).write_bytes(data)
    with pytest.raises(DataError, match="no readable network of motion"):
        open_weights(tmp_path)


def test_a_driver_who_stands_still_leaves_the_face_where_it_was() -> None:
    frames, _ = acted()
    small = np.asarray(frames[:1, ::2, ::2][:, :64, :64])
    source = puppet_clips(2, 2, 3).frames[0][0]
    made = render(shipped().net, source, small, small[0])
    assert np.abs(made.flow.grid.numpy() - places_of(32, 32).numpy()).max() < 1e-4
    assert np.abs(made.pixels[0].astype(float) - source).mean() < 16


def test_points_go_along_with_the_flow() -> None:
    points = np.random.default_rng(0).uniform(10, 54, (40, 2)).astype(np.float32)
    assert np.abs(carried(points, still())[0] - points).max() < 0.1
    moved = Flow(still().grid - 2 * 3 / 64, still().shown)  # what is drawn at a place comes from 3 px up and left
    assert np.abs(carried(points, moved)[0] - points - 3).max() < 0.1


def test_detail_that_the_network_did_not_see_is_laid_over() -> None:
    window = np.random.default_rng(0).integers(0, 255, (128, 128, 3)).astype(np.uint8)
    small = np.asarray(window.reshape(64, 2, 64, 2, 3).mean((1, 3)).round(), np.uint8)
    whole = with_detail(window, Rendered(small[None], still()))[0].astype(float)
    hidden = with_detail(window, Rendered(small[None], Flow(still().grid, 0 * still().shown)))[0].astype(float)
    inner = np.s_[4:-4, 4:-4]
    assert np.abs(whole - window)[inner].mean() < 0.25 * np.abs(hidden - window)[inner].mean()


def test_a_clip_of_a_portrait() -> None:
    frames, landmarks = acted()
    made, again = [
        animate_learned(shipped(), PORTRAIT.pixels, PORTRAIT.landmarks, frames, landmarks, 25.0) for _ in range(2)
    ]
    assert (made.frames == again.frames).all()
    side = made.recipe["window_px"]
    assert made.frames.shape == (3, side, side, 3)
    assert side == window_px(PORTRAIT.landmarks) // 2 * 2
    assert (made.masks == 1).all()
    assert made.landmarks.shape == (3, 468, 3)
    assert json.loads(json.dumps(made.recipe)) == made.recipe
    assert made.recipe["weights"] == shipped().digest


def test_a_rendered_still_has_its_truth_and_its_seed() -> None:
    for seed in range(4):
        made = rendered(PORTRAIT.pixels, PORTRAIT.landmarks[:, :2].copy(), np.random.default_rng(seed), shipped())
        recipe = json.loads(json.dumps(made.recipe, allow_nan=False))
        again = rendered_seeded(PORTRAIT.pixels, PORTRAIT.landmarks, recipe["seed"], shipped())
        assert np.array_equal(made.pixels, again.pixels)
        assert np.array_equal(made.mask, again.mask)
        assert (made.pixels == PORTRAIT.pixels)[made.mask == 0].all()
        assert (made.pixels != PORTRAIT.pixels)[made.mask > 0.9].any()
        assert 0 <= made.mask.min() <= made.mask.max() == 1
    with pytest.raises(DataError, match="span no face"):
        rendered(PORTRAIT.pixels, np.full((468, 2), 80, np.float32), np.random.default_rng(0), shipped())


def test_a_window_holds_the_face_as_puppets_are_drawn() -> None:
    matrix = framing(PORTRAIT.landmarks, 64)
    points = PORTRAIT.landmarks[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    theirs = draw(ANNA, Look(blink=0.1), 64).landmarks[:, :2]
    assert np.abs(points.mean(0) - theirs.mean(0)).max() < 3
    assert np.ptp(points[:, 1]) / np.ptp(theirs[:, 1]) == pytest.approx(1, abs=0.12)


def test_the_same_weights_have_the_same_digest() -> None:
    assert LearnedMotion.of(shipped().net).digest == shipped().digest
    assert learned.shipped() is shipped()
