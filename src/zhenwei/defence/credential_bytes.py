"""The bytes of a credential that no signature covers: are they as C2PA writes them?

The signature covers the claim, and hashes in it cover the statements. Lengths, names and switches of the boxes around
them, the frame in the file, boxes that no statement names, and about ten kilobytes of zeros kept free beside the
signature ("pad") are covered by nothing, and C2PA's reader takes any change there as valid. They could hide something,
so they are held against the form that they should have (ISO 19566-5, RFC 9052).
"""

from __future__ import annotations

import json
import re
import struct
from dataclasses import dataclass

from zhenwei.defence.cose import OddCborError, read_cbor
from zhenwei.defence.credential_frame import stores
from zhenwei.defence.labels_carriers import BrokenFileError
from zhenwei.defence.sentences import phrase
from zhenwei.types import Text

_TAIL = bytes.fromhex("00110010800000aa00389b71")  # of every UUID that ISO 19566-5 and C2PA give
_MANIFESTS = (b"c2ma", b"c2um", b"c2cm", b"c2tm")  # standard, update, packed, time stamps
_PARTS = {
    b"c2pa.assertions": b"c2as",
    b"c2pa.claim": b"c2cl",
    b"c2pa.signature": b"c2cs",
    b"c2pa.databoxes": b"c2db",
    b"c2pa.credentials": b"c2vc",
}
_SALT = (16, 64)  # bytes: what C2PA lets a writer put into a description, so that equal content has unequal hashes
# Entries that C2PA and COSE (RFC 9052, 9360 and the registry for its headers) let stand beside a signature.
_HEADERS = {"pad", "pad2", "sigTst", "sigTst2", "rVals", "x5chain", "x5t", "x5u", "x5bag", "kid", "iat"}
_NUMBERED = {str(number) for number in (*range(1, 17), *range(32, 36))}
_WRITTEN = {"pad", "pad2"}


class _OddError(ValueError):
    """Not as C2PA writes it; the reason is for a person."""

    def __init__(self, why: Text) -> None:
        super().__init__(why)
        self.why = why


_FRAME = Text("its frame in the file is not as it should be", zh="其在文件中的封装不符合规范")
_LENGTHS = Text("lengths or names of its boxes do not fit", zh="其数据框的长度或名称不符")
_STRANGE = Text("it holds a box that has no place there", zh="含有不应存在的数据框")
_AFTER = Text("something follows it within its frame", zh="其封装内还有其他内容")
_PADDED = Text("the room kept free beside the signature is not empty", zh="签名旁预留的空间不为空")
_HEADER = Text("an entry that C2PA does not know stands beside the signature", zh="签名旁有 C2PA 未规定的条目")
_WRAPPED = Text("the box of the signature is not written as it should be", zh="签名的数据框不符合规范")
_UNNAMED = Text("it holds data that no statement names", zh="含有未被任何陈述引用的数据")
_SALTED = Text("a box is described with more than its name", zh="数据框的描述中有名称以外的内容")


def irregularities(data: bytes, mime: str) -> tuple[Text, ...]:
    """What of the credential in ``data`` is not covered by a signature and not as C2PA writes it, for a person. Empty
    where none is found, and of formats in which it is not looked for."""
    try:
        for store in stores(data, mime):
            _check_store(store)
        return ()
    except _OddError as error:
        why = error.why
    except BrokenFileError:
        why = _FRAME
    except (OddCborError, IndexError, struct.error, UnicodeDecodeError):
        why = _LENGTHS
    en = "parts of the credential that no signature covers are not as C2PA writes them and may hide something: {}"
    return (phrase(en, "凭证中不受签名保护的部分与 C2PA 的写法不符，可能藏有内容：{}", why),)


@dataclass(frozen=True, slots=True)
class _Box:
    """``start`` and ``stop``: of the content. Of a superbox also its label, the first four bytes of its UUID (empty for
    one of another family), and what its description holds beside."""

    kind: bytes
    start: int
    stop: int
    label: bytes = b""
    family: bytes = b""
    extra: bytes = b""


def _check_store(store: bytes) -> None:
    found = _boxes(store, 0, len(store))
    if len(found) != 1 or found[0].label != b"c2pa" or found[0].family != b"c2pa" or found[0].extra:
        raise _OddError(_AFTER if len(found) > 1 else _LENGTHS)
    top = found[0]
    manifests = _boxes(store, top.start, top.stop)
    for manifest in manifests:
        if manifest.family not in _MANIFESTS or not manifest.label:
            raise _OddError(_STRANGE)
        _check_manifest(store, manifest, active=manifest is manifests[-1])


