"""What the detectors of voices hear: who speaks when, windows, the timeline, and what they refuse."""

from __future__ import annotations

import gc
import io
import weakref
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile
import soxr
from numpy.typing import NDArray
from tests.speaking import RATE_HZ, voice

from zhenwei.detectors import _audio, build, catalogue
from zhenwei.detectors._answers import from_score
from zhenwei.detectors._audio import activity, mixed, speech_runs
from zhenwei.detectors.audiovisual.duration_facts import highest_hz
from zhenwei.detectors.speech import _hearing
from zhenwei.detectors.speech import spectrogram as spectrogram_detector
from zhenwei.detectors.speech._hearing import MIN_S, WINDOW_S, Speech, listen, spectrogram
from zhenwei.pipeline import Options, examine
from zhenwei.signals.speech import stft
from zhenwei.testing import audio_subject
from zhenwei.types import Audio, Curve, Evidence, ImageExhibit, Text

VOICES = [name for name in catalogue() if name.startswith("speech.")]
Waveform = NDArray[np.float32]


def audio(*channels: Waveform, rate: int = RATE_HZ) -> Audio:
    return Audio(np.stack(channels), rate)


def heard(waveform: Waveform) -> Speech:
    found = listen(audio(waveform))
    assert isinstance(found, Speech)
    return found


def test_speech_is_found_where_it_is() -> None:
    quiet = np.zeros(2 * RATE_HZ, np.float32)
    runs = speech_runs(np.concatenate([quiet, voice(3.0), quiet]))
    assert runs[0].start_s == pytest.approx(2.0, abs=0.4)
    assert runs[-1].end_s == pytest.approx(5.0, abs=0.4)
    assert sum(r.end_s - r.start_s for r in runs) > 2.0


def test_activity_is_told_for_every_32_ms() -> None:
    assert activity(voice(2.0)).shape == (63,)
    assert activity(np.zeros(0, np.float32)).shape == (0,)
    assert (activity(np.zeros(RATE_HZ, np.float32)) < 0.5).all()


@pytest.mark.parametrize(
    ("waveform", "why"),
    [
        (np.zeros(5 * RATE_HZ, np.float32), "silence"),
        (0.1 * np.random.default_rng(0).standard_normal(5 * RATE_HZ).astype(np.float32), "nobody"),
        (np.sin(np.arange(5 * RATE_HZ) * 0.2).astype(np.float32) * 0.3, "nobody"),
        (voice(4.0)[: int(1.4 * RATE_HZ)], "needed"),
    ],
)
@pytest.mark.parametrize("name", VOICES)
def test_what_is_no_speech_is_refused(name: str, waveform: Waveform, why: str) -> None:
    evidence = build(name).examine(audio_subject(waveform[None]))
    assert evidence.llr is None
    assert why in str(evidence.reason)


def test_no_sound_is_refused() -> None:
    assert "no sound" in str(listen(None))
    assert "no sound" in str(listen(Audio(np.zeros((1, 0), np.float32), RATE_HZ)))


def test_windows_cover_the_speech_and_overlap_by_half() -> None:
    found = heard(voice(9.0, hertz=115))
    speech_s = found.speech_s
    assert len(found.windows) >= 2 * (speech_s - WINDOW_S) / WINDOW_S
    assert all(len(w.audio) <= WINDOW_S * RATE_HZ for w in found.windows)
    assert found.windows[0].interval.start_s == pytest.approx(found.runs[0].start_s, abs=0.01)
    assert found.windows[-1].interval.end_s == pytest.approx(found.runs[-1].end_s, abs=0.05)
    starts = [w.interval.start_s for w in found.windows]
    assert starts == sorted(starts)


def test_a_recording_of_hours_has_a_bounded_number_of_windows() -> None:
    found = heard(np.tile(voice(10.0), 90))
    assert len(found.windows) <= 96
    assert found.windows[-1].interval.end_s > 850


