"""Marking and signing keep what a file holds: orientation, profile, transparency, chunks, sound."""

from __future__ import annotations

import datetime
import io
import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile
from av.stream import Disposition
from PIL import Image, JpegImagePlugin
from tests.carriers import FORMATS, audio, carrier, clip, image, saved

from zhenwei import media
from zhenwei.defence.credential import read_credential, sign
from zhenwei.defence.identity import Identity, own_identity
from zhenwei.defence.labels import Aigc, read_labels, write_labels
from zhenwei.defence.marking import mark_file
from zhenwei.defence.protect import identifier, lost_by_marking, protect
from zhenwei.defence.verify import verify
from zhenwei.defence.watermark import read_image
from zhenwei.errors import DataError, MediaError, UnmarkedError, UsageError
from zhenwei.types import in_language

PORTRAIT = Path(__file__).parents[1] / "data" / "astronaut.jpg"
TODAY = datetime.datetime.now(datetime.UTC).date()
KEY, IDENT = bytes(range(32)), bytes.fromhex("00c0ffee00c0ffee")


@pytest.fixture(scope="module")
def me(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return own_identity(tmp_path_factory.mktemp("home"), TODAY)


def _psnr(one: Image.Image, other: Image.Image) -> float:
    difference = np.asarray(one.convert("RGB"), float) - np.asarray(other.convert("RGB"), float)
    return float(10 * np.log10(255**2 / np.mean(difference**2)))


def _open(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["jpeg", "png", "webp"])
def test_pictures_are_marked_upright_and_stored_turned_as_before(form: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = orientation, "Maker"
    given = saved(image(200, 280), form, exif=exif, icc_profile=b"profile" * 30)
    marked = mark_file(given, IDENT, KEY)
    before, after = _open(given), _open(marked)
    assert after.size == before.size
    assert after.getexif() == before.getexif()
    assert after.info["icc_profile"] == before.info["icc_profile"]
    assert _psnr(before, after) > 38
    read = verify(marked, keys=[KEY])  # upright, as everything here is read
    assert [(mark.ident, mark.transform) for mark in read.marks] == [(IDENT.hex(), "as it is")]


@pytest.mark.parametrize("sampling", [0, 1, 2])
@pytest.mark.parametrize("quality", [60, 98])
def test_jpeg_keeps_its_sampling_of_colour_and_is_95_or_finer(sampling: int, quality: int) -> None:
    given = saved(image(200, 280), "jpeg", quality=quality, subsampling=sampling, comment=b"mine", progressive=True)
    after = _open(mark_file(given, IDENT, KEY))
    assert isinstance(after, JpegImagePlugin.JpegImageFile)
    assert JpegImagePlugin.get_sampling(after) == sampling
    assert after.info["comment"] == b"mine"
    assert after.info["progressive"]
    finest = _open(saved(image(), "jpeg", quality=max(quality, 95)))
    assert getattr(after, "quantization") == getattr(finest, "quantization")  # noqa: B009 - a plugin's own attribute


def test_existing_labels_and_other_segments_stay() -> None:
    given = write_labels(PORTRAIT.read_bytes(), Aigc(produce_id="a"), None)
    given = given[:2] + b"\xff\xed\x00\x10Photoshop 3.0\0" + given[2:]
    marked = mark_file(given, IDENT, KEY)
    assert read_labels(marked).aigc == Aigc(produce_id="a")
    assert b"Photoshop 3.0\0" in marked


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "LA"])
def test_grey_transparent_and_palette_png_keep_their_kind(mode: str) -> None:
    layer = Image.fromarray(image(200, 280)).convert("RGBA")
    layer.putalpha(Image.linear_gradient("L").resize(layer.size).point(lambda v: 128 + v // 2))
    given_image = layer.convert(mode) if mode in ("RGBA", "LA") else layer.convert("RGB").convert(mode)
    out = io.BytesIO()
    given_image.save(out, "PNG")
    marked = mark_file(out.getvalue(), IDENT, KEY)
    after = _open(marked)
    if mode in ("RGBA", "LA"):
        assert after.getchannel("A").tobytes() == given_image.getchannel("A").tobytes()
    if mode == "L":
        assert after.mode == "L"
    mark = read_image(np.array(after.convert("RGB")), KEY)
    assert mark is not None
    assert mark.ident == IDENT


def _cut_out(width_of_hole: int, form: str, orientation: int = 1) -> bytes:
    """A picture of 300 px with nothing left of ``width_of_hole`` and little in its lower fifth."""
    layer = np.dstack([image(300, 300), np.full((300, 300), 255, np.uint8)])
    layer[240:, :, 3], layer[:, :width_of_hole] = 120, 0
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(layer, form, exif=exif, **({"exact": True} if form == "webp" else {}))


@pytest.mark.parametrize(("form", "orientation"), [("png", 1), ("png", 6), ("webp", 1)])
def test_what_is_partly_transparent_is_read_as_it_was_marked(form: str, orientation: int, me: Identity) -> None:
    given = _cut_out(30, form, orientation)
    (mark,) = verify(mark_file(given, IDENT, KEY), keys=[KEY]).marks
    assert (mark.ident, mark.transform, mark.intact, mark.altered) == (IDENT.hex(), "as it is", True, 0.0)
    signed = protect(given, claim="edited", identity=me, key=KEY)
    assert signed.marked
    assert signed.verification.marks[0].intact
    painted = np.array(_open(mark_file(_cut_out(30, form), IDENT, KEY)))
    painted[60:180, 90:240, :3] = 90
    (mark,) = verify(saved(painted, form), keys=[KEY]).marks
    assert mark.intact is False  # what is seen still counts


def test_a_level_of_grey_that_is_not_seen_stays_unseen() -> None:
    grey = image(200, 280)[:, :, 0].copy()
    grey[:40, :40] = 100
    out = io.BytesIO()
    Image.fromarray(grey).save(out, "PNG", transparency=100)
    marked = mark_file(out.getvalue(), IDENT, KEY)
    before, after = (_open(data).convert("RGBA").getchannel("A").tobytes() for data in (out.getvalue(), marked))
    assert after == before
    (mark,) = verify(marked, keys=[KEY]).marks
    assert mark.intact


def test_what_is_too_transparent_to_keep_a_mark_is_told(me: Identity) -> None:
    with Image.open(PORTRAIT) as photo:
        layer = photo.convert("RGBA")
    y, x = (np.linspace(-1, 1, side)[:, None] for side in (layer.height, layer.width))
    layer.putalpha(Image.fromarray(np.where(y**2 + x.T**2 < 0.7, 255, 0).astype(np.uint8)))
    given = saved(np.asarray(layer), "png")
    with pytest.raises(UnmarkedError, match="too transparent") as error:
        mark_file(given, IDENT, KEY)
    assert error.value.got.endswith("% transparent")
    signed = protect(given, claim="edited", identity=me, key=KEY)
    assert not signed.marked
    assert "too transparent" in signed.notes[0]
    assert "透明" in in_language(signed.notes[0], "zh")


def test_png_chunks_stay_in_their_places() -> None:
    given = saved(image(200, 280), "png", dpi=(72, 72))
    body = b"tEXtAuthor\0me"
    import zlib

    end = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    given = given[:-12] + end + given[-12:]
    marked = mark_file(given, IDENT, KEY)
    assert marked.index(b"pHYs") < marked.index(b"IDAT") < marked.index(b"Author\0me")
    assert _open(marked).info["dpi"] == pytest.approx((72, 72), abs=0.1)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "PCM_32", "FLOAT", "PCM_U8"])
