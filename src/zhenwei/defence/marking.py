"""A watermark into a file: what is shown or heard is marked, and everything else that the file holds is passed on.

JPEG is encoded anew at quality 95 or finer; PNG, WebP and WAV without loss; clips as H.264, with their sound as it is.
Pictures are marked upright, so that the mark is found after a program has turned them, and stored turned as before.
"""

from __future__ import annotations

import io
import struct
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av
import av.error
import numpy as np
import soundfile
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from PIL import Image, JpegImagePlugin

from zhenwei.defence import watermark
from zhenwei.defence.labels_carriers import BrokenFileError
from zhenwei.defence.labels_images import chunks_of_png, segments_of_jpeg
from zhenwei.defence.labels_riff import chunk, chunks
from zhenwei.errors import MediaError, UnmarkedError, UsageError
from zhenwei.media.containers import audio_streams, open_container, orientation, video_stream
from zhenwei.media.facts import jpeg_quality
from zhenwei.media.formats import HEAD_BYTES, Format, recognise
from zhenwei.media.images import GREY, guarded, open_image
from zhenwei.media.limits import DEFAULT_LIMITS
from zhenwei.media.upright import upright_pixels
from zhenwei.types import Pixels

MARKS = "JPEG, PNG, WebP, MP4, MOV or WAV"
_QUALITY = 95
_CRF = 16
_BT709 = 1
_LAYOUTS = {"yuv420p": (2, 2), "yuv422p": (2, 1), "yuv444p": (1, 1)}  # kept; pixels that share a colour: across, down
_AS_PLAYABLE = ("h264", "hevc")  # that a player shows a layout in one of them says that it would in the other
_OF_TRACK = ("language", "title", "handler_name")
_LARGEST = 1 << 16  # pixels on a side: frames keep their size
_TURNED = Image.Transpose
# To upright, and back, by EXIF's orientation.
_TURNS = {
    2: (_TURNED.FLIP_LEFT_RIGHT, _TURNED.FLIP_LEFT_RIGHT),
    3: (_TURNED.ROTATE_180, _TURNED.ROTATE_180),
    4: (_TURNED.FLIP_TOP_BOTTOM, _TURNED.FLIP_TOP_BOTTOM),
    5: (_TURNED.TRANSPOSE, _TURNED.TRANSPOSE),
    6: (_TURNED.ROTATE_270, _TURNED.ROTATE_90),
    7: (_TURNED.TRANSVERSE, _TURNED.TRANSVERSE),
    8: (_TURNED.ROTATE_90, _TURNED.ROTATE_270),
}
_ORIENTATION = 0x0112
# Segments that describe the old picture data: JFIF's head, several pictures in one file, an old credential, Adobe's.
_APP0, _APP2, _APP11, _APP14, _COM = 0xE0, 0xE2, 0xEB, 0xEE, 0xFE
_OF_THE_DATA = (b"IHDR", b"PLTE", b"tRNS", b"bKGD", b"hIST", b"sBIT", b"sPLT", b"IDAT", b"IEND", b"caBX")


def mark_file(data: bytes, ident: bytes, key: bytes) -> bytes:
    """``data`` (a JPEG, PNG, WebP, MP4, MOV or WAV file) with the watermark ``ident`` (8 bytes) under ``key``.

    Sound holds the first ``AUDIO_ID_BYTES`` of it. A credential that the file carries is left out, since it no longer
    fits. Raises UsageError for another format or kind of pixels (16 bits, CMYK, animations, high dynamic range),
    DataError if the content is too small, too short or too transparent, MediaError if the file is damaged.
    """
    form = recognise(data[:HEAD_BYTES])
    kind = "" if form is None else "mov" if form.decoder == "mov" else form.name
    if form is None or kind not in ("jpeg", "png", "webp", "mov", "wav") or form.reader == "animation":
        got = "an animation" if form is not None and form.reader == "animation" else kind or "another format"
        raise UsageError("a watermark is not written into such files", got=got, want=MARKS)
    try:
        if kind == "wav":
            return _audio(data, ident, key)
        if kind == "mov":
            return _video(data, form, ident, key)
        with guarded(form, "the picture", DEFAULT_LIMITS):
            image = open_image(io.BytesIO(data), form, "the picture", DEFAULT_LIMITS)
            image.load()
        return {"jpeg": _jpeg, "png": _png, "webp": _webp}[kind](data, image, ident, key)
    except BrokenFileError:
        raise MediaError("this file is damaged", want="a complete file", fix="Save or export it again.") from None


def _marked(image: Image.Image, ident: bytes, key: bytes) -> Image.Image:
    """``image`` in RGB, grey or RGBA, marked upright and turned back."""
    with guarded(Format("picture", "picture", ""), "the picture", DEFAULT_LIMITS):
        turn, back = _TURNS.get(int(image.getexif().get(_ORIENTATION, 1)), (None, None))
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    plain = image if image.mode == "RGB" else image.convert("RGB")
    shown = np.asarray(plain if turn is None else plain.transpose(turn), np.uint8)
    pixels = watermark.mark_image(np.ascontiguousarray(shown), ident, key)
    if alpha is not None:
        _check_seen(pixels, alpha if turn is None else alpha.transpose(turn), key)
    marked = Image.fromarray(pixels)
    marked = marked if back is None else marked.transpose(back)
    if image.mode == "L":
        return marked.convert("L")
    if alpha is not None:
        marked.putalpha(alpha)
    return marked


