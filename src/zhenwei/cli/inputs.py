"""From the words on the command line to the files that are to be examined."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from zhenwei.errors import MediaError
from zhenwei.media.formats import HEAD_BYTES, recognise
from zhenwei.report import Unreadable


@dataclass(frozen=True, slots=True)
class Inputs:
    """``files``: what to examine, in order, each once. ``unreadable``: folders that could not be listed.
    ``foreign``: how many files in folders are no pictures, videos or sound."""

    files: tuple[str, ...]
    unreadable: tuple[Unreadable, ...]
    foreign: int


def collect(paths: Sequence[str]) -> Inputs:
    """Files as named, always; of folders everything below that is a picture, a video or sound by its first bytes.

    Hidden files and folders are left out, symbolic links to folders are not followed, the order is by name.
    """
    files: dict[str, str] = {}
    unreadable: list[Unreadable] = []
    foreign = 0
    for path in paths:
        if not Path(path).is_dir():
            files.setdefault(str(Path(path).absolute()), path)
            continue
        for found in _below(path, unreadable):
            if _is_media(found):
                files.setdefault(str(Path(found).absolute()), found)
            else:
                foreign += 1
    return Inputs(tuple(files.values()), tuple(unreadable), foreign)


def _below(folder: str, unreadable: list[Unreadable]) -> Iterator[str]:
    def closed(error: OSError) -> None:
        unreadable.append(
            Unreadable(
                str(error.filename or folder),
                MediaError(
                    "the folder cannot be listed",
                    got=error.strerror or "an error of the system",
                    want="permission to read it",
                    fix="Change its permissions, or leave it out.",
                ),
            )
        )

    for root, folders, names in os.walk(folder, onerror=closed):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(root, name)
            if not name.startswith(".") and path.is_file():  # no pipe, socket or device, which could wait for ever
                yield str(path)


def _is_media(path: str) -> bool:
    """By content. A file that may not be opened counts as one, so that the scan names it instead of passing it over."""
    try:
        with Path(path).open("rb") as opened:
            return recognise(opened.read(HEAD_BYTES)) is not None
    except OSError:
        return True
