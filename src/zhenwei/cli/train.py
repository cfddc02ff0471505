"""``zhenwei train``: from the data folder to weights, in one resumable command."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import typer

from zhenwei.errors import MissingExtraError, UsageError, install_extra

_HELP = """Train a learned detector from a data folder.

The run is seeded and resumable: Ctrl-C saves, --resume goes on as if nothing had happened. Curves are written to
OUTPUT/log.csv and OUTPUT/curves.html, the best weights by held-out people and sources to OUTPUT/best.pt. `--install`
puts them into the package's model store: ONNX with a parity check, calibration, thresholds and a card.

Without --install or --store nothing is installed: what was learned lies in OUTPUT.

`--list` shows every detector that can be trained and what it needs; `DETECTOR --list` shows the options of its recipe,
which are given like any other: `--optimiser.steps 1000`.

Examples:

  zhenwei train cnn.face_forgery --data DATA --output runs/face_forgery

  zhenwei train cnn.face_forgery --data DATA --output runs/face_forgery --resume

  zhenwei train cnn.face_forgery --data DATA --output runs/try --dry-run

  zhenwei train cnn.face_forgery --data DATA --make-pack pack.npz --max-mb 60

  zhenwei train cnn.face_forgery --data pack.npz --output runs/x --workers 16 --device cuda --minutes 25

  zhenwei train cnn.face_forgery --data pack.npz --output runs/mean --from a/best.pt --from b/last.pt --mean --install

  zhenwei train cnn.face_forgery --data pack.npz --recipe leave_out --leave-out --output runs/leave_out

  zhenwei train fused --thresholds --data DATA --output runs/thresholds --limit 150 --install

  torchrun --nproc-per-node 4 -m zhenwei train cnn.face_forgery --data pack.npz --output runs/x --workers 4
"""


def train(
    context: typer.Context,
    detector: Annotated[
        str | None, typer.Argument(help="Id of a learned detector; fused with --thresholds.", metavar="DETECTOR")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Folder with the data that --list says it needs, or a pack.npz.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Folder for checkpoints and weights.")] = None,
    recipe: Annotated[str, typer.Option(help="Packaged recipe name or TOML file, by default the detector's own.")] = "",
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint.")] = False,
    start: Annotated[
        list[Path] | None,
        typer.Option("--from", help="Weights (best.pt) of another run to start from; given twice or more: their mean."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Try a few steps, estimate time and memory, write nothing.")
    ] = False,
    minutes: Annotated[float, typer.Option(help="Time to fit the schedule to; 0 = any.", min=0)] = 0,
    workers: Annotated[
        int, typer.Option(help="How many prepare batches (and faces): threads up to 2, processes from 3 on.", min=1)
    ] = 1,
    cache: Annotated[bool, typer.Option("--cache", help="Decode every picture once, into a file they share.")] = False,
    threads: Annotated[int, typer.Option(help="Compute threads, 0 = all cores.", min=0)] = 0,
    device: Annotated[str, typer.Option(help="Auto, cpu or cuda.")] = "auto",
    stop_after: Annotated[int, typer.Option(help="Stop after this many steps, 0 = run to the end.", min=0)] = 0,
    variants: Annotated[
        bool, typer.Option("--variants", help="At the end, write 8 and 16 bit variants and what they cost.")
    ] = False,
    install: Annotated[
        bool, typer.Option("--install", help="At the end, calibrate and put into the model store.")
    ] = False,
    store: Annotated[Path | None, typer.Option(help="Install into this folder instead of the package.")] = None,
    leave_out: Annotated[
        bool,
        typer.Option("--leave-out", help="Instead: short runs, one without each kind of forgery, and how it is found."),
    ] = False,
    mean: Annotated[
        bool, typer.Option("--mean", help="Instead: the mean of the weights given by --from, as they are.")
    ] = False,
    thresholds: Annotated[
        bool,
        typer.Option("--thresholds", help="Instead: measure what the fused verdict rests on, each source left out."),
    ] = False,
    limit: Annotated[
        int, typer.Option(help="With --thresholds: at most so many files of each source and class, 0 = all.", min=0)
    ] = 0,
    make_pack: Annotated[
        Path | None, typer.Option(help="Only write the faces of DATA into this file, to be carried elsewhere.")
    ] = None,
    max_mb: Annotated[float, typer.Option(help="The most that file may take, million bytes.", min=0.001)] = 60,
    shown: Annotated[
        bool, typer.Option("--list", help="Show what can be trained; with DETECTOR, the options of its recipe.")
    ] = False,
) -> None:
    try:
        from zhenwei.cli import _train
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise MissingExtraError("training needs PyTorch", fix=f"Run: {install_extra('train')}") from error

    if shown:
        _train.show_lessons(detector)
        return
    if detector is None or detector.startswith("-"):
        raise typer.BadParameter("is needed, before its options", param_hint="DETECTOR")
    if data is None:
        raise typer.BadParameter("is needed", param_hint="--data")
    ways = {"make_pack": make_pack is not None, "thresholds": thresholds, "dry_run": dry_run, "mean": mean}
    ways |= {"leave_out": leave_out}
    asked = [way for way, wanted in ways.items() if wanted]
    if len(asked) > 1:
        got = " and ".join(f"--{way.replace('_', '-')}" for way in asked)
        raise UsageError("these do not go together", got=got, want="one of them")
    if output is None and make_pack is None:
        raise typer.BadParameter("is needed", param_hint="--output")
    options = _train.TrainOptions(
        detector=detector,
        data=data,
        output=output,
        recipe=recipe,
        recipe_options=_pairs(context.args),
        resume=resume,
        start=tuple(start or ()),
        minutes=minutes,
        workers=workers,
        cache=cache,
        threads=threads,
        device=device,
        stop_after=stop_after or None,
        variants=variants,
        install=install or store is not None,
        store=store,
        way=asked[0] if asked else None,  # type: ignore[arg-type]  # names of ways
        limit=limit,
        make_pack=make_pack,
        max_mb=max_mb,
    )
    _train.run(options)


def _pairs(given: Sequence[str]) -> dict[str, str]:
    """``["--l2", "3", "--seed=1"]`` -> the options of a recipe as text."""
    found: dict[str, str] = {}
    words = [part for word in given for part in (word.split("=", 1) if word.startswith("--") else [word])]
    if len(words) % 2 or not all(word.startswith("--") for word in words[::2]):
        raise UsageError("these options are not understood", got=" ".join(given), want="--NAME VALUE of the recipe")
    for name, value in list(pairwise(words))[::2]:
        found[name.removeprefix("--")] = value
    return found


train.__doc__ = _HELP
train.context_settings = {"allow_extra_args": True, "ignore_unknown_options": True}  # type: ignore[attr-defined]
