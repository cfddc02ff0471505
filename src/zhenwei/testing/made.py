"""Subjects made without files: pictures, clips and sound, each with a person said to be in it.

Arrays are read-only, and the same from call to call.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from zhenwei.types import Audio, Box, Face, Floats, Frame, Kind, Media, Pixels, Quality, Strip, Subject, Track

Subjects = Mapping[str, Subject]
Item = TypeVar("Item", bound=np.generic)


def portrait(height: int = 240, width: int = 200, seed: int = 0) -> Pixels:
    """A painted face on a background, with noise: ``(height, width, 3)`` uint8 RGB, the same for the same seed."""
    rows, columns = np.mgrid[0:height, 0:width]
    y, x = (rows + 0.5) / height * 2 - 1, (columns + 0.5) / width * 2 - 1
    paint = np.empty((height, width, 3))
    paint[:] = (70, 95, 120)
    paint[(x / 0.7) ** 2 + (y / 0.9) ** 2 < 1] = (205, 160, 135)
    for eye in (-0.3, 0.3):
        paint[((x - eye) / 0.15) ** 2 + ((y + 0.2) / 0.07) ** 2 < 1] = (240, 240, 240)
        paint[((x - eye) / 0.06) ** 2 + ((y + 0.2) / 0.06) ** 2 < 1] = (50, 35, 30)
    paint[(x / 0.28) ** 2 + ((y - 0.45) / 0.09) ** 2 < 1] = (165, 75, 80)
    noise = np.random.default_rng(seed).normal(0, 4, paint.shape)
    return np.clip(paint + noise, 0, 255).astype(np.uint8)


def face_mesh(box: Box) -> Floats:
    """``(468, 3)`` float32 points in ``box``, with eyes, mouth and outline about where FaceMesh has them."""
    golden = np.arange(468) * 2.399963
    radius = 0.45 * np.sqrt(np.arange(468) / 468)
    unit = np.stack([0.5 + radius * np.cos(golden), 0.5 + radius * np.sin(golden), np.zeros(468)], axis=1)
    eyes = ((33, 133, 159, 145), 0.35), ((263, 362, 386, 374), 0.65)
    for corners, x in eyes:
        unit[list(corners), :2] = [(x - 0.08, 0.4), (x + 0.08, 0.4), (x, 0.37), (x, 0.43)]
    unit[[61, 291, 13, 14], :2] = [(0.36, 0.72), (0.64, 0.72), (0.5, 0.7), (0.5, 0.74)]
    unit[[10, 152, 234, 454, 1], :2] = [(0.5, 0.02), (0.5, 0.98), (0.05, 0.5), (0.95, 0.5), (0.5, 0.56)]
    return (unit * [box.width, box.height, box.width] + [box.left, box.top, 0]).astype(np.float32)


def face_in(frame: Frame, box: Box | None = None, *, landmarks: bool = True, tight: bool = False) -> Face:
    """A face said to be at ``box`` of ``frame`` (its middle, if none is given), with what can be measured of it."""
    height, width = frame.pixels.shape[:2]
    box = box or Box(0.15 * width, 0.05 * height, 0.85 * width, 0.95 * height)
    spots = np.array([(0.35, 0.4), (0.65, 0.4), (0.5, 0.56), (0.5, 0.72), (0.05, 0.45), (0.95, 0.45)])
    keypoints = (spots * [box.width, box.height] + [box.left, box.top]).astype(np.float32)
    luma = frame.pixels[:: 1 + height // 256, :: 1 + width // 256].mean(axis=2)
    clipped = float(((luma <= 4) | (luma >= 251)).mean())
    around = np.pad(luma, 1, mode="edge")
    laplacian = around[:-2, 1:-1] + around[2:, 1:-1] + around[1:-1, :-2] + around[1:-1, 2:] - 4 * luma
    level, face_px = float(luma.mean()) / 255, min(box.width, box.height)
    quality = Quality(face_px, float(laplacian.var()), level, clipped, 0.0, 0.0, 0.0)
    mesh = _locked(face_mesh(box)) if landmarks else None
    return Face(frame.index, frame.time_s, box, 0.9, _locked(keypoints), quality, mesh, tight)


def image_subject(
    pixels: Pixels, box: Box | None = None, *, landmarks: bool = True, tight: bool = False, notes: tuple[str, ...] = ()
) -> Subject:
    """One picture, ``(height, width, 3)`` uint8 RGB, with one face said to be at ``box``."""
    frame = Frame(0, 0.0, _locked(pixels))
    media = _media("image", pixels.tobytes()[:4096], "png", pixels.shape, notes=notes)
    return Subject(media, (frame,), Track(1, (face_in(frame, box, landmarks=landmarks, tight=tight),)))


def video_subject(images: Sequence[Pixels], *, fps: float = 3.0, audio: Audio | None = None) -> Subject:
    """A video of ``images``, all of one size, ``fps`` of them sampled a second, with one person in every frame."""
    frames = tuple(Frame(i, i / fps, _locked(p)) for i, p in enumerate(images))
    shape, length_s = (images[0].shape, len(images) / fps) if images else (None, 0.0)
    data = b"".join(p.tobytes()[:256] for p in images)
    media = _media("video", data, "mov,mp4", shape, duration_s=length_s, fps=fps, frame_count=len(images))
    track = Track(1, tuple(face_in(f) for f in frames)) if frames else None
    return Subject(media, frames, track, audio)


def strip_subject(
    pixels: Pixels,
    landmarks: Floats | None = None,
    *,
    fps: float = 25.0,
    scale: float = 1.0,
    origins: Floats | None = None,
) -> Subject:
    """A video whose person is seen in every frame of ``pixels``, ``(n, side, side, 3)`` uint8 RGB, ``fps`` a second.

    ``landmarks`` ``(n, 468, 3)``: by default those of a face that fills the middle of the picture and keeps still.
    ``scale`` and ``origins`` as in ``Strip``. The sampled frames are eight of the pictures.
    """
    n, side = pixels.shape[:2]
    still = face_mesh(Box(0.2 * side, 0.15 * side, 0.8 * side, 0.85 * side))
    points = np.repeat(still[None], n, axis=0) if landmarks is None else landmarks
    corners = np.zeros((n, 2), np.float32) if origins is None else origins
    strip = Strip(_locked(np.arange(n) / fps), _locked(pixels), _locked(corners), _locked(points), scale)
    length_s = n / fps
    chosen = np.unique(np.linspace(0, n - 1, 8).round().astype(int))
    whole = video_subject([pixels[i] for i in chosen], fps=len(chosen) / length_s)
    media = dataclasses.replace(whole.media, fps=fps, frame_count=n)
    return dataclasses.replace(whole, media=media, strip=strip)


def audio_subject(samples: Floats, rate_hz: int = 16000) -> Subject:
    """Sound alone: ``samples`` ``(channels, n)`` float32 in [-1, 1]."""
    audio = Audio(_locked(samples.astype(np.float32)), rate_hz)
    media = _media("audio", samples.tobytes()[:4096], "wav", None, duration_s=audio.duration_s, audio_rate_hz=rate_hz)
    return Subject(media, audio=audio)


@functools.cache
def subjects() -> Subjects:
    """What every detector must have an answer to, by name. Arrays are read-only."""
    rng = np.random.default_rng(11)
    moving = [np.roll(portrait(seed=i), i, axis=1) for i in range(8)]
    second = np.arange(16000) / 16000
    tone = (0.3 * np.sin(2 * np.pi * 220 * second) + 0.02 * rng.standard_normal(16000)).astype(np.float32)
    speech = Audio(_locked(np.tile(tone, (1, 3))), 16000)
    squares = (np.indices((200, 200)).sum(axis=0) // 16 % 2 * 64 + 96)[..., None].repeat(3, axis=2).astype(np.uint8)
    speck = Box(10, 10, 11, 11)
    everything = {
        "portrait": image_subject(portrait()),
        "black": image_subject(np.zeros((240, 200, 3), np.uint8)),
        "grey": image_subject(np.full((240, 200, 3), 128, np.uint8)),
        "white": image_subject(np.full((240, 200, 3), 255, np.uint8)),
        "noise": image_subject(rng.integers(0, 256, (240, 200, 3), dtype=np.uint8)),
        "one_pixel": image_subject(np.full((1, 1, 3), 90, np.uint8), Box(0, 0, 1, 1)),
        "alpha": image_subject(squares, notes=("alpha laid over grey",)),
        "tall": image_subject(np.full((4000, 1, 3), 90, np.uint8), Box(0, 0, 1, 4000)),
        "wide": image_subject(np.full((1, 4000, 3), 90, np.uint8), Box(0, 0, 4000, 1)),
        "huge": image_subject(portrait()[:1, :1].repeat(3000, axis=0).repeat(4000, axis=1)),
        "tight_crop": image_subject(portrait(), Box(0, 0, 200, 240), tight=True),
        "no_landmarks": image_subject(portrait(), landmarks=False),
        "beyond_border": image_subject(portrait(), Box(-60, -80, 150, 170)),
        "speck": image_subject(portrait(), speck),
        "no_faces": dataclasses.replace(image_subject(portrait()), track=None),
        "clip": video_subject(moving, audio=speech),
        "clip_without_sound": video_subject(moving),
        "clip_without_faces": dataclasses.replace(video_subject(moving, audio=speech), track=None),
        "still_clip": video_subject([portrait()] * 8, audio=Audio(_locked(np.zeros((1, 42667), np.float32)), 16000)),
        "one_frame": video_subject([portrait()]),
        "silence": audio_subject(np.zeros((1, 48000), np.float32)),
        "tone": audio_subject(np.tile(tone, (2, 3)), 16000),
        "one_sample": audio_subject(np.zeros((1, 1), np.float32)),
        "no_samples": audio_subject(np.zeros((1, 0), np.float32)),
        "nothing": video_subject([]),
    }
    everything |= _strips(rng)
    halves = everything["clip"].track
    if halves is not None:  # a person seen in every other frame only
        seen = Track(halves.person, halves.faces[::2])
        everything["half_seen"] = dataclasses.replace(everything["clip"], track=seen)
    return everything


def _strips(rng: np.random.Generator) -> dict[str, Subject]:
    """Passages without gaps: long and short, still and noisy, and one in which the mesh found nothing."""
    face = np.repeat(portrait(64, 64)[None], 260, axis=0)
    grain = rng.integers(-6, 7, face.shape, dtype=np.int16)
    noisy = np.clip(face + grain, 0, 255).astype(np.uint8)
    mesh = face_mesh(Box(12, 8, 52, 56))
    trembling = (mesh + rng.normal(0, 0.3, (260, 468, 3))).astype(np.float32)
    gone = np.full((260, 468, 3), np.nan, np.float32)
    partly = np.where(rng.random((260, 1, 1)) < 0.2, np.float32(np.nan), trembling)
    return {
        "strip": strip_subject(noisy, trembling),
        "strip_still": strip_subject(face),
        "strip_black": strip_subject(np.zeros_like(face), trembling),
        "strip_white": strip_subject(np.full_like(face, 255)),
        "strip_noise": strip_subject(rng.integers(0, 256, face.shape, dtype=np.uint8), trembling),
        "strip_lost": strip_subject(noisy, gone),
        "strip_partly_lost": strip_subject(noisy, partly),
        "strip_slow": strip_subject(noisy[:100], trembling[:100], fps=8.0),
        "strip_short": strip_subject(noisy[:2], trembling[:2]),
        "strip_one_pixel": strip_subject(noisy[:, :1, :1], np.zeros((260, 468, 3), np.float32)),
        "strip_far_off": strip_subject(noisy, trembling + np.float32(1000)),
    }


def writable_copy(subject: Subject) -> Subject:
    """The same subject on fresh, writable arrays."""
    frames = tuple(dataclasses.replace(f, pixels=f.pixels.copy()) for f in subject.frames)
    track, audio = subject.track, subject.audio
    if track is not None:
        copies = []
        for face in track.faces:
            mesh = None if face.landmarks is None else face.landmarks.copy()
            copies.append(dataclasses.replace(face, keypoints=face.keypoints.copy(), landmarks=mesh))
        track = Track(track.person, tuple(copies))
    if audio is not None:
        audio = dataclasses.replace(audio, samples=audio.samples.copy())
    strip = subject.strip
    if strip is not None:
        names = ("times_s", "pixels", "origins", "landmarks")
        strip = dataclasses.replace(strip, **{name: getattr(strip, name).copy() for name in names})
    return dataclasses.replace(subject, frames=frames, track=track, audio=audio, strip=strip)


def digest(subject: Subject) -> str:
    """sha256 over every array of ``subject``, in hexadecimal."""
    total = hashlib.sha256()
    for frame in subject.frames:
        total.update(frame.pixels.tobytes())
    for face in subject.track.faces if subject.track else ():
        total.update(face.keypoints.tobytes())
        total.update(b"" if face.landmarks is None else face.landmarks.tobytes())
    total.update(b"" if subject.audio is None else subject.audio.samples.tobytes())
    if subject.strip is not None:
        for array in (subject.strip.times_s, subject.strip.pixels, subject.strip.origins, subject.strip.landmarks):
            total.update(array.tobytes())
    return total.hexdigest()


def _locked(array: NDArray[Item]) -> NDArray[Item]:
    """A read-only view, so that the caller's own array stays as it is."""
    view = array.view()
    view.flags.writeable = False
    return view


def _media(
    kind: Kind,
    data: bytes,
    container: str,
    shape: tuple[int, ...] | None,
    *,
    duration_s: float | None = None,
    fps: float | None = None,
    frame_count: int | None = None,
    audio_rate_hz: int | None = None,
    notes: tuple[str, ...] = (),
) -> Media:
    height, width = (shape[0], shape[1]) if shape else (None, None)
    return Media(
        path=f"made.{container.partition(',')[0]}",
        sha256=hashlib.sha256(data).hexdigest(),
        kind=kind,
        size_bytes=len(data),
        container=container,
        width=width,
        height=height,
        duration_s=duration_s,
        fps=fps,
        frame_count=frame_count,
        audio_rate_hz=audio_rate_hz,
        notes=notes,
    )
