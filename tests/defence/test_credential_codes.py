"""Every validation code of C2PA has its cause, and the explanation decides where one code stands for several."""

from __future__ import annotations

import json
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhenwei.defence.credential_codes import FAILURES, INFORMATIONAL, SUCCESSES, Cause, failures, first_cause
from zhenwei.defence.credential_states import interpret

CAUSE_OF: dict[str, Cause] = {
    "assertion.dataHash.mismatch": "altered",
    "assertion.bmffHash.mismatch": "altered",
    "assertion.boxesHash.mismatch": "altered",
    "assertion.boxesHash.unknownBox": "altered",
    "assertion.hashedURI.mismatch": "altered",
    "assertion.undeclared": "altered",
    "assertion.missing": "altered",
    "assertion.notRedacted": "altered",
    "ingredient.manifest.mismatch": "altered",
    "claimSignature.mismatch": "signer",
    "signingCredential.invalid": "signer",
    "signingCredential.revoked": "signer",
    "signingCredential.ocsp.revoked": "signer",
    "signingCredential.expired": "ended",
    "claimSignature.outsideValidity": "ended",
    "algorithm.unsupported": "unchecked",
    "manifest.inaccessible": "unchecked",
    "claim.missing": "unchecked",
    "claimSignature.missing": "unchecked",
    "claim.malformed": "unchecked",
    "claim.hardBindings.missing": "unchecked",
    "assertion.dataHash.malformed": "unchecked",
    "general.error": "unchecked",
    "com.adobe.prerelease": "unchecked",
    "a.code.of.tomorrow": "unchecked",
}


@pytest.mark.parametrize("code", CAUSE_OF)
def test_a_code_has_its_cause(code: str) -> None:
    for sure in (True, False):
        (found,) = failures([{"code": code, "explanation": "because"}], sure=sure)
        assert (found.code, found.cause) == (code, CAUSE_OF[code])
        assert found.told.in_language("zh") != str(found.told)


def test_the_table_is_whole_and_nothing_stands_in_two_places() -> None:
    assert not FAILURES.keys() & INFORMATIONAL
    assert not SUCCESSES & INFORMATIONAL
    both = FAILURES.keys() & SUCCESSES  # C2PA's reader reports some failed hashes by the name of the success
    assert all(code.startswith("assertion.") and code.endswith(".match") for code in both)
    for code in (FAILURES.keys() - SUCCESSES) | {"general.error"}:
        (found,) = failures([{"code": code}], sure=False)
        assert found.cause in get_args(Cause)


def test_successes_and_remarks_are_no_failures_and_neither_is_trust() -> None:
    for code in (*SUCCESSES, *INFORMATIONAL, "signingCredential.untrusted", "cawg.x509.credential.untrusted", ""):
        assert failures([{"code": code}], sure=False) == []
    assert failures([{"code": "signingCredential.untrusted"}, {"code": "cawg.ica.untrusted_issuer"}], sure=True) == []
    assert first_cause(failures([{"code": "assertion.dataHash.match"}], sure=True)) == "altered"


@pytest.mark.parametrize(
    ("code", "why", "cause"),
    [
        (
            "assertion.dataHash.mismatch",
            "asset hash error, name: x, error: hash verification( Hashes do not match )",
            1,
        ),
        ("assertion.dataHash.mismatch", "data hash exclusion does not match the manifest location in the asset", 0),
        ("assertion.dataHash.mismatch", "extra data hash exclusions found", 0),
        ("assertion.dataHash.mismatch", "asset hash is remote, not yet supported", 0),
        ("assertion.dataHash.mismatch", "could not generate data hash", 0),
        ("assertion.dataHash.mismatch", "asset hash error, name: missing, error: Hashes do not match", 1),
        ("assertion.bmffHash.mismatch", "BMFF file level hash mismatch", 1),
        ("assertion.bmffHash.mismatch", "Merkle location not found", 0),
        ("assertion.boxesHash.mismatch", "Hashes do not match", 1),
        ("assertion.boxesHash.mismatch", "No box hash found", 0),
    ],
)
def test_a_hash_that_was_never_compared_is_no_change(code: str, why: str, cause: int) -> None:
    (found,) = failures([{"code": code, "explanation": why}], sure=True)
    assert found.cause == ("altered" if cause else "unchecked")
    assert ("the file was changed" in found.told) == bool(cause)


def test_what_fits_beside_a_wrong_place_is_told() -> None:
    place = {"code": "assertion.dataHash.mismatch", "explanation": "data hash exclusion does not match the location"}
    (alone,) = failures([place], sure=True)
    (beside,) = failures([place], sure=True, passed=["assertion.dataHash.match"])
    assert (alone.cause, beside.cause) == ("unchecked", "unchecked")
    assert "cannot be compared" in alone.told
    assert "what the signature covers is unchanged" in beside.told


