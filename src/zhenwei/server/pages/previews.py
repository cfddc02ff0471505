"""Which files have a preview, and making one beside the pages: nobody waits for it."""

from __future__ import annotations

import shutil
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from fastapi import Request

from zhenwei.errors import ZhenweiError
from zhenwei.server.pages import preview
from zhenwei.server.pages.preview import Preview
from zhenwei.server.uploads import Folder

State = Literal["ready", "making", "failed", "none"]
_MAX_FAILED = 1000  # remembered, so that what cannot be shown is not tried at every look


@dataclass(slots=True)
class Previews:
    """Of the files in the folder of a service."""

    files: Folder
    _open: set[str] = field(default_factory=set)
    _failed: dict[str, None] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def state(self, sha256: str) -> tuple[State, Preview | None]:
        """Whether there is one; else it is begun, unless the file is gone or could not be shown before."""
        source = self.files.medium(sha256)
        found = preview.kept(self.files.preview(sha256))
        if found is not None:
            return "ready", found
        if not source.is_file():
            return "none", None
        with self._lock:
            if sha256 in self._failed:
                return "failed", None
            if sha256 not in self._open:
                self._open.add(sha256)
                threading.Thread(target=self._make, args=(sha256, source), daemon=True, name="zhenwei-preview").start()
        return "making", None

    def _make(self, sha256: str, source: Path) -> None:
        try:
            preview.made(source, self.files.preview(sha256))
        except (ZhenweiError, OSError):
            with self._lock:
                if len(self._failed) >= _MAX_FAILED:
                    self._failed.pop(next(iter(self._failed)))
                self._failed[sha256] = None
        finally:
            with self._lock:
                self._open.discard(sha256)
            if not source.is_file():  # it was erased meanwhile
                shutil.rmtree(self.files.preview(sha256), ignore_errors=True)


def previews_of(request: Request) -> Previews:
    """Those of the service that is asked."""
    state = request.app.state
    if not hasattr(state, "previews"):
        state.previews = Previews(state.service.folder)
    found: Previews = state.previews
    return found
