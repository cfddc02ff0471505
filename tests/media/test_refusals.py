"""What is not media, or too much of it, is refused with a message, at once and without a trace on the terminal."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from zhenwei.errors import MediaError
from zhenwei.media import Limits, open_media, read_image, sample_frames
from zhenwei.words import translated

from .making import animated, encoded, scene, write_audio, write_video

RGB = Image.fromarray(scene())
NOT_MEDIA = {
    "text": (b"just words\n" * 50, "plain text"),
    "utf-16": ("words".encode("utf-16"), "plain text"),
    "html": (b"<!doctype html><p>", "web page"),
    "svg": (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
    "pdf": (b"%PDF-1.7\n", "PDF"),
    "elf": (b"\x7fELF" + bytes(100), "program"),
    "exe": (b"MZ" + bytes(100), "program"),
    "script": (b"#!/bin/sh\n", "program"),
    "zip": (b"PK\x03\x04" + bytes(30), "zip"),
    "zeros": (bytes(4096), "zero bytes"),
    "playlist": (b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:9,\n/etc/passwd\n", "playlist"),
    "concat script": (b"ffconcat version 1.0\nfile /etc/passwd\n", "playlist"),
    "photoshop": (b"8BPS\0\1" + bytes(50), "Photoshop"),
    "xcf": (b"gimp xcf v011\0" + bytes(50), "GIMP"),
    "icon": (b"\0\0\x01\0\x01\0" + bytes(50), "icon"),
    "noise": (bytes([1, 2, 3, 4, 250, 251]) * 100, "01 02 03 04"),
}


@pytest.mark.parametrize("kind", NOT_MEDIA)
@pytest.mark.parametrize("extension", [".mp4", ".jpg", ".wav"])
def test_the_extension_does_not_make_it_media(tmp_path: Path, kind: str, extension: str) -> None:
    data, described = NOT_MEDIA[kind]
    path = tmp_path / f"clip{extension}"
    path.write_bytes(data)
    with pytest.raises(MediaError, match=described) as caught:
        open_media(path)
    error = caught.value
    assert all((error.what, error.got, error.want, error.fix))
    assert f"clip{extension}" in error.what


def test_the_extension_does_not_unmake_it_either(tmp_path: Path) -> None:
    video = write_video(tmp_path / "a.mp4", [0, 40, 80]).rename(tmp_path / "holiday.txt")
    assert (open_media(video).kind, open_media(video).container) == ("video", "mov,mp4,m4a,3gp,3g2,mj2")
    (tmp_path / "b.mp4").write_bytes(encoded(RGB, "JPEG"))
    assert (open_media(tmp_path / "b.mp4").kind, open_media(tmp_path / "b.mp4").container) == ("image", "jpeg")


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "socket"))
        for name, wanted in {
            "missing": "does not exist",
            "": "folder",
            "empty": "0 bytes",
            "pipe": "named pipe",
            "socket": "socket",
            "loop": "cannot be opened",
            "nul\0byte": "cannot be opened",
        }.items():
            with pytest.raises(MediaError, match=wanted):
                open_media(os.path.join(tmp_path, name))  # noqa: PTH118 - a Path refuses some of these names
    for device in ("/dev/zero", "/dev/null", "/dev/urandom"):
        with pytest.raises(MediaError, match="character device"):
            open_media(device)


@pytest.mark.parametrize("form", ["WEBP", "BMP", "JPEG2000"])
def test_what_is_wrong_is_said_in_chinese_too(tmp_path: Path, form: str) -> None:
    """Nothing of a library's own English, of the kind of a file, or of a length stays."""
    data = encoded(Image.fromarray(scene(200, 160)), form)
    (tmp_path / "a").write_bytes(data[: len(data) // 2])
    with pytest.raises(MediaError) as damaged:
        read_image(open_media(tmp_path / "a"))
    assert damaged.value.got == "content that its decoder cannot read"
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(MediaError) as pipe:
        open_media(tmp_path / "pipe")
    with pytest.raises(MediaError) as long:
        open_media(write_video(tmp_path / "a.mp4", [0, 9000]), Limits(max_duration_s=5.0))
    for error in (damaged.value, pipe.value, long.value):
        assert translated(error.got, "zh") != error.got


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may read everything")
def test_no_permission(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(encoded(RGB, "JPEG"))
    (tmp_path / "a.jpg").chmod(0)
    with pytest.raises(MediaError, match="permission denied"):
        open_media(tmp_path / "a.jpg")


def test_no_permission_is_told_from_the_error_number(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(MediaError, match="may not be read; got permission denied"):
        open_media(tmp_path / "a.jpg")


def png_claiming(width: int, height: int) -> bytes:
    """A PNG of some 70 bytes that declares any size."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(20_000, 10_001), (60_000, 60_000), (2**31 - 1, 2**31 - 1)])
def test_decompression_bomb(tmp_path: Path, size: tuple[int, int]) -> None:
    (tmp_path / "a.png").write_bytes(png_claiming(*size))
    with pytest.raises(MediaError, match=r"too many pixels; got \d+( pixels| x \d+);"):
        open_media(tmp_path / "a.png")


def test_the_pixel_limit_itself_is_allowed(tmp_path: Path) -> None:
    """Also between Pillow's own warning and ours: 200 megapixels open without a warning."""
    (tmp_path / "a.png").write_bytes(png_claiming(20_000, 10_000))
    assert open_media(tmp_path / "a.png").width == 20_000
    assert Image.MAX_IMAGE_PIXELS is not None


def test_limits_are_named(tmp_path: Path) -> None:
    video = write_video(tmp_path / "a.mp4", [0, 40, 80, 5000], audio_s=1.0)
    (tmp_path / "b.gif").write_bytes(animated("GIF", [50] * 10))
    (tmp_path / "c.png").write_bytes(encoded(RGB, "PNG"))
    for path, limits, wanted in (
        (video, Limits(max_duration_s=4), "too long"),
        (video, Limits(max_bytes=100), "too large"),
        (video, Limits(max_streams=1), "tracks|damaged"),
        (video, Limits(max_video_pixels=1000), "too large a picture|damaged"),
        (tmp_path / "b.gif", Limits(max_animated_pixels=64 * 48 * 9), "animation"),
        (tmp_path / "b.gif", Limits(max_duration_s=0.4), "too long"),
        (tmp_path / "c.png", Limits(max_pixels=64 * 48 - 1), "too many pixels"),
    ):
        with pytest.raises(MediaError, match=wanted):
            open_media(path, limits)
    assert open_media(tmp_path / "c.png", Limits(max_pixels=64 * 48)).width == 64


def test_hours_between_two_frames(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [0, 40, 5 * 3600 * 1000], options={"bf": "0"})
    with pytest.raises(MediaError, match="too long"):
        open_media(path)


def test_file_replaced_by_another_format(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(encoded(RGB, "JPEG"))
    media = open_media(path)
    write_video(tmp_path / "a.mp4", [0, 40]).rename(path)
    with pytest.raises(MediaError, match="has changed"):
        read_image(media)


def test_animation_that_outgrows_its_canvas(tmp_path: Path) -> None:
    """A GIF of 64 x 48 whose second picture declares 30,000 x 40,000 gives its first and no more."""
    data = bytearray(animated("GIF", [50, 50, 50]))
    second = data.index(b"\x2c", data.index(b"\x2c") + 1)
    data[second + 5 : second + 9] = struct.pack("<HH", 30_000, 40_000)
    (tmp_path / "a.gif").write_bytes(data)
    media = open_media(tmp_path / "a.gif")
    assert len(list(sample_frames(media))) == 1


@pytest.mark.parametrize("form", ["WEBP", "TIFF", "BMP", "AVIF", "JPEG2000", "PPM"])
def test_truncated_pictures_of_which_nothing_can_be_had(tmp_path: Path, form: str) -> None:
    data = encoded(Image.fromarray(scene(200, 160)), form)
    for size in (12, len(data) // 2, len(data) * 9 // 10):
        (tmp_path / "a").write_bytes(data[:size])
        with pytest.raises(MediaError) as caught:
            read_image(open_media(tmp_path / "a"))
        assert caught.value.fix


def test_truncated_clip_without_its_index(tmp_path: Path) -> None:
    data = write_video(tmp_path / "a.mp4", [40 * i for i in range(30)]).read_bytes()
    (tmp_path / "b.mp4").write_bytes(data[: data.index(b"moov") - 4])
    with pytest.raises(MediaError, match="damaged"):
        open_media(tmp_path / "b.mp4")


def test_container_with_neither_picture_nor_sound(tmp_path: Path) -> None:
    source = write_video(tmp_path / "a.mkv", [0, 40, 80])
    data = source.read_bytes()
    # the only track becomes a subtitle track: Matroska TrackType (0x83), one byte, 1 = video, 0x11 = subtitle
    (tmp_path / "b.mkv").write_bytes(
        data.replace(b"\x83\x81\x01", b"\x83\x81\x11").replace(b"V_MPEG4/ISO/AVC", b"S_TEXT/UTF8\0\0\0\0")
    )
    with pytest.raises(MediaError, match=r"neither video nor sound|damaged"):
        open_media(tmp_path / "b.mkv")


def test_camera_raw_files_without_a_finished_picture_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.nef").write_bytes(encoded(RGB, "TIFF", tiffinfo={254: 1}))
    with pytest.raises(MediaError, match="camera raw"):
        open_media(tmp_path / "a.nef")


def test_file_that_vanishes_between_opening_and_reading(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [0, 40])
    media = open_media(path)
    path.unlink()
    with pytest.raises(MediaError, match="does not exist"):
        list(sample_frames(media))


def test_odd_names_are_read_and_shown_clean(tmp_path: Path) -> None:
    for name in ("http:\\x.jpg", "-i.jpg", "%d.jpg", "bad\udcff.jpg", "照片.jpg", "pipe:0"):
        path = tmp_path / name
        path.write_bytes(encoded(RGB, "JPEG"))
        assert open_media(path).kind == "image"
        write_audio(tmp_path / "a.wav", "pcm_s16le").rename(path)
        assert open_media(path).kind == "audio"
    (tmp_path / "x\x1b[2J\u202e.jpg").write_bytes(b"words")
    with pytest.raises(MediaError) as caught:
        open_media(tmp_path / "x\x1b[2J\u202e.jpg")
    assert "\x1b" not in str(caught.value)
    assert "\u202e" not in str(caught.value)


def test_importing_the_room_loads_no_decoder() -> None:
    code = "import sys, zhenwei.media; print([m for m in ('av', 'cv2', 'PIL', 'soxr', 'scipy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_digest_and_size(tmp_path: Path) -> None:
    """Against the system's own tool."""
    path = write_video(tmp_path / "a.mp4", [40 * i for i in range(30)])
    known = subprocess.run(["sha256sum", str(path)], capture_output=True, text=True, check=True).stdout.split()[0]
    media = open_media(path)
    assert (media.sha256, media.size_bytes) == (known, path.stat().st_size)


def test_container_facts(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w", options={"movflags": "use_metadata_tags"}) as output:
        output.metadata.update({"title": "t" * 500, "location": "+52.5+13.4/", "comment": "a\x1b[2Jb\u202ec"})
        stream = output.add_stream("libx264", rate=25)
        stream.width, stream.height = 64, 48
        for _ in range(3):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(np.asarray(RGB), format="rgb24")))
        output.mux(stream.encode())
    facts = dict(open_media(tmp_path / "a.mp4").facts)
    assert facts["Pixel format"] == "yuv420p"
    assert facts["major_brand"] == "isom"
    assert facts["encoder"].startswith("Lavf")
    assert len(facts["title"]) == 200
    assert facts["location"] == "present"
    assert facts["comment"] == "a[2Jbc"
