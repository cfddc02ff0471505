"""Calls of webhooks: signed, repeated until they are heard, and to nobody who is not allowed."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from tests.server.conftest import QUICK, live
from tests.waiting import until

from zhenwei.errors import ServiceError, UsageError
from zhenwei.server.settings import read_settings
from zhenwei.server.webhooks import is_allowed
from zhenwei.store.job_tables import JobRow
from zhenwei.store.jobs import now

SECRET = "0123456789abcdef"  # noqa: S105
ALLOWED = ("https://hooks.example.org/zhenwei", "http://10.0.0.1:8080")


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.org/zhenwei",
        "https://hooks.example.org/zhenwei/a?b=c",
        "https://hooks.example.org:443/zhenwei/",
        "http://10.0.0.1:8080",
        "http://10.0.0.1:8080/anything",
    ],
)
def test_what_lies_under_an_allowed_address_is_allowed(url: str) -> None:
    assert is_allowed(url, ALLOWED)
    assert not is_allowed(url, ())


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example.org/zhenwei",
        "http://hooks.example.org/zhenwei",
        "https://hooks.example.org/",
        "https://hooks.example.org/zhenwei2",
        "https://hooks.example.org/zhenwei/../admin",
        "https://hooks.example.org/zhenwei/%2e%2e/admin",
        "https://hooks.example.org/zhenwei/./x",
        "https://hooks.example.org:444/zhenwei",
        "https://hooks.example.org.evil.example/zhenwei",
        "https://evil.example/https://hooks.example.org/zhenwei",
        "https://hooks.example.org@evil.example/zhenwei",
        "https://anna:pw@hooks.example.org/zhenwei",
        "https://evil.example#@hooks.example.org/zhenwei",
        "https://evil.example\\@hooks.example.org/zhenwei",
        "https://hooks.example.org\n.evil.example/zhenwei",
        "file:///etc/passwd",
        "http://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:8080/",
        "http://[::1]:8080/",
        "http://10.0.0.1:80800/",
        "gopher://10.0.0.1:8080/",
        "http://1О.0.0.1:8080/",
    ],
)
def test_nothing_else_is(url: str) -> None:
    assert not is_allowed(url, ALLOWED)


class Receiver:
    """Somebody who is called, and refuses the first call."""

    def __init__(self) -> None:
        self.calls: list[tuple[dict[str, str], bytes]] = []
        self.paths: list[str] = []
        self.refuses = 1
        heard, made = self.calls, self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                heard.append(({name.lower(): value for name, value in self.headers.items()}, body))
                made.paths.append(self.path)
                self.send_response(302 if len(heard) <= made.refuses else 204)
                self.send_header("Location", "http://127.0.0.1:1/")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def wait_for(self, count: int) -> None:
        until(lambda: len(self.calls) >= count)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_a_call_is_signed_and_repeated_until_it_is_heard(
    plugin: None, receiver: Receiver, calm: Path, tmp_path: Path
) -> None:
    given: dict[str, Any] = {"webhooks": (receiver.url,), "webhook_secret": SECRET}
    with live(tmp_path / "s", **given) as made, made.client() as client:
        with pytest.raises(ServiceError) as refused:
            client.submit(calm, callback_url="http://127.0.0.1:1/")
        assert refused.value.kind == "callback-refused"
        job = client.submit(calm, detectors=QUICK["detectors"].split(), callback_url=f"{receiver.url}/1")
        receiver.wait_for(1)
        with made.app.state.service.store.writing() as session:  # it need not wait here
            session.execute(update(JobRow).values(callback_at=now()))
        receiver.wait_for(2)
        headers, body = receiver.calls[1]
        moment, signed = [part.partition("=")[2] for part in headers["zhenwei-signature"].split(",")]
        expected = hmac.new(SECRET.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
        assert hmac.compare_digest(signed, expected)
        assert abs(int(moment) - time.time()) < 60
        told = json.loads(body)
        assert (told["event"], told["tries"], told["job"]["id"]) == ("job.done", 2, job.id)
        jobs = made.app.state.service.jobs
        until(lambda: jobs.get("local", job.id).callback_state == "delivered")


def test_a_file_that_is_known_calls_its_new_address_too(
    plugin: None, receiver: Receiver, calm: Path, tmp_path: Path
) -> None:
    receiver.refuses = 0
    given: dict[str, Any] = {"webhooks": (receiver.url,), "webhook_secret": SECRET}
    with live(tmp_path / "s", **given) as made, made.client() as client:
        asked = QUICK["detectors"].split()
        job = client.wait(client.submit(calm, detectors=asked, idempotency_key="k"))
        for number, key in enumerate(("", "k", "k", "other")):
            again = client.submit(
                calm, detectors=asked, idempotency_key=key, callback_url=f"{receiver.url}/{min(number, 2)}"
            )
            assert again.id == job.id
            receiver.wait_for(number + 1)
        told = [json.loads(body) for _, body in receiver.calls]
        assert [(each["event"], each["job"]["decision"]) for each in told] == [("job.done", job.decision)] * 4
        assert receiver.paths == ["/hook/0", "/hook/1", "/hook/2", "/hook/2"]


def test_addresses_and_a_secret_are_asked_for_before_it_starts() -> None:
    with pytest.raises(UsageError, match="no secret"):
        read_settings(webhooks=("https://hooks.example.org/",))
    for wrong in ("hooks.example.org", "https://a:b@c/", "ftp://c/"):
        with pytest.raises(UsageError, match="no address"):
            read_settings(webhooks=(wrong,), webhook_secret=SECRET)
