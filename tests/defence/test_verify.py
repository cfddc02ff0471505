"""The matrix: what is said of a file that was signed, marked, labelled or all three, after what may happen to it."""

from __future__ import annotations

import datetime
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.carriers import carrier, clip, image, saved

from zhenwei.defence.credential import SOURCE_TYPES, sign
from zhenwei.defence.identity import Identity, own_identity
from zhenwei.defence.keys import PUBLIC_KEY
from zhenwei.defence.labels import Aigc, write_labels
from zhenwei.defence.marking import mark_file
from zhenwei.defence.protect import protect
from zhenwei.defence.verify import Verification, verify, verify_file
from zhenwei.defence.watermark import mark_image
from zhenwei.errors import MediaError, UsageError

PORTRAIT = Path(__file__).parents[1] / "data" / "astronaut.jpg"
TODAY = datetime.datetime.now(datetime.UTC).date()
IDENT = "00c0ffee00c0ffee"
OWN = bytes(range(32))
KINDS = ("signed", "marked", "labelled", "all")
FATES = ("untouched", "re-encoded", "cropped", "swapped", "stripped", "forged mark")


@pytest.fixture(scope="module")
def me(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return own_identity(tmp_path_factory.mktemp("home"), TODAY)


@pytest.fixture(scope="module")
def protected(me: Identity) -> dict[str, bytes]:
    photo = PORTRAIT.read_bytes()
    return {
        "signed": sign(photo, claim="captured", identity=me),
        "marked": mark_file(photo, bytes.fromhex(IDENT), PUBLIC_KEY),
        "labelled": write_labels(photo, Aigc(content_producer="a service"), SOURCE_TYPES["ai-generated"]),
        "all": protect(photo, claim="ai-generated", identity=me, key=PUBLIC_KEY, ident=IDENT).data,
    }


def _pixels(data: bytes) -> Any:
    return np.array(Image.open(io.BytesIO(data)).convert("RGB"))


def _segments(data: bytes) -> tuple[bytes, bytes]:
    """A JPEG's metadata, and the picture data that follows it."""
    at = 2
    while 0xE0 <= data[at + 1] <= 0xEF or data[at + 1] == 0xFE:
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return data[2:at], data[at:]


def _dressed(pixels: Any, like: bytes) -> bytes:
    """A JPEG of ``pixels`` with all the metadata of ``like``: labels, and the credential that no longer fits."""
    return b"\xff\xd8" + _segments(like)[0] + _segments(saved(pixels, "jpeg", quality=95))[1]


def _swapped(data: bytes) -> bytes:
    pixels = _pixels(data)
    height, width = pixels.shape[:2]
    top, left = height // 4, width // 4
    pixels[top : top + height // 2, left : left + width // 2] = image(height // 2, width // 2)
    return _dressed(pixels, data)


def _cropped(data: bytes) -> bytes:
    """The right edge cut off, which the watermark mostly survives; what else it survives is measured elsewhere."""
    pixels = _pixels(data)
    return saved(pixels[:, : -(pixels.shape[1] // 33)], "jpeg", quality=90)


def _forged(kind: str, data: bytes) -> bytes:
    """Another picture with the mark, if there is one, and with the metadata of ``data`` but for the credential's case,
    where there is a mark: who copies a mark has no credential for it."""
    other = _pixels(PORTRAIT.read_bytes())[:, ::-1].copy()
    other[:200] = image(200, other.shape[1])
    if kind in ("marked", "all"):
        return saved(mark_image(other, bytes.fromhex(IDENT), PUBLIC_KEY), "jpeg", quality=95)
    return _dressed(other, data)


def _after(fate: str, kind: str, data: bytes) -> bytes:
    does: dict[str, Callable[[], bytes]] = {
        "untouched": lambda: data,
        "re-encoded": lambda: saved(_pixels(data), "jpeg", quality=80),
        "cropped": lambda: _cropped(data),
        "swapped": lambda: _swapped(data),
        "stripped": lambda: b"\xff\xd8" + _segments(data)[1],
        "forged mark": lambda: _forged(kind, data),
    }
    return does[fate]()


NOTHING = "says nothing about how it came about"
WHO = r"Not a byte was changed since it was signed by zhenwei \(untrusted local key\).*on no list you trust"
GONE = "There is no credential"
BROKEN = "does not hold: the file was changed after it was signed"
FOUND = f"it carries the watermark {IDENT} under the published key, with which anybody can write one"
UNNAMED = f"{FOUND}, which no credential here names, so it may have been copied from another file"
LABEL = "labels in its metadata say that AI made or altered it, which anybody can write"
WHOLE, PART = "no part of the picture looks replaced", r"about \d+ % of the picture was replaced"
# (kind, fate): standing, binding, whether AI is said, what the sentence has, in order
TABLE: dict[tuple[str, str], tuple[str, str, bool, tuple[str, ...]]] = {
    ("signed", "untouched"): (
        "intact",
        "none",
        False,
        (WHO, "captured by a device; whether that is so, a signature ca"),
    ),
    ("signed", "re-encoded"): ("bare", "none", False, (NOTHING,)),
    ("signed", "cropped"): ("bare", "none", False, (NOTHING,)),
    ("signed", "swapped"): ("altered", "none", False, (BROKEN,)),
    ("signed", "stripped"): ("bare", "none", False, (NOTHING,)),
    ("signed", "forged mark"): ("altered", "none", False, (BROKEN,)),
    ("marked", "untouched"): ("marked", "unnamed", False, (GONE, UNNAMED, WHOLE)),
    ("marked", "re-encoded"): ("marked", "unnamed", False, (GONE, UNNAMED)),
    ("marked", "cropped"): ("marked", "unnamed", False, (GONE, UNNAMED)),
    ("marked", "swapped"): ("marked", "unnamed", False, (GONE, UNNAMED, PART)),
    ("marked", "stripped"): ("marked", "unnamed", False, (GONE, UNNAMED, WHOLE)),
    ("marked", "forged mark"): ("marked", "unnamed", False, (GONE, UNNAMED)),
    ("labelled", "untouched"): ("labelled", "none", True, (GONE, LABEL)),
    ("labelled", "re-encoded"): ("bare", "none", False, (NOTHING,)),
    ("labelled", "cropped"): ("bare", "none", False, (NOTHING,)),
    ("labelled", "swapped"): ("labelled", "none", True, (GONE, LABEL)),
    ("labelled", "stripped"): ("bare", "none", False, (NOTHING,)),
    ("labelled", "forged mark"): ("labelled", "none", True, (GONE, LABEL)),
    ("all", "untouched"): ("intact", "bound", True, (WHO, "made by AI", FOUND, "the one that its credential names")),
    ("all", "re-encoded"): ("marked", "unnamed", False, (GONE, UNNAMED)),
    ("all", "cropped"): ("marked", "unnamed", False, (GONE, UNNAMED)),
    ("all", "swapped"): ("altered", "bound", True, (BROKEN, FOUND, "its credential names", PART, LABEL)),
    ("all", "stripped"): ("marked", "unnamed", False, (GONE, UNNAMED, WHOLE)),
    ("all", "forged mark"): ("marked", "unnamed", False, (GONE, UNNAMED)),
}
NEVER = re.compile(
    r"\b(real|genuine|authentic|trustworthy|original|fake|forged|forgery)\b|真实|真品|伪造", re.IGNORECASE
)


def test_the_table_has_every_cell() -> None:
    assert set(TABLE) == {(kind, fate) for kind in KINDS for fate in FATES}


@pytest.mark.parametrize(("kind", "fate"), TABLE)
def test_every_cell_gets_the_right_sentence_and_json(kind: str, fate: str, protected: dict[str, bytes]) -> None:
    read = verify(_after(fate, kind, protected[kind]), keys=[PUBLIC_KEY])
    standing, binding, ai, phrases = TABLE[kind, fate]
    assert (read.standing, read.binding, read.says_ai) == (standing, binding, ai), read.sentence
    assert re.search(".*".join(phrases), read.sentence), read.sentence
    assert ("was replaced since" in read.sentence) == (fate == "swapped" and kind in ("marked", "all"))
    _check(read)


def _check(read: Verification) -> None:
    """What holds for every sentence and every JSON."""
    row = json.loads(json.dumps(read.to_dict(), allow_nan=False))
    assert row["sentence"] == {"en": str(read.sentence), "zh": read.sentence.in_language("zh")}
    assert row["standing"] == read.standing
    assert row["credential"]["state"] == read.credential.state
    assert [mark["ident"] for mark in row["watermarks"]] == [mark.ident for mark in read.marks]
    for sentence in row["sentence"].values():
        assert not NEVER.search(sentence), sentence
        assert len(sentence) < 900
    assert read.sentence.endswith(".")
    assert read.sentence[0].isupper()
    assert row["sentence"]["zh"].endswith("。")


def test_a_copied_mark_is_told_even_beside_a_credential_of_its_own(me: Identity, protected: dict[str, bytes]) -> None:
    forged = _forged("all", protected["all"])
    unnamed = verify(sign(forged, claim="captured", identity=me), keys=[PUBLIC_KEY])
    assert (unnamed.standing, unnamed.binding) == ("intact", "unnamed")
    assert "no credential here names" in unnamed.sentence
    other = verify(sign(forged, claim="captured", identity=me, watermark="11" * 8), keys=[PUBLIC_KEY])
    assert (other.standing, other.binding) == ("intact", "other")
    assert "seems to come from another file" in other.sentence
    for read in (unnamed, other):
        _check(read)


def test_a_mark_that_the_credential_names_but_is_not_there_is_told(me: Identity) -> None:
    read = verify(sign(PORTRAIT.read_bytes(), claim="captured", identity=me, watermark=IDENT), keys=[PUBLIC_KEY])
    assert read.binding == "missing"
    assert f"the watermark {IDENT} that the credential names was not found" in read.sentence
    _check(read)


def test_labels_that_contradict_the_signer_are_told(me: Identity, protected: dict[str, bytes]) -> None:
    read = verify(sign(protected["labelled"], claim="captured", identity=me), keys=[])
    assert read.says_ai
    assert "labels inside it contradict that" in read.sentence
    edited = verify(sign(protected["labelled"], claim="edited", identity=me), keys=[])
    assert "labels inside it say that AI" in edited.sentence
    _check(read)
    _check(edited)


def test_a_history_that_begins_with_ai_is_told(me: Identity) -> None:
    born = sign(PORTRAIT.read_bytes(), claim="ai-generated", identity=me)
    read = verify(sign(born, claim="edited", identity=me), keys=[])
    assert read.says_ai
    assert "edited by hand from a file that was made or altered by AI" in read.sentence
    _check(read)


def test_trusted_and_unreadable_credentials_are_told_apart(me: Identity, protected: dict[str, bytes]) -> None:
    trusted = verify(protected["signed"], keys=[], anchors_pem=me.anchor_pem)
    assert trusted.credential.state == "trusted"
    assert "a signer on your trust list" in trusted.sentence
    at = protected["signed"].index(b"jumdc2ma") + 8
    broken = verify(protected["signed"][:at] + bytes(8) + protected["signed"][at + 8 :], keys=[])
    assert broken.standing == "cannot-be-checked"
    assert "cannot be checked, so nothing follows from it" in broken.sentence
    for read in (trusted, broken):
        _check(read)


def test_ones_own_signature_is_told_apart_and_not_trusted_for_it(me: Identity, protected: dict[str, bytes]) -> None:
    read = verify(protected["signed"], keys=[], own_pem=me.anchor_pem)
    assert (read.signed_here, read.credential.state) == (True, "valid")
    assert "the installation on this machine, which is on nobody's list" in read.sentence
    changed = bytearray(protected["signed"])
    changed[-300] ^= 1
    assert not verify(bytes(changed), keys=[], own_pem=me.anchor_pem).signed_here
    _check(read)


def test_marks_are_found_under_the_first_key_that_fits_and_its_kind_is_told() -> None:
    own = mark_file(PORTRAIT.read_bytes(), bytes.fromhex(IDENT), OWN)
    assert verify(own, keys=[PUBLIC_KEY]).standing == "bare"
    read = verify(own, keys=[PUBLIC_KEY, OWN])
    assert [(mark.ident, mark.published) for mark in read.marks] == [(IDENT, False)]
    assert "under a private key" in read.sentence


def test_clips_and_sound_are_read_as_well(me: Identity) -> None:
    film = protect(clip("mp4", 12), claim="ai-edited", identity=me, key=PUBLIC_KEY)
    assert [mark.medium for mark in film.verification.marks] == ["picture"]
    audio = protect(carrier("wav", 4.0), claim="ai-generated", identity=me, key=PUBLIC_KEY)
    assert [mark.medium for mark in audio.verification.marks] == ["sound"]
    assert audio.ident.startswith(audio.verification.marks[0].ident)
    for made in (film, audio):
        assert (made.verification.standing, made.verification.binding) == ("intact", "bound")
        _check(made.verification)


def test_what_cannot_be_decoded_is_an_error_unless_a_credential_speaks(me: Identity, tmp_path: Path) -> None:
    with pytest.raises(MediaError):
        verify(b"no media at all", keys=[])
    with pytest.raises(MediaError):
        verify(saved(image(), "png")[:200], keys=[])
    signed = sign(carrier("png"), claim="captured", identity=me)
    at = signed.index(b"IDAT") + 20
    read = verify(signed[:at] + bytes(40) + signed[at + 40 :], keys=[PUBLIC_KEY])
    assert read.standing == "altered"
    assert any("no watermark was looked for" in problem for problem in read.problems)
    with pytest.raises(UsageError):
        verify(signed, keys=[], anchors_pem="nobody")
    for path in (tmp_path / "missing.jpg", tmp_path):
        with pytest.raises(MediaError):
            verify_file(path, keys=[])
    (tmp_path / "a.png").write_bytes(signed)
    assert verify_file(tmp_path / "a.png", keys=[]).to_dict() == verify(signed, keys=[]).to_dict()
