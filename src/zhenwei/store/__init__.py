"""What was found, kept: files by digest, where they lie, and what each engine said of them.

In SQLite by default, in PostgreSQL by URL. Everything that needs the extra ``store`` is loaded by :func:`open_store`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zhenwei.store.fingerprint import Fingerprint, fingerprint_of
from zhenwei.store.opened import open_store

if TYPE_CHECKING:
    from zhenwei.store.cases import Cases
    from zhenwei.store.kept import Kept
    from zhenwei.store.results import Result
    from zhenwei.store.store import Store

__all__ = ["Cases", "Fingerprint", "Kept", "Result", "Store", "fingerprint_of", "open_store"]


def __getattr__(name: str) -> object:
    from importlib import import_module

    home = {"Cases": "cases", "Kept": "kept", "Result": "results", "Store": "store"}.get(name)
    if home is None:
        raise AttributeError(f"module 'zhenwei.store' has no attribute {name!r}")
    return getattr(import_module(f"zhenwei.store.{home}"), name)
