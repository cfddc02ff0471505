"""A detector about a held-out image, as a user's own would be asked: found, cut and judged by the package itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from zhenwei import faces
from zhenwei.training.data.held_out_images import HeldOutImage
from zhenwei.training.install.calibrate import Ask, AskEach, Sample
from zhenwei.types import Detector, Frame, Media, Pixels, Quality, Subject


def subject_of(pixels: Pixels) -> Subject:
    """An image of which nothing else is known."""
    height, width = pixels.shape[:2]
    return Subject(Media("", "", "image", 0, "jpeg", width=width, height=height), (Frame(0, 0.0, pixels),))


def of_image(detector: Detector) -> Ask:
    """What ``detector`` makes of the whole image, whatever its size; None where it abstains."""

    def ask(shown: HeldOutImage) -> Sample | None:
        return _sample(detector, subject_of(shown.pixels), shown, None)

    return ask


def of_face(detector: Detector) -> Ask:
    """What ``detector`` makes of the largest face; None where the package's own finder sees none, or it abstains."""
    each = of_face_each({"": detector})
    return lambda shown: each(shown).get("")


def of_face_each(detectors: Mapping[str, Detector]) -> AskEach:
    """:func:`of_face` of several detectors, which look at the same face; by part."""

    def ask(shown: HeldOutImage) -> dict[str, Sample | None]:
        subject = subject_of(shown.pixels)
        people = faces.find_people(subject.frames)
        if not people:
            return {}
        track = max(people, key=lambda one: one.faces[0].box.area)
        subject = replace(subject, track=replace(track, person=1))
        seen = track.faces[0].quality
        return {part: _sample(detector, subject, shown, seen) for part, detector in detectors.items()}

    return ask


def _sample(detector: Detector, subject: Subject, shown: HeldOutImage, seen: Quality | None) -> Sample | None:
    score = detector.examine(subject).score
    return None if score is None else Sample.of(shown, score, seen)
