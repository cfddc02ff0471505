"""What ``cnn.face_forgery`` says of one file's faces after an attack on them, and what verdict follows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from zhenwei import detectors, faces, fusion, media, pipeline
from zhenwei.errors import UsageError
from zhenwei.evaluation.adversarial import EPS, Attack, Budget, fgsm, network, pgd
from zhenwei.evaluation.robust import StepAnswer
from zhenwei.types import Box, Evidence, Frame, InputContract, Pixels, Subject, Track

_DETECTOR = "cnn.face_forgery"
_MIRRORED_BELOW = 8  # the detector looks at the mirror image, too, where it has fewer faces than that


@dataclass(frozen=True, slots=True, eq=False)
class FaceCrops:
    """A person's faces as the network sees them: ``crops`` ``(n, size, size, 3)`` uint8, one a face of ``track``."""

    track: Track
    crops: Pixels


def attacked(
    path: str,
    options: pipeline.Options | None = None,
    *,
    eps: Sequence[int] = EPS,
    attacks: Sequence[Attack] = ("fgsm", "pgd"),
    steps: int = 10,
    seed: int = 0,
) -> Iterator[StepAnswer]:
    """One answer for each attack, aim and budget: "hide" where the file is called forged, "frame" where genuine, both
    where there is no verdict. The attacked faces are handed to the detector itself; what all others say stays.

    Nothing comes where the detector has no face to look at. Raises :class:`MissingExtraError` without PyTorch,
    :class:`UsageError` where the detector is not among those asked.
    """
    options = options or pipeline.Options()
    if options.detectors and _DETECTOR not in options.detectors:
        raise UsageError("there is nothing to attack", got=", ".join(options.detectors), want=f"--detector {_DETECTOR}")
    report = pipeline.examine(path, options=options)
    subject, people = _subject(path, options.sampled_frames)
    aims = {"forged": ("hide",), "genuine": ("frame",), "inconclusive": ("hide", "frame")}[report.verdict.decision]
    for attack, aim, level in product(attacks, aims, eps) if people else ():
        budget = Budget(level, steps, seed=seed)
        evidence = [e for e in report.evidence if e.detector != _DETECTOR]
        for person in people:
            count = len(person.crops)
            score = network(mirrored=count < _MIRRORED_BELOW)
            moved = (fgsm if attack == "fgsm" else pgd)(score, person.crops, [aim == "hide"] * count, budget)
            evidence.append(reexamined(replace(person, crops=moved), subject))
        verdict = fusion.decide(evidence, people=report.people, kind=report.media.kind, false_alarm=options.false_alarm)
        name = f"{attack} {aim} {level}/255"
        yield StepAnswer(
            f"adversarial {attack} {aim}", name, level, verdict.decision, verdict.llr, str(verdict.explanation)
        )


def _subject(path: str, count: int) -> tuple[Subject, list[FaceCrops]]:
    opened = media.open_media(path)
    frames = tuple(media.sample_frames(opened, count)) if opened.kind != "audio" else ()
    people = []
    for track in faces.find_people(frames) if frames else ():
        person = _seen(track, frames, _contract())
        if len(person.crops):
            people.append(person)
    return Subject(opened, frames), people


def _contract() -> InputContract:
    contract = detectors.catalogue()[_DETECTOR].info.contract
    if contract is None:
        raise UsageError("there is nothing to attack", got=_DETECTOR, want="a detector with an input contract")
    return contract


def _seen(track: Track, frames: Sequence[Frame], contract: InputContract) -> FaceCrops:
    kept, crops = [], []
    for face in track.faces:
        crop = faces.cut(frames[face.frame], face, contract)
        if crop is not None:
            kept.append(face)
            crops.append(crop)
    size = contract.size_px
    return FaceCrops(replace(track, faces=tuple(kept)), np.array(crops, np.uint8).reshape(-1, size, size, 3))


def reexamined(person: FaceCrops, subject: Subject) -> Evidence:
    """What the detector says of crops in the place of frames. Each is a frame of its own, its box such that the
    contract cuts out just that frame, and the quality of the face stays what it was in the file."""
    contract, detector = _contract(), detectors.build(_DETECTOR)
    inner = contract.size_px / (1 + 2 * contract.margin)
    edge = (contract.size_px - inner) / 2
    box = Box(edge, edge, edge + inner, edge + inner)
    frames, shown = [], []
    for number, (face, crop) in enumerate(zip(person.track.faces, person.crops, strict=True)):
        pixels = crop.copy()
        pixels.flags.writeable = False
        frames.append(Frame(number, face.time_s, pixels))
        shown.append(replace(face, frame=number, box=box, landmarks=None, tight=False))
    track = replace(person.track, faces=tuple(shown))
    return detector.examine(Subject(subject.media, tuple(frames), track))
