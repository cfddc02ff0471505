"""What every detector must do, check by check. Each raises ContractError with one sentence, or returns nothing."""

from __future__ import annotations

import dataclasses
import json
import math
import pickle
import re
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NoReturn, get_args
from unittest.mock import patch

import numpy as np

from zhenwei.testing.made import Subjects, digest, writable_copy
from zhenwei.testing.made import subjects as made_subjects
from zhenwei.types import (
    DEPTHS,
    Curve,
    Detector,
    DetectorInfo,
    Evidence,
    Exhibit,
    Forgery,
    ImageExhibit,
    Kind,
    Level,
    Media,
    Subject,
)

HEAVY = ("torch", "torchvision", "tensorflow", "jax", "onnx", "safetensors", "sklearn", "matplotlib", "pandas")
_BUILT_IN = "zhenwei.detectors."


# Imports a module by its name, or from its file where no name leads to it (a test module, say); prints what it loaded.
_IMPORT = """
import importlib, importlib.util, json, sys
sys.path[:] = json.loads(sys.argv[1])
name, where = sys.argv[2:]
top = importlib.util.find_spec(name.partition(".")[0])
if top is None and where:
    spec = importlib.util.spec_from_file_location(name, where)
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
else:
    importlib.import_module(name)
print(*sys.modules)
"""


class ContractError(AssertionError):
    """A detector breaks its contract; the message names the detector, the subject and what is wrong."""


def check_detector(
    kind: type[Detector], *, subjects: Subjects | None = None, allow_imports: tuple[str, ...] = ()
) -> None:
    """Hold ``kind`` to the whole contract; ContractError at the first breach.

    ``subjects`` replaces the built-in ones. ``allow_imports`` names packages of ``HEAVY`` that importing it may load.
    """
    asked = made_subjects() if subjects is None else subjects
    for check in CHECKS.values():
        check(kind, asked)
    check_imports(kind, asked, allow_imports)


def check_is_frozen_dataclass(kind: type[Detector], subjects: Subjects) -> None:
    """A frozen dataclass that builds without arguments, whose options are flags: bool, int, float or str."""
    del subjects
    parameters = vars(kind).get("__dataclass_params__")
    if parameters is None:
        raise ContractError(f"{kind.__name__} is not a dataclass")
    if not parameters.frozen:
        raise ContractError(f"{kind.__name__} is not frozen; its options could change between two answers")
    detector = _build(kind)
    for option in dataclasses.fields(kind):  # type: ignore[arg-type]
        value = getattr(detector, option.name)
        if option.init and not isinstance(value, bool | int | float | str):
            raise ContractError(f"{kind.__name__}.{option.name} is {type(value).__name__}, want bool, int, float, str")


def check_info(kind: type[Detector], subjects: Subjects) -> None:
    """The catalogue entry is complete, and its id is the path of the file."""
    del subjects
    if not isinstance(getattr(kind, "info", None), DetectorInfo):
        raise ContractError(f"{kind.__name__} has no info of type DetectorInfo")
    info, module = kind.info, kind.__module__
    by_path = module.removeprefix(_BUILT_IN) if module.startswith(_BUILT_IN) else info.id
    contract = info.contract
    faults = {
        f"id {info.id!r} is not family.file in lower case": not re.fullmatch(r"[a-z]\w*\.[a-z]\w*", info.id.lower())
        or info.id != info.id.lower(),
        f"id {info.id!r} is not its path, {by_path!r}": info.id != by_path,
        f"question {info.question!r} does not end with '?'": not info.question.endswith("?"),
        "reference is empty": not info.reference.strip(),
        "blind_spots is empty, and every method has some": not any(s.strip() for s in info.blind_spots),
        f"takes {info.takes!r} is not some of {get_args(Kind)}": not set(info.takes) or not _within(info.takes, Kind),
        f"takes {info.takes!r} names a kind twice": len(set(info.takes)) != len(info.takes),
        f"depth {info.depth!r} is not one of {DEPTHS}": info.depth not in DEPTHS,
        f"level {info.level!r} is not one of {get_args(Level)}": not _within((info.level,), Level),
        f"finds {info.finds!r} is not one of {get_args(Forgery)}": not _within((info.finds,), Forgery),
        f"contract {contract} has a size, face or deviation below or at 0": contract is not None
        and (contract.size_px <= 0 or contract.min_face_px <= 0 or contract.deviation <= 0 or contract.margin < 0),
    }
    for fault, holds in faults.items():
        if holds:
            raise ContractError(f"{kind.__name__}.info: {fault}")
    with _Breach(f"{kind.__name__}.info is not plain JSON values"):
        json.dumps(info.to_dict(), allow_nan=False)


