"""The hash by its definition, spelled out; and what it must and must not heed."""

from __future__ import annotations

import io
import math

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from zhenwei.signals.perceptual_hash import SIDE, dct_hash, distances
from zhenwei.types import Floats


def _scene(seed: int) -> Floats:
    """Smooth blobs, as photographs are."""
    noise = np.random.default_rng(seed).standard_normal((128, 128)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 9)
    return np.asarray((smooth - smooth.min()) / (smooth.max() - smooth.min()) * 220 + 15, np.float32)


def _small(image: Floats) -> Floats:
    return np.asarray(cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.float32)


def _by_definition(luma: Floats) -> int:
    """The cosine sums written out."""
    n, low = SIDE, []
    x = np.arange(n)
    for u in range(8):
        for v in range(8):
            waves = np.outer(np.cos((2 * x + 1) * u * math.pi / 2 / n), np.cos((2 * x + 1) * v * math.pi / 2 / n))
            scale = (math.sqrt(0.5) if u == 0 else 1.0) * (math.sqrt(0.5) if v == 0 else 1.0)
            low.append(float((luma * waves).sum()) * scale)
    middle = sorted(low[1:])[31]
    return int("".join(["1", *("1" if value > middle else "0" for value in low[1:])]), 2)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_the_hash_is_what_its_definition_says(seed: int) -> None:
    luma = _small(_scene(seed))
    assert int(dct_hash(luma)) == _by_definition(luma)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(40, 95), st.floats(0.4, 1.6))
def test_copies_stay_near_and_others_far(seed: int, quality: int, scale: float) -> None:
    scene = _scene(seed)
    file = io.BytesIO()
    size = (round(128 * scale), round(128 * scale))
    Image.fromarray(scene.astype(np.uint8)).resize(size).save(file, "JPEG", quality=quality)
    copy = np.asarray(Image.open(file), np.float32)
    mine = np.array([dct_hash(_small(scene))], np.uint64)
    others = np.array([dct_hash(_small(copy)), dct_hash(_small(_scene(seed + 1)))], np.uint64)
    near, far = distances(mine, others)[0]
    assert near <= 8
    assert far > 12


@given(st.floats(0.2, 3), st.floats(-50, 50))
def test_brightness_and_contrast_do_not_matter(gain: float, offset: float) -> None:
    luma = _small(_scene(4)).astype(np.float64)
    assert dct_hash((gain * luma + offset).astype(np.float32)) == dct_hash(luma.astype(np.float32))


def test_distances_count_bits() -> None:
    some = np.array([0, 2**63 + 1], np.uint64)
    assert distances(some, np.array([0, 1, 2**64 - 1], np.uint64)).tolist() == [[0, 1, 64], [2, 1, 62]]
