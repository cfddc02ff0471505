"""Sound is decoded whole, scaled, resampled and on the clock of the frames."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.stream import VideoStream
from PIL import Image

from zhenwei.errors import MediaError, UsageError
from zhenwei.media import Limits, open_media, read_audio, sample_frames

from .making import encoded, float_wav, scene, tone, write_audio, write_video

LOSSLESS = [("a.wav", "pcm_s16le", 2), ("a.wav", "pcm_s32le", 1), ("a.wav", "pcm_f32le", 1), ("a.wav", "pcm_u8", 300)]
LOSSLESS += [("a.flac", "flac", 2), ("a.aiff", "pcm_s16be", 2), ("a.wav", "pcm_s24le", 1), ("a.mkv", "pcm_f64le", 1)]


@pytest.mark.parametrize(("name", "codec", "steps"), LOSSLESS)
def test_lossless_sound_is_scaled_by_its_full_range(tmp_path: Path, name: str, codec: str, steps: int) -> None:
    media = open_media(write_audio(tmp_path / name, codec))
    audio = read_audio(media)
    assert (media.kind, media.audio_rate_hz, media.audio_channels) == ("audio", 16000, 1)
    assert media.duration_s == pytest.approx(1.0)
    assert audio.rate_hz == 16000
    assert audio.samples.dtype == np.float32
    assert not audio.samples.flags.writeable
    assert audio.samples.shape == (1, 16000)
    assert np.abs(audio.samples[0] - tone(1.0)).max() <= steps / 2**15


@pytest.mark.parametrize(("name", "codec"), [("a.mp3", "libmp3lame"), ("a.m4a", "aac"), ("a.ogg", "libopus")])
def test_lossy_sound_has_its_tone(tmp_path: Path, name: str, codec: str) -> None:
    audio = read_audio(open_media(write_audio(tmp_path / name, codec)), 16000)
    assert audio.duration_s == pytest.approx(1.0, abs=0.1)
    middle = audio.samples[0, 4000:12000]
    assert np.abs(np.fft.rfft(middle)).argmax() * 16000 / 8000 == pytest.approx(440, abs=2)
    assert middle.std() == pytest.approx(0.5 / np.sqrt(2), rel=0.05)


@pytest.mark.parametrize("rate_hz", [8000, 22050, 48000])
def test_resampling_keeps_length_and_tone(tmp_path: Path, rate_hz: int) -> None:
    audio = read_audio(open_media(write_audio(tmp_path / "a.wav", "pcm_f32le")), rate_hz)
    assert audio.rate_hz == rate_hz
    assert audio.samples.shape[1] == pytest.approx(rate_hz, abs=2)
    expected = tone(1.0, rate_hz)[: audio.samples.shape[1]]
    inside = slice(rate_hz // 10, -rate_hz // 10)
    assert np.abs(audio.samples[0, : len(expected)] - expected)[inside].max() < 1e-3


@pytest.mark.parametrize("channels", [2, 3, 5, 12])
def test_channels_stay_apart(tmp_path: Path, channels: int) -> None:
    levels = np.linspace(-1, 1, channels, dtype=np.float32)
    (tmp_path / "a.wav").write_bytes(float_wav(np.repeat(levels[:, None], 800, axis=1), 8000))
    audio = read_audio(open_media(tmp_path / "a.wav"))
    assert np.array_equal(audio.samples, np.repeat(levels[:, None], 800, axis=1))


def test_more_planes_than_usual(tmp_path: Path) -> None:
    """Twelve channels that are decoded to twelve planes: beyond eight, FFmpeg keeps them elsewhere."""
    with av.open(str(tmp_path / "a.mka"), "w", format="matroska") as output:
        stream = output.add_stream("libopus", rate=48000, layout="7.1.4", options={"mapping_family": "255"})
        waveform = av.AudioFrame.from_ndarray(np.full((1, 12 * 9600), 0.25, np.float32), format="flt", layout="7.1.4")
        waveform.sample_rate = 48000
        output.mux(stream.encode(waveform))
        output.mux(stream.encode())
    for _ in range(20):
        samples = read_audio(open_media(tmp_path / "a.mka")).samples
        assert samples.shape[0] == 12
        assert samples.shape[1] == pytest.approx(9600, abs=1000)


def test_beyond_full_scale_is_clipped(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(float_wav(np.array([[0.5, 3.0, -7.0, 1e30]], np.float32), 8000))
    assert read_audio(open_media(tmp_path / "a.wav")).samples.tolist() == [[0.5, 1.0, -1.0, 1.0]]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("rate_hz", [None, 4000])
def test_samples_that_are_not_numbers_are_refused(tmp_path: Path, bad: float, rate_hz: int | None) -> None:
    samples = tone(1.0)[None].copy()
    samples[0, 12345] = bad
    (tmp_path / "a.wav").write_bytes(float_wav(samples, 16000))
    with pytest.raises(MediaError, match="not numbers"):
        read_audio(open_media(tmp_path / "a.wav"), rate_hz)


def test_track_of_a_video(tmp_path: Path) -> None:
    media = open_media(write_video(tmp_path / "a.mp4", [40 * i for i in range(25)], audio_s=1.0))
    assert (media.kind, media.codec, media.audio_codec, media.audio_rate_hz) == ("video", "h264", "aac", 16000)
    audio = read_audio(media)
    expected = tone(1.0)
    assert np.abs(audio.samples[0, 2000:14000] - expected[2000:14000]).max() < 0.02  # in step with what was written


def late(path: Path, late_s: float) -> Path:
    """A second of picture, and a tenth of a second of sound at 8 kHz."""
    with av.open(str(path), "w") as output:
        video = output.add_stream("ffv1", rate=25)
        assert isinstance(video, VideoStream)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio = output.add_stream("pcm_s16le", rate=8000, layout="mono")
        for number in range(25):
            frame = av.VideoFrame.from_ndarray(scene(), format="rgb24")
            frame.pts = number
            output.mux(video.encode(frame))
        waveform = av.AudioFrame.from_ndarray(np.full((1, 800), 16384, np.int16), format="s16", layout="mono")
        waveform.sample_rate, waveform.pts = 8000, round(8000 * late_s)
        output.mux(audio.encode(waveform))
        output.mux(video.encode())
        output.mux(audio.encode())
    return path


def test_late_sound_is_led_by_silence(tmp_path: Path) -> None:
    """The same samples half a second later in the file come half a second later."""
    samples = read_audio(open_media(late(tmp_path / "a.mkv", 0.5))).samples[0]
    assert samples.shape == (4800,)
    assert not samples[:4000].any()
    assert (samples[4000:] == 0.5).all()


def test_the_silence_that_leads_late_sound_counts(tmp_path: Path) -> None:
    """A small file must not unfold into all of the memory."""
    media = open_media(late(tmp_path / "a.mkv", 600.0))
    with pytest.raises(MediaError, match="too much sound"):
        read_audio(media, limits=Limits(max_audio_values=600 * 8000 - 1))
    samples = read_audio(media, limits=Limits(max_audio_values=601 * 8000)).samples[0]
    assert np.flatnonzero(samples)[0] == 600 * 8000


def test_sound_of_which_the_file_gives_no_length_is_kept_whole(tmp_path: Path) -> None:
    both = np.stack([tone(4.0), tone(4.0, hertz=300.0)])
    data = float_wav(both, 16000)
    (tmp_path / "a.wav").write_bytes(data.replace(struct.pack("<4sI", b"data", both.nbytes), b"data" + b"\xff" * 4))
    media = open_media(tmp_path / "a.wav")
    assert np.array_equal(read_audio(media).samples, both)
    assert read_audio(media, 48000).samples.shape == (2, 4 * 48000)


def test_a_file_that_tells_of_more_sound_than_there_is_memory_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = np.stack([tone(4.0), tone(4.0, hertz=300.0)])
    (tmp_path / "a.wav").write_bytes(float_wav(both, 16000))
    zeros, refused = np.zeros, list[tuple[int, ...]]()

    def scarce(shape: tuple[int, ...], dtype: type) -> np.ndarray:
        if math.prod(shape) > 100_000 and not refused:
            refused.append(shape)
            raise MemoryError
        return zeros(shape, dtype)

    monkeypatch.setattr("zhenwei.media.audio.np.zeros", scarce)
    assert np.array_equal(read_audio(open_media(tmp_path / "a.wav")).samples, both)
    assert len(refused) == 1


def test_cover_art_is_not_video(tmp_path: Path) -> None:
    """An MP3 with an ID3 picture: the tag is written by hand after ID3v2.3, 4.15."""
    waveform = write_audio(tmp_path / "plain.mp3", "libmp3lame").read_bytes()
    body = b"\0image/jpeg\0\x03\0" + encoded(Image.fromarray(scene()), "JPEG")
    frame = b"APIC" + len(body).to_bytes(4, "big") + b"\0\0" + body
    size = bytes(len(frame) >> shift & 0x7F for shift in (21, 14, 7, 0))
    (tmp_path / "a.mp3").write_bytes(b"ID3\x03\0\0" + size + frame + waveform)
    with av.open(str(tmp_path / "a.mp3")) as container:
        assert len(container.streams.video) == 1  # FFmpeg does see a video track
    media = open_media(tmp_path / "a.mp3")
    assert (media.kind, media.codec, media.width) == ("audio", "mp3", None)
    cover = "a cover picture in the file was not examined: save it as a file of its own to examine it"
    assert cover in media.notes
    assert read_audio(media).duration_s == pytest.approx(1.0, abs=0.1)
    with pytest.raises(MediaError, match="no frames"):
        sample_frames(media)


def test_no_sound(tmp_path: Path) -> None:
    media = open_media(write_video(tmp_path / "a.mp4", [0, 40]))
    assert media.audio_codec == ""
    with pytest.raises(MediaError, match="no sound"):
        read_audio(media)


def test_empty_sound_track_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(float_wav(np.zeros((1, 0), np.float32), 8000))
    with pytest.raises(MediaError):
        read_audio(open_media(tmp_path / "a.wav"))


def test_too_much_sound_and_senseless_rate(tmp_path: Path) -> None:
    media = open_media(write_audio(tmp_path / "a.wav", "pcm_s16le"))
    with pytest.raises(MediaError, match="too much sound"):
        read_audio(media, limits=Limits(max_audio_values=9000))
    with pytest.raises(UsageError, match="rate_hz"):
        read_audio(media, 0)
