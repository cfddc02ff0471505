"""From what C2PA's reader reports to what a person is told: the state, the claim, the history, the problems."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from zhenwei.defence.credential_codes import Cause, Failure, failures, first_cause, line
from zhenwei.defence.sentences import json_value, phrase
from zhenwei.defence.source_types import IPTC_TERMS, says_ai, source_type, word
from zhenwei.types import Text

Claim = Literal["captured", "edited", "ai-generated", "ai-edited"]
State = Literal["absent", "remote", "valid", "trusted", "invalid", "unreadable"]
CLAIMS: tuple[Claim, ...] = get_args(Claim)
SOURCE_TYPES: Mapping[Claim, str] = {
    "captured": f"{IPTC_TERMS}digitalCapture",
    "edited": f"{IPTC_TERMS}humanEdits",
    "ai-generated": f"{IPTC_TERMS}trainedAlgorithmicMedia",
    "ai-edited": f"{IPTC_TERMS}compositeWithTrainedAlgorithmicMedia",
}
HEX = re.compile(r"([0-9a-f]{2}){1,64}")
_MAX_DEPTH = 64
_MAX_TOLD = 32


@dataclass(frozen=True, slots=True)
class Ancestor:
    """A file that it was made from, as the credential has it. ``relationship``: C2PA's word ("parentOf", "componentOf",
    "inputTo"). ``credential``: whether it brought one of its own; ``signer`` and ``source_type`` are of that.
    ``problems``: what the signers after it found wrong with it, or C2PA's reader finds now."""

    title: str = ""
    relationship: str = ""
    credential: bool = False
    signer: str = ""
    source_type: str = ""
    problems: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True)
