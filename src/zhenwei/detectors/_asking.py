"""One detector asked about one subject, behind the barrier: what it raises costs its answer, and is told in its place.

A failure is no abstention of the detector's own and no finding: it says nothing of the file.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from types import NoneType
from typing import get_args, get_type_hints

import numpy as np

from zhenwei.errors import FaultError, ModelError, OutOfMemoryError, ZhenweiError
from zhenwei.faults import contained
from zhenwei.types import (
    Box,
    Curve,
    Declaration,
    Detector,
    Evidence,
    ImageExhibit,
    Interval,
    Subject,
    Text,
    in_language,
)

_SHOWN = 300
_ORIGINS, _CHANNELS, _STANDINGS = [
    get_args(get_type_hints(Declaration)[field]) for field in ("origin", "channel", "standing")
]
_LISTED = (tuple, list)


def ask(detector: Detector, subject: Subject, *, of: str = "") -> Evidence:
    """The detector's answer, or Evidence that says that it failed (``fault`` is set, ``llr`` is None).

    ``of``: the package of a plug-in, "" for a detector of this one. What is wrong with this installation or with the
    machine is no failure of a detector and is raised: :class:`ModelError` for weights of this package that are missing
    or altered, :class:`OutOfMemoryError`.
    """
    person = subject.person if detector.info.level == "person" else None
    try:
        return contained(lambda: _sound(_examined(detector, subject, of), detector, person))
    except OutOfMemoryError:
        raise
    except FaultError as error:
        return _failed(detector, person, of, error.got, error.trace)
    except ZhenweiError as error:
        if isinstance(error, ModelError) and not of:
            raise
        return _failed(detector, person, of, str(error), f"{type(error).__name__}: {error}\n")
    except OSError as error:
        got = f"{type(error).__name__}: {error}"
        return _failed(detector, person, of, got, f"{got}\n")


def _examined(detector: Detector, subject: Subject, of: str) -> object:
    if not of:
        return detector.examine(subject)
    with getattr(sys.stdout, "aside", nullcontext)():  # the command line keeps what it prints out of its results
        return detector.examine(subject)


def _sound(answer: object, detector: Detector, person: int | None) -> Evidence:
    """``answer``, if it is one on ``person`` that can be weighed, drawn and written; else FaultError."""
    if not isinstance(answer, Evidence):
        name = type(answer).__name__
        raise _unsound(Text(f"an answer of type {name}", zh=f"答案的类型为 {name}"))
    for fault in _faults_of(answer, detector.info.id, person):
        raise _unsound(fault)
    return answer


def _unsound(got: Text) -> FaultError:
    return FaultError("a detector gave no sound answer", got=got, want="Evidence of its own, finite figures")


def _faults_of(answer: Evidence, id_: str, person: int | None) -> Iterator[Text]:
    if answer.detector != id_:
        yield Text(f"an answer signed {answer.detector!r}", zh=f"答案署名为 {answer.detector!r}")
    if not _figures(answer.llr, answer.score):
        yield Text(f"llr {answer.llr!r}, score {answer.score!r}", zh=f"llr {answer.llr!r}，score {answer.score!r}")
    if not _texts(answer.finding, answer.reason, answer.weights, answer.fault):
        yield Text("a finding, reason or weights that are no text", zh="finding、reason 或 weights 不是文本")
    if answer.llr is None and not answer.reason.strip():
        yield Text("neither an llr nor a reason", zh="既没有 llr，也没有 reason")
    if not _is_about(answer.person, person, abstains=answer.llr is None):
        said = repr(answer.person)
        yield Text(f"person {said}, asked of {person!r}", zh=f"person 为 {said}，所问为 {person!r}")
    if not _is_interval(answer.interval):
        yield Text(f"interval {answer.interval!r}", zh=f"interval 为 {answer.interval!r}")
    if not _is_flag(answer.asked):
        yield Text(f"asked {answer.asked!r}", zh=f"asked 为 {answer.asked!r}")
    if not _are_listed(answer.exhibits, answer.declares):
        yield Text("exhibits or declares that are no tuple", zh="exhibits 或 declares 不是元组")
    for exhibit in answer.exhibits:
        yield from _faults_of_exhibit(exhibit)
    if not all(map(_is_declaration, answer.declares)):
        yield Text("a declaration that is none", zh="declares 中有不合规的 Declaration")


def _figures(*figures: object) -> bool:
    """Whether each is a finite number of Python's or None: a NumPy scalar cannot be written into a report."""
    return all(figure is None or _is_finite(figure) for figure in figures)


def _points(figures: Sequence[float | None]) -> bool:
    """As :func:`_figures`, for many."""
    if not all(
        kind is NoneType or (issubclass(kind, float | int) and kind is not bool) for kind in set(map(type, figures))
    ):
        return False
    return all(map(math.isfinite, filter(None, figures)))  # without zeros and gaps


