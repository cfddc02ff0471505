"""What ``zhenwei scan --store`` takes beside files, folders and patterns: lists of files, objects by URL."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from zhenwei.cli.inputs import Inputs, SkippedFile, collect
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
        inputs = collect(list(group))
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
