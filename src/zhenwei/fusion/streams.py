"""The streams of a file - picture, voice, whether they belong together, what it declares - and the LLR of each.

**One subject, one kind of forgery.** All detectors see the same pixels, so their LLRs are not simply added: each is
weighed by how much the others repeat it, as measured (:mod:`zhenwei.fusion.dependence`). One detector keeps its LLR. An
abstention is as if the detector had not been asked.

**Several kinds in one picture.** It may be altered, animated or generated; a detector of the one says nothing of the
others. "Forged in one of these ways, no telling which" against "genuine" has as its ratio the mean of exp(llr of each
kind), weighed by how likely each is among forgeries (:data:`ODDS`): a trace of one kind is not outvoted by the absence
of the others, which take off the logarithm of its share at most.

**At chance.** A detector that was no better than chance on sources left out, in media of this kind
(:attr:`Dependence.silent`), is shown and counts for nothing.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

from zhenwei.fusion.dependence import Dependence
from zhenwei.types import Evidence, Forgery, Kind, Stream

CONTENT: tuple[Stream, ...] = ("picture", "voice")
MEASURED: tuple[Stream, ...] = ("picture", "voice", "pairing")
_ORDER: tuple[Forgery, ...] = ("altered", "animated", "generated", "voice", "pairing")
PICTURE: frozenset[Forgery] = frozenset(("altered", "animated", "generated"))
ODDS: Mapping[Kind, Mapping[Forgery, float]] = {"image": {"altered": 2.0}}
"""How likely each kind of forgery is beside the others, in media of a kind; 1 where nothing is said. Chosen by sources
left out (docs/experiments.md)."""


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


def by_forgery(evidence: Sequence[Evidence]) -> dict[Forgery, list[Evidence]]:
    """By the kind of forgery that each is evidence of."""
    kinds: dict[Forgery, list[Evidence]] = defaultdict(list)
    for item in evidence:
        kinds[item.finds].append(item)
    return kinds


def media_of(stream: Stream, kind: Kind) -> Kind:
    """A voice is weighed as sound wherever it is heard."""
    return "audio" if stream == "voice" else kind


def stream_llr(evidence: Sequence[Evidence], media: Kind, dependence: Dependence) -> float | None:
    """The LLR of one stream of one subject, over the kinds of forgery that it may be; None without evidence, and 0
    where none of it counts."""
    if not evidence:
        return None
    if evidence[0].declares:  # as all of its stream do
        # Statements of one file repeat each other: the firmest counts, and one for AI before any for a camera.
        stated = [item.llr for item in evidence if item.llr is not None]
        return max(stated) if max(stated) > 0 else min(stated)
    kinds = by_forgery(heard(evidence, media, dependence))
    llrs: dict[Forgery, float] = {}
    for forgery in _ORDER:
        if forgery in kinds:
            _, shares = weighted(kinds[forgery], media, dependence)
            llrs[forgery] = math.fsum(shares)
    if not llrs:
        return 0.0
    offset = dependence.offset.get(media, 0.0) if llrs.keys() >= PICTURE else 0.0
    return _either(llrs, ODDS.get(media, {})) + offset


def heard(evidence: Sequence[Evidence], media: Kind, dependence: Dependence) -> list[Evidence]:
    """Without that of detectors at chance in ``media``."""
    silent = dependence.silent.get(media, ())
    return [item for item in evidence if item.detector not in silent]


def _either(llrs: Mapping[Forgery, float], odds: Mapping[Forgery, float]) -> float:
    """The LLR of "one of these kinds, no telling which", weighed by ``odds``."""
    shares = {forgery: odds.get(forgery, 1.0) for forgery in llrs}
    largest = max(llrs.values())  # taken out, so that exp() does not overflow
    ratios = [share * math.exp(llrs[forgery] - largest) for forgery, share in shares.items()]
    return largest + math.log(math.fsum(ratios) / math.fsum(shares.values()))


def weighted(
    evidence: Sequence[Evidence], media: Kind, dependence: Dependence
) -> tuple[list[Evidence], tuple[float, ...]]:
    """Evidence of one kind of forgery, and what each adds to the LLR of all. Both are in an order that does not depend
    on who was asked first, so that the sum does not either."""
    ordered = sorted(evidence, key=lambda item: (item.detector, item.llr or 0.0))
    answers = [(item.detector, item.llr or 0.0) for item in ordered]
    return ordered, dependence.contributions(answers, media)


def max_llr(llrs: Mapping[Stream, float]) -> float | None:
    """The LLR of the most suspicious stream; None for none."""
    return max(counted_streams(llrs).values(), default=None)


def counted_streams(llrs: Mapping[Stream, float]) -> dict[Stream, float]:
    """The streams that count. That two belong together, or that nothing is declared, does not make them genuine: these
    two count where they speak for forged, or stand alone."""
    counted = {stream: llr for stream, llr in llrs.items() if stream in CONTENT or llr > 0}
    return counted or dict(llrs)


def log_mean_exp(llrs: Sequence[float]) -> float:
    """The LLR of "one of them is forged, no telling which" against "none is"."""
    largest = max(llrs)  # taken out, so that exp() does not overflow
    return largest + math.log(math.fsum([math.exp(llr - largest) for llr in llrs]) / len(llrs))


def sidak(single: float, count: int) -> float:
    """Šidák's correction of a rate, written so that small rates survive rounding and one chance is left as is."""
    if count == 1 or single >= 1:
        return single
    return -math.expm1(count * math.log1p(-single))