def _check_seen(pixels: Pixels, alpha: Image.Image, key: bytes) -> None:
    """What is marked is stored, but what is shown, and copied from the screen, is laid over a ground: here grey."""
    marked, ground = Image.fromarray(pixels), Image.new("RGB", alpha.size, (GREY, GREY, GREY))
    if watermark.read_image(np.asarray(Image.composite(marked, ground, alpha)), key, search=False) is None:
        share = 1 - float(np.asarray(alpha).mean()) / 255
        raise UnmarkedError(
            "this picture is too transparent to keep a mark",
            got=f"{share:.0%} transparent",
            want="more of it opaque",
            fix="Save it without transparency first.",
        )


def _jpeg(data: bytes, image: Image.Image, ident: bytes, key: bytes) -> bytes:
    if image.mode not in ("RGB", "L"):
        raise UsageError("a watermark is not written into such pixels", got=image.mode, want="RGB or grey")
    tables: dict[int, list[int]] = getattr(image, "quantization", {})
    fine = 0 in tables and len(tables[0]) == 64 and jpeg_quality(tables[0])[0] > _QUALITY
    sampling = JpegImagePlugin.get_sampling(image) if image.mode == "RGB" else -1
    out = io.BytesIO()
    _marked(image, ident, key).save(
        out,
        "JPEG",
        **({"qtables": tables} if fine else {"quality": _QUALITY}),
        **({"subsampling": sampling} if sampling >= 0 else {}),
        progressive=bool(image.info.get("progressive")),
    )
    encoded = out.getvalue()
    kept = b""
    for marker, start, stop in segments_of_jpeg(data):
        several = marker == _APP2 and data[start:stop].startswith(b"MPF\0")
        stays = 0xE1 <= marker <= 0xEF and marker not in (_APP11, _APP14) and not several
        if marker == _COM or stays:
            kept += data[start - 4 : stop]
    head = next((stop for marker, _, stop in segments_of_jpeg(encoded) if marker == _APP0), 2)
    return encoded[:head] + kept + encoded[head:]


def _png(data: bytes, image: Image.Image, ident: bytes, key: bytes) -> bytes:
    deep = data[24] == 16
    if deep or image.mode not in ("RGB", "RGBA", "L", "P", "LA"):
        got = "16 bits a sample" if deep else image.mode
        raise UsageError("a watermark is not written into such pixels", got=got, want="8 bits a sample")
    if image.mode != "L" or image.has_transparency_data:  # grey may name one level that is not seen
        image = image.convert("RGBA") if image.has_transparency_data else image.convert("RGB")
    out = io.BytesIO()
    _marked(image, ident, key).save(out, "PNG")
    encoded = out.getvalue()
    fresh: dict[bytes, bytearray] = defaultdict(bytearray)
    for kind, start, stop in chunks_of_png(encoded):
        fresh[kind] += encoded[start - 8 : stop + 4]
    before, after = bytearray(), bytearray()
    place = before
    for kind, start, stop in chunks_of_png(data):
        if kind == b"IDAT":
            place = after
        if kind not in _OF_THE_DATA:
            place += data[start - 8 : stop + 4]
    return b"".join([data[:8], fresh[b"IHDR"], before, fresh[b"IDAT"], after, fresh[b"IEND"]])


def _webp(data: bytes, image: Image.Image, ident: bytes, key: bytes) -> bytes:
    kept = {kind: data[start:stop] for kind, start, stop in chunks(data) if kind in (b"ICCP", b"EXIF", b"XMP ")}
    out = io.BytesIO()
    _marked(image, ident, key).save(
        out,
        "WEBP",
        lossless=True,
        exact=True,
        method=2,  # five times as fast as the smallest
        icc_profile=kept.get(b"ICCP"),
        exif=kept.get(b"EXIF", b""),
        xmp=kept.get(b"XMP ", b""),
    )
    return out.getvalue()


