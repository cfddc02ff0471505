"""From what C2PA's reader reports to what a person is told: the state, the claim, the history, the problems."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from zhenwei.defence.credential_codes import Cause, Failure, failures, first_cause
from zhenwei.defence.source_types import IPTC_TERMS, says_ai, source_type, word
from zhenwei.media.facts import clean
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
_HEX = re.compile(r"([0-9a-f]{2}){1,64}")
_DEEPEST = 64
_MOST_TOLD = 32
_LONGEST = 300


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
    signer: str = ""
    claim: Claim | None = None
    source_type: str = ""
    actions: tuple[str, ...] = ()
    watermark: str = ""
    recipe: Mapping[str, Any] | None = None
    problems: tuple[Text, ...] = ()
    generator: str = ""
    title: str = ""
    ancestry: tuple[str, ...] = ()
    cause: Cause | None = None
    codes: tuple[str, ...] = ()
    history: tuple[Ancestor, ...] = ()
    redactions: tuple[str, ...] = ()
    manifests: int = 0

    @property
    def intact(self) -> bool:
        return self.state in ("valid", "trusted")

    @property
    def says_ai(self) -> bool:
        """Whether it, or one of the files that it was made from, is said to come of a model. Not whether so."""
        return any(map(says_ai, (self.source_type, *self.ancestry)))

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold, with every field."""
        return {
            "state": self.state,
            "cause": self.cause,
            "codes": list(self.codes),
            "signer": self.signer,
            "claim": self.claim,
            "source_type": self.source_type,
            "actions": list(self.actions),
            "watermark": self.watermark,
            "recipe": dict(self.recipe) if self.recipe is not None else None,
            "generator": self.generator,
            "title": self.title,
            "ancestry": list(self.ancestry),
            "history": [asdict(each) | {"problems": [str(p) for p in each.problems]} for each in self.history],
            "redactions": list(self.redactions),
            "manifests": self.manifests,
            "problems": [str(problem) for problem in self.problems],
        }


def interpret(store: object, watermark_algorithm: str, recipe_label: str, *, whole: bool) -> Credential:
    """The credential behind the JSON of C2PA's reader, whose every value may be a stranger's. ``whole``: of this format
    the signature covers everything but the credential, unless the signer wants less."""
    manifests = _dict(_dict(store).get("manifests"))
    active = _dict(manifests.get(str(_dict(store).get("active_manifest"))))
    chain = _reached(_dict(store), manifests)
    judged = _judged(_dict(store), chain, whole)
    if not active:
        lacks = Text("it has no active manifest", zh="没有有效的清单")
        return Credential("unreadable", cause="unchecked", problems=(*judged.problems, lacks))
    history = tuple(_history(chain, manifests))[:_MOST_TOLD]
    redacted = tuple(dict.fromkeys(_redactions(chain)))[:_MOST_TOLD]
    stray = len(manifests) - len(chain) if len(chain) < _DEEPEST else 0
    return Credential(
        judged.state,
        signer=_signer(active),
        claim=_claim(_source_type(active)),
        source_type=_source_type(active),
        actions=tuple(_line(action.get("action")) for action in _actions(active)),
        watermark=_watermark(active, watermark_algorithm),
        recipe=next((r for r in map(_recipe, _assertions(active, recipe_label)) if r is not None), None),
        problems=tuple(dict.fromkeys((*judged.problems, *_notes(redacted, stray)))),
        generator=_generator(active),
        title=_line(active.get("title")),
        ancestry=tuple(dict.fromkeys(each.source_type for each in history if each.source_type)),
        cause=judged.cause,
        codes=judged.codes,
        history=history,
        redactions=redacted,
        manifests=len(manifests),
    )


def _signer(manifest: Mapping[str, Any]) -> str:
    signature = _dict(manifest.get("signature_info"))
    return ", ".join(dict.fromkeys(filter(None, (_line(signature.get(key)) for key in ("issuer", "common_name")))))


