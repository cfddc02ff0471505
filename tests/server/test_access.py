"""Nobody gets in without a key or a login of their own, and nobody sees what is another tenant's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.server.conftest import Live, live

from zhenwei.errors import UsageError
from zhenwei.server.auth.passwords import Passwords
from zhenwei.server.auth.rates import Rates
from zhenwei.server.problems import ProblemError
from zhenwei.server.settings import read_settings

PASSWORD = "correct horse battery"  # noqa: S105
NOBODY = "0" * 32
OPEN = {("GET", "/healthz"), ("GET", "/readyz"), ("POST", "/api/v1/session"), ("GET", "/api/v1/openapi.json")}
OF_ANYBODY = {  # whatever their scopes; what is examined again, by a page, takes both
    ("GET", "/settings"), ("POST", "/settings"), ("POST", "/logout"), ("POST", "/compare/chosen"),
    ("POST", f"/examinations/{NOBODY}/again"),
}  # fmt: skip
FOR_ALL = ("/login", "/language/", "/static/")  # of the pages: what nobody has to sign in for


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """With keys and people; nothing is examined."""
    with live(tmp_path_factory.mktemp("guarded"), run_jobs=False, auth="keys", per_minute=100_000) as made:
        scopes = {"anna": ["read", "submit"], "boss": ["admin"]}
        for name, granted in scopes.items():
            made.app.state.gate.access.add_person("ours", name, Passwords().hash(PASSWORD), granted)
        yield made


def routes(service: Live) -> list[tuple[str, str]]:
    found = []
    for route in service.app.state.routes:
        for method in sorted(route.methods - {"HEAD"}):
            path = route.path.replace("{id}", "0" * 16 if "/keys/" in route.path else NOBODY)
            path = re.sub(r"{(case_id|number)(:\w+)?}", "1", path)
            found.append((method, re.sub(r"{\w+}", NOBODY, path)))
    return found


def scope_of(method: str, path: str) -> str:
    if path.startswith(("/api/v1/keys", "/settings/keys")) or path == "/metrics":
        return "admin"
    return "read" if method == "GET" else "submit"


def ask(http: httpx.Client, method: str, path: str) -> httpx.Response:
    """With a body that is right where one is wanted, so that nothing else is refused first."""
    content: dict[str, Any] = {}
    if path == "/api/v1/keys" and method == "POST":
        content["json"] = {"name": "k", "scopes": ["read"]}
    if path in ("/api/v1/jobs", "/api/v1/batches") and method == "POST":
        content["files"] = {"file": ("a.png", b"\x89PNG\r\n\x1a\n")}
    if path == "/api/v1/compare":
        content["params"] = {"first": NOBODY, "second": NOBODY}
    return http.request(method, path, **content)


def test_every_route_asks_for_a_key_that_is_good(guarded: Live) -> None:
    revoked = guarded.key("admin")
    guarded.app.state.gate.access.revoke_key(revoked.split("_")[1])
    bad = {
        "none": "",
        "wrong": "zw_0000000000000000_nobody",
        "expired": guarded.key("admin", expires_at=datetime.now(UTC) - timedelta(seconds=1)),
        "revoked": revoked,
        "cut short": guarded.key("admin")[:-1],
    }
    found = []
    for why, key in bad.items():
        with guarded.http(key) as http:
            for method, path in routes(guarded):
                guarded.app.state.gate._rates = Rates()  # who tries many wrong keys is slowed down
                if path.startswith(FOR_ALL):
                    continue
                answer = ask(http, method, path)
                if (method, path) in OPEN:
                    assert answer.status_code in (200, 422), (method, path)
                elif answer.status_code != 401 or answer.headers["www-authenticate"] != 'Bearer realm="zhenwei"':
                    found.append((why, method, path, answer.status_code))
    assert found == []


def test_every_route_asks_for_its_scope(guarded: Live) -> None:
    found = []
    for scope in ("read", "submit"):
        with guarded.http(guarded.key(scope)) as http:
            for method, path in routes(guarded):
                if (method, path) in OPEN | OF_ANYBODY or path == "/api/v1/session" or path.startswith(FOR_ALL):
                    continue
                answer = ask(http, method, path)
                if (answer.status_code == 403) != (scope_of(method, path) != scope):
                    found.append((scope, method, path, answer.status_code))
    assert found == []
    with guarded.http(guarded.key("admin")) as http:
        assert ask(http, "GET", "/metrics").status_code == 200
        assert ask(http, "GET", "/api/v1/jobs").status_code == 200


def test_what_is_another_tenants_is_not_there(guarded: Live, calm: Path) -> None:
    ours, theirs = guarded.key("admin", tenant="ours"), guarded.key("admin", tenant="theirs")
    with guarded.http(ours) as mine, guarded.http(theirs) as other:
        mine_job = mine.post("/api/v1/jobs", files={"file": ("a.png", calm.read_bytes())}).json()
        own = f"/api/v1/jobs/{mine_job['id']}"
        nobody = f"/api/v1/jobs/{NOBODY}"
        for method, rest in [
            *[("GET", rest) for rest in ("", "/report", "/report.html", "/media", "/events")],
            ("POST", "/cancel"),
            ("DELETE", ""),
        ]:
            foreign, absent = other.request(method, own + rest), other.request(method, nobody + rest)
            assert (foreign.status_code, foreign.json()) == (404, absent.json()), (method, rest)
        assert mine.get(own).json()["state"] == "queued"
        assert other.get("/api/v1/jobs").json() == {"jobs": [], "next": ""}
        assert other.get("/api/v1/jobs", params={"q": mine_job["sha256"]}).json()["jobs"] == []
        assert other.get("/api/v1/jobs", params={"after": mine_job["id"]}).status_code == 422
        compared = other.get("/api/v1/compare", params={"first": mine_job["id"], "second": mine_job["id"]})
        assert compared.status_code == 404
        # Handing in the same bytes says nothing of who else has them.
        answer = other.post("/api/v1/jobs", files={"file": ("b.png", calm.read_bytes())})
        assert (answer.status_code, answer.json()["name"]) == (201, "b.png")
        assert answer.json()["id"] != mine_job["id"]
        other.delete(f"/api/v1/jobs/{answer.json()['id']}")
        assert guarded.app.state.service.folder.medium(mine_job["sha256"]).is_file()
        key = mine.post("/api/v1/keys", json={"name": "mine", "scopes": ["read"]}).json()
        assert key["id"] not in other.get("/api/v1/keys").text
        assert other.delete(f"/api/v1/keys/{key['id']}").status_code == 404


def test_a_key_that_may_only_hand_in_learns_nothing_of_what_was_found(guarded: Live, calm: Path) -> None:
    from sqlalchemy import update

    from zhenwei.store.job_tables import JobRow

    with guarded.http(guarded.key("submit")) as http, guarded.http(guarded.key("read", "submit")) as other:
        job = other.post("/api/v1/jobs", files={"file": ("theirs.png", calm.read_bytes())}).json()
        found = {"state": "done", "decision": "forged", "llr": 3.0, "error_rate": 0.1, "kind": "image"}
        with guarded.app.state.service.store.writing() as session:
            session.execute(update(JobRow).filter_by(uid=job["id"]).values(**found))
        files = {"file": ("ours.png", calm.read_bytes())}
        batch = http.post("/api/v1/batches", files=files)
        told = [http.post("/api/v1/jobs", files=files).json(), batch.json()["items"][0]["job"]]
        told.append(http.post(f"/api/v1/jobs/{job['id']}/cancel").json())
        for each, name in zip(told, ("ours.png", "ours.png", ""), strict=True):
            assert (each["id"], each["state"], each["name"]) == (job["id"], "done", name)
            assert [each[field] for field in ("decision", "llr", "error_rate", "kind", "error")] == [None] * 5
            assert (each["submitted_by"], each["reason"]) == ("", "")
        seen = other.post("/api/v1/jobs", files=files).json()
        assert (seen["decision"], seen["submitted_by"], seen["name"]) == ("forged", "test", "theirs.png")


def test_a_key_has_a_plain_name_each_scope_once_and_some_time(guarded: Live) -> None:
    wrong: list[dict[str, Any]] = [
        {"name": "a\x1b[2Jb"},
        {"name": "a\nb"},
        {"name": "a\0"},
        {"name": "\u202eb"},
        {"scopes": ["read", "read"]},
        {"days": 1e-9},
    ]
    with guarded.http(guarded.key("admin", tenant="plain")) as http:
        for given in wrong:
            answer = http.post("/api/v1/keys", json={"name": "k", "scopes": ["read"]} | given)
            assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json"), given
        assert [key["name"] for key in http.get("/api/v1/keys").json()["keys"]] == ["test"]
        assert http.post("/api/v1/keys", json={"name": "上传", "scopes": ["read"], "days": 0.001}).status_code == 201


def test_a_nul_is_refused_alike_by_both_databases(guarded: Live, postgresql: str, tmp_path: Path) -> None:
    with live(tmp_path / "s", auth="keys", database_url=postgresql, run_jobs=False) as other:
        for service in (guarded, other):
            with service.http(service.key("admin")) as http:
                assert http.get("/api/v1/jobs", params={"q": "a\0b"}).json()["jobs"] == []
                assert http.get("/history", params={"text": "\0"}).status_code == 200
                login = {"name": "a\0", "password": PASSWORD}
                assert http.post("/api/v1/session", json=login).status_code == 422
                assert http.post("/login", data=login, headers={"Authorization": ""}).status_code == 401
                assert http.post("/api/v1/keys", json={"name": "a\0", "scopes": ["read"]}).status_code == 422


def test_keys_are_made_shown_once_and_revoked(guarded: Live) -> None:
    with guarded.http(guarded.key("admin", tenant="ours")) as http:
        made = http.post("/api/v1/keys", json={"name": "robot", "scopes": ["read"], "days": 1}).json()
        assert made["key"].startswith("zw_")
        listed = http.get("/api/v1/keys")
        assert made["id"] in listed.text
        assert made["key"] not in listed.text
        with guarded.http(made["key"]) as robot:
            assert robot.get("/api/v1/session").json()["name"] == "robot"
            assert http.delete(f"/api/v1/keys/{made['id']}").status_code == 204
            assert robot.get("/api/v1/session").status_code == 401


def test_a_key_has_limits_of_its_own(guarded: Live, calm: Path) -> None:
    with guarded.http(guarded.key("submit", max_bytes=100)) as http:
        answer = http.post("/api/v1/jobs", files={"file": ("a.png", calm.read_bytes())})
        assert (answer.status_code, answer.json()["type"]) == (413, "urn:zhenwei:problem:too-large")
    with guarded.http(guarded.key("read", per_minute=2)) as http:
        seen = [http.get("/api/v1/counts").status_code for _ in range(3)]
        assert seen == [200, 200, 429]
        assert int(http.get("/api/v1/counts").headers["retry-after"]) > 0


def test_logging_in_and_out(guarded: Live, calm: Path) -> None:
    with guarded.http() as http:
        answer = http.post("/api/v1/session", json={"name": "anna", "password": PASSWORD})
        assert answer.status_code == 200
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        assert "path=/" in cookie
        who = http.get("/api/v1/session").json()
        assert (who["name"], who["tenant"], who["scopes"]) == ("anna", "ours", ["read", "submit"])
        assert http.get("/api/v1/keys").status_code == 403
        # What changes something needs what only a page of the service knows.
        files = {"file": ("a.png", calm.read_bytes())}
        for headers in ({}, {"X-CSRF-Token": "x"}):
            refused = http.post("/api/v1/jobs", files=files, headers=headers)
            assert (refused.status_code, refused.json()["type"]) == (403, "urn:zhenwei:problem:csrf")
        right = {"X-CSRF-Token": who["csrf"]}
        assert http.post("/api/v1/jobs", files=files, headers=right).status_code in (200, 201)
        stolen = dict(http.cookies)
        assert http.delete("/api/v1/session", headers=right).status_code == 204
        assert http.get("/api/v1/session").status_code == 401
        with guarded.http(cookies=stolen) as thief:
            assert thief.get("/api/v1/session").status_code == 401


def test_a_wrong_name_and_a_wrong_password_look_the_same(guarded: Live) -> None:
    guarded.app.state.gate._rates = Rates(lambda: 0.0)
    with guarded.http() as http:
        answers = [
            http.post("/api/v1/session", json={"name": name, "password": "wrong wrong wrong"})
            for name in ("anna", "nobody")
        ]
        assert [answer.status_code for answer in answers] == [401, 401]
        assert answers[0].json() == answers[1].json()
        tries = [
            http.post("/api/v1/session", json={"name": "anna", "password": "wrong wrong wrong"}).status_code
            for _ in range(5)
        ]
        assert tries[-1] == 429


def test_who_tries_keys_is_slowed_down(guarded: Live) -> None:
    guarded.app.state.gate._rates = Rates(lambda: 0.0)
    seen = set()
    for number in range(35):
        with guarded.http(f"zw_{number:016x}_x") as http:
            seen.add(http.get("/api/v1/counts").status_code)
    assert seen == {401, 429}
    guarded.app.state.gate._rates = Rates()


def test_over_https_the_cookie_is_for_https_alone(tmp_path: Path) -> None:
    given = {"auth": "keys", "public_url": "https://zhenwei.example.org", "hosts": ("127.0.0.1",)}
    with live(tmp_path, run_jobs=False, **given) as made, made.http() as http:
        made.app.state.gate.access.add_person("ours", "anna", Passwords().hash(PASSWORD), ["read"])
        answer = http.post("/api/v1/session", json={"name": "anna", "password": PASSWORD})
        assert answer.headers["set-cookie"].startswith("__Host-zhenwei_session=")
        assert "secure" in answer.headers["set-cookie"].lower()
        assert answer.headers["strict-transport-security"]


def test_a_password_is_long_and_kept_as_argon2_makes_of_it() -> None:
    passwords = Passwords()
    with pytest.raises(UsageError, match="too short"):
        passwords.hash("short")
    kept = passwords.hash(PASSWORD)
    assert kept.startswith("$argon2id$")
    assert passwords.verify(kept, PASSWORD)
    assert not passwords.verify(kept, PASSWORD + "r")
    assert not passwords.verify(None, "nobody has this password")
    assert not passwords.verify("no hash", PASSWORD)


def test_a_bucket_fills_evenly() -> None:
    clock = [0.0]
    rates = Rates(lambda: clock[0])
    for _ in range(3):
        rates.take("a", 3)
    with pytest.raises(ProblemError):
        rates.take("a", 3)
    rates.take("b", 3)
    clock[0] = 21.0
    rates.take("a", 3)
    with pytest.raises(ProblemError):
        rates.take("a", 3)


def test_limits_hold_over_several_servers(postgresql: str, tmp_path: Path) -> None:
    given: dict[str, Any] = {"auth": "keys", "database_url": postgresql, "run_jobs": False}
    with live(tmp_path / "s", **given) as one, live(tmp_path / "s", **given) as other:
        key = one.key("read", per_minute=3)
        with one.http(key) as first, other.http(key) as second:
            seen = [http.get("/api/v1/counts").status_code for http in (first, second, first, second, first)]
            assert seen == [200, 200, 200, 429, 429]
            assert 1 <= int(second.get("/api/v1/counts").headers["retry-after"]) <= 20
        with other.http(one.key("read", per_minute=3)) as another:
            assert another.get("/api/v1/counts").status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.2", "::", "example.org"])  # noqa: S104
def test_without_keys_nobody_else_is_served(host: str) -> None:
    with pytest.raises(UsageError, match="this machine alone") as refused:
        read_settings(host=host)
    assert "zhenwei serve keys add" in refused.value.fix
    assert read_settings(host=host, auth="keys").host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_this_machine_is_served(host: str) -> None:
    assert read_settings(host=host).is_loopback
