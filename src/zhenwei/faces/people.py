"""The people of a clip or picture: faces found in every frame, linked, numbered, chance findings left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zhenwei.errors import UsageError
from zhenwei.faces import tracking
from zhenwei.faces.detection import MAX_TILES, MAX_TILES_MOVING, Sighting, sight
from zhenwei.types import Frame, Track

_TILED_EVERY = 8
_BOTH_EVERY = 4
_ONCE_ENOUGH = 12.0  # support from which a face that was seen only once in a clip is believed
_NEAR_S = 2.0
_VIDEO = 4  # frames from which once is seldom


def find_people(frames: Sequence[Frame], *, minimum_px: int = 24, sparing: bool = False) -> tuple[Track, ...]:
    """Everyone whose face is seen, numbered from 1 by first appearance, then by size of the face; () if nobody.

    ``frames``: in order of time, ``Frame.index`` their place in the sequence; one frame is a picture, in which faces
    down to ``minimum_px`` (shorter side of the box) are looked for everywhere. In a clip the small ones are looked for
    in every eighth frame, in frames without a face, and while any are being found; in between, the short range alone
    is asked while it is sure of as many as there were before, at most three frames in a row. A face seen in a single
    frame of four or more is left out unless the evidence for it is strong: chance findings do not come twice.

    ``sparing``: every other frame is looked at only where the two beside it lie more than two seconds apart or differ:
    another scene, a face more or fewer, one that looks otherwise or is further off than its own size, or small ones.
    Where nothing of it happens that halves the work, and nobody goes unseen who is there for longer than from one frame
    to the next but one and who would not have gone unseen anyway.

    Raises :class:`UsageError` if the indices are not 0, 1, 2 ... or ``minimum_px`` is below 1.
    """
    if minimum_px < 1:
        raise UsageError("the smallest face is out of range", got=f"{minimum_px} px", want="at least 1 px")
    indices = [frame.index for frame in frames]
    if indices != list(range(len(frames))):
        got = ", ".join(map(str, indices[:8]))
        raise UsageError("the frames are not numbered in order", got=got, want="0, 1, 2 ...")
    scenes = tracking.scenes(frames)
    seen = _seen(frames, minimum_px, scenes if sparing else None)
    tracks: list[Track] = []
    for faces, supports in tracking.link(list(seen.values()), [scenes[place] for place in seen]):
        if len(faces) > 1 or len(frames) < _VIDEO or max(supports) >= _ONCE_ENOUGH:
            tracks.append(Track(len(tracks) + 1, faces))
    return tuple(tracks)


def _seen(
    frames: Sequence[Frame], minimum_px: int, scenes: Sequence[int] | None
) -> dict[int, Sequence[tracking.Observation]]:
    """What was seen in each frame that was looked at, by place and in order; every one of them without ``scenes``."""
    found: dict[int, _Look] = {}
    last = len(frames) - 1
    looks = _Looks(minimum_px, still=last == 0)
    for place in range(len(frames)):
        if scenes is None or place % 2 == 0 or place == last:
            found[place] = looks.at(frames[place])
            between = place - 1
            if scenes is not None and between > 0 and between not in found:
                near = frames[place].time_s - frames[between - 1].time_s <= _NEAR_S
                one_scene = scenes[between - 1] == scenes[place]
                if not (near and one_scene and _unchanged(found[between - 1], found[place])):
                    found[between] = looks.back(frames[between])
    return {place: found[place].faces for place in sorted(found)}


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    """What one frame showed. ``small``: it took tiles to find some of it."""

    faces: Sequence[tracking.Observation]
    small: bool


def _unchanged(before: _Look, after: _Look) -> bool:
    """As many faces, none of them small, each no further than its own size from one that looks alike."""
    if len(before.faces) != len(after.faces) or before.small or after.small:
        return False
    left = list(before.faces)
    for seen in after.faces:
        far, nearest = min([(tracking.distance(one.face, seen.face), place) for place, one in enumerate(left)])
        if far > 1 or not tracking.alike(left[nearest].looks, seen.looks):
            return False
        del left[nearest]
    return True


@dataclass(slots=True)
class _Looks:
    """What the last look found decides how closely the next one looks. ``still``: there is but one frame."""

    minimum_px: int
    still: bool
    count: int = 0
    small_about: bool = False
    before: int = 0

    def at(self, frame: Frame) -> _Look:
        found = self._found(frame)
        self.small_about, self.before = any(sighting.by_tile for sighting in found), len(found)
        pixels = frame.pixels
        seen = [tracking.Observation(one.face, one.support, tracking.looks(pixels, one.face)) for one in found]
        return _Look(seen, self.small_about)

    def back(self, frame: Frame) -> _Look:
        """At one before the last: what was found there still decides how closely the next one is looked at."""
        small_about, before = self.small_about, self.before
        look = self.at(frame)
        self.small_about, self.before = self.small_about or small_about, max(self.before, before)
        return look

    def _found(self, frame: Frame) -> list[Sighting]:
        number = self.count
        self.count += 1
        if self.still or self.small_about or frame.index % _TILED_EVERY == 0:
            return sight(frame, self.minimum_px, MAX_TILES if self.still else MAX_TILES_MOVING)
        enough = self.before if number % _BOTH_EVERY else 0
        return sight(frame, self.minimum_px, 0, enough) or sight(frame, self.minimum_px, MAX_TILES_MOVING)
