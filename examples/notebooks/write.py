"""``scripts/docs notebooks``: every script of this folder as a notebook, with what it prints and draws when it runs.

A script has cells begun by ``# %%``, and cells of text by ``# %% [markdown]``. That is easy to read, to compare and to
lint; the notebook beside it is for reading on the web and for Jupyter. Only matplotlib is needed to write it.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
_CELL = re.compile(r"^# %%(.*)$", re.MULTILINE)


def cells(text: str) -> Iterator[tuple[str, str]]:
    """Kind, "markdown" or "code", and source of each cell of a script."""
    parts = _CELL.split(text)[1:]
    for marker, body in zip(parts[::2], parts[1::2], strict=True):
        source = body.strip("\n")
        if "[markdown]" in marker:
            yield "markdown", re.sub(r"^# ?", "", source, flags=re.MULTILINE)
        else:
            yield "code", re.sub(r"  # noqa.*$", "", source, flags=re.MULTILINE)


def names() -> list[str]:
    """Of the scripts that are notebooks."""
    return sorted(path.stem for path in HERE.glob("*.py") if path.stem != "write")


def notebook(text: str, outputs: dict[int, list[dict[str, Any]]]) -> dict[str, Any]:
    """Of a script, in Jupyter's format 4.5; ``outputs`` by the place of a cell."""
    made = []
    for place, (kind, source) in enumerate(cells(text)):
        cell: dict[str, Any] = {
            "cell_type": kind,
            "id": f"cell-{place}",
            "metadata": {},
            "source": source.splitlines(True),
        }
        if kind == "code":
            cell |= {"execution_count": None, "outputs": outputs.get(place, [])}
        made.append(cell)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return {"cells": made, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def run(text: str) -> dict[int, list[dict[str, Any]]]:
    """What each cell prints and draws, run one after another in one namespace."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    namespace: dict[str, Any] = {"__name__": "__main__"}
    found: dict[int, list[dict[str, Any]]] = {}
    plt.close("all")
    kept, plt.show = plt.show, lambda *_, **__: None
    try:
        for place, (kind, source) in enumerate(cells(text)):
            if kind == "code":
                said = io.StringIO()
                with contextlib.redirect_stdout(said):
                    exec(compile(source, f"cell {place}", "exec"), namespace)  # noqa: S102 - scripts of this folder
                found[place] = [*_printed(said.getvalue()), *_drawn(plt)]
    finally:
        plt.show = kept
    return found


def _printed(text: str) -> list[dict[str, Any]]:
    return [{"name": "stdout", "output_type": "stream", "text": text.splitlines(True)}] if text else []


def _drawn(plt: Any) -> list[dict[str, Any]]:
    drawn = []
    for number in plt.get_fignums():
        data = io.BytesIO()
        plt.figure(number).savefig(data, format="png", dpi=70, bbox_inches="tight", metadata={"Software": None})
        text = base64.b64encode(data.getvalue()).decode("ascii")
        drawn.append({"data": {"image/png": text}, "metadata": {}, "output_type": "display_data"})
    plt.close("all")
    return drawn


def main() -> int:
    for name in sys.argv[1:] or names():
        text = (HERE / f"{name}.py").read_text(encoding="utf-8")
        content = json.dumps(notebook(text, run(text)), indent=1, ensure_ascii=False)
        (HERE / f"{name}.ipynb").write_text(content + "\n", encoding="utf-8")
        sys.stderr.write(f"→ examples/notebooks/{name}.ipynb\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
