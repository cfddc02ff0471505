"""Streams that name themselves nowhere: raw H.264 and HEVC from any unit on, transport streams from anywhere."""

from __future__ import annotations

import io
import re
from fractions import Fraction
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhenwei.errors import MediaError
from zhenwei.media import open_media, read_audio, sample_frames
from zhenwei.media.bitstreams import bare_audio, raw_video, transport_start
from zhenwei.media.formats import Format, recognise
from zhenwei.media.wholeness import ending

from .making import read_code, write_audio, write_video

H264 = {"a.264": ("libx264", "h264"), "a.265": ("libx265", "hevc")}
SEI = {"h264": b"\0\0\0\x01\x06\x05\x01\x00\x80", "hevc": b"\0\0\0\x01\x4e\x01\x05\x01\x00\x80"}
DELIMITER = {"h264": b"\0\0\0\x01\x09\xf0", "hevc": b"\0\0\0\x01\x46\x01\x50"}


def raw(path: Path, codec: str, rate: int, **options: str) -> bytes:
    extra = {"x265-params": "log-level=none:bframes=0" + options.pop("more", "")} if codec == "libx265" else {"bf": "0"}
    times = list(range(40))
    given_options = {"g": "10", **extra, **options}
    video = write_video(path, times, unit=Fraction(1, rate), last=1, codec=codec, options=given_options, rate=rate)
    return video.read_bytes()


@pytest.mark.parametrize("name", H264)
@pytest.mark.parametrize("rate", [10, 25, 50])
def test_a_raw_stream_goes_at_the_rate_that_it_states(tmp_path: Path, name: str, rate: int) -> None:
    codec, form = H264[name]
    raw(tmp_path / name, codec, rate)
    media = open_media(tmp_path / name)
    assert (media.container, media.fps, media.frame_count, media.notes) == (form, rate, 40, ())
    assert media.duration_s == pytest.approx(40 / rate)
    times = [frame.time_s for frame in sample_frames(media, 40)]
    assert times == pytest.approx([number / rate for number in range(40)])


def test_a_rate_that_is_not_stated_is_told_as_a_guess(tmp_path: Path) -> None:
    raw(tmp_path / "a.265", "libx265", 10, more=":vui-timing-info=0")
    media = open_media(tmp_path / "a.265")
    assert (media.fps, media.duration_s) == (25, 40 / 25)
    assert media.notes == (
        "it does not say how many frames a second it shows: 25 were assumed, so its times are a guess",
    )


@pytest.mark.parametrize("name", H264)
@pytest.mark.parametrize("before", ["sei", "delimiter", "zeros", "short start code", "sei, delimiter"])
def test_a_raw_stream_may_begin_with_any_unit(tmp_path: Path, name: str, before: str) -> None:
    codec, form = H264[name]
    data = raw(tmp_path / name, codec, 25)
    prefix = {
        "sei": SEI[form],
        "delimiter": DELIMITER[form],
        "zeros": bytes(5),
        "short start code": b"",
        "sei, delimiter": SEI[form] + DELIMITER[form],
    }[before]
    (tmp_path / "b").write_bytes(prefix + (data[1:] if before == "short start code" else data))
    media = open_media(tmp_path / "b")
    assert (media.container, media.codec, media.fps) == (form, form, 25)
    assert [read_code(frame.pixels) for frame in sample_frames(media, 40)] == list(range(40))


@pytest.mark.parametrize("name", H264)
def test_a_raw_stream_may_begin_in_the_middle(tmp_path: Path, name: str) -> None:
    """With slices of a group whose key frame is gone: from the next key frame on it is read."""
    codec, form = H264[name]
    data = raw(tmp_path / name, codec, 25, **({"x264-params": "repeat-headers=1"} if form == "h264" else {}))
    starts = [at for at in range(len(data) - 3) if data[at : at + 3] == b"\0\0\x01"]
    slices = [at for at in starts if (data[at + 3] & 31 == 1 if form == "h264" else data[at + 3] >> 1 & 63 <= 9)]
    (tmp_path / "b").write_bytes(data[slices[2] :])
    media = open_media(tmp_path / "b")
    assert media.container == form
    codes = [read_code(frame.pixels) for frame in sample_frames(media, 40)]
    assert set(range(10, 40)) <= set(codes)


@pytest.mark.parametrize(
    "data",
    [
        b"\0\0\x01\xb3" + bytes(40),  # MPEG-1 and 2 video
        b"\0\0\x01\xba" + bytes(40),  # program streams
        b"\0\0\0\x01",
        b"\0\0\0\x01\x67\x64",
        bytes(4096),
        b"\0\0\0\x14ftypheic",
        b"\0\0\x01\x67\x64\0\0\x01\x68\xee\0\0\x01\x80\x00",  # a unit that is forbidden
        b"words\n" * 100,
    ],
)
def test_what_is_no_raw_stream(data: bytes) -> None:
    assert raw_video(data) == ""


@given(st.binary(max_size=600))
def test_any_bytes_are_looked_at_without_an_error(data: bytes) -> None:
    for head in (data, b"\0\0\x01" + data, b"\x47" + data):
        raw_video(head)
        transport_start(head)
        bare_audio(head)
        recognise(head)


