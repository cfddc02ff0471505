"""Jobs and their queue: nothing accepted is lost, nothing is examined by two, whoever ends at whatever moment."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed: pip install 'zhenwei[store]'")

from sqlalchemy import delete, update

from zhenwei.errors import UsageError
from zhenwei.store import Store, open_store
from zhenwei.store.access import Access
from zhenwei.store.addresses import CrowdedError
from zhenwei.store.callbacks import Callbacks
from zhenwei.store.job_tables import JobRow
from zhenwei.store.jobs import Jobs, NewJob, Wanted, now, plain_name
from zhenwei.store.queue import Queue

DONE = {"decision": "genuine", "llr": -2.0, "kind": "image", "seconds": 0.1}


def new(number: int, tenant: str = "ours", **others: object) -> NewJob:
    made = NewJob(tenant, "anna", f"{number}.png", f"{number:064x}", 7, "png", {}, "f" * 64, f"{tenant}{number}")
    return replace(made, **others)  # type: ignore[arg-type]


def lapse(store: Store) -> None:
    """Time goes by, and nobody was heard of."""
    with store.writing() as session:
        session.execute(update(JobRow).values(lease_until=now() - timedelta(seconds=1)))


def test_an_equal_request_is_the_same_job_but_not_of_another_tenant(where: str) -> None:
    with open_store(where) as store:
        jobs = Jobs(store)
        first = jobs.add(new(1))
        assert first.is_new
        assert jobs.add(new(1, name="other.png")).job.id == first.job.id
        assert not jobs.add(new(1)).is_new
        assert jobs.add(new(1, "theirs")).is_new
        assert jobs.add(new(1, same=None)).is_new
        assert jobs.get("theirs", first.job.id) is None
        assert jobs.cancel("theirs", first.job.id) is None
        assert not jobs.hide("theirs", first.job.id)
        assert [job.tenant for job in jobs.search("theirs")[0]] == ["theirs"]


def test_a_key_of_a_request_stands_for_one_file(where: str) -> None:
    with open_store(where) as store:
        jobs = Jobs(store)
        first = jobs.add(new(1, same=None, idempotency="k"))
        assert jobs.add(new(1, same=None, idempotency="k")).job.id == first.job.id
        with pytest.raises(UsageError, match="another request"):
            jobs.add(new(2, idempotency="k"))
        assert jobs.add(new(2, "theirs", idempotency="k")).is_new


def test_a_key_of_a_request_whose_file_was_known_is_kept(where: str) -> None:
    with open_store(where) as store:
        jobs, queue = Jobs(store), Queue(Jobs(store), "one")
        first = jobs.add(new(1, idempotency="first"))
        for _ in range(2):
            known = jobs.add(new(1, idempotency="second", options={"depth": "fast"}))
            assert (known.job.id, known.is_new) == (first.job.id, False)
        with pytest.raises(UsageError, match="another request"):
            jobs.add(new(2, idempotency="second"))
        assert jobs.add(new(1, "theirs", idempotency="second")).is_new
        jobs.cancel("ours", first.job.id)
        assert jobs.add(new(1, idempotency="second", options={"depth": "fast"})).job.id == first.job.id
        assert jobs.add(new(1)).job.id != first.job.id  # one that was cancelled is examined anew
        assert queue.take(9)
        jobs.hide("ours", first.job.id)
        assert jobs.add(new(2, idempotency="second")).is_new


def test_everybody_who_hands_in_a_file_is_called(where: str) -> None:
    urls = [f"https://example.org/{number}" for number in range(4)]
    with open_store(where) as store:
        jobs, callbacks, queue = Jobs(store), Callbacks(Jobs(store)), Queue(Jobs(store), "one")
        job = jobs.add(new(1, idempotency="k")).job
        jobs.add(new(1, callback_url=urls[0]))  # while it waits
        (taken,) = queue.take()
        jobs.add(new(1, callback_url=urls[1]))  # while it is examined
        jobs.add(new(1, callback_url=urls[1]))
        assert callbacks.take() == []
        queue.finish(taken.id, DONE, again=False)
        (call,) = callbacks.take()
        assert call.job.to_call == urls[:2]
        callbacks.heard(call, urls[0])
        jobs.add(new(1, callback_url=urls[2]))  # while the others are called, which it does not disturb
        assert callbacks.take() == []
        callbacks.heard(call, urls[1])
        callbacks.close(call, urls[:2])
        (call,) = callbacks.take()
        assert (call.job.to_call, call.tries) == (urls[2:3], 2)
        callbacks.heard(call, urls[2])
        callbacks.close(call, urls[2:3])
        assert callbacks.take() == []
        for _ in range(2):  # the same request twice is called once
            jobs.add(new(1, idempotency="k", callback_url=urls[3]))
            for call in callbacks.take():
                assert call.job.to_call == urls[3:]
                jobs.called(job.id, urls[3:])
        assert callbacks.take() == []
        jobs.add(new(1, callback_url=urls[0]))  # another request is called though this address has been
        (call,) = callbacks.take()
        assert call.job.to_call == urls[:1]


def test_an_address_that_joins_one_that_is_given_up_is_not_lost(where: str) -> None:
    dead, other = "https://example.org/dead", "https://example.org/other"
    with open_store(where) as store:
        jobs, callbacks, queue = Jobs(store), Callbacks(Jobs(store)), Queue(Jobs(store), "one")
        job = jobs.add(new(1, callback_url=dead)).job
        queue.take()
        queue.finish(job.id, DONE, again=False)
        with store.writing() as session:
            session.execute(update(JobRow).values(callback_tries=9))
        (call,) = callbacks.take()
        assert call.tries == 10
        jobs.add(new(1, callback_url=other))
        callbacks.close(call, [dead])
        with store.writing() as session:
            session.execute(update(JobRow).values(callback_at=now()))
        (call,) = callbacks.take()
        assert call.job.to_call == [dead, other]
        assert call.tries < 10


def test_addresses_of_a_job_have_a_limit(where: str) -> None:
    with open_store(where) as store:
        jobs = Jobs(store)
        for number in range(100):
            jobs.add(new(1, callback_url=f"https://example.org/{number}"))
        with pytest.raises(CrowdedError):
            jobs.add(new(1, callback_url="https://example.org/100"))


def test_what_placing_refuses_leaves_no_job(where: str) -> None:
    def full() -> None:
        raise OSError(28, "No space left on device")

    with open_store(where) as store:
        with pytest.raises(OSError, match="No space"):
            Jobs(store).add(new(1), placed=full)
        assert Jobs(store).counts()["queued"] == 0


def test_many_take_from_one_queue_and_nothing_twice(where: str) -> None:
    taken: list[str] = []

    def work(number: int) -> None:
        with open_store(where) as store:
            queue = Queue(Jobs(store), f"owner {number}")
            while found := queue.take(2):
                for job in found:
                    assert queue.finish(job.id, DONE, again=False)
                    taken.append(job.id)

    with open_store(where) as store:
        ids = [Jobs(store).add(new(number)).job.id for number in range(40)]
        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert Counter(taken) == Counter(ids)
        assert Jobs(store).counts()["done"] == 40


def test_many_hand_in_the_same_file_at_once(where: str) -> None:
    seen: list[tuple[str, bool]] = []

    def hand_in() -> None:
        with open_store(where) as store:
            added = Jobs(store).add(new(1))
            seen.append((added.job.id, added.is_new))

    with open_store(where):
        threads = [threading.Thread(target=hand_in) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert len(seen) == 8
    assert len({id_ for id_, _ in seen}) == 1
    assert sum([is_new for _, is_new in seen]) == 1


def test_a_key_stands_for_one_file_whoever_is_first(where: str) -> None:
    seen: list[str] = []

    def hand_in(number: int) -> None:
        with open_store(where) as store:
            try:
                seen.append(Jobs(store).add(new(number, idempotency="k")).job.sha256)
            except UsageError:
                seen.append("refused")

    with open_store(where) as store:
        Jobs(store).add(new(0))  # the one is known, the other new
        threads = [threading.Thread(target=hand_in, args=(number % 2,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert len(seen) == 8
    assert Counter(seen)["refused"] == 4
    assert len(set(seen)) == 2


def test_what_a_process_had_that_is_gone_is_taken_by_another_and_closed_once(where: str) -> None:
    with open_store(where) as store:
        jobs = Jobs(store)
        jobs.add(new(1))
        one, other = Queue(jobs, "one"), Queue(jobs, "other")
        (job,) = one.take()
        assert other.take() == []
        one.beat({job.id: ("finding faces", 0.5)})
        seen = jobs.get("ours", job.id)
        assert seen is not None
        assert (seen.state, seen.stage, seen.fraction) == ("running", "finding faces", 0.5)
        lapse(store)
        (again,) = other.take()
        assert (again.id, again.tries) == (job.id, 2)
        assert one.kept([job.id]) == set()
        assert not one.finish(job.id, DONE, again=False)
        assert other.finish(job.id, DONE, again=False)
        assert not other.finish(job.id, DONE, again=False)


def test_a_process_that_ends_hands_back_what_it_had(where: str) -> None:
    with open_store(where) as store:
        jobs = Jobs(store)
        jobs.add(new(1))
        one, other = Queue(jobs, "one"), Queue(jobs, "other")
        assert one.take()[0].tries == 1
        assert jobs.counts()["running"] == 1
        assert one.owners() == {"one"}
        assert one.release() == 1
        assert other.take()[0].tries == 1  # it was no try
        assert one.release(["other"]) == 1
        assert one.take()[0].tries == 2  # that one died of something


def test_what_is_cancelled_or_deleted_is_nobodys(where: str) -> None:
    with open_store(where) as store:
        jobs = Jobs(store)
        queue = Queue(jobs, "one")
        first, second = [jobs.add(new(number)).job for number in (1, 2)]
        queue.take(2)
        jobs.cancel("ours", first.id)
        jobs.hide("ours", second.id)
        assert queue.kept([first.id, second.id]) == set()
        assert not queue.finish(first.id, DONE, again=False)
        assert jobs.add(new(1)).is_new  # handed in again, it is examined
        assert jobs.get("ours", second.id) is None
        assert jobs.show("ours", second.id)
        assert jobs.get("ours", second.id) is not None


def test_a_failure_that_may_not_come_again_is_no_answer(where: str) -> None:
    with open_store(where) as store:
        jobs = Jobs(store)
        queue = Queue(jobs, "one")
        for number, again in ((1, True), (2, False)):
            added = jobs.add(new(number))
            queue.take()
            queue.finish(added.job.id, {"error_kind": "TimeLimitError", "error": "over 1 s"}, again=again)
            assert jobs.add(new(number)).is_new == again


def test_a_list_is_searched_and_paged(where: str) -> None:
    with open_store(where) as store:
        jobs = Jobs(store)
        queue = Queue(jobs, "one")
        ids = [jobs.add(new(number)).job.id for number in range(7)]
        for job in queue.take(3):
            queue.finish(job.id, DONE, again=False)
        seen: list[str] = []
        after = ""
        while True:
            found, after = jobs.search("ours", after=after, limit=3)
            seen += [job.id for job in found]
            if not after:
                break
        assert seen == ids[::-1]
        assert [job.id for job in jobs.search("ours", Wanted(decisions=["genuine"]))[0]] == ids[2::-1]
        assert [job.id for job in jobs.search("ours", Wanted(text="3.PN"))[0]] == [ids[3]]
        assert jobs.search("ours", Wanted(text="%"))[0] == []
        for text, count in (("_.png", 0), ("/", 0), (f"{3:064x}", 1), (f"{0:063x}", 7), ("F" * 64, 0), ("f" * 65, 0)):
            assert len(jobs.search("ours", Wanted(text=text))[0]) == count, text
        assert [job.id for job in jobs.search("ours", Wanted(sha256=f"{3:064x}"))[0]] == [ids[3]]
        for nothing in (ids[0], f"{'0' * 32}{'f' * 16}", "x", "0" * 33):
            with pytest.raises(UsageError, match="leads nowhere"):
                jobs.search("theirs", after=nothing)


def test_a_cursor_outlives_its_job(where: str) -> None:
    with open_store(where) as store:
        jobs = Jobs(store)
        ids = [jobs.add(new(number)).job.id for number in range(5)]
        page, after = jobs.search("ours", limit=2)
        with store.writing() as session:
            session.execute(delete(JobRow).where(JobRow.uid == page[-1].id))
        assert [job.id for job in jobs.search("ours", after=after)[0]] == ids[2::-1]
        assert [job.id for job in jobs.search("ours", after=page[0].id)[0]] == ids[2::-1]  # as earlier versions told it
        assert jobs.search("theirs", after=after) == ([], "")


def test_no_name_has_a_nul(where: str) -> None:
    with open_store(where) as store:
        jobs = Jobs(store)
        jobs.add(new(1))
        for text in ("\0", "1\0.png", "1.png\0"):
            assert jobs.search("ours", Wanted(text=text)) == ([], "")


def test_a_call_that_is_not_heard_is_made_again_later_and_in_the_end_given_up(where: str) -> None:
    with open_store(where) as store:
        jobs, callbacks = Jobs(store), Callbacks(Jobs(store))
        job = jobs.add(new(1, callback_url="https://example.org/")).job
        assert callbacks.take() == []
        Queue(jobs, "one").take()
        Queue(jobs, "one").finish(job.id, DONE, again=False)
        for tries in range(1, 11):
            (call,) = callbacks.take()
            assert (call.job.id, call.tries) == (job.id, tries)
            assert callbacks.take() == []
            callbacks.close(call, ["https://example.org/"])
            assert callbacks.take() == []
            with store.writing() as session:
                session.execute(update(JobRow).values(callback_at=now()))
        assert callbacks.take() == []
        seen = jobs.get("ours", job.id)
        assert seen is not None
        assert seen.callback_state == "given up"


def test_keys_are_kept_as_digests_and_open_until_they_expire_or_are_revoked(where: str) -> None:
    with open_store(where) as store:
        access = Access(Jobs(store))
        key, shown = access.add_key("ours", "a", ["read"], expires_at=now() + timedelta(hours=1))
        found = access.key(shown)
        assert found == key
        assert key.is_good(now())
        assert not key.is_good(now() + timedelta(hours=2))
        assert access.key(shown[:-1]) is None
        assert access.key("zw_nobody_x") is None
        assert access.key("") is None
        assert not access.revoke_key(key.id, "theirs")
        assert access.revoke_key(key.id)
        again = access.key(shown)
        assert again is not None
        assert not again.is_good(now())
        with store.reading() as session:
            from sqlalchemy import text

            rows = str(session.execute(text("SELECT * FROM api_key")).all())
        assert shown.rpartition("_")[2] not in rows


def test_a_session_ends_with_its_time_its_person_and_its_logout(where: str) -> None:
    with open_store(where) as store:
        access = Access(Jobs(store))
        anna = access.add_person("ours", "anna", "$argon2id$", ["read"])
        with pytest.raises(UsageError, match="has this name"):
            access.add_person("theirs", "anna", "", [])
        token, csrf = access.begin(anna, 1.0)
        login = access.login(token)
        assert login is not None
        assert (login.person.name, login.csrf) == ("anna", csrf)
        assert access.login(access.begin(anna, -1.0)[0]) is None
        access.end(token)
        assert access.login(token) is None
        token, _ = access.begin(anna, 1.0)
        assert access.revoke_person("anna")
        assert access.login(token) is None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("a.jpg", "a.jpg"),
        ("/etc/passwd", "passwd"),
        ("C:\\photos\\b.png", "b.png"),
        ("..", "upload"),
        ("", "upload"),
        ("真.mp4", "真.mp4"),
        ("a\x1b[31m\n.png", "a�[31m�.png"),
        ("\u202egpj.exe", "�gpj.exe"),
    ],
)
def test_names_are_plain(given: str, expected: str) -> None:
    assert plain_name(given) == expected
    assert len(plain_name(given + "x" * 999)) <= 255
