"""Whether a clip or a recording can be played in its page: within the page where it is small, else where it lies."""

from __future__ import annotations

import base64
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from zhenwei.types import Media

MAX_EMBEDDED_BYTES = 900_000
_VIDEO = {"mp4": ("h264", "av1", "vp9"), "webm": ("vp8", "vp9", "av1")}
_AUDIO = {
    "wav": "audio/wav", "mp3": "audio/mpeg", "flac": "audio/flac", "ogg": "audio/ogg", "mp4": "audio/mp4",
    "webm": "audio/webm", "aac": "audio/aac",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Player:
    """What ``<video>`` or ``<audio>`` plays. ``src``: a data URI, or a path from the page to the file."""

    kind: Literal["video", "audio"]
    src: str
    type: str


def player(media: Media, folder: Path) -> Player | None:
    """A player for a page in ``folder``; None where browsers cannot play the file, or it is neither small nor near.

    Near is in the folder, below it, or in the one around it. A file that has changed since is not played.
    """
    kind, path = _playable(media), Path(media.path)
    if kind is None:
        return None
    try:
        if path.stat().st_size != media.size_bytes:
            return None
        if media.size_bytes <= MAX_EMBEDDED_BYTES:
            data = path.read_bytes()
            if hashlib.sha256(data).hexdigest() != media.sha256:
                return None
            src = f"data:{kind[1]};base64,{base64.b64encode(data).decode('ascii')}"
            return Player(kind[0], src, kind[1])
        folder, path = folder.resolve(), path.resolve()
    except (OSError, ValueError):  # gone, or no path at all
        return None
    if not path.is_relative_to(folder) and path.parent != folder.parent:
        return None
    return Player(kind[0], quote(Path(os.path.relpath(path, folder)).as_posix()), kind[1])


def _playable(media: Media) -> tuple[Literal["video", "audio"], str] | None:
    """Element and media type, where every browser of today knows the format."""
    names = media.container.split(",")
    for name in names:
        if media.kind == "video" and media.codec in _VIDEO.get(name, ()):
            return "video", f"video/{name}"
    for name in names:
        if media.kind == "audio" and name in _AUDIO:
            return "audio", _AUDIO[name]
    return None
