"""The one door: whatever the lab makes becomes a file here, and nowhere else, and every file that it becomes is marked.

In this order: a label that is seen or heard, a watermark, the metadata label of GB 45438-2025 with the IPTC source
type, a signed credential, and beside the file a JSON with its recipe. Then the file is opened again; where one of the
marks cannot be read back, it is deleted and an error raised. No parameter leaves a mark out. Whoever changes this
source can: the marks tell honest people what a file is, and are no lock.

Pictures below 256 px are enlarged by a whole factor, each pixel repeated, so that label and watermark can be read; the
sidecar gives the factor. Folders are made. A file of the same name is replaced only if it came through this door.
"""

from __future__ import annotations

import datetime
import hashlib
import io
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np
import soundfile
from numpy.typing import NDArray
from PIL import Image

from zhenwei import media
from zhenwei.defence import credential, identity, keys, labels, visible, watermark
from zhenwei.errors import DataError, MediaError, UnmarkedError, UsageError
from zhenwei.files import make_folder, write_whole
from zhenwei.forge.sheet import MAX_SIDE, check_pixels, grid
from zhenwei.media import images
from zhenwei.media.formats import HEAD_BYTES, Format, recognise
from zhenwei.media.limits import DEFAULT_LIMITS
from zhenwei.types import Floats, Media, Pixels

