"""The plain sentences of a verdict, in English and Chinese."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from zhenwei.types import Decision, Text, in_language

_NO_LEANING = 0.1  # an LLR smaller than this leans nowhere


@dataclass(frozen=True, slots=True)
class Subject:
    """Who or what a sentence is about, as it stands inside a sentence."""

    en: str
    zh: str

    @property
    def capital(self) -> str:
        return self.en[:1].upper() + self.en[1:]


def of_person(number: int) -> Subject:
    return Subject(f"the face of person {number}", f"人物 {number} 的人脸")


def of_file() -> Subject:
    return Subject("the file", "此文件")


def of_worst(number: int, decision: Decision, examined: int) -> Subject:
    """The subject of the sentence on a file in which that many people were examined, ``number`` the most suspicious."""
    if examined == 1:
        return of_person(number)
    if decision == "forged":
        en, zh = (
            f"the face of person {number}, the most suspicious of {examined},",
            f"{examined} 人中最可疑的人物 {number} 的人脸",
        )
        return Subject(en, zh)
    if decision == "genuine":
        return Subject(f"each of the {examined} faces examined", f"所检验的 {examined} 张人脸均")
    return of_file()


def decided(subject: Subject, decision: Decision, rate: float) -> Text:
    count, of = _share(rate)
    few = f"at most {count}" if count else "fewer than 1"
    few_zh = f"最多有 {count} 个" if count else "不到 1 个"
    if decision == "forged":
        return Text(
            f"{subject.capital} looks forged: of {of:,} genuine files {few} would look this suspicious.",
            zh=f"{subject.zh}看起来是伪造的：每 {of:,} 个真实文件中{few_zh}会如此可疑。",
        )
    return Text(
        f"{subject.capital} looks genuine: of {of:,} forged files {few} would look this clean.",
        zh=f"{subject.zh}看起来是真实的：每 {of:,} 个伪造文件中{few_zh}会如此干净。",
    )


def undecided(subject: Subject, llr: float, false_alarm: float, miss: float) -> Text:
    if abs(llr) < _NO_LEANING:
        return Text(f"The evidence on {subject.en} leans neither way.", zh=f"关于{subject.zh}的证据没有倾向。")
    forged = llr > 0
    side, other = ("forged", "genuine") if forged else ("genuine", "forged")
    side_zh, other_zh = ("伪造", "真实") if forged else ("真实", "伪造")
    count, of = _share(false_alarm if forged else miss)
    return Text(
        f"The evidence on {subject.en} leans towards {side}, but not firmly enough to be wrong on at most {count} of "
        f"{of:,} {other} files.",
        zh=f"关于{subject.zh}的证据倾向于{side_zh}，但不足以保证每 {of:,} 个{other_zh}文件中最多误判 {count} 个。",
    )


def nothing(subject: Subject, reasons: Sequence[tuple[str, str]]) -> Text:
    """``reasons``: detector and why it abstains; each reason is said once, in the order of the detectors."""
    ordered = [reason for _, reason in sorted(reasons) if reason]
    unique = {str(reason): in_language(reason, "zh") for reason in ordered}
    why, why_zh = "; ".join(unique) or "no detector had an answer", "；".join(unique.values()) or "没有检测器给出结论"
    return Text(f"Nothing can be said about {subject.en}: {why}.", zh=f"无法对{subject.zh}作出判断：{why_zh}。")


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


def _share(rate: float) -> tuple[int, int]:
    """A rate as so many of 100, 1,000 or 10,000, rounded up; 0 of 10,000 stands for fewer than 1."""
    of = next((n for n in (100, 1_000, 10_000) if rate * n >= 1 - 1e-9), 0)
    return (math.ceil(rate * of - 1e-9), of) if of else (0, 10_000)
