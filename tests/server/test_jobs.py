"""A file from its upload to its report, over the wire."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from tests.hazard import draw
from tests.server.conftest import MEDIA, QUICK, Live

from zhenwei.errors import ServiceError
from zhenwei.report import schema


def test_a_photograph_from_upload_to_report(service: Live) -> None:
    seen: list[tuple[str, float]] = []
    with service.client() as client:
        job = client.submit(MEDIA / "astronaut.jpg", depth="fast", name="a folder/Ünï 真.jpg")
        assert (job.state, job.name, job.format) == ("queued", "Ünï 真.jpg", "jpeg")
        done = client.wait(job, tell=lambda news: seen.append((news.state, news.fraction)))
        assert done.state == "done"
        assert done.decision in ("forged", "genuine", "inconclusive")
        assert (done.fraction, done.kind, done.submitted_by) == (1.0, "image", "local")
        assert done.reason
        assert seen[-1] == ("done", 1.0)
        report = client.report(job.id)
        jsonschema.validate(report, schema())
        assert report["file"]["path"] == "Ünï 真.jpg"
        assert report["file"]["sha256"] == done.sha256
        assert job.sha256 not in report["engine"]["command"]
        assert client.report(job.id, language="zh")["language"] == "zh"
        assert "Ünï 真.jpg" in client.page(job.id)
        assert 'lang="zh' in client.page(job.id, language="zh")
        assert client.counts()["done"] >= 1


def test_the_same_bytes_are_examined_once(service: Live, calm: Path) -> None:
    with service.http() as http:
        first = http.post("/api/v1/jobs", files={"file": ("a.png", calm.read_bytes())}, data=QUICK)
        other = http.post("/api/v1/jobs", files={"file": ("b.png", calm.read_bytes())}, data=QUICK)
        assert (first.status_code, other.status_code) == (201, 200)
        assert first.headers["location"] == other.headers["location"] == f"/api/v1/jobs/{first.json()['id']}"
        again = http.post("/api/v1/jobs", files={"file": ("a.png", calm.read_bytes())}, data={**QUICK, "again": "true"})
        asked = http.post(
            "/api/v1/jobs", files={"file": ("a.png", calm.read_bytes())}, data={"detectors": "provenance.labels"}
        )
    ids = {answer.json()["id"] for answer in (first, again, asked)}
    assert len(ids) == 3


def test_an_idempotency_key_stands_for_one_request(idle: Live, calm: Path, tmp_path: Path) -> None:
    other = Path(draw(tmp_path, "calm", 77))
    with idle.client() as client:
        first = client.submit(calm, idempotency_key="k-1", again=True)
        assert client.submit(calm, idempotency_key="k-1", again=True).id == first.id
        with pytest.raises(ServiceError) as refused:
            client.submit(other, idempotency_key="k-1")
        assert (refused.value.status, refused.value.kind) == (409, "key-used")
        assert refused.value.fix
        client.delete(first.id)
        assert client.submit(other, idempotency_key="k-1").id != first.id


@pytest.mark.parametrize("key", ["", "two words", "ä", "a\tb", "x" * 201])
def test_an_idempotency_key_is_a_word(idle: Live, calm: Path, key: str) -> None:
    with idle.http() as http:
        for path in ("/api/v1/jobs", "/api/v1/batches"):
            headers = httpx.Headers([(b"Idempotency-Key", key.encode("latin-1"))])
            answer = http.post(path, files={"file": ("a.png", calm.read_bytes())}, headers=headers)
            assert (answer.status_code, answer.json()["status"]) == (422, 422)


def test_an_idempotency_key_of_a_known_file_is_kept(idle: Live, calm: Path, tmp_path: Path) -> None:
    other = Path(draw(tmp_path, "calm", 78))
    with idle.client() as client:
        first = client.submit(calm)
        assert client.submit(calm, idempotency_key="known").id == first.id
        with pytest.raises(ServiceError) as refused:
            client.submit(other, idempotency_key="known")
        assert (refused.value.status, refused.value.kind) == (409, "key-used")
        client.cancel(first.id)
        assert client.submit(calm, idempotency_key="known").id == first.id


def test_a_batch_with_an_idempotency_key_loses_no_file(idle: Live, tmp_path: Path) -> None:
    drawn = [Path(draw(tmp_path, "calm", 300 + number)).read_bytes() for number in range(3)]

    def hand_in(*contents: bytes) -> list[dict[str, Any]]:
        files = [("file", (f"{number}.png", content)) for number, content in enumerate(contents)]
        answer = http.post("/api/v1/batches", files=files, data={"again": "true"}, headers={"Idempotency-Key": "batch"})
        found: list[dict[str, Any]] = answer.json()["items"]
        return found

    with idle.http() as http:
        first = hand_in(*drawn)
        assert [item["is_new"] for item in first] == [True] * 3
        assert len({item["job"]["id"] for item in first}) == 3
        again = hand_in(*drawn)
        assert [item["job"]["id"] for item in again] == [item["job"]["id"] for item in first]
        assert [item["is_new"] for item in again] == [False] * 3
        assert hand_in(drawn[1])[0]["problem"]["status"] == 409


def test_one_file_of_a_batch_costs_itself_alone(service: Live, calm: Path, tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("no picture")
    with service.client() as client:
        found = client.submit_many([calm, text, calm], detectors=["provenance.labels"])
        assert [item.job is not None for item in found] == [True, False, True]
        assert [item.is_new for item in found] == [True, False, False]
        assert found[1].error is not None
        assert (found[1].error.status, found[1].error.kind) == (415, "not-media")


def test_what_cannot_be_examined_says_why(service: Live, calm: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.png"
    damaged.write_bytes(calm.read_bytes()[:60])
    with service.client() as client:
        job = client.wait(client.submit(damaged, detectors=["provenance.labels"]))
        assert (job.state, job.decision) == ("failed", None)
        assert job.error is not None
        assert "damaged.png" in job.error["message"]
        assert job.id not in job.error["message"]
        report = client.report(job.id)
        jsonschema.validate(report, schema())
        assert report["error"]["kind"] == job.error["kind"]
        with pytest.raises(ServiceError) as refused:
            client.page(job.id)
        assert refused.value.status == 409


def test_a_crash_costs_its_file_and_may_be_tried_again(service: Live, tmp_path: Path) -> None:
    crash = draw(tmp_path, "crash")
    with service.client() as client:
        job = client.wait(client.submit(crash, detectors=QUICK["detectors"].split()))
        assert job.error is not None
        assert job.error["kind"] == "WorkerDiedError"
        assert client.submit(crash, detectors=QUICK["detectors"].split()).id != job.id


def test_one_of_a_batch_that_cannot_be_read_costs_itself_alone(service: Live, calm: Path, tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere.jpg"
    with service.client() as client:
        found = client.submit_many(iter([nowhere, calm, nowhere]), detectors=["provenance.labels"])
    assert [(item.name, item.job is not None) for item in found] == [
        ("nowhere.jpg", False), (calm.name, True), ("nowhere.jpg", False),
    ]  # fmt: skip
    assert all("cannot be read" in str(item.error) for item in found[::2])


def test_waiting_ends_when_its_time_is_up_though_the_service_is_silent(idle: Live, calm: Path) -> None:
    with idle.client() as client:
        job = client.submit(calm, detectors=["provenance.labels"])
        began = time.monotonic()
        with pytest.raises(TimeoutError, match=job.id):
            client.wait(job, timeout_s=0.5)
        assert time.monotonic() - began < 5  # a stream says every 15 s that it is still there


def test_searching_and_paging(idle: Live, tmp_path: Path) -> None:
    with idle.client() as client, idle.http() as http:
        began = datetime.now(UTC)
        jobs = [client.submit(draw(tmp_path, "calm", 100 + n), name=f"holiday {n}%.png") for n in range(5)]
        newest = [job.id for job in reversed(jobs)]
        assert [job.id for job in client.jobs(text="HOLIDAY")] == newest
        assert [job.id for job in client.jobs(text="2%")] == [jobs[2].id]
        assert [job.id for job in client.jobs(text=jobs[1].sha256[:12].upper())] == [jobs[1].id]
        assert [job.id for job in client.jobs(since=began, state=["queued"])] == newest
        assert list(client.jobs(until=began - timedelta(days=1))) == []
        assert list(client.jobs(since=began, decision=["forged"])) == []
        seen: list[str] = []
        after = ""
        while True:
            asked: dict[str, str | int] = {"limit": 2, "after": after, "q": "holiday"}
            page = http.get("/api/v1/jobs", params=asked).json()
            seen += [job["id"] for job in page["jobs"]]
            after = page["next"]
            if not after:
                break
        assert seen == newest
        assert http.get("/api/v1/jobs", params={"after": "0" * 32}).status_code == 422
        page = http.get("/api/v1/jobs", params={"limit": 2, "q": "holiday"}).json()
        client.delete(page["jobs"][-1]["id"])
        rest = http.get("/api/v1/jobs", params={"limit": 50, "q": "holiday", "after": page["next"]}).json()["jobs"]
        assert [job["id"] for job in rest] == newest[2:]
        assert http.get("/history", params={"text": "holiday", "after": page["next"]}).status_code == 200
        assert http.get("/api/v1/jobs", params={"limit": 0}).status_code == 422


def test_comparing_two(service: Live, calm: Path, tmp_path: Path) -> None:
    other = draw(tmp_path, "calm", 5)
    with service.client() as client:
        jobs = [client.wait(client.submit(file, detectors=QUICK["detectors"].split())) for file in (calm, other)]
        found = client.compare(jobs[0].id, jobs[1].id)
        assert (found["same_bytes"], found["same_engine"]) == (False, True)
        assert {pair["detector"] for pair in found["evidence"]} == set(QUICK["detectors"].split())
        assert "sha256" in {fact["name"] for fact in found["facts"]}
        assert client.compare(jobs[0].id, jobs[0].id)["facts"] == []
        damaged = tmp_path / "damaged.png"
        damaged.write_bytes(calm.read_bytes()[:60])
        failed = client.wait(client.submit(damaged))
        assert failed.state == "failed"
        beside = client.compare(jobs[0].id, failed.id)
        assert {pair["second_llr"] for pair in beside["evidence"]} == {None}
    with service.http() as http:
        page = http.get("/compare", params={"a": jobs[0].id, "b": failed.id}, headers={"Accept-Language": "zh"})
        assert page.status_code == 200
        assert "大小（字节）" in page.text
        assert "size_bytes" not in page.text


def test_what_another_version_kept_is_told_as_gone(service: Live, tmp_path: Path) -> None:
    from sqlalchemy import update

    from zhenwei.store.tables import ReportRow

    with service.client() as client:
        job = client.wait(client.submit(draw(tmp_path, "calm", 6), detectors=["provenance.labels"]))
        with service.app.state.service.store.writing() as session:
            number = service.app.state.service.jobs.get("local", job.id).examination_id
            earlier = {"document": json.dumps(client.report(job.id) | {"people": 3})}
            session.execute(update(ReportRow).filter_by(examination_id=number).values(**earlier))
        with pytest.raises(ServiceError) as gone:
            client.compare(job.id, job.id)
        assert (gone.value.status, gone.value.kind) == (410, "erased")
        client.delete(job.id)


def test_cancelling(service: Live, tmp_path: Path) -> None:
    endless = draw(tmp_path, "endless")
    with service.client() as client:
        job = client.submit(endless, detectors=QUICK["detectors"].split())
        seen: list[str] = []
        waiting = client.submit(draw(tmp_path, "calm", 9), detectors=QUICK["detectors"].split())
        assert client.cancel(job.id).state == "cancelled"
        assert client.cancel(job.id).state == "cancelled"
        assert client.wait(waiting, timeout_s=60, tell=lambda news: seen.append(news.state)).state == "done"
        with pytest.raises(ServiceError) as refused:
            client.report(job.id)
        assert refused.value.kind == "cancelled"


def test_what_is_deleted_is_gone(service: Live, calm: Path) -> None:
    folder = service.app.state.service.folder
    with service.client() as client, service.http() as http:
        job = client.wait(client.submit(calm, detectors=QUICK["detectors"].split()))
        other = client.submit(calm, detectors=QUICK["detectors"].split(), again=True)
        client.wait(other)
        assert folder.medium(job.sha256).is_file()
        client.delete(job.id)
        assert folder.medium(job.sha256).is_file()  # the other job has it
        assert client.report(other.id)["file"]["sha256"] == job.sha256
        client.delete(other.id)
        assert not folder.medium(job.sha256).exists()
        assert http.get(f"/api/v1/jobs/{job.id}").status_code == 404
        assert http.delete(f"/api/v1/jobs/{job.id}").status_code == 404
        with service.app.state.service.store.reading() as session:
            from zhenwei.store.tables import File

            assert session.query(File).filter_by(sha256=job.sha256).count() == 0


def test_a_deletion_can_be_undone_for_a_while(service: Live, calm: Path) -> None:
    inner, gate = service.app.state.service, service.app.state.gate
    caller = gate.caller(None)
    with service.client() as client:
        job = client.wait(client.submit(calm, detectors=QUICK["detectors"].split()))
        inner.delete(caller, job.id, undo=True)
        with pytest.raises(ServiceError):
            client.job(job.id)
        assert inner.restore(caller, job.id).state == "done"
        assert client.report(job.id)


def test_events_end_with_the_examination(service: Live, calm: Path) -> None:
    with service.http() as http:
        job = http.post("/api/v1/jobs", files={"file": ("a.png", calm.read_bytes())}, data=QUICK).json()
        with http.stream("GET", job["links"]["events"]) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            lines = [line for line in answer.iter_lines() if line]
    names = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
    assert names[-1] == "done"
    assert set(names[:-1]) <= {"progress"}
    assert json.loads(lines[-1].removeprefix("data: "))["id"] == job["id"]


def test_the_bytes_come_back_and_are_never_shown(service: Live, calm: Path, tmp_path: Path) -> None:
    with service.client() as client, service.http() as http:
        job = client.submit(calm, name='a".svg\r\nX: y.html', detectors=["provenance.labels"])
        client.save_media(job.id, tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == calm.read_bytes()
        headers = http.get(f"/api/v1/jobs/{job.id}/media").headers
        assert headers["content-type"] == "application/octet-stream"
        assert headers["content-disposition"].startswith("attachment;")
        assert "x" not in headers
        part = http.get(f"/api/v1/jobs/{job.id}/media", headers={"Range": "bytes=0-7"})
        assert (part.status_code, part.content) == (206, calm.read_bytes()[:8])


def test_parts_of_the_bytes_are_those_that_are_asked_for(idle: Live, calm: Path) -> None:
    content = calm.read_bytes()
    size = len(content)
    with idle.client() as client, idle.http() as http:
        path = f"/api/v1/jobs/{client.submit(calm).id}/media"
        whole = http.get(path)
        for asked in ("bytes", "bytes=", "bytes=a-b", "bytes=5-2", "lines=0-1", "bytes=0-1,x", "bytes=-", "-" * 5000):
            answer = http.get(path, headers={"Range": asked})
            assert (answer.status_code, answer.content) == (200, content), asked
        for asked in (f"bytes={size}-", "bytes=-0", f"bytes={'9' * 1000}-", f"bytes={size}-{size + 1}, {size + 5}-"):
            answer = http.get(path, headers={"Range": asked})
            assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{size}")
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["status"] == 416
        for asked, expected in (
            ("bytes=-3", content[-3:]),
            (f"bytes=2-{'9' * 1000}", content[2:]),
            (f"bytes={size}-, 1-2", content[1:3]),
        ):
            answer = http.get(path, headers={"Range": asked})
            assert (answer.status_code, answer.content) == (206, expected)
        two = http.get(path, headers={"Range": "bytes=0-1,5-6"})
        assert (two.status_code, two.headers["content-type"].partition(";")[0]) == (206, "multipart/byteranges")
        tag = whole.headers["etag"]
        for known in (tag, f'"x", W/{tag}', "*"):
            answer = http.get(path, headers={"If-None-Match": known, "Range": "bytes=0-1"})
            assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
        assert http.get(path, headers={"If-None-Match": '"x"'}).content == content
        stale = http.get(path, headers={"If-Range": '"x"', "Range": f"bytes={size}-"})
        assert (stale.status_code, stale.content) == (200, content)
        told = http.get("/api/v1/openapi.json").json()["paths"]["/api/v1/jobs/{id}/media"]["get"]["responses"]
        assert {"200", "206", "304", "416"} <= told.keys()


def test_figures_name_no_file(service: Live, calm: Path) -> None:
    with service.client() as client, service.http() as http:
        client.wait(client.submit(calm, name="secret name.png", detectors=QUICK["detectors"].split()))
        shown = http.get("/metrics").text
    for name in ("zhenwei_jobs", "zhenwei_verdicts_total", "zhenwei_queue_seconds_count", "zhenwei_request_seconds"):
        assert name in shown
    assert 'route="/api/v1/jobs/{id}"' in shown
    assert "secret" not in shown
    assert "calm" not in shown
