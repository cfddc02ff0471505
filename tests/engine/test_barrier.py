"""One file costs itself; a detector costs its answer; nothing that failed makes a verdict of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from PIL import Image

from zhenwei import engine, fusion, pipeline
from zhenwei.detectors import ask, build, models_of
from zhenwei.detectors.traditional.noise import Noise
from zhenwei.engine import barrier
from zhenwei.errors import DataError, FaultError, MediaError, ModelError, OutOfMemoryError, UsageError
from zhenwei.report import Unreadable, to_dict, to_html
from zhenwei.testing import image_subject, portrait
from zhenwei.types import (
    Box,
    Curve,
    Declaration,
    Evidence,
    ImageExhibit,
    Interval,
    Media,
    Person,
    PersonVerdict,
    Report,
    StreamVerdict,
    Subject,
    Text,
    Verdict,
)

SCHEMA = json.loads((Path(engine.__file__).parents[1] / "report" / "schema.json").read_text(encoding="utf-8"))
QUICK = pipeline.Options(detectors=("traditional.noise", "provenance.labels"))
SUBJECT = Subject(Media("a.png", "0" * 64, "image", 1, "png"))


@pytest.fixture
def image(tmp_path: Path) -> str:
    path = tmp_path / "a.png"
    Image.fromarray(np.arange(64 * 64 * 3, dtype=np.uint32).reshape(64, 64, 3).astype(np.uint8)).save(path)
    return str(path)


def failing(monkeypatch: pytest.MonkeyPatch, what: object) -> None:
    """``traditional.noise`` raises ``what``, or gives it where it is no error."""

    def examine(_self: object, _subject: Subject) -> object:
        if isinstance(what, BaseException):
            raise what
        return what

    monkeypatch.setattr(Noise, "examine", examine)


CURVE = Curve("c", "x", "y", (1.0, 2.0), (1.0, None))
PIXELS = np.zeros((5, 4, 3), np.uint8)
NONSENSE = Declaration("stolen", "label", "unsigned", Text("It is.", zh="是。"))  # type: ignore[arg-type]
ANSWERS: dict[str, object] = {
    "raises": KeyError("a column"),
    "exits": SystemExit(0),
    "foreseen": MediaError("no frame"),
    "wrong use": UsageError("this input does not fit"),
    "system": FileNotFoundError(2, "No such file"),
    "nothing": None,
    "number": 0.5,
    "not finite": Evidence("traditional.noise", float("nan"), "A."),
    "no Python float": Evidence("traditional.noise", np.float32(3.0), "A."),  # type: ignore[arg-type]
    "of another": Evidence("cnn.face_forgery", 9.0, "A."),
    "no words": Evidence("traditional.noise", 9.0, 7),  # type: ignore[arg-type]
    "a flag": Evidence("traditional.noise", True, "A."),
    "no number that a float can be": Evidence("traditional.noise", 10**400, "A."),
    "no reason": Evidence("traditional.noise", None, "A."),
    "of somebody who is not there": Evidence("traditional.noise", 9.0, "A.", person=42),
    "an abstention on somebody": Evidence("traditional.noise", None, "A.", "why", person=42),
    "no interval": Evidence("traditional.noise", 9.0, "A.", interval=(0, 1)),  # type: ignore[arg-type]
    "an interval without end": Evidence("traditional.noise", 9.0, "A.", interval=Interval(0.0, float("inf"))),
    "no weights": Evidence("traditional.noise", 9.0, "A.", weights=7),  # type: ignore[arg-type]
    "asked perhaps": Evidence("traditional.noise", 9.0, "A.", asked="x"),  # type: ignore[arg-type]
    "declares a word": Evidence("traditional.noise", 9.0, "A.", declares=("x",)),  # type: ignore[arg-type]
    "declares nonsense": Evidence("traditional.noise", 9.0, "A.", declares=(NONSENSE,)),
    "exhibits are one": Evidence("traditional.noise", 9.0, "A.", exhibits=CURVE),  # type: ignore[arg-type]
}
EXHIBITS: dict[str, object] = {
    "a word": "str",
    "grey numbers": ImageExhibit("c", np.zeros((5, 5))),  # type: ignore[arg-type]
    "no array": ImageExhibit("c", [[1]]),  # type: ignore[arg-type]
    "nothing to see": ImageExhibit("c", np.zeros((0, 5, 3), np.uint8)),
    "another original": ImageExhibit("c", PIXELS, original=PIXELS[1:]),
    "no caption": ImageExhibit(None, PIXELS),  # type: ignore[arg-type]
    "no time": ImageExhibit("c", PIXELS, float("nan")),
    "half a box": ImageExhibit("c", PIXELS, boxes=((1, 0.0),)),  # type: ignore[arg-type]
    "no place": ImageExhibit("c", PIXELS, place=(0, 0, 1, 1)),  # type: ignore[arg-type]
    "a point too few": replace(CURVE, y=(1.0,)),
    "no finite point": replace(CURVE, y=(1.0, float("nan"))),
    "a point of NumPy": replace(CURVE, y=(1.0, np.float32(1.0))),  # type: ignore[arg-type]
    "a gap in x": replace(CURVE, x=(None, 2.0)),  # type: ignore[arg-type]
    "no label": replace(CURVE, x_label=None),  # type: ignore[arg-type]
}
ANSWERS |= {
    f"an exhibit: {name}": Evidence("traditional.noise", 9.0, "A.", exhibits=(exhibit,))  # type: ignore[arg-type]
    for name, exhibit in EXHIBITS.items()
}


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_a_detector_that_fails_costs_its_answer_and_is_told(
    name: str, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, ANSWERS[name])
    report = engine.examine_one(image, options=QUICK)
    assert isinstance(report, Report)
    failed, other = report.evidence
    assert failed.detector == "traditional.noise"
    assert failed.llr is None
    assert failed.fault
    assert "failed" in str(failed.reason)
    assert other.fault == ""
    assert report.verdict.decision == "inconclusive"
    document = to_dict(report)
    assert [row["failed"] for row in document["evidence"]] == [True, False]
    jsonschema.validate(document, SCHEMA)
    assert "<html" in to_html(report)


def test_what_can_be_drawn_and_written_is_an_answer(image: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = ImageExhibit("c", PIXELS, 0, PIXELS, ((1, 0.0, 0.0, 1.0, 1.0),), Box(0, 0, 1, 1))
    declared = Declaration("edited", "label", "unsigned", Text("It is.", zh="是。"))
    exhibits = [shown, CURVE, replace(CURVE, x=(), y=())]
    answer = Evidence(
        "traditional.noise", np.float64(1.0), "A.", score=2, interval=Interval(0, 1), exhibits=exhibits,  # type: ignore[arg-type]
        declares=(declared,),
    )  # fmt: skip
    failing(monkeypatch, answer)
    report = engine.examine_one(image, options=QUICK)
    assert isinstance(report, Report)
    assert report.evidence[0].fault == ""
    assert "<html" in to_html(report)


@pytest.mark.parametrize(("said", "is_sound"), [(1, True), (None, False), (2, False), (True, False)])
def test_what_speaks_of_a_person_names_the_one_that_was_asked_about(
    said: int | None, is_sound: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Noise, "examine", lambda *_: Evidence("traditional.noise", 9.0, "A.", person=said))
    answer = ask(build("traditional.noise"), image_subject(portrait()))
    assert (not answer.fault, answer.person) == (is_sound, 1)
    monkeypatch.setattr(Noise, "examine", lambda *_: Evidence("traditional.noise", None, "A.", "why"))
    assert not ask(build("traditional.noise"), image_subject(portrait())).fault


def test_memory_that_runs_out_in_a_detector_costs_the_file(image: str, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, MemoryError())
    outcome = engine.examine_one(image, options=QUICK)
    assert isinstance(outcome, Unreadable)
    assert isinstance(outcome.error, OutOfMemoryError)


def test_ctrl_c_in_a_detector_passes(image: str, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        engine.examine_one(image, options=QUICK)


def test_altered_weights_of_the_package_end_the_work_and_those_of_a_plug_in_do_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failing(monkeypatch, ModelError("altered"))
    with pytest.raises(ModelError):
        ask(build("traditional.noise"), SUBJECT)
    said = ask(build("traditional.noise"), SUBJECT, of="moonlight")
    assert "the plug-in moonlight" in str(said.reason)
    assert said.reason.in_language("zh").startswith("它发生故障")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (RuntimeError("boom"), FaultError),
        (MemoryError(), OutOfMemoryError),
        (OSError(5, "Input/output error"), MediaError),
        (MediaError("damaged"), MediaError),
        (DataError("malformed"), DataError),
    ],
)
def test_whatever_happens_to_one_file_is_its_own(
    error: BaseException, kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> Report:
        raise error

    monkeypatch.setattr(barrier, "examine", broken)
    outcome = engine.examine_one("b.png")
    assert isinstance(outcome, Unreadable)
    assert type(outcome.error) is kind
    assert outcome.path == "b.png"
    assert to_dict(outcome)["error"]["kind"] == kind.__name__


@pytest.mark.parametrize("error", [UsageError("an option"), ModelError("altered"), KeyboardInterrupt()])
def test_what_would_meet_every_file_ends_the_work(error: BaseException) -> None:
    def broken() -> None:
        raise error

    with pytest.raises(type(error)):
        engine.attempt("b.png", broken)


def decided(decision: str, llr: float) -> Callable[..., Verdict]:
    def decide(evidence: tuple[Evidence, ...], *, people: tuple[Person, ...], **_: object) -> Verdict:
        one = PersonVerdict(1, decision, llr, 0.05, "It is.")  # type: ignore[arg-type]
        stream = StreamVerdict("picture", decision, llr, 0.05)  # type: ignore[arg-type]
        return Verdict(decision, llr, 0.05, "It is.", (one,), (stream,))  # type: ignore[arg-type]

    return decide


def test_nothing_is_called_genuine_where_a_detector_failed(image: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fusion, "decide", decided("genuine", -4.0))
    assert pipeline.examine(image, options=QUICK).verdict.decision == "genuine"
    failing(monkeypatch, KeyError("x"))
    verdict = pipeline.examine(image, options=QUICK).verdict
    assert verdict.decision == verdict.by_person[0].decision == verdict.streams[0].decision == "inconclusive"
    assert verdict.error_rate is verdict.by_person[0].error_rate is verdict.streams[0].error_rate is None
    assert "traditional.noise" in verdict.explanation


def test_forged_stands_where_another_detector_failed(image: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fusion, "decide", decided("forged", 4.0))
    failing(monkeypatch, KeyError("x"))
    verdict = pipeline.examine(image, options=QUICK).verdict
    assert (verdict.decision, verdict.error_rate) == ("forged", 0.05)


def test_models_of_a_detector_of_this_package_are_the_package_s() -> None:
    assert set(models_of(build("traditional.noise"))) == {"noise"}
