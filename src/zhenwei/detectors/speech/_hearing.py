"""What the detectors of this family share: where somebody speaks, windows of speech, the timeline and its pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from zhenwei import models
from zhenwei.detectors._answers import NO_AUDIO, abstain, axis, evenly, from_score, joined
from zhenwei.detectors._audio import ACTIVITY, below, mixed, speech_runs, total_s
from zhenwei.models.calibration import Calibration
from zhenwei.signals import shown
from zhenwei.signals.voice import RATE_HZ
from zhenwei.types import (
    Audio,
    Curve,
    Depth,
    DetectorInfo,
    Evidence,
    Exhibit,
    Floats,
    ImageExhibit,
    Interval,
    Pixels,
    Text,
)

MIN_S = 1.5  # of speech
WINDOW_S, STEP_S = 2.5, 1.25
_LONG_S = 20.0  # of speech, from which windows stand side by side: half as many say nearly the same
_SILENT = 1e-4  # of full scale
_MAX_WINDOWS = 96  # four minutes of speech; of more an even spread
_IMAGE = (900, 220)
_FORGED, _GENUINE, _PAUSE = (224, 72, 62), (66, 133, 214), (120, 120, 120)
_UNHEARD = (244, 190, 60)


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """``audio`` ``(samples,)`` float32 at 16 kHz, speech only; ``interval``: from where in the recording."""

    audio: Floats
    interval: Interval


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Speech:
    """``mono`` ``(samples,)`` float32 at 16 kHz, ``runs``: where somebody speaks, ``windows``: of speech, pauses cut
    out, in order of time; of up to 20 s half overlapping, of more side by side, of hours an even spread."""

    mono: Floats
    runs: tuple[Interval, ...]
    windows: tuple[Window, ...]
    is_sampled: bool = False  # windows are an even spread: speech between them is not heard

    @property
    def speech_s(self) -> float:
        return total_s(self.runs)


def detector_info(
    id_: str,
    question: Text,
    reference: str,
    blind_spots: tuple[Text, ...],
    model: str,
    depth: Depth = "standard",
) -> DetectorInfo:
    """The catalogue entry of a detector of this family, which runs ``model``."""
    return DetectorInfo(
        id=id_,
        question=question,
        takes=("audio", "video"),
        level="file",
        needs=(Text(f"{MIN_S:g} s of speech", zh=f"至少 {MIN_S:g} 秒语音"),),
        reference=reference,
        blind_spots=blind_spots,
        models=(model, ACTIVITY),
        finds="voice",
        depth=depth,
    )


_heard: WeakKeyDictionary[Audio, Speech | Text] = WeakKeyDictionary()  # all detectors of a file hear the same
_drawn: WeakKeyDictionary[Speech, Pixels] = WeakKeyDictionary()  # and draw over the same spectrogram


def listen(audio: Audio | None) -> Speech | Text:
    """What there is to examine, or why there is not: no sound, silence, no or too little speech."""
    if audio is None or audio.samples.size == 0:
        return NO_AUDIO
    if audio not in _heard:
        _heard[audio] = _listened(audio)
    return _heard[audio]


def _listened(audio: Audio) -> Speech | Text:
    mono = mixed(audio)
    if float(np.abs(mono).max(initial=0.0)) < _SILENT:
        return Text("the sound is silence", zh="声音为静音")
    runs = speech_runs(mono)
    heard_s = total_s(runs)
    if not runs:
        return Text("nobody is heard to speak", zh="没有听到有人说话")
    if heard_s < MIN_S:
        return Text(
            f"only {below(heard_s)} s of speech are heard; {MIN_S:g} s are needed",
            zh=f"只听到 {below(heard_s)} 秒语音，至少需要 {MIN_S:g} 秒",
        )
    return Speech(mono, runs, *_windows(mono, runs))


def _windows(mono: Floats, runs: Sequence[Interval]) -> tuple[tuple[Window, ...], bool]:
    firsts = np.array([round(run.start_s * RATE_HZ) for run in runs])
    lengths = np.minimum([round(run.end_s * RATE_HZ) for run in runs], len(mono)) - firsts
    ends = np.cumsum(lengths)  # of each run among the samples of speech
    spoken, size = int(ends[-1]), round(WINDOW_S * RATE_HZ)
    step = size if spoken > _LONG_S * RATE_HZ else round(STEP_S * RATE_HZ)
    starts = list(range(0, max(1, spoken - size + 1), step))
    if spoken > size and starts[-1] + size < spoken:
        starts.append(spoken - size)
    found = []
    for start in evenly(starts, _MAX_WINDOWS):
        among = np.arange(start, min(start + size, spoken))
        run = np.searchsorted(ends, among, side="right")
        mine = among - (ends - lengths)[run] + firsts[run]  # (samples,): where each lies in the recording
        found.append(Window(mono[mine], Interval(float(mine[0] / RATE_HZ), float((mine[-1] + 1) / RATE_HZ))))
    return tuple(found), len(starts) > _MAX_WINDOWS


Score = Callable[[Floats], float | None]


def examined(info: DetectorInfo, audio: Audio | None, score: Score, words: tuple[Text, Text, Text]) -> Evidence:
    """The answer of a detector that judges windows of speech ``(samples,)`` by ``score``; None where it cannot.

    The recording's score is the mean of its windows', which weighs the more the more speech it is of: windows that do
    not overlap count as far as they are independent, by the calibration. ``words``: findings for a forged, a genuine
    and no lean.
    """
    heard = listen(audio)
    if isinstance(heard, Text):
        return abstain(info, heard)
    windows, scores = [], []
    for window in heard.windows:
        judged = score(window.audio)
        if judged is not None:
            windows.append(window)
            scores.append(judged)
    if not windows:
        return abstain(info, Text("the speech is too faint to be examined", zh="语音太弱，无法检查"))
    calibration = Calibration.load(models.calibration_path(info.models[0]))
    llrs = [calibration.llr(s) for s in scores]
    parts = len(windows) if heard.is_sampled else max(1, int(heard.speech_s / WINDOW_S))
    evidence = from_score(info, float(np.mean(scores)), parts=parts)
    evidence = replace(
        evidence,
        finding=joined([_finding(evidence.llr or 0.0, words), *_sampled(heard, windows)]),
        interval=windows[int(np.argmax(llrs))].interval,
        exhibits=_exhibits(heard, windows, llrs),
    )
    if heard.speech_s >= 2 * MIN_S:
        return evidence
    short = Text(f"only {heard.speech_s:.1f} s of speech", zh=f"仅 {heard.speech_s:.1f} 秒语音")
    return replace(evidence, reason=short)


def _sampled(heard: Speech, windows: Sequence[Window]) -> Iterator[Text]:
    if heard.is_sampled:
        count, of_s = len(windows), f"{heard.speech_s:,.0f}"
        heard_s = f"{sum(len(window.audio) for window in windows) / RATE_HZ:,.0f}"
        yield Text(
            f"Of {of_s} s of speech {heard_s} s were heard, in {count} windows of {WINDOW_S:g} s spread evenly.",
            zh=f"共 {of_s} 秒语音，均匀抽取 {count} 段（每段 {WINDOW_S:g} 秒），听取了其中 {heard_s} 秒。",
        )


_SLIGHT = 0.3


def _finding(llr: float, words: tuple[Text, Text, Text]) -> Text:
    if llr >= _SLIGHT:
        return words[0]
    return words[1] if llr <= -_SLIGHT else words[2]


_WHOLE = Text(
    "Spectrogram, 0 to 8 kHz; the strip below: red speaks for a synthetic voice, blue for a genuine one, grey is not "
    "speech",
    zh="频谱图（0–8 kHz）；下方色条：红色倾向合成语音，蓝色倾向真人语音，灰色为非语音",
)
_SAMPLED = Text(
    "Spectrogram, 0 to 8 kHz; the strip below: red speaks for a synthetic voice, blue for a genuine one, yellow is "
    "speech that was not examined, grey is not speech",
    zh="频谱图（0–8 kHz）；下方色条：红色倾向合成语音，蓝色倾向真人语音，黄色为未检查的语音，灰色为非语音",
)


def _exhibits(heard: Speech, windows: Sequence[Window], llrs: Sequence[float]) -> tuple[Exhibit, ...]:
    image = ImageExhibit(
        _SAMPLED if len(windows) < len(heard.windows) or heard.is_sampled else _WHOLE, spectrogram(heard, windows, llrs)
    )
    if len(windows) < 2:
        return (image,)
    middles = [(w.interval.start_s + w.interval.end_s) / 2 for w in windows]
    curve = Curve(
        Text("Each window of speech by itself; above the line speaks for a synthetic voice",
             zh="逐段语音的证据；高于虚线倾向合成语音"),
        Text("time (s)", zh="时间（秒）"),
        Text("log-likelihood ratio", zh="对数似然比"),
        axis(middles, 3),
        axis(llrs, 4),
        0.0,
    )  # fmt: skip
    return (image, curve)


def spectrogram(heard: Speech, windows: Sequence[Window], llrs: Sequence[float]) -> Pixels:
    """``(252, 900, 3)``: time to the right, 0 to 8 kHz upwards; below, what each part of the speech speaks for."""
    width = _IMAGE[0]
    if heard not in _drawn:
        _drawn[heard] = shown.spectrogram(heard.mono, _IMAGE)
    coloured = _drawn[heard]
    strip = _strip(heard, windows, llrs, width)
    gap = np.full((4, width, 3), 255, np.uint8)
    return np.ascontiguousarray(np.concatenate([coloured, gap, np.repeat(strip[None], 28, axis=0)]), np.uint8)


def _strip(heard: Speech, windows: Sequence[Window], llrs: Sequence[float], width: int) -> NDArray[np.uint8]:
    """``(width, 3)``: the mean LLR of the windows over each moment of speech as a colour."""
    at = (np.arange(width) + 0.5) * len(heard.mono) / RATE_HZ / width
    total, count, speaks = np.zeros(width), np.zeros(width), np.zeros(width, np.bool_)
    for window, llr in zip(windows, llrs, strict=True):
        inside = (at >= window.interval.start_s) & (at < window.interval.end_s)
        if not inside.any():  # of long sound a column is longer than a window
            inside[min(width - 1, int(window.interval.start_s * RATE_HZ / len(heard.mono) * width))] = True
            speaks |= inside
        total[inside] += llr
        count[inside] += 1
    for run in heard.runs:
        speaks |= (at >= run.start_s) & (at < run.end_s)
    known = speaks & (count > 0)
    mean = np.where(known, total / np.maximum(count, 1), 0.0)
    weight = np.clip(np.abs(mean), 0.08, 1.0)[:, None]
    colour = np.where(mean[:, None] > 0, _FORGED, _GENUINE)
    tinted = 255 * (1 - weight) + colour * weight
    other = np.where(speaks[:, None], _UNHEARD, _PAUSE)
    return np.asarray(np.rint(np.where(known[:, None], tinted, other)), np.uint8)
