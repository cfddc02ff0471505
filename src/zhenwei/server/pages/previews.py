"""Which files have a preview, and making one beside the pages: nobody waits for it."""

from __future__ import annotations

import queue
import shutil
import threading
from typing import Literal

from fastapi import Request

from zhenwei.errors import ZhenweiError
from zhenwei.server.pages import preview
from zhenwei.server.pages.preview import Preview
from zhenwei.server.uploads import Folder

State = Literal["ready", "making", "failed", "none"]
_MAX_FAILED = 1000  # remembered, so that what cannot be shown is not tried at every look


class Previews:
    """Of the files in the folder of a service. One is made at a time, by a thread that waits for its process."""

    def __init__(self, files: Folder) -> None:
        self._files = files
        self._queue: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._open: set[str] = set()
        self._failed: dict[str, None] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def state(self, sha256: str) -> tuple[State, Preview | None]:
        """Whether there is one; else it is begun, unless the file is gone or could not be shown before."""
        found = preview.kept(self._files.preview(sha256))
        if found is not None:
            return "ready", found
        if not self._files.medium(sha256).is_file():
            return "none", None
        with self._lock:
            if sha256 in self._failed:
                return "failed", None
            if sha256 not in self._open:
                self._open.add(sha256)
                self._queue.put(sha256)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True, name="zhenwei-previews")
                self._thread.start()
        return "making", None

    def _run(self) -> None:
        while True:
            self._make(self._queue.get())

    def _make(self, sha256: str) -> None:
        medium, folder = self._files.medium(sha256), self._files.preview(sha256)
        try:
            preview.made(medium, folder)
        except (ZhenweiError, OSError):
            with self._lock:
                if len(self._failed) >= _MAX_FAILED:
                    self._failed.pop(next(iter(self._failed)))
                self._failed[sha256] = None
        finally:
            with self._lock:
                self._open.discard(sha256)
            if not medium.is_file():  # it was erased meanwhile
                shutil.rmtree(folder, ignore_errors=True)


def previews_of(request: Request) -> Previews:
    """Those of the service that is asked."""
    found: Previews = request.app.state.previews
    return found
