"""``provenance.watermark``: the lab's mark speaks, less than a signed statement; its absence says nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.speaking import RATE_HZ, voice

from zhenwei.defence import keys
from zhenwei.defence.watermark import mark_audio, mark_image
from zhenwei.detectors.provenance._content import GENERATED_LLR, MARK_LLR
from zhenwei.detectors.provenance.watermark import Watermark
from zhenwei.testing import audio_subject, image_subject
from zhenwei.types import Audio, Pixels

IDENT = bytes(range(8))


@pytest.fixture(scope="module")
def portrait() -> Pixels:
    with Image.open(Path(__file__).parents[2] / "data" / "astronaut.jpg") as image:
        return np.asarray(image.convert("RGB"))


def test_the_labs_mark_speaks_even_after_a_cut(portrait: Pixels) -> None:
    marked = mark_image(portrait, IDENT, keys.PUBLIC_KEY)
    for pixels in (marked, np.ascontiguousarray(marked[14:, 20:])):
        found = Watermark().examine(image_subject(pixels))
        assert found.llr == MARK_LLR < GENERATED_LLR
        assert IDENT.hex() in found.finding
        assert [(each.channel, each.says_ai) for each in found.declares] == [("watermark", False)]
        assert "anybody" in found.reason


def test_a_clean_picture_and_the_mark_of_another_key_say_nothing(portrait: Pixels) -> None:
    for pixels in (portrait, mark_image(portrait, IDENT, b"o" * 32)):
        assert Watermark().examine(image_subject(pixels)).llr is None


def test_a_marked_voice_speaks() -> None:
    audio = voice(6.0)[None]
    for samples, llr in ((audio, None), (mark_audio(audio, RATE_HZ, IDENT[:2], keys.PUBLIC_KEY), MARK_LLR)):
        subject = replace(audio_subject(audio, RATE_HZ), audio=Audio(samples, RATE_HZ))
        assert Watermark().examine(subject).llr == llr


def test_the_mark_of_stable_diffusion_speaks_as_its_own_package_wrote_it() -> None:
    """The picture was marked by invisible-watermark 0.2.0 with the message of Stable Diffusion XL."""
    with Image.open(Path(__file__).parents[2] / "data" / "invisible-watermark-sdxl.png") as image:
        pixels = np.asarray(image.convert("RGB"))
    found = Watermark().examine(image_subject(pixels))
    assert found.llr == MARK_LLR
    assert "Stable Diffusion XL" in found.finding
    assert [(each.by, each.says_ai) for each in found.declares] == [("Stable Diffusion XL", True)]
    halved = np.ascontiguousarray(pixels[::2, ::2])
    assert Watermark().examine(image_subject(halved)).llr is None
