"""``zhenwei doctor``: is everything here that an examination needs?"""

from __future__ import annotations

import importlib
import json
import platform
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from importlib import metadata
from typing import TYPE_CHECKING

import typer
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from zhenwei.cli import _self_tests
from zhenwei.cli._options import TableFormat, TableOption
from zhenwei.cli._self_tests import SelfTest
from zhenwei.cli.language import say, told
from zhenwei.errors import FaultError, ZhenweiError, install_extra, install_package, reinstall_package
from zhenwei.faults import contained

if TYPE_CHECKING:
    from rich.table import Table

SCHEMA = "zhenwei.doctor/1"
_DEVELOPMENT = ("dev", "test")


@dataclass(frozen=True, slots=True)
class Check:
    """``group``: "python", "library", "model", "plug-in", "extra" or "self-test". ``needed``: nothing is examined
    without it."""

    group: str
    name: str
    ok: bool
    found: str
    needed: bool = True
    fix: str = ""


def doctor(
    format_: TableOption = TableFormat.table,
) -> None:
    """Check versions, models and extras, and say what to install.

    Every library is held against the versions that this package was tested with, and every model file is hashed anew.
    A photo, a clip and a sound that come with the package are decoded, a model is run, and a small picture is examined
    from end to end. No ffmpeg program is needed. Exit status: 0 all that is needed works, 1 something is broken.

    Examples:

      zhenwei doctor

      zhenwei doctor --format json
    """
    groups = {"python": _python, "library": _libraries, "model": _models, "extra": _extras, "self-test": _trials}
    checks: list[Check] = []
    for group, made in groups.items():
        checks += _held(group, made)
    healthy = all(check.ok or not check.needed for check in checks)
    if format_ is TableFormat.json:
        entries = [asdict(check) for check in checks]
        typer.echo(json.dumps({"schema": SCHEMA, "ok": healthy, "checks": entries}, ensure_ascii=False, indent=2))
    else:
        _show(checks, healthy)
    raise typer.Exit(0 if healthy else 1)


def _held(group: str, made: Callable[[], Iterable[Check]]) -> list[Check]:
    """What ``made`` gives, and a check that failed in the place of what stopped it: the next group is still told."""
    try:
        return contained(lambda: list(made()))
    except (ZhenweiError, OSError) as error:
        return [Check(group, "these checks", False, _said(error), fix=_cure())]


def _python() -> Iterator[Check]:
    wanted = metadata.metadata("zhenwei")["Requires-Python"] or ""
    found = platform.python_version()
    system = f"{platform.system()} {platform.machine()}"
    fits = SpecifierSet(wanted).contains(found, prereleases=True)
    yield Check("python", "Python", fits, f"{found} on {system}", fix=f"Use Python {wanted}.")
    yield Check("python", "zhenwei", True, metadata.version("zhenwei"))


def _requirements() -> Iterator[tuple[str, SpecifierSet, str]]:
    """Name, wanted versions and extra ("" = always) of everything that the package says it builds on, here."""
    for line in metadata.requires("zhenwei") or []:
        wanted = Requirement(line)
        extras = re.findall(r"""extra\s*==\s*['"]([\w\-]+)['"]""", str(wanted.marker or ""))
        if wanted.name == "zhenwei" or (wanted.marker and not wanted.marker.evaluate({"extra": "".join(extras[:1])})):
            continue
        yield wanted.name, wanted.specifier, extras[0] if extras else ""


def _libraries() -> Iterator[Check]:
    for name, wanted, extra in _requirements():
        if not extra:
            yield _library(name, wanted)


def _library(name: str, wanted: SpecifierSet) -> Check:
    """Installed, in the range, and loadable: a package whose system libraries are missing is there but useless."""
    install = f"Run: {install_package(f'{name}{wanted}')}"
    try:
        found = metadata.version(name)
        for module in _modules(name):
            contained(partial(importlib.import_module, module))
    except metadata.PackageNotFoundError:
        return Check("library", name, False, "not installed", fix=install)
    except (ZhenweiError, OSError) as error:
        return Check("library", name, False, f"does not load: {_said(error)}", fix=_cure(name))
    if not wanted.contains(found, prereleases=True):
        return Check("library", name, False, f"{found}, want {wanted}", fix=install)
    return Check("library", name, True, found)