class Credential:
    """What a file's credential says. All but ``state``, ``cause`` and ``problems`` are the signer's words, not facts.

    ``state``: "absent"; "remote" = on the network, where nothing is fetched; "valid" = intact, by a signer on no list
    that the reader trusts; "trusted" = intact, by one on it; "invalid" = it does not hold, or cannot be checked, which
    ``cause`` tells apart; "unreadable" = damaged so that nothing can be said. ``cause``: see
    :data:`~zhenwei.defence.credential_codes.Cause`, None where it holds or is absent. ``codes``: those of C2PA's that
    say so. ``claim``: None where the source type is none of ours. ``source_type``: the IPTC's word. ``history``: the
    files it was made from, the nearest first; ``ancestry``: their source types. ``redactions``: statements of theirs
    that a later signer took out. ``manifests``: how many credentials the file carries. ``watermark``: hexadecimal, the
    identifier that the signer says the file carries.
    """

    state: State
    cause: Cause | None = None
    codes: tuple[str, ...] = ()
    signer: str = ""
    claim: Claim | None = None
    source_type: str = ""
    actions: tuple[str, ...] = ()
    watermark: str = ""
    recipe: Mapping[str, Any] | None = None
    generator: str = ""
    title: str = ""
    ancestry: tuple[str, ...] = ()
    history: tuple[Ancestor, ...] = ()
    redactions: tuple[str, ...] = ()
    manifests: int = 0
    problems: tuple[Text, ...] = ()

    @property
    def intact(self) -> bool:
        return self.state in ("valid", "trusted")

    @property
    def says_ai(self) -> bool:
        """Whether it, or one of the files that it was made from, is said to come of a model. Not whether so."""
        return any(map(says_ai, (self.source_type, *self.ancestry)))

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold, with every field."""
        found: dict[str, Any] = json_value(self)
        return found


def interpret(store: object, watermark_algorithm: str, recipe_label: str, *, whole: bool) -> Credential:
    """The credential behind the JSON of C2PA's reader, whose every value may be a stranger's. ``whole``: of this format
    the signature covers everything but the credential, unless the signer wants less."""
    report = _dict(store)
    manifests = _dict(report.get("manifests"))
    active = _dict(manifests.get(str(report.get("active_manifest"))))
    chain = _reached(report, manifests)
    judged = _judged(report, chain, whole)
    if not active:
        lacks = Text("it has no active manifest", zh="没有有效的清单")
        return Credential("unreadable", cause="unchecked", problems=(*judged.problems, lacks))
    history = tuple(_history(chain, manifests))[:_MAX_TOLD]
    redacted = tuple(dict.fromkeys(_redactions(chain)))[:_MAX_TOLD]
    stray = len(manifests) - len(chain) if len(chain) < _MAX_DEPTH else 0
    kind = _source_type(active)
    return replace(
        judged,
        signer=_signer(active),
        claim=_claim(kind),
        source_type=kind,
        actions=tuple(line(action.get("action")) for action in _actions(active)),
        watermark=_watermark(active, watermark_algorithm),
        recipe=_recipe(active, recipe_label),
        problems=tuple(dict.fromkeys((*judged.problems, *_notes(redacted, stray)))),
        generator=_generator(active),
        title=line(active.get("title")),
        ancestry=tuple(dict.fromkeys(each.source_type for each in history if each.source_type)),
        history=history,
        redactions=redacted,
        manifests=len(manifests),
    )


def _signer(manifest: Mapping[str, Any]) -> str:
    signature = _dict(manifest.get("signature_info"))
    names = (line(signature.get("issuer")), line(signature.get("common_name")))
    return ", ".join(dict.fromkeys(filter(None, names)))


def _generator(manifest: Mapping[str, Any]) -> str:
    """The program that wrote it: a list of names in C2PA 2.x, one line before."""
    named = []
    for each in _dicts(manifest, "claim_generator_info"):
        name, version = line(each.get("name")), line(each.get("version"))
        named.append(f"{name} {version}".strip())
    return ", ".join(filter(None, named)) or line(manifest.get("claim_generator"))


def _claim(kind: str) -> Claim | None:
    found = source_type(kind)
    for claim in CLAIMS:
        if found is not None and claim == found.origin:
            return claim
    return None


_LEFT_OUT = Text(
    "the signer left parts of the file out of what the signature covers", zh="签名者未将文件的全部内容纳入签名范围"
)
_STATES: dict[str, State] = {"Valid": "valid", "Trusted": "trusted"}


def _judged(report: Mapping[str, Any], chain: Mapping[str, Mapping[str, Any]], whole: bool) -> Credential:
    """State, cause, codes and problems, the active credential's first; what fails of an ancestor makes the file invalid
    only where C2PA's reader says so."""
    results = _dict(report.get("validation_results"))
    active = _dict(results.get("activeManifest"))
    if results:
        passed = [each.get("code") for each in _dicts(active, "success")]
        own = failures(_dicts(active, "failure"), sure=True, passed=passed)
    else:  # as readers before C2PA 2.0 report it
        own = failures(_dicts(report, "validation_status"), sure=False)
    deltas = _of_deltas(results)
    problems = _told(own)
    informed = [each.get("code") for each in _dicts(active, "informational")]
    if whole and "assertion.dataHash.additionalExclusionsPresent" in informed:
        problems.append(_LEFT_OUT)
    problems += map(_of_ancestor, _told(deltas))
    for manifest in chain.values():
        for ingredient in _dicts(manifest, "ingredients"):
            problems += map(_of_ancestor, _told(_recorded(ingredient)))
    said = report.get("validation_state")
    state: State = "invalid" if own else "valid"
    if isinstance(said, str):
        state = _STATES.get(said, "invalid")
    cause = None if state != "invalid" else first_cause(own) or first_cause(deltas) or "unchecked"
    codes = dict.fromkeys(failure.code for failure in (*own, *deltas))
    return Credential(state, cause, tuple(codes), problems=tuple(dict.fromkeys(problems))[:_MAX_TOLD])


def _told(found: list[Failure]) -> list[Text]:
    return list(dict.fromkeys(failure.told for failure in found))


def _of_deltas(results: Mapping[str, Any]) -> list[Failure]:
    """What C2PA's reader finds wrong with the credentials of ingredients, beyond what was recorded of them."""
    found = []
    for delta in _dicts(results, "ingredientDeltas"):
        found += failures(_dicts(_dict(delta.get("validationDeltas")), "failure"), sure=True)
    return found


def _recorded(ingredient: Mapping[str, Any]) -> list[Failure]:
    """What the signer who took a file in found wrong with its credential: by C2PA 2.x, or as a plain list before."""
    results = _dict(ingredient.get("validation_results"))
    found = failures(_dicts(_dict(results.get("activeManifest")), "failure"), sure=True)
    return found + _of_deltas(results) + failures(_dicts(ingredient, "validation_status"), sure=False)


def _of_ancestor(told: Text) -> Text:
    return phrase("of a file it was made from: {}", "其来源文件：{}", told)


