"""The part of ``zhenwei train`` that needs PyTorch: it runs a lesson, whatever it teaches, and shows how far it is."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
import typer
from pydantic import BaseModel
from rich.console import Console
from rich.markdown import Markdown
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from zhenwei import detectors, models
from zhenwei.cli._tables import show_table
from zhenwei.cli.language import current, say, tell, told
from zhenwei.errors import DataError, OutputError, UsageError, ZhenweiError
from zhenwei.evaluation import held_out
from zhenwei.evaluation.evaluate import FUSED
from zhenwei.evaluation.items import Item
from zhenwei.files import make_folder
from zhenwei.fusion.dependence import PACKAGED as LEARNED
from zhenwei.fusion.dependence import Dependence
from zhenwei.fusion.operating import PACKAGED, OperatingPoints
from zhenwei.models import ModelEntry
from zhenwei.trainer import distributed
from zhenwei.training import catalogue
from zhenwei.training.install import kept_answers, left_out, people, streams, thresholds
from zhenwei.training.install.kept_answers import KeptAnswers
from zhenwei.training.lesson import OWN_STORE, Lesson, LessonRun, Way, holds_run, no_checkpoint
from zhenwei.training.recipe import options_of
from zhenwei.types import Detector
from zhenwei.words import speaking

_QUIET_EVERY_S = 30  # where no bar can be shown, a line now and then
_ANEW = "Measure the thresholds of all detectors together anew: zhenwei train fused --thresholds --install"
_ONLY_SOME = ("resume", "stop_after", "start", "minutes", "cache", "variants")  # options that not every lesson accepts
_NOT_FUSED = (
    "recipe",
    "resume",
    "stop_after",
    "minutes",
    "cache",
    "variants",
    "workers",
    "threads",
    "device",
    "max_mb",
)


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """The command line, as it was given. ``recipe_options``: those of the lesson's recipe, as text."""

    detector: str
    data: Path
    output: Path | None = None
    recipe: str = ""
    recipe_options: Mapping[str, str] = field(default_factory=dict)
    resume: bool = False
    workers: int = 1
    threads: int = 0
    device: str = "auto"
    stop_after: int | None = None
    install: bool = False
    start: tuple[Path, ...] = ()
    minutes: float = 0
    cache: bool = False
    variants: bool = False
    store: Path | None = None
    way: Way | None = None
    limit: int = 0
    make_pack: Path | None = None
    max_mb: float = 60


_USUAL = TrainOptions(FUSED, Path())


def run(options: TrainOptions) -> None:
    """Teaches a detector, or does what was asked for instead."""
    if options.detector == FUSED:
        _refuse_fused(options)
        measure_thresholds(options)
        return
    began = time.monotonic()
    lesson = catalogue.lesson_of(options.detector)
    for claim in catalogue.passed_over(options.detector):
        tell(f"Note: the lesson {claim} is not taken, as zhenwei has one of its own.", err=True)
    what = f"the recipe of {options.detector!r} cannot be made"
    recipe = catalogue.of_plugin(options.detector, lambda: lesson.read(options.recipe, options.recipe_options), what)
    _refuse(lesson, options)
    if options.install:
        _refuse_unfit(recipe, options.detector)
    if options.threads:
        torch.set_num_threads(options.threads)
    with ExitStack() as stack:
        stack.enter_context(speaking(current()))  # the page of its curves
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="zhenwei-train-")))
        output = options.output or scratch
        store, shown = options.store or _store_of(options, output), _Shown()
        _check_output(output, options, lesson)
        device = distributed.own_device(options.device)
        world = stack.enter_context(distributed.joined(device))
        if world.size > 1 and "processes" not in lesson.accepts:
            raise UsageError("this detector is trained in one process", got=str(world.size), want="1")
        shown.console.quiet = not world.leads
        stack.enter_context(shown)
        given = LessonRun(
            detector=options.detector,
            data=options.data,
            output=output,
            scratch=scratch,
            device=device,
            world=world,
            workers=options.workers,
            resume=options.resume,
            stop_after=options.stop_after,
            start=options.start,
            minutes=options.minutes,
            cache=options.cache,
            variants=options.variants,
            store=store,
            way=options.way,
            target=options.make_pack,
            max_mb=options.max_mb,
            began=began,
            tell=shown.tell,
            say=shown.say,
            show=shown.show,
            stack=stack,
        )
        try:
            installed = _taught(lesson, recipe, given, options.install)
        except KeyboardInterrupt:
            _tell_interrupted(lesson, output, options, shown)
            raise
        for row in installed:
            shown.say(f"in the model store: {row.weights}")
            shown.say(_ANEW)


