"""Labelled images of any collection that ``zhenwei evaluate`` reads: to learn from, and held out by whose they are."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from zhenwei.errors import DataError
from zhenwei.evaluation import readers
from zhenwei.evaluation.examine import bytes_of
from zhenwei.evaluation.foreign_scores import kind_by_name
from zhenwei.evaluation.items import Item
from zhenwei.evaluation.readers.table_reading import few
from zhenwei.training.data.encoding import decode
from zhenwei.training.data.held_out_images import HeldOutImage
from zhenwei.training.data.portraits import parted

_NO_PICTURE = "what is learned from here are pictures"
_FIX = "Take it out of the data, or in a table of your own write test in a column split."


@dataclass(frozen=True, slots=True, eq=False)
class LabelledImages:
    """Images, in files of their own or in archives, decoded one after another. Iterating raises :class:`DataError`
    that names a file which cannot be decoded."""

    items: Sequence[Item]

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[HeldOutImage]:
        archives = dict[Path, zipfile.ZipFile]()
        with ExitStack() as opened:
            for number, item in enumerate(self.items):
                data = bytes_of(item, archives, opened)
                try:
                    pixels = decode(data)
                except DataError as error:
                    raise DataError(_NO_PICTURE, got=item.name, want="one that can be decoded", fix=_FIX) from error
                source = item.origin or item.set_name
                yield HeldOutImage(pixels, item.forged, number, item.group, source, degraded=False)


def labelled_images(data: Path, held_out: float) -> tuple[LabelledImages, LabelledImages]:
    """What may be learned from (the split "train"), and the share ``held_out`` of it by person, video or file.

    Raises :class:`DataError` where there is nothing to learn from, and for clips and sound by their names.
    """
    train = [item for item in readers.load(data).items if item.split == "train"]
    if not train:
        want, fix = 'files of the split "train"', "In a table of your own, write train in a column split."
        raise DataError("there is nothing to learn from", got=str(data), want=want, fix=fix)
    others = [item.name for item in train if kind_by_name(item.member or item.path.name) != "image"]
    if others:
        raise DataError(_NO_PICTURE, got=f"{len(others)}: {few(others)}", want="no clips and no sound", fix=_FIX)
    learn, apart = parted(train, held_out, lambda item: item.group)
    return LabelledImages(learn), LabelledImages(apart)
