"""Everything that protects a file, in the one order that works: watermark, labels, credential; then read back."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from zhenwei.defence.credential import SOURCE_TYPES, Claim, check_source, sign
from zhenwei.defence.identity import Identity
from zhenwei.defence.labels import Aigc, read_labels, write_labels
from zhenwei.defence.marking import mark_file
from zhenwei.defence.sentences import phrase
from zhenwei.defence.verify import Verification, verify
from zhenwei.errors import DataError, UsageError
from zhenwei.media.containers import audio_streams, first_frame, open_container, video_stream
from zhenwei.media.formats import HEAD_BYTES, recognise
from zhenwei.media.images import guarded, open_image
from zhenwei.media.limits import DEFAULT_LIMITS
from zhenwei.types import Text
from zhenwei.words import translated

_PICTURES = Text(
    "only the main picture is kept: the others in the file, such as a gain map, are lost with the watermark",
    zh="只保留主画面：加水印后，文件中的其他画面（如增益图）会丢失",
)
_INTERLACED = Text("it was interlaced, and is progressive with the watermark", zh="原为隔行扫描，加水印后为逐行扫描")
_TRACKS = Text(
    "only the picture and the sound are kept: further tracks, such as subtitles, are lost with the watermark",
    zh="只保留画面和声音：加水印后，字幕等其他轨道会丢失",
)
AI_CLAIMS: tuple[Claim, ...] = ("ai-generated", "ai-edited")


@dataclass(frozen=True, slots=True)
class Protected:
    """``data``: the file anew. ``ident``: 16 hexadecimal digits that watermark, label and credential share.
    ``marked``: whether it has a watermark; ``notes`` say why not, or what of the file is lost with it.
    ``verification``: what is read in it."""

    data: bytes
    ident: str
    marked: bool
    notes: tuple[Text, ...]
    verification: Verification


def identifier(data: bytes) -> str:
    """What a file is called in its marks unless one says otherwise: the first 16 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(data).hexdigest()[:16]


def protect(
    data: bytes,
    *,
    claim: Claim,
    identity: Identity,
    key: bytes | None,
    ident: str = "",
    recipe: Mapping[str, Any] | None = None,
    title: str = "",
) -> Protected:
    """``data`` with a watermark under ``key`` (None: without), labels where ``claim`` says AI, and a credential.

    Content that cannot be marked (MP3, M4A, 16 bits, too small or too transparent) is signed without a watermark, and
    that is noted. Labels by others stay: a block that names a producer is kept, with this installation as who passes it
    on. Raises what :func:`~zhenwei.defence.credential.sign` and :func:`~zhenwei.defence.labels.write_labels` raise, and
    DataError if what was put in cannot be read back.
    """
    parent = None if claim in ("captured", "ai-generated") else data
    check_source(data, claim, parent)
    ident = ident or identifier(data)
    shown, marked, notes = _marked(data, ident, key)
    if claim in AI_CLAIMS:
        shown = write_labels(shown, _block(data, identity, ident), SOURCE_TYPES[claim])
    carried = sign(
        shown,
        claim=claim,
        identity=identity,
        parent=parent,
        recipe=recipe,
        watermark=ident if marked else None,
        title=title,
    )
    read = verify(carried, keys=[key] if key is not None and marked else [])
    if marked and read.binding != "bound":  # as in two-coloured pictures
        lost = Text("without a watermark: it could not be read back", zh="未加水印：写入后无法读回")
        bare = protect(data, claim=claim, identity=identity, key=None, ident=ident, recipe=recipe, title=title)
        return replace(bare, notes=(lost,))
    _require(read, ai=claim in AI_CLAIMS)
    return Protected(carried, ident, marked, notes, read)


def _marked(data: bytes, ident: str, key: bytes | None) -> tuple[bytes, bool, tuple[Text, ...]]:
    if key is None:
        return data, False, ()
    try:
        return mark_file(data, bytes.fromhex(ident), key), True, lost_by_marking(data)
    except (UsageError, DataError) as error:
        what, got = (Text(each, zh=translated(each, "zh")) for each in (error.what, error.got))
        told = phrase("{} ({})", "{}（{}）", what, got) if got else what
        return data, False, (phrase("without a watermark: {}", "未加水印：{}", told),)


def lost_by_marking(data: bytes) -> tuple[Text, ...]:
    """What a file that can be marked loses when its pictures are encoded anew."""
    form = recognise(data[:HEAD_BYTES])
    if form is None:
        return ()
    if form.decoder == "JPEG":
        with guarded(form, "the picture", DEFAULT_LIMITS):
            image = open_image(io.BytesIO(data), form, "the picture", DEFAULT_LIMITS)
            return (_PICTURES,) if getattr(image, "n_frames", 1) > 1 else ()
    if form.decoder != "mov":
        return ()
    with open_container(io.BytesIO(data), form, "the clip", DEFAULT_LIMITS) as clip:
        seen = video_stream(clip)
        frame = None if seen is None else first_frame(clip, seen, DEFAULT_LIMITS)
        further = len(clip.streams) > 1 + len(audio_streams(clip))
    interlaced = frame is not None and frame.interlaced_frame
    return (*((_INTERLACED,) if interlaced else ()), *((_TRACKS,) if further else ()))


def _block(data: bytes, identity: Identity, ident: str) -> Aigc:
    """Another producer's block is passed on; where there is none, this installation is the producer."""
    there = read_labels(data).aigc
    if there is None or not (there.content_producer or there.produce_id):
        return Aigc(content_producer=identity.name, produce_id=ident)
    return replace(there, content_propagator=identity.name, propagate_id=ident)


def _require(read: Verification, *, ai: bool) -> None:
    missing = []
    if not read.credential.intact:
        missing.append("credential")
    if ai and not read.labels.says_ai:
        missing.append("labels")
    if missing:
        fix = "The original is untouched. Save it in another format first."
        raise DataError("what was put into the file cannot be read back", got=", ".join(missing), fix=fix)
