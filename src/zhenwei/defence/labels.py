"""Labels in metadata: the AIGC block of GB 45438-2025, the IPTC's digital source type, and what generators leave.

Both labels are words that anybody can write or take away, and say nothing where they are missing. They are put in byte
for byte: pixels, samples, EXIF and all other XMP stay as they are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from zhenwei.defence import source_types
from zhenwei.defence.generators import GeneratorSettings, hidden_pairs, settings_in, tools_in
from zhenwei.defence.labels_carriers import BrokenFileError, Carried
from zhenwei.defence.labels_id3 import read_id3, write_id3
from zhenwei.defence.labels_images import MAX_JPEG, read_jpeg, read_png, write_jpeg, write_png
from zhenwei.defence.labels_mp4 import read_mp4, write_mp4
from zhenwei.defence.labels_riff import read_riff, write_riff
from zhenwei.defence.labels_xmp import (
    AIGC,
    SOURCE_TYPE,
    BrokenXmpError,
    loosely,
    properties,
    with_properties,
    without_properties,
    words,
)
from zhenwei.defence.sentences import json_value
from zhenwei.defence.stealth import hidden_text
from zhenwei.defence.tags import Pair, Tags, from_facts, has_tags, read_tags
from zhenwei.errors import MediaError, UsageError
from zhenwei.media.facts import clean
from zhenwei.media.formats import HEAD_BYTES, Format, described, recognise
from zhenwei.types import Text

GENERATED, POSSIBLY, SUSPECTED = "1", "2", "3"
_FIELDS = {
    "Label": "label",
    "ContentProducer": "content_producer",
    "ProduceID": "produce_id",
    "ReservedCode1": "reserved_code1",
    "ContentPropagator": "content_propagator",
    "PropagateID": "propagate_id",
    "ReservedCode2": "reserved_code2",
}
_MAX_LENGTH = 2000
_MAX_BLOCKS = 100
_ADDRESS = re.compile(r"https?://[\x21-\x7e]{1,200}")
_IN_COMMENT = re.compile(r'"?AIGC"?\s*[:=]?\s*(\{[^{}]{0,4000}\})')
_WRITES = "JPEG, PNG, WebP, MP4, M4A, MOV, WAV or MP3"


@dataclass(frozen=True, slots=True)
class Aigc:
    """The seven fields of the AIGC block. ``label``: "1" made by AI, "2" possibly, "3" suspected to be.

    ``content_producer``, ``produce_id``: the service that made it and its number for the content;
    ``content_propagator``, ``propagate_id``: the same of who passes it on; the reserved codes are the producer's and
    the propagator's, for safety.
    """

    label: str = GENERATED
    content_producer: str = ""
    produce_id: str = ""
    reserved_code1: str = ""
    content_propagator: str = ""
    propagate_id: str = ""
    reserved_code2: str = ""

    def to_json(self) -> str:
        """As it stands in the file: the standard's names in their order, no spaces."""
        fields = {name: getattr(self, field) for name, field in _FIELDS.items()}
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Labels:
    """``aigc``: the first AIGC block that can be read. ``count``: how many blocks there are, readable or not.
    ``digital_source_type``: as written, usually an address of the IPTC's vocabulary. ``settings``: those that
    generators wrote. ``generators``, ``face_apps``: tools that are named as its maker. ``read``: whether labels are
    looked for in files of this format at all."""

    aigc: Aigc | None = None
    count: int = 0
    digital_source_type: str | None = None
    settings: tuple[GeneratorSettings, ...] = ()
    generators: tuple[str, ...] = ()
    face_apps: tuple[str, ...] = ()
    read: bool = True
    problems: tuple[Text, ...] = ()

    @property
    def source_type(self) -> str:
        """The word of the IPTC's vocabulary, "" if there is none."""
        return source_types.word(self.digital_source_type or "")

    @property
    def says_ai(self) -> bool:
        """Whether a label says that AI made or altered it, or may have. Not whether so."""
        ai = source_types.says_ai(self.source_type)
        return self.aigc is not None or ai or bool(self.settings or self.generators)

    @property
    def any(self) -> bool:
        """Whether it says anything at all."""
        return bool(self.says_ai or self.digital_source_type is not None or self.face_apps)

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold, with every field; the block under the standard's names."""
        found: dict[str, Any] = json_value(self)
        return found | {"aigc": json.loads(self.aigc.to_json()) if self.aigc else None}


