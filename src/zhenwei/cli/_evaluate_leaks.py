"""What ``zhenwei evaluate`` does about the part of the data that a model may have learned from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from zhenwei.cli.language import say, tell, told

if TYPE_CHECKING:
    from zhenwei.evaluation.results import Finding


def without_training(count: int) -> Finding:
    """For the results, that ``count`` files were left out; also says so."""
    from zhenwei.evaluation.results import Finding

    tell(f"Note: {count} files of the training part are left out, as the model may have learned from them.", err=True)
    return Finding(check="training part", ok=True, text=f"{count} files of the training part were left out")


def refuse_leaks(findings: Sequence[Finding], *, allowed: bool, of_scores: bool = False) -> None:
    """Tells of each that is not as it should be. Raises :class:`DataError` unless that is ``allowed``."""
    from zhenwei.errors import DataError
    from zhenwei.types import Text
    from zhenwei.words import translated

    bad = [f for f in findings if not f.ok]
    for finding in bad:
        typer.echo(say("LEAK: {}: {}", told(finding.check), told(finding.text)), err=True)
        for case in finding.cases:
            tell(f"  {case}", err=True)
    fix = "Test other files (--protocol chooses them), or add --allow-leaks: the results will say so."
    if of_scores:
        fix = "Take those rows out of the table, or add --allow-leaks: the results will say so."
    if bad and not allowed:
        raise DataError(
            "the test is not independent of what was trained on",
            got=Text("; ".join(f.text for f in bad), zh="；".join(translated(f.text, "zh") for f in bad)),
            want="other people, videos and files",
            fix=fix,
        )
