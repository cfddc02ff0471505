"""``examine(path) -> Report``: media, faces, detectors, fusion. The one place that knows the order."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import itertools
import math
import operator
import reprlib
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from numbers import Real
from pathlib import Path
from typing import SupportsIndex

import numpy as np

from zhenwei import detectors, faces, fusion, media, models
from zhenwei.detectors._answers import abstain
from zhenwei.detectors._audio import spoken_s
from zhenwei.errors import MediaError, UsageError
from zhenwei.media.given import Source
from zhenwei.signals.shown import shrunk, waveform
from zhenwei.types import (
    DEPTHS,
    Audio,
    Box,
    Depth,
    Detector,
    Engine,
    Evidence,
    Face,
    Frame,
    ImageExhibit,
    Interval,
    Kind,
    Media,
    Person,
    Report,
    Strip,
    Subject,
    Text,
    Track,
    Verdict,
)

Progress = Callable[[str, float], None]
_LIBRARIES = ("numpy", "onnxruntime", "opencv-python-headless", "av", "pillow")
_PORTRAIT_PX = 160
_POSTER_PX = 1024
_STRIP_FRAMES, _STRIP_PX = 8, 240
_FEW_FRAMES = 16
_AUDIO_HZ = 16_000
_PICTURE = Text("The picture that was examined", zh="所检验的图片")
_FRAME = Text("A frame of the clip that was examined", zh="所检验视频中的一帧")
_WAVEFORM = Text("Waveform of the recording that was examined", zh="所检验录音的波形")
_HELD_STILL = Text(
    "nobody's face does anything in this clip: it was judged as the picture that it shows",
    zh="视频中的人脸没有任何动作：按其所示的图片判定",
)
_MAX_FRAMES = 512
_MAX_STRIPS = 2
_BESIDE = (".calibration.json", ".detector.json")


@dataclass(frozen=True, slots=True)
class _Effort:
    """Frames sampled from a clip, and the smallest face that is looked for."""

    frames: int
    min_face_px: int


# No network judges a face below 40 px; the standard and full depths find smaller ones to say so.
_EFFORTS: Mapping[Depth, _Effort] = {"fast": _Effort(8, 40), "standard": _Effort(32, 24), "full": _Effort(32, 24)}


@dataclass(frozen=True, slots=True)
class Options:
    """``frames``: how many are sampled from a clip, None = 8 at depth "fast", else 32. ``detectors``: ids, each once
    whoever names it twice, empty = those of ``depth``. ``false_alarm``: the wanted rate of genuine files called forged,
    in (0, 0.5). ``threads``: for inference, 0 = one per core. ``depth``: "fast" asks the cheapest detectors about few
    frames, "standard" all but those that cost much and were measured to add little, "full" all; both without those that
    count for nothing in media of this kind. UsageError for what has no meaning or another type."""

    frames: int | None = None
    detectors: tuple[str, ...] = ()
    false_alarm: float = 0.05
    threads: int = 0
    depth: Depth = "standard"

    def __post_init__(self) -> None:
        self._set("detectors", _ids(self.detectors))
        self._set("frames", None if self.frames is None else _whole("frames", self.frames))
        self._set("threads", _whole("threads", self.threads))
        self._set("false_alarm", _figure("false_alarm", self.false_alarm))
        if self.depth not in DEPTHS:
            raise UsageError("there is no such depth", got=repr(self.depth), want=", ".join(DEPTHS))
        if self.detectors and self.depth != "standard":
            got = f"depth {self.depth} and {', '.join(self.detectors)}"
            fix = "Name detectors, or a depth that chooses them."
            raise UsageError("detectors are named and a depth is asked for", got=got, want="one of the two", fix=fix)
        if not 1 <= self.sampled_frames <= _MAX_FRAMES:
            raise UsageError("the number of frames is out of range", got=str(self.frames), want=f"1 to {_MAX_FRAMES}")
        if not 0 < self.false_alarm < 0.5:
            raise UsageError(
                "the false-alarm rate is out of range", got=str(self.false_alarm), want="between 0 and 0.5"
            )
        if self.threads < 0:
            raise UsageError("the number of threads is out of range", got=str(self.threads), want="0 or more")

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    @property
    def sampled_frames(self) -> int:
        """``frames``, or what ``depth`` takes."""
        return _EFFORTS[self.depth].frames if self.frames is None else self.frames

    @property
    def asked(self) -> tuple[str, ...]:
        """Ids of the detectors that are asked: ``detectors``, or those of ``depth``."""
        return self.detectors or detectors.asked_at(self.depth)


def _ids(given: Sequence[str]) -> tuple[str, ...]:
    """Each once, in order: a second answer of the same detector would count as a second witness."""
    listed = isinstance(given, Sequence) and not isinstance(given, str | bytes)
    if not listed or not all(isinstance(id_, str) for id_ in given):
        raise _wrong_type("detectors", given, "a list of ids of detectors")
    return tuple(dict.fromkeys(given))


def _whole(name: str, given: object) -> int:
    """A plain int: reports are written as JSON, which knows no numbers of NumPy."""
    if not isinstance(given, bool) and isinstance(given, SupportsIndex):
        with contextlib.suppress(TypeError):  # of an array, which has the method
            return operator.index(given)
    raise _wrong_type(name, given, "a whole number")


def _figure(name: str, given: object) -> float:
    if isinstance(given, bool) or not isinstance(given, Real):
        raise _wrong_type(name, given, "a number")
    return float(given)


def _wrong_type(name: str, given: object, want: str) -> UsageError:
    return UsageError(f"the option {name} has the wrong type", got=reprlib.repr(given), want=want)


def examine(source: Source, *, options: Options | None = None, progress: Progress | None = None) -> Report:
    """Examines one file with every detector of the depth that takes its kind and counts in it, and weighs what they
    say.

    ``source``: a path, the bytes of a file, a file opened for reading in binary (read from where it stands), or the
    pixels of a picture: ``(height, width, 3)`` RGB or ``(height, width)`` grey, uint8. Without a path,
    ``report.media.path`` is "<bytes>", "<array>" or the stream's name.

    Deterministic but for ``seconds``. Raises :class:`MediaError` for a file that cannot be read or was changed while
    it was read, :class:`UsageError` for options or a source without meaning, :class:`ModelError` for weights that are
    missing or altered.
    """
    if options is None:
        options = Options()
    elif not isinstance(options, Options):
        raise UsageError("these are no options", got=reprlib.repr(options), want="zhenwei.Options")
    tell = progress or (lambda _stage, _fraction: None)
    began = time.perf_counter()
    models.set_threads(options.threads)
    chosen = tuple(map(detectors.build, options.asked))
    tell("reading", 0.0)
    with media.at_hand(source) as given:
        with media.opened(given.path) as found:
            facts = replace(found, notes=(*given.notes, *found.notes))
            report = _examined(facts, options, chosen, tell, began)
        return replace(report, media=replace(report.media, path=given.shown))


def _examined(facts: Media, options: Options, chosen: tuple[Detector, ...], tell: Progress, began: float) -> Report:
    frames, audio, facts = _decode(facts, options, chosen, tell)
    tell("finding faces", 0.45)
    asked = _worth_asking(chosen, options, facts.kind)
    tracks = faces.find_people(
        frames,
        minimum_px=_EFFORTS[options.depth].min_face_px,
        sparing=_sparing(options.depth, len(frames), asked),
    )
    still = _still(facts, frames, tracks)
    seen_as: Kind = facts.kind
    if still and len(still) == len(tracks):
        seen_as, facts = "image", replace(facts, notes=(*facts.notes, _HELD_STILL))
        asked = _worth_asking(chosen, options, facts.kind, seen_as)
    strips = _strips(asked, facts, frames, tracks, tell)
    evidence, weighed = _ask(asked, _Seen(facts, frames, tracks, audio, strips, seen_as), tell)
    evidence = _counted(evidence, weighed, seen_as)
    people = tuple([_person(track, frames) for track in tracks])
    verdict = fusion.decide(
        list(itertools.compress(evidence, weighed)), people=people, kind=seen_as, false_alarm=options.false_alarm
    )
    if seen_as == facts.kind:
        still |= _hardly_moving(facts, frames, tracks, verdict)
    verdict = fusion.careful(verdict, evidence, still=still if seen_as == facts.kind else (), depth=options.depth)
    tell("done", 1.0)
    poster = _poster(frames, tracks, audio, verdict, facts.kind)
    engine = _engine(chosen, options, time.perf_counter() - began)
    shown = _shown_frames(frames, tracks) if facts.kind == "video" else ()
    return Report(facts, verdict, evidence, people, engine, poster, shown)


def _decode(
    facts: Media, options: Options, chosen: Sequence[Detector], tell: Progress
) -> tuple[tuple[Frame, ...], Audio | None, Media]:
    frames: list[Frame] = []
    if facts.kind != "audio":
        told = media.Notes()
        for frame in media.sample_frames(facts, options.sampled_frames, told=told):
            frames.append(frame)
            tell("reading", 0.45 * min(1.0, len(frames) / options.sampled_frames))
        facts = told.onto(facts)
    audio = None
    takes: set[Kind] = set()
    for detector in chosen:
        takes.update(detector.info.takes)
    # Sound alone is read even where nobody examines it yet: a damaged file is to be told from one without an answer.
    if facts.kind == "audio" or (facts.audio_codec and "audio" in takes):
        try:
            audio, facts = media.hear(facts, _AUDIO_HZ, speech_s=spoken_s)
        except MediaError as error:
            if not frames:
                raise
            note = Text(f"the sound could not be read: {error}", zh=f"无法读取声音：{error}")
            facts = replace(facts, notes=(*facts.notes, note))
    return tuple(frames), audio, facts


def _sparing(depth: Depth, frames: int, asked: Sequence[Detector]) -> bool:
    """Not where frames are few; and what looks at a passage wants to know of every frame that somebody is in it."""
    return depth == "standard" and frames > _FEW_FRAMES and not any(one.info.needs_strip for one in asked)


def _still(facts: Media, frames: Sequence[Frame], tracks: Sequence[Track]) -> frozenset[int]:
    """The people of a clip whose faces do nothing in it: pictures, whose traces a clip's rates do not know of."""
    if facts.kind != "video":
        return frozenset()
    return frozenset([track.person for track in tracks if faces.does_nothing(frames, track)])