def write_labels(data: bytes, aigc: Aigc | None, digital_source_type: str | None) -> bytes:
    """``data`` (a JPEG, PNG, WebP, MP4, M4A, MOV, WAV or MP3 file) with these labels; None leaves one as it is.

    Afterwards there is exactly one AIGC block, and one source type, whatever there was before. A credential that the
    file carries no longer fits: label first, then sign.

    Raises UsageError for another format, or values that the standard does not have; MediaError for a file or an XMP
    packet that is damaged, and where the packet has no room left.
    """
    form = _form(data)
    if not form:
        known = recognise(data[:HEAD_BYTES])
        got = known.name if known else described(data[:HEAD_BYTES])
        raise UsageError("this file cannot be labelled", got=got, want=_WRITES)
    values = _values(aigc, digital_source_type)
    if not values:
        return data
    try:
        packets = _packets(_READ[form](data).packets, values, form=form)
        labelled = _written(form, data, packets, aigc)
    except BrokenFileError:
        raise MediaError("this file is damaged or beyond what can be labelled", want="a complete file") from None
    except BrokenXmpError as error:
        fix = "Save the file again with a program that writes XMP, or without it."
        raise MediaError("the file's XMP is damaged", got=clean(str(error))[:200], fix=fix) from None
    _check(labelled, aigc, digital_source_type)
    return labelled


NOT_READ = Text("labels are not read in files of this format", zh="不读取此格式文件中的标识")


def read_labels(data: bytes) -> Labels:
    """The labels in ``data``, and what is wrong with them. Of formats that have no place for words, or one that is not
    looked at (GIF, BMP, elementary streams), and of bytes that are no file at all, nothing is read, which is told as a
    problem."""
    form, known = _form(data), recognise(data[:HEAD_BYTES])
    if known is None or not (form or has_tags(known)):
        return Labels(problems=(NOT_READ,), read=False)
    tags = read_tags(data, known)
    carried = _READ[form](data) if form else _carried(data, known, tags)
    damaged = carried.damaged or (tags.damaged and not form)
    texts = carried.texts if form == "jpeg" else (*carried.texts, *_in_comments(tags))  # of JPEG they are read already
    hidden = hidden_text(data, known)
    pairs = [*tags.pairs, *hidden_pairs(hidden)] if hidden else tags.pairs
    return _labels(carried.packets, texts, pairs, damaged=damaged)


def labels_in_facts(facts: Sequence[Pair]) -> Labels:
    """The labels that show in what is known of a file, where the file itself is not at hand. Values are shortened
    there, so that there may be more."""
    pairs = from_facts(tuple(facts))
    found = _labels((), (), pairs, damaged=False)
    aigc, count, kind, settings = None, 0, None, found.settings
    for key, value in pairs:
        if "aigc" in key.lower():
            aigc, count = aigc or _block(value, []) or Aigc(), count + 1
        elif key == "Digital source type" and kind is None:
            kind = value
        elif key == "Generation settings" and not settings:
            settings = (GeneratorSettings("", "user comment"),)
    return replace(found, aigc=aigc, count=count, digital_source_type=kind, settings=settings)


def _labels(packets: Sequence[bytes], texts: Sequence[str], pairs: Sequence[Pair], *, damaged: bool) -> Labels:
    problems, blocks, kinds, named = list[Text](), list(texts), list[str](), list(pairs)
    for packet in packets:
        try:
            blocks += properties(packet, AIGC)
            kinds += properties(packet, SOURCE_TYPE)
            named += words(packet)
        except BrokenXmpError:
            problems.append(Text("the XMP is damaged", zh="XMP 已损坏"))
            blocks += loosely(packet, AIGC)
            kinds += loosely(packet, SOURCE_TYPE)
    if damaged:
        problems.append(Text("the file is damaged; there may be more labels", zh="文件已损坏，可能还有其他标识"))
    if len(blocks) > 1:
        told = f"there are {len(blocks)} AIGC blocks, and only one is allowed"
        problems.append(Text(told, zh=f"有 {len(blocks)} 个 AIGC 标识，标准只允许一个"))
    if len(set(map(source_types.word, kinds))) > 1:
        problems.append(Text("there are several digital source types", zh="有多个数字来源类型"))
    read = [_block(block, problems) for block in blocks[:_MAX_BLOCKS]]
    kind = next(filter(source_types.says_ai, kinds), kinds[0]) if kinds else None
    generators, apps = tools_in(named)
    return Labels(
        next(filter(None, read), None),
        len(blocks),
        None if kind is None else clean(kind, _MAX_LENGTH),
        settings_in(named),
        generators,
        apps,
        problems=tuple(dict.fromkeys(problems)),
    )


def _carried(data: bytes, form: Format, tags: Tags) -> Carried:
    """Of formats that are not labelled here: XMP where Pillow finds it, and tags that are called AIGC."""
    if form.name == "avi":
        own = read_riff(data)
        return Carried(own.packets, own.texts, damaged=tags.damaged)
    blocks = tuple(value for key, value in tags.pairs if key.upper() == "AIGC")
    return Carried(tags.packets, blocks, tags.damaged)


