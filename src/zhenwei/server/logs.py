"""The log of the service: what happened, to which job, and no name, path or content of a file."""

from __future__ import annotations

import logging
import sys


class _NoTraces(logging.Filter):
    """Away with tracebacks of other libraries: they quote what a request held."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.exc_info = record.exc_text = record.stack_info = None
        record.msg = str(record.msg).splitlines()[0] if record.msg else ""
        return True


def set_up(*, quiet: bool = False) -> None:
    """To standard error. ``quiet``: only what is wrong."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    handler.addFilter(_NoTraces())
    for name, level in (("zhenwei.server", logging.INFO), ("uvicorn", logging.ERROR)):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.WARNING if quiet else level)