def _refuse(lesson: Lesson[Any, Any, Any], options: TrainOptions) -> None:
    """What this lesson cannot do."""
    accepted = {*lesson.accepts, "start"} if options.way == "thresholds" else lesson.accepts
    if options.start and "start" not in accepted and "thresholds" in lesson.ways:
        raise UsageError("--from is for --thresholds alone", got=options.detector, fix="Leave it out.")
    asked = [name for name in _ONLY_SOME if getattr(options, name) and name not in accepted]
    if options.way is not None and options.way not in lesson.ways:
        asked.append(options.way)
    if asked:
        fix = "Leave it out."
        if asked[0] == "thresholds":
            fix = "Thresholds are of all detectors together: zhenwei train fused --thresholds."
        raise UsageError(f"--{_flag(asked[0])} is not for this detector", got=options.detector, fix=fix)
    if options.resume and options.way is not None:
        got = f"--resume and --{_flag(options.way)}"
        raise UsageError("these do not go together", got=got, want="one of them")
    if options.limit:
        raise UsageError("--limit is for fused with --thresholds alone", got=options.detector, fix="Leave it out.")
    if options.make_pack is None and options.max_mb != _USUAL.max_mb:
        raise UsageError("--max-mb is for --make-pack alone", got=f"{options.max_mb:g}", fix="Leave it out.")
    if options.way == "thresholds" and not options.start:
        want = "--from FOLDER of the training of each of them"
        raise UsageError("there are no runs to measure together", want=want)
    for path in options.start:
        if not path.exists():
            raise UsageError("there are no weights to start from", got=str(path), want="those of another run")


def _refuse_unfit(recipe: BaseModel, detector: str) -> None:
    """A network that looks at other faces than the detector cuts could be installed, and would never be right."""
    contract = getattr(getattr(_class_of(detector), "info", None), "contract", None)
    for name in ("size_px", "margin"):
        chosen, cut = getattr(recipe, name, None), getattr(contract, name, None)
        if chosen is not None and cut is not None and chosen != cut:
            fix = "Leave --install and --store out to train it all the same."
            got = f"--{_flag(name).replace('_', '-')} {chosen:g}"
            raise UsageError("the detector cuts faces in another way than these", got=got, want=f"{cut:g}", fix=fix)


def _refuse_fused(options: TrainOptions) -> None:
    """What has no meaning where thresholds of all detectors together are measured."""
    if options.way != "thresholds":
        fix = "Add --thresholds: it has no weights to learn, and thresholds to measure."
        got = f"--{_flag(options.way)}" if options.way else ""
        raise UsageError("fused is all detectors together", got=got, fix=fix)
    if options.recipe_options:
        fix = "fused has no recipe."
        raise UsageError(f"there is no option --{next(iter(options.recipe_options))}", fix=fix)
    asked = [name for name in _NOT_FUSED if getattr(options, name) != getattr(_USUAL, name)]
    if asked:
        raise UsageError(f"--{_flag(asked[0])} is not for this detector", got=FUSED, fix="Leave it out.")


def _flag(name: str) -> str:
    return "from" if name == "start" else name.replace("_", "-")


def _taught(lesson: Lesson[Any, Any, Any], recipe: Any, given: LessonRun, install: bool) -> Sequence[ModelEntry]:
    """The rows of what was installed; another package's fault is told as one of its own."""
    what = f"the lesson of {given.detector!r} failed"
    rows: object = catalogue.of_plugin(given.detector, lambda: lesson.run(recipe, given, install=install), what)
    if not isinstance(rows, Sequence) or not all(isinstance(row, ModelEntry) for row in rows):
        got, want = f"install gave {type(rows).__name__}", "the rows of the manifest that it wrote"
        raise UsageError(what, got=got, want=want, fix="Repair or uninstall the package that declares it.")
    return rows