def _in_comments(tags: Tags) -> list[str]:
    """AIGC blocks that some write into EXIF's comment."""
    found = []
    for key, value in tags.pairs:
        if key == "exif:UserComment":
            found += _IN_COMMENT.findall(value)
    return found


_READ: dict[str, Callable[[bytes], Carried]] = {
    "jpeg": read_jpeg,
    "png": read_png,
    "webp": read_riff,
    "wav": read_riff,
    "mov": read_mp4,
    "mp3": read_id3,
}


def _form(data: bytes) -> str:
    form = recognise(data[:HEAD_BYTES])
    if form is None or (form.name == "wav" and not data.startswith(b"RIFF")):
        return ""
    name = "mov" if form.decoder == "mov" else form.name
    return name if name in _READ else ""


def _values(aigc: Aigc | None, kind: str | None) -> dict[str, str]:
    values: dict[str, str] = {}
    if aigc is not None:
        if aigc.label not in (GENERATED, POSSIBLY, SUSPECTED):
            raise UsageError("this AIGC label has no meaning", got=aigc.label[:80], want="1, 2 or 3")
        for field in _FIELDS.values():
            value = getattr(aigc, field)
            if value != clean(value, _MAX_LENGTH):
                want = f"one line of up to {_MAX_LENGTH} characters, no two spaces side by side"
                raise UsageError(f"the AIGC block's {field} cannot be written", want=want)
        values[AIGC] = aigc.to_json()
    if kind is not None:
        if not _ADDRESS.fullmatch(kind):
            want = "an address of cv.iptc.org/newscodes/digitalsourcetype"
            raise UsageError("this is no digital source type", got=kind[:80], want=want)
        values[SOURCE_TYPE] = kind
    return values


def _packets(there: Sequence[bytes], values: dict[str, str], *, form: str) -> list[bytes]:
    """The file's packets anew: the first holds the labels, the others no longer do."""
    first = there[0] if there else None
    inside = dict(values)
    if form == "mp3" and AIGC in inside:  # the block stands in a frame of its own
        del inside[AIGC]
        first = None if first is None else without_properties(first, {AIGC: ""})
    if inside:
        first = with_properties(first, inside)
    packets = [] if first is None else [first]
    return packets + [without_properties(packet, values) for packet in there[1:]]


def _written(form: str, data: bytes, packets: Sequence[bytes], aigc: Aigc | None) -> bytes:
    keep = aigc is None
    if form == "jpeg":
        if max(map(len, packets), default=0) > MAX_JPEG:
            raise BrokenXmpError(f"a JPEG file has room for {MAX_JPEG:,} bytes of it")
        return write_jpeg(data, packets)
    if form == "png":
        return write_png(data, packets, keep_texts=keep)
    if form == "mov":
        return write_mp4(data, packets)
    if form == "mp3":
        return write_id3(data, packets, aigc.to_json() if aigc else None)
    return write_riff(data, packets, keep_texts=keep)


def _check(labelled: bytes, aigc: Aigc | None, kind: str | None) -> None:
    """A block that stands where it is not ours to write (EXIF, a track's metadata) would be a second one."""
    read = read_labels(labelled)
    if aigc is not None and (read.count != 1 or read.aigc != aigc):
        fix = "It carries an AIGC block in another place (EXIF, user data); keep that one, or export the file anew."
        raise MediaError("this file would have several AIGC blocks", got=str(read.count), want="one", fix=fix)
    if kind is not None and read.digital_source_type != kind:
        raise MediaError("this file would have several digital source types", want="one")


def _block(text: str, problems: list[Text]) -> Aigc | None:
    """The block behind ``text``; what is wrong with it goes to ``problems``. None if it is no object at all."""
    try:
        found = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        problems.append(Text("an AIGC block is not the JSON that it should be", zh="AIGC 标识不是规定的 JSON"))
        return None
    found = found["AIGC"] if isinstance(found.get("AIGC"), dict) else found
    missing = [name for name in _FIELDS if name not in found]
    if missing:
        names = ", ".join(missing)
        problems.append(Text(f"the AIGC block lacks {names}", zh=f"AIGC 标识缺少 {names}"))
    if any(not isinstance(found.get(name, ""), str) for name in _FIELDS):
        problems.append(Text("the AIGC block has fields that are no text", zh="AIGC 标识含有非文本字段"))
    values = {field: clean(found.get(name, ""), _MAX_LENGTH) for name, field in _FIELDS.items()}
    if values["label"] not in (GENERATED, POSSIBLY, SUSPECTED):
        problems.append(Text("the AIGC block's Label is none of 1, 2, 3", zh="AIGC 标识的 Label 不是 1、2、3"))
    return Aigc(**values)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found
