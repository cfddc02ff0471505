"""Options that several commands have, each with its one name and help."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

TableFormat = StrEnum("TableFormat", ["table", "json"])
TextFormat = StrEnum("TextFormat", ["text", "json"])
# Of a model between two people or kinds of faces.
Direction = StrEnum("Direction", {"a_to_b": "a-to-b", "b_to_a": "b-to-a"})
_FORMAT = typer.Option("--format", help="What to write to standard output.")
TableOption = Annotated[TableFormat, _FORMAT]
TextOption = Annotated[TextFormat, _FORMAT]

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no notes, only results.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Name what was left out of folders.")]
Force = Annotated[bool, typer.Option("--force", help="Replace a file that is in the way.")]
Detectors = Annotated[
    list[str] | None, typer.Option("--detector", help="Ask only this detector; repeat for more.", metavar="ID")
]
FalseAlarm = Annotated[float, typer.Option("--false-alarm", help="Wanted share of genuine files called forged.")]

# of the lab's long runs
RunOutput = Annotated[Path, typer.Option("--output", "-o", help="The run; one that is there goes on.", metavar="DIR")]
SheetOutput = Annotated[Path, typer.Option("--output", "-o", help="A sheet, .png or .jpg.", metavar="FILE")]
Steps = Annotated[int, typer.Option(min=1, help="Steps in all.")]
SaveEvery = Annotated[int, typer.Option(min=1, help="Steps between saves.")]
TrainSeed = Annotated[int, typer.Option(min=0, help="The same seed learns the same.")]
SubjectA = Annotated[str | None, typer.Option(help="The pseudonym of the first in the manifest.")]
SubjectB = Annotated[str | None, typer.Option(help="The pseudonym of the second.")]
