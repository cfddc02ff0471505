"""Cases and comparisons on the pages: what they say of files that are gone, of people, of depth, and whom they find."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import httpx
import pytest
from PIL import Image
from sqlalchemy import text
from tests.hazard import draw
from tests.server.conftest import QUICK, Live, live
from tests.server.pages.conftest import ANSWER, PHOTO
from tests.server.pages.test_pages import picture, sent
from tests.waiting import until

from zhenwei.server.auth.passwords import Passwords
from zhenwei.server.pages.words import say
from zhenwei.store.bundle import export
from zhenwei.store.cases import Cases
from zhenwei.types import Language
from zhenwei.words import translated

HTML = {"Accept": "text/html"}


def examined(http: httpx.Client, path: Path, name: str = "") -> str:
    """The id of a picture that was handed in and examined."""
    answer = http.post("/api/v1/jobs", data=QUICK, files={"file": (name or path.name, path.read_bytes())})
    id_: str = answer.json()["id"]
    until(lambda: http.get(f"/api/v1/jobs/{id_}").json()["state"] == "done")
    return id_


def in_case(http: httpx.Client, id_: str, title: str) -> str:
    answer = http.post("/cases/add", data={"id": id_, "title": title})
    assert re.fullmatch(r"/cases/\d+", answer.headers["location"])
    return str(answer.headers["location"])


def test_a_deletion_says_what_it_takes_from_a_case(service: Live, calm: Path) -> None:
    warning, gone = say("delete_in_case", "en"), say("case_file_gone", "en")
    with service.http() as http:
        id_ = examined(http, calm)
        assert warning not in http.get(f"/examinations/{id_}").text
        case = in_case(http, id_, "what is left")
        assert warning in http.get(f"/examinations/{id_}").text
        page = http.get(case).text
        assert gone not in page
        assert "no longer kept" not in page
        again = http.post(f"/examinations/{id_}/again", data={"depth": "standard"}).headers["location"]
        assert warning not in http.get(f"/examinations/{id_}").text  # the other one holds the file, too
        for one in (id_, again.rpartition("/")[2]):
            assert http.delete(f"/api/v1/jobs/{one}").status_code == 204
        until(lambda: gone in http.get(case).text)
        assert say("case_export_gone", "en", gone=1, count=1) in http.get(case).text


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_bundle_that_would_not_be_whole_is_told_of_before_it_is_sent(
    service: Live, tmp_path: Path, language: Language
) -> None:
    seed = {"en": 911, "zh": 912}[language]
    with service.http() as http:
        http.headers["Accept-Language"] = language
        case = in_case(http, examined(http, Path(draw(tmp_path, "calm", seed))), f"changed {seed}")
        assert http.post(f"{case}/export").headers["content-type"] == "application/zip"
        kept = service.app.state.service.kept
        with kept.store.engine.begin() as connection:
            number = int(case.rpartition("/")[2])
            connection.execute(text("UPDATE case_file SET name = 'other.png' WHERE case_id = :id"), {"id": number})
        told = http.post(f"{case}/export")
        assert told.status_code == 409
        assert say("case_export_changed", language) in told.text
        cases, target = Cases(kept.store, tenant="local", actor="test"), tmp_path / "bundle.zip"
        (flaw,) = export(cases, kept, number, target).flaws
        assert translated(flaw, language) in unescape(told.text)
        sent_ = http.post(f"{case}/export", data={"as_it_is": "1"})
        assert sent_.headers["content-type"] == "application/zip"
        with kept.store.engine.begin() as connection:
            which = "SELECT examination_id FROM case_file WHERE case_id = :id"
            connection.execute(
                text(f"UPDATE report SET document = '{{bad' WHERE examination_id IN ({which})"),  # noqa: S608
                {"id": number},
            )
        again = unescape(http.post(f"{case}/export").text)
        assert say("case_lost_report", language, name="other.png") in again


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_was_deleted_says_what_a_case_loses(service: Live, calm: Path, tmp_path: Path, language: Language) -> None:
    told = say("deleted_in_case", language)
    with service.http() as http:
        http.headers["Accept-Language"] = language
        id_, other = examined(http, calm), examined(http, Path(draw(tmp_path, "calm", 901)), "other.png")
        case = in_case(http, id_, "undone in time")
        again = http.post(f"/examinations/{id_}/again", data={"depth": ""}).headers["location"].rpartition("/")[2]
        for ids, is_lost in (([other], False), ([again], False), ([id_], True)):
            led = http.post("/history/delete", data={"id": ids, "back": "/history"}).headers["location"]
            assert (told in http.get(led).text) == is_lost
        assert told not in http.get("/history").text
        http.post("/undo", data={"id": id_})
        assert told not in http.get(led).text
        assert say("case_file_gone", language) not in http.get(case).text
        led = http.post(f"/examinations/{id_}/delete").headers["location"]
        assert told in http.get(led).text


def test_what_could_not_be_examined_offers_the_same(plugin: None, calm: Path, tmp_path: Path) -> None:
    warning = say("delete_in_case", "en")
    with live(tmp_path / "kept") as made, made.http() as http:
        first = examined(http, calm)
        case = in_case(http, first, "cancelled later")
    with live(tmp_path / "kept", run_jobs=False) as made, made.http() as http:
        again = http.post(f"/examinations/{first}/again", data={"depth": "fast"}).headers["location"]
        http.post(f"{again}/cancel")
        page = http.get(again).text
        assert say("cancelled_title", "en") in page
        depths = page.split('name="depth"')[1].split("</select>")[0]
        assert re.findall(r'<option value="(\w*)"', depths) == ["fast", "standard", "full"]
        assert '<option value="fast" selected="">' in depths
        assert f'href="{case}"' in page
        assert warning not in page
        led = http.post(f"/examinations/{first}/delete").headers["location"]
        assert say("deleted_in_case", "en") not in http.get(led).text  # the cancelled one holds the file
        page = http.get(again).text
        assert warning in page
        assert 'aria-describedby="at-stake"' in page


def test_the_log_says_which_file_was_taken_out(service: Live, calm: Path) -> None:
    with service.http() as http:
        id_ = examined(http, calm)
        sha256 = http.get(f"/api/v1/jobs/{id_}").json()["sha256"]
        case = in_case(http, id_, "one less")
        log = re.compile('<ol class="log">.*</ol>', re.DOTALL)
        (whole,) = log.findall(http.get(case).text)
        assert calm.name in whole
        assert http.post(f"{case}/remove", data={"sha256": sha256}).status_code == 303
        (whole,) = log.findall(http.get(case).text)
        taken_out = whole.split("<li>")[-1]
        assert say("log_file-removed", "en") in taken_out
        assert f'<span class="mono">{sha256[:12]}</span>' in taken_out


def test_a_case_says_when_it_was_opened_and_in_which_zone(idle: Live) -> None:
    with idle.http() as http:
        case = http.post("/cases", data={"title": "zones"}).headers["location"]
        head = http.get(case).text.split("<h1>")[1].split("</p>")[0]
        assert re.search(r"Opened <time [^>]+>\d{4}-\d\d-\d\d \d\d:\d\d UTC</time> · this computer", head)


def test_any_examination_is_found_to_compare_with(service: Live, tmp_path: Path) -> None:
    with service.http() as http:
        ids = [examined(http, Path(draw(tmp_path, "calm", 500 + n)), f"holiday {n:02d}.png") for n in range(33)]
        page = http.get(f"/compare?a={ids[-1]}").text
        assert f"b={ids[0]}" not in page
        older = re.search(r'href="([^"]+)" rel="next"', page)
        assert older is not None
        assert f"b={ids[0]}" in http.get(older[1].replace("&amp;", "&")).text
        found = http.get(f"/compare?a={ids[-1]}&text=holiday+00").text
        assert re.findall(r"b=(\w+)", found) == [ids[0]]
        assert say("history_none", "en") in http.get(f"/compare?a={ids[-1]}&text=nowhere").text


def test_those_of_one_file_come_first_and_tell_their_depth(service: Live, calm: Path, tmp_path: Path) -> None:
    with service.http() as http:
        id_ = examined(http, calm)
        assert "Depth: chosen detectors" in http.get(f"/examinations/{id_}").text
        again = http.post(f"/examinations/{id_}/again", data={"depth": ""}).headers["location"].rpartition("/")[2]
        until(lambda: http.get(f"/api/v1/jobs/{again}").json()["state"] == "done")
        examined(http, Path(draw(tmp_path, "calm", 900)))
        page = http.get(f"/compare?a={id_}").text
        assert re.findall(r"b=(\w+)", page)[0] == again
        assert "Depth: chosen detectors" in page


@pytest.mark.heavy
@pytest.mark.parametrize("language", ["en", "zh"])
def test_who_is_in_one_of_two_files_comes_last(site_of_pages: Live, tmp_path: Path, language: str) -> None:
    nobody = picture(tmp_path, 903)
    with site_of_pages.http() as http:
        http.headers["Accept-Language"] = language
        ids = [sent(http, data, "a.jpg", depth="fast") for data in (PHOTO.read_bytes(), nobody)]
        until(lambda: all(http.get(f"/api/v1/jobs/{id_}").json()["state"] == "done" for id_ in ids))
        page = http.get(f"/compare?a={ids[0]}&b={ids[1]}").text
    rows = page.split('<table class="list pairs">')[1].split("</table>")[0].split('<th scope="row">')[1:]
    absent = ["no such person" in row or "没有此人物" in row for row in rows]
    assert any(absent)
    assert not absent[0]
    assert absent == sorted(absent)
    assert ("no such person" in page) == (language == "en")


@pytest.mark.heavy
def test_people_of_two_files_are_not_paired_by_their_numbers(site_of_pages: Live, tmp_path: Path) -> None:
    one = Image.open(PHOTO).convert("RGB")
    turned = one.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    for name, pair in (("two.png", (one, turned)), ("turned.png", (turned, one))):
        both = Image.new("RGB", (2 * one.width, one.height))
        for place, each in enumerate(pair):
            both.paste(each, (place * one.width, 0))
        both.save(tmp_path / name)
    turned.save(tmp_path / "one.png")
    with site_of_pages.http() as http:
        http.headers["Accept-Language"] = "en"
        files = [(tmp_path / name).read_bytes() for name in ("two.png", "turned.png", "one.png")] + [PHOTO.read_bytes()]
        ids = [sent(http, data, "a.jpg", depth="fast") for data in files]
        until(lambda: all(http.get(f"/api/v1/jobs/{id_}").json()["state"] == "done" for id_ in ids))
        page = http.get(f"/compare?a={ids[0]}&b={ids[1]}").text
        same = http.get(f"/compare?a={ids[0]}&b={ids[0]}").text
        alone = http.get(f"/compare?a={ids[2]}&b={ids[3]}").text
    assert "each person stands alone" in page
    assert "each person stands alone" not in alone  # with whom else would somebody compare?
    assert "Person 1 of the first" in page
    assert "Person 1 of the second" in page
    assert "each person stands alone" not in same
    assert "Person 1" in same


def test_the_depth_is_chosen_anew(idle: Live, tmp_path: Path) -> None:
    with idle.http() as http:
        id_ = sent(http, picture(tmp_path, 901), depth="fast")
        for depth, becomes in (("full", "full"), ("", "fast"), ("nonsense", "fast")):
            again = http.post(f"/examinations/{id_}/again", data={"depth": depth}).headers["location"]
            options = http.get(f"/api/v1/jobs/{again.rpartition('/')[2]}").json()["options"]
            assert (options["depth"], options["detectors"]) == (becomes, [])
        data = QUICK | {"frames": "4"}
        files = {"file": ("a.png", picture(tmp_path, 902))}
        named = http.post("/api/v1/jobs", data=data, files=files).json()["id"]
        for depth, is_named in (("", True), ("standard", False), ("full", False)):
            again = http.post(f"/examinations/{named}/again", data={"depth": depth}).headers["location"]
            options = http.get(f"/api/v1/jobs/{again.rpartition('/')[2]}").json()["options"]
            assert (bool(options["detectors"]), options["depth"]) == (is_named, depth or "standard")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_a_depth_leaves_out_is_told_to_people(service: Live, calm: Path, language: str) -> None:
    with service.http() as http:
        http.headers["Accept-Language"] = language
        sent_ = http.post(
            "/files", files={"file": (calm.name, calm.read_bytes())}, data={"depth": "fast"}, headers=ANSWER
        )
        (id_,) = sent_.json()["ids"]
        until(lambda: http.get(f"/api/v1/jobs/{id_}").json()["state"] == "done")
        page = http.get(f"/examinations/{id_}").text
    assert ("Not asked at the fast depth: " if language == "en" else "快速深度下未询问：") in page
    assert "--full" not in page
    assert "--detector" not in page.split('id="reproduce"')[0]


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """With logins, of its own: a name may sign in a few times a minute only."""
    with live(tmp_path_factory.mktemp("closed"), run_jobs=False, auth="keys") as made:
        access = made.app.state.gate.access
        for name, scopes in (("ann", ("read", "submit")), ("bob", ("read", "submit")), ("eve", ("read",))):
            access.add_person(name, name, Passwords().hash(f"{name} has a long word"), scopes)
        yield made


def signed_in(http: httpx.Client, name: str) -> str:
    form = {"name": name, "password": f"{name} has a long word", "back": "/"}
    assert http.post("/login", data=form).status_code == 303
    csrf: str = http.get("/api/v1/session").json()["csrf"]
    return csrf


def test_who_signs_in_again_comes_back_to_the_form(closed: Live) -> None:
    with closed.http() as http:
        http.headers.update(HTML)
        csrf = signed_in(http, "bob")
        case = http.post("/cases", data={"csrf": csrf, "title": "a note"}).headers["location"]
        note = {"csrf": csrf, "text": "seen twice"}
        http.cookies.clear()

        def led_to(referer: str) -> str:
            answer = http.post(f"{case}/note", data=note, headers={"Referer": referer})
            assert answer.status_code == 303
            return str(httpx.URL(answer.headers["location"]).params["back"])

        assert led_to(f"{closed.url}{case}") == case
        assert led_to(f"{closed.url}/history?text=x") == "/history?text=x"
        for foreign in ("https://evil.example/cases", "", "//", "http://[", f"{closed.url}//evil.example"):
            assert led_to(foreign) == case


def test_who_may_only_read_is_offered_nothing_else_on_a_case(closed: Live) -> None:
    cases = Cases(closed.app.state.service.store, tenant="eve", actor="eve")
    number = cases.create("of another time").id
    cases.tag(number, "checked")
    with closed.http() as http:
        http.headers.update(HTML)
        signed_in(http, "eve")
        page = http.get(f"/cases/{number}").text
    assert "checked" in page
    assert re.findall(r'action="(/cases[^"]*)"', page) == []


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_page_of_an_earlier_login_is_told_so(closed: Live, language: str) -> None:
    with closed.http() as http:
        http.headers.update(HTML | {"Accept-Language": language})
        earlier = signed_in(http, "ann")
        assert signed_in(http, "ann") != earlier
        page = http.post("/cases", data={"csrf": earlier, "title": "late"})
        assert page.status_code == 403
        told = (
            ("before you signed in again", "Go back, reload the page")
            if language == "en"
            else ("重新登录过", "请返回并刷新页面")
        )
        assert all(text in page.text for text in told)
        assert "CSRF" not in page.text
        assert "/api/" not in page.text
        for_programs = http.post("/api/v1/jobs", headers={"Accept": "application/json"})
        assert "X-CSRF-Token" in for_programs.json()["fix"]
