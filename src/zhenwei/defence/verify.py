"""What a file says of itself, layer by layer, and one careful sentence on what follows from it.

Three layers that fail in different ways: a signed credential (lost when the file is saved anew), a watermark (survives
that; anybody who has the key can write one), and labels in the metadata (words that anybody can write or take away).
Where one is missing, nothing follows; where one is intact, it says who claims what, and not that it is so.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zhenwei import media
from zhenwei.defence.credential import Credential, read_credential
from zhenwei.defence.credential_codes import Cause
from zhenwei.defence.declare import declared
from zhenwei.defence.labels import Labels, read_labels
from zhenwei.defence.marks import FoundMarks, Mark, find_marks
from zhenwei.defence.verify_words import Binding, Standing, sentence
from zhenwei.defence.watermark.foreign import Foreign, read_foreign
from zhenwei.errors import MediaError
from zhenwei.media.limits import DEFAULT_LIMITS
from zhenwei.media.sources import regular_file
from zhenwei.types import Declaration, Text

_BY_CAUSE: dict[Cause, Standing] = {
    "altered": "altered",
    "signer": "signer-does-not-hold",
    "ended": "certificate-ended",
    "unchecked": "cannot-be-checked",
}


@dataclass(frozen=True, slots=True)
class Verification:
    """The layers and what follows.

    ``standing`` goes by the credential: "intact"; "altered" = bytes of the file or of the credential were changed;
    "signer-does-not-hold" = the signature or the certificate is not what it should be, or was revoked;
    "certificate-ended"; "cannot-be-checked" = damaged, on the network, or in a way that is not known here, so that
    nothing follows. Without one a file is "marked", else "labelled", else "bare". ``binding``: whether credential and
    mark name each other: "bound"; "other" = the mark is another file's; "unnamed" = the credential names no mark, or
    there is none to; "missing" = it names one that is not found; "none" = neither. ``signed_here``: intact, and by the
    installation that reads. ``foreign``: a generator's own mark. ``declared``: all that the file says of its origin,
    the firmest first. ``problems``: what else a reader should know, such as a layer that could not be looked for.
    """

    standing: Standing
    binding: Binding
    says_ai: bool
    credential: Credential
    marks: tuple[Mark, ...]
    labels: Labels
    problems: tuple[Text, ...]
    sentence: Text
    signed_here: bool = False
    foreign: Foreign | None = None
    declared: tuple[Declaration, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold, with every field, the sentence in both languages."""
        return {
            "standing": self.standing,
            "binding": self.binding,
            "says_ai": self.says_ai,
            "signed_here": self.signed_here,
            "declared": [each.to_dict() for each in self.declared],
            "credential": self.credential.to_dict(),
            "watermarks": [mark.to_dict() for mark in self.marks],
            "generator_watermark": self.foreign.tool if self.foreign else None,
            "labels": self.labels.to_dict(),
            "problems": [str(problem) for problem in self.problems],
            "sentence": {"en": str(self.sentence), "zh": self.sentence.in_language("zh")},
        }


def verify(
    data: bytes, *, keys: Sequence[bytes], anchors_pem: str | None = None, own_pem: str | None = None
) -> Verification:
    """Read all three layers of ``data``, a picture, clip or sound.

    ``keys``: those whose watermarks are looked for, in order. ``anchors_pem``: see
    :func:`~zhenwei.defence.credential.read_credential`. ``own_pem``: the certificate of one's own authority, which is
    not trusted for it, but told apart. Raises MediaError if it is none of these or cannot be decoded and carries no
    credential either, UsageError for a trust list without certificates, MissingExtraError without the extra
    ``provenance``.
    """
    credential, ours = _read(data, anchors_pem, own_pem)
    with tempfile.TemporaryDirectory(prefix="zhenwei-") as folder:
        path = Path(folder, "file")  # media are opened by path
        path.write_bytes(data)
        return _verified(data, path, credential, ours, keys)


def verify_file(
    path: Path, *, keys: Sequence[bytes], anchors_pem: str | None = None, own_pem: str | None = None
) -> Verification:
    """As :func:`verify`, of the file at ``path``; MediaError also if it cannot be read."""
    with regular_file(str(path), DEFAULT_LIMITS) as (file, _):
        data = file.read()
    return _verified(data, path, *_read(data, anchors_pem, own_pem), keys)


def _read(data: bytes, anchors_pem: str | None, own_pem: str | None) -> tuple[Credential, bool]:
    credential = read_credential(data, anchors_pem)
    return credential, credential.intact and own_pem is not None and read_credential(data, own_pem).state == "trusted"


def _verified(data: bytes, path: Path, credential: Credential, ours: bool, keys: Sequence[bytes]) -> Verification:
    found, foreign = FoundMarks(), None
    problems = list(credential.problems)
    try:
        found = find_marks(media.open_media(path), keys)
        foreign = read_foreign(found.pixels) if found.pixels is not None else None
    except MediaError as error:
        if not credential.intact and credential.state != "invalid":
            raise
        told = error.got or error.what
        problems.append(Text(f"no watermark was looked for: {told}", zh=f"未能检查水印：{told}"))
    labels = read_labels(data)
    problems += labels.problems
    marked = bool(found.marks or foreign)
    standing, binding = _standing(credential, labels, marked=marked), _binding(credential, found.marks)
    return Verification(
        standing,
        binding,
        bool((credential.intact and credential.says_ai) or labels.says_ai or foreign),
        credential,
        found.marks,
        labels,
        tuple(dict.fromkeys(problems)),
        sentence(standing, binding, credential, found.marks, labels, ours=ours, foreign=foreign),
        ours,
        foreign,
        declared(credential, labels, found.marks, foreign),
    )


def _standing(credential: Credential, labels: Labels, *, marked: bool) -> Standing:
    if credential.intact:
        return "intact"
    if credential.state != "absent":
        return _BY_CAUSE[credential.cause or "unchecked"]
    if marked:
        return "marked"
    return "labelled" if labels.any else "bare"


def _binding(credential: Credential, found: Sequence[Mark]) -> Binding:
    """By the first digits of the identifier, as sound holds no more. What an altered credential names counts, too."""
    if not found:
        return "missing" if credential.watermark else "none"
    if not credential.watermark:
        return "unnamed"
    return "bound" if all(credential.watermark.startswith(mark.ident) for mark in found) else "other"
