"""The command that a person is told to run adds what is missing to the environment that is running, wherever from."""

from __future__ import annotations

import importlib.util
import json
import shlex
import sys
from importlib import metadata
from pathlib import Path

import pytest

from zhenwei.errors import install_extra, install_package, reinstall_package


class _Installed:
    """A distribution that came from there (PEP 610)."""

    def __init__(self, origin: object) -> None:
        self._origin = origin

    def read_text(self, _: str) -> str | None:
        return None if self._origin is None else json.dumps(self._origin)


def _words(origin: object, patch: pytest.MonkeyPatch, extra: str = "train") -> list[str]:
    patch.setattr(metadata, "distribution", lambda _: _Installed(origin))
    words = shlex.split(install_extra(extra))
    assert words[:4] == [sys.executable, "-m", "pip", "install"]
    return words[4:]


@pytest.mark.skipif(sys.platform == "win32", reason="words are quoted in another way there")
def test_the_line_fits_where_the_package_came_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "a folder"
    folder.mkdir()
    wheel = tmp_path / "zhenwei-1-py3-none-any.whl"
    wheel.write_bytes(b"")
    for origin, wanted in (
        (None, ["zhenwei[train]"]),
        ({"url": folder.as_uri(), "dir_info": {"editable": True}}, ["-e", f"{folder}[train]"]),
        ({"url": folder.as_uri(), "dir_info": {}}, [f"{folder}[train]"]),
        ({"url": (tmp_path / "gone").as_uri(), "dir_info": {}}, ["zhenwei[train]"]),
        ({"url": wheel.as_uri(), "archive_info": {}}, [f"zhenwei[train] @ {wheel.as_uri()}"]),
        ({"url": "https://x.test/z", "vcs_info": {"vcs": "git"}}, ["zhenwei[train] @ git+https://x.test/z"]),
        (["nonsense"], ["zhenwei[train]"]),
    ):
        assert _words(origin, monkeypatch) == wanted


@pytest.mark.skipif(sys.platform == "win32", reason="words are quoted in another way there")
def test_the_line_that_puts_files_back_fits_where_they_came_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pip = [sys.executable, "-m", "pip", "install", "--force-reinstall", "--no-deps"]
    for origin, wanted in (
        (None, [*pip, "zhenwei"]),
        ({"url": tmp_path.as_uri(), "dir_info": {}}, [*pip, str(tmp_path)]),
        ({"url": "https://x.test/z", "vcs_info": {"vcs": "git"}}, [*pip, "zhenwei @ git+https://x.test/z"]),
        (
            {"url": tmp_path.as_uri(), "dir_info": {"editable": True}},
            ["git", "-C", str(tmp_path), "restore", "src/zhenwei/models"],
        ),
    ):
        monkeypatch.setattr(metadata, "distribution", lambda _, origin=origin: _Installed(origin))
        assert shlex.split(reinstall_package()) == wanted


def test_without_metadata_or_pip_there_is_still_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_: str) -> None:
        raise metadata.PackageNotFoundError("zhenwei")

    monkeypatch.setattr(metadata, "distribution", none)
    assert "zhenwei[report]" in install_extra("report")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert install_package("pyworld").startswith("uv pip install --python ")
    assert sys.executable in install_package("pyworld")


def test_no_other_place_writes_such_a_line() -> None:
    root = Path(str(importlib.util.find_spec("zhenwei").origin)).parent  # type: ignore[union-attr]
    written = {
        path.relative_to(root).as_posix() for path in root.rglob("*.py") if "pip install 'zhenwei[" in path.read_text()
    }
    assert written == set()
