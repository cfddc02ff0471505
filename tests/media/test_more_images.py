"""HEIF, JPEG XL, camera raw files and moving AVIF; what is cut short; what is reduced, and what is not there."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pillow_heif
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from zhenwei.errors import MediaError
from zhenwei.media import Limits, frame_times, jpegxl, open_media, raws, read_image, sample_frames
from zhenwei.types import Media, Text

from .heif_grid import grid
from .making import Pixels, animated, code_image, encoded, read_code, scene

SIZE = (200, 160)
RGB = Image.fromarray(scene(*SIZE))


def opened(path: Path, data: bytes) -> tuple[Media, Pixels]:
    path.write_bytes(data)
    media = open_media(path)
    frame = read_image(media)
    assert (media.height, media.width) == frame.pixels.shape[:2]
    assert all(isinstance(note, Text) and note.zh for note in media.notes)
    return media, frame.pixels


def off(pixels: Pixels, wanted: Pixels) -> float:
    return float(np.abs(pixels.astype(int) - wanted).mean())


def heif(image: Image.Image = RGB, **options: object) -> bytes:
    buffer = io.BytesIO()
    pillow_heif.from_pillow(image).save(buffer, quality=95, chroma=444, **options)
    return buffer.getvalue()


# HEIF.


def test_heif_is_read_with_what_it_says_of_its_camera(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Acme", "Phone 1"
    media, pixels = opened(tmp_path / "a.heic", heif(exif=exif.tobytes(), xmp=b"<x:xmpmeta/>"))
    assert (media.kind, media.container, media.notes) == ("image", "heif", ())
    assert off(pixels, scene(*SIZE)) < 2
    facts = dict(media.facts)
    assert (facts["Make"], facts["Model"], facts["XMP"]) == ("Acme", "Phone 1", "present")


@pytest.mark.parametrize(("orientation", "turn", "degrees"), [(3, 180, 180), (6, 90, 90), (8, 270, 270)])
def test_heif_is_turned_once(tmp_path: Path, orientation: int, turn: int, degrees: int) -> None:
    """By its boxes (irot, imir), which is what counts; the orientation in EXIF says the same a second time."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    media, pixels = opened(tmp_path / "a", heif(RGB.rotate(turn, expand=True), exif=exif.tobytes()))
    assert off(pixels, scene(*SIZE)) < 2
    assert media.rotation_deg == degrees
    assert dict(media.facts)["Orientation"] == str(orientation)


def test_heif_of_several_pictures_of_many_bits_or_without_its_end(tmp_path: Path) -> None:
    several = pillow_heif.from_pillow(RGB)
    several.add_from_pillow(RGB.rotate(5))
    buffer = io.BytesIO()
    several.save(buffer, quality=95)
    media, _ = opened(tmp_path / "a", buffer.getvalue())
    assert [str(note) for note in media.notes] == ["of several pictures in the file only the main one is examined"]
    deep = np.linspace(0, 65535, SIZE[0] * SIZE[1] * 3).reshape(SIZE[1], SIZE[0], 3).astype(np.uint16)
    buffer = io.BytesIO()
    pillow_heif.from_bytes("RGB;16", SIZE, deep.tobytes()).save(
        buffer, quality=95, chroma=444, transfer_characteristics=16, color_primaries=9, save_nclx_profile=True
    )
    media, pixels = opened(tmp_path / "b", buffer.getvalue())
    assert off(pixels, np.rint(deep / 257).astype(np.uint8)) < 3
    assert any("10 bits were reduced to 8" in note for note in media.notes)
    assert any("high dynamic range (PQ)" in note for note in media.notes)
    with pytest.raises(MediaError, match="too many pixels"):
        open_media(tmp_path / "b", Limits(max_pixels=100))
    (tmp_path / "c").write_bytes(buffer.getvalue()[:-200])
    with pytest.raises(MediaError, match="heif"):
        read_image(open_media(tmp_path / "c"))


# JPEG XL.


