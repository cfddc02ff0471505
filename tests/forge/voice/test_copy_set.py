"""Labelled copies: nobody without consent, every file marked, nothing made twice."""

from __future__ import annotations

import csv
import datetime
import json
import zlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr
from numpy.typing import NDArray
from tests.speaking import voice as speech
from typer.testing import CliRunner, Result

from zhenwei import media
from zhenwei.cli._forge_voice import Kind
from zhenwei.cli.forge import forge
from zhenwei.defence import credential, keys, labels, visible, watermark
from zhenwei.errors import DataError, UnmarkedError, UsageError
from zhenwei.forge.consent import Consent, describe_folder, hash_file, make_consent, write_consent
from zhenwei.forge.export import Door, ExportedFile, Origin, export_audio, open_door
from zhenwei.forge.voice import KINDS, NEURAL_KINDS, Copy, copy_voice
from zhenwei.forge.voice.copy_set import LABELS, CopySet, copy_set

TODAY = datetime.date(2026, 11, 27)
HERE = [kind for kind in KINDS if kind != "world" or find_spec("pyworld") is not None]
FAST = ["linear_prediction", "blurred_phase"]


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Door:
    return open_door(tmp_path_factory.mktemp("home"), TODAY)


def recorded(place: Path) -> Path:
    """Two recordings of 3.2 and 3.6 s, one of them at 22 050 Hz and in stereo, as FLAC."""
    folder = place / "anna"
    folder.mkdir()
    soundfile.write(folder / "one.wav", speech(3.2, 1), 16_000)
    faster = soxr.resample(speech(3.6, 2), 16_000, 22_050)
    soundfile.write(folder / "two.flac", np.stack([faster] * 2, axis=1), 22_050)
    return folder


def agreed(folder: Path, scope: str = "voice", expires: datetime.date | None = None) -> Consent:
    manifest = folder.parent / "consent.json"
    person = describe_folder(
        folder, manifest, "anna", basis="synthetic", evidence="made voice", scope=scope, expires=expires  # type: ignore[arg-type]
    )  # fmt: skip
    held = make_consent([person])
    write_consent(held, manifest)
    return held


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, door: Door) -> tuple[Path, Consent, CopySet]:
    place = tmp_path_factory.mktemp("whole")
    folder = recorded(place)
    held = agreed(folder)
    return place, held, copy_set(folder, "anna", place / "copies", consent=held, door=door)


@pytest.mark.heavy
def test_every_recording_is_copied_by_every_vocoder(whole: tuple[Path, Consent, CopySet]) -> None:
    place, _, done = whole
    assert done.failed == ()
    assert (done.made, done.kept) == (2 * len(HERE), 0)
    assert len(list((place / "copies").glob("*.wav"))) == done.made
    with (place / "copies" / LABELS).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [r["label"] for r in rows].count("bonafide") == 2
    for pair in {r["pair"] for r in rows}:
        assert sorted(r["kind"] for r in rows if r["pair"] == pair) == sorted(["", *HERE])
    for row in rows:
        of = place / ("anna" if row["label"] == "bonafide" else "copies") / row["file"]
        assert hash_file(of) == row["sha256"]
        assert row["label"] == "bonafide" or json.loads(row["recipe"])["kind"] == row["kind"]


def test_every_copy_is_marked(whole: tuple[Path, Consent, CopySet]) -> None:
    place, consent, _ = whole
    for path in sorted((place / "copies").glob("*.wav")):
        told = json.loads(path.with_name(f"{path.name}.json").read_text(encoding="utf-8"))
        data = path.read_bytes()
        held, said = credential.read_credential(data), labels.read_labels(data)
        assert (held.state, held.watermark) == ("valid", told["ident"])
        assert said.aigc is not None
        assert said.aigc.produce_id == told["ident"]
        audio = media.read_audio(media.open_media(path))
        mark = watermark.read_audio(audio.samples, audio.rate_hz, keys.PUBLIC_KEY)
        assert mark is not None
        assert mark.ident.hex() == told["ident"][:4]
        assert visible.has_tones(audio.samples, audio.rate_hz)
        assert told["consent"] == consent.sha256


