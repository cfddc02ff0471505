"""From pictures and clips of one person to aligned squares, and advice on whether they will do.

Each face is turned and scaled so that eyes and mouth stand where they stand in every other (a similarity over five
points, S. Umeyama 1991), and cut to a square of at most 128 px. The folder then holds ``faces.json`` and a PNG for each
face; whoever looks through it may delete pictures that are wrong.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from zhenwei import media
from zhenwei.errors import DataError, FaultError, MediaError, UsageError
from zhenwei.faces import detect
from zhenwei.faults import each_on_one_file, on_one_file
from zhenwei.files import make_folder, write_whole
from zhenwei.forge.consent import hash_file, some_of
from zhenwei.forge.swap.sides import MAX_PX, SwapFaces, oval_mask
from zhenwei.forge.swap.warp import similarity
from zhenwei.types import Floats, Frame, Pixels

SCHEMA = "zhenwei.swap.faces/1"
LIST = "faces.json"
SIZES = (32, 64, 128)
FEWEST, MOST = 300, 2000
_MESH = 468
_POINTS = (33, 263, 1, 61, 291)
_PLACES = np.array([(0.31, 0.36), (0.69, 0.36), (0.5, 0.58), (0.36, 0.74), (0.64, 0.74)])
_MIN_FACE = 0.5  # of the square: smaller faces would be enlarged twofold and more
_NEAR_BITS, _BLURRED = 4, 40.0
_AGAIN = "Prepare the faces anew: zhenwei forge swap prepare FILES... --subject NAME --output FOLDER"


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """A face in its square: ``pixels`` ``(s, s, 3)`` uint8, ``landmarks`` ``(468, 2)`` float32 in its pixels,
    ``to_image`` ``(2, 3)`` from the square back to the picture, ``yaw_deg`` as found."""

    pixels: Pixels
    landmarks: Floats
    to_image: NDArray[np.float64]
    yaw_deg: float


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """``origins``: for each face its name, its own SHA-256 and that of the file it was cut from."""

    faces: SwapFaces
    origins: tuple[tuple[str, str, str], ...]


def cut_faces(pixels: Pixels, size: int, most: int = 1) -> list[Cut]:
    """The ``most`` largest faces of a picture ``(height, width, 3)`` uint8, aligned; those far too small are left."""
    if not 32 <= size <= MAX_PX:
        raise UsageError("faces are not cut to this size", got=f"{size} px", want=f"32 to {MAX_PX} px")
    found = [face for face in detect(np.ascontiguousarray(pixels)) if face.landmarks is not None]
    found = sorted(found, key=lambda face: face.box.area, reverse=True)[:most]
    cuts = []
    for face in found:
        points = np.asarray(face.landmarks, np.float64)[:, :2]
        cut = align(pixels, points.astype(np.float32), size, face.quality.yaw_deg or 0.0)
        if np.hypot(*cut.to_image[:, 0]) >= _MIN_FACE:
            cuts.append(cut)
    return cuts


def align(pixels: Pixels, points: Floats, size: int, yaw_deg: float = 0.0) -> Cut:
    """The face with FaceMesh ``points`` ``(468, 2)``, brought to its place in a square."""
    there = _PLACES * size - 0.5
    matrix = similarity(points[list(_POINTS)].astype(np.float64), there)
    scale = float(np.hypot(*matrix[:, 0]))
    finer = int(min(4, max(1, np.ceil(1 / scale - 0.5))))  # sampled finer, then averaged, or detail would alias
    larger = matrix * finer
    larger[:, 2] += (finer - 1) / 2
    side = (size * finer, size * finer)
    square = cv2.warpAffine(pixels, larger, side, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    if finer > 1:
        square = cv2.resize(square, (size, size), interpolation=cv2.INTER_AREA)
    placed = (points.astype(np.float64) @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    back = np.asarray(cv2.invertAffineTransform(matrix), np.float64)
    return Cut(np.asarray(square, np.uint8), placed, back, yaw_deg)


def prepare(
    sources: Sequence[Path],
    subject: str,
    folder: Path,
    size: int,
    *,
    frames: int = 64,
    tell: Callable[[Path], None] = lambda _: None,
) -> tuple[Prepared, tuple[str, ...]]:
    """Cut the largest face of every picture, and of up to ``frames`` frames of every clip, into ``folder``.

    Returns what was prepared and advice. Nearly equal faces are kept once. Files without a face, or that cannot be
    read, are told in the advice. Raises DataError if no face is found at all or ``folder`` holds something else;
    UsageError for another size, a person without a name, and sources in ``folder``, whose faces would replace them.
    """
    if size not in SIZES:
        raise UsageError("faces are not cut to this size", got=f"{size} px", want=f"one of {SIZES} px")
    if not subject.strip():
        raise UsageError("this person has no name", want="the pseudonym in the consent manifest")
    _check_place(folder, sources)
    cuts: list[Cut] = []
    origins: list[tuple[str, str]] = []
    hashes: list[int] = []
    alike = 0
    without: list[str] = []
    for path in sources:
        tell(path)
        before = len(cuts)
        for frame in _frames(path, frames, without):
            for cut in cut_faces(frame.pixels, size):
                mark = _difference_hash(cut.pixels)
                if any((mark ^ other).bit_count() <= _NEAR_BITS for other in hashes):
                    alike += 1
                    continue
                cuts.append(cut)
                hashes.append(mark)
                origins.append((path.name, ""))
        if len(cuts) > before:
            digest = hash_file(path)
            origins[before:] = [(name, digest) for name, _ in origins[before:]]
    if not cuts:
        got = f"{len(sources)} files" + (f", of which not read {some_of(without)}" if without else "")
        raise DataError("no face was found", got=got, want="pictures or clips of one person")
    prepared = _written(cuts, origins, subject, folder)
    return prepared, advice(cuts, alike, without)


def load(folder: Path) -> Prepared:
    """Faces as :func:`prepare` left them; ones deleted since are left out. DataError if a picture was altered."""
    try:
        told: Any = json.loads((folder / LIST).read_text("utf-8"))
        if told["schema"] != SCHEMA:
            raise ValueError(told["schema"])
        entries = [(str(e["file"]), str(e["sha256"]), str(e["source"]), _points(e)) for e in told["faces"]]
        name, size = str(told["subject"]), int(told["size"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(f"{folder} was not prepared", got=str(error)[:200], want=LIST, fix=_AGAIN) from None
    pixels, points, origins = [], [], []
    for file, digest, source, landmarks in entries:
        path = folder / Path(file).name
        if not path.exists():
            continue
        if hash_file(path) != digest:
            raise DataError(f"{file} was altered since it was prepared", fix=_AGAIN)
        face = media.read_image(media.open_media(path)).pixels
        if face.shape != (size, size, 3):
            raise DataError(f"{file} is not of the size that {LIST} names", got=str(face.shape[:2]), fix=_AGAIN)
        pixels.append(face)
        points.append(landmarks)
        origins.append((file, digest, source))
    if not pixels:
        raise DataError(f"{folder} holds no faces any more", fix=_AGAIN)
    return Prepared(_faces(name, pixels, points), tuple(origins))


def advice(cuts: Sequence[Cut], alike: int, without: Sequence[str]) -> tuple[str, ...]:
    """Sentences on number, sharpness, likeness and pose; none where all is well."""
    told = []
    n = len(cuts)
    if n < FEWEST:
        counted = "1 face" if n == 1 else f"{n} faces"
        told.append(f"{counted}: {FEWEST} to {MOST} are usual, with fewer the swap will be vague.")
    if n > MOST:
        told.append(f"{n} faces: more than {MOST} rarely help; take fewer frames a clip.")
    if alike:
        told.append("1 nearly equal face was left out." if alike == 1 else f"{alike} nearly equal faces were left out.")
    blurred = 0
    for cut in cuts:
        grey = cv2.cvtColor(cut.pixels, cv2.COLOR_RGB2GRAY)
        blurred += int(cv2.Laplacian(grey, cv2.CV_32F).var() < _BLURRED)
    if blurred * 5 > n:
        told.append(f"Blurred faces: {blurred} of {n}. What is blurred is learned as blurred.")
    yaws = np.array([c.yaw_deg for c in cuts])
    spread = float(np.ptp(np.quantile(yaws, (0.05, 0.95)))) if n > 1 else 0.0
    if spread < 30:
        told.append(f"The heads turn over {spread:.0f} degrees only: other poses will not be drawn well.")
    if without:
        told.append(f"Not read: {some_of(without)}.")
    return tuple(told)


def _points(entry: Any) -> Floats:
    points = np.asarray(entry["landmarks"], np.float32)
    if points.shape != (_MESH, 2) or not np.isfinite(points).all():
        raise ValueError(f"landmarks of {entry['file']} are of shape {points.shape}")
    return points


def _check_place(folder: Path, sources: Sequence[Path]) -> None:
    """What is prepared may replace what was prepared before, and nothing else."""
    try:
        foreign = any(folder.iterdir()) and not _is_ours(folder / LIST) if folder.exists() else False
    except OSError as error:
        got = error.strerror or str(error)
        raise DataError(f"{folder} cannot be prepared in", got=got, want="a folder to write in") from None
    if foreign:
        raise DataError(f"{folder} holds other files", want="an empty folder, or one that was prepared before")
    inside = [path.name for path in sources if path.resolve().is_relative_to(folder.resolve())]
    if inside:
        fix = "Name another --output."
        raise UsageError(
            "these files lie where the faces would go", got=some_of(inside), want="another folder", fix=fix
        )


def _is_ours(path: Path) -> bool:
    try:
        return bool(json.loads(path.read_bytes())["schema"] == SCHEMA)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False


def _frames(path: Path, frames: int, without: list[str]) -> Iterator[Frame]:
    try:
        opened = on_one_file(lambda: media.open_media(path))
        if opened.kind == "audio":
            without.append(path.name)
            return
        yield from each_on_one_file(media.sample_frames(opened, frames))
    except (MediaError, FaultError) as error:
        without.append(f"{path.name} ({error.what})")


def _written(cuts: Sequence[Cut], origins: Sequence[tuple[str, str]], subject: str, folder: Path) -> Prepared:
    make_folder(folder)
    try:
        entries, kept = _cut_files(cuts, origins, folder)
    except OSError as error:
        got = error.strerror or str(error)
        raise DataError(f"cannot write faces to {folder}", got=got, want="room and a folder") from None
    told = {"schema": SCHEMA, "subject": subject, "size": cuts[0].pixels.shape[0], "faces": entries}
    write_whole(folder / LIST, json.dumps(told).encode())
    faces = _faces(subject, [c.pixels for c in cuts], [c.landmarks for c in cuts])
    return Prepared(faces, tuple(kept))


def _cut_files(
    cuts: Sequence[Cut], origins: Sequence[tuple[str, str]], folder: Path
) -> tuple[list[dict[str, Any]], list[tuple[str, str, str]]]:
    """Write the faces in place of older ones; the entries of the list, and origins."""
    for old in folder.glob("face-*.png"):
        old.unlink()
    entries: list[dict[str, Any]] = []
    kept: list[tuple[str, str, str]] = []
    for k, (cut, (_, source)) in enumerate(zip(cuts, origins, strict=True)):
        file = f"face-{k:05d}.png"
        data = cv2.imencode(".png", cv2.cvtColor(cut.pixels, cv2.COLOR_RGB2BGR))[1].tobytes()
        (folder / file).write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        points = np.round(cut.landmarks.astype(float), 2).tolist()
        entries.append({"file": file, "sha256": digest, "source": source, "landmarks": points})
        kept.append((file, digest, source))
    return entries, kept


def _faces(name: str, pixels: Sequence[Pixels], points: Sequence[Floats]) -> SwapFaces:
    side = pixels[0].shape[0]
    masks = np.stack([oval_mask(p, side) for p in points])
    return SwapFaces(name, np.stack(pixels), np.stack(points), masks)


def _difference_hash(pixels: Pixels) -> int:
    """64 bits: whether each of 8 by 8 cells is lighter than the one to its right."""
    small = cv2.resize(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), (9, 8), interpolation=cv2.INTER_AREA)
    bits = small[:, 1:] > small[:, :-1]
    return int.from_bytes(np.packbits(bits).tobytes(), "big")
