"""What a lesson is: how one training prepares data, learns, and puts what was learned into the store.

The file ``training/<family>/<file>.py`` teaches the detector ``<family>.<file>``; its last line is ``lesson = ...``.
Another package declares its own by an entry point of the group ``zhenwei.lessons`` whose name is the detector's id.
``zhenwei train`` knows nothing else of a detector: options come from the recipe, and what a lesson does not accept is
refused before anything is done.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, Literal, Protocol, TypeVar

import torch

from zhenwei import models
from zhenwei.models import ModelEntry
from zhenwei.trainer.distributed import ALONE, World
from zhenwei.training.recipe import RecipeSection, read_recipe

Accepted = Literal["resume", "stop_after", "start", "minutes", "cache", "variants", "processes"]
"""What only some lessons can do: go on, stop early, begin with weights, fit a schedule to the time there is, decode all
pictures once, write smaller variants, run in several processes."""
Way = Literal["dry_run", "make_pack", "mean", "leave_out", "thresholds"]
"""What may be asked for instead of learning."""

R = TypeVar("R", bound=RecipeSection)
D = TypeVar("D")
L = TypeVar("L")


class TellStage(Protocol):
    """Says that a share of a stage is done."""

    def __call__(self, stage: str, share: float, note: str = "", /) -> None: ...


def _nobody(*_: object) -> None:
    """Where nobody watches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LessonRun:
    """What was asked for, and whom to tell. ``scratch``: a folder that is deleted afterwards. ``way``: what to do
    instead of learning. ``began``: of ``time.monotonic``. ``stack`` closes what a lesson opens when the run ends."""

    data: Path
    output: Path
    scratch: Path
    detector: str = ""
    device: torch.device = torch.device("cpu")  # noqa: RUF009  # immutable
    world: World = ALONE
    workers: int = 1
    resume: bool = False
    stop_after: int | None = None
    start: tuple[Path, ...] = ()
    minutes: float = 0
    cache: bool = False
    variants: bool = False
    store: Path = models.STORE
    way: Way | None = None
    target: Path | None = None
    max_mb: float = 60
    began: float = field(default_factory=time.monotonic)
    tell: TellStage = _nobody
    say: Callable[[str], None] = _nobody
    show: Callable[[str], None] = _nobody  # a table in Markdown
    stack: ExitStack = field(default_factory=ExitStack)

    def bar(self, stage: str, *, of: int = 1, part: int = 0) -> Callable[[float], None]:
        """To be told the share of ``stage`` that is done; of the ``part`` of ``of`` equal ones."""
        return lambda share: self.tell(stage, (part + share) / of)


def figures_line(figures: Mapping[str, float], spec: str = ".3f", *, between: str = "  ") -> str:
    """``people 0.912  sources 0.877``, each as ``spec`` formats it."""
    return between.join(f"{name} {value:{spec}}" for name, value in figures.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson(Generic[R, D, L]):
    """How the detectors ``serves`` are trained, all at once.

    ``recipe``: every choice that fixes the weights, with its default; ``packaged``: the name of a recipe that comes
    with the package and is taken where none is given. ``needs``: what must lie in the data folder. ``prepare`` reads
    it. ``learn`` writes what it learned into ``run.output`` and returns it, or None where it stopped before the end.
    ``install`` measures it on what was held out and puts it into ``run.store``, if asked to, and with ``at_once``
    always. ``accepts`` and ``ways``: see :data:`Accepted` and :data:`Way`; a way may learn, too, and return it.
    """

    serves: tuple[str, ...]
    recipe: type[R]
    needs: str
    prepare: Callable[[R, LessonRun], D]
    learn: Callable[[R, D, LessonRun], L | None]
    install: Callable[[R, D, L, LessonRun], Sequence[ModelEntry]]
    packaged: str = ""
    accepts: frozenset[Accepted] = frozenset()
    ways: Mapping[Way, Callable[[R, D, LessonRun], L | None]] = field(default_factory=dict)
    at_once: bool = False

    def read(self, name: str = "", options: Mapping[str, str] | None = None) -> R:
        """The recipe of that name or file, else the lesson's own, with ``options`` (``"optimiser.steps": "100"``).

        Raises :class:`UsageError` for what it cannot be.
        """
        return read_recipe(self.recipe, name or self.packaged, options or {}, detectors=self.serves)

    def run(self, recipe: R, run: LessonRun, *, install: bool) -> Sequence[ModelEntry]:
        """From data to weights; the rows of what was installed."""
        data = self.prepare(recipe, run)
        learned = (self.ways[run.way] if run.way else self.learn)(recipe, data, run)
        if learned is None or not run.world.leads or not (install or self.at_once):
            return ()
        return self.install(recipe, data, learned, run)
