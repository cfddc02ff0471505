"""Media and pages are kept under their digests as long as they are wanted, and what is erased is gone."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed: pip install 'zhenwei[store]'")

from sqlalchemy import update
from tests.store.test_store import OURS, report

from zhenwei.errors import DataError, NotFoundError, OutputError, UsageError
from zhenwei.report.page import to_html
from zhenwei.store import Cases, Kept, Store, open_store
from zhenwei.store.case_tables import KeptMedia
from zhenwei.store.erasure import Erasure
from zhenwei.store.folder import Folder, GoneError
from zhenwei.store.kept import Wish, folder_of, parse_wish
from zhenwei.store.where import Condition
from zhenwei.types import Evidence, ImageExhibit, Media, Report

PHRASE = "a phrase that stands nowhere else 7Qx"


@pytest.fixture
def store(where: str) -> Iterator[Store]:
    with open_store(where) as opened:
        yield opened


def kept(store: Store, tmp_path: Path, media: Wish = "always", tenant: str = "local") -> Kept:
    return Kept(store, Folder(tmp_path / "kept"), media, tenant=tenant)


def drawn(path: Path, seed: int = 1) -> Report:
    """A report with a picture in it, on a file that is there."""
    path.write_bytes(np.random.default_rng(seed).bytes(5000))
    pixels = np.random.default_rng(seed).integers(0, 255, (8, 8, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    evidence = Evidence("cnn.a", llr=2.5, finding=PHRASE, exhibits=(ImageExhibit("A map", pixels),))
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    whole = report(1)
    media = Media(str(path), sha256, "image", 5000, "png")
    return Report(media, whole.verdict, (evidence,), (), whole.engine)


def keep(kept: Kept, outcome: Report) -> int:
    media = outcome.media
    with kept.beside(media.path, media.sha256, outcome) as also:
        return kept.store.record(media.path, media.sha256, 5000, outcome, OURS, seconds=1.0, also=also)


def lying(folder: Path) -> list[str]:
    return sorted([path.name for path in folder.rglob("*") if path.is_file()])


def test_a_page_from_the_store_is_the_page_of_the_scan(store: Store, tmp_path: Path) -> None:
    outcome = drawn(tmp_path / "a.png")
    own = kept(store, tmp_path)
    number = keep(own, outcome)
    for language in ("en", "zh"):
        scanned, rendered = to_html(outcome, language), own.page(number, language)
        assert scanned.count("data:image/jpeg") == rendered.count("data:image/jpeg") > 0
        assert PHRASE in rendered
        assert len(scanned.split("data:image")[0]) == len(rendered.split("data:image")[0])
    with pytest.raises(NotFoundError, match="no page"):
        own.page(99)


def test_the_page_of_a_further_examination_takes_the_place_of_the_earlier_one(store: Store, tmp_path: Path) -> None:
    outcome = drawn(tmp_path / "a.png")
    own = kept(store, tmp_path, "never")
    number = keep(own, outcome)
    before = lying(tmp_path / "kept")
    assert keep(own, replace(outcome, evidence=(replace(outcome.evidence[0], finding="Another."),))) == number
    assert len(lying(tmp_path / "kept")) == 1
    assert lying(tmp_path / "kept") != before
    assert "Another." in own.page(number)


def test_an_examination_without_a_page_leaves_none_of_an_earlier_answer(store: Store, tmp_path: Path) -> None:
    outcome = drawn(tmp_path / "a.png")
    number = keep(kept(store, tmp_path, "never"), outcome)
    own = replace(kept(store, tmp_path, "never"), pages=False)
    assert keep(own, outcome) == number
    with pytest.raises(NotFoundError, match="no page"):
        own.page(number)
    assert lying(tmp_path / "kept") == []


def test_media_are_kept_under_their_digest_however_they_are_called(store: Store, tmp_path: Path) -> None:
    outcome = drawn(tmp_path / "a.png")
    own, sha256 = kept(store, tmp_path), outcome.media.sha256
    keep(own, outcome)
    (tmp_path / "a.png").unlink()
    assert own.media_path(sha256) == tmp_path / "kept" / sha256[:2] / sha256
    assert own.folder.read(sha256)
    with pytest.raises(UsageError, match="sha256"):
        own.folder.where("../../etc/passwd")
    own.folder.where(sha256).write_bytes(b"changed")
    with pytest.raises(DataError, match="was changed"):
        own.folder.read(sha256)
    own.folder.remove(sha256)
    with pytest.raises(GoneError, match="--folder names another") as gone:
        own.folder.read(sha256)
    assert gone.value.got == str(own.folder.where(sha256))


def test_nothing_is_kept_where_nobody_wants_it_or_the_file_is_another_by_now(store: Store, tmp_path: Path) -> None:
    outcome = drawn(tmp_path / "a.png")
    keep(Kept(store, Folder(tmp_path / "kept"), "never", pages=False), outcome)
    assert lying(tmp_path / "kept") == []
    (tmp_path / "a.png").write_bytes(b"other bytes")
    own = kept(store, tmp_path)
    assert not own.keep_media(outcome.media.path, outcome.media.sha256)
    assert own.media_path(outcome.media.sha256) is None
    assert lying(tmp_path / "kept") == []


def test_media_go_when_their_time_is_over_but_not_those_of_another_tenant(store: Store, tmp_path: Path) -> None:
    outcome = drawn(tmp_path / "a.png")
    past = datetime.now(UTC) - timedelta(seconds=1)
    own, theirs = kept(store, tmp_path, past), kept(store, tmp_path, "always", "them")
    keep(own, outcome)
    keep(theirs, outcome)
    assert own.drop_expired() == (1, ())
    (tmp_path / "a.png").unlink()
    assert own.media_path(outcome.media.sha256) is None
    assert theirs.media_path(outcome.media.sha256) is not None
    assert (own.has_media(outcome.media.sha256), theirs.has_media(outcome.media.sha256)) == (False, True)
    keep_again = kept(store, tmp_path, past, "them")
    assert keep_again.drop_expired() == (0, ())  # for ever stays for ever


@pytest.mark.parametrize(("text", "found"), [("never", "never"), ("always", "always"), ("until 2130-01-31", 31)])
def test_wishes(text: str, found: object) -> None:
    wish = parse_wish(text)
    assert (wish.day if isinstance(wish, datetime) else wish) == found
    with pytest.raises(UsageError):
        parse_wish(f"perhaps {text}")


def test_nothing_is_kept_until_a_time_that_is_over() -> None:
    today = datetime.now(UTC).date()
    assert isinstance(parse_wish(f"until {today}"), datetime)  # its end is to come
    for text in ("until 2020-01-01", "2020-01-01T12:00+08:00"):
        with pytest.raises(UsageError, match="over"):
            parse_wish(text)


def test_a_folder_that_cannot_be_written_is_told_and_what_was_left_half_is_swept(store: Store, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("a file")
    outcome = drawn(tmp_path / "a.png")
    with pytest.raises((OutputError, DataError)):
        keep(kept(store, tmp_path), outcome)
    assert list(store.results()) == []
    (tmp_path / "kept").unlink()
    own = kept(store, tmp_path)
    keep(own, outcome)
    before = lying(tmp_path / "kept")
    half = tmp_path / "kept" / ".0.part"
    orphan = own.folder.where("0" * 64)
    orphan.parent.mkdir(exist_ok=True)  # one in 256 kept files has a name that begins the same
    for path in (half, orphan):
        path.write_bytes(b"x")
    os.utime(half, (0, 0))
    own.sweep()
    assert lying(tmp_path / "kept") == before


def test_a_store_without_a_folder_says_so(store: Store) -> None:
    if store.engine.dialect.name == "sqlite":
        assert folder_of(store).path == Path(f"{store.where}.kept")
    else:
        with pytest.raises(UsageError, match="--folder"):
            folder_of(store)


EAST = timezone(timedelta(hours=8))


def test_times_of_other_zones_are_the_same_moments(store: Store, tmp_path: Path) -> None:
    outcome = drawn(tmp_path / "a.png")
    later = datetime.now(timezone(timedelta(hours=-5))) + timedelta(hours=1)
    own = kept(store, tmp_path, later)
    keep(own, outcome)
    assert own.drop_expired() == (0, ())
    for zone in (EAST, timezone(timedelta(hours=-5))):
        hour_ago = datetime.now(zone) - timedelta(hours=1)
        assert Erasure(own, "ada").before(hour_ago) == ()
        for compare, count in ((">=", 1), ("<", 0)):
            condition = Condition.parse(f"examined_at{compare}{hour_ago.isoformat()}")
            assert len(list(store.results([condition]))) == count
    assert Erasure(own, "ada").before(datetime.now(EAST) + timedelta(seconds=1)) == (outcome.media.sha256,)
    with pytest.raises(UsageError):
        Condition.parse("examined_at>=0001-01-01T00:00+08:00")


def test_what_was_met_since_is_not_old(store: Store, tmp_path: Path) -> None:
    outcome = drawn(tmp_path / "a.png")
    own = kept(store, tmp_path)
    keep(own, outcome)
    moment = datetime.now(UTC)
    store.place(outcome.media.path, outcome.media.sha256, 5000)
    assert Erasure(own, "ada").before(moment) == ()
    assert Erasure(own, "ada").before(datetime.now(UTC)) == (outcome.media.sha256,)


def test_what_was_to_be_erased_and_lies_elsewhere_is_named(store: Store, tmp_path: Path) -> None:
    outcome = drawn(tmp_path / "a.png")
    own, sha256 = kept(store, tmp_path), outcome.media.sha256
    keep(own, outcome)
    other = Erasure(replace(own, folder=Folder(tmp_path / "other")), "ada")
    other.file(sha256)
    assert sorted(other.missing) == lying(tmp_path / "kept")
    own.sweep()
    assert lying(tmp_path / "kept") == []


def test_a_name_without_a_folder_is_looked_for_beside_the_store_too(tmp_path: Path) -> None:
    outcome = drawn(tmp_path / "a.png")
    with open_store(str(tmp_path / "results.db")) as store:
        store.record("a.png", outcome.media.sha256, 5000, outcome, OURS, seconds=1.0)
        assert kept(store, tmp_path).media_path(outcome.media.sha256) == tmp_path / "a.png"


def remains(store: Store, tmp_path: Path, *words: bytes) -> list[bytes]:
    """Those of ``words`` that stand in any file of the store."""
    found = []
    for path in tmp_path.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            found += [word for word in words if word in data]
    if store.engine.dialect.name == "postgresql":
        with store.engine.connect() as connection:
            for table in ("file", "place", "examination", "report", "note", "case", "page", "kept_media", "log_entry"):
                rows = connection.exec_driver_sql(f'SELECT t::text FROM "{table}" t').scalars()  # noqa: S608
                whole = "".join(rows).encode()
                found += [word for word in words if word in whole]
    return found


def test_what_is_erased_is_gone_and_the_log_keeps_the_digest(store: Store, tmp_path: Path) -> None:
    outcome = drawn(tmp_path / "secretly-named.png")
    own, sha256 = kept(store, tmp_path), outcome.media.sha256
    keep(own, outcome)
    (tmp_path / "secretly-named.png").unlink()
    cases = Cases(store, actor="ada")
    made = cases.create("A title 8Rz")
    cases.add_file(made.id, sha256, name="secretly-named.png")
    cases.note(made.id, "A note 9Kw", sha256=sha256)
    words = (PHRASE.encode(), b"secretly-named", b"A note 9Kw")
    assert set(remains(store, tmp_path, *words)) == set(words)
    erasure = Erasure(own, "bob")
    assert erasure.file(sha256) == (sha256,)
    erasure.compact()
    assert remains(store, tmp_path, *words) == []
    assert lying(tmp_path / "kept") == []
    assert cases.get(made.id).files == ()
    assert cases.get(made.id).notes == ()
    last = cases.log(made.id)[-1]
    assert (last.action, last.actor, last.subject) == ("file-erased", "bob", sha256)
    assert cases.store_log()[-1].subject == sha256
    assert erasure.case(made.id) == ()
    erasure.compact()
    assert remains(store, tmp_path, b"A title 8Rz") == []
    assert [entry.action for entry in cases.store_log()] == ["case-opened", "file-erased", "case-erased"]
    assert cases.verify_log() == ""
    with pytest.raises(NotFoundError):
        erasure.file(sha256)


def test_what_another_tenant_or_case_stands_on_stays(store: Store, tmp_path: Path) -> None:
    first, second = drawn(tmp_path / "a.png", 1), drawn(tmp_path / "b.png", 2)
    own = kept(store, tmp_path)
    for outcome in (first, second):
        keep(own, outcome)
    keep(kept(store, tmp_path, tenant="them"), first)
    ours = Cases(store)
    one, other = ours.create("one"), ours.create("other")
    for sha256 in (first.media.sha256, second.media.sha256):
        ours.add_file(one.id, sha256)
    ours.add_file(other.id, second.media.sha256)
    erasure = Erasure(own, "ada")
    assert erasure.case(one.id, files=True) == (first.media.sha256,)
    assert {found.path for found in store.results()} == {first.media.path, second.media.path}
    assert erasure.file(first.media.sha256)
    assert own.folder.read(first.media.sha256)  # theirs
    assert [file.decision for file in ours.get(other.id).files] == ["forged"]


def test_by_age_and_by_examination(store: Store, tmp_path: Path) -> None:
    first, second = drawn(tmp_path / "a.png", 1), drawn(tmp_path / "b.png", 2)
    own = kept(store, tmp_path)
    numbers = [keep(own, outcome) for outcome in (first, second)]
    cases = Cases(store)
    made = cases.create("one")
    cases.add_file(made.id, second.media.sha256)
    erasure = Erasure(own, "ada")
    assert erasure.before(datetime.now(UTC) - timedelta(hours=1)) == ()
    assert erasure.before(datetime.now(UTC)) == (first.media.sha256,)
    erasure.examination(numbers[1])
    assert [(file.decision, file.examination_id) for file in cases.get(made.id).files] == [("", None)]
    assert lying(tmp_path / "kept") == [second.media.sha256]
    assert erasure.before(datetime.now(UTC), in_cases=True) == (second.media.sha256,)
    assert lying(tmp_path / "kept") == []
    assert list(store.results()) == []


def test_a_copy_that_two_keep_is_not_missed_when_both_times_are_over(store: Store, tmp_path: Path) -> None:
    outcome = drawn(tmp_path / "a.png")
    for tenant in ("local", "anna"):
        keep(kept(store, tmp_path, datetime.now(UTC) + timedelta(days=1), tenant), outcome)
    with store.writing() as session:
        session.execute(update(KeptMedia).values(until=datetime.now(UTC) - timedelta(days=1)))
    own = kept(store, tmp_path)
    assert own.drop_expired() == (2, ())
    assert not own.folder.where(outcome.media.sha256).exists()
