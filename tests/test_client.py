"""The client by itself: light to load, and plain about a service that is not there or no service of ours."""

from __future__ import annotations

import io
import json
import pickle
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("httpx", reason="httpx is not installed: pip install 'zhenwei[client]'")

from zhenwei.client import Client, Job
from zhenwei.errors import MissingExtraError, ServiceError

ID = "a" * 32


def test_it_loads_nothing_that_examines() -> None:
    code = (
        "import sys, zhenwei.client; from zhenwei.client import Client; Client().close(); "
        "print([m for m in ('numpy', 'cv2', 'onnxruntime', 'sqlalchemy', 'fastapi', 'pydantic') if m in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=240)
    assert ended.stdout.strip() == "[]"


def test_a_service_that_is_not_there_is_told_with_the_cure() -> None:
    with Client("http://127.0.0.1:1") as client, pytest.raises(ServiceError, match="cannot be reached") as refused:
        client.counts()
    assert refused.value.status == 0
    assert "zhenwei serve" in refused.value.fix


@pytest.mark.parametrize("url", ["http://127.0.0.1:abc", "http://u:sesame:abc@h:x", "http://a\nb", "http://[::1", ""])
def test_an_address_that_cannot_be_used_is_told(url: str) -> None:
    with pytest.raises(ServiceError) as refused, Client(url) as client:
        client.counts()
    assert (refused.value.status, "sesame" in str(refused.value)) == (0, False)


@pytest.mark.parametrize("key", ["zw_se\nsame", "zw_sesamé", "zw_se same", "zw_sesame\x00", "zw_\udcffsesame"])
def test_a_key_that_no_header_takes_is_refused_and_not_quoted(key: str) -> None:
    with pytest.raises(ServiceError) as refused:
        Client(key=key)
    assert "same" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_one_word_in_the_place_of_detectors_is_refused_before_it_is_sent(
    heard: tuple[str, list[tuple[str, str]]],
) -> None:
    url, asked = heard
    with Client(url) as client:
        for hand_in in (client.submit, client.submit_many):
            with pytest.raises(ServiceError, match="the option detectors has the wrong type"):
                hand_in([io.BytesIO(b"a")], detectors="encoder.blended")  # type: ignore[arg-type]
    assert asked == []


def test_a_key_from_a_file_may_end_with_its_line(heard: tuple[str, list[tuple[str, str]]]) -> None:
    url, asked = heard
    with Client(url, " zw_key_x\r\n") as client, pytest.raises(ServiceError, match="none of the service"):
        client.counts()
    assert asked == [("/api/v1/counts", "Bearer zw_key_x")]


def test_what_answers_with_something_else_is_told(heard: tuple[str, list[tuple[str, str]]]) -> None:
    url, asked = heard
    ways = ("job", "report", "cancel", "wait")
    with Client(url) as client:
        for way in ways:
            with pytest.raises(ServiceError, match="none of the service"):
                getattr(client, way)("0" * 32)
        for act in (lambda: list(client.jobs()), lambda: client.compare("0" * 32, "1" * 32)):
            with pytest.raises(ServiceError, match="none of the service"):
                act()
        asked.clear()
        for id_ in ("../counts", "", "a/report", "..", "a?b", "é", "a\n", "abcdef", "A" * 32):
            for way in (*ways, "page", "pdf", "delete"):
                with pytest.raises(ServiceError, match="no id"):
                    getattr(client, way)(id_)
            with pytest.raises(ServiceError, match="no id"):
                client.compare("0" * 32, id_)
        assert asked == []
        with pytest.raises(ServiceError, match="idempotency key"):
            client.submit(io.BytesIO(b"x"), idempotency_key="é")
        with pytest.raises(ServiceError, match="cannot be sent"):
            list(client.jobs(text="\udcff"))
        with pytest.raises(ServiceError, match="none of the service"):
            client.submit(io.BytesIO(b"x"), name="\udcff.png")


def test_what_cannot_be_handed_in_is_told_and_not_sent(
    heard: tuple[str, list[tuple[str, str]]], tmp_path: Path
) -> None:
    url, asked = heard
    text = tmp_path / "notes.txt"
    text.write_text("no picture", encoding="utf-8")
    with Client(url) as client, text.open(encoding="utf-8") as opened:
        for unfit in (opened, io.StringIO("x"), b"bytes", None):
            with pytest.raises(ServiceError, match=r"handed in.*rb"):
                client.submit(unfit)  # type: ignore[arg-type]
        for lost in (tmp_path / "nowhere.jpg", str(tmp_path), "a\0b"):
            with pytest.raises(ServiceError, match="cannot be read"):
                client.submit(lost)
        assert client.submit_many([]) == []
        (only,) = client.submit_many([tmp_path / "nowhere.jpg"])
        assert (only.name, only.is_new, only.job) == ("nowhere.jpg", False, None)
        assert "cannot be read" in str(only.error)
        assert asked == []


def test_a_closed_client_says_so(heard: tuple[str, list[tuple[str, str]]], tmp_path: Path) -> None:
    url, asked = heard
    client = Client(url)
    client.close()
    client.close()
    id_ = "0" * 32
    acts = (
        client.counts,
        lambda: client.submit(io.BytesIO(b"x")),
        lambda: client.wait(id_),
        lambda: client.save_media(id_, tmp_path / "x"),
        lambda: list(client.jobs()),
        lambda: client.pdf(id_),
    )
    for act in acts:
        with pytest.raises(ServiceError, match="is closed"):
            act()
    assert asked == []


@pytest.fixture
def heard() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Something else, which answers all with a page; what it was asked for, and by whom."""
    asked: list[tuple[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            asked.append((self.path, self.headers.get("Authorization", "")))
            self.send_response(200)
            self.send_header("Content-Length", "6")
            self.end_headers()
            self.wfile.write(b"<html>")

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


@pytest.fixture
def proxy() -> Iterator[tuple[str, list[int]]]:
    """Somebody in between who answers with a page of his own; the statuses that he has left to give, then 502."""
    statuses = [503, 429]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(statuses.pop(0) if statuses else 502)
            self.send_header("Retry-After", "0")
            self.send_header("Content-Length", "6")
            self.end_headers()
            self.wfile.write(b"<html>")

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", statuses
        server.shutdown()


def test_what_is_busy_is_asked_again_and_an_answer_of_somebody_else_is_told(proxy: tuple[str, list[int]]) -> None:
    url, statuses = proxy
    with Client(url) as client, pytest.raises(ServiceError) as refused:
        client.counts()
    assert statuses == []
    assert (refused.value.status, refused.value.got) == (502, "status 502")


def told(state: str) -> dict[str, Any]:
    """The job as a service tells of it."""
    moments = {"created_at": "2026-01-01T00:00:00Z", "started_at": None, "finished_at": None}
    return dict.fromkeys(Job.__slots__) | {"id": ID, "state": state} | moments


@contextmanager
def answering(answer: Callable[[], tuple[int, dict[str, Any]]], port: int = 0) -> Iterator[str]:
    """A service that gives no news by itself; ``answer`` has the status and the job, whenever it is asked for it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            news = self.path.endswith("/events")
            status, job = (200, {}) if news else answer()
            body = b"" if news else json.dumps(job).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def test_a_wait_whose_time_is_over_says_so_though_nobody_answers() -> None:
    with Client(f"http://127.0.0.1:{free_port()}") as client, pytest.raises(TimeoutError, match=ID) as over:
        client.wait(ID, timeout_s=0.5)
    assert isinstance(over.value.__cause__, ServiceError)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_wait_whose_time_is_over_says_so_though_the_service_is_busy(status: int) -> None:
    with (
        answering(lambda: (status, {})) as url,
        Client(url) as client,
        pytest.raises(TimeoutError, match=ID) as over,
    ):
        client.wait(ID, timeout_s=0.3)
    assert isinstance(over.value.__cause__, ServiceError)
    assert over.value.__cause__.status == status


def test_a_wait_is_refused_as_ever_within_its_time() -> None:
    with answering(lambda: (404, {})) as url, Client(url) as client, pytest.raises(ServiceError) as refused:
        client.wait(ID, timeout_s=60)
    assert refused.value.status == 404
    with Client("") as client, pytest.raises(ServiceError, match="cannot be reached"):
        client.wait(ID, timeout_s=60)


def test_the_last_question_of_a_wait_hears_a_slow_answer() -> None:
    def slowly() -> tuple[int, dict[str, Any]]:
        time.sleep(3)
        return 200, told("done")

    with answering(slowly) as url, Client(url) as client:
        assert client.wait(ID, timeout_s=0.3).state == "done"


@pytest.mark.parametrize("timeout_s", [None, 60.0])
def test_a_wait_survives_a_restart_of_the_service(timeout_s: float | None) -> None:
    port, asked, found = free_port(), threading.Event(), list[Job]()

    def running() -> tuple[int, dict[str, Any]]:
        asked.set()
        return 200, told("running")

    with Client(f"http://127.0.0.1:{port}") as client:
        waiting = threading.Thread(target=lambda: found.append(client.wait(ID, timeout_s=timeout_s)), daemon=True)
        with answering(running, port):
            waiting.start()
            assert asked.wait(60)
        waiting.join(2.5)  # gone for so long
        assert waiting.is_alive()
        with answering(lambda: (200, told("done")), port):
            waiting.join(60)
    assert [job.state for job in found] == ["done"]


def test_several_are_handed_in_from_whatever_names_them(heard: tuple[str, list[tuple[str, str]]]) -> None:
    url, asked = heard
    with Client(url) as client:
        assert client.submit_many(iter([])) == []
        unread = client.submit_many(Path(name) for name in ("nowhere.jpg", "neither.jpg"))
    assert [item.name for item in unread] == ["nowhere.jpg", "neither.jpg"]
    assert asked == []


def test_an_error_keeps_what_it_says_on_the_way_between_processes() -> None:
    error = ServiceError("no", fix="Wait.", status=429, kind="too-often")
    again = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert (str(again), again.status, again.kind) == (str(error), 429, "too-often")


def test_the_extra_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(MissingExtraError) as missing:
        Client()
    assert "[client]" in missing.value.fix