SCHEMA = "zhenwei.forgery/1"
MIN_SIDE = 256
IMAGES, VIDEO, AUDIO = (".png", ".jpg", ".jpeg"), ".mp4", ".wav"
_LONGEST_RECIPE = 64 << 10
_JPEG_QUALITY, _CRF = 95, 14
_CHECKED_FRAMES = 12
_SHORT_S = 4.0  # sound below which a watermark may find no room
_METHOD = re.compile(r"[a-z0-9][a-z0-9 ._/-]{0,63}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Origin:
    """How a forgery came about.

    ``method``: as "mesh_swap" or "gan/dcgan". ``recipe``: plain JSON values, what repeats it. ``consent``: SHA-256 of
    the manifest, "" where nobody's face or voice was learned. ``claim``: whether all of it was generated, or a
    recording was altered. ``parent``: bytes of the file that was altered, for the credential.
    """

    method: str
    recipe: Mapping[str, Any]
    consent: str = ""
    claim: Literal["ai-generated", "ai-edited"] = "ai-generated"
    parent: bytes | None = None


@dataclass(frozen=True, slots=True)
class Door:
    """What signs: this installation. Made by :func:`open_door`."""

    identity: identity.Identity
    today: datetime.date


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """``ident``: 16 hexadecimal digits, the same in watermark, labels, credential and sidecar."""

    path: Path
    sidecar: Path
    ident: str


def open_door(home: Path, today: datetime.date) -> Door:
    """The door of the installation whose keys lie in ``home``; they are made at first use.

    Raises MissingExtraError without the ``provenance`` extra, DataError where ``home`` cannot be written.
    """
    return Door(identity.own_identity(home, today), today)


def export_image(pixels: Pixels, origin: Origin, path: Path, door: Door, *, mask: Floats | None = None) -> ExportedFile:
    """Write ``pixels`` ``(height, width, 3)`` uint8 RGB to ``path`` (.png, .jpg).

    ``mask`` ``(height, width)`` float32 in [0, 1] is kept beside it as black and white: where the forged share is a
    half and more. Raises UsageError for another suffix or arguments without meaning, DataError if something else
    stands at ``path``, it cannot be written, or the marks cannot be read back.
    """
    place = _place(path, IMAGES)
    check_pixels(pixels)
    if mask is not None and (mask.shape != pixels.shape[:2] or not np.isfinite(mask).all()):
        raise UsageError("the mask does not fit the picture", got=str(mask.shape), want=str(pixels.shape[:2]))
    factor = -(-MIN_SIDE // min(pixels.shape[:2]))
    large = np.ascontiguousarray(pixels.repeat(factor, axis=0).repeat(factor, axis=1))
    ident = _ident(origin, large.tobytes())
    shown = watermark.mark_image(visible.add_label(large), bytes.fromhex(ident), keys.PUBLIC_KEY)
    signed = _signed(_encoded(shown, place.suffix), origin, ident, door)
    facts: dict[str, Any] = {"kind": "picture", "enlarged": factor, "height": large.shape[0], "width": large.shape[1]}
    if mask is not None:
        facts["mask"] = f"{place.stem}.mask.png"
        beside = place.with_name(facts["mask"])
        if beside.exists() and _told(place.with_name(f"{place.name}.json")).get("mask") != beside.name:
            raise DataError(f"{beside.name} did not come from the lab and is not replaced", fix="Move that file away.")
    exported = _leave(place, signed, origin, ident, door, facts)
    if mask is not None:
        halves = (mask >= 0.5).repeat(factor, axis=0).repeat(factor, axis=1)
        write_whole(beside, _encoded(halves, ".png"))  # one bit a pixel: many greys could carry a picture of its own
    return exported


def export_sheet(
    rows: Sequence[Sequence[Pixels]], origin: Origin, path: Path, door: Door, *, titles: Sequence[str] = ()
) -> ExportedFile:
    """Write pictures of one size ``(height, width, 3)`` uint8 RGB as a grid, row by row, as one marked picture.

    ``titles``: over the columns, ASCII. Shorter rows are filled up. Tiles below 64 px are enlarged by a whole factor.
    """
    return export_image(grid(rows, titles), origin, path, door)


def export_video(
    frames: Iterable[Pixels],
    fps: Fraction | int,
    origin: Origin,
    path: Path,
    door: Door,
    *,
    audio: Floats | None = None,
    rate_hz: int = 0,
) -> ExportedFile:
    """Write ``frames``, each ``(height, width, 3)`` uint8 RGB of one size, to ``path`` (.mp4, H.264), with or without
    ``audio`` ``(channels, n)`` float32, which is marked as well. Errors as in :func:`export_picture`."""
    place = _place(path, (VIDEO,))
    held = [_enlarged(frame) for frame in frames]
    if not held or any(frame.shape != held[0].shape for frame in held):
        raise UsageError("these frames are no clip", got=f"{len(held)} frames", want="one and more, of one size")
    digest = hashlib.sha256()
    for frame in held:
        digest.update(frame.tobytes())
    ident = _ident(origin, digest.digest())
    labelled = (visible.add_label(frame) for frame in held)
    marked = watermark.mark_frames(labelled, bytes.fromhex(ident), keys.PUBLIC_KEY)
    heard = None if audio is None else _marked_audio(audio, rate_hz, ident)
    data = _film(marked, Fraction(fps), heard, rate_hz)
    height, width = held[0].shape[:2]
    facts = {"kind": "clip", "frames": len(held), "fps": str(Fraction(fps)), "height": height, "width": width}
    return _leave(place, _signed(data, origin, ident, door), origin, ident, door, facts | {"sound": heard is not None})


def export_audio(samples: Floats, rate_hz: int, origin: Origin, path: Path, door: Door) -> ExportedFile:
    """Write ``samples`` ``(channels, n)`` float32 in [-1, 1] to ``path`` (.wav, 16 bit). Errors as in
    :func:`export_picture`."""
    place = _place(path, (AUDIO,))
    ident = _ident(origin, np.ascontiguousarray(samples).tobytes())
    heard = _marked_audio(samples, rate_hz, ident)
    file = io.BytesIO()
    soundfile.write(file, heard.T, rate_hz, format="WAV", subtype="PCM_16")
    facts = {"kind": "sound", "rate_hz": rate_hz, "seconds": round(samples.shape[1] / rate_hz, 3)}
    return _leave(place, _signed(file.getvalue(), origin, ident, door), origin, ident, door, facts)


def check_audio_place(path: Path) -> None:
    """Refuse, as :func:`export_sound` would, a place where no sound may go: before anything is made for it."""
    _place(path, (AUDIO,))


# What goes into a file.


def _signed(data: bytes, origin: Origin, ident: str, door: Door) -> bytes:
    made_by = f"zhenwei forge {version('zhenwei')}"
    aigc = labels.Aigc(content_producer=made_by, produce_id=ident)
    labelled = labels.write_labels(data, aigc, credential.SOURCE_TYPES[origin.claim])
    told = {"method": origin.method, "recipe": _plain(origin.recipe), "consent": origin.consent}
    return credential.sign(
        labelled,
        claim=origin.claim,
        identity=door.identity,
        parent=None if origin.parent is None else _parent(origin.parent),
        recipe=told,
        watermark=ident,
        title=f"{origin.method} {ident}",
    )


def check_parent(data: bytes) -> None:
    """Refuse, as the door would, an altered file that has no place in a credential: before anything is made of it."""
    if _still(data) is None:
        credential.format_of_parent(data)


def _still(data: bytes) -> Format | None:
    """The format of a still picture that has no place in a credential, such as BMP, but can be stored as PNG there."""
    form = recognise(data[:HEAD_BYTES])
    is_still = form is not None and form.reader == "picture"
    return form if is_still and not credential.credential_format(data) else None


def _parent(data: bytes) -> bytes:
    """What stands for an altered file in the credential: itself, or the same pixels as PNG."""
    form = _still(data)
    if form is None:
        return data
    with images.guarded(form, "the picture", DEFAULT_LIMITS):
        image = images.open_image(io.BytesIO(data), form, "the picture", DEFAULT_LIMITS)
        return _encoded(images.upright_rgb(images.Opened(image, image.height, ()), "the picture"), ".png")


def _marked_audio(samples: Floats, rate_hz: int, ident: str) -> Floats:
    if samples.ndim != 2 or samples.shape[0] not in (1, 2) or not np.isfinite(samples).all() or rate_hz < 8000:
        got = f"shape {samples.shape} at {rate_hz} Hz"
        raise UsageError("this is no sound", got=got, want="(1 or 2, samples) of finite values at 8000 Hz and more")
    clear = np.clip(samples, -1, 1).astype(np.float32)
    short = bytes.fromhex(ident)[: watermark.AUDIO_ID_BYTES]
    return watermark.mark_audio(visible.add_tones(clear, rate_hz), rate_hz, short, keys.PUBLIC_KEY)


def _encoded(pixels: Pixels | NDArray[np.bool_], suffix: str) -> bytes:
    file = io.BytesIO()
    if suffix == ".png":
        Image.fromarray(pixels).save(file, "PNG")
    else:
        Image.fromarray(pixels).save(file, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
    return file.getvalue()


def _film(frames: Iterator[Pixels], fps: Fraction, audio: Floats | None, rate_hz: int) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as out:
        image = out.add_stream("libx264", rate=fps, options={"crf": str(_CRF), "preset": "veryfast"})
        image.pix_fmt = "yuv420p"
        voice = None
        if audio is not None:
            layout = "mono" if audio.shape[0] == 1 else "stereo"
            voice = out.add_stream("aac", rate=rate_hz, layout=layout)
            voice.bit_rate = 128_000
        for number, pixels in enumerate(frames):
            if number == 0:
                image.height, image.width = (side - side % 2 for side in pixels.shape[:2])
            cut = np.ascontiguousarray(pixels[: image.height, : image.width])
            out.mux(image.encode(av.VideoFrame.from_ndarray(cut, "rgb24")))
        out.mux(image.encode(None))
        if voice is not None and audio is not None:
            heard = av.AudioFrame.from_ndarray(audio, "fltp", "mono" if audio.shape[0] == 1 else "stereo")
            heard.sample_rate = rate_hz
            out.mux(voice.encode(heard))
            out.mux(voice.encode(None))
    return file.getvalue()


# Out of the door.


def _leave(place: Path, data: bytes, origin: Origin, ident: str, door: Door, facts: Mapping[str, Any]) -> ExportedFile:
    """Written beside its place, opened again, and only then put there."""
    half = place.with_name(f".{place.stem}.{os.getpid()}{place.suffix}")
    sidecar = place.with_name(f"{place.name}.json")
    told = {
        "schema": SCHEMA,
        "file": place.name,
        "sha256": hashlib.sha256(data).hexdigest(),
        "ident": ident,
        "method": origin.method,
        "claim": origin.claim,
        "recipe": _plain(origin.recipe),
        "consent": origin.consent,
        "written": door.today.isoformat(),
        "by": f"zhenwei {version('zhenwei')}",
        **facts,
    }
    make_folder(place.parent)
    try:
        _write(half, data)
        missing = [name for name, there in _marks(half, ident).items() if not there]
        if missing:
            if 0 < facts.get("seconds", 0) < _SHORT_S:
                got, want = f"{facts['seconds']:.1f} s", "some three seconds and more"
                fix = "Nothing was written. Make it longer."
                raise UnmarkedError("so short a sound keeps no watermark", got=got, want=want, fix=fix)
            fix = "Nothing was written. Please report this with the recipe."
            raise UnmarkedError("marks could not be read back", got=", ".join(missing), want="all of them", fix=fix)
        _write(sidecar, (json.dumps(told, ensure_ascii=False, indent=1) + "\n").encode())
        half.replace(place)
    except OSError as error:
        raise DataError(
            f"cannot write {place}", got=error.strerror or str(error), want="a folder to write in"
        ) from None
    finally:
        half.unlink(missing_ok=True)
    return ExportedFile(place, sidecar, ident)


def _marks(path: Path, ident: str) -> dict[str, bool]:
    """Each mark, and whether it can be read in the file."""
    data = path.read_bytes()
    held = credential.read_credential(data)
    said = labels.read_labels(data)
    found = {
        "credential": held.state in ("valid", "trusted") and held.watermark == ident,
        "metadata label": said.aigc is not None and said.aigc.produce_id == ident,
    }
    try:
        opened = media.open_media(path)
        return found | (_heard_marks(opened, ident) if opened.kind == "audio" else _seen_marks(opened, ident))
    except MediaError:
        return found | {"the file itself": False}


def _seen_marks(opened: Media, ident: str) -> dict[str, bool]:
    frames = [frame.pixels for frame in media.sample_frames(opened, _CHECKED_FRAMES, max_side=2 * MAX_SIDE)]
    mark = watermark.read_frames(frames, keys.PUBLIC_KEY)
    found = {
        "visible label": all(visible.has_label(pixels) for pixels in frames),
        "watermark": mark is not None and mark.ident.hex() == ident,
    }
    if opened.audio_codec:
        found |= {f"{name} of the sound": there for name, there in _heard_marks(opened, ident).items()}
    return found


def _heard_marks(opened: Media, ident: str) -> dict[str, bool]:
    audio = media.read_audio(opened)
    mark = watermark.read_audio(audio.samples, audio.rate_hz, keys.PUBLIC_KEY)
    wanted = ident[: 2 * watermark.AUDIO_ID_BYTES]
    return {
        "tones": visible.has_tones(audio.samples, audio.rate_hz),
        "watermark": mark is not None and mark.ident.hex() == wanted,
    }


def _write(path: Path, data: bytes) -> None:
    """As `files`, but it leaves an OSError to its caller, who names the file that was asked for, not its half."""
    half = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        half.write_bytes(data)
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)


# What may come in.


def _place(path: Path, suffixes: Sequence[str]) -> Path:
    place = Path(path)
    if place.suffix.lower() not in suffixes:
        raise UsageError("the lab does not write such files", got=repr(place.name), want=", ".join(suffixes))
    if not next(above for above in place.parents if above.exists()).is_dir():
        raise DataError(
            f"cannot make the folder {place.parent}", got="a file of that name", want="a folder to write in"
        )
    beside = place.with_name(f"{place.name}.json")
    for there, is_ours in ((place, _ours(place)), (beside, _told(beside).get("schema") == SCHEMA)):
        if there.exists() and not is_ours:
            fix = "Choose another name, or move that file away."
            raise DataError(f"{there.name} did not come from the lab and is not replaced", got=str(there), fix=fix)
    return place


def _told(sidecar: Path) -> dict[str, Any]:
    """What stands in a sidecar; {} where none can be read."""
    try:
        told = json.loads(sidecar.read_bytes())
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _ours(place: Path) -> bool:
    told = _told(place.with_name(f"{place.name}.json"))
    try:
        return told.get("schema") == SCHEMA and told.get("sha256") == hashlib.sha256(place.read_bytes()).hexdigest()
    except OSError:
        return False


def _ident(origin: Origin, content: bytes) -> str:
    """Follows from what was made and how: the same forgery has the same, on every machine."""
    if not _METHOD.fullmatch(origin.method):
        raise UsageError("a method needs a name", got=repr(origin.method)[:80], want="small letters, digits, . _ / -")
    if origin.claim not in ("ai-generated", "ai-edited"):
        raise UsageError("the lab makes no such thing", got=repr(origin.claim), want="ai-generated or ai-edited")
    if origin.consent and not _SHA256.fullmatch(origin.consent):
        raise UsageError("consent is named by its SHA-256", got=repr(origin.consent)[:80], want="64 hexadecimal digits")
    told = json.dumps([origin.method, _plain(origin.recipe), origin.consent, origin.claim], sort_keys=True)
    return hashlib.sha256(told.encode() + b"\0" + hashlib.sha256(content).digest()).hexdigest()[:16]


def _plain(recipe: Mapping[str, Any]) -> dict[str, Any]:
    try:
        text = json.dumps(dict(recipe), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise UsageError("a recipe is plain JSON", got=str(error)[:200], want="texts, numbers and lists") from None
    if len(text) > _LONGEST_RECIPE:
        raise UsageError("this recipe is too long", got=f"{len(text):,} characters", want=f"{_LONGEST_RECIPE:,}")
    plain: dict[str, Any] = json.loads(text)
    return plain


def _enlarged(pixels: Pixels) -> Pixels:
    """By a whole factor, with even sides as video codecs want them."""
    check_pixels(pixels)
    factor = -(-MIN_SIDE // min(pixels.shape[:2]))
    large = pixels.repeat(factor, axis=0).repeat(factor, axis=1)
    height, width = (side - side % 2 for side in large.shape[:2])
    return np.ascontiguousarray(large[:height, :width])
