"""Credentials as other writers make them are under no suspicion; what is changed anywhere is told with its reason."""

from __future__ import annotations

import datetime
import io
import json
import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import c2pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.carriers import carrier, image, saved

from zhenwei.defence.cose import OddCborError, read_cbor
from zhenwei.defence.credential import SOURCE_TYPES, read_credential
from zhenwei.defence.credential_bytes import irregularities
from zhenwei.defence.credential_frame import stores
from zhenwei.defence.identity import Identity, own_identity
from zhenwei.defence.verify import verify

TAIL = bytes.fromhex("00110010800000aa00389b71")
CREATED = {"action": "c2pa.created", "digitalSourceType": SOURCE_TYPES["captured"]}
ACTIONS = {"label": "c2pa.actions", "data": {"actions": [CREATED]}}
Ingredient = tuple[Mapping[str, object], bytes]


@pytest.fixture(scope="module")
def me(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return own_identity(tmp_path_factory.mktemp("home"), datetime.datetime.now(datetime.UTC).date())


def made(
    me: Identity,
    form: str = "png",
    ingredients: Sequence[Ingredient] = (),
    remote: str = "",
    embed: bool = True,
    **definition: Any,
) -> bytes:
    """Signed by C2PA's own builder, with a thumbnail in an embedded-file box."""
    mime, out = f"image/{form}", io.BytesIO()
    thumbnail = {"format": "image/jpeg", "identifier": "thumb.jpg"}
    with c2pa.Builder({"assertions": [ACTIONS], "thumbnail": thumbnail, **definition}) as builder:
        builder.add_resource("thumb.jpg", io.BytesIO(saved(image(40, 40), "jpeg")))
        for described, data in ingredients:
            builder.add_ingredient(dict(described), mime, io.BytesIO(data))
        if remote:
            builder.set_remote_url(remote)
        if not embed:
            builder.set_no_embed()
        signer = c2pa.Signer.from_callback(me.sign, c2pa.C2paSigningAlg.ES256, me.chain_pem.decode())
        builder.sign(signer, mime, io.BytesIO(carrier(form)), out)
    return out.getvalue()


@pytest.fixture(scope="module")
def signed(me: Identity) -> bytes:
    return made(me)


def _flipped(data: bytes, at: int) -> bytes:
    """A PNG with one bit of the credential or of the picture flipped, and checksums made anew."""
    return _png(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])


def _png(data: bytes) -> bytes:
    out, at = data[:8], 8
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        body = data[at + 4 : at + 8 + length]
        out += struct.pack(">I", length) + body + struct.pack(">I", zlib.crc32(body))
        at += 12 + length
    return out


def _with_store(data: bytes, store: bytes) -> bytes:
    """A PNG with another credential in the place of its own."""
    at = data.index(b"caBX")
    (length,) = struct.unpack_from(">I", data, at - 4)
    body = b"caBX" + store
    chunk = struct.pack(">I", len(store)) + body + struct.pack(">I", zlib.crc32(body))
    return data[: at - 4] + chunk + data[at + 8 + length :]


def _store(data: bytes) -> bytes:
    (store,) = stores(data, "image/png")
    return store


def _added(store: bytes, box: bytes) -> bytes:
    """``box`` at the end of the last manifest."""
    at = store.rindex(b"jumb", 0, store.rindex(b"c2ma\0\x11")) - 4
    (length,) = struct.unpack_from(">I", store, at)
    grown = struct.pack(">I", length + len(box)) + store[at + 4 :] + box
    return struct.pack(">I", len(store) + len(box)) + store[4:at] + grown


def _jumb(family: bytes, label: bytes, *boxes: bytes) -> bytes:
    described = family + TAIL + b"\x03" + label + b"\0"
    inner = _box(b"jumd", described) + b"".join(boxes)
    return _box(b"jumb", inner)


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", 8 + len(body)) + kind + body


@pytest.mark.parametrize("form", ["jpeg", "png", "webp"])
def test_thumbnails_in_embedded_file_boxes_are_no_reason_for_suspicion(form: str, me: Identity) -> None:
    data = made(me, form)
    assert b"bidb" in data
    read = read_credential(data)
    assert (read.state, read.problems) == ("valid", ())


