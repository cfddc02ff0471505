"""The output folder of ``zhenwei evaluate``: what another evaluation left there is set aside, never overwritten."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from zhenwei.cli.language import current
from zhenwei.errors import DataError, MissingExtraError, OutputError
from zhenwei.evaluation import results
from zhenwei.evaluation.results import Results
from zhenwei.evaluation.results_page import to_html
from zhenwei.files import write_whole
from zhenwei.report import Hold

NAME, PAGE = "results.json", "results.html"


class ResultsFolder:
    """Of one process at a time. ``notes``: what happened to that which was there, and why there is no page."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._hold = Hold(folder)
        self._journals = set(folder.glob("journal-*.jsonl"))
        self._notes: list[str] = []
        self.journal = folder / "journal.jsonl"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._hold.release()

    @property
    def notes(self) -> list[str]:
        others = sorted(set(self._folder.glob("journal-*.jsonl")) - self._journals)
        told = [f"{path.name} is of another evaluation, which goes on when it is started again." for path in others]
        return told + self._notes

    def save(self, found: Results) -> list[Path]:
        """The files that were written: a page, if what draws its curves is installed, and the figures."""
        page, figures = self._folder / PAGE, self._folder / NAME
        try:
            self._set_aside(found)
            results.save(found, figures)
            return [page, figures] if self._draw(found, page) else [figures]
        except (OSError, DataError) as error:
            why = error.got if isinstance(error, DataError) else error.strerror
            got = f"{self._folder}: {why}"
            fix = "Free some space and start the same command again: the answers are in the journal."
            raise OutputError("the results cannot be written", got=got, fix=fix) from error

    def _draw(self, found: Results, page: Path) -> bool:
        try:
            write_whole(page, to_html(found, current()))
        except MissingExtraError as error:
            self._notes.append(f"no page with curves: {error}")
            return False
        return True

    def _set_aside(self, found: Results) -> None:
        """Unless what is there is ``found`` once more."""
        if not (self._folder / NAME).exists() or _same(self._folder / NAME, found):
            return
        number = 1
        while list(self._folder.glob(f"results-{number}.*")):
            number += 1
        for path in (self._folder / NAME, self._folder / PAGE):
            if path.exists():
                path.rename(path.with_stem(f"results-{number}"))
        self._notes.append(f"the results of another evaluation that were there are results-{number}.json now.")


def _same(path: Path, found: Results) -> bool:
    try:
        return results.load(path).model_copy(update={"created": found.created}) == found
    except DataError:
        return False
