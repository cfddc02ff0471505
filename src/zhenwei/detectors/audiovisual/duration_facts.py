"""``audiovisual.duration_facts``: do sound and picture agree in length, start, silence, band and clock? No score."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from zhenwei.detectors._answers import NO_AUDIO, abstain, joined
from zhenwei.detectors._audio import one_channel
from zhenwei.signals.channels import Mix
from zhenwei.signals.speech import stft
from zhenwei.signals.voice import RATE_HZ
from zhenwei.types import Detector, DetectorInfo, Evidence, Floats, Interval, Media, Subject, Text

_TRACK = re.compile(r"^(-?\d+\.\d+) to (-?\d+\.\d+) s, clock (\d+)/(\d+)$")
_APART_S, _SHARE = 0.3, 0.02  # that lengths may differ by: encoders pad
_OFFSET_S = 0.1
_FFT, _HOP, _AT_A_TIME = 1024, 512, 1000  # samples; frames of a piece
_ZERO = 2e-5  # of full scale: below one step of 16 bits
_LEADING_S, _GAP_S = 0.5, 0.05
_MAX_GAPS = 50  # more are a gate or a codec that cuts pauses
_NARROW_HZ, _QUIET_DB = 3800.0, -65.0
_SYNTHESIS_HZ = (22_050, 24_000)
_MOV = ("mov", "mp4")


@dataclass(frozen=True, slots=True)
class DurationFacts:
    """Reads both tracks' lengths, starts and clocks, and looks for silence that no room has and bands that are missing.
    What does not fit is told; it has no score, since editing and re-encoding leave the same."""

    info: ClassVar[DetectorInfo] = DetectorInfo(
        id="audiovisual.duration_facts",
        question=Text("Do sound and picture agree in length, start and clock?",
             zh="声音与画面的时长、起点和时基是否一致？"),
        takes=("audio", "video"),
        level="file",
        needs=(Text("a sound track", zh="音轨"),),
        reference="facts of the container and of the decoded sound; after H. Malik, Acoustic environment "
        "identification "
        "and its applications to audio forensics, IEEE TIFS 2013",
        blind_spots=(
            Text("whoever edits with care: lengths and clocks can be set", zh="精心编辑的文件：时长和时基都可以设置"),
            Text("genuine files that were cut, converted or muted", zh="被剪切、转换或静音过的真实文件"),
        ),
        reads_metadata=True,
        finds="pairing",
        depth="fast",
    )  # fmt: skip

    def examine(self, subject: Subject) -> Evidence:
        media, audio = subject.media, subject.audio
        if audio is None or audio.samples.size == 0:
            return abstain(self.info, NO_AUDIO)
        sound = one_channel(audio)
        found = [
            *_lengths(media, audio.duration_s),
            *_rates(media),
            *_channels(sound),
            *_heard(media, sound.mono, audio.gaps),
        ]
        if not found:
            return abstain(self.info, _NOTHING, finding=_AGREE)
        return abstain(self.info, _HARMLESS, finding=joined(found))


_AGREE = Text("Lengths, starts and clocks hold no contradiction.", zh="时长、起点和时基没有矛盾。")
_NOTHING = Text("facts that agree say nothing either way", zh="事实一致并不说明真伪")
_HARMLESS = Text(
    "told, not weighed: editing and conversion leave the same", zh="仅作提示，不计入结论：剪辑和转换也会留下同样的痕迹"
)


def _tracks(media: Media) -> dict[str, tuple[float, float, int, int]]:
    """Start, end and clock of the tracks that the container tells of."""
    found = {}
    for key, value in media.facts:
        told = _TRACK.match(value) if key in ("Video track", "Sound track") else None
        if told:
            found[key] = float(told[1]), float(told[2]), int(told[3]), int(told[4])
    return found


def _lengths(media: Media, decoded_s: float) -> Iterator[Text]:
    tracks = _tracks(media)
    audio, video = tracks.get("Sound track"), tracks.get("Video track")
    if audio is not None:
        told_s = audio[1] - min(0.0, audio[0])
        if told_s - decoded_s > max(_APART_S, _SHARE * told_s):
            yield Text(
                f"Of {told_s:.1f} s of sound that the file tells of, {decoded_s:.1f} s can be decoded.",
                zh=f"文件声称有 {told_s:.1f} 秒声音，只能解码 {decoded_s:.1f} 秒。",
            )
    if audio is None or video is None:
        return
    longer = (audio[1] - audio[0]) - (video[1] - video[0])
    if abs(longer) > max(_APART_S, _SHARE * (video[1] - video[0])):
        en = f"The sound is {abs(longer):.1f} s {'longer' if longer > 0 else 'shorter'} than the picture."
        yield Text(en, zh=f"声音比画面{'长' if longer > 0 else '短'} {abs(longer):.1f} 秒。")
    late = audio[0] - video[0]
    if abs(late) > _OFFSET_S:
        en = f"The sound begins {abs(late):.2f} s {'after' if late > 0 else 'before'} the picture."
        yield Text(en, zh=f"声音比画面{'晚' if late > 0 else '早'} {abs(late):.2f} 秒开始。")


def _rates(media: Media) -> Iterator[Text]:
    rate = media.audio_rate_hz or 0
    if rate in _SYNTHESIS_HZ:
        yield Text(
            f"Its rate of {rate:,} Hz is usual of speech synthesis and unusual of cameras and recorders.",
            zh=f"采样率 {rate:,} Hz 常见于语音合成，少见于相机和录音设备。",
        )
    audio = _tracks(media).get("Sound track")
    if audio is not None and media.container.split(",")[0] in _MOV and rate and audio[3] not in (rate, 2 * rate):
        yield Text(
            f"The clock of the sound, {audio[2]}/{audio[3]} s, is not that of its rate of {rate:,} Hz: it was put "
            f"into this "
            "container by another program than encoded it.",
            zh=f"音轨时基 {audio[2]}/{audio[3]} 与采样率 {rate:,} Hz 不符：音轨由编码程序之外的软件封装。",
        )


def _channels(sound: Mix) -> Iterator[Text]:
    if sound.cancels:
        yield Text(
            "Its channels cancel each other where they are added: one of them alone was heard, or opposite ones turned "
            "over.",
            zh="各声道相加时会相互抵消：因此只听取其中一个声道，或将相反的声道反转后再相加。",
        )


def _heard(media: Media, mono: Floats, gaps: Sequence[Interval]) -> Iterator[Text]:
    runs = _silences(mono)
    if runs and runs[0][0] == 0 and runs[0][1] == len(mono):
        yield Text("The sound track is digital silence from end to end.", zh="音轨自始至终为数字静音。")
        return
    lead = (runs[0][1] / RATE_HZ if runs and runs[0][0] == 0 else 0.0) - _waits_s(media)
    lead -= float(_filled_s(runs[:1], gaps).sum())
    if lead >= _LEADING_S:
        yield Text(
            f"It begins with {lead:.1f} s of digital silence, which no room has.",
            zh=f"开头有 {lead:.1f} 秒数字静音，真实环境中不会出现。",
        )
    inside = [(a, b) for a, b in _not_put_in(runs, gaps) if a > 0 and b < len(mono)]
    if 0 < len(inside) <= _MAX_GAPS:
        times = ", ".join(f"{a / RATE_HZ:.2f}" for a, _ in inside[:5])
        more = " …" if len(inside) > 5 else ""
        count = "once" if len(inside) == 1 else f"{len(inside)} times"
        yield Text(
            f"The sound is interrupted by digital silence ({count}, at {times}{more} s), as where pieces "
            "were joined, muted or synthesised.",
            zh=f"声音被数字静音打断 {len(inside)} 次（{times}{more} 秒处），如拼接、静音或合成所致。",
        )
    highest = highest_hz(mono)
    if highest is not None and highest < _NARROW_HZ and (media.audio_rate_hz or 0) > 2 * _NARROW_HZ * 1.05:
        yield Text(
            f"Nothing is heard above {highest / 1000:.1f} kHz, though its rate of {media.audio_rate_hz:,} Hz has "
            f"room for more: "
            "telephone band, or enlarged from a lower rate.",
            zh=f"{highest / 1000:.1f} kHz 以上没有声音，而采样率 {media.audio_rate_hz:,} Hz "
            f"可容纳更高频率：电话频带，或由较低采样率转换而来。",
        )


def _not_put_in(runs: Sequence[tuple[int, int]], gaps: Sequence[Interval]) -> list[tuple[int, int]]:
    """Without the silences that reading put there, but for less than is told of."""
    filled_s = _filled_s(runs, gaps)
    own = [(b - a) / RATE_HZ - filled for (a, b), filled in zip(runs, filled_s.tolist(), strict=True)]
    return [run for run, own_s, filled in zip(runs, own, filled_s, strict=True) if not filled or own_s >= _GAP_S]


def _filled_s(runs: Sequence[tuple[int, int]], gaps: Sequence[Interval]) -> NDArray[np.float64]:
    """Of each run, ``gaps`` being in order: how much of it reading put there."""
    if not gaps or not runs:
        return np.zeros(len(runs))
    bounds = np.array([(gap.start_s, gap.end_s) for gap in gaps])
    until = np.concatenate([[0.0], np.cumsum(bounds[:, 1] - bounds[:, 0])])

    def before(times_s: NDArray[np.float64]) -> NDArray[np.float64]:
        place = np.searchsorted(bounds[:, 0], times_s)
        last = np.maximum(place - 1, 0)
        begun = np.clip(times_s - bounds[last, 0], 0.0, bounds[last, 1] - bounds[last, 0])
        return np.asarray(np.where(place > 0, until[last] + begun, 0.0), np.float64)

    ends = np.array(runs, np.float64) / RATE_HZ
    return before(ends[:, 1]) - before(ends[:, 0])


def _waits_s(media: Media) -> float:
    """For how long reading puts silence before a track that begins later than the file: no silence of the file's."""
    starts = {name: start for name, (start, *_) in _tracks(media).items()}
    return max(0.0, starts.get("Sound track", 0.0) - min(starts.values(), default=0.0))


