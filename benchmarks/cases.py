"""The files of ``benchmarks/commands.py``: one of every kind that people have, made here, the same every time."""

from __future__ import annotations

import wave
from collections.abc import Callable, Mapping
from pathlib import Path

import av
import numpy as np
from PIL import Image

from benchmarks import clips
from zhenwei.types import Pixels

ROOT = Path(__file__).parents[1]
SHORT_S, LONG_S = 10, 600
PHOTOS, PHOTO_PX = 200, 256
_RATE_HZ = 16_000
_SPEAKER = 1  # seed of a made voice that is taken for speech almost throughout; of others a third is
_UHD = (3840, 2160)
_UHD_MADE_S = 2  # repeated: encoding it takes longer than anything that is measured


def make(folder: Path, names: list[str]) -> dict[str, Path]:
    """Writes what ``names`` of :data:`CASES` asks for into ``folder`` and says where each lies; what is there stays."""
    paths: dict[str, Path] = {}
    for name in names:
        file, write = CASES[name]
        paths[name] = folder / file
        if not paths[name].exists():
            write(paths[name])
    return paths


def _clip(path: Path) -> None:
    clips.write_video(path, SHORT_S)


def _clip_sound(path: Path) -> None:
    two = path.with_name("two.mp4")
    _two_faces(two)
    _with_sound(two, path, 1)


def _five_faces(path: Path) -> None:
    clips.write_video(path, SHORT_S, faces=5)


def _two_faces(path: Path) -> None:
    clips.write_video(path, SHORT_S, faces=2)


def _uhd(path: Path) -> None:
    short = path.with_name("uhd-short.mp4")
    clips.write_video(short, _UHD_MADE_S, size=_UHD, preset="veryfast")
    clips.repeat_video(short, path, SHORT_S // _UHD_MADE_S)


def _long(path: Path) -> None:
    clips.repeat_video(_sibling(path, "clip"), path, LONG_S // SHORT_S)


def _long_sound(path: Path) -> None:
    two = path.with_name("two.mp4")
    _two_faces(two)
    _with_sound(two, path, LONG_S // SHORT_S)


def _sibling(path: Path, name: str) -> Path:
    return make(path.parent, [name])[name]


def _with_sound(pictures: Path, path: Path, times: int) -> None:
    """``pictures`` so many times after itself, with a made voice as AAC."""
    repeated = path.with_name(f"silent-{path.name}")
    clips.repeat_video(pictures, repeated, times)
    with av.open(str(path), "w") as output, av.open(str(repeated)) as source:
        video = output.add_stream_from_template(source.streams.video[0])
        sound = output.add_stream("aac", rate=_RATE_HZ)
        sound.layout = "mono"
        spoken = _voice(times * SHORT_S)
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is None:
                continue  # the mark at the end
            packet.stream = video
            output.mux(packet)
        for start in range(0, len(spoken), 1024):
            frame = av.AudioFrame.from_ndarray(spoken[None, start : start + 1024], format="fltp", layout="mono")
            frame.sample_rate, frame.pts = _RATE_HZ, start
            output.mux(sound.encode(frame))
        output.mux(sound.encode(None))
    repeated.unlink()


def _voice(seconds: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    from tests.speaking import voice

    said = voice(min(seconds, 60), _SPEAKER)
    return np.tile(said, max(1, seconds // 60))


def _photo(width: int, height: int) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        clips.write_photo(path, (width, height), seed=width)

    return write


def _photos(path: Path) -> None:
    """A folder of small portraits: the same face cut, turned about and lit in other ways, each with its own noise."""
    path.mkdir()
    shown = clips.portrait(PHOTO_PX + 64)
    rng = np.random.default_rng(20261129)
    for number in range(PHOTOS):
        x, y = rng.integers(0, 65, 2)
        part: Pixels = shown[y : y + PHOTO_PX, x : x + PHOTO_PX]
        lit = part[:, :: 1 - 2 * (number % 2)] * rng.uniform(0.75, 1.15) + rng.normal(0, 3, part.shape)
        pixels = np.clip(lit, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(path / f"{number:03d}.jpg", quality=int(rng.integers(80, 97)))


def _sound(seconds: int) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(_RATE_HZ)
            file.writeframes((_voice(seconds) * 32767).astype("<i2").tobytes())

    return write


CASES: Mapping[str, tuple[str, Callable[[Path], None]]] = {
    "clip": ("clip.mp4", _clip),
    "two faces with sound": ("two-sound.mp4", _clip_sound),
    "five faces": ("five.mp4", _five_faces),
    "4K": ("uhd.mp4", _uhd),
    "10 min": ("long.mp4", _long),
    "10 min with sound": ("long-sound.mp4", _long_sound),
    "photo 0.9 MP": ("photo-1.jpg", _photo(1280, 720)),
    "photo 12 MP": ("photo-12.jpg", _photo(4000, 3000)),
    "photo 48 MP": ("photo-48.jpg", _photo(8000, 6000)),
    "200 photos": ("photos", _photos),
    "voice 30 s": ("voice-30.wav", _sound(30)),
    "voice 10 min": ("voice-600.wav", _sound(600)),
}


def is_clip(name: str) -> bool:
    """Whether the case has pictures to decode."""
    return CASES[name][0].endswith(".mp4")