def test_wave_files_keep_their_kind_and_their_chunks(subtype: str) -> None:
    out = io.BytesIO()
    soundfile.write(out, np.stack([audio(4.0), 0.5 * audio(4.0)], axis=1), 16000, format="WAV", subtype=subtype)
    more = b"note" + struct.pack("<I", 4) + b"mine"
    given = b"RIFF" + struct.pack("<I", len(out.getvalue()) - 8 + len(more)) + out.getvalue()[8:] + more
    marked = mark_file(given, IDENT, KEY)
    assert b"notemine" in marked.replace(struct.pack("<I", 4), b"")
    with soundfile.SoundFile(io.BytesIO(marked)) as file:
        assert (file.subtype, file.samplerate, file.channels, file.frames) == (subtype, 16000, 2, 64000)
    read = verify(marked, keys=[KEY])
    assert [mark.ident for mark in read.marks] == [IDENT[:2].hex()]


def test_floating_point_sound_keeps_what_is_louder_than_full_scale() -> None:
    loud = 2.5 * audio(4.0) / np.abs(audio(4.0)).max()
    out = io.BytesIO()
    soundfile.write(out, loud, 16000, format="WAV", subtype="FLOAT")
    marked, _ = soundfile.read(io.BytesIO(mark_file(out.getvalue(), IDENT, KEY)))
    assert np.abs(marked).max() > 2.4
    assert np.sqrt(np.mean((marked - loud) ** 2)) < 0.2 * np.sqrt(np.mean(loud**2))


