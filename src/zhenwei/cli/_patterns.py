"""Patterns that the shell left as they are: in quotes, under Windows, or with too many files for it."""

from __future__ import annotations

import fnmatch
import glob
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path


def is_pattern(path: str) -> bool:
    """Not where a file is called like that."""
    return glob.has_magic(path) and not os.path.exists(path)  # noqa: PTH110 - Path's raises


@dataclass(frozen=True, slots=True)
class Matching:
    """``linked`` hears of folders that are not followed, ``closed`` of those that cannot be listed."""

    linked: Callable[[str], None]
    closed: Callable[[str, OSError], None]

    def files(self, pattern: str) -> list[str]:
        """What the glob module finds, sorted, but for what lies behind linked folders: two that lead back would never
        end. Those that are named before the first wildcard are followed."""
        only_folders = pattern.endswith(("/", os.sep))
        parts = Path(pattern).parts
        fixed = next(number for number, part in enumerate(parts) if glob.has_magic(part))
        wanted = [*parts[fixed:], *(["*"] if parts[-1] == "**" and not only_folders else [])]
        found = set(self._fitting(str(Path(*parts[:fixed])) if fixed else "", wanted))
        return sorted(each for each in found if not only_folders or os.path.isdir(each))  # noqa: PTH112 - as above

    def _fitting(self, folder: str, parts: Sequence[str]) -> Iterator[str]:
        if not parts:
            yield folder
            return
        part, rest = parts[0], parts[1:]
        if part == "**":
            yield from self._fitting(folder, rest)
        for name in self._names(folder, part):
            path = str(Path(folder, name))
            is_folder = os.path.isdir(path)  # noqa: PTH112 - as above
            if is_folder and os.path.islink(path):  # noqa: PTH114 - as above
                self.linked(path)
            elif part == "**":
                if is_folder:
                    yield from self._fitting(path, parts)
            elif is_folder or not rest:
                yield from self._fitting(path, rest)

    def _names(self, folder: str, part: str) -> list[str]:
        """In a folder, those that fit a part of a pattern; hidden ones only if it begins with a dot, too."""
        if not glob.has_magic(part):
            return [part] if os.path.lexists(Path(folder, part)) else []
        try:
            names = [each.name for each in Path(folder).iterdir()]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            self.closed(folder, error)
            return []
        fits = fnmatch.filter(names, "*" if part == "**" else part)
        return [name for name in fits if part.startswith(".") or not name.startswith(".")]
