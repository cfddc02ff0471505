"""The contract suite passes an honest detector and catches each kind of dishonest one."""

from __future__ import annotations

import json
import socket
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from zhenwei import testing
from zhenwei.testing import CHECKS, ContractError, check_detector, check_imports, subjects
from zhenwei.types import (
    Box,
    Curve,
    Detector,
    DetectorInfo,
    Evidence,
    ImageExhibit,
    InputContract,
    Interval,
    Level,
    Subject,
)

INFO = DetectorInfo(
    id="traditional.brightness",
    question="Is the face brighter than faces are?",
    takes=("image", "video"),
    level="person",
    needs=("faces",),
    reference="this test",
    blind_spots=("everything but brightness",),
    contract=InputContract(32, 0.0, 20),
)


@dataclass(frozen=True, slots=True)
class Honest:
    """A detector that keeps the whole contract."""

    gain: float = 2.0

    info: ClassVar[DetectorInfo] = INFO

    def examine(self, subject: Subject) -> Evidence:
        faces = subject.track.faces if subject.track else ()
        if subject.track is None or all(face.quality.face_px < 20 for face in faces):
            return Evidence(self.info.id, None, "No answer.", "no face that is large enough")
        level = float(np.mean([subject.frame(f.frame).pixels.mean() for f in faces])) / 255
        curve = Curve("level", "time (s)", "level", (0.0,), (level,))
        image = ImageExhibit("first frame", subject.frame(faces[0].frame).pixels)
        llr = self.gain * (level - 0.5)
        finding, person = f"Brightness is {level:.2f}.", subject.track.person
        return Evidence(self.info.id, llr, finding, score=level, person=person, exhibits=(curve, image))


def test_honest_detector_passes() -> None:
    check_detector(Honest)


def test_every_check_is_about_the_honest_detector_too() -> None:
    for check in CHECKS.values():
        check(Honest, {"portrait": subjects()["portrait"]})


@dataclass(frozen=True, slots=True)
class WholeFile(Honest):
    """One of level "file", that looks at frames whoever is in them."""

    info: ClassVar[DetectorInfo] = replace(INFO, level="file", contract=None)

    def examine(self, subject: Subject) -> Evidence:
        if subject.track is not None:
            raise RuntimeError("a file-level detector is given no person")
        if not subject.frames:
            return Evidence(self.info.id, None, "No answer.", "no picture")
        return Evidence(self.info.id, float(subject.frames[0].pixels.mean()) - 128, "Bright.")


def test_file_level_detector_passes() -> None:
    check_detector(WholeFile)


def changed(**changes: Any) -> type[Detector]:
    """The honest detector with its answers changed."""

    @dataclass(frozen=True, slots=True)
    class Changed(Honest):
        def examine(self, subject: Subject) -> Evidence:
            answer = Honest.examine(self, subject)
            return answer if answer.llr is None else replace(answer, **changes)

    return Changed


def with_info(**changes: Any) -> type[Detector]:
    @dataclass(frozen=True, slots=True)
    class Renamed(Honest):
        info: ClassVar[DetectorInfo] = replace(INFO, **changes)

    return Renamed


CURVE = Curve("c", "x", "y", (0.0, 1.0), (0.0, 1.0))
BLACK = np.zeros((2, 2, 3), np.uint8)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (changed(llr=float("nan")), "llr of 'portrait' is nan"),
        (changed(llr=float("inf")), "is inf"),
        (changed(llr=np.float32(1)), "finite Python float"),
        (changed(llr=np.float64(1)), "finite Python float"),
        (changed(llr=True), "finite Python float"),
        (changed(score=float("nan")), "score of 'portrait'"),
        (changed(seconds=float("nan")), "seconds of 'portrait'"),
        (changed(llr=None), "abstains without a reason"),
        (changed(llr=None, reason="  "), "abstains without a reason"),
        (changed(finding=""), "has no finding"),
        (changed(detector="warp.self_blend"), "signed 'warp.self_blend'"),
        (changed(person=7), "about person 7, asked of 1"),
        (changed(person=None), "about person None, asked of 1"),
        (changed(llr=None, reason="why", person=7), "about person 7, asked of 1"),
        (changed(interval=Interval(2.0, 1.0)), "ends before it begins"),
        (changed(interval=Interval(0.0, float("nan"))), "interval end"),
        (changed(exhibits=(replace(CURVE, y=(0.0,)),)), "2 x and 1 y"),
        (changed(exhibits=(replace(CURVE, y=(0.0, float("nan"))),)), "all finite"),
        (changed(exhibits=(ImageExhibit("p", np.zeros((2, 2), np.uint8)),)), "want uint8"),
        (changed(exhibits=(ImageExhibit("p", np.zeros((2, 2, 3), np.float32)),)), "want uint8"),
        (changed(exhibits=(ImageExhibit("p", BLACK, original=BLACK.astype(np.float32)),)), "want the same"),
        (changed(weights=b"id"), "not plain JSON"),
    ],
)
def test_answers(kind: type[Detector], message: str) -> None:
    with pytest.raises(ContractError, match=message):
        CHECKS["answers"](kind, subjects())