def _generator(manifest: Mapping[str, Any]) -> str:
    """The program that wrote it: a list of names in C2PA 2.x, one line before."""
    named = [
        " ".join(filter(None, (_line(each.get("name")), _line(each.get("version")))))
        for each in map(_dict, _list(manifest.get("claim_generator_info")))
    ]
    return ", ".join(filter(None, named)) or _line(manifest.get("claim_generator"))


def _claim(kind: str) -> Claim | None:
    found = source_type(kind)
    return next((claim for claim in CLAIMS if found is not None and claim == found.origin), None)


_LEFT_OUT = Text(
    "the signer left parts of the file out of what the signature covers", zh="签名者未将文件的全部内容纳入签名范围"
)


@dataclass(frozen=True, slots=True)
class _Judged:
    state: State
    cause: Cause | None
    codes: tuple[str, ...]
    problems: tuple[Text, ...]


def _judged(store: Mapping[str, Any], chain: Mapping[str, Mapping[str, Any]], whole: bool) -> _Judged:
    """What fails of the active credential comes first. What fails of an ancestor makes the file invalid only where
    C2PA's reader says so: not where a signer after it had seen and told it."""
    results = _dict(store.get("validation_results"))
    if results:
        passed = [each.get("code") for each in _statuses(_dict(results.get("activeManifest")), "success")]
        own = failures(_statuses(_dict(results.get("activeManifest")), "failure"), sure=True, passed=passed)
    else:  # as readers before C2PA 2.0 report it
        own = failures(map(_dict, _list(store.get("validation_status"))), sure=False)
    deltas = [
        failure
        for delta in map(_dict, _list(results.get("ingredientDeltas")))
        for failure in failures(_statuses(_dict(delta.get("validationDeltas")), "failure"), sure=True)
    ]
    problems = [failure.told for failure in own]
    informed = _statuses(_dict(results.get("activeManifest")), "informational")
    if whole and any(each.get("code") == "assertion.dataHash.additionalExclusionsPresent" for each in informed):
        problems.append(_LEFT_OUT)
    problems += map(_of_ancestor, dict.fromkeys(failure.told for failure in deltas))
    for manifest in chain.values():
        for ingredient in map(_dict, _list(manifest.get("ingredients"))):
            problems += map(_of_ancestor, dict.fromkeys(failure.told for failure in _recorded(ingredient)))
    states: dict[object, State] = {"Valid": "valid", "Trusted": "trusted", None: "invalid" if own else "valid"}
    said = store.get("validation_state")
    state = states.get(said if isinstance(said, str) else None, "invalid")
    cause = None if state != "invalid" else first_cause(own) or first_cause(deltas) or "unchecked"
    codes = dict.fromkeys(failure.code for failure in (*own, *deltas))
    return _Judged(state, cause, tuple(codes), tuple(dict.fromkeys(problems))[:_MOST_TOLD])


