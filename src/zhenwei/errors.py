"""The error tree.

    ZhenweiError
    ├── MediaError            the file cannot be read as the picture, video or sound that it claims to be
    ├── ModelError            a weights file is missing, altered, or not of an accepted kind
    ├── DataError             a data set, manifest or checkpoint is missing or malformed
    ├── UsageError            an option or argument has no meaning here
    ├── MissingExtraError     an optional part of the package is not installed
    └── DetectorClashError    two detectors claim one id

Every message says what happened, what was got, what was wanted, and how to fix it. A detector that has nothing to say
abstains; it does not raise. A bug is none of these and crashes.
"""

from __future__ import annotations


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


class ModelError(ZhenweiError):
    """A weights file is missing, altered, or not of an accepted kind."""


class DataError(ZhenweiError):
    """A data set, manifest or checkpoint is missing or malformed."""


class UsageError(ZhenweiError):
    """An option or argument has no meaning here."""


class MissingExtraError(ZhenweiError):
    """An optional part of the package is not installed; ``fix`` holds the exact install line."""


class DetectorClashError(ZhenweiError):
    """Two detectors claim one id."""
