"""What pages show of a file: a copy made here, of one kind that every browser plays, never the bytes that were sent.

``python -m zhenwei.server.pages.preview SOURCE FOLDER`` makes it in a process of its own, with limits: whatever a
hostile file does to a decoder happens there. In FOLDER stand then ``picture.jpg``, ``clip.mp4`` or ``sound.m4a``,
``spectrogram.jpg`` where there is sound, and ``preview.json``, which names them.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zhenwei.errors import DataError, ZhenweiError
from zhenwei.files import read_document, write_document

if TYPE_CHECKING:
    from zhenwei.types import Audio, Frame, Media

SCHEMA = "zhenwei.preview/1"
MAX_S = 1800.0  # of a clip or a recording; what comes after is not shown
SECONDS = 900  # that making one may take
MEMORY_BYTES = 3 << 30
_PICTURE_PX, _CLIP_PX = 2400, 960
_CLOCK = Fraction(1, 90_000)
_RATE_HZ = 32_000
_AHEAD_S = 0.5  # of sound before the frame beside it
_SPECTROGRAM = (1600, 200)  # width and height


@dataclass(frozen=True, slots=True)
class Preview:
    """``shown``: the file that is shown or played. ``spectrogram``: "" where there is no sound. ``shown_s``: how much
    of the clip there is, 0 of a picture."""

    shown: str
    spectrogram: str = ""
    shown_s: float = 0.0
    fps: float = 0.0
    width: int = 0
    height: int = 0


def made(source: Path, folder: Path) -> Preview:
    """The preview of ``source`` in ``folder``, which is made unless it is there. DataError where it cannot be made."""
    known = kept(folder)
    if known is not None:
        return known
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".preview-") as part:
        _run(source, Path(part) / "made")
        shutil.rmtree(folder, ignore_errors=True)
        (Path(part) / "made").rename(folder)
    found = kept(folder)
    if found is None:
        raise DataError("no preview could be made", got="nothing was written", want="a picture, a clip or sound")
    return found


def kept(folder: Path) -> Preview | None:
    """The preview that lies in ``folder``; None without one."""
    with contextlib.suppress(ZhenweiError, OSError):
        document = read_document(folder / "preview.json", SCHEMA)
        return Preview(**{name: document[name] for name in Preview.__dataclass_fields__})
    return None


def _run(source: Path, folder: Path) -> None:
    words = [sys.executable, "-m", "zhenwei.server.pages.preview", str(source), str(folder)]
    try:
        ended = subprocess.run(words, capture_output=True, timeout=SECONDS, check=False, text=True, errors="replace")
    except subprocess.TimeoutExpired:
        raise DataError("no preview could be made", got=f"over {SECONDS} s", want="a shorter clip") from None
    if ended.returncode:
        last = ended.stderr.strip().splitlines()[-1:] or [f"exit code {ended.returncode}"]
        raise DataError("no preview could be made", got=last[0][:300], want="a file that can be decoded")


def make(source: Path, folder: Path) -> Preview:
    """Decode ``source`` and write its preview into the new ``folder``. MediaError for what cannot be read."""
    from zhenwei import media

    folder.mkdir(parents=True)
    with media.opened(source) as found:
        preview = _MADE[found.kind](found, folder)
    write_document(folder / "preview.json", SCHEMA, asdict(preview))
    return preview


def _picture(found: Media, folder: Path) -> Preview:
    from PIL import Image

    from zhenwei import media
    from zhenwei.signals.shown import shrunk

    pixels = shrunk(media.read_image(found).pixels, _PICTURE_PX)
    Image.fromarray(pixels).save(folder / "picture.jpg", "JPEG", quality=90)
    return Preview("picture.jpg", width=pixels.shape[1], height=pixels.shape[0])


def _sound(found: Media, folder: Path) -> Preview:
    import av

    audio = _heard(found)
    assert audio is not None  # noqa: S101 - or _heard would have raised
    with av.open(str(folder / "sound.m4a"), "w", format="mp4", options={"movflags": "+faststart"}) as out:
        voice = _Voice(out, audio)
        voice.up_to(MAX_S)
        voice.end()
    return Preview("sound.m4a", _spectrogram(audio, folder), min(audio.duration_s, MAX_S))


def _clip(found: Media, folder: Path) -> Preview:
    import av

    audio = _heard(found) if found.audio_codec else None
    frames = _frames(found)
    first = next(frames)
    height, width = [side - side % 2 for side in first.pixels.shape[:2]]
    last_s = 0.0
    with av.open(str(folder / "clip.mp4"), "w", options={"movflags": "+faststart"}) as out:
        options = {"crf": "25", "preset": "veryfast", "g": "15"}
        stream: Any = out.add_stream("libx264", rate=30, options=options)
        stream.width, stream.height, stream.pix_fmt = max(2, width), max(2, height), "yuv420p"
        stream.codec_context.time_base = _CLOCK
        voice = _Voice(out, audio) if audio is not None else None
        for frame in chain([first], frames):
            last_s = frame.time_s
            if voice is not None:
                voice.up_to(last_s + _AHEAD_S)
            out.mux(stream.encode(_video_frame(frame, stream)))
        out.mux(stream.encode(None))
        if voice is not None:
            voice.up_to(MAX_S)
            voice.end()
    sound = _spectrogram(audio, folder) if audio is not None else ""
    shown_s = min(max(last_s, found.duration_s or 0.0), MAX_S)
    return Preview("clip.mp4", sound, shown_s, found.fps or 25.0, stream.width, stream.height)


_MADE = {"image": _picture, "audio": _sound, "video": _clip}


def _frames(found: Media) -> Iterator[Frame]:
    """All frames up to 31 a second; of an animated picture, which has no passages, those there are."""
    from zhenwei import media

    end_s = min(found.duration_s or MAX_S, MAX_S) + 1.0
    dense = media.read_passage(found, 0.0, end_s, max_side=_CLIP_PX)
    first = next(dense, None)
    if first is None:
        dense = media.sample_frames(found, min(found.frame_count or 300, 600), max_side=_CLIP_PX)
        first = next(dense)
    return islice(chain([first], dense), int(31 * MAX_S))


def _video_frame(frame: Frame, stream: Any) -> Any:
    import av

    shown = av.VideoFrame.from_ndarray(frame.pixels[: stream.height, : stream.width].copy(), format="rgb24")
    shown.pts, shown.time_base = round(frame.time_s / _CLOCK), _CLOCK
    return shown


def _heard(found: Media) -> Audio | None:
    from zhenwei import media
    from zhenwei.errors import MediaError

    try:
        return media.read_audio(found, _RATE_HZ)
    except MediaError:
        if found.kind == "audio":
            raise
        return None  # the pictures can be seen all the same


class _Voice:
    """The sound of ``audio`` as AAC, written as far as the pictures are."""

    def __init__(self, out: Any, audio: Audio) -> None:
        import numpy as np

        self._out, self._samples = out, np.ascontiguousarray(audio.samples[:2])
        self._layout = "mono" if len(self._samples) == 1 else "stereo"
        self._stream = out.add_stream("aac", rate=_RATE_HZ, layout=self._layout)
        self._at = 0

    def up_to(self, time_s: float) -> None:
        import av

        end = min(self._samples.shape[1], round(time_s * _RATE_HZ))
        while self._at < end:
            part = self._samples[:, self._at : min(self._at + _RATE_HZ, end)].copy()
            frame = av.AudioFrame.from_ndarray(part, format="fltp", layout=self._layout)
            frame.sample_rate, frame.pts, frame.time_base = _RATE_HZ, self._at, Fraction(1, _RATE_HZ)
            self._out.mux(self._stream.encode(frame))
            self._at += part.shape[1]

    def end(self) -> None:
        self._out.mux(self._stream.encode(None))


def _spectrogram(audio: Audio, folder: Path) -> str:
    from PIL import Image

    from zhenwei.signals.channels import mix
    from zhenwei.signals.shown import spectrogram

    mono = mix(audio).mono[: int(MAX_S * _RATE_HZ)]
    halved = mono[: len(mono) // 2 * 2].reshape(-1, 2).mean(axis=1)  # 16 kHz is enough of a picture of 0 to 8 kHz
    Image.fromarray(spectrogram(halved, _SPECTROGRAM)).save(folder / "spectrogram.jpg", "JPEG", quality=80)
    return "spectrogram.jpg"


def _limited() -> None:
    if sys.platform != "win32":
        import resource

        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
            resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))


if __name__ == "__main__":
    _limited()
    try:
        make(Path(sys.argv[1]), Path(sys.argv[2]))
    except ZhenweiError as error:
        sys.exit(str(error))