def test_of_several_the_one_that_tells_most_counts() -> None:
    exclusion = {"code": "assertion.dataHash.mismatch", "explanation": "data hash exclusion does not match"}
    expired = {"code": "signingCredential.expired"}
    signature = {"code": "claimSignature.mismatch"}
    changed = {"code": "assertion.dataHash.mismatch", "explanation": "Hashes do not match"}
    for statuses, cause in (
        ([exclusion], "unchecked"),
        ([exclusion, expired], "ended"),
        ([exclusion, expired, signature], "signer"),
        ([exclusion, expired, signature, changed], "altered"),
        ([], None),
    ):
        assert first_cause(failures(statuses, sure=True)) == cause


def _store(**more: object) -> dict[str, object]:
    ingredient = {"title": "b.jpg", "relationship": "parentOf", "active_manifest": "b"}
    deeper = {"title": "c.jpg", "relationship": "componentOf", "active_manifest": "c"}
    return {
        "active_manifest": "a",
        "manifests": {
            "a": {"ingredients": [ingredient], "redactions": ["self#jumbf=/c2pa/b/c2pa.assertions/stds.exif"]},
            "b": {"ingredients": [deeper], "signature_info": {"issuer": "B"}},
            "c": {"title": "c"},
            "stray": {},
        },
        "validation_state": "Valid",
        "validation_results": {"activeManifest": {"failure": []}},
        **more,
    }


def test_lists_of_older_readers_are_read_as_well() -> None:
    old = _store(validation_status=[{"code": "claimSignature.validated"}, {"code": "assertion.missing"}])
    del old["validation_results"], old["validation_state"]
    read = interpret(old, "", "", whole=True)
    assert (read.state, read.cause, read.codes) == ("invalid", "altered", ("assertion.missing",))
    fine = _store(validation_status=[{"code": "claimSignature.validated"}, {"code": "signingCredential.untrusted"}])
    del fine["validation_results"], fine["validation_state"]
    assert interpret(fine, "", "", whole=True).state == "valid"


@pytest.mark.parametrize("level", ["a", "b"])
@pytest.mark.parametrize("how", ["validation_status", "validation_results", "deltas"])
def test_ancestors_that_do_not_hold_are_told_at_any_level_and_in_any_way(level: str, how: str) -> None:
    failure = [{"code": "timeStamp.mismatch"}, {"code": "claimSignature.mismatch"}]
    store = _store()
    manifests = store["manifests"]
    assert isinstance(manifests, dict)
    ingredient = manifests[level]["ingredients"][0]
    if how == "validation_status":
        ingredient["validation_status"] = failure
    elif how == "validation_results":
        ingredient["validation_results"] = {"activeManifest": {"failure": failure}}
    else:
        ingredient["validation_results"] = {"ingredientDeltas": [{"validationDeltas": {"failure": failure}}]}
    read = interpret(store, "", "", whole=True)
    assert (read.state, read.cause) == ("valid", None)
    assert "of a file it was made from: the signature does not fit what it stands for" in read.problems
    assert [bool(each.problems) for each in read.history] == [level == "a", level == "b"]


def test_what_c2pas_reader_finds_now_of_an_ancestor_makes_it_invalid() -> None:
    delta = {"validationDeltas": {"failure": [{"code": "signingCredential.expired"}]}}
    results = {"activeManifest": {"failure": []}, "ingredientDeltas": [delta]}
    read = interpret(_store(validation_state="Invalid", validation_results=results), "", "", whole=True)
    assert (read.state, read.cause) == ("invalid", "ended")
    assert read.problems[0].startswith("of a file it was made from: the signer's certificate has ended")


def test_history_redactions_and_strays_are_told() -> None:
    read = interpret(_store(), "", "", whole=True)
    assert [(each.title, each.relationship, each.credential, each.signer) for each in read.history] == [
        ("b.jpg", "parentOf", True, "B"),
        ("c.jpg", "componentOf", True, ""),
    ]
    assert read.redactions == ("stds.exif",)
    assert read.manifests == 4
    assert any("took statements out" in problem and "stds.exif" in problem for problem in read.problems)
    assert any("1 more credential that its history does not name" in problem for problem in read.problems)
    json.dumps(read.to_dict())


def test_source_types_in_templates_and_metadata_are_read() -> None:
    ai = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    for assertion in (
        {"label": "c2pa.actions.v2", "data": {"actions": [], "templates": [{"digitalSourceType": ai}]}},
        {"label": "c2pa.metadata", "data": {"Iptc4xmpExt:DigitalSourceType": ai}},
        {"label": "stds.iptc", "data": {"Iptc4xmpExt:DigitalSourceType": ai}},
        {"label": "stds.schema-org.CreativeWork", "data": {"digitalSourceType": "https://schema.org/"
                                                            "TrainedAlgorithmicMediaDigitalSource"}},
    ):  # fmt: skip
        store = {"active_manifest": "a", "manifests": {"a": {"assertions": [assertion]}}}
        assert interpret(store, "", "", whole=True).claim == "ai-generated"


@given(st.lists(st.fixed_dictionaries({"code": st.text(max_size=40) | st.none(), "explanation": st.text(max_size=60)})))
def test_whatever_the_statuses_there_is_a_cause_for_each(statuses: list[dict[str, object]]) -> None:
    found = failures(statuses, sure=True)
    assert (first_cause(found) is None) == (not found)
