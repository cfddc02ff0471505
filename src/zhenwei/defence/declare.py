"""What a file declares of its own origin, in sentences: from its credential, labels, settings and watermarks.

``verify`` and the detectors of provenance tell the same by these functions. Each sentence stands by itself and says how
firmly it is said: by somebody on the reader's list, by a signer unknown, by nobody in particular, or in vain.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from zhenwei.defence.credential_states import Credential
from zhenwei.defence.labels import GENERATED, Labels
from zhenwei.defence.marks import Mark
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
    held: Credential, said: Labels, marks: Sequence[Mark] = (), foreign: Foreign | None = None
) -> tuple[Declaration, ...]:
    """All that a file says of its own origin, the firmest first."""
    return firmest_first((*of_credential(held), *of_labels(said), *of_marks(marks), *of_foreign(foreign)))


def of_credential(held: Credential) -> tuple[Declaration, ...]:
    """What the signer says, and whether it holds. Nothing where there is no credential or it cannot be read."""
    if held.state not in ("valid", "trusted", "invalid"):
        return ()
    kind, origin = source_type(held.source_type), origin_of(held.source_type)
    standing: Firmness = "trusted" if held.state == "trusted" else "intact" if held.intact else "broken"
    found = [_signed(held, standing, origin, _claimed(kind, held.source_type))]
    if not says_ai(held.source_type) and any(map(says_ai, held.ancestry)):
        made = Text("Declares that AI made or altered a file it was made from", zh="声明其来源文件由人工智能生成或改动")
        found.insert(0, _signed(held, standing, "ai-edited", made))
    return tuple(found)


def _claimed(kind: SourceType | None, written: str) -> Text:
    if kind is None:
        if written:
            return Text(f"Declares its source as '{written}'", zh=f"声明其来源类型为“{written}”")
        return Text("Carries a credential that does not say how it came about", zh="带有未说明来历的凭证")
    if kind.word in _CAMERA:
        return Text("Signed as captured by a camera", zh="签名声明由相机拍摄或录制")
    return _itself(kind)


def _itself(kind: SourceType) -> Text:
    if kind.origin == "ai-generated":
        return Text("Declares itself AI-made", zh="自称由人工智能生成")
    if kind.origin == "ai-edited":
        return Text("Declares itself in part AI-made", zh="自称部分由人工智能生成或改动")
    return Text(f"Declares that {kind.says}", zh=f"自称{kind.says.in_language('zh')}")


def _signed(held: Credential, standing: Firmness, origin: Origin, what: Text) -> Declaration:
    who = held.signer or "somebody without a name"
    named = held.signer or "未具名者"
    if standing == "broken":
        why = held.problems[0] if held.problems else Text("the signature does not hold", zh="签名无效")
        how = Text(
            f" (in the name of {who}, which does not hold: {why})",
            zh=f"（署名“{named}”，凭证无效：{why.in_language('zh')}）",
        )
        if held.cause == "ended":
            how = Text(
                f" (in the name of {who}, which can no longer be relied on: {why})",
                zh=f"（署名“{named}”，凭证已不可依赖：{why.in_language('zh')}）",
            )
        elif held.cause == "unchecked":
            how = Text(
                f" (in the name of {who}, which cannot be checked: {why})",
                zh=f"（署名“{named}”，无法验证：{why.in_language('zh')}）",
            )
    elif standing == "trusted":
        how = Text(f" (signed by {who}, intact, on your trust list)", zh=f"（由“{named}”签名，完整，在您的信任列表中）")
    else:
        how = Text(f" (signed by {who}, intact)", zh=f"（由“{named}”签名，完整）")
    sentence = Text(f"{what}{how}.", zh=f"{what.in_language('zh')}{how.in_language('zh')}。")
    return Declaration(origin, "credential", standing, sentence, held.signer)


def of_labels(said: Labels) -> tuple[Declaration, ...]:
    """Label by label; anybody can have written any of them."""
    found: list[Declaration] = []
    if said.aigc is not None:
        found.append(_aigc(said))
    if said.digital_source_type is not None:
        found.append(_iptc(said))
    for settings in said.settings:
        shown = f" ({settings.tool})" if settings.tool else ""
        sentence = Text(
            f"Carries a generator's settings{shown}.",
            zh=f"带有生成工具的参数{f'（{settings.tool}）' if settings.tool else ''}。",
        )
        found.append(Declaration("generator-settings", "settings", "unsigned", sentence, settings.tool))
    for name in said.generators:
        sentence = Text(f"Names {name}, a generator, as its maker.", zh=f"标明由生成工具 {name} 制作。")
        found.append(Declaration("ai-generated", "tool", "unsigned", sentence, name))
    for name in said.face_apps:
        sentence = Text(f"Names {name}, a tool that alters faces.", zh=f"标明使用了可改动人脸的工具 {name}。")
        found.append(Declaration("edited", "tool", "unsigned", sentence, name))
    return tuple(found)


def _aigc(said: Labels) -> Declaration:
    block = said.aigc
    by = "" if block is None else block.content_producer or block.content_propagator
    sure = block is not None and block.label == GENERATED
    what = Text("AI-generated content", zh="人工智能生成内容")
    if not sure:
        what = Text("content that may be AI-generated", zh="可能为人工智能生成的内容")
    by_en, by_zh = (f", by {by}", f"，生成者：{by}") if by else ("", "")
    sentence = Text(
        f"Carries a label of {what} (AIGC{by_en}), {ANYBODY}.",
        zh=f"带有“{what.in_language('zh')}”标识（AIGC{by_zh}），{ANYBODY.in_language('zh')}。",
    )
    return Declaration("ai-generated", "label", "unsigned", sentence, by)


def _iptc(said: Labels) -> Declaration:
    kind = source_type(said.source_type)
    if kind is None:
        what = Text(f"Declares its source as '{said.source_type}'", zh=f"自称来源类型为“{said.source_type}”")
    elif kind.word in _CAMERA:
        what = Text("Labelled as captured by a camera", zh="标识称由相机拍摄或录制")
    else:
        what = _itself(kind)
    sentence = Text(
        f"{what} (a label, {ANYBODY}).", zh=f"{what.in_language('zh')}（标识，{ANYBODY.in_language('zh')}）。"
    )
    return Declaration(origin_of(said.source_type), "label", "unsigned", sentence)


def of_marks(marks: Sequence[Mark]) -> tuple[Declaration, ...]:
    """A mark names a file, and does not say how it came about; but only the lab marks under the published key."""
    found = []
    for mark in marks:
        whose = (
            Text("of zhenwei's forgery lab", zh="本项目伪造实验室的")
            if mark.published
            else Text("of this installation", zh="本机安装的")
        )
        sentence = Text(
            f"Carries the watermark {whose} ({mark.ident})" + (f", {ANYBODY}." if mark.published else "."),
            zh=f"带有{whose.in_language('zh')}水印（{mark.ident}）"
            + (f"，{ANYBODY.in_language('zh')}。" if mark.published else "。"),
        )
        found.append(Declaration("other", "watermark", "unsigned", sentence))
    return tuple(found)


def of_foreign(found: Foreign | None) -> tuple[Declaration, ...]:
    """The invisible watermark that a generator writes by default."""
    if found is None:
        return ()
    sentence = Text(
        f"Carries the invisible watermark that {found.tool} writes, {ANYBODY}.",
        zh=f"带有 {found.tool} 默认写入的隐形水印，{ANYBODY.in_language('zh')}。",
    )
    return (Declaration("ai-generated", "watermark", "unsigned", sentence, found.tool),)
