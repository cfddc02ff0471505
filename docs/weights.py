"""What each detector weighs, as a table in docs/fusion.md: ``python docs/weights.py`` writes it anew, ``--check``
compares."""

from __future__ import annotations

import sys
from pathlib import Path

from zhenwei.detectors import catalogue
from zhenwei.fusion.dependence import SPREADS, Dependence, packaged

PAGE = Path(__file__).with_name("fusion.md")
_BEGIN, _END = "<!-- weights -->\n", "<!-- end -->\n"
_BESIDE = {"altered": "cnn.face_forgery", "generated": "cnn.synthetic_image", "voice": "speech.variability"}


def table(known: Dependence) -> str:
    """A row a detector; those that read the file's own words stand for themselves and have none."""
    lines = ["| detector | finds | spread | weight with all of its kind | beside the strongest | its own from |"]
    lines.append("|---|---|---|---|---|---|")
    infos = {id_: kind.info for id_, kind in sorted(catalogue().items())}
    for id_, info in infos.items():
        if id_.startswith("provenance."):
            continue
        same = [
            other for other, its in infos.items() if its.finds == info.finds and not other.startswith("provenance.")
        ]
        among = known.weights(same)[same.index(id_)]
        strongest = _BESIDE.get(info.finds, id_)
        beside = 1.0 if strongest == id_ else known.weights([strongest, id_])[1]
        measured = f"{known.spread_of(id_):.2f}" if id_ in known.spread else f"assumed {known.spread_of(id_):.2f}"
        cells = (
            f"`{id_}`",
            info.finds,
            measured,
            f"{among:.2f}",
            f"{beside:.2f}",
            f"{SPREADS * known.spread_of(id_):.2f}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    trust = ", ".join(f"{kind} {factor:.2f}" for kind, factor in sorted(known.trust.items()))
    taken = ", ".join(f"{kind} {offset:.2f}" for kind, offset in sorted(known.offset.items()) if round(offset, 2))
    silent = "; ".join(
        f"{kind} {', '.join(f'`{name}`' for name in names)}" for kind, names in sorted(known.silent.items()) if names
    )
    trust += f". Offset: {taken or 'none'}. Not heard: {silent or 'none'}"
    return "\n".join(lines) + f"\n\nTrust: {trust}. Measured on {known.groups:,} people and sources.\n"


def written(page: str, known: Dependence) -> str:
    """``page`` with the table between its marks made anew."""
    head, rest = page.split(_BEGIN)
    return head + _BEGIN + "\n" + table(known) + "\n" + _END + rest.split(_END)[1]


def main(arguments: list[str]) -> int:
    before = PAGE.read_text(encoding="utf-8")
    after = written(before, packaged())
    if "--check" in arguments:
        return int(before != after)
    PAGE.write_text(after, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
