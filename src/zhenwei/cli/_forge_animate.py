"""``zhenwei forge animate``: one portrait, moved like somebody in a clip, or made to say a recording."""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zhenwei.cli._forge_make import refuse_other
from zhenwei.cli._forge_run import CONSENT_FIX, check_extra, opened_door
from zhenwei.cli._options import TextFormat, TextOption
from zhenwei.cli.language import say
from zhenwei.cli.progress import progress_bar
from zhenwei.errors import UsageError

if TYPE_CHECKING:
    import datetime

    from zhenwei.forge.animate import Animation, Motion
    from zhenwei.forge.animate.learned import LearnedMotion
    from zhenwei.forge.make import Actor
    from zhenwei.types import Floats

RATE_HZ = 25.0
_AUDIO_HZ, _PUPPET_PX, _MADE_HZ = 16000, 192, 190.0

DrawnFace = StrEnum("DrawnFace", ["anna", "bruno"])
Method = StrEnum("Method", ["warp", "learned"])


def animate(
    portrait: Annotated[
        Path | None, typer.Argument(help="A photograph with a face.", metavar="PORTRAIT", show_default=False)
    ] = None,
    driver: Annotated[
        Path | None, typer.Option(help="The clip whose head and face are followed.", metavar="CLIP")
    ] = None,
    audio: Annotated[Path | None, typer.Option(help="The recording that is spoken.", metavar="RECORDING")] = None,
    puppet: Annotated[DrawnFace | None, typer.Option(help="A drawn face of nobody instead of a photograph.")] = None,
    made: Annotated[int, typer.Option(min=0, max=20, help="So many sentences of a made voice are spoken.")] = 0,
    consent: Annotated[
        Path | None, typer.Option(help="The manifest that covers portrait, clip and recording.", metavar="FILE")
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to put the clip.", metavar="FILE.mp4")] = Path(
        "animated.mp4"
    ),
    method: Annotated[
        Method, typer.Option(help="Bent along its landmarks, or drawn anew at 64 px by a network.")
    ] = Method.warp,
    run: Annotated[
        Path | None, typer.Option(help="A run of `forge motion train`, for --method learned.", metavar="DIR")
    ] = None,
    gain: Annotated[float, typer.Option(min=0, max=2, help="How much of the expression is taken over.")] = 1.0,
    seed: Annotated[int, typer.Option(min=0, help="Of the made voice, and of how a head moves by chance.")] = 0,
    format_: TextOption = TextFormat.text,
) -> None:
    """Animate one portrait: by the motion of a clip, or by speech.

    Nothing is learned of anybody: the picture is bent along its landmarks, within what one photograph can show. Faces
    above 128 px are reduced. Photographs, clips and recordings must stand in a consent manifest; drawn faces and made
    voices are nobody's and need none. With a clip and a recording, the head follows the clip and the mouth the
    recording. The clip is marked as everything is that the lab makes.

    With --method learned, a network draws the window about the face: a small one that has seen drawn puppets alone, or
    that of --run.

    Exit status: 0 done, 1 a file could not be read or is not covered, 2 wrong use.

    Examples:

      zhenwei forge animate --puppet anna --made 3 --output puppet.mp4

      zhenwei forge animate portrait.jpg --driver clip.mp4 --consent consent.json --output moved.mp4

      zhenwei forge animate portrait.jpg --audio voice.wav --consent consent.json --output said.mp4

      zhenwei forge animate --puppet bruno --made 2 --method learned --output drawn.mp4
    """
    from fractions import Fraction

    from zhenwei.forge.export import Origin, export_video

    _check_use(portrait, puppet, [driver, audio] if not made else [driver, audio, "made"], output)
    if audio is not None and made:
        raise UsageError("one voice is spoken", got="--audio and --made", fix="Leave one of them out.")
    if run is not None and method is not Method.learned:
        raise UsageError("a run is of the learned method", got="--run", fix="Add --method learned.")
    learned = _network(run) if method is Method.learned else None
    door = opened_door()
    cast = _Cast(consent, door.today, seed)
    cast.face(portrait, puppet)
    cast.drive(driver)
    cast.speak(audio, made)
    if cast.parent:
        refuse_other(output, cast.parent)
    with progress_bar("animating", 1.0) as tell:
        forged = cast.warped(gain, tell) if learned is None else cast.drawn(learned, gain, tell)
    claim: Any = "ai-edited" if cast.parent else "ai-generated"
    told = dict(forged.recipe) | cast.recipe | {"seed": seed}
    origin = Origin(str(forged.recipe["method"]), told, cast.consent, claim, cast.parent or None)
    fps = Fraction(cast.rate_hz).limit_denominator(1001)
    sound = None if cast.sound is None else cast.sound[None, : int(len(forged.frames) / cast.rate_hz * _AUDIO_HZ)]
    exported = export_video(forged.frames, fps, origin, output, door, audio=sound, rate_hz=_AUDIO_HZ)
    if format_ is TextFormat.json:
        line = {"path": str(exported.path), "sidecar": str(exported.sidecar), "ident": exported.ident}
        typer.echo(json.dumps(line, ensure_ascii=False))
    else:
        typer.echo(say("{}  {} frames, mark {}", exported.path, len(forged.frames), exported.ident))


