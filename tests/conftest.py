"""Settings shared by every room's tests."""

from __future__ import annotations

from hypothesis import settings

# A loaded machine is slow, not wrong: no example fails for the time it took.
settings.register_profile("zhenwei", deadline=None)
settings.load_profile("zhenwei")
