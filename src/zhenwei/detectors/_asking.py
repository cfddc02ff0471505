"""One detector asked about one subject, behind the barrier: what it raises costs its answer, and is told in its place.

A failure is no abstention of the detector's own and no finding: it says nothing of the file.
"""

from __future__ import annotations

import math

from zhenwei.errors import FaultError, ModelError, OutOfMemoryError, ZhenweiError
from zhenwei.faults import contained
from zhenwei.types import Detector, Evidence, Subject, Text

_SHOWN = 300


def ask(detector: Detector, subject: Subject, *, of: str = "") -> Evidence:
    """The detector's answer, or Evidence that says that it failed (``fault`` is set, ``llr`` is None).

    ``of``: the package of a plug-in, "" for a detector of this one. What is wrong with this installation or with the
    machine is no failure of a detector and is raised: :class:`ModelError` for weights of this package that are missing
    or altered, :class:`OutOfMemoryError`.
    """
    try:
        return _audio(contained(lambda: detector.examine(subject)), detector)
    except OutOfMemoryError:
        raise
    except FaultError as error:
        return _failed(detector, subject, of, error.got, error.trace)
    except ZhenweiError as error:
        if isinstance(error, ModelError) and not of:
            raise
        return _failed(detector, subject, of, str(error), f"{type(error).__name__}: {error}\n")
    except OSError as error:
        got = f"{type(error).__name__}: {error}"
        return _failed(detector, subject, of, got, f"{got}\n")


def _audio(answer: object, detector: Detector) -> Evidence:
    """``answer``, if it is one that can be weighed and told; else FaultError."""
    fault = ""
    if not isinstance(answer, Evidence):
        fault = f"an answer of type {type(answer).__name__}"
    elif answer.detector != detector.info.id:
        fault = f"an answer signed {answer.detector!r}"
    elif not all(_finite_or_none(n) for n in (answer.llr, answer.score)):
        fault = f"llr {answer.llr!r}, score {answer.score!r}"
    elif not all(isinstance(words, str) for words in (answer.finding, answer.reason)):
        fault = "a finding that is no text"
    if fault or not isinstance(answer, Evidence):
        raise FaultError("a detector gave no sound answer", got=fault, want="Evidence of its own, finite figures")
    return answer


def _finite_or_none(figure: object) -> bool:
    """A NumPy scalar that is no float of Python's cannot be written into a report."""
    return figure is None or (isinstance(figure, float | int) and math.isfinite(figure))


def _failed(detector: Detector, subject: Subject, of: str, got: str, trace: str) -> Evidence:
    whose, chinese = (f"the plug-in {of}", f"插件 {of}") if of else ("this program", "本程序")
    short = got if len(got) <= _SHOWN else f"{got[:_SHOWN]}…"
    return Evidence(
        detector.info.id,
        None,
        Text("It failed and says nothing of this file.", zh="它发生故障，对该文件没有任何结论。"),
        Text(f"it failed, which is a fault of {whose} ({short})", zh=f"它发生故障，这是{chinese}的错误（{short}）"),
        person=subject.track.person if subject.track else None,
        fault=trace or got,
    )
