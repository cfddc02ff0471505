"""What the pages answer: to whom, with which headers, and what they make of foreign names and addresses."""

from __future__ import annotations

import os
import re
import string
from collections.abc import Iterator
from contextlib import ExitStack
from importlib.resources import files
from pathlib import Path

import httpx
import numpy as np
import pytest
import soundfile
from PIL import Image
from tests.server.conftest import QUICK, Live
from tests.server.pages.conftest import ANSWER, PHOTO
from tests.speaking import RATE_HZ, voice
from tests.waiting import until

from zhenwei.pages.environment import environment
from zhenwei.report.terms import PHRASES as OF_REPORTS
from zhenwei.server.housekeeping import Housekeeper
from zhenwei.server.pages import words
from zhenwei.server.pages.assets import NAMES, asset
from zhenwei.server.pages.frame import local

ODD = "<img src=x onerror=alert(1)>\u202e.jpg"


Visitor = tuple[httpx.Client, str]


@pytest.fixture(scope="module")
def people(guarded: Live) -> Iterator[dict[str, Visitor]]:
    """By name: a browser in which they are signed in, and what their forms bring along."""
    with ExitStack() as stack:
        found: dict[str, Visitor] = {}
        for name in ("ann", "bob", "eve"):
            http = stack.enter_context(guarded.http())
            form = {"name": name, "password": f"{name} has a long word", "back": "/history"}
            answer = http.post("/login", data=form)
            assert (answer.status_code, answer.headers["location"]) == (303, "/history")
            found[name] = http, http.get("/api/v1/session").json()["csrf"]
        yield found


def picture(folder: Path, seed: int) -> bytes:
    path = folder / "picture.png"
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (64, 64, 3), np.uint8)).save(path)
    return path.read_bytes()


def sent(http: httpx.Client, data: bytes, name: str = "a.png", **fields: str) -> str:
    answer = http.post("/files", files={"file": (name, data)}, data=fields, headers=ANSWER)
    assert answer.status_code == 200
    found: str = answer.json()["ids"][0]
    return found


def test_nobody_is_led_to_the_login_and_back(guarded: Live) -> None:
    with guarded.http() as http:
        answer = http.get("/history?text=x", headers={"Accept": "text/html"})
        assert answer.headers["location"] == "/login?back=%2Fhistory%3Ftext%3Dx"
        page = http.get(answer.headers["location"]).text
        assert 'name="back" value="/history?text=x"' in page
        assert 'href="/cases"' not in page  # no menu for who is not known
        wrong = http.post("/login", data={"name": "ann", "password": "guess"})
        assert wrong.status_code == 401
        assert "Name or password is wrong" in wrong.text
        away = http.post("/login", data={"name": "ann", "password": "ann has a long word", "back": "//evil.example"})
        assert away.headers["location"] == "/"
        assert "httponly" in away.headers["set-cookie"].lower()


@pytest.mark.parametrize(
    "path", ["/cases", "/undo", "/history/delete", "/cases/add", "/logout", "/settings", "/settings/keys", "/files"]
)
def test_a_form_needs_the_word_of_its_session(people: dict[str, Visitor], path: str, tmp_path: Path) -> None:
    http, csrf = people["ann"]
    for word in ("", "wrong", csrf + "x"):
        files = {"file": ("a.png", picture(tmp_path, 1))} if path == "/files" else None
        answer = http.post(path, data={"csrf": word, "title": "t"}, files=files, headers={"Accept": "text/html"})
        assert answer.status_code == 403
        assert "What to do:" in answer.text
    if path == "/files":
        assert http.get("/api/v1/jobs").json()["jobs"] == []
        sent(http, picture(tmp_path, 1), csrf=csrf)