def _check_manifest(store: bytes, manifest: _Box, *, active: bool) -> None:
    """``active``: nothing else in the file has a hash of it, as it has of those before it."""
    if store[manifest.start + 4 : manifest.start + 8] == b"brob":  # packed whole
        return
    named = store[manifest.start : manifest.stop]
    for part in _boxes(store, manifest.start, manifest.stop):
        name = part.label[: part.label.index(b".v")] if b".v" in part.label else part.label
        if _PARTS.get(name) != part.family:
            raise _OddError(_STRANGE)
        if part.extra and part.family != b"c2cl":
            _require_salt(part.extra)
        if part.family == b"c2cs":
            _check_signature(store, part)
        elif part.family == b"c2cl":
            if not isinstance(read_cbor(_only(store, part, b"cbor")), dict):
                raise _OddError(_LENGTHS)
        else:
            for inner in _boxes(store, part.start, part.stop):
                address = rb"c2pa\.databoxes/" + re.escape(inner.label) + rb"(?!\w)"
                if part.family == b"c2db" and active and not re.search(address, named):
                    raise _OddError(_UNNAMED)
                if part.family == b"c2vc":  # W3C's verifiable credentials, which carry a signature of their own
                    _require_json(store, inner)


def _check_signature(store: bytes, signature: _Box) -> None:
    """COSE_Sign1 in one box: of what the signature does not cover only known entries, and padding of zeros."""
    message = read_cbor(_only(store, signature, b"cbor"))
    if not isinstance(message, list) or len(message) != 4:
        raise _OddError(_WRAPPED)
    headers = message[1]
    if message[2] is not None or not isinstance(headers, dict):
        raise _OddError(_WRAPPED)
    if not {str(name) for name in headers} <= _HEADERS | _NUMBERED:
        raise _OddError(_HEADER)
    for name in _WRITTEN & set(headers):
        if not isinstance(headers[name], bytes | list) or any(headers[name]):
            raise _OddError(_PADDED)


def _require_json(store: bytes, box: _Box) -> None:
    content = _only(store, box, b"json")
    try:
        json.loads(content.rstrip(b"\0"))
    except (ValueError, RecursionError):
        raise _OddError(_UNNAMED) from None


def _only(store: bytes, box: _Box, kind: bytes) -> bytes:
    """The content of the one box in ``box``, which must be of that kind."""
    found = _boxes(store, box.start, box.stop)
    if [each.kind for each in found] != [kind]:
        raise _OddError(_STRANGE if len(found) > 1 else _WRAPPED)
    return store[found[0].start : found[0].stop]


def _boxes(store: bytes, at: int, end: int) -> list[_Box]:
    """The boxes between ``at`` and ``end``, superboxes with their description. Zeros may follow the last, and empty
    boxes of free space stand between them."""
    found = []
    while at < end:
        if not any(store[at:end]):
            break
        length, kind, head = _head(store, at, end)
        if length < head or at + length > end:
            raise _OddError(_LENGTHS)
        if kind == b"jumb":
            found.append(_superbox(store, at + head, at + length))
        elif kind != b"free" or any(store[at + head : at + length]):
            found.append(_Box(kind, at + head, at + length))
        at += length
    return found


def _head(store: bytes, at: int, end: int) -> tuple[int, bytes, int]:
    """Length and kind of the box at ``at``, and how long its head is (ISO 19566-5, annex B)."""
    length, kind = struct.unpack_from(">I4s", store, at)
    if length == 1:
        return struct.unpack_from(">Q", store, at + 8)[0], kind, 16
    return (end - at if length == 0 else length), kind, 8


def _superbox(store: bytes, at: int, stop: int) -> _Box:
    """Switches of the description: 1 = may be asked for, 2 = label, 4 = number, 8 = SHA-256, 16 = private boxes."""
    length, kind, head = _head(store, at, stop)
    end = at + length
    if kind != b"jumd" or length < head + 17 or end > stop:
        raise _OddError(_LENGTHS)
    uuid, switches, rest = store[at + head : at + head + 16], store[at + head + 16], store[at + head + 17 : end]
    label, ended, rest = rest.partition(b"\0") if switches & 2 else (b"", b"\0", rest)
    rest = rest[(4 if switches & 4 else 0) + (32 if switches & 8 else 0) :]
    if not ended or switches >> 5 or not switches & 2 or bool(switches & 16) != bool(rest):
        raise _OddError(_LENGTHS)
    return _Box(kind, end, stop, label, uuid[:4] if uuid[4:] == _TAIL else b"", rest)


def _require_salt(extra: bytes) -> None:
    if extra[4:8] != b"c2sh" or struct.unpack(">I", extra[:4])[0] != len(extra):
        raise _OddError(_SALTED)
    if not _SALT[0] <= len(extra) - 8 <= _SALT[1]:
        raise _OddError(_SALTED)
