"""``scripts/docs detectors``: a page for every detector, from its entry, ``how.toml`` and the last evaluation."""

from __future__ import annotations

import sys
import tomllib
from itertools import pairwise
from pathlib import Path

from PIL import Image

import zhenwei
from zhenwei.detectors import catalogue
from zhenwei.evaluation.results import Asked, Interval95, load
from zhenwei.types import DetectorInfo, Evidence, Picture

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
EXAMPLES = ("astronaut-forged.jpg", "astronaut.jpg", "astronaut-clip.mp4")
_SIDE = 384


def main() -> int:
    how = tomllib.loads((HERE / "how.toml").read_text(encoding="utf-8"))
    results = load(ROOT / "docs" / "accuracy.json")
    shown = _exhibits()
    for name, kind in catalogue().items():
        rows = [row for row in results.asked if row.subject == name and not row.without]
        text = page(kind.info, how[name], rows, shown.get(name))
        (HERE / f"{name}.md").write_text(text, encoding="utf-8")
        sys.stderr.write(f"→ docs/detectors/{name}.md\n")
    return 0


def page(info: DetectorInfo, how: dict[str, str], rows: list[Asked], caption: str | None) -> str:
    models = ", ".join(f"[`{m}`](../../src/zhenwei/models/cards/{m}.md)" for m in info.models)
    parts = [
        f"# {info.id}",
        str(info.question),
        f"- Asked about: {' and '.join(info.takes)}, {'each person' if info.level == 'person' else 'the whole file'}",
        f"- Needs: {', '.join(map(str, info.needs)) or 'nothing in particular'}",
        f"- Speaks of: {'altered recordings' if info.finds == 'altered' else 'wholly generated pictures'}",
        f"- Reference: {info.reference}",
        *([f"- Model: {models}"] if models else []),
        "## How it works",
        how["how"].strip(),
        "## What it does not see",
        "\n".join(f"- {spot}" for spot in info.blind_spots),
        "## Measured",
        _measured(rows),
        *([how["measured"].strip()] if "measured" in how else []),
    ]
    if caption is not None:
        parts += ["## What it shows", f"![{caption}](img/{info.id}.png)", caption]
    return _joined(parts)


def _joined(parts: list[str]) -> str:
    """Paragraphs apart, items of a list together."""
    out = parts[0]
    for before, part in pairwise(parts):
        out += ("\n" if before.startswith("- ") and part.startswith("- ") else "\n\n") + part
    return out + "\n"


def _measured(rows: list[Asked]) -> str:
    head = ("set", "genuine + forged", "AUC", "C_llr", "answered", "seconds a file")
    lines = [f"| {' | '.join(head)} |", "|---|---|---|---|---|---|"]
    for r in rows:
        seconds = "—" if r.seconds is None else f"{r.seconds:.2f}"
        answered = f"{r.coverage.value:.0%}"
        counts = f"{r.genuine} + {r.forged}"
        lines.append(f"| {r.set} | {counts} | {_number(r.auc)} | {_number(r.c_llr)} | {answered} | {seconds} |")
    about = (
        "95 % intervals, over the files that it answered; sets, protocol and command are in [accuracy](../accuracy.md)."
        " A C_llr of 1 is as good as saying nothing."
    )
    return "\n".join(lines) + f"\n\n{about}"


def _number(e: Interval95 | None) -> str:
    return "—" if e is None else f"{e.value:.3f} [{e.low:.3f}, {e.high:.3f}], n = {e.n}"


def _exhibits() -> dict[str, str]:
    """Saves the first picture that each detector shows of an example; its caption by detector."""
    captions: dict[str, str] = {}
    (HERE / "img").mkdir(exist_ok=True)
    for name in EXAMPLES:
        for evidence in zhenwei.examine(ROOT / "examples" / "media" / name).evidence:
            if evidence.detector not in captions and (picture := _first(evidence)):
                captions[evidence.detector] = f"{picture.caption} ({name})"
                _save(picture, HERE / "img" / f"{evidence.detector}.png")
    return captions


def _first(evidence: Evidence) -> Picture | None:
    return next((x for x in evidence.exhibits if isinstance(x, Picture)), None)


def _save(picture: Picture, target: Path) -> None:
    with Image.fromarray(picture.pixels) as image:
        image.thumbnail((_SIDE, _SIDE))
        image.quantize(256, dither=Image.Dither.NONE).save(target, optimize=True)


if __name__ == "__main__":
    sys.exit(main())