def _silences(mono: Floats) -> list[tuple[int, int]]:
    """Runs of at least 50 ms of digital silence, as first and one past the last sample."""
    quiet = np.zeros(len(mono) + 2, np.bool_)
    quiet[1:-1] = (mono < _ZERO) & (mono > -_ZERO)
    edges = np.flatnonzero(quiet[1:] != quiet[:-1])
    runs = zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
    return [(a, b) for a, b in runs if b - a >= _GAP_S * RATE_HZ]


def highest_hz(mono: Floats) -> float | None:
    """Up to where there is any sound, by the mean spectrum of ``(samples,)`` at 16 kHz; None for silence."""
    if len(mono) < RATE_HZ:
        return None
    power = np.zeros(_FFT // 2 + 1)
    for start in range(0, len(mono) - _FFT + 1, _HOP * _AT_A_TIME):  # piece by piece: memory does not grow
        part = mono[start : start + _HOP * (_AT_A_TIME - 1) + _FFT]
        power += (np.abs(stft(part, _FFT, _HOP)) ** 2).sum(axis=0)
    power /= 1 + (len(mono) - _FFT) // _HOP
    if power.max() <= 0:
        return None
    level = 10 * np.log10(power / power.max() + 1e-12)
    return float(np.flatnonzero(level > _QUIET_DB)[-1] * RATE_HZ / _FFT)


detector: type[Detector] = DurationFacts