def test_answers_must_name_the_weights() -> None:
    with pytest.raises(ContractError, match="does not name the weights"):
        CHECKS["answers"](with_info(models=("face_forgery",)), subjects())


def test_gaps_in_a_curve_are_allowed() -> None:
    CHECKS["answers"](changed(exhibits=(replace(CURVE, y=(0.0, None)),)), subjects())


@pytest.mark.parametrize("name", sorted(subjects()))
def test_an_exception_on_any_subject_is_caught_and_named(name: str) -> None:
    """The detector stumbles over one subject of all, recognised by its identity."""

    @dataclass(frozen=True, slots=True)
    class Stumbles(Honest):
        def examine(self, subject: Subject) -> Evidence:
            if subject is subjects()[name]:
                raise ZeroDivisionError("a face of no width")
            return Honest.examine(self, subject)

    with pytest.raises(ContractError, match=rf"raises when asked about '{name}': ZeroDivisionError: a face"):
        CHECKS["answers"](Stumbles, subjects())


def test_an_answer_that_is_no_evidence() -> None:
    @dataclass(frozen=True, slots=True)
    class Score(Honest):
        def examine(self, subject: Subject) -> Evidence:  # noqa: ARG002
            return 0.93  # type: ignore[return-value]

    with pytest.raises(ContractError, match="with float, want Evidence"):
        CHECKS["answers"](Score, subjects())


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (with_info(id="brightness"), "not family.file"),
        (with_info(id="Traditional.Brightness"), "not family.file"),
        (with_info(question="Bright"), "does not end with"),
        (with_info(reference=" "), "reference is empty"),
        (with_info(blind_spots=()), "blind_spots is empty"),
        (with_info(takes=()), "takes"),
        (with_info(takes=("image", "image")), "twice"),
        (with_info(takes=("pictures",)), "is not some of"),
        (with_info(level="frame"), "level 'frame'"),
        (with_info(depth="deep"), "depth 'deep'"),
        (with_info(finds="gold"), "finds 'gold'"),
        (with_info(contract=InputContract(0, 0.0, 20)), "at 0"),
        (with_info(contract=InputContract(32, -0.1, 20)), "at 0"),
        (with_info(needs=(b"faces",)), "not plain JSON"),
    ],
)
def test_info(kind: type[Detector], message: str) -> None:
    with pytest.raises(ContractError, match=message):
        CHECKS["info"](kind, subjects())


def test_info_missing_or_elsewhere() -> None:
    class Blank:
        pass

    with pytest.raises(ContractError, match="no info"):
        CHECKS["info"](Blank, {})  # type: ignore[arg-type]
    inside = with_info()
    inside.__module__ = "zhenwei.detectors.warp.brightness"
    with pytest.raises(ContractError, match=r"is not its path, 'warp\.brightness'"):
        CHECKS["info"](inside, {})


def test_frozen_dataclass() -> None:
    class Plain(Honest):
        pass

    @dataclass
    class Thawed:
        gain: float = 1.0
        info: ClassVar[DetectorInfo] = INFO

        def examine(self, subject: Subject) -> Evidence:  # noqa: ARG002
            return Evidence(INFO.id, None, "None.", "none")

    @dataclass(frozen=True)
    class Demanding:
        gain: float
        info: ClassVar[DetectorInfo] = INFO

        def examine(self, subject: Subject) -> Evidence:  # noqa: ARG002
            return Evidence(INFO.id, None, "None.", "none")

    @dataclass(frozen=True)
    class Odd(Honest):
        names: list[str] = field(default_factory=list)

    faults = ((Plain, "not a dataclass"), (Thawed, "not frozen"), (Demanding, "without arguments"), (Odd, "is list"))
    for kind, message in faults:
        with pytest.raises(ContractError, match=message):
            CHECKS["is_frozen_dataclass"](kind, {})


