"""The frames of two files that are laid over each other: of clips, those of the same moments."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zhenwei.types import Frame, Media, Pixels

if TYPE_CHECKING:
    from zhenwei.signals.moments import Line, Sampled

_FRAMES = 5
# Of a clip with no more frames all are looked at, small: two minutes at 25 a second. Of a longer one come some, and
# what lies between is looked at where it is needed, so that the hour of a long one is not decoded.
_ALL, _SOME = 3000, 128
_SEEN_PX = 160  # of a frame that is looked at only
_ROUNDS = 3
_NEAR_S = 0.1
_LONGEST_S = 10.0  # to either side of a moment that is searched
_AT_S = 0.0005  # either side of a time that is known
_EVERY_HZ = 1000.0


@dataclass(frozen=True, slots=True)
class Moments:
    """``times_s``: for each moment the pairs of times, in the first and in the second, that may be it: several where
    one clip was cut or turned, as that is not known well enough to tell a frame from its neighbours. ``is_same``:
    whether they are known to belong together; else each is merely the frame of the second that is most like."""

    times_s: tuple[tuple[tuple[float, float], ...], ...]
    is_same: bool


def moments(first: Media, second: Media, sound_s: float | None) -> Moments:
    """Which frames of two clips, or of a picture and a clip, to compare. ``sound_s``: how much later the same sound
    lies in the second, where that is known. Raises MediaError where one cannot be read."""
    from zhenwei.signals.moments import Line, apart, line, replaced

    clips = _Clip(first), _Clip(second)
    seen = clips[0].seen(), clips[1].seen()
    if "image" in (first.kind, second.kind):  # a picture has no time: the frame that is most like it
        far = apart(seen[0].prints, seen[1].prints)
        one, two = divmod(int(far.argmin()), far.shape[1])
        return Moments((((float(seen[0].times_s[one]), float(seen[1].times_s[two])),),), is_same=True)
    likest = _likest(*seen)
    found = line(*seen, sound_s)
    if found is None:  # one may have been cut or turned: the better that is known, the liker are the likest frames
        for _ in range(_ROUNDS):
            moved = _moved(clips, _likest(*seen) if found is None else _same(clips, seen, found))
            if moved is None:
                break
            closer = moved[0].seen(), moved[1].seen()
            again = line(*closer, sound_s)
            if again is not None or found is None:
                clips, seen = moved, closer
            if found is not None:
                found = again or found
                break
            found = again
    if found is None:
        found = replaced(*seen, sound_s)
    if found is None and sound_s is not None:  # of long clips too few frames were looked at to say it too
        found = Line(1.0, sound_s)
    same = () if found is None else _same(clips, seen, found)
    if not same:
        return Moments(tuple((pair,) for pair in likest), is_same=False)
    return Moments(tuple(_around(pair, clips[1]) for pair in same), is_same=True)


@dataclass(frozen=True, slots=True)
class _Clip:
    """``view``: what of each frame is looked at."""

    media: Media
    view: Callable[[Pixels], Pixels] | None = None

    @property
    def is_long(self) -> bool:
        return (self.media.frame_count or 0) > _ALL

    @property
    def count(self) -> int:
        return 1 if self.media.kind == "image" else _SOME if self.is_long else _ALL

    def seen(self) -> Sampled:
        from zhenwei.media import opened, sample_frames

        with opened(self.media.path) as facts:
            return self._prints(sample_frames(facts, self.count, max_side=_SEEN_PX))

    def passage(self, time_s: float, window_s: float) -> Sampled:
        from zhenwei.media import opened, read_passage

        span = max(0.0, time_s - window_s), max(0.0, time_s) + window_s
        with opened(self.media.path) as facts:
            return self._prints(read_passage(facts, *span, fastest_hz=_EVERY_HZ, max_side=_SEEN_PX))

    def _prints(self, found: Iterable[Frame]) -> Sampled:
        from zhenwei.signals.moments import print_of, sampled

        times, prints = [], []
        for frame in found:
            times.append(frame.time_s)
            prints.append(print_of(self.view(frame.pixels) if self.view is not None else frame.pixels))
        return sampled(times, prints)


def _same(clips: tuple[_Clip, _Clip], seen: tuple[Sampled, Sampled], found: Line) -> tuple[tuple[float, float], ...]:
    from zhenwei.signals.moments import overlap

    return tuple(_matched(clips, seen, found, time) for time in overlap(found, *seen, _FRAMES))


def _matched(
    clips: tuple[_Clip, _Clip], seen: tuple[Sampled, Sampled], found: Line, time_s: float
) -> tuple[float, float]:
    """The frames nearest to a moment that are most alike; where only some were looked at, the others are now."""
    from zhenwei.signals.moments import WINDOW_S, likest

    first, second = clips
    at_s = found.speed * time_s + found.offset_s
    window_s = min(_LONGEST_S, max(WINDOW_S, seen[1].gap_s if second.is_long else 0.0))
    closer = (
        first.passage(time_s, WINDOW_S) if first.is_long else seen[0],
        second.passage(at_s, window_s) if second.is_long else seen[1],
    )
    return likest(*closer, time_s, at_s, window_s) or (time_s, at_s)


def _around(pair: tuple[float, float], second: _Clip) -> tuple[tuple[float, float], ...]:
    """The pair; where only a part of the frames is looked at, also with the neighbours of the second's frame."""
    if second.view is None:
        return (pair,)
    near = second.passage(pair[1], _NEAR_S).times_s
    return tuple((pair[0], float(time)) for time in near) or (pair,)


