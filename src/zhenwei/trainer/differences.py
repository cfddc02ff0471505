"""In what two runs differ, in words: setting by setting, and no digests."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from zhenwei.types import Text
from zhenwei.words import translated

_DIGEST = re.compile(r"[0-9a-f]{64}")
_NOTHING = "nothing"
_KIND, _DATA, _CONSENT = "kind", "data", "consent"
_NAMES = {
    "augment": "增广",
    "batch": "每步数量",
    "blocks": "残差块数",
    "data": "数据",
    "kind": "类型",
    "points": "关键点数",
    "rate": "学习率",
    "seed": "随机种子",
    "side": "边长",
    "steps": "步数",
    "subject": "人物",
    "subjects": "人物",
    "width": "宽度",
}  # of the options; others stay as they are called
_OTHER_FILES = Text("what it learned from was something else", zh="所学的数据不同")
_OTHER_CONSENT = Text("its consent manifest was another", zh="同意清单不同")


def differences(was: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[Text, ...]:
    """Of what a run was made of and what it is to go on with, as ``width 32 instead of 24``; none where they agree.
    Only what ``now`` names counts. Where the kind is another, so is much that follows from it, and it alone is told."""
    before, after = _flat(was), _flat(now)
    named = after.keys() | {key for key in before if key.partition("/")[0] in now}
    differ = sorted(key for key in named if before.get(key) != after.get(key))
    kinds = [key for key in differ if key.rpartition("/")[2] == _KIND]
    found, names = dict[Text, None](), {key.rpartition("/")[2] for key in differ}
    for key in kinds or differ:
        name, old, new = key.rpartition("/")[2], before.get(key), after.get(key)
        if not _is_digest(old) and not _is_digest(new):
            found[_told(name, old, new)] = None  # some stand in two places
        elif name == _CONSENT:
            found[_OTHER_CONSENT] = None
        elif _DATA not in names:  # else their words say it
            found[_OTHER_FILES] = None
    return tuple(found)


def listed(found: tuple[Text, ...]) -> Text:
    """Several differences in one line."""
    return Text("; ".join(found), zh="；".join(each.in_language("zh") for each in found))


def _told(name: str, old: object, new: object) -> Text:
    en, zh = name.replace("_", " "), _NAMES.get(name, name)
    then, now = _value(old), _value(new)
    return Text(f"{en} {now} instead of {then}", zh=f"{zh}为 {_chinese(now)}，原为 {_chinese(then)}")


def _chinese(value: str) -> str:
    return "无" if value == _NOTHING else "、".join(translated(part, "zh") for part in value.split("; "))


def _value(value: object) -> str:
    if isinstance(value, list | tuple):
        return " and ".join(map(_value, value))
    if isinstance(value, float):
        return f"{value:g}"
    return _NOTHING if value is None or value == "" else str(value)


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


def _flat(values: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= _flat(value, f"{above}{key}/") if isinstance(value, dict) else {f"{above}{key}": value}
    return found
