"""Telling another service that an examination is over."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}


def is_allowed(url: str, prefixes: Sequence[str]) -> bool:
    """Whether ``url`` has the scheme, host and port of one of ``prefixes``, and lies under its path."""
    try:
        asked = urlsplit(url)
        port = asked.port
    except ValueError:
        return False
    plain = url.isascii() and url.isprintable() and " " not in url and "\\" not in url
    if not plain or asked.username is not None or asked.password is not None or asked.fragment:
        return False
    if ".." in asked.path or "%" in asked.path:
        return False
    for prefix in prefixes:
        known = urlsplit(prefix)
        same = (asked.scheme, asked.hostname, port or _PORTS.get(asked.scheme)) == (
            known.scheme,
            known.hostname,
            known.port or _PORTS.get(known.scheme),
        )
        path = known.path.rstrip("/")
        if same and (asked.path == path or asked.path.startswith(f"{path}/")):
            return True
    return False