def _hardly_moving(facts: Media, frames: Sequence[Frame], tracks: Sequence[Track], verdict: Verdict) -> frozenset[int]:
    """Of the people of a clip that would be called genuine those who may be pictures that are shown one after another,
    or one that is bent."""
    called = {person.person for person in verdict.by_person if person.decision == "genuine"}
    if facts.kind != "video" or not called:
        return frozenset()
    return frozenset(
        [
            track.person
            for track in tracks
            if track.person in called and (faces.hardly_moves(frames, track) or faces.could_be_bent(frames, track))
        ]
    )


def _worth_asking(
    chosen: Sequence[Detector], options: Options, kind: Kind, seen_as: Kind | None = None
) -> tuple[Detector, ...]:
    """Without those whose answers would change nothing, unless they are named or all are asked for. ``seen_as``: what
    people are judged as, where that is another kind."""
    if options.detectors or options.depth == "full":
        return tuple(chosen)
    unheard = {each: fusion.unheard(each) for each in {kind, seen_as or kind}}
    return tuple([one for one in chosen if one.info.id not in unheard[_shown_as(one, kind, seen_as or kind)]])


def _shown_as(detector: Detector, kind: Kind, seen_as: Kind) -> Kind:
    """Who examines people in pictures is shown one where they are judged as such, who cannot, the clip."""
    return seen_as if detector.info.level == "person" and seen_as in detector.info.takes else kind


