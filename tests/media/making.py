"""Media made by the tests: pictures of every kind, clips whose frames carry their own number, sounds."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
BITS, BLOCK = 12, 16
CODE_SIZE = (64, 48)  # width, height: 4 x 3 blocks, one bit each


def code_image(number: int, scale: int = 1) -> Pixels:
    """``number`` as black and white blocks that survive lossy coding."""
    bits = np.array([(number >> bit) & 1 for bit in range(BITS)], np.uint8).reshape(3, 4)
    grey = np.kron(bits * 255, np.ones((BLOCK * scale, BLOCK * scale), np.uint8))
    return np.repeat(grey[..., None], 3, axis=2)


def read_code(pixels: Pixels) -> int:
    height, width = pixels.shape[0] // 3, pixels.shape[1] // 4
    blocks = pixels[: 3 * height, : 4 * width].reshape(3, height, 4, width, 3).mean(axis=(1, 3, 4))
    return sum(int(value > 127) << bit for bit, value in enumerate(blocks.ravel()))


def write_video(
    path: Path,
    times: Sequence[int],
    *,
    unit: Fraction = Fraction(1, 1000),
    codec: str = "libx264",
    options: Mapping[str, str] | None = None,
    container: str | None = None,
    last: int = 40,
    audio_s: float = 0.0,
    scale: int = 1,
    tags: Mapping[str, str] | None = None,
    muxing: Mapping[str, str] | None = None,
    pixels: str = "",
    rate: int = 25,
) -> Path:
    """A clip whose frame ``i`` shows ``i`` from ``times[i] * unit`` seconds on; the last one for ``last * unit``."""
    shown = {time: after - time for time, after in zip(times, [*times[1:], times[-1] + last], strict=True)}
    with av.open(str(path), "w", format=container, options=dict(muxing or {})) as output:
        output.metadata.update(tags or {})
        stream = output.add_stream(codec, rate=rate)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = CODE_SIZE[0] * scale, CODE_SIZE[1] * scale
        stream.pix_fmt = pixels or ("yuv422p10le" if codec == "prores" else "yuv420p")
        stream.codec_context.time_base = unit
        stream.codec_context.thread_count = 1
        stream.options = dict(options or {})
        audio = output.add_stream("aac", rate=16000, layout="mono") if audio_s else None
        assert audio is None or isinstance(audio, AudioStream)
        for number, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(code_image(number, scale), format="rgb24")
            frame.pts, frame.time_base = time, unit
            _mux(output, stream.encode(frame), shown, unit)
        _mux(output, stream.encode(), shown, unit)
        if audio is not None:
            for packet in [p for f in tone_frames(audio_s) for p in audio.encode(f)] + audio.encode():
                output.mux(packet)
    return path


def _mux(
    output: OutputContainer, packets: Sequence[av.Packet[VideoStream]], shown: Mapping[int, int], unit: Fraction
) -> None:
    for packet in packets:
        if packet.pts is not None:
            packet.duration = round(shown[round(packet.pts * packet.time_base / unit)] * unit / packet.time_base)
        output.mux(packet)


def tone(seconds: float, rate_hz: int = 16000, hertz: float = 440.0) -> NDArray[np.float32]:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate_hz)) / rate_hz)).astype(np.float32)


def tone_frames(seconds: float, rate_hz: int = 16000) -> list[av.AudioFrame]:
    samples = tone(seconds, rate_hz)
    frames = []
    for start in range(0, len(samples), 1024):
        frame = av.AudioFrame.from_ndarray(samples[None, start : start + 1024], format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate_hz, start, Fraction(1, rate_hz)
        frames.append(frame)
    return frames


def write_audio(path: Path, codec: str, seconds: float = 1.0, rate_hz: int = 16000) -> Path:
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=rate_hz, layout="mono")
        assert isinstance(stream, AudioStream)
        for frame in tone_frames(seconds, rate_hz):
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return path


def float_wav(samples: NDArray[np.float32], rate_hz: int) -> bytes:
    """A WAV file of 32-bit floats, written by hand; ``samples`` is ``(channels, n)``."""
    channels, body = len(samples), samples.T.astype("<f4").tobytes()
    form = struct.pack("<HHIIHH", 3, channels, rate_hz, rate_hz * channels * 4, channels * 4, 32)
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def scene(width: int = 64, height: int = 48, seed: int = 0) -> Pixels:
    """A smooth coloured picture without any symmetry."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    return np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC))


def encoded(image: Image.Image, form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def animated(form: str, shown_ms: Sequence[int]) -> bytes:
    """An animation whose picture ``i`` shows the number ``i`` for ``shown_ms[i]``."""
    first, *rest = (Image.fromarray(code_image(number)) for number in range(len(shown_ms)))
    options: dict[str, Any] = {"lossless": True} if form == "WEBP" else {}
    return encoded(first, form, save_all=True, append_images=rest, duration=list(shown_ms), loop=0, **options)
