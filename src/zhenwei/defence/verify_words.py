"""The one sentence: what the layers of a file say together, in English and Chinese, and no more than they say.

It never calls a file real: an intact credential tells who claims what, and a missing one tells nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from zhenwei.defence.credential_states import Credential
from zhenwei.defence.declare import ANYBODY
from zhenwei.defence.labels import Labels
from zhenwei.defence.marks import Mark
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
    held: Credential,
    marks: Sequence[Mark],
    said: Labels,
    *,
    ours: bool = False,
    foreign: Foreign | None = None,
) -> Text:
    """Clauses on credential, watermark and labels, in that order, each only where it has something to say."""
    clauses = [
        _credential(standing, held, said, ours),
        _mark(standing, binding, held, marks),
        _foreign(foreign),
        *_label(standing, held, said),
    ]
    told = [clause for clause in clauses if clause is not None]
    english = "; ".join(told)
    return Text(f"{english[0].upper()}{english[1:]}.", zh="；".join(each.in_language("zh") for each in told) + "。")


_HERE = Text("the installation on this machine, which is on nobody's list", zh="即本机安装，不在任何人的信任列表中")
_LISTED = Text("a signer on your trust list", zh="在您信任列表中的签名者")
_UNLISTED = Text(
    "a signer on no list you trust, so the name may be anybody's", zh="不在任何您信任的列表中，名称可能由任何人自称"
)


def _credential(standing: Standing, held: Credential, said: Labels, ours: bool) -> Text | None:
    who = held.signer or "somebody without a name"
    named = held.signer or "未具名者"
    if standing == "intact":
        claim = _claim(held)
        trust = _LISTED if held.state == "trusted" else _HERE if ours else _UNLISTED
        english = f"not a byte was changed since it was signed by {who} ({trust})"
        chinese = f"自“{named}”（{trust.in_language('zh')}）签名以来未有一个字节被改动"
        if claim:
            english += f", who says that {claim}; whether that is so, a signature cannot show"
            chinese += f"，签名者称其{claim.in_language('zh')}；是否属实，签名本身无法证明"
        if any(each.problems for each in held.history):
            english += "; but the credential of a file it was made from does not hold"
            chinese += "；但其来源文件的凭证无效"
        return Text(english, zh=chinese)
    if held.state != "absent":
        return _fallen(standing, held, who, named)
    if standing == "bare":
        labels = Text("no label", zh="标识") if said.read else Text("no other trace", zh="其他痕迹")
        english = (
            f"no credential, no watermark and {labels} was found, which says nothing about how it came about: most "
            "files never had any, and they are easily lost"
        )
        chinese = (
            f"未发现凭证、水印或{labels.in_language('zh')}；这不能说明其来历：多数文件本来就没有，而且它们很容易丢失"
        )
        if not said.read:
            english += "; labels are not read in files of this format"
            chinese += "；不读取此格式文件中的标识"
        return Text(english, zh=chinese)
    return Text("there is no credential (saving anew takes it away)", zh="没有凭证（另存即会丢失）")


def _fallen(standing: Standing, held: Credential, who: str, named: str) -> Text:
    """A credential that does not hold, or of which that cannot be told."""
    why = held.problems[0] if held.problems else Text("the signature does not hold", zh="签名无效")
    reason = why.in_language("zh")
    if held.state == "remote":
        return Text(f"{why}, so what it says is not known", zh=f"{reason}，因此不知其内容")
    if held.state == "unreadable":
        english = f"a credential is there but cannot be checked, so nothing follows from it: {why}"
        return Text(english, zh=f"文件带有凭证，但无法验证，因此不能说明任何问题：{reason}")
    if standing == "cannot-be-checked":
        english = f"the credential in the name of {who} cannot be checked, so nothing follows from it: {why}"
        return Text(english, zh=f"署名“{named}”的凭证无法验证，因此不能说明任何问题：{reason}")
    if standing == "certificate-ended":
        english = (
            f"the credential in the name of {who} can no longer be relied on: {why}; nothing shows that the file was "
            "changed, but whoever got hold of the old key could have signed it"
        )
        chinese = f"署名“{named}”的凭证已不可依赖：{reason}；没有迹象表明文件被改动，但任何得到旧密钥的人都可能签署"
        return Text(english, zh=chinese)
    if standing == "signer-does-not-hold":
        english = f"the credential in the name of {who} does not hold: {why}, so it is not known who signed what"
        return Text(english, zh=f"署名“{named}”的凭证无效：{reason}，因此不知何人签署了何内容")
    english = f"the credential in the name of {who} does not hold: {why}, so what it says of the file counts no more"
    return Text(english, zh=f"署名“{named}”的凭证无效：{reason}，其陈述不再可信")


def _claim(held: Credential) -> Text | None:
    kind = source_type(held.source_type)
    if kind is not None:
        claim = kind.says
    elif held.source_type:
        claim = Text(f"its source is '{held.source_type}'", zh=f"来源类型为“{held.source_type}”")
    elif held.says_ai:
        return Text("a file it was made from was made or altered by AI", zh="来源文件由人工智能生成或改动")
    else:
        return None
    if held.says_ai and not says_ai(held.source_type):
        more = Text(" from a file that was made or altered by AI", zh="，其来源文件由人工智能生成或改动")
        return Text(claim + more, zh=claim.in_language("zh") + more.in_language("zh"))
    return claim


def _foreign(found: Foreign | None) -> Text | None:
    if found is None:
        return None
    english = f"it carries the invisible watermark that {found.tool} writes, {ANYBODY}"
    return Text(english, zh=f"带有 {found.tool} 默认写入的隐形水印，{ANYBODY.in_language('zh')}")


def _mark(standing: Standing, binding: Binding, held: Credential, marks: Sequence[Mark]) -> Text | None:
    if not marks:
        if binding == "missing" and held.intact:
            english = f"the watermark {held.watermark} that the credential names was not found"
            return Text(english, zh=f"未找到凭证所指的水印 {held.watermark}")
        return None
    mark = marks[0]
    whose = (
        Text("under the published key, with which anybody can write one", zh="使用公开密钥，任何人都可写入")
        if mark.published
        else Text("under a private key", zh="使用私有密钥")
    )
    english, chinese = (
        f"it carries the watermark {mark.ident} {whose}",
        f"带有水印 {mark.ident}（{whose.in_language('zh')}）",
    )
    if binding == "other":
        english += ", which is not the one that its credential names: it seems to come from another file"
        chinese += "，与凭证所指的不同：似乎来自另一文件"
    elif binding == "bound":
        english += ", the one that its credential names"
        chinese += "，与凭证所指的一致"
    elif binding == "unnamed":
        english += ", which no credential here names, so it may have been copied from another file"
        chinese += "，此处没有凭证指明它，可能是从其他文件复制而来"
    state = _state(standing, mark)
    return Text(english, zh=chinese) if state is None else Text(english + state, zh=chinese + state.in_language("zh"))


def _state(standing: Standing, mark: Mark) -> Text | None:
    if mark.medium == "sound" or standing == "intact":
        return None
    if mark.intact is None:
        english = ", and after what was done to it since it was marked, nobody can tell whether parts were replaced"
        return Text(english, zh="，加水印后经过的处理使局部是否被替换已无法判断")
    if mark.intact:
        return Text(
            ", and no part of the picture looks replaced since it was marked", zh="，加水印后未见画面局部被替换"
        )
    percent = max(1, round(100 * (mark.altered or 0)))
    english = f", and about {percent} % of the picture was replaced since it was marked"
    return Text(english, zh=f"，加水印后约 {percent}% 的画面被替换")


def _label(standing: Standing, held: Credential, said: Labels) -> Iterator[Text]:
    """Of the labels proper, then of what generators left."""
    labelled = said.aigc is not None or says_ai(said.source_type)
    if labelled and standing == "intact":
        if held.claim == "captured":
            told = "labels inside it contradict that: they say that AI made or altered it"
            yield Text(told, zh="但文件内的标识与此矛盾：标识称由人工智能生成或改动")
        elif not held.says_ai:  # else the signer says so already
            yield Text("labels inside it say that AI made or altered it", zh="文件内的标识称其由人工智能生成或改动")
    elif labelled:
        english = "labels in its metadata say that AI made or altered it, which anybody can write"
        yield Text(english, zh="元数据标识称其由人工智能生成或改动，但这类标识任何人都可写入")
    elif said.source_type and standing != "intact":
        english = f"a label in its metadata gives its source as '{said.source_type}', which anybody can write"
        yield Text(english, zh=f"元数据标识称其来源为“{said.source_type}”，但这类标识任何人都可写入")
    yield from _left_behind(said)


def _left_behind(said: Labels) -> Iterator[Text]:
    if said.settings:
        tools = ", ".join(filter(None, (each.tool for each in said.settings)))
        shown, chinese = (f" ({tools})", f"（{tools}）") if tools else ("", "")
        english = f"it carries a generator's settings{shown}, {ANYBODY}"
        yield Text(english, zh=f"带有生成工具的参数{chinese}，{ANYBODY.in_language('zh')}")
    for names, en, zh in (
        (said.generators, "a generator, as its maker", "生成工具"),
        (said.face_apps, "which alters faces, as its tool", "可改动人脸的工具"),
    ):
        if names:
            listed = ", ".join(names)
            yield Text(f"it names {listed}, {en}, {ANYBODY}", zh=f"标明{zh} {listed}，{ANYBODY.in_language('zh')}")
