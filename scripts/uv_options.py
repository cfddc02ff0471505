"""Prints, one a line, the options by which uv finds what pip is set up to find, from the lines of `pip config list`.

uv installs the same releases in a tenth of pip's time, but does not read pip's settings: mirrors, folders of wheels,
constraints, certificates. Exits with 1 where pip has a setting that has no counterpart here: pip installs then.

Of one release that several indexes have, uv takes the file of the first, though a later one may have that of this
platform; pip looks at all of them. Indexes on this disk are therefore written as one page of links into the file that
is named, which uv looks through beside the others.
"""

from __future__ import annotations

import ast
import html
import sys
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

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


class _Links(HTMLParser):
    """What a page of an index names: address, and name of the file."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.page, self.found = page.as_uri(), list[str]()
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        address = urljoin(self.page, dict(attrs).get("href") or "")
        if tag == "a" and not urlsplit(address).path.endswith("/"):
            self.found.append(address)


def on_disk(indexes: Iterable[str]) -> Iterator[str]:
    """Addresses of all files that indexes of folders name."""
    for index in indexes:
        for page in sorted(Path(unquote(urlsplit(index).path)).glob("*/index.html")):
            yield from _Links(page).found


def options(lines: Iterable[str], page: Path) -> Iterator[str]:
    """Of a repeated setting the environment's holds, then that of `pip install`, then the general one, as in pip."""
    held: dict[str, tuple[int, str]] = {}
    here: list[str] = []
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
                if key != "extra-index-url" or urlsplit(each).scheme != "file":
                    yield from (_EACH[key], each)
                    continue
                here.append(each)
        elif key == "no-index":
            if value.lower() in ("1", "true", "yes", "on"):
                yield "--no-index"
        elif key not in _SAID_OTHERWISE:
            raise ValueError(f"pip's setting {key} has no counterpart")
    if here:
        links = "\n".join(f'<a href="{html.escape(address)}">{_name(address)}</a>' for address in on_disk(here))
        page.write_text(f"<!DOCTYPE html><html><body>\n{links}\n</body></html>\n", encoding="utf-8")
        yield from ("--find-links", page.absolute().as_uri())


def _name(address: str) -> str:
    return html.escape(unquote(urlsplit(address).path.rpartition("/")[2]))


if __name__ == "__main__":
    try:
        sys.stdout.write("".join(f"{option}\n" for option in options(sys.stdin, Path(sys.argv[1]))))
    except (ValueError, SyntaxError, OSError) as error:
        sys.exit(f"uv_options: {error}")
