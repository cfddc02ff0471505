"""What C2PA's validation codes mean: which are no failures, and for each failure what of the credential fails.

All codes of the C2PA Technical Specification 1.0 to 2.3 ("Standard Status Codes"), also those by which an older signer
tells in an ingredient what it found. One code may stand for several things ("assertion.dataHash.mismatch" for a file
that was changed, and for a place that cannot be compared), so the explanation is looked at, too.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from zhenwei.media.facts import clean
from zhenwei.types import Text

Cause = Literal["altered", "signer", "ended", "unchecked"]
"""Why a credential does not hold: bytes of the file or of the credential were changed; the signature or the certificate
is not what it should be; the certificate has ended; it cannot be checked, so that nothing follows."""
CAUSES: tuple[Cause, ...] = ("altered", "signer", "ended", "unchecked")  # the one that tells most first


@dataclass(frozen=True, slots=True)
class Failure:
    code: str
    cause: Cause
    told: Text


def failures(statuses: Iterable[Mapping[str, object]], *, sure: bool, passed: Collection[object] = ()) -> list[Failure]:
    """What fails among ``statuses`` (``code``, ``explanation``). ``sure``: they stand in a list of failures, so that a
    code which is known as none is a failure all the same, as C2PA's reader reports hashes that do not fit. ``passed``:
    codes of what was found in order beside them."""
    found = []
    for status in statuses:
        code, why = (line(status.get(name)) for name in ("code", "explanation"))
        if not code or _is_about_trust(code) or code in INFORMATIONAL or (code in SUCCESSES and not sure):
            continue
        cause, told = _cause(code, why, passed)
        found.append(Failure(code, cause, told))
    return found


def first_cause(found: Iterable[Failure]) -> Cause | None:
    """Of several failures, the cause that tells most."""
    causes = {failure.cause for failure in found}
    return next((cause for cause in CAUSES if cause in causes), None)


_FILE = Text("the file was changed after it was signed", zh="文件在签名之后被改动")
_STATEMENT = Text("a statement in the credential was changed after it was signed", zh="凭证中的陈述在签名之后被改动")
_ADDED = Text("something was added to the credential after it was signed", zh="凭证在签名之后被添加了内容")
_GONE = Text("a statement that was signed is missing", zh="缺少已签名的陈述")
_REMOVED = Text("a statement was taken out that must not be", zh="不得删除的陈述已被删除")
_SIGNATURE = Text("the signature does not fit what it stands for", zh="签名与内容不符")
_PARENT = Text("the credential of a file it was made from was changed since", zh="其来源文件的凭证此后被改动")
_ENDED = Text(
    "the signer's certificate has ended, and no time stamp shows that it was in force at signing",
    zh="签名者的证书已过期，且没有时间戳证明签名时证书有效",
)
_OUTSIDE = Text("it was signed when the signer's certificate was not in force", zh="签名时签名者的证书不在有效期内")
_UNFIT = Text("the signer's certificate is not fit for this", zh="签名者的证书不符合要求")
_REVOKED = Text("the signer's certificate was revoked", zh="签名者的证书已被吊销")
_UNKNOWN_CERTIFICATE = Text("whether the certificate was revoked is not known", zh="无法得知签名者的证书是否已被吊销")
_MALFORMED = Text("it is not written as C2PA has it", zh="不符合 C2PA 的格式")
_BINDING = Text("it does not say which file it belongs to", zh="没有说明属于哪个文件")
_PARTS = Text("parts of it are missing", zh="缺少组成部分")
_NETWORK = Text("a part of it lies on the network, from where nothing is fetched", zh="部分内容在网络上，未去获取")
_HISTORY = Text("its history contradicts itself", zh="其历史记录自相矛盾")
_ALGORITHM = Text("it uses a method that is not known here", zh="使用了此处未知的算法")
_EARLY = Text("it was written before C2PA was settled", zh="写于 C2PA 定稿之前")
_PLACE = Text(
    "it stands at another place in the file than the signer left out, so the two cannot be compared",
    zh="凭证在文件中的位置与签名者留出的位置不符，因而无法比对",
)
_PARTLY = Text(
    "the signer left out another part of the file than the one where it stands: what the signature covers is "
    "unchanged, but that is not all that it should cover",
    zh="签名者留出的部分不是凭证所在之处：签名涵盖的内容未被改动，但并未涵盖应涵盖的全部内容",
)
_UNCOMPARED = Text("the file cannot be compared with what was signed", zh="无法将文件与签名内容比对")

_ROWS: tuple[tuple[Cause, Text, str], ...] = (
    (
        "altered",
        _FILE,
        "assertion.dataHash.mismatch assertion.bmffHash.mismatch assertion.boxesHash.mismatch "
        "assertion.boxesHash.unknownBox assertion.collectionHash.mismatch "
        "assertion.collectionHash.incorrectFileCount assertion.dataHash.match assertion.bmffHash.match "
        "assertion.boxesHash.match assertion.collectionHash.match assertion.multiAssetHash.mismatch "
        "assertion.multiAssetHash.missingPart",
    ),
    ("altered", _STATEMENT, "assertion.hashedURI.mismatch hashedURI.mismatch assertion.hashedURI.match"),
    ("altered", _ADDED, "assertion.undeclared claim.multiple assertion.outsideManifest"),
    ("altered", _GONE, "assertion.missing hashedURI.missing"),
    (
        "altered",
        _REMOVED,
        "assertion.notRedacted assertion.selfRedacted assertion.action.redacted assertion.dataHash.redacted "
        "assertion.bmffHash.redacted assertion.boxesHash.redacted assertion.collectionHash.redacted "
        "assertion.action.redactionMismatch",
    ),
    (
        "altered",
        _PARENT,
        "ingredient.manifest.mismatch ingredient.hashedURI.mismatch ingredient.claimSignature.mismatch",
    ),
    ("signer", _SIGNATURE, "claimSignature.mismatch"),
    ("signer", _UNFIT, "signingCredential.invalid"),
    ("signer", _REVOKED, "signingCredential.ocsp.revoked signingCredential.revoked"),
    ("ended", _ENDED, "signingCredential.expired"),
    ("ended", _OUTSIDE, "claimSignature.outsideValidity"),
    ("unchecked", _UNKNOWN_CERTIFICATE, "signingCredential.ocsp.unknown"),
    ("unchecked", _ALGORITHM, "algorithm.unsupported"),
    ("unchecked", _NETWORK, "manifest.inaccessible assertion.inaccessible assertion.cloud-data.hardBinding"),
    (
        "unchecked",
        _PARTS,
        "claim.missing claimSignature.missing ingredient.manifest.missing ingredient.claimSignature.missing "
        "claim.required.missing assertion.required.missing",
    ),
    ("unchecked", _BINDING, "claim.hardBindings.missing assertion.multipleHardBindings"),
    (
        "unchecked",
        _HISTORY,
        "manifest.multipleParents manifest.update.invalid manifest.update.wrongParents manifest.timestamp.invalid "
        "manifest.timestamp.wrongParents assertion.action.ingredientMismatch assertion.cloud-data.actions "
        "manifest.unreferenced",
    ),
    (
        "unchecked",
        _MALFORMED,
        "claim.malformed claim.cbor.invalid assertion.json.invalid assertion.cbor.invalid "
        "assertion.action.malformed assertion.dataHash.malformed assertion.bmffHash.malformed "
        "assertion.boxesHash.malformed assertion.cloud-data.malformed assertion.collectionHash.malformed "
        "assertion.collectionHash.invalidURI assertion.multiAssetHash.malformed assertion.ingredient.malformed "
        "assertion.metadata.disallowed assertion.timestamp.malformed "
        "manifest.compressed.invalid",
    ),
    ("unchecked", _EARLY, "com.adobe.prerelease"),
)
FAILURES = {code: (cause, told) for cause, told, codes in _ROWS for code in codes.split()}
SUCCESSES = frozenset(
    (
        *("claimSignature.validated", "claimSignature.insideValidity", "signingCredential.trusted"),
        *("signingCredential.ocsp.notRevoked", "timeStamp.trusted", "timeStamp.validated"),
        *("timeOfSigning.insideValidity", "assertion.hashedURI.match", "assertion.dataHash.match"),
        *("assertion.bmffHash.match", "assertion.boxesHash.match", "assertion.collectionHash.match"),
        *("assertion.multiAssetHash.match", "assertion.accessible", "hashedURI.match"),
        *("ingredient.manifest.validated", "ingredient.claimSignature.validated"),
    )
)
INFORMATIONAL = frozenset(
    (
        *("signingCredential.ocsp.skipped", "signingCredential.ocsp.inaccessible", "timeStamp.mismatch"),
        *("timeStamp.malformed", "timeStamp.outsideValidity", "timeStamp.untrusted"),
        *("timeOfSigning.outsideValidity", "manifest.unknownProvenance", "ingredient.unknownProvenance"),
        *("algorithm.deprecated", "assertion.dataHash.additionalExclusionsPresent"),
        *("assertion.bmffHash.additionalExclusionsPresent", "assertion.boxesHash.additionalExclusionsPresent"),
    )
)
# A hash that "does not match" for one of these reasons was never compared.
_NOT_COMPARED = re.compile(
    r"remote|not (yet )?supported|unsupported|could not|cannot|can't|out of range|overflow|exceed|malformed|missing|"
    r"incorrect number|not found|\bno (algorithm|hash|box|fragment|tracks)|bad merkle|invalid",
    re.IGNORECASE,
)
_HASHES = re.compile(r"assertion\.(dataHash|bmffHash|boxesHash|collectionHash|multiAssetHash)\.(mis)?match")


def _is_about_trust(code: str) -> bool:
    """Untrusted is no failure but the difference between valid and trusted; who is named in CAWG's identity assertions
    is another question than who signed."""
    return code == "signingCredential.untrusted" or code.startswith("cawg.")


def _cause(code: str, why: str, passed: Collection[object]) -> tuple[Cause, Text]:
    if _HASHES.fullmatch(code):
        why = re.sub(r"name: .*, error:", "", why)  # the name is the signer's word, not the reader's
        if re.search("exclusion", why, re.IGNORECASE):
            return "unchecked", _PARTLY if code.replace(".mismatch", ".match") in passed else _PLACE
        if _NOT_COMPARED.search(why):
            return "unchecked", Text(f"{_UNCOMPARED} ({why})", zh=f"{_UNCOMPARED.in_language('zh')}（{why}）")
    if code in FAILURES:
        return FAILURES[code]
    shown = " ".join(filter(None, (why, f"({code})")))
    return "unchecked", Text(shown, zh=f"未通过验证：{code}")


def line(value: object) -> str:
    """``value`` as one line that can be shown, "" unless it is a string."""
    return clean(value, 300) if isinstance(value, str) else ""
