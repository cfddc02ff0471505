"""An experiment is run again where anything changed that its figures hang on, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest
from docs.lecture import pages, sources
from docs.lecture.sources import digest

GAN = pages.EXPERIMENTS / "gan.py"


def test_what_is_imported_however_indirectly_belongs_to_it() -> None:
    reached = {path.relative_to(sources.ROOT).as_posix() for path in sources._reached(GAN)}
    assert {"docs/lecture/theory.py", "src/zhenwei/forge/gan/gan.py", "src/zhenwei/stats/metrics.py"} <= reached
    assert not any(path.startswith(("src/zhenwei/cli", "src/zhenwei/report", "src/zhenwei/server")) for path in reached)


def test_only_what_changed_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"gan": {"profile": "cpu", "checks": [{"ok": True}, {"ok": None}], "sources": digest(GAN)}}
    monkeypatch.setattr(pages, "_results", lambda: known)
    assert pages.changed(["gan", "wgan"], "cpu") == ["wgan"]
    assert pages.changed(["gan"], "gpu") == ["gan"]
    changed = sources.ROOT / "src" / "zhenwei" / "forge" / "gan" / "gan.py"
    of_file = sources._of_file

    def other(path: Path) -> bytes:
        return b"" if path == changed else of_file(path)

    monkeypatch.setattr(sources, "_of_file", other)
    assert pages.changed(["gan"], "cpu") == ["gan"]


def test_a_figure_that_was_not_reached_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"gan": {"profile": "cpu", "checks": [{"ok": False}], "sources": digest(GAN)}}
    monkeypatch.setattr(pages, "_results", lambda: known)
    assert pages.changed(["gan"], "cpu") == ["gan"]


def test_long_ones_begin_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "_results", lambda: {"gan": {"seconds": 3}, "wgan": {"seconds": 9}})
    assert pages.longest_first(["zoo", "gan", "wgan"]) == ["wgan", "gan", "zoo"]
