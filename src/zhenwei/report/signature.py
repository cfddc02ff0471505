"""A detached signature beside a report (Ed25519, RFC 8032): who signed it, when, and that nothing changed since.

The file ``NAME.sig`` is JSON. What is signed are its fields but the signature, as JSON with sorted keys and no spaces,
among them the SHA-256 and the size of the report, so that any tool with Ed25519 can check it.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zhenwei.errors import DataError, UsageError
from zhenwei.files import read_document, write_document, write_whole
from zhenwei.pages import legible

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SCHEMA = "zhenwei.signature/1"
KEY_FILE = "report-key.pem"
_FIELDS = ("algorithm", "file", "public_key", "sha256", "signed_at", "signer", "size_bytes")
_ALGORITHM = "Ed25519"


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature that holds. ``fingerprint``: of the public key; who that is only the reader can know."""

    fingerprint: str
    signer: str
    signed_at: str
    sha256: str


def beside(path: Path) -> Path:
    """Where the signature of a file lies unless another place is named."""
    return path.with_name(f"{path.name}.sig")


def own_key(home: Path) -> Ed25519PrivateKey:
    """This installation's key, in ``home`` and readable by its user only; made at first use. DataError if it is not
    one, or cannot be written."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    path = home / KEY_FILE
    if not path.exists():
        fresh = Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        try:
            home.mkdir(parents=True, exist_ok=True, mode=0o700)
            with contextlib.suppress(FileExistsError):  # another process was faster: its key stands
                write_whole(path, fresh, replace=False, private=True)
        except OSError as error:
            fix = "Set ZHENWEI_HOME to a folder that can be written."
            raise DataError("the key cannot be kept", got=f"{path}: {error.strerror or error}", fix=fix) from None
    return read_key(path)


def read_key(path: Path) -> Ed25519PrivateKey:
    """A private key in PEM. UsageError where it is none, or locked."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    want = "an Ed25519 key in PEM without a passphrase (openssl genpkey -algorithm ed25519)"
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except OSError as error:
        raise UsageError("the key cannot be read", got=f"{path}: {error.strerror or error}", want=want) from None
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UsageError("the key cannot be read", got=f"{path}: {str(error)[:200]}", want=want) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError("the key is of another kind", got=str(path), want=want)
    return key


def _is_hidden(character: str) -> bool:
    """Not to be seen as it is; joiners, which stand within words of some scripts, aside."""
    if character == " " or character in "\u200c\u200d":
        return False
    return legible(character) != character or unicodedata.category(character) == "Cf"


def sign(path: Path, key: Ed25519PrivateKey, *, signer: str, signed_at: datetime, to: Path | None = None) -> Path:
    """Sign the file at ``path`` into ``to``, by default beside it; the path of the signature.

    UsageError for a name of the signer that is not all to be seen: it could pass for words of the program.
    """
    signer = "".join(" " if unicodedata.category(each) == "Zs" else each for each in signer)
    if any(_is_hidden(each) for each in signer):
        want = "a name on one line, of characters that can be seen"
        raise UsageError("this is no name of a signer", got=legible(signer, 80), want=want)
    public = key.public_key().public_bytes_raw()
    digest, size = _digest(path)
    content: dict[str, Any] = {
        "algorithm": _ALGORITHM,
        "file": path.name,
        "public_key": base64.b64encode(public).decode("ascii"),
        "sha256": digest,
        "signed_at": signed_at.isoformat(timespec="seconds"),
        "signer": signer,
        "size_bytes": size,
    }
    content["signature"] = base64.b64encode(key.sign(_message(content))).decode("ascii")
    where = to or beside(path)
    write_document(where, SCHEMA, content)
    return where


def check(path: Path, signature: Path | None = None) -> Signed:
    """Who signed the file. DataError where the signature is damaged, or the file is not as it was signed."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    where = signature or beside(path)
    content = read_document(where, SCHEMA, fix="Name it with --signature, or make one: zhenwei report sign FILE")
    try:
        # What is not signed has no place beside what is: another would read it as if it were.
        keys = json.loads(where.read_bytes(), object_pairs_hook=lambda pairs: [key for key, _ in pairs])
        if sorted(keys) != sorted(["schema", "signature", *_FIELDS]):
            raise ValueError(keys)
        public = base64.b64decode(content["public_key"], validate=True)
        Ed25519PublicKey.from_public_bytes(public).verify(
            base64.b64decode(content["signature"], validate=True), _message(content)
        )
    except (LookupError, TypeError, ValueError, OSError, InvalidSignature):
        want = "a signature as it was made"
        raise DataError("the signature does not hold: it was changed", got=str(where), want=want) from None
    digest, size = _digest(path)
    if (digest, size) != (content["sha256"], content["size_bytes"]):
        got = f"SHA-256 {digest[:16]}…, {size} bytes"
        want = f"SHA-256 {content['sha256'][:16]}…, {content['size_bytes']} bytes"
        fix = "Ask for the file that was signed, or make the report again."
        raise DataError("the file was changed since it was signed", got=got, want=want, fix=fix)
    return Signed(fingerprint(public), str(content["signer"]), str(content["signed_at"]), digest)


def fingerprint(public: bytes) -> str:
    """The SHA-256 of a public key's 32 bytes, in groups to be read out."""
    digest = hashlib.sha256(public).hexdigest()[:40]
    return " ".join([digest[place : place + 4] for place in range(0, 40, 4)])


def expected(wanted: str) -> str:
    """A fingerprint as somebody wrote it down; UsageError where it is none."""
    digits = re.sub(r"[\s:]", "", wanted).lower()
    if not re.fullmatch("[0-9a-f]{40}", digits):
        raise UsageError("this is no fingerprint of a key", got=wanted[:80], want="40 hexadecimal digits")
    return " ".join([digits[place : place + 4] for place in range(0, 40, 4)])


def _message(content: dict[str, Any]) -> bytes:
    signed = {"schema": SCHEMA, **{name: content[name] for name in _FIELDS}}
    return json.dumps(signed, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def _digest(path: Path) -> tuple[str, int]:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return digest, file.tell()
    except OSError as error:
        raise DataError("the file cannot be read", got=f"{path}: {error.strerror or error}") from None