@dataclass(frozen=True, slots=True)
class Talkative(Honest):
    """Has something to say of everyone, and of no one."""

    def examine(self, subject: Subject) -> Evidence:
        person = subject.track.person if subject.track else None
        return Evidence(self.info.id, 0.0, "Perhaps.", person=person)


def test_abstention() -> None:
    for name, why in (("no_faces", "no person"), ("speck", "below 20 px"), ("one_pixel", "below 20 px")):
        with pytest.raises(ContractError, match=why):
            CHECKS["abstains"](Talkative, {name: subjects()[name]})
    filewide = replace(INFO, level="file", contract=None)

    @dataclass(frozen=True, slots=True)
    class OfTheFile(Talkative):
        info: ClassVar[DetectorInfo] = filewide

    with pytest.raises(ContractError, match="neither picture nor sound"):
        CHECKS["abstains"](OfTheFile, {"nothing": subjects()["nothing"]})
    CHECKS["abstains"](OfTheFile, {"portrait": subjects()["portrait"]})


def test_memory_of_earlier_subjects() -> None:
    seen: list[float] = []

    @dataclass(frozen=True, slots=True)
    class Remembers(Honest):
        def examine(self, subject: Subject) -> Evidence:
            answer = Honest.examine(self, subject)
            seen.append(0.0)
            return answer if answer.llr is None else replace(answer, llr=answer.llr + 1e-12 * len(seen))

    with pytest.raises(ContractError, match="asked again after other subjects"):
        CHECKS["same_answer"](Remembers, subjects())


