"""What a file declares of its own origin, in sentences: from its credential, labels, settings and watermarks.

Each sentence says how firmly it is declared: by somebody on the reader's list, by a signer unknown, by nobody in
particular, or in vain.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from zhenwei.defence.credential_states import Credential
from zhenwei.defence.labels import GENERATED, Aigc, Labels
from zhenwei.defence.marks import Mark
from zhenwei.defence.sentences import phrase
from zhenwei.defence.source_types import SourceType, origin_of, says_ai, source_type
from zhenwei.defence.watermark.foreign import Foreign
from zhenwei.types import Declaration, Origin, Text

Firmness = Literal["trusted", "intact", "broken", "unsigned"]
_ORDER: tuple[Firmness, ...] = ("trusted", "intact", "unsigned", "broken")
_CAMERA = ("digitalCapture", "computationalCapture")
ANYBODY = Text("which anybody can write", zh="任何人都可写入")


def firmest_first(found: Iterable[Declaration]) -> tuple[Declaration, ...]:
    """Each once: trusted, intact, unsigned, broken; among equals what speaks of AI first."""
    return tuple(sorted(dict.fromkeys(found), key=lambda each: (_ORDER.index(each.standing), not each.says_ai)))


def declared(
    credential: Credential, labels: Labels, marks: Sequence[Mark] = (), foreign: Foreign | None = None
) -> tuple[Declaration, ...]:
    """All that a file says of its own origin, the firmest first."""
    return firmest_first((*of_credential(credential), *of_labels(labels), *of_marks(marks), *of_foreign(foreign)))


def of_credential(credential: Credential) -> tuple[Declaration, ...]:
    """What the signer says, and whether it holds. Nothing where there is no credential or it cannot be read."""
    if credential.state not in ("valid", "trusted", "invalid"):
        return ()
    kind, origin = source_type(credential.source_type), origin_of(credential.source_type)
    standing: Firmness = "trusted" if credential.state == "trusted" else "intact" if credential.intact else "broken"
    found = [_signed(credential, standing, origin, _claimed(kind, credential.source_type))]
    if not says_ai(credential.source_type) and any(map(says_ai, credential.ancestry)):
        made = Text("Declares that AI made or altered a file it was made from", zh="声明其来源文件由人工智能生成或改动")
        found.insert(0, _signed(credential, standing, "ai-edited", made))
    return tuple(found)


def _claimed(kind: SourceType | None, written: str) -> Text:
    if kind is None:
        if written:
            return phrase("Declares its source as '{}'", "声明其来源类型为“{}”", written)
        return Text("Carries a credential that does not say how it came about", zh="带有未说明来历的凭证")
    if kind.word in _CAMERA:
        return Text("Signed as captured by a camera", zh="签名声明由相机拍摄或录制")
    return _itself(kind)


def _itself(kind: SourceType) -> Text:
    if kind.origin == "ai-generated":
        return Text("Declares itself AI-made", zh="自称由人工智能生成")
    if kind.origin == "ai-edited":
        return Text("Declares itself in part AI-made", zh="自称部分由人工智能生成或改动")
    return phrase("Declares that {}", "自称{}", kind.says)


NAMELESS = Text("somebody without a name", zh="未具名者")
SIGNATURE_UNFIT = Text("the signature does not hold", zh="签名无效")
_BROKEN = {  # by the cause; {0}: the signer, {1}: what is wrong
    "ended": ("(in the name of {0}, which can no longer be relied on: {1})", "（署名“{0}”，凭证已不可依赖：{1}）"),
    "unchecked": ("(in the name of {0}, which cannot be checked: {1})", "（署名“{0}”，无法验证：{1}）"),
}
_FALLEN = ("(in the name of {0}, which does not hold: {1})", "（署名“{0}”，凭证无效：{1}）")


def _signed(credential: Credential, standing: Firmness, origin: Origin, what: Text) -> Declaration:
    who = credential.signer or NAMELESS
    if standing == "broken":
        why = credential.problems[0] if credential.problems else SIGNATURE_UNFIT
        how = phrase(*_BROKEN.get(credential.cause or "", _FALLEN), who, why)
    elif standing == "trusted":
        how = phrase("(signed by {}, intact, on your trust list)", "（由“{}”签名，完整，在您的信任列表中）", who)
    else:
        how = phrase("(signed by {}, intact)", "（由“{}”签名，完整）", who)
    sentence = phrase("{} {}.", "{}{}。", what, how)
    return Declaration(origin, "credential", standing, sentence, credential.signer)


def of_labels(labels: Labels) -> tuple[Declaration, ...]:
    """Label by label; anybody can have written any of them."""
    found: list[Declaration] = []
    if labels.aigc is not None:
        found.append(_aigc(labels.aigc))
    if labels.digital_source_type is not None:
        found.append(_iptc(labels.source_type))
    for settings in labels.settings:
        tool = phrase(" ({})", "（{}）", settings.tool) if settings.tool else ""
        sentence = phrase("Carries a generator's settings{}.", "带有生成工具的参数{}。", tool)
        found.append(Declaration("generator-settings", "settings", "unsigned", sentence, settings.tool))
    for name in labels.generators:
        sentence = phrase("Names {}, a generator, as its maker.", "标明由生成工具 {} 制作。", name)
        found.append(Declaration("ai-generated", "tool", "unsigned", sentence, name))
    for name in labels.face_apps:
        sentence = phrase("Names {}, a tool that alters faces.", "标明使用了可改动人脸的工具 {}。", name)
        found.append(Declaration("edited", "tool", "unsigned", sentence, name))
    return tuple(found)


def _aigc(block: Aigc) -> Declaration:
    by = block.content_producer or block.content_propagator
    what = Text("content that may be AI-generated", zh="可能为人工智能生成的内容")
    if block.label == GENERATED:
        what = Text("AI-generated content", zh="人工智能生成内容")
    told = phrase(", by {}", "，生成者：{}", by) if by else ""
    sentence = phrase("Carries a label of {} (AIGC{}), {}.", "带有“{}”标识（AIGC{}），{}。", what, told, ANYBODY)
    return Declaration("ai-generated", "label", "unsigned", sentence, by)


def _iptc(written: str) -> Declaration:
    kind = source_type(written)
    if kind is None:
        what = phrase("Declares its source as '{}'", "自称来源类型为“{}”", written)
    elif kind.word in _CAMERA:
        what = Text("Labelled as captured by a camera", zh="标识称由相机拍摄或录制")
    else:
        what = _itself(kind)
    sentence = phrase("{} (a label, {}).", "{}（标识，{}）。", what, ANYBODY)
    return Declaration(origin_of(written), "label", "unsigned", sentence)


_LAB_MARK = (
    "Carries the watermark of zhenwei's forgery lab ({}), {}.", "带有本项目伪造实验室的水印（{}），{}。"
)  # fmt: skip
_OWN_MARK = ("Carries the watermark of this installation ({}).", "带有本机安装的水印（{}）。")


def of_marks(marks: Sequence[Mark]) -> tuple[Declaration, ...]:
    """A mark names a file, and does not say how it came about; but only the lab marks under the published key."""
    found = []
    for mark in marks:
        sentence = phrase(*(_LAB_MARK if mark.published else _OWN_MARK), mark.ident, ANYBODY)
        found.append(Declaration("other", "watermark", "unsigned", sentence))
    return tuple(found)


def of_foreign(found: Foreign | None) -> tuple[Declaration, ...]:
    """The invisible watermark that a generator writes by default."""
    if found is None:
        return ()
    sentence = phrase(
        "Carries the invisible watermark that {} writes, {}.", "带有 {} 默认写入的隐形水印，{}。", found.tool, ANYBODY
    )
    return (Declaration("ai-generated", "watermark", "unsigned", sentence, found.tool),)
