"""What every format has in common: where a file carries labels."""

from __future__ import annotations

from dataclasses import dataclass


class BrokenFileError(ValueError):
    """The file's structure ends or breaks off where more was announced."""


@dataclass(frozen=True, slots=True)
class Carried:
    """``packets``: XMP packets in the order of the file. ``texts``: AIGC blocks that stand outside XMP, as text.
    ``damaged``: the file's structure breaks off, so that there may have been more."""

    packets: tuple[bytes, ...] = ()
    texts: tuple[str, ...] = ()
    damaged: bool = False
