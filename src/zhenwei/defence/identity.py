"""Who signs: a key and its certificates, made on this machine at first use, or one's own.

C2PA refuses a certificate that signed itself, so a chain of two is made, for which nobody else vouches, as its names
say (X.509 v3, ECDSA on P-256; C2PA 2.x, "Certificate profiles"). Both last for years: without a time stamp, which would
need the network, a signature is worth nothing once its certificate has ended.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from zhenwei.errors import DataError, MissingExtraError, UsageError, install_package
from zhenwei.files import write_whole

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.x509 import Certificate, CertificateBuilder, Name

Algorithm = Literal["es256", "es384", "es512", "ps256", "ed25519"]
ORGANISATION = "zhenwei (untrusted local key)"
SIGNER_FILE, AUTHORITY_FILE = "identity.pem", "authority.pem"
_SIGNER_DAYS, _AUTHORITY_DAYS = 3653, 7305  # ten and twenty years
_RENEW_DAYS = 30
_MAX_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Identity:
    """``chain_pem``: the signer's certificate first, then those that vouch for it. ``sign``: bytes to raw signature
    (for ECDSA r and s side by side, as COSE wants it). ``name``: as the certificate says it. The key stays inside
    ``sign``, which may as well ask a hardware module or a service."""

    chain_pem: bytes
    sign: Callable[[bytes], bytes]
    name: str
    algorithm: Algorithm = "es256"

    @property
    def anchor_pem(self) -> str:
        """The last certificate of the chain: what others put on their list to trust this signer."""
        return _BEGIN + self.chain_pem.decode("ascii").rsplit(_BEGIN, 1)[-1]


_BEGIN = "-----BEGIN CERTIFICATE-----"


def own_identity(home: Path, today: datetime.date) -> Identity:
    """This installation's signer, kept in ``home`` (``identity.pem``, ``authority.pem``; readable by the user alone).

    Made at first use. The signer is renewed by the same authority when its certificate ends within a month or has not
    begun by ``today``, and both are when the authority's does. Raises DataError if a file there is not as it was made
    or cannot be written, MissingExtraError without the extra ``provenance``.
    """
    require_extra()
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise DataError(f"cannot make {home}", got=error.strerror or str(error), want="a folder to write in") from None
    authority = _kept(home / AUTHORITY_FILE, today, lambda: _new_authority(today))
    signer = _kept(home / SIGNER_FILE, today, lambda: _new_signer(authority, today), authority)
    chain, key = _split(signer, home / SIGNER_FILE)
    return identity_from(chain, key)


def own_anchor(home: Path) -> str | None:
    """The certificate of this installation's authority in PEM, None if it has none yet: nothing is made. DataError as
    in :func:`own_identity`."""
    held = _read(home / AUTHORITY_FILE)
    return None if held is None else _split(held, home / AUTHORITY_FILE)[0].decode("ascii", "replace")


def identity_from(cert: bytes, key: bytes, password: bytes | None = None) -> Identity:
    """A signer from one's own certificates and key, both in PEM: the signer's certificate first, then its issuers.

    Raises UsageError if they cannot be read, do not belong together, or the key is of a kind that C2PA does not take
    (it takes ECDSA on P-256, P-384 and P-521, RSA of 2048 bits and more, and Ed25519).
    """
    require_extra()
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    try:
        chain = x509.load_pem_x509_certificates(cert)
        private = serialization.load_pem_private_key(key, password)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        want = "certificates and an unlocked private key in PEM"
        raise UsageError("this certificate or key cannot be read", got=str(error)[:200], want=want) from None
    encoding, form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    mine = private.public_key().public_bytes(encoding, form)
    if chain[0].public_key().public_bytes(encoding, form) != mine:
        fix = "Put the signer's own certificate first in the file, before those of its issuers."
        raise UsageError("the key does not belong to the certificate", fix=fix)
    if chain[0].issuer == chain[0].subject:
        fix = "Have it issued by an authority, even one of your own, and put both certificates into the file."
        raise UsageError("C2PA refuses a certificate that signed itself", got=_named(chain[0]), fix=fix)
    algorithm, sign = _signing(private)
    pem = b"".join(each.public_bytes(serialization.Encoding.PEM) for each in chain)
    return Identity(pem, sign, _named(chain[0]), algorithm)


def require_extra() -> None:
    """Raises MissingExtraError, with the line that installs it, unless C2PA and the cryptography are there."""
    try:
        import c2pa  # noqa: F401
        import cryptography  # noqa: F401
    except ImportError as error:
        fix = f"Run: {install_package('c2pa-python', 'cryptography')}"
        raise MissingExtraError("signing and reading credentials needs c2pa-python", fix=fix) from error


def _signing(private: object) -> tuple[Algorithm, Callable[[bytes], bytes]]:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    if isinstance(private, ed25519.Ed25519PrivateKey):
        return "ed25519", private.sign
    if isinstance(private, rsa.RSAPrivateKey) and private.key_size >= 2048:
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
        return "ps256", lambda data: private.sign(data, pss, hashes.SHA256())
    curves: dict[str, tuple[Algorithm, hashes.HashAlgorithm]] = {
        "secp256r1": ("es256", hashes.SHA256()),
        "secp384r1": ("es384", hashes.SHA384()),
        "secp521r1": ("es512", hashes.SHA512()),
    }
    if isinstance(private, ec.EllipticCurvePrivateKey) and private.curve.name in curves:
        algorithm, digest = curves[private.curve.name]
        size = (private.key_size + 7) // 8

        def sign(data: bytes) -> bytes:
            r, s = decode_dss_signature(private.sign(data, ec.ECDSA(digest)))
            return r.to_bytes(size, "big") + s.to_bytes(size, "big")

        return algorithm, sign
    want = "ECDSA on P-256, P-384 or P-521, RSA of 2048 bits or more, or Ed25519"
    raise UsageError("C2PA takes no key of this kind", got=type(private).__name__, want=want)


def _kept(path: Path, today: datetime.date, make: Callable[[], bytes], issuer: bytes | None = None) -> bytes:
    """The PEM file at ``path``, made where there is none, made anew where it is past use on ``today``."""
    held = _read(path)
    if held is not None and _lasts(held, path, today, issuer):
        return held
    made = make()
    try:
        write_whole(path, made, replace=held is not None, private=True)
    except FileExistsError:  # another process was faster: its key stands
        return _read(path) or made
    return made


def _read(path: Path) -> bytes | None:
    try:
        if path.stat().st_mode & 0o077 and os.name == "posix":
            path.chmod(0o600)  # loosened by a copy or a backup
        with path.open("rb") as file:
            return file.read(_MAX_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DataError(f"cannot read {path}", got=error.strerror or str(error), want="a readable file") from None


def _lasts(pem: bytes, path: Path, today: datetime.date, issuer: bytes | None) -> bool:
    chain, _ = _split(pem, path)
    certificates = _certificates(chain, path)
    first, last = certificates[0], certificates[-1]
    if issuer is not None and last != _certificates(_split(issuer, path)[0], path)[0]:
        return False  # the authority was renewed
    begun = first.not_valid_before_utc.date() <= today
    return begun and first.not_valid_after_utc.date() > today + datetime.timedelta(days=_RENEW_DAYS)


def _certificates(pem: bytes, path: Path) -> list[Certificate]:
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError:
        raise _spoilt(path) from None


def _split(pem: bytes, path: Path) -> tuple[bytes, bytes]:
    """Certificates and key of a file that was written here: the key stands first."""
    end = b"-----END PRIVATE KEY-----\n"
    key, found, chain = pem.partition(end)
    if not found or not chain:
        raise _spoilt(path)
    return chain, key + end


def _spoilt(path: Path) -> DataError:
    fix = f"Move {path.name} away; a new one is made at the next use. What was signed with it stays signed."
    return DataError(f"{path} is not as it was written", want="a private key and its certificates in PEM", fix=fix)


def _new_authority(today: datetime.date) -> bytes:
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("authority", key)
    builder = _builder(name, name, key, key, today, _AUTHORITY_DAYS)
    return _bundle(key, [_issued(builder, key, authority=True)])


def _new_signer(authority: bytes, today: datetime.date) -> bytes:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    chain, pem = _split(authority, Path(AUTHORITY_FILE))
    root, root_key = x509.load_pem_x509_certificates(chain)[0], serialization.load_pem_private_key(pem, None)
    if not isinstance(root_key, ec.EllipticCurvePrivateKey):
        raise _spoilt(Path(AUTHORITY_FILE))
    key = ec.generate_private_key(ec.SECP256R1())
    days = min(_SIGNER_DAYS, (root.not_valid_after_utc.date() - today).days)
    builder = _builder(_name("installation", root_key), root.subject, key, root_key, today, days)
    return _bundle(key, [_issued(builder, root_key, authority=False), root])


def _builder(
    subject: Name,
    issuer: Name,
    key: EllipticCurvePrivateKey,
    issuer_key: EllipticCurvePrivateKey,
    today: datetime.date,
    days: int,
) -> CertificateBuilder:
    from cryptography import x509

    midnight = datetime.datetime.combine(today, datetime.time(), datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(midnight - datetime.timedelta(days=1))  # clocks and time zones differ
        .not_valid_after(midnight + datetime.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )


def _issued(builder: CertificateBuilder, key: EllipticCurvePrivateKey, *, authority: bool) -> Certificate:
    """Signers have the purpose e-mail protection and digital signatures alone: C2PA's default profile wants that."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import ExtendedKeyUsageOID

    others = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    refused = dict.fromkeys((*others, "encipher_only", "decipher_only"), False)
    use = x509.KeyUsage(digital_signature=not authority, key_cert_sign=authority, crl_sign=authority, **refused)
    length = 0 if authority else None
    builder = builder.add_extension(x509.BasicConstraints(ca=authority, path_length=length), critical=True)
    builder = builder.add_extension(use, critical=True)
    if not authority:
        purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(purpose, critical=False)
    return builder.sign(key, hashes.SHA256())


def _bundle(key: EllipticCurvePrivateKey, chain: list[Certificate]) -> bytes:
    from cryptography.hazmat.primitives import serialization

    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return private + b"".join(each.public_bytes(pem) for each in chain)


def _name(role: str, key: EllipticCurvePrivateKey) -> Name:
    """No user's, no machine's name: only what tells one installation from another, by the first digits of its key."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    number = x509.SubjectKeyIdentifier.from_public_key(key.public_key()).digest.hex()[:8]
    organisation = x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANISATION)
    return x509.Name([organisation, x509.NameAttribute(NameOID.COMMON_NAME, f"{role} {number}")])


def _named(certificate: Certificate) -> str:
    """Organisation and common name, as far as there are any."""
    from cryptography.x509.oid import NameOID

    parts = []
    for oid in (NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME):
        for attribute in certificate.subject.get_attributes_for_oid(oid):
            value = attribute.value
            parts.append(value if isinstance(value, str) else value.decode("utf-8", "replace"))
    return ", ".join(parts)
