"""A tour: what each family of methods found in one picture and one clip, step by step, as one page of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from zhenwei import pages
from zhenwei.fusion.wording import signed
from zhenwei.report.exhibits import ShownImage, image, weight
from zhenwei.report.plot import Plot, drawable, plotted
from zhenwei.report.thumbnails import Album, Thumbnail
from zhenwei.report.tour_words import CHAPTERS, WORDS, Chapter
from zhenwei.types import Curve, DetectorInfo, Evidence, ImageExhibit, Language, Report, in_language

_END = 4.6  # natural units at the end of a bar: 100 : 1
_MAX_IMAGES, _MAX_PLOTS = 1, 1  # of one detector on one file
_ROOM = 3_000_000  # characters of pictures


@dataclass(frozen=True, slots=True)
class _Answer:
    """What one detector said of one file. ``llr``: "" where it does not answer; bars as in the report."""

    detector: str
    of: str
    question: str
    says: str
    llr: str
    side: str
    width: str
    images: tuple[ShownImage, ...]
    plots: tuple[Plot, ...]


@dataclass(frozen=True, slots=True)
class _Family:
    title: str
    idea: str
    limit: str
    answers: tuple[_Answer, ...]


@dataclass(frozen=True, slots=True)
class _File:
    of: str
    name: str
    facts: tuple[tuple[str, str], ...]
    poster: Thumbnail | None
    people: tuple[tuple[str, Thumbnail, str], ...]
    decision: str
    word: str
    explanation: str
    llr: str
    counted: tuple[tuple[str, str, str], ...]  # detector, alone, adds


def tour_page(reports: Sequence[tuple[str, Report]], language: Language, detectors: Mapping[str, DetectorInfo]) -> str:
    """The page. ``reports``: "picture" or "clip" with its report, examined in full. ``detectors``: entries by id."""
    album = Album(room=_ROOM)
    words = {name: in_language(text, language) for name, text in WORDS.items()}
    chapters = [(c, _family(c, reports, language, detectors, album)) for c in CHAPTERS]
    return pages.page(
        "tour/page.html",
        title=f"{words['title']} · zhenwei",
        kind=words["kind"],
        footer=words["footer"],
        language=language,
        words=words,
        files=[_file(of, report, language, words, album) for of, report in reports],
        families=[family for chapter, family in chapters if chapter.in_lecture],
        since=[family for chapter, family in chapters if not chapter.in_lecture],
    )


def _family(
    chapter: Chapter,
    reports: Sequence[tuple[str, Report]],
    language: Language,
    detectors: Mapping[str, DetectorInfo],
    album: Album,
) -> _Family:
    answers = []
    for of, report in reports:
        for evidence in report.evidence:
            known = detectors.get(evidence.detector)
            if evidence.detector.partition(".")[0] == chapter.family and evidence.asked:
                question = in_language(known.question, language) if known else ""
                answers.append(_answer(evidence, in_language(WORDS[of], language), question, language, album))
    title, idea, limit = (in_language(text, language) for text in (chapter.title, chapter.idea, chapter.limit))
    return _Family(title, idea, limit, tuple(answers))


def _answer(evidence: Evidence, of: str, question: str, language: Language, album: Album) -> _Answer:
    images, plots = list[ShownImage](), list[Plot]()
    for exhibit in evidence.exhibits:
        if isinstance(exhibit, ImageExhibit) and len(images) < _MAX_IMAGES and not album.full:
            images.append(image(evidence, exhibit, album, language))
        elif isinstance(exhibit, Curve) and drawable(exhibit) and len(plots) < _MAX_PLOTS:
            plots.append(plotted(exhibit, language, evidence.detector))
    llr = evidence.llr
    says = in_language(evidence.reason if llr is None else evidence.finding, language)
    return _Answer(
        detector=evidence.detector,
        of=of,
        question=question,
        says=says,
        llr="" if llr is None else signed(llr, 2),
        side="left" if (llr or 0.0) >= 0 else "right",
        width=f"{50 * min(1.0, abs(llr or 0.0) / _END):.1f}",
        images=tuple(images),
        plots=tuple(plots),
    )


def _file(of: str, report: Report, language: Language, words: Mapping[str, str], album: Album) -> _File:
    media, verdict = report.media, report.verdict
    facts = [("sha256", media.sha256), ("", media.container), ("", words["bytes"].format(f"{media.size_bytes:,}"))]
    if media.width:
        facts.append(("", f"{media.width} × {media.height} px"))
    if media.duration_s:
        facts.append(("", f"{media.duration_s:.1f} s"))
    people = []
    for person in report.people:
        seen = words["seen"].format(f"{person.quality.face_px:.0f}", f"{person.quality.sharpness:.0f}")
        people.append((words["people"].format(person.person), album.add(person.portrait), seen))
    counted = []
    for evidence in sorted(report.evidence, key=lambda each: -abs(weight(each))):
        if evidence.llr is not None and evidence.counted is not None:
            counted.append((evidence.detector, signed(evidence.llr, 2), signed(evidence.counted, 2)))
    return _File(
        of=words[of],
        name=PurePath(media.path).name,
        facts=tuple(facts),
        poster=album.add(report.poster.pixels) if report.poster else None,
        people=tuple(people),
        decision=verdict.decision,
        word=words[verdict.decision],
        explanation=in_language(verdict.explanation, language),
        llr="—" if verdict.llr is None else signed(verdict.llr, 2),
        counted=tuple(counted),
    )
