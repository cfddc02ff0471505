"""Keys of watermarks, and where an installation keeps what is its own."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from collections.abc import Mapping
from pathlib import Path

from zhenwei.errors import DataError
from zhenwei.files import write_whole

PUBLIC_KEY = hashlib.sha256(b"zhenwei: the published key of the forgery lab's watermark, version 1").digest()
"""What the lab marks with. It is published so that everybody can find the lab's mark; hence everybody can also put it
into a file of their own. A mark of this key says where a file may come from, and proves nothing."""

_BYTES = 32
_NAME = "watermark.key"


def home_folder(environ: Mapping[str, str]) -> Path:
    """Where keys and certificates of this user lie: ``ZHENWEI_HOME``, else the user's folder of settings."""
    given = environ.get("ZHENWEI_HOME", "")
    if given:
        return Path(given)
    settings = environ.get("XDG_CONFIG_HOME", "")
    return (Path(settings) if settings else Path.home() / ".config") / "zhenwei"


def own_key(home: Path) -> bytes:
    """The 32 random bytes of this installation, made at first use in ``home`` and readable by its user only.

    Raises DataError if the file cannot be read or written, or is not of that length.
    """
    path = home / _NAME
    try:
        if not path.exists():
            home.mkdir(parents=True, exist_ok=True, mode=0o700)
            with contextlib.suppress(FileExistsError):  # another process was faster: its key stands
                write_whole(path, secrets.token_bytes(_BYTES), replace=False, private=True)
        key = path.read_bytes()
    except (OSError, DataError) as error:
        got = error.got if isinstance(error, DataError) else error.strerror or str(error)
        fix = "Set ZHENWEI_HOME to a folder that can be written."
        raise DataError("the key of the watermark cannot be kept", got=f"{path}: {got}", fix=fix) from None
    if len(key) != _BYTES:
        fix = "Move it away; a new one is made. Marks of the old one are then no longer found."
        raise DataError("the key of the watermark is damaged", got=f"{path}: {len(key)} bytes", want="32", fix=fix)
    return key
