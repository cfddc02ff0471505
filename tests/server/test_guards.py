"""What every request meets: hosts, other sites, bodies without end; and what every answer says to browsers."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from tests.server.conftest import Live, live
from tests.server.test_access import NOBODY, ask, routes

from zhenwei.errors import DataError
from zhenwei.server import logs
from zhenwei.server.problems import of_error
from zhenwei.store.refusals import RefusedError, UnstorableError


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8765", "[::2]", ""])
def test_a_name_that_was_made_to_lead_here_is_refused(idle: Live, host: str) -> None:
    with idle.http() as http:
        answer = http.get("/api/v1/jobs", headers={"Host": host})
        assert (answer.status_code, answer.headers["content-type"]) in (
            (421, "application/problem+json"),
            (400, "text/plain; charset=utf-8"),  # uvicorn's own, of what is no HTTP
        )


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1", "LOCALHOST", "[::1]:8765"])
def test_names_of_this_machine_are_its_own(idle: Live, host: str) -> None:
    with idle.http() as http:
        assert http.get("/api/v1/jobs", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_page_of_another_site_changes_nothing(idle: Live, calm: Path, headers: dict[str, str]) -> None:
    with idle.http() as http:
        answer = http.post("/api/v1/jobs", files={"file": ("a.png", calm.read_bytes())}, headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:zhenwei:problem:another-site")
        own = {"Origin": idle.url, "Sec-Fetch-Site": "same-origin"}
        assert http.post("/api/v1/jobs", files={"file": ("a.png", calm.read_bytes())}, headers=own).is_success


def test_every_answer_says_the_same_to_browsers(idle: Live) -> None:
    with idle.http() as http:
        paths = [*routes(idle), ("GET", "/nothing"), ("PUT", "/api/v1/jobs"), ("GET", "/api/v1/jobs/x")]
        for method, path in paths:
            headers = ask(http, method, path).headers
            assert headers["x-content-type-options"] == "nosniff", path
            assert headers["x-frame-options"] == "DENY"
            assert "frame-ancestors 'none'" in headers["content-security-policy"]
            assert "default-src 'none'" in headers["content-security-policy"] or not path.startswith("/api/")
            assert headers["referrer-policy"] in ("no-referrer", "same-origin")  # the latter of pages
            assert headers["cross-origin-resource-policy"] == "same-origin"
            assert "access-control-allow-origin" not in headers
            assert "server" not in headers


def test_every_error_is_a_problem_with_a_cure(idle: Live) -> None:
    with idle.http() as http:
        answers = [
            http.get("/api/v1/nothing"),
            http.get(f"/api/v1/jobs/{NOBODY}"),
            http.get("/api/v1/jobs/x"),
            http.put("/api/v1/jobs"),
            http.post("/api/v1/jobs", content=b"x"),
            http.post("/api/v1/jobs", files={"file": ("a", b"")}),
            http.post("/api/v1/jobs", data={"depth": "fast"}),
            http.post("/api/v1/session", content=b"{", headers={"Content-Type": "application/json"}),
            http.post("/api/v1/session", content=b"x" * 70_000),
            http.get("/api/v1/jobs", params={"state": "lost"}),
        ]
    statuses = [404, 404, 422, 405, 415, 415, 415, 422, 413, 422]
    assert [answer.status_code for answer in answers] == statuses
    for answer in answers:
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert problem["type"].startswith("urn:zhenwei:problem:")
        assert problem["status"] == answer.status_code
        assert problem["title"]
        assert problem["detail"]
    assert answers[3].headers["allow"] == "GET, POST"


def test_a_fault_costs_one_request_and_says_nothing_of_itself(
    idle: Live, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("/home/anna/secret.jpg")

    with monkeypatch.context() as patch, idle.http() as http, caplog.at_level(logging.INFO, "zhenwei.server"):
        patch.setattr(idle.app.state.service, "counts", broken)
        answer = http.get("/api/v1/counts")
    assert (answer.status_code, answer.json()["type"]) == (500, "urn:zhenwei:problem:fault")
    assert "secret" not in answer.text
    assert "KeyError" in caplog.text
    assert "secret" not in "".join([record.getMessage() for record in caplog.records])
    with idle.http() as http:
        assert http.get("/api/v1/counts").status_code == 200


def test_a_database_that_is_away_is_told_and_comes_back(tmp_path: Path) -> None:
    with live(tmp_path / "s", run_jobs=False) as made, made.http() as http:
        database = tmp_path / "s" / "zhenwei.db"
        made.app.state.service.store.close()
        hidden = database.rename(tmp_path / "hidden.db")
        database.mkdir()
        for path in ("/api/v1/counts", "/readyz"):
            answer = http.get(path)
            assert (answer.status_code, answer.json()["type"]) == (503, "urn:zhenwei:problem:store-unavailable")
            assert str(tmp_path) not in answer.text
        assert http.get("/healthz").status_code == 200
        database.rmdir()
        hidden.rename(database)
        assert http.get("/readyz").status_code == 200


def test_a_database_that_refuses_is_not_told_as_an_erasure(postgresql: str, tmp_path: Path) -> None:
    from sqlalchemy import text

    with live(tmp_path / "s", database_url=postgresql, run_jobs=False) as made, made.http() as http:
        engine = made.app.state.service.store.engine
        with engine.begin() as connection:
            connection.execute(text("ALTER TABLE job RENAME TO elsewhere"))
        try:
            for path in ("/api/v1/counts", f"/api/v1/jobs/{'0' * 32}/report", "/readyz"):
                answer = http.get(path)
                assert (answer.status_code, answer.json()["type"]) == (503, "urn:zhenwei:problem:store-unavailable")
                assert "127.0.0.1" not in answer.text
        finally:
            with engine.begin() as connection:
                connection.execute(text("ALTER TABLE elsewhere RENAME TO job"))
        assert http.get("/readyz").status_code == 200
    for error, status in ((RefusedError("x"), 503), (UnstorableError("x"), 422), (DataError("x"), 410)):
        assert of_error(error).status == status


@pytest.mark.parametrize("name", ["incoming", "media"])
def test_a_service_that_can_keep_no_upload_is_not_ready(name: str, tmp_path: Path) -> None:
    with live(tmp_path / "s", run_jobs=False) as made, made.http() as http:
        assert http.get("/readyz").status_code == 200
        folder = getattr(made.app.state.service.folder, name)
        folder.rmdir()
        answer = http.get("/readyz")
        assert (answer.status_code, answer.json()["type"]) == (503, "urn:zhenwei:problem:cannot-write")
        assert str(tmp_path) not in answer.text
        folder.touch()
        assert http.get("/readyz").status_code == 503


def test_the_log_holds_no_trace_of_what_was_asked(capsys: pytest.CaptureFixture[str]) -> None:
    before = {name: logging.getLogger(name).handlers for name in ("uvicorn", "zhenwei.server")}
    try:
        logs.set_up()
        try:
            raise ValueError("/home/anna/secret.jpg")
        except ValueError:
            logging.getLogger("uvicorn.error").exception("Exception in ASGI application\n")
        logging.getLogger("zhenwei.server").info("job %s: %s", "1", "forged")
    finally:
        for name, handlers in before.items():
            logging.getLogger(name).handlers = handlers
            logging.getLogger(name).propagate = True
    said = capsys.readouterr().err
    assert "Exception in ASGI application" in said
    assert "job 1: forged" in said
    assert "secret" not in said


def test_the_api_describes_itself(idle: Live) -> None:
    with idle.http() as http:
        described = http.get("/api/v1/openapi.json").json()
    assert json.dumps(described)
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            assert operation["description"], (method, path)
            assert "application/problem+json" in operation["responses"]["422"]["content"]