def _tell_interrupted(lesson: Lesson[Any, Any, Any], output: Path, options: TrainOptions, shown: _Shown) -> None:
    if options.way is None and lesson.can_resume(output):
        text = f"Interrupted. The last checkpoint is in {output}; the same command with --resume goes on from there."
    elif options.way == "leave_out":
        text = f"Interrupted. What was trained is in {output}; the same command goes on from there."
    else:
        text = "Interrupted before there was a checkpoint to go on from: started again, it begins anew."
    shown.say(text)


def _store_of(options: TrainOptions, output: Path) -> Path:
    """Where the detector's models lie. What a lesson of another package teaches goes into that package's own store;
    raises :class:`UsageError` where it is to be installed and there is none."""
    if catalogue.is_own(options.detector):
        return models.STORE
    if not options.install:
        return output / OWN_STORE
    store = getattr(_class_of(options.detector), "store", None)
    if store is None:
        fix = "Add --store FOLDER, or have its author name one as the attribute store of the detector's class."
        raise UsageError("the plug-in names no model store of its own", got=options.detector, fix=fix)
    return Path(store)


def _class_of(detector: str) -> type[Detector] | None:
    """Also that of a plug-in which cannot be asked before its first model is trained; None where nobody declares it.
    Raises the error of one that is broken otherwise."""
    found = detectors.catalogue(strict=False)
    if detector in found.clashes:
        raise found.clashes[detector]
    for lost in found.left_out:
        if lost.id == detector and lost.kind is None:
            raise lost.error
        if lost.id == detector:
            return lost.kind
    return found.get(detector)


def _check_output(folder: Path, options: TrainOptions, lesson: Lesson[Any, Any, Any]) -> None:
    """Before minutes are spent on preparing."""
    if options.way == "dry_run":
        return
    if options.resume and lesson.checkpoints and not lesson.can_resume(folder):
        raise no_checkpoint(folder)
    if not options.resume and holds_run(folder):
        resumes = lesson.can_resume(folder) and options.way is None
        fix = "Add --resume, or choose another folder." if resumes else "Choose another folder."
        raise DataError("the output folder holds a run", got=str(folder), fix=fix)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        got, fix = f"{folder}: {error.strerror}", "Choose another."
        raise OutputError("the output folder cannot be written", got=got, fix=fix) from error


class _Shown(Progress):
    """A bar for each stage that is told of, and lines above them."""

    def __init__(self) -> None:
        percentage, note = TextColumn("{task.percentage:.0f}%"), TextColumn("{task.fields[note]}")
        stage, times = TextColumn("{task.description}"), (TimeElapsedColumn(), TimeRemainingColumn())
        super().__init__(stage, BarColumn(), percentage, *times, note, console=Console(stderr=True))
        self._stages: dict[str, TaskID] = {}
        self._last_s = time.monotonic()

    def tell(self, stage: str, share: float, note: str = "", /) -> None:
        if stage not in self._stages:
            self._stages[stage] = self.add_task(told(stage), total=1.0, note="")
        self.update(self._stages[stage], completed=share, note=told(note))
        now = time.monotonic()
        if not self.console.is_terminal and not self.console.quiet and now - self._last_s > _QUIET_EVERY_S:
            self._last_s = now
            sys.stderr.write(f"{time.strftime('%H:%M:%S')} {told(stage)} {share:.0%} {told(note)}\n")

    def say(self, text: str) -> None:
        self.console.print(told(text), highlight=False, markup=False)

    def show(self, markdown: str) -> None:
        """Its sentences, headings and the cells of its tables one by one in the language of the command line."""
        blocks = []
        for block in markdown.split("\n\n"):
            lines = block.strip().splitlines()
            is_table = block.startswith("|")
            blocks.append("\n".join(map(_row, lines)) if is_table else _paragraph(" ".join(lines)))
        self.console.print(Markdown("\n\n".join(blocks)))


def _row(line: str) -> str:
    return f"| {' | '.join([told(cell.strip()) for cell in line.strip(' |').split(' | ')])} |"


def _paragraph(line: str) -> str:
    mark, _, rest = line.partition(" ")
    return f"{mark} {told(rest)}" if mark.strip("#") == "" else told(line)


