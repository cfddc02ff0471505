"""A trained detector is three files and nothing else: added to a copy of zhenwei, it is trained, shown and measured."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "added_detector.py"


@pytest.mark.heavy
def test_three_files_are_a_trained_detector(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("added_detector", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    told = script.main(tmp_path)  # which ends where a step fails, or where another file was touched
    assert set(told["seconds"]) == {"train", "scan", "evaluate", "contract", "its test"}
    (evidence,) = told["evidence"]
    assert evidence["llr"] > 1
    assert evidence["weights"].startswith("colour_noise @ ")
    assert told["on the page"]
    assert told["figures"]["genuine"] == told["figures"]["forged"] == 20
    assert told["figures"]["auc"]["value"] > 0.95
