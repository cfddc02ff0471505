"""Report -> one HTML page that needs nothing else: no network, no second file, and no script to be read.

The templates ``pages/templates/report`` say what stands where: on the first screen what was examined, the verdict on
each stream and the strongest exhibits; all else folded, in the order of a reader's questions. What has to be worked out
for them is here.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import PurePath
from typing import Any

from zhenwei import pages
from zhenwei.fusion.wording import leaning, signed
from zhenwei.report.annex import Annex
from zhenwei.report.annex import shown as annex_shown
from zhenwei.report.course import course, time_axis
from zhenwei.report.exhibits import Exhibits, distinct, exhibits, strongest, weight
from zhenwei.report.fact_terms import fact_words
from zhenwei.report.outcome import numbers_of_people
from zhenwei.report.player import Player
from zhenwei.report.plot import SCALE_TICKS, place_on_scale
from zhenwei.report.structure import command
from zhenwei.report.terms import between, clock, headline, kind_of, odds, often, say, strength
from zhenwei.report.thumbnails import Album, Thumbnail
from zhenwei.types import Decision, Depth, DetectorInfo, Evidence, Language, Media, Person, Report, Verdict, in_language

MAX_PEOPLE = 24
MAX_FRAMES = 12
MAX_FACTS = 120
MAX_BLIND_SPOTS = 5  # that are not folded
MAX_DECLARED = 2  # of what a file says of itself, beside the verdict
_SIZE = "%page-size%"  # stands where the size of the page will, which is known once the page is made


@dataclass(frozen=True, slots=True)
class _PersonShown:
    """``explanation``, ``quality``: "" where there is nothing to say; no ``decision`` on somebody not judged."""

    number: int
    decision: Decision | None
    explanation: str
    portrait: Thumbnail | None
    quality: str
    exhibits: Exhibits


@dataclass(frozen=True, slots=True)
class _FrameShown:
    """A frame of the strip. ``boxes``: as of an ImageExhibit."""

    thumbnail: Thumbnail
    time_s: float
    boxes: tuple[tuple[int, float, float, float, float], ...]


@dataclass(frozen=True, slots=True)
class _Judged:
    """A stream on the first screen; no ``decision`` on what a file declares. ``words``: how strongly, or what."""

    stream: str
    decision: Decision | None
    words: str


def to_html(
    report: Report,
    language: Language = "en",
    *,
    detectors: Mapping[str, DetectorInfo] | None = None,
    player: Player | None = None,
    annex: Annex | None = None,
) -> str:
    """The report as a page. ``detectors``: catalogue entries by id, for their questions and blind spots. ``player``:
    plays the file in the page. ``annex``: what an examiner adds."""
    code = pages.script("report/page.js")
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode("ascii")
    values = shown_values(report, language, detectors or {}, Album(), annex)
    values["footer"] += ("" if language == "zh" else " ") + say("page_size", language, size=_SIZE)
    html = pages.page("report/page.html", code_digest=digest, player=player, **values)
    size = len(html.encode())
    return html.replace(_SIZE, f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB")


def shown_values(
    report: Report,
    language: Language,
    known: Mapping[str, DetectorInfo],
    album: Album,
    annex: Annex | None = None,
) -> dict[str, Any]:
    """What the templates of the report print, but for what plays the file. ``album``: where pictures stand."""
    media, found = report.media, report.verdict
    name = PurePath(media.path).name or media.path
    numbers = numbers_of_people(report)
    answered, silent, unasked = _sorted(report)
    poster = album.add(report.poster.pixels) if report.poster else None
    shown = distinct(report.evidence)
    span = time_axis(report)
    strong = strongest(report, shown, span, album, language)
    rest = shown - {id(each.exhibit) for each in strong}
    return dict(
        title=f"{name} · {say(found.decision, language)} · zhenwei",
        kind=say("title", language),
        footer=say("kept_local", language),
        language=language,
        report=report,
        media=media,
        verdict=found,
        engine=report.engine,
        name=name,
        path_mark=path_mark(media.path),
        kind_of_media=kind_of(report, language),
        scale_ticks=SCALE_TICKS,
        place_on_scale=place_on_scale,
        at_fault=_at_fault(found),
        poster=poster,
        poster_caption=in_language(report.poster.caption, language) if report.poster else "",
        poster_boxes=report.poster.boxes if report.poster else (),
        poster_s=report.poster.time_s if report.poster else None,
        frames=_frames(report, album),
        judged=_judged(report, language),
        strongest=strong,
        span=span,
        course=course(report.evidence, rest, span, language),
        people=[_person(report, number, rest, album, language) for number in numbers[:MAX_PEOPLE]],
        people_left_out=len(numbers[MAX_PEOPLE:]),
        whole_file=exhibits(_evidence_on(None, report), rest, album, language),
        answered=answered,
        silent=silent,
        unasked=unasked,
        not_at_depth=_not_at_depth(report, known, counting=True),
        not_counting=_not_at_depth(report, known, counting=False),
        detectors=known,
        max_facts=MAX_FACTS,
        audio=_audio(media),
        blind_spots=_blind_spots(report, known),
        max_blind_spots=MAX_BLIND_SPOTS,
        command=command(report.engine, media.path),
        **annex_shown(annex, report, known, language),
        **_words(language),
    )


def _frames(report: Report, album: Album) -> list[_FrameShown]:
    shown = []
    for frame in report.frames[:MAX_FRAMES]:
        shown.append(_FrameShown(album.add(frame.pixels), frame.time_s or 0.0, frame.boxes))
    return shown


def path_mark(path: str) -> str:
    """What tells, in a page's head, which path it is on: two files of the same bytes have a page each."""
    return hashlib.sha256(path.encode("utf-8", "backslashreplace")).hexdigest()[:32]