@pytest.mark.parametrize("kind", ["bare", "boxes", "grey", "alpha", "12 bits", "16 bits", "float"])
def test_jpeg_xl(tmp_path: Path, kind: str) -> None:
    image = scene(*SIZE)
    options: dict[str, Any] = {"lossless": True}
    values: NDArray[np.generic] = image
    if kind == "grey":
        values = image[..., 0]
    elif kind == "alpha":
        values = np.dstack([image, np.full(image.shape[:2], 255, np.uint8)])
    elif kind.endswith("bits"):
        bits = int(kind.split()[0])
        values = np.rint(image * (((1 << bits) - 1) / 255)).astype(np.uint16)
        options["bitspersample"] = bits
    elif kind == "float":
        values = (image / 255).astype(np.float32)
    elif kind == "boxes":
        options["usecontainer"] = True
    media, pixels = opened(tmp_path / "a.jxl", bytes(imagecodecs.jpegxl_encode(values, **options)))
    assert (media.kind, media.container) == ("image", "jpegxl")
    assert off(pixels, image if kind != "grey" else np.repeat(image[..., :1], 3, axis=2)) < 0.5
    told = " ".join(media.notes)
    assert ("reduced to 8" in told) == (kind in ("12 bits", "16 bits", "float"))
    assert "transparent" not in told
    with pytest.raises(MediaError, match="too many pixels; got 200 x 160"):
        open_media(tmp_path / "a.jxl", Limits(max_pixels=100))
    (tmp_path / "b.jxl").write_bytes((tmp_path / "a.jxl").read_bytes()[:-50])
    with pytest.raises(MediaError, match="jpegxl"):
        open_media(tmp_path / "b.jxl")


@given(width=st.integers(1, 1 << 20), height=st.integers(1, 1 << 20), small=st.booleans())
def test_the_size_of_a_jpeg_xl_picture_is_read_as_it_is_written(width: int, height: int, small: bool) -> None:
    if small:
        width, height = 8 * (1 + width % 32), 8 * (1 + height % 32)
        bits = [(1, 1), (height // 8 - 1, 5), (0, 3), (width // 8 - 1, 5)]
    else:
        bits = [(0, 1), (3, 2), (height - 1, 30), (0, 3), (3, 2), (width - 1, 30)]
    value, at = 0, 0
    for number, count in [*bits, (1, 1)]:
        value |= number << at
        at += count
    found = jpegxl.header(b"\xff\x0a" + value.to_bytes(16, "little"))
    assert (found.width, found.height, found.bits, found.animated) == (width, height, 8, False)


def test_without_the_extra_a_jpeg_xl_picture_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.jxl").write_bytes(imagecodecs.jpegxl_encode(scene(), lossless=True))
    monkeypatch.setitem(__import__("sys").modules, "imagecodecs", None)
    with pytest.raises(MediaError, match=r"pip install .*\[jxl\]"):
        open_media(tmp_path / "a.jxl")


@given(st.binary(max_size=200), st.booleans())
def test_hostile_headers_of_jpeg_xl_are_refused_or_read(junk: bytes, boxes: bool) -> None:
    head = b"\0\0\0\x0cJXL \r\n\x87\n" if boxes else b"\xff\x0a"
    try:
        found, _, _ = jpegxl.read(io.BytesIO(head + junk), "it")
    except (EOFError, SyntaxError):
        return
    assert found.width >= 1
    assert found.height >= 1


# Camera raw files.


def raw_file(head: bytes, *images: bytes) -> bytes:
    """Sensor data (noise) with finished pictures in between."""
    noise = np.random.default_rng(1).integers(0, 256, 20_000, np.uint8).tobytes()
    return head + noise + b"".join(image + noise for image in images)


def tiff_head(orientation: int = 1, mark: bytes = b"II*\0") -> bytes:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0112], exif[0x00FE] = "Acme", "Camera 1", orientation, 1
    exif.endian = "<"
    return mark + exif.tobytes()[6:][4:]


SMALL, LARGE = (encoded(RGB.resize(size), "JPEG", quality=95) for size in ((64, 48), SIZE))


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("orf", tiff_head(mark=b"IIRO")),
        ("rw2", tiff_head(mark=b"IIU\0")),
        ("cr3", b"\0\0\0\x18ftypcrx \0\0\0\0" + bytes(8) + b"CMT1" + tiff_head()),
        ("raf", b"FUJIFILMCCD-RAW " + bytes(80)),
        ("cr2", tiff_head()[:8] + b"CR\2\0" + bytes(20)),
    ],
)
def test_the_finished_picture_in_a_camera_raw_file_is_examined(tmp_path: Path, name: str, head: bytes) -> None:
    media, pixels = opened(tmp_path / "a", raw_file(head, SMALL, LARGE, SMALL))
    assert media.container == name
    assert off(pixels, scene(*SIZE)) < 3
    assert "(200 x 160 px) is examined, not what the sensor recorded" in media.notes[0]
    assert dict(media.facts).get("Make") == ("Acme" if name in ("orf", "rw2", "cr3") else None)


