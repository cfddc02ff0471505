"""Text read aloud by the machines that systems bring along: offline, in nobody's voice.

The programs are asked from outside and are no part of this package: espeak-ng (formants, GPL-3.0) and flite (recorded
pieces put together, BSD-like).
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zhenwei.errors import DataError, UnmarkedError, UsageError
from zhenwei.forge.export import Door, ExportedFile, Origin, check_audio_place, export_audio
from zhenwei.forge.voice.attempts import first_marked
from zhenwei.forge.voice.heard import read_audio
from zhenwei.signals.voice import RATE_HZ

ENGINES = ("espeak-ng", "flite")
MAX_CHARACTERS, _SECONDS = 1000, 60
_WORDS_A_MINUTE = 175  # espeak-ng's own pace
_SLOWER = (1.0, 1.15, 1.3, 1.5, 1.75)  # by attempt: short speech has little room for a watermark
_LEAST_S = 1.5  # at the slowest pace: below, no attempt is worth making
_LONGER = "Give it a longer text; some ten words are enough."
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,12}){0,3}")


def read_aloud(text: str, engine: str = "espeak-ng", language: str = "en", slower: float = 1.0) -> NDArray[np.float32]:
    """``text`` as sound ``(samples,)`` at 16 kHz, peak at most 1; the same for the same text on one machine.

    ``language``: as "en", "de", "cmn" (Mandarin), for espeak-ng; flite reads English only. ``slower``: 1 is the
    engine's own pace, 2 half of it. Raises UsageError for another engine, a language that is none, and text that is
    empty, longer than 1000 characters or no Unicode; DataError where the engine is not installed, fails, or says
    nothing.
    """
    if engine not in ENGINES:
        raise UsageError("there is no such engine", got=engine, want=" or ".join(ENGINES))
    odd = any("\ud800" <= letter <= "\udfff" for letter in text)  # bytes that were no text
    if not text.strip() or len(text) > MAX_CHARACTERS or "\0" in text or odd:
        got = f"{len(text)} characters" + (", some of them no Unicode" if odd else "")
        raise UsageError("this text cannot be read", got=got, want=f"1 to {MAX_CHARACTERS} of text")
    if not _LANGUAGE.fullmatch(language) or (engine == "flite" and language != "en"):
        raise UsageError(
            "this language cannot be read", got=language, want="en for flite; as en, de, cmn for espeak-ng"
        )
    program = shutil.which(engine)
    if program is None:
        fix = f"Install it: apt install {engine} (Debian, Ubuntu), brew install {engine} (macOS)."
        raise DataError(f"{engine} is not installed", fix=fix)
    with tempfile.TemporaryDirectory() as folder:
        made, said = Path(folder) / "said.wav", Path(folder) / "text.txt"
        said.write_text(text, "utf-8")
        if engine == "espeak-ng":
            options = [f"-s{_WORDS_A_MINUTE / slower:.0f}", "-v", language, "-f", str(said), "-w", str(made)]
        else:
            options = ["--setf", f"duration_stretch={slower:g}", "-f", str(said), "-o", str(made)]
        _run([program, *options], engine)
        audio = read_audio(made) if made.is_file() and made.stat().st_size > 100 else np.zeros(0, np.float32)
    if len(audio) < RATE_HZ // 10 or float(np.abs(audio).max()) < 1e-3:
        raise DataError(f"{engine} said nothing", got=f"{len(audio) / RATE_HZ:.2f} s", want="words of that language")
    return audio


def export_read(text: str, engine: str, language: str, path: Path, door: Door) -> ExportedFile:
    """What :func:`read_aloud` says, as marked sound, read more slowly where a watermark finds no room. Errors as of
    both, UnmarkedError for a text that is too short for one; the place is looked at first."""
    check_audio_place(path)
    longest_s = len(read_aloud(text, engine, language, _SLOWER[-1])) / RATE_HZ
    if longest_s < _LEAST_S:
        got, want = f"{longest_s:.1f} s at the slowest pace", f"{_LEAST_S:g} s and more"
        raise UnmarkedError("this text is too short for a watermark", got=got, want=want, fix=_LONGER)
    recipe = {"engine": engine, "language": language, "text": text}

    def leave(attempt: int) -> ExportedFile:
        slower = _SLOWER[attempt]
        audio = read_aloud(text, engine, language, slower)
        return export_audio(audio[None], RATE_HZ, Origin("voice/read-aloud", {**recipe, "slower": slower}), path, door)

    try:
        return first_marked(leave)
    except UnmarkedError as error:
        raise UnmarkedError("what was read could not leave with its marks", got=error.what, fix=_LONGER) from None


def _run(command: list[str], engine: str) -> None:
    try:
        done = subprocess.run(  # a known program; text and language come as a file and a checked word
            command, capture_output=True, timeout=_SECONDS, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DataError(f"{engine} could not be run", got=str(error)[:200]) from None
    if done.returncode:
        raise DataError(f"{engine} failed", got=done.stderr.decode("utf-8", "replace").strip()[:200])