def _modules(name: str) -> list[str]:
    """What ``name`` is imported as: the modules that it installed, or the one that is called as it is."""
    plain = re.sub(r"[-_.]+", "_", name).lower()
    found = set()
    for path in metadata.files(name) or ():
        if len(path.parts) == 1 and path.suffix == ".py":
            found.add(path.stem)
        elif len(path.parts) == 2 and path.name == "__init__.py":
            found.add(path.parts[0])
    return [plain] if plain in found or not found else sorted(m for m in found if not m.startswith("_"))


def _models() -> Iterator[Check]:
    from zhenwei import models

    try:
        entries = models.manifest()
    except ZhenweiError as error:
        yield Check("model", "manifest", False, error.what, fix=error.fix)
        return
    for entry in entries:
        try:
            yield Check("model", entry.id, True, f"sha256 {models.verify(entry.id)}")
        except ZhenweiError as error:
            yield Check("model", entry.id, False, f"{error.what}: {error.got}", fix=error.fix)
    yield from _absent({entry.id for entry in entries})


def _absent(known: set[str]) -> Iterator[Check]:
    """Models that a detector runs and the store does not have: each of these detectors could only fail."""
    from zhenwei.detectors import catalogue

    found = catalogue(strict=False)
    for lost in found.left_out:
        yield Check("plug-in", lost.id, False, lost.error.got, needed=False, fix=lost.error.fix)
    for id_, clash in found.clashes.items():
        yield Check("plug-in", id_, False, clash.got, fix=clash.fix)
    for id_, kind in found.items():
        if id_ in found.packages:
            continue  # it was left out unless its own store, or this one, has what it runs
        for model in sorted(set(kind.info.models) - known):
            fix = f"Run: {reinstall_package()}"
            yield Check("model", model, False, f"not in the store; {id_} needs it", fix=fix)


def _extras() -> Iterator[Check]:
    extras: dict[str, list[str]] = {}
    for name, _, extra in _requirements():
        if extra and extra not in _DEVELOPMENT:
            extras.setdefault(extra, []).append(name)
    for extra, names in extras.items():
        missing = [name for name in names if not _installed(name)]
        found = f"missing {', '.join(missing)}" if missing else "installed"
        fix = f"Run: {install_extra(extra)}" if missing else ""
        yield Check("extra", extra, not missing, found, needed=False, fix=fix)


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _trials() -> Iterator[Check]:
    yield from map(_tried, _self_tests.TESTS)


def _tried(test: SelfTest) -> Check:
    began = time.perf_counter()
    try:
        found = contained(test.work)
    except (ZhenweiError, OSError) as error:
        return Check("self-test", test.name, False, _said(error), fix=_cure(*test.libraries))
    return Check("self-test", test.name, True, f"{found}, {time.perf_counter() - began:.1f} s")


def _said(error: ZhenweiError | OSError) -> str:
    """What went wrong, without the advice that is meant for somebody's file, and with the library's own words."""
    if isinstance(error, FaultError):
        return error.got
    if not isinstance(error, ZhenweiError):
        return str(error)
    own = "" if error.__cause__ is None else str(error.__cause__)
    return ": ".join(dict.fromkeys(filter(None, (error.what, error.got, own))))


def _cure(*libraries: str) -> str:
    """The command that installs ``libraries`` anew, in the range that works; without any, what else can be done."""
    wanted = {name: f"{name}{versions}" for name, versions, extra in _requirements() if not extra}
    if not libraries:
        return f"Mend what is marked above; if nothing is, run: {reinstall_package()}"
    return f"Run: {install_package('--force-reinstall', *(wanted.get(name, name) for name in libraries))}"


def _show(checks: list[Check], healthy: bool) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    console.print(_table(checks))
    if healthy:
        console.print(Text(say("All that is needed to examine files is here. No ffmpeg program is needed."), "green"))
    else:
        console.print(Text(say("Something that is needed is broken: see the lines marked × above."), "bold red"))
    sys.stdout.flush()


def _table(checks: list[Check]) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, header_style="dim")
    for title in ("", "What", "Name", "Found"):
        shown.add_column(told(title), overflow="fold")
    for check in checks:
        sign, style = ("✓", "green") if check.ok else ("×", "bold red") if check.needed else ("–", "yellow")
        found = Text(f"{check.found[:23]}…" if check.group == "model" and check.ok else told(check.found))
        if check.fix and not check.ok:
            found.append(f"\n{told(check.fix)}", "bold")
        shown.add_row(Text(sign, style), Text(told(check.group), "dim"), Text(told(check.name)), found)
    return shown
