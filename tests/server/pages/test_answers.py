"""What a page says of what was asked: in people's words, in both languages, and only of what can be done."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from PIL import Image
from tests.server.conftest import QUICK, Live
from tests.server.pages.conftest import PHOTO
from tests.server.pages.test_pages import Visitor, people, picture, sent  # noqa: F401 - a fixture
from tests.waiting import until

from zhenwei.media.facts import EXIF_NAMES
from zhenwei.report.fact_terms import fact_words
from zhenwei.server.auth.passwords import Passwords
from zhenwei.words import translated

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HTML = {"Accept": "text/html"}
CHINESE = HTML | {"Accept-Language": "zh-CN"}
HUGE = "99999999999999999999"


def undo_of(page: str) -> list[str]:
    """The ids that a page offers to bring back."""
    form = re.search(r'<form method="post" action="/undo">(.*?)</form>', page, re.DOTALL)
    return [] if form is None else re.findall(r'name="id" value="([0-9a-f]{32})"', form[1])


def switch_of(page: str) -> str:
    """Where the link to the other language leads."""
    found = re.search(r'href="(/language/[^"]+)"', page)
    assert found is not None
    return unescape(found[1])


def put_off(service: Live, id_: str, seconds: float) -> None:
    """What was deleted was deleted that much earlier."""
    jobs = service.app.state.service.jobs
    with jobs.store.writing() as session:
        jobs.own(session, "local", id_).deleted_at -= timedelta(seconds=seconds)


@contextmanager
def key_made(visitor: Visitor, name: str, *scopes: str) -> Iterator[str]:
    """The page that shows a new key, which is good for as long as that."""
    http, csrf = visitor
    form = {"csrf": csrf, "name": name, "scopes": list(scopes), "days": "3"}
    yield http.post("/settings/keys", data=form).text
    for key in http.get("/api/v1/keys").json()["keys"]:
        if key["name"] == name:
            assert http.delete(f"/api/v1/keys/{key['id']}", headers={"X-CSRF-Token": csrf}).status_code == 204


def test_of_the_chosen_those_left_are_deleted_and_come_back(idle: Live, tmp_path: Path) -> None:
    with idle.http() as http:
        ids = [sent(http, picture(tmp_path, 900 + number), f"{number}.png") for number in range(3)]
        assert http.delete(f"/api/v1/jobs/{ids[1]}").status_code == 204  # in another tab
        led = http.post("/history/delete", data={"id": ids, "back": "/history"})
        assert led.status_code == 303
        page = http.get(led.headers["location"]).text
        assert undo_of(page) == [ids[0], ids[2]]
        assert "2 examinations were deleted." in page
        again = http.post("/history/delete", data={"id": ids, "back": "/history"})
        assert "had been deleted already" in http.get(again.headers["location"]).text
        assert http.post("/undo", data={"id": undo_of(page), "back": "/history"}).status_code == 303
        left = [job["id"] for job in http.get("/api/v1/jobs").json()["jobs"]]
        assert {ids[0], ids[2]} <= set(left)


def test_undo_says_what_it_brings_back(idle: Live, tmp_path: Path) -> None:
    with idle.http() as http:
        id_ = sent(http, picture(tmp_path, 910))
        led = http.post(f"/examinations/{id_}/delete").headers["location"]
        assert "brings the file back, not its examination" in http.get(led).text
        for _ in range(2):  # a second time, from another tab, it is no less there
            back = http.post("/undo", data={"id": id_, "back": "/history"}).headers["location"]
            page = http.get(back).text
            assert "What was cancelled stays so" in page
            assert "too late" not in page


def test_undo_is_offered_for_as_long_as_there_is_something_to_undo(idle: Live, tmp_path: Path) -> None:
    with idle.http() as http:
        id_ = sent(http, picture(tmp_path, 911))
        led = http.post(f"/examinations/{id_}/delete").headers["location"]
        page = http.get(led).text
        left = re.search(r"For (\d+) s this can be undone", page)
        assert left is not None
        assert int(left[1]) < 60  # by the clock of the deletion, not of the page
        chosen = http.get(switch_of(page)).headers["location"]
        assert undo_of(http.get(chosen).text) == [id_]
        put_off(idle, id_, 30)
        assert re.search(r"(2\d|30) (s this can|秒内可)", http.get(led).text)
        put_off(idle, id_, 30)
        late = http.get(led).text
        assert undo_of(late) == []
        assert "The examination was deleted." in late or "检验已删除。" in late
        http.post("/undo", data={"id": id_})
        assert undo_of(http.get(led).text) == []


def test_undo_outlives_a_change_of_language_under_a_long_filter(idle: Live, tmp_path: Path) -> None:
    name = "会" * 251 + ".png"
    with idle.http() as http:
        id_ = sent(http, picture(tmp_path, 912), name)
        page = http.get("/history", params={"text": name, "state": "queued"}).text
        back = re.search(r'name="back" value="([^"]+)"', page)
        assert back is not None
        led = http.post("/history/delete", data={"id": id_, "back": unescape(back[1])}).headers["location"]
        assert led.startswith(unescape(back[1]))
        chosen = http.get(switch_of(http.get(led).text)).headers["location"]
        assert chosen == led
        page = http.get(chosen).text
        assert undo_of(page) == [id_]
        again = re.search(r'action="/undo">.*?name="back" value="([^"]+)"', page)
        assert again is not None
        undone = http.post("/undo", data={"id": id_, "back": unescape(again[1])}).headers["location"]
        assert undone == f"{unescape(back[1])}&told=undone_cancelled"


def test_who_may_only_read_is_offered_nothing_else(guarded: Live, tmp_path: Path) -> None:
    access = guarded.app.state.gate.access
    access.add_person("olga", "olga", Passwords().hash("olga has a long word"), ("read",))
    key = guarded.key("read", "submit", tenant="olga")
    with guarded.http(key) as program, guarded.http() as http:
        files = {"file": ("a.png", picture(tmp_path, 920))}
        id_ = program.post("/api/v1/jobs", files=files).json()["id"]
        http.post("/login", data={"name": "olga", "password": "olga has a long word"})
        csrf = http.get("/api/v1/session").json()["csrf"]
        for address in ("/", "/history", "/cases", f"/progress?id={id_}", f"/progress?id={id_}&case=1"):
            page = http.get(address).text
            for action in ("/files", "/history/delete", "/cases/add", "/cases", f"/examinations/{id_}/cancel"):
                assert f'action="{action}"' not in page, (address, action)
                assert 'class="danger"' not in page, address
        program.post(f"/api/v1/jobs/{id_}/cancel")
        assert '<form method="post" action="/examinations' not in http.get(f"/examinations/{id_}").text
        assert "Your login may only read." in http.get("/").text
        refused = http.post(f"/examinations/{id_}/delete", data={"csrf": csrf}, headers=HTML)
        assert refused.status_code == 403
        assert "Your login may only read." in refused.text
        assert "scope" not in refused.text
        refused = http.post(f"/examinations/{id_}/delete", data={"csrf": csrf}, headers=CHINESE)
        assert "您的登录只有读取权限。" in refused.text


def test_the_scopes_are_called_what_they_allow(people: dict[str, Visitor]) -> None:  # noqa: F811
    ann, csrf = people["ann"]
    with key_made(people["ann"], "labels", "read", "submit") as page:
        pass
    assert "hand in and delete files" in page
    assert "read reports, hand in and delete files ·" in page
    assert "delete, and manage keys" not in page
    long = ann.post("/settings/keys", data={"csrf": csrf, "name": "n", "scopes": "read", "days": "9" * 5000})
    assert long.status_code == 400


def test_a_shared_service_does_not_claim_to_be_this_computer(guarded: Live, idle: Live) -> None:
    with guarded.http() as http:
        page = http.get("/login").text
        assert "no file leaves it" not in page
        assert "Files stay on this server." in page
    with idle.http() as http:
        assert "no file leaves it" in http.get("/").text


def test_the_language_is_switched_on_what_a_form_was_answered(
    people: dict[str, Visitor],  # noqa: F811
    idle: Live,
) -> None:
    with key_made(people["ann"], "switched", "read") as page:
        assert switch_of(page) == "/language/zh?back=/settings"
        guess = {"name": "ann", "password": "guess", "back": "/cases/7"}
        headers = HTML | {"Referer": f"{people['ann'][0].base_url}/login?back=/cases/7"}
        failed = people["ann"][0].post("/login", data=guess, headers=headers)
        assert switch_of(failed.text) == "/language/zh?back=/login%3Fback%3D%252Fcases%252F7"
    with idle.http() as http:
        wrong = {"file": ("a.txt", b"text")}
        assert switch_of(http.post("/files", files=wrong, headers=HTML).text) == "/language/zh?back=/"
        case = http.post("/cases", data={"title": "switched"}).headers["location"]
        for came in ("", f"{idle.url}/cases/add", "http://evil.example/cases", "http://[", f"{idle.url}/api/v1/jobs"):
            headers = HTML | {"Referer": came}
            blank = http.post(f"{case}/tag", data={"name": " "}, headers=headers)
            assert switch_of(blank.text) == f"/language/zh?back={case}", came
        came_from = HTML | {"Referer": f"{idle.url}/history?text=a+b&told=undone"}
        refused = http.post("/cases/add", data={"id": "0" * 32, "case": "1"}, headers=came_from)
        assert switch_of(refused.text) == "/language/zh?back=/history%3Ftext%3Da%2Bb%26told%3Dundone"
        assert http.get(unescape(switch_of(page))).headers["location"] == "/settings"


@pytest.mark.parametrize(
    ("headers", "told"), [(HTML, "only takes what a form sends"), (CHINESE, "此地址只接收表单提交的内容。")]
)
def test_an_address_of_forms_says_so(idle: Live, headers: dict[str, str], told: str) -> None:
    with idle.http() as http:
        page = http.get("/settings/keys", headers=headers)
        assert page.status_code == 405
        assert told in page.text
        assert "Method Not Allowed" not in page.text


@pytest.mark.parametrize(
    "address",
    [
        f"/cases/{HUGE}",
        f"/cases?after={HUGE}",
        f"/progress?id={'0' * 32}&case={HUGE}",
        f"/examinations/{'0' * 32}/pictures/{HUGE}.jpg",
        "/history?until=9999-12-31",
        "/history?since=0001-01-01",
        "/history?since=9999-12-31&until=0001-01-01",
        f"/history?after={'f' * 48}",
        f"/api/v1/jobs?limit={HUGE}",
        "/api/v1/jobs?until=9999-12-31T23:59:59-14:00",
        "/api/v1/jobs?since=0001-01-01T00:00:00%2B14:00",
        f"/api/v1/jobs?since={HUGE}",
    ],
)
def test_no_number_and_no_day_is_a_fault(idle: Live, address: str) -> None:
    with idle.http() as http:
        for headers in (HTML, {}):
            assert http.get(address, headers=headers).status_code < 500


def test_no_number_in_a_form_is_a_fault(idle: Live) -> None:
    with idle.http() as http:
        for path in ("note", "tag", "untag", "remove", "export", "erase"):
            form = {"text": "t", "name": "t", "sha256": "0" * 64}
            answer = http.post(f"/cases/{HUGE}/{path}", data=form, headers=CHINESE)
            assert answer.status_code == 422, path
            assert "请求中的数字过大。" in answer.text


def test_a_fault_is_told_in_chinese(idle: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(idle.app.state.service, "search", broken)
    with idle.http() as http:
        page = http.get("/history", headers=CHINESE)
        assert page.status_code == 500
        assert "这是程序的故障，与您的操作无关。" in page.text
        assert "fault of the program" not in page.text


def test_a_name_is_looked_for_however_long_it_may_be(idle: Live, tmp_path: Path) -> None:
    name = "n" * 251 + ".png"
    with idle.http() as http:
        sent(http, picture(tmp_path, 930), name)
        page = http.get("/history", params={"text": name})
        assert page.status_code == 200
        assert 'class="pick"' in page.text
        assert 'name="text" value="' + name + '" maxlength="255"' in page.text
        assert len(http.get("/api/v1/jobs", params={"q": name}).json()["jobs"]) == 1
        for headers, told in ((HTML, "missing, too long"), (CHINESE, "过长")):
            page = http.get("/history", params={"text": "n" * 256}, headers=headers)
            assert page.status_code == 422
            assert told in page.text
            assert "query.text" not in page.text
            assert "openapi" not in page.text


def test_times_name_their_zone(idle: Live) -> None:
    with idle.http() as http:
        page = http.get("/history").text
        assert "From (UTC)" in page
        assert "To (UTC)" in page
        assert "起始日期（UTC）" in http.get("/history", headers=CHINESE).text


def test_what_is_not_there_is_called_what_it_is(idle: Live) -> None:
    with idle.http() as http:
        page = http.get("/cases/999", headers=CHINESE).text
        assert "没有这个案件" in page
        assert "检验。" not in page.split('<section class="problem">')[1].split("</section>")[0]
        assert "没有这项检验" in http.get(f"/examinations/{'0' * 32}", headers=CHINESE).text


def test_too_many_files_are_told_in_words_for_people(idle: Live) -> None:
    some = [("file", (f"{number}.png", b"")) for number in range(idle.app.state.settings.max_files + 1)]
    with idle.http() as http:
        page = http.post("/files", files=some, headers=HTML)
        assert page.status_code == 413
        assert "These are too many files" in page.text
        assert "/api/v1" not in page.text
        assert f"{idle.app.state.settings.max_files} files at once" in page.text
        assert "文件过多" in http.post("/files", files=some, headers=CHINESE).text


def test_blanks_alone_are_asked_for_again(idle: Live) -> None:
    with idle.http() as http:
        assert 'pattern=".*\\S.*"' in http.get("/cases").text
        case = http.post("/cases", data={"title": "blanks"}).headers["location"]
        for address, field in (("/cases", "title"), (f"{case}/tag", "name"), (f"{case}/note", "text")):
            page = http.post(address, data={field: " \n　"}, headers=HTML)
            assert page.status_code == 422
            assert "Nothing was written, or blanks alone." in page.text
            assert "characters" not in page.text


def test_a_browser_does_not_send_blanks_alone(browser: Browser, idle: Live) -> None:
    with browser.new_context(base_url=idle.url) as context:
        page = context.new_page()
        page.goto("/cases")
        field = page.locator("[name=title]")
        for text, is_good in (("   ", False), (" a b ", True)):
            field.fill(text)
            assert field.evaluate("field => field.validity.valid") == is_good


def test_a_form_of_a_session_that_was_changed_is_told_in_words_for_people(
    people: dict[str, Visitor],  # noqa: F811
) -> None:
    ann, _ = people["ann"]
    page: httpx.Response = ann.post("/cases", data={"csrf": "of before", "title": "t"}, headers=HTML)
    assert page.status_code == 403
    assert "before you signed in again" in page.text
    assert "X-CSRF" not in page.text


def test_facts_are_named_in_chinese_and_what_the_file_says_stays(service: Live, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0131] = "present"  # the name of a program, not a word of ours
    Image.open(PHOTO).resize((96, 96)).save(tmp_path / "a.jpg", quality=92, exif=exif)
    with service.http() as http:
        files = {"file": ("a.jpg", (tmp_path / "a.jpg").read_bytes())}
        id_ = http.post("/api/v1/jobs", data=QUICK, files=files).json()["id"]
        until(lambda: http.get(f"/api/v1/jobs/{id_}").json()["state"] == "done")
        page = http.get(f"/examinations/{id_}", headers=CHINESE).text
        assert "JPEG 质量" in page
        assert "92（标准量化表）" in page
        assert "像素格式" in page
        assert re.search(r"<dt>.{0,20}软件.{0,20}</dt>\s*<dd>.{0,20}present", page)
        assert "Pixel format" not in page
        assert "Pixel format" in http.get(f"/examinations/{id_}").text
        assert "像素格式" in http.get(f"/api/v1/jobs/{id_}/report?format=html&language=zh").text


@pytest.mark.parametrize(
    ("fact", "chinese"),
    [
        (("Video track", "0.000 to 8.000 s, clock 1/12288"), ("视频轨", "0.000 至 8.000 秒，时钟 1/12288")),
        (("Text: Software", "present"), ("文本：Software", "present")),
        (("comment", "present"), ("comment", "present")),
        (("JPEG quality", "about 7 (tables of its own)"), ("JPEG 质量", "约 7（自有量化表）")),
    ],
)
def test_only_words_of_ours_are_translated(fact: tuple[str, str], chinese: tuple[str, str]) -> None:
    assert fact_words(*fact, "zh") == chinese
    assert fact_words(*fact, "en") == fact


def test_every_name_of_a_fact_has_its_chinese() -> None:
    named = {name for name in EXIF_NAMES.values() if name != "ISO"}
    assert [name for name in named if fact_words(name, "", "zh")[0] == name] == []


def test_a_damaged_clip_is_called_so() -> None:
    told = translated("this is a damaged or unsupported mov file; got Invalid data found when processing input", "zh")
    assert "已损坏" in told
    assert "无效数据" in told
    assert "Invalid" not in told


@pytest.mark.parametrize(
    ("language", "said", "cure"),
    [
        ("en", "this is no picture, video or sound that can be read; got plain text. Check that", "Send multipart"),
        ("zh", "这不是可读取的图片、视频或音频。请检查", "请发送 multipart"),
    ],
)
def test_the_script_is_told_in_the_language_of_the_page(idle: Live, language: str, said: str, cure: str) -> None:
    headers = {"Accept": "application/json", "Accept-Language": language}
    with idle.http() as http:
        refused = http.post("/files", files={"file": ("a.jpg", b"just text")}, headers=headers)
        assert refused.json()["refused"][0].startswith(said)
        broken = http.post("/files", content=b"nonsense", headers=headers)
        assert (broken.status_code, broken.json()["fix"][: len(cure)]) == (415, cure)
