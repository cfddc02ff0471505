"""``scripts/docs detectors``: a page for every detector, from its entry, ``how.toml`` and the last evaluation."""

from __future__ import annotations

import sys
import tomllib
from itertools import pairwise
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[2]))  # the tests' made voice

from tests.speaking import voice
from tests.talking import following, talking

import zhenwei
from zhenwei import fusion
from zhenwei.detectors import build, catalogue
from zhenwei.evaluation import held_out
from zhenwei.evaluation.results import Ablation, load
from zhenwei.stats import Estimate
from zhenwei.testing import audio_subject
from zhenwei.types import Depth, DetectorInfo, Evidence, ImageExhibit

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
EXAMPLES = ("astronaut-forged.jpg", "astronaut.jpg", "astronaut-clip.mp4")
_SIDE, _BROAD = 384, 900


def main() -> int:
    how = tomllib.loads((HERE / "how.toml").read_text(encoding="utf-8"))
    results = load(ROOT / "docs" / "accuracy.json")
    shown = _exhibits()
    for name, kind in catalogue().items():
        rows = [row for row in results.asked if row.subject == name and not row.without]
        path = ROOT / "docs" / "held_out" / f"{name}.json"
        held = held_out.to_markdown(held_out.load(path)).split("\n", 2)[2].strip() if path.is_file() else ""
        text = page(kind.info, how[name], rows, held, shown.get(name))
        (HERE / f"{name}.md").write_text(text, encoding="utf-8")
        sys.stderr.write(f"→ docs/detectors/{name}.md\n")
    return 0


_FINDS = {
    "altered": "altered recordings",
    "animated": "heads that were animated",
    "generated": "wholly generated pictures",
    "voice": "voices made by machines",
    "pairing": "picture and sound that do not belong together",
}


_ASKED: dict[Depth, str] = {
    "fast": "at every depth",
    "standard": "at the standard depth and with `--full`",
    "full": "with `--full`, or by name",
}


def page(info: DetectorInfo, how: dict[str, str], rows: list[Ablation], held: str, caption: str | None) -> str:
    models = ", ".join(f"[`{m}`](../../src/zhenwei/models/cards/{m}.md)" for m in info.models)
    parts = [
        f"# {info.id}",
        str(info.question),
        f"- Asked about: {' and '.join(info.takes)}, {'each person' if info.level == 'person' else 'the whole file'}",
        f"- Needs: {', '.join(map(str, info.needs)) or 'nothing in particular'}",
        f"- Speaks of: {_FINDS[info.finds]}",
        f"- Asked: {_asked(info)}",
        f"- Reference: {info.reference}",
        *([f"- Model: {models}"] if models else []),
        "## How it works",
        how["how"].strip(),
        "## What it does not see",
        "\n".join(f"- {spot}" for spot in info.blind_spots),
        "## Measured",
        *([_measured(rows)] if rows else []),
        *([held] if held else []),
        *([how["measured"].strip()] if "measured" in how else []),
    ]
    if caption is not None:
        parts += ["## What it shows", f"![{caption}](img/{info.id}.png)", caption]
    return _joined(parts)


def _asked(info: DetectorInfo) -> str:
    """At which depth, and which kinds of media are asked about only where everybody is."""
    found = _ASKED[info.depth]
    unheard = [kind for kind in info.takes if info.id in fusion.unheard(kind)]
    if info.depth == "full" or not unheard:
        return found
    return f"{found}; about {' and '.join(unheard)} with `--full`, or by name"


def _joined(parts: list[str]) -> str:
    """Paragraphs apart, items of a list together."""
    out = parts[0]
    for before, part in pairwise(parts):
        out += ("\n" if before.startswith("- ") and part.startswith("- ") else "\n\n") + part
    return out + "\n"


def _measured(rows: list[Ablation]) -> str:
    head = ("set", "genuine + forged", "AUC", "C_llr", "answered", "seconds a file")
    lines = [f"| {' | '.join(head)} |", "|---|---|---|---|---|---|"]
    for r in rows:
        seconds = "—" if r.seconds is None else f"{r.seconds:.2f}"
        answered = f"{r.coverage.value:.0%}"
        counts = f"{r.genuine} + {r.forged}"
        lines.append(f"| {r.set} | {counts} | {_number(r.auc)} | {_number(r.c_llr)} | {answered} | {seconds} |")
    about = (
        "95 % intervals, over the files that it answered; sets, protocol and command are in [accuracy](../accuracy.md)."
        " A C_llr of 1 is as good as saying nothing. A pass that several share is counted with the first that is asked."
    )
    return "\n".join(lines) + f"\n\n{about}"


def _number(e: Estimate | None) -> str:
    return "—" if e is None else f"{e:.3f}, n = {e.n}"


def _exhibits() -> dict[str, str]:
    """Saves the first picture that each detector shows of an example; its caption by detector."""
    captions: dict[str, str] = {}
    (HERE / "img").mkdir(exist_ok=True)
    for name in EXAMPLES:
        for evidence in zhenwei.examine(
            ROOT / "examples" / "media" / name, options=zhenwei.Options(depth="full")
        ).evidence:
            if evidence.detector not in captions and (exhibit := _first(evidence)):
                captions[evidence.detector] = f"{exhibit.caption} ({name})"
                _save(exhibit, HERE / "img" / f"{evidence.detector}.png")
    for name in (n for n in catalogue() if n.startswith(("speech.", "audiovisual."))):
        subject = talking(following()) if name.startswith("audiovisual.") else audio_subject(voice(9.0)[None])
        if exhibit := _first(build(name).examine(subject)):
            captions[name] = f"{exhibit.caption} (a made voice)"
            _save(exhibit, HERE / "img" / f"{name}.png", side=_BROAD)
    return captions


def _first(evidence: Evidence) -> ImageExhibit | None:
    return next((x for x in evidence.exhibits if isinstance(x, ImageExhibit)), None)


def _save(exhibit: ImageExhibit, target: Path, side: int = _SIDE) -> None:
    with Image.fromarray(exhibit.pixels) as image:
        image.thumbnail((side, side))
        image.quantize(256, dither=Image.Dither.NONE).save(target, optimize=True)


if __name__ == "__main__":
    sys.exit(main())
