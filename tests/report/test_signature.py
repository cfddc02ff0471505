"""A signature beside a report: it holds, or says what does not; other tools can check it."""

from __future__ import annotations

import base64
import json
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from zhenwei.errors import DataError, UsageError
from zhenwei.report.signature import KEY_FILE, beside, check, expected, own_key, read_key, sign

NOW = datetime(2026, 11, 29, 14, 2, 11, tzinfo=UTC)


@pytest.fixture
def signed(tmp_path: Path) -> Path:
    path = tmp_path / "report.json"
    path.write_text('{"decision": "forged"}')
    sign(path, own_key(tmp_path / "home"), signer="J. Doe", signed_at=NOW)
    return path


def test_what_was_signed_holds(signed: Path) -> None:
    found = check(signed)
    assert (found.signer, found.signed_at) == ("J. Doe", "2026-11-29T14:02:11+00:00")
    assert expected(found.fingerprint.replace(" ", "").upper()) == found.fingerprint


def test_the_key_is_made_once_and_is_the_users_alone(tmp_path: Path) -> None:
    first, second = own_key(tmp_path), own_key(tmp_path)
    raw = [key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()) for key in (first, second)]
    assert raw[0] == raw[1]
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) & 0o077 == 0


def test_one_changed_byte_is_found(signed: Path) -> None:
    signed.write_text(signed.read_text().replace("forged", "forgee"))
    with pytest.raises(DataError, match="changed since it was signed"):
        check(signed)


@pytest.mark.parametrize("field", ["signer", "signed_at", "sha256", "public_key", "signature", "size_bytes", "file"])
def test_one_changed_field_of_the_signature_is_found(signed: Path, field: str) -> None:
    path = beside(signed)
    document = json.loads(path.read_text())
    value = document[field]
    document[field] = value + 1 if isinstance(value, int) else ("B" if value[0] == "A" else "A") + value[1:]
    path.write_text(json.dumps(document))
    with pytest.raises(DataError, match="does not hold"):
        check(signed)


@pytest.mark.parametrize("more", ['"note": "by Judge Dredd", ', '"signer": "Judge Dredd", '])
def test_what_was_not_signed_has_no_place_in_a_signature(signed: Path, more: str) -> None:
    path = beside(signed)
    path.write_text("{" + more + path.read_text()[1:])
    with pytest.raises(DataError, match="does not hold"):
        check(signed)


def test_whoever_has_ed25519_can_check_it_without_zhenwei(signed: Path) -> None:
    document = json.loads(beside(signed).read_text())
    signature = base64.b64decode(document.pop("signature"))
    message = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    Ed25519PublicKey.from_public_bytes(base64.b64decode(document["public_key"])).verify(signature, message)


def test_a_signature_that_is_none_is_told(tmp_path: Path, signed: Path) -> None:
    with pytest.raises(DataError):
        check(signed, tmp_path / "nothing.sig")
    beside(signed).write_text("{}")
    with pytest.raises(DataError):
        check(signed)


def test_keys_of_other_kinds_are_refused(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("no key")
    for path in (tmp_path / "key.pem", tmp_path / "nothing.pem"):
        with pytest.raises(UsageError, match="cannot be read"):
            read_key(path)
    with pytest.raises(UsageError, match="no fingerprint"):
        expected("abc")
