"""Keys: made once, for their user alone, found again, and never taken for one when damaged."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from zhenwei.defence import keys
from zhenwei.errors import DataError


def test_a_key_is_made_once_and_is_its_users_own(tmp_path: Path) -> None:
    home = tmp_path / "deep" / "home"
    key = keys.own_key(home)
    assert len(key) == 32
    assert keys.own_key(home) == key
    assert keys.own_key(tmp_path / "other") != key
    assert stat.S_IMODE((home / "watermark.key").stat().st_mode) == 0o600
    assert [p.name for p in home.iterdir()] == ["watermark.key"]


def test_a_damaged_key_is_told_and_kept(tmp_path: Path) -> None:
    (tmp_path / "watermark.key").write_bytes(b"short")
    with pytest.raises(DataError, match="damaged"):
        keys.own_key(tmp_path)
    assert (tmp_path / "watermark.key").read_bytes() == b"short"


def test_a_place_that_cannot_be_written_is_an_error_with_its_cure(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError, match="ZHENWEI_HOME"):
        keys.own_key(tmp_path / "file" / "home")


def test_home_is_where_the_user_says_or_keeps_settings() -> None:
    assert keys.home_folder({"ZHENWEI_HOME": "/x/y"}) == Path("/x/y")
    assert keys.home_folder({"XDG_CONFIG_HOME": "/settings"}) == Path("/settings/zhenwei")
    assert keys.home_folder({}) == Path.home() / ".config" / "zhenwei"
