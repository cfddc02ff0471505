"""Prints the oldest releases that ``pyproject.toml`` allows, as pip takes them: ``python scripts/lowest.py test``."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

_LINE = re.compile(r"([\w.\-]+)(?:\[([\w,\-]+)\])?\s*(?:>=|==)?\s*([\w.]*)")


def lowest(project: dict[str, list[str]], group: str) -> Iterator[str]:
    """``name==version`` for each requirement of ``group``, and of the extras of the package itself that it names.

    A requirement without a lower bound comes as its name alone.
    """
    for line in project[group]:
        found = _LINE.match(line)
        if found is None:
            raise SystemExit(f"Error: scripts/lowest.py cannot read this requirement: {line}")
        name, extras, version = found.groups()
        if name == "zhenwei":
            for extra in extras.split(","):
                yield from lowest(project, extra)
        else:
            yield f"{name}=={version}" if version else name


def main() -> None:
    described = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = {"": described["dependencies"], **described["optional-dependencies"]}
    for group in ("", *sys.argv[1:]):
        sys.stdout.writelines(f"{line}\n" for line in lowest(groups, group))


if __name__ == "__main__":
    main()