def test_exhibits_count_as_part_of_the_answer() -> None:
    rng = np.random.default_rng()

    @dataclass(frozen=True, slots=True)
    class Paints(Honest):
        def examine(self, subject: Subject) -> Evidence:
            painting = ImageExhibit("noise", rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
            return replace(Honest.examine(self, subject), exhibits=(painting,))

    with pytest.raises(ContractError, match="differently"):
        CHECKS["same_answer"](Paints, {"portrait": subjects()["portrait"]})


def test_a_map_has_the_size_of_its_original() -> None:
    @dataclass(frozen=True, slots=True)
    class Askew(Honest):
        def examine(self, subject: Subject) -> Evidence:
            below, above = np.zeros((8, 8, 3), np.uint8), np.zeros((8, 9, 3), np.uint8)
            return replace(Honest.examine(self, subject), exhibits=(ImageExhibit("map", above, original=below),))

    with pytest.raises(ContractError, match="its original"):
        CHECKS["answers"](Askew, {"portrait": subjects()["portrait"]})


def test_writing_into_the_input() -> None:
    @dataclass(frozen=True, slots=True)
    class Scribbles(Honest):
        def examine(self, subject: Subject) -> Evidence:
            answer = Honest.examine(self, subject)
            if subject.frames and subject.frames[0].pixels.flags.writeable:
                subject.frames[0].pixels[0, 0] = 1
            return answer

    with pytest.raises(ContractError, match="changes the arrays"):
        CHECKS["leaves_input_alone"](Scribbles, subjects())

    @dataclass(frozen=True, slots=True)
    class Insists(Honest):
        def examine(self, subject: Subject) -> Evidence:
            subject.frames[0].pixels[0, 0] = 1
            return Honest.examine(self, subject)

    with pytest.raises(ContractError, match="read-only"):
        CHECKS["answers"](Insists, {"portrait": subjects()["portrait"]})


def test_pickling() -> None:
    local = changed(llr=0.0)  # a class inside a function cannot be found again
    with pytest.raises(ContractError, match="does not pickle"):
        CHECKS["pickles"](local, subjects())
    CHECKS["pickles"](Honest, subjects())


def test_names_and_facts() -> None:
    def depends_on(what: str) -> type[Detector]:
        @dataclass(frozen=True, slots=True)
        class Peeks(Honest):
            def examine(self, subject: Subject) -> Evidence:
                answer = Honest.examine(self, subject)
                hint = "fake" in str(getattr(subject.media, what)).lower() or "faceswap" in str(subject.media.facts)
                return replace(answer, score=float(hint))

        return Peeks

    with pytest.raises(ContractError, match="when renamed"):
        CHECKS["ignores_names_and_facts"](depends_on("path"), subjects())

    @dataclass(frozen=True, slots=True)
    class ReadsFacts(Honest):
        def examine(self, subject: Subject) -> Evidence:
            return replace(Honest.examine(self, subject), score=float(len(subject.media.facts)))

    with pytest.raises(ContractError, match="given other metadata"):
        CHECKS["ignores_names_and_facts"](ReadsFacts, subjects())

    @dataclass(frozen=True, slots=True)
    class SaysSo(ReadsFacts):
        info: ClassVar[DetectorInfo] = replace(INFO, reads_metadata=True)

    CHECKS["ignores_names_and_facts"](SaysSo, subjects())


def test_sockets_even_when_their_refusal_is_swallowed() -> None:
    before = socket.socket, socket.getaddrinfo

    @dataclass(frozen=True, slots=True)
    class Phones(Honest):
        def examine(self, subject: Subject) -> Evidence:
            try:
                socket.create_connection(("127.0.0.1", 9), timeout=0.1)
            except OSError:
                return Honest.examine(self, subject)
            raise RuntimeError("the contract let a socket through")

    @dataclass(frozen=True, slots=True)
    class Opens(Honest):
        def examine(self, subject: Subject) -> Evidence:
            try:
                socket.socket()
            except OSError:
                return Honest.examine(self, subject)
            raise RuntimeError("the contract let a socket through")

    for kind in (Phones, Opens):
        with pytest.raises(ContractError, match="opens a socket"):
            CHECKS["opens_no_socket"](kind, subjects())
    assert (socket.socket, socket.getaddrinfo) == before


def test_import_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two plug-ins on disk: one drags a heavy package in (a stand-in of its name), one does not import at all."""
    (tmp_path / "jax.py").write_text("")
    (tmp_path / "greedy_plugin.py").write_text("import jax\n")
    (tmp_path / "broken_plugin.py").write_text("import a_package_that_is_not_there\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    heavy, broken = changed(), changed()
    heavy.__module__, broken.__module__ = "greedy_plugin", "broken_plugin"
    with pytest.raises(ContractError, match="importing greedy_plugin loads jax"):
        check_imports(heavy, {})
    check_imports(heavy, {}, allow=("jax",))
    with pytest.raises(ContractError, match="does not import on its own: ModuleNotFoundError"):
        check_imports(broken, {})


def test_subjects_are_what_they_say() -> None:
    everything = subjects()
    assert everything["tall"].frames[0].pixels.shape == (4000, 1, 3)
    assert everything["one_pixel"].frames[0].pixels.shape == (1, 1, 3)
    silent = everything["silence"].audio
    assert silent is not None
    assert not silent.samples.any()
    for name, subject in everything.items():
        for frame in subject.frames:
            assert frame.pixels.dtype == np.uint8, name
            assert not frame.pixels.flags.writeable, name
        for face in subject.track.faces if subject.track else ():
            assert face.keypoints.shape == (6, 2), name
            assert subject.frame(face.frame).time_s == face.time_s, name
            assert face.landmarks is None or face.landmarks.shape == (468, 3), name
        times = [f.time_s for f in subject.frames]
        assert times == sorted(times), name
        assert json.dumps([subject.media.width, subject.media.duration_s], allow_nan=False)


def test_making_a_subject_leaves_the_authors_array_writable() -> None:
    pixels = testing.portrait(60, 50)
    subject = testing.image_subject(pixels, Box(1, 2, 30, 40))
    assert pixels.flags.writeable
    assert subject.track is not None
    assert subject.track.faces[0].box == Box(1, 2, 30, 40)
    mesh = testing.face_mesh(Box(10, 20, 110, 220))
    assert mesh.shape == (468, 3)
    assert ((mesh[:, :2] >= [10, 20]) & (mesh[:, :2] <= [110, 220])).all()
    assert mesh[33, 0] < mesh[263, 0]
    assert mesh[10, 1] < mesh[1, 1] < mesh[152, 1]


def test_levels_cover_the_vocabulary() -> None:
    levels: tuple[Level, ...] = ("person", "file")
    for level in levels:
        CHECKS["info"](with_info(level=level), {})
