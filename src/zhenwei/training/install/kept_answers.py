"""The answers that the fused verdict rests on, in one small file: with it thresholds are measured anew without media,
and where a detector was changed or added, the media are asked about that one alone.

Nothing in it says who or what is seen: people and recordings are told apart by a hash, media known by that of a name.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import math
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from zhenwei import detectors
from zhenwei.errors import DataError
from zhenwei.evaluation.items import Answer
from zhenwei.files import write_whole
from zhenwei.models.manifest import holder
from zhenwei.training.install.thresholds import FileAnswers
from zhenwei.types import Detector, Forgery

NAME = "left_out_answers.json.gz"
SCHEMA = "zhenwei.threshold-answers/1"
_LARGEST = 200_000_000  # bytes unpacked; 2,900 media take 3 million
_DIGITS = 4  # of an LLR, behind the point
_FIX = "Give a file that `zhenwei train fused --thresholds` wrote."


@dataclass(frozen=True, slots=True)
class KeptAnswers:
    """``media``: what every detector said of each; ``by``: which detectors were asked, each with what its answers
    follow from (:func:`made_by`); ``tones``: the angle of the skin by digest, NaN where none is seen."""

    media: tuple[FileAnswers, ...]
    by: Mapping[str, str]
    tones: Mapping[str, float] = field(default_factory=dict)

    def unchanged(self, chosen: Sequence[Detector]) -> frozenset[str]:
        """The ids of those among ``chosen`` whose answers hold."""
        return frozenset([d.info.id for d in chosen if self.by.get(d.info.id) == made_by(d)])


def made_by(detector: Detector) -> str:
    """A hash of the weights and calibrations of ``detector``. That of one without weights does not change with its
    code."""
    own = getattr(detector, "store", None)
    parts = []
    for model, row in sorted(detectors.models_of(detector).items()):
        parts.append(f"{model} {row.sha256}")
        store = holder(model, Path(own) if own else None)
        for path in sorted((store / "weights").glob(f"{model}.*calibration.json")):
            parts.append(f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def save(kept: KeptAnswers, path: Path) -> None:
    """Whole or not at all; the same bytes for the same answers."""
    names = sorted(kept.by)
    place = {name: number for number, name in enumerate(names)}
    finds = {said.detector: said.finds for one in kept.media for said in one.said}
    media = []
    for one in kept.media:
        said = [
            [place[a.detector], a.person, None if a.llr is None else round(a.llr, _DIGITS)]
            for a in one.said
            if a.detector in place
        ]
        facts = {name: _or_none(value) for name, value in one.facts.items()}
        seen = {name: round(value, _DIGITS) for name, value in one.seen.items()}
        media.append(
            {
                "digest": one.digest,
                "kind": one.kind,
                "forged": one.forged,
                "source": one.source,
                "method": one.method,
                "group": _hidden(one.group),
                "video": _hidden(one.video),
                "seen": seen,
                "facts": facts,
                "said": said,
                "tone": _or_none(kept.tones.get(one.digest, math.nan)),
            }
        )
    asked = [[name, kept.by[name], finds.get(name, "")] for name in names]
    text = json.dumps({"schema": SCHEMA, "detectors": asked, "media": media}, allow_nan=False, separators=(",", ":"))
    write_whole(path, gzip.compress(text.encode(), 9, mtime=0))


def load(path: Path) -> KeptAnswers:
    """Raises :class:`DataError` for a file that cannot be read or is none of these."""
    try:
        with gzip.open(path) as file:
            data = file.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise DataError(f"{path} holds too much", got="more than 200 MB", want="answers", fix=_FIX)
        document = json.loads(data)
    except OSError as error:  # gzip.BadGzipFile is one
        why = error.strerror or str(error)
        raise DataError(f"cannot read the answers in {path}", got=why, want=SCHEMA, fix=_FIX) from None
    except (EOFError, zlib.error, ValueError, RecursionError) as error:
        raise DataError(f"{path} holds no answers", got=str(error)[:200], want=SCHEMA, fix=_FIX) from None
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema != SCHEMA:
        raise DataError(f"{path} has another schema", got=str(schema)[:200], want=SCHEMA, fix=_FIX)
    try:
        asked = [(str(name), str(by), finds) for name, by, finds in document["detectors"]]
        media = tuple([_medium(row, [(name, finds) for name, _, finds in asked]) for row in document["media"]])
        tones = {str(row["digest"]): _or_nan(row["tone"]) for row in document["media"]}
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"the answers in {path} are damaged", got=repr(error)[:200], want=SCHEMA, fix=_FIX) from None
    return KeptAnswers(media, {name: by for name, by, _ in asked}, tones)


def merged(known: Sequence[FileAnswers], anew: Sequence[FileAnswers], kept: Collection[str]) -> list[FileAnswers]:
    """``anew``, to which ``known`` adds what the detectors in ``kept`` said of the same media, where they still take
    media of that kind."""
    takes = {name: detectors.build(name).info.takes for name in kept}
    before = {one.digest: one.said for one in known}
    return [
        replace(one, said=(*[a for a in before[one.digest] if one.kind in takes.get(a.detector, ())], *one.said))
        if one.digest in before
        else one
        for one in anew
    ]


def _medium(row: Mapping[str, Any], asked: Sequence[tuple[str, Forgery]]) -> FileAnswers:
    said = []
    for number, person, llr in row["said"]:
        name, finds = asked[number]
        said.append(Answer(name, person, None if llr is None else float(llr), finds))
    facts = {name: _or_nan(value) for name, value in row["facts"].items()}
    seen = {name: float(value) for name, value in row["seen"].items()}
    return FileAnswers(
        row["kind"],
        str(row["source"]),
        str(row["group"]),
        bool(row["forged"]),
        tuple(said),
        seen,
        facts,
        str(row["method"]),
        str(row["video"]),
        str(row["digest"]),
    )


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else round(value, _DIGITS)


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _hidden(name: str) -> str:
    """The same for the same name; of one that is hidden already, itself."""
    if not name or (len(name) == 17 and name.startswith("#")):
        return name
    return "#" + hashlib.sha256(name.encode()).hexdigest()[:16]
