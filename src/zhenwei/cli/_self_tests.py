"""What ``zhenwei doctor`` tries out: a photo, a clip and a sound are decoded, a model runs, a picture is examined.

The samples lie in the package, so that no encoder is needed and the right answer is known:

* ``image.jpg``, 64 x 48: four quarters, red, green, blue and near-white (``QUARTERS``);
* ``clip.mp4``, 64 x 48, H.264 and AAC: ten grey frames, each lighter than the one before, under a tone of 1 kHz;
* ``audio.mp3``: the same tone.

Everything is read through the package's own readers: a library that decodes well, but is no longer called as they call
it, is found too.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from zhenwei.errors import MediaError, ModelError

SAMPLES = Path(__file__).parent / "samples"
QUARTERS = ((220, 40, 40), (40, 180, 60), (50, 70, 210), (235, 235, 235))  # RGB; top left, top right, below likewise
GREYS = tuple(range(30, 230, 20))
TONE_HZ = 1000.0
_COLOUR_OFF, _TONE_OFF_HZ, _MIN_S = 12.0, 60.0, 0.3
_MODEL = "face_detection_short_range"


@dataclass(frozen=True, slots=True)
class SelfTest:
    """``work`` says what it found, and raises where that is not what it has to be. ``libraries``: what it stands on."""

    name: str
    libraries: tuple[str, ...]
    work: Callable[[], str]


def decode_image() -> str:
    """The sample photo has its four colours. Raises MediaError where it has not."""
    import numpy as np

    from zhenwei.media import open_media, read_image

    media = open_media(SAMPLES / "picture.jpg")
    pixels = read_image(media).pixels.astype(float)
    top, bottom = np.vsplit(pixels, 2)
    parts = [part for half in (top, bottom) for part in np.hsplit(half, 2)]
    off = max(float(np.abs(part.mean(axis=(0, 1)) - want).max()) for part, want in zip(parts, QUARTERS, strict=True))
    if off > _COLOUR_OFF:
        raise MediaError("a photo is decoded to wrong colours", got=f"off by {off:.0f} of 255", want="the sample's own")
    return "JPEG"


def decode_video() -> str:
    """The sample clip has its ten frames, in their order. Raises MediaError where it has not."""
    from zhenwei.media import open_media, sample_frames

    greys = [float(frame.pixels.mean()) for frame in sample_frames(open_media(SAMPLES / "clip.mp4"), len(GREYS))]
    if len(greys) != len(GREYS):
        raise MediaError("a clip is decoded in part", got=f"{len(greys)} frames", want=f"{len(GREYS)} frames")
    off = max(abs(got - want) for got, want in zip(greys, GREYS, strict=True))
    if off > _COLOUR_OFF:
        raise MediaError("a clip is decoded to wrong frames", got=f"off by {off:.0f} of 255", want="the sample's own")
    return f"{len(greys)} frames of H.264"


def decode_audio() -> str:
    """The clip's track and the sample sound hold their tone. Raises MediaError where one does not."""
    import numpy as np

    from zhenwei.media import open_media, read_audio

    for name in ("clip.mp4", "sound.mp3"):
        audio = read_audio(open_media(SAMPLES / name), 8000)
        wave = audio.samples[0]
        if len(wave) < _MIN_S * audio.rate_hz:
            got = f"{len(wave) / audio.rate_hz:.2f} s of {name}"
            raise MediaError("a sound is decoded in part", got=got, want=f"at least {_MIN_S} s")
        loudest = float(np.abs(np.fft.rfft(wave)).argmax()) * audio.rate_hz / len(wave)
        if abs(loudest - TONE_HZ) > _TONE_OFF_HZ:
            got = f"{loudest:.0f} Hz in {name}"
            raise MediaError("a sound is decoded to another one", got=got, want=f"{TONE_HZ:.0f} Hz")
    return "AAC and MP3"


def run_model() -> str:
    """A network of the package gives numbers. Raises ModelError where it does not."""
    import numpy as np

    from zhenwei.models import onnx_model

    model = onnx_model.load(_MODEL)
    outputs = model.run(np.zeros([size or 1 for size in model.input_shape], np.float32))
    if not outputs or not all(np.isfinite(output).all() for output in outputs):
        raise ModelError("a model gives no numbers", got="NaN or infinity", want="finite outputs")
    return _MODEL


def examine_drawing() -> str:
    """A picture drawn here shows nobody: the only right answer is that nothing can be said."""
    import numpy as np
    from PIL import Image

    from zhenwei.pipeline import examine

    ramp = np.linspace(0, 255, 320, dtype=np.uint8)
    pixels = np.broadcast_to(ramp[None, :, None], (240, 320, 3))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "ramp.png")
        Image.fromarray(np.ascontiguousarray(pixels)).save(path)
        decision = examine(path).verdict.decision
    if decision != "inconclusive":
        raise MediaError("a picture that shows nobody is judged", got=decision, want="inconclusive")
    return decision


TESTS = (
    SelfTest("a photo is decoded", ("pillow",), decode_image),
    SelfTest("a clip is decoded", ("av",), decode_video),
    SelfTest("a sound is decoded", ("av", "soxr"), decode_audio),
    SelfTest("a model runs", ("onnxruntime",), run_model),
    SelfTest("a picture is examined", (), examine_drawing),
)