def _audio(data: bytes, ident: bytes, key: bytes) -> bytes:
    """Only the samples change; every other chunk stays where it is."""
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            subtype, rate_hz, endian = file.subtype, file.samplerate, file.endian
            samples = file.read(dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise MediaError("this WAV file cannot be read", got=str(error)[:200], want="a complete file") from None
    if subtype not in ("PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "PCM_U8"):
        raise UsageError("a watermark is not written into such sound", got=subtype, want="PCM or floating point")
    marked = watermark.mark_audio(np.ascontiguousarray(samples.T), rate_hz, ident[: watermark.AUDIO_ID_BYTES], key)
    out = io.BytesIO()
    soundfile.write(out, marked.T, rate_hz, format="WAV", subtype=subtype, endian=endian)
    encoded = out.getvalue()
    fresh = next(encoded[start:stop] for kind, start, stop in chunks(encoded) if kind == b"data")
    parts = []
    for kind, start, stop in chunks(data):
        if kind != b"C2PA":
            parts.append(chunk(kind, fresh if kind == b"data" else data[start:stop]))
    return b"RIFF" + struct.pack("<I", 4 + sum(map(len, parts))) + b"WAVE" + b"".join(parts)


def _video(data: bytes, form: Format, ident: bytes, key: bytes) -> bytes:
    out = io.BytesIO()
    try:
        with open_container(io.BytesIO(data), form, "the clip", DEFAULT_LIMITS) as source:
            seen = video_stream(source)
            if seen is None:
                raise UsageError("a watermark is not written into such files", got="no moving picture", want=MARKS)
            if seen.codec_context is not None and any(deep in str(seen.codec_context.pix_fmt) for deep in ("10", "12")):
                raise UsageError("a watermark is not written into such pixels", got=str(seen.codec_context.pix_fmt))
            with av.open(out, "w", format="mov" if data[4:12] == b"ftypqt  " else "mp4") as target:
                _encode(source, seen, target, ident, key)
    except (av.error.FFmpegError, IndexError) as error:
        raise MediaError("this clip cannot be encoded anew", got=str(error)[:200], want="a complete clip") from None
    return out.getvalue()


def _encode(source: InputContainer, seen: VideoStream, target: OutputContainer, ident: bytes, key: bytes) -> None:
    """Pictures are encoded anew at their times; packets of every sound track are passed on between them."""
    target.metadata.update(source.metadata)
    heard = audio_streams(source)
    base = seen.time_base or Fraction(1, 90_000)
    image = target.add_stream("libx264", rate=seen.average_rate or Fraction(25), options={"crf": str(_CRF)})
    layout = str(getattr(seen.codec_context, "pix_fmt", None)).replace("yuvj", "yuv")
    layout = layout if layout in _LAYOUTS and _codec(seen) in _AS_PLAYABLE else "yuv420p"
    image.pix_fmt, image.time_base, image.codec_context.time_base = layout, base, base
    voices = {each.index: target.add_stream_from_template(each) for each in heard}
    for each in heard:  # which is played, and in whose language it is
        voices[each.index].metadata.update({name: each.metadata[name] for name in _OF_TRACK if name in each.metadata})
        voices[each.index].disposition = each.disposition
    read = _Read()
    for number, pixels in enumerate(watermark.mark_frames(_shown(source, seen, heard, read), ident, key)):
        if number == 0:
            across, down = _LAYOUTS[layout]
            image.height, image.width = pixels.shape[0] // down * down, pixels.shape[1] // across * across
            inside = image.codec_context
            if read.pixel_shape:
                inside.sample_aspect_ratio = read.pixel_shape
            inside.colorspace, inside.color_primaries, inside.color_trc = read.colours
        cut = np.ascontiguousarray(pixels[: image.height, : image.width])
        wide = "itu709" if read.colours[0] == _BT709 else None  # without a mark they were taken for BT.601
        frame = av.VideoFrame.from_ndarray(cut, "rgb24").reformat(format=layout, dst_colorspace=wide)
        frame.pts, frame.time_base = read.times.pop(0), base
        target.mux(image.encode(frame))
        _pass_on(read.packets, target, voices)
    _pass_on(read.packets, target, voices)
    target.mux(image.encode(None))


def _codec(seen: VideoStream) -> str:
    return "" if seen.codec_context is None else seen.codec_context.name


@dataclass(slots=True)
class _Read:
    """Beside the pixels: when each frame is shown, packets of sound in between, the last frame's matrix, primaries and
    transfer, and the width of a pixel over its height as the clip is shown, 0 where it does not say."""

    colours: tuple[int, int, int] = (2, 2, 2)
    pixel_shape: Fraction = Fraction(0)
    times: list[int | None] = field(default_factory=list)
    packets: list[Packet[Any]] = field(default_factory=list)


def _pass_on(packets: list[Packet[Any]], target: OutputContainer, voices: Mapping[int, AudioStream]) -> None:
    for packet in packets:
        if packet.dts is not None:
            packet.stream = voices[packet.stream.index]
            target.mux(packet)
    packets.clear()


def _shown(source: InputContainer, seen: VideoStream, heard: list[AudioStream], read: _Read) -> Iterator[Pixels]:
    converter, stored = VideoReformatter(), seen.sample_aspect_ratio
    for packet in source.demux([seen, *heard]):
        if packet.stream.index != seen.index:
            read.packets.append(packet)
            continue
        for frame in packet.decode():
            if isinstance(frame, av.VideoFrame):
                read.times.append(frame.pts)
                if stored:
                    read.pixel_shape = 1 / stored if orientation(frame).swap else stored
                read.colours = int(frame.colorspace), int(frame.color_primaries), int(frame.color_trc)
                yield upright_pixels(frame, _LARGEST, converter)