def _notes(redacted: tuple[str, ...], stray: int) -> Iterator[Text]:
    if redacted:
        en = "a signer took statements out of the credential of a file it was made from: {}"
        yield phrase(en, "签名者删去了其来源文件凭证中的陈述：{}", ", ".join(redacted))
    if stray > 0:
        en = f"it carries {stray} more credential{'s' if stray > 1 else ''} that its history does not name"
        yield Text(en, zh=f"另有 {stray} 个凭证未出现在其历史记录中")


def _reached(report: Mapping[str, Any], manifests: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The active credential and those of all that it was made from, by name, the nearest first."""
    found: dict[str, Mapping[str, Any]] = {}
    waiting = [str(report.get("active_manifest"))]
    while waiting and len(found) < _MAX_DEPTH:
        name = waiting.pop(0)
        manifest = _dict(manifests.get(name))
        if manifest and name not in found:
            found[name] = manifest
            waiting += [str(each.get("active_manifest")) for each in _dicts(manifest, "ingredients")]
    return found


def _history(chain: Mapping[str, Mapping[str, Any]], manifests: Mapping[str, Any]) -> Iterator[Ancestor]:
    for manifest in chain.values():
        for ingredient in _dicts(manifest, "ingredients"):
            below = _dict(manifests.get(str(ingredient.get("active_manifest"))))
            yield Ancestor(
                line(ingredient.get("title")),
                line(ingredient.get("relationship")),
                bool(below),
                _signer(below),
                _source_type(below) or word(line(ingredient.get("digital_source_type"))),
                tuple(_told(_recorded(ingredient))),
            )


def _redactions(chain: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Labels of the statements that were taken out, whose addresses end in them."""
    for manifest in chain.values():
        for address in _list(manifest.get("redactions")):
            if isinstance(address, str):
                yield line(address).rsplit("/", 1)[-1]


def _actions(manifest: Mapping[str, Any], key: str = "actions") -> Iterator[Mapping[str, Any]]:
    for actions in _assertions(manifest, "c2pa.actions"):
        yield from _dicts(actions, key)


_METADATA = ("c2pa.metadata", "cawg.metadata", "stds.iptc", "stds.iptc.photo-metadata", "stds.schema-org.CreativeWork")
_IN_METADATA = re.compile(r"(?:.*:)?digitalSourceType", re.IGNORECASE)


def _source_type(manifest: Mapping[str, Any]) -> str:
    """Of several, one that speaks of AI before any other, then the last; actions before templates and metadata."""
    written = [template.get("digitalSourceType") for template in _actions(manifest, "templates")]
    for label in _METADATA:
        for data in _assertions(manifest, label):
            written += [value for key, value in data.items() if _IN_METADATA.fullmatch(str(key))]
    written += [action.get("digitalSourceType") for action in _actions(manifest)]
    kinds = [word(line(each)) for each in reversed(written)]
    return next(filter(says_ai, kinds), "") or next(filter(None, kinds), "")


def _watermark(manifest: Mapping[str, Any], algorithm: str) -> str:
    for data in _assertions(manifest, "c2pa.soft-binding"):
        if data.get("alg") == algorithm:
            for block in _dicts(data, "blocks"):
                value = block.get("value")
                if isinstance(value, str) and HEX.fullmatch(value):
                    return value
    return ""


def _recipe(manifest: Mapping[str, Any], label: str) -> Mapping[str, Any] | None:
    """The first that is the text of a JSON object."""
    for data in _assertions(manifest, label):
        text = data.get("json")
        try:
            found = json.loads(text, parse_constant=_no_number) if isinstance(text, str) else None
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            return found
    return None


def _no_number(word: str) -> None:
    raise ValueError(word)  # NaN and infinities, which JSON does not have


def _assertions(manifest: Mapping[str, Any], label: str) -> Iterator[Mapping[str, Any]]:
    """Data of the assertions of that label, whatever its version (``.v2``) or number (``__1``)."""
    for each in _dicts(manifest, "assertions"):
        name = each.get("label")
        if isinstance(name, str) and re.fullmatch(re.escape(label) + r"(\.v\d+)?(__\d+)?", name):
            yield _dict(each.get("data"))


def _dict(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _dicts(value: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """The list under ``key``; what is no object in it is an empty one."""
    return [_dict(each) for each in _list(value.get(key))]
