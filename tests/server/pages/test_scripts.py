"""What the scripts of the pages do while somebody works with them: nothing that was typed or chosen is lost."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from tests.server.conftest import QUICK, Live, live
from tests.server.pages.conftest import CLIP, PHOTO
from tests.waiting import until

from zhenwei.server.auth.passwords import Passwords

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

pytestmark = pytest.mark.heavy
Look = Callable[..., "Page"]
NOTE = "The left eye blinks twice.\nAsk who filmed it."
PASTE = """(name) => {
    const given = new DataTransfer();
    given.items.add(new File(["no picture"], name));
    const target = document.activeElement || window;
    target.dispatchEvent(new ClipboardEvent("paste", {clipboardData: given, cancelable: true, bubbles: true}));
}"""


def picture(folder: Path, name: str) -> Path:
    """Of which no other has the bytes."""
    path = folder / name
    Image.fromarray(np.random.default_rng(abs(hash(str(path)))).integers(0, 255, (64, 64, 3), np.uint8)).save(path)
    return path


def a_person(guarded: Live, tenant: str = "") -> str:
    """With a new name."""
    name = secrets.token_hex(4)
    scopes = ("read", "submit")
    guarded.app.state.gate.access.add_person(tenant or name, name, Passwords().hash(f"{name} has a long word"), scopes)
    return name


@pytest.fixture
def somebody(guarded: Live) -> str:
    """Of this test alone: nobody may sign in more than a few times a minute."""
    return a_person(guarded)


def sign_in(page: Page, name: str) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(f"{name} has a long word")
    page.get_by_role("button", name="Sign in").click()


def signed_out(page: Page) -> Callable[[], None]:
    """As after signing out in another tab. What is answered signs in again, as there, too."""
    (found,) = page.context.cookies()
    name, value, domain = found["name"], found["value"], found["domain"]
    page.context.clear_cookies()
    return lambda: page.context.add_cookies([{"name": name, "value": value, "domain": domain, "path": "/"}])


def a_case(page: Page, title: str) -> str:
    """The address of a new case, whose page is open then."""
    page.goto("/cases")
    page.locator("input[name=title]").fill(title)
    page.get_by_role("button", name="Create").click()
    page.get_by_role("heading", name=title).wait_for()
    return page.url


def a_case_with_a_note_begun(page: Page, title: str, person: str) -> str:
    page.goto("/cases")
    sign_in(page, person)
    page.get_by_role("heading", name="Cases").wait_for()
    case = a_case(page, title)
    page.locator("textarea").fill(NOTE)
    return case


def held(page: Page, number: int) -> list[Route]:
    """The upload with this number waits until somebody lets it go on."""
    seen: list[Route] = []
    kept: list[Route] = []

    def look_at(route: Route) -> None:
        seen.append(route)
        if len(seen) == number:
            kept.append(route)
        else:
            route.continue_()

    page.route("**/files", look_at)
    return kept


def test_a_note_outlives_its_session(look: Look, guarded: Live, somebody: str) -> None:
    page = look(base_url=guarded.url)
    case = a_case_with_a_note_begun(page, "a long afternoon", somebody)
    page.context.clear_cookies()
    page.get_by_role("button", name="Write it down").click()
    page.get_by_role("heading", name="Sign in").wait_for()
    sign_in(page, somebody)
    page.wait_for_url(lambda url: "/login" not in url)
    page.goto(case)
    assert page.locator("textarea").input_value() == NOTE

    page.get_by_role("button", name="Write it down").click()
    page.locator(".note").wait_for()
    assert page.locator("textarea").input_value() == ""
    page.locator("textarea").fill("for nobody else")
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("heading", name="Sign in").wait_for()
    sign_in(page, somebody)
    page.goto(case)
    assert page.locator("textarea").input_value() == ""


def test_a_note_is_handed_to_nobody_else(look: Look, guarded: Live, somebody: str) -> None:
    colleague = a_person(guarded, tenant=somebody)
    page = look(base_url=guarded.url)
    case = a_case_with_a_note_begun(page, "of two", somebody)
    for name, found in ((somebody, NOTE), (colleague, ""), (somebody, "")):
        page.context.clear_cookies()
        page.goto(case)
        sign_in(page, name)
        page.locator("textarea").wait_for()
        assert page.locator("textarea").input_value() == found
        kept = page.evaluate("JSON.stringify(sessionStorage)")
        assert ("left eye" in kept) == bool(found)


def test_what_is_unseen_in_a_note_does_not_bring_it_back(look: Look, idle: Live) -> None:
    page = look(base_url=idle.url)
    case = a_case(page, "unseen")
    page.locator("textarea").fill("Seen\u200e on\u200b the\ufeff left\u2060,\u202e <U+200E>.\nThen\u200e gone.")
    page.get_by_role("button", name="Write it down").click()
    page.locator(".note", has_text="Seen<U+200E> on").wait_for()
    assert page.locator("textarea").input_value() == ""
    page.goto(case)
    assert page.locator("textarea").input_value() == ""


def test_what_is_pasted_into_a_note_is_no_upload(look: Look, idle: Live) -> None:
    page = look(base_url=idle.url, refused=415)
    a_case(page, "pasted")
    page.locator("textarea").fill(NOTE)
    page.locator("textarea").focus()
    page.evaluate(PASTE, "into.txt")
    assert page.locator(".sending li").count() == 0

    page.locator("textarea").blur()
    page.evaluate(PASTE, "beside.txt")
    page.locator(".sending .bad", has_text="beside.txt").wait_for()  # the fold around it opened
    page.reload()
    assert page.locator("textarea").input_value() == NOTE


def test_nobody_leaves_unasked_while_files_are_on_their_way(look: Look, idle: Live, tmp_path: Path) -> None:
    page = look(base_url=idle.url)
    page.goto("/")
    asked: list[str] = []

    def stay(dialog: object) -> None:
        asked.append(dialog.type)  # type: ignore[attr-defined]
        dialog.dismiss()  # type: ignore[attr-defined]

    page.on("dialog", stay)
    last = held(page, 2)
    page.get_by_text("Fast:").click()  # browsers ask only who has touched the page
    page.set_input_files("[type=file]", [picture(tmp_path, "first.png"), picture(tmp_path, "second.png")])
    page.get_by_text("Sent first.png").wait_for()
    assert page.locator(".sending li").first.locator("progress").count() == 0
    assert page.locator(".sending li").last.inner_text() == "Sending second.png"
    assert page.locator("[type=file]").input_value() == ""  # so that the same can be chosen again
    page.evaluate("location.href = '/history'")
    until(lambda: page.evaluate("1") and asked == ["beforeunload"], 30)
    assert page.locator(".sending li").count() == 2
    last[0].continue_()
    page.wait_for_url("**/progress?**")
    assert asked == ["beforeunload"]


def test_a_refusal_is_told_in_sentences(look: Look, idle: Live) -> None:
    page = look(base_url=idle.url, refused=422)
    page.goto("/")
    page.evaluate("document.querySelector('#drop').action = '/api/v1/jobs?wait=soon'")
    with page.expect_response("**/api/v1/jobs**") as answered:
        page.set_input_files("[type=file]", PHOTO)
    told = answered.value.json()
    assert page.locator(".sending .bad").inner_text().endswith(f": {told['detail']}. {told['fix']}")


@pytest.mark.parametrize("count", [1, 2])
def test_who_is_signed_out_is_told_so_where_bars_move(
    look: Look, guarded: Live, somebody: str, tmp_path: Path, count: int
) -> None:
    page = look(base_url=guarded.url, refused=401)
    page.goto("/")
    sign_in(page, somebody)
    page.set_input_files("[type=file]", [picture(tmp_path, f"{count} {number}.png") for number in range(count)])
    page.locator("#running").wait_for()
    address = page.url
    sign_in_again = signed_out(page)
    page.locator("#notice", has_text="You are signed out.").wait_for()
    sign_in_again()  # as after signing in elsewhere
    page.locator("#notice").wait_for(state="hidden")
    page.context.clear_cookies()
    page.locator("#notice").get_by_role("link", name="Sign in").click()
    sign_in(page, somebody)
    page.locator("#running").wait_for()
    assert page.url == address


@pytest.fixture(scope="module")
def examining(plugin: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A service with a login, which examines."""
    with live(tmp_path_factory.mktemp("examining"), auth="keys") as made:
        access = made.app.state.gate.access
        access.add_person("bob", "bob", Passwords().hash("bob has a long word"), ("read", "submit"))
        yield made


