"""Which format the bytes are in, by their signature. The extension is never looked at.

Each format is handed to its own decoder: FFmpeg left to guess would follow playlists, which name further files.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from zhenwei.media.bitstreams import bare_audio, raw_video, transport_start

Reader = Literal["picture", "animation", "container"]
HEAD_BYTES = 65536
# What Pillow's readers raise for broken bytes, found by feeding them damaged files.
BROKEN = (
    *(OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, RuntimeError, MemoryError),
    struct.error,
)


@dataclass(frozen=True, slots=True)
class Format:
    """``name``: as shown. ``reader``: what decodes it. ``decoder``: Pillow's plugin or FFmpeg's demuxer."""

    name: str
    reader: Reader
    decoder: str


def _image(name: str, decoder: str) -> Format:
    return Format(name, "picture", decoder)


def _container(name: str, decoder: str = "") -> Format:
    return Format(name, "container", decoder or name)


_MOV = _container("mov,mp4,m4a,3gp,3g2,mj2", "mov")
_SIGNATURES: tuple[tuple[re.Pattern[bytes], Format], ...] = tuple(
    (re.compile(pattern, re.DOTALL), form)
    for pattern, form in (
        (rb"\xff\xd8\xff", _image("jpeg", "JPEG")),
        (rb"\x89PNG\r\n\x1a\n", _image("png", "PNG")),
        (rb"GIF8[79]a", Format("gif", "animation", "GIF")),
        (rb"RIFF....WEBP", _image("webp", "WEBP")),
        (rb"II\*\0.{4}CR", _image("cr2", "RAW")),
        (rb"II[*+]\0|MM\0[*+]", _image("tiff", "TIFF")),  # most camera raw files, too: their tags tell
        (rb"....ftypcrx ", _image("cr3", "RAW")),
        (rb"FUJIFILMCCD-RAW", _image("raf", "RAW")),
        (rb"II(RO|RS)|MMOR", _image("orf", "RAW")),
        (rb"IIU\0", _image("rw2", "RAW")),
        (rb"FOVb", _image("x3f", "RAW")),
        (rb"\0MRM", _image("mrw", "RAW")),
        (rb"BM.{12}[\x0c\x28\x40\x6c\x7c\x34\x38]\0\0\0", _image("bmp", "BMP")),
        (rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51", _image("jpeg2000", "JPEG2000")),
        (rb"P[1-6][\s#]", _image("ppm", "PPM")),
        (rb"....ftypavi[fs]", _image("avif", "AVIF")),
        (rb"....ftyp(hei[cfmsx]|hev[cmsx]|mif[123]|msf1)", _image("heif", "HEIF")),
        (rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n", _image("jpegxl", "JXL")),
        (rb"....(ftyp|moov|moof|mdat|styp|sidx|wide|pnot)", _MOV),
        (rb"....(free|skip).{0,256}(ftyp|moov|mdat)", _MOV),
        (rb"\x1aE\xdf\xa3", _container("matroska,webm", "matroska")),
        (rb"RIFF....AVI[ X\x19]", _container("avi")),
        (rb"(RIFF|RF64|BW64)....WAVE", _container("wav")),
        (rb"riff\x2e\x91\xcf\x11", _container("w64")),
        (rb"OggS\0", _container("ogg")),
        (rb"fLaC", _container("flac")),
        (rb"FLV\x01", _container("flv")),
        (rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11", _container("asf")),
        (rb"\0\0\x01\xba", _container("mpeg")),
        (rb"\0\0\x01\xb3", _container("mpegvideo")),
        (rb"\0\0\x01\xb0", _container("m4v")),
        (rb"FORM....AIF[FC]", _container("aiff")),
        (rb"caff\0\x01", _container("caf")),
        (rb"\.snd", _container("au")),
        (rb"#!AMR(-WB)?\n", _container("amr")),
        (rb"wvpk", _container("wv")),
        (rb"DKIF\0\0", _container("ivf")),
        (rb"YUV4MPEG2 ", _container("yuv4mpegpipe")),
        (rb"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02", _container("mxf")),
        (rb"\xff[\xf0\xf1\xf8\xf9]", _container("aac")),
        (rb"\xff[\xe2-\xe5\xf2-\xf5\xfa-\xfd][^\xf0-\xff]", _container("mp3")),
        (rb"ID3[\x02-\x04]", _container("mp3")),
    )
)
# Not read here, but a person is helped by hearing what it is.
_OTHERS: tuple[tuple[re.Pattern[bytes], str], ...] = tuple(
    (re.compile(pattern, re.DOTALL), word)
    for pattern, word in (
        (rb"%PDF-", "a PDF document"),
        (rb"8BPS", "a Photoshop document"),
        (rb"gimp xcf", "a GIMP document"),
        (rb"v/1\x01|#\?RADIANCE|\x80\x2a\x5f\xd7|SDPX|XPDS|SIMPLE  =|BPG\xfb|II\xbc\x01", "a picture of a rare kind"),
        (rb"\0\0\x01\0[^\0]\0", "an icon"),
        (rb"%!PS|\xc5\xd0\xd3\xc6", "a PostScript drawing"),
        (rb"MThd", "MIDI notes"),
        (rb"\.RMF|\.ra\xfd", "RealMedia"),
        (rb"\x7fELF|MZ|\xcf\xfa\xed\xfe|\xca\xfe\xba\xbe|#!/", "a program"),
        (rb"PK\x03\x04", "a zip archive or office document"),
        (rb"\x1f\x8b|BZh|\xfd7zXZ|7z\xbc\xaf|Rar!", "a compressed archive"),
        (rb"\xff\xfe|\xfe\xff", "plain text (UTF-16)"),
        (rb"#EXTM3U|\[playlist\]|ffconcat", "a playlist"),
        (rb"\s*(\xef\xbb\xbf)?\s*<(\?xml.{0,2000})?<?svg", "an SVG drawing"),
        (rb"\s*(\xef\xbb\xbf)?\s*<", "a web page or XML text"),
    )
)
# Endings of files that are meant to be media, whatever is in them.
_IMAGES = (
    "jpg jpeg jpe jfif jif pjpeg pjp png apng gif webp tif tiff bmp dib jp2 j2k jpf jpx jpm jpc ppm pgm pbm pnm pam "
    "avif avifs heic heif heics heifs hif jxl psd psb xcf ico tga exr dds svg svgz jxr wdp bpg pcx dng cr2 cr3 crw nef "
    "nrw arw srf sr2 raf orf rw2 rwl pef ptx srw x3f mrw 3fr fff iiq mos erf kdc dcr dcs mef"
)
_VIDEOS = (
    "mp4 m4v mov qt 3gp 3g2 mj2 mkv webm avi divx wmv asf flv f4v mpg mpeg mpe mpv m1v m2v m2p m2ts m2t vob ogv ogm rm "
    "rmvb h264 h265 hevc ivf y4m mxf insv lrv"
)
_WAVEFORMS = (
    "wav wave w64 rf64 bwf mp3 m4a m4b aac ac3 eac3 flac ogg oga opus spx wma aif aiff aifc caf amr awb wv ape mka "
    "weba mp2 mpga silk"
)
# Of these, text is not meant to be media: programs, tables of numbers and settings are called so, too.
_AMBIGUOUS = "ts mts mod tod raw hdr au snd gsm dts tta voc ra mid midi dv 264 265 avc eps fits"
# An empty file of any other name may have been media.
_SURELY_NOT = (
    "py pyi txt md rst json jsonl csv tsv log lock cfg ini conf toml yml yaml xml html htm css js mjs tsx c h cpp rs "
    "go java sh bat ps1 typed keep gitkeep sha256 md5 part crdownload"
)


def recognise(head: bytes) -> Format | None:
    """The format of a file that begins with ``head`` (up to ``HEAD_BYTES``), or None if it is none of those read."""
    if any(pattern.match(head) for pattern, _ in _OTHERS):
        return None
    form = _by_signature(head)
    if form is not None and form.name == "heif" and _brands(head) & {b"avif", b"avis"}:
        form = _image("avif", "AVIF")
    if form is not None and head.startswith(b"ID3"):
        form = _by_signature(after_tag(head)) or form  # FLAC and AAC may carry this tag before them too
    if form is not None and _is_animated(form, head):
        return Format(form.name, "animation", form.decoder)
    return form


def _by_signature(head: bytes) -> Format | None:
    found = next((form for pattern, form in _SIGNATURES if pattern.match(head)), None)
    if found is not None and not (found.name in ("mp3", "aac") and transport_start(head)):
        return found
    stream = raw_video(head) or ("mpegts" if transport_start(head) else "")
    if not stream:
        stream = (bare_audio(head) or ("", 0))[0]
    return _container(stream) if stream else found


def after_tag(head: bytes) -> bytes:
    """``head`` without the ID3v2 tag that it may begin with; empty where the tag is longer."""
    if not head.startswith(b"ID3"):
        return head
    size = 0
    for byte in head[6:10]:
        size = size << 7 | byte & 0x7F
    return head[10 + size :]


def _brands(head: bytes) -> set[bytes]:
    """What an ISO file says it may be read as: the main brand, then those it is compatible with."""
    box = head[8 : min(int.from_bytes(head[:4], "big"), 1024)]
    return {box[at : at + 4] for at in range(0, len(box) - 3, 4) if at != 4}


def boxes(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind, first and last byte (excluded) of each ISO box's body, as far as there are any whole heads."""
    at = 0
    while at + 8 <= len(data):
        size, kind, head = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8], 8
        if size == 1:
            size, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        end = len(data) if size == 0 else min(len(data), at + size)
        if end < at + head:
            return
        yield kind, at + head, end
        at = end


