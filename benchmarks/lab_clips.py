"""Rows of ``benchmarks.lab_forgeries`` about clips: what the lab makes of one frame of a clip, beside that clip.

"clip warp": the frame moved like somebody else's clip, bent along its landmarks. "clip speaks": the frame made to say
the clip's own sound. "clip learned": as the first, drawn by the network that comes with the package. The clips are made
in memory and asked as any file is.
"""

from __future__ import annotations

import csv
import io
import sys
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import cv2
import numpy as np

from zhenwei import Options, examine, media
from zhenwei.errors import ZhenweiError
from zhenwei.evaluation import held_out
from zhenwei.evaluation.held_out import HeldOutRow
from zhenwei.forge.animate import animate, motion_of, smoothed
from zhenwei.forge.animate.learned import animate_learned, shipped
from zhenwei.forge.animate.motion import neutral_frame
from zhenwei.forge.animate.speech import mouth_of, speaking
from zhenwei.forge.make import Actor, read_actor
from zhenwei.types import Floats, Pixels

CLIPS = ("clip warp", "clip speaks", "clip learned")
_ASKED = ("encoder.animated", "encoder.generated", "temporal.flicker", "audiovisual.lip_sync")
_SECONDS, _FRAMES, _CRF, _RATE_HZ = 6.0, 150, 23, 16000


@dataclass(frozen=True, slots=True, eq=False)
class Talk:
    """A genuine clip at the lab's size, and its sound ``(samples,)`` at 16 kHz."""

    name: str
    actor: Actor
    sound: Floats


def talks(data: Path, count: int) -> Iterator[Talk]:
    """Genuine clips with sound and a face that is followed."""
    with zipfile.ZipFile(data / "clips.zip") as packed, (data / "clips.csv").open(encoding="utf-8") as text:
        names = [row["path"] for row in csv.DictReader(text) if row["label"] == "real"]
        for name in names:
            if count < 1:
                return
            with TemporaryDirectory() as folder:
                path = Path(packed.extract(name, folder))
                opened = media.open_media(path)
                if not opened.audio_codec:
                    continue
                try:
                    actor = read_actor(path, _SECONDS, _FRAMES)
                    sound = media.read_audio(opened, rate_hz=_RATE_HZ).samples.mean(0)[: int(_SECONDS * _RATE_HZ)]
                except ZhenweiError:
                    continue
            count -= 1
            yield Talk(name, actor, np.asarray(sound, np.float32))


def made(method: str, one: Talk, other: Talk, rng: np.random.Generator) -> Pixels:
    actor, driver = one.actor, other.actor
    at = neutral_frame(np.asarray(actor.landmarks, np.float64))
    pixels, landmarks = actor.pixels[at], actor.landmarks[at]
    if method == "clip learned":
        drawn = animate_learned(shipped(), pixels, landmarks, driver.pixels, driver.landmarks, driver.rate_hz)
        return drawn.frames
    if method == "clip speaks":
        motion = speaking(landmarks, mouth_of(one.sound, actor.rate_hz), actor.rate_hz, rng)
        return animate(pixels, landmarks, motion).frames
    return animate(pixels, landmarks, smoothed(motion_of(driver.landmarks, driver.rate_hz))).frames


def clip_rows(data: Path, count: int, methods: Sequence[str]) -> list[HeldOutRow]:
    if not methods:
        return []
    held = list(talks(data, count))
    answers: dict[str, list[dict[str, float | None]]] = {"genuine": [], **{method: [] for method in methods}}
    for number, one in enumerate(held):
        other = held[number - 1]
        answers["genuine"].append(asked(one.actor.pixels, one.actor.rate_hz, one.sound))
        for method in methods:
            rate_hz = one.actor.rate_hz if method == "clip speaks" else other.actor.rate_hz
            frames = made(method, one, other, np.random.default_rng([number, CLIPS.index(method)]))
            answers[method].append(asked(frames, rate_hz, one.sound))
        sys.stderr.write(f"clip {number + 1} of {len(held)} asked\n")
    rows = []
    groups, labels = [one.name for one in held] * 2, [False] * len(held) + [True] * len(held)
    for method in methods:
        both = [*answers["genuine"], *answers[method]]
        for name, words in (("", "all together"), *((name, f"`{name}`") for name in _ASKED)):
            rows.append(held_out.row(f"{method}: {words}", labels, [said.get(name) for said in both], groups))
    return rows


def asked(frames: Pixels, rate_hz: float, sound: Floats) -> dict[str, float | None]:
    """What each detector says of the clip, and "" what the verdict weighs."""
    report = examine(file_of(frames, rate_hz, sound), options=Options(threads=1, depth="full"))
    said: dict[str, float | None] = {"": report.verdict.llr}
    for item in report.evidence:
        if item.llr is not None:
            before = said.get(item.detector)
            said[item.detector] = item.llr if before is None else max(before, item.llr)
    return said


def file_of(frames: Pixels, rate_hz: float, sound: Floats) -> bytes:
    """H.264 and AAC in MP4, of even sides, at least 160 px high."""
    file, factor = io.BytesIO(), max(1, -(-160 // frames.shape[1]))
    height, width = (side * factor // 2 * 2 for side in frames.shape[1:3])
    with av.open(file, "w", format="mp4") as output:
        video = output.add_stream("libx264", rate=Fraction(rate_hz).limit_denominator(1001))
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        video.options = {"crf": str(_CRF)}
        audio = output.add_stream("aac", rate=_RATE_HZ, layout="mono")
        for pixels in frames:
            sized = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_CUBIC)
            output.mux(video.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(sized), format="rgb24")))
        output.mux(video.encode())
        heard = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound[None]), format="fltp", layout="mono")
        heard.sample_rate = _RATE_HZ
        output.mux(audio.encode(heard))
        output.mux(audio.encode())
    return file.getvalue()
