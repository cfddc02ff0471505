"""The protocol files of ASVspoof 2019 LA and PA, 2021 LA and DF, and 5 (track 1).

    2019     LA_0079 LA_T_1138215 - - bonafide
             speaker file - attack key
    2021 LA  LA_0009 LA_E_9332881 alaw ita_tx A07 spoof notrim eval
             speaker file codec channel attack key trim phase
    2021 DF  LA_0023 DF_E_2000011 nocodec asvspoof A14 spoof notrim progress traditional_vocoder - - - -
             speaker file codec source attack key trim phase vocoder and four more
    5        D_4461 D_0000000169 F - - - AC1 A14 spoof -
             speaker file sex codec quality seed kind attack key -

The columns tell which one it is. The sound is sought in folders named flac* below the folder given (three levels), or
beside the protocol and up to three folders above it. ``identity`` is the speaker: of a spoofed file the one who is
imitated. The split is that of the file's name (T, D, E); 2021's progress part is "val", and its hidden part, which
has its silence trimmed, is a set of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from zhenwei.errors import DataError
from zhenwei.evaluation.items import Item, Split
from zhenwei.evaluation.readers.table_reading import Reading, above, few, listed, printable, text_of

NAME = "asvspoof"
LAYOUT = "a protocol (.txt, .tsv), or a folder with ASVspoof protocols and flac folders"
_AUDIO_FILES = frozenset({".flac", ".wav"})
_LETTERS: dict[str, Split] = {"T": "train", "D": "val", "E": "test"}
_PHASES: dict[str, Split] = {"progress": "val", "eval": "test", "hidden": "test"}
_KEYS = {"bonafide": False, "spoof": True}


@dataclass(frozen=True, slots=True)
class _Columns:
    year: str
    attack: int
    key: int
    origin: tuple[int, ...]
    phase: int | None = None


_BY_COUNT = {
    5: _Columns("2019", 3, 4, ()),
    8: _Columns("2021", 4, 5, (2, 3), 7),
    13: _Columns("2021", 4, 5, (3,), 7),
    10: _Columns("5", 7, 8, (3,)),
}


def fits(place: Path) -> bool:
    if place.is_file():
        return place.suffix.lower() in (".txt", ".tsv")
    return bool(_protocols(place))


def read(place: Path) -> Reading:
    """Raises :class:`DataError` for lines of another shape, naming them, and where no sound is found."""
    protocols = [place] if place.is_file() else _protocols(place)
    if not protocols:
        raise DataError("there is no protocol of ASVspoof", got=str(place), want=LAYOUT)
    audio_files = _audio_files(place)
    items, absent = list[Item](), list[str]()
    for path in protocols:
        for number, line in enumerate(text_of(path).splitlines(), 1):
            if line.strip():
                where = f"line {number} of {path}"
                cells = printable(" ".join(line.split()), where).split(" ")
                item = _item(cells, where, audio_files)
                if item:
                    items.append(item)
                else:
                    absent.append(cells[1])
    return Reading(NAME, tuple(items), tuple(absent))


def _protocols(folder: Path) -> list[Path]:
    """Countermeasure protocols only: those of speaker verification (asv) and of enrolment are other things."""
    wanted: tuple[tuple[str, Callable[[Path], bool]], ...] = (
        ("*.cm.*.txt", lambda p: p.name.startswith("ASVspoof")),
        ("trial_metadata.txt", lambda p: p.parent.name != "ASV"),
        ("ASVspoof5.*.tsv", lambda p: "track_2" not in p.name),
    )
    found: set[Path] = set()
    for name, fits in wanted:
        for depth in ("", "*/", "*/*/", "*/*/*/"):
            found |= set(filter(fits, folder.glob(depth + name)))
    return sorted(filter(Path.is_file, found))


def _audio_files(place: Path) -> dict[str, Path]:
    """File name without ending -> file."""
    folders: list[Path] = []
    for root in above(place, 4) if place.is_file() else [place]:
        folders = folders or _flac(root)
    if place.is_file() and not folders:
        folders = [place.parent]
    found, double = dict[str, Path](), list[str]()
    for folder in folders:
        for path in listed(folder):
            if path.suffix.lower() in _AUDIO_FILES and found.setdefault(path.stem, path) != path:
                double.append(path.stem)
    if double:
        raise DataError(
            "sounds of one name lie in several folders", got=f"{len(double)}: {few(double)}", want="one each"
        )
    return found


def _flac(folder: Path) -> list[Path]:
    return sorted(set(filter(Path.is_dir, chain(*map(folder.glob, ("flac*", "*/flac*", "*/*/flac*"))))))


def _item(cells: list[str], where: str, audio_files: dict[str, Path]) -> Item | None:
    """None where there is no such sound."""
    columns = _BY_COUNT.get(len(cells))
    if columns is None or cells[columns.key] not in _KEYS:
        want = "5 (2019), 8 or 13 (2021) or 10 (5) columns with bonafide or spoof where they belong"
        raise DataError("a line is of no protocol of ASVspoof", got=f"{' '.join(cells)[:120]!r}, {where}", want=want)
    name, forged = cells[1], _KEYS[cells[columns.key]]
    phase = cells[columns.phase] if columns.phase is not None else ""
    split = _PHASES.get(phase)
    if columns.phase is None:
        for part in name.split("_")[:2]:
            split = split or _LETTERS.get(part)
    if split is None:
        want = "LA_T_..., D_... (T, D, E), or progress, eval, hidden"
        raise DataError("a line tells no part", got=f"{name[:80]!r} {phase[:80]!r}, {where}", want=want)
    if name not in audio_files:
        return None
    kind = "" if columns.year == "5" else f" {name.split('_', 1)[0]}"
    return Item(
        name=name,
        path=audio_files[name],
        set_name=f"ASVspoof {columns.year}{kind}{' hidden' if phase == 'hidden' else ''}",
        forged=forged,
        method=cells[columns.attack] if forged else "",
        origin=" ".join(cells[c] for c in columns.origin if cells[c] != "-"),
        identity=cells[0],
        split=split,
    )
