"""Is a kept document of the shape that ``schema.json`` lays down? Types, words, lengths and figures that are finite."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from zhenwei.report.structure import schema

# Fields that older reports of this schema do not have, and what their absence meant.
SINCE: Mapping[str, Mapping[str, Any]] = {
    "verdict": {"declared": (), "at_fault": (), "measured_on": "", "unlike": "", "streams": (), "four_ways": ()},
    "evidence": {"finds": "altered", "asked": True, "counted": None, "failed": False},
    "report": {"language": "en"},
}
_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
    "array": (list,),
    "object": (dict,),
}
_LONGEST = 80


@cache
def _definitions() -> dict[str, Any]:
    found: dict[str, Any] = schema()["$defs"]
    return found


def wrong_in(document: Mapping[str, Any]) -> tuple[str, str] | None:
    """The first field that is not as the schema has it, and what stands there, "" where it is missing; None where all
    are. Fields that the schema does not know are passed over, and of those that came later none is missed."""
    kind = "unreadable" if "error" in document else "report"
    return next(_wrong(document, {"$ref": f"#/$defs/{kind}"}, ""), None)


def _wrong(value: Any, rule: Mapping[str, Any], at: str) -> Iterator[tuple[str, str]]:
    name = ""
    if "$ref" in rule:
        name = str(rule["$ref"]).rpartition("/")[2]
        rule = _definitions()[name]
    if "oneOf" in rule:  # null, or something else
        if value is not None:
            yield from _wrong(value, rule["oneOf"][1], at)
    elif not _fits(value, rule, is_declared=at.startswith("file.")):
        yield at, _shown(value)
    elif isinstance(value, dict):
        yield from _wrong_fields(value, rule, at, SINCE.get(name, {}))
    elif isinstance(value, list) and "items" in rule:
        for number, each in enumerate(value):
            yield from _wrong(each, rule["items"], f"{at}[{number}]")


def _wrong_fields(
    value: Mapping[str, Any], rule: Mapping[str, Any], at: str, since: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    known = rule.get("properties", {})
    for name in rule.get("required", ()):
        if name not in value and name not in since:
            yield _named(at, name), ""
    others = rule.get("additionalProperties")
    for name, each in value.items():
        if name in known:
            yield from _wrong(each, known[name], _named(at, name))
        elif isinstance(others, dict):
            yield from _wrong(each, others, _named(at, name))


def _named(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name


def _fits(value: Any, rule: Mapping[str, Any], *, is_declared: bool) -> bool:
    """Whether the value itself is as the rule has it, what is in it aside. Of figures that the file declares the range
    is not ours to say."""
    allowed = rule.get("type", ())
    types = [allowed] if isinstance(allowed, str) else allowed
    within = [rule["const"]] if "const" in rule else rule.get("enum")
    if (types and not any(_is(value, name) for name in types)) or (within is not None and value not in within):
        return False
    if isinstance(value, int | float):
        return _is_finite(value) and (is_declared or rule.get("minimum", value) <= value <= rule.get("maximum", value))
    if isinstance(value, list):
        return bool(rule.get("minItems", 0) <= len(value) <= rule.get("maxItems", len(value)))
    if isinstance(value, str):
        return len(value) >= rule.get("minLength", 0) and bool(re.search(_pattern(rule), value))
    return True


def _pattern(rule: Mapping[str, Any]) -> str:
    """In JSON Schema ``$`` is the end, in Python also what stands before a last line feed."""
    return str(rule.get("pattern", "")).replace("$", r"\Z")


def _is(value: Any, name: str) -> bool:
    """A number without a fraction is a whole one, however it is written."""
    if name == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES[name]) and (name == "boolean" or not isinstance(value, bool))


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond every float
        return False


def _shown(value: Any) -> str:
    """In short, as JSON has it."""
    shown = str(value) if isinstance(value, int | float) and not isinstance(value, bool) else json.dumps(value)
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}…"
