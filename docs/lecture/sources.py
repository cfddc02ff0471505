"""What an experiment's figures hang on: its source, every module of this repository that it imports however indirectly,
the data beside those, and the versions of what computes. While their digest is the same, so are the figures."""

from __future__ import annotations

import ast
import hashlib
import platform
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[2]
_PACKAGES = {"zhenwei": ROOT / "src" / "zhenwei", "docs": ROOT / "docs"}
_LIBRARIES = ("numpy", "opencv-python-headless", "scipy", "torch")
_DATA = (".json", ".toml", ".onnx", ".npz", ".safetensors", ".pt", ".wav", ".jpg")


def digest(experiment: Path) -> str:
    """SHA-256 of it all, in hex."""
    found = hashlib.sha256(f"Python {'.'.join(platform.python_version_tuple()[:2])}".encode())
    for library in _LIBRARIES:
        found.update(f"{library} {version(library)}".encode())
    modules = _reached(experiment)
    folders = {path.parent for path in modules if "zhenwei" in path.parts}
    data = {path for folder in folders for path in _data_of(folder)}
    for path in sorted(modules | data):
        found.update(path.relative_to(ROOT).as_posix().encode())
        found.update(_of_file(path))
    return found.hexdigest()


def _reached(start: Path) -> set[Path]:
    found, waiting = set[Path](), [start]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += _imported(path)
    return found


@cache
def _imported(path: Path) -> tuple[Path, ...]:
    """Files of the modules that it imports, in functions too but not for its annotations, and of their packages."""
    files = dict[Path, None]()
    for node in _walked(ast.parse(path.read_text(encoding="utf-8"))):
        for name in _names(node):
            files |= dict.fromkeys(_files(name))
    return tuple(files)


def _walked(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"):
            yield from _walked(child)


def _names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom) and node.module:  # what is relative is refused by the linter
        yield from [f"{node.module}.{alias.name}" for alias in node.names]


def _files(name: str) -> Iterator[Path]:
    first, *parts = name.split(".")
    place = _PACKAGES.get(first)
    if place is None:
        return
    for part in ("", *parts):  # each package on the way, then the module, if the last part is one
        place = place / part if part else place
        for path in (place / "__init__.py", place.with_suffix(".py")):
            if path.is_file():
                yield path


@cache
def _data_of(folder: Path) -> tuple[Path, ...]:
    """Beside the modules of a folder, and below it where no modules are."""
    found = [path for path in folder.iterdir() if path.suffix in _DATA]
    for below in folder.iterdir():
        if below.is_dir() and not (below / "__init__.py").is_file():
            found += [path for path in below.rglob("*") if path.suffix in _DATA]
    return tuple(found)


@cache
def _of_file(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()
