"""A key and two certificates made at first use, kept private, renewed in time; and one's own instead."""

from __future__ import annotations

import datetime
import io
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import c2pa
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID
from tests.carriers import carrier, listening

from zhenwei.defence.credential import read_credential, sign
from zhenwei.defence.identity import identity_from, own_anchor, own_identity
from zhenwei.errors import DataError, UsageError

TODAY = datetime.datetime.now(datetime.UTC).date()  # certificates are held against the real clock by the reader
YEAR = datetime.timedelta(days=365)
Private = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


def test_it_is_made_once_for_the_user_alone(tmp_path: Path) -> None:
    home = tmp_path / "new" / "home"
    first = own_identity(home, TODAY)
    assert own_identity(home, TODAY + YEAR).chain_pem == first.chain_pem
    assert sorted(path.name for path in home.iterdir()) == ["authority.pem", "identity.pem"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in home.iterdir()} == {0o600}
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert first.name.startswith("zhenwei (untrusted local key), installation ")
    assert own_identity(tmp_path / "other", TODAY).name != first.name


def test_ones_own_anchor_is_read_and_not_made(tmp_path: Path) -> None:
    assert own_anchor(tmp_path) is None
    assert list(tmp_path.iterdir()) == []
    assert own_identity(tmp_path, TODAY).anchor_pem == own_anchor(tmp_path)


def test_the_chain_is_what_c2pa_wants(tmp_path: Path) -> None:
    leaf, root = x509.load_pem_x509_certificates(own_identity(tmp_path, TODAY).chain_pem)
    leaf.verify_directly_issued_by(root)
    root.verify_directly_issued_by(root)
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert root.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert list(leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [
        ExtendedKeyUsageOID.EMAIL_PROTECTION
    ]
    use = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
    assert use.digital_signature
    assert not use.key_cert_sign
    assert leaf.not_valid_after_utc.date() - TODAY > 9 * YEAR


def test_the_signer_is_renewed_by_the_same_authority_and_both_when_that_ends(tmp_path: Path) -> None:
    first = own_identity(tmp_path, TODAY)
    later = own_identity(tmp_path, TODAY + 10 * YEAR)
    assert later.chain_pem != first.chain_pem
    assert later.anchor_pem == first.anchor_pem
    assert later.name == first.name
    last = own_identity(tmp_path, TODAY + 20 * YEAR)
    assert last.anchor_pem != first.anchor_pem
    assert not list(tmp_path.glob(".*"))


def test_a_certificate_that_has_not_begun_is_made_anew(tmp_path: Path) -> None:
    ahead = own_identity(tmp_path, TODAY + 2 * YEAR)
    assert own_identity(tmp_path, TODAY).chain_pem != ahead.chain_pem


def test_modes_that_were_loosened_are_tightened_and_spoilt_files_named(tmp_path: Path) -> None:
    own_identity(tmp_path, TODAY)
    path = tmp_path / "identity.pem"
    path.chmod(0o644)
    own_identity(tmp_path, TODAY)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for spoilt in (b"", b"nonsense", path.read_bytes()[:400]):
        path.write_bytes(spoilt)
        with pytest.raises(DataError, match="not as it was written"):
            own_identity(tmp_path, TODAY)
    text = (tmp_path / "authority.pem").read_bytes()
    (tmp_path / "identity.pem").write_bytes(text.replace(b"BEGIN CERT", b"BEGIN XERT"))
    with pytest.raises(DataError, match="not as it was written"):
        own_identity(tmp_path, TODAY)


def test_of_several_processes_at_first_use_all_get_the_same(tmp_path: Path) -> None:
    code = (
        "import sys, datetime, pathlib; from zhenwei.defence.identity import own_identity; "
        "print(own_identity(pathlib.Path(sys.argv[1]), datetime.date.fromisoformat(sys.argv[2])).name)"
    )
    command = [sys.executable, "-c", code, str(tmp_path), TODAY.isoformat()]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    said = {process.communicate(timeout=60)[0] for process in running}
    assert [process.returncode for process in running] == [0] * 4
    assert said == {own_identity(tmp_path, TODAY).name + "\n"}


def test_a_place_that_cannot_be_written_is_an_error_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError, match="cannot make"):
        own_identity(tmp_path / "file" / "home", TODAY)
    (tmp_path / "authority.pem").mkdir()
    with pytest.raises(DataError, match="cannot read"):
        own_identity(tmp_path, TODAY)


