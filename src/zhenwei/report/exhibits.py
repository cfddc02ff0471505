"""What is shown of some evidence: a bar for each family of detectors, pictures, curves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from zhenwei.fusion.wording import signed
from zhenwei.report.plot import Plot, drawable, plotted
from zhenwei.report.terms import PHRASES, say
from zhenwei.report.thumbnails import MAX_PX, Thumbnail, thumbnail
from zhenwei.types import Evidence, ImageExhibit, Language, in_language

MAX_IMAGES = 16
MAX_PLOTS = 10
_BROAD, _BROAD_PX = 2.5, 900  # width over height of pictures that get a line of their own, and their width
_MIN_END = 1.0  # the bars reach to one natural unit at least, so that little does not look like much


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
    """A picture in a row. ``broad``: on a line of its own."""

    thumbnail: Thumbnail
    caption: str
    detector: str
    time_s: float | None
    broad: bool


@dataclass(frozen=True, slots=True)
class Exhibits:
    """``left_out``: pictures that are not shown. ``has_maps``: what a network looked at is among them."""

    families: Families | None
    images: tuple[ShownImage, ...]
    left_out: int
    has_maps: bool
    plots: tuple[Plot, ...]

    def __bool__(self) -> bool:
        return bool(self.families or self.images or self.plots)


def exhibits(evidence: Sequence[Evidence], language: Language) -> Exhibits:
    """The exhibits of evidence on one person, or on the whole file."""
    images: list[ShownImage] = []
    plots: list[Plot] = []
    has_maps = False
    count = 0
    for each in evidence:
        for exhibit in each.exhibits:
            if isinstance(exhibit, ImageExhibit):
                count += 1
                has_maps = has_maps or bool(each.weights)
                if count <= MAX_IMAGES:
                    images.append(_image(each, exhibit, language))
            elif drawable(exhibit) and len(plots) < MAX_PLOTS:
                plots.append(plotted(exhibit, language, each.detector))
    return Exhibits(families(evidence, language), tuple(images), count - len(images), has_maps, tuple(plots))


def _image(evidence: Evidence, exhibit: ImageExhibit, language: Language) -> ShownImage:
    height, width = exhibit.pixels.shape[:2]
    broad = width > _BROAD * height
    return ShownImage(
        thumbnail(exhibit.pixels, _BROAD_PX if broad else MAX_PX),
        in_language(exhibit.caption, language),
        evidence.detector,
        exhibit.time_s,
        broad,
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
