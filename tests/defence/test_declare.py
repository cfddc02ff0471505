"""What a file declares, sentence by sentence: who says it, how firmly, in both languages, the firmest first."""

from __future__ import annotations

import datetime
import json
import re
from pathlib import Path

import pytest
from tests.carriers import carrier, image, saved

from zhenwei.defence.credential import SOURCE_TYPES, Claim, Credential, sign
from zhenwei.defence.credential_codes import Cause
from zhenwei.defence.declare import declared, of_credential, of_foreign, of_labels, of_marks
from zhenwei.defence.generators import GeneratorSettings
from zhenwei.defence.identity import Identity, own_identity
from zhenwei.defence.keys import PUBLIC_KEY
from zhenwei.defence.labels import Aigc, Labels, write_labels
from zhenwei.defence.marking import mark_file
from zhenwei.defence.marks import Mark
from zhenwei.defence.protect import protect
from zhenwei.defence.verify import Verification, verify
from zhenwei.defence.watermark.foreign import Foreign
from zhenwei.types import Declaration, Text

PORTRAIT = Path(__file__).parents[1] / "data" / "astronaut.jpg"
SDXL = Path(__file__).parents[1] / "data" / "invisible-watermark-sdxl.png"
IDENT = "00c0ffee00c0ffee"
WHY = (Text("it was changed", zh="被改动"),)


@pytest.fixture(scope="module")
def me(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return own_identity(tmp_path_factory.mktemp("home"), datetime.datetime.now(datetime.UTC).date())


def _one(held: Credential) -> Declaration:
    (only,) = of_credential(held)
    assert re.search(r"[一-鿿]", only.sentence.in_language("zh"))
    json.dumps(only.to_dict())
    return only


@pytest.mark.parametrize(
    ("kind", "origin", "sentence"),
    [
        ("trainedAlgorithmicMedia", "ai-generated", "Declares itself AI-made (signed by N, intact)."),
        ("compositeSynthetic", "ai-edited", "Declares itself in part AI-made (signed by N, intact)."),
        ("digitalCapture", "captured", "Signed as captured by a camera (signed by N, intact)."),
        ("print", "captured", "Declares that it was digitised from a print (signed by N, intact)."),
        ("humanEdits", "edited", "Declares that it was edited by hand (signed by N, intact)."),
        ("algorithmicMedia", "synthetic", "Declares that a program that learned from nothing made it (signed by N, "),
        ("novelty", "other", "Declares its source as 'novelty' (signed by N, intact)."),
        ("", "other", "Carries a credential that does not say how it came about (signed by N, intact)."),
    ],
)
def test_a_signer_says_one_thing(kind: str, origin: str, sentence: str) -> None:
    found = _one(Credential("valid", signer="N", source_type=kind))
    assert (found.origin, found.standing, found.by, found.channel) == (origin, "intact", "N", "credential")
    assert str(found.sentence).startswith(sentence)
    trusted = _one(Credential("trusted", signer="N", source_type=kind))
    assert trusted.standing == "trusted"
    assert "intact, on your trust list)." in trusted.sentence


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        ("altered", "does not hold: it was changed"),
        ("signer", "does not hold: it was changed"),
        ("ended", "can no longer be relied on: it was changed"),
        ("unchecked", "cannot be checked: it was changed"),
    ],
)
def test_a_credential_that_does_not_hold_declares_nothing_that_counts(cause: Cause, words: str) -> None:
    held = Credential("invalid", source_type="trainedAlgorithmicMedia", cause=cause, problems=WHY)
    found = _one(held)
    assert (found.standing, found.says_ai) == ("broken", False)
    assert words in found.sentence
    assert "somebody without a name" in found.sentence


def test_where_there_is_none_or_it_is_elsewhere_nothing_is_declared() -> None:
    for held in (Credential("absent"), Credential("remote"), Credential("unreadable")):
        assert of_credential(held) == ()
    assert declared(Credential("absent"), Labels()) == ()


def test_a_history_of_ai_is_declared_beside_the_edit() -> None:
    edited = Credential(
        "valid", signer="N", source_type="humanEdits", ancestry=("digitalCapture", "trainedAlgorithmicMedia")
    )
    assert [each.origin for each in of_credential(edited)] == ["ai-edited", "edited"]
    assert "a file it was made from" in of_credential(edited)[0].sentence
    plain = Credential("valid", signer="N", source_type="humanEdits", ancestry=("digitalCapture",))
    assert [each.origin for each in of_credential(plain)] == ["edited"]
    itself = Credential(
        "valid", signer="N", source_type="trainedAlgorithmicMedia", ancestry=("trainedAlgorithmicMedia",)
    )
    assert len(of_credential(itself)) == 1


def test_labels_are_declared_one_by_one_and_as_anybodys() -> None:
    said = Labels(
        Aigc(content_producer="a service"),
        1,
        SOURCE_TYPES["captured"],
        settings=(GeneratorSettings("ComfyUI", "prompt"), GeneratorSettings("", "x")),
        generators=("Midjourney",),
        face_apps=("FaceApp",),
    )
    found = of_labels(said)
    assert [(each.origin, each.channel) for each in found] == [
        ("ai-generated", "label"),
        ("captured", "label"),
        ("generator-settings", "settings"),
        ("generator-settings", "settings"),
        ("ai-generated", "tool"),
        ("edited", "tool"),
    ]
    assert {each.standing for each in found} == {"unsigned"}
    assert found[0].by == "a service"
    assert str(found[1].sentence) == "Labelled as captured by a camera (a label, which anybody can write)."
    assert str(found[2].sentence) == "Carries a generator's settings (ComfyUI)."
    assert found[2].sentence.in_language("zh") == "带有生成工具的参数（ComfyUI）。"
    assert str(found[3].sentence) == "Carries a generator's settings."
    perhaps = of_labels(Labels(Aigc(label="2"), 1))[0]
    assert "may be AI-generated" in perhaps.sentence


