"""The parts of the page, in the order of a reader's questions: who, shown how, by what evidence, in which file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from zhenwei.fusion.wording import leaning, signed
from zhenwei.report.charts import chart, drawable, icon, scale
from zhenwei.report.families import families
from zhenwei.report.markup import Markup, element, foreign, join, text
from zhenwei.report.pictures import picture
from zhenwei.report.structure import command
from zhenwei.report.wording import PHRASES, clock, headline, odds, say, strength
from zhenwei.types import (
    Curve,
    Decision,
    DetectorInfo,
    Evidence,
    Interval,
    Language,
    Media,
    Person,
    PersonVerdict,
    Picture,
    Report,
    Verdict,
    in_language,
)

MOST_PEOPLE = 24
MOST_PICTURES = 16
MOST_FACTS = 120
MOST_CURVES = 10
_BROAD, _BROAD_PX = 2.5, 900  # width over height of pictures that get a line of their own, and their width


def verdict(report: Report, language: Language) -> Markup:
    found = report.verdict
    kind = say(report.media.kind, language)
    return element(
        "section",
        element("div", icon(found.decision, 56), element("h2", headline(found, language), class_="word"),
                class_="headline"),
        element("p", say(f"says_{found.decision}", language, kind=kind), class_="sentence"),
        element("p", foreign(in_language(found.explanation, language), 2000)),
        element("p", in_language(found.unlike, language), class_="unlike") if found.unlike else "",
        scale(found, language),
        class_=f"verdict {found.decision}",
    )  # fmt: skip


def declared(report: Report, language: Language) -> Markup:
    """What the file says of its own origin, before anything that was measured; nothing where it says nothing."""
    found = report.verdict.declared
    if not found:
        return Markup("")
    lines = [element("li", foreign(in_language(each.sentence, language), 600), class_=each.standing) for each in found]
    how = element("p", say("declared_how", language), class_="quiet")
    head = element("h2", say("declared", language))
    return element("section", head, element("ul", *lines), how, class_="declared")


def meaning(report: Report, language: Language) -> Markup:
    found = report.verdict
    lines = [say("means_inconclusive" if found.decision == "inconclusive" else "not_probability", language)]
    if found.measured_on:
        lines.append(in_language(found.measured_on, language))
    if len(found.by_person) > 1:
        lines.append(say("people_how", language))
    return section("meaning", language, *(element("p", line) for line in lines))


_SIDES = ("genuine", "forged")


def streams(report: Report, language: Language) -> Markup:
    """Picture and voice apart, and which of the four possibilities is how likely; nothing without a voice."""
    found = report.verdict.streams
    if not found:
        return Markup("")
    rows = [
        element("p", say(f"stream_{s.stream}", language), _badge(s.decision, language), _leaning(s.llr, language),
                class_="stream")
        for s in found
    ]  # fmt: skip
    fault = element("p", say(f"at_fault_{_at_fault(report.verdict)}", language), class_="sentence")
    how = element("p", say("streams_how", language), class_="quiet")
    return section("streams", language, fault, *rows, how, _four(report.verdict.four_ways(), language))


def _leaning(llr: float | None, language: Language) -> Markup:
    if llr is None:
        return element("span", say("stream_nothing", language), class_="quiet")
    return element("span", " · ".join(filter(None, (f"LLR {signed(llr)}", odds(llr, language)))), class_="quiet")


def _at_fault(found: Verdict) -> str:
    llr = {s.stream: s.llr or 0.0 for s in found.streams}
    suspicious = [name for name, value in llr.items() if leaning(value) == "forged"]
    if {"picture", "voice"} <= set(suspicious):
        return "both"
    return max(suspicious, key=lambda name: llr[name]) if suspicious else "none"


def _four(ways: Mapping[tuple[bool, bool], float], language: Language) -> Markup:
    """A table of two by two, the likelier the darker; nothing without a voice."""
    if not ways:
        return Markup("")
    rows = [element("tr", element("td"), *(element("th", say(f"voice_{side}", language)) for side in _SIDES))]
    for altered, name in zip((False, True), _SIDES, strict=True):
        cells = []
        for voice in (False, True):
            share = f"{100 * ways[altered, voice]:.0f}"
            tone = "forged" if altered or voice else "genuine"
            cells.append(element("td", f"{share} %", style=f"--share:{share}%", class_=tone))
        rows.append(element("tr", element("th", say(f"picture_{name}", language)), *cells))
    return element("table", *rows, class_="four")


def people(report: Report, language: Language) -> Markup:
    numbers = sorted({person.person for person in report.people} | {v.person for v in report.verdict.by_person})
    if not numbers:
        return Markup("")
    shown = [_person(report, number, language) for number in numbers[:MOST_PEOPLE]]
    if len(numbers) > MOST_PEOPLE:
        shown.append(_left_out(len(numbers) - MOST_PEOPLE, language))
    return section("people", language, *shown)


def _person(report: Report, number: int, language: Language) -> Markup:
    judged = next((v for v in report.verdict.by_person if v.person == number), None)
    seen = next((p for p in report.people if p.person == number), None)
    own = [evidence for evidence in report.evidence if evidence.person == number]
    name = say("person", language, number=number)
    head = element("h3", name, *([_badge(judged.decision, language)] if judged else []), class_="name")
    portrait = [_portrait(seen, language)] if seen else []
    return element(
        "div",
        head,
        *_judgement(judged, report.verdict.explanation, language),
        families(own, language),
        _pictures(own, language, portrait),
        _quality(seen, language) if seen else "",
        *_curves(own, language),
        class_="person",
    )


def _judgement(judged: PersonVerdict | None, said: str, language: Language) -> list[Markup]:
    """The sentence on the person, unless it is what was ``said`` of the file already: there is one person then."""
    if judged is None or judged.explanation == said:
        return []
    return [element("p", foreign(in_language(judged.explanation, language), 2000))]


def _badge(decision: Decision, language: Language) -> Markup:
    return element("span", icon(decision, 16), say(decision, language), class_=f"badge {decision}")


def _portrait(person: Person, language: Language) -> Markup:
    alternative = say("portrait_alt", language, number=person.person)
    caption = element("figcaption", say("portrait", language))
    return element("figure", picture(person.portrait, alternative), caption)


def _pictures(evidence: Iterable[Evidence], language: Language, first: list[Markup]) -> Markup:
    """Pictures in a row. Where a network's map is among them a note says so: people take such maps for outlines."""
    found = [(e, x) for e in evidence for x in e.exhibits if isinstance(x, Picture)]
    figures = [*first, *(_exhibit(e, x, language) for e, x in found[:MOST_PICTURES])]
    if not figures:
        return Markup("")
    parts = [element("div", *figures, class_="pictures")]
    if len(found) > MOST_PICTURES:
        parts.append(_left_out(len(found) - MOST_PICTURES, language))
    if any(e.weights for e, _ in found):
        parts.append(element("p", say("attention", language), class_="quiet"))
    return join(parts)


