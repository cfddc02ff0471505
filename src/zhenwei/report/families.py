"""What each family of detectors adds to the verdict on one subject: bars to the left (genuine) and right (forged)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from zhenwei.fusion.wording import signed
from zhenwei.report.markup import Markup, element
from zhenwei.report.wording import PHRASES, say
from zhenwei.types import Evidence, Language

_LEAST_END = 1.0  # the bars reach to one natural unit at least, so that little does not look like much


def families(evidence: Sequence[Evidence], language: Language) -> Markup:
    """Bars of the sums of ``counted`` by family, those without an answer named below; nothing for a single detector."""
    names = list(dict.fromkeys(e.detector.split(".", 1)[0] for e in evidence))
    if len(evidence) < 2:
        return Markup("")
    mine = {name: [e for e in evidence if e.detector.split(".", 1)[0] == name] for name in names}
    counted = {n: math.fsum(e.counted for e in es if e.counted is not None) for n, es in mine.items()}
    answered = [n for n in names if any(e.counted is not None for e in mine[n])]
    if not answered:
        return Markup("")
    end = max(_LEAST_END, *(abs(counted[n]) for n in answered))
    rows = [_row(n, counted[n], end, mine[n], language) for n in sorted(answered, key=lambda n: -abs(counted[n]))]
    silent = [_name(n, language) for n in names if n not in answered]
    parts = [element("figcaption", say("families", language), element("span", say("families_how", language)))]
    parts += rows
    if silent:
        parts.append(element("p", say("families_silent", language, names=", ".join(silent)), class_="quiet"))
    return element("figure", *parts, class_="families")


def _row(name: str, value: float, end: float, evidence: Sequence[Evidence], language: Language) -> Markup:
    share = 50 * abs(value) / end
    side = f"left:50%;width:{share:.1f}%" if value >= 0 else f"right:50%;width:{share:.1f}%"
    tone = "forged" if value >= 0 else "genuine"
    asked = ", ".join(e.detector.split(".", 1)[1] for e in evidence if e.counted is not None)
    return element(
        "div",
        element("span", _name(name, language), element("i", asked, class_="mono"), class_="family"),
        element("span", element("b", style=side, class_=tone), class_="track"),
        element("span", signed(value, 2), class_="llr"),
        class_="share",
    )


def _name(family: str, language: Language) -> str:
    return say(f"family_{family}", language) if f"family_{family}" in PHRASES else family
