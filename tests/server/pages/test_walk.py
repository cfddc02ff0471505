"""What somebody does with the pages, in a real browser: from a file to a bundle, in both languages."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.server.conftest import Live
from tests.server.pages.conftest import CLIP, PHOTO
from tests.waiting import until

from zhenwei.server.pages.words import say
from zhenwei.types import Language

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

pytestmark = pytest.mark.heavy
Look = Callable[..., "Page"]
LOCALES: dict[Language, str] = {"en": "en-GB", "zh": "zh-CN"}
NOW = "document.getElementById('player').currentTime"


def soon(page: Page, holds: str) -> None:
    """Asked from outside: the policy of the pages lets nobody evaluate text within them."""
    until(lambda: page.evaluate(holds), 30)


def at_rest(page: Page, time_s: float) -> None:
    soon(page, f"Math.abs({NOW} - {time_s}) < 0.02 && !document.getElementById('player').seeking")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_walk(look: Look, site_of_pages: Live, examined: dict[str, str], tmp_path: Path, language: Language) -> None:
    def words(phrase: str, **values: Any) -> str:
        return say(phrase, language, **values)

    page = look(locale=LOCALES[language])
    page.goto("/")
    assert page.locator("html").get_attribute("lang") == ("zh-Hans" if language == "zh" else "en")
    page.get_by_label(words("ask_fast")).check()
    page.set_input_files("input[type=file]", CLIP)
    page.wait_for_url("**/examinations/*")
    page.wait_for_selector(".verdict")
    assert page.locator("section").first.get_attribute("class") == "verdict inconclusive"

    # the player: a face is boxed, a click on the timeline jumps, keys go frame by frame
    soon(page, "document.getElementById('player').readyState >= 1")
    assert page.locator(".boxed b").inner_text() == words("person", number=1)
    lane = page.locator(".timed").last
    box = lane.bounding_box()
    assert box is not None
    lane.click(position={"x": box["width"] / 2, "y": 5})
    soon(page, f"{NOW} > 1.5")
    page.keyboard.press("k")
    page.evaluate("document.getElementById('player').pause()")
    page.evaluate("document.getElementById('player').currentTime = 1")
    at_rest(page, 1.0)
    page.keyboard.press(".")
    at_rest(page, 1.04)
    page.keyboard.press(",")
    page.keyboard.press(",")
    at_rest(page, 0.96)
    page.keyboard.press("b")
    assert page.locator(".boxed").is_hidden()
    moment = page.locator(".moment").first
    moment.click()
    at_rest(page, float(moment.get_attribute("data-at") or 0))
    page.wait_for_selector("#mapped:not([hidden])")
    page.locator("#strength").fill("30")
    assert page.locator("#mapped").evaluate("image => getComputedStyle(image).opacity") == "0.3"
    page.keyboard.press("?")
    page.get_by_role("heading", name=words("keys_title")).wait_for()
    page.keyboard.press("Escape")

    # comparison, a case, its bundle
    page.get_by_role("link", name=words("compare_with")).click()
    page.get_by_role("link", name=PHOTO.name).first.click()
    page.get_by_role("heading", name=words("compare_evidence")).wait_for()
    page.get_by_role("link", name=CLIP.name).first.click()
    page.locator("input[name=title]").fill(f"case in {language}")
    page.get_by_role("button", name=words("add"), exact=True).click()
    page.get_by_role("heading", name=f"case in {language}").wait_for()
    page.locator("textarea").fill("first line\nsecond line")
    page.get_by_role("button", name=words("case_note_add")).click()
    assert page.locator(".note p").all_inner_texts()[1:] == ["first line", "second line"]
    page.locator(".tags input[name=name]").last.fill("checked")
    page.locator(".tags button").last.click()
    page.get_by_role("link", name="checked").wait_for()
    assert page.get_by_text(words("case_log_good")).is_visible()
    with page.expect_download() as started:
        page.get_by_role("button", name=words("case_export")).click()
    bundle = tmp_path / "bundle.zip"
    started.value.save_as(bundle)
    assert any(CLIP.read_bytes() == zipfile.ZipFile(bundle).read(name) for name in zipfile.ZipFile(bundle).namelist())


def test_two_browsers_at_once(look: Look, examined: dict[str, str]) -> None:
    pages = look(), look(locale="zh-CN")
    for page, path in zip(pages, (PHOTO, CLIP), strict=True):
        page.goto("/")
        page.locator("[value=fast]").check()
        page.set_input_files("input[type=file]", path)
    for page in pages:
        page.wait_for_selector(".verdict")
    assert [page.locator(".word").inner_text()[:2] for page in pages] == ["Fo", "无法"]
    pages[0].goto("/history")
    assert pages[0].locator("tbody tr").count() >= 2


def test_a_picture_is_enlarged_and_seen_beside_its_map(look: Look, examined: dict[str, str]) -> None:
    page = look()
    page.goto(f"/examinations/{examined[PHOTO.name]}")
    assert page.locator(".boxed.forged b").inner_text() == "1"
    assert page.locator("#mapped").is_visible()  # its detector speaks for a forgery
    page.keyboard.press("+")
    assert page.locator("#pane").evaluate("pane => pane.style.getPropertyValue('--zoom')") == "1.5"
    page.keyboard.press("0")
    page.get_by_role("button", name="Side by side").click()
    assert page.locator("#beside").is_visible()
    page.keyboard.press("m")
    assert page.locator("#mapped").is_hidden()


def test_a_deletion_is_undone(look: Look, site_of_pages: Live, examined: dict[str, str]) -> None:
    page = look()
    page.goto("/history")
    rows = page.locator("tbody tr").count()
    page.locator("tbody input[type=checkbox]").first.check()
    page.get_by_role("button", name="Delete the chosen").click()
    page.get_by_text("was deleted").wait_for()
    assert page.locator("tbody tr").count() == rows - 1
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("It is back.").wait_for()
    assert page.locator("tbody tr").count() == rows


def test_without_scripts(look: Look, examined: dict[str, str]) -> None:
    page = look(java_script_enabled=False)
    page.goto("/")
    page.set_input_files("input[type=file]", PHOTO)
    page.get_by_role("button", name="Examine these files").click()
    page.wait_for_selector(".verdict")
    assert page.locator("#still").is_visible()
    assert page.locator(".boxed").is_visible()
    page.locator("summary", has_text="Evidence").click()
    page.locator("#evidence").get_by_text("cnn.face_forgery").wait_for()
    page.get_by_role("link", name="中文").click()
    assert page.locator(".word").inner_text().startswith("伪造")


def test_pasted_and_refused_files(look: Look, examined: dict[str, str]) -> None:
    page = look(refused=415)
    page.goto("/")
    drop = """() => {
        const given = new DataTransfer();
        given.items.add(new File(["no picture"], "<b>letter</b>.txt"));
        dispatchEvent(new ClipboardEvent("paste", {clipboardData: given, cancelable: true}));
    }"""
    page.evaluate(drop)
    page.get_by_text("Check that it is the right file").wait_for()
    assert page.locator(".sending b").count() == 0  # a name is text
    assert page.url.endswith("/")


def test_what_is_dropped_while_something_is_on_its_way_joins_it(look: Look, examined: dict[str, str]) -> None:
    page = look()
    page.goto("/")

    held: list[Route] = []

    def hold_the_first(route: Route) -> None:
        if held:
            route.continue_()
        else:
            held.append(route)

    page.route("**/files", hold_the_first)
    with page.expect_request("**/files"):
        page.set_input_files("input[type=file]", PHOTO)
    page.set_input_files("input[type=file]", CLIP)
    held[0].continue_()
    page.wait_for_url("**/progress?**")
    assert page.locator("#running li").count() == 2


def test_those_too_many_are_told_and_the_others_are_a_link_away(look: Look, examined: dict[str, str]) -> None:
    page = look()
    page.goto("/")
    page.locator("#drop").evaluate("form => { form.dataset.count = 1; }")
    page.set_input_files("input[type=file]", [PHOTO, CLIP])
    page.locator(".sending .bad", has_text="1 more were left out").wait_for()
    page.locator("a.onward").click()
    page.wait_for_selector(".verdict, #running")


def test_a_folder_is_all_that_lies_in_it(look: Look, examined: dict[str, str]) -> None:
    page = look(refused=415)
    page.goto("/")
    drop = """() => {
        const file = (name) => ({name: name, isFile: true, file: (take) => take(new File(["x"], name))});
        const folder = (name, parts) => ({name: name, isDirectory: true, createReader: () => {
            const left = [parts, []];
            return {readEntries: (take) => take(left.shift())};
        }});
        const tree = folder("holiday", [file("a.txt"), file(".hidden"), folder("more", [file("b.txt")])]);
        const event = new Event("drop", {cancelable: true});
        event.dataTransfer = {types: ["Files"], files: [], items: [{webkitGetAsEntry: () => tree}]};
        dispatchEvent(event);
    }"""
    page.evaluate(drop)
    page.locator(".sending .bad").nth(1).wait_for()
    assert [text.split()[0] for text in page.locator(".sending .bad").all_inner_texts()] == ["a.txt", "b.txt"]


def test_choices_are_remembered(look: Look, site_of_pages: Live) -> None:
    page = look()
    page.goto("/settings")
    page.get_by_label("中文").check()
    page.get_by_label("dark").check()
    page.get_by_label("off").check()
    page.get_by_role("button", name="Save").click()
    page.get_by_text(say("settings_saved", "zh")).wait_for()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert page.locator("body").get_attribute("data-keys") == "off"
    background = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(background) == "rgb(18, 20, 23)"
    page.goto("/cases")
    assert page.locator("h1").inner_text() == say("cases", "zh")


def test_somebody_signs_in_and_out(look: Look, guarded: Live) -> None:
    page = look(base_url=guarded.url)
    page.goto("/cases")
    page.get_by_label("Name").fill("bob")
    page.get_by_label("Password").fill("bob has a long word")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Cases").wait_for()  # where they wanted to go
    page.get_by_role("link", name="Examine", exact=True).click()
    page.set_input_files("input[type=file]", PHOTO)
    page.get_by_text("It is next.").or_(page.get_by_text("before it")).wait_for()  # nobody examines here
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("heading", name="This examination was cancelled").wait_for()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("heading", name="Sign in").wait_for()
    page.goto("/history")
    assert page.url.startswith(f"{guarded.url}/login")
