"""The watermarks of zhenwei in a file, looked for in picture and sound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from zhenwei import media
from zhenwei.defence import watermark
from zhenwei.defence.keys import PUBLIC_KEY
from zhenwei.media.formats import HEAD_BYTES, recognise
from zhenwei.media.images import guarded, open_as_far, upright_rgb
from zhenwei.media.limits import DEFAULT_LIMITS
from zhenwei.media.sources import regular_file, shown_name
from zhenwei.types import Audio, Media, Pixels

_FRAMES = 12
_MAX_SIDE = 4096
_MAX_SECONDS = 120
_WITH_ALPHA = ("png", "webp")  # of what is marked, those that can be transparent
_MODES = ("RGBA", "LA", "P", "RGB", "L")


@dataclass(frozen=True, slots=True)
class Mark:
    """A watermark that was found.

    ``ident``: hexadecimal, 16 digits in pictures and clips, 4 in sound. ``agreement``: share of the votes for its bits
    that agree, in [0, 1]. ``intact``: no part of the picture was replaced since; None where that cannot be told, and in
    sound. ``altered``: the share that was, in [0, 1], or None. ``published``: under the key that everybody has.
    """

    medium: Literal["picture", "sound"]
    ident: str
    agreement: float
    published: bool
    transform: str = ""
    altered: float | None = None
    intact: bool | None = None

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold, with every field."""
        return {
            "medium": self.medium,
            "ident": self.ident,
            "agreement": round(self.agreement, 4),
            "published_key": self.published,
            "transform": self.transform,
            "altered_share": None if self.altered is None else round(self.altered, 4),
            "intact": self.intact,
        }


@dataclass(frozen=True, slots=True, eq=False)
class FoundMarks:
    """Marks, and the pixels of a still picture in which further ones can be looked for."""

    marks: tuple[Mark, ...] = ()
    pixels: Pixels | None = None


def find_marks(opened: Media, keys: Sequence[bytes]) -> FoundMarks:
    """Watermarks of picture and sound, each under the first of ``keys`` that finds one. Raises MediaError."""
    frames: list[Pixels] = []
    marks: list[Mark | None] = []
    if opened.kind == "image":
        frames = [_still(opened)]
    elif opened.kind == "video":
        frames = [frame.pixels for frame in media.sample_frames(opened, _FRAMES, max_side=_MAX_SIDE)]
    if frames:
        marks.append(_image_mark(frames, keys))
    if opened.audio_codec:
        marks.append(_audio_mark(media.read_audio(opened), keys))
    return FoundMarks(tuple(filter(None, marks)), frames[0] if opened.kind == "image" else None)


def _still(opened: Media) -> Pixels:
    """As stored where it is transparent: there the mark lies, and laid over a ground, part of it would be lost."""
    if opened.container in _WITH_ALPHA:
        name = shown_name(opened.path)
        with regular_file(opened.path, DEFAULT_LIMITS) as (file, _):
            form = recognise(file.read(HEAD_BYTES))
            file.seek(0)
            if form is not None and form.name == opened.container:
                with guarded(form, name, DEFAULT_LIMITS):
                    found = open_as_far(file, form, name, DEFAULT_LIMITS)
                    if found.image.has_transparency_data and found.image.mode in _MODES:
                        return upright_rgb(replace(found, image=found.image.convert("RGBA").convert("RGB")), name)
    return media.read_image(opened).pixels


def _image_mark(frames: Sequence[Pixels], keys: Sequence[bytes]) -> Mark | None:
    for key in keys:
        mark = watermark.read_frames(frames, key)
        if mark is not None:
            share = None if mark.altered is None else mark.altered_share
            published = key == PUBLIC_KEY
            return Mark("picture", mark.ident.hex(), mark.agreement, published, mark.transform, share, mark.intact)
    return None


def _audio_mark(audio: Audio, keys: Sequence[bytes]) -> Mark | None:
    samples = audio.samples[:, : _MAX_SECONDS * audio.rate_hz]
    for key in keys:
        mark = watermark.read_audio(samples, audio.rate_hz, key)
        if mark is not None:
            return Mark("sound", mark.ident.hex(), mark.agreement, key == PUBLIC_KEY)
    return None
