"""``zhenwei forge voice learn | convert | model | speak | read``: voices learned with consent, or nobody's; marked."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zhenwei.cli._forge_run import (
    VOICE_CONSENT_FIX,
    check_extra,
    consent_in,
    opened_door,
    tell_exported,
    tell_run,
    today,
    train_run,
)
from zhenwei.cli._forge_voice import voice
from zhenwei.cli._options import RunOutput, SaveEvery, Steps, SubjectA, SubjectB, TextFormat, TextOption
from zhenwei.cli.language import say
from zhenwei.errors import UsageError

if TYPE_CHECKING:
    from zhenwei.forge.consent import Consent
    from zhenwei.forge.voice.convert import Converter
    from zhenwei.forge.voice.heard import SpeakerRecordings
    from zhenwei.forge.voice.mel_model import TrainedMelModel


Engine = StrEnum("Engine", {"espeak_ng": "espeak-ng", "flite": "flite"})

_Run = Annotated[Path, typer.Argument(help="The run.", metavar="DIR")]
_Audio = Annotated[Path, typer.Option("--output", "-o", help="The sound, .wav.", metavar="FILE")]
_Consent = Annotated[Path | None, typer.Option(help="The manifest that covers the recordings.", metavar="FILE")]
_Made = Annotated[int, typer.Option("--made", min=0, help="Learn from as many sentences of made voices, nobody's.")]
_Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same.")]


@voice.command()
def learn(
    output: RunOutput,
    folder_a: Annotated[Path | None, typer.Argument(help="Recordings of one person.", metavar="[FOLDER_A]")] = None,
    folder_b: Annotated[Path | None, typer.Argument(help="Recordings of another.", metavar="[FOLDER_B]")] = None,
    consent: _Consent = None,
    subject_a: SubjectA = None,
    subject_b: SubjectB = None,
    made: _Made = 0,
    steps: Steps = 2000,
    save_every: SaveEvery = 200,
    seed: _Seed = 0,
    format_: TextOption = TextFormat.text,
) -> None:
    """Learn to convert between two voices, or go on with a run: the next step is the one that would have come.

    One encoder for both, a decoder each, no parallel sentences: at least 10 s of speech of either. Ctrl-C saves and
    ends.

    Examples:

      zhenwei forge voice learn --made 24 --output run

      zhenwei forge voice learn anna/ bruno/ --consent consent.json --subject-a anna --subject-b bruno --output run
    """
    check_extra()
    from zhenwei.forge.voice import convert as converters
    from zhenwei.forge.voice.heard import make_voice
    from zhenwei.forge.voice.say import MADE_VOICES

    if (folder_a is None) != (folder_b is None) or (folder_a is None) == (made == 0):
        raise UsageError("what is to be learned from?", want="FOLDER_A FOLDER_B with --consent, or --made N")
    _only_with_people(folder_a, consent, subject_a, subject_b)
    if folder_a is None or folder_b is None:
        first, second = (make_voice(name, speaker, made, seed) for name, speaker in MADE_VOICES.items())
    else:
        first, second = _people([(folder_a, subject_a, "--subject-a"), (folder_b, subject_b, "--subject-b")], consent)
    begin = partial(converters.learn, first, second, converters.ConverterSettings(seed=seed))
    _train(begin, steps, output, save_every, format_)


@voice.command()
def convert(
    run: _Run,
    output: _Audio,
    to: Annotated[str, typer.Option(help="Whose voice it is to become: a pseudonym of the run; low or high.")],
    recording: Annotated[Path | None, typer.Argument(help="A recording of the other.", metavar="[FILE]")] = None,
    consent: _Consent = None,
    made: Annotated[
        int, typer.Option("--made", min=0, max=30, help="As many made words, for a run of made voices.")
    ] = 0,
    seed: _Seed = 1,
    format_: TextOption = TextFormat.text,
) -> None:
    """Convert a recording, 2 to 60 s, into the other voice: a WAV with tones, watermark, labels and credential.

    The recording must stand in the manifest that the run was learned under.

    Examples:

      zhenwei forge voice convert run --made 6 --to high --output converted.wav

      zhenwei forge voice convert run voices/anna/7.wav --to bruno --consent consent.json --output converted.wav
    """
    check_extra()
    from zhenwei.forge.voice.convert import open_converter
    from zhenwei.forge.voice.say import convert_made, convert_recording, export_said

    found = open_converter(run)
    if (recording is None) == (made == 0):
        raise UsageError("what is to be converted?", want="a recording with --consent FILE, or --made N")
    _only_with_people(recording, consent)
    if recording is None:
        said = convert_made(found, made, to, seed)
    else:
        said = convert_recording(found, recording, to, _manifest(consent), today())
    left = export_said(found, said, output, opened_door())
    tell_exported(left, say("{0} s as {1}", f"{len(said.heard) / 16_000:.1f}", to), format_)


@voice.command()
def model(
    output: RunOutput,
    folder: Annotated[Path | None, typer.Argument(help="Recordings of one person.", metavar="[FOLDER]")] = None,
    consent: _Consent = None,
    subject: Annotated[str | None, typer.Option(help="Their pseudonym in the manifest.")] = None,
    made: _Made = 0,
    steps: Steps = 1000,
    save_every: SaveEvery = 100,
    seed: _Seed = 0,
    format_: TextOption = TextFormat.text,
) -> None:
    """Learn what comes next in a voice, band by band (MelNet's idea at one tier), or go on with a run.

    At least 10 s of speech. Ctrl-C saves and ends.

    Examples:

      zhenwei forge voice model --made 24 --output run

      zhenwei forge voice model voices/anna --consent consent.json --subject anna --output run
    """
    check_extra()
    from zhenwei.forge.voice import mel_model
    from zhenwei.forge.voice.heard import make_voice
    from zhenwei.forge.voice.say import MADE_VOICES

    if (folder is None) == (made == 0):
        raise UsageError("what is to be learned from?", want="a FOLDER with --consent and --subject, or --made N")
    _only_with_people(folder, consent, subject)
    if folder is None:
        heard = make_voice("low", MADE_VOICES["low"], made, seed)
    else:
        (heard,) = _people([(folder, subject, "--subject")], consent)
    _train(partial(mel_model.learn, heard, mel_model.MelModelSettings(seed=seed)), steps, output, save_every, format_)


@voice.command()
def speak(
    run: _Run,
    output: _Audio,
    seconds: Annotated[float, typer.Option(min=2, max=20, help="How long.")] = 3.0,
    consent: _Consent = None,
    seed: _Seed = 0,
    format_: TextOption = TextFormat.text,
) -> None:
    """Draw speech that nobody said from a run of `model`: a WAV with tones, watermark, labels and credential.

    A voice of a person needs the manifest that it was learned under, still in force.

    Examples:

      zhenwei forge voice speak run --seconds 4 --output drawn.wav
    """
    check_extra()
    from zhenwei.forge.consent import check_files
    from zhenwei.forge.voice.mel_model import open_model
    from zhenwei.forge.voice.say import check_run, export_drawn

    found = open_model(run)
    if found.consent or consent is not None:
        held = _manifest(consent)
        check_run(found.consent, held)
        check_files(held, found.subject, [], today(), "voice")
    left = export_drawn(found, seconds, seed, output, opened_door())
    tell_exported(left, say("{0} s drawn", f"{seconds:g}"), format_)


@voice.command()
def read(
    text: Annotated[str, typer.Argument(help="What is to be read, up to 1000 characters.", metavar="TEXT")],
    output: _Audio,
    engine: Annotated[Engine, typer.Option(help="The program that reads; it must be installed.")] = Engine.espeak_ng,
    language: Annotated[str, typer.Option(help="For espeak-ng: en, de, cmn (Mandarin), ...")] = "en",
    format_: TextOption = TextFormat.text,
) -> None:
    """Have a text read by a synthesiser of this system, in nobody's voice: a WAV with tones, watermark and credential.

    Below some two seconds there is no room for a watermark, and nothing is written.

    Examples:

      zhenwei forge voice read "This sentence was never spoken by anybody." --output read.wav

      zhenwei forge voice read "这句话没有人说过，是机器读出来的。" --language cmn --output read.wav
    """
    from zhenwei.forge.voice.read_aloud import export_read

    left = export_read(text, engine.value, language, output, opened_door())
    tell_exported(left, say("read by {0}", engine.value), format_)


def _only_with_people(place: Path | None, *given: object) -> None:
    if place is None and any(one is not None for one in given):
        raise UsageError("made voices are nobody's", want="no --consent and no --subject with --made")


def _people(wanted: list[tuple[Path, str | None, str]], consent: Path | None) -> list[SpeakerRecordings]:
    """Every voice; each is found to be covered before it is read."""
    from zhenwei.forge.voice.heard import hear

    held, found = _manifest(consent), []
    for folder, subject, option in wanted:
        if subject is None:
            raise UsageError("whose recordings are these?", got=str(folder), want=f"{option} NAME")
        found.append(hear(folder, subject, held, today()))
    return found


def _manifest(consent: Path | None) -> Consent:
    return consent_in(consent, "voices are learned and used with consent only", fix=VOICE_CONSENT_FIX)


def _train(
    train: Callable[..., Converter | TrainedMelModel], steps: int, output: Path, save_every: int, format_: TextFormat
) -> None:
    run, stopped = train_run(train, steps, output, save_every)
    last = run.losses[-1] if run.losses else None
    words = "" if last is None else say("loss {0}", f"{last:.3f}")
    tell_run(output, run.step, stopped, words, {"loss": last}, format_)
