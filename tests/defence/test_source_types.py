"""Every term of the IPTC's vocabulary, however it is written, says one thing to whoever reads it."""

from __future__ import annotations

import datetime
import io
from pathlib import Path

import c2pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.carriers import carrier, image, saved

from zhenwei.defence.credential import read_credential
from zhenwei.defence.identity import Identity, own_identity
from zhenwei.defence.labels import read_labels, write_labels
from zhenwei.defence.source_types import IPTC_TERMS, TERMS, origin_of, says_ai, source_type, word
from zhenwei.defence.verify import verify
from zhenwei.detectors.provenance._content import COMPOSITE_LLR, GENERATED_LLR
from zhenwei.detectors.provenance.labels import Labels
from zhenwei.media import open_media
from zhenwei.types import Origin, Subject

ORIGINS: dict[str, Origin] = {
    "digitalCapture": "captured",
    "computationalCapture": "captured",
    "negativeFilm": "captured",
    "positiveFilm": "captured",
    "print": "captured",
    "humanEdits": "edited",
    "minorHumanEdits": "edited",
    "algorithmicallyEnhanced": "edited",
    "compositeCapture": "edited",
    "composite": "other",
    "compositeSynthetic": "ai-edited",
    "compositeWithTrainedAlgorithmicMedia": "ai-edited",
    "trainedAlgorithmicMedia": "ai-generated",
    "trainedAlgorithmicData": "ai-generated",
    "algorithmicMedia": "synthetic",
    "softwareImage": "synthetic",
    "dataDrivenMedia": "synthetic",
    "digitalArt": "other",
    "digitalCreation": "other",
    "virtualRecording": "other",
    "screenCapture": "other",
    "empty": "other",
}
AI = {term for term, origin in ORIGINS.items() if origin.startswith("ai-")}
LLR = {"ai-generated": GENERATED_LLR, "ai-edited": COMPOSITE_LLR}


@pytest.fixture(scope="module")
def me(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return own_identity(tmp_path_factory.mktemp("home"), datetime.datetime.now(datetime.UTC).date())


def test_the_whole_vocabulary_is_known() -> None:
    assert {kind.word for kind in TERMS.values()} == set(ORIGINS)
    for kind in TERMS.values():
        assert kind.says.in_language("zh") != str(kind.says)


@pytest.mark.parametrize("term", ORIGINS)
def test_a_term_says_the_same_however_it_is_written(term: str) -> None:
    for written in (
        f"{IPTC_TERMS}{term}",
        f"https://cv.iptc.org/newscodes/digitalsourcetype/{term}",
        f" {IPTC_TERMS}{term}/ ",
        f"http://c2pa.org/digitalsourcetype/{term}",
        f"digsrctype:{term}",
        term,
        term[0].upper() + term[1:],
        f"https://schema.org/{term[0].upper()}{term[1:]}DigitalSource",
    ):
        assert word(written) == term
        assert origin_of(written) == ORIGINS[term]
        assert says_ai(written) == (term in AI)


@pytest.mark.parametrize("term", ORIGINS)
def test_labels_verify_and_scan_agree_on_a_term(term: str, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(write_labels(saved(image(48, 48), "png"), None, f"{IPTC_TERMS}{term}"))
    said = read_labels(path.read_bytes())
    assert (said.source_type, said.says_ai) == (term, term in AI)
    verified = verify(path.read_bytes(), keys=[])
    assert (verified.says_ai, verified.standing) == (term in AI, "labelled")
    scanned = Labels().examine(Subject(open_media(path)))
    assert scanned.llr == LLR.get(ORIGINS[term])
    assert scanned.declares == verified.declared
    assert [each.origin for each in scanned.declares] == [ORIGINS[term]]


@pytest.mark.parametrize("term", ORIGINS)
def test_a_signed_term_is_read_as_a_labelled_one(term: str, me: Identity) -> None:
    action = {"action": "c2pa.created", "digitalSourceType": f" {IPTC_TERMS}{term}"}
    out = io.BytesIO()
    with c2pa.Builder({"assertions": [{"label": "c2pa.actions", "data": {"actions": [action]}}]}) as builder:
        signer = c2pa.Signer.from_callback(me.sign, c2pa.C2paSigningAlg.ES256, me.chain_pem.decode())
        builder.sign(signer, "image/png", io.BytesIO(carrier("png")), out)
    read = read_credential(out.getvalue())
    assert (read.source_type, read.says_ai) == (term, term in AI)
    assert read.claim == (ORIGINS[term] if ORIGINS[term] not in ("synthetic", "other") else None)


@given(st.text(max_size=60))
def test_whatever_is_written_has_a_word_or_none(written: str) -> None:
    found = source_type(written)
    assert found is None or found.word == word(written)
    assert origin_of(written) in {*ORIGINS.values()}
