"""A log of which no entry can be changed, left out or put in unnoticed: each holds the digest of the one before.

Each case has a chain, and each tenant's store one for what is no case's: that a case was begun, exported or erased,
that a file was. Entries outlive what they tell of, so they hold digests alone. Whoever may write to the database could
make a whole chain anew; that shows where its last digest is known elsewhere: in a bundle, or on paper.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Self

STORE = "store"  # the chain of what is no case's
NOTHING = "0" * 64  # before the first


@dataclass(frozen=True, slots=True)
class Entry:
    """One action: as :class:`zhenwei.store.case_tables.LogEntry`. ``content`` is canonical JSON."""

    tenant: str
    chain: str
    number: int
    at: datetime
    actor: str
    action: str
    subject: str
    content: str
    previous: str
    sha256: str

    @property
    def details(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.content)
        return found

    def digest(self) -> str:
        """What ``sha256`` has to be."""
        whole = self.to_dict()
        del whole["sha256"]
        return hashlib.sha256(canonical(whole).encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"at": self.at.astimezone(UTC).isoformat(timespec="microseconds")}

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Self:
        """ValueError, KeyError or TypeError for what is no entry."""
        at = datetime.fromisoformat(given["at"])
        number = int(given["number"])
        texts = {name: str(given[name]) for name in cls.__dataclass_fields__ if name not in ("at", "number")}
        return cls(number=number, at=at, **texts)


def canonical(value: Mapping[str, Any]) -> str:
    """The one way to write it as JSON."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def flaw(entries: Sequence[Entry]) -> str:
    """What is wrong with a whole chain, in words; "" where nothing is."""
    previous = NOTHING
    for number, entry in enumerate(entries, 1):
        if (entry.tenant, entry.chain) != (entries[0].tenant, entries[0].chain):
            return f"entry {number} is of another chain"
        if entry.number != number:
            return f"entry {number} is missing"
        if entry.sha256 != entry.digest():
            return f"entry {number} was changed"
        if entry.previous != previous:
            return f"entry {number} does not follow on the one before"
        previous = entry.sha256
    return "" if entries else "there is no entry"


def salted(salt: str, text: str) -> str:
    """The digest of a text of a case: without ``salt``, which goes with the case, nobody can try what it was."""
    return hashlib.sha256(f"{salt}\0{text}".encode()).hexdigest()
