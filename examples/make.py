"""Makes the bundled examples from one genuine photograph: ``python examples/make.py [FOLDER]``.

From ``media/astronaut.jpg`` come a demonstration forgery (self-blended, labelled on the picture, in its metadata and in
a file beside it), its mask, and a clip in which the camera moves over the untouched photograph. The same seed gives the
same examples.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from PIL import Image

from zhenwei import faces
from zhenwei.forge import synthesis
from zhenwei.forge.synthesis.self_blend import self_blend_seeded
from zhenwei.types import Floats, Frame, Pixels

HERE = Path(__file__).parent
PORTRAIT = HERE / "media" / "astronaut.jpg"
SEED = 12  # the first whose edges a person can just see: the whole face, softened and a little redder
LABEL = "AI-GENERATED / AI 生成"
STATEMENT = "Demonstration forgery made by zhenwei (examples/make.py): the face was changed and pasted back."
CREDIT = "Portrait of astronaut Eileen Collins, NASA, public domain"
VIDEO_STATEMENT = "Camera movement over an untouched photograph, made by zhenwei (examples/make.py). " + CREDIT
_KIND = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeSynthetic"
_XMP = (
    '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
    f'Iptc4xmpExt:DigitalSourceType="{_KIND}"/></rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
)
_MARGIN_PX = 8
VIDEO_FRAMES, VIDEO_RATE, VIDEO_PX = 90, 25, 384


def portrait() -> Pixels:
    """The genuine photograph, ``(512, 512, 3)`` uint8 RGB."""
    with Image.open(PORTRAIT) as image:
        return np.asarray(image.convert("RGB"), np.uint8)


def find_landmarks(pixels: Pixels) -> Floats:
    """FaceMesh points of the one face, ``(468, 2)`` float32, rounded to what the recipe keeps of them."""
    (track,) = faces.find_people([Frame(0, 0.0, pixels)])
    found = track.faces[0].landmarks
    if found is None:
        raise SystemExit("The face mesh found no points on the photograph.")
    return np.round(found[:, :2], 2).astype(np.float32)


def label_place(height: int) -> tuple[slice, slice]:
    """Where the label stands: the lower left corner, far from the face."""
    with Image.open(HERE / "label.png") as label:
        width, tall = label.size
    return np.s_[height - _MARGIN_PX - tall : height - _MARGIN_PX, _MARGIN_PX : _MARGIN_PX + width]


def labelled(pixels: Pixels) -> Pixels:
    """``pixels`` with the label: white on a darkened ground, so that it can be read on any picture."""
    with Image.open(HERE / "label.png") as label:
        ink = np.asarray(label.convert("L"), np.float32)[..., None] / 255
    marked, place = pixels.copy(), label_place(pixels.shape[0])
    ground = pixels[place].astype(np.float32) * 0.25
    marked[place] = np.rint(ground + (255 - ground) * ink).astype(np.uint8)
    return marked


def write_forgery(folder: Path) -> None:
    """``astronaut-forged.jpg``, ``-mask.png`` and ``.json``: the forgery, where it is forged, and how to repeat it."""
    pixels = portrait()
    landmarks = find_landmarks(pixels)
    forged = self_blend_seeded(pixels, landmarks, SEED)
    exif = Image.Exif()
    exif[0x010E] = f"{LABEL.split(' / ')[0]}. {STATEMENT}"  # ImageDescription, which is ASCII
    exif[0x0131] = "zhenwei examples/make.py"  # Software
    exif[0x8298] = CREDIT  # Copyright
    image = Image.fromarray(labelled(forged.pixels))
    image.save(folder / "astronaut-forged.jpg", quality=92, subsampling=0, optimize=True, exif=exif, xmp=_XMP.encode())
    mask = Image.fromarray(np.rint(forged.mask * 255).astype(np.uint8))
    mask.save(folder / "astronaut-forged-mask.png", optimize=True)
    lines = (f" {json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in _sidecar(forged, landmarks).items())
    folder.joinpath("astronaut-forged.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def _sidecar(forged: synthesis.Forgery, landmarks: Floats) -> Mapping[str, Any]:
    return {
        "schema": "zhenwei.demonstration/1",
        "file": "astronaut-forged.jpg",
        "label": LABEL,
        "statement": STATEMENT,
        "digital_source_type": _KIND,
        "source": {
            "file": PORTRAIT.name,
            "sha256": hashlib.sha256(PORTRAIT.read_bytes()).hexdigest(),
            "credit": CREDIT,
        },
        "mask": "astronaut-forged-mask.png",
        "recipe": dict(forged.recipe),
        "landmarks": [[round(float(x), 2), round(float(y), 2)] for x, y in landmarks],
    }


def video_frames() -> Iterator[Pixels]:
    """The frames of the clip, ``(384, 384, 3)`` uint8 RGB: a slow zoom towards the face with a little pan."""
    pixels = portrait()
    for number in range(VIDEO_FRAMES):
        done = number / (VIDEO_FRAMES - 1)
        eased = done * done * (3 - 2 * done)
        side = 500 - 110 * eased  # never fewer pixels than are shown: nothing is enlarged
        x, y = 256 - 22 * eased, 256 - 58 * eased
        scale = side / VIDEO_PX
        matrix = np.array([[scale, 0, x - side / 2 + 0.5 * scale - 0.5], [0, scale, y - side / 2 + 0.5 * scale - 0.5]])
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        shown = cv2.warpAffine(pixels, matrix, (VIDEO_PX, VIDEO_PX), flags=flags, borderMode=cv2.BORDER_REPLICATE)
        yield np.asarray(shown, np.uint8)


def write_video(folder: Path) -> None:
    """``astronaut-clip.mp4``: H.264, 3.6 s."""
    with av.open(str(folder / "astronaut-clip.mp4"), "w", options={"movflags": "+faststart"}) as output:
        output.metadata["comment"] = VIDEO_STATEMENT
        stream = output.add_stream("libx264", rate=VIDEO_RATE)
        stream.width = stream.height = VIDEO_PX
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1  # with more, the bytes depend on the machine
        stream.options = {"crf": "20", "preset": "slow", "g": "50"}
        for pixels in video_frames():
            output.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        output.mux(stream.encode())


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write_forgery(folder)
    write_video(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "media")
