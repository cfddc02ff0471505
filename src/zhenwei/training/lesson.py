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
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Generic, Literal, Protocol, TypeVar

import torch

from zhenwei import models
from zhenwei.errors import UsageError
from zhenwei.models import ModelEntry
from zhenwei.trainer.distributed import ALONE, World
from zhenwei.training.recipe import RecipeSection, read_recipe
from zhenwei.training.resuming import kept_recipe, refuse_changed

Accepted = Literal["resume", "stop_after", "start", "minutes", "cache", "variants", "processes"]
"""What only some lessons can do: go on, stop early, begin with weights, fit a schedule to the time there is, decode all
pictures once, write smaller variants, run in several processes."""
Way = Literal["dry_run", "make_pack", "mean", "leave_out", "thresholds"]
"""What may be asked for instead of learning."""

OWN_STORE = "store"
"""Where in the output folder a lesson that measures ``at_once`` puts its weights while nothing is to be installed."""
HOLDS_RUN = ("last.pt", "best.pt", "log.csv")
"""What is not overwritten: a folder that holds one of these holds a run."""

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
    ``install`` measures it on what was held out and puts it into ``run.store``, if asked to; with ``at_once`` it
    measures without being asked, too, and ``run.store`` is then a folder of the output. ``accepts`` and ``ways``: see
    :data:`Accepted` and :data:`Way`; a way may learn, too, and return it. ``checkpoints``: what ``--resume`` goes on
    from, as patterns in the output folder; none: it is not looked for. ``settled``: fields of the recipe that say what
    is held out, which a run that goes on keeps as its ``recipe.json`` has them.
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
    checkpoints: tuple[str, ...] = ()
    settled: tuple[str, ...] = ()

    def read(self, name: str = "", options: Mapping[str, str] | None = None) -> R:
        """The recipe of that name or file, else the lesson's own, with ``options`` (``"optimiser.steps": "100"``).

        Raises :class:`UsageError` for what it cannot be.
        """
        return read_recipe(self.recipe, name or self.packaged, options or {}, detectors=self.serves)

    def run(self, recipe: R, run: LessonRun, *, install: bool) -> Sequence[ModelEntry]:
        """From data to weights; the rows of what was installed: none, unless ``install``."""
        if run.resume and self.settled and not run.minutes:  # for which the recipe stays as it was
            refuse_changed(self.settled, kept_recipe(run.output, recipe), recipe)
        data = self.prepare(recipe, run)
        learned = (self.ways[run.way] if run.way else self.learn)(recipe, data, run)
        if learned is None or not run.world.leads:
            return ()
        if install:
            return self.install(recipe, data, learned, run)
        if self.at_once:
            self.install(recipe, data, learned, replace(run, store=run.output / OWN_STORE))
        self._tell_left(run)
        return ()

    def _tell_left(self, run: LessonRun) -> None:
        """What lies in the output folder, and how it gets into the store."""
        names = sorted(path.name for path in run.output.iterdir() if not path.name.startswith("."))
        if names:
            run.say(f"What was learned lies in {run.output}: {', '.join(names)}")
        else:
            run.say(f"The lesson left nothing in {run.output}")
        if run.way is None and self.can_resume(run.output):
            run.say("Nothing was installed; the same command with --resume --install puts it into the model store.")
        elif holds_run(run.output):
            run.say("Nothing was installed; --install and another --output put the like into the model store.")
        else:
            run.say("Nothing was installed; the same command with --install puts it into the model store.")

    def can_resume(self, output: Path) -> bool:
        """Whether ``output`` holds what ``--resume`` could go on from."""
        return "resume" in self.accepts and any(any(output.glob(pattern)) for pattern in self.checkpoints)


def holds_run(output: Path) -> bool:
    """Whether ``output`` holds a run that another one would overwrite or be mixed up with."""
    return any((output / name).exists() for name in HOLDS_RUN)


def no_checkpoint(output: Path) -> UsageError:
    """Beginning anew instead would overwrite what is there, and is not what was asked for."""
    fix = "Choose another folder, without --resume." if holds_run(output) else "Check --output, or leave --resume out."
    return UsageError(
        "there is no checkpoint to go on from", got=str(output), want="the output folder of a run", fix=fix
    )