def check_answers(kind: type[Detector], subjects: Subjects) -> None:
    """A finite llr or an abstention with its reason for every subject, never an exception; and it survives JSON."""
    detector = _build(kind)
    for name, subject in subjects.items():
        _check_evidence(kind, name, subject, _first(kind, detector, subjects, name))


def check_abstains(kind: type[Detector], subjects: Subjects) -> None:
    """Nothing to go by gives no llr: no person, no frame and no sound, a face below the stated least size."""
    detector, info = _build(kind), kind.info
    least = info.contract.min_face_px if info.contract else 0
    for name, subject in subjects.items():
        seen = _for(info.level, subject)
        faces = seen.track.faces if seen.track else ()
        why = ""
        if info.level == "person" and seen.track is None:
            why = "no person is given"
        elif not seen.frames and seen.audio is None and not info.reads_metadata:
            why = "there is neither picture nor sound"
        elif faces and all(face.quality.face_px < least for face in faces):
            why = f"every face is below {least} px"
        evidence = _first(kind, detector, subjects, name)
        if why and evidence.llr is not None:
            raise ContractError(f"{info.id} says llr {evidence.llr} of {name!r}, but {why}")


def check_same_answer(kind: type[Detector], subjects: Subjects) -> None:
    """The same subject gets the bit-equal answer: again, from a new instance, and whatever was examined between."""
    first, second = _build(kind), _build(kind)
    answers = {name: _first(kind, first, subjects, name) for name in subjects}
    for name in reversed(list(subjects)):
        for again in (_ask(first, name, subjects[name]), _ask(second, name, subjects[name])):
            _expect_same(kind, name, "asked again after other subjects", answers[name], again)


def check_leaves_input_alone(kind: type[Detector], subjects: Subjects) -> None:
    """Arrays that happen to be writable come back as they were, and give the same answer as read-only ones."""
    detector = _build(kind)
    for name in _few(subjects):
        writable = writable_copy(subjects[name])
        before = digest(writable)
        answer = _ask(detector, name, writable)
        if digest(writable) != before:
            raise ContractError(f"{kind.info.id} changes the arrays of {name!r}")
        _expect_same(kind, name, "given writable arrays", _first(kind, detector, subjects, name), answer)


def check_pickles(kind: type[Detector], subjects: Subjects) -> None:
    """The detector and its answers survive pickling, so that work can be spread over processes."""
    detector = _build(kind)
    with _Breach(f"{kind.__name__} does not pickle"):
        copy = pickle.loads(pickle.dumps(detector))  # noqa: S301 - the bytes were written on this line
    if copy != detector:
        raise ContractError(f"{kind.__name__} is not equal to its pickled copy")
    for name in _few(subjects):
        answer = _first(kind, detector, subjects, name)
        with _Breach(f"{kind.info.id}: the answer to {name!r} does not pickle"):
            revived = pickle.loads(pickle.dumps(answer))  # noqa: S301 - the bytes were written on this line
        _expect_same(kind, name, "pickled", answer, revived)
        _expect_same(kind, name, "asked of a pickled copy", answer, _ask(copy, name, subjects[name]))


