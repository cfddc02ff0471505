"""What ``zhenwei scan --store`` takes beside files and folders: patterns, lists of files, objects by URL."""

from __future__ import annotations

import fnmatch
import glob
import os
import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from zhenwei.cli.inputs import LINKED, Inputs, SkippedFile, collect, unlisted
from zhenwei.errors import DataError, MediaError, UsageError
from zhenwei.report import Unreadable

STDIN = "-"


def gather(paths: Sequence[str], lists: Sequence[str]) -> Inputs:
    """All that ``paths`` and the files named in ``lists`` lead to, each once, in their order.

    Raises UsageError where nothing is named, DataError for a list that cannot be read, MissingExtraError for a URL of a
    kind that is not installed. An object store that cannot be reached is among ``unreadable``.
    """
    named = list(paths)
    for each in lists:
        named += _lines(each)
    if not named and not lists:
        raise UsageError("there is nothing to examine", want="files, folders, URLs, or --list FILE")
    found: dict[str, None] = {}
    unreadable: list[Unreadable] = []
    left_out: list[SkippedFile] = []
    for are_urls, group in groupby(named, _is_url):
        if are_urls:
            for url in group:
                _list_objects(url, found, unreadable)
            continue
        files: list[str] = []
        for path in group:
            told = len(unreadable)
            matches = _unfolded(path, left_out, unreadable)
            files += matches
            if not matches and len(unreadable) == told:
                error = MediaError("no file fits this pattern", got=path, want="one that a file fits, quoted or not")
                unreadable.append(Unreadable(path, error))
        inputs = collect(files)
        found.update(dict.fromkeys(inputs.files))
        unreadable += inputs.unreadable
        left_out += inputs.left_out
    each_once = {each.path: each for each in reversed(unreadable)}
    return Inputs(tuple(found), tuple(reversed(each_once.values())), tuple(dict.fromkeys(left_out)))


def _is_url(path: str) -> bool:
    from zhenwei.engine.objects import is_url

    return is_url(path)


def _list_objects(url: str, found: dict[str, None], unreadable: list[Unreadable]) -> None:
    from zhenwei.engine.objects import listed

    try:
        for each in listed(url):
            found[each] = None
    except MediaError as error:
        unreadable.append(Unreadable(url, error))


def _lines(path: str) -> list[str]:
    """The names in a list: one a line, or with NUL between them as ``find -print0`` writes them."""
    fix = "Name a file with one path a line, or - for standard input."
    if path == STDIN and sys.stdin is None:  # closed before the program began
        raise DataError("the list of files cannot be read", got="no standard input", fix=fix)
    try:
        data = sys.stdin.buffer.read() if path == STDIN else Path(path).read_bytes()
    except OSError as error:
        raise DataError("the list of files cannot be read", got=f"{path}: {error.strerror}", fix=fix) from None
    separator = b"\0" if b"\0" in data else b"\n"
    found = []
    for line in data.split(separator):
        name = line if separator == b"\0" else line.rstrip(b"\r")
        if name.strip():
            found.append(os.fsdecode(name))
    return found


def _unfolded(path: str, left_out: list[SkippedFile], unreadable: list[Unreadable]) -> list[str]:
    """What fits a pattern that the shell left as it is, or that is too many files for it; else what was given."""
    if not glob.has_magic(path) or os.path.exists(path):  # noqa: PTH110 - Path's raises
        return [path]
    return sorted(set(matching(path, left_out, unreadable)))


def matching(pattern: str, left_out: list[SkippedFile], unreadable: list[Unreadable]) -> Iterator[str]:
    """What the glob module finds, but for what lies behind linked folders: two that lead back would never end. Those
    that are named before the first wildcard are followed. ``unreadable`` gets the folders that cannot be listed."""
    only_folders = pattern.endswith(("/", os.sep))
    parts = Path(pattern).parts
    fixed = next(number for number, part in enumerate(parts) if glob.has_magic(part))
    wanted = [*parts[fixed:], *(["*"] if parts[-1] == "**" and not only_folders else [])]
    for found in _fitting(str(Path(*parts[:fixed])) if fixed else "", wanted, left_out, unreadable):
        if not only_folders or os.path.isdir(found):  # noqa: PTH112 - Path's raises
            yield found


def _fitting(
    folder: str, parts: Sequence[str], left_out: list[SkippedFile], unreadable: list[Unreadable]
) -> Iterator[str]:
    if not parts:
        yield folder
        return
    part, rest = parts[0], parts[1:]
    if part == "**":
        yield from _fitting(folder, rest, left_out, unreadable)
    for name in _names(folder, part, unreadable):
        path = str(Path(folder, name))
        is_folder = os.path.isdir(path)  # noqa: PTH112 - Path's raises
        if is_folder and os.path.islink(path):  # noqa: PTH114 - as above
            left_out.append(SkippedFile(path, LINKED))
        elif part == "**":
            if is_folder:
                yield from _fitting(path, parts, left_out, unreadable)
        elif is_folder or not rest:
            yield from _fitting(path, rest, left_out, unreadable)


def _names(folder: str, part: str, unreadable: list[Unreadable]) -> list[str]:
    """In a folder, those that fit a part of a pattern; hidden ones only if it begins with a dot, too."""
    if not glob.has_magic(part):
        return [part] if os.path.lexists(Path(folder, part)) else []
    try:
        names = [each.name for each in Path(folder).iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        unreadable.append(unlisted(folder, error))
        return []
    pattern = "*" if part == "**" else part
    return [name for name in fnmatch.filter(names, pattern) if pattern.startswith(".") or not name.startswith(".")]
