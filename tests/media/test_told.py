"""What reading had to guess, change or leave out stands in the file's notes; what is whole has none."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.stream import AudioStream

from zhenwei.errors import MediaError
from zhenwei.media import Limits, Notes, hear, open_media, read_audio, sample_frames
from zhenwei.media.audio import _Gaps
from zhenwei.types import Media, Text

from .making import read_code, tone, write_audio, write_video

TIMES = [40 * i for i in range(150)]  # six seconds
X264 = {"g": "25", "bf": "0"}
VP8 = {"g": "25", "deadline": "realtime", "cpu-used": "8"}
VIDEOS: dict[str, Callable[[Path], Path]] = {
    "mkv": lambda p: write_video(p / "a.mkv", TIMES, options=X264),
    "mkv with sound": lambda p: write_video(p / "a.mkv", TIMES, options=X264, audio_s=6.0),
    "webm": lambda p: write_video(p / "a.webm", TIMES, codec="libvpx", options=VP8),
    "avi": lambda p: write_video(p / "a.avi", list(range(150)), unit=Fraction(1, 25), last=1, codec="mpeg4", scale=6),
    "flv": lambda p: write_video(p / "a.flv", TIMES, codec="flv1", scale=4),
    "fragments": lambda p: write_video(
        p / "a.mp4", TIMES, options=X264, muxing={"movflags": "frag_keyframe+empty_moov"}
    ),
    "index first": lambda p: write_video(p / "a.mp4", TIMES, options=X264, muxing={"movflags": "faststart"}),
}
SECONDS = 12.0
WAVEFORMS = {
    "wav": ("a.wav", "pcm_s16le"),
    "flac": ("a.flac", "flac"),
    "ogg, opus": ("a.ogg", "libopus"),
    "ogg, flac": ("a.ogg", "flac"),
    "mp3": ("a.mp3", "libmp3lame"),
    "adts": ("a.aac", "aac"),
    "aiff": ("a.aiff", "pcm_s16be"),
    "au": ("a.au", "pcm_s16be"),
    "caf": ("a.caf", "pcm_s16le"),
    "w64": ("a.w64", "pcm_s16le"),
    "wv": ("a.wv", "wavpack"),
    "mka": ("a.mka", "libopus"),
}


def notes_on(media: Media, start: str) -> list[str]:
    return [note for note in media.notes if note.startswith(start)]


def cut(path: Path, share: float) -> Path:
    data = path.read_bytes()
    target = path.with_name(f"cut{path.suffix}")
    target.write_bytes(data[: round(len(data) * share)])
    return target


@pytest.mark.parametrize("kind", VIDEOS)
@pytest.mark.parametrize("share", [0.4, 0.8])
def test_a_clip_that_is_cut_short_says_where_it_ends(tmp_path: Path, kind: str, share: float) -> None:
    whole = VIDEOS[kind](tmp_path)
    media = open_media(whole)
    assert media.notes == ()
    assert media.duration_s == pytest.approx(6.0, abs=0.1)
    media = open_media(cut(whole, share))
    (note,) = notes_on(media, "cut short: the file ends after ")
    end_s = float(note.split(" after ")[1].split(" s")[0])
    assert 0 < end_s < 5.99
    assert media.duration_s == pytest.approx(end_s, abs=0.06)
    frames = list(sample_frames(media, 1000))
    assert end_s - 0.3 < frames[-1].time_s <= end_s
    assert isinstance(note, Text)
    assert "中断" in note.zh


@pytest.mark.parametrize("kind", WAVEFORMS)
@pytest.mark.parametrize("share", [0.6, 0.95])
def test_sound_that_is_cut_short_says_where_it_ends(tmp_path: Path, kind: str, share: float) -> None:
    whole = write_audio(tmp_path / WAVEFORMS[kind][0], WAVEFORMS[kind][1], SECONDS)
    media = open_media(whole)
    assert media.notes == ()
    assert media.duration_s == pytest.approx(SECONDS, abs=0.15)
    media = open_media(cut(whole, share))
    notes = notes_on(media, "cut short") or notes_on(media, "perhaps cut short")
    assert len(notes) == 1
    assert media.duration_s is not None
    assert 0.5 < media.duration_s < SECONDS - 0.1
    assert read_audio(media).duration_s == pytest.approx(media.duration_s, abs=0.15)


def mp3(path: Path, seconds: float, kilobits: int, **muxing: str) -> bytes:
    rng = np.random.default_rng(kilobits)
    with av.open(str(path), "w", options={"id3v2_version": "0", **muxing}) as out:
        stream = out.add_stream("libmp3lame", rate=44100, layout="mono", options={"b": f"{kilobits}k"})
        assert isinstance(stream, AudioStream)
        for at in range(0, round(seconds * 44100), 1152):
            noise = rng.uniform(-0.5, 0.5, (1, 1152)).astype(np.float32)
            frame = av.AudioFrame.from_ndarray(noise, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 44100, at
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path.read_bytes()


def variable_rate(folder: Path) -> Path:
    """Two seconds at 32 kbit/s, then two at 320, with nothing that states the length: guessed from the first, 20 s."""
    slow, fast = (mp3(folder / "part.mp3", 2.0, kilobits, write_xing="0") for kilobits in (32, 320))
    path = folder / "variable.mp3"
    path.write_bytes(slow + fast)
    return path


def test_the_length_of_an_mp3_is_counted_where_it_states_none(tmp_path: Path) -> None:
    media = open_media(variable_rate(tmp_path))
    with av.open(media.path) as container:
        assert container.duration is not None
        assert container.duration > 15_000_000  # FFmpeg's guess
    assert media.duration_s == pytest.approx(4.1, abs=0.15)
    assert media.duration_s == pytest.approx(read_audio(media).duration_s, abs=0.1)
    assert "Sound track" not in dict(media.facts)
    assert media.notes == ()


def test_a_guess_is_no_reason_to_refuse_a_file(tmp_path: Path) -> None:
    path = variable_rate(tmp_path)
    assert open_media(path, Limits(max_duration_s=5.0)).duration_s
    with pytest.raises(MediaError, match="too long; got a length of 4 s"):
        open_media(path, Limits(max_duration_s=3.5))


def test_the_length_that_an_mp3_states_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    mp3(path, 3.0, 64)
    media = open_media(path)
    assert media.duration_s == pytest.approx(3.0, abs=0.1)
    assert "Sound track" in dict(media.facts)


def test_the_length_of_bare_aac_is_counted(tmp_path: Path) -> None:
    """Silence before noise: the rate of the first frames says nothing of the rest."""
    samples = np.concatenate([np.zeros(48_000), np.random.default_rng(1).uniform(-0.9, 0.9, 48_000)])
    path = tmp_path / "a.aac"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("aac", rate=16000, layout="mono")
        assert isinstance(stream, AudioStream)
        for at in range(0, len(samples), 1024):
            piece = samples[None, at : at + 1024].astype(np.float32)
            frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 16000, at
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    assert open_media(path).duration_s == pytest.approx(6.0, abs=0.2)


def wav(size: int, *, behind: bytes = b"", seconds: float = 2.0) -> bytes:
    """A WAV file of 8 kHz whose header says that its sound has ``size`` bytes, with ``behind`` after it."""
    samples = (tone(seconds, 8000) * 20_000).astype("<i2").tobytes()
    form = struct.pack("<HHIIHH", 1, 1, 8000, 16_000, 2, 16)
    chunks = b"fmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", size) + samples + behind
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


BYTES = 32_000  # two seconds
WAVS: dict[str, tuple[bytes, float, str]] = {
    "right": (wav(BYTES), 2.0, ""),
    "right, more chunks": (wav(BYTES, behind=b"LIST\x04\0\0\0INFO"), 2.0, ""),
    "nought": (wav(0), 2.0, "its header gives no length"),
    "all ones": (wav(0xFFFFFFFF), 2.0, "its header gives no length"),
    "too large": (wav(10 * BYTES), 2.0, "cut short: the file ends after 2.0 s"),
    "a little too large": (wav(BYTES + 2), 2.0, "cut short: the file ends after 2.0 s"),
    "odd": (wav(BYTES - 1), 2.0, ""),
    "too small": (wav(BYTES // 2), 1.0, "16,000 bytes behind the sound"),
}


@pytest.mark.parametrize("kind", WAVS)
def test_a_wrong_size_of_the_sound_in_a_wav_is_told(tmp_path: Path, kind: str) -> None:
    data, seconds, note = WAVS[kind]
    (tmp_path / "a.wav").write_bytes(data)
    media = open_media(tmp_path / "a.wav")
    assert media.duration_s == pytest.approx(seconds, abs=0.001)
    assert read_audio(media).duration_s == pytest.approx(seconds, abs=0.001)
    assert len(media.notes) == bool(note)
    assert "".join(media.notes).startswith(note)


def write_tracks(path: Path, *tracks: np.ndarray, video: bool = True) -> Path:
    """A clip of two seconds whose sound tracks hold ``tracks`` (mono, 16 kHz)."""
    with av.open(str(path), "w") as out:
        images = out.add_stream("libx264", rate=10) if video else None
        if images is not None:
            images.width, images.height, images.pix_fmt = 64, 48, "yuv420p"
        waveforms = [out.add_stream("pcm_s16le", rate=16000, layout="mono") for _ in tracks]
        for number in range(20 if images else 0):
            assert images is not None
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), number * 9, np.uint8), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            out.mux(images.encode(frame))
        for stream, samples in zip(waveforms, tracks, strict=True):
            assert isinstance(stream, AudioStream)
            audio = av.AudioFrame.from_ndarray((samples * 32_000).astype(np.int16)[None], format="s16", layout="mono")
            audio.sample_rate, audio.pts = 16000, 0
            out.mux(stream.encode(audio))
        if images is not None:
            out.mux(images.encode(None))
        for stream in waveforms:
            assert isinstance(stream, AudioStream)
            out.mux(stream.encode(None))
    return path


SILENCE = np.zeros(32_000, np.float32)


def loudness(audio_samples: np.ndarray) -> float:
    return float(np.abs(audio_samples).mean())


def test_a_silent_track_is_passed_over(tmp_path: Path) -> None:
    media = open_media(write_tracks(tmp_path / "a.mkv", SILENCE, tone(2.0)))
    assert notes_on(media, "it holds 2 sound tracks")
    audio, told = hear(media, 16000)
    assert loudness(audio.samples) > 0.2
    assert notes_on(
        told, "of its 2 sound tracks number 2 was heard: the one marked to be played, or the first, is silent"
    )
    assert not notes_on(told, "it holds")
    assert loudness(read_audio(media).samples) > 0.2


def test_the_track_in_which_somebody_speaks_is_heard(tmp_path: Path) -> None:
    """Music first, speech second; what counts as speech is handed in."""
    media = open_media(write_tracks(tmp_path / "a.mka", 0.2 * tone(2.0), tone(2.0), video=False))
    audio, told = hear(media, 16000, speech_s=lambda a: 2.0 * (loudness(a.samples) > 0.2))
    assert loudness(audio.samples) > 0.2
    assert notes_on(told, "of its 2 sound tracks number 2 was heard: there somebody speaks the most")
    audio, told = hear(media, 16000, speech_s=lambda a: 2.0 if loudness(a.samples) > 0.2 else 1.5)
    assert loudness(audio.samples) < 0.2
    assert notes_on(told, "of its 2 sound tracks number 1 was heard: it is the one marked to be played")


def test_of_many_tracks_the_first_are_compared(tmp_path: Path) -> None:
    tracks = [SILENCE] * 9
    tracks[7] = tone(2.0)
    media = open_media(write_tracks(tmp_path / "a.mka", *tracks, video=False))
    audio, told = hear(media, 16000, speech_s=lambda _: 1.0)
    assert loudness(audio.samples) > 0.2
    assert notes_on(told, "of its 9 sound tracks number 8 was heard")
    assert notes_on(told, "of its 9 sound tracks the first 8 were compared")


def test_one_track_needs_no_note(tmp_path: Path) -> None:
    media = open_media(write_tracks(tmp_path / "a.mkv", tone(2.0)))
    assert hear(media, 16000)[1].notes == ()


def test_a_second_video_track_is_told(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mkv"), "w") as out:
        streams = []
        for width in (64, 128):
            stream = out.add_stream("libx264", rate=10)
            stream.width, stream.height, stream.pix_fmt = width, 48, "yuv420p"
            streams.append(stream)
        for number in range(10):
            for stream in streams:
                frame = av.VideoFrame.from_ndarray(np.zeros((48, stream.width, 3), np.uint8), format="rgb24")
                frame.pts, frame.time_base = number, Fraction(1, 10)
                out.mux(stream.encode(frame))
        for stream in streams:
            out.mux(stream.encode())
    media = open_media(tmp_path / "a.mkv")
    assert media.width == 128
    assert media.notes == ("it holds 2 video tracks: only number 2, the largest, was examined",)


def test_damaged_frames_are_counted(tmp_path: Path) -> None:
    """PNG pictures in a QuickTime file: the beginnings of three are overwritten."""
    path = write_video(tmp_path / "a.mov", TIMES[:40], codec="png", pixels="rgb24")
    with av.open(str(path)) as container:
        places = [p.pos for p in container.demux(video=0) if p.size]
    data = bytearray(path.read_bytes())
    for number in (5, 6, 20):
        at = data.index(b"PNG\r\n", places[number])
        data[at : at + 40] = bytes(40)
    path.write_bytes(data)
    told = Notes()
    media = open_media(path)
    codes = [read_code(frame.pixels) for frame in sample_frames(media, 100, told=told)]
    assert codes == [number for number in range(40) if number not in (5, 6, 20)]
    assert told.onto(media).notes == ("3 damaged frames were left out",)
    assert told.onto(media).notes[0].zh == "略去了 3 个损坏的视频帧"  # type: ignore[attr-defined]


def test_damaged_sound_is_counted(tmp_path: Path) -> None:
    path = write_audio(tmp_path / "a.flac", "flac", 4.0)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 600] = bytes(600)
    path.write_bytes(data)
    sound, media = hear(open_media(path))
    (note,) = media.notes
    assert re.fullmatch(r"0\.[1-9] s of sound are missing in between: silence was put in their place", note)
    assert sound.duration_s == pytest.approx(4.0, abs=0.01)


def with_gap(path: Path, gap_s: float) -> Path:
    """A second of tone, nothing for ``gap_s``, and another second of it, each of whole Opus packets."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libopus", rate=48_000, layout="mono")
        assert isinstance(stream, AudioStream)
        waveform = tone(2.0, 48_000)
        for start in range(0, 96_000, 960):
            frame = av.AudioFrame.from_ndarray(waveform[None, start : start + 960], format="flt", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 48_000, start, Fraction(1, 48_000)
            for packet in stream.encode(frame):
                assert packet.pts is not None
                late = round(gap_s / packet.time_base) if packet.pts * packet.time_base >= 1 else 0
                packet.pts = packet.dts = packet.pts + late
                output.mux(packet)
    return path


@pytest.mark.parametrize("rate_hz", [None, 16_000])
def test_sound_after_a_gap_is_heard_at_its_time(tmp_path: Path, rate_hz: int | None) -> None:
    media = open_media(with_gap(tmp_path / "a.mka", 3.0))
    sound, told = hear(media, rate_hz)
    assert sound.duration_s == pytest.approx(5.0, abs=0.05)
    (gap,) = sound.gaps
    assert gap.start_s == pytest.approx(1.0, abs=0.03)
    assert gap.end_s == pytest.approx(4.0, abs=0.03)
    loud = np.abs(sound.samples[0]) > 0.01
    after = np.flatnonzero(loud & (np.arange(len(loud)) > 2 * sound.rate_hz))
    assert after[0] / sound.rate_hz == pytest.approx(4.0, abs=0.03)
    assert not sound.samples[0, int(1.1 * sound.rate_hz) : int(3.9 * sound.rate_hz)].any()
    assert [note for note in told.notes if "missing" in note] == [
        "3.0 s of sound are missing in between: silence was put in their place"
    ]


def test_a_leap_further_than_a_file_may_last_is_not_filled(tmp_path: Path) -> None:
    media = open_media(with_gap(tmp_path / "a.mka", 3.0))
    for limits in (Limits(max_audio_values=4 * 48_000), Limits(max_duration_s=4)):
        sound, told = hear(media, limits=limits)
        assert sound.duration_s == pytest.approx(2.0, abs=0.05)
        assert sound.gaps == ()
        assert any("3.0 s, too far to fill" in note for note in told.notes)


def wrong(at: Fraction) -> int:
    """One stamp two seconds late."""
    return 2 if at == 1 else 0


def restarted(at: Fraction) -> int:
    """A clock that begins anew after half a second, and leaps by three once the first is over."""
    return 60 if at < Fraction(1, 2) else 0 if at < 1 else 3


@pytest.mark.parametrize(("moved", "filled"), [(wrong, []), (restarted, [3.0])])
def test_a_leap_is_one_that_the_next_frame_goes_on_from(moved: Callable[[Fraction], int], filled: list[float]) -> None:
    frames = []
    for number in range(100):
        at = Fraction(number, 50)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 960), np.float32), format="flt", layout="mono")
        frame.sample_rate, frame.pts = 48_000, round((at + moved(at)) * 48_000)
        frames.append(frame)
    assert [gap for _, gap in _Gaps(Fraction(1, 48_000)).told(frames) if gap] == pytest.approx(filled)


def test_an_hour_of_nothing_in_a_second_of_sound_is_not_filled(tmp_path: Path) -> None:
    sound, told = hear(open_media(with_gap(tmp_path / "a.mka", 3600.0)))
    assert sound.duration_s == pytest.approx(2.0, abs=0.05)
    assert any("too far to fill" in note for note in told.notes)


def test_damaged_packets_of_sound_are_counted(tmp_path: Path) -> None:
    path = write_audio(tmp_path / "a.m4a", "aac", 2.0)
    with av.open(str(path)) as container:
        packets = [bytes(p) for p in container.demux(audio=0) if p.size]
    data = path.read_bytes()
    for packet in packets[20:22]:
        data = data.replace(packet, b"\xff" * len(packet))
    path.write_bytes(data)
    _, media = hear(open_media(path))
    assert media.notes[0] == "2 damaged packets of sound left out"
