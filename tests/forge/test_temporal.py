"""Forgeries of a clip's course: the truth that they give is checked frame by frame against the genuine clip."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.forge.repeating import repeat_video

from zhenwei.errors import DataError
from zhenwei.forge.synthesis import temporal
from zhenwei.forge.synthesis.temporal import FOREIGN, KINDS, temporal_seeded
from zhenwei.types import Floats, Pixels

from .test_synthesis import image, mesh


def _video(n: int = 12, first: int = 0) -> Pixels:
    """Frames that all differ: one picture, brighter and moved from frame to frame."""
    whole = image(96, 96)
    moved = [np.roll(whole, first + k, axis=1).astype(int) + 2 * k for k in range(n)]
    return np.stack([np.clip(m, 0, 255).astype(np.uint8) for m in moved])


def _meshes(n: int = 12) -> Floats:
    return np.stack([mesh(96, 96)] * n)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(KINDS), st.integers(0, 2**40), st.integers(8, 16))
def test_the_truth_is_true(kind: str, seed: int, n: int) -> None:
    frames, donor = _video(n), _video(9, first=31)
    before = frames.copy()
    forged = temporal_seeded(frames, _meshes(n), seed, donor=donor, kind=kind)
    assert len(forged.frames) == len(forged.origin) == len(forged.masks) == len(forged.altered)
    assert len(forged.frames) == n or kind == "drop"
    assert np.array_equal(frames, before)
    for place, origin in enumerate(forged.origin):
        if origin == FOREIGN:
            assert any(np.array_equal(forged.frames[place], frame) for frame in donor)
            assert (forged.masks[place] == 1).all()
        else:
            same = forged.masks[place] == 0
            assert np.array_equal(forged.frames[place][same], frames[origin][same])
    assert forged.seams.any() or kind in ("flicker", "jitter")
    assert forged.altered.any()
    assert not forged.altered.all()


@pytest.mark.parametrize(
    ("kind", "check"),
    [
        ("drop", lambda o: (np.diff(o) > 0).all() and (np.diff(o) > 1).sum() == 1),
        ("freeze", lambda o: (np.diff(o) >= 0).all() and (np.diff(o) == 0).any()),
        ("reorder", lambda o: sorted(o.tolist()) == list(range(12)) and (np.diff(o) < 0).any()),
        ("insert", lambda o: (o == FOREIGN).any() and o[0] == 0),
        ("flicker", lambda o: o.tolist() == list(range(12))),
        ("jitter", lambda o: o.tolist() == list(range(12))),
    ],
)
def test_each_kind_does_what_its_name_says(kind: str, check: object) -> None:
    for seed in range(10):
        forged = temporal_seeded(_video(), _meshes(), seed, donor=_video(9, 31), kind=kind)
        assert callable(check)
        assert check(forged.origin)
        assert forged.recipe["kind"] == kind


def test_flicker_changes_from_frame_to_frame_and_jitter_trembles() -> None:
    for kind, least in (("flicker", 0.05), ("jitter", 0.001)):
        forged = temporal_seeded(_video(), _meshes(), 3, kind=kind)
        masks = forged.masks[forged.masks.any((1, 2))]
        assert len(masks) >= 2
        assert np.abs(np.diff(masks, axis=0)).mean((1, 2)).max() > least / 10


def test_seams_by_hand() -> None:
    forged = temporal_seeded(_video(), _meshes(), 1, kind="drop")
    gap = int(np.flatnonzero(np.diff(forged.origin) > 1)[0]) + 1
    assert np.flatnonzero(forged.seams).tolist() == [gap]
    assert np.array_equal(forged.altered, forged.seams)


def test_a_recipe_repeats_the_clip_and_is_json() -> None:
    frames, points, donor = _video(), _meshes(), _video(9, 31)
    for seed in range(8):
        forged = temporal(frames, points, np.random.default_rng(seed), donor=donor)
        again = repeat_video(json.loads(json.dumps(forged.recipe)), frames, points, donor)
        assert np.array_equal(again.frames, forged.frames)
        assert np.array_equal(again.masks, forged.masks)
        assert np.array_equal(again.origin, forged.origin)


def test_clips_that_cannot_be_forged_are_refused() -> None:
    frames, points, rng = _video(), _meshes(), np.random.default_rng(0)
    cases: list[tuple[Pixels, Floats, Pixels | None, str | None, str]] = [
        (frames[:1], points[:1], None, None, "too short"),
        (frames[:0], points[:0], None, None, "cannot be used"),
        (frames[0], points, None, None, "cannot be used"),
        (frames, points[:5], None, None, "do not match"),
        (frames, points, frames[:, :50], None, "differ in size"),
        (frames, points, None, "insert", "needs a donor"),
        (frames, points, None, "morph", "no such forgery"),
        (frames, points * np.nan, None, None, "finite"),
    ]
    for video, meshes, donor, kind, said in cases:
        with pytest.raises(DataError, match=said):
            temporal(video, meshes, rng, donor=donor, kind=kind)
