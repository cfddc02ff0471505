"""What the viewer of an examination shows: faces and maps over the file, and what stands on its timeline."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from zhenwei.report.course import Course
from zhenwei.report.exhibits import weight
from zhenwei.report.packed import Packed
from zhenwei.report.terms import between, clock, strength
from zhenwei.report.thumbnails import Album, Thumbnail
from zhenwei.server.pages.preview import MAX_S, Preview
from zhenwei.server.pages.previews import State
from zhenwei.server.pages.words import say
from zhenwei.types import Box, Evidence, ImageExhibit, Interval, Language, Person, Pixels, Report, in_language

MAX_LANES = 6  # of people
_SPEAKS = 0.5  # what a detector has to add for a forgery before its map is chosen, and coloured
_GAP_S = 2.0  # between two sightings of one passage
_WHOLE = Box(0.0, 0.0, 1.0, 1.0)


class ServedAlbum(Album):
    """Pictures by their addresses: those of a packed report are served one by one."""

    __slots__ = ("_numbers", "_where")

    def __init__(self, packed: Packed, where: str) -> None:
        super().__init__()
        self._numbers = {id(pixels): number for number, pixels in enumerate(packed.pictures)}
        self._where = where

    def add(self, pixels: Pixels) -> Thumbnail:
        return Thumbnail(self.address(pixels), pixels.shape[1], pixels.shape[0])

    def portrait(self, pixels: Pixels) -> Thumbnail:
        return self.add(pixels)

    def address(self, pixels: Pixels) -> str:
        return f"{self._where}/{self._numbers[id(pixels)]}.jpg"


@dataclass(frozen=True, slots=True)
class Mark:
    """Something on the timeline: from ``left``, in per cent, with words for who does not see it. ``rank``: how many
    begin at the same time and come before it."""

    left: str
    width: str
    words: str
    start: str
    detector: str = ""
    rank: int = 0


@dataclass(frozen=True, slots=True)
class Face:
    """A box on a picture, in per cent of it."""

    number: int
    decision: str
    left: str
    top: str
    width: str
    height: str


@dataclass(frozen=True, slots=True)
class Seen:
    """When a person was seen: left edge and width of each passage."""

    number: int
    decision: str
    parts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Viewer:
    """``people``, ``maps``: as JSON for the script. ``src``: what is played, ``still``: what is shown until then.
    ``choices``: detectors with maps, ``chosen`` the one that is shown first, "" for none. ``passages``: suspicious ones
    of each person and of the whole file, with the name of their lane."""

    state: State
    src: str
    still: str
    spectrogram: str
    fps: float
    ratio: float
    cut_minutes: int
    people: str
    maps: str
    choices: tuple[tuple[str, str], ...]
    chosen: str
    strength: int
    faces: tuple[Face, ...]
    passages: tuple[tuple[str, tuple[Mark, ...]], ...]
    moments: tuple[Mark, ...]
    seen: tuple[Seen, ...]
    sound_left: str
    sound_width: str


def viewer(
    packed: Packed, album: ServedAlbum, span: Interval, course: Course, made: tuple[State, Preview | None], at: str,
    language: Language,
) -> Viewer:  # fmt: skip
    """``at``: the address of the examination. ``made``: what became of the preview of its file."""
    report, (state, preview) = packed.report, made
    maps = _maps(report, album, language)
    choices = _choices(report, maps, language)
    decisions = {each.person: each.decision for each in report.verdict.by_person}
    speaking = [each for each in choices if each[2] >= _SPEAKS]
    return Viewer(
        state=state,
        src=f"{at}/media" if preview is not None else "",
        still=album.address(report.poster.pixels) if report.poster is not None else "",
        spectrogram=f"{at}/spectrogram" if _is_heard(report, made) else "",
        fps=report.media.fps or (preview.fps if preview is not None else 0.0) or 25.0,
        ratio=_ratio(report, preview),
        cut_minutes=int(MAX_S // 60) if (report.media.duration_s or 0.0) > MAX_S else 0,
        people=json.dumps([_track(each, decisions) for each in report.people if each.sightings]),
        maps=json.dumps(maps, ensure_ascii=False),
        choices=tuple([(detector, words) for detector, words, _ in choices]),
        chosen=speaking[0][0] if speaking else "",
        strength=85,
        faces=tuple(_faces(report, decisions)),
        passages=_passages(course, span, language),
        moments=tuple(_moments(maps, span, language)),
        seen=tuple(_seen(report, span, decisions)),
        sound_left=_left(0.0, span),
        sound_width=f"{_share(preview.shown_s if preview else report.media.duration_s or 0.0, span):.3f}",
    )


def _is_heard(report: Report, made: tuple[State, Preview | None]) -> bool:
    """Whether there is a spectrogram, or will be."""
    state, preview = made
    return bool(preview.spectrogram) if preview is not None else state == "making" and bool(report.media.audio_codec)


def _ratio(report: Report, preview: Preview | None) -> float:
    """Width over height of what is shown."""
    width, height = report.media.width, report.media.height
    if preview is not None:
        width, height = preview.width, preview.height
    return width / height if width and height else 16 / 9


def _maps(report: Report, album: ServedAlbum, language: Language) -> list[dict[str, Any]]:
    """Every map that lies over a part of the frame, those of a clip with their times."""
    found = []
    is_clip = report.media.kind == "video"
    for each, exhibit in _laid_over(report.evidence):
        if is_clip and exhibit.time_s is None:
            continue  # nobody knows where in the clip it belongs
        place = exhibit.place or _WHOLE
        found.append(
            {
                "src": album.address(exhibit.pixels),
                "time": exhibit.time_s if is_clip else None,
                "detector": each.detector,
                "caption": in_language(exhibit.caption, language),
                "grey": weight(each) < _SPEAKS,
                "place": [round(side, 5) for side in (place.left, place.top, place.right, place.bottom)],
            }
        )
    return found


def _laid_over(evidence: Sequence[Evidence]) -> list[tuple[Evidence, ImageExhibit]]:
    found = []
    for each in evidence:
        for exhibit in each.exhibits:
            if isinstance(exhibit, ImageExhibit) and exhibit.original is not None:
                found.append((each, exhibit))
    return found


def _choices(report: Report, maps: Sequence[Mapping[str, Any]], language: Language) -> list[tuple[str, str, float]]:
    """Detectors with maps: id, words and what they add; those that speak most for a forgery first."""
    shown = {each["detector"] for each in maps}
    found: dict[str, float] = {}
    for each in report.evidence:
        if each.detector in shown and each.llr is not None:
            found[each.detector] = max(weight(each), found.get(each.detector, -99.0))
    rows = sorted(found.items(), key=lambda row: -row[1])
    return [(detector, f"{detector} – {strength(llr, language)}", llr) for detector, llr in rows]


def _track(person: Person, decisions: Mapping[int, str]) -> dict[str, Any]:
    seen = []
    for time_s, box in person.sightings:
        seen.append([round(value, 4) for value in (time_s, box.left, box.top, box.right, box.bottom)])
    return {"number": person.person, "decision": decisions.get(person.person, ""), "seen": seen}


def _faces(report: Report, decisions: Mapping[int, str]) -> list[Face]:
    if report.media.kind != "image":
        return []
    found = []
    for person in report.people:
        for _, box in person.sightings[:1]:
            sides = [f"{100 * side:.2f}" for side in (box.left, box.top, box.width, box.height)]
            found.append(Face(person.person, decisions.get(person.person, ""), *sides))
    return found


def _passages(course: Course, span: Interval, language: Language) -> tuple[tuple[str, tuple[Mark, ...]], ...]:
    lanes: dict[int | None, list[Mark]] = {}
    for each in course.suspicious:
        words = f"{between(each.interval, language)}: {', '.join(each.detectors)}"
        start, width = each.interval.start_s, _share(each.interval.end_s - each.interval.start_s, span)
        mark = Mark(_left(start, span), f"{width:.3f}", words, f"{start:.3f}")
        lanes.setdefault(each.person, []).append(mark)
    named = []
    for person, marks in sorted(lanes.items(), key=lambda lane: lane[0] or 0):
        of = say("whole_file", language) if person is None else say("person", language, number=person)
        name = say("lane_suspicious", language)
        if person is not None or len(lanes) > 1:  # of nobody alone, as in a recording, it goes without saying
            name = f"{name}: {of}" if language == "en" else f"{name}：{of}"
        named.append((name, tuple(marks)))
    return tuple(named)


def _moments(maps: Sequence[Mapping[str, Any]], span: Interval, language: Language) -> list[Mark]:
    found, at_once = list[Mark](), Counter[str]()
    for each in maps:
        if each["time"] is not None:
            words = f"{say('map_at', language, time=clock(each['time']))}: {each['detector']}"
            start = f"{each['time']:.3f}"
            rank = at_once[start]
            found.append(Mark(_left(each["time"], span), "0", words, start, each["detector"], rank))
            at_once[start] += 1
    return found


def _seen(report: Report, span: Interval, decisions: Mapping[int, str]) -> list[Seen]:
    if report.media.kind != "video" or len(report.people) < 2:
        return []
    rows = []
    for person in report.people[:MAX_LANES]:
        runs: list[list[float]] = []
        for time_s, _ in person.sightings:
            if runs and time_s - runs[-1][1] <= _GAP_S:
                runs[-1][1] = time_s
            else:
                runs.append([time_s, time_s])
        parts = [(_left(start, span), f"{_share(end - start, span):.3f}") for start, end in runs]
        rows.append(Seen(person.person, decisions.get(person.person, ""), tuple(parts)))
    return rows


def _left(time_s: float, span: Interval) -> str:
    """Per cent from the left, as the curves beside it are drawn (``report.plot.Axes``)."""
    return f"{1 + _share(time_s - span.start_s, span):.3f}"


def _share(seconds: float, span: Interval) -> float:
    return 98 * seconds / (span.end_s - span.start_s)