def test_raw_files_that_call_themselves_tiff_are_turned_as_they_say(tmp_path: Path) -> None:
    turned = encoded(RGB.transpose(Image.Transpose.ROTATE_90), "JPEG", quality=95)
    page = encoded(RGB.resize((40, 32)), "TIFF", tiffinfo={254: 1, 271: "Acme", 274: 6})
    media, pixels = opened(tmp_path / "a.nef", page + turned)
    assert (media.container, media.rotation_deg) == ("tiff", 90)
    assert off(pixels, scene(*SIZE)) < 3
    assert dict(media.facts)["Make"] == "Acme"


def test_a_tiff_that_begins_with_a_reduced_copy_is_no_camera_raw_file(tmp_path: Path) -> None:
    pages = [RGB.resize((40, 32)), RGB]
    data = encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:], tiffinfo={254: 1})
    media, pixels = opened(tmp_path / "a", data)
    assert np.array_equal(pixels, scene(*SIZE))
    assert media.notes == ("only page 2, the largest, is examined: the first is a reduced copy",)


def test_sensor_data_is_not_taken_for_a_picture(tmp_path: Path) -> None:
    lossless = LARGE.replace(b"\xff\xc0", b"\xff\xc3", 1)
    for images in ((), (SMALL,), (lossless,), (LARGE,) * 9):
        (tmp_path / "a").write_bytes(raw_file(tiff_head(mark=b"IIRO"), *images))
        with pytest.raises(MediaError, match="no finished picture"):
            open_media(tmp_path / "a")


