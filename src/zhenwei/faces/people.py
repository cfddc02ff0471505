"""The people of a clip or picture: faces found in every frame, linked, numbered, chance findings left out."""

from __future__ import annotations

from collections.abc import Sequence

from zhenwei.errors import UsageError
from zhenwei.faces import tracking
from zhenwei.faces.detection import MAX_TILES, MAX_TILES_MOVING, Sighting, sight
from zhenwei.types import Frame, Track

_TILED_EVERY = 8
_BOTH_EVERY = 4
_ONCE_ENOUGH = 12.0  # support from which a face that was seen only once in a clip is believed
_VIDEO = 4  # frames from which once is seldom


def find_people(frames: Sequence[Frame], *, minimum_px: int = 24) -> tuple[Track, ...]:
    """Everyone whose face is seen, numbered from 1 by first appearance, then by size of the face; () if nobody.

    ``frames``: in order of time, ``Frame.index`` their place in the sequence; one frame is a picture, in which faces
    down to ``minimum_px`` (shorter side of the box) are looked for everywhere. In a clip the small ones are looked for
    in every eighth frame, in frames without a face, and while any are being found; in between, the short range alone
    is asked while it is sure of as many as there were before, at most three frames in a row. A face seen in a single
    frame of four or more is left out unless the evidence for it is strong: chance findings do not come twice.

    Raises :class:`UsageError` if the indices are not 0, 1, 2 ... or ``minimum_px`` is below 1.
    """
    if minimum_px < 1:
        raise UsageError("the smallest face is out of range", got=f"{minimum_px} px", want="at least 1 px")
    indices = [frame.index for frame in frames]
    if indices != list(range(len(frames))):
        got = ", ".join(map(str, indices[:8]))
        raise UsageError("the frames are not numbered in order", got=got, want="0, 1, 2 ...")
    seen: list[list[tracking.Observation]] = []
    small_about, before = False, 0
    for frame in frames:
        found = _sightings(frame, minimum_px, small_about, before, still=len(frames) == 1)
        small_about, before = False, len(found)
        observations = []
        for sighting in found:
            small_about = small_about or sighting.by_tile
            looks = tracking.looks(frame.pixels, sighting.face)
            observations.append(tracking.Observation(sighting.face, sighting.support, looks))
        seen.append(observations)
    tracks: list[Track] = []
    for faces, supports in tracking.link(seen, tracking.scenes(frames)):
        if len(faces) > 1 or len(frames) < _VIDEO or max(supports) >= _ONCE_ENOUGH:
            tracks.append(Track(len(tracks) + 1, faces))
    return tuple(tracks)


def _sightings(frame: Frame, minimum_px: int, small_about: bool, before: int, *, still: bool) -> list[Sighting]:
    if still:
        return sight(frame, minimum_px, MAX_TILES)
    if small_about or frame.index % _TILED_EVERY == 0:
        return sight(frame, minimum_px, MAX_TILES_MOVING)
    enough = before if frame.index % _BOTH_EVERY else 0
    return sight(frame, minimum_px, 0, enough) or sight(frame, minimum_px, MAX_TILES_MOVING)
