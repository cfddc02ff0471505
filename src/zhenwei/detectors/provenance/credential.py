"""``provenance.credential``: does a signed credential say how the file came about, and does it hold?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from zhenwei.defence import credential
from zhenwei.defence.credential_codes import Cause
from zhenwei.defence.declare import of_credential
from zhenwei.defence.source_types import origin_of
from zhenwei.detectors._answers import abstain
from zhenwei.detectors.provenance._content import CAPTURE_LLR, GENERATED_LLR, SIGNED_EDIT_LLR, statements
from zhenwei.types import Detector, DetectorInfo, Evidence, Subject, Text

_CAPTURED = frozenset({"digitalCapture", "computationalCapture"})  # film and prints may show what was made before
_ABSENT = Text("there is no credential, which says nothing either way", zh="没有内容凭证，这并不说明真伪")
_WORDS_ONLY = Text(
    "an intact credential shows who signed and that nothing changed since, not that what it says is true",
    zh="完好的凭证只说明由谁签署且此后未被改动，并不证明其内容属实",
)

_REMOTE = Text("Its credential lies on the network and is not fetched.", zh="其凭证在网络上，未去获取。")
_FALLEN: Mapping[Cause, Text] = {
    "altered": Text(
        "It carries a credential that does not hold: something was changed after signing.",
        zh="文件带有失效的凭证：签署后被改动。",
    ),
    "signer": Text(
        "It carries a credential that does not hold: the signature or the certificate is not as it should be.",
        zh="文件带有失效的凭证：签名或证书不符合要求。",
    ),
    "ended": Text("It carries a credential whose certificate has ended.", zh="文件带有证书已过期的凭证。"),
    "unchecked": Text("It carries a credential that cannot be checked.", zh="文件带有无法验证的凭证。"),
}


@dataclass(frozen=True, slots=True)
class Credential:
    """Reads the C2PA credential. One that holds and says that a generator made the file speaks for forged; one whose
    signer stands on the trust list in ``anchors`` and says that a camera recorded it speaks for genuine. Absence says
    nothing; a credential that does not hold is told, and weighs nothing, since saving a file again breaks it too."""

    anchors: str = ""
    info: ClassVar[DetectorInfo] = DetectorInfo(
        id="provenance.credential",
        question=Text("Does a signed credential say how it came about, and does it hold?",
                      zh="是否有签名凭证说明其来源？凭证是否有效？"),
        takes=("image", "video", "audio"),
        level="file",
        needs=(Text("a C2PA credential in the file", zh="文件中的 C2PA 内容凭证"),),
        reference="C2PA Technical Specification 2.2; IPTC digital source types",
        blind_spots=(
            Text("files above 64 MiB, which zhenwei verify reads", zh="大于 64 MiB 的文件（可用 zhenwei verify 读取）"),
            Text("files that a platform saved again: the credential is gone", zh="被平台重新保存的文件：凭证已丢失"),
            Text("signers who do not tell the truth", zh="不说真话的签署者"),
            Text("a recording of a screen that shows a forgery", zh="翻拍屏幕上伪造内容的录制"),
        ),
        reads_metadata=True,
        finds="generated",
        depth="fast",
    )  # fmt: skip

    def examine(self, subject: Subject) -> Evidence:
        found = statements(subject.media, self.anchors)
        if isinstance(found, Text):
            return abstain(self.info, found)
        said = found.credential
        if isinstance(said, str):
            return abstain(self.info, said)
        if said is None:
            return abstain(self.info, _ABSENT)
        return replace(self._judged(said), declares=of_credential(said))

    def _judged(self, found: credential.Credential) -> Evidence:
        if found.state == "absent":
            return abstain(self.info, _ABSENT)
        if not found.intact:
            finding = _REMOTE if found.state == "remote" else _FALLEN[found.cause or "unchecked"]
            why = found.problems[0] if found.problems else Text("it cannot be read", zh="无法读取")
            return abstain(self.info, why, finding=finding)
        source, signer = found.source_type, found.signer or "?"
        if origin_of(source) == "ai-generated":
            en = f"Its credential, signed by {signer}, says that a generator made it."
            return self._said(en, f"由 {signer} 签署的凭证称由生成模型制作。", GENERATED_LLR)
        if found.says_ai:
            en = f"Its credential, signed by {signer}, says that parts of it come of a generator."
            return self._said(en, f"由 {signer} 签署的凭证称部分内容由生成模型制作。", SIGNED_EDIT_LLR)
        if source in _CAPTURED and found.state == "trusted" and not found.ancestry:
            en = f"A signer on your trust list, {signer}, says that a camera recorded it, and nothing changed since."
            return self._said(en, f"您信任列表中的签署者 {signer} 称其由相机拍摄，且此后未被改动。", CAPTURE_LLR)
        en = f"Its credential holds, signed by {signer}; it says nothing that weighs for or against a forgery."
        zh = f"凭证有效，由 {signer} 签署；其内容不足以判断真伪。"
        return abstain(self.info, _WORDS_ONLY, finding=Text(en, zh=zh))

    def _said(self, en: str, zh: str, llr: float) -> Evidence:
        return Evidence(self.info.id, llr, Text(en, zh=zh), _WORDS_ONLY, score=llr)


detector: type[Detector] = Credential