def test_clips_keep_every_sound_the_shape_of_their_pixels_and_their_colours_size() -> None:
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as target:
        seen = target.add_stream("libx264", rate=10)
        seen.width, seen.height, seen.pix_fmt = 177, 145, "yuv444p"
        seen.codec_context.sample_aspect_ratio = Fraction(4, 3)
        voices = [target.add_stream("aac", rate=16000) for _ in range(2)]
        for voice, language in zip(voices, ("eng", "deu"), strict=True):
            voice.metadata["language"] = language
            voice.disposition = Disposition.default if language == "deu" else Disposition(0)
        for _ in range(8):
            target.mux(seen.encode(av.VideoFrame.from_ndarray(image(145, 177), format="rgb24")))
        target.mux(seen.encode())
        for voice in voices:
            samples = av.AudioFrame.from_ndarray(audio(0.9).astype(np.float32)[None], format="fltp", layout="mono")
            samples.sample_rate = 16000
            target.mux([*voice.encode(samples), *voice.encode()])
    with av.open(io.BytesIO(mark_file(out.getvalue(), IDENT, KEY))) as file:
        (stream,) = file.streams.video
        assert (stream.width, stream.height, stream.codec_context.pix_fmt) == (177, 145, "yuv444p")
        assert stream.sample_aspect_ratio == Fraction(4, 3)
        told = [(track.metadata["language"], bool(track.disposition)) for track in file.streams.audio]
        assert told == [("eng", False), ("deu", True)]


def _film() -> bytes:
    """A clip with sound, at uneven times."""
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as target:
        seen, heard = target.add_stream("mpeg4", rate=10), target.add_stream("aac", rate=16000)
        seen.width, seen.height, seen.pix_fmt = 176, 144, "yuv420p"
        for index in range(8):
            frame = av.VideoFrame.from_ndarray(image(144, 176), format="rgb24")
            frame.pts = index + (index > 4)
            target.mux(seen.encode(frame))
        target.mux(seen.encode())
        samples = av.AudioFrame.from_ndarray(audio(0.9).astype(np.float32)[None], format="fltp", layout="mono")
        samples.sample_rate = 16000
        target.mux([*heard.encode(samples), *heard.encode()])
    return out.getvalue()


def test_clips_keep_their_times_and_their_sound() -> None:
    given = _film()
    marked = mark_file(given, IDENT, KEY)

    def packets(data: bytes, kind: str) -> list[bytes]:
        with av.open(io.BytesIO(data), "r") as file:
            stream = file.streams.audio[0] if kind == "audio" else file.streams.video[0]
            return [bytes(packet) for packet in file.demux(stream) if packet.size]

    def times(data: bytes) -> list[float]:
        with av.open(io.BytesIO(data), "r") as file:
            return [round(float(frame.time or 0), 3) for frame in file.decode(video=0)]

    assert packets(marked, "audio") == packets(given, "audio")
    assert times(marked) == times(given)
    assert [mark.ident for mark in verify(marked, keys=[KEY]).marks] == [IDENT.hex()]