def test_of_a_long_recording_it_is_told_how_much_was_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_hearing, "_MAX_WINDOWS", 6)
    info = build("speech.variability").info
    words = Text("forged"), Text("genuine"), Text("neither")
    asked: list[int] = []

    def counted(*args: Any, parts: int) -> Evidence:
        asked.append(parts)
        return from_score(*args, parts=parts)

    monkeypatch.setattr(_hearing, "from_score", counted)
    for waveform, is_told in ((np.tile(voice(10.0), 6), True), (voice(9.0, hertz=115), False)):
        sound = audio(waveform)
        found = listen(sound)
        assert isinstance(found, Speech)
        evidence = _hearing.examined(info, sound, lambda _: 0.0, words)
        assert asked.pop() == (6 if is_told else int(found.speech_s / WINDOW_S))
        image = next(e for e in evidence.exhibits if isinstance(e, ImageExhibit))
        yellow = (image.pixels[-10] == _hearing._UNHEARD).all(axis=1)
        told = f"Of {found.speech_s:,.0f} s of speech 15 s were heard, in 6 windows of 2.5 s spread evenly."
        assert (told in evidence.finding, bool(yellow.any()), "yellow is speech" in image.caption) == (is_told,) * 3


def test_a_window_shorter_than_a_column_is_drawn() -> None:
    found = heard(voice(8.0))
    long = Speech(np.tile(found.mono, 600), found.runs, found.windows[:1], is_sampled=True)
    strip = spectrogram(long, long.windows, [0.9])[-10].astype(int)
    assert (strip[:, 0] > strip[:, 2] + 50).sum() == 1


def test_channels_that_cancel_do_not_silence_the_voice() -> None:
    waveform = voice(3.0)
    np.testing.assert_allclose(mixed(audio(waveform, -waveform)), waveform)
    np.testing.assert_allclose(mixed(audio(waveform, waveform)), waveform, atol=1e-6)


def in_turns(*waveforms: Waveform) -> list[Waveform]:
    """Each alone, one after the other."""
    before = np.cumsum([0, *(len(w) for w in waveforms)])
    return [np.pad(w, (at, before[-1] - at - len(w))) for w, at in zip(waveforms, before, strict=False)]


A, B, C = in_turns(voice(4.0, 1), 0.5 * voice(4.0, 2, hertz=190), 0.5 * voice(4.0, 3, hertz=150))
THIRDS = [slice(place * 4 * RATE_HZ, (place + 1) * 4 * RATE_HZ) for place in range(3)]


@pytest.mark.parametrize(
    "channels",
    [
        (A, B, C),
        (A, 0 * A, B, 0 * A, C, 0 * A),
        (A, 0.5 * (B + C) - 0.1 * A),  # a faint echo, upside down
        (A + C, B - A - C),
        (A + B + C, -A, -B, -C),
        (A, -A + B + C, 0 * A),
        (A + B + C, B - A + C),
    ],
)
def test_whoever_speaks_in_any_channel_is_heard(channels: tuple[Waveform, ...]) -> None:
    mono = mixed(audio(*channels))
    loudest = max(float(np.square(channel).mean()) for channel in channels) ** 0.5
    assert 0.3 * loudest < np.square(mono).mean() ** 0.5 < 1.5 * loudest
    for third, waveform in zip(THIRDS, (A, B, C), strict=True):
        assert np.square(mono[third]).mean() > 0.04 * np.square(waveform[third]).mean()
        assert abs(np.corrcoef(mono[third], waveform[third])[0, 1]) > 0.95


@pytest.mark.parametrize("channels", [(A, B), (A, 0 * A), (A + B, 0.7 * A + C), (A, -0.1 * A)])
def test_of_ordinary_stereo_the_mean_is_heard(channels: tuple[Waveform, ...]) -> None:
    assert np.array_equal(mixed(audio(*channels)), np.mean(channels, axis=0, dtype=np.float32))


@pytest.mark.parametrize("rate", [8000, 22_050, 44_100, 48_000])
def test_any_rate_is_heard(rate: int) -> None:
    waveform = voice(4.0)
    found = listen(audio(np.asarray(soxr.resample(waveform, RATE_HZ, rate), np.float32), rate=rate))
    assert isinstance(found, Speech)
    assert found.speech_s >= MIN_S


@pytest.mark.parametrize("name", VOICES)
def test_an_answer_has_its_pictures(name: str) -> None:
    evidence = build(name).examine(audio_subject(voice(8.0)[None]))
    assert evidence.llr is not None
    assert evidence.weights.startswith(build(name).info.models[0])
    images = [e for e in evidence.exhibits if isinstance(e, ImageExhibit)]
    curves = [e for e in evidence.exhibits if isinstance(e, Curve)]
    assert len(images) == len(curves) == 1
    assert curves[0].x[0] < curves[0].x[-1] < 8.0
    assert evidence.interval is not None
    assert evidence.interval.end_s <= 8.0


