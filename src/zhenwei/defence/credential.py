"""Content Credentials (C2PA): sign a file's bytes, and read what a signed file says of itself.

A credential says who signed, that the bytes are unchanged since, and what the signer claims of them. It does not say
that the claim is true. Any re-encoding takes it away, and its absence says nothing. (C2PA Technical Specification 2.x;
through c2pa-python, the extra ``provenance``.)

No function here uses the network: no time stamp is asked for, no remote manifest fetched, no revocation looked up.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from zhenwei.defence.credential_bytes import irregularities
from zhenwei.defence.credential_guard import is_safe
from zhenwei.defence.credential_states import CLAIMS, HEX, SOURCE_TYPES, Claim, Credential, interpret
from zhenwei.defence.identity import Identity, require_extra
from zhenwei.errors import DataError, MediaError, UsageError
from zhenwei.media.facts import clean
from zhenwei.media.formats import HEAD_BYTES, described, recognise
from zhenwei.types import Text

if TYPE_CHECKING:
    import c2pa

__all__ = [
    "CLAIMS",
    "SOURCE_TYPES",
    "Claim",
    "Credential",
    "check_source",
    "credential_format",
    "read_credential",
    "sign",
]

WATERMARK_ALGORITHM = "org.zhenwei.watermark"
RECIPE_LABEL = "org.zhenwei.recipe"
_MAX_RECIPE = 1 << 18
_SIGNED = {"jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp", "wav": "audio/wav", "mp3": "audio/mpeg"}
_READ = {
    **_SIGNED,
    "gif": "image/gif",
    "tiff": "image/tiff",
    "avif": "image/avif",
    "avi": "video/avi",
    "heif": "image/heic",
    "jpegxl": "image/jxl",
}
_WHOLE = tuple(_SIGNED.values())  # formats of which C2PA's own writer leaves out the credential alone
_SIGNS = "JPEG, PNG, WebP, MP4, M4A, MOV, WAV or MP3"
_ANCHOR = re.compile(r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----")
_OFFLINE = {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_after_sign": True, "verify_trust": True}


def credential_format(data: bytes, *, signing: bool = False) -> str:
    """The MIME type under which C2PA knows the format of ``data``, by its bytes; "" where C2PA has no place in it.

    ``signing``: only of the formats that are signed here, which are fewer than those read.
    """
    form = recognise(data[:HEAD_BYTES])
    if form is None:
        return ""
    if form.decoder == "mov":
        brand = data[8:12] if data[4:8] == b"ftyp" else b""
        return {b"M4A ": "audio/mp4", b"qt  ": "video/quicktime"}.get(brand, "video/mp4")
    if form.name == "wav" and not data.startswith(b"RIFF"):
        return ""  # the 64-bit kinds of WAV
    return (_SIGNED if signing else _READ).get(form.name, "")


def sign(
    source: bytes,
    *,
    claim: Claim,
    identity: Identity,
    parent: bytes | None = None,
    recipe: Mapping[str, Any] | None = None,
    watermark: str | None = None,
    title: str = "",
) -> bytes:
    """``source`` (a JPEG, PNG, WebP, MP4, M4A, MOV, WAV or MP3 file) with a credential of ``identity``; pixels and
    samples stay as they are.

    ``claim``: "captured" and "ai-generated" begin a history; "edited" and "ai-edited" go on with that of ``parent``,
    the file before the edit (by default ``source`` itself), whose own credential is kept inside. ``recipe``: how it was
    made, of what JSON can hold. ``watermark``: the identifier that the picture or sound carries, hexadecimal; it binds
    the two, so that a mark copied elsewhere lacks its credential. There is no thumbnail: of an edit it would show the
    original.

    Raises UsageError for another format or claim, a parent where a history begins, a source that carries a credential
    already where that would be lost, or a recipe that JSON cannot hold; DataError for a parent of another format;
    MediaError for a damaged file; MissingExtraError without the extra ``provenance``.
    """
    require_extra()
    mime = check_source(source, claim, parent)
    definition = _definition(claim, recipe, watermark, title)
    import c2pa

    before = None if claim in _BEGINNINGS else (parent if parent is not None else source)
    out = io.BytesIO()
    try:
        with _context() as context, c2pa.Builder(definition, context) as builder, _signer(identity) as signer:
            _intend(builder, claim, before)
            builder.sign(signer, mime, io.BytesIO(source), out)
    except c2pa.C2paError as error:
        raise _refused(error, identity) from None
    return out.getvalue()


def read_credential(data: bytes, anchors_pem: str | None = None) -> Credential:
    """What the credential in ``data`` says, and what it is worth: see :class:`Credential`.

    ``anchors_pem``: certificates of authorities whose signers are trusted, in PEM; without them nobody is. A damaged or
    hostile credential is the state "unreadable" or "invalid", with the reason in ``problems``, never an exception.

    Raises MediaError if ``data`` is no picture, video or sound, UsageError if ``anchors_pem`` holds no certificates,
    MissingExtraError without the extra ``provenance``.
    """
    require_extra()
    anchors = _anchors(anchors_pem)
    if recognise(data[:HEAD_BYTES]) is None and not credential_format(data):
        raise MediaError("this is no picture, video or sound that is read", got=described(data[:HEAD_BYTES]))
    mime = credential_format(data)
    if not mime:
        none = Text("credentials are not read in files of this format", zh="不读取此格式文件中的凭证")
        return Credential("absent", problems=(none,))
    if not is_safe(data, mime):
        return Credential("unreadable", cause="unchecked", problems=(_UNSAFE,))
    import c2pa

    try:
        with _context(anchors) as context, c2pa.Reader(mime, io.BytesIO(data), context=context) as reader:
            store = json.loads(reader.json())
    except c2pa.C2paError as error:
        return _unread(error, data)
    except (ValueError, RecursionError):
        bad = Text("the credential is no valid JSON", zh="凭证不是有效的 JSON")
        return Credential("unreadable", cause="unchecked", problems=(bad,))
    read = interpret(store, WATERMARK_ALGORITHM, RECIPE_LABEL, whole=mime in _WHOLE)
    odd = irregularities(data, mime)
    return replace(read, problems=(*read.problems, *odd)) if odd else read


_UNSAFE = Text(
    "the credential says that it holds more than it does, or is packed, and is not opened: it may be made to do harm",
    zh="凭证声称的长度超出其实际内容，或经过压缩，未予打开：可能是恶意构造的",
)
_REMAINS = (b"jumdc2ma", b"c2pa.assertions", b"c2pa.signature")  # names of boxes in every credential
_BEGINNINGS = ("captured", "ai-generated")


def check_source(source: bytes, claim: Claim, parent: bytes | None = None) -> str:
    """The MIME type of ``source``, if it may be signed with that claim; otherwise the errors of :func:`sign`."""
    if claim not in CLAIMS:
        raise UsageError("this claim has no meaning", got=str(claim), want=", ".join(CLAIMS))
    mime = credential_format(source, signing=True)
    if not mime:
        got = described(source[:HEAD_BYTES]) if recognise(source[:HEAD_BYTES]) is None else "another format"
        raise UsageError("this file cannot carry a credential", got=got, want=_SIGNS)
    for file in (source, parent):
        if file is not None and not is_safe(file, credential_format(file)):
            raise MediaError(
                "this file cannot be signed", got=str(_UNSAFE), fix="Save the picture or sound anew first."
            )
    if claim in _BEGINNINGS and parent is not None:
        raise UsageError(f"what is {claim} has no parent", fix="Leave the parent out, or claim an edit.")
    if claim in _BEGINNINGS:
        carried = read_credential(source)
        if carried.state == "unreadable":
            raise MediaError("this file cannot be signed", got="; ".join(carried.problems), want="an undamaged file")
        if carried.state not in ("absent", "remote"):
            fix = "Claim edited or ai-edited, which keep it as part of the file's history."
            raise UsageError("this file carries a credential already, which would be lost", got=claim, fix=fix)
    return mime


def _definition(claim: Claim, recipe: Mapping[str, Any] | None, watermark: str | None, title: str) -> dict[str, Any]:
    actions: list[dict[str, Any]] = []
    assertions: list[dict[str, Any]] = []
    if claim not in _BEGINNINGS:
        actions.append({"action": "c2pa.edited", "digitalSourceType": SOURCE_TYPES[claim]})
    if recipe is not None:
        # As text: C2PA's reader shows a list of numbers as if it were a string of bytes, and other numbers not at all.
        assertions.append({"label": RECIPE_LABEL, "data": {"json": _text(recipe)}})
    if watermark is not None:
        if not HEX.fullmatch(watermark):
            raise UsageError("a watermark is named in hexadecimal", got=watermark[:80], want="as 00c0ffee00c0ffee")
        block = {"scope": {}, "value": watermark}
        assertions.append({"label": "c2pa.soft-binding", "data": {"alg": WATERMARK_ALGORITHM, "blocks": [block]}})
        actions.append({"action": "c2pa.watermarked.bound"})
    if actions:
        assertions.append({"label": "c2pa.actions.v2", "data": {"actions": actions}})
    generator = [{"name": "zhenwei", "version": version("zhenwei")}]
    return {"claim_generator_info": generator, "assertions": assertions, **({"title": title} if title else {})}


def _text(recipe: Mapping[str, Any]) -> str:
    try:
        text = json.dumps(dict(recipe), allow_nan=False, ensure_ascii=False)
        text.encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError("JSON cannot hold this recipe", got=str(error)[:200]) from None
    if len(text) > _MAX_RECIPE:
        raise UsageError("this recipe is too long", got=f"{len(text):,} characters", want=f"at most {_MAX_RECIPE:,}")
    return text


def format_of_parent(data: bytes) -> str:
    """The media type under which ``data`` can be what an edit was made of. DataError where a credential has none."""
    mime = credential_format(data)
    if not mime:
        raise DataError("the parent's format has no place in a credential", want=_SIGNS, fix="Save it as one of them.")
    return mime


def _intend(builder: c2pa.Builder, claim: Claim, before: bytes | None) -> None:
    from c2pa import C2paBuilderIntent, C2paDigitalSourceType

    if before is None:
        kinds = {
            "captured": C2paDigitalSourceType.DIGITAL_CAPTURE,
            "ai-generated": C2paDigitalSourceType.TRAINED_ALGORITHMIC_MEDIA,
        }
        builder.set_intent(C2paBuilderIntent.CREATE, kinds[claim])
        return
    mime = format_of_parent(before)
    builder.set_intent(C2paBuilderIntent.EDIT, C2paDigitalSourceType.EMPTY)
    builder.add_ingredient({"relationship": "parentOf"}, mime, io.BytesIO(before))


def _signer(identity: Identity) -> c2pa.Signer:
    from c2pa import C2paSigningAlg, Signer

    return Signer.from_callback(
        identity.sign, C2paSigningAlg[identity.algorithm.upper()], identity.chain_pem.decode("ascii")
    )


def _context(anchors: str = "") -> c2pa.Context:
    from c2pa import Context

    settings: dict[str, Any] = {"version": 1, "verify": _OFFLINE, "builder": {"thumbnail": {"enabled": False}}}
    if anchors:
        settings["trust"] = {"trust_anchors": anchors}
    return Context.from_dict(settings)


def _anchors(pem: str | None) -> str:
    if pem is None:
        return ""
    found = _ANCHOR.findall(pem)
    if not found:
        want = "one or more blocks that begin with -----BEGIN CERTIFICATE-----"
        raise UsageError("the trust list holds no certificates", want=want)
    return "\n".join(found) + "\n"


def _refused(error: c2pa.C2paError, identity: Identity) -> MediaError | UsageError:
    import c2pa

    told = clean(str(error))[:300]
    if isinstance(error, c2pa.C2paError.Signature) or "certificate" in told.lower():  # no type of its own
        fix = "C2PA wants a certificate in force, for digital signatures, with the purpose e-mail protection."
        return UsageError(f"C2PA does not take the certificate or signature of {identity.name}", got=told, fix=fix)
    return MediaError("this file cannot be signed", got=told, want="a complete file", fix="Save or export it again.")


def _unread(error: c2pa.C2paError, data: bytes) -> Credential:
    import c2pa

    if isinstance(error, c2pa.C2paError.ManifestNotFound):
        remains = Text("there are remains of a credential that is no longer one", zh="文件中残留有已失效的凭证")
        return Credential("absent", problems=(remains,) if any(name in data for name in _REMAINS) else ())
    told = clean(str(error))[:300]
    if told.startswith("Remote"):  # its type for that is not the one that it raises
        where = next(iter(re.findall(r"https?://\S{1,200}", told)), "")
        away = Text(
            f"the file names a credential on the network, which is not fetched: {where or told}",
            zh=f"文件指明其凭证在网络上，未去获取：{where or told}",
        )
        return Credential("remote", cause="unchecked", problems=(away,))
    if not any(sign in data for sign in _SIGNS_OF_ONE):
        return Credential("absent")  # what is wrong is the file's own structure, which its decoder tells of
    for sign, why in _UNREADABLE:
        if sign in told.lower():
            return Credential("unreadable", cause="unchecked", problems=(why,))
    damaged = Text(f"the credential or the file around it is damaged: {told}", zh=f"凭证或其所在文件已损坏：{told}")
    return Credential("unreadable", cause="unchecked", problems=(damaged,))


_SIGNS_OF_ONE = (b"c2pa", b"jumb", b"C2PA", b"caBX")  # one of them stands in whatever C2PA writes
_UNREADABLE = (
    ("algorithm", Text("the credential uses a method that is not known here", zh="凭证使用了此处未知的算法")),
    ("prerelease", Text("the credential was written before C2PA was settled", zh="凭证写于 C2PA 定稿之前")),
    ("version", Text("the credential is of a version that is not known here", zh="凭证的版本未知")),
)