def _marked_in_709(colour: tuple[int, int, int]) -> bytes:
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as target:
        seen = target.add_stream("libx264", rate=10, options={"crf": "5"})
        seen.width, seen.height, seen.pix_fmt = 176, 144, "yuv420p"
        seen.codec_context.colorspace = seen.codec_context.color_primaries = seen.codec_context.color_trc = 1
        pixels = (0.3 * image(144, 176) + 0.7 * np.array(colour)).astype(np.uint8)
        for number in range(4):
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(format="yuv420p", dst_colorspace="itu709")
            frame.pts = number
            target.mux(seen.encode(frame))
        target.mux(seen.encode(None))
    return out.getvalue()


def _first_frame(data: bytes, path: Path) -> np.ndarray[Any, Any]:
    path.write_bytes(data)
    return next(iter(media.sample_frames(media.open_media(path), 1))).pixels.astype(float)


def test_clips_keep_their_colours_and_are_turned_upright(tmp_path: Path) -> None:
    given = bytearray(_marked_in_709((220, 40, 60)))
    at = given.index(b"tkhd") + 44  # the matrix that turns by a quarter
    given[at : at + 36] = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
    before = _first_frame(bytes(given), tmp_path / "a.mp4")
    after = _first_frame(mark_file(bytes(given), IDENT, KEY), tmp_path / "b.mp4")
    assert before.shape == after.shape == (176, 144, 3)
    assert np.abs(before.mean(axis=(0, 1)) - after.mean(axis=(0, 1))).max() < 1.5
    assert np.abs(before - after).mean() < 4
    with av.open(str(tmp_path / "b.mp4")) as file:
        assert next(file.decode(video=0)).colorspace == 1


def test_what_cannot_be_marked_is_signed_without_and_noted(me: Identity) -> None:
    deep = io.BytesIO()
    Image.fromarray(np.full((200, 200), 40000, np.uint16)).save(deep, "PNG")
    for given in (carrier("mp3"), carrier("m4a"), saved(image(64, 64), "jpeg"), deep.getvalue(), carrier("wav")):
        made = protect(given, claim="ai-generated", identity=me, key=KEY)
        assert not made.marked
        assert made.notes[0].startswith("without a watermark: ")
        assert (made.verification.standing, made.verification.labels.count) == ("intact", 1)
        assert read_credential(made.data).watermark == ""


def test_what_a_watermark_loses_of_a_file_is_noted(me: Identity) -> None:
    several = io.BytesIO()
    pictures = [Image.fromarray(image(200, 280, seed)) for seed in range(2)]
    pictures[0].save(several, "MPO", save_all=True, append_images=pictures[1:])
    marked = protect(several.getvalue(), claim="edited", identity=me, key=KEY)
    assert marked.marked
    assert "such as a gain map, are lost" in str(marked.notes[0])
    bare = protect(several.getvalue(), claim="edited", identity=me, key=None)
    assert (bare.notes, getattr(_open(bare.data), "n_frames", 1)) == ((), 2)
    assert protect(PORTRAIT.read_bytes(), claim="edited", identity=me, key=KEY).notes == ()
    assert protect(clip("mp4"), claim="edited", identity=me, key=KEY).notes == ()
    marked = protect(_interlaced(), claim="edited", identity=me, key=KEY)
    assert marked.marked
    assert [str(note).partition(":")[0] for note in marked.notes] == [
        "it was interlaced, and is progressive with the watermark",
        "only the picture and the sound are kept",
    ]
    assert lost_by_marking(marked.data) == ()


