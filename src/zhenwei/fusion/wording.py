"""The plain sentences of a verdict, in English and Chinese."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from zhenwei.types import Decision, Kind, Stream, Text, in_language

_DIGITS = re.compile(r"[0-9.,]+")
Leaning = Literal["forged", "genuine", "neither"]


def leaning(llr: float) -> Leaning:
    """Which side an LLR leans to, as it is shown: what is shown as 0.0 leans nowhere. One rule for every sentence."""
    shown = round(llr, 1)
    return "forged" if shown > 0 else "genuine" if shown < 0 else "neither"


def signed(llr: float, digits: int = 1) -> str:
    """An LLR as it is shown: with a sign, but for what is shown as zero."""
    shown = round(llr, digits)
    return f"{shown:+.{digits}f}" if shown else f"{0:.{digits}f}"


def ratio(llr: float) -> str:
    """How many times likelier the evidence is on the side that the LLR leans to."""
    times = math.exp(min(abs(llr), math.log(10_000)))
    return f"{times:.1f}" if times < 10 else f"{times:,.0f}" if times < 9_999 else "10,000+"


def one_in(rate: float) -> tuple[int, int]:
    """An upper limit of a rate as so many of so many: (1, 46) for 0.0215, (6, 10) for 0.6. Never less than it is; to
    two figures above 20; a rate below 1 in 10,000 is that."""
    if rate > 1 / 3:
        return min(10, math.ceil(rate * 10 - 1e-9)), 10
    count = min(10_000, math.floor(1 / rate + 1e-9)) if rate > 0 else 10_000
    step = 10 ** max(0, len(str(count)) - 2)
    return 1, count // step * step


@dataclass(frozen=True, slots=True)
class SentenceSubject:
    """Who or what a sentence is about, as it stands inside a sentence."""

    en: str
    zh: str

    @property
    def capital(self) -> str:
        return self.en[:1].upper() + self.en[1:]


def of_person(number: int) -> SentenceSubject:
    return SentenceSubject(f"the face of person {number}", f"人物 {number} 的人脸")


def of_file() -> SentenceSubject:
    return SentenceSubject("the file", "此文件")


_STREAMS: dict[Stream, tuple[str, str]] = {
    "picture": ("the picture", "画面"),
    "voice": ("the voice", "语音"),
    "pairing": ("the match of picture and sound", "画面与声音的配合"),
    "declared": ("the file, by what it says of itself,", "根据其自述，此文件"),
}


def of_stream(stream: Stream) -> SentenceSubject:
    return SentenceSubject(*_STREAMS[stream])


def of_both() -> SentenceSubject:
    return SentenceSubject("each of picture and voice", "画面与语音均")


def of_worst(number: int, decision: Decision, examined: int) -> SentenceSubject:
    """The subject of the sentence on a file in which that many people were examined, ``number`` the most suspicious."""
    if examined == 1:
        return of_person(number)
    if decision == "forged":
        en = f"the face of person {number}, the most suspicious of {examined},"
        return SentenceSubject(en, f"{examined} 人中最可疑的人物 {number} 的人脸")
    if decision == "genuine":
        return SentenceSubject(f"each of the {examined} faces examined", f"所检验的 {examined} 张人脸均")
    return of_file()


def decided(subject: SentenceSubject, decision: Decision, rate: float) -> Text:
    few, of = one_in(rate)
    if decision == "forged":
        return Text(
            f"{subject.capital} looks forged: at most {few} in {of:,} genuine files would look this suspicious.",
            zh=f"{subject.zh}看起来是伪造的：每 {of:,} 个真实文件中最多 {few} 个会如此可疑。",
        )
    return Text(
        f"{subject.capital} looks genuine: at most {few} in {of:,} forged files would look this clean.",
        zh=f"{subject.zh}看起来是真实的：每 {of:,} 个伪造文件中最多 {few} 个会如此干净。",
    )


def undecided(subject: SentenceSubject, llr: float, false_alarm: float, miss: float, *, least: float) -> Text:
    """Why an LLR is no decision: it leans nowhere, weighs less than ``least``, or is not rare enough on one side."""
    side = leaning(llr)
    if side == "neither":
        return Text(f"The evidence on {subject.en} leans neither way.", zh=f"关于{subject.zh}的证据没有倾向。")
    side_zh = "伪造" if side == "forged" else "真实"
    other, other_zh = ("genuine", "真实") if side == "forged" else ("forged", "伪造")
    if abs(llr) < least:
        found, wanted = ratio(llr), ratio(least)
        under, under_zh = ("slightly less than ", "略低于") if found == wanted else ("", "为")
        return Text(
            f"{subject.capital} looks slightly more {side} than {other}: what was found is {under}{found} times "
            f"likelier in a {side} file, and a decision asks for {wanted} times.",
            zh=f"{subject.zh}看起来略偏向{side_zh}：检验发现在{side_zh}文件中出现的可能性{under_zh}另一类文件的 "
            f"{found} 倍，作出判定至少需要 {wanted} 倍。",
        )
    few, of = one_in(false_alarm if side == "forged" else miss)
    many, many_zh = ("genuine files", "真实文件") if side == "forged" else ("forgeries", "伪造品")
    return Text(
        f"{subject.capital} looks more {side} than {other}, but too many {many} look like this, too: perhaps more than "
        f"{few} in {of:,}.",
        zh=f"{subject.zh}看起来更像{side_zh}而非{other_zh}，但太多{many_zh}也是如此：可能超过每 {of:,} 个中 {few} 个。",
    )


def declares_itself(measured: Text) -> Text:
    """``measured``: what the examination found besides."""
    english = "The file itself says that AI made or altered it; that is its own statement, and no measurement."
    chinese = "此文件自称由人工智能制作或改动；这是其自述，而非测量结果。"
    return Text(f"{english} Measured: {measured}", zh=f"{chinese}测量结果：{measured.in_language('zh')}")


def nothing(subject: SentenceSubject, reasons: Sequence[tuple[str, str]]) -> Text:
    """``reasons``: detector and why it abstains. The one that most of them give is said."""
    reason = most_useful(reasons)
    if reason is None:
        return Text(
            f"Nothing can be said about {subject.en}: no detector had an answer.",
            zh=f"无法对{subject.zh}作出判断：没有检测器给出结论。",
        )
    return Text(
        f"Nothing can be said about {subject.en}: {reason.rstrip('.')}.",
        zh=f"无法对{subject.zh}作出判断：{in_language(reason, 'zh').rstrip('。')}。",
    )


def most_useful(reasons: Sequence[tuple[str, str]]) -> str | None:
    """Of detectors and why they abstain, the reason that most give, figures in it aside: no face, too soft, no speech.
    Of equally common ones that of the first detector in the alphabet; None where none gives any."""
    alike: dict[str, list[str]] = {}  # by the reason without its figures
    for _, reason in sorted(reasons, key=lambda pair: pair[0]):
        if reason:
            alike.setdefault(_DIGITS.sub("#", reason), []).append(reason)
    return max(alike.values(), key=len)[0] if alike else None  # max() takes the first of equals


_MEDIA: dict[Kind, tuple[str, str]] = {
    "image": ("pictures", "图片"),
    "video": ("clips", "视频"),
    "audio": ("recordings", "录音"),
}
_MAX_NAMED = 6


def measured_on(measured: Sequence[tuple[Kind, Sequence[tuple[str, int, int]]]]) -> Text:
    """For each kind of media: name of a source, and how many genuine and forged media of it the rates come from. Empty
    for none."""
    sentences = [_measured_on(kind, rows) for kind, rows in measured]
    return Text(" ".join(sentences), zh="".join([sentence.zh for sentence in sentences]))


def _measured_on(kind: Kind, rows: Sequence[tuple[str, int, int]]) -> Text:
    names: list[str] = []
    genuine = forged = 0
    for name, its_genuine, its_forged in sorted(rows, key=lambda row: (-row[1] - row[2], row[0])):
        names.append(name)
        genuine += its_genuine
        forged += its_forged
    more = len(names) - _MAX_NAMED
    listed = ", ".join(names[:_MAX_NAMED]) + (f" and {more} more" if more > 0 else "")
    listed_zh = "、".join(names[:_MAX_NAMED]) + (f" 等 {len(names)} 个" if more > 0 else "")
    media, media_zh = _MEDIA[kind]
    sources = f"{len(rows)} source{'s' * (len(rows) != 1)}"
    return Text(
        f"Rates were measured on {genuine:,} genuine and {forged:,} forged {media} from {sources} ({listed}) "
        "and hold in the worst of these. On media of other kinds they may be higher.",
        zh=f"比率测自 {len(rows)} 个来源（{listed_zh}）的 {genuine:,} 个真实和 {forged:,} 个伪造{media_zh}，"
        "以其中最差的来源为准。对其他类型的素材，错误率可能更高。",
    )


# In English, in Chinese, and to how many digits.
_QUALITIES: Mapping[str, tuple[str, str, int]] = {
    "face_px": ("the face measures {value} px", "人脸为 {value} 像素", 0),
    "sharpness": ("its sharpness is {value}", "其清晰度为 {value}", 0),
    "brightness": ("its brightness is {value}", "其亮度为 {value}", 2),
}
_MOST_DIGITS = 6


def unlike(outside: Sequence[tuple[str, float, float, float]]) -> Text:
    """``outside``: quality, its value, and the range that was measured; an empty sentence where there is none."""
    en, zh = [], []
    for name, value, low, high in outside:
        if name in _QUALITIES:
            english, chinese, digits = _QUALITIES[name]
            while digits < _MOST_DIGITS and round(low, digits) <= round(value, digits) <= round(high, digits):
                digits += 1  # until what is outside is seen to be
            if round(low, digits) <= round(value, digits) <= round(high, digits):
                continue  # by a hair's breadth
            shown, measured = f"{value:.{digits}f}", f"{low:.{digits}f}–{high:.{digits}f}"
            en.append(f"{english.format(value=shown)}, measured were {measured}")
            zh.append(f"{chinese.format(value=shown)}，测量范围为 {measured}")
    if not en:
        return Text("", zh="")
    return Text(
        f"This file is unlike all that was measured: {'; '.join(en)}. "
        "How often such files are judged wrongly is not known.",
        zh=f"此文件与所有测量过的文件都不同：{'；'.join(zh)}。此类文件的误判率未知。",
    )


def with_scope(sentence: Text, decision: Decision, examined: int, left_out: int) -> Text:
    """Adds how many people the rate allows for, and that nothing is said of those who could not be examined."""
    en, zh = [str(sentence)], [sentence.in_language("zh")]
    if decision == "forged" and examined > 1:
        en.append(f"The rate allows for {examined} people having been looked at.")
        zh.append(f"此比率已按所检验的 {examined} 人校正。")
    if examined and left_out:
        who = "1 other person" if left_out == 1 else f"{left_out} other people"
        en.append(f"{who} could not be examined, and this says nothing of them.")
        zh.append(f"另有 {left_out} 人无法检验，本结论与其无关。")
    return Text(" ".join(en), zh="".join(zh))
