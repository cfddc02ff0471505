"""``provenance.credential``: what an intact credential says weighs as it should, and a broken one weighs nothing."""

from __future__ import annotations

import datetime
import io
from pathlib import Path

import pytest
from PIL import Image

from zhenwei.defence import credential, identity
from zhenwei.defence.verify import verify
from zhenwei.detectors.provenance._content import CAPTURE_LLR, GENERATED_LLR, SIGNED_EDIT_LLR
from zhenwei.detectors.provenance.credential import Credential
from zhenwei.media import open_media
from zhenwei.testing import portrait
from zhenwei.types import Evidence, Subject

TODAY = datetime.date(2026, 11, 27)


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> identity.Identity:
    return identity.own_identity(tmp_path_factory.mktemp("home"), TODAY)


def photo() -> bytes:
    file = io.BytesIO()
    Image.fromarray(portrait()).save(file, "JPEG", quality=95)
    return file.getvalue()


def ask(data: bytes, folder: Path, anchors: str = "") -> Evidence:
    path = folder / "a.jpg"
    path.write_bytes(data)
    return Credential(anchors=anchors).examine(Subject(open_media(path)))


def trust(signer: identity.Identity, folder: Path) -> str:
    """A list with the authority of ``signer``: the last certificate of its chain."""
    begin = b"-----BEGIN CERTIFICATE-----"
    path = folder / "anchors.pem"
    path.write_bytes(begin + signer.chain_pem.split(begin)[-1])
    return str(path)


@pytest.mark.parametrize(
    ("claim", "llr"),
    [("ai-generated", GENERATED_LLR), ("ai-edited", SIGNED_EDIT_LLR), ("captured", None), ("edited", None)],
)
def test_what_it_says_weighs_as_stated_even_where_nobody_is_trusted(
    claim: credential.Claim, llr: float | None, signer: identity.Identity, tmp_path: Path
) -> None:
    parent = photo() if claim in ("edited", "ai-edited") else None
    found = ask(credential.sign(photo(), claim=claim, identity=signer, parent=parent), tmp_path)
    assert found.llr == llr


def test_only_a_trusted_signer_speaks_for_a_recording(signer: identity.Identity, tmp_path: Path) -> None:
    signed = credential.sign(photo(), claim="captured", identity=signer)
    assert ask(signed, tmp_path).llr is None
    assert ask(signed, tmp_path, trust(signer, tmp_path)).llr == CAPTURE_LLR
    generated = credential.sign(photo(), claim="ai-generated", identity=signer)
    assert ask(generated, tmp_path, trust(signer, tmp_path)).llr == GENERATED_LLR


def test_a_recording_that_was_made_from_something_generated_is_no_recording(
    signer: identity.Identity, tmp_path: Path
) -> None:
    generated = credential.sign(photo(), claim="ai-generated", identity=signer)
    edited = credential.sign(photo(), claim="edited", identity=signer, parent=generated)
    assert ask(edited, tmp_path, trust(signer, tmp_path)).llr == SIGNED_EDIT_LLR


def test_a_broken_credential_is_told_and_weighs_nothing(signer: identity.Identity, tmp_path: Path) -> None:
    signed = bytearray(credential.sign(photo(), claim="captured", identity=signer))
    signed[-200] ^= 1
    found = ask(bytes(signed), tmp_path, trust(signer, tmp_path))
    assert found.llr is None
    assert "does not hold" in found.finding
    assert [each.standing for each in found.declares] == ["broken"]


@pytest.mark.parametrize("claim", credential.CLAIMS)
def test_it_declares_what_verify_says_as_firmly(
    claim: credential.Claim, signer: identity.Identity, tmp_path: Path
) -> None:
    signed = credential.sign(photo(), claim=claim, identity=signer)
    for anchors, standing in (("", "intact"), (trust(signer, tmp_path), "trusted")):
        found = ask(signed, tmp_path, anchors)
        assert [(each.origin, each.standing) for each in found.declares] == [(claim, standing)]
        pem = Path(anchors).read_text(encoding="utf-8") if anchors else None
        assert found.declares == verify(signed, keys=[], anchors_pem=pem).declared


@pytest.mark.parametrize(
    ("name", "finding"),
    [
        ("adobe-20220124-E-dat-CA.jpg", "something was changed after signing"),
        ("adobe-20220124-E-sig-CA.jpg", "the signature or the certificate is not as it should be"),
        ("nikon-20221019-building.jpeg", "whose certificate has ended"),
        ("truepic-20230212-camera.jpg", "cannot be checked"),
        ("no_alg.jpg", "cannot be checked"),
        ("cloud.jpg", "lies on the network and is not fetched"),
    ],
)
def test_public_files_are_told_as_verify_tells_them(name: str, finding: str, cases: Path) -> None:
    found = Credential().examine(Subject(open_media(cases / "c2pa" / name)))
    assert found.llr is None
    assert finding in found.finding
    assert ("changed" in found.finding) == ("E-dat" in name)


def test_no_credential_says_nothing(tmp_path: Path) -> None:
    found = ask(photo(), tmp_path)
    assert found.llr is None
    assert "says nothing" in found.reason


def test_a_trust_list_that_cannot_be_read_is_an_abstention(signer: identity.Identity, tmp_path: Path) -> None:
    signed = credential.sign(photo(), claim="captured", identity=signer)
    assert ask(signed, tmp_path, str(tmp_path / "gone.pem")).llr is None
    (tmp_path / "bad.pem").write_text("no certificates", encoding="utf-8")
    assert ask(signed, tmp_path, str(tmp_path / "bad.pem")).llr is None