def check_ignores_names_and_facts(kind: type[Detector], subjects: Subjects) -> None:
    """The file's name never matters; its metadata only to a detector that says so."""
    detector = _build(kind)
    facts = (("Software", "FaceSwap 9"), ("Make", "a camera"))
    for name in _few(subjects):
        subject = subjects[name]
        answer = _first(kind, detector, subjects, name)
        changes: dict[str, Media] = {"renamed": dataclasses.replace(subject.media, path="/forged/deepfake_0.mp4")}
        if not kind.info.reads_metadata:
            changes["given other metadata"] = dataclasses.replace(subject.media, facts=facts, notes=("edited",))
        for change, media in changes.items():
            other = dataclasses.replace(subject, media=media)
            _expect_same(kind, name, change, answer, _ask(detector, name, other))


def check_opens_no_socket(kind: type[Detector], subjects: Subjects) -> None:
    """Examining reaches for no network, not even inside a try."""
    detector = _build(kind)
    for name in _few(subjects):
        with _offline() as attempts:
            _ask(detector, name, subjects[name])
        if attempts:
            raise ContractError(f"{kind.info.id} opens a socket when asked about {name!r}")


def check_imports(kind: type[Detector], subjects: Subjects, allow: tuple[str, ...] = ()) -> None:
    """In a fresh process, importing the detector's module loads none of ``HEAVY`` but those in ``allow``."""
    del subjects
    where = getattr(sys.modules.get(kind.__module__), "__file__", None) or ""
    command = [sys.executable, "-c", _IMPORT, json.dumps(sys.path), kind.__module__, where]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise ContractError(f"{kind.__module__} does not import on its own: {last}")
    heavy = sorted(set(done.stdout.split()) & set(HEAVY) - set(allow))
    if heavy:
        raise ContractError(f"importing {kind.__module__} loads {', '.join(heavy)}; import it where it is used")


_ANSWERS: deque[tuple[type[Detector], Subjects, dict[str, Evidence]]] = deque(maxlen=2)
CHECKS: Mapping[str, Callable[[type[Detector], Subjects], None]] = {
    "is_frozen_dataclass": check_is_frozen_dataclass,
    "info": check_info,
    "answers": check_answers,
    "abstains": check_abstains,
    "same_answer": check_same_answer,
    "leaves_input_alone": check_leaves_input_alone,
    "pickles": check_pickles,
    "ignores_names_and_facts": check_ignores_names_and_facts,
    "opens_no_socket": check_opens_no_socket,
}


def _build(kind: type[Detector]) -> Detector:
    with _Breach(f"{kind.__name__}() does not build without arguments"):
        return kind()


def _for(level: Level, subject: Subject) -> Subject:
    return subject if level == "person" else dataclasses.replace(subject, track=None)


def _ask(detector: Detector, name: str, subject: Subject) -> Evidence:
    with _Breach(f"{detector.info.id} raises when asked about {name!r}"):
        answer = detector.examine(_for(detector.info.level, subject))
    if not isinstance(answer, Evidence):
        raise ContractError(f"{detector.info.id} answers {name!r} with {type(answer).__name__}, want Evidence")
    return answer


def _first(kind: type[Detector], detector: Detector, subjects: Subjects, name: str) -> Evidence:
    """What a ``kind`` answered when it was first asked; ``detector`` is asked where none was yet.

    What else a check asks is compared with it, so that no check pays twice for an answer that another one has. Held
    for the last few kinds with the subjects they were asked about: an id of what is gone may come again.
    """
    held = next((found for of, about, found in _ANSWERS if of is kind and about is subjects), None)
    if held is None:
        held = {}
        _ANSWERS.append((kind, subjects, held))
    if name not in held:
        held[name] = _ask(detector, name, subjects[name])
    return held[name]


