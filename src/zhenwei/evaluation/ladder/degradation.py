"""``Degradation``: one way in which a file reaches a viewer. From a file to the file that arrives."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from zhenwei import media
from zhenwei.errors import UsageError
from zhenwei.evaluation.ladder.changes import Change, Noise
from zhenwei.evaluation.ladder.packing import Codec, Packing, Png, encode_in_turn, whole_or_nothing
from zhenwei.types import Kind, Media, Pixels

_UNSAFE = re.compile(r"[^0-9a-z.]+")


@dataclass(frozen=True, slots=True)
class Saved:
    """How the result is stored: a picture by each of ``image`` in turn, a clip by ``codec`` at ``crf``."""

    image: tuple[Packing, ...] = (Png(),)
    codec: Codec = "h264"
    crf: int = 18


@dataclass(frozen=True, slots=True)
class Degradation:
    """One step of the ladder.

    ``family`` and ``name`` ("jpeg", "jpeg 50") name it in results. ``amount`` is what a curve is drawn over: quality,
    factor, share, deviation, rate factor; in families whose steps differ in kind a running number. Within a family of
    one kind, steps come from mild to harsh. ``takes``: kinds of file. Metadata never survives, as with most services.
    """

    family: str
    name: str
    amount: float
    takes: tuple[Kind, ...]
    changes: tuple[Change, ...] = field(default=(), repr=False)
    saved: Saved = field(default=Saved(), repr=False)

    def apply(self, source: Path, folder: Path) -> Path:
        """Re-ships ``source`` and returns the new file, in ``folder``, named by the content of the source and the step.

        Same file, same bytes. EXIF orientation and rotation are carried out, transparency is laid over mid-grey, as
        ``zhenwei.media`` reads them. Raises :class:`MediaError` for a file that cannot be read,
        :class:`UsageError` for a kind that the step does not take, or a folder that cannot be written.
        """
        opened = media.open_media(source)
        if opened.kind not in self.takes:
            want = " or ".join(self.takes)
            raise UsageError(f"{self.name} does not apply to this kind of file", got=opened.kind, want=want)
        target = folder / f"{opened.sha256[:16]}-{_UNSAFE.sub('-', self.name).strip('-')}"
        if opened.kind == "image":
            return self._image(opened, target)
        return self._video(opened, target.with_name(f"{target.name}.mp4"))

    def change(self, pixels: Pixels, sha256: str, number: int) -> Pixels:
        """What becomes of frame ``number`` of the file of that digest (which seeds the noise) before it is saved."""
        rng = np.random.default_rng([int(sha256[:15], 16), number])
        for change in self.changes:
            pixels = change.apply(pixels, rng) if isinstance(change, Noise) else change.apply(pixels)
        return pixels

    def _image(self, opened: Media, target: Path) -> Path:
        pixels = self.change(media.read_image(opened).pixels, opened.sha256, 0)
        data, suffix = encode_in_turn(pixels, self.saved.image)
        path = target.with_name(f"{target.name}{suffix}")
        with whole_or_nothing(path) as partial:
            partial.write_bytes(data)
        return path

    def _video(self, opened: Media, path: Path) -> Path:
        from zhenwei.evaluation.ladder.videos import VideoCoding

        coding = VideoCoding(self.saved.codec, self.saved.crf)
        coding.write(opened, path, lambda pixels, number: self.change(pixels, opened.sha256, number))
        return path