@pytest.fixture(scope="module")
def broadcast(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("broadcast") / "a.ts"
    options = {"g": "50", "bf": "0", "sc_threshold": "0"}
    return write_video(path, [40 * i for i in range(150)], options=options, audio_s=6.0, scale=2).read_bytes()


@pytest.mark.parametrize("skipped", [1, 100, 187, 188 * 3 + 50])
def test_a_transport_stream_from_the_middle_of_a_packet(tmp_path: Path, broadcast: bytes, skipped: int) -> None:
    (tmp_path / "a").write_bytes(broadcast[skipped:])
    media = open_media(tmp_path / "a")
    assert media.container == "mpegts"
    bytes_before = -skipped % 188
    assert f"the first {bytes_before} bytes were left out" in " ".join(media.notes)
    codes = [read_code(frame.pixels) for frame in sample_frames(media, 150)]
    assert set(range(50, 150)) <= set(codes)


def test_a_transport_stream_from_before_a_key_frame(tmp_path: Path, broadcast: bytes) -> None:
    """Beginning with frames 10 to 49 of the first group, which nothing in the file lets decode."""
    with av.open(str(write(tmp_path / "whole.ts", broadcast))) as container:
        packets = [p.pos for p in container.demux(video=0) if p.size]
    media = open_media(write(tmp_path / "a.ts", broadcast[: 3 * 188] + broadcast[packets[10] or 0 :]))
    (note,) = media.notes
    words = re.fullmatch(r"it begins in the middle: (\d+) frames before the first key frame cannot .* left out", note)
    assert words is not None
    assert 36 <= int(words[1]) <= 40  # FFmpeg drops some before it knows the tracks
    assert media.frame_count == 100
    frames = list(sample_frames(media, 200))
    assert [read_code(frame.pixels) for frame in frames] == list(range(50, 150))
    assert [read_code(frame.pixels) for frame in sample_frames(media, 5)] == [60, 80, 99, 119, 139]


def test_a_transport_stream_that_ends_amid_a_packet(tmp_path: Path, broadcast: bytes) -> None:
    media = open_media(write(tmp_path / "a.ts", broadcast[: 188 * (len(broadcast) // 188 // 2) + 60]))
    assert [note[:36] for note in media.notes] == ["cut short: the file ends after 3.0 s"]


@pytest.mark.parametrize("stride", [192, 204])
def test_transport_packets_of_other_lengths(tmp_path: Path, broadcast: bytes, stride: int) -> None:
    packets = [broadcast[at : at + 188] for at in range(0, len(broadcast), 188)]
    longer = b"".join(bytes(4) + p if stride == 192 else p + bytes(16) for p in packets)
    media = open_media(write(tmp_path / "a", longer))
    assert (media.container, media.frame_count, media.notes) == ("mpegts", 150, ())
    assert recognise(longer[77:]) is not None


@pytest.mark.parametrize(("name", "codec"), [("a.mp3", "libmp3lame"), ("a.aac", "aac")])
def test_sound_from_the_middle_of_a_frame(tmp_path: Path, name: str, codec: str) -> None:
    """As a recording of a radio stream begins."""
    data = write_audio(tmp_path / name, codec, 6.0).read_bytes()
    found = bare_audio(data[3000:])
    assert found is not None
    assert found[1] > 0
    media = open_media(write(tmp_path / "b", data[3000:]))
    assert (media.kind, media.container) == ("audio", name[2:])
    assert media.notes == (f"it begins in the middle of a packet or frame: the first {found[1]} bytes were left out",)
    assert media.duration_s == pytest.approx(6.0 * (1 - 3000 / len(data)), abs=0.3)
    assert read_audio(media).duration_s == pytest.approx(media.duration_s, abs=0.15)


FORMS = [
    "mov,mp4,m4a,3gp,3g2,mj2",
    "matroska,webm",
    "avi",
    "wav",
    "aiff",
    "au",
    "ogg",
    "mpegts",
    "asf",
    "flv",
    "caf",
    "w64",
]
MAGIC = [
    b"",
    b"\0\0\0\x10ftypisom",
    b"\x1aE\xdf\xa3\x80",
    b"RIFF\xff\0\0\0WAVEfmt ",
    b"RF64" + b"\xff" * 4 + b"WAVEds64",
]
MAGIC += [b"FORM\0\0\0\x09AIFFSSND", b".snd", b"OggS\0\4", b"caff\0\1\0\0data", b"FLV\1", b"RIFF\x04\0\0\0AVI "]


@given(st.sampled_from(FORMS), st.sampled_from(MAGIC), st.binary(max_size=300))
def test_any_bytes_have_an_ending(form: str, magic: bytes, data: bytes) -> None:
    file = io.BytesIO(magic + data)
    found = ending(file, Format(form, "container", form), len(magic + data))
    assert found.behind >= 0
    assert file.tell() == 0


def test_text_with_many_letters_g_is_no_transport_stream(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="plain text"):
        open_media(write(tmp_path / "a.ts", b"G" * 4000))


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path
