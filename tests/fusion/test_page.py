"""The page on the fusion says what the packaged weights say."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

from zhenwei.fusion.dependence import packaged

DOCS = Path(__file__).parents[2] / "docs"


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("weights", DOCS / "weights.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_of_weights_is_that_of_the_package() -> None:
    page = (DOCS / "fusion.md").read_text(encoding="utf-8")
    assert script().written(page, packaged()) == page, "run: python docs/weights.py"


def test_the_page_of_sources_left_out_is_of_the_same_measurement() -> None:
    page = (DOCS / "left_out.md").read_text(encoding="utf-8")
    for factor in packaged().trust.values():
        assert f"LLRs count {factor:.2f} times" in page