def _check_evidence(kind: type[Detector], name: str, subject: Subject, evidence: Evidence) -> None:
    info, llr = kind.info, evidence.llr
    person = subject.track.person if info.level == "person" and subject.track else None
    numbers = {"llr": llr, "score": evidence.score, "seconds": evidence.seconds}
    if evidence.interval:
        numbers |= {"interval start": evidence.interval.start_s, "interval end": evidence.interval.end_s}
    for label, value in numbers.items():
        plain = isinstance(value, float | int) and not isinstance(value, np.generic | bool)
        if value is not None and not (plain and math.isfinite(value)):
            raise ContractError(f"{info.id}: {label} of {name!r} is {value!r}, want a finite Python float")
    faults = {
        f"is signed {evidence.detector!r}": evidence.detector != info.id,
        "abstains without a reason": llr is None and not str(evidence.reason).strip(),
        "has no finding": not str(evidence.finding).strip(),
        f"is about person {evidence.person}, asked of {person}": evidence.person
        not in ((person, None) if llr is None else (person,)),
        "ends before it begins": evidence.interval is not None and evidence.interval.start_s > evidence.interval.end_s,
        "does not name the weights behind its llr": llr is not None and bool(info.models) and not evidence.weights,
    }
    for fault, holds in faults.items():
        if holds:
            raise ContractError(f"{info.id}: the answer to {name!r} {fault}")
    for exhibit in evidence.exhibits:
        _check_exhibit(f"{info.id}: exhibit {exhibit.caption!r} of {name!r}", exhibit)
    with _Breach(f"{info.id}: the answer to {name!r} is not plain JSON values"):
        revived = json.loads(json.dumps(evidence.to_dict(), allow_nan=False))
    if revived != evidence.to_dict():
        raise ContractError(f"{info.id}: the answer to {name!r} is not equal after a round trip through JSON")


def _check_exhibit(where: str, exhibit: Exhibit) -> None:
    if isinstance(exhibit, ImageExhibit):
        pixels = exhibit.pixels
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
            raise ContractError(f"{where} is {pixels.dtype} {pixels.shape}, want uint8 (height, width, 3)")
        original = pixels if exhibit.original is None else exhibit.original
        if (original.dtype, original.shape) != (pixels.dtype, pixels.shape):
            its = f"{original.dtype} {original.shape}"
            raise ContractError(f"{where} is {pixels.dtype} {pixels.shape} and its original {its}, want the same")
    elif len(exhibit.x) != len(exhibit.y) or not all(
        math.isfinite(v) for v in (*exhibit.x, *exhibit.y) if v is not None
    ):
        raise ContractError(f"{where} has {len(exhibit.x)} x and {len(exhibit.y)} y, want as many, all finite")


def _expect_same(kind: type[Detector], name: str, change: str, first: Evidence, second: Evidence) -> None:
    one, other = first.to_dict(), second.to_dict()
    changed = [f"{key} {one[key]!r} != {other[key]!r}" for key in one if one[key] != other[key]]
    if not changed and not all(map(_same_exhibit, first.exhibits, second.exhibits)):
        changed = ["the contents of its exhibits"]
    if changed:
        raise ContractError(f"{kind.info.id} answers {name!r} differently when {change}: {', '.join(changed)}")


def _same_exhibit(first: Exhibit, second: Exhibit) -> bool:
    if isinstance(first, Curve) or isinstance(second, Curve):
        return first == second
    return first.time_s == second.time_s and np.array_equal(first.pixels, second.pixels)


def _few(subjects: Subjects) -> list[str]:
    """The subjects for checks that cost several answers each."""
    wanted = ("portrait", "noise", "tight_crop", "clip", "strip", "tone")
    return [name for name in wanted if name in subjects] or list(subjects)[:5]


def _within(values: Sequence[str], literal: object) -> bool:
    return set(values) <= set(get_args(literal))


class _Breach:
    """Turns whatever is raised inside into a ContractError that says ``what`` and keeps the cause."""

    def __init__(self, what: str) -> None:
        self.what = what

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, ContractError):
            raise ContractError(f"{self.what}: {type(error).__name__}: {error}") from error


@contextmanager
def _offline() -> Iterator[list[str]]:
    """Refuse sockets and name look-ups inside, and list the attempts."""
    attempts: list[str] = []

    class Refused(socket.socket):
        def __init__(self, *args: object, **_: object) -> None:
            attempts.append(f"socket{args}")
            raise OSError("the contract allows no network")

        def __del__(self) -> None:
            """The parent was never set up, so there is nothing to close."""

    def refused(*args: object, **_: object) -> NoReturn:
        attempts.append(f"getaddrinfo{args}")
        raise OSError("the contract allows no network")

    with patch.object(socket, "socket", Refused), patch.object(socket, "getaddrinfo", refused):
        yield attempts
