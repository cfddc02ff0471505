"""Swapped clips: faces' places are smoothed in time, and the original may be shown beside."""

from __future__ import annotations

import datetime
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image

from zhenwei import media
from zhenwei.forge.export import open_door
from zhenwei.forge.puppet import ANNA, portraits
from zhenwei.forge.swap import checkpoint, convert
from zhenwei.forge.swap.convert import Swapper, steadied
from zhenwei.forge.swap.prepare import Cut, align
from zhenwei.forge.swap.swap_settings import SwapSettings

PORTRAIT = portraits(ANNA, 1, 128, 5)[0]
MESH = PORTRAIT.landmarks[:, :2].astype(np.float64)
FRAME = np.zeros((160, 220, 3), np.uint8)


def cut(points: np.ndarray) -> Cut:
    return align(FRAME, points.astype(np.float32), 32, 3.0)


def place(found: Cut | None) -> np.ndarray:
    assert found is not None
    return found.landmarks @ found.to_image[:, :2].T + found.to_image[:, 2]


def passing(frames: int, noise_px: float, seed: int) -> tuple[list[np.ndarray], list[Cut]]:
    """Where a face is that speeds up on its way, and how it is found."""
    rng = np.random.default_rng(seed)
    truth = [MESH * 0.8 + (0.8 * k + 0.03 * k**2, 5.0) for k in range(frames)]
    return truth, [cut(points + rng.normal(0, noise_px, (1, 2)) + rng.normal(0, noise_px)) for points in truth]


def off(found: list[Cut | None] | list[Cut], truth: list[np.ndarray]) -> float:
    return float(
        np.mean([np.linalg.norm(place(one) - other, axis=1).mean() for one, other in zip(found, truth, strict=True)])
    )


def test_a_face_trembles_less_and_does_not_lag() -> None:
    truth, found = passing(40, 1.0, 1)
    steady = steadied([FRAME] * 40, found, 7)
    assert off(steady, truth) < 0.7 * off(found, truth)
    jerk = [np.diff([place(each).mean(0) for each in cuts], 3, axis=0) for cuts in (found, steady)]
    assert np.abs(jerk[1]).mean() < 0.3 * np.abs(jerk[0]).mean()
    exact = passing(40, 0.0, 1)[1]
    assert off(steadied([FRAME] * 40, exact, 7), truth) < 0.01  # a steady acceleration is left alone, ends included


def test_missing_faces_and_cuts_of_the_clip_begin_anew() -> None:
    truth, found = passing(30, 0.0, 2)
    away = [MESH * 0.8 + (90.0, 60.0)] * 15
    cuts = [*found[:14], None, *found[15:], *(cut(points) for points in away)]
    steady = steadied([FRAME] * 45, cuts, 7)
    assert steady[14] is None
    kept = [k for k in range(45) if k != 14]
    assert off([steady[k] for k in kept], [[*truth, *away][k] for k in kept]) < 0.01
    assert all(each is None or (each.pixels.shape, each.yaw_deg) == ((32, 32, 3), 3.0) for each in steady)


@pytest.mark.parametrize(("frames", "window"), [(6, 7), (20, 1), (20, 3), (0, 7)])
def test_what_is_too_short_stays_as_it_was_found(frames: int, window: int) -> None:
    found = passing(frames, 1.0, 3)[1]
    assert all(one is other for one, other in zip(steadied([FRAME] * frames, found, window), found, strict=True))


def test_the_original_stands_beside_a_swapped_clip(tmp_path: Path) -> None:
    source = tmp_path / "clip.mp4"
    with av.open(source, "w") as made:
        stream = made.add_stream("libx264", 25, options={"crf": "12"})
        stream.width, stream.height, stream.pix_fmt = 128, 128, "yuv420p"
        for k in range(7):
            drawn = np.roll(PORTRAIT.pixels, k, axis=1)
            made.mux(stream.encode(av.VideoFrame.from_ndarray(drawn, format="rgb24")))
        made.mux(stream.encode())
    settings = SwapSettings(size=32, width=8, batch=4, steps=1, rate=1e-3, held_out=2)
    net = checkpoint.fresh(settings, torch.device("cpu")).net.eval()
    swapper = Swapper(net, settings, "0" * 64, ("anna", "bruno"), 0, torch.device("cpu"))
    door = open_door(tmp_path / "home", datetime.date(2026, 11, 30))
    out = tmp_path / "beside.mp4"
    told, without = convert.convert(
        swapper, source, out, door, direction="a-to-b", colour="none", edge="copy", beside=True
    )
    assert without == 0
    recipe = told.sidecar.read_text("utf-8")
    assert '"beside": true' in recipe
    assert '"smoothed_over_frames": 5' in recipe
    frames = list(media.sample_frames(media.open_media(out), 7))
    originals = list(media.sample_frames(media.open_media(source), 7))
    assert len(frames) == 7
    for shown, original in zip(frames, originals, strict=True):
        # Small pictures are enlarged by the door, and a line below says what they are.
        side = shown.pixels.shape[1] // 2
        whole = np.asarray(Image.fromarray(original.pixels).resize((side, side)), np.float64)
        gap = np.abs(shown.pixels[:side].astype(np.float64) - np.concatenate([whole, whole], axis=1))
        assert gap[:, :side].mean() < 8
        assert gap[:, side:].mean() > 2 * gap[:, :side].mean()
    picture = tmp_path / "one.png"
    Image.fromarray(PORTRAIT.pixels).save(picture)
    convert.convert(
        swapper, picture, tmp_path / "two.png", door, direction="a-to-b", colour="none", edge="copy", beside=True
    )
    mask = media.read_image(media.open_media(tmp_path / "two.mask.png")).pixels
    side = mask.shape[1] // 2
    assert mask.shape[0] == side
    assert not mask[:, :side].any()
    assert mask[:, side:].any()
