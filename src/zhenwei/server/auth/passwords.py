"""Passwords as argon2id makes of them; a few at a time, since each takes 64 MiB while it is made."""

from __future__ import annotations

import threading
from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from zhenwei.errors import UsageError

MIN_CHARACTERS = 12
_AT_ONCE = 2


class Passwords:
    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._turn = threading.Semaphore(_AT_ONCE)

    def hash(self, password: str) -> str:
        """UsageError for one that is too short."""
        if len(password) < MIN_CHARACTERS:
            raise UsageError("the password is too short", want=f"at least {MIN_CHARACTERS} characters")
        with self._turn:
            return self._hasher.hash(password)

    def verify(self, known: str | None, password: str) -> bool:
        """Takes as long for somebody who does not exist (None), so that nobody learns who does."""
        with self._turn:
            try:
                return self._hasher.verify(known if known is not None else self._nobody, password) and known is not None
            except (Argon2Error, InvalidHashError):
                return False

    @cached_property
    def _nobody(self) -> str:
        return self._hasher.hash("nobody has this password")