@pytest.mark.parametrize("name", VOICES)
@pytest.mark.parametrize("gain", [0.05, 1.9])
def test_loudness_does_not_matter(name: str, gain: float) -> None:
    waveform = voice(4.0)
    plain, changed = (
        build(name).examine(audio_subject(s[None])) for s in (waveform, (gain * waveform).astype(np.float32))
    )
    assert plain.llr is not None
    assert changed.llr is not None
    assert changed.llr == pytest.approx(plain.llr, abs=0.5)  # where speech begins is heard a little otherwise


def test_the_strip_marks_what_was_put_in() -> None:
    found = heard(voice(8.0))
    forged = [0.9 if w.interval.start_s > 4 else -0.5 for w in found.windows]
    strip = spectrogram(found, found.windows, forged)[-10].astype(int)
    first, last = strip[100:300].mean(axis=0), strip[-200:-20].mean(axis=0)
    assert first[2] > first[0]  # blue
    assert last[0] > last[2]  # red


def written(waveform: Waveform, folder: Path, form: str) -> Path:
    path = folder / f"voice.{form}"
    if form in ("wav", "flac", "ogg", "mp3"):
        soundfile.write(path, waveform, RATE_HZ)
        return path
    packed = io.BytesIO()
    with av.open(packed, "w", format="mp4") as out:
        stream = out.add_stream("aac", rate=RATE_HZ)
        assert isinstance(stream, av.AudioStream)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray((waveform * 32767).astype(np.int16)[None], format="s16", layout="mono")
        frame.sample_rate = RATE_HZ
        resampler = av.AudioResampler("fltp", "mono", RATE_HZ, frame_size=1024)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            out.mux(stream.encode(piece))
        out.mux(stream.encode(None))
    path.write_bytes(packed.getvalue())
    return path


@pytest.mark.parametrize("form", ["wav", "flac", "ogg", "mp3", "m4a"])
def test_every_common_format_is_examined(form: str, tmp_path: Path) -> None:
    report = examine(written(voice(5.0), tmp_path, form), options=Options(detectors=tuple(VOICES)))
    assert report.media.kind == "audio"
    assert all(e.llr is not None for e in report.evidence), [str(e.reason) for e in report.evidence]


def test_the_spectrogram_is_cut_into_what_the_network_takes() -> None:
    for seconds, count in ((0.4, 0), (1.0, 1), (2.485, 1), (2.5, 1), (2.6, 2), (5.0, 3)):
        found = spectrogram_detector.pieces(voice(seconds))
        assert (0 if found is None else len(found)) == count
        if found is not None:
            assert found.shape[1:] == (224, spectrogram_detector.FRAMES)


def test_a_tone_lies_in_its_bin_and_loudness_is_evened() -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(RATE_HZ) / RATE_HZ).astype(np.float32)
    found = spectrogram_detector.levels(tone)
    assert (found.argmax(axis=0) == 1000 / 31.25 - 4).all()
    np.testing.assert_allclose(found, spectrogram_detector.levels(0.01 * tone), atol=1e-3)


def test_what_is_heard_is_heard_once_and_kept_no_longer_than_the_sound() -> None:
    sound = audio(voice(4.0))
    first = listen(sound)
    assert listen(sound) is first
    gone = weakref.ref(sound)
    del sound
    gc.collect()
    assert gone() is None


def test_long_sound_is_heard_piece_by_piece_as_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    mono = np.tile(voice(10.0, 1), 6)[: 1500 * 512 + 77]
    bound, whole = highest_hz(mono), activity(mono)
    monkeypatch.setattr(_audio, "_AT_A_TIME", 1100)
    assert ((activity(mono) > 0.5) == (whole > 0.5)).mean() > 0.99
    power = np.abs(stft(mono, 1024, 512)) ** 2
    level = 10 * np.log10(power.mean(axis=0) / power.mean(axis=0).max() + 1e-12)
    assert bound == np.flatnonzero(level > -65)[-1] * RATE_HZ / 1024


def test_windows_of_long_speech_stand_side_by_side() -> None:
    found = heard(voice(30.0, 1))
    assert len(found.windows) <= found.speech_s / WINDOW_S + 1
    starts = [w.interval.start_s for w in found.windows]
    assert min(np.diff(starts[:-1])) >= WINDOW_S - 0.01
