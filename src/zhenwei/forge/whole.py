"""Files that are written whole or not at all, and the folders they go to."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from zhenwei.errors import DataError


def write_whole(path: Path, data: bytes) -> None:
    """Write all of ``data`` or nothing: what stood at ``path`` stays until the new file is whole and on the disk.

    Raises DataError where it cannot be written.
    """
    half = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with half.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        half.replace(path)
    except OSError as error:
        raise DataError(f"cannot write {path}", got=error.strerror or str(error), want="room and a folder") from None
    finally:
        with contextlib.suppress(OSError):
            half.unlink(missing_ok=True)


def make_folder(path: Path) -> None:
    """The folder at ``path`` and those above it; DataError where they cannot be made, as where a file is there."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = "a file of that name" if isinstance(error, FileExistsError) else error.strerror or str(error)
        raise DataError(f"cannot make the folder {path}", got=why, want="a folder to write in") from None


__all__ = ["make_folder", "write_whole"]
