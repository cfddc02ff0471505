"""Detectors of voices: what a fold leaves out, weights, mixtures, the network's odds, tables; on made voices."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import soundfile
import torch
from sklearn.mixture import GaussianMixture
from tests.speaking import RATE_HZ, first_sample, voice

from zhenwei import detectors, models
from zhenwei.errors import DataError
from zhenwei.evaluation import held_out
from zhenwei.evaluation.items import Item
from zhenwei.evaluation.readers.project import NEWER_SPEECH
from zhenwei.forge.voice import hifi_gan
from zhenwei.training.audiovisual import lip_sync
from zhenwei.training.data.speech import (
    FOLDS,
    Utterance,
    balanced,
    degraded,
    features_of,
    neural_copies,
    read_speech,
    split,
    with_copies,
)
from zhenwei.training.speech import _spectrogram as spectrogram
from zhenwei.training.speech import _together as speech_together
from zhenwei.training.speech import variability
from zhenwei.training.speech._folds import FoldAnswer, alike, beside, calibrated, left_out, speech_of, table
from zhenwei.training.speech._together import ANSWERS
from zhenwei.training.speech.lfcc_gmm import export_mixtures, fit_mixtures
from zhenwei.types import Floats

VOICES = ("speech.lfcc_gmm", "speech.spectrogram", "speech.variability")
KINDS = ("griffin_lim_linear", "blurred_phase")


def utterance(
    number: int, system: str = "", speaker: str = "", source: str = "a", *, copied: bool = False
) -> Utterance:
    return Utterance(voice(0.2, number), system, speaker, source, f"{number}.flac", copied)


SOME = [
    utterance(0, speaker="ann", source="a"),
    utterance(1, speaker="bob", source="a"),
    utterance(2, "vocoder", "ann", "a"),
    utterance(3, "vocoder", "eve", "b"),
    utterance(4, "other", "eve", "b"),
    utterance(5, speaker="ann", source="b"),
    utterance(6, speaker="joe", source="b"),
    utterance(7, "copy by x", "joe", "b", copied=True),
]


def test_a_fold_shares_no_source_system_or_speaker() -> None:
    learned, asked = split(SOME, ("a",))
    assert [u.path for u, out in zip(SOME, asked, strict=True) if out] == ["0.flac", "1.flac", "2.flac"]
    kept = [u for u, mine in zip(SOME, learned, strict=True) if mine]
    assert [u.path for u in kept] == ["4.flac", "6.flac", "7.flac"]
    assert not {u.system for u in kept if u.forged} & {"vocoder"}
    assert not {u.speaker for u in kept} & {"ann", "bob"}


def test_copies_are_never_asked() -> None:
    assert not split(SOME, ("b",))[1][7]


def test_every_source_is_left_out_once() -> None:
    every = [source for fold in FOLDS for source in fold]
    assert len(every) == len(set(every))


def test_both_classes_weigh_the_same_and_copies_a_fifth_of_the_forged() -> None:
    weights = balanced(SOME)
    forged, copied = np.array([u.forged for u in SOME]), np.array([u.copied for u in SOME])
    assert weights.mean() == pytest.approx(1)
    assert weights[forged].sum() == pytest.approx(weights[~forged].sum())
    assert weights[copied].sum() == pytest.approx(0.2 * weights[forged].sum())


def shown_of(rows: list[tuple[Floats, Utterance]], *, neural: bool = True) -> spectrogram.Shown:
    return spectrogram._shown(rows, [spectrogram._seen(audio) for audio, _ in rows], neural=neural)


def test_copies_stand_beside_their_originals_and_sources_count_by_their_root() -> None:
    rows = [(voice(2.6, n), utterance(n, source="a" if n < 4 else "b")) for n in range(5)]
    rows += [(voice(2.6, 9), utterance(4, "copy by x", source="b", copied=True))]
    rows += [(voice(2.6, 10), utterance(10, "x", source="c"))]
    shown = shown_of(rows)
    assert shown.pairs.tolist() == [[4, 5]]
    assert shown.genuine.tolist() == [0, 1, 2, 3, 4]
    rows.insert(6, (voice(2.6, 11), utterance(4, "copy by hifi_gan", source="b", copied=True)))
    assert shown_of(rows).pairs.tolist() == [[4, 5], [4, 6]]
    assert shown_of(rows, neural=False).pairs.tolist() == shown.pairs.tolist()
    assert shown_of(rows, neural=False).rows == shown.rows == 7
    assert shown.collected.tolist() == [6]
    assert shown.genuine_odds[:4].sum() == pytest.approx(2 * shown.genuine_odds[4])
    for stage, frames in zip(spectrogram.STAGES, (247, 124), strict=True):
        views = spectrogram._batch(shown, 0, stage)
        assert views.shape == (2 * spectrogram.PAIRS, 224, frames)
        torch.testing.assert_close(views, spectrogram._batch(shown, 0, stage))


def test_collected_windows_stand_beside_genuine_ones_of_their_source() -> None:
    rows = [(voice(2.6, n), utterance(n, "x" if n > 3 else "", source="ab"[n % 2])) for n in range(6)]
    rows.append((voice(2.6, 6), utterance(6, "x", source="c")))
    shown, rng = shown_of(rows), np.random.default_rng(0)
    drawn = [spectrogram._strangers(shown, rng, 1.0) for _ in range(60)]
    assert {forged for _, forged in drawn} == {4, 5, 6}
    for genuine, forged in drawn:
        assert forged == 6 or shown.sources[genuine] == shown.sources[forged]
    assert {genuine for genuine, forged in drawn if forged == 6} == {0, 1, 2, 3}


def test_copies_follow_their_original() -> None:
    made = list(with_copies([utterance(0), utterance(1, "vocoder")], kinds=KINDS, each=2))
    assert [u.path for u in made] == ["0.flac", "0.flac", "0.flac", "1.flac"]
    assert [u.copied for u in made] == [False, True, True, False]
    assert all(u.forged for u in made[1:])
    assert len({u.system for u in made[1:3]}) == 2
    again = list(with_copies([utterance(0)], kinds=KINDS))
    assert len(again) == 2
    np.testing.assert_array_equal(made[1].audio, again[1].audio)
    for channel in (1, 2, 3):
        assert degraded(made[0], channel).shape == made[0].audio.shape
    np.testing.assert_array_equal(degraded(made[0]), degraded(made[0], 1))
    assert not np.array_equal(degraded(made[0], 1), degraded(made[0], 2))


def test_neural_copies_are_made_once_and_stand_behind_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hifi_gan, "find_spec", lambda _: None)
    hifi_gan._generator.cache_clear()
    two = [utterance(0), utterance(1, "vocoder"), utterance(2)]
    with pytest.raises(DataError, match="HiFi-GAN"):
        list(neural_copies(two, tmp_path))
    for number in (0, 2):  # as an earlier run left them
        digest = hashlib.sha256(f"{number}.flac".encode()).hexdigest()[:16]
        soundfile.write(tmp_path / f"{digest}.hifi_gan.flac", voice(0.2, 50 + number), RATE_HZ)
    copies = list(neural_copies(two, tmp_path))
    assert [(u.path, u.system, u.copied) for u in copies] == [
        ("0.flac", "copy by hifi_gan", True),
        ("2.flac", "copy by hifi_gan", True),
    ]
    np.testing.assert_allclose(copies[1].audio, voice(0.2, 52), atol=1e-4)
    everything = beside(list(with_copies(two, kinds=KINDS)), copies)
    assert [u.path for u in everything] == ["0.flac"] * 3 + ["1.flac"] + ["2.flac"] * 3
    assert [u.system for u in everything][2::4] == ["copy by hifi_gan", "copy by hifi_gan"]
    twice = beside(list(with_copies(two, kinds=KINDS, each=2)), copies)
    assert [u.system for u in twice].count("copy by hifi_gan") == 2


@pytest.mark.heavy
def test_descriptions_come_in_order_with_any_number_of_workers() -> None:
    one, two = (features_of(SOME, first_sample, workers=n) for n in (1, 2))
    np.testing.assert_array_equal(np.array(one), np.array(two))
    assert features_of(SOME, first_sample, channel=1)[0] is not None


def test_mixtures_are_those_of_scikit_learn(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    genuine, forged = rng.normal(0, 1, (600, 4)), rng.normal(0.5, 1.5, (600, 4))
    mixtures = fit_mixtures(genuine, forged)
    asked = rng.normal(0, 1, (50, 4)).astype(np.float32)
    theirs = []
    for part in range(2):
        other = GaussianMixture(64, covariance_type="diag")
        other.weights_, other.means_ = np.exp(mixtures.logs[part]), mixtures.means[part]
        other.covariances_ = mixtures.variances[part]
        other.precisions_cholesky_ = 1 / np.sqrt(mixtures.variances[part])
        theirs.append(other.score_samples(asked))
    np.testing.assert_allclose(mixtures(asked), theirs[1] - theirs[0], atol=1e-4)
    exported = export_mixtures(mixtures)
    session = onnxruntime.InferenceSession(exported.onnx, providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(session.run(None, {"frames": asked})[0], mixtures(asked), atol=1e-3)


def test_only_speech_is_described() -> None:
    assert speech_of(np.zeros(3 * RATE_HZ, np.float32)) is None
    found = speech_of(voice(4.0))
    assert found is not None
    assert 1.5 * RATE_HZ <= len(found) <= 4 * RATE_HZ


def test_the_network_learns_stops_and_goes_on_as_if_nothing_had_happened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages = tuple(replace(stage, steps=4) for stage in spectrogram.STAGES)
    monkeypatch.setattr(spectrogram, "STAGES", stages)
    monkeypatch.setattr(spectrogram, "STEPS", 8)
    monkeypatch.setattr(spectrogram, "PAIRS", 2)
    monkeypatch.setattr(spectrogram, "_KEEP_EVERY", 2)
    rows = [(voice(2.6, n), utterance(n, "x" if n % 2 else "")) for n in range(4)]
    rows.insert(1, (voice(2.6, 8), utterance(0, "copy by hifi_gan", copied=True)))
    whole = spectrogram.learn(rows, tmp_path / "whole.pt")

    class StoppedError(Exception):
        pass

    def stop_from(wanted: float) -> Callable[[float], None]:
        def stop(share: float) -> None:
            if share >= wanted:
                raise StoppedError

        return stop

    for wanted in (0.25, 0.75):  # within each stage
        with pytest.raises(StoppedError):
            spectrogram.learn(rows, tmp_path / "part.pt", stop_from(wanted))
    resumed = spectrogram.learn(rows, tmp_path / "part.pt")
    assert spectrogram.score(resumed, rows[0][0]) == pytest.approx(spectrogram.score(whole, rows[0][0]), abs=1e-6)
    assert np.isnan(spectrogram.score(whole, np.zeros(100, np.float32)))
    assert spectrogram.exported(whole).parity < 2e-3
    with pytest.raises(DataError, match="other data"):
        spectrogram.learn(rows[:3], tmp_path / "part.pt")
    (tmp_path / "part.pt").write_bytes(b"no state")
    with pytest.raises(DataError, match="cannot be read"):
        spectrogram.learn(rows, tmp_path / "part.pt")


def answers(seed: int = 0) -> list[FoldAnswer]:
    """Twelve sources, forged ones score higher; some are not answered; metadata tell nothing."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(96):
        forged = number % 2 == 1
        source = FOLDS[number % 5][0]
        u = Utterance(voice(0.5, number % 7), "sys" if forged else "", f"s{number // 4}", source, f"{number}.flac")
        for rung in ("", "channel", "noise"):
            score = None if number % 16 == 0 else float(rng.normal(1.5 * forged, 1))
            found.append(FoldAnswer(u, number % 5, rung, score))
    return found