def test_every_part_that_is_changed_is_told_with_its_own_reason(signed: bytes) -> None:
    claim = signed.index(b"cbor", signed.index(b"c2pa.claim"))
    signature = signed.index(b"cbor", signed.index(b"c2pa.signature", claim))
    places = {
        "the file was changed": (signed.index(b"IDAT") + 200, "altered"),
        "a statement in the credential": (signed.index(b"bidb") + 300, "altered"),
        "the signature does not fit": (signed.index(_store(signed)) + len(_store(signed)) - 20, "signer-does-not-hold"),
    }
    for told, (at, standing) in places.items():
        read = verify(_flipped(signed, at), keys=[])
        assert read.standing == standing, (told, read.sentence)
        assert read.credential.problems[0].startswith(told), read.credential.problems
        assert [each.standing for each in read.declared] == ["broken"]
    beside = verify(_flipped(signed, signature + 3000), keys=[])
    assert beside.standing == "intact"
    assert "the room kept free beside the signature is not empty" in beside.problems[0]
    at = signed.index(b"self#jumbf", claim)
    changed = verify(_flipped(signed, at + 3), keys=[])
    assert changed.standing in ("altered", "signer-does-not-hold", "cannot-be-checked")


def test_boxes_that_are_put_into_it_are_told(signed: bytes) -> None:
    store = _store(signed)
    stray = _jumb(b"c2db", b"c2pa.databoxes", _jumb(b"cbor", b"c2pa.data", _box(b"cbor", b"\xa0")))
    person = _jumb(b"c2vc", b"c2pa.credentials", _jumb(b"json", b"did:x", _box(b"json", b"{}")))
    nonsense = _jumb(b"c2vc", b"c2pa.credentials", _jumb(b"json", b"did:x", _box(b"json", b"\x89PNG")))
    for box, why in (
        (_box(b"free", bytes(40)), None),
        (bytes(24), None),
        (person, None),
        (_box(b"free", b"a message"), "a box that has no place there"),
        (_jumb(b"xml ", b"hidden", _box(b"xml ", b"<a/>")), "a box that has no place there"),
        (_jumb(b"c2xx", b"c2pa.claim.v9", _box(b"cbor", b"\xa0")), "a box that has no place there"),
        (stray, "data that no statement names"),
        (nonsense, "data that no statement names"),
    ):
        told = irregularities(_with_store(signed, _added(store, box)), "image/png")
        assert [why in each for each in told if why] == ([True] if why else []), (box, told)
        assert bool(told) == bool(why), (box, told)
    (after,) = irregularities(_with_store(signed, store + _box(b"jumb", b"more")), "image/png")
    assert "something follows" in after or "lengths or names" in after
    assert irregularities(_with_store(signed, store + bytes(64)), "image/png") == ()


def test_an_entry_beside_the_signature_that_nobody_knows_is_told(signed: bytes) -> None:
    at = signed.rindex(b"cpad")
    renamed = _png(signed[:at] + b"cpax" + signed[at + 4 :])
    read = read_credential(renamed)
    assert read.state == "valid"
    assert "an entry that C2PA does not know stands beside the signature" in read.problems[0]


def test_boxes_of_other_standards_in_a_jpeg_are_not_taken_for_it(me: Identity) -> None:
    data = made(me, "jpeg")
    other = b"JP\x00\x09" + struct.pack(">I", 1) + _jumb(b"json", b"another standard", _box(b"json", b"{}"))
    segment = b"\xff\xeb" + struct.pack(">H", 2 + len(other)) + other
    for place in (2, len(data) - 2):
        assert irregularities(data[:place] + segment + data[place:], "image/jpeg") == ()


def test_long_boxes_and_numbers_in_descriptions_are_read(signed: bytes) -> None:
    """ISO 19566-5 has lengths of eight bytes, and a number and a hash in descriptions."""
    store = _store(signed)
    long = struct.pack(">I", 1) + b"jumb" + struct.pack(">Q", len(store) + 8) + store[8:]
    assert irregularities(_with_store(signed, long), "image/png") == ()
    to_the_end = bytes(4) + store[4:]
    assert irregularities(_with_store(signed, to_the_end), "image/png") == ()