def test_nobody_sees_what_is_anothers(people: dict[str, Visitor], tmp_path: Path) -> None:
    ann, of_ann = people["ann"]
    bob, of_bob = people["bob"]
    id_ = sent(ann, picture(tmp_path, 2), csrf=of_ann)
    case = ann.post("/cases", data={"csrf": of_ann, "title": "secret"}).headers["location"]
    html = {"Accept": "text/html"}
    for address in (f"/examinations/{id_}", f"/examinations/{id_}/media", f"/examinations/{id_}/pictures/0.jpg", case):
        assert bob.get(address, headers=html).status_code == 404, address
    for address in (f"/examinations/{id_}/delete", f"/examinations/{id_}/cancel", f"{case}/note", f"{case}/export"):
        refused = bob.post(address, data={"csrf": of_bob, "text": "mine"}, headers=html)
        assert refused.status_code == 404, address
    assert id_ not in bob.get(f"/progress.json?id={id_}").text
    assert "secret" not in bob.get("/cases").text
    assert ann.get(f"/examinations/{id_}").status_code == 200


def test_who_may_only_read_changes_nothing(people: dict[str, Visitor]) -> None:
    eve, csrf = people["eve"]
    for address in ("/cases", "/settings/keys", "/files"):
        files = {"file": ("a.png", b"x")} if address == "/files" else None
        assert eve.post(address, data={"csrf": csrf, "title": "t"}, files=files).status_code == 403, address


def test_a_key_is_shown_once_and_revoked(guarded: Live, people: dict[str, Visitor]) -> None:
    ann, csrf = people["ann"]
    form = {"csrf": csrf, "name": "upload check", "scopes": "read", "days": "30"}
    page = ann.post("/settings/keys", data=form).text
    key = page.split('<code class="command">')[1].split("<")[0]
    with guarded.http(key) as program:
        assert program.get("/api/v1/jobs").status_code == 200
        again = ann.get("/settings").text
        assert "upload check" in again
        assert key not in again
        id_ = again.split('name="id" value="')[1].split('"')[0]
        assert ann.post("/settings/keys/revoke", data={"csrf": csrf, "id": id_}).status_code == 303
        assert program.get("/api/v1/jobs").status_code == 401


def test_every_page_says_what_it_may_load(idle: Live) -> None:
    with idle.http() as http:
        for address in ("/", "/history", "/cases", "/settings", "/nowhere"):
            headers = http.get(address, headers={"Accept": "text/html"}).headers
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "script-src 'self';" in policy
            assert "frame-ancestors 'none'" in policy
            assert headers["x-content-type-options"] == "nosniff"


def test_assets_are_kept_for_as_long_as_they_are_these(idle: Live) -> None:
    with idle.http() as http:
        for name in NAMES:
            answer = http.get(asset(name).address)
            assert answer.content == asset(name).content
            assert "immutable" in answer.headers["cache-control"]
            assert http.get(f"/static/0/{name}").headers["cache-control"] == "no-cache"
        assert http.get("/static/0/..%2fapp.py").status_code == 404


def test_a_name_is_text_wherever_it_stands(idle: Live, tmp_path: Path) -> None:
    with idle.http() as http:
        id_ = sent(http, picture(tmp_path, 3), ODD)
        for address in ("/", "/history", f"/examinations/{id_}", f"/progress?id={id_}"):
            page = http.get(address).text
            assert "&lt;img src=x" in page
            assert "<img src=x" not in page
            assert "\u202e" not in page


def test_a_file_that_comes_twice_is_one_examination(idle: Live, tmp_path: Path) -> None:
    data = picture(tmp_path, 31)
    with idle.http() as http:
        both = http.post("/files", files=[("file", ("a.png", data)), ("file", ("a.png", data))], headers=ANSWER).json()
        assert len(both["ids"]) == 1
        assert not both["known"]
        (id_,) = both["ids"]
        assert http.get(f"/progress?id={id_}&id={id_}").text.count(f'id="job-{id_}"') == 1
        assert len(http.get(f"/progress.json?id={id_}&id={id_}").json()["jobs"]) == 1


