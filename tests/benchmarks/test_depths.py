"""What the table of depths says of figures that were measured."""

from __future__ import annotations

from typing import Any

from benchmarks.depths import table

from zhenwei.types import DEPTHS


def row(decode_s: float, warm: float, *, sound: bool = False) -> dict[str, Any]:
    """Cold costs twice as much; of three rounds the middle one is shown."""
    ratios = {depth: [warm, 0.5 * warm, 9 * warm] for depth in DEPTHS}
    cold = {depth: [2 * value for value in values] for depth, values in ratios.items()}
    shape = {"width": 64, "height": 48, "duration_s": 2.0, "sound": sound}
    return {**shape, "decode_s": [decode_s] * 3, "cold": cold, "warm": ratios}


def test_files_together_are_compared_by_their_seconds() -> None:
    lines = table([row(3.0, 1.0), row(1.0, 5.0, sound=True)]).splitlines()
    assert lines[0].startswith("| clip | decode (s) | fast, cold | fast, warm | standard, cold |")
    assert lines[2] == "| 64 x 48, 2 s | 3.00 | 2.0 | 1.0 | 2.0 | 1.0 | 2.0 | 1.0 |"
    assert lines[3] == "| 64 x 48, 2 s, sound | 1.00 | 10.0 | 5.0 | 10.0 | 5.0 | 10.0 | 5.0 |"
    assert lines[4] == "| all 2 together | 4.00 | 4.0 | 2.0 | 4.0 | 2.0 | 4.0 | 2.0 |"
    assert len(table([row(3.0, 1.0)]).splitlines()) == 3