def test_watermarks_name_a_file_and_those_of_generators_their_maker() -> None:
    lab, own = of_marks([Mark("picture", IDENT, 1.0, published=True), Mark("sound", IDENT[:4], 1.0, published=False)])
    assert "forgery lab" in lab.sentence
    assert "anybody" in lab.sentence
    assert "this installation" in own.sentence
    assert not lab.says_ai
    assert not own.says_ai
    (theirs,) = of_foreign(Foreign("FLUX", 1.0))
    assert (theirs.says_ai, theirs.by, theirs.channel) == (True, "FLUX", "watermark")
    assert of_foreign(None) == ()


def test_the_firmest_comes_first_and_nothing_twice() -> None:
    said = Labels(digital_source_type=SOURCE_TYPES["captured"], settings=(GeneratorSettings("ComfyUI", "prompt"),))
    for state, order in (
        ("trusted", ["trusted", "unsigned", "unsigned"]),
        ("valid", ["intact", "unsigned", "unsigned"]),
        ("invalid", ["unsigned", "unsigned", "broken"]),
    ):
        held = Credential(state, signer="N", source_type="digitalCapture", problems=WHY)  # type: ignore[arg-type]
        found = declared(held, said)
        assert [each.standing for each in found] == order
        unsigned = [each.says_ai for each in found if each.standing == "unsigned"]
        assert unsigned == [True, False]
    twice = Labels(generators=("A", "A"))
    assert len(declared(Credential("absent"), twice)) == 1


def _read(data: bytes, trust: str | None = None) -> Verification:
    return verify(data, keys=[PUBLIC_KEY], anchors_pem=trust)


@pytest.mark.parametrize("claim", ["ai-generated", "ai-edited"])
def test_all_three_layers_are_declared_by_verify(claim: Claim, me: Identity) -> None:
    made = protect(PORTRAIT.read_bytes(), claim=claim, identity=me, key=PUBLIC_KEY, ident=IDENT)
    read = _read(made.data, me.anchor_pem)
    assert [(each.channel, each.standing) for each in read.declared] == [
        ("credential", "trusted"),
        ("label", "unsigned"),
        ("label", "unsigned"),
        ("watermark", "unsigned"),
    ]
    assert [each["sentence"] for each in read.to_dict()["declared"]] == [str(each.sentence) for each in read.declared]


def test_a_credential_that_does_not_hold_does_not_say_ai(me: Identity) -> None:
    """Neither by itself nor by what it was made from."""
    for claim in ("ai-generated", "edited"):
        born = sign(carrier("png"), claim="ai-generated", identity=me)
        parent = born if claim == "edited" else None
        signed = sign(carrier("png"), claim=claim, identity=me, parent=parent)
        assert _read(signed).says_ai
        at = signed.rindex(b"IDAT") + 200
        read = _read(signed[:at] + bytes([signed[at] ^ 1]) + signed[at + 1 :])
        assert read.standing == "altered"
        assert read.credential.says_ai
        assert not read.says_ai


def test_an_intact_capture_says_no_ai_and_a_label_alone_does(me: Identity) -> None:
    assert not _read(sign(carrier("png"), claim="captured", identity=me)).says_ai
    assert _read(write_labels(carrier("png"), None, SOURCE_TYPES["ai-edited"])).says_ai


def test_the_watermark_of_a_generator_is_told_by_verify_as_by_scan() -> None:
    read = _read(SDXL.read_bytes())
    assert (read.standing, read.says_ai, read.binding) == ("marked", True, "none")
    assert "the invisible watermark that Stable Diffusion XL writes" in read.sentence
    assert read.to_dict()["generator_watermark"] == "Stable Diffusion XL"
    assert [each.by for each in read.declared] == ["Stable Diffusion XL"]


def test_one_mark_of_another_file_among_several_is_told() -> None:
    from zhenwei.defence.verify import _binding

    ours, theirs = (Mark("picture", ident, 1.0, published=True) for ident in (IDENT, "11" * 8))
    heard, other = (Mark("sound", ident, 1.0, published=True) for ident in (IDENT[:4], "1111"))
    held = Credential("valid", watermark=IDENT)
    for marks, binding in (
        ((ours,), "bound"),
        ((ours, heard), "bound"),
        ((ours, other), "other"),
        ((theirs, heard), "other"),
        ((theirs, other), "other"),
        ((), "missing"),
    ):
        assert _binding(held, marks) == binding
    assert _binding(Credential("valid"), (ours,)) == "unnamed"
    assert _binding(Credential("absent"), ()) == "none"


def test_a_mark_alone_is_no_label() -> None:
    read = _read(mark_file(saved(image(256, 256), "png"), bytes.fromhex(IDENT), PUBLIC_KEY))
    assert (read.standing, read.says_ai) == ("marked", False)
    assert [each.channel for each in read.declared] == ["watermark"]
