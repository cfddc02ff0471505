"""A report with all its exhibits as bytes, and back: what a page can be made from later, in either language.

The JSON of the schema has one language, and no places and sightings. Here all is kept: a ZIP archive of ``report.json``
and the pictures, which :mod:`zhenwei.report.pictures` makes JPEGs of. Nothing in it is code, and what is read back is
built from the vocabulary alone.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np

from zhenwei import types
from zhenwei.errors import DataError
from zhenwei.report.pictures import kept_jpeg, pixels_of
from zhenwei.types import Pixels, Report, Text

FORMAT = "zhenwei.packed/1"
_MAX_BYTES = 256 << 20  # unpacked
_NO_ARCHIVE = (zipfile.BadZipFile, zlib.error, EOFError, KeyError, OSError, RuntimeError)
_CLASSES = {name: getattr(types, name) for name in types.__all__ if is_dataclass(getattr(types, name))}


@dataclass(frozen=True, slots=True, eq=False)
class Packed:
    """``pictures``: the arrays of ``report`` in the order in which :func:`picture` counts them."""

    report: Report
    pictures: tuple[Pixels, ...]


def pack(report: Report) -> bytes:
    """The report as an archive. Pictures are JPEG, so that they come back nearly as they were."""
    pictures: list[Pixels] = []
    document = {"format": FORMAT, "report": _plain(report, pictures)}
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        # A name that is no UTF-8 has surrogates in it, which JSON writes with a backslash, as here.
        told = json.dumps(document, ensure_ascii=False).encode("utf-8", "backslashreplace")
        archive.writestr(_member("report.json"), told, zipfile.ZIP_DEFLATED)
        for number, pixels in enumerate(pictures):
            archive.writestr(_member(_name(number)), kept_jpeg(pixels))
    return written.getvalue()


def _member(name: str) -> zipfile.ZipInfo:
    """Without the time of day, so that equal reports are equal bytes."""
    return zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))


def unpack(data: bytes) -> Packed:
    """What :func:`pack` was given. DataError for anything else, and for what another version wrote."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum([info.file_size for info in archive.infolist()]) > _MAX_BYTES:
                raise ValueError(f"more than {_MAX_BYTES} bytes when it is unpacked")
            document = json.loads(archive.read("report.json"))
            if document["format"] != FORMAT:
                raise ValueError(document["format"])
            count = sum([name.endswith(".jpg") for name in archive.namelist()])
            pictures = tuple([pixels_of(archive.read(_name(number))) for number in range(count)])
        report = _built(document["report"], pictures)
    except (*_NO_ARCHIVE, ValueError, TypeError, IndexError) as error:
        raise DataError("this is no packed report", got=str(error)[:200], want=FORMAT) from None
    return Packed(report, pictures)


def picture(data: bytes, number: int) -> bytes | None:
    """The JPEG of one picture of an archive; None where it has none of that number, or is none."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return archive.read(_name(number))
    except _NO_ARCHIVE:
        return None


def _name(number: int) -> str:
    return f"{number}.jpg"


def _plain(value: Any, pictures: list[Pixels]) -> Any:
    """``value`` as JSON; arrays go to ``pictures``, and a number stands for them."""
    if isinstance(value, Text):
        return {"": "Text", "en": str(value), "zh": value.zh}
    if isinstance(value, np.ndarray):
        pictures.append(value)
        return {"": "pixels", "number": len(pictures) - 1}
    if isinstance(value, Mapping):
        return {"": "mapping", "items": [[key, _plain(item, pictures)] for key, item in value.items()]}
    if isinstance(value, tuple | list):
        return [_plain(item, pictures) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    if not is_dataclass(value):
        return value
    found: dict[str, Any] = {"": type(value).__name__}
    for field in fields(value):
        found[field.name] = _plain(getattr(value, field.name), pictures)
    if found.get("fault"):
        found["fault"] = "failed"  # the traceback is for whoever mends it, not for reports
    return found


def _built(value: Any, pictures: tuple[Pixels, ...]) -> Any:
    if isinstance(value, list):
        return tuple([_built(item, pictures) for item in value])
    if not isinstance(value, dict):
        return value
    kind = value.pop("")
    if kind == "Text":
        return Text(value["en"], zh=value["zh"])
    if kind == "pixels":
        return pictures[value["number"]]
    if kind == "mapping":
        return {key: _built(item, pictures) for key, item in value["items"]}
    return _CLASSES[kind](**{name: _built(item, pictures) for name, item in value.items()})
