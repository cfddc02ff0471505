"""Marks in pictures: the code, what they survive, what they do not find, and which parts were replaced."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from zhenwei.defence.watermark import ImageMark, code, grid, mark_frames, mark_image, read_frames, read_image
from zhenwei.defence.watermark.carrier import SIDE, canonical, coefficients, layout, synthesised
from zhenwei.errors import DataError, UsageError
from zhenwei.types import Pixels

KEY = b"k" * 32
IDENT = bytes.fromhex("0123456789abcdef")


@pytest.fixture(scope="module")
def portrait() -> Pixels:
    with Image.open(Path(__file__).parents[1] / "data" / "astronaut.jpg") as image:
        return np.asarray(image.convert("RGB"))


@pytest.fixture(scope="module")
def marked(portrait: Pixels) -> Pixels:
    return mark_image(portrait, IDENT, KEY)


def psnr_db(before: Pixels, after: Pixels) -> float:
    return 10 * float(np.log10(255**2 / np.mean((before.astype(float) - after) ** 2)))


def saved(pixels: Pixels, quality: int) -> Pixels:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def found(pixels: Pixels) -> ImageMark:
    mark = read_image(pixels, KEY)
    assert mark is not None
    assert mark.ident == IDENT
    return mark


# The code.


@given(st.binary(min_size=8, max_size=8), st.sampled_from([16, 24]), st.integers(0, 2**32 - 1))
def test_a_code_is_read_through_noise_and_its_checksum_fits(ident: bytes, check: int, seed: int) -> None:
    hidden = code.encode(ident, check)
    assert len(hidden) == code.coded_length(8, check)
    noise = np.random.default_rng(seed).normal(0, 0.6, len(hidden))
    assert code.decode(hidden + noise, 8, check) == (ident, True)


@pytest.mark.parametrize(("width", "text", "wanted"), [(16, b"123456789", 0x29B1), (24, b"123456789", 0x21CF02)])
def test_checksums_have_their_published_check_values(width: int, text: bytes, wanted: int) -> None:
    bits = np.unpackbits(np.frombuffer(text, np.uint8))
    assert int("".join(map(str, code._checksum(bits, width))), 2) == wanted


def test_the_code_has_its_published_free_distance() -> None:
    """12 for the generators 561 and 753: the lightest way out of state 0 and back (Odenwalder 1970), by Dijkstra."""
    import heapq

    best = {256 | 0: 0}
    queue = [(sum(o < 0 for o in code._outputs()[1]), 1)]
    while queue:
        weight, state = heapq.heappop(queue)
        if state == 0:
            assert weight == 12
            return
        if best.get(state, 99) <= weight:
            continue
        best[state] = weight
        for bit in (0, 1):
            register = (state << 1) | bit
            heapq.heappush(queue, (weight + int((code._outputs()[register] < 0).sum()), register & 255))
    raise AssertionError("no way back")


def test_noise_alone_passes_the_checksum_as_often_as_chance() -> None:
    rng = np.random.default_rng(0)
    passed = sum(code.decode(rng.standard_normal(code.coded_length(2, 16)), 2, 16)[1] for _ in range(300))
    assert passed <= 1


# The carrier.


def test_what_is_synthesised_has_the_coefficients_that_were_wanted(portrait: Pixels) -> None:
    luma = canonical(portrait)
    change = np.random.default_rng(0).normal(0, 3, coefficients(luma).shape)
    assert np.allclose(coefficients(luma + synthesised(change)) - coefficients(luma), change, atol=1e-2)


# Marks.


@pytest.mark.parametrize("size", [(128, 128), (200, 517), (811, 333), (512, 512)])
def test_every_size_carries_a_mark_that_is_hardly_seen(size: tuple[int, int], portrait: Pixels) -> None:
    pixels = np.asarray(cv2.resize(portrait, size[::-1], interpolation=cv2.INTER_AREA), np.uint8)
    made = mark_image(pixels, IDENT, KEY)
    assert made.shape == pixels.shape
    assert psnr_db(pixels, made) > 42
    assert found(made).intact is not False


def test_marking_is_deterministic_and_leaves_its_input_alone(portrait: Pixels, marked: Pixels) -> None:
    before = portrait.copy()
    assert np.array_equal(mark_image(portrait, IDENT, KEY), marked)
    assert np.array_equal(portrait, before)


@settings(max_examples=15)
@given(st.binary(min_size=8, max_size=8), st.binary(min_size=32, max_size=32))
def test_every_identifier_and_key(ident: bytes, key: bytes) -> None:
    pixels = np.random.default_rng(1).normal(128, 12, (160, 160, 3)).clip(0, 255).astype(np.uint8)
    made = mark_image(cv2.GaussianBlur(pixels, (0, 0), 1.5).astype(np.uint8), ident, key)
    mark = read_image(made, key)
    assert mark is not None
    assert mark.ident == ident


def test_another_key_and_a_clean_picture_show_nothing(portrait: Pixels, marked: Pixels) -> None:
    assert read_image(marked, b"x" * 32) is None
    assert read_image(portrait, KEY) is None


ATTACKS: dict[str, Callable[[Pixels], Any]] = {
    "JPEG 30": lambda p: saved(p, 30),
    "half": lambda p: cv2.resize(p, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    "twice": lambda p: cv2.resize(p, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC),
    "squeezed": lambda p: cv2.resize(p, (400, 512), interpolation=cv2.INTER_AREA),
    "gain": lambda p: np.clip(p * 1.2, 0, 255).astype(np.uint8),
    "gamma": lambda p: (255 * (p / 255) ** 1.3).astype(np.uint8),
    "blur": lambda p: cv2.GaussianBlur(p, (0, 0), 1),
    "grey": lambda p: cv2.cvtColor(cv2.cvtColor(p, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB),
    "cut": lambda p: p[20:, 13:],
    "cut all round": lambda p: p[12:-12, 12:-12],
    "mirrored and cut": lambda p: p[6:-6, 10:][:, ::-1].copy(),
    "turned": lambda p: cv2.warpAffine(p, cv2.getRotationMatrix2D((256, 256), 3, 1), (512, 512)),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_it_is_found_after(name: str, marked: Pixels) -> None:
    found(np.ascontiguousarray(ATTACKS[name](marked), np.uint8))


def test_what_was_done_to_the_whole_is_told(marked: Pixels) -> None:
    assert found(marked).transform == "as it is"
    assert found(np.ascontiguousarray(marked[:, ::-1])).transform == "mirrored"
    assert "cut" in found(np.ascontiguousarray(marked[25:, 25:])).transform
    turned = cv2.warpAffine(marked, cv2.getRotationMatrix2D((256, 256), 2, 1), (512, 512))
    assert "turned" in found(np.asarray(turned, np.uint8)).transform


def test_a_turned_picture_that_is_not_square(portrait: Pixels) -> None:
    made = mark_image(np.ascontiguousarray(portrait[:, 80:430]), IDENT, KEY)
    for angle in (-3, 4):
        turned = cv2.warpAffine(made, cv2.getRotationMatrix2D((175, 256), angle, 1), (350, 512))
        assert "turned" in found(np.asarray(turned, np.uint8)).transform


# The fragile part.


@pytest.mark.parametrize("quality", [0, 92])
def test_a_replaced_middle_is_told_and_located(quality: int, portrait: Pixels, marked: Pixels) -> None:
    assert found(marked).intact is True
    swapped = marked.copy()
    swapped[160:352, 160:352] = np.roll(portrait, 150, axis=1)[160:352, 160:352]
    mark = found(saved(swapped, quality) if quality else swapped)
    assert mark.intact is False
    assert mark.altered is not None
    truth = np.zeros((16, 16), np.bool_)
    truth[5:11, 5:11] = True
    assert (mark.altered & truth).sum() / (mark.altered | truth).sum() > 0.6


@pytest.mark.parametrize("quality", [95, 75, 50])
def test_compression_alone_is_not_called_a_replacement(quality: int, marked: Pixels) -> None:
    assert found(saved(marked, quality)).intact is not False


# Clips.


def test_frames_too_weak_alone_are_read_together(portrait: Pixels) -> None:
    rng = np.random.default_rng(3)
    frames = [np.clip(np.roll(portrait, 3 * n, axis=1) + rng.normal(0, 2, portrait.shape), 0, 255) for n in range(10)]
    marked = mark_frames((f.astype(np.uint8) for f in frames), IDENT, KEY)
    harmed = [saved(cv2.resize(m, (256, 256), interpolation=cv2.INTER_AREA).astype(np.uint8), 40) for m in marked]
    alone = sum(read_image(frame, KEY, search=False) is not None for frame in harmed)
    together = read_frames(harmed, KEY, search=False)
    assert alone < len(harmed)
    assert together is not None
    assert together.ident == IDENT


# What is no picture.


@pytest.mark.parametrize(
    ("shape", "error"), [((127, 400, 3), DataError), ((300, 300), UsageError), ((300, 300, 4), UsageError)]
)
def test_what_cannot_be_marked_is_refused(shape: tuple[int, ...], error: type[Exception]) -> None:
    with pytest.raises(error):
        mark_image(np.zeros(shape, np.uint8), IDENT, KEY)
    with pytest.raises(UsageError):
        mark_image(np.zeros((300, 300, 3), np.uint8), b"short", KEY)


@pytest.mark.parametrize("value", [0, 128, 255])
def test_flat_pictures_say_nothing_when_clean_and_are_read_when_marked(value: int) -> None:
    flat = np.full((300, 300, 3), value, np.uint8)
    assert read_image(flat, KEY) is None
    mark = read_image(mark_image(flat, IDENT, KEY), KEY)
    assert mark is None or mark.ident == IDENT


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 900, 3), (70, 70, 3)])
def test_tiny_pictures_say_nothing(shape: tuple[int, ...]) -> None:
    assert read_image(np.zeros(shape, np.uint8), KEY) is None


def test_one_transform_serves_the_picture_and_its_mirror_image() -> None:
    """Against the definition: phases alone, by NumPy, of the picture and of the picture mirrored."""
    rng = np.random.default_rng(8)
    pilot = layout(b"k" * 32, 100).pilot
    seen = np.zeros((SIDE, SIDE), np.float32)
    across, down = 6, 11
    seen[: SIDE - down, : SIDE - across] = rng.normal(0, 1, (SIDE - down, SIDE - across))
    mirror = np.zeros_like(seen)
    mirror[: SIDE - down, : SIDE - across] = seen[: SIDE - down, SIDE - across - 1 :: -1]
    patterns = [grid._spectrum(np.ascontiguousarray(one)) for one in (pilot, pilot[:, ::-1])]
    found = grid._peaks(seen, patterns, across, down)
    for (peak, left, top), picture in zip(found, (seen, mirror), strict=True):
        spectrum = np.conj(np.fft.fft2(picture))
        surface = np.fft.ifft2(np.fft.fft2(pilot) * spectrum / np.abs(spectrum)).real
        window = np.pad(surface, 1, mode="wrap")[: down + 3, : across + 3]
        row, column = np.unravel_index(int(np.argmax(window)), window.shape)
        assert (left, top) == (int(column) - 1, int(row) - 1)
        assert peak == pytest.approx(window.max() / surface.std(), abs=1e-3)