def _is_animated(form: Format, head: bytes) -> bool:
    if form.name == "avif":
        return b"avis" in _brands(head)  # its timing tells whether there is more than one picture
    if form.name == "png":
        before = head.split(b"IDAT", 1)[0]  # the animation control chunk must stand before the first picture data
        return b"\0\0\0\x08acTL" in before
    return form.name == "webp" and head[12:16] == b"VP8X" and len(head) > 20 and bool(head[20] & 0x02)


def meant_as_media(name: str, head: bytes) -> bool:
    """Whether a file that begins with ``head`` and is not read must be told of by name, rather than passed over:
    one that is called like a picture, a video or sound, is a picture of a kind that is not read, or is empty."""
    ending = name.rpartition(".")[2].lower() if "." in name else ""
    if ending in f"{_IMAGES} {_VIDEOS} {_WAVEFORMS}".split():
        return True
    if not head:
        return ending not in _SURELY_NOT.split()
    if ending in _AMBIGUOUS.split():
        return described(head) != "plain text"
    return "picture" in described(head) or "Photoshop" in described(head)


def described(head: bytes) -> str:
    """What the bytes look like, for the message about a file that is not read."""
    found = next((word for pattern, word in _OTHERS if pattern.match(head)), "")
    if found:
        return found
    if not any(head):
        return "nothing but zero bytes"
    if _is_text(head):
        return "plain text"
    return f"unknown bytes that begin with {head[:8].hex(' ')}"


def _is_text(head: bytes) -> bool:
    if any(byte < 9 or 13 < byte < 32 for byte in head):
        return False
    try:
        head[:4096].decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start > 0 and error.start >= min(len(head), 4096) - 4  # a letter cut in half by the window
    return True


def advice(head: bytes) -> str:
    """How to get further with a file that is not read."""
    found = described(head)
    if any(word in found for word in ("picture", "Photoshop", "GIMP", "icon", "drawing", "RealMedia")):
        return "Save or export it as JPEG, PNG, WAV or MP4 first."
    if "web page" in found:
        return "Most likely the page was saved in place of the file that it shows: download the file itself."
    return "Check that it is the right file."
