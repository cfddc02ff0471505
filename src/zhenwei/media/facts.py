"""What a file says of itself, made safe to show: names a person knows, values short and without control characters."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

MAX_VALUE = 200
MAX_FACTS = 64
Facts = tuple[tuple[str, str], ...]

# EXIF tag -> the name it is shown by. Serial numbers, owner names and user comments are left out on purpose.
EXIF_NAMES: Mapping[int, str] = {
    0x010E: "Image description",
    0x010F: "Make",
    0x0110: "Model",
    0x0131: "Software",
    0x0132: "Date and time",
    0x013B: "Artist",
    0x8298: "Copyright",
    0x829A: "Exposure time",
    0x829D: "F number",
    0x8827: "ISO",
    0x9003: "Date and time taken",
    0x9004: "Date and time digitised",
    0x9011: "Time zone taken",
    0x9209: "Flash",
    0x920A: "Focal length",
    0xA001: "Colour space",
    0xA002: "Width by EXIF",
    0xA003: "Height by EXIF",
    0xA433: "Lens make",
    0xA434: "Lens model",
}
# The table for luminance of ITU-T T.81, annex K.1, in natural order.
_ANNEX_K = (
    *(16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55),
    *(14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62),
    *(18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92),
    *(49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99),
)
_ABOUT_PLACES = ("accuracy", "role", "date", "version", "timestamp")
_PLACES = ("location", "gps", "iso6709", "xyz", "latitude", "longitude", "address")


def clean(value: object, limit: int = MAX_VALUE) -> str:
    """``value`` as one line of at most ``limit`` characters, without those that can drive a terminal or turn a line
    round (control, format, surrogate, private and unassigned)."""
    if isinstance(value, bytes):
        value = value[: 8 * limit].decode("utf-8", "replace")
    text = str(value)[: 8 * limit]
    spaced = " ".join(text.split())
    kept = "".join(c for c in spaced if not unicodedata.category(c).startswith("C"))
    return kept if len(kept) <= limit else kept[: limit - 1] + "…"


def safe_facts(pairs: Iterable[tuple[object, object]]) -> Facts:
    """Cleaned pairs with both a name and a value, each once, at most ``MAX_FACTS``."""
    found = [_no_camera(clean(key, 60), clean(value)) for key, value in pairs]
    return tuple(dict.fromkeys(pair for pair in found if all(pair)))[:MAX_FACTS]


_GRAPH = re.compile(r"(workflow|prompt)\s*:\s*\{", re.IGNORECASE)


def _no_camera(key: str, value: str) -> tuple[str, str]:
    """ComfyUI writes its settings of a WebP where EXIF has the camera's make and model."""
    if key in ("Make", "Model") and _GRAPH.match(value):
        return "Generation settings", f"in EXIF's {key.lower()}"
    return key, value


def container_facts(tags: Mapping[str, str], prefix: str = "") -> list[tuple[str, str]]:
    """Tags of a container or track; where it was recorded is only said to be present, and only where that is said."""
    facts = []
    for key, value in tags.items():
        place = any(word in key.lower() for word in _PLACES)
        if not place:
            facts.append((f"{prefix}{key}", value))
        elif _says_where(key.lower(), value):
            facts.append((f"{prefix}{key}", "present"))
    return facts


def _says_where(key: str, value: str) -> bool:
    """Whether a tag of a place holds one: a position that is not all zeros (no reception), or the name of a place."""
    if any(word in key for word in _ABOUT_PLACES):
        return False
    return any(c.isalpha() or c in "123456789" for c in value)


def jpeg_quality(table: Sequence[int]) -> tuple[int, bool]:
    """The IJG quality (1-100) whose luminance table is nearest to ``table`` (64 steps) by the sum of absolute
    differences, and whether it is exactly it."""
    distances = np.abs(_ijg_tables() - np.array(table, np.int64)).sum(1)
    best = len(distances) - 1 - int(np.argmin(distances[::-1]))  # the highest of several
    return best + 1, bool(distances[best] == 0)


@cache
def _ijg_tables() -> NDArray[np.int64]:
    """``(100, 64)``: the steps of the qualities 1 to 100."""
    quality = np.arange(1, 101)[:, None]
    scale = np.where(quality < 50, 5000 // quality, 200 - 2 * quality)
    return np.asarray(np.clip((np.array(_ANNEX_K) * scale + 50) // 100, 1, 255), np.int64)
