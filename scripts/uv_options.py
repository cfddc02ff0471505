"""Prints, one a line, the options by which uv finds what pip is set up to find, from the lines of `pip config list`.

uv installs the same releases in a tenth of pip's time, but does not read pip's settings: mirrors, folders of wheels,
constraints, certificates. Exits with 1 where pip has a setting that has no counterpart here: pip installs then.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator

_EACH = {
    "index-url": "--default-index",
    "extra-index-url": "--index",
    "find-links": "--find-links",
    "constraint": "--constraint",
    "trusted-host": "--allow-insecure-host",
}
_SAID_OTHERWISE = {  # or of no weight for uv, which asks nothing and keeps its own cache
    "cert",
    "disable-pip-version-check",
    "default-timeout",
    "timeout",
    "retries",
    "no-input",
    "cache-dir",
    "no-cache-dir",
    "no-warn-script-location",
    "root-user-action",
    "break-system-packages",
    "require-virtualenv",
    "quiet",
    "progress-bar",
}


def options(lines: Iterable[str]) -> Iterator[str]:
    """Of a repeated setting the environment's holds, then that of `pip install`, then the general one, as in pip."""
    held: dict[str, tuple[int, str]] = {}
    for line in lines:
        name, _, text = line.strip().partition("=")
        if not name:
            continue
        section, _, key = name.rpartition(".")
        rank = {"global": 0, "install": 1, ":env:": 2}.get(section)
        if rank is not None and rank >= held.get(key, (-1, ""))[0]:
            held[key] = (rank, str(ast.literal_eval(text)))
    for key, (_, value) in sorted(held.items()):
        if key in _EACH:
            for each in value.split():
                yield from (_EACH[key], each)
        elif key == "no-index":
            if value.lower() in ("1", "true", "yes", "on"):
                yield "--no-index"
        elif key not in _SAID_OTHERWISE:
            raise ValueError(f"pip's setting {key} has no counterpart")


if __name__ == "__main__":
    try:
        sys.stdout.write("".join(f"{option}\n" for option in options(sys.stdin)))
    except (ValueError, SyntaxError) as error:
        sys.exit(f"uv_options: {error}")
