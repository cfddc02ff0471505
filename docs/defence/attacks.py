"""What happens to marked pictures and sound on their way: the rows of the attack tables."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import av
import cv2
import numpy as np
import soxr
from PIL import Image

from zhenwei.types import Floats, Pixels

ImageAttack = Callable[[Pixels, Pixels], Pixels]  # the marked picture, and another one for what is replaced by it
AudioAttack = Callable[[Floats, int], Floats]


def _saved(form: str, **options: Any) -> ImageAttack:
    def attack(pixels: Pixels, _: Pixels) -> Pixels:
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, form, **options)
        with Image.open(file) as read:
            return np.asarray(read.convert("RGB"))

    return attack


def _scaled(across: float, down: float | None = None) -> ImageAttack:
    def attack(pixels: Pixels, _: Pixels) -> Pixels:
        height, width = pixels.shape[:2]
        size = round(width * across), round(height * (down or across))
        way = cv2.INTER_AREA if across < 1 else cv2.INTER_CUBIC
        return np.asarray(cv2.resize(pixels, size, interpolation=way), np.uint8)

    return attack


def _cut(left: float, top: float, right: float, bottom: float) -> ImageAttack:
    def attack(pixels: Pixels, _: Pixels) -> Pixels:
        height, width = pixels.shape[:2]
        rows = slice(round(height * top), height - round(height * bottom))
        return np.ascontiguousarray(pixels[rows, round(width * left) : width - round(width * right)])

    return attack


def _turned(degrees: float) -> ImageAttack:
    def attack(pixels: Pixels, _: Pixels) -> Pixels:
        height, width = pixels.shape[:2]
        matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
        return np.asarray(cv2.warpAffine(pixels, matrix, (width, height), borderMode=cv2.BORDER_REFLECT), np.uint8)

    return attack


def _levels(change: Callable[[Floats], Floats]) -> ImageAttack:
    def attack(pixels: Pixels, _: Pixels) -> Pixels:
        return np.clip(np.rint(255 * change(np.asarray(pixels, np.float32) / np.float32(255))), 0, 255).astype(np.uint8)

    return attack


def _noise(deviation: float) -> ImageAttack:
    def attack(pixels: Pixels, _: Pixels) -> Pixels:
        drawn = np.random.default_rng(pixels.shape[0]).normal(0, deviation, pixels.shape)
        return np.clip(np.rint(pixels + drawn), 0, 255).astype(np.uint8)

    return attack


def _replaced(share: float) -> ImageAttack:
    """The middle, ``share`` of each side, taken from the other picture."""

    def attack(pixels: Pixels, other: Pixels) -> Pixels:
        height, width = pixels.shape[:2]
        fitted = cv2.resize(other, (width, height), interpolation=cv2.INTER_AREA)
        y, x = round(height * (1 - share) / 2), round(width * (1 - share) / 2)
        out = pixels.copy()
        out[y : height - y, x : width - x] = fitted[y : height - y, x : width - x]
        return out

    return attack


def _then(*attacks: ImageAttack) -> ImageAttack:
    def attack(pixels: Pixels, other: Pixels) -> Pixels:
        for one in attacks:
            pixels = one(pixels, other)
        return pixels

    return attack


def _filmed(crf: int) -> ImageAttack:
    """As one frame of H.264."""

    def attack(pixels: Pixels, _: Pixels) -> Pixels:
        height, width = (side - side % 2 for side in pixels.shape[:2])
        encoder = av.CodecContext.create("libx264", "w")
        encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
        encoder.time_base, encoder.thread_count = Fraction(1, 25), 1
        encoder.options = {"preset": "veryfast", "tune": "zerolatency", "crf": str(crf)}
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels[:height, :width]), "rgb24")
        packets = [*encoder.encode(frame), *encoder.encode(None)]
        decoder = av.CodecContext.create("h264", "r")
        decoder.thread_count = 1
        (read,) = [*(f for p in packets for f in decoder.decode(p)), *decoder.decode(None)]
        return np.asarray(read.to_ndarray(format="rgb24"), np.uint8)

    return attack


def _blurred(pixels: Pixels, _: Pixels) -> Pixels:
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), 1.0), np.uint8)


def _median(pixels: Pixels, _: Pixels) -> Pixels:
    return np.asarray(cv2.medianBlur(pixels, 3), np.uint8)


def _mirrored(pixels: Pixels, _: Pixels) -> Pixels:
    return np.ascontiguousarray(pixels[:, ::-1])


IMAGES: Mapping[str, ImageAttack] = {
    "none": lambda pixels, _: pixels,
    **{f"JPEG {quality}": _saved("JPEG", quality=quality) for quality in (90, 75, 50, 30)},
    "WebP 75": _saved("WEBP", quality=75),
    "H.264 crf 23": _filmed(23),
    "H.264 crf 28": _filmed(28),
    "half the size": _scaled(0.5),
    "three quarters of the size": _scaled(0.75),
    "twice the size": _scaled(2.0),
    "half the size, JPEG 75": _then(_scaled(0.5), _saved("JPEG", quality=75)),
    "squeezed to 80 % of the width": _scaled(0.8, 1.0),
    "mirrored": _mirrored,
    "cut by 1 %": _cut(0.01, 0.0, 0.0, 0.01),
    "cut by 5 %, at two sides": _cut(0.05, 0.05, 0.0, 0.0),
    "cut by 5 %, all round": _cut(0.025, 0.025, 0.025, 0.025),
    "cut by 10 %": _cut(0.06, 0.04, 0.04, 0.06),
    "cut by 5 %, JPEG 75": _then(_cut(0.03, 0.05, 0.02, 0.0), _saved("JPEG", quality=75)),
    "turned by 1 degree": _turned(1.0),
    "turned by 3 degrees": _turned(-3.0),
    "turned by 5 degrees": _turned(5.0),
    "blurred by 1 px": _blurred,
    "noise of 5 levels": _noise(5.0),
    "median of 3 x 3": _median,
    "gain 1.2": _levels(lambda x: x * np.float32(1.2)),
    "gain 0.8": _levels(lambda x: x * np.float32(0.8)),
    "gamma 1.2": _levels(lambda x: x ** np.float32(1.2)),
    "gamma 0.8": _levels(lambda x: x ** np.float32(0.8)),
    "as a screenshot": _then(_scaled(1.3), _levels(lambda x: x ** np.float32(1.1)), _saved("JPEG", quality=85)),
    "middle replaced, half of each side": _replaced(0.5),
    "middle replaced, JPEG 90": _then(_replaced(0.5), _saved("JPEG", quality=90)),
    "middle replaced, half of the area": _replaced(0.7071),
}


def _coded(container: str, codec: str, bits_a_second: int) -> AudioAttack:
    def attack(samples: Floats, rate_hz: int) -> Floats:
        file = io.BytesIO()
        with av.open(file, "w", format=container) as out:
            stream: Any = out.add_stream(codec, rate=rate_hz, layout="mono")
            stream.bit_rate = bits_a_second
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples, np.float32), "fltp", "mono")
            frame.sample_rate = rate_hz
            resampler = av.AudioResampler(stream.format.name, "mono", rate_hz)
            for part in [*resampler.resample(frame), *resampler.resample(None)]:
                out.mux(stream.encode(part))
            out.mux(stream.encode(None))
        file.seek(0)
        with av.open(file, "r") as read:
            back = av.AudioResampler("fltp", "mono", rate_hz)
            parts = [p.to_ndarray() for frame in read.decode(audio=0) for p in back.resample(frame)]
        return np.concatenate(parts, axis=1).astype(np.float32)

    return attack


def _rated(rate_hz: int) -> AudioAttack:
    def attack(samples: Floats, own_hz: int) -> Floats:
        there = soxr.resample(np.ascontiguousarray(samples.T), own_hz, rate_hz)
        return np.asarray(soxr.resample(there, rate_hz, own_hz).T, np.float32)

    return attack


def _hiss(ratio_db: float) -> AudioAttack:
    def attack(samples: Floats, _: int) -> Floats:
        drawn = np.random.default_rng(samples.shape[1]).standard_normal(samples.shape)
        return np.asarray(samples + drawn * samples.std() * 10 ** (-ratio_db / 20), np.float32)

    return attack


WAVEFORMS: Mapping[str, AudioAttack] = {
    "none": lambda samples, _: samples,
    "MP3, 128 kbit/s": _coded("mp3", "libmp3lame", 128_000),
    "MP3, 64 kbit/s": _coded("mp3", "libmp3lame", 64_000),
    "MP3, 32 kbit/s": _coded("mp3", "libmp3lame", 32_000),
    "AAC, 96 kbit/s": _coded("mp4", "aac", 96_000),
    "AAC, 48 kbit/s": _coded("mp4", "aac", 48_000),
    "to 8 kHz and back": _rated(8_000),
    "to 22.05 kHz and back": _rated(22_050),
    "noise 30 dB below": _hiss(30),
    "noise 20 dB below": _hiss(20),
    "half as loud": lambda samples, _: np.asarray(samples * 0.5, np.float32),
    "first 0.7 s cut off": lambda samples, rate_hz: np.ascontiguousarray(samples[:, round(0.7 * rate_hz) :]),
    "only the last half": lambda samples, _: np.ascontiguousarray(samples[:, samples.shape[1] // 2 :]),
}
