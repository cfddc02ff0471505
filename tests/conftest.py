"""Settings shared by every room's tests."""

from __future__ import annotations

import pytest
from hypothesis import settings

# A loaded machine is slow, not wrong: no example fails for the time it took.
settings.register_profile("zhenwei", deadline=None)
settings.load_profile("zhenwei")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Heavy tests first: begun last, one of them would keep a process busy while the others have nothing left to do."""
    items.sort(key=lambda item: item.get_closest_marker("heavy") is None)
