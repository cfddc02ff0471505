"""Files that are written whole or not at all, the folders they go to, and JSON documents with a schema.

A document is a JSON object whose ``schema`` names its kind and version. Reading says what is wrong with a file and
how to mend it, as :class:`DataError`; writing keeps what stood there until the new file is whole and on the disk.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zhenwei.errors import DataError, ZhenweiError

__all__ = ["make_folder", "read_document", "write_document", "write_whole"]


def write_whole(
    path: Path,
    data: bytes | str,
    *,
    replace: bool = True,
    like: Path | None = None,
    private: bool = False,
    reread: bool = False,
) -> None:
    """Write all of ``data`` (text as UTF-8) or nothing: what stood at ``path`` stays until the new file is on the disk.

    Without ``replace`` a file that is there stays, even one that comes meanwhile, and FileExistsError is raised.
    ``like``: a file whose permissions are taken; ``private``: readable by its owner alone. Neither: the usual ones.
    ``reread``: the new file is read again and compared before it takes its place. Raises DataError where it cannot be
    written.
    """
    content = data.encode() if isinstance(data, str) else data
    half = path.with_name(f".zhenwei-{secrets.token_hex(8)}.part")  # a long name has no room for more
    try:
        with half.open("xb") as file:
            if private:
                half.chmod(0o600)  # before anything is in it
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if reread and half.read_bytes() != content:
            raise DataError(f"{path} was not written as it should be", fix="Check the disk; nothing was replaced.")
        if like is not None:
            shutil.copymode(like, half)
        if replace:
            half.replace(path)
        else:
            _put_beside(half, path)
    except FileExistsError:
        raise
    except OSError as error:
        raise _unwritable(path, error) from None
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


def write_document(path: Path, schema: str, content: Mapping[str, Any], *, indent: int | None = 1) -> None:
    """Write a JSON object with its ``schema`` first, whole or not at all. ValueError for NaN or infinity."""
    document = {"schema": schema, **content}
    write_whole(path, json.dumps(document, indent=indent, ensure_ascii=False, allow_nan=False) + "\n")


def read_document(path: Path, schema: str, *, fix: str = "", error: type[ZhenweiError] = DataError) -> dict[str, Any]:
    """The JSON object at ``path``, without its ``schema``.

    Raises ``error``, with ``fix`` as the cure, where it cannot be read, is no JSON object, or is of another schema.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as refused:
        why = refused.strerror or str(refused)
        raise error(f"cannot read {path}", got=why, want=f"a file of schema {schema}", fix=fix) from None
    except (ValueError, RecursionError) as refused:  # UnicodeDecodeError is a ValueError
        raise error(f"{path} is no JSON", got=str(refused)[:200], want=f"schema {schema}", fix=fix) from None
    if not isinstance(document, dict) or document.get("schema") != schema:
        got = document.get("schema", "none") if isinstance(document, dict) else type(document).__name__
        raise error(f"{path} has another schema", got=str(got)[:200], want=schema, fix=fix)
    del document["schema"]
    return document


def _put_beside(half: Path, path: Path) -> None:
    """Rename, but never over a file. File systems without hard links get an empty file first, which is ours."""
    try:
        os.link(half, path)
    except FileExistsError:
        raise
    except OSError:
        path.open("xb").close()
        half.replace(path)


def _unwritable(path: Path, error: OSError) -> DataError:
    return DataError(f"cannot write {path}", got=error.strerror or str(error), want="room and a folder to write in")
