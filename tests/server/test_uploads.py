"""What arrives is kept whole or not at all; what is too large, no medium or hostile is refused early and plainly."""

from __future__ import annotations

import os
import resource
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.hazard import draw
from tests.server.conftest import MEDIA, Live, live
from tests.waiting import until

from zhenwei.errors import OutputError
from zhenwei.server.serving import serve
from zhenwei.server.settings import read_settings

PNG = b"\x89PNG\r\n\x1a\n"
_MIB = 1 << 20


def left_over(service: Live) -> list[Path]:
    folder = service.app.state.service.folder
    return [path for path in (*folder.incoming.iterdir(), *folder.media.rglob("*")) if path.is_file()]


def form(*parts: tuple[str, str | None, bytes], end: bool = True) -> bytes:
    """Parts: name, file name or None, content."""
    whole = b""
    for name, file_name, content in parts:
        named = f'; filename="{file_name}"' if file_name is not None else ""
        whole += f'--b\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'.encode() + content + b"\r\n"
    return whole + (b"--b--\r\n" if end else b"")


def post(http: httpx.Client, content: bytes | Iterator[bytes], path: str = "/api/v1/jobs") -> httpx.Response:
    return http.post(path, content=content, headers={"Content-Type": "multipart/form-data; boundary=b"})


@pytest.mark.parametrize(
    ("content", "status", "kind"),
    [
        (b"", 415, "empty"),
        (b"just text", 415, "not-media"),
        (b"PK\x03\x04" + b"\0" * 100, 415, "not-media"),
        (b"\x1f\x8b" + b"\0" * 100, 415, "not-media"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", 415, "not-media"),
        (b"<html><script>alert(1)</script>", 415, "not-media"),
        (b"#EXTM3U\nfile:///etc/passwd", 415, "not-media"),
        (b"\x7fELF" + b"\0" * 100, 415, "not-media"),
        (b"\0" * 300_000, 415, "not-media"),
        (PNG + b"x" * 3 * _MIB, 413, "too-large"),
    ],
)
def test_what_is_no_medium_or_too_large_is_refused(tmp_path: Path, content: bytes, status: int, kind: str) -> None:
    with live(tmp_path, run_jobs=False, max_bytes=2 * _MIB) as made, made.http() as http:
        answer = http.post("/api/v1/jobs", files={"file": ("photo.jpg", content)})
        assert (answer.status_code, answer.json()["type"]) == (status, f"urn:zhenwei:problem:{kind}")
        assert answer.json()["fix"]
        batch = http.post("/api/v1/batches", files=[("file", ("a", content)), ("file", ("b", PNG + b"0"))]).json()
        assert [item["problem"] and item["problem"]["status"] for item in batch["items"]] == [status, None]
        assert len(left_over(made)) == 1


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (form(("file", "a.png", PNG), end=False), 400),
        (form(("file", "a.png", PNG))[:-3], 400),
        (b"", 400),
        (b"nonsense", 400),
        (b"--b\r\nContent-Disposition: form-data; name=file; filename=" + b"x" * 10_000, 400),
        (form(("depth", None, b"fast")), 422),
        (form(("file", None, b"text")), 422),
        (form(("upload", "a.png", PNG)), 422),
        (form(("file", "a.png", PNG), ("file", "b.png", PNG)), 413),
        (form(("file", "a.png", PNG), ("colour", None, b"red")), 422),
        (form(("file", "a.png", PNG), ("depth", None, b"deepest")), 422),
        (form(("file", "a.png", PNG), ("frames", None, b"many")), 422),
        (form(("file", "a.png", PNG), ("frames", None, b"0")), 422),
        (form(("file", "a.png", PNG), ("detectors", None, b"no.such")), 422),
        (form(("file", "a.png", PNG), ("false_alarm", None, b"nan")), 422),
        (form(("file", "a.png", PNG), ("callback_url", None, b"http://169.254.169.254/")), 422),
        (form(("depth", None, b"x" * 100_000)), 413),
        (form(*[(f"f{number}", None, b"") for number in range(100)]), 413),
    ],
)
def test_a_form_that_is_broken_or_asks_for_nonsense_leaves_nothing(idle: Live, content: bytes, status: int) -> None:
    before = left_over(idle)
    with idle.http() as http:
        answer = post(http, content)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert left_over(idle) == before


@pytest.mark.parametrize("name", ["../../../etc/cron.d/x", "/etc/passwd", "..\\..\\x", ".", "", "\\0", "真" * 500])
def test_a_name_leads_nowhere(idle: Live, name: str, tmp_path: Path) -> None:
    content = Path(draw(tmp_path, "calm", 3)).read_bytes()
    with idle.http() as http:
        answer = post(http, form(("file", name, content)))
        job = answer.json()
        assert answer.status_code in (200, 201), answer.text
        assert "/" not in job["name"]
        assert len(job["name"]) <= 255
    kept = idle.app.state.service.folder.medium(job["sha256"])
    assert kept.is_file()
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.parent.parent.stat().st_mode & 0o777 == 0o700


