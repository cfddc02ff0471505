"""Every detector of the catalogue keeps the contract; a new one is picked up by itself."""

from __future__ import annotations

import pytest

from zhenwei.detectors import catalogue, ids
from zhenwei.testing import CHECKS, check_imports, subjects


@pytest.mark.parametrize("check", sorted(CHECKS))
@pytest.mark.parametrize("id_", ids())
def test_contract(id_: str, check: str) -> None:
    CHECKS[check](catalogue()[id_], subjects())


@pytest.mark.parametrize("id_", ids())
def test_import_budget(id_: str) -> None:
    check_imports(catalogue()[id_], subjects())
