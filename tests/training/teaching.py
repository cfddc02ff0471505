"""A lesson from data to a store, as the command does it, without the command."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zhenwei.models import ModelEntry
from zhenwei.training.lesson import Lesson, LessonRun, TellStage


def teach(
    lesson: Lesson[Any, Any, Any],
    data: Path,
    output: Path,
    store: Path,
    told: TellStage = lambda *_: None,
) -> Sequence[ModelEntry]:
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        run = LessonRun(data=data, output=output, scratch=Path(scratch), store=store, tell=told)
        return lesson.run(lesson.read(), run, install=True)
