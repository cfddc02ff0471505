"""What generators leave in a file's words: the settings of a picture, and their own name.

Each writes them under a key of its own, so keys are taken as hints, and what counts is the form of the value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from zhenwei.defence.tags import Pair
from zhenwei.media.tools import FACE_APPS, GENERATORS, names


@dataclass(frozen=True, slots=True)
class GeneratorSettings:
    """Settings that a generator wrote. ``tool``: "" if their form does not tell whose. ``where``: the key that they
    stand under, or "hidden in the pixels"."""

    tool: str
    where: str


WEB_UI = "Stable Diffusion web UI"
HIDDEN = "hidden in the pixels"
_LINE = re.compile(r"\bSteps: \d+, .{0,400}?\b(Sampler|CFG scale|Seed|Model hash|Size|Model): ", re.DOTALL)
_LOOSE = re.compile(r"\b(Steps|Sampler|CFG scale|Negative prompt): ")
_NODES = re.compile(r'"class_type"\s*:\s*"')
_WORKFLOW = re.compile(r'"last_node_id"\s*:|"nodes"\s*:\s*\[')
_GRAPH = re.compile(r"\s*((workflow|prompt)\s*:\s*)?\{", re.IGNORECASE)
_MIDJOURNEY = re.compile(r"\bJob ID: [0-9a-f]{8}-[0-9a-f-]{27}|--(niji|v|ar|stylize|chaos) \S+ --")
_DREAM = re.compile(r"(?=.* -s ?\d+)(?=.* -S ?\d+)(?=.* -[CW] ?[\d.]+)", re.DOTALL)
_INVOKE = ("invokeai_metadata", "invokeai_graph", "invokeai_workflow", "sd-metadata", "sd_metadata")
_PROMPTS = {"prompt", "negative_prompt", "negativeprompt", "uc", "c", "full_prompt", "positive_prompt"}
_NUMBERS = {
    *("steps", "sampler", "sampler_name", "cfg_scale", "cfg", "guidance_scale", "num_inference_steps", "seed"),
    *("scheduler", "scale", "model", "base_model", "strength", "negative_prompt"),
}
_TOOL_KEYS = re.compile(
    r"(exif:|xmp:)?(software|creatortool|creator[ _]tool|creation_tool|created with|encoder|encoded_by|generator|tool|"
    r"credit|creditline|source|make|model|handler_name|author|comment|description|imagedescription|title|artist)",
    re.IGNORECASE,
)
_SURE_KEYS = re.compile(
    r"(exif:|xmp:)?(software|creatortool|creator[ _]tool|creation_tool|created with|encoder|encoded_by|generator|tool)",
    re.IGNORECASE,
)
# Names that are so unmistakable that they count wherever a maker, a credit or a description stands.
_UNMISTAKABLE = ("Made with Google AI", "Imagined with AI", "Ideogram AI", "Midjourney", "NovelAI", "Adobe Firefly")
_MAX_JSON = 1 << 18


def settings_in(pairs: Iterable[Pair]) -> tuple[GeneratorSettings, ...]:
    """Settings of generators among a file's words, each generator once."""
    found: list[GeneratorSettings] = []
    keys = set()
    for key, value in pairs:
        keys.add(key)
        tool = _tool(key, value)
        if tool is not None:
            found.append(GeneratorSettings(tool, key))
    if HIDDEN in keys and HIDDEN not in [each.where for each in found]:
        found.append(GeneratorSettings(found[0].tool if found else "", HIDDEN))
    if set(map(str.lower, keys)) >= {"num_inference_steps", "guidance_scale", "seed"}:
        found.append(GeneratorSettings("Easy Diffusion", "num_inference_steps"))
    first_by_tool: dict[str, GeneratorSettings] = {}
    for each in reversed(found):
        first_by_tool[each.tool] = each
    if "Fooocus" in first_by_tool:  # it may write the line of the web interface
        first_by_tool.pop(WEB_UI, None)
    if len(first_by_tool) > 1:
        first_by_tool.pop("", None)
    return tuple(reversed(first_by_tool.values()))


def _tool(key: str, value: str) -> str | None:
    """Whose settings ``value`` is, "" if somebody's, None if it is none."""
    name = key.lower().removeprefix("exif:").removeprefix("xmp:")
    if name in _INVOKE or (name == "dream" and _DREAM.search(value)):
        return "InvokeAI"
    if '"sui_image_params"' in value:
        return "SwarmUI"
    if name == "fooocus_scheme" or re.search(r'"metadata_scheme"\s*:\s*"(fooocus|a1111)"|Version: Fooocus', value):
        return "Fooocus"
    named = name in ("workflow", "prompt", "comment") or value.lstrip().lower().startswith(("workflow", '{"workflow'))
    if _GRAPH.match(value) and (_NODES.search(value) or (_WORKFLOW.search(value) and named)):
        return "ComfyUI"
    if _MIDJOURNEY.search(value):
        return "Midjourney"
    if _LINE.search(value) or (name == "parameters" and _LOOSE.search(value)):
        return "Fooocus" if "Fooocus" in value else WEB_UI
    return _of_json(value)


def _of_json(value: str) -> str | None:
    found = _parsed(value)
    if found is None:
        return None
    keys = {key.lower().replace(" ", "_") for key in found}
    if "generation settings" in found:
        return ""
    if {"c", "sampler", "steps", "v2"} <= keys:
        return "Draw Things"
    if "signed_hash" in keys or str(found.get("Software")) == "NovelAI" or {"uc", "sampler", "steps"} <= keys:
        return "NovelAI"
    if {"adm_guidance", "base_model"} <= keys:
        return "Fooocus"
    return "" if keys & _PROMPTS and len(keys & _NUMBERS) >= 2 else None


def _parsed(value: str) -> Mapping[str, Any] | None:
    text = value.strip()
    if not text.startswith("{") or len(text) > _MAX_JSON:
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def tools_in(pairs: Iterable[Pair]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Generators, and tools that alter faces, that are named as what made the file."""
    generators: list[str] = []
    apps: list[str] = []
    for key, value in pairs:
        if _SURE_KEYS.fullmatch(key) or (key.lower() == "source" and "Stable Diffusion" in value):
            generators += names(GENERATORS, value[:2000])
            apps += names(FACE_APPS, value[:2000])
        elif _TOOL_KEYS.fullmatch(key):
            generators += names(_UNMISTAKABLE, value[:2000])
    return tuple(dict.fromkeys(generators)), tuple(dict.fromkeys(apps))


def hidden_pairs(text: str) -> Iterator[Pair]:
    """What stands in a text that was hidden in the pixels: the text itself, and the entries of NovelAI's JSON."""
    yield HIDDEN, text
    for key, value in (_parsed(text) or {}).items():
        if isinstance(value, str):
            yield str(key), value
