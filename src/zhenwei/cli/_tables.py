"""Tables of figures that keep their shape: side by side where there is room, else a short list for each row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from zhenwei.cli.language import told

_ANY_WIDTH = 10_000


def show_table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, title: str = "") -> None:
    """``heads`` in English, which are told in the language of the command line; cells and ``title`` are as they are."""
    console = Console(highlight=False)
    names, cells = list(map(told, heads)), list(rows)
    if title:
        console.print(Text(title, "bold"))
    table = Table(*names, box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, header_style="dim")
    for row in cells:
        table.add_row(*map(Text, row))
    widest = console.measure(table, options=console.options.update(width=_ANY_WIDTH)).maximum
    if widest <= console.width:
        console.print(table)
        return
    for first, *values in cells:
        if len(names) == 2:
            console.print(Text.assemble((first, "bold"), f"  {values[0]}"))
            continue
        console.print(Text(first, "bold"))
        for name, value in zip(names[1:], values, strict=True):
            if value:
                console.print(Padding(Text.assemble((name, "dim"), f"  {value}"), (0, 0, 0, 2)))
