"""The names that other people's programs may rely on, and that asking for none of them costs next to nothing."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from importlib.metadata import version

import pytest

import zhenwei

PUBLIC = {
    "Audio",
    "DataError",
    "Detector",
    "DetectorClashError",
    "DetectorInfo",
    "Evidence",
    "Face",
    "Frame",
    "Media",
    "MediaError",
    "MissingExtraError",
    "ModelError",
    "Options",
    "Person",
    "PersonVerdict",
    "Report",
    "Subject",
    "Text",
    "Track",
    "UsageError",
    "Verdict",
    "ZhenweiError",
    "__version__",
    "examine",
    "to_csv",
    "to_dict",
    "to_html",
    "to_json",
}
HEAVY = ("torch", "cv2", "onnxruntime", "av", "PIL", "scipy", "numpy", "rich", "typer")


def test_the_public_names_are_these() -> None:
    assert set(zhenwei.__all__) == PUBLIC
    assert len(zhenwei.__all__) == len(PUBLIC) <= 30
    assert set(dir(zhenwei)) >= PUBLIC


@pytest.mark.parametrize("name", sorted(PUBLIC - {"__version__"}))
def test_every_name_is_the_one_of_its_room(name: str) -> None:
    value = getattr(zhenwei, name)
    assert value is getattr(zhenwei, name)
    assert value is getattr(import_module(value.__module__), name)
    assert value.__doc__


def test_the_version_is_that_of_the_installed_package() -> None:
    assert zhenwei.__version__ == version("zhenwei")


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'examin'"):
        _ = zhenwei.examin


def run(code: str) -> str:
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=240)
    return ended.stdout.strip()


def test_importing_the_package_loads_nothing_heavy() -> None:
    loaded = run(f"import sys, zhenwei; print([m for m in {HEAVY} if m in sys.modules])")
    assert loaded == "[]"


def test_the_error_tree_is_had_without_anything_heavy() -> None:
    loaded = run(f"import sys, zhenwei; zhenwei.MediaError; print([m for m in {HEAVY} if m in sys.modules])")
    assert loaded == "[]"


def test_reports_are_written_without_decoders_or_networks() -> None:
    heavy = ("torch", "cv2", "onnxruntime", "av", "scipy")
    loaded = run(f"import sys, zhenwei; zhenwei.to_html; print([m for m in {heavy} if m in sys.modules])")
    assert loaded == "[]"
