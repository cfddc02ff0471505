"""The results of ``scripts/defence`` as a page, written and never edited."""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]

_HEAD = """# Watermarks, measured

Written by `scripts/defence`; do not edit. How the marks work stands in the docstrings of
[`zhenwei.defence.watermark`](../../src/zhenwei/defence/watermark/__init__.py); what a whole file says of itself, in
[credentials and labels](credentials.md).

```sh
./scripts/defence
```

A mark tells honest people where a file comes from. Whoever wants it gone can blur it away, and whoever has the key can
put it into any picture: the lab's key is published, so its mark is no proof of anything.

## Pictures

{n} genuine photographs of 256 to 352 px (portraits), each with an identifier and a key of its own; seed {seed}. PSNR
{psnr:.2f} dB on average ({psnr_low:.1f} to {psnr_high:.1f}: smooth pictures are marked more faintly than lively ones),
SSIM {ssim:.4f}. **Found**: the identifier, all 64 bits and its checksum, with a 95 % interval (Wilson). **Bits**: of
the 64, also where the checksum failed and the likeliest identifier was taken (half are right by chance), with a
bootstrap interval. **Told**: how many were said to be as marked, to be replaced in part, and of how many it could not
be told.

"""

_TARGETS = {
    "JPEG 30": 0.99,
    "half the size": 0.99,
    "gain 1.2": 0.95,
    "mirrored": 0.95,
    "cut by 5 %, at two sides": 0.95,
    "cut by 5 %, all round": 0.95,
    "middle replaced, half of each side": 0.95,
}


def to_markdown(results: Row) -> str:
    image, audio, swaps, clean = results["picture"], results["sound"], results["swaps"], results.get("clean")
    head = _HEAD.format(
        n=image["n"],
        seed=results["seed"],
        psnr=image["psnr_db"]["mean"],
        psnr_low=image["psnr_db"]["least"],
        psnr_high=image["psnr_db"]["most"],
        ssim=image["ssim"]["mean"],
    )
    parts = [head, _images(image["rows"]), "\n", _swaps(swaps), _clean(clean), _audio(audio)]
    if others := results.get("others"):
        parts.append(_others(others, image))
    return "".join(parts)


def _images(rows: list[Row]) -> str:
    lines = ["| done to the marked picture | found | bits | wanted | told: as marked, replaced, cannot tell |"]
    lines.append("|---|---|---|---|---|")
    for row in rows:
        wanted = _TARGETS.get(row["attack"])
        said = "" if wanted is None else f"{wanted:.0%}, {'reached' if row['bits'] >= wanted else '**not reached**'}"
        told = ", ".join(str(count) for count in row["told"].values())
        lines.append(f"| {row['attack']} | {_rate(row)} | {_bits(row)} | {said} | {told} |")
    return "\n".join(lines) + "\n"


_SWAPS = """## After a face swap

Marked photographs whose face was then swapped by the lab's own means: by mesh, with another photograph's face, and by
an autoencoder (which learned two drawn puppets), with colours matched and edges feathered. The whole picture was made
smaller first where the face was above the lab's 128 px. **Overlap**: of the blocks named with the swapped face, IoU.

| swap | source found | bits | told: as marked, replaced, cannot tell | overlap |
|---|---|---|---|---|
{rows}

That is the pair's purpose: *marked source, altered after marking*.

"""
_BOUND = (
    "Where nothing of the pattern is seen, six trials at most are decoded, each right by chance once in 2^24 (4e-7);\n"
    "where it seems to be there, up to 326 (2e-5)."
)
_CLEAN = """## Pictures without a mark

Random crops (half to all of each side) of {pictures:,} pictures, each asked for another key. On the plain and the
mirrored grid: **{alarms} false alarms in {n:,}**, so at most {upper:.1e} a picture (97.5 % bound); with the whole
search for a grid: {alarms_searched} in {n_searched:,}, at most {upper_searched:.1e}. {bound}

"""
_AUDIO = """## Sound

{n} recordings of genuine speech, {seconds:.1f} s on average ({least:.1f} to {most:.1f}), 16 kHz, 16 bits each. The
change is {ratio:.1f} dB below the speech ({low:.1f} to {high:.1f}), of the kind an equaliser makes: it follows the
sound and is silent where that is. Short or noisy recordings are marked more strongly until the mark is read back.

{table}

Without a mark: {alarms} false alarms in {asked:,} askings; four trials at most, each right by chance once in 2^16: 6e-5
by construction.
"""


def _swaps(rows: list[Row]) -> str:
    lines = []
    for row in rows:
        told = ", ".join(str(count) for count in row["told"].values())
        overlap = "—" if row["iou"] is None else f"{row['iou']:.2f} (n {row['iou_n']})"
        lines.append(f"| {row['attack']} (n {row['n']}) | {_rate(row)} | {_bits(row)} | {told} | {overlap} |")
    return _SWAPS.format(rows="\n".join(lines))


def _clean(row: Row | None) -> str:
    if row is None:
        return f"## Pictures without a mark\n\n{_BOUND}\n\n"
    searched = {f"{name}_searched": value for name, value in row["searched"].items()}
    plain = {name: value for name, value in row.items() if name != "searched"}
    return _CLEAN.format(bound=_BOUND, **plain, **searched)


def _audio(table: Row) -> str:
    lines = ["| done to the marked sound | found |", "|---|---|"]
    lines += [f"| {row['attack']} | {_rate(row)} |" for row in table["rows"]]
    ratio, seconds = table["snr_db"], table["seconds"]
    return _AUDIO.format(
        n=table["n"],
        seconds=seconds["mean"],
        least=seconds["least"],
        most=seconds["most"],
        ratio=ratio["mean"],
        low=ratio["least"],
        high=ratio["most"],
        table="\n".join(lines),
        alarms=table["clean"]["alarms"],
        asked=table["clean"]["n"],
    )


def _others(others: list[Row], ours: Row) -> str:
    names = [row["attack"] for row in ours["rows"]]
    by_name = {row["attack"]: row for row in ours["rows"]}
    lines = [f"| done to the picture | ours | {' | '.join(o['name'] for o in others)} |"]
    lines.append("|---" * (len(others) + 2) + "|")
    for name in names:
        cells = [f"{o['bits'][name]:.3f}" if name in o["bits"] else "—" for o in others]
        lines.append(f"| {name} | {by_name[name]['bits']:.3f} | {' | '.join(cells)} |")
    told = [f"{o['name']} {o['version']}: {o['payload']} bits, PSNR {o['psnr_db']:.1f} dB, n {o['n']}" for o in others]
    return (
        "\n## Beside others\n\nShare of the hidden bits that are right, on the first of the same pictures, same "
        "attacks\n(`python -m benchmarks.watermark_others`). Each reads what arrives, at the size that it arrives in; "
        "whoever knows what was done can undo it first.\n"
        f"{'; '.join(told)}.\n\n" + "\n".join(lines) + "\n"
    )


def _rate(row: Row) -> str:
    return f"{row['found']:.1%} [{row['found_low']:.1%}, {row['found_high']:.1%}]"


def _bits(row: Row) -> str:
    return f"{row['bits']:.4f} [{row['bits_low']:.4f}, {row['bits_high']:.4f}]"