def test_a_file_in_the_smallest_pieces_arrives_whole(idle: Live, tmp_path: Path) -> None:
    content = Path(draw(tmp_path, "calm", 4)).read_bytes()

    def pieces() -> Iterator[bytes]:
        whole = form(("depth", None, b"fast"), ("file", "a.png", content))
        for at in range(0, len(whole), 7):
            yield whole[at : at + 7]

    with idle.http() as http:
        job = post(http, pieces()).json()
    assert job["options"]["depth"] == "fast"
    assert idle.app.state.service.folder.medium(job["sha256"]).read_bytes() == content


def test_zeros_without_end_are_refused_early_and_take_no_memory(idle: Live) -> None:
    sent = [0]
    piece = bytes(_MIB)

    def endless() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n'
        while sent[0] < 4096:
            sent[0] += 1
            yield piece

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.monotonic()
    with idle.http() as http:
        try:
            answer = post(http, endless())
            assert (answer.status_code, answer.json()["type"]) == (415, "urn:zhenwei:problem:not-media")
        except httpx.TransportError:  # the connection ended while it was still sending
            pass
    assert time.monotonic() - began < 20
    assert sent[0] < 4096
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024  # kilobytes


def test_what_says_that_it_is_too_large_is_not_read(idle: Live) -> None:
    host, _, port = idle.url.removeprefix("http://").partition(":")
    head = (
        f"POST /api/v1/jobs HTTP/1.1\r\nHost: {host}\r\nContent-Type: multipart/form-data; boundary=b\r\n"
        f"Content-Length: {'9' * 12}\r\nExpect: 100-continue\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(head.encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_a_connection_that_ends_leaves_nothing(idle: Live, tmp_path: Path) -> None:
    before = left_over(idle)

    def cut() -> Iterator[bytes]:
        yield form(("file", "a.png", PNG + os.urandom(3 * _MIB)), end=False)
        raise ConnectionAbortedError

    with idle.http() as http, pytest.raises(ConnectionAbortedError):
        post(http, cut())
    until(lambda: left_over(idle) == before)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 6 MiB."""
    path = tmp_path / "disk"
    path.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(path)], capture_output=True, text=True, check=False
    ) if shutil.which("mount") else None  # fmt: skip
    if mounted is None or mounted.returncode != 0:
        pytest.skip("a small disk cannot be mounted here")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


def test_a_full_disk_is_told_and_nothing_is_lost(disk: Path, tmp_path: Path) -> None:
    small = Path(draw(tmp_path, "calm", 8)).read_bytes()
    with live(disk / "service", run_jobs=False, min_free_bytes=0) as made, made.http() as http:
        first = http.post("/api/v1/jobs", files={"file": ("a.png", small)})
        assert first.status_code == 201
        answer = http.post("/api/v1/jobs", files={"file": ("b.png", PNG + os.urandom(8 * _MIB))})
        assert (answer.status_code, answer.json()["type"]) == (507, "urn:zhenwei:problem:disk-full")
        assert len(left_over(made)) == 1
        filler = disk / "filler"
        with filler.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(os.urandom(4096))
            except OSError:
                pass
        answer = http.post("/api/v1/jobs", files={"file": ("c.png", small + b"0")})
        assert answer.status_code in (503, 507)
        assert answer.json()["fix"].startswith("Nothing was accepted.")
        filler.unlink()
        assert http.post("/api/v1/jobs", files={"file": ("c.png", small + b"0")}).status_code == 201
        assert http.get("/api/v1/counts").json()["queued"] == 2


def test_room_is_kept_free(tmp_path: Path) -> None:
    with live(tmp_path, run_jobs=False, min_free_bytes=1 << 60) as made, made.http() as http:
        answer = http.post("/api/v1/jobs", files={"file": ("a.png", PNG)})
        assert (answer.status_code, answer.json()["type"]) == (507, "urn:zhenwei:problem:disk-full")
        assert http.get("/readyz").status_code == 507


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path, disk: Path) -> None:
    with live(tmp_path / "s", run_jobs=False) as made, made.http() as http:
        made.app.state.service.folder.incoming.rmdir()
        answer = http.post("/api/v1/jobs", files={"file": ("a.png", PNG)})
        assert (answer.status_code, answer.json()["type"]) == (503, "urn:zhenwei:problem:cannot-write")
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with pytest.raises(OutputError, match="cannot be used") as refused:
        serve(read_settings(folder=disk / "service", port=0))
    assert "--folder" in refused.value.fix


def test_links_in_an_upload_are_bytes_like_others(idle: Live) -> None:
    """A form carries no links, and archives are refused: nothing is unpacked, no path inside a file is followed."""
    with idle.http() as http:
        playlist = http.post("/api/v1/jobs", files={"file": ("a.mp4", b"ffconcat version 1.0\nfile /etc/passwd")})
        assert playlist.status_code == 415
        photo = http.post("/api/v1/jobs", files={"file": ("a.html", (MEDIA / "astronaut.jpg").read_bytes())})
        assert photo.json()["format"] == "jpeg"