def test_known_bytes_under_another_name_are_told(idle: Live, tmp_path: Path) -> None:
    data = picture(tmp_path, 32)
    with idle.http() as http:
        id_ = sent(http, data, "first.png")
        again = http.post("/files", files={"file": ("second.png", data)}, headers=ANSWER).json()
        assert again == {"ids": [id_], "refused": [], "known": True}
        led = http.post("/files", files={"file": ("second.png", data)})
        assert led.headers["location"] == f"/examinations/{id_}?told=known_before"
        assert "under another name" in http.get(led.headers["location"]).text


def test_refused_files_are_told_beside_the_others(idle: Live, tmp_path: Path) -> None:
    some = [("file", ("a.png", picture(tmp_path, 33))), ("file", ("letter.jpg", b"no picture"))]
    with idle.http() as http:
        led = http.post("/files", files=some)
        assert led.headers["location"].endswith("?told=some_refused")
        assert "Some files were not taken" in http.get(led.headers["location"]).text


def test_a_name_is_what_its_owner_typed(idle: Live, tmp_path: Path) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="the %22best%22.png"\r\n\r\n'
    body += picture(tmp_path, 34) + b"\r\n--x--\r\n"
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    with idle.http() as http:
        (id_,) = http.post("/files", content=body, headers=ANSWER | kind).json()["ids"]
        assert http.get(f"/api/v1/jobs/{id_}").json()["name"] == 'the "best".png'


@pytest.mark.heavy
@pytest.mark.parametrize(("seconds", "depth"), [(2.6, "standard"), (9.0, "standard"), (2.6, "fast")])
def test_a_recording_has_a_page(site_of_pages: Live, tmp_path: Path, seconds: float, depth: str) -> None:
    """Of a short one, and of one that nobody listens to, there is no curve to show."""
    soundfile.write(tmp_path / "voice.wav", voice(seconds), RATE_HZ)
    with site_of_pages.http() as http:
        id_ = sent(http, (tmp_path / "voice.wav").read_bytes(), "voice.wav", depth=depth)
        until(lambda: http.get(f"/api/v1/jobs/{id_}").json()["state"] == "done")
        page = http.get(f"/examinations/{id_}")
        assert page.status_code == 200
        assert "Suspicious: whole file" not in page.text
        assert ("does not listen to voices" in page.text) == (depth == "fast")


@pytest.mark.heavy
def test_what_is_cut_short_is_told_beside_the_verdict(site_of_pages: Live) -> None:
    data = PHOTO.read_bytes()
    with site_of_pages.http() as http:
        id_ = sent(http, data[: int(0.7 * len(data))], "cut.jpg", depth="fast")
        until(lambda: http.get(f"/api/v1/jobs/{id_}").json()["state"] == "done")
        first = http.get(f"/examinations/{id_}").text.split("<figure", 1)[0]
        assert "cut short: only the first" in first