def test_answers_without_their_source_are_kept_by_the_medium() -> None:
    product = variability.way.product
    found = left_out(product, answers(), models.STORE)
    medium = Item("1.flac", Path("1.flac"), NEWER_SPEECH, forged=True).digest
    assert set(found[medium]) == {"speech.variability"}
    assert len(found) == 90  # six of 96 were not answered


def test_a_longer_recording_weighs_more_where_windows_of_a_source_differ() -> None:
    asked = answers()
    assert alike(asked) < 0.2  # the made answers know no sources
    by_source = [replace(a, score=None if a.score is None else 10.0 * a.fold + a.score / 10) for a in asked]
    assert alike(by_source) > 0.9
    assert alike(asked[:1]) == 1.0
    fitted = calibrated(asked).calibration
    assert fitted.frame_rho == alike(asked)
    assert abs(fitted.llr(1.0, frames=4)) >= abs(fitted.llr(1.0))


def test_the_table_tells_what_was_answered_and_what_metadata_tell() -> None:
    found = table("speech.variability", answers())
    rows = {r.what: r for r in found.rows}
    whole = rows["all, as published"]
    assert (whole.genuine, whole.forged, whole.asked) == (42, 48, 96)
    assert whole.auc is not None
    assert whole.auc.low <= whole.auc.value <= whole.auc.high
    assert {"noise", "channel", "metadata only", "Chinese", ", ".join(FOLDS[0])} <= rows.keys()
    assert rows["metadata only"].auc is not None


