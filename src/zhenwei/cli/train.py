"""``zhenwei train``: from the data folder to weights, in one resumable command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_HELP = """Train a learned detector from a data folder.

The run is seeded and resumable: Ctrl-C saves, --resume goes on as if nothing had happened. Curves are written to
OUTPUT/log.csv, the best weights by held-out people and sources to OUTPUT/best.pt. `--install` puts them into the
package's model store: ONNX with a parity check, calibration, thresholds and a card.

Examples:

  zhenwei train cnn.face_forgery --data DATA --output runs/face_forgery

  zhenwei train cnn.face_forgery --data DATA --output runs/face_forgery --resume

  zhenwei train cnn.face_forgery --data DATA --output runs/try --dry-run
"""


def train(
    detector: Annotated[str, typer.Argument(help="id of a learned detector", metavar="DETECTOR")],
    data: Annotated[Path, typer.Option(help="folder with dfdc-faces and photos (zip + csv), or a pack.npz")],
    output: Annotated[Path, typer.Option(help="folder for checkpoints, curves and weights")],
    recipe: Annotated[str, typer.Option(help="packaged recipe name or TOML file")] = "face_forgery",
    resume: Annotated[bool, typer.Option("--resume", help="go on from the last checkpoint")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="time a few steps, estimate the whole, write nothing")
    ] = False,
    workers: Annotated[int, typer.Option(help="threads that prepare batches", min=1)] = 1,
    threads: Annotated[int, typer.Option(help="compute threads, 0 = all cores", min=0)] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto",
    stop_after: Annotated[int, typer.Option(help="stop after this many steps, 0 = run to the end", min=0)] = 0,
    install: Annotated[
        bool, typer.Option("--install", help="at the end, calibrate and put into the model store")
    ] = False,
) -> None:
    from zhenwei.cli import _train

    options = _train.Options(
        detector=detector,
        data=data,
        output=output,
        recipe=recipe,
        resume=resume,
        dry_run=dry_run,
        workers=workers,
        threads=threads,
        device=device,
        stop_after=stop_after or None,
        install=install,
    )
    _train.run(options)


train.__doc__ = _HELP