def test_who_is_signed_out_is_told_so_where_a_copy_is_made(look: Look, examining: Live, calm: Path) -> None:
    with examining.http(examining.key("read", "submit", tenant="bob")) as http:
        sent = http.post("/api/v1/jobs", data=QUICK, files={"file": (calm.name, calm.read_bytes())})
        id_ = sent.json()["id"]
        until(lambda: http.get(f"/api/v1/jobs/{id_}").json()["state"] == "done")
    page = look(base_url=examining.url, refused=401)
    asked: list[Route] = []
    page.route("**/preview.json", lambda route: route.continue_() if len(asked) else asked.append(route))
    page.goto(f"/examinations/{id_}")
    sign_in(page, "bob")
    page.locator("#preparing").wait_for()
    until(lambda: page.evaluate("1") and asked)
    sign_in_again = signed_out(page)
    asked[0].continue_()
    page.locator("#preparing", has_text="You are signed out.").get_by_role("link", name="Sign in").wait_for()
    sign_in_again()
    page.locator("#preparing").wait_for(state="detached")  # it is shown


@pytest.mark.parametrize(("zone", "ahead", "named"), [("Asia/Kolkata", 330, "UTC+5:30"), ("UTC", 0, "UTC")])
def test_times_are_the_readers(look: Look, idle: Live, zone: str, ahead: int, named: str) -> None:
    page = look(base_url=idle.url, timezone_id=zone)
    a_case(page, f"seen from {zone}")
    page.goto("/cases")
    shown = page.locator("time").first
    at = datetime.fromisoformat(shown.get_attribute("datetime") or "") + timedelta(minutes=ahead)
    assert shown.inner_text() == f"{at:%Y-%m-%d %H:%M} {named}"
    if ahead:
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", shown.get_attribute("title") or "")


