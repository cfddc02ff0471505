"""``python -m zhenwei`` and ``zhenwei``: the command line."""

from __future__ import annotations

import sys


def run() -> int:
    """The exit status of one command line. Ctrl-C while it is still being loaded ends it as later on."""
    try:
        from zhenwei.cli import main

        return main()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(run())