def test_ancestors_redactions_and_several_credentials_are_told(me: Identity) -> None:
    secret = {"label": "org.example.place", "data": {"where": "home"}}
    first = made(me, assertions=[ACTIONS, secret], title="first")
    name = json.loads(c2pa.Reader("image/png", io.BytesIO(first)).json())["active_manifest"]
    address = f"self#jumbf=/c2pa/{name}/c2pa.assertions/org.example.place"
    actions = [
        {"action": "c2pa.opened", "parameters": {"ingredientIds": ["1"]}},
        {"action": "c2pa.redacted", "reason": "c2pa.PII.present", "parameters": {"redacted": address}},
    ]
    parent = ({"title": "first.png", "relationship": "parentOf", "instance_id": "1"}, first)
    edited = made(
        me,
        ingredients=[parent],
        assertions=[{"label": "c2pa.actions", "data": {"actions": actions}}],
        redactions=[address],
    )
    read = read_credential(edited)
    assert (read.state, read.redactions, read.manifests) == ("valid", ("org.example.place",), 2)
    assert [(each.title, each.credential) for each in read.history] == [("first.png", True)]
    assert any("took statements out" in problem for problem in read.problems)
    assert b"org.example.place" not in _store(edited)[: _store(edited).index(b"c2um") if b"c2um" in edited else 200]

    broken = _flipped(first, first.index(b"IDAT") + 200)
    for relationship in ("parentOf", "componentOf"):
        opened = [{"action": "c2pa.opened", "parameters": {"ingredientIds": ["1"]}}]
        placed = [CREATED, {"action": "c2pa.placed", "parameters": {"ingredientIds": ["1"]}}]
        did = opened if relationship == "parentOf" else placed
        described = {"title": "broken.png", "relationship": relationship, "instance_id": "1"}
        ours = made(
            me,
            ingredients=[(described, broken)],
            assertions=[{"label": "c2pa.actions", "data": {"actions": did}}],
        )
        told = verify(ours, keys=[])
        assert told.standing == "intact"
        assert "but the credential of a file it was made from does not hold" in told.sentence
        assert "of a file it was made from: the file was changed after it was signed" in told.problems


def test_a_credential_on_the_network_is_told_the_same_everywhere(me: Identity) -> None:
    away = made(me, "jpeg", remote="http://127.0.0.1:9/x.c2pa", embed=False)
    read = verify(away, keys=[])
    assert (read.credential.state, read.standing) == ("remote", "cannot-be-checked")
    assert "which is not fetched: http://127.0.0.1:9/x.c2pa, so what it says is not known" in read.sentence
    assert "no credential" not in read.sentence.lower()
    assert "没有凭证" not in read.sentence.in_language("zh")
    both = verify(made(me, "jpeg", remote="http://127.0.0.1:9/x.c2pa"), keys=[])
    assert (both.credential.state, both.problems) == ("valid", ())


def test_cbor_of_any_writer_is_read() -> None:
    for data, value in (
        (b"\xa1\x61a\x01", {"a": 1}),
        (b"\xbf\x61a\x01\xff", {"a": 1}),
        (b"\x9f\x01\x20\xff", [1, -1]),
        (b"\x5f\x41a\x42bc\xff", b"abc"),
        (b"\x7f\x61a\x60\xff", "a"),
        (b"\xd2\x84\x40\xa0\xf6\x41x", [b"", {}, None, b"x"]),
        (b"\xf5", True),
    ):
        assert read_cbor(data) == value
    for data in (b"", b"\x81", b"\x01\x01", b"\x5f\x61a\xff", b"\xff", b"\xa1\x80\x01", b"\x81" * 40 + b"\x01"):
        with pytest.raises(OddCborError):
            read_cbor(data)


@given(st.binary(max_size=80))
def test_whatever_the_bytes_cbor_ends(data: bytes) -> None:
    try:
        read_cbor(data)
    except OddCborError:
        return


@given(st.binary(max_size=200))
def test_whatever_the_credential_its_boxes_end(store: bytes) -> None:
    for mime in ("image/png", "image/jpeg", "image/webp", "video/mp4", "audio/mpeg"):
        irregularities(store, mime)
    irregularities(b"\x89PNG\r\n\x1a\n" + _box(b"x", b"")[:0] + _chunk(store), "image/png")


def _chunk(store: bytes) -> bytes:
    head = struct.pack(">I", 16) + b"jumd" + b"c2pa" + TAIL[:4]
    body = b"caBX" + head + store
    return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