def write(folder: Path, detector: str, asked: list[FoldAnswer]) -> Path:
    folder.mkdir()
    with (folder / ANSWERS).open("w", encoding="utf-8", newline="") as text:
        rows = csv.writer(text)
        rows.writerow(["detector", "path", "source", "speaker", "system", "fold", "rung", "score"])
        for a in asked:
            u = a.utterance
            rows.writerow(
                [detector, u.path, u.source, u.speaker, u.system, a.fold, a.rung, "" if a.score is None else a.score]
            )
    return folder


def test_the_table_is_of_all_detectors_together(tmp_path: Path) -> None:
    folders = [write(tmp_path / name, name, answers(n)) for n, name in enumerate(VOICES)]
    found = speech_together.measure(folders)
    assert set(found.dependence.spread) == set(VOICES)
    assert [r.what for r in found.table.rows] == ["all, as published", "channel", "noise"]
    with pytest.raises(DataError, match="every detector"):
        speech_together.measure(folders[:1])
    with pytest.raises(DataError, match="no held-out answers"):
        speech_together.measure([tmp_path])


def test_answers_of_a_training_that_was_not_installed_have_its_own_calibration(tmp_path: Path) -> None:
    folders = [write(tmp_path / name, name, answers(n)) for n, name in enumerate(VOICES)]
    shipped = speech_together.measure(folders).dependence
    for folder in folders:
        own = folder / "store"
        (own / "weights").mkdir(parents=True)
        (own / "manifest.json").write_bytes((models.STORE / "manifest.json").read_bytes())
        model = detectors.catalogue()[folder.name].info.models[0]
        calibrated(answers()).calibration.save(models.calibration_path(model, own))
    assert speech_together.measure(folders).dependence != shipped


