"""Split leaks: does the test show what was learned from? Run before every evaluation; figures after a leak mean little.

People, source videos and names are compared as the data set lists them, pictures by what they look like: two whose
perceptual hashes are near count as copies only where their thumbnails agree as well, because the aligned faces of two
people may share a hash. Of a clip the middle one of three frames is looked at.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from zhenwei import media
from zhenwei.errors import FaultError, MediaError
from zhenwei.evaluation.examine import on_disk
from zhenwei.evaluation.items import Item
from zhenwei.evaluation.results import Finding
from zhenwei.faults import on_one_file
from zhenwei.signals.perceptual_hash import SIDE, dct_hash, distances
from zhenwei.types import Floats

Tell = Callable[[int, int], None]  # how many files were looked at, of how many
MAX_LOOKED_AT = 12_000  # files; of more, evenly spread ones
_NEAR = 10  # bits of 64
_ALIKE = 0.97  # correlation of the thumbnails: of 12 million pairs of other people none above 0.95, of copies 0.99
_FLATTEST = 4.0  # grey levels of standard deviation; below, everything looks like everything
_CASES = 20
_BLOCK = 512
_AGAINST = ("split leak: identity", "split leak: source video", "split leak: name", "near-duplicates")
_NO_PART = "the data list no part that was trained on: nothing could be compared"
_ITSELF = "the training part is tested, too, as zhenwei learned from none of it: nothing could be compared"


def check(
    tested: Sequence[Item],
    listed: Sequence[Item],
    *,
    chosen: Sequence[Item] = (),
    foreign: bool = False,
    tell: Tell | None = None,
) -> tuple[Finding, ...]:
    """What of ``tested`` was, or may have been, learned from; and files whose labels contradict each other.

    ``listed``: every item of the data. Its "train" part counts as learned from: all of it where the detectors of this
    package were trained on the set (``domain`` "in"), elsewhere what is not itself tested, nor would be
    without a limit (``chosen``). ``foreign``: a model is tested that is not of this package, whose training part that
    is, whatever the set.
    """
    names = {_key(item) for item in (*tested, *chosen)}
    trained = [i for i in listed if i.split == "train"]
    learned = [i for i in trained if foreign or i.domain == "in" or _key(i) not in names]
    looks, unseen = _looked_at([*tested, *learned], tell)
    against: tuple[Finding, ...]
    if learned:
        against = (
            _shared("split leak: identity", "people", tested, learned, lambda i: i.identity),
            _shared("split leak: source video", "source videos", tested, learned, lambda i: i.video),
            _shared("split leak: name", "files", tested, learned, lambda i: i.name),
            _near_duplicates(tested, learned, looks, unseen),
        )
    else:
        against = tuple([Finding(check=name, ok=True, text=_ITSELF if trained else _NO_PART) for name in _AGAINST])
    return (*against, _contradictions(tested, looks))


def _key(item: Item) -> tuple[str, str]:
    return item.set_name, item.name


def _shared(
    check: str, what: str, tested: Sequence[Item], learned: Sequence[Item], of: Callable[[Item], str]
) -> Finding:
    """Within a data set, whose names mean nothing in another."""
    known = {(item.set_name, of(item)) for item in learned}
    shared: dict[tuple[str, str], int] = {}  # to the files of the test
    for item in tested:
        key = item.set_name, of(item)
        if key[1] and key in known:
            shared[key] = shared.get(key, 0) + 1
    if not shared:
        return Finding(check=check, ok=True, text=f"no {what} of the test were trained on")
    text = f"{len(shared)} {what} of the test were trained on, in {sum(shared.values())} of {len(tested)} files"
    return Finding(check=check, ok=False, text=text, cases=some_of(list(map(": ".join, sorted(shared)))))


def some_of(cases: list[str]) -> tuple[str, ...]:
    if len(cases) <= _CASES:
        return tuple(cases)
    return (*cases[:_CASES], f"and {len(cases) - _CASES} more")


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    sha256: str
    thumbnail: Floats | None  # (32, 32); None where there is no picture, or nothing in it


def _looked_at(items: Sequence[Item], tell: Tell | None) -> tuple[dict[tuple[str, str], _Look], int]:
    """By set and name; unreadable files are left out here, and are told of by the evaluation. Also how many of the
    items were too many to be looked at."""
    unique = list({_key(item): item for item in items}.values())
    step = -(-len(unique) // MAX_LOOKED_AT)
    chosen = unique[:: max(1, step)]
    found: dict[tuple[str, str], _Look] = {}
    with tempfile.TemporaryDirectory(prefix="zhenwei-leaks-") as scratch, ExitStack() as opened:
        paths = on_disk(chosen, Path(scratch), opened)
        for number, (item, path) in enumerate(zip(chosen, paths, strict=True)):
            if tell:
                tell(number, len(chosen))
            try:
                found[_key(item)] = on_one_file(partial(_look, path))
            except (MediaError, FaultError):
                continue
    if tell:
        tell(len(chosen), len(chosen))
    return found, len(unique) - len(chosen)


def _look(path: Path) -> _Look:
    facts = media.open_media(path)
    if facts.kind == "audio":
        return _Look(facts.sha256, None)
    frames = list(media.sample_frames(facts, 3))
    pixels = frames[len(frames) // 2].pixels
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
    small = np.asarray(cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.float32)
    return _Look(facts.sha256, small if float(small.std()) >= _FLATTEST else None)


def _near_duplicates(
    tested: Sequence[Item], learned: Sequence[Item], looks: dict[tuple[str, str], _Look], unseen: int
) -> Finding:
    one, other = _Gallery.of(tested, looks), _Gallery.of(learned, looks)
    copied, cases = set(), []
    for a, b in _copies(one, other):
        copied.add(_key(one.items[a]))
        cases.append(f"{one.items[a].name} = {other.items[b].name}")
    looked = f"{len(one.items)} of the test against {len(other.items)} that were trained on"
    looked += f"; {unseen} files were too many to be looked at" if unseen else ""
    if not cases:
        return Finding(check="near-duplicates", ok=True, text=f"no copies, by what they look like: {looked}")
    text = f"{len(copied)} files of the test look like one that was trained on: {looked}"
    return Finding(check="near-duplicates", ok=False, text=text, cases=some_of(cases))


@dataclass(frozen=True, slots=True, eq=False)
class _Gallery:
    items: list[Item]
    hashes: NDArray[np.uint64]
    thumbnails: Floats  # (n, 1024), each of mean 0 and norm 1

    @classmethod
    def of(cls, items: Sequence[Item], looks: dict[tuple[str, str], _Look]) -> _Gallery:
        kept, thumbnails = [], []
        for item in items:
            look = looks.get(_key(item))
            if look is not None and look.thumbnail is not None:
                kept.append(item)
                thumbnails.append(look.thumbnail)
        hashes = np.array([dct_hash(thumbnail) for thumbnail in thumbnails], np.uint64)
        flat = np.array(thumbnails, np.float32).reshape(-1, SIDE * SIDE)
        flat -= flat.mean(axis=1, keepdims=True)
        norms = np.linalg.norm(flat, axis=1, keepdims=True)
        return cls(kept, hashes, (flat / np.maximum(norms, 1e-6)).astype(np.float32))


def _copies(one: _Gallery, other: _Gallery) -> Iterator[tuple[int, int]]:
    for begin in range(0, len(one.hashes), _BLOCK):
        near = distances(one.hashes[begin : begin + _BLOCK], other.hashes) <= _NEAR
        for a, b in np.argwhere(near):
            at = begin + int(a)
            same = _key(one.items[at]) == _key(other.items[b])
            if not same and float(one.thumbnails[at] @ other.thumbnails[b]) >= _ALIKE:
                yield at, int(b)


def _contradictions(tested: Sequence[Item], looks: dict[tuple[str, str], _Look]) -> Finding:
    labels: dict[str, dict[bool, str]] = {}
    for item in tested:
        look = looks.get(_key(item))
        if look is not None:
            labels.setdefault(look.sha256, {}).setdefault(item.forged, item.name)
    both = []
    for found in labels.values():
        if len(found) == 2:
            both.append(f"{found[False]} = {found[True]}")
    if not both:
        return Finding(check="contradicting labels", ok=True, text="no file is labelled both genuine and forged")
    text = f"{len(both)} files are in the test as genuine and, byte for byte, as forged"
    return Finding(check="contradicting labels", ok=False, text=text, cases=some_of(sorted(both)))
