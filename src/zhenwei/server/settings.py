"""What can be chosen of the service: by flag, by environment variable ``ZHENWEI_NAME``, or in a TOML file, in that
order; each under one name."""

from __future__ import annotations

import ipaddress
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any, Literal, get_origin
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from zhenwei.errors import UsageError
from zhenwei.types import Language

_GIB = 1 << 30
_MIB = 1 << 20
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")


def default_folder() -> Path:
    """The user's folder of data, as the system has it."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return base / "zhenwei" / "service"


class Settings(BaseSettings):
    """``auth``: "none" for whoever sits at this machine, "keys" for API keys and people who log in. ``folder``: where
    uploads and the SQLite file lie. ``public_url``: how others reach it behind a proxy, ``https://host``; of it follow
    the host that requests have to name and whether cookies need https. ``webhooks``: the addresses, as prefixes, that
    the service may call; none, unless named. ``deleted_s``: how long a deletion can be undone. ``printer``: the
    Chromium, Chrome or Edge that prints reports into PDF; else one that is found. ``examine``: in this process what is
    handed in; ``browser``: open the page; ``quiet``: no notes."""

    model_config = SettingsConfigDict(env_prefix="ZHENWEI_", extra="forbid", frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(8765, ge=0, le=65535)
    folder: Path = Field(default_factory=default_folder)
    database_url: str = ""
    auth: Literal["none", "keys"] = "none"
    public_url: str = ""
    hosts: tuple[str, ...] = ()
    workers: int = Field(2, ge=0, le=512)
    ray: str = ""
    seconds: float = Field(300.0, gt=0)
    memory: float = Field(0.0, ge=0)
    max_bytes: int = Field(2 * _GIB, ge=1)
    max_files: int = Field(50, ge=1)
    min_free_bytes: int = Field(512 * _MIB, ge=0)
    per_minute: int = Field(600, ge=1)
    max_streams: int = Field(100, ge=1)
    max_queued: int = Field(100_000, ge=1)
    session_hours: float = Field(12.0, gt=0)
    deleted_s: float = Field(60.0, ge=0)
    webhooks: tuple[str, ...] = ()
    webhook_secret: SecretStr = SecretStr("")
    language: Language = "en"
    printer: Path | None = None
    examine: bool = True
    browser: bool = True
    quiet: bool = False

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    @property
    def database(self) -> str:
        return self.database_url or str(self.folder / "zhenwei.db")

    @property
    def is_https(self) -> bool:
        return self.public_url.startswith("https://")

    @property
    def is_loopback(self) -> bool:
        try:
            return ipaddress.ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def allowed_hosts(self) -> frozenset[str]:
        """What the Host header may name, without the port; empty where any may be. A page of another site whose name
        was made to lead to this machine names its own."""
        found = {host.lower() for host in self.hosts}
        if self.public_url:
            found.add((urlsplit(self.public_url).hostname or "").lower())
        if self.is_loopback:
            found.update(LOOPBACK_NAMES)
        elif not found:
            return frozenset()
        found.add(self.host.lower())
        return frozenset(found)


def read_settings(config: Path | None = None, **given: Any) -> Settings:
    """The settings; ``given`` are the flags, of which those that are None were not given.

    Raises UsageError for what has no meaning, for a file that is not there, and for a service that others could reach
    although nobody has to say who they are.
    """
    if config is not None and not config.is_file():
        raise UsageError("there is no file of settings", got=str(config), want="a TOML file")

    _require_lists()

    class Read(Settings):
        model_config = SettingsConfigDict(toml_file=config)

    named = {name: value for name, value in given.items() if value is not None}
    try:
        read = Read(**named)
    except ValidationError as error:
        raise UsageError("the settings cannot be used", got=_told(error)) from None
    except ValueError as error:  # of TOML
        raise UsageError("the settings cannot be read", got=str(error)[:300], want="valid TOML") from None
    settings = Settings.model_construct(**dict(read))
    _check(settings)
    return settings


def _require_lists() -> None:
    """UsageError for a variable of the environment that has to be a list and is none."""
    lists: set[str] = set()
    for name, kind in Settings.model_fields.items():
        if get_origin(kind.annotation) is tuple:
            lists.add(f"ZHENWEI_{name}".upper())
    for name, value in os.environ.items():
        if name.upper() not in lists:
            continue
        try:
            is_list = isinstance(json.loads(value), list)
        except ValueError:
            is_list = False
        if not is_list:
            fix = f"""Write: {name}='["ONE", "OTHER"]'"""
            got = f"{name}={value}"[:300]
            raise UsageError("this environment variable has to be a list in JSON", got=got, want='["…"]', fix=fix)


def _check(settings: Settings) -> None:
    if settings.auth == "none" and not settings.is_loopback:
        raise UsageError(
            "without keys the service is for this machine alone",
            got=f"--host {settings.host}",
            want="127.0.0.1, or --auth keys",
            fix="Make a key with: zhenwei serve keys add NAME; then start it with --auth keys.",
        )
    if settings.printer is not None and shutil.which(settings.printer) is None:
        raise UsageError("there is no such browser", got=str(settings.printer), want="Chromium, Chrome or Edge")
    if settings.public_url and urlsplit(settings.public_url).scheme not in ("http", "https"):
        raise UsageError("the public URL cannot be used", got=settings.public_url, want="https://HOST")
    for prefix in settings.webhooks:
        parts = urlsplit(prefix)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
            raise UsageError("this is no address that a webhook could have", got=prefix, want="https://HOST/PATH")
    if settings.webhooks and len(settings.webhook_secret.get_secret_value()) < 16:
        fix = "Set ZHENWEI_WEBHOOK_SECRET to 16 characters or more; who is called checks the signature with it."
        raise UsageError("webhooks are allowed, but there is no secret to sign them with", fix=fix)


def _told(error: ValidationError) -> str:
    said: list[str] = []
    for one in error.errors():
        where = ".".join(map(str, one["loc"]))
        said.append(f"{where}: {one['msg']}")
    return "; ".join(said)
