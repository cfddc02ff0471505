"""The store: what the manifest says is what is loaded, and nothing else ever is."""

from __future__ import annotations

import hashlib
import json
import pickle
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from zhenwei import models
from zhenwei.errors import ModelError, UsageError

FACE_MODELS = ("face_detection_full_range", "face_detection_short_range", "face_landmark")


def doubling(path: Path, factor: float = 2.0) -> Path:
    """A real model: ``(n, 3) -> factor * x`` and its sum over the row."""
    nodes = [
        helper.make_node("Mul", ["x", "k"], ["y"]),
        helper.make_node("ReduceSum", ["y", "axes"], ["s"], keepdims=0),
    ]
    constants = [
        helper.make_tensor("k", TensorProto.FLOAT, [], [factor]),
        helper.make_tensor("axes", TensorProto.INT64, [1], [1]),
    ]
    graph = helper.make_graph(
        nodes,
        "doubling",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", *s]) for n, s in (("y", [3]), ("s", []))],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.save(model, str(path))
    return path


def row(model_id: str = "doubling", **changes: object) -> models.ModelEntry:
    entry = models.ModelEntry(
        id=model_id,
        file=f"{model_id}.onnx",
        sha256="",
        bytes=0,
        kind="onnx",
        licence="Apache-2.0",
        origin="made by the test",
        version="1",
        training_data="none",
        input="(n, 3) float32",
    )
    return replace(entry, **changes)  # type: ignore[arg-type]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    models.add_to_store(doubling(tmp_path / "any.onnx"), row(), folder)
    return folder


@pytest.mark.parametrize("entry", models.manifest(), ids=lambda e: e.id)
def test_every_embedded_model_is_what_its_row_says(entry: models.ModelEntry) -> None:
    data = (models.STORE / "weights" / entry.file).read_bytes()
    assert models.verify(entry.id) == entry.sha256 == hashlib.sha256(data).hexdigest()
    assert entry.bytes == len(data)
    assert entry.card == "" or models.card(entry.id).startswith("# ")


def test_the_face_models_are_embedded_and_nothing_lies_in_the_store_unlisted() -> None:
    entries = models.manifest()
    assert set(FACE_MODELS) <= {e.id for e in entries}
    files = {p.name for p in (models.STORE / "weights").iterdir()} - {e.file for e in entries}
    assert {name.split(".")[0] for name in files} <= {e.id for e in entries}
    assert all(name.endswith((".calibration.json", ".left_out.json")) for name in files)


def test_an_added_model_comes_back(store: Path, tmp_path: Path) -> None:
    (entry,) = models.manifest(store)
    assert entry.sha256 == hashlib.sha256((tmp_path / "any.onnx").read_bytes()).hexdigest()
    assert models.read("doubling", store) == (tmp_path / "any.onnx").read_bytes()
    assert models.calibration_path("doubling", store) == store / "weights" / "doubling.calibration.json"
    part = models.calibration_path("doubling", store, part="half")
    assert part == store / "weights" / "doubling.half.calibration.json"
    assert models.card("doubling", store) == ""
    assert entry.weights == f"doubling @ {entry.sha256}"


def test_adding_is_deterministic_and_replaces_by_id(tmp_path: Path) -> None:
    a, b = doubling(tmp_path / "a.onnx"), doubling(tmp_path / "b.onnx", 3.0)
    one, two = tmp_path / "one", tmp_path / "two"
    for path, name in ((a, "a"), (b, "b")):
        models.add_to_store(path, row(name), one)
    for path, name in ((a, "b"), (b, "b"), (a, "a")):
        models.add_to_store(path, row(name), two)
    assert (one / "manifest.json").read_bytes() == (two / "manifest.json").read_bytes()
    assert [e.id for e in models.manifest(two)] == ["a", "b"]
    assert models.read("b", two) == b.read_bytes()


def test_a_card_travels_with_its_model(tmp_path: Path) -> None:
    source = doubling(tmp_path / "a.onnx")
    models.add_to_store(source, row(card="doubling.md"), tmp_path / "s", card_text="# Doubling 真\n")
    assert models.card("doubling", tmp_path / "s") == "# Doubling 真\n"
    with pytest.raises(ModelError, match="has no name"):
        models.add_to_store(source, row(), tmp_path / "s", card_text="# Lost")


def test_one_flipped_bit_is_refused(store: Path) -> None:
    path = store / "weights" / "doubling.onnx"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    for ask in (models.verify, models.read):
        with pytest.raises(ModelError, match=r"altered.*doubling\.onnx.*Reinstall"):
            ask("doubling", store)
    path.unlink()
    with pytest.raises(ModelError, match=r"cannot be read.*doubling\.onnx"):
        models.verify("doubling", store)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"file": "../../etc/passwd.onnx"}, "file = "),
        ({"file": "weights.pt"}, "file = "),
        ({"file": "weights.pkl", "kind": "pickle"}, "kind = "),
        ({"kind": "safetensors"}, "file = "),
        ({"sha256": "0" * 63}, "sha256 = "),
        ({"id": "UPPER"}, "id = "),
        ({"bytes": "12"}, "bytes = "),
        ({"card": "../card.md"}, "card = "),
        ({"licence": ""}, "licence = "),
        ({"colour": "red"}, "exactly"),
    ],
)
def test_a_malformed_row_is_refused(store: Path, change: dict[str, object], message: str) -> None:
    path = store / "manifest.json"
    (good,) = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps([good | change]), "utf-8")
    with pytest.raises(ModelError, match=message):
        models.manifest(store)


