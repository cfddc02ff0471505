"""The streams of a file - picture, voice, whether they belong together, what it declares - and the LLR of each.

**One subject, one kind of forgery.** All detectors see the same pixels, so their LLRs are not simply added: each is
weighed by how much the others repeat it, as measured (:mod:`zhenwei.fusion.dependence`). One detector keeps its LLR. An
abstention is as if the detector had not been asked.

**Two kinds in one picture.** It may be altered or generated; a detector of the one says nothing of the other. "Forged
in one of these ways, no telling which" against "genuine" has the ratio mean(exp(llr of each kind)): a trace of one kind
is not outvoted by the absence of another. Where that is less than what speaks for an alteration alone, this stands: a
detector that knows few generators shall not take away what others found.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

from zhenwei.fusion.dependence import Dependence
from zhenwei.types import Evidence, Forgery, Kind, Stream

CONTENT: tuple[Stream, ...] = ("picture", "voice")
MEASURED: tuple[Stream, ...] = ("picture", "voice", "pairing")
_ORDER: tuple[Forgery, ...] = ("altered", "generated", "voice", "pairing")


def by_stream(evidence: Sequence[Evidence], kind: Kind) -> dict[Stream, list[Evidence]]:
    """Evidence that was given, by stream. All that is found in a recording of sound is found in what is heard."""
    streams: dict[Stream, list[Evidence]] = defaultdict(list)
    for item in evidence:
        if item.llr is not None:
            streams[_stream_of(item, kind)].append(item)
    return streams


def _stream_of(item: Evidence, kind: Kind) -> Stream:
    if item.declares:
        return "declared"
    if item.finds == "pairing":
        return "pairing"
    return "voice" if item.finds == "voice" or kind == "audio" else "picture"


def by_kind(evidence: Sequence[Evidence]) -> dict[Forgery, list[Evidence]]:
    """By the kind of forgery that each is evidence of."""
    kinds: dict[Forgery, list[Evidence]] = defaultdict(list)
    for item in evidence:
        kinds[item.finds].append(item)
    return kinds


def media_of(stream: Stream, kind: Kind) -> Kind:
    """A voice is weighed as sound wherever it is heard."""
    return "audio" if stream == "voice" else kind


def stream_llr(evidence: Sequence[Evidence], media: Kind, dependence: Dependence) -> float | None:
    """The LLR of one stream of one subject, over the kinds of forgery that it may be; None without evidence."""
    if not evidence:
        return None
    if any(item.declares for item in evidence):
        return _declared_llr(evidence)
    kinds = by_kind(evidence)
    sums = []
    for forgery in _ORDER:
        if forgery in kinds:
            shares = weighed(kinds[forgery], media, dependence)
            sums.append(math.fsum(share for _, share in shares))
    return max(sums[0], any_of(sums) or 0.0)


def _declared_llr(evidence: Sequence[Evidence]) -> float:
    """Statements of one file repeat each other: the firmest counts, and one for AI before any for a camera."""
    llrs = [item.llr for item in evidence if item.llr is not None]
    return max(llrs) if max(llrs) > 0 else min(llrs)


def weighed(mine: Sequence[Evidence], media: Kind, dependence: Dependence) -> list[tuple[Evidence, float]]:
    """What each adds to the LLR of all, in an order of their own: the sum does not depend on who was asked first."""
    ordered = sorted(mine, key=lambda item: (item.detector, item.llr or 0.0))
    said = [(item.detector, item.llr or 0.0) for item in ordered]
    return list(zip(ordered, dependence.contributions(said, media), strict=True))


def worst_of(llrs: Mapping[Stream, float]) -> float | None:
    """The LLR of the most suspicious stream; None for none."""
    return max(speaking(llrs).values(), default=None)


def speaking(llrs: Mapping[Stream, float]) -> dict[Stream, float]:
    """The streams that count. That two belong together, or that nothing is declared, does not make them genuine: these
    two count where they speak for forged, or stand alone."""
    counted = {stream: llr for stream, llr in llrs.items() if stream in CONTENT or llr > 0}
    return counted or dict(llrs)


def any_of(llrs: Sequence[float]) -> float | None:
    """log mean exp: the LLR of "one of them is forged, no telling which" against "none is"; None for none."""
    if not llrs:
        return None
    most = max(llrs)
    return most + math.log(math.fsum(math.exp(llr - most) for llr in llrs) / len(llrs))


def of_many(single: float, count: int) -> float:
    """Šidák's correction of a rate, written so that small rates survive rounding and one chance is left as is."""
    if count == 1 or single >= 1:
        return single
    return -math.expm1(count * math.log1p(-single))
