"""The error tree.

    ZhenweiError
    ├── MediaError            the file cannot be read as the picture, video or sound that it claims to be
    │   └── OutOfMemoryError  there is not enough memory for this file
    ├── ModelError            a weights file is missing, altered, or not of an accepted kind
    ├── DataError             a data set, manifest or checkpoint is missing or malformed
    │   ├── UnmarkedError     a mark finds no room in what was made, or cannot be read back from it
    │   └── NotCoveredError   a file is not among those that a consent manifest covers
    ├── UsageError            an option or argument has no meaning here
    ├── MissingExtraError     an optional part of the package is not installed
    ├── DetectorClashError    two detectors claim one id
    ├── OutputError           results cannot be written: a full disk, a closed pipe, a folder that is in use
    └── FaultError            something that nobody foresaw; made by ``zhenwei.faults`` alone

Every message says what happened, what was got, what was wanted, and how to fix it. A detector that has nothing to say
abstains; it does not raise. A bug is none of these: it becomes a FaultError at the barrier, which keeps its traceback,
costs one detector or one file, and is never passed over in silence.

Who handles an error asks for its type, never for words in its message.
"""

from __future__ import annotations

from typing import Self


class ZhenweiError(Exception):
    """Base of every error that a caller may want to show to a person.

    ``what`` is one clause without a full stop; ``got``, ``want`` and ``fix`` complete it and may be empty.
    """

    def __init__(self, what: str, *, got: str = "", want: str = "", fix: str = "") -> None:
        self.what, self.got, self.want, self.fix = what, got, want, fix
        parts = [what]
        if got:
            parts.append(f"got {got}")
        if want:
            parts.append(f"want {want}")
        message = "; ".join(parts)
        super().__init__(f"{message}. {fix}" if fix else message)

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.what, self.got, self.want, self.fix)


def _rebuild(kind: type[ZhenweiError], what: str, got: str, want: str, fix: str) -> ZhenweiError:
    return kind(what, got=got, want=want, fix=fix)


class MediaError(ZhenweiError):
    """The file cannot be read as the picture, video or sound that it claims to be."""


class OutOfMemoryError(MediaError):
    """There is not enough memory for this file. Others may well be smaller."""

    @classmethod
    def here(cls) -> Self:
        return cls(
            "there is not enough memory to examine this file",
            want="more free memory",
            fix="Close other programs, or examine it on a machine that has more; of a clip, fewer frames need less.",
        )


class ModelError(ZhenweiError):
    """A weights file is missing, altered, or not of an accepted kind."""


class DataError(ZhenweiError):
    """A data set, manifest or checkpoint is missing or malformed."""


class UnmarkedError(DataError):
    """A mark finds no room in what was made, or cannot be read back from it: something else may well be marked."""


class NotCoveredError(DataError):
    """A file is not among those that a consent manifest covers; the consent itself holds."""


class UsageError(ZhenweiError):
    """An option or argument has no meaning here."""


class MissingExtraError(ZhenweiError):
    """An optional part of the package is not installed; ``fix`` holds the exact install line."""


class DetectorClashError(ZhenweiError):
    """Two detectors claim one id."""


class OutputError(ZhenweiError):
    """Results cannot be written where they are to go."""


class FaultError(ZhenweiError):
    """Something that nobody foresaw. ``trace``: where, as text; for whoever mends it, not for a report."""

    def __init__(self, what: str, *, got: str = "", want: str = "", fix: str = "", trace: str = "") -> None:
        super().__init__(what, got=got, want=want, fix=fix)
        self.trace = trace

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild_fault, (self.what, self.got, self.want, self.fix, self.trace)


def _rebuild_fault(what: str, got: str, want: str, fix: str, trace: str) -> FaultError:
    return FaultError(what, got=got, want=want, fix=fix, trace=trace)
