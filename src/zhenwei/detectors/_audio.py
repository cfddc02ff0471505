"""What detectors that listen share: one channel at one rate, and where somebody speaks."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import soxr

from zhenwei import models
from zhenwei.signals.channels import Mix, mix
from zhenwei.signals.voice import RATE_HZ
from zhenwei.types import Audio, Floats, Interval

ACTIVITY = "voice_activity"
_CHUNK, _BEFORE = 512, 64  # samples that voice activity hears at a time, and of what came before
_AT_A_TIME, _LED_BY = 4096, 1024  # chunks
_SPEAKS = 0.5
_BRIDGED_S, _MIN_RUN_S = 0.3, 0.25
_PIECES, _PIECE_S = 6, 30


def mixed(audio: Audio) -> Floats:
    """``(samples,)`` float32 at 16 kHz: the channels made one, see ``zhenwei.signals.channels``."""
    return one_channel(audio).mono


def one_channel(audio: Audio) -> Mix:
    """As :func:`mixed`, with whether channels cancel each other."""
    found = mix(audio)
    mono = found.mono
    if audio.rate_hz != RATE_HZ:
        mono = soxr.resample(np.ascontiguousarray(mono), audio.rate_hz, RATE_HZ)
    return Mix(np.ascontiguousarray(mono, np.float32), found.cancels)


def speech_runs(mono: Floats) -> tuple[Interval, ...]:
    """Where somebody speaks, by silero VAD; pauses below 0.3 s are bridged, bursts below 0.25 s left out."""
    speaks = activity(mono) > _SPEAKS
    edges = np.flatnonzero(np.diff(np.concatenate([[0], speaks.astype(np.int8), [0]])))
    runs: list[list[float]] = []
    for start, end in zip(edges[::2] * _CHUNK / RATE_HZ, edges[1::2] * _CHUNK / RATE_HZ, strict=True):
        if runs and start - runs[-1][1] < _BRIDGED_S:
            runs[-1][1] = float(end)
        else:
            runs.append([float(start), float(end)])
    longest = len(mono) / RATE_HZ
    kept = [(start, min(end, longest)) for start, end in runs]
    return tuple(Interval(start, end) for start, end in kept if end - start >= _MIN_RUN_S)


def total_s(runs: Sequence[Interval]) -> float:
    return sum(run.end_s - run.start_s for run in runs)


def below(seconds: float) -> str:
    """Seconds that fall short of what is needed, to a tenth and never rounded up to it."""
    return f"{math.floor(seconds * 10 + 1e-6) / 10:.1f}"


def spoken_s(audio: Audio) -> float:
    """For how many seconds somebody speaks; of long sound, judged by six pieces of half a minute spread over it."""
    mono = mixed(audio)
    piece = _PIECE_S * RATE_HZ
    if len(mono) <= _PIECES * piece:
        return total_s(speech_runs(mono))
    starts = np.linspace(0, len(mono) - piece, _PIECES).astype(int)
    runs: list[Interval] = []
    for start in starts:
        runs += speech_runs(mono[start : start + piece])
    return total_s(runs) * len(mono) / (_PIECES * piece)


def activity(mono: Floats) -> Floats:
    """``(chunks,)`` probabilities that somebody speaks, each of 32 ms; the last chunk is filled up with silence.

    The network remembers what it heard. More than two minutes are heard in pieces, each led by the half minute
    before it, so that memory does not grow with the recording; hardly a chunk is then taken otherwise.
    """
    count = -(-len(mono) // _CHUNK)
    if count == 0:
        return np.zeros(0, np.float32)
    model, found = models.load(ACTIVITY), []
    for place in range(0, count, _AT_A_TIME):
        first = max(0, place - _LED_BY)
        chunks = min(place + _AT_A_TIME, count) - first
        padded = np.zeros(_BEFORE + chunks * _CHUNK, np.float32)
        start = first * _CHUNK - _BEFORE
        part = mono[max(0, start) : start + len(padded)]
        padded[max(0, -start) : max(0, -start) + len(part)] = part
        seen = np.lib.stride_tricks.sliding_window_view(padded, _BEFORE + _CHUNK)[::_CHUNK]
        found.append(np.asarray(model.run(seen)[0], np.float32)[place - first :])
    return np.concatenate(found)
