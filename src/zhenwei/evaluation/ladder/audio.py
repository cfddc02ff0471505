"""The ladder for sound: what happens to speech on its way, each rung a function of mono sound at 16 kHz.

Codecs are the real ones, of FFmpeg by way of PyAV; what comes back is cut to the length that went in.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import cast

import av
import numpy as np
import soxr
from av.audio.stream import AudioStream
from numpy.typing import NDArray
from scipy.signal import correlate, fftconvolve

Floats = NDArray[np.float32]
_RATE = 16_000
_REVERBERATION_S = 0.4


def through_codec(container: str, codec: str, rate_hz: int, bits: int | None) -> Callable[[Floats], Floats]:
    """There and back, at ``rate_hz`` and ``bits`` a second; as long as what went in."""

    def travel(audio: Floats) -> Floats:
        at_rate = audio if rate_hz == _RATE else soxr.resample(audio, _RATE, rate_hz)
        packed = _encoded(np.asarray(at_rate, np.float32), container, codec, rate_hz, bits)
        back, rate = _decoded(packed)
        return _aligned(soxr.resample(back, rate, _RATE) if rate != _RATE else back, audio)

    return travel


def _encoded(audio: Floats, container: str, codec: str, rate_hz: int, bits: int | None) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        stream = cast("AudioStream", out.add_stream(codec, rate=rate_hz))
        stream.layout = "mono"
        if bits is not None:
            stream.bit_rate = bits
        samples = (np.clip(audio, -1, 1) * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate = rate_hz
        resampler = av.AudioResampler(stream.format, "mono", rate_hz, frame_size=stream.frame_size or None)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            out.mux(stream.encode(piece))
        out.mux(stream.encode(None))
    return file.getvalue()


def _decoded(packed: bytes) -> tuple[Floats, int]:
    with av.open(io.BytesIO(packed), "r") as container:
        rate = container.streams.audio[0].rate
        resampler = av.AudioResampler("flt", "mono", rate)
        pieces = []
        for frame in container.decode(audio=0):
            for piece in resampler.resample(frame):
                pieces.append(piece.to_ndarray()[0])
    return np.concatenate(pieces), rate


def _aligned(back: Floats, audio: Floats) -> Floats:
    """Codecs delay; the shift is found by correlation, and the length made the same."""
    padded = np.pad(back, (0, max(0, len(audio) - len(back))))
    room = len(padded) - len(audio) + 1600
    shift = int(np.argmax(correlate(np.pad(padded, (0, 1600)), audio, "valid")[:room])) if len(audio) else 0
    return np.ascontiguousarray(np.pad(padded, (0, 1600))[shift : shift + len(audio)], np.float32)


def _noise(decibels: float) -> Callable[[Floats], Floats]:
    def travel(audio: Floats) -> Floats:
        drawn = np.random.default_rng(len(audio)).standard_normal(len(audio))
        level = float(np.sqrt(np.square(audio, dtype=np.float64).mean())) * 10 ** (-decibels / 20)
        return np.asarray(audio + level * drawn, np.float32)

    return travel


def _room(audio: Floats) -> Floats:
    length = int(_REVERBERATION_S * _RATE)
    tail = np.random.default_rng(0).standard_normal(length) * np.exp(-6.9 * np.arange(length) / length)
    tail *= 0.5 / np.sqrt(np.square(tail).sum())
    tail[0] = 1.0
    return np.asarray(fftconvolve(audio, tail)[: len(audio)], np.float32)


def _telephone(audio: Floats) -> Floats:
    return np.asarray(_aligned(soxr.resample(soxr.resample(audio, _RATE, 8000), 8000, _RATE), audio), np.float32)


RUNGS: Mapping[str, Callable[[Floats], Floats]] = MappingProxyType(
    {
        "mp3 32 kbit/s": through_codec("mp3", "mp3", _RATE, 32_000),
        "aac 32 kbit/s": through_codec("adts", "aac", _RATE, 32_000),
        "opus 12 kbit/s": through_codec("ogg", "libopus", 48_000, 12_000),
        "g711 telephone": through_codec("wav", "pcm_mulaw", 8000, None),
        "resample 8 kHz": _telephone,
        "noise 20 dB": _noise(20.0),
        "noise 10 dB": _noise(10.0),
        "room 0.4 s": _room,
    }
)
"""By name, mild and strong ones."""
