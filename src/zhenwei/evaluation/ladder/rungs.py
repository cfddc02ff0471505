"""Which steps there are, from mild to harsh within each family."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from zhenwei.errors import UsageError
from zhenwei.evaluation.ladder.changes import (
    AtMost,
    Blur,
    Change,
    Colours,
    Crop,
    Gamma,
    Kernel,
    Noise,
    Resize,
    ScreenScaling,
)
from zhenwei.evaluation.ladder.degradation import Degradation, Saved
from zhenwei.evaluation.ladder.packing import Codec, Jpeg, Packing, Png, VideoFrame, WebP
from zhenwei.types import Kind

# Families in which each step is a harsher form of the one before, so that "down to JPEG 30" has a meaning.
GRADED = frozenset({"jpeg", "webp", "resize", "crop", "blur", "noise", "h264", "h265"})
_KERNELS: tuple[Kernel, ...] = ("area", "bicubic", "lanczos", "nearest")
_IMAGE: tuple[Kind, ...] = ("image",)
_VIDEO: tuple[Kind, ...] = ("video",)
_BOTH: tuple[Kind, ...] = ("image", "video")
_QUICK = frozenset(
    {
        "jpeg 90",
        "jpeg 70",
        "jpeg 50",
        "jpeg 30",
        "jpeg 10",
        "webp 50",
        "resize 0.5 area",
        "crop 90 %",
        "blur 2",
        "h264 crf 23",
        "h264 crf 33",
        "h265 crf 33",
        "feed 1080 px, jpeg 75",
        "feed 480p, crf 30",
        "screenshot 0.83, jpeg 85",
    }
)


def steps() -> tuple[Degradation, ...]:
    """Every step, for pictures and for clips: ``Degradation.takes`` says which."""
    return (
        *_compressed("jpeg", Jpeg, (90, 80, 70, 60, 50, 40, 30, 20, 10)),
        *_compressed("webp", WebP, (80, 50, 20)),
        *_resized((0.75, 0.5, 0.25)),
        *_changed("crop", "{} %", lambda share: Crop(share / 100), (95, 90, 80)),
        *_changed("blur", "{}", Blur, (1, 2, 3)),
        *_changed("noise", "{}", Noise, (5, 10, 20)),
        *_colours(),
        *_coded("h264", (23, 28, 33, 40)),
        *_coded("h265", (28, 33, 40)),
        *_services(),
        *_screenshots(),
    )


def quick_steps() -> tuple[Degradation, ...]:
    """A few steps of most families: for a first look, and for clips, of which each step takes seconds."""
    return tuple(step for step in steps() if step.name in _QUICK)


def families(chosen: tuple[Degradation, ...], names: tuple[str, ...]) -> tuple[Degradation, ...]:
    """Those of ``chosen`` in the families ``names``; all where none is named. Raises :class:`UsageError`."""
    known = tuple(dict.fromkeys(step.family for step in steps()))
    for name in names:
        if name not in known:
            raise UsageError("no such family of steps", got=name, want=f"some of: {', '.join(known)}")
    return tuple(step for step in chosen if not names or step.family in names)


def _compressed(family: str, packing: Callable[[int], Packing], qualities: Sequence[int]) -> Iterator[Degradation]:
    for quality in qualities:
        yield Degradation(family, f"{family} {quality}", quality, _IMAGE, (), Saved((packing(quality),)))


def _resized(factors: Sequence[float]) -> Iterator[Degradation]:
    for factor in factors:
        for kernel in _KERNELS:
            yield Degradation("resize", f"resize {factor:g} {kernel}", factor, _BOTH, (Resize(factor, kernel),))


def _changed(family: str, name: str, change: Callable[[int], Change], amounts: Sequence[int]) -> Iterator[Degradation]:
    for amount in amounts:
        yield Degradation(family, f"{family} {name.format(amount)}", amount, _BOTH, (change(amount),))


def _coded(codec: Codec, factors: Sequence[int]) -> Iterator[Degradation]:
    for crf in factors:
        yield Degradation(codec, f"{codec} crf {crf}", crf, _BOTH, (), Saved((VideoFrame(codec, crf),), codec, crf))


def _colours() -> Iterator[Degradation]:
    changes: dict[str, Change] = {
        "brightness 0.7": Colours(brightness=0.7),
        "brightness 1.3": Colours(brightness=1.3),
        "contrast 0.7": Colours(contrast=0.7),
        "contrast 1.3": Colours(contrast=1.3),
        "saturation 0.5": Colours(saturation=0.5),
        "saturation 1.5": Colours(saturation=1.5),
        "gamma 0.7": Gamma(0.7),
        "gamma 1.4": Gamma(1.4),
        "hue minus 15": Colours(hue_deg=-15),
        "hue plus 15": Colours(hue_deg=15),
        "grey": Colours(saturation=0.0),
    }
    for number, (name, change) in enumerate(changes.items(), 1):
        yield Degradation("colour", name, number, _BOTH, (change,))


def _services() -> tuple[Degradation, ...]:
    """Chains like those of social networks and chat apps; services change theirs often, so these are types of them."""
    return (
        Degradation("social", "feed 1080 px, jpeg 75", 1, _IMAGE, (AtMost(1080),), Saved((Jpeg(75),))),
        Degradation("social", "feed 720 px, jpeg 75", 2, _IMAGE, (AtMost(720),), Saved((Jpeg(75),))),
        Degradation("social", "chat 1600 px, jpeg 70 twice", 3, _IMAGE, (AtMost(1600),), Saved((Jpeg(70), Jpeg(70)))),
        Degradation("social", "feed 720p, crf 26", 4, _VIDEO, (AtMost(720, shorter=True),), Saved(crf=26)),
        Degradation("social", "feed 480p, crf 30", 5, _VIDEO, (AtMost(480, shorter=True),), Saved(crf=30)),
    )


def _screenshots() -> Iterator[Degradation]:
    """A screen that shows the picture at some size, off by part of a pixel, with a slightly different gamma."""
    number = 0
    for factor in (0.83, 1.27):
        changes = ScreenScaling(factor, 0.37), Gamma(1.06)
        for form, packing in (("png", Png()), ("jpeg 85", Jpeg(85))):
            number += 1
            name = f"screenshot {factor}, {form}"
            yield Degradation("screenshot", name, number, _IMAGE, changes, Saved((packing,)))