def test_a_label_leaves_a_small_face_free(look: Look, examined: dict[str, str]) -> None:
    page = look(viewport={"width": 390, "height": 844})
    page.goto(f"/examinations/{examined[PHOTO.name]}")
    box = page.locator(".boxed").first

    def sides(of: str) -> list[float]:
        found: list[float] = box.evaluate(
            f"box => {{ const r = {of}.getBoundingClientRect(); return [r.top, r.bottom]; }}"
        )
        return found

    box.evaluate("box => { box.style.width = box.style.height = '4%'; }")
    assert sides("box.firstChild")[1] <= sides("box")[0]
    box.evaluate("box => { box.style.top = '1%'; }")
    page.set_viewport_size({"width": 380, "height": 844})
    until(lambda: sides("box.firstChild")[0] >= sides("box")[1], 30)  # above it would be cut off


def test_a_map_that_is_chosen_is_shown_wherever_it_lies(look: Look, examined: dict[str, str]) -> None:
    page = look()
    page.goto(f"/examinations/{examined[CLIP.name]}")
    until(lambda: page.evaluate("document.getElementById('player').readyState >= 1"), 30)
    detector = page.locator(".moment").first.get_attribute("data-detector") or ""
    times = [
        float(each.get_attribute("data-at") or 0) for each in page.locator(f".moment[data-detector='{detector}']").all()
    ]
    far = max((tenth / 10 for tenth in range(80)), key=lambda time: min(abs(time - each) for each in times))
    assert min(abs(far - each) for each in times) > 0.4  # or there would be nothing to jump over
    page.locator("#map").select_option("")
    page.evaluate(f"document.getElementById('player').currentTime = {far}")
    page.locator("#map").select_option(detector)
    page.locator("#mapped").wait_for()
    now = page.evaluate("document.getElementById('player').currentTime")
    assert min(abs(now - each) for each in times) < 0.05


@pytest.mark.parametrize("name", [PHOTO.name, CLIP.name])
@pytest.mark.parametrize("scripts", [True, False])
def test_only_what_is_there_is_explained(look: Look, examined: dict[str, str], name: str, scripts: bool) -> None:
    page = look(java_script_enabled=scripts)
    page.goto(f"/examinations/{examined[name]}")
    is_clip = name == CLIP.name
    expected = {
        "Click the timeline": is_clip and scripts,
        "Zoom with": not is_clip and scripts,
        "Boxes show": not is_clip or scripts,
        "The map shows": scripts,
    }
    assert {words: page.locator("#viewer").get_by_text(words).is_visible() for words in expected} == expected
