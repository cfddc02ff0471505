"""``zhenwei doctor``: is everything here that an examination needs?"""

from __future__ import annotations

import importlib
import json
import platform
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zhenwei.errors import ZhenweiError, install_extra

if TYPE_CHECKING:
    from rich.table import Table

SCHEMA = "zhenwei.doctor/1"
_MODULES = {
    "c2pa-python": "c2pa",
    "opencv-python-headless": "cv2",
    "pillow": "PIL",
}  # where the module is not called as the package is
_REQUIREMENT = re.compile(r"""([\w.\-]+)(?:\[[^]]*\])?([^;]*)(?:;.*\bextra\s*==\s*['"]([\w\-]+)['"])?""")
_DEVELOPMENT = "dev"


class Format(StrEnum):
    table = "table"
    json = "json"


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
    format_: Annotated[Format, typer.Option("--format", help="What to write to standard output.")] = Format.table,
) -> None:
    """Check versions, models and extras, and say what to install.

    Every model file is hashed anew and a small picture is examined from end to end. Pictures, video and sound are
    decoded by libraries that come with the package: no ffmpeg program is needed. Exit status: 0 all that is needed
    works, 1 something is broken.

    Examples:

      zhenwei doctor

      zhenwei doctor --format json
    """
    checks = [*_python(), *_libraries(), *_models(), *_extras(), _self_test()]
    healthy = all(check.ok for check in checks if check.needed)
    if format_ is Format.json:
        entries = [asdict(check) for check in checks]
        typer.echo(json.dumps({"schema": SCHEMA, "ok": healthy, "checks": entries}, ensure_ascii=False, indent=2))
    else:
        _show(checks, healthy)
    raise typer.Exit(0 if healthy else 1)


def _python() -> Iterator[Check]:
    wanted = metadata.metadata("zhenwei")["Requires-Python"] or ""
    found = platform.python_version()
    system = f"{platform.system()} {platform.machine()}"
    yield Check("python", "Python", _satisfies(found, wanted), f"{found} on {system}", fix=f"Use Python {wanted}.")
    yield Check("python", "zhenwei", True, metadata.version("zhenwei"))


def _requirements() -> Iterator[tuple[str, str, str]]:
    """Name, wanted versions and extra ("" = always) of everything that the package says it builds on."""
    for line in metadata.requires("zhenwei") or []:
        matched = _REQUIREMENT.match(line)
        if matched and matched[1] != "zhenwei":
            yield matched[1], matched[2].strip(), matched[3] or ""


def _libraries() -> Iterator[Check]:
    for name, wanted, extra in _requirements():
        if not extra:
            yield _library(name, wanted)


def _library(name: str, wanted: str) -> Check:
    """Installed, new enough, and loadable: a package whose system libraries are missing is there but useless."""
    install = f'pip install "{name}{wanted}"'
    try:
        found = metadata.version(name)
        importlib.import_module(_MODULES.get(name, name))
    except metadata.PackageNotFoundError:
        return Check("library", name, False, "not installed", fix=install)
    except (ImportError, OSError) as error:
        return Check("library", name, False, f"does not load: {error}", fix=f"pip install --force-reinstall {name}")
    if not _satisfies(found, wanted):
        return Check("library", name, False, f"{found}, want {wanted}", fix=install)
    return Check("library", name, True, found)


def _satisfies(found: str, wanted: str) -> bool:
    """Whether a version meets ``>=`` and ``==`` conditions, which are all that the package states."""
    return all(
        _numbers(found)[: len(_numbers(least))] == _numbers(least) if exact else _numbers(found) >= _numbers(least)
        for exact, least in ((sign == "==", number) for sign, number in re.findall(r"(>=|==)\s*([\d.]+)", wanted))
    )


def _numbers(version: str) -> tuple[int, ...]:
    leading = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in leading[0].split(".")) if leading else ()


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
            fix = "Reinstall: pip install --force-reinstall --no-deps zhenwei"
            yield Check("model", model, False, f"not in the store; {id_} needs it", fix=fix)


def _extras() -> Iterator[Check]:
    extras: dict[str, list[str]] = {}
    for name, _, extra in _requirements():
        if extra and extra != _DEVELOPMENT:
            extras.setdefault(extra, []).append(name)
    for extra, names in extras.items():
        missing = [name for name in names if not _installed(name)]
        found = f"missing {', '.join(missing)}" if missing else "installed"
        fix = install_extra(extra) if missing else ""
        yield Check("extra", extra, not missing, found, needed=False, fix=fix)


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _self_test() -> Check:
    """Examine a picture drawn here, which shows nobody: the only right answer is that nothing can be said."""
    name = "a picture is examined"
    fix = "Repair what is marked above; if nothing is, reinstall: pip install --force-reinstall zhenwei"
    began = time.perf_counter()
    try:
        decision = _examine_drawing()
    except (ZhenweiError, ImportError, OSError) as error:
        return Check("self-test", name, False, str(error), fix=fix)
    took = f"{decision} in {time.perf_counter() - began:.1f} s"
    return Check("self-test", name, decision == "inconclusive", took, fix=fix if decision != "inconclusive" else "")


def _examine_drawing() -> str:
    import numpy as np
    from PIL import Image

    from zhenwei.pipeline import examine

    ramp = np.linspace(0, 255, 320, dtype=np.uint8)
    pixels = np.broadcast_to(ramp[None, :, None], (240, 320, 3))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "ramp.png")
        Image.fromarray(np.ascontiguousarray(pixels)).save(path)
        return examine(path).verdict.decision


def _show(checks: list[Check], healthy: bool) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    console.print(_table(checks))
    if healthy:
        console.print(Text("All that is needed to examine files is here. No ffmpeg program is needed.", "green"))
    else:
        console.print(Text("Something that is needed is broken: see the lines marked × above.", "bold red"))
    sys.stdout.flush()


def _table(checks: list[Check]) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, header_style="dim")
    for title in ("", "What", "Name", "Found"):
        shown.add_column(title, overflow="fold")
    for check in checks:
        sign, style = ("✓", "green") if check.ok else ("×", "bold red") if check.needed else ("–", "yellow")
        found = Text(f"{check.found[:23]}…" if check.group == "model" and check.ok else check.found)
        if check.fix and not check.ok:
            found.append(f"\n{check.fix}", "bold")
        shown.add_row(Text(sign, style), Text(check.group, "dim"), Text(check.name), found)
    return shown
