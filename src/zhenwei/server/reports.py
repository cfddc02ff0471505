"""The report of a job with its pictures, as a file of the service; pages are made from it when they are asked for."""

from __future__ import annotations

from pathlib import Path

from zhenwei.errors import DataError
from zhenwei.files import make_folder, write_whole
from zhenwei.report.packed import Packed, pack, unpack
from zhenwei.types import Report


def save(report: Report, path: Path) -> None:
    """On the disk when it returns. DataError where it cannot be written."""
    make_folder(path.parent)
    write_whole(path, pack(report), private=True)


def load(path: Path) -> Packed | None:
    """None where there is none, or none that this version understands."""
    try:
        return unpack(path.read_bytes())
    except (OSError, DataError):
        return None