@pytest.mark.parametrize("text", ["", "{}", "[1]", "[{}]", "\x00"])
def test_a_malformed_manifest_is_refused(store: Path, text: str) -> None:
    (store / "manifest.json").write_text(text, "utf-8")
    with pytest.raises(ModelError, match="manifest"):
        models.manifest(store)


def test_two_rows_of_one_id_and_two_models_in_one_file_are_refused(store: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="two models want one file"):
        models.add_to_store(tmp_path / "any.onnx", row("other", file="doubling.onnx"), store)
    path = store / "manifest.json"
    (good,) = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps([good, good]), "utf-8")
    with pytest.raises(ModelError, match="an id twice"):
        models.manifest(store)


def test_an_unknown_model_names_the_known_ones() -> None:
    with pytest.raises(ModelError, match="face_landmark"):
        models.load("no_such_model")


def test_a_model_is_loaded_once_even_by_many_threads() -> None:
    found: list[models.OnnxModel] = []
    threads = [threading.Thread(target=lambda: found.append(models.load("face_landmark", threads=3))) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(found) == 8
    assert len({id(m) for m in found}) == 1
    assert found[0].weights == models.entry("face_landmark").weights


def test_a_store_put_before_the_packages_gives_what_it_has(tmp_path: Path) -> None:
    models.add_to_store(doubling(tmp_path / "m.onnx"), row("face_landmark"), tmp_path / "trial")
    packaged = models.load("face_landmark")
    x = np.ones((1, 3), np.float32)
    with models.using(tmp_path / "trial"):
        assert models.load("face_landmark").run(x)[0].tolist() == [[2, 2, 2]]
        assert models.calibration_path("face_landmark").is_relative_to(tmp_path)
        assert models.load("face_detection_short_range").weights == models.entry("face_detection_short_range").weights
        models.add_to_store(doubling(tmp_path / "m.onnx", 5.0), row("face_landmark"), tmp_path / "trial")
        assert models.load("face_landmark").run(x)[0].tolist() == [[5, 5, 5]]
        with models.using(tmp_path / "empty"):
            assert models.load("face_landmark").run(x)[0].tolist() == [[5, 5, 5]]
    assert models.load("face_landmark") is packaged
    assert models.calibration_path("face_landmark").is_relative_to(models.STORE)


def test_a_users_model_runs_and_its_hash_is_checked_first(tmp_path: Path) -> None:
    path = doubling(tmp_path / "mine.onnx")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    model = models.load_file(path, sha256=digest.upper())
    assert model.weights == f"mine @ {digest}"
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    doubled, sums = model.run(x)
    np.testing.assert_array_equal(doubled, 2 * x)
    np.testing.assert_array_equal(sums, [6, 24])
    with pytest.raises(ModelError, match="altered"):
        models.load_file(path, sha256="0" * 64)


@pytest.mark.parametrize("name", ["weights.pt", "weights.pkl", "weights.pth", "weights.safetensors", "weights"])
def test_other_kinds_of_weights_are_never_opened(tmp_path: Path, name: str) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (tmp_path / "sprung",)

    (tmp_path / name).write_bytes(pickle.dumps(Trap()))
    with pytest.raises(ModelError, match="not accepted"):
        models.load_file(tmp_path / name)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("data", [b"", b"not a model", b"\x80\x04K\x01.", bytes(1000)])
def test_what_is_no_onnx_model_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(data)
    with pytest.raises(ModelError, match="broken"):
        models.load_file(path)
    with pytest.raises(ModelError, match="cannot be read"):
        models.load_file(tmp_path / "absent.onnx")


@pytest.mark.parametrize(
    "batch",
    [np.zeros((1, 3)), np.zeros((1, 4), np.float32), np.zeros(3, np.float32), np.zeros((1, 3), np.uint8)],
    ids=["float64", "width", "rank", "uint8"],
)
def test_a_wrong_batch_is_a_usage_error(tmp_path: Path, batch: np.ndarray) -> None:
    with pytest.raises(UsageError, match="cannot take this input"):
        models.load_file(doubling(tmp_path / "m.onnx")).run(batch)


def test_an_empty_batch_gives_empty_answers(tmp_path: Path) -> None:
    doubled, sums = models.load_file(doubling(tmp_path / "m.onnx")).run(np.zeros((0, 3), np.float32))
    assert doubled.shape == (0, 3)
    assert sums.shape == (0,)


@pytest.mark.parametrize("model_id", FACE_MODELS)
def test_neighbours_in_a_batch_and_threads_do_not_change_an_answer(model_id: str) -> None:
    model = models.load(model_id, threads=1)
    side = model.input_shape[1]
    assert side is not None
    batch = np.random.default_rng(0).uniform(-1, 1, (3, side, side, 3)).astype(np.float32)
    together = model.run(batch)
    threaded = models.load(model_id, threads=2).run(batch)
    for i in range(3):
        for whole, other, alone in zip(together, threaded, model.run(batch[i : i + 1]), strict=True):
            np.testing.assert_array_equal(whole[i], alone[0])
            np.testing.assert_array_equal(other[i], alone[0])


def test_threads_out_of_range_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="threads"):
        models.set_threads(-1)
    code = "from zhenwei import models; models.load('face_landmark')"
    environment = {"ZHENWEI_THREADS": "many", "PYTHONPATH": str(models.STORE.parents[1])}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert "ZHENWEI_THREADS makes no sense" in done.stderr


def test_importing_the_store_loads_no_runtime() -> None:
    code = "import sys, zhenwei.models; print(sorted({'onnxruntime', 'cv2', 'torch'} & set(sys.modules)))"
    environment = {"PYTHONPATH": str(models.STORE.parents[1])}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
