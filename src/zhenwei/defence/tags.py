"""Words that a file carries in its metadata, whole and from every place: PNG's text, EXIF, XMP, tags of containers.

For looking through only: the report's facts are shortened and leave out private things, and nothing of this is shown.
"""

from __future__ import annotations

import io
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from PIL import ExifTags, Image

from zhenwei.defence.labels_carriers import BrokenFileError
from zhenwei.defence.labels_images import chunks_of_png, text_of_png
from zhenwei.errors import MediaError
from zhenwei.media.containers import open_container
from zhenwei.media.formats import BROKEN, Format
from zhenwei.media.images import guarded, open_as_far, open_image
from zhenwei.media.limits import DEFAULT_LIMITS

# Formats that have a place for words, which Pillow or FFmpeg reads. GIF's comments and what elementary streams may hold
# in their own ways are not looked at.
_BY_PILLOW = ("jpeg", "png", "webp", "avif")
_IMAGES = (*_BY_PILLOW, "tiff", "heif", "jpegxl")
_CONTAINERS = (
    *("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi", "wav", "w64", "ogg", "flac", "flv", "asf", "mp3", "aiff"),
    *("caf", "wv", "mxf"),
)
_MAX_VALUE, _MAX_PAIRS = 1 << 20, 400
_NAMED = (  # EXIF's tags that are called by their name; all others by their number
    *(0x010D, 0x010E, 0x010F, 0x0110, 0x0131, 0x013B, 0x013C, 0x8298, 0x927C, 0x9286),
    *(0x9C9B, 0x9C9C, 0x9C9E, 0x9C9F),
)
_WIDE = (0x9C9B, 0x9C9C, 0x9C9E, 0x9C9F)  # UTF-16 by Windows
_XMP_TAG = 0x02BC
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Tags:
    """``pairs``: name and value as written; EXIF's names begin with "exif:". ``packets``: XMP. ``damaged``: there may
    be more."""

    pairs: tuple[Pair, ...] = ()
    packets: tuple[bytes, ...] = ()
    damaged: bool = False


def has_tags(form: Format) -> bool:
    """Whether words are looked for in files of this format."""
    return form.name in (*_IMAGES, *_CONTAINERS)


def read_tags(data: bytes, form: Format) -> Tags:
    """All words in ``data``, a file of that format. Never raises for content."""
    try:
        if form.name in _CONTAINERS:
            return Tags(tuple(_limited(_of_container(data, form))))
        return _of_image(data, form)
    except MediaError:
        return Tags(damaged=True)


def _limited(pairs: Iterator[Pair]) -> Iterator[Pair]:
    for number, (name, value) in enumerate(pairs):
        if number == _MAX_PAIRS:
            return
        yield name[:200], value[:_MAX_VALUE]


def _of_container(data: bytes, form: Format) -> Iterator[Pair]:
    with open_container(io.BytesIO(data), form, "the file", DEFAULT_LIMITS) as container:
        yield from container.metadata.items()
        for stream in container.streams:
            yield from stream.metadata.items()


def _of_image(data: bytes, form: Format) -> Tags:
    damaged, texts = False, list[Pair]()
    if form.name == "png":
        try:
            texts += _png_texts(data)
        except BrokenFileError:
            damaged = True
    with guarded(form, "the picture", DEFAULT_LIMITS), _opened(data, form) as image:
        info = dict(image.info)  # as it is before reading EXIF decodes a PNG
        comment, tiff_xmp = info.get("comment"), getattr(image, "tag_v2", {}).get(_XMP_TAG)
        if isinstance(comment, bytes | str):
            texts.append(("comment", comment if isinstance(comment, str) else _decoded(comment)))
        found = list(_limited(iter([*texts, *_exif_texts(image)])))
        raw = info.get("xmp") or (tiff_xmp if isinstance(tiff_xmp, bytes) else None)
    packet = raw.encode("utf-8", "replace") if isinstance(raw, str) else raw
    return Tags(tuple(found), (packet,) if isinstance(packet, bytes) and packet else (), damaged)


@contextmanager
def _opened(data: bytes, form: Format) -> Iterator[Image.Image]:
    """Decoders other than Pillow's own want a file that is one."""
    if form.name in _BY_PILLOW:
        yield open_image(io.BytesIO(data), form, "the picture", DEFAULT_LIMITS)
        return
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        yield open_as_far(file, form, "the picture", DEFAULT_LIMITS).image


def _png_texts(data: bytes) -> Iterator[Pair]:
    """Wherever they stand: Pillow sees those after the picture data only once that is decoded."""
    for kind, start, stop in chunks_of_png(data):
        if kind in (b"iTXt", b"tEXt", b"zTXt"):
            keyword = data[start : min(stop, start + 80)].partition(b"\0")[0].decode("latin-1")
            text = text_of_png(kind, data[start:stop])
            if text is not None and not keyword.lower().startswith("xml:com.adobe"):
                yield keyword, _decoded(text)


def _exif_texts(image: Image.Image) -> Iterator[Pair]:
    try:
        exif = image.getexif()
        tags = {**exif, **exif.get_ifd(ExifTags.IFD.Exif)}
    except BROKEN:
        return
    for tag, value in tags.items():
        name = ExifTags.TAGS[tag] if tag in _NAMED else f"{tag:04x}" if isinstance(tag, int) else ""
        if isinstance(value, bytes | str) and name:
            yield f"exif:{name}", value if isinstance(value, str) else _exif_text(tag, value)


def _exif_text(tag: int, value: bytes) -> str:
    """Comments begin with the name of their character set; "UNICODE" is UTF-16 in either order of bytes."""
    if tag in _WIDE:
        return value.decode("utf-16-le", "replace")
    head, body = value[:8], value[8:]
    if head.startswith(b"UNICODE"):
        zeros = body[0:400:2].count(0), body[1:400:2].count(0)
        return body.decode("utf-16-be" if zeros[0] >= zeros[1] else "utf-16-le", "replace")
    if tag == 0x9286 and head in (b"ASCII\0\0\0", b"JIS\0\0\0\0\0", bytes(8)):
        return _decoded(body)
    return _decoded(value)


def _decoded(text: bytes) -> str:
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("latin-1")


def from_facts(facts: tuple[Pair, ...]) -> tuple[Pair, ...]:
    """The shown facts of a file under the names that its own words have, for where the file itself is not read."""
    renamed = {"Created with": "CreatorTool", "Make": "exif:Make", "Model": "exif:Model"}
    return tuple((renamed.get(key, re.sub(r"^(Text: |video |audio )", "", key)), value) for key, value in facts)
