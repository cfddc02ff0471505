"""The notebooks: every script runs from its first cell to its last, and the notebook beside it has the same cells."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "examples" / "notebooks"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "write")


@pytest.fixture(scope="module")
def write() -> ModuleType:
    spec = importlib.util.spec_from_file_location("write_notebooks", FOLDER / "write.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def printed(outputs: list[dict[str, Any]]) -> str:
    return "".join("".join(output.get("text", [])) for output in outputs)


@pytest.mark.parametrize("name", NAMES)
def test_the_notebook_has_the_cells_of_the_script(write: ModuleType, name: str) -> None:
    held = json.loads((FOLDER / f"{name}.ipynb").read_text(encoding="utf-8"))
    made = write.notebook((FOLDER / f"{name}.py").read_text(encoding="utf-8"), {})
    assert [cell["source"] for cell in held["cells"]] == [cell["source"] for cell in made["cells"]]
    assert held["nbformat"] == 4
    assert any(cell.get("outputs") for cell in held["cells"])


def test_the_page_names_every_notebook() -> None:
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert all(f"({name}.ipynb)" in page and f"({name}.py)" in page for name in NAMES)


@pytest.mark.heavy
@pytest.mark.filterwarnings("default")  # libraries that draw warn of their own
@pytest.mark.parametrize("name", NAMES)
def test_the_script_runs(write: ModuleType, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib", reason="what draws is not installed: the extra report")
    if name in ("gan_theory", "self_blends"):
        pytest.importorskip("torch", reason="what learns is not installed: the extra train")
    monkeypatch.setenv("ZHENWEI_HOME", str(tmp_path))
    outputs = write.run((FOLDER / f"{name}.py").read_text(encoding="utf-8"))
    said = "\n".join(printed(each) for each in outputs.values())
    wanted = {
        "seven_families": "7 warping and blending",
        "gan_theory": "points near each of the eight",
        "self_blends": "scores above its own original",
        "own_detector": "NOT OK shortcut probe",
        "signing": "changed after it was signed",
    }
    assert wanted[name] in said
