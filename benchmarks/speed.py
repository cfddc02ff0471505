"""How fast, and in how much memory: ``scripts/bench``, one run, one machine, one core, as JSON (``schema.json``).

Rounds go through all tasks in turn, so that whatever else the machine does falls on each alike; the first round warms
up and is not counted. Ratios are formed within a round. Memory and import time are taken in processes of their own.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
VIDEO_S, LONG_S, VOICE_S = 10, 600, 30
FRAMES = 32
DETECTOR = "cnn.face_forgery"
_BATCH = 8
_QUICK = 2  # rounds
_LIBRARIES = ("numpy", "onnxruntime", "opencv-python-headless", "av", "pillow")
# A child's ru_maxrss starts at what its parent held when it was started, so Linux is asked for the peak of its own.
_PEAK = """
import sys
from zhenwei import Options, examine
examine(sys.argv[1], options=Options(frames=int(sys.argv[2]), threads=1))
try:
    lines = open("/proc/self/status").read().split("\\n")
    print(next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")))
except OSError:
    import resource
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 1024))
"""
_IMPORT = "import time; t = time.perf_counter(); import zhenwei; print(time.perf_counter() - t)"


@dataclass(frozen=True, slots=True)
class Summary:
    """``values`` as measured, in order; ``median`` and ``quartiles`` of them. ``aim``: what is wanted, or None."""

    name: str
    unit: str
    better: str  # "higher" or "lower"
    median: float
    quartiles: tuple[float, float]
    values: tuple[float, ...]
    aim: float | None = None


@dataclass(slots=True)
class Run:
    """What has been measured so far, and what could not be, with the reason."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    processor_s: dict[str, list[float]] = field(default_factory=dict)
    items: dict[str, int] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    summaries: list[Summary] = field(default_factory=list)

    def take(self, name: str, unit: str, better: str, values: Sequence[float], aim: float | None = None) -> None:
        import numpy as np

        low, middle, high = (round(float(v), 4) for v in np.percentile(values, (25, 50, 75)))
        kept = tuple(round(v, 4) for v in values)
        self.summaries.append(Summary(name, unit, better, middle, (low, high), kept, aim))
        say(f"{name}: {middle:g} {unit} ({low:g} to {high:g})")


def main(arguments: Sequence[str] | None = None) -> int:
    given = _arguments(arguments)
    pinned = one_core()
    started = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    run = Run()
    _commands(run, given)  # each in a process of its own, before this one grows
    if given.only:
        return _written(run, given, started, pinned, {})
    with tempfile.TemporaryDirectory(prefix="zhenwei-bench-") as folder:
        video, long_video = Path(folder, "clip.mp4"), Path(folder, "long.mp4")
        _make(video, long_video)
        described = _describe(video)
        _peaks(run, video, long_video, given.rounds)  # first, while this process is small
        _imports(run, given.rounds)
        _rounds(run, video, given.rounds)
    _summarise(run)
    return _written(run, given, started, pinned, described)


