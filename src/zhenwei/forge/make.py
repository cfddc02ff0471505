"""Forgeries of a photograph or a clip by name: one seeded door to all of ``synthesis``, at the lab's size.

The lab forges no face of more than 128 px: what is larger is reduced, the whole picture with it.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from zhenwei import faces, media
from zhenwei.errors import DataError, NotCoveredError, UsageError
from zhenwei.forge import synthesis
from zhenwei.forge.animate import animated
from zhenwei.forge.consent import Consent, check_files, hash_file
from zhenwei.forge.synthesis import Forgery, VideoForgery
from zhenwei.media.cut import lacks_its_end
from zhenwei.media.formats import HEAD_BYTES, recognise
from zhenwei.media.limits import DEFAULT_LIMITS
from zhenwei.media.sources import regular_file
from zhenwei.types import Floats, Frame, Pixels

MAX_FACE_PX = 128
MAX_IMAGE_PX = 2048
_UNEVEN = 3.0  # times the usual time between two frames
FRAMES, LONGEST_VIDEO_S = 100, 6.0
_ONE: Mapping[str, Callable[[Pixels, Floats, np.random.Generator], Forgery]] = {
    "affine_warp": synthesis.affine_warp,
    "animated": animated,
    "attribute": synthesis.attribute,
    "regenerate": lambda pixels, _, rng: synthesis.regenerate(pixels, rng),
    "self_blend": synthesis.self_blend,
}
_TWO: Mapping[str, Callable[[Pixels, Floats, Pixels, Floats, np.random.Generator], Forgery]] = {
    "cross_blend": synthesis.cross_blend,
    "mesh_swap": synthesis.mesh_swap,
    "splice": synthesis.splice,
}
VIDEO, DECODED, RENDERED = "temporal", "decoded", "rendered"
OF_TWO = tuple(_TWO)
LEARNED = (DECODED, RENDERED)
"""Methods that need PyTorch."""
METHODS = (*sorted([*_ONE, *_TWO, *LEARNED]), VIDEO)


@dataclass(frozen=True, slots=True, eq=False)
class Sitter:
    """A picture at the lab's size with its largest face. ``landmarks``: ``(468, 3)`` in pixels of it.
    ``scale``: its pixels for one of the file."""

    path: Path
    data: bytes
    pixels: Pixels
    landmarks: Floats
    scale: float


def read_sitter(path: Path) -> Sitter:
    """The picture at ``path``. Raises MediaError if it is no picture, DataError if it is cut short, which its mask
    would not tell, or no face is found in it."""
    opened = media.open_media(path)
    if opened.kind != "image":
        raise DataError(f"{path.name} is no still picture", got=opened.kind, want="a photograph with a face")
    with regular_file(str(path), DEFAULT_LIMITS) as (file, _):
        form = recognise(file.read(HEAD_BYTES))
        if form is not None and lacks_its_end(file, form):
            fix = "Copy or download the file again."
            raise DataError(f"{path.name} is cut short", want="a complete picture", fix=fix)
    frame = media.read_image(opened)
    found = [face for track in faces.find_people([frame]) for face in track.faces if face.landmarks is not None]
    if not found:
        raise DataError(f"no face was found in {path.name}", want="a face of 24 px or more, eyes and mouth in sight")
    largest = max(found, key=lambda face: face.box.area)
    side = max(largest.box.width, largest.box.height)
    scale = min(1.0, MAX_FACE_PX / side, MAX_IMAGE_PX / max(frame.pixels.shape[:2]))
    pixels = _reduced(frame.pixels, scale)
    return Sitter(path, path.read_bytes(), pixels, np.asarray(largest.landmarks * scale, np.float32), scale)


def forge_image(
    method: str,
    sitter: Sitter,
    rng: np.random.Generator,
    donor: Sitter | None = None,
    *,
    latents: Path | None = None,
) -> Forgery:
    """One of ``METHODS`` for pictures; ``OF_TWO`` need a ``donor``, whose face or part of it is taken. "decoded" needs
    ``latents``, the folder of the autoencoder that the face goes through."""
    if method in _ONE:
        return _ONE[method](sitter.pixels, sitter.landmarks, rng)
    if method == RENDERED:
        from zhenwei.forge.animate.learned import rendered, shipped

        return rendered(sitter.pixels, sitter.landmarks, rng, shipped())
    if method == DECODED:
        return synthesis.decoded(sitter.pixels, sitter.landmarks, rng, round_trip(latents))
    if method not in _TWO:
        want = ", ".join([*_ONE, *LEARNED, *_TWO])
        raise UsageError("there is no such method for pictures", got=method, want=want)
    if donor is None:
        raise UsageError(f"{method} takes a face from another picture", want="a donor", fix="Name it with --donor.")
    return _TWO[method](sitter.pixels, sitter.landmarks, donor.pixels, donor.landmarks, rng)


def round_trip(latents: Path | None) -> synthesis.RoundTrip:
    """The autoencoder in the folder. UsageError where none is named, DataError where it holds none."""
    from zhenwei.forge.latent import FILES, opened

    if latents is None:
        fix = "Name it with --latents; nothing is downloaded."
        raise UsageError(
            "decoded sends a face through a latent autoencoder", want=f"a folder with {' and '.join(FILES)}", fix=fix
        )
    return opened(latents)


@dataclass(frozen=True, slots=True, eq=False)
class Actor:
    """The first seconds of a clip at the lab's size, and its person.

    ``pixels`` ``(n, h, w, 3)`` uint8 RGB, ``landmarks`` ``(n, 468, 3)`` in pixels of them, ``rate_hz``: frames
    a second, ``longest_gap_s``: from one frame to the next.
    """

    path: Path
    pixels: Pixels
    landmarks: Floats
    rate_hz: float
    longest_gap_s: float = 0.0


def read_actor(path: Path, longest_s: float = LONGEST_VIDEO_S, frames: int = FRAMES) -> Actor:
    """Raises DataError if it is no clip or no face is found in most of its frames."""
    opened = media.open_media(path)
    if opened.kind != "video":
        raise DataError(
            f"{path.name} is no clip", got=opened.kind, want="moving pictures", fix="Choose another method."
        )
    shown = list(media.read_passage(opened, 0.0, longest_s, max_side=960))[:frames]
    tracks = faces.find_people(shown)
    if not tracks:
        raise DataError(f"no face was found in {path.name}", want="a face of 24 px or more in most frames")
    track = max(tracks, key=lambda each: len(each.faces))
    seen = {face.frame: face.landmarks for face in track.faces if face.landmarks is not None}
    if len(seen) < len(shown) / 2:
        got = f"{len(seen)} of {len(shown)} frames"
        raise DataError(f"a face is not followed through {path.name}", got=got, want="half of them and more")
    side = max(max(face.box.width, face.box.height) for face in track.faces)
    scale = min(1.0, MAX_FACE_PX / side)
    pixels = np.stack([_reduced(frame.pixels, scale) for frame in shown])
    gaps = np.diff([frame.time_s for frame in shown])
    landmarks = _filled(seen, len(shown)) * np.float32(scale)
    return Actor(path, pixels, landmarks, _rate(shown), float(gaps.max(initial=0.0)))


def forge_video(path: Path, rng: np.random.Generator, kind: str | None = None) -> tuple[VideoForgery, float]:
    """The first seconds of a clip, forged in their course, and their frames a second. Errors as of read_actor."""
    actor = read_actor(path)
    if actor.longest_gap_s > _UNEVEN / actor.rate_hz:
        fix = "Encode it at one rate first: at another course of time the label would be wrong."
        got = f"{actor.longest_gap_s:.2f} s from one to the next"
        raise DataError(f"the frames of {path.name} are not evenly spaced in time", got=got, fix=fix)
    return synthesis.temporal(actor.pixels, actor.landmarks, rng, kind=kind), actor.rate_hz


def check_consent(consent: Consent, sitters: Sequence[Sitter | Actor], today: datetime.date) -> None:
    """Refuse with a DataError unless each picture is covered by one of the manifest's subjects."""
    for sitter in sitters:
        check_covered(consent, sitter.path, today, "face")


