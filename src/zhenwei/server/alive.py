"""Which server processes are alive: each holds a lock on a file of its own, which the system lets go when it ends.

So what a killed process had is taken over at once by whoever reaches the same folder; elsewhere its lease has to end.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
from collections.abc import Iterable
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: leases alone
    fcntl = None  # type: ignore[assignment]


class Alive:
    """This process, called ``owner``. ``next_lease``: when its leases are due again, by ``time.monotonic``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.owner = f"{socket.gethostname()[:60]}-{os.getpid()}-{secrets.token_hex(4)}"
        self.next_lease = 0.0
        path = self._path(self.owner)
        self._descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        if fcntl is not None:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def end(self) -> None:
        self.forget([self.owner])
        os.close(self._descriptor)

    def dead_among(self, owners: Iterable[str]) -> list[str]:
        """Those that surely have ended."""
        return [owner for owner in owners if owner != self.owner and self._is_dead(owner)]

    def forget(self, owners: Iterable[str]) -> None:
        for owner in owners:
            with contextlib.suppress(OSError):
                self._path(owner).unlink(missing_ok=True)

    def _path(self, owner: str) -> Path:
        return self._folder / f"{owner}.lock"

    def _is_dead(self, owner: str) -> bool:
        if fcntl is None or "/" in owner:
            return False
        try:
            descriptor = os.open(self._path(owner), os.O_RDWR)
        except OSError:  # of another folder, or ended in order
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        finally:
            os.close(descriptor)
        return True
