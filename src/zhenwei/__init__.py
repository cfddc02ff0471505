"""zhenwei (真伪): tells forged faces from real ones, and shows why.

``examine(path)`` answers with a ``Report``: a verdict with its error rate, the evidence behind it, the people seen.
Names are loaded when they are first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

# ONNX Runtime 1.32 notes what it runs in the user's home and looks up a host of its maker. It is loaded after this.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

if TYPE_CHECKING:
    from zhenwei.errors import (
        DataError,
        DetectorClashError,
        MediaError,
        MissingExtraError,
        ModelError,
        UsageError,
        ZhenweiError,
    )
    from zhenwei.pipeline import Options, examine
    from zhenwei.report import to_csv, to_dict, to_html, to_json
    from zhenwei.types import (
        Audio,
        Detector,
        DetectorInfo,
        Evidence,
        Face,
        Frame,
        Media,
        Person,
        PersonVerdict,
        Report,
        Subject,
        Text,
        Track,
        Verdict,
    )

    __version__: str

_ROOMS = {
    "errors": ("DataError", "DetectorClashError", "MediaError", "MissingExtraError", "ModelError", "UsageError",
               "ZhenweiError"),
    "pipeline": ("Options", "examine"),
    "report": ("to_csv", "to_dict", "to_html", "to_json"),
    "types": ("Audio", "Detector", "DetectorInfo", "Evidence", "Face", "Frame", "Media", "Person", "PersonVerdict",
              "Report", "Subject", "Text", "Track", "Verdict"),
}  # fmt: skip
_HOME = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = [
    "Audio", "DataError", "Detector", "DetectorClashError", "DetectorInfo", "Evidence", "Face", "Frame", "Media",
    "MediaError", "MissingExtraError", "ModelError", "Options", "Person", "PersonVerdict", "Report", "Subject", "Text",
    "Track", "UsageError", "Verdict", "ZhenweiError", "__version__", "examine", "to_csv", "to_dict", "to_html",
    "to_json",
]  # fmt: skip


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("zhenwei")
    if name not in _HOME:
        raise AttributeError(f"module 'zhenwei' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"zhenwei.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