def _strips(
    chosen: Sequence[Detector], facts: Media, frames: Sequence[Frame], tracks: Sequence[Track], tell: Progress
) -> dict[int, Strip]:
    """By person: a passage without gaps of each of the most prominent people, if a chosen detector looks at one."""
    if facts.kind != "video" or not any(d.info.needs_strip for d in chosen):
        return {}
    prominent = sorted(tracks, key=_prominence, reverse=True)[:_MAX_STRIPS]
    found: dict[int, Strip] = {}
    for number, track in enumerate(prominent):
        tell("following faces", 0.6 + 0.1 * number / len(prominent))
        strip = _strip(facts, frames, track)
        if strip is not None:
            found[track.person] = strip
    return found


def _prominence(track: Track) -> tuple[float, int]:
    return sum([face.quality.face_px for face in track.faces]), -track.person


def _strip(facts: Media, frames: Sequence[Frame], track: Track) -> Strip | None:
    passage = faces.find_passage(frames, track, duration_s=facts.duration_s, fps=facts.fps)
    if passage is None:
        return None
    try:
        dense = media.read_passage(
            facts, passage.start_s, passage.end_s, fastest_hz=faces.FASTEST_HZ, window=passage.window
        )
        return faces.follow(passage, dense)
    except MediaError:  # the sampled frames could be read, these cannot: what needs them abstains
        return None


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """What detectors are shown. ``seen_as``: what people are judged as; "image" for a clip in which nobody does
    anything."""

    facts: Media
    frames: tuple[Frame, ...]
    tracks: tuple[Track, ...]
    audio: Audio | None
    strips: dict[int, Strip]
    seen_as: Kind

    def subjects(self, detector: Detector) -> list[Subject]:
        whole = Subject(self.facts, self.frames, None, self.audio)
        if detector.info.level != "person" or not self.tracks:
            return [whole]
        kind = _shown_as(detector, self.facts.kind, self.seen_as)
        if kind != self.facts.kind:
            picture = replace(whole, media=replace(self.facts, kind=kind), audio=None)
            return [replace(picture, track=replace(each, faces=(faces.clearest(each),))) for each in self.tracks]
        subjects = []
        for track in self.tracks:
            others = dict(self.strips) if detector.info.needs_strip else {}
            own = others.pop(track.person, None)
            subjects.append(replace(whole, track=track, strip=own, company=tuple(others.values())))
        return subjects

    def weighs(self, detector: Detector) -> bool:
        """What is said of a clip is no evidence on the picture that it shows."""
        if self.seen_as == self.facts.kind or detector.info.level != "person" or detector.info.finds == "pairing":
            return True
        return self.seen_as in detector.info.takes