def _moved(clips: tuple[_Clip, _Clip], likest: Sequence[tuple[float, float]]) -> tuple[_Clip, _Clip] | None:
    """Both clips where they show the same, if one lies over a part of the other."""
    from zhenwei.signals.alignment import placed
    from zhenwei.signals.moments import common

    first, second = [clip.media for clip in clips]
    pairs = zip(frames(first, [a for a, _ in likest]), frames(second, [b for _, b in likest]), strict=True)
    known = [placed(one, two) for one, two in pairs if one is not None and two is not None]
    best = max([each for each in known if each is not None], key=lambda each: each[1], default=None)
    views = common(best[0]) if best is not None else None
    return None if views is None else (_Clip(first, views[0]), _Clip(second, views[1]))


def _likest(first: Sampled, second: Sampled) -> list[tuple[float, float]]:
    """Some frames of the first, each with the one of the second that is most like it: their times."""
    from zhenwei.signals.moments import apart

    count = len(first.times_s)
    places = sorted({count * (2 * part + 1) // (2 * _FRAMES) for part in range(_FRAMES)})
    nearest = apart(first.prints[places], second.prints).argmin(axis=1)
    return [(float(first.times_s[a]), float(second.times_s[b])) for a, b in zip(places, nearest, strict=True)]


def frames(media: Media, times_s: Sequence[float]) -> list[Pixels | None]:
    """The pixels shown at each of these times; None where none are."""
    from zhenwei.media import opened, read_passage, sample_frames

    if media.kind == "image":
        with opened(media.path) as facts:
            return [frame.pixels for frame in sample_frames(facts, 1) for _ in times_s]
    known: dict[float, Pixels] = {}
    with opened(media.path) as facts:
        for time in sorted(set(times_s)):
            passage = read_passage(facts, max(0.0, time - _AT_S), time + _AT_S, fastest_hz=_EVERY_HZ)
            known.update((time, frame.pixels) for frame in passage)
        left = [time for time in set(times_s) if time not in known]
        if left:  # animated pictures know no passages
            for frame in sample_frames(facts, _Clip(facts).count):
                known.update((time, frame.pixels) for time in left if abs(frame.time_s - time) <= _AT_S)
    return [known.get(time) for time in times_s]
