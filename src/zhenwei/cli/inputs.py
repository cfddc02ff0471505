"""From the words on the command line to the files that are to be examined."""

from __future__ import annotations

import errno
import os
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zhenwei.cli._patterns import Matching, is_pattern
from zhenwei.cli.language import say, told
from zhenwei.cli.trouble import complain_of
from zhenwei.errors import MediaError, UsageError
from zhenwei.media.formats import HEAD_BYTES, meant_as_media, recognise
from zhenwei.media.sources import address_words, is_address
from zhenwei.report import Unreadable, legible

if TYPE_CHECKING:
    from rich.console import Console

_FOREIGN, _HIDDEN, _LINKED, _SPECIAL = "no media", "hidden", "linked folder", "no file"
_IN_WORDS = {
    _FOREIGN: ("file that is no picture, video or sound", "files that are no pictures, videos or sound"),
    _HIDDEN: ("hidden file or folder", "hidden files and folders"),
    _LINKED: ("linked folder", "linked folders"),
    _SPECIAL: ("dead link, pipe or device", "dead links, pipes and devices"),
}


@dataclass(frozen=True, slots=True)
class SkippedFile:
    """A file or folder below a named one that is not examined, and of which kind it is."""

    path: str
    kind: str


_EMPTY = "Look at what your shell puts there: a variable that is not set, perhaps."


@dataclass(frozen=True, slots=True)
class Inputs:
    """``files``: what to examine, in order, each once. ``unreadable``: folders that could not be listed.
    ``left_out``: what else lies in the folders."""

    files: tuple[str, ...]
    unreadable: tuple[Unreadable, ...]
    left_out: tuple[SkippedFile, ...] = ()

    def notes(self, *, verbose: bool = False) -> tuple[str, ...]:
        """Lines that tell what was left out: how many of each kind, or with ``verbose`` which."""
        counts = Counter(item.kind for item in self.left_out)
        parts = []
        for kind, words in _IN_WORDS.items():
            if counts[kind]:
                parts.append(f"{counts[kind]} {told(words[counts[kind] != 1])}")
        if not parts:
            return ()
        line = say("Left out of folders: {}.", ", ".join(parts))
        if not verbose:
            return (f"{line} {say('--verbose names them.')}",)
        return (line, *(f"  {legible(item.path)} ({told(item.kind)})" for item in self.left_out))

    def tell_unreadable(self, console: Console) -> None:
        """One line for each folder that could not be listed."""
        for folder in self.unreadable:
            complain_of(folder.path, folder.error, console)

    def tell_left_out(self, console: Console, *, verbose: bool) -> None:
        """How much was left out of folders, or with ``verbose`` what."""
        for line in self.notes(verbose=verbose):
            console.print(line, style="dim", markup=False, soft_wrap=True)


def collect(paths: Sequence[str]) -> Inputs:
    """Files as named, always; of folders everything below that is a picture, a video or sound by its first bytes, is
    called like one, or is empty, so that what cannot be read is told and does not vanish. Of patterns, which not every
    shell unfolds, what they fit.

    Hidden files and folders are left out, symbolic links to folders are not followed, the order is by name. Raises
    UsageError for an address of the network, as nothing is fetched, and for a name without a character.
    """
    for path in paths:
        if not path:
            raise UsageError("one of the files has an empty name", got="''", want="a file or a folder", fix=_EMPTY)
        if is_address(path):
            raise UsageError(**address_words(path))
    files: dict[str, str] = {}
    unreadable: list[Unreadable] = []
    left_out: list[SkippedFile] = []
    for path in _unfolded(paths, unreadable, left_out):
        if not os.path.isdir(path):  # noqa: PTH112 - Path's raises
            files.setdefault(str(Path(path).absolute()), path)
            continue
        for found in _below(path, unreadable, left_out):
            if _is_media(found):
                files.setdefault(str(Path(found).absolute()), found)
            else:
                left_out.append(SkippedFile(found, _FOREIGN))
    return Inputs(tuple(files.values()), tuple(unreadable), tuple(dict.fromkeys(left_out)))


def _unfolded(paths: Sequence[str], unreadable: list[Unreadable], left_out: list[SkippedFile]) -> Iterator[str]:
    patterns = Matching(
        linked=lambda folder: left_out.append(SkippedFile(folder, _LINKED)),
        closed=lambda folder, error: unreadable.append(_unlisted(folder, error)),
    )
    for path in paths:
        if not is_pattern(path):
            yield path
            continue
        told = len(unreadable)
        found = patterns.files(path)
        yield from found
        if not found and len(unreadable) == told:
            error = MediaError("no file fits this pattern", got=path, want="one that a file fits, quoted or not")
            unreadable.append(Unreadable(path, error))


def _unlisted(folder: str, error: OSError) -> Unreadable:
    told = MediaError(
        "the folder cannot be listed",
        got=error.strerror or "an error of the system",
        want="permission to read it",
        fix="Change its permissions, or leave it out.",
    )
    return Unreadable(folder, told)


def _below(folder: str, unreadable: list[Unreadable], left_out: list[SkippedFile]) -> Iterator[str]:
    def closed(error: OSError) -> None:
        unreadable.append(_unlisted(str(error.filename or folder), error))

    for root, folders, names in os.walk(folder, onerror=closed):
        for name in sorted(folders):
            if name.startswith("."):
                left_out.append(SkippedFile(str(Path(root, name)), _HIDDEN))
            elif os.path.islink(Path(root, name)):  # noqa: PTH114 - Path's raises
                left_out.append(SkippedFile(str(Path(root, name)), _LINKED))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(root, name)
            if name.startswith("."):
                left_out.append(SkippedFile(str(path), _HIDDEN))
            elif _is_file(path):
                yield str(path)
            else:  # a pipe, socket or device, which could wait for ever
                left_out.append(SkippedFile(str(path), _SPECIAL))


def _is_file(path: Path) -> bool:
    """What may not be looked at counts as one, so that it is told of."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError as error:
        return error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


def _is_media(path: str) -> bool:
    """By content, then by name. A file that may not be opened counts as one, so that it is told of."""
    try:
        with Path(path).open("rb") as opened:
            head = opened.read(HEAD_BYTES)
    except OSError:
        return True
    return recognise(head) is not None or meant_as_media(Path(path).name, head)
