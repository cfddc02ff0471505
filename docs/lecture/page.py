"""What an experiment of the lecture gives back, and how it is written as a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Profile = Literal["cpu", "gpu"]
SEED = 20261126


@dataclass(frozen=True, slots=True)
class Bench:
    """What an experiment works with. ``out``: folder for its pictures; ``data``: the shared data, if they are here.
    ``is_judged_only``: what is told and not judged may be left out, and its pictures."""

    profile: Profile
    out: Path
    data: Path | None
    seed: int = SEED
    is_judged_only: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """One measured figure beside what was wanted of it. ``ok`` None: told, not judged."""

    name: str
    value: float
    want: str
    ok: bool | None


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture in ``Bench.out``, without its folder, and what it shows."""

    file: str
    caption: str


@dataclass(frozen=True, slots=True)
class Page:
    """``lecture``: where the lecture speaks of it. ``equation``: plain text, shown as code. ``body``: Markdown.
    ``protocol``: data, n, seed, steps, sizes: what somebody needs who wants the same figures."""

    title: str
    lecture: str
    equation: str
    body: str
    checks: tuple[Check, ...]
    figures: tuple[Figure, ...] = ()
    protocol: Mapping[str, str] = field(default_factory=dict)
    clips: tuple[Figure, ...] = ()


def to_markdown(page: Page, name: str, profile: Profile, seconds: float) -> str:
    parts = [f"# {page.title}", page.lecture, f"```text\n{page.equation.strip()}\n```", page.body.strip()]
    parts += [f"![{figure.caption}](img/{figure.file})\n\n*{figure.caption}*" for figure in page.figures]
    parts += [f"[A clip: {clip.caption}](img/{clip.file})" for clip in page.clips]
    rows = [f"| {_cell(c.name)} | {c.value:.4g} | {_cell(c.want)} | {_mark(c.ok)} |" for c in page.checks]
    parts.append("\n".join(["## Measured", "", "| figure | measured | wanted | |", "|---|---|---|---|", *rows]))
    told = [f"- {key}: {value}" for key, value in page.protocol.items()]
    parts.append("\n".join(["## Protocol", "", *told, f"- profile: {profile}, {seconds:.0f} s"]))
    parts.append(f"Written by `scripts/lecture {name}`; do not edit. [All pages](README.md)")
    return "\n\n".join(parts) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _mark(ok: bool | None) -> str:
    return "told" if ok is None else "reached" if ok else "**not reached**"