def _check_use(portrait: Path | None, puppet: DrawnFace | None, movers: list[Any], output: Path) -> None:
    if (portrait is None) == (puppet is None):
        fix = "Name a photograph, or --puppet anna."
        raise UsageError("one face is animated", got="none" if portrait is None else "two", fix=fix)
    if not any(movers):
        fix = "Name --driver CLIP to move like somebody, or --audio RECORDING (or --made 3) to speak."
        raise UsageError("nothing says how the face should move", fix=fix)
    if output.suffix.lower() != ".mp4":
        fix = f"Write to {output.with_suffix('.mp4').name}."
        raise UsageError("a clip is written as MP4", got=str(output), fix=fix)


def _network(run: Path | None) -> LearnedMotion:
    check_extra("learned motion needs")
    from zhenwei.forge.animate import learned
    from zhenwei.forge.animate.first_order import open_run

    return learned.shipped() if run is None else learned.LearnedMotion.of(open_run(run)[0])


class _Cast:
    """Who is seen, who drives and who is heard; each is covered before anything is made of it."""

    def __init__(self, manifest: Path | None, today: datetime.date, seed: int) -> None:
        from zhenwei.forge.consent import read_consent

        self._held = None if manifest is None else read_consent(manifest)
        self._today, self._seed = today, seed
        self.consent, self.recipe, self.parent = "", dict[str, Any](), b""
        self._actor: Actor | None = None
        self.sound: Floats | None = None
        self.rate_hz = RATE_HZ

    def face(self, portrait: Path | None, puppet: DrawnFace | None) -> None:
        from zhenwei.forge.consent import hash_file
        from zhenwei.forge.make import read_sitter
        from zhenwei.forge.puppet import ANNA, BRUNO, Look, draw

        if portrait is None:
            drawn = draw(ANNA if puppet is DrawnFace.anna else BRUNO, Look(blink=0.1), _PUPPET_PX)
            self.pixels, self.landmarks = drawn.pixels, drawn.landmarks
            self.recipe["puppet"] = str(puppet)
            return
        self._check(portrait, "face")
        sitter = read_sitter(portrait)
        self.pixels, self.landmarks, self.parent = sitter.pixels, sitter.landmarks, sitter.data
        self.recipe |= {"source_sha256": hash_file(portrait), "source_scale": round(sitter.scale, 6)}

    def drive(self, driver: Path | None) -> None:
        from zhenwei.forge.consent import hash_file
        from zhenwei.forge.make import read_actor

        if driver is not None:
            self._check(driver, "face")
            self._actor = read_actor(driver)
            self.rate_hz = self._actor.rate_hz
            self.recipe["driver_sha256"] = hash_file(driver)

    def speak(self, audio: Path | None, made: int) -> None:
        import numpy as np

        from zhenwei.forge.animate.speech import LONGEST_S
        from zhenwei.forge.consent import hash_file
        from zhenwei.forge.voice.heard import make_voice, read_audio
        from zhenwei.forge.voice.speak import Speaker

        if audio is not None:
            self._check(audio, "voice")
            self.sound = read_audio(audio)
            self.recipe["audio_sha256"] = hash_file(audio)
        elif made:
            self.sound = np.concatenate(make_voice("made", Speaker(_MADE_HZ), made, self._seed).waveforms)
            self.recipe["made_sentences"] = made
        if self.sound is not None:
            self.sound = self.sound[: int(LONGEST_S * _AUDIO_HZ)]

    def warped(self, gain: float, tell: Callable[[float], None]) -> Animation:
        from zhenwei.forge.animate import animate

        return animate(self.pixels, self.landmarks, self.motion(), gain=gain, tell=tell)

    def drawn(self, learned: LearnedMotion, gain: float, tell: Callable[[float], None]) -> Animation:
        """By the network, driven by the clip; where a voice drives, by the portrait itself bent to it."""
        from zhenwei.forge.animate.learned import animate_learned

        if self._actor is not None and self.sound is None:
            driver, landmarks = self._actor.pixels, self._actor.landmarks
        else:
            bent = self.warped(1.0, tell)
            driver, landmarks = bent.frames, bent.landmarks.astype("float32")
        return animate_learned(learned, self.pixels, self.landmarks, driver, landmarks, self.rate_hz, gain)

    def motion(self) -> Motion:
        """The driver's; with a voice, its mouth instead of the driver's, or a head that moves by chance."""
        import numpy as np

        from zhenwei.forge.animate import motion_of, smoothed
        from zhenwei.forge.animate.speech import mouth_of, speaking, with_mouth

        moved = None if self._actor is None else smoothed(motion_of(self._actor.landmarks, self.rate_hz))
        if self.sound is None and moved is not None:
            return moved
        mouth = mouth_of(np.zeros(0, np.float32) if self.sound is None else self.sound, self.rate_hz)
        if moved is not None:
            return with_mouth(moved, mouth)
        return speaking(self.landmarks, mouth, self.rate_hz, np.random.default_rng(self._seed))

    def _check(self, path: Path, scope: str) -> None:
        from zhenwei.forge.make import check_covered

        if self._held is None:
            raise UsageError("people are animated with consent only", want="--consent FILE", fix=CONSENT_FIX)
        check_covered(self._held, path, self._today, scope)
        self.consent = self._held.sha256
