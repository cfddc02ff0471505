"""``zhenwei robust``: one file saved in many ways, and what becomes of the verdict."""

from __future__ import annotations

import json
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zhenwei.cli._options import Detectors, FalseAlarm, Quiet, TableFormat, TableOption
from zhenwei.cli.language import current, told
from zhenwei.cli.progress import ScanProgress
from zhenwei.cli.scan import known
from zhenwei.cli.trouble import complain_of, left_by_ctrl_c, tell_of_plugins
from zhenwei.errors import FaultError, MediaError, UsageError, ZhenweiError
from zhenwei.faults import on_one_file

if TYPE_CHECKING:
    from zhenwei.cli._robust_folder import RobustFolder
    from zhenwei.evaluation.ladder import Degradation
    from zhenwei.evaluation.robust import Robustness, StepAnswer
    from zhenwei.pipeline import Options
    from zhenwei.types import Language, Media

FLIPS = 3  # exit status


def robust(
    files: Annotated[list[Path], typer.Argument(help="Photos and videos.", metavar="FILE", show_default=False)],
    families: Annotated[
        str, typer.Option("--families", help="Only these, with commas: jpeg,resize,h264 ...", metavar="NAMES")
    ] = "",
    quick: Annotated[
        bool | None,
        typer.Option("--quick/--full", help="A few steps or all; by default few for videos, all for photos."),
    ] = None,
    format_: TableOption = TableFormat.table,
    as_json: Annotated[bool, typer.Option("--json", hidden=True)] = False,  # of earlier command lines
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for robust.json.", metavar="DIR")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep every saved file in the output folder.")] = False,
    detector: Detectors = None,
    frames: Annotated[int, typer.Option("--frames", help="Frames taken from a clip, evenly spread.")] = 12,
    seconds: Annotated[
        float, typer.Option("--seconds", help="Of a longer clip, use only the first of so many seconds.", min=0.5)
    ] = 6.0,
    false_alarm: FalseAlarm = 0.05,
    adversarial: Annotated[
        bool, typer.Option("--adversarial", help="Also attack the faces with FGSM and PGD (needs PyTorch).")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Save a file in many ways and see whether the verdict stands.

    The file is examined as it is, and again after compression, resampling, cropping, blur, noise, changed colours,
    video codecs, chains like those of social networks, and screenshots. A verdict that changes sides with the way a
    file was saved is none. "inconclusive" is on neither side.

    Exit status: 0 no verdict changes sides, 1 at least one file could not be read, 2 wrong use, 3 a verdict changes
    sides, 130 interrupted (what was done is kept). Attacks do not count: who has the weights can always fool a network.

    Examples:

      zhenwei robust photo.jpg

      zhenwei robust clip.mp4 --families h264,h265 --frames 16

      zhenwei robust photo.jpg --quick --format json

      zhenwei robust photo.jpg --output out/ --keep
    """
    from zhenwei.evaluation import ladder
    from zhenwei.pipeline import Options

    if keep and output is None:
        raise UsageError("--keep needs a place to keep files in", fix="Add --output DIR.")
    options = Options(frames=frames, detectors=tuple(detector or ()), false_alarm=false_alarm)
    known(options)
    if not quiet:
        tell_of_plugins()
    names = tuple(name.strip() for name in families.split(",") if name.strip())
    ladder.families(ladder.steps(), names)
    ways = _Ways(names, quick, seconds, adversarial, keep, output)
    run = _Run(options, ways, current(), as_json or format_ is TableFormat.json, quiet)
    raise typer.Exit(run.all(list(dict.fromkeys(files))))


@dataclass(frozen=True, slots=True)
class _Ways:
    names: tuple[str, ...]
    quick: bool | None
    seconds: float
    adversarial: bool
    keep: bool
    output: Path | None

    def of(self, kind: str) -> tuple[Degradation, ...]:
        """The steps for a file of that kind. Families asked for by name come whole, unless few were asked for."""
        from zhenwei.evaluation import ladder

        few = self.quick if self.quick is not None else kind == "video" and not self.names
        chosen = ladder.families(ladder.quick_steps() if few else ladder.steps(), self.names)
        return tuple(step for step in chosen if kind in step.takes)


class _Run:
    """What is asked, and what has come of it so far."""

    def __init__(self, options: Options, ways: _Ways, language: Language, as_json: bool, quiet: bool) -> None:
        from rich.console import Console

        self.options, self.ways, self.language, self.as_json, self.quiet = options, ways, language, as_json, quiet
        self.notes = Console(stderr=True, highlight=False)
        self.done: list[Robustness] = []
        self.failed = 0
        self.folder: RobustFolder | None = None

    def all(self, files: list[Path]) -> int:
        from zhenwei.cli._robust_folder import RobustFolder

        interrupted = False
        with ExitStack() as stack:
            if self.ways.output is not None:
                self.folder = stack.enter_context(RobustFolder(self.ways.output))
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="zhenwei-robust-")))
            opened = [media for path in files if (media := self._opened(path)) is not None]
            total = sum(1 + len(self.ways.of(media.kind)) for media in opened)
            shown = self.notes.is_terminal and not self.quiet
            try:
                with ScanProgress(self.notes, total, shown=shown) as progress:
                    for media in opened:
                        self._file(media, scratch, progress)
            except KeyboardInterrupt:
                interrupted = True
                self._note(left_by_ctrl_c(self.folder is not None), "yellow")
        if self.folder is not None and self.folder.replaced and not self.quiet:
            self._note(f"{self.folder.replaced} earlier answers on the same files were replaced.", "dim")
        if interrupted:
            return 130
        return 1 if self.failed else FLIPS if any(not found.stable for found in self.done) else 0

    def _opened(self, path: Path) -> Media | None:
        from zhenwei.media import open_media

        try:
            media = on_one_file(lambda: open_media(path))
            if media.kind == "audio":
                got, want = "sound alone", "a photo or a video"
                raise MediaError(f"{path.name} has nothing to look at", got=got, want=want)
            return media
        except (MediaError, FaultError) as error:
            self._complain(str(path), error)
            return None

    def _file(self, media: Media, scratch: Path, progress: ScanProgress) -> None:
        from zhenwei.evaluation.ladder.videos import excerpt
        from zhenwei.evaluation.robust import walk

        try:
            path = on_one_file(partial(excerpt, media, scratch, self.ways.seconds))
        except (MediaError, FaultError) as error:
            self._complain(media.path, error)
            return
        folder = scratch
        if self.ways.keep:
            folder = (self.ways.output or Path()) / f"{Path(media.path).stem}-{media.sha256[:8]}"
        degradations = self.ways.of(media.kind)
        answers: list[StepAnswer] = []
        attacks: list[StepAnswer] = []
        name = Path(media.path).name
        try:
            steps = walk(
                path,
                degradations,
                folder,
                options=self.options,
                keep=self.ways.keep,
                tell=lambda step: progress.begin(f"{name} · {step}"),
                on_fault=lambda step, fault: self._complain(f"{name} · {step}", fault),
            )
            for answer in steps:
                answers.append(answer)
                progress.end()
            if self.ways.adversarial:
                from zhenwei.evaluation.attacked import attacked

                progress.begin(f"{name} · attacks")
                attacks += on_one_file(lambda: list(attacked(str(path), self.options)))
        except (MediaError, FaultError) as error:
            self._complain(media.path, error)
        finally:  # an interruption, too, leaves what was done
            if answers:
                self._take(media, answers, attacks, len(degradations), path)

    def _take(
        self, media: Media, answers: list[StepAnswer], attacks: list[StepAnswer], planned: int, used: Path
    ) -> None:
        from rich.console import Console

        from zhenwei.cli._robust_table import view
        from zhenwei.evaluation.robust import Robustness

        plain, *after = answers
        length = self.ways.seconds if used != Path(media.path) else None
        found = Robustness(media.path, media.sha256, media.kind, plain, tuple(after), planned, length, tuple(attacks))
        self.done.append(found)
        if self.as_json:
            sys.stdout.write(json.dumps(found.to_dict(), ensure_ascii=False, allow_nan=False) + "\n")
            sys.stdout.flush()
        else:
            Console(highlight=False).print(view(found, self.language), "")
        if self.folder is not None:
            self.folder.add(found)

    def _complain(self, path: str, error: ZhenweiError) -> None:
        self.failed += 1
        complain_of(path, error, self.notes)

    def _note(self, line: str, style: str) -> None:
        from rich.text import Text

        self.notes.print(Text(told(line), style), soft_wrap=True)
