"""Signing and reading Content Credentials, in every format, against C2PA's own reader and builder, without network."""

from __future__ import annotations

import datetime
import io
import json
import re
from pathlib import Path
from typing import Any

import c2pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tests.carriers import FORMATS, carrier, clip, content, image, listening, saved

from zhenwei.defence.credential import (
    CLAIMS,
    RECIPE_LABEL,
    SOURCE_TYPES,
    WATERMARK_ALGORITHM,
    Claim,
    credential_format,
    read_credential,
    sign,
)
from zhenwei.defence.credential_states import interpret
from zhenwei.defence.identity import Identity, own_identity
from zhenwei.errors import DataError, MediaError, UsageError

KEYS = (
    *("active_manifest", "manifests", "x", "assertions", "label", "data", "actions", "action", "digitalSourceType"),
    *("c2pa.actions", "ingredients", "validation_results", "activeManifest", "failure", "code", "signature_info"),
    *("claim_generator_info", "name", RECIPE_LABEL, "json", "c2pa.soft-binding", "alg", "blocks", "value"),
)


def _nested(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(KEYS), inner | st.sampled_from(KEYS), max_size=4
    )


TODAY = datetime.datetime.now(datetime.UTC).date()
IDENT = "00c0ffee00c0ffee"
RECIPE = {"method": "mesh swap", "seed": 3, "levels": [0.5, 1.0], "order": [3, 1, 2], "none": None, "note": "真伪"}