@given(st.binary(max_size=300), st.integers(0, 200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
def test_broken_raw_files_are_refused_or_read(tmp_path: Path, junk: bytes, at: int) -> None:
    data = bytearray(raw_file(tiff_head(mark=b"IIRO"), LARGE))
    data[at : at + len(junk)] = junk
    (tmp_path / "a").write_bytes(b"IIRO" + data[4:])
    with (tmp_path / "a").open("rb") as file:
        found = raws.largest_preview(file)
    assert found is None or (found.width, found.height) == SIZE
    try:
        assert read_image(open_media(tmp_path / "a")).pixels.shape[2] == 3
    except MediaError as error:
        assert error.fix  # noqa: PT017 - either way is right


# Moving pictures.


@pytest.mark.parametrize("shown_ms", [(80,) * 8, (5, 5, 5), (40, 200, 40, 120)])
def test_all_pictures_of_a_moving_avif_at_their_times(tmp_path: Path, shown_ms: Sequence[int]) -> None:
    images = [Image.fromarray(code_image(number)) for number in range(len(shown_ms))]
    data = encoded(images[0], "AVIF", save_all=True, append_images=images[1:], duration=list(shown_ms), quality=90)
    (tmp_path / "a").write_bytes(data)
    media = open_media(tmp_path / "a")
    assert (media.kind, media.frame_count, media.notes) == ("video", len(shown_ms), ())
    assert media.duration_s == pytest.approx(sum(shown_ms) / 1000)
    assert media.fps == pytest.approx(1000 * len(shown_ms) / sum(shown_ms))
    frames = list(sample_frames(media))
    assert [read_code(frame.pixels) for frame in frames] == list(range(len(shown_ms)))
    starts = [sum(shown_ms[:number]) / 1000 for number in range(len(shown_ms))]
    assert [frame.time_s for frame in frames] == pytest.approx(starts)
    assert list(frame_times(media)) == pytest.approx(starts)


@pytest.mark.parametrize("form", ["GIF", "PNG"])
def test_an_animation_that_is_cut_short_says_so(tmp_path: Path, form: str) -> None:
    data = animated(form, [100] * 6)
    (tmp_path / "a").write_bytes(data)
    assert not any("cut short" in note for note in open_media(tmp_path / "a").notes)
    (tmp_path / "a").write_bytes(data[: len(data) * 3 // 4])
    assert any("cut short" in note for note in open_media(tmp_path / "a").notes)


# Cut short.


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_what_is_there_of_a_picture_is_examined(tmp_path: Path, form: str, share: float) -> None:
    noisy = np.random.default_rng(3).integers(1, 255, (160, 200, 3), np.uint8)
    options = {"JPEG": {"quality": 95, "subsampling": 0}, "GIF": {"interlace": 0}}.get(form, {})
    image = Image.fromarray(noisy) if form != "GIF" else Image.fromarray(noisy[..., 0])
    data = encoded(image, form, **options)
    whole = opened(tmp_path / "a", data)[1]
    media, pixels = opened(tmp_path / "a", data[: int(share * len(data))])
    rows = pixels.shape[0]
    assert abs(rows / 160 - share) < 0.15
    assert np.array_equal(pixels, whole[:rows])  # and nothing of what a decoder fills in
    assert f"only the first {rows} of 160 rows" in media.notes[-1]
    (tmp_path / "a").write_bytes(data[: len(data) // 50])
    with pytest.raises(MediaError):
        open_media(tmp_path / "a")


def test_rows_that_do_not_come_in_order_are_refused(tmp_path: Path) -> None:
    data = encoded(RGB.convert("L"), "GIF", interlace=1)
    (tmp_path / "a").write_bytes(data[: len(data) * 3 // 4])
    with pytest.raises(MediaError, match="cut short"):
        open_media(tmp_path / "a")


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_does_not_hide_what_is_there(tmp_path: Path, mode: str) -> None:
    """Transparent are parts of the picture, not the rows that the decoder left empty."""
    noisy = np.random.default_rng(3).integers(1, 255, (160, 200, 4), np.uint8)
    noisy[..., 3] = 255
    image = Image.fromarray(noisy).convert("RGB" if mode == "P" else mode).convert(mode)
    options = {"transparency": image.getpixel((3, 3))} if mode == "P" else {}
    data = encoded(image, "PNG", **options)
    media, pixels = opened(tmp_path / "a", data[: int(0.6 * len(data))])
    assert abs(pixels.shape[0] / 160 - 0.6) < 0.15
    assert np.array_equal(pixels, opened(tmp_path / "b", data)[1][: pixels.shape[0]])
    assert [("transparent" in note) for note in media.notes] == ([True, False] if mode == "P" else [False])


@pytest.mark.parametrize("share", [0.4, 0.8])
def test_rows_of_four_colours_are_counted(tmp_path: Path, share: float) -> None:
    noisy = np.random.default_rng(3).integers(1, 255, (160, 200, 4), np.uint8)
    data = encoded(Image.fromarray(noisy, "CMYK"), "JPEG", quality=95)
    whole = opened(tmp_path / "a", data)[1]
    media, pixels = opened(tmp_path / "b", data[: int(share * len(data))])
    rows = pixels.shape[0]
    assert abs(rows / 160 - share) < 0.15
    assert np.array_equal(pixels, whole[:rows])
    assert f"only the first {rows} of 160 rows" in media.notes[-1]


@pytest.mark.parametrize("interlace", [0, 1])
def test_what_stands_behind_a_gif_does_not_matter(tmp_path: Path, interlace: int) -> None:
    data = encoded(RGB.convert("L"), "GIF", interlace=interlace)
    whole = opened(tmp_path / "a", data)[1]
    for tail, notes in ((b";" + b"appended twelve", 0), (b";" + bytes(5000), 0), (b"\0\0;", 0), (b"", 1)):
        media, pixels = opened(tmp_path / "a", data[:-1] + tail)
        assert np.array_equal(pixels, whole)
        assert len(media.notes) == notes
    assert "every row is there" in media.notes[0]
    moving = animated("GIF", [40, 80, 120])
    (tmp_path / "b").write_bytes(moving + b"appended")
    assert open_media(tmp_path / "b").notes == ()


def test_rows_are_counted_before_the_picture_is_turned(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(RGB, "JPEG", quality=95, exif=exif)
    media, pixels = opened(tmp_path / "a", data[: len(data) * 2 // 3])
    assert pixels.shape[0] == 200
    assert 16 <= pixels.shape[1] < 160
    assert "of 160 rows" in media.notes[-1]


def test_only_the_end_mark_is_missing(tmp_path: Path) -> None:
    data = encoded(RGB, "JPEG", quality=95)
    media, pixels = opened(tmp_path / "a", data[:-2])
    assert np.array_equal(pixels, opened(tmp_path / "b", data)[1])
    assert "every row is there" in media.notes[-1]
    for tail in (b"", b"\0" * 100, b"appended " * 20_000, data):
        assert opened(tmp_path / "b", data + tail)[0].notes == ()


@pytest.mark.parametrize("share", [0.4, 0.8])
def test_a_progressive_picture_may_lack_its_detail(tmp_path: Path, share: float) -> None:
    data = encoded(RGB, "JPEG", quality=95, progressive=True)
    media, _ = opened(tmp_path / "a", data[: int(share * len(data))])
    assert "cut short" in media.notes[-1]


# Reduced, high dynamic range, transparent, placed.


def png(pixels: NDArray[np.uint16], *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of 16-bit colour, written by hand."""
    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)),
        *chunks,
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ]
    body = b"".join(struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in parts)
    return b"\x89PNG\r\n\x1a\n" + body


DEEP = np.random.default_rng(0).integers(0, 65536, (20, 30, 3)).astype(np.uint16)


@pytest.mark.parametrize("form", ["PNG", "PPM", "TIFF"])
def test_colour_of_sixteen_bits_is_told_to_be_reduced(tmp_path: Path, form: str) -> None:
    data = {
        "PNG": png(DEEP),
        "PPM": b"P6\n# 30 20\n30 20\n65535\n" + DEEP.astype(">u2").tobytes(),
        "TIFF": tiff(DEEP),
    }[form]
    media, pixels = opened(tmp_path / "a", data)
    assert np.abs(pixels.astype(int) - DEEP / 257).max() <= 1
    assert [str(note) for note in media.notes] == ["samples of 16 bits were reduced to 8"]
    assert opened(tmp_path / "b", encoded(RGB, form))[0].notes == ()


def tiff(pixels: NDArray[np.uint16]) -> bytes:
    """An uncompressed TIFF of 16-bit colour, written by hand."""
    height, width = pixels.shape[:2]
    body = pixels.astype("<u2").tobytes()
    tags = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 3, 122), (259, 3, 1, 1), (262, 3, 1, 2), (273, 4, 1, 128),
            (277, 3, 1, 3), (278, 4, 1, height), (279, 4, 1, len(body))]  # fmt: skip
    head = b"II*\0" + struct.pack("<IH", 8, len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags) + bytes(4)
    return head.ljust(122, b"\0") + struct.pack("<HHH", 16, 16, 16) + body


@pytest.mark.parametrize(("transfer", "curve"), [(16, "PQ"), (18, "HLG"), (13, ""), (1, "")])
def test_stills_of_high_dynamic_range_are_told(tmp_path: Path, transfer: int, curve: str) -> None:
    media, _ = opened(tmp_path / "a", png(DEEP, (b"cICP", bytes((9, transfer, 0, 1)))))
    of_png = [note for note in media.notes if "dynamic range" in note]
    avif = bytearray(encoded(RGB, "AVIF"))
    at = avif.find(b"colrnclx")
    avif[at + 8 : at + 12] = struct.pack(">HH", 9, transfer)
    of_avif = [note for note in opened(tmp_path / "b", bytes(avif))[0].notes if "dynamic range" in note]
    for found in (of_png, of_avif):
        assert [f"({curve})" in note for note in found] == ([True] if curve else [])


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_turned_tiff_says_so_transparent_or_not(tmp_path: Path, mode: str) -> None:
    media, pixels = opened(tmp_path / "a", encoded(RGB.convert(mode), "TIFF", tiffinfo={0x0112: 6}))
    assert media.rotation_deg == 90
    assert dict(media.facts)["Orientation"] == "6"
    assert np.array_equal(pixels, np.rot90(scene(*SIZE), -1))


def test_further_pictures_of_a_jpeg_are_told(tmp_path: Path) -> None:
    data = encoded(RGB, "MPO", save_all=True, append_images=[RGB.rotate(90)])
    assert opened(tmp_path / "a", data)[0].notes == ("of several pictures in the file only the main one is examined",)
    assert opened(tmp_path / "b", encoded(RGB, "MPO"))[0].notes == ()


def test_transparent_parts_are_told_only_where_there_are_any(tmp_path: Path) -> None:
    opaque, clear = RGB.copy(), RGB.copy()
    opaque.putalpha(255)
    clear.putalpha(255)
    clear.putpixel((3, 3), (0, 0, 0, 254))
    palette = RGB.quantize(16)
    unused = palette.convert("RGB").quantize(17).copy()
    for form in ("PNG", "WEBP", "TIFF"):
        options = {"lossless": True} if form == "WEBP" else {}
        assert opened(tmp_path / "a", encoded(opaque, form, **options))[0].notes == ()
        assert "transparent" in opened(tmp_path / "a", encoded(clear, form, **options))[0].notes[0]
    assert opened(tmp_path / "b", encoded(unused, "PNG", transparency=200))[0].notes == ()
    used = palette.getpixel((0, 0))
    assert "transparent" in opened(tmp_path / "b", encoded(palette, "PNG", transparency=used))[0].notes[0]


@pytest.mark.parametrize(
    ("gps", "there"),
    [
        ({0: b"\2\3\0\0"}, False),  # the version alone, as many cameras write it
        ({29: "2020:01:01", 7: (12.0, 0.0, 0.0)}, False),
        ({1: "N", 2: (52.0, 30.0, 59.4375)}, False),
        ({1: "N", 2: (0.0, 0.0, 0.0), 3: "E", 4: (0.0, 0.0, 0.0)}, False),
        ({1: "N", 2: (52.0, 30.0, 59.4375), 3: "E", 4: (13.0, 24.0, 0.0)}, True),
        ({1: "N", 2: (0.0, 0.0, 0.0), 3: "E", 4: (13.0, 24.0, 0.0)}, True),
    ],
)
def test_a_place_is_present_only_with_a_position(tmp_path: Path, gps: dict[int, object], there: bool) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8825).update(gps)
    media, _ = opened(tmp_path / "a", encoded(RGB, "JPEG", exif=exif))
    assert ("GPS" in dict(media.facts)) == there


def test_a_place_in_xmp_is_present_but_not_shown(tmp_path: Path) -> None:
    for value, there in (("52,30.99N", True), ("0,0.0N", False)):
        text = PngInfo()
        text.add_itxt("XML:com.adobe.xmp", f'<rdf exif:GPSLatitude="{value}"/>')
        media, _ = opened(tmp_path / "a", encoded(RGB, "PNG", pnginfo=text))
        assert ("GPS" in dict(media.facts)) == there
        assert "30.99" not in str(media.facts)


@pytest.mark.parametrize("quarter_turns", [0, 1, 2, 3])
def test_a_phone_s_tiles_are_put_together_and_turned(tmp_path: Path, quarter_turns: int) -> None:
    whole = Image.fromarray(scene(256, 192))
    tiles = [whole.crop((x, y, x + 128, y + 128)) for y in (0, 128) for x in (0, 128)]
    data = grid(tiles, 2, (250, 180), quarter_turns)
    media, pixels = opened(tmp_path / "a.heic", data)
    shown = np.rot90(np.asarray(whole)[:180, :250], quarter_turns)
    assert pixels.shape == shown.shape
    assert media.notes == ()
    assert off(pixels, shown) < 6  # colours are stored at half size
