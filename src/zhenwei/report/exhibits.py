"""What is shown of some evidence: a bar for each family of detectors, pictures, curves. Nothing is shown twice."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from zhenwei.fusion.wording import leaning, signed
from zhenwei.report.plot import Plot, drawable, is_over_time, plotted, shared_axes
from zhenwei.report.terms import PHRASES, say
from zhenwei.report.thumbnails import Album, Thumbnail
from zhenwei.types import Curve, Evidence, Exhibit, ImageExhibit, Interval, Language, Report, in_language

MAX_IMAGES = 16
MAX_PLOTS = 10
STRONGEST = 3
OF_ITS_SIDE = 2
_BROAD = 2.5  # width over height of pictures that get a line of their own
_MIN_END = 1.0  # the bars reach to one natural unit at least, so that little does not look like much
_SPEAKS = 0.5  # what a detector has to add for a forgery before its map is coloured
_FULL = math.log(10)  # and for the map to be drawn at full strength


@dataclass(frozen=True, slots=True)
class Bar:
    """What the detectors of one family add: to the right of the middle for forged, to the left for genuine."""

    name: str
    detectors: str
    tone: str
    side: str
    width: str  # per cent of the whole track
    llr: str


@dataclass(frozen=True, slots=True)
class Families:
    """Bars, the longest first; the names of the families ``silent``, which have no answer."""

    bars: tuple[Bar, ...]
    silent: str


@dataclass(frozen=True, slots=True)
class ShownImage:
    """A picture in a row. ``broad``: on a line of its own. A map has its ``original`` below it, and how strongly it is
    laid over that, from 0 to 1; grey is one whose detector does not speak for a forgery."""

    thumbnail: Thumbnail
    caption: str
    detector: str
    time_s: float | None
    broad: bool
    original: Thumbnail | None = None
    strength: float = 1.0
    grey: bool = False


@dataclass(frozen=True, slots=True)
class Strong:
    """One of the strongest exhibits, with what its detector found. One of ``image`` and ``plot`` is there."""

    evidence: Evidence
    exhibit: Exhibit
    image: ShownImage | None
    plot: Plot | None


@dataclass(frozen=True, slots=True)
class Exhibits:
    """``left_out``: pictures that are not shown. ``has_maps``: maps laid over pictures are among them."""

    families: Families | None
    images: tuple[ShownImage, ...]
    left_out: int
    has_maps: bool
    plots: tuple[Plot, ...]

    def __bool__(self) -> bool:
        return bool(self.families or self.images or self.plots)


def weight(evidence: Evidence) -> float:
    """What it adds to the verdict; its own LLR where nobody has counted it, 0 where it abstains."""
    return (evidence.llr if evidence.counted is None else evidence.counted) or 0.0


def distinct(evidence: Iterable[Evidence]) -> set[int]:
    """``id()`` of the exhibits that are shown: of equal ones, and of pictures that detectors of one family make in the
    same way of the same thing (a spectrogram), that of the detector that weighs most."""
    seen: set[object] = set()
    chosen = set()
    for each in sorted(evidence, key=lambda item: -abs(weight(item))):
        for exhibit in each.exhibits:
            keys = _keys(each, exhibit)
            if not keys & seen:
                chosen.add(id(exhibit))
            seen |= keys
    return chosen


def _keys(evidence: Evidence, exhibit: Exhibit) -> set[object]:
    if isinstance(exhibit, Curve):
        return {(evidence.person, exhibit)}
    keys: set[object] = {(hashlib.sha256(exhibit.pixels.tobytes()).digest(), exhibit.pixels.shape)}
    if exhibit.original is None and exhibit.time_s is None:
        keys.add((evidence.person, _split(evidence.detector)[0], str(exhibit.caption), exhibit.pixels.shape))
    return keys


def strongest(
    report: Report, shown: Collection[int], span: Interval, album: Album, language: Language
) -> tuple[Strong, ...]:
    """One exhibit each of the detectors that weigh most: two that speak for the verdict's side, and whoever is next.

    ``span``: the time axis of the file. Curves over time stay with the others where there is a picture, even if it is
    like another's.
    """
    found: list[tuple[Evidence, Exhibit]] = []
    for each in sorted(report.evidence, key=lambda item: -abs(weight(item))):
        for exhibit in _candidates(each):
            if id(exhibit) in shown and leaning(weight(each)) != "neither":
                found.append((each, exhibit))
                break
    side = report.verdict.llr or 0.0
    chosen = [pair for pair in found if weight(pair[0]) * side > 0][:OF_ITS_SIDE]
    chosen += [pair for pair in found if pair not in chosen][: STRONGEST - len(chosen)]
    strong = []
    for each, exhibit in sorted(chosen, key=lambda pair: weight(pair[0]) * side < 0):
        if isinstance(exhibit, ImageExhibit):
            strong.append(Strong(each, exhibit, image(each, exhibit, album, language), None))
        else:
            axes = shared_axes([exhibit], span) if is_over_time(exhibit) else None
            strong.append(Strong(each, exhibit, None, plotted(exhibit, language, each.detector, axes)))
    return tuple(strong)


def _candidates(evidence: Evidence) -> list[Exhibit]:
    """Pictures, else curves that can be drawn."""
    images: list[Exhibit] = []
    curves: list[Exhibit] = []
    for each in evidence.exhibits:
        if isinstance(each, ImageExhibit):
            images.append(each)
        elif drawable(each):
            curves.append(each)
    return images or curves


def exhibits(evidence: Sequence[Evidence], shown: Collection[int], album: Album, language: Language) -> Exhibits:
    """The exhibits among ``shown`` of evidence on one person, or on the whole file; without curves over time."""
    images: list[ShownImage] = []
    plots: list[Plot] = []
    has_maps = False
    count = 0
    for each in evidence:
        for exhibit in each.exhibits:
            if id(exhibit) not in shown:
                continue
            if isinstance(exhibit, ImageExhibit):
                count += 1
                has_maps = has_maps or exhibit.original is not None
                if len(images) < MAX_IMAGES and not album.full:
                    images.append(image(each, exhibit, album, language))
            elif drawable(exhibit) and not is_over_time(exhibit) and len(plots) < MAX_PLOTS:
                plots.append(plotted(exhibit, language, each.detector))
    return Exhibits(families(evidence, language), tuple(images), count - len(images), has_maps, tuple(plots))


def image(evidence: Evidence, exhibit: ImageExhibit, album: Album, language: Language) -> ShownImage:
    height, width = exhibit.pixels.shape[:2]
    caption = in_language(exhibit.caption, language)
    broad = width > _BROAD * height
    if exhibit.original is None:
        return ShownImage(album.add(exhibit.pixels), caption, evidence.detector, exhibit.time_s, broad)
    speaks = weight(evidence)
    return ShownImage(
        album.add(exhibit.pixels),
        caption,
        evidence.detector,
        exhibit.time_s,
        broad,
        album.add(exhibit.original),
        round(min(1.0, max(0.25, speaks / _FULL)), 2),
        speaks < _SPEAKS,
    )


def families(evidence: Sequence[Evidence], language: Language) -> Families | None:
    """Sums of ``counted`` by family; None for a single detector, and where no family has an answer."""
    if len(evidence) < 2:
        return None
    by_family: dict[str, list[Evidence]] = {}
    for each in evidence:
        by_family.setdefault(_split(each.detector)[0], []).append(each)
    sums, silent = {}, []
    for family, members in by_family.items():
        counted = [each.counted for each in members if each.counted is not None]
        if counted:
            sums[family] = math.fsum(counted)
        else:
            silent.append(_name(family, language))
    if not sums:
        return None
    end = max(_MIN_END, *map(abs, sums.values()))
    ordered = sorted(sums, key=lambda family: -abs(sums[family]))
    bars = [_bar(family, sums[family], end, by_family[family], language) for family in ordered]
    return Families(tuple(bars), ", ".join(silent))


def _bar(family: str, llr: float, end: float, evidence: Sequence[Evidence], language: Language) -> Bar:
    asked = [_split(each.detector)[1] for each in evidence if each.counted is not None]
    return Bar(
        name=_name(family, language),
        detectors=", ".join(asked),
        tone="forged" if llr >= 0 else "genuine",
        side="left" if llr >= 0 else "right",
        width=f"{50 * abs(llr) / end:.1f}",
        llr=signed(llr, 2),
    )


def _split(detector: str) -> tuple[str, str]:
    """``cnn.face_forgery`` -> its family and its phenomenon."""
    family, _, phenomenon = detector.partition(".")
    return family, phenomenon


def _name(family: str, language: Language) -> str:
    return say(f"family_{family}", language) if f"family_{family}" in PHRASES else family