def test_the_speech_lies_where_the_labels_say(whole: tuple[Path, Consent, CopySet]) -> None:
    place, _, done = whole
    originals = {row.pair: row for row in done.rows if row.label == "bonafide"}
    for row in done.rows:
        if row.label == "bonafide":
            continue
        samples, rate = soundfile.read(place / "copies" / row.file)
        source = media.read_audio(media.open_media(place / "anna" / originals[row.pair].file), 16_000).samples
        assert rate == 16_000
        assert row.samples == originals[row.pair].samples == source.shape[1]
        assert len(samples) == row.samples + 2 * row.start
        recipe = json.loads(row.recipe)
        drawn = [recipe["seed"], int(recipe["source_sha256"][:8], 16), zlib.crc32(row.kind.encode()), recipe["attempt"]]
        again = copy_voice(source.mean(axis=0), np.random.default_rng(drawn), kind=row.kind)
        assert {"kind": row.kind, **again.recipe}.items() <= recipe.items()

        def alike(start: int, samples: NDArray[np.float64] = samples, copy: Copy = again) -> float:
            return float(np.corrcoef(samples[start : start + len(copy.audio)], copy.audio)[0, 1])

        assert alike(row.start) > 0.75  # the watermark lies over it
        assert alike(row.start) > max(alike(row.start - 1), alike(row.start + 1))


def test_a_second_run_makes_nothing_and_mends_what_is_gone(whole: tuple[Path, Consent, CopySet], door: Door) -> None:
    place, held, first = whole
    copies = place / "copies"
    before = {path.name: path.stat().st_mtime_ns for path in copies.iterdir() if path.name != LABELS}
    again = copy_set(place / "anna", "anna", copies, consent=held, door=door)
    assert (again.made, again.kept, again.rows) == (0, first.made, first.rows)
    assert before == {path.name: path.stat().st_mtime_ns for path in copies.iterdir() if path.name != LABELS}
    gone = next(row for row in first.rows if row.kind == "blurred_phase")
    (copies / gone.file).write_bytes(b"something else")
    refused = copy_set(place / "anna", "anna", copies, consent=held, door=door)
    assert (refused.made, refused.kept, len(refused.failed)) == (0, first.made - 1, 1)
    assert (copies / gone.file).read_bytes() == b"something else"  # the door replaces nothing that is not its own
    (copies / gone.file).unlink()
    mended = copy_set(place / "anna", "anna", copies, consent=held, door=door)
    assert (mended.made, mended.kept) == (1, first.made - 1)
    row = next(row for row in mended.rows if row.file == gone.file)
    assert json.loads(row.recipe) == json.loads(gone.recipe)


def test_another_seed_is_made_anew(tmp_path: Path, door: Door) -> None:
    folder = recorded(tmp_path)
    held = agreed(folder)
    for seed in (0, 1):
        done = copy_set(
            folder, "anna", tmp_path / "out", consent=held, door=door, kinds=["blurred_phase"], seed=seed
        )  # fmt: skip
        assert (done.made, done.kept) == (2, 0)


def test_nothing_is_written_without_consent(tmp_path: Path, door: Door) -> None:
    folder = recorded(tmp_path)
    out = tmp_path / "out"

    def refused(held: Consent, subject: str = "anna") -> str:
        with pytest.raises(DataError) as error:
            copy_set(folder, subject, out, consent=held, door=door, kinds=FAST)
        assert not out.exists()
        return str(error.value)

    assert "does not cover this" in refused(agreed(folder, "face"))
    assert "ended" in refused(agreed(folder, expires=datetime.date(2026, 11, 26)))
    held = agreed(folder)
    assert "does not name this subject" in refused(held, "bruno")
    soundfile.write(folder / "three.wav", speech(2.2, 3), 16_000)
    assert "not in the consent manifest" in refused(held)