def _exhibit(evidence: Evidence, exhibit: Picture, language: Language) -> Markup:
    caption = in_language(exhibit.caption, language)
    place = "" if exhibit.time_s is None else f"{clock(exhibit.time_s)} · "
    lines = element("figcaption", foreign(caption), element("span", f"{place}{evidence.detector}", class_="mono"))
    height, width = exhibit.pixels.shape[:2]
    if width > _BROAD * height:
        shown = picture(exhibit.pixels, caption, largest_px=_BROAD_PX)
        return element("figure", shown, lines, class_="broad")
    return element("figure", picture(exhibit.pixels, caption), lines)


def _quality(person: Person, language: Language) -> Markup:
    quality = person.quality
    parts = [
        say("seen", language, faces=person.faces),
        *([_between(person.interval, language)] if person.interval.end_s > person.interval.start_s else []),
        say("size", language, size=f"{quality.face_px:.0f}"),
        say("sharpness", language, value=f"{quality.sharpness:.0f}"),
        say("brightness", language, value=f"{100 * quality.brightness:.0f}"),
    ]
    if quality.yaw_deg is not None:
        parts.append(say("turned", language, value=f"{abs(quality.yaw_deg):.0f}"))
    return element("p", " · ".join(parts), class_="quiet wide")


def _curves(evidence: Iterable[Evidence], language: Language) -> list[Markup]:
    found = [(x, e.detector) for e in evidence for x in e.exhibits if isinstance(x, Curve) and drawable(x)]
    return [chart(curve, language, detector) for curve, detector in found[:MOST_CURVES]]


