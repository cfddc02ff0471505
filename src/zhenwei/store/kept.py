"""What is kept beside the rows: media, for as long as a tenant wants them, and packed reports, which pages show."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time
from itertools import islice
from pathlib import Path
from typing import Literal

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from zhenwei.errors import NotFoundError, UsageError
from zhenwei.report import Outcome
from zhenwei.report.packed import pack, unpack
from zhenwei.report.page import to_html
from zhenwei.store.case_tables import LOCAL, KeptMedia, PageRow
from zhenwei.store.folder import Arrival, Folder
from zhenwei.store.store import Store
from zhenwei.store.tables import File, Place
from zhenwei.store.where import moment
from zhenwei.types import DetectorInfo, Language, Report

_AT_ONCE = 500  # digests asked for
Wish = datetime | Literal["never", "always"]


def parse_wish(text: str) -> Wish:
    """``never``, ``always``, or ``until 2027-01-31`` (the end of that day, UTC). UsageError for anything else, and for
    a time that is over."""
    if text == "never":
        return "never"
    if text == "always":
        return "always"
    date = text.removeprefix("until").strip(" :=")
    try:
        until = moment(date)
    except (ValueError, OverflowError):
        want = "never, always, or 'until 2027-01-31'"
        raise UsageError("it is not clear how long media are kept", got=repr(text), want=want) from None
    if len(date) == len("2027-01-31"):
        until = datetime.combine(until.date(), time.max, UTC)
    if until <= datetime.now(UTC):
        raise UsageError("media cannot be kept until a time that is over", got=repr(text), want="a day to come")
    return until


def folder_of(store: Store, given: Path | None = None) -> Folder:
    """The folder of a store: the one that is ``given``, else beside the SQLite file, called as that and ``.kept``."""
    if given is not None:
        return Folder(given)
    if store.engine.dialect.name != "sqlite":
        fix = "Name a folder that all who use the store can reach: --folder DIR"
        raise UsageError("this store has no folder for media and pages", want="a folder", fix=fix)
    return Folder(Path(f"{store.engine.url.database}.kept"))


@dataclass(frozen=True, slots=True)
class Kept:
    """The folder of a store, of which ``tenant`` keeps media. ``media``: how long those of a scan are kept; ``pages``:
    whether what their pages are made from is."""

    store: Store
    folder: Folder
    media: Wish = "never"
    pages: bool = True
    tenant: str = LOCAL

    def keep_media(self, path: str, sha256: str) -> bool:
        """Keep the file at ``path`` as long as ``media`` says; whether it is kept. It is not where it is gone, or has
        other bytes by now. NotFoundError if the store does not know it."""
        if self.media != "never" and self._lies_kept(sha256):
            return True
        with self._arriving(path, sha256) as arrival:
            if arrival is None:
                return False
            with self.store.writing() as session:
                self._keep_media(session, arrival)
            return True

    @contextmanager
    def beside(self, path: str, sha256: str, outcome: Outcome) -> Iterator[Callable[[Session, int], None]]:
        """What ``Store.record`` is to do ``also``: keep the media, and what the page of a report is made from."""
        with ExitStack() as stack:
            media = stack.enter_context(self._arriving(path, sha256))
            page = None
            if self.pages and isinstance(outcome, Report):
                page = stack.enter_context(self.folder.arriving(pack(outcome)))

            def act(session: Session, examination_id: int) -> None:
                if media is not None:
                    self._keep_media(session, media)
                if page is not None:
                    self.keep_page(session, examination_id, page)
                elif isinstance(outcome, Report):
                    self._drop_page(session, examination_id)

            yield act

    def is_to_be_kept(self, sha256: str) -> bool:
        """Whether the store says that this tenant keeps it, wherever the copy is."""
        return self._row(sha256) is not None

    def _row(self, sha256: str) -> KeptMedia | None:
        asked = select(KeptMedia).join(File, File.id == KeptMedia.file_id)
        with self.store.reading() as session:
            return session.scalar(asked.where(KeptMedia.tenant == self.tenant, File.sha256 == sha256))

    def _lies_kept(self, sha256: str) -> bool:
        """Whether it lies there already, for this tenant and as long as ``media`` says."""
        row = self._row(sha256)
        is_enough = row is not None and (
            row.until is None or (isinstance(self.media, datetime) and row.until >= self.media)
        )
        return is_enough and self.folder.where(sha256).is_file()

    @contextmanager
    def _arriving(self, path: str, sha256: str) -> Iterator[Arrival | None]:
        if self.media == "never":
            yield None
            return
        try:
            source = Path(path).open("rb")  # noqa: SIM115 - closed below
        except OSError:
            yield None
            return
        with source, self.folder.arriving(source) as arrival:
            yield arrival if arrival.sha256 == sha256 else None

    def _keep_media(self, session: Session, arrival: Arrival) -> None:
        self._arrived(session, arrival)
        file_id = session.scalar(select(File.id).filter_by(sha256=arrival.sha256))
        if file_id is None:
            raise NotFoundError("the store knows no such file", got=arrival.sha256)
        until = self.media if isinstance(self.media, datetime) else None
        row = session.get(KeptMedia, (self.tenant, file_id))
        if row is None:
            session.add(KeptMedia(tenant=self.tenant, file_id=file_id, kept_at=datetime.now(UTC), until=until))
        else:
            row.until = None if until is None or row.until is None else max(until, row.until)

    def media_path(self, sha256: str) -> Path | None:
        """Where the file lies, if this tenant keeps it and it is there; else a place where it was met and still is."""
        kept, places = self._lying(sha256)
        if kept is not None:
            return kept
        return next((path for path in places if _digest(path) == sha256), None)

    def has_media(self, sha256: str) -> bool:
        """As :meth:`media_path`, without reading it: where the file was met, other bytes may lie by now."""
        kept, places = self._lying(sha256)
        return kept is not None or bool(places)

    def _lying(self, sha256: str) -> tuple[Path | None, list[Path]]:
        """Where it is kept, and the places where it was met at which there is a file."""
        places = select(Place.path).join(File, File.id == Place.file_id).where(File.sha256 == sha256)
        with self.store.reading() as session:
            found = [Path(path) for path in session.scalars(places)]
        if self.store.engine.dialect.name == "sqlite":  # a name without a folder was given where the store is, perhaps
            beside = Path(str(self.store.engine.url.database)).parent
            found += [beside / path for path in found if not path.is_absolute()]
        own = self.folder.where(sha256)
        is_kept = self.is_to_be_kept(sha256) and own.is_file()
        return own if is_kept else None, [path for path in found if _is_file(path)]

    def keep_page(self, session: Session, examination_id: int, arrival: Arrival) -> None:
        """In the transaction that keeps the examination: what its page is made from."""
        self._arrived(session, arrival)
        self._drop_page(session, examination_id, but=arrival.sha256)
        row = PageRow(examination_id=examination_id, sha256=arrival.sha256, size_bytes=arrival.size_bytes)
        session.add(row)

    def _drop_page(self, session: Session, examination_id: int, *, but: str = "") -> None:
        """Away with the page of an earlier answer, and with its bytes unless they are those of ``but``."""
        earlier = session.get(PageRow, examination_id)
        if earlier is not None:
            replaced = earlier.sha256
            session.delete(earlier)
            session.flush()
            if replaced != but:
                self.remove_unneeded(session, replaced)

    def packed(self, examination_id: int) -> bytes:
        """The packed report. NotFoundError where none was kept, GoneError where it is not in the folder."""
        with self.store.reading() as session:
            row = session.get(PageRow, examination_id)
        if row is None:
            fix = "Examine the file again, without --no-pages."
            raise NotFoundError("no page was kept of this examination", got=str(examination_id), fix=fix)
        return self.folder.read(row.sha256)

    def page(
        self, examination_id: int, language: Language = "en", *, detectors: dict[str, DetectorInfo] | None = None
    ) -> str:
        """The page of an examination, as a scan writes it. Raises as :meth:`packed`."""
        return to_html(unpack(self.packed(examination_id)).report, language, detectors=detectors)

    def drop_expired(self) -> tuple[int, tuple[str, ...]]:
        """Away with media that nobody wanted for longer; how many, and the digests of those that did not lie there."""
        asked = select(File.sha256).join(KeptMedia, KeptMedia.file_id == File.id)
        late = KeptMedia.until < datetime.now(UTC)
        with self.store.writing() as session:
            gone = list(session.scalars(asked.where(late)))
            session.execute(delete(KeptMedia).where(late))
            missing = [sha256 for sha256 in dict.fromkeys(gone) if not self.remove_unneeded(session, sha256)]
        return len(gone), tuple(missing)

    def remove_unneeded(self, session: Session, sha256: str) -> bool:
        """Away with the bytes of that digest, unless a row that is left tells of them; False where they were to go, and
        did not lie there."""
        _lock(session, sha256)
        media = select(KeptMedia.file_id).join(File, File.id == KeptMedia.file_id).where(File.sha256 == sha256)
        pages = select(PageRow.examination_id).where(PageRow.sha256 == sha256)
        is_needed = session.scalar(media.limit(1)) is not None or session.scalar(pages.limit(1)) is not None
        return is_needed or self.folder.remove(sha256)

    def sweep(self) -> None:
        """Away with all that no row tells of."""
        self.folder.sweep()
        left = self.folder.digests()
        while some := list(islice(left, _AT_ONCE)):
            self.remove_orphans(some)

    def remove_orphans(self, digests: Sequence[str]) -> int:
        """Away with the bytes of those of ``digests`` of which no row tells; of how many. Nothing is written where
        there are none."""
        media = select(File.sha256).join(KeptMedia, KeptMedia.file_id == File.id).where(File.sha256.in_(digests))
        pages = select(PageRow.sha256).where(PageRow.sha256.in_(digests))
        with self.store.reading() as session:
            orphans = set(digests) - set(session.scalars(media)) - set(session.scalars(pages))
        if orphans:
            with self.store.writing() as session:
                for sha256 in sorted(orphans):
                    self.remove_unneeded(session, sha256)
        return len(orphans)

    def _arrived(self, session: Session, arrival: Arrival) -> None:
        _lock(session, arrival.sha256)
        arrival.stay()


def _lock(session: Session, sha256: str) -> None:
    """Nobody else brings or takes bytes of this digest until the transaction ends. SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(int(sha256[:15], 16))))


def _is_file(path: Path) -> bool:
    """As far as may be seen from here."""
    try:
        return path.is_file()
    except OSError:
        return False


def _digest(path: Path) -> str:
    """ "" where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
