"""Pictures of every kind become upright 8-bit RGB."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import pytest
from packaging.version import Version
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngInfo

from zhenwei.errors import MediaError
from zhenwei.media import open_media, read_audio, read_image, sample_frames
from zhenwei.media.facts import jpeg_quality

from .making import Pixels, animated, code_image, encoded, read_code, scene

RGB = Image.fromarray(scene())
T = Image.Transpose
# How an upright picture must be stored so that this EXIF orientation shows it upright again (EXIF 2.3, 4.6.4 A).
STORED: dict[int, Callable[[Image.Image], Image.Image]] = {
    1: lambda image: image,
    2: lambda image: image.transpose(T.FLIP_LEFT_RIGHT),
    3: lambda image: image.transpose(T.ROTATE_180),
    4: lambda image: image.transpose(T.FLIP_TOP_BOTTOM),
    5: lambda image: image.transpose(T.TRANSPOSE),
    6: lambda image: image.transpose(T.ROTATE_90),
    7: lambda image: image.transpose(T.TRANSVERSE),
    8: lambda image: image.transpose(T.ROTATE_270),
}


def read(path: Path, data: bytes) -> Pixels:
    path.write_bytes(data)
    media = open_media(path)
    frame = read_image(media)
    assert media.kind == "image"
    assert (media.height, media.width) == frame.pixels.shape[:2]
    assert frame.pixels.dtype == np.uint8
    assert frame.pixels.flags.c_contiguous
    assert not frame.pixels.flags.writeable
    (sampled,) = sample_frames(media, 5)
    assert np.array_equal(sampled.pixels, frame.pixels)
    return frame.pixels


@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF", "JPEG", "AVIF"])
@pytest.mark.parametrize("orientation", STORED)
def test_exif_orientation(tmp_path: Path, form: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    lossless: dict[str, dict[str, Any]] = {
        "WEBP": {"lossless": True},
        "JPEG": {"quality": 100, "subsampling": 0},
        "AVIF": {"quality": 100},
    }
    pixels = read(tmp_path / "a", encoded(STORED[orientation](RGB), form, exif=exif, **lossless.get(form, {})))
    off = np.abs(pixels.astype(int) - scene())
    assert pixels.shape == scene().shape
    assert off.mean() < {"JPEG": 1.5, "AVIF": 5}.get(form, 0.01)


@pytest.mark.parametrize("form", ["PNG", "TIFF", "BMP", "PPM", "JPEG2000"])
def test_lossless_formats_give_the_very_pixels(tmp_path: Path, form: str) -> None:
    assert np.array_equal(read(tmp_path / "a", encoded(RGB, form)), scene())


def test_transparency_lies_over_mid_grey(tmp_path: Path) -> None:
    alpha = np.linspace(0, 255, 64 * 48).reshape(48, 64).astype(np.uint8)
    layer = np.dstack([scene(), alpha])
    share = alpha[..., None] / 255
    expected = scene() * share + 128 * (1 - share)
    for form in ("PNG", "TIFF"):
        assert np.abs(read(tmp_path / "a", encoded(Image.fromarray(layer), form)) - expected).max() <= 1
    grey = np.dstack([scene()[..., 0], alpha])
    expected_grey = scene()[..., :1] * share + 128 * (1 - share)
    assert np.abs(read(tmp_path / "b", encoded(Image.fromarray(grey), "PNG")) - expected_grey).max() <= 1
    assert any("mid-grey" in note for note in open_media(tmp_path / "a").notes)


def test_palettes_with_and_without_transparency(tmp_path: Path) -> None:
    palette = Image.new("P", (8, 6))
    palette.putpalette([value for index in range(256) for value in (index, 255 - index, 7)])
    palette.putdata(list(range(48)))
    colours = np.array([(index, 255 - index, 7) for index in range(48)], np.uint8).reshape(6, 8, 3)
    assert np.array_equal(read(tmp_path / "a", encoded(palette, "PNG")), colours)
    seen = read(tmp_path / "b", encoded(palette, "PNG", transparency=5))
    colours[0, 5] = 128
    assert np.array_equal(seen, colours)


def test_grey_and_bilevel(tmp_path: Path) -> None:
    grey = scene()[..., 0]
    expected = np.repeat(grey[..., None], 3, axis=2)
    assert np.array_equal(read(tmp_path / "a", encoded(Image.fromarray(grey), "PNG")), expected)
    two = Image.fromarray(grey).point(lambda value: 255 * (value > 127), "1")
    assert np.array_equal(read(tmp_path / "b", encoded(two, "TIFF", compression="group4")), 255 * (expected > 127))


def test_cmyk_and_ycbcr(tmp_path: Path) -> None:
    cmyk = RGB.convert("CMYK")
    assert np.array_equal(read(tmp_path / "a", encoded(cmyk, "TIFF")), scene())
    off = read(tmp_path / "b", encoded(cmyk, "JPEG", quality=100, subsampling=0)).astype(int) - scene()
    assert np.abs(off).mean() < 2
    uncompressed = encoded(RGB.convert("YCbCr"), "TIFF")
    if Version(PIL.__version__) < Version("13"):  # it takes three bytes a pixel for four, and the file for cut short
        with pytest.raises(MediaError, match="damaged or unsupported"):
            read(tmp_path / "c", uncompressed)
    else:
        assert np.abs(read(tmp_path / "c", uncompressed).astype(int) - scene()).max() <= 4


@pytest.mark.parametrize("form", ["PNG", "TIFF", "PPM"])
def test_sixteen_bit_grey_keeps_its_scale(tmp_path: Path, form: str) -> None:
    """A ramp over a quarter of the range must not be stretched or clipped."""
    deep = np.linspace(0, 16383, 64 * 48).reshape(48, 64).astype(np.uint16)
    expected = np.repeat(np.rint(deep / 257)[..., None], 3, axis=2)
    assert np.abs(read(tmp_path / "a", encoded(Image.fromarray(deep), form)) - expected).max() <= 1
    assert any("8 bits" in note or "reduced" in note for note in open_media(tmp_path / "a").notes)


def test_float_pictures(tmp_path: Path) -> None:
    unit = np.linspace(0, 1, 64 * 48, dtype=np.float32).reshape(48, 64)
    half = encoded(Image.fromarray(unit / 2), "TIFF")
    assert np.abs(read(tmp_path / "a", half)[..., 0] - unit / 2 * 255).max() <= 1
    wide = encoded(Image.fromarray(unit * 5000 - 100), "TIFF")
    assert np.abs(read(tmp_path / "b", wide)[..., 0] - unit * 255).max() <= 1
    unit[3, 4] = np.nan
    (tmp_path / "c").write_bytes(encoded(Image.fromarray(unit), "TIFF"))
    with pytest.raises(MediaError, match="NaN"):
        read_image(open_media(tmp_path / "c"))


def test_several_pages_are_read_as_the_first(tmp_path: Path) -> None:
    pages = [Image.fromarray(code_image(number)) for number in (5, 9)]
    data = encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    assert read_code(read(tmp_path / "a", data)) == 5
    assert any("first page" in note for note in open_media(tmp_path / "a").notes)


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG"])
def test_animations_are_short_clips(tmp_path: Path, form: str) -> None:
    shown_ms = [40, 80, 120, 200, 40, 60, 300, 50]
    path = tmp_path / "a"
    path.write_bytes(animated(form, shown_ms))
    media = open_media(path)
    assert (media.kind, media.frame_count) == ("video", 8)
    assert media.duration_s == pytest.approx(sum(shown_ms) / 1000)
    frames = list(sample_frames(media, 32))
    assert [read_code(frame.pixels) for frame in frames] == list(range(8))
    starts = np.cumsum([0, *shown_ms[:-1]]) / 1000
    assert [frame.time_s for frame in frames] == pytest.approx(list(starts))
    assert [read_code(frame.pixels) for frame in sample_frames(media, 2)] == [
        int(np.abs(starts - starts[-1] * share).argmin()) for share in (0.25, 0.75)
    ]
    with pytest.raises(MediaError, match="no sound"):
        read_audio(media)
    with pytest.raises(MediaError, match="not a picture"):
        read_image(media)


def test_animation_of_one_picture_is_a_picture(tmp_path: Path) -> None:
    assert read_code(read(tmp_path / "a", encoded(Image.fromarray(code_image(9)), "GIF"))) == 9


def test_animation_as_fast_as_possible_takes_a_tenth_of_a_second_each(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(animated("GIF", [0, 0, 0]))
    assert open_media(tmp_path / "a").duration_s == pytest.approx(0.3)


def test_one_pixel_and_panorama_are_media(tmp_path: Path) -> None:
    assert read(tmp_path / "a", encoded(Image.new("RGB", (1, 1), (1, 2, 3)), "PNG")).tolist() == [[[1, 2, 3]]]
    assert read(tmp_path / "b", encoded(Image.new("L", (20_000, 40), 9), "PNG")).shape == (40, 20_000, 3)


@pytest.mark.parametrize("quality", [1, 10, 49, 50, 51, 75, 90, 95, 100])
def test_jpeg_quality_is_recovered(tmp_path: Path, quality: int) -> None:
    (tmp_path / "a").write_bytes(encoded(RGB, "JPEG", quality=quality))
    assert ("JPEG quality", f"{quality} (standard tables)") in open_media(tmp_path / "a").facts


def test_jpeg_quality_of_other_tables_is_an_estimate() -> None:
    with Image.open(io.BytesIO(encoded(RGB, "JPEG", quality=80)), formats=["JPEG"]) as image:
        assert isinstance(image, JpegImageFile)
        table = list(image.quantization[0])
    table[10] += 1
    assert jpeg_quality(table) == (80, False)


def test_exif_facts_name_no_place(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0131] = "Acme\x1b[31m\x07\n", "Camera 1", "x" * 1000
    exif.get_ifd(0x8769)[0x9003] = "2020:01:02 03:04:05"
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 30.0, 59.4375), 3: "E", 4: (13.0, 24.0, 0.0)})
    (tmp_path / "a").write_bytes(encoded(RGB, "JPEG", exif=exif))
    facts = dict(open_media(tmp_path / "a").facts)
    assert facts["Make"] == "Acme[31m"
    assert facts["Model"] == "Camera 1"
    assert len(facts["Software"]) == 200
    assert facts["Date and time taken"] == "2020:01:02 03:04:05"
    assert facts["GPS"] == "present"
    assert "59.4" not in str(facts)


def test_png_text_is_shown(tmp_path: Path) -> None:
    text = PngInfo()
    text.add_text("parameters", "a portrait, steps: 20")
    (tmp_path / "a").write_bytes(encoded(RGB, "PNG", pnginfo=text))
    assert ("Text: parameters", "a portrait, steps: 20") in open_media(tmp_path / "a").facts


@pytest.mark.parametrize(("megabytes", "kept"), [(3, True), (20, False)])
def test_a_long_text_hides_no_picture(tmp_path: Path, megabytes: int, kept: bool) -> None:
    text = PngInfo()
    text.add_itxt("parameters", "x" * (megabytes << 20), zip=True)
    (tmp_path / "a.png").write_bytes(encoded(RGB, "PNG", pnginfo=text))
    if kept:
        assert open_media(tmp_path / "a.png").kind == "image"
    else:
        with pytest.raises(MediaError, match=r"holds more text than is read.*without metadata"):
            open_media(tmp_path / "a.png")
