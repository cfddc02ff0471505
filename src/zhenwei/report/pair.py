"""Two examined files side by side: facts, difference, provenance, verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from zhenwei import pages
from zhenwei.fusion.wording import signed
from zhenwei.report.fact_terms import fact_words
from zhenwei.report.pair_people import Laid, matched, numbers
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
_WHOLE = 0.98  # share of a picture that the other shows, from which on it is all of it
Standing = Literal["answered", "abstained", "not_asked", "no_person", "unpaired"]


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
    """``difference``: None where the files do not show the same, or one is sound. ``times_s``: of the frames compared,
    in each of two clips. ``is_apart``: whether those are of different moments, so that no difference can be told.
    ``says``: what each says of itself, in a sentence; "" where that was not read. ``unlike``: how many frames of the
    first show something else, and of how many. ``people``: the number in the second of each person of the first who is
    there; None where that is not known."""

    first: Report
    second: Report
    difference: Difference | None = None
    offset: Offset | None = None
    times_s: tuple[float | None, float | None] = (None, None)
    is_apart: bool = False
    says: tuple[str, str] = ("", "")
    unlike: tuple[int, int] = (0, 0)
    people: Mapping[int, int] | None = None

    @property
    def reports(self) -> tuple[Report, Report]:
        return self.first, self.second

    @property
    def answers(self) -> list[Paired]:
        """Of detectors that have an answer on one of them at least."""
        return [each for each in paired(self.first, self.second, self.people) if not each.is_silent]


@dataclass(frozen=True, slots=True)
class Paired:
    """One detector, on one person or on the file. ``person`` and ``second_person``: their number in the first and in
    the second. ``first`` and ``second``: None where it was not asked. ``absent``: in which of the two there is no such
    person. ``unpaired``: in which of them nobody knows whether there is."""

    detector: str
    person: int | None
    second_person: int | None
    first: Evidence | None
    second: Evidence | None
    absent: tuple[bool, bool] = (False, False)
    unpaired: tuple[bool, bool] = (False, False)

    @property
    def who(self) -> str:
        """The phrase that names the person; "" where it is the file."""
        if self.person == self.second_person:
            return "" if self.person is None else "person"
        if self.second_person is None:
            return "pair_person_first"
        return "pair_person_second" if self.person is None else "pair_person_both"

    @property
    def first_standing(self) -> Standing:
        return "unpaired" if self.unpaired[0] else _standing(self.first, self.absent[0])

    @property
    def second_standing(self) -> Standing:
        return "unpaired" if self.unpaired[1] else _standing(self.second, self.absent[1])

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
    from zhenwei.signals.alignment import sound_offset

    sounds = _sound(first.media), _sound(second.media)
    offset = sound_offset(*sounds) if sounds[0] is not None and sounds[1] is not None else None
    if "audio" in (first.media.kind, second.media.kind):
        return Pair(first, second, offset=offset, says=says, people=matched(first, second))
    is_same_sound = offset is not None and abs(offset.correlation) >= _SAME_SOUND
    found = _overlaid(first.media, second.media, offset if is_same_sound else None)
    difference, times_s = found.widest, found.times_s
    is_apart = difference is not None and not found.is_same and difference.share >= _LITTLE
    people = matched(first, second, () if is_apart else found.laid)
    if is_apart:
        difference, times_s = None, (None, None)
    return Pair(first, second, difference, offset, times_s, is_apart, says, found.unlike, people)


@dataclass(frozen=True, slots=True)
class _Overlaid:
    """``widest``: where two differ most, and ``times_s`` when that is in each. ``is_same``: whether the moments are
    known to belong together. ``unlike``: as of ``Pair``. ``laid``: the frames that lie over each other."""

    widest: Difference | None
    times_s: tuple[float | None, float | None]
    is_same: bool
    unlike: tuple[int, int]
    laid: tuple[Laid, ...]


def _overlaid(first: Media, second: Media, sound: Offset | None) -> _Overlaid:
    from zhenwei.report.pair_frames import Moments, frames, moments
    from zhenwei.signals.alignment import differ

    kinds = first.kind, second.kind
    if kinds == ("image", "image"):
        chosen = Moments((((0.0, 0.0),),), is_same=True)
    else:
        chosen = moments(first, second, None if sound is None else sound.offset_s)
    most: tuple[Difference, tuple[float, float]] | None = None
    laid: list[Laid] = []
    for pairs in chosen.times_s:
        sides = [frames(media, [pair[side] for pair in pairs]) for side, media in enumerate((first, second))]
        found = [
            (each, pair)
            for pair, one, two in zip(pairs, *sides, strict=True)
            if one is not None and two is not None and (each := differ(one, two)) is not None
        ]
        if found:
            least = min(found, key=lambda each: each[0].share)
            laid.append(Laid(least[1], least[0].place))
            most = least if most is None or least[0].share > most[0].share else most
    count = len(chosen.times_s)
    unlike = count - len(laid), count
    if most is None:
        return _Overlaid(None, (None, None), chosen.is_same, unlike, ())
    difference, times_s = most
    shown = [None if kind == "image" else times_s[side] for side, kind in enumerate(kinds)]
    return _Overlaid(difference, (shown[0], shown[1]), chosen.is_same, unlike, tuple(laid))


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
        if 0 < pair.unlike[0] < pair.unlike[1]:
            said.append(say("pair_unlike", language, count=pair.unlike[0], all=pair.unlike[1]))
        is_part = bool(said)
        said += [say("pair_apart", language)] if pair.is_apart else _of_picture(pair.difference, is_part, language)
    if pair.offset is not None:
        correlation = f"{pair.offset.correlation:.2f}"
        is_same = abs(pair.offset.correlation) >= _SAME_SOUND
        phrase = "pair_same_sound" if is_same else "pair_other_sound"
        said.append(say(phrase, language, correlation=correlation, offset=f"{pair.offset.offset_s:+.3f}"))
    elif all(report.media.audio_codec for report in pair.reports):
        said.append(say("pair_silent", language))
    if not said:
        said.append(say("pair_nothing", language))
    if pair.people is None and all(map(numbers, pair.reports)):
        said.append(say("pair_people_apart", language))
    if pair.first.verdict.decision != pair.second.verdict.decision:
        said.append(say("pair_one_differs", language))
    return said


def _of_picture(found: Difference | None, is_part: bool, language: Language) -> list[str]:
    """``is_part``: whether something else than this was seen too."""
    if found is None:
        return [say("pair_other_picture", language)]
    said = []
    for phrase, shared in zip(("pair_cut_second", "pair_cut_first"), found.shared, strict=True):
        if shared < _WHOLE:
            said.append(say(phrase, language, share=f"{100 * shared:.0f}"))
    what = "part" if said or is_part else "picture"
    how = say(f"pair_how_{found.how}", language)
    changed = "same" if found.share < _LITTLE else "changed"
    said += [
        say(f"pair_{changed}_{what}", language, share=f"{100 * found.share:.1f}"),
        say("pair_levels", language, how=how, levels=f"{found.levels:.1f}"),
    ]
    return [*said, say("pair_colourless", language)] if found.is_colourless else said


def paired(first: Report | None, second: Report | None, people: Mapping[int, int] | None = None) -> tuple[Paired, ...]:
    """What each detector said of both, of each person and of the file; the widest differences first, where silence
    counts as no evidence either way. Last comes what was asked about one of them only. None: one that could not be
    examined. ``people``: as of ``Pair``."""
    sides = _by_subject(first), _by_subject(second)
    back = {there: here for here, there in (people or {}).items()}
    subjects = {(detector, here, (people or {}).get(here) if here else None): None for detector, here in sides[0]}
    subjects |= {(detector, back.get(there) if there else None, there): None for detector, there in sides[1]}
    found = []
    for detector, here, there in subjects:
        answers = sides[0].get((detector, here)), sides[1].get((detector, there))
        lacks = here is None and there is not None, there is None and here is not None
        if lacks[0] or lacks[1]:  # the key without a person is the whole file
            answers = None if lacks[0] else answers[0], None if lacks[1] else answers[1]
        known = [report is not None and (people is not None or not numbers(report)) for report in (first, second)]
        absent = lacks[0] and known[0], lacks[1] and known[1]
        is_open = first is not None and second is not None
        unpaired = is_open and lacks[0] and not known[0], is_open and lacks[1] and not known[1]
        found.append(Paired(detector, here, there, *answers, absent, unpaired))
    return tuple(sorted(found, key=_order))


def _order(pair: Paired) -> tuple[bool, float, str, int, int]:
    return pair.is_alone, -pair.width, pair.detector, pair.person or pair.second_person or 0, pair.second_person or 0


def _by_subject(report: Report | None) -> dict[tuple[str, int | None], Evidence]:
    found: dict[tuple[str, int | None], Evidence] = {}
    for each in report.evidence if report is not None else ():
        found.setdefault((each.detector, each.person), each)
    return found


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
            "is_colourless": found.is_colourless,
            "shared": {"a": round(found.shared[0], 4), "b": round(found.shared[1], 4)},
            "time_s": pair.times_s[0],
            "second_time_s": pair.times_s[1],
        }
    sound = None
    if pair.offset is not None:
        sound = {"offset_s": round(pair.offset.offset_s, 4), "correlation": round(pair.offset.correlation, 4)}
    return {
        "schema": SCHEMA,
        "language": language,
        "findings": findings(pair, language),
        "difference": difference,
        "is_apart": pair.is_apart,
        "frames": {"compared": pair.unlike[1], "unlike": pair.unlike[0]},
        "people": None if pair.people is None else [{"a": here, "b": there} for here, there in pair.people.items()],
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
        says=pair.says,
        facts=known,
        differing=len([each for each in known if each.differs]),
        answers=pair.answers,
        **words,
    )


def _pictures(pair: Pair) -> list[tuple[str, Thumbnail, float | None]]:
    """Both and their difference with their times; what each showed where they could not be laid over each other."""
    if pair.difference is not None:
        found, (one, two) = pair.difference, pair.times_s
        shown = [("pair_first", found.first, one), ("pair_second", found.second, two)]
        shown.append(("pair_difference", found.shown, None))
        return [(name, thumbnail(pixels, FULL_PX), time_s) for name, pixels, time_s in shown]
    posters = [("pair_first", pair.first.poster), ("pair_second", pair.second.poster)]
    return [(name, thumbnail(poster.pixels, FULL_PX), None) for name, poster in posters if poster is not None]