def _ask(chosen: Sequence[Detector], seen: _Seen, tell: Progress) -> tuple[tuple[Evidence, ...], tuple[bool, ...]]:
    """The evidence, and which of it the verdict rests on."""
    subjects = [(detector, subject) for detector in chosen for subject in seen.subjects(detector)]
    evidence: list[Evidence] = []
    for number, (detector, subject) in enumerate(subjects):
        tell(detector.info.id, 0.7 + 0.3 * number / len(subjects))
        began = time.perf_counter()
        answer = _answer(detector, subject)
        evidence.append(replace(answer, finds=detector.info.finds, seconds=round(time.perf_counter() - began, 4)))
    return tuple(evidence), tuple([seen.weighs(detector) for detector, _ in subjects])


def _answer(detector: Detector, subject: Subject) -> Evidence:
    kind = subject.media.kind
    if kind in detector.info.takes:
        return detectors.ask(detector, subject, of=detectors.package_of(detector.info.id))
    names = {"image": ("pictures", "图片"), "video": ("videos", "视频"), "audio": ("sound", "声音")}
    reason = Text(f"this detector does not examine {names[kind][0]}", zh=f"该检测器不适用于{names[kind][1]}")
    return replace(abstain(detector.info, reason), asked=False)


def _counted(evidence: Sequence[Evidence], weighed: Sequence[bool], kind: Kind) -> tuple[Evidence, ...]:
    """With what each adds to the verdict on its person; evidence on the whole file as if it stood alone."""
    rows_of: dict[int | None, list[int]] = {}
    for row, (item, weighs) in enumerate(zip(evidence, weighed, strict=True)):
        if weighs:
            rows_of.setdefault(item.person, []).append(row)
    counted = [item if item.llr is None else replace(item, counted=0.0) for item in evidence]
    for rows in rows_of.values():
        shares = fusion.contributions([evidence[row] for row in rows], kind=kind)
        for row, share in zip(rows, shares, strict=True):
            counted[row] = replace(evidence[row], counted=None if share is None else round(share, 6))
    return tuple(counted)


def _person(track: Track, frames: tuple[Frame, ...]) -> Person:
    best = faces.clearest(track)
    interval = Interval(track.faces[0].time_s, track.faces[-1].time_s)
    portrait = np.ascontiguousarray(faces.portrait(frames[best.frame], best, _PORTRAIT_PX))
    portrait.flags.writeable = False
    return Person(track.person, portrait, len(track.faces), interval, best.quality, _sightings(track, frames))


def _sightings(track: Track, frames: tuple[Frame, ...]) -> tuple[tuple[float, Box], ...]:
    found = []
    for face in track.faces:
        height, width = frames[face.frame].pixels.shape[:2]
        found.append((face.time_s, face.box.share_of(width, height)))
    return tuple(found)