def _is_finite(figure: object) -> bool:
    if isinstance(figure, bool) or not isinstance(figure, float | int):
        return False
    return abs(figure) <= sys.float_info.max  # False for NaN, too; an integer may be larger than any float


def _are_listed(*things: object) -> bool:
    return all(isinstance(thing, _LISTED) for thing in things)


def _texts(*texts: object) -> bool:
    return all(isinstance(text, str) for text in texts)


def _is_flag(said: object) -> bool:
    return isinstance(said, bool)


def _is_about(said: object, asked: int | None, *, abstains: bool) -> bool:
    """Only an abstention need not name the person: what speaks is counted for whom it names."""
    if said is None:
        return asked is None or abstains
    return type(said) is int and said == asked


def _is_interval(said: object) -> bool:
    if said is None:
        return True
    return (
        isinstance(said, Interval) and all(map(_is_finite, (said.start_s, said.end_s))) and said.start_s <= said.end_s
    )


def _faults_of_exhibit(exhibit: object) -> Iterator[Text]:
    """Why it cannot be drawn. Of a picture its shape and type alone are looked at."""
    if isinstance(exhibit, ImageExhibit):
        yield from _faults_of_image(exhibit)
    elif isinstance(exhibit, Curve):
        yield from _faults_of_curve(exhibit)
    else:
        name = type(exhibit).__name__
        yield Text(f"an exhibit of type {name}", zh=f"exhibits 中有类型为 {name} 的内容")


def _faults_of_image(exhibit: ImageExhibit) -> Iterator[Text]:
    pixels, original = exhibit.pixels, exhibit.original
    if not _is_image(pixels):
        yield Text(f"a picture of {_shape(pixels)}", zh=f"图片为 {_shape(pixels)}")
    if original is not None and not (_is_image(original) and original.shape == pixels.shape):
        shapes = _shape(original), _shape(pixels)
        yield Text("an original of {}, its map of {}".format(*shapes), zh="原图为 {}，其图为 {}".format(*shapes))
    if not _texts(exhibit.caption) or not _figures(exhibit.time_s):
        yield Text("a picture with a malformed caption or time", zh="图片的 caption 或 time_s 不合规")
    if not _is_place(exhibit.place) or not _are_listed(exhibit.boxes) or not all(map(_is_box, exhibit.boxes)):
        yield Text("a picture with malformed boxes or place", zh="图片的 boxes 或 place 不合规")


def _is_place(said: object) -> bool:
    if said is None:
        return True
    return isinstance(said, Box) and all(map(_is_finite, (said.left, said.top, said.right, said.bottom)))


def _is_box(box: object) -> bool:
    return isinstance(box, _LISTED) and len(box) == 5 and all(map(_is_finite, box))


def _faults_of_curve(curve: Curve) -> Iterator[Text]:
    if not _texts(curve.caption, curve.x_label, curve.y_label) or not _figures(curve.threshold):
        yield Text("a curve with a malformed label or threshold", zh="曲线的标签或 threshold 不合规")
    if not _are_listed(curve.x, curve.y):
        yield Text("a curve whose points are no tuples", zh="曲线的 x 或 y 不是元组")
    if len(curve.x) != len(curve.y):
        counts = len(curve.x), len(curve.y)
        yield Text("a curve of {} x and {} y".format(*counts), zh="曲线有 {} 个 x 和 {} 个 y".format(*counts))
    if None in curve.x or not _points(curve.x) or not _points(curve.y):
        yield Text("a curve with a point that is not finite", zh="曲线中有非有限的点")


def _is_image(pixels: object) -> bool:
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8:
        return False
    return pixels.ndim == 3 and pixels.shape[2] == 3 and pixels.size > 0


def _shape(pixels: object) -> str:
    return f"{pixels.dtype} {pixels.shape}" if isinstance(pixels, np.ndarray) else type(pixels).__name__


def _is_declaration(said: object) -> bool:
    return (
        isinstance(said, Declaration)
        and said.origin in _ORIGINS
        and said.channel in _CHANNELS
        and said.standing in _STANDINGS
        and _texts(said.sentence, said.by)
    )


def _failed(detector: Detector, person: int | None, of: str, got: str, trace: str) -> Evidence:
    whose, chinese = (f"the plug-in {of}", f"插件 {of} ") if of else ("this program", "本程序")
    short, its_chinese = _cut(str(got)), _cut(in_language(got, "zh"))
    return Evidence(
        detector.info.id,
        None,
        Text("It failed and says nothing of this file.", zh="它发生故障，对该文件没有任何结论。"),
        Text(
            f"it failed, which is a fault of {whose} ({short})", zh=f"它发生故障，这是{chinese}的错误（{its_chinese}）"
        ),
        person=person,
        fault=trace or got,
    )


def _cut(got: str) -> str:
    return got if len(got) <= _SHOWN else f"{got[:_SHOWN]}…"