def _interlaced() -> bytes:
    """With a second, smaller picture beside it."""
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        tracks = [container.add_stream("libx264", rate=10, options={"x264-params": "tff=1"}) for _ in range(2)]
        for track, side in zip(tracks, (144, 64), strict=True):
            track.width, track.height, track.pix_fmt = side, side, "yuv420p"
        for index in range(10):
            for track in tracks:
                pixels = (image(track.height, track.width) * (0.5 + 0.05 * index)).astype(np.uint8)
                container.mux(track.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        for track in tracks:
            container.mux(track.encode())
    return out.getvalue()


def test_kinds_that_are_not_marked_are_refused() -> None:
    frames = [Image.fromarray(image(160, 160, seed)) for seed in range(2)]
    moving = io.BytesIO()
    frames[0].save(moving, "PNG", save_all=True, append_images=frames[1:])
    cmyk = io.BytesIO()
    frames[0].convert("CMYK").save(cmyk, "JPEG")
    for given in (moving.getvalue(), cmyk.getvalue(), carrier("m4a"), saved(image(), "gif"), b"nothing"):
        with pytest.raises(UsageError):
            mark_file(given, IDENT, KEY)
    with pytest.raises(DataError):
        mark_file(saved(image(40, 40), "png"), IDENT, KEY)
    for form in ("jpeg", "png", "webp", "wav", "mp4"):
        data = clip("mp4") if form == "mp4" else carrier(form)
        with pytest.raises((MediaError, DataError)):
            mark_file(data[: len(data) // 3], IDENT, KEY)


def test_the_pixels_that_are_signed_are_those_that_were_marked_and_edits_name_the_unmarked_file(me: Identity) -> None:
    photo = PORTRAIT.read_bytes()
    made = protect(photo, claim="edited", identity=me, key=KEY)
    assert made.ident == identifier(photo)
    assert _open(made.data).tobytes() == _open(mark_file(photo, bytes.fromhex(made.ident), KEY)).tobytes()
    read = read_credential(made.data)
    assert (read.watermark, read.claim) == (made.ident, "edited")
    assert read.actions == ("c2pa.opened", "c2pa.edited", "c2pa.watermarked.bound")


def test_a_credential_is_neither_lost_nor_broken_by_protecting_again(me: Identity) -> None:
    first = protect(PORTRAIT.read_bytes(), claim="ai-generated", identity=me, key=KEY)
    with pytest.raises(UsageError, match="carries a credential already"):
        protect(first.data, claim="captured", identity=me, key=KEY)
    again = protect(first.data, claim="edited", identity=me, key=None)
    assert again.verification.credential.ancestry == ("trainedAlgorithmicMedia",)
    assert again.verification.labels.count == 1


def test_another_producers_label_is_passed_on(me: Identity) -> None:
    given = write_labels(PORTRAIT.read_bytes(), Aigc(content_producer="a service", produce_id="7"), None)
    block = protect(given, claim="ai-edited", identity=me, key=KEY).verification.labels.aigc
    assert block is not None
    assert (block.content_producer, block.produce_id) == ("a service", "7")
    assert block.content_propagator == me.name


def test_signing_without_a_watermark_leaves_the_content_alone(me: Identity) -> None:
    photo = PORTRAIT.read_bytes()
    made = protect(photo, claim="captured", identity=me, key=None)
    assert not made.marked
    assert _open(made.data).tobytes() == _open(photo).tobytes()
    assert read_credential(sign(photo, claim="captured", identity=me)).state == "valid"


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("key", [KEY, None], ids=["marked", "unmarked"])
def test_every_format_is_protected_again_with_its_history(form: str, key: bytes | None, me: Identity) -> None:
    first = protect(carrier(form, 2.5), claim="ai-generated", identity=me, key=KEY)
    again = protect(first.data, claim="ai-edited", identity=me, key=key, recipe={"step": 2})
    read = again.verification
    assert (read.standing, read.problems) == ("intact", ())
    assert read.credential.ancestry == ("trainedAlgorithmicMedia",)
    assert read.credential.recipe == {"step": 2}
    assert read.labels.count == 1
    assert read.labels.aigc is not None
    assert read.labels.aigc.produce_id == first.ident
    assert read.binding == ("bound" if again.marked else read.binding)
