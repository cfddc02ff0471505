"""Two examined files side by side: facts, difference, provenance, verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from zhenwei import pages
from zhenwei.fusion.wording import signed
from zhenwei.report.fact_terms import fact_words
from zhenwei.report.structure import to_dict
from zhenwei.report.terms import clock, headline, say, strength
from zhenwei.report.thumbnails import FULL_PX, Thumbnail, thumbnail
from zhenwei.types import Evidence, Language, Media, Report, in_language

if TYPE_CHECKING:
    from zhenwei.signals.alignment import Difference, Offset

SCHEMA = "zhenwei.pair/1"
_AUDIO_HZ = 16_000
_SAME_SOUND = 0.6
_LITTLE = 0.002  # share of a picture that may differ without a word
_FRAMES = 5
Standing = Literal["answered", "abstained", "not_asked", "no_person"]


@dataclass(frozen=True, slots=True)
class Fact:
    """``first`` and ``second``: "" where a file has none."""

    name: str
    first: str
    second: str

    @property
    def differs(self) -> bool:
        return self.first != self.second


@dataclass(frozen=True, slots=True)
class Pair:
    """``difference``: None where the files do not show the same, or one is sound. ``time_s``: of the frames compared.
    ``says``: what each says of itself, in a sentence; "" where that was not read."""

    first: Report
    second: Report
    difference: Difference | None = None
    offset: Offset | None = None
    time_s: float | None = None
    says: tuple[str, str] = ("", "")

    @property
    def reports(self) -> tuple[Report, Report]:
        return self.first, self.second

    @property
    def answers(self) -> list[Paired]:
        """Of detectors that have an answer on one of them at least."""
        return [each for each in paired(self.first, self.second) if not each.is_silent]


@dataclass(frozen=True, slots=True)
class Paired:
    """One detector, on one person or on the file. ``first`` and ``second``: None where it was not asked. ``absent``:
    in which of the two there is no such person."""

    detector: str
    person: int | None
    first: Evidence | None
    second: Evidence | None
    absent: tuple[bool, bool] = (False, False)

    @property
    def first_standing(self) -> Standing:
        return _standing(self.first, self.absent[0])

    @property
    def second_standing(self) -> Standing:
        return _standing(self.second, self.absent[1])

    @property
    def is_alone(self) -> bool:
        """Whether it was asked about one of them only."""
        return not {self.first_standing, self.second_standing} <= {"answered", "abstained"}

    @property
    def first_llr(self) -> float | None:
        return None if self.first is None else self.first.llr

    @property
    def second_llr(self) -> float | None:
        return None if self.second is None else self.second.llr

    @property
    def first_finding(self) -> str:
        """What it said, or why it said nothing; "" where it was not asked."""
        return "" if self.first is None else self.first.finding or self.first.reason

    @property
    def second_finding(self) -> str:
        return "" if self.second is None else self.second.finding or self.second.reason

    @property
    def is_silent(self) -> bool:
        """Whether it has an answer on neither."""
        return self.first_llr is None and self.second_llr is None

    @property
    def difference(self) -> float | None:
        if self.first_llr is None or self.second_llr is None:
            return None
        return self.second_llr - self.first_llr

    @property
    def width(self) -> float:
        """How far its answers lie apart."""
        return abs((self.first_llr or 0.0) - (self.second_llr or 0.0))


def _standing(found: Evidence | None, is_absent: bool) -> Standing:
    if is_absent:
        return "no_person"
    if found is None or not found.asked:
        return "not_asked"
    return "abstained" if found.llr is None else "answered"


def compared(first: Report, second: Report, says: tuple[str, str] = ("", "")) -> Pair:
    """Read both files of two reports again and lay them over each other. MediaError where one cannot be read."""
    from zhenwei.signals.alignment import differ, sound_offset

    frames = _frames(first.media), _frames(second.media)
    difference, time_s = None, None
    for one, two in zip(*frames, strict=False):
        found = differ(one[1], two[1])
        if found is not None and (difference is None or found.share > difference.share):
            difference, time_s = found, one[0]
    sounds = _sound(first.media), _sound(second.media)
    offset = sound_offset(*sounds) if sounds[0] is not None and sounds[1] is not None else None
    return Pair(first, second, difference, offset, time_s, says)


def _frames(media: Media) -> list[tuple[float | None, Any]]:
    from zhenwei.media import opened, sample_frames

    if media.kind == "audio":
        return []
    count = 1 if media.kind == "image" else _FRAMES
    with opened(media.path) as facts:
        return [(frame.time_s if count > 1 else None, frame.pixels) for frame in sample_frames(facts, count)]


def _sound(media: Media) -> Any:
    from zhenwei.media import hear, opened

    if not media.audio_codec:
        return None
    with opened(media.path) as facts:
        return hear(facts, _AUDIO_HZ)[0]


def facts(pair: Pair, language: Language) -> list[Fact]:
    """What is known of each, then what each says of itself, by name."""
    rows = []
    for name, values in _known(pair, language):
        if any(values):
            rows.append(Fact(name, *values))
    theirs = [dict(report.media.facts) for report in pair.reports]
    for name in {**theirs[0], **theirs[1]}:
        (told, first), (_, second) = [fact_words(name, each.get(name, ""), language) for each in theirs]
        rows.append(Fact(told, first, second))
    return rows


def _known(pair: Pair, language: Language) -> list[tuple[str, tuple[str, str]]]:
    def both(value: Any) -> tuple[str, str]:
        return value(pair.first.media), value(pair.second.media)

    return [
        ("SHA-256", both(lambda media: media.sha256)),
        (say("bytes", language), both(lambda media: say("bytes_value", language, count=f"{media.size_bytes:,}"))),
        (say("format", language), both(lambda media: " · ".join(filter(None, (media.container, media.codec))))),
        (say("dimensions", language), both(lambda media: f"{media.width} × {media.height} px" if media.width else "")),
        (say("duration", language), both(lambda media: "" if media.duration_s is None else clock(media.duration_s))),
        (say("rate", language), both(lambda media: "" if media.fps is None else f"{media.fps:.4g}")),
        (say("sound", language), both(lambda media: media.audio_codec)),
    ]


def findings(pair: Pair, language: Language) -> list[str]:
    """What follows from laying both over each other, in sentences."""
    if pair.first.media.sha256 == pair.second.media.sha256:
        return [say("pair_same_bytes", language)]
    said = []
    is_seen = [report.media.kind != "audio" for report in pair.reports]
    if all(is_seen):
        said += _of_picture(pair.difference, language)
    if pair.offset is not None:
        correlation = f"{pair.offset.correlation:.2f}"
        is_same = abs(pair.offset.correlation) >= _SAME_SOUND
        phrase = "pair_same_sound" if is_same else "pair_other_sound"
        said.append(say(phrase, language, correlation=correlation, offset=f"{pair.offset.offset_s:+.3f}"))
    if not said:
        said.append(say("pair_nothing", language))
    if pair.first.verdict.decision != pair.second.verdict.decision:
        said.append(say("pair_one_differs", language))
    return said


def _of_picture(found: Difference | None, language: Language) -> list[str]:
    if found is None:
        return [say("pair_other_picture", language)]
    if found.share < _LITTLE:
        sentence = say("pair_same_picture", language)
    else:
        sentence = say("pair_changed_picture", language, share=f"{100 * found.share:.1f}")
    how = say(f"pair_how_{found.how}", language)
    return [sentence, say("pair_levels", language, how=how, levels=f"{found.levels:.1f}")]


def paired(first: Report | None, second: Report | None) -> tuple[Paired, ...]:
    """What each detector said of both, of each person and of the file; the widest differences first, where silence
    counts as no evidence either way. Last comes what was asked about one of them only. None: one that could not be
    examined."""
    sides = _by_subject(first), _by_subject(second)
    people = _people(first), _people(second)
    found = []
    for detector, person in sides[0] | sides[1]:
        absent = [person is not None and known is not None and person not in known for known in people]
        answers = [side.get((detector, person)) for side in sides]
        found.append(Paired(detector, person, answers[0], answers[1], (absent[0], absent[1])))
    return tuple(sorted(found, key=lambda pair: (pair.is_alone, -pair.width, pair.detector, pair.person or 0)))


def _by_subject(report: Report | None) -> dict[tuple[str, int | None], Evidence]:
    found: dict[tuple[str, int | None], Evidence] = {}
    for each in report.evidence if report is not None else ():
        found.setdefault((each.detector, each.person), each)
    return found


def _people(report: Report | None) -> set[int | None] | None:
    """Who is in it; None where nobody knows."""
    if report is None:
        return None
    return {each.person for each in report.people} | {each.person for each in report.evidence}


def pair_to_dict(pair: Pair, language: Language = "en") -> dict[str, Any]:
    """Plain JSON values; both reports by their own schema."""
    difference = None
    if pair.difference is not None:
        found = pair.difference
        difference = {
            "how": found.how,
            "correlation": round(found.correlation, 5),
            "levels": round(found.levels, 3),
            "share": round(found.share, 5),
            "time_s": pair.time_s,
        }
    sound = None
    if pair.offset is not None:
        sound = {"offset_s": round(pair.offset.offset_s, 4), "correlation": round(pair.offset.correlation, 4)}
    return {
        "schema": SCHEMA,
        "language": language,
        "findings": findings(pair, language),
        "difference": difference,
        "sound": sound,
        "facts": [{"name": each.name, "a": each.first, "b": each.second} for each in facts(pair, language)],
        "provenance": [in_language(each, language) for each in pair.says],
        "reports": [to_dict(report, language) for report in pair.reports],
    }


def pair_to_html(pair: Pair, language: Language = "en") -> str:
    """The comparison as a page that needs nothing else."""
    known = facts(pair, language)
    words: Mapping[str, Any] = {
        "say": lambda phrase, **values: say(phrase, language, **values),
        "told": lambda text: in_language(text, language),
        "headline": lambda verdict: headline(verdict, language),
        "strength": lambda llr: strength(llr, language),
        "signed": signed,
        "clock": clock,
    }
    return pages.page(
        "report/pair.html",
        title=f"{say('pair_title', language)} · zhenwei",
        kind=say("pair_title", language),
        footer=say("kept_local", language),
        language=language,
        reports=pair.reports,
        findings=findings(pair, language),
        pictures=_pictures(pair),
        time_s=pair.time_s,
        says=pair.says,
        facts=known,
        differing=len([each for each in known if each.differs]),
        answers=pair.answers,
        **words,
    )


def _pictures(pair: Pair) -> list[tuple[str, Thumbnail]]:
    """Both and their difference; what each showed where they could not be laid over each other."""
    if pair.difference is not None:
        found = pair.difference
        shown = [("pair_first", found.first), ("pair_second", found.second), ("pair_difference", found.shown)]
        return [(name, thumbnail(pixels, FULL_PX)) for name, pixels in shown]
    posters = [("pair_first", pair.first.poster), ("pair_second", pair.second.poster)]
    return [(name, thumbnail(poster.pixels, FULL_PX)) for name, poster in posters if poster is not None]
