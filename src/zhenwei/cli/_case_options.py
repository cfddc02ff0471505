"""What the commands of ``zhenwei case`` share: options, opening the store, finding a file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zhenwei.errors import UsageError

if TYPE_CHECKING:
    from zhenwei.store.cases import CaseContent, Cases

StoreOption = Annotated[
    str,
    typer.Option("--store", envvar="ZHENWEI_STORE", help="The file, or postgresql://USER@HOST/NAME.", metavar="DB"),
]
FolderOption = Annotated[
    Path | None, typer.Option("--folder", help="For copies and pages; else DB.kept.", metavar="DIR")
]
Actor = Annotated[
    str, typer.Option("--actor", envvar="ZHENWEI_ACTOR", help="Who does this; it stands in the log.", metavar="NAME")
]
MOST = 2**63 - 1  # what a database counts to
CaseNumber = Annotated[
    int, typer.Argument(help="The number of the case.", metavar="CASE", max=MOST, show_default=False)
]
_SHORTEST = 8  # digits of a digest


@contextmanager
def opened(store: str, actor: str = "local", *, create: bool = False, write: bool = True) -> Iterator[Cases]:
    """``write``: False for what reads alone, which goes where nothing can be written, too."""
    from zhenwei.store import open_store
    from zhenwei.store.cases import Cases

    if not 0 < len(actor) <= 64:
        raise UsageError("this is no name to stand in the log", got=f"{len(actor)} characters", want="1 to 64")
    if any("\ud800" <= character <= "\udfff" for character in actor):
        raise UsageError("this is no name to stand in the log", got=ascii(actor), want="a text in UTF-8")
    with open_store(store, create=create, write=write) as found:
        yield Cases(found, actor=actor)


def find_file(case: CaseContent, wanted: str) -> str:
    """The digest of the file of the case that is called so, has a digest that begins so, or lies at that path."""
    from zhenwei.media.sources import identify

    digests = {file.sha256 for file in case.files}
    found = {file.sha256 for file in case.files if file.name == wanted}
    if len(wanted) >= _SHORTEST:
        found |= {sha256 for sha256 in digests if sha256.startswith(wanted.lower())}
    if not found and Path(wanted).is_file():
        found = {identify(wanted)[0]} & digests
    if len(found) != 1:
        got = f"{wanted}: {len(found)} files"
        fix = f"See what is in it: zhenwei case show {case.line.id}"
        raise UsageError("it is not clear which file of the case is meant", got=got, want="one", fix=fix)
    return found.pop()


def plain(text: str, *, lines: bool = False) -> str:
    """Without what steers a terminal; in several ``lines`` where it is."""
    from zhenwei.pages import legible

    return "\n".join([legible(line, 100_000) for line in text.splitlines()]) if lines else legible(text, 4000)