@pytest.mark.parametrize(
    ("address", "led_to"),
    [
        ("/history?a=b", "/history?a=b"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
    ],
)
def test_nobody_is_led_away(address: str, led_to: str) -> None:
    assert local(address) == led_to


def test_a_browser_is_answered_in_its_language_until_it_chooses(idle: Live) -> None:
    with idle.http() as http:
        assert 'lang="zh-Hans"' in http.get("/", headers={"Accept-Language": "fr, zh-TW;q=0.9, en;q=0.2"}).text
        assert 'lang="en"' in http.get("/").text
        moved = http.get("/language/zh?back=/cases")
        assert moved.headers["location"] == "/cases"
        assert 'lang="zh-Hans"' in http.get("/cases", headers={"Accept-Language": "en"}).text


def test_every_phrase_has_both_languages_and_the_same_places() -> None:
    for name, (english, chinese) in words.PHRASES.items():
        places = [{field for _, field, _, _ in string.Formatter().parse(text) if field} for text in (english, chinese)]
        assert places[0] == places[1], name
        assert english
        assert chinese


def test_every_phrase_that_a_template_names_is_there() -> None:
    for name in environment().list_templates():
        if name.startswith("service/"):
            source = files("zhenwei.pages").joinpath("templates", name).read_text(encoding="utf-8")
            for phrase in re.findall(r'say\("(\w+)"[,)]', source):
                assert phrase in words.PHRASES or phrase in OF_REPORTS, (name, phrase)


def test_a_page_is_made_of_what_is_left(service: Live, calm: Path) -> None:
    """Without the packed report its JSON is shown, and what is missing is said; erased, the rest is gone, too."""
    with service.http() as http:
        files = {"file": ("calm.png", calm.read_bytes())}
        id_ = http.post("/api/v1/jobs", data=QUICK, files=files).json()["id"]
        until(lambda: http.get(f"/api/v1/jobs/{id_}").json()["state"] == "done")
        page = http.get(f"/examinations/{id_}").text
        assert f"/examinations/{id_}/pictures/0.jpg" in page
        poster = http.get(f"/examinations/{id_}/pictures/0.jpg")
        assert (poster.status_code, poster.headers["content-type"]) == (200, "image/jpeg")
        assert "sandbox" in poster.headers["content-security-policy"]
        until(lambda: http.get(f"/examinations/{id_}/preview.json").json()["state"] == "ready")
        shown = http.get(f"/examinations/{id_}/media")
        assert (shown.headers["content-type"], shown.content[:3]) == ("image/jpeg", b"\xff\xd8\xff")  # it was a PNG
        assert http.get(f"/examinations/{id_}/media", headers={"Range": "bytes=0-9"}).status_code == 206

        kept = service.app.state.service.kept.folder
        for digest in list(kept.digests()):
            kept.remove(digest)
        page = http.get(f"/examinations/{id_}").text
        assert "were not kept" in page
        assert "Strength of the evidence" in page
        folder = service.app.state.service.folder
        sha256 = http.get(f"/api/v1/jobs/{id_}").json()["sha256"]
        assert folder.preview(sha256).is_dir()
        assert http.delete(f"/api/v1/jobs/{id_}").status_code == 204
        assert not folder.preview(sha256).exists()
        assert http.get(f"/examinations/{id_}", headers={"Accept": "text/html"}).status_code == 404


def test_a_report_is_taken_along(service: Live, calm: Path) -> None:
    with service.http() as http:
        files = {"file": ("odd name é.png", calm.read_bytes())}
        id_ = http.post("/api/v1/jobs", data=QUICK, files=files).json()["id"]
        until(lambda: http.get(f"/api/v1/jobs/{id_}").json()["state"] == "done")
        report = http.get(f"/examinations/{id_}/report.json")
        assert report.headers["content-disposition"] == "attachment; filename*=UTF-8''odd%20name%20%C3%A9.png.json"
        assert report.json()["file"]["path"] == "odd name é.png"
        page = http.get(f"/examinations/{id_}/report.html")
        assert page.headers["content-disposition"].startswith("attachment")
        assert "<!DOCTYPE html>" in page.text
        assert http.get(f"/examinations/{id_}/report.exe", headers={"Accept": "text/html"}).status_code == 404


def test_history_is_searched_and_paged(people: dict[str, Visitor], tmp_path: Path) -> None:
    bob, csrf = people["bob"]
    for number in range(33):
        sent(bob, picture(tmp_path, 100 + number), f"holiday {number:02d}.png", csrf=csrf)

    def names(address: str) -> list[str]:
        return re.findall(r"holiday \d\d\.png(?=</bdi></a>)", bob.get(address).text)

    first = names("/history?text=holiday")
    assert first == [f"holiday {number:02d}.png" for number in range(32, 2, -1)]
    older = re.search(r'href="([^"]+)" rel="next"', bob.get("/history?text=holiday").text)
    assert older is not None
    assert names(older[1].replace("&amp;", "&")) == ["holiday 02.png", "holiday 01.png", "holiday 00.png"]
    assert names("/history?text=holiday+07") == ["holiday 07.png"]
    assert names("/history?state=done") == []
    ones = [f"holiday {number}.png" for number in range(19, 9, -1)]
    assert names("/history?since=2020-01-01&state=queued&text=holiday+1") == ones
    assert names("/history?until=2020-01-01") == []
    assert names("/history?since=nonsense&text=holiday+31") == ["holiday 31.png"]
    ann, _ = people["ann"]
    assert "Nothing fits" in ann.get("/history?text=holiday").text


def test_two_have_to_be_chosen_to_be_compared(people: dict[str, Visitor]) -> None:
    bob, csrf = people["bob"]
    answer = bob.post("/compare/chosen", data={"csrf": csrf, "id": ["a"], "back": "/history"})
    assert answer.headers["location"] == "/history?told=choose_two"
    assert "Choose two to compare." in bob.get(answer.headers["location"]).text
    none = bob.post("/history/delete", data={"csrf": csrf, "back": "/history"})
    assert none.headers["location"] == "/history?told=choose_some"


def test_a_fault_is_told_on_a_page(idle: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("what /home/someone keeps secret")

    monkeypatch.setattr(idle.app.state.service, "search", broken)
    with idle.http() as http:
        answer = http.get("/history", headers={"Accept": "text/html"})
        assert answer.status_code == 500
        assert "Something failed here" in answer.text
        assert "someone" not in answer.text


def test_a_long_note_is_kept(people: dict[str, Visitor]) -> None:
    ann, csrf = people["ann"]
    case = ann.post("/cases", data={"csrf": csrf, "title": "long"}).headers["location"]
    text = "长" * 20_000  # as much as the field takes
    form = {"csrf": (None, csrf), "text": (None, text), "sha256": (None, "")}
    assert ann.post(f"{case}/note", files=form).status_code == 303  # sent as the form says, in parts
    page = ann.get(case).text
    assert 'enctype="multipart/form-data"' in page
    assert text in page
    assert ann.post(f"{case}/erase", data={"csrf": csrf}).headers["location"] == "/cases?told=case_deleted"
    assert ann.get(case, headers={"Accept": "text/html"}).status_code == 404


def test_previews_of_what_is_gone_are_swept_away(idle: Live, tmp_path: Path) -> None:
    service = idle.app.state.service
    with idle.http() as http:
        id_ = sent(http, picture(tmp_path, 77))
        sha256 = http.get(f"/api/v1/jobs/{id_}").json()["sha256"]
    there, gone, half = (service.folder.preview(name) for name in (sha256, "0" * 64, "00.preview-half"))
    for folder in (there, gone, half):
        folder.mkdir(parents=True)
        os.utime(folder, (1, 1))
    keeper = Housekeeper(service)
    for _ in range(12):  # a little is done each time
        keeper.look()
    assert [folder.is_dir() for folder in (there, gone, half)] == [True, False, False]


def test_errors_are_told_in_chinese(idle: Live, tmp_path: Path) -> None:
    chinese = {"Accept-Language": "zh-CN", "Accept": "text/html"}
    with idle.http() as http:
        page = http.post("/files", files={"file": ("a.txt", b"text")}, headers=chinese)
        assert page.status_code == 415
        assert "这不是可读取的图片、视频或音频。" in page.text
        assert "Check that" not in page.text
        page = http.post("/cases", data={"title": ""}, headers=chinese)
        assert page.status_code == 422
        assert words.PHRASES["cure"][1] in page.text


def test_every_error_says_what_to_do(idle: Live) -> None:
    with idle.http() as http:
        page = http.post("/cases", data={"title": ""}, headers={"Accept": "text/html"})
        assert page.status_code == 422
        assert "Nothing was written, or blanks alone." in page.text
        assert "What to do:" in page.text
