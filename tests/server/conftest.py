"""Services to ask: in a thread of the test with a port of its own, or as the command in a process of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="FastAPI is not installed: pip install 'zhenwei[server]'")
pytest.importorskip("argon2", reason="argon2 is not installed: pip install 'zhenwei[server]'")
pytest.importorskip("httpx", reason="httpx is not installed: pip install 'zhenwei[client]'")

import httpx
import uvicorn
from fastapi import FastAPI
from tests.hazard import DETECTOR, draw, install
from tests.store.conftest import postgresql  # noqa: F401 - a fixture

from zhenwei.client import Client
from zhenwei.detectors import catalogue
from zhenwei.server.app import create_app
from zhenwei.server.settings import Settings, read_settings

MEDIA = Path(__file__).parents[2] / "examples" / "media"
QUICK = {"detectors": f"{DETECTOR} provenance.labels"}  # the detector does what the picture says


@dataclass(frozen=True, slots=True)
class Live:
    """A service that answers at ``url``."""

    url: str
    app: FastAPI
    settings: Settings

    def http(self, key: str = "", **options: Any) -> httpx.Client:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=60, **options)

    def client(self, key: str = "") -> Client:
        return Client(self.url, key)

    def key(self, *scopes: str, tenant: str = "local", **limits: Any) -> str:
        """A new key."""
        found: str = self.app.state.gate.access.add_key(tenant, "test", scopes, **limits)[1]
        return found


@contextmanager
def live(folder: Path, *, run_jobs: bool = True, **given: Any) -> Iterator[Live]:
    settings = read_settings(folder=folder, port=0, **({"workers": 1} | given))
    app = create_app(settings, run_jobs=run_jobs)
    server = uvicorn.Server(
        uvicorn.Config(
            app, port=0, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=10
        )
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    end = time.monotonic() + 30
    while not server.started:
        assert thread.is_alive()
        assert time.monotonic() < end
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Live(f"http://127.0.0.1:{port}", app, settings)
    finally:
        app.state.events.close()
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the plug-in whose detector does what a picture says."""
    return install(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def plugin(site: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(site))
        catalogue.cache_clear()
        yield
    catalogue.cache_clear()


@pytest.fixture(scope="module")
def service(plugin: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Without keys, with one worker, one for the module."""
    with live(tmp_path_factory.mktemp("service")) as made:
        yield made


@pytest.fixture(scope="module")
def idle(plugin: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Without keys, and nobody examines what is handed in."""
    with live(tmp_path_factory.mktemp("idle"), run_jobs=False) as made:
        yield made


@pytest.fixture
def calm(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A picture of this test alone, which is examined at once."""
    return Path(draw(tmp_path, "calm", abs(hash(request.node.nodeid)) % 2**31))