def show_lessons(detector: str | None) -> None:
    """``--list``: every lesson with what it needs; of one detector, the options of its recipe."""
    if detector is None:
        rows = []
        for id_ in catalogue.ids():
            try:
                lesson = catalogue.lesson_of(id_)
            except (ZhenweiError, OSError) as error:  # one plug-in of many
                rows.append((id_, "", say("cannot be trained: {}", told(str(error)))))
                continue
            rows.append((id_, ", ".join(other for other in lesson.serves if other != id_), told(lesson.needs)))
        show_table(("detector", "trained together with", "data"), rows)
        return
    lesson = catalogue.lesson_of(detector)
    recipe, options = lesson.read(), []
    for name in options_of(lesson.recipe):
        value: Any = recipe
        for part in name.split("."):
            value = getattr(value, part)
        options.append((f"--{name.replace('_', '-')}", str(value)))
    typer.echo(f"{detector}: {told(lesson.needs)}")
    show_table(("option", "default"), options)


def measure_thresholds(options: TrainOptions) -> None:
    """Of the fused verdict, with every detector that is installed, on sources left out: into the package or the store
    where that was asked for, else into the output folder."""
    if options.output is None:
        raise UsageError("there is no folder for what is measured", want="--output FOLDER")
    if len(options.start) > 1:
        raise UsageError("answers go on from one file", got=f"{len(options.start)} times --from", want="once")
    if options.start and not options.data.is_dir():
        raise UsageError("--from is for media that are asked", got=str(options.data), want="a data folder")
    for folder in (options.output, *([options.store] if options.store else [])):
        make_folder(folder)
    with _Shown() as shown:
        if options.data.is_dir():
            path = options.output / kept_answers.NAME
            try:
                kept_answers.save(_asked(options, options.output, shown), path)
            except KeyboardInterrupt:
                shown.say(
                    f"Interrupted. What was answered is kept in {options.output}; the same command goes on from there."
                )
                raise
        else:
            path = options.data
        kept = kept_answers.load(path)  # what is measured is what the file holds, so that others find the same in it
        shown.tell("leaving each source out", 0.0)
        found = thresholds.measure(thresholds.as_if_unknown(kept.media))
        shown.tell("leaving each source out", 1.0)
    store = options.store or (None if options.install else options.output)
    target, beside = (store / path.name if store else path for path in (PACKAGED, LEARNED))
    OperatingPoints.load().joined(found.operating).save(target)
    before = Dependence.load()  # of kinds that DATA lacks, as it was
    replace(before, spread={}, correlation={}, groups=0).joined(found.dependence).save(beside)
    left_out.save(found, options.output, more=people.to_markdown(found, kept.tones))
    if {one.kind for one in found.answered} >= {"audio", "video"}:
        held_out.save(streams.table(found), options.output / streams.FILE)
    shown.show(left_out.to_markdown(found))
    shown.say(f"written: {target}, {beside.name} and {options.output / left_out.PAGE}")
    if not options.install:
        shown.say("Nothing was installed; the same command with --install puts it into the package.")


def _asked(options: TrainOptions, folder: Path, shown: _Shown) -> KeptAnswers:
    """The answers of every detector; of media that ``--from`` knows, those that have not changed are taken from it."""
    chosen = [detectors.build(name) for name in thresholds.asked()]
    by = {detector.info.id: kept_answers.made_by(detector) for detector in chosen}
    known = kept_answers.load(options.start[0]) if options.start else KeptAnswers((), {})
    unchanged, digests = known.unchanged(chosen), {one.digest for one in known.media}
    items = thresholds.items_of(options.data, options.limit)
    ask: Callable[[int, int], None] = lambda done, of: shown.tell("asking every detector", done / of)  # noqa: E731
    before, new = list[Item](), list[Item]()
    for item in items:
        (before if item.digest in digests else new).append(item)
    media = thresholds.ask(new, folder, progress=ask) if new else []
    if before and len(unchanged) < len(chosen):
        media += thresholds.ask(before, folder, without=unchanged, progress=ask)
    else:
        mine = {item.digest for item in before}
        media += [replace(one, said=()) for one in known.media if one.digest in mine]
    every = kept_answers.merged(known.media, media, unchanged)
    seen = {one.digest for one in every if one.kind != "audio"}
    toneless = [item for item in items if item.digest in seen and item.digest not in known.tones]
    tones = people.tones_of(toneless, folder, lambda share: shown.tell("looking at skin", share))
    return KeptAnswers(tuple(every), by, {**known.tones, **tones})