def test_held_out_tables_come_back_as_they_were_saved(tmp_path: Path) -> None:
    found = table("speech.variability", answers(), "w @ 0")
    held_out.save(found, tmp_path / "one.json")
    assert held_out.load_all(tmp_path) == [found]
    text = held_out.to_markdown(found)
    assert "| all, as published | 42 + 48 | 94% |" in text
    (tmp_path / "two.json").write_text("{}")
    with pytest.raises(DataError, match="another schema"):
        held_out.load_all(tmp_path)
    with pytest.raises(DataError, match="no figures"):
        held_out.load_all(tmp_path / "nowhere")


def test_missing_speech_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no speech"):
        read_speech(tmp_path)
    with pytest.raises(DataError, match="no clips"):
        lip_sync.read_talks(tmp_path)


def talks(count: int = 5) -> list[lip_sync.Talk]:
    """Mouths that follow a planted map of their sounds."""
    rng = np.random.default_rng(0)
    planted = rng.standard_normal((220, 2))
    found = []
    for number in range(count):
        windows = rng.standard_normal((500, 220))
        windows = np.apply_along_axis(lambda c: np.convolve(c, np.ones(5) / 5, "same"), 0, windows)
        said = windows @ planted
        grid = np.arange(500) / 50
        found.append(lip_sync.Talk(f"{number}.mp4", f"s{number % 2}", grid, said / said.std(axis=0), windows))
    return found


def test_a_planted_map_is_learned_and_shifts_are_found() -> None:
    some = talks()
    weights = lip_sync.learn(some)
    said = some[0].windows @ weights
    assert np.corrcoef(said[:, 0], some[0].moved[:, 0])[0, 1] > 0.95
    asked = lip_sync.leave_out(some)
    own, others = ([a.standing for a in asked if a.belongs is b] for b in (True, False))
    assert min(own) > max(others)
    found = lip_sync.table(asked, lip_sync.leave_out(some, by_source=True))
    assert len(found.rows) == 4
    assert found.rows[0].auc is not None
    assert found.rows[0].auc.value == 1.0
    assert (found.rows[0].genuine, found.rows[0].forged) == (5, 60)


def test_the_exported_map_computes_the_same() -> None:
    weights = np.random.default_rng(0).standard_normal((220, 2)) / 10
    session = onnxruntime.InferenceSession(lip_sync.export(weights).onnx, providers=["CPUExecutionProvider"])
    windows = np.random.default_rng(1).standard_normal((3, 220)).astype(np.float32)
    np.testing.assert_allclose(session.run(None, {"windows": windows})[0], windows @ weights, atol=1e-4)