def _own(key: Private, *, ocsp: str = "") -> tuple[bytes, bytes]:
    """Certificates, issued by an authority made for it, and key, both in PEM."""
    authority = ec.generate_private_key(ec.SECP256R1())
    oids = x509.oid.NameOID
    names = [x509.NameAttribute(oids.COMMON_NAME, "Anna")]
    subject = x509.Name([x509.NameAttribute(oids.ORGANIZATION_NAME, "News"), *names])
    issuer = x509.Name([x509.NameAttribute(oids.ORGANIZATION_NAME, "Authority of tests")])
    use = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only"), False
    )
    day = datetime.datetime.combine(TODAY, datetime.time(), datetime.UTC)

    def issued(name: x509.Name, public: Private, ca: bool) -> x509.Certificate:
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(issuer).public_key(public.public_key())
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(day - YEAR)
        builder = builder.not_valid_after(day + YEAR)
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        signing = x509.KeyUsage(digital_signature=not ca, key_cert_sign=ca, crl_sign=ca, decipher_only=False, **use)
        builder = builder.add_extension(signing, critical=True)
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public.public_key()), critical=False)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False
        )
        if ocsp and not ca:
            place = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(ocsp))
            builder = builder.add_extension(x509.AuthorityInformationAccess([place]), critical=False)
        if not ca:
            purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
            builder = builder.add_extension(purpose, critical=False)
        from cryptography.hazmat.primitives import hashes

        return builder.sign(authority, hashes.SHA256())

    pem = serialization.Encoding.PEM
    chain = [issued(subject, key, False), issued(issuer, authority, True)]
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return b"".join(each.public_bytes(pem) for each in chain), private


KEYS: dict[str, Callable[[], Private]] = {
    "es256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "es384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "es512": lambda: ec.generate_private_key(ec.SECP521R1()),
    "ps256": lambda: rsa.generate_private_key(65537, 2048),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
}


@pytest.mark.parametrize("algorithm", KEYS)
def test_ones_own_certificate_and_key_sign(algorithm: str) -> None:
    identity = identity_from(*_own(KEYS[algorithm]()))
    assert (identity.algorithm, identity.name) == (algorithm, "News, Anna")
    signed = sign(carrier("jpeg"), claim="captured", identity=identity)
    assert read_credential(signed).state == "valid"
    trusted = read_credential(signed, identity.anchor_pem)
    assert (trusted.state, trusted.signer) == ("trusted", "News, Anna")


def test_certificates_and_keys_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    cert, key = _own(KEYS["es256"]())
    _, other = _own(KEYS["es256"]())
    with pytest.raises(UsageError, match="does not belong"):
        identity_from(cert, other)
    with pytest.raises(UsageError, match="cannot be read"):
        identity_from(b"nothing", key)
    with pytest.raises(UsageError, match="cannot be read"):
        identity_from(cert, b"nothing")
    weak = _own(ec.generate_private_key(ec.SECP256K1()))
    with pytest.raises(UsageError, match="no key of this kind"):
        identity_from(*weak)
    own_identity(tmp_path, TODAY)
    authority = (tmp_path / "authority.pem").read_bytes()
    end = authority.index(b"-----BEGIN CERT")
    with pytest.raises(UsageError, match="signed itself"):
        identity_from(authority[end:], authority[:end])


def test_a_locked_key_opens_with_its_password_only() -> None:
    cert, _ = _own(key := ec.generate_private_key(ec.SECP256R1()))
    locked = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    assert identity_from(cert, locked, b"secret").algorithm == "es256"
    for password in (None, b"wrong"):
        with pytest.raises(UsageError, match="cannot be read"):
            identity_from(cert, locked, password)


def test_nobody_is_asked_whether_a_certificate_was_revoked() -> None:
    with listening() as (address, asked):
        identity = identity_from(*_own(KEYS["es256"](), ocsp=address))
        signed = sign(carrier("jpeg"), claim="captured", identity=identity)
        assert read_credential(signed, identity.anchor_pem).state == "trusted"
        assert asked == []
        settings = {"version": 1, "verify": {"ocsp_fetch": True}, "trust": {"trust_anchors": identity.anchor_pem}}
        with c2pa.Context.from_dict(settings) as context:
            c2pa.Reader("image/jpeg", io.BytesIO(signed), context=context).close()
        assert len(asked) == 1  # if it is told to