def check_covered(consent: Consent, path: Path, today: datetime.date, scope: str) -> None:
    """Refuse with a DataError unless one of the manifest's subjects covers the file for a "face" or a "voice"."""
    digest, refusals = hash_file(path), list[tuple[bool, bool, DataError]]()
    for person in consent.subjects:
        try:
            check_files(consent, person.name, [path], today, scope)
        except DataError as refused:
            refusals.append((digest not in person.files.values(), isinstance(refused, NotCoveredError), refused))
        else:
            return
    # Whose file it is says why it may not be used; else an ended consent says more than that a file is not in one.
    raise min(refusals, key=lambda one: one[:2])[2]


def _reduced(pixels: Pixels, scale: float) -> Pixels:
    if scale >= 1:
        return pixels
    height, width = (max(32, round(side * scale)) for side in pixels.shape[:2])
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _filled(seen: Mapping[int, Floats], count: int) -> Floats:
    """Landmarks for every frame, of the nearest one where there are none."""
    known = np.array(sorted(seen))
    nearest = known[np.abs(known[None, :] - np.arange(count)[:, None]).argmin(axis=1)]
    return np.stack([seen[int(index)] for index in nearest]).astype(np.float32)


def _rate(frames: Sequence[Frame]) -> float:
    gaps = np.diff([frame.time_s for frame in frames])
    return float(np.clip(1 / np.median(gaps), 1, 60)) if len(gaps) and np.median(gaps) > 0 else 25.0
