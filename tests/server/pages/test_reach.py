"""Every page: whoever uses a keyboard, a screen reader or a phone can use it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from tests.browsing import RUN
from tests.server.conftest import Live
from tests.server.pages.conftest import CLIP, PHOTO

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.heavy


@pytest.mark.parametrize(
    "options",
    [
        {"viewport": {"width": 1200, "height": 900}},
        {"viewport": {"width": 360, "height": 780}, "locale": "zh-CN", "color_scheme": "dark"},
    ],
    ids=["desktop", "phone"],
)
def test_nothing_stands_in_the_way(
    look: Callable[..., Page],
    site_of_pages: Live,
    examined: dict[str, str],
    axe: str,
    guarded: Live,
    options: dict[str, object],
) -> None:
    page = look(refused=404, bypass_csp=True, **options)  # only so that axe can be put into it
    with site_of_pages.http() as http:
        case = http.post("/cases/add", data={"id": list(examined.values()), "title": "reach"}).headers["location"]
    photo, clip = examined[PHOTO.name], examined[CLIP.name]
    addresses = [
        "/", "/history", "/history?text=nothing", "/cases", case, "/settings", f"/compare?a={photo}",
        f"/compare?a={photo}&b={clip}", f"/examinations/{photo}", f"/examinations/{clip}",
        f"/progress?id={photo}&id={clip}", "/nowhere",
    ]  # fmt: skip
    for address in (*addresses, f"{guarded.url}/login"):
        page.goto(address)
        page.evaluate(axe)
        found = page.evaluate(RUN)["violations"]
        assert [(each["id"], each["nodes"][0]["target"]) for each in found] == [], address
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address


def test_a_keyboard_reaches_everything(look: Callable[..., Page], examined: dict[str, str]) -> None:
    page = look()
    page.goto(f"/examinations/{examined[CLIP.name]}")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id"))
    wanted = {"play", "frame-back", "frame-on", "position", "speed", "boxes", "map", "strength", "open-keys", "pane"}
    assert wanted <= reached
