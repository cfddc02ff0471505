"""Commands that run without root's right to read and write everywhere."""

from __future__ import annotations

import os
import shutil

import pytest


def without_rights() -> list[str]:
    """The words to put before a command. The test is skipped where root cannot give these rights up."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("root may write every file, and setpriv is not installed")
    rights = "-dac_override,-dac_read_search"
    return ["setpriv", f"--bounding-set={rights}", f"--inh-caps={rights}"]
