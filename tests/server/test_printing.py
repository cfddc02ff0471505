"""Reports as PDF over the wire: printed by a real browser, one at a time, and what is told where none is there."""

from __future__ import annotations

import stat
import threading
import time
from pathlib import Path

import pytest
from tests.server.conftest import MEDIA, Live, live
from tests.waiting import until

from zhenwei.errors import MissingExtraError, OutputError, ServiceError
from zhenwei.report.printing import find_browser, printed, sheets
from zhenwei.server.printing import Printer
from zhenwei.server.problems import ProblemError

printable = pytest.mark.skipif(not find_browser(), reason="no Chromium, Chrome or Edge on this machine")


def examined(service: Live) -> str:
    with service.client() as client:
        job = client.wait(client.submit(MEDIA / "astronaut.jpg", depth="fast", name="Ünï 真.jpg"))
    assert job.state == "done"
    return job.id


@pytest.mark.heavy
@printable
def test_a_report_is_printed(service: Live) -> None:
    id_ = examined(service)
    with service.client() as client:
        pdf = client.pdf(id_)
    assert pdf.startswith(b"%PDF")
    assert 2 < sheets(pdf) < 15  # the answer, and the annex behind it
    with service.http() as http:
        path = f"/api/v1/jobs/{id_}/report"
        accepted = http.get(path, headers={"Accept": "application/pdf, */*;q=0.5"}, params={"language": "zh"})
        assert accepted.headers["content-type"] == "application/pdf"
        assert (
            accepted.headers["content-disposition"] == "attachment; filename*=UTF-8''%C3%9Cn%C3%AF%20%E7%9C%9F.jpg.pdf"
        )
        assert accepted.content.startswith(b"%PDF")
        assert http.get(path).headers["content-type"] == "application/json"
        assert http.get(path, headers={"Accept": "text/html,*/*"}).headers["content-type"] == "application/json"
        page = http.get(path, params={"format": "html"})
        assert page.text.startswith("<!DOCTYPE html>")
        assert "sandbox" in page.headers["content-security-policy"]
        assert http.get(path, params={"format": "docx"}).status_code == 422
        shown = http.get(f"/examinations/{id_}")
        assert f'href="/examinations/{id_}/report.pdf"' in shown.text
        taken = http.get(f"/examinations/{id_}/report.pdf")
        assert (taken.headers["content-type"], taken.content[:4]) == ("application/pdf", b"%PDF")


def test_a_service_without_a_printer_says_so(service: Live, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    id_ = examined(service)
    monkeypatch.setattr("zhenwei.report.printing.BROWSERS", ())
    monkeypatch.setitem(__import__("sys").modules, "weasyprint", None)
    with pytest.raises(MissingExtraError):
        printed("<p>")
    with service.http() as http:
        refused = http.get(f"/api/v1/jobs/{id_}/report", params={"format": "pdf"})
        assert refused.status_code == 501
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["type"] == "urn:zhenwei:problem:no-printer"
        assert "Chromium" in refused.json()["fix"]
        asked = {"Accept": "text/html", "Accept-Language": "zh"}
        page = http.get(f"/examinations/{id_}/report.pdf", headers=asked)
        assert page.status_code == 501
        assert "Chromium" in page.text
        assert "PDF" in page.text


def program(folder: Path, *lines: str) -> Path:
    """A browser that does what its lines say."""
    made = folder / "browser"
    made.write_text("\n".join(["#!/bin/sh", *lines]), encoding="utf-8")
    made.chmod(made.stat().st_mode | stat.S_IXUSR)
    return made


@pytest.mark.skipif(not Path("/bin/sh").exists(), reason="a shell is needed")
def test_what_never_ends_is_ended_with_its_children(tmp_path: Path) -> None:
    hangs = program(tmp_path, f"sleep 600 & echo $! > {tmp_path / 'child'}", "wait")
    began = time.monotonic()
    with pytest.raises(OutputError, match="printed nothing"):
        printed("<p>", hangs, seconds=1)
    assert time.monotonic() - began < 60
    child = Path("/proc") / (tmp_path / "child").read_text().strip()
    until(lambda: not child.exists() or "Z" in (child / "stat").read_text().rpartition(")")[2][:3])


@pytest.mark.skipif(not Path("/bin/sh").exists(), reason="a shell is needed")
def test_one_is_printed_at_a_time_and_few_wait(tmp_path: Path) -> None:
    counted = tmp_path / "counted"
    slow = program(
        tmp_path,
        f"echo + >> {counted}",
        "sleep 0.3",
        f"echo - >> {counted}",
        'for word; do case "$word" in --print-to-pdf=*) echo %PDF > "${word#--print-to-pdf=}";; esac; done',
    )
    printer, told = Printer(slow), list[str]()

    def ask() -> None:
        try:
            told.append(printer.pdf("<p>")[:4].decode())
        except ProblemError as problem:
            told.append(f"{problem.status} {problem.kind} {problem.headers['Retry-After']}")

    threads = [threading.Thread(target=ask) for _ in range(7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(told) == ["%PDF"] * 5 + ["503 printer-busy 10"] * 2
    assert counted.read_text().split() == ["+", "-"] * 5


def test_what_fails_is_no_fault_of_the_service(tmp_path: Path) -> None:
    with pytest.raises(ProblemError) as refused:
        Printer(program(tmp_path, "exit 1")).pdf("<p>")
    assert (refused.value.status, refused.value.kind) == (503, "not-printed")
    with pytest.raises(ProblemError) as gone:
        Printer(tmp_path / "nothing").pdf("<p>")
    assert gone.value.status == 501


def test_of_what_is_not_over_or_failed_there_is_none(idle: Live, calm: Path) -> None:
    with idle.client() as client:
        job = client.submit(calm)
        with pytest.raises(ServiceError) as refused:
            client.pdf(job.id)
        assert (refused.value.status, refused.value.kind) == (409, "not-finished")
        with pytest.raises(ServiceError) as foreign:
            client.pdf("0" * 32)
        assert foreign.value.status == 404


def test_a_printer_that_is_not_there_is_told_at_the_start(tmp_path: Path) -> None:
    from zhenwei.errors import UsageError

    with pytest.raises(UsageError, match="no such browser"), live(tmp_path / "s", printer=tmp_path / "nothing"):
        pass