def _statuses(results: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    return map(_dict, _list(results.get(name)))


def _recorded(ingredient: Mapping[str, Any]) -> list[Failure]:
    """What the signer who took a file in found wrong with its credential: by C2PA 2.x, or as a plain list before."""
    results = _dict(ingredient.get("validation_results"))
    found = failures(_statuses(_dict(results.get("activeManifest")), "failure"), sure=True)
    for delta in map(_dict, _list(results.get("ingredientDeltas"))):
        found += failures(_statuses(_dict(delta.get("validationDeltas")), "failure"), sure=True)
    return found + failures(map(_dict, _list(ingredient.get("validation_status"))), sure=False)


def _of_ancestor(told: Text) -> Text:
    return Text(f"of a file it was made from: {told}", zh=f"其来源文件：{told.in_language('zh')}")


def _notes(redacted: tuple[str, ...], stray: int) -> Iterator[Text]:
    if redacted:
        names = ", ".join(redacted)
        yield Text(
            f"a signer took statements out of the credential of a file it was made from: {names}",
            zh=f"签名者删去了其来源文件凭证中的陈述：{names}",
        )
    if stray > 0:
        yield Text(
            f"it carries {stray} more credential{'s' if stray > 1 else ''} that its history does not name",
            zh=f"另有 {stray} 个凭证未出现在其历史记录中",
        )


def _reached(store: Mapping[str, Any], manifests: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The active credential and those of all that it was made from, by name, the nearest first."""
    found: dict[str, Mapping[str, Any]] = {}
    waiting = [str(store.get("active_manifest"))]
    while waiting and len(found) < _DEEPEST:
        name = waiting.pop(0)
        manifest = _dict(manifests.get(name))
        if manifest and name not in found:
            found[name] = manifest
            waiting += [str(_dict(each).get("active_manifest")) for each in _list(manifest.get("ingredients"))]
    return found


def _history(chain: Mapping[str, Mapping[str, Any]], manifests: Mapping[str, Any]) -> Iterator[Ancestor]:
    for manifest in chain.values():
        for ingredient in map(_dict, _list(manifest.get("ingredients"))):
            below = _dict(manifests.get(str(ingredient.get("active_manifest"))))
            yield Ancestor(
                _line(ingredient.get("title")),
                _line(ingredient.get("relationship")),
                bool(below),
                _signer(below),
                _source_type(below) or word(_line(ingredient.get("digital_source_type"))),
                tuple(dict.fromkeys(failure.told for failure in _recorded(ingredient))),
            )


def _redactions(chain: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Labels of the statements that were taken out, whose addresses end in them."""
    for manifest in chain.values():
        for address in _list(manifest.get("redactions")):
            if isinstance(address, str):
                yield _line(address).rsplit("/", 1)[-1]


def _actions(manifest: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for data in _assertions(manifest, "c2pa.actions"):
        yield from map(_dict, _list(_dict(data).get("actions")))


_METADATA = ("c2pa.metadata", "cawg.metadata", "stds.iptc", "stds.iptc.photo-metadata", "stds.schema-org.CreativeWork")
_IN_METADATA = re.compile(r"(?:.*:)?digitalSourceType", re.IGNORECASE)


def _source_type(manifest: Mapping[str, Any]) -> str:
    """Of several, one that speaks of AI before any other, then the last; actions before templates and metadata."""
    written = [each.get("digitalSourceType") for each in _actions(manifest)]
    others = [_dict(t).get("digitalSourceType") for d in _assertions(manifest, "c2pa.actions") for t in _templates(d)]
    for label in _METADATA:
        for data in map(_dict, _assertions(manifest, label)):
            others += [value for key, value in data.items() if _IN_METADATA.fullmatch(str(key))]
    kinds = [word(_line(each)) for each in (*others, *written)]
    return next(filter(says_ai, reversed(kinds)), next(filter(None, reversed(kinds)), ""))


def _templates(data: object) -> list[Any]:
    return _list(_dict(data).get("templates"))


def _watermark(manifest: Mapping[str, Any], algorithm: str) -> str:
    for data in map(_dict, _assertions(manifest, "c2pa.soft-binding")):
        if data.get("alg") == algorithm:
            for block in map(_dict, _list(data.get("blocks"))):
                value = block.get("value")
                if isinstance(value, str) and _HEX.fullmatch(value):
                    return value
    return ""


def _recipe(data: object) -> Mapping[str, Any] | None:
    text = _dict(data).get("json")
    try:
        found = json.loads(text, parse_constant=_no_number) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _no_number(word: str) -> None:
    raise ValueError(word)  # NaN and infinities, which JSON does not have


def _assertions(manifest: Mapping[str, Any], label: str) -> Iterator[object]:
    """Data of the assertions of that label, whatever its version (``.v2``) or number (``__1``)."""
    for each in map(_dict, _list(manifest.get("assertions"))):
        name = each.get("label")
        if isinstance(name, str) and re.fullmatch(re.escape(label) + r"(\.v\d+)?(__\d+)?", name):
            yield each.get("data")


def _line(value: object) -> str:
    return clean(value, _LONGEST) if isinstance(value, str) else ""


def _dict(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
