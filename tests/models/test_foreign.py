"""Networks of others: what they are fed is read off their graph or given, contradictions are told, stores are kept."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from zhenwei import detectors, examine, models
from zhenwei.cli import main
from zhenwei.errors import ModelError, UsageError
from zhenwei.evaluation import results
from zhenwei.models import foreign
from zhenwei.models.foreign import METADATA, ForeignModel, from_graph
from zhenwei.pipeline import Options

UNIT = {"takes": "image", "mean": (0.0, 0.0, 0.0), "deviation": (1.0, 1.0, 1.0)}


def network(
    path: Path, *, side: int | None = 32, layout: str = "nchw", end: str = "", classes: int = 1, told: str = ""
) -> Path:
    """A network whose answer is the mean of the first channel, 10 times, less 5: red pictures are forged."""
    shape: list[Any] = ["n", 3, side or "h", side or "w"] if layout == "nchw" else ["n", side or "h", side or "w", 3]
    axis = 1 if layout == "nchw" else 3
    weights = np.zeros((3, classes), np.float32)
    weights[0, -1] = 10
    bias = np.zeros(classes, np.float32)
    bias[-1] = -5
    constants = [
        numpy_helper.from_array(weights, "w"),
        numpy_helper.from_array(bias, "b"),
        numpy_helper.from_array(np.array([2, 3] if axis == 1 else [1, 2], np.int64), "axes"),
    ]
    nodes = [
        helper.make_node("ReduceMean", ["x", "axes"], ["mean"], keepdims=0),
        helper.make_node("Gemm", ["mean", "w", "b"], ["linear" if end else "y"]),
    ]
    if end:
        nodes.append(helper.make_node(end, ["linear"], ["y"]))
    graph = helper.make_graph(
        nodes,
        "red",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", classes])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    if told:
        helper.set_model_props(model, {METADATA: told})
    onnx.save(model, path)
    return path


@pytest.mark.parametrize(
    ("made", "want"),
    [
        ({}, ("nchw", 32, "logit")),
        ({"layout": "nhwc"}, ("nhwc", 32, "logit")),
        ({"end": "Sigmoid"}, ("nchw", 32, "probability")),
        ({"classes": 2}, ("nchw", 32, "logits")),
        ({"classes": 2, "end": "Softmax"}, ("nchw", 32, "probabilities")),
    ],
)
def test_the_graph_tells_size_layout_and_meaning(
    tmp_path: Path, made: dict[str, Any], want: tuple[str, int, str]
) -> None:
    loaded = models.load_file(network(tmp_path / "net.onnx", **made))
    found = from_graph(loaded, "foreign.red", UNIT)
    assert (found.layout, found.size_px, found.meaning) == want
    red, blue = (np.zeros((1, 32, 32, 3), np.uint8) for _ in range(2))
    red[..., 0], blue[..., 2] = 204, 204
    scores = [float(found.scores(loaded.run(found.batch(p)))[0]) for p in (red, blue)]
    assert scores == pytest.approx([3.0, -5.0], abs=1e-3)  # the log-odds, whatever the network calls them


def test_the_file_itself_may_tell_and_what_is_given_counts_more(tmp_path: Path) -> None:
    told = json.dumps({"takes": "face", "mean": [0.5, 0.5, 0.5], "deviation": [0.5, 0.5, 0.5], "channels": "bgr"})
    loaded = models.load_file(network(tmp_path / "net.onnx", told=told))
    found = from_graph(loaded, "foreign.red", {"margin": 0.1})
    assert (found.takes, found.channels, found.margin, found.mean) == ("face", "bgr", 0.1, (0.5, 0.5, 0.5))
    blue = np.zeros((1, 32, 32, 3), np.uint8)
    blue[..., 2] = 255
    assert found.batch(blue)[0, :, 0, 0].tolist() == [1.0, -1.0, -1.0]


@pytest.mark.parametrize(
    ("made", "given", "message"),
    [
        ({}, {"takes": "image"}, "--normalise"),
        ({}, {}, "--input"),
        ({"side": None}, UNIT, "--size"),
        ({}, UNIT | {"size_px": 64}, "does not fit"),
        ({}, UNIT | {"meaning": "logits"}, "--meaning logit"),
        ({}, UNIT | {"meaning": "probability"}, "--meaning logit"),
        ({"classes": 2}, UNIT | {"forged": 2}, "no such class"),
        ({}, {"takes": "audio"}, "takes no sound"),
        ({"told": "["}, UNIT, "cannot be read"),
        ({}, UNIT | {"rate_hz": 8000}, "means nothing where a network takes image; got rate_hz"),
        ({}, UNIT | {"margin": 1.5, "min_face_px": 200}, "got margin, min_face_px"),
        ({}, {"takes": "audio", "squash": True}, "means nothing where a network takes audio"),
    ],
)
def test_what_is_missing_or_contradicts_is_told(
    tmp_path: Path, made: dict[str, Any], given: dict[str, Any], message: str
) -> None:
    loaded = models.load_file(network(tmp_path / "net.onnx", **made))
    with pytest.raises((ModelError, UsageError), match=message):
        from_graph(loaded, "foreign.red", given)


def test_a_description_survives_its_file(tmp_path: Path) -> None:
    made = ForeignModel(id="foreign.a", takes="face", size_px=99, mean=(0.1, 0.2, 0.3), finds="animated")
    (tmp_path / "weights").mkdir()
    made.save(tmp_path)
    assert ForeignModel.load(tmp_path, "foreign.a") == made
    with pytest.raises(ModelError, match="unknown fields"):
        ForeignModel.from_dict({"id": "foreign.a", "takes": "face", "size_px": 99, "colour": 1})


def test_stores_are_those_that_are_named(tmp_path: Path) -> None:
    assert foreign.named_stores({"ZHENWEI_MODELS": ""}) == ()
    assert foreign.named_stores({"ZHENWEI_MODELS": f"{tmp_path}:b"}) == (tmp_path, Path("b"))
    assert foreign.named_stores({"XDG_CONFIG_HOME": "/c"}) == (Path("/c/zhenwei/models"),)


def test_a_named_folder_that_is_no_store_is_told_of(store: Path) -> None:
    assert foreign.stores({"XDG_CONFIG_HOME": str(store)}) == ()  # nobody named it
    detectors.catalogue.cache_clear()
    (lost,) = detectors.catalogue().left_out
    assert str(store) in str(lost.error)


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of two sources: red ones forged, grey ones genuine, with some noise."""
    folder, rng = tmp_path_factory.mktemp("labelled"), np.random.default_rng(5)
    rows = ["path,label,origin,identity"]
    for number in range(48):
        forged, source = number % 2, ("a", "b")[number // 24]
        pixels = rng.integers(60, 180, (40, 50, 3), dtype=np.uint8)
        pixels[..., 0] = np.clip(pixels[..., 0].astype(int) + int(rng.normal(25 * forged, 12)), 0, 255)
        Image.fromarray(pixels).save(folder / f"{number}.png")
        rows.append(f"{number}.png,{('real', 'fake')[forged]},{source},p{number // 2}")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")
    return folder / "labels.csv"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "store"
    monkeypatch.setenv("ZHENWEI_MODELS", str(folder))
    detectors.catalogue.cache_clear()
    yield folder
    monkeypatch.setenv("ZHENWEI_MODELS", "")
    detectors.catalogue.cache_clear()


def test_a_network_becomes_a_detector_is_asked_and_goes_again(
    tmp_path: Path, store: Path, labelled: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    net = network(tmp_path / "red-net.onnx", classes=2, end="Softmax")
    words = ["models", "add", str(net), "--input", "image", "--normalise", "unit", "--calibrate", str(labelled)]
    assert main(words) == 0, capsys.readouterr().err
    assert "Added foreign.red_net" in capsys.readouterr().out
    assert "AUC" in models.card("foreign.red_net", store)
    detectors.catalogue.cache_clear()
    detector = detectors.build("foreign.red_net")
    assert pickle.loads(pickle.dumps(detector)) == detector  # noqa: S301
    options = Options(detectors=("foreign.red_net", "traditional.exposure"))
    report = examine(str(labelled.parent / "1.png"), options=options)
    (evidence,) = [e for e in report.evidence if e.detector == "foreign.red_net"]
    assert evidence.llr is not None
    assert evidence.llr > 0
    assert evidence.counted is not None  # fused
    assert report.engine.models["foreign.red_net"] == models.entry("foreign.red_net", store).sha256
    out = tmp_path / "results"
    assert main(["evaluate", "foreign.red_net", "--data", str(labelled), "--output", str(out), "--allow-leaks"]) == 0
    assert results.load(out / "results.json").figures[0].auc is not None
    assert main(words) == 2  # the name is taken
    assert "--force" in capsys.readouterr().err
    assert main(["models", "list", "--format", "json"]) == 0
    assert [row["id"] for row in json.loads(capsys.readouterr().out)] == ["foreign.red_net"]
    assert main(["models", "remove", "red_net"]) == 0
    assert sorted(p.name for p in store.rglob("*") if p.is_file()) == ["manifest.json"]


def test_a_network_with_its_classes_the_other_way_is_refused(
    tmp_path: Path, store: Path, labelled: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    net = network(tmp_path / "net.onnx", classes=2)
    words = ["models", "add", str(net), "--input", "image", "--normalise", "unit", "--calibrate", str(labelled)]
    assert main([*words, "--forged", "0"]) == 1
    assert "--forged 1" in capsys.readouterr().err
    assert not store.exists()


def test_a_broken_store_is_told_of_and_left_out(
    tmp_path: Path, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store.mkdir()
    (store / "manifest.json").write_text("{}")
    detectors.catalogue.cache_clear()
    assert main(["detectors"]) == 0
    assert "a store of networks cannot be read" in capsys.readouterr().err
