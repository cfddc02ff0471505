"""Pictures of forgeries leave pages as every forgery does: labelled, marked and signed, by keys made for this run."""

from __future__ import annotations

import datetime
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zhenwei.forge.export import Door, open_door


@contextmanager
def opened() -> Iterator[Door]:
    with tempfile.TemporaryDirectory() as home:
        yield open_door(Path(home), datetime.datetime.now(datetime.UTC).date())
