"""Small files of every format that carries labels and credentials, made anew, what they show, and who asks for more."""

from __future__ import annotations

import gzip
import io
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import numpy as np
import soundfile
from numpy.typing import NDArray
from PIL import Image

from zhenwei.types import Pixels

FORMATS = ("jpeg", "png", "webp", "wav", "mp3", "mp4", "mov", "m4a")
IMAGES = FORMATS[:3]


def image(height: int = 144, width: int = 160, seed: int = 0) -> Pixels:
    """Smooth colours with some texture, ``(height, width, 3)`` uint8."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / max(height, width)
    waves = np.stack([np.sin(6 * x + 2 * k + 3 * y * (k + 1)) for k in range(3)], axis=2)
    noisy = 128 + 90 * waves + rng.normal(0, 4, (height, width, 3))
    return noisy.clip(0, 255).astype(np.uint8)


def saved(pixels: Pixels, form: str, **options: object) -> bytes:
    """``pixels`` as a JPEG, PNG or WebP file; WebP without loss."""
    out = io.BytesIO()
    more = {"lossless": True} if form == "webp" else {"quality": 90} if form == "jpeg" else {}
    Image.fromarray(pixels).save(out, form, **{**more, **options})
    return out.getvalue()


def hidden(pixels: Pixels, text: str, *, packed: bool = True) -> bytes:
    """A PNG of ``pixels`` (RGB or RGBA) with ``text`` hidden in their lowest bits, as "stealth PNG info" has it."""
    alpha, out = pixels.shape[2] == 4, pixels.copy()
    name = b"stealth_" + (b"png" if alpha else b"rgb") + (b"comp" if packed else b"info")
    body = gzip.compress(text.encode("utf-8")) if packed else text.encode("utf-8")
    bits = np.unpackbits(np.frombuffer(name + (8 * len(body)).to_bytes(4, "big") + body, np.uint8))
    columns = np.ascontiguousarray(out[..., 3:].swapaxes(0, 1) if alpha else out.swapaxes(0, 1))
    flat = columns.reshape(-1)
    flat[: len(bits)] = (flat[: len(bits)] & 0xFE) | bits
    out[..., 3 if alpha else 0 :] = columns.swapaxes(0, 1)
    return saved(out, "png")


def audio(seconds: float = 0.5, rate_hz: int = 16000) -> NDArray[np.float64]:
    time = np.arange(int(seconds * rate_hz)) / rate_hz
    return 0.3 * np.sin(2 * np.pi * 330 * time) + np.random.default_rng(0).normal(0, 0.01, time.size)


def clip(form: str = "mp4", frames: int = 10, **options: str) -> bytes:
    """A clip of waves that become brighter, 144 x 144, or a tone as M4A."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, f"clip.{form}"))
        with av.open(path, "w", format="ipod" if form == "m4a" else form, options=options) as container:
            _fill(container, form, frames)
        return Path(path).read_bytes()


def _fill(container: av.container.OutputContainer, form: str, frames: int) -> None:
    if form == "m4a":
        heard = container.add_stream("aac", rate=16000)
        samples = av.AudioFrame.from_ndarray(audio().astype(np.float32)[None], format="fltp", layout="mono")
        samples.sample_rate = 16000
        container.mux([*heard.encode(samples), *heard.encode()])
        return
    seen = container.add_stream("mpeg4", rate=10)
    seen.width = seen.height = 144
    seen.pix_fmt = "yuv420p"
    shown = image(144, 144).astype(np.float32)
    for index in range(frames):
        pixels = (shown * (0.5 + 0.05 * index)).astype(np.uint8)
        container.mux(seen.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
    container.mux(seen.encode())


def carrier(form: str, seconds: float = 0.5) -> bytes:
    """One small file of that format; ``seconds`` of WAV and MP3."""
    if form in IMAGES:
        return saved(image(), form)
    if form in ("wav", "mp3"):
        out = io.BytesIO()
        soundfile.write(out, audio(seconds), 16000, format=form.upper())
        return out.getvalue()
    return clip(form)


def content(data: bytes) -> bytes:
    """Decoded pixels or samples of any of the formats, every frame of them."""
    if data[:3] == b"\xff\xd8\xff" or data[:4] == b"\x89PNG" or data[8:12] == b"WEBP":
        return Image.open(io.BytesIO(data)).tobytes()
    with av.open(io.BytesIO(data), "r") as container:
        frames = container.decode(video=0) if container.streams.video else container.decode(audio=0)
        return b"".join(frame.to_ndarray().tobytes() for frame in frames)


@contextmanager
def listening() -> Iterator[tuple[str, list[str]]]:
    """The address of a server on this machine, and what it was asked for so far. C2PA's own code is not Python's, so
    that blocking Python's sockets would show nothing."""
    asked: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        do_POST = do_GET  # noqa: N815 - the library's name

        def log_message(self, format: str, *_: object) -> None:  # noqa: A002 - the library's name
            del format

    serving = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=serving.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{serving.server_address[1]}/", asked
    finally:
        serving.shutdown()
        thread.join()
        serving.server_close()