def _words(language: Language) -> dict[str, Callable[..., Any]]:
    """What templates call to put figures into words of the language."""
    return {
        "say": partial(say, language=language),
        "told": partial(in_language, language=language),
        "headline": partial(headline, language=language),
        "strength": partial(strength, language=language),
        "odds": partial(odds, language=language),
        "often": partial(often, language=language),
        "between": partial(between, language=language),
        "fact_words": partial(fact_words, language=language),
        "clock": clock,
        "signed": signed,
    }


def _evidence_on(number: int | None, report: Report) -> list[Evidence]:
    return [each for each in report.evidence if each.person == number]


def _sorted(report: Report) -> tuple[list[Evidence], list[Evidence], list[str]]:
    """Evidence with an answer and without one, and the detectors that were not asked, each once."""
    answered, silent = [], []
    unasked: dict[str, None] = {}
    for each in report.evidence:
        if each.llr is not None:
            answered.append(each)
        elif each.asked:
            silent.append(each)
        if not each.asked:
            unasked[each.detector] = None
    return answered, silent, list(unasked)


def _not_at_depth(report: Report, known: Mapping[str, DetectorInfo], *, counting: bool) -> list[str]:
    """Detectors of the file's kind that the depth leaves out, because they cost much (``counting``) or because they
    count for nothing in media of this kind; none where detectors were named."""
    options = report.engine.options
    depth: Depth = "fast" if options.get("depth") == "fast" else "standard"
    if options.get("detectors") or options.get("depth") != depth:
        return []
    asked = {each.detector for each in report.evidence}
    kinds = {report.media.kind, report.verdict.judged_as}
    left = [id_ for id_, info in known.items() if kinds & set(info.takes) and id_ not in asked]
    return [id_ for id_ in left if known[id_].asked_at(depth) != counting]


def _judged(report: Report, language: Language) -> list[_Judged]:
    """Each stream of the file with its verdict, what the file declares first."""
    found, media = report.verdict, report.media
    declared = [in_language(each.sentence, language) for each in found.declared[:MAX_DECLARED]]
    rows = [_Judged("declared", None, " ".join(declared) or say("declared_nothing", language))]
    for stream in found.streams:
        if stream.stream != "declared":
            rows.append(_Judged(stream.stream, stream.decision, _weighed(stream.llr, language)))
    if not found.streams:
        only = "voice" if media.kind == "audio" else "picture"
        rows.append(_Judged(only, found.decision, _weighed(found.llr, language)))
        if media.kind == "video" and media.audio_codec:
            rows.append(_Judged("voice", "inconclusive", _weighed(None, language)))
    return rows


def _weighed(llr: float | None, language: Language) -> str:
    return say("stream_nothing", language) if llr is None else f"{strength(llr, language)} (LLR {signed(llr)})"


def _person(report: Report, number: int, shown: Collection[int], album: Album, language: Language) -> _PersonShown:
    judged = next((person for person in report.verdict.by_person if person.person == number), None)
    seen = next((person for person in report.people if person.person == number), None)
    explanation = judged.explanation if judged else ""
    if explanation == report.verdict.explanation:  # said of the file already: there is one person then
        explanation = ""
    return _PersonShown(
        number,
        judged.decision if judged else None,
        explanation,
        album.portrait(seen.portrait) if seen and seen.portrait.size else None,
        _quality(seen, language) if seen else "",
        exhibits(_evidence_on(number, report), shown, album, language),
    )


def _quality(person: Person, language: Language) -> str:
    quality = person.quality
    parts = [say("seen", language, faces=person.faces)]
    if person.interval.end_s > person.interval.start_s:
        parts.append(between(person.interval, language))
    parts.append(say("size", language, size=f"{quality.face_px:.0f}"))
    parts.append(say("sharpness", language, value=f"{quality.sharpness:.0f}"))
    parts.append(say("brightness", language, value=f"{100 * quality.brightness:.0f}"))
    if quality.yaw_deg is not None:
        parts.append(say("turned", language, value=f"{abs(quality.yaw_deg):.0f}"))
    return " · ".join(parts)


def _at_fault(found: Verdict) -> str:
    """The stream that is likeliest forged, "both" for picture and voice, "none" where none leans that way."""
    suspicious = {}
    for stream in found.streams:
        if stream.llr is not None and leaning(stream.llr) == "forged":
            suspicious[stream.stream] = stream.llr
    if "picture" in suspicious and "voice" in suspicious:
        return "both"
    return max(suspicious, key=lambda name: suspicious[name], default="none")


def _audio(media: Media) -> str:
    if not media.audio_codec:
        return ""
    parts = [media.audio_codec]
    if media.audio_rate_hz:
        parts.append(f"{media.audio_rate_hz} Hz")
    if media.audio_channels:
        parts.append(f"× {media.audio_channels}")
    return " · ".join(parts)


def _blind_spots(report: Report, detectors: Mapping[str, DetectorInfo]) -> list[tuple[str, str]]:
    """Detector and blind spot, of those that spoke, each once; those of the detectors that weigh most first."""
    spots: dict[tuple[str, str], None] = {}
    spoke = [each for each in report.evidence if each.llr is not None and each.detector in detectors]
    for each in sorted(spoke, key=lambda item: -abs(weight(item))):
        for spot in detectors[each.detector].blind_spots:
            spots[each.detector, spot] = None
    return list(spots)