def _written(run: Run, given: argparse.Namespace, started: str, pinned: bool, described: Mapping[str, Any]) -> int:
    protocol = {"threads": 1, "pinned_to_one_core": pinned, "warm_up_rounds": 1, "rounds": given.rounds}
    result = {
        "schema": "zhenwei.speed/1",
        "taken": started,
        "version": metadata.version("zhenwei"),
        "commit": commit(),
        "machine": machine(),
        "protocol": {**protocol, "frames_sampled": FRAMES, "long_clip_s": LONG_S},
        "clip": described,
        "models": _models(),
        "measures": [asdict(summary) for summary in run.summaries],
        "missing": [{"name": name, "reason": reason} for name, reason in run.missing.items()],
    }
    text = json.dumps(result, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    if given.output is None:
        sys.stdout.write(text)
    else:
        given.output.parent.mkdir(parents=True, exist_ok=True)
        given.output.write_text(text, encoding="utf-8")
        say(f"written: {given.output}")
    return 0


def _commands(run: Run, given: argparse.Namespace) -> None:
    """Whole commands on every kind of file; with ``--quick`` on the quick ones, once."""
    from benchmarks import cases, commands

    quick = given.rounds == _QUICK
    names = given.only or (commands.QUICK if quick else list(cases.CASES))
    for name, case in commands.measure(names, 1 if quick else min(given.rounds, 3), given.folder).items():
        for key, values in commands.row(case).items():
            told, unit = commands.MEASURES[key]
            run.take(f"{name}: {told}", unit, "lower", values, commands.AIMS.get((name, key)))


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    from benchmarks import commands

    parser = argparse.ArgumentParser(prog="scripts/bench", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--output", type=Path, help="file to write instead of standard output")
    parser.add_argument("--rounds", type=int, default=7, help="how often everything is measured (default 7)")
    parser.add_argument("--quick", action="store_const", dest="rounds", const=_QUICK, help="two rounds: a first look")
    commands.add_options(parser)
    given = parser.parse_args(arguments)
    if given.rounds < 1:
        parser.error("--rounds must be at least 1")
    return given


def one_core() -> bool:
    """One thread everywhere and, where the system lets us, one core for this process and its children."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"  # read when the libraries are loaded, which is later
    if sys.platform != "linux":
        return False
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    return True


def _make(video: Path, long_video: Path) -> None:
    """In a process of its own: an encoder leaves memory behind."""
    say("making the clips ...")
    code = (
        "import sys; from pathlib import Path; from benchmarks import clips; "
        f"clips.write_video(Path(sys.argv[1]), {VIDEO_S}); "
        f"clips.repeat_video(Path(sys.argv[1]), Path(sys.argv[2]), {LONG_S // VIDEO_S})"
    )
    subprocess.run([sys.executable, "-c", code, str(video), str(long_video)], cwd=ROOT, check=True)


def _describe(video: Path) -> Mapping[str, Any]:
    from zhenwei.media import open_media

    media = open_media(video)
    duration_s = media.duration_s or VIDEO_S
    return {
        "made_by": "benchmarks/clips.py",
        "codec": media.codec,
        "width": media.width,
        "height": media.height,
        "fps": media.fps,
        "frames": media.frame_count,
        "duration_s": duration_s,
        "kilobits_per_s": round(media.size_bytes * 8 / duration_s / 1000),
        "sha256": media.sha256,
    }


def _peaks(run: Run, video: Path, long_video: Path, rounds: int) -> None:
    values: dict[str, list[float]] = {"10 s": [], "10 min": []}
    for _ in range(min(rounds, 3)):
        for name, path in (("10 s", video), ("10 min", long_video)):
            ended = _child(_PEAK, str(path), str(FRAMES))
            if ended.returncode:
                reason = ended.stderr.strip().rsplit("\n", 1)[-1] or f"exit status {ended.returncode}"
                run.missing["peak memory"] = reason
                return
            values[name].append(float(ended.stdout))
    for name, peaks in values.items():
        run.take(f"peak memory, examine, {name} clip", "MiB", "lower", peaks)
    ratios = [long / short for short, long in zip(values["10 s"], values["10 min"], strict=True)]
    run.take("peak memory, 10 min / 10 s", "ratio", "lower", ratios, aim=1.1)


def _imports(run: Run, rounds: int) -> None:
    values = [float(_child(_IMPORT).stdout) for _ in range(1 + 3 * rounds)]
    run.take("import zhenwei", "s", "lower", values[1:], aim=0.3)


def _child(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)


def _rounds(run: Run, video: Path, rounds: int) -> None:
    from zhenwei.errors import ZhenweiError

    tasks = dict(_tasks(video, run.missing))
    for number in range(rounds + 1):
        say(f"round {number} of {rounds}" if number else "warming up ...")
        for name, task in tasks.items():
            if name in run.missing:
                continue
            began, busy = time.perf_counter(), time.process_time()
            try:
                count = task()
            except ZhenweiError as error:
                run.missing[name] = str(error)
                continue
            taken, busy = time.perf_counter() - began, time.process_time() - busy
            if number:
                run.seconds.setdefault(name, []).append(taken)
                run.processor_s.setdefault(name, []).append(busy)
                run.items[name] = count


def _tasks(video: Path, missing: dict[str, str]) -> Iterator[tuple[str, Callable[[], int]]]:
    """What is timed, each giving how many items it dealt with."""
    from zhenwei import Options, examine, faces, models
    from zhenwei.errors import ZhenweiError
    from zhenwei.media import open_media, sample_frames

    yield "decode", lambda: decode(video, colour=False)
    yield "decode to RGB", lambda: decode(video, colour=True)
    models.set_threads(1)
    frames = tuple(sample_frames(open_media(video), FRAMES))
    yield "find faces", lambda: sum(len(track.faces) for track in faces.find_people(frames))
    try:
        yield "network", _network()
    except ZhenweiError as error:
        missing["network"] = str(error)
    options = Options(frames=FRAMES, threads=1)

    def whole() -> int:
        examine(video, options=options)
        return 1

    yield "examine", whole
    yield "listen", _listening()


def _listening() -> Callable[[], int]:
    """Every detector of voices in turn on half a minute of a made voice, as seconds of it."""
    from tests.speaking import voice

    from zhenwei import detectors
    from zhenwei.testing import audio_subject

    subject = audio_subject(voice(VOICE_S)[None])
    asked = [detectors.build(name) for name in detectors.catalogue() if name.startswith("speech.")]

    def listen() -> int:
        for detector in asked:
            detector.examine(subject)
        return VOICE_S

    return listen


def decode(video: Path, *, colour: bool) -> int:
    import av

    count = 0
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        for frame in container.decode(stream):
            if colour:
                frame.to_ndarray(format="rgb24")
            count += 1
    return count


def _network() -> Callable[[], int]:
    import numpy as np

    from zhenwei import detectors, models
    from zhenwei.errors import ModelError

    info = detectors.build(DETECTOR).info
    model = models.load(info.models[0])
    if info.contract is None:
        raise ModelError(f"{DETECTOR} states no input contract")
    size = info.contract.size_px
    crops = np.random.default_rng(0).uniform(-1, 1, (FRAMES, 3, size, size)).astype(np.float32)

    def run() -> int:
        for start in range(0, FRAMES, _BATCH):
            model.run(crops[start : start + _BATCH])
        return FRAMES

    return run


def _summarise(run: Run) -> None:
    rates = {
        "decode": "frames/s",
        "decode to RGB": "frames/s",
        "find faces": "faces/s",
        "network": "crops/s",
    }
    for name, unit in rates.items():
        if name in run.seconds:
            run.take(name, unit, "higher", [run.items[name] / s for s in run.seconds[name]])
    for name in ("decode", "examine"):
        if name in run.seconds:
            run.take(f"{name}, whole 10 s clip", "s", "lower", run.seconds[name])
    if "listen" in run.seconds:
        run.take("listen, times real time", "ratio", "higher", [VOICE_S / s for s in run.seconds["listen"]], aim=20.0)
    if "examine" in run.seconds:
        clocks = (("examine / decode", run.seconds), ("examine / decode, processor time", run.processor_s))
        for name, taken in clocks:
            ratios = [a / b for a, b in zip(taken["examine"], taken["decode"], strict=True)]
            run.take(name, "ratio", "lower", ratios, aim=10.0)


def commit() -> str:
    """The commit that was measured, with a + where files had changed since; "" outside a repository."""

    def git(*arguments: str) -> str:
        ended = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
        return ended.stdout.strip()

    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        return git("rev-parse", "HEAD") + ("+" if git("status", "--porcelain", "--untracked-files=no") else "")
    return ""


def machine() -> Mapping[str, Any]:
    processor = platform.processor()
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n")
        processor = next((line.split(": ", 1)[1] for line in lines if line.startswith("model name")), processor)
    return {
        "processor": processor or platform.machine(),
        "cores": os.cpu_count() or 1,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "libraries": {name: metadata.version(name) for name in _LIBRARIES},
    }


def _models() -> Mapping[str, str]:
    store = ROOT / "src" / "zhenwei" / "models" / "weights"
    return {path.stem: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(store.glob("*.onnx"))}


if __name__ == "__main__":
    sys.exit(main())