def _poster(
    frames: tuple[Frame, ...], tracks: Sequence[Track], audio: Audio | None, verdict: Verdict, kind: Kind
) -> ImageExhibit | None:
    """What was examined, to be shown beside the verdict; of a clip the frame with the most suspicious person."""
    if not frames:
        return ImageExhibit(_WAVEFORM, waveform(audio)) if audio is not None else None
    llrs = {judged.person: judged.llr or 0.0 for judged in verdict.by_person}
    suspect = max(tracks, key=lambda track: llrs.get(track.person, -math.inf), default=None)
    frame = frames[faces.clearest(suspect).frame if suspect else len(frames) // 2]
    caption, time_s = (_PICTURE, None) if kind == "image" else (_FRAME, frame.time_s)
    return _shown(frame, tracks, caption, _POSTER_PX, time_s)


def _shown_frames(frames: Sequence[Frame], tracks: Sequence[Track]) -> tuple[ImageExhibit, ...]:
    """Frames evenly spread over those that were sampled, small; a neighbour where nobody was looked for."""
    spread = np.linspace(0, len(frames) - 1, min(_STRIP_FRAMES, len(frames))).round().astype(int)
    seen = {face.frame for track in tracks for face in track.faces}
    places = {
        next((near for near in (place, place - 1, place + 1) if near in seen), place) for place in spread.tolist()
    }
    return tuple([_shown(frames[place], tracks, _FRAME, _STRIP_PX, frames[place].time_s) for place in sorted(places)])


def _shown(frame: Frame, tracks: Sequence[Track], caption: Text, max_px: int, time_s: float | None) -> ImageExhibit:
    """The frame, small, with a box where each person's face is."""
    height, width = frame.pixels.shape[:2]
    boxes = []
    for person, box in [(track.person, face.box) for track in tracks for face in track.faces if _is_in(face, frame)]:
        edges = (box.left / width, box.top / height, box.right / width, box.bottom / height)
        left, top, right, bottom = [round(min(max(float(edge), 0.0), 1.0), 4) for edge in edges]
        boxes.append((person, left, top, right, bottom))
    pixels = shrunk(frame.pixels, max_px).copy()
    pixels.flags.writeable = False
    return ImageExhibit(caption, pixels, time_s, boxes=tuple(boxes))


def _is_in(face: Face, frame: Frame) -> bool:
    return face.frame == frame.index and not face.tight


def weights_of(chosen: Sequence[Detector]) -> dict[str, str]:
    """sha256 of every model that ``chosen`` and the face finder run, by id.

    Where a plug-in calls a model as another is called that has other weights, its own is "detector/model". What else
    the answers of a plug-in or an added network follow from is there, too: the calibrations and the description beside
    its weights, by their names, and the module that it is, by its package, version and name.
    """
    found = {name: models.entry(name).sha256 for name in faces.MODELS}
    for detector in sorted(chosen, key=lambda d: (bool(detectors.package_of(d.info.id)), d.info.id)):
        for name, row in detectors.models_of(detector).items():
            taken = found.get(name, row.sha256) != row.sha256
            found[f"{detector.info.id}/{name}" if taken else name] = row.sha256
        found |= _beside(detector) | _module(detector)
    return dict(sorted(found.items()))


def _beside(detector: Detector) -> dict[str, str]:
    """sha256 of what lies with the weights in a store that is not this package's."""
    store = getattr(detector, "store", None)
    if store is None:
        return {}
    starts = tuple([f"{name}." for name in detector.info.models])
    found = {}
    for path in Path(store, "weights").glob("*.json"):
        if path.name.startswith(starts) and path.name.endswith(_BESIDE):
            found[path.name] = _digest(path)
    return found


def _module(detector: Detector) -> dict[str, str]:
    """sha256 of the module that a plug-in is."""
    id_, module = detector.info.id, type(detector).__module__
    package = detectors.package_of(id_)
    if not package or module.partition(".")[0] == "zhenwei":  # an added network is asked by a module of this package
        return {}
    try:
        named = f"{package} {_version(package)}"
    except metadata.PackageNotFoundError:
        named = package
    file = getattr(sys.modules.get(module), "__file__", None)
    return {f"{named}, {module}": _loaded(file) if file else _digest(None)}


@functools.cache  # what runs is what was there when it was loaded
def _loaded(path: str) -> str:
    return _digest(Path(path))


def _digest(path: Path | None) -> str:
    """sha256 of a file; of nothing, where there is none to be read."""
    data = b""
    if path is not None:
        with contextlib.suppress(OSError):
            data = path.read_bytes()
    return hashlib.sha256(data).hexdigest()


def engine_of(options: Options) -> Engine:
    """What an examination with ``options`` will say of its engine, but for the time that it took."""
    return _engine(tuple(map(detectors.build, options.asked)), options, 0.0)


def _engine(chosen: Sequence[Detector], options: Options, seconds: float) -> Engine:
    given = asdict(options) | {"frames": options.sampled_frames, "detectors": ",".join(options.detectors)}
    return Engine(
        version=_version("zhenwei"),
        models=weights_of(chosen),
        libraries=dict(zip(_LIBRARIES, map(_version, _LIBRARIES), strict=True)),
        options=given,
        seconds=round(seconds, 3),
    )


@functools.cache  # reads and parses a file of each package
def _version(package: str) -> str:
    return metadata.version(package)