def whole_file_exhibits(report: Report, language: Language) -> Markup:
    own = [evidence for evidence in report.evidence if evidence.person is None]
    shown = [part for part in (families(own, language), _pictures(own, language, []), *_curves(own, language)) if part]
    return section("exhibits", language, *shown) if shown else Markup("")


def evidence_table(report: Report, language: Language, detectors: Mapping[str, DetectorInfo]) -> Markup:
    if not report.evidence:
        return section("evidence", language, element("p", say("no_evidence", language)))
    head = element("tr", *(element("th", say(name, language), scope="col") for name in _COLUMNS))
    answered = [e for e in report.evidence if e.llr is not None]
    silent = [e for e in report.evidence if e.llr is None and e.asked]
    unasked = list(dict.fromkeys(e.detector for e in report.evidence if not e.asked))

    def rows(of: Sequence[Evidence]) -> Markup:
        body = [_row(evidence, language, detectors.get(evidence.detector)) for evidence in of]
        return element("table", element("thead", head), element("tbody", *body))

    parts = [element("p", say("evidence_how", language), class_="quiet")]
    parts += [rows(answered)] if answered else []
    if silent:
        parts.append(element("details", element("summary", say("silent", language, count=len(silent))), rows(silent)))
    if unasked:
        names = ", ".join(unasked)
        kind = say(report.media.kind, language)
        parts.append(element("p", say("unasked", language, kind=kind, names=names), class_="quiet"))
    return section("evidence", language, *parts)


_COLUMNS = ("detector", "about", "weight", "finding")


def _row(evidence: Evidence, language: Language, info: DetectorInfo | None) -> Markup:
    question = element("p", foreign(in_language(info.question, language)), class_="quiet") if info else ""
    about = say("whole_file", language) if evidence.person is None else say("person", language, number=evidence.person)
    when = element("p", _between(evidence.interval, language), class_="quiet") if evidence.interval else ""
    return element(
        "tr",
        element("td", element("p", evidence.detector, class_="mono"), question),
        element("td", element("p", about), when),
        element("td", *_weight(evidence, language)),
        element("td", *_finding(evidence, language)),
    )


def _weight(evidence: Evidence, language: Language) -> list[Markup]:
    if evidence.llr is None:
        return [element("p", say("abstains", language), class_="llr")]
    lines = [element("p", signed(evidence.llr), class_="llr"), element("p", strength(evidence.llr, language))]
    likelier = odds(evidence.llr, language)
    return [*lines, element("p", likelier, class_="quiet")] if likelier else lines


def _finding(evidence: Evidence, language: Language) -> list[Markup]:
    finding = in_language(evidence.finding, language)
    reason = in_language(evidence.reason, language)
    lines = [element("p", foreign(finding, 1000))] if finding else []
    if reason and reason != finding:
        label = say("because" if evidence.llr is None else "note", language, reason=reason)
        lines.append(element("p", foreign(label, 1000), class_="quiet" if evidence.llr is not None else None))
    return lines


