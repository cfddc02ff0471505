"""From what C2PA's reader reports to what a person is told: the state, the claim, and the problems in words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from zhenwei.media.facts import clean
from zhenwei.types import Text

Claim = Literal["captured", "edited", "ai-generated", "ai-edited"]
State = Literal["absent", "valid", "trusted", "invalid", "unreadable"]
CLAIMS: tuple[Claim, ...] = get_args(Claim)
_TERMS = "http://cv.iptc.org/newscodes/digitalsourcetype/"
SOURCE_TYPES: Mapping[Claim, str] = {
    "captured": f"{_TERMS}digitalCapture",
    "edited": f"{_TERMS}humanEdits",
    "ai-generated": f"{_TERMS}trainedAlgorithmicMedia",
    "ai-edited": f"{_TERMS}compositeWithTrainedAlgorithmicMedia",
}
_CLAIM_OF = {address.rsplit("/", 1)[-1]: claim for claim, address in SOURCE_TYPES.items()}
AI_SOURCES = frozenset(
    ("trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "compositeSynthetic", "algorithmicMedia")
)
_HEX = re.compile(r"([0-9a-f]{2}){1,64}")
_UNTRUSTED = "signingCredential.untrusted"
_DEEPEST = 64
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Credential:
    """What a file's credential says. All but ``state`` and ``problems`` are the signer's words, not facts.

    ``state``: "absent"; "valid" = intact, by a signer on no list that the reader trusts; "trusted" = intact, by one on
    it; "invalid" = something was changed after signing or the certificate does not hold; "unreadable" = damaged so that
    nothing can be said. ``claim``: None where the source type is none of ours. ``source_type``: the last word of the
    IPTC's address. ``ancestry``: source types that the files it was made from claim. ``watermark``: hexadecimal, the
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

    @property
    def intact(self) -> bool:
        return self.state in ("valid", "trusted")

    @property
    def says_ai(self) -> bool:
        """Whether it, or one of the files that it was made from, is said to come of an algorithm. Not whether so."""
        return bool(AI_SOURCES & {self.source_type, *self.ancestry})

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold, with every field."""
        return {
            "state": self.state,
            "signer": self.signer,
            "claim": self.claim,
            "source_type": self.source_type,
            "actions": list(self.actions),
            "watermark": self.watermark,
            "recipe": dict(self.recipe) if self.recipe is not None else None,
            "generator": self.generator,
            "title": self.title,
            "ancestry": list(self.ancestry),
            "problems": [str(problem) for problem in self.problems],
        }


def interpret(store: object, watermark_algorithm: str, recipe_label: str, *, whole: bool) -> Credential:
    """The credential behind the JSON of C2PA's reader, whose every value may be a stranger's. ``whole``: of this format
    the signature covers everything but the credential, unless the signer wants less."""
    manifests = _dict(_dict(store).get("manifests"))
    active = _dict(manifests.get(str(_dict(store).get("active_manifest"))))
    state, problems = _judged(_dict(store), active, whole)
    if not active:
        return Credential("unreadable", problems=(*problems, Text("it has no active manifest", zh="没有有效的清单")))
    actions = list(_actions(active))
    kind = _source_type(actions)
    signature = _dict(active.get("signature_info"))
    names = [_line(signature.get(key)) for key in ("issuer", "common_name")]
    generators = [
        " ".join(filter(None, (_line(each.get("name")), _line(each.get("version")))))
        for each in map(_dict, _list(active.get("claim_generator_info")))
    ]
    return Credential(
        state,
        signer=", ".join(filter(None, names)),
        claim=_CLAIM_OF.get(kind),
        source_type=kind,
        actions=tuple(_line(action.get("action")) for action in actions),
        watermark=_watermark(active, watermark_algorithm),
        recipe=next((r for r in map(_recipe, _assertions(active, recipe_label)) if r is not None), None),
        problems=problems,
        generator=", ".join(filter(None, generators)),
        title=_line(active.get("title")),
        ancestry=tuple(dict.fromkeys(_ancestry(active, manifests))),
    )


_PROBLEMS: Mapping[str, Text] = {
    "assertion.dataHash.mismatch": Text("the file was changed after it was signed", zh="文件在签名之后被改动"),
    "assertion.bmffHash.mismatch": Text("the file was changed after it was signed", zh="文件在签名之后被改动"),
    "assertion.boxesHash.mismatch": Text("the file was changed after it was signed", zh="文件在签名之后被改动"),
    "assertion.hashedURI.mismatch": Text(
        "a statement in the credential was changed after it was signed", zh="凭证中的陈述在签名之后被改动"
    ),
    "assertion.missing": Text("a statement that was signed is missing", zh="缺少已签名的陈述"),
    "claimSignature.mismatch": Text("the signature does not fit what it stands for", zh="签名与内容不符"),
    "claimSignature.missing": Text("the signature is missing", zh="缺少签名"),
    "signingCredential.expired": Text(
        "the signer's certificate has ended, and no time stamp shows that it was in force at signing",
        zh="签名者的证书已过期，且没有时间戳证明签名时证书有效",
    ),
    "signingCredential.invalid": Text("the signer's certificate is not fit for this", zh="签名者的证书不符合要求"),
    "signingCredential.revoked": Text("the signer's certificate was revoked", zh="签名者的证书已被吊销"),
}


_LEFT_OUT = Text(
    "the signer left parts of the file out of what the signature covers", zh="签名者未将文件的全部内容纳入签名范围"
)


def _judged(store: Mapping[str, Any], active: Mapping[str, Any], whole: bool) -> tuple[State, tuple[Text, ...]]:
    """Untrusted is no problem but the difference between valid and trusted. What is wrong with an ancestor only does
    not make the file invalid, but is told."""
    results = _dict(store.get("validation_results"))
    failures = [_dict(each) for each in _list(_dict(results.get("activeManifest")).get("failure"))]
    problems = [_told(each) for each in failures if each.get("code") != _UNTRUSTED]
    informed = map(_dict, _list(_dict(results.get("activeManifest")).get("informational")))
    if whole and any(each.get("code") == "assertion.dataHash.additionalExclusionsPresent" for each in informed):
        problems.append(_LEFT_OUT)
    for delta in map(_dict, _list(results.get("ingredientDeltas"))):
        problems += _of_ancestor(_dict(delta.get("validationDeltas")))
    for ingredient in map(_dict, _list(active.get("ingredients"))):
        problems += _of_ancestor(_dict(_dict(ingredient.get("validation_results")).get("activeManifest")))
    states: dict[str, State] = {"Valid": "valid", "Trusted": "trusted"}
    return states.get(str(store.get("validation_state")), "invalid"), tuple(dict.fromkeys(problems))


def _of_ancestor(results: Mapping[str, Any]) -> list[Text]:
    failures = [_told(each) for each in map(_dict, _list(results.get("failure"))) if each.get("code") != _UNTRUSTED]
    return [Text(f"of a file it was made from: {e}", zh=f"其来源文件：{e.in_language('zh')}") for e in failures]


def _told(failure: Mapping[str, Any]) -> Text:
    code = _line(failure.get("code"))
    known = _PROBLEMS.get(code)
    if known is not None:
        return known
    return Text(f"{_line(failure.get('explanation'))} ({code})", zh=f"未通过验证：{code}")


def _actions(manifest: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for data in _assertions(manifest, "c2pa.actions"):
        yield from map(_dict, _list(_dict(data).get("actions")))


def _source_type(actions: list[Mapping[str, Any]]) -> str:
    """Of several, one that speaks of AI before any other, then the last."""
    kinds = [_line(each.get("digitalSourceType")).rstrip("/ ").rsplit("/", 1)[-1] for each in actions]
    return next((kind for kind in reversed(kinds) if kind in AI_SOURCES), next(filter(None, reversed(kinds)), ""))


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


def _ancestry(active: Mapping[str, Any], manifests: Mapping[str, Any]) -> Iterator[str]:
    waiting, seen = [active], 0
    while waiting and seen < _DEEPEST:
        manifest, seen = waiting.pop(), seen + 1
        for ingredient in map(_dict, _list(manifest.get("ingredients"))):
            below = _dict(manifests.get(str(ingredient.get("active_manifest"))))
            if below:
                kind = _source_type(list(_actions(below)))
                if kind:
                    yield kind
                waiting.append(below)


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
