"""Settings shared by every room's tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings
from tests.browsing import axe, browser

__all__ = ["axe", "browser"]  # once for all rooms: Playwright runs but once in a process

# A loaded machine is slow, not wrong: no example fails for the time it took.
settings.register_profile("zhenwei", deadline=None)
settings.load_profile("zhenwei")

# The command line speaks the language of the locale: that of the tests is English wherever they run.
for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
    if os.environ.get(variable, "").lower().startswith("zh"):
        os.environ[variable] = "C.UTF-8"

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def cases() -> Path:
    """Small inputs with what is expected of them (ZHENWEI_CASES, or shared/cases beside the checkout)."""
    named = os.environ.get("ZHENWEI_CASES")
    folder = Path(named) if named else ROOT.parent / "shared" / "cases"
    if not folder.is_dir():
        pytest.skip("the public cases are not here (ZHENWEI_CASES, or shared/cases beside the checkout)")
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Heavy tests first: begun last, one of them would keep a process busy while the others have nothing left to do."""
    items.sort(key=lambda item: item.get_closest_marker("heavy") is None)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown() -> None:
    """The SVT-AV1 encoder, which writes some of the clips, makes the thread that calls it a real-time one where root
    runs it: left so, one test process would take a core from everybody else."""
    if hasattr(os, "sched_getscheduler") and os.sched_getscheduler(0) != os.SCHED_OTHER:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