def file_facts(media: Media, language: Language) -> Markup:
    rows = [
        ("path", foreign(media.path, 1000)),
        ("SHA-256", element("span", media.sha256, class_="mono")),
        ("bytes", text(say("bytes_value", language, count=f"{media.size_bytes:,}"))),
        ("format", foreign(" · ".join(part for part in (media.container, media.codec) if part))),
    ]
    if media.width and media.height:
        rows.append(("dimensions", text(f"{media.width} × {media.height} px")))
    if media.duration_s is not None:
        rows.append(("duration", text(clock(media.duration_s))))
    if media.fps is not None:
        rows.append(("rate", text(say("rate_value", language, fps=f"{media.fps:.4g}"))))
    if media.rotation_deg:
        rows.append(("rotation", text(f"{media.rotation_deg}°")))
    rows.append(("sound", _sound(media, language)))
    if media.notes:
        rows.append(("notes", join((foreign(in_language(note, language)) for note in media.notes), " · ")))
    return section("file", language, _list(rows, language), *_facts(media, language))


def _sound(media: Media, language: Language) -> Markup:
    if not media.audio_codec:
        return text(say("none", language))
    parts = [media.audio_codec]
    parts += [f"{media.audio_rate_hz} Hz"] if media.audio_rate_hz else []
    parts += [f"× {media.audio_channels}"] if media.audio_channels else []
    return foreign(" · ".join(parts))


def _facts(media: Media, language: Language) -> list[Markup]:
    if not media.facts:
        return []
    rows = [(foreign(name, 120), foreign(value, 400)) for name, value in media.facts[:MOST_FACTS]]
    more = [_left_out(len(media.facts) - MOST_FACTS, language)] if len(media.facts) > MOST_FACTS else []
    how = element("p", say("facts_how", language), class_="quiet")
    return [element("h3", say("facts", language)), how, _list(rows, language), *more]


def limits(report: Report, language: Language, detectors: Mapping[str, DetectorInfo]) -> Markup:
    kind = say(report.media.kind, language)
    general = ("limit_context", "limit_new", "limit_resaved", "limit_rates", "limit_alone")
    items = [element("li", say(name, language, kind=kind)) for name in general]
    asked = dict.fromkeys(evidence.detector for evidence in report.evidence)
    spots = [
        element("li", element("span", id_, class_="mono"), ": ", foreign(in_language(spot, language)))
        for id_ in asked
        if id_ in detectors
        for spot in detectors[id_].blind_spots
    ]
    blind = [element("p", say("limits_of", language)), element("ul", *spots)] if spots else []
    return section("limits", language, element("ul", *items), *blind)


def reproduction(report: Report, language: Language) -> Markup:
    engine = report.engine
    rows = [("package", text(f"zhenwei {engine.version}"))]
    if engine.libraries:
        rows.append(("libraries", text(" · ".join(f"{name} {found}" for name, found in engine.libraries.items()))))
    rows += [("models", _model(id_, digest)) for id_, digest in engine.models.items()]
    if engine.options:
        rows.append(
            ("options", text(" · ".join(f"{name} = {_given(value)}" for name, value in engine.options.items())))
        )
    rows.append(("file_sha256", element("span", report.media.sha256, class_="mono")))
    rows.append(("took", text(say("seconds", language, value=f"{engine.seconds:.1f}"))))
    line = element("code", foreign(command(engine, report.media.path), 4000), class_="command")
    return section("reproduce", language, line, _list(rows, language))


def _given(value: str | float | bool) -> str:
    return str(value) if value != "" else "–"


def _model(id_: str, digest: str) -> Markup:
    return join([element("span", id_), Markup("<br>"), element("span", digest, class_="mono")])


def section(title: str, language: Language, *parts: str) -> Markup:
    return element("section", element("h2", say(title, language)), *parts)


def _list(rows: Iterable[tuple[str, Markup]], language: Language) -> Markup:
    def named(name: str) -> str:
        return say(name, language) if not isinstance(name, Markup) and name in PHRASES else name

    return element("dl", *(part for name, value in rows for part in (element("dt", named(name)), element("dd", value))))


def _left_out(count: int, language: Language) -> Markup:
    return element("p", say("left_out", language, count=count), class_="quiet")


def _between(interval: Interval, language: Language) -> str:
    return say("from_to", language, start=clock(interval.start_s), end=clock(interval.end_s))
