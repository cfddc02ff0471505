"""Public files that are not part of the project, where they are at hand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def cases() -> Path:
    """Small inputs with what is expected of them (ZHENWEI_CASES, or shared/cases beside the checkout)."""
    named = os.environ.get("ZHENWEI_CASES")
    folder = Path(named) if named else ROOT.parent / "shared" / "cases"
    if not folder.is_dir():
        pytest.skip("the public cases are not here (ZHENWEI_CASES, or shared/cases beside the checkout)")
    return folder
