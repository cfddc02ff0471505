"""Marks of other tools: read as their own package wrote them, and never in noise or flat pictures."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from zhenwei.defence.watermark.foreign import MESSAGES, read_foreign
from zhenwei.types import Pixels

DATA = Path(__file__).parents[1] / "data"


def read(path: Path) -> Pixels:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def test_the_package_s_own_mark_is_read_in_either_order_of_colours_and_after_light_jpeg() -> None:
    pixels = read(DATA / "invisible-watermark-sdxl.png")
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=92, subsampling=0)
    for seen in (pixels, np.ascontiguousarray(pixels[..., ::-1]), np.asarray(Image.open(file))):
        found = read_foreign(seen)
        assert found is not None
        assert found.tool == "Stable Diffusion XL"
        assert found.agreement > 0.9


def test_the_photograph_it_was_put_into_carries_none() -> None:
    assert read_foreign(read(DATA / "astronaut.jpg")) is None


def test_messages_are_as_long_as_these_tools_write_them() -> None:
    assert {tool: len(bits) for tool, bits in MESSAGES.items()} == {
        "Stable Diffusion": 136, "Stable Diffusion 2": 32, "Stable Diffusion XL": 48, "FLUX": 46
    }  # fmt: skip


@given(st.integers(0, 2**32 - 1), st.integers(8, 200), st.integers(8, 200))
def test_noise_carries_none(seed: int, height: int, width: int) -> None:
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)
    assert read_foreign(noise) is None


@pytest.mark.parametrize("shape", [(1, 1, 3), (300, 3, 3), (256, 256, 3)])
@pytest.mark.parametrize("value", [0, 90, 255])
def test_flat_and_tiny_pictures_carry_none(shape: tuple[int, ...], value: int) -> None:
    assert read_foreign(np.full(shape, value, np.uint8)) is None