def test_what_cannot_be_copied_is_said(tmp_path: Path, door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = recorded(tmp_path)
    (folder / "two.flac").unlink()
    (folder / "again.wav").write_bytes((folder / "one.wav").read_bytes())
    soundfile.write(folder / "short.wav", speech(1.5, 4), 16_000)
    soundfile.write(folder / "silent.wav", np.zeros(40_000), 16_000)
    (folder / "damaged.wav").write_bytes(b"RIFF, but no more")
    monkeypatch.setattr("zhenwei.forge.voice.copy_set.find_spec", lambda _: None)
    held = agreed(folder)
    told: list[str] = []
    done = copy_set(
        folder, "anna", tmp_path / "out", consent=held, door=door, kinds=["world", "blurred_phase"], tell=told.append
    )  # fmt: skip
    assert done.made == len(told) == 1
    notes = "\n".join(done.notes)
    for word in ("pyworld", "short.wav", "silent", "once more"):
        assert word in notes
    assert [line.split(",")[0] for line in done.failed] == ["damaged.wav"]


def test_what_says_that_ai_made_it_is_not_called_genuine(tmp_path: Path, door: Door) -> None:
    folder = recorded(tmp_path)
    (folder / "two.flac").unlink()
    made = export_audio(speech(3.2, 5)[None], 16_000, Origin("voice/read-aloud", {}), folder / "made.wav", door)
    bare, rate_hz = soundfile.read(made.path)
    soundfile.write(folder / "saved_anew.wav", bare, rate_hz)  # without its credential and labels
    done = copy_set(folder, "anna", tmp_path / "out", consent=agreed(folder), door=door, kinds=["blurred_phase"])
    labelled = {row.file: row.label for row in done.rows if not row.kind}
    assert labelled == {"made.wav": "spoof", "one.wav": "bonafide", "saved_anew.wav": "spoof"}
    assert [note.partition(":")[0] for note in done.notes] == [
        f"{name} is labelled spoof" for name in ("made.wav", "saved_anew.wav")
    ]


def test_a_draw_that_cannot_be_marked_is_drawn_again(
    tmp_path: Path, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = recorded(tmp_path)
    (folder / "two.flac").unlink()
    refusals = [True, True]

    def export(*given: Any) -> ExportedFile:
        if refusals:
            refusals.pop()
            raise UnmarkedError("marks could not be read back")
        return export_audio(*given)

    monkeypatch.setattr("zhenwei.forge.voice.copy_set.export_audio", export)
    done = copy_set(folder, "anna", tmp_path / "out", consent=agreed(folder), door=door, kinds=["blurred_phase"])
    assert [json.loads(row.recipe)["attempt"] for row in done.rows if row.recipe] == [2]


def test_an_interrupted_run_leaves_its_labels(tmp_path: Path, door: Door) -> None:
    folder = recorded(tmp_path)
    held = agreed(folder)

    def stop(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy_set(folder, "anna", tmp_path / "out", consent=held, door=door, kinds=FAST, tell=stop)
    assert len((tmp_path / "out" / LABELS).read_text(encoding="utf-8").splitlines()) == 3
    done = copy_set(folder, "anna", tmp_path / "out", consent=held, door=door, kinds=FAST)
    assert (done.made, done.kept) == (3, 1)


@pytest.mark.parametrize("kinds", [["world2"], [], ["blurred_phase", "blurred_phase"]])
def test_kinds_without_meaning(kinds: list[str], tmp_path: Path, door: Door) -> None:
    folder = recorded(tmp_path)
    with pytest.raises(UsageError):
        copy_set(folder, "anna", tmp_path / "out", consent=agreed(folder), door=door, kinds=kinds)


def test_copies_do_not_go_among_the_recordings(tmp_path: Path, door: Door) -> None:
    folder = recorded(tmp_path)
    with pytest.raises(UsageError, match="among"):
        copy_set(folder, "anna", folder / "out", consent=agreed(folder), door=door)


# As it is typed.


def _typed(*words: object) -> Result:
    return CliRunner().invoke(forge, ["voice", *(str(word) for word in words)])


def test_the_command_knows_every_vocoder() -> None:
    assert tuple(kind.value for kind in Kind) == (*KINDS, *NEURAL_KINDS)


@pytest.mark.parametrize("command", [(), ("copy",)])
def test_help_shows_examples(command: tuple[str, ...]) -> None:
    told = " ".join(_typed(*command, "--help").output.split())
    assert "Examples:" in told
    assert f"zhenwei forge voice {' '.join(command)}".strip() in told


def test_from_recordings_to_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZHENWEI_HOME", str(tmp_path / "home"))
    folder = recorded(tmp_path)
    agreed(folder)
    words = ("copy", folder, "--subject", "anna", "--consent", tmp_path / "consent.json", "-o", tmp_path / "out")
    one = (*words, "--kind", "blurred_phase")
    told = _typed(*one)
    assert told.exit_code == 0, told.output
    assert "copies: 2 made, 0 were there; recordings: 2" in told.output
    again = json.loads(_typed(*one, "--format", "json").output)
    assert (again["made"], again["kept"], again["failed"]) == (0, 2, [])
    (folder / "x.wav").write_bytes(b"nobody's")
    assert isinstance(_typed(*one).exception, DataError)
