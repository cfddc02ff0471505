"""A service with real detectors, and a browser to look at it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests import moving
from tests.server.conftest import MEDIA, Live, live
from tests.waiting import until

from zhenwei.server.auth.passwords import Passwords

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_MADE = tempfile.TemporaryDirectory(prefix="zhenwei-pages-")
PHOTO, CLIP = MEDIA / "astronaut-forged.jpg", Path(_MADE.name, "talking-clip.mp4")
moving.write(CLIP, moving.frames(moving.talking, 90), rate=25)  # of the examples' clip nothing is asked over time
ANSWER = {"Accept": "application/json"}


@pytest.fixture(scope="session")
def site_of_pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Without keys, with one worker; one for all, since its worker loads the models once."""
    with live(tmp_path_factory.mktemp("pages")) as made:
        yield made


@pytest.fixture(scope="session")
def examined(site_of_pages: Live) -> dict[str, str]:
    """Ids of the forged photo and of the clip, by name; both are done, and their previews made."""
    found: dict[str, str] = {}
    with site_of_pages.http() as http:
        for path, depth in ((PHOTO, "standard"), (CLIP, "fast")):
            sent = http.post(
                "/files", data={"depth": depth}, files={"file": (path.name, path.read_bytes())}, headers=ANSWER
            )
            found[path.name] = sent.json()["ids"][0]
        until(lambda: all(http.get(f"/api/v1/jobs/{id_}").json()["state"] == "done" for id_ in found.values()))
        paths = [f"/examinations/{id_}/preview.json" for id_ in found.values()]
        until(lambda: all(http.get(path).json()["state"] == "ready" for path in paths))
    return found


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A service with logins, of which ``ann`` and ``bob`` are tenants of their own; nobody examines."""
    with live(tmp_path_factory.mktemp("guarded"), run_jobs=False, auth="keys") as made:
        access = made.app.state.gate.access
        for name, scopes in (("ann", ("read", "submit", "admin")), ("bob", ("read", "submit")), ("eve", ("read",))):
            access.add_person(name, name, Passwords().hash(f"{name} has a long word"), scopes)
        yield made


@pytest.fixture
def look(browser: Browser, site_of_pages: Live) -> Iterator[object]:
    """``look(**options)``: a page in a browser of its own, that of a visitor who was never here. What its console says
    against it fails the test, but for the status ``refused``."""
    contexts, said, expected = [], [], []

    def new(refused: int = 0, **options: object) -> Page:
        expected.append(f"status of {refused} ")
        context = browser.new_context(**{"base_url": site_of_pages.url, "locale": "en-GB", **options})  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        return page

    yield new
    for context in contexts:
        context.close()
    assert [text for text in said if not any(one in text for one in expected)] == []