@pytest.fixture(scope="module")
def me(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return own_identity(tmp_path_factory.mktemp("home"), TODAY)


@pytest.mark.parametrize("form", FORMATS)
def test_what_is_signed_is_read_back_and_the_content_is_the_same(form: str, me: Identity) -> None:
    plain = carrier(form)
    assert read_credential(plain).state == "absent"
    signed = sign(plain, claim="ai-generated", identity=me, recipe=RECIPE, watermark=IDENT, title="a test")
    read = read_credential(signed)
    assert (read.state, read.problems, read.signer) == ("valid", (), me.name)
    assert (read.claim, read.source_type) == ("ai-generated", "trainedAlgorithmicMedia")
    assert read.actions == ("c2pa.created", "c2pa.watermarked.bound")
    assert (read.watermark, read.recipe, read.title) == (IDENT, RECIPE, "a test")
    assert read.generator.startswith("zhenwei ")
    assert read_credential(signed, me.anchor_pem).state == "trusted"
    assert content(signed) == content(plain)
    json.dumps(read.to_dict())


@pytest.mark.parametrize("claim", CLAIMS)
def test_every_claim_gets_its_source_type_and_edits_keep_their_parent(claim: Claim, me: Identity) -> None:
    signed = sign(carrier("png"), claim=claim, identity=me)
    manifest = _own_reading(signed)
    actions = manifest["assertions"][0]["data"]["actions"]
    assert [a.get("digitalSourceType") for a in actions][-1] == SOURCE_TYPES[claim]
    begins = claim in ("captured", "ai-generated")
    assert actions[0]["action"] == ("c2pa.created" if begins else "c2pa.opened")
    assert [i["relationship"] for i in manifest.get("ingredients", [])] == ([] if begins else ["parentOf"])
    assert "thumbnail" not in json.dumps(manifest)
    assert read_credential(signed).claim == claim


def _own_reading(data: bytes) -> dict[str, Any]:
    """The active manifest as C2PA's own reader gives it, with nothing of ours set."""
    with c2pa.Reader(credential_format(data), io.BytesIO(data)) as reader:
        assert reader.get_validation_state() == "Valid"
        manifest: dict[str, Any] = reader.get_active_manifest()
        return manifest


@pytest.mark.parametrize("form", FORMATS)
def test_c2pas_own_reader_takes_what_is_signed_here(form: str, me: Identity) -> None:
    manifest = _own_reading(sign(carrier(form), claim="ai-edited", identity=me, recipe=RECIPE, watermark=IDENT))
    labels = {assertion["label"]: assertion["data"] for assertion in manifest["assertions"]}
    assert json.loads(labels["org.zhenwei.recipe"]["json"]) == RECIPE
    assert labels["c2pa.soft-binding"]["blocks"][0]["value"] == IDENT
    assert manifest["signature_info"]["issuer"] == "zhenwei (untrusted local key)"


@pytest.mark.parametrize("form", FORMATS)
def test_files_of_c2pas_own_builder_are_read_here(form: str, me: Identity) -> None:
    """Made with the library as its documentation has it: an Ed25519-free signer by callback, a foreign assertion."""
    signer = c2pa.Signer.from_callback(me.sign, c2pa.C2paSigningAlg.ES256, me.chain_pem.decode())
    action = {"action": "c2pa.created", "digitalSourceType": SOURCE_TYPES["captured"]}
    manifest = {
        "claim_generator_info": [{"name": "another program", "version": "2"}],
        "format": credential_format(carrier(form)),
        "title": "theirs",
        "assertions": [
            {"label": "c2pa.actions", "data": {"actions": [action]}},
            {"label": "cawg.training-mining", "data": {"entries": {"cawg.ai_inference": {"use": "notAllowed"}}}},
        ],
    }
    out = io.BytesIO()
    with c2pa.Builder(manifest) as builder:
        builder.sign(signer, credential_format(carrier(form)), io.BytesIO(carrier(form)), out)
    read = read_credential(out.getvalue())
    assert (read.state, read.claim, read.title) == ("valid", "captured", "theirs")
    assert (read.generator, read.watermark, read.recipe) == ("another program 2", "", None)


def test_a_history_of_edits_is_kept(me: Identity) -> None:
    born = sign(carrier("jpeg"), claim="ai-generated", identity=me, title="first")
    other = saved(image(seed=1), "png")
    edited = sign(other, claim="edited", identity=me, parent=born)
    read = read_credential(edited)
    assert (read.state, read.claim, read.ancestry) == ("valid", "edited", ("trainedAlgorithmicMedia",))
    assert read.says_ai
    again = read_credential(sign(edited, claim="edited", identity=me))
    assert again.ancestry == ("humanEdits", "trainedAlgorithmicMedia")


def test_a_parent_that_was_changed_after_signing_is_told(me: Identity) -> None:
    born = bytearray(sign(carrier("png"), claim="captured", identity=me))
    born[-30] ^= 1
    read = read_credential(sign(carrier("png"), claim="edited", identity=me, parent=bytes(born)))
    assert read.state == "valid"
    assert read.problems == ("of a file it was made from: the file was changed after it was signed",)
    assert "来源文件" in read.problems[0].in_language("zh")


def test_an_existing_credential_is_not_thrown_away(me: Identity) -> None:
    signed = sign(carrier("jpeg"), claim="captured", identity=me)
    with pytest.raises(UsageError, match="carries a credential already"):
        sign(signed, claim="captured", identity=me)
    with pytest.raises(UsageError, match="has no parent"):
        sign(carrier("jpeg"), claim="ai-generated", identity=me, parent=signed)


def test_values_and_formats_without_meaning_are_refused(me: Identity) -> None:
    plain = carrier("jpeg")
    for wrong in ({"x": float("nan")}, {"x": object()}, {"x": "\ud800"}, {"x": "y" * (1 << 18)}):
        with pytest.raises(UsageError, match="recipe"):
            sign(plain, claim="captured", identity=me, recipe=wrong)
    for mark in ("", "xyz", "0"):
        with pytest.raises(UsageError, match="hexadecimal"):
            sign(plain, claim="captured", identity=me, watermark=mark)
    with pytest.raises(UsageError, match="no meaning"):
        sign(plain, claim="real", identity=me)  # type: ignore[arg-type]
    for other in (saved(image(), "bmp"), saved(image(), "gif"), b"%PDF-1.4", b""):
        with pytest.raises(UsageError, match="cannot carry"):
            sign(other, claim="captured", identity=me)
    with pytest.raises(DataError, match="parent's format"):
        sign(plain, claim="edited", identity=me, parent=b"nothing")
    with pytest.raises(MediaError, match="cannot be signed"):
        sign(plain[:100], claim="captured", identity=me)


def test_files_without_a_place_for_credentials_are_absent_and_no_media_an_error(me: Identity) -> None:
    read = read_credential(saved(image(), "bmp"))
    assert (read.state, len(read.problems)) == ("absent", 1)
    with pytest.raises(MediaError):
        read_credential(b"plain text, no picture")
    with pytest.raises(UsageError, match="no certificates"):
        read_credential(carrier("png"), "nothing of the kind")


@pytest.mark.parametrize("form", FORMATS)
def test_saving_anew_takes_the_credential_away(form: str, me: Identity) -> None:
    if form not in ("jpeg", "png", "webp"):
        return
    signed = sign(carrier(form), claim="captured", identity=me)
    assert read_credential(saved(image(), form)).state == "absent"
    out = io.BytesIO()
    Image.open(io.BytesIO(signed)).save(out, form)
    assert read_credential(out.getvalue()).state == "absent"


def test_a_certificate_that_has_ended_is_told_apart(me: Identity, tmp_path: Path) -> None:
    past = own_identity(tmp_path, TODAY - datetime.timedelta(days=365 * 21))
    with pytest.raises(UsageError, match="does not take the certificate"):
        sign(carrier("png"), claim="captured", identity=past)


@pytest.mark.parametrize("movflags", ["frag_keyframe+empty_moov", "faststart"])
def test_fragmented_and_fast_starting_clips_are_signed(movflags: str, me: Identity) -> None:
    plain = clip("mp4", movflags=movflags)
    signed = sign(plain, claim="captured", identity=me)
    assert read_credential(signed).state == "valid"
    assert content(signed) == content(plain)


def test_addresses_in_a_file_are_not_followed() -> None:
    with listening() as (address, asked):
        xmp = (
            '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
            '<rdf:Description rdf:about="" xmlns:dcterms="http://purl.org/dc/terms/"'
            f' dcterms:provenance="{address}remote"/></rdf:RDF></x:xmpmeta>'
        )
        named = saved(image(), "jpeg", xmp=xmp.encode())
        read = read_credential(named)
        assert (read.state, read.cause) == ("remote", "unchecked")
        assert "not fetched" in read.problems[0]
        assert f"{address}remote" in read.problems[0]
        assert asked == []
        with pytest.raises(c2pa.C2paError):
            c2pa.Reader("image/jpeg", io.BytesIO(named))  # as it is by default
        assert asked == ["/remote"]


def test_no_private_key_is_in_a_signed_file(me: Identity) -> None:
    signed = sign(carrier("wav"), claim="captured", identity=me)
    assert not re.search(rb"PRIVATE KEY", signed)


def test_a_signer_that_gives_no_or_a_wrong_signature_is_an_error(me: Identity) -> None:
    def fails(_: bytes) -> bytes:
        raise OSError("the module does not answer")

    for callback in (fails, lambda _: bytes(64), lambda _: b""):
        other = Identity(me.chain_pem, callback, "a module")
        with pytest.raises((MediaError, UsageError)):
            sign(carrier("png"), claim="captured", identity=other)


@pytest.mark.parametrize("form", ["gif", "tiff", "avif"])
def test_formats_that_are_not_signed_here_are_read(form: str, me: Identity) -> None:
    given = saved(image(), form)
    out = io.BytesIO()
    action = {"action": "c2pa.created", "digitalSourceType": SOURCE_TYPES["captured"]}
    manifest = {"assertions": [{"label": "c2pa.actions", "data": {"actions": [action]}}]}
    with c2pa.Builder(manifest) as builder:
        signer = c2pa.Signer.from_callback(me.sign, c2pa.C2paSigningAlg.ES256, me.chain_pem.decode())
        builder.sign(signer, f"image/{form}", io.BytesIO(given), out)
    read = read_credential(out.getvalue())
    assert (read.state, read.claim, read.problems) == ("valid", "captured", ())
    with pytest.raises(UsageError, match="cannot carry"):
        sign(given, claim="captured", identity=me)


def test_parts_that_a_signer_leaves_out_are_told_where_nothing_else_explains_them(me: Identity) -> None:
    """C2PA's writer of TIFF leaves out more than the credential, which its reader reports; here as if of a JPEG."""
    signer = c2pa.Signer.from_callback(me.sign, c2pa.C2paSigningAlg.ES256, me.chain_pem.decode())
    out = io.BytesIO()
    action = {"action": "c2pa.created", "digitalSourceType": SOURCE_TYPES["captured"]}
    with c2pa.Builder({"assertions": [{"label": "c2pa.actions", "data": {"actions": [action]}}]}) as builder:
        builder.sign(signer, "image/tiff", io.BytesIO(saved(image(), "tiff")), out)
    with c2pa.Reader("image/tiff", io.BytesIO(out.getvalue())) as reader:
        store = json.loads(reader.json())
    assert interpret(store, "", "", whole=False).problems == ()
    assert "left parts of the file out" in interpret(store, "", "", whole=True).problems[0]


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), _nested, max_leaves=20))
@settings(max_examples=200, deadline=None, database=None, derandomize=True)
def test_whatever_the_readers_json_holds_is_interpreted(value: object) -> None:
    json.dumps(interpret(value, WATERMARK_ALGORITHM, RECIPE_LABEL, whole=True).to_dict())
