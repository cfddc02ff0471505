"""What a file says of itself, read from its bytes once for all detectors of this family, and how much each kind of
statement weighs."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from zhenwei.defence import credential, labels
from zhenwei.defence.credential import Credential
from zhenwei.defence.labels import Labels
from zhenwei.errors import MediaError, MissingExtraError, UsageError
from zhenwei.media import read_bytes
from zhenwei.types import Media, Text

# Stated, not measured: no data at hand tells how often genuine and forged files carry these. The pages say why.
GENERATED_LLR = 3.0  # it says that a generator made it: hardly anybody says so of a photograph
SIGNED_EDIT_LLR = 2.0  # a signer says that AI altered it: of one in eight such files perhaps only to remove a wire
COMPOSITE_LLR = 1.0  # a label says so, with nobody to answer for it: phones write it after removing a passer-by
MARK_LLR = 2.0  # a generator's mark, which anybody can also put into a photograph to discredit it
FACE_APP_LLR = 0.7
CAPTURE_LLR = -3.0  # a signer whom the reader trusts says that a camera recorded it
MAX_BYTES = 64 << 20  # all of it is held in memory, which is not to grow with the length of a clip
NO_FILE = Text("the file itself is not at hand", zh="无法读取文件本身")
TOO_LARGE = Text(
    "the file is too large to be searched here; zhenwei verify reads it",
    zh="文件过大，此处不检索；可用 zhenwei verify 读取",
)
_SIGNS = (b"c2pa", b"jumb", b":provenance")  # one of them stands in whatever C2PA writes, or leads to it


@dataclass(frozen=True, slots=True)
class Statements:
    """``credential``: None where there is none, a reason where it cannot be read."""

    labels: Labels
    credential: Credential | str | None


_memory = threading.local()  # of each thread: the statements of the file that was last read; no bytes of it


def statements(media: Media, anchors: str = "") -> Statements | Text:
    """What the file says, or why it is not read: it is gone, was changed since it was opened, or is very large.

    ``anchors``: the path of a list of trusted signers, "" for none.
    """
    if media.size_bytes > MAX_BYTES:
        return TOO_LARGE
    try:
        status = Path(media.path).stat()
        key = (media.path, media.sha256, status.st_ino, status.st_size, status.st_mtime_ns, anchors)
        if getattr(_memory, "key", None) != key:
            _memory.found = _read(read_bytes(media), anchors)
            _memory.key = key
    except (MediaError, OSError, ValueError):  # ValueError: a NUL in the path
        return NO_FILE
    found: Statements = _memory.found
    return found


def _read(data: bytes, anchors: str) -> Statements:
    signed = any(sign in data for sign in _SIGNS)
    return Statements(labels.read_labels(data), _credential(data, anchors) if signed else None)


def _credential(data: bytes, anchors: str) -> Credential | str:
    try:
        trusted = Path(anchors).read_text(encoding="utf-8") if anchors else None
        return credential.read_credential(data, trusted)
    except (MissingExtraError, MediaError, UsageError) as error:
        return str(error)
    except (OSError, UnicodeDecodeError) as error:
        return Text(f"the trust list cannot be read: {error}", zh=f"无法读取信任列表：{error}")
