"""Damaged bytes of every format: frames or a MediaError, nothing else, and not a word on the terminal."""

from __future__ import annotations

import random
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from zhenwei.errors import MediaError
from zhenwei.media import frame_times, open_media, read_audio, sample_frames

from .making import animated, encoded, scene, write_audio, write_video

ROUNDS = 40  # a format; thousands were run while this room was built
RGB = Image.fromarray(scene(96, 64))
DEEP = Image.fromarray((np.arange(64 * 64) * 16).astype(np.uint16).reshape(64, 64))
TIMES = [40 * i for i in range(20)]


def _exif() -> Image.Exif:
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Make", 6
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8769)[0x9003] = "2020:01:01 00:00:00"
    return exif


def _video(name: str, **options: Any) -> Callable[[Path], bytes]:
    return lambda folder: write_video(folder / name, TIMES, **options).read_bytes()


def _audio(name: str, codec: str) -> Callable[[Path], bytes]:
    return lambda folder: write_audio(folder / name, codec, 0.5).read_bytes()


SEEDS: dict[str, Callable[[Path], bytes]] = {
    "jpeg": lambda _: encoded(RGB, "JPEG", exif=_exif(), comment=b"hi"),
    "jpeg, progressive": lambda _: encoded(RGB, "JPEG", progressive=True),
    "png": lambda _: encoded(RGB, "PNG", exif=_exif()),
    "png, palette": lambda _: encoded(RGB.convert("P"), "PNG", transparency=3),
    "png, 16 bit": lambda _: encoded(DEEP, "PNG"),
    "webp": lambda _: encoded(RGB, "WEBP", exif=_exif()),
    "tiff": lambda _: encoded(RGB, "TIFF"),
    "tiff, lzw": lambda _: encoded(RGB, "TIFF", compression="tiff_lzw"),
    "tiff, zip": lambda _: encoded(RGB, "TIFF", compression="tiff_adobe_deflate"),
    "tiff, fax": lambda _: encoded(RGB.convert("1"), "TIFF", compression="group4"),
    "bmp": lambda _: encoded(RGB.convert("P"), "BMP"),
    "jpeg 2000": lambda _: encoded(RGB, "JPEG2000"),
    "avif": lambda _: encoded(RGB, "AVIF"),
    "gif": lambda _: animated("GIF", [40, 80, 120]),
    "apng": lambda _: animated("PNG", [40, 80, 120]),
    "webp, animated": lambda _: animated("WEBP", [40, 80, 120]),
    "mp4": _video("a.mp4", options={"bf": "3", "g": "8"}, audio_s=0.5),
    "mkv": _video("a.mkv"),
    "ts": _video("a.ts", audio_s=0.5),
    "webm": _video("a.webm", codec="libvpx-vp9", options={"deadline": "realtime", "cpu-used": "8"}),
    "avi": _video("a.avi", codec="mpeg4", unit=Fraction(1, 25)),
    "raw h264": _video("a.264"),
    "flv": _video("a.flv", codec="flv1"),
    "wav": _audio("a.wav", "pcm_f32le"),
    "w64": _audio("a.w64", "pcm_s16le"),
    "caf": _audio("a.caf", "pcm_s16le"),
    "aac": _audio("a.aac", "aac"),
    "mp3": _audio("a.mp3", "libmp3lame"),
    "m4a": _audio("a.m4a", "aac"),
    "flac": _audio("a.flac", "flac"),
    "ogg": _audio("a.ogg", "libopus"),
}


def damaged(data: bytes, rng: random.Random) -> bytes:
    out = bytearray(data)
    way, place = rng.randrange(5), rng.randrange(len(out))
    if way == 0:
        return bytes(out[:place])
    if way == 1:
        for _ in range(rng.choice((1, 3, 10, 50))):
            out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    elif way == 2:  # headers are where a byte does most harm
        for _ in range(rng.choice((1, 3, 10))):
            out[rng.randrange(min(len(out), 600))] = rng.choice((0, 255, 127, 128, rng.randrange(256)))
    elif way == 3:
        del out[place : place + rng.randrange(1, 200)]
    else:
        out[place:place] = rng.randbytes(rng.randrange(1, 100))
    return bytes(out)


def exhaust(path: Path) -> int:
    media = open_media(path)
    seen = 0
    if media.kind != "audio":
        seen = len([frame.pixels.sum() for frame in sample_frames(media, 4)])
        assert frame_times(media)
    if media.audio_codec:
        samples = read_audio(media, 8000).samples
        assert np.isfinite(samples).all()
        seen += samples.size
    return seen


@pytest.mark.parametrize("kind", SEEDS)
def test_damage_is_survived_in_silence(tmp_path: Path, kind: str, capfd: pytest.CaptureFixture[str]) -> None:
    whole = SEEDS[kind](tmp_path)
    path = tmp_path / "damaged"
    path.write_bytes(whole)
    assert exhaust(path) > 0
    capfd.readouterr()  # what the encoders said
    rng = random.Random(kind)
    refused = 0
    for _ in range(ROUNDS):
        path.write_bytes(damaged(whole, rng))
        try:
            assert exhaust(path) > 0
        except MediaError:
            refused += 1
    assert refused > 0
    assert capfd.readouterr() == ("", "")
