"""The one sentence: what the layers of a file say together, in English and Chinese, and no more than they say.

It never calls a file real: an intact credential tells who claims what, and a missing one tells nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from zhenwei.defence.credential_states import Credential
from zhenwei.defence.declare import ANYBODY, NAMELESS, SIGNATURE_UNFIT
from zhenwei.defence.labels import Labels
from zhenwei.defence.marks import Mark
from zhenwei.defence.sentences import phrase
from zhenwei.defence.source_types import says_ai, source_type
from zhenwei.defence.watermark.foreign import Foreign
from zhenwei.types import Text

Standing = Literal[
    "intact", "altered", "signer-does-not-hold", "certificate-ended", "cannot-be-checked", "marked", "labelled", "bare"
]
Binding = Literal["bound", "other", "unnamed", "missing", "none"]


def sentence(
    standing: Standing,
    binding: Binding,
    credential: Credential,
    marks: Sequence[Mark],
    labels: Labels,
    *,
    ours: bool = False,
    foreign: Foreign | None = None,
) -> Text:
    """Clauses on credential, watermark and labels, in that order, each only where it has something to say."""
    clauses = [_credential(standing, credential, labels, ours), *_mark(standing, binding, credential, marks)]
    if foreign is not None:
        en, zh = "it carries the invisible watermark that {} writes, {}", "带有 {} 默认写入的隐形水印，{}"
        clauses.append(phrase(en, zh, foreign.tool, ANYBODY))
    clauses += _label(standing, credential, labels)
    english = "; ".join(clauses)
    return Text(f"{english[0].upper()}{english[1:]}.", zh="；".join(each.in_language("zh") for each in clauses) + "。")


_HERE = Text("the installation on this machine, which is on nobody's list", zh="即本机安装，不在任何人的信任列表中")
_LISTED = Text("a signer on your trust list", zh="在您信任列表中的签名者")
_UNLISTED = Text(
    "a signer on no list you trust, so the name may be anybody's", zh="不在任何您信任的列表中，名称可能由任何人自称"
)
_BARE = Text(
    "no credential, no watermark and no label was found, which says nothing about how it came about: most files never "
    "had any, and they are easily lost",
    zh="未发现凭证、水印或标识；这不能说明其来历：多数文件本来就没有，而且它们很容易丢失",
)
_BARE_UNREAD = Text(
    "no credential, no watermark and no other trace was found, which says nothing about how it came about: most files "
    "never had any, and they are easily lost; labels are not read in files of this format",
    zh="未发现凭证、水印或其他痕迹；这不能说明其来历：多数文件本来就没有，而且它们很容易丢失；不读取此格式文件中的标识",
)


def _credential(standing: Standing, credential: Credential, labels: Labels, ours: bool) -> Text:
    if standing == "intact":
        return _intact(credential, ours)
    if credential.state != "absent":
        return _fallen(standing, credential)
    if standing == "bare":
        return _BARE if labels.read else _BARE_UNREAD
    return Text("there is no credential (saving anew takes it away)", zh="没有凭证（另存即会丢失）")


def _intact(credential: Credential, ours: bool) -> Text:
    trust = _LISTED if credential.state == "trusted" else _HERE if ours else _UNLISTED
    en, zh = "not a byte was changed since it was signed by {} ({})", "自“{}”（{}）签名以来未有一个字节被改动"
    told = phrase(en, zh, credential.signer or NAMELESS, trust)
    claim = _claim(credential)
    if claim:
        en = "{}, who says that {}; whether that is so, a signature cannot show"
        told = phrase(en, "{}，签名者称其{}；是否属实，签名本身无法证明", told, claim)
    if any(each.problems for each in credential.history):
        en, zh = "{}; but the credential of a file it was made from does not hold", "{}；但其来源文件的凭证无效"
        told = phrase(en, zh, told)
    return told


# By the state of the credential, else by how the file stands. {0}: the signer, {1}: what is wrong.
_FALLEN: dict[str, tuple[str, str]] = {
    "remote": ("{1}, so what it says is not known", "{1}，因此不知其内容"),
    "unreadable": (
        "a credential is there but cannot be checked, so nothing follows from it: {1}",
        "文件带有凭证，但无法验证，因此不能说明任何问题：{1}",
    ),
    "cannot-be-checked": (
        "the credential in the name of {0} cannot be checked, so nothing follows from it: {1}",
        "署名“{0}”的凭证无法验证，因此不能说明任何问题：{1}",
    ),
    "certificate-ended": (
        "the credential in the name of {0} can no longer be relied on: {1}; nothing shows that the file was changed, "
        "but whoever got hold of the old key could have signed it",
        "署名“{0}”的凭证已不可依赖：{1}；没有迹象表明文件被改动，但任何得到旧密钥的人都可能签署",
    ),
    "signer-does-not-hold": (
        "the credential in the name of {0} does not hold: {1}, so it is not known who signed what",
        "署名“{0}”的凭证无效：{1}，因此不知何人签署了何内容",
    ),
    "altered": (
        "the credential in the name of {0} does not hold: {1}, so what it says of the file counts no more",
        "署名“{0}”的凭证无效：{1}，其陈述不再可信",
    ),
}


def _fallen(standing: Standing, credential: Credential) -> Text:
    """A credential that does not hold, or of which that cannot be told."""
    why = credential.problems[0] if credential.problems else SIGNATURE_UNFIT
    en, zh = _FALLEN.get(credential.state) or _FALLEN[standing]
    return phrase(en, zh, credential.signer or NAMELESS, why)


def _claim(credential: Credential) -> Text | None:
    kind = source_type(credential.source_type)
    if kind is not None:
        claim = kind.says
    elif credential.source_type:
        claim = phrase("its source is '{}'", "来源类型为“{}”", credential.source_type)
    elif credential.says_ai:
        return Text("a file it was made from was made or altered by AI", zh="来源文件由人工智能生成或改动")
    else:
        return None
    if credential.says_ai and not says_ai(credential.source_type):
        en, zh = "{} from a file that was made or altered by AI", "{}，其来源文件由人工智能生成或改动"
        return phrase(en, zh, claim)
    return claim


_PUBLISHED = Text("under the published key, with which anybody can write one", zh="使用公开密钥，任何人都可写入")
_BOUND: dict[Binding, Text] = {
    "other": Text(
        ", which is not the one that its credential names: it seems to come from another file",
        zh="，与凭证所指的不同：似乎来自另一文件",
    ),
    "bound": Text(", the one that its credential names", zh="，与凭证所指的一致"),
    "unnamed": Text(
        ", which no credential here names, so it may have been copied from another file",
        zh="，此处没有凭证指明它，可能是从其他文件复制而来",
    ),
}
_UNTOLD = Text(
    ", and after what was done to it since it was marked, nobody can tell whether parts were replaced",
    zh="，加水印后经过的处理使局部是否被替换已无法判断",
)


def _mark(standing: Standing, binding: Binding, credential: Credential, marks: Sequence[Mark]) -> Iterator[Text]:
    if not marks:
        if binding == "missing" and credential.intact:
            en, zh = "the watermark {} that the credential names was not found", "未找到凭证所指的水印 {}"
            yield phrase(en, zh, credential.watermark)
        return
    mark = marks[0]
    whose = _PUBLISHED if mark.published else Text("under a private key", zh="使用私有密钥")
    carried = phrase("it carries the watermark {} {}", "带有水印 {}（{}）", mark.ident, whose)
    state = Text("") if mark.medium == "sound" or standing == "intact" else _state(mark)
    yield phrase("{}{}{}", "{}{}{}", carried, _BOUND.get(binding, Text("")), state)


def _state(mark: Mark) -> Text:
    if mark.intact is None:
        return _UNTOLD
    if mark.intact:
        return Text(
            ", and no part of the picture looks replaced since it was marked", zh="，加水印后未见画面局部被替换"
        )
    percent = str(max(1, round(100 * (mark.altered or 0))))
    en, zh = ", and about {} % of the picture was replaced since it was marked", "，加水印后约 {}% 的画面被替换"
    return phrase(en, zh, percent)


def _label(standing: Standing, credential: Credential, labels: Labels) -> Iterator[Text]:
    """Of the labels proper, then of what generators left."""
    labelled = labels.aigc is not None or says_ai(labels.source_type)
    if labelled and standing == "intact":
        if credential.claim == "captured":
            told = "labels inside it contradict that: they say that AI made or altered it"
            yield Text(told, zh="但文件内的标识与此矛盾：标识称由人工智能生成或改动")
        elif not credential.says_ai:  # else the signer says so already
            yield Text("labels inside it say that AI made or altered it", zh="文件内的标识称其由人工智能生成或改动")
    elif labelled:
        english = "labels in its metadata say that AI made or altered it, which anybody can write"
        yield Text(english, zh="元数据标识称其由人工智能生成或改动，但这类标识任何人都可写入")
    elif labels.source_type and standing != "intact":
        en = "a label in its metadata gives its source as '{}', which anybody can write"
        yield phrase(en, "元数据标识称其来源为“{}”，但这类标识任何人都可写入", labels.source_type)
    yield from _left_behind(labels)


def _left_behind(labels: Labels) -> Iterator[Text]:
    if labels.settings:
        tools = ", ".join(each.tool for each in labels.settings if each.tool)
        shown = phrase(" ({})", "（{}）", tools) if tools else ""
        yield phrase("it carries a generator's settings{}, {}", "带有生成工具的参数{}，{}", shown, ANYBODY)
    if labels.generators:
        en, zh = "it names {}, a generator, as its maker, {}", "标明生成工具 {}，{}"
        yield phrase(en, zh, ", ".join(labels.generators), ANYBODY)
    if labels.face_apps:
        en, zh = "it names {}, which alters faces, as its tool, {}", "标明可改动人脸的工具 {}，{}"
        yield phrase(en, zh, ", ".join(labels.face_apps), ANYBODY)
