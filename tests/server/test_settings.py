"""A setting is a flag, an environment variable or a line of a file, in that order."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from tests.server.conftest import Live  # noqa: F401 - skips where the extra is missing

from zhenwei.errors import UsageError
from zhenwei.server.serving import _bound, address
from zhenwei.server.settings import Settings, read_settings


def test_flags_come_before_the_environment_and_that_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "zhenwei.toml"
    file.write_text('port = 1\nworkers = 5\nper_minute = 7\nwebhooks = ["https://h.example/"]\n')
    monkeypatch.setenv("ZHENWEI_WORKERS", "3")
    monkeypatch.setenv("ZHENWEI_PORT", "2")
    monkeypatch.setenv("ZHENWEI_WEBHOOK_SECRET", "0123456789abcdef")
    found = read_settings(file, port=9, workers=None)
    assert (found.port, found.workers, found.per_minute) == (9, 3, 7)
    assert found.webhooks == ("https://h.example/",)
    assert "0123456789abcdef" not in repr(found)


@pytest.mark.parametrize(
    ("content", "said"),
    [("port = 'x'", "port"), ("prot = 1", "prot"), ("port = ", "cannot be read"), ("auth = 'all'", "auth")],
)
def test_a_file_that_makes_no_sense_is_refused(tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "zhenwei.toml"
    file.write_text(content)
    with pytest.raises(UsageError, match=said):
        read_settings(file)
    with pytest.raises(UsageError, match="no file"):
        read_settings(tmp_path / "gone.toml")


def test_switches_are_settings_like_all_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "zhenwei.toml"
    file.write_text("examine = false\nbrowser = false\nquiet = true\n")
    found = read_settings(file)
    assert (found.examine, found.browser, found.quiet) == (False, False, True)
    monkeypatch.setenv("ZHENWEI_EXAMINE", "false")
    monkeypatch.setenv("ZHENWEI_QUIET", "true")
    found = read_settings(browser=None, quiet=None)
    assert (found.examine, found.browser, found.quiet) == (False, True, True)
    assert read_settings(file, examine=True).examine


@pytest.mark.parametrize("value", ["a.example", "", '"a.example"', "{}"])
def test_a_list_in_the_environment_is_named_where_it_is_none(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZHENWEI_HOSTS", value)
    with pytest.raises(UsageError, match="list in JSON") as refused:
        read_settings()
    assert "ZHENWEI_HOSTS" in refused.value.got
    assert "ZHENWEI_HOSTS='[" in refused.value.fix
    monkeypatch.setenv("ZHENWEI_HOSTS", '["a.example"]')
    assert read_settings().hosts == ("a.example",)


def test_hosts_follow_from_where_it_listens() -> None:
    assert read_settings().allowed_hosts == {"localhost", "127.0.0.1", "[::1]"}
    assert read_settings(host="0.0.0.0", auth="keys").allowed_hosts == frozenset()  # noqa: S104
    found = read_settings(host="0.0.0.0", auth="keys", public_url="https://Z.example:99")  # noqa: S104
    assert "z.example" in found.allowed_hosts
    assert found.is_https


def test_an_address_is_one_that_a_browser_understands() -> None:
    assert address(Settings.model_construct(**dict(read_settings(host="::1", port=1)))) == "http://[::1]:1"
    assert address(read_settings(host="0.0.0.0", auth="keys", port=1)) == "http://127.0.0.1:1"  # noqa: S104
    assert address(read_settings(public_url="https://z.example")) == "https://z.example"


def test_small_answers_are_not_held_back() -> None:
    """asyncio turns off the delay of small packets, 40 ms each, only for sockets that name their protocol."""
    with _bound(read_settings(port=0)) as listening:
        assert listening.proto == socket.IPPROTO_TCP


def test_every_setting_has_a_meaning_in_the_documentation() -> None:
    page = (Path(__file__).parents[2] / "docs" / "service.md").read_text(encoding="utf-8")
    assert [name for name in Settings.model_fields if f"`{name}`" not in page] == []
