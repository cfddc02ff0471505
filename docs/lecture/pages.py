"""``scripts/lecture``: runs the lecture's experiments and writes a page for each.

scripts/lecture                    every experiment, pages and pictures written anew
scripts/lecture gan wgan           these
scripts/lecture --check            run what changed since its page was written (--every: all), write nothing, end with 1
                                   if a figure is not reached with either of two seeds
scripts/lecture --check --keep     and note for which sources the figures were reached
scripts/lecture --profile gpu      the long way, for a machine that has one
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from docs.lecture.page import SEED, Bench, Page, Profile, to_markdown  # noqa: E402
from docs.lecture.sources import digest  # noqa: E402

HERE = Path(__file__).parent
EXPERIMENTS = HERE / "experiments"


def main() -> int:
    wanted = _arguments()
    failed, done = [], {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) if wanted.check else HERE / "img"
        folder.mkdir(exist_ok=True)
        names = chosen(wanted.names)
        if wanted.check and not (wanted.every or wanted.names):
            names = changed(names, wanted.profile)
        for name, page, seconds, again in ran(names, wanted.profile, folder, wanted.check):
            done[name] = (page, seconds)
            failed += [f"{name}: {c.name} is {c.value:.4g}, wanted {c.want}" for c in page.checks if c.ok is False]
            _tell(name, page, seconds, again)
            if not wanted.check:
                write(name, page, wanted.profile, seconds)
    if not wanted.check:
        _index()
    elif wanted.keep:
        keep([name for name in done if not any(line.startswith(f"{name}: ") for line in failed)])
    for line in failed:
        _say(f"not reached: {line}")
    counted = f"{len(done)} experiments, {sum(s for _, s in done.values()):.0f} s of work"
    _say(f"{counted}, {len(failed)} figures not reached")
    return 1 if failed else 0


def chosen(names: list[str]) -> list[str]:
    """Those that can run here, in the lecture's order."""
    found = []
    for name, module in experiments(names).items():
        if module.NEEDS_DATA and data_folder() is None:
            _say(f"{name}: left out, the shared data are not here")
        else:
            found.append(name)
    return found


def changed(names: list[str], profile: Profile) -> list[str]:
    """Those whose sources are not what their page was written with: the others would give the figures that it has."""
    known = _results()
    left = []
    for name in names:
        kept = known.get(name, {})
        same = kept.get("profile") == profile and kept.get("sources") == digest(EXPERIMENTS / f"{name}.py")
        if same and all(check["ok"] is not False for check in kept["checks"]):
            _say(f"{name}: as its page was written")
        else:
            left.append(name)
    return left


def keep(names: list[str]) -> None:
    """The digests of their sources, beside the figures of their pages."""
    kept = _results()
    for name in names:
        if name in kept:
            kept[name]["sources"] = digest(EXPERIMENTS / f"{name}.py")
    _save(kept)


def ran(names: list[str], profile: Profile, folder: Path, check: bool) -> Iterator[tuple[str, Page, float, bool]]:
    """Each experiment's name, page, seconds, and whether it was run once more; as they end, one a core (on a GPU one
    after another)."""
    workers = 1 if profile == "gpu" else min(len(names) or 1, os.cpu_count() or 1)
    if workers == 1:
        for name in names:
            yield run_one(name, profile, folder, check)
        return
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        for task in as_completed([pool.submit(run_one, name, profile, folder, check) for name in longest_first(names)]):
            yield task.result()


def longest_first(names: list[str]) -> list[str]:
    """By the seconds of their last runs, so that no long one is left alone at the end."""
    kept = _results()
    return sorted(names, key=lambda name: -kept.get(name, {}).get("seconds", 0))


def _results() -> dict[str, Any]:
    path = HERE / "results.json"
    kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return kept


def run_one(name: str, profile: Profile, folder: Path, check: bool) -> tuple[str, Page, float, bool]:
    """Where ``check`` and a figure is not reached, with a second seed: games are chaotic, and another processor rounds
    otherwise, so that what fails must fail twice."""
    module, began, again = import_module(f"docs.lecture.experiments.{name}"), time.monotonic(), False
    page: Page = module.experiment(Bench(profile, folder, data_folder(), is_judged_only=check))
    if check and any(c.ok is False for c in page.checks):
        again = True
        page = module.experiment(Bench(profile, folder, data_folder(), seed=SEED + 1, is_judged_only=check))
    return name, page, time.monotonic() - began, again


def _tell(name: str, page: Page, seconds: float, again: bool) -> None:
    _say(f"{name}, {seconds:.0f} s" + (": not reached at first, here with another seed" if again else ""))
    for check in page.checks:
        reached = "" if check.ok is not False else "NOT REACHED"
        _say(f"   {check.name}: {check.value:.4g} ({check.want}) {reached}")


def experiments(names: list[str]) -> dict[str, ModuleType]:
    """The experiments by name, in the lecture's order; all of them where no name is given."""
    found = {path.stem: path for path in sorted(EXPERIMENTS.glob("*.py")) if not path.stem.startswith("_")}
    unknown = sorted(set(names) - set(found))
    if unknown:
        sys.exit(f"No such experiment: {', '.join(unknown)}. There are: {', '.join(found)}")
    loaded = {name: import_module(f"docs.lecture.experiments.{name}") for name in found if not names or name in names}
    return dict(sorted(loaded.items(), key=lambda item: (item[1].ORDER, item[0])))


def write(name: str, page: Page, profile: Profile, seconds: float) -> None:
    (HERE / f"{name}.md").write_text(to_markdown(page, name, profile, seconds), encoding="utf-8")
    kept = _results()
    checks = [asdict(check) for check in page.checks]
    kept[name] = {
        "title": page.title,
        "profile": profile,
        "seconds": round(seconds, 1),
        "checks": checks,
        "protocol": dict(page.protocol),
        "sources": digest(EXPERIMENTS / f"{name}.py"),
    }
    _save(kept)


def _save(kept: dict[str, Any]) -> None:
    text = json.dumps(kept, indent=1, ensure_ascii=False, sort_keys=True)
    (HERE / "results.json").write_text(f"{text}\n", encoding="utf-8")


def _index() -> None:
    """The list of pages, with the first figure of each."""
    kept, rows = _results(), []
    for name in experiments([]):
        if name in kept:
            first = kept[name]["checks"][0]
            reached = [c["ok"] for c in kept[name]["checks"] if c["ok"] is not None]
            told = f"{first['name']}: {first['value']:.3g}".replace("|", "\\|")
            rows.append(f"| [{kept[name]['title']}]({name}.md) | {told} | {sum(reached)} of {len(reached)} |")
    text = (HERE / "README.head.md").read_text(encoding="utf-8")
    table = "\n".join(["| page | its first figure | reached |", "|---|---|---|", *rows])
    (HERE / "README.md").write_text(f"{text.strip()}\n\n{table}\n", encoding="utf-8")


def data_folder() -> Path | None:
    given = os.environ.get("ZHENWEI_DATA")
    folder = Path(given) if given else ROOT.parent / "shared" / "data"
    return folder if folder.is_dir() else None


def _arguments() -> Any:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="experiments, by default all")
    parser.add_argument("--profile", choices=("cpu", "gpu"), default="cpu")
    parser.add_argument("--check", action="store_true", help="write nothing; end with 1 if a figure is not reached")
    parser.add_argument("--keep", action="store_true", help="with --check: note of which sources they were reached")
    parser.add_argument("--every", action="store_true", help="with --check: what did not change, too")
    return parser.parse_args()


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
