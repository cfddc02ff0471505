"""Labelled images of any collection that ``zhenwei evaluate`` reads: to learn from, and held out by whose they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from zhenwei.errors import DataError
from zhenwei.evaluation import readers
from zhenwei.evaluation.items import Item
from zhenwei.training.data.encoding import decode
from zhenwei.training.data.held_out_images import HeldOutImage
from zhenwei.training.data.portraits import parted


@dataclass(frozen=True, slots=True, eq=False)
class LabelledImages:
    """Images that lie in files of their own, decoded one after another."""

    items: Sequence[Item]

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[HeldOutImage]:
        for number, item in enumerate(self.items):
            pixels = decode(item.path.read_bytes())
            yield HeldOutImage(pixels, item.forged, number, item.group, item.origin or item.set_name, degraded=False)


def labelled_images(data: Path, held_out: float) -> tuple[LabelledImages, LabelledImages]:
    """What may be learned from (the split "train"), and the share ``held_out`` of it by person, video or file.

    Raises :class:`DataError` where there is nothing to learn from.
    """
    train = [item for item in readers.load(data).items if item.split == "train"]
    if not train:
        want, fix = 'files of the split "train"', "In a table of your own, write train in a column split."
        raise DataError("there is nothing to learn from", got=str(data), want=want, fix=fix)
    learn, apart = parted(train, held_out, lambda item: item.group)
    return LabelledImages(learn), LabelledImages(apart)
