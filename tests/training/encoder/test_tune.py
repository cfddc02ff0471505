"""Pairs of the encoder: a function of the step, alike but for the forgery; and what is kept of a tuned tower."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.forge.latents import untrained_latents
from tests.training.making import jpeg, person, write_table

from zhenwei.errors import DataError, UsageError
from zhenwei.evaluation.items import Item
from zhenwei.forge.latent import LatentRoundTrip
from zhenwei.nets.face_encoder import CELLS, ClipTower, TunedEncoder, with_low_rank
from zhenwei.trainer.run import Runtime
from zhenwei.training.data.altered import WAYS
from zhenwei.training.data.encoding import encode
from zhenwei.training.data.face_room import FaceRoom, chosen_items, kind_of, load_room, prepare_room
from zhenwei.training.data.made_pairs import MADE, PairMaker, RoundTrips, draw_trips, learning_rows, prepare_trips
from zhenwei.training.data.pack import Pack, offsets_of
from zhenwei.training.encoder import _tokens, _tune
from zhenwei.training.encoder._tune import EncoderRecipe, load_tuned, losses, save_tuned
from zhenwei.training.recipe import Augmentation, read_recipe
from zhenwei.types import Pixels

SIDE, FACES = 320, 6
PLAIN = Augmentation(zoom=1, rotate_deg=0, downscale=0, colour=0, grey=0, blur=0, sharpen=0, noise=0, jpeg=0, webp=0)


def room() -> FaceRoom:
    """Blobs with a ring of landmarks about the middle; the last face is a forgery, the one before set aside."""
    rng = np.random.default_rng(0)
    angle = np.linspace(0, 2 * np.pi, 468, endpoint=False)
    radius = np.linspace(0.05, 0.22, 468)
    points = np.stack([0.5 + radius * np.cos(7 * angle), 0.5 + radius * np.sin(7 * angle)], 1)
    images = [rng.integers(0, 255, (20, 20, 3)).astype(np.uint8).repeat(16, 0).repeat(16, 1) for _ in range(FACES)]
    blobs = [encode(image, ".webp", 101) for image in images]
    pack = Pack(
        data=np.frombuffer(b"".join(blobs), np.uint8),
        offsets=offsets_of(blobs),
        forged=np.arange(FACES) == FACES - 1,
        original=np.full(FACES, -1),
        landmarks=np.repeat(points[None], FACES, 0).astype(np.float16),
        path=np.array([str(i) for i in range(FACES)]),
        source=np.array(["DFDC"] * 4 + ["ffhq"] * 2),
        identity=np.array([str(i) for i in range(FACES)]),
        split=np.array(["train"] * 4 + ["val", "train"]),
        face_px=np.full(FACES, 120, np.float32),
        side=SIDE,
    )
    plain = np.array([""] * FACES)
    return FaceRoom(pack, plain, plain, np.array([str(i) for i in range(FACES)]))


def recipe(**changes: object) -> EncoderRecipe:
    return EncoderRecipe(pairs=3, trips=1, augmentation=PLAIN, **changes)  # type: ignore[arg-type]


def trips() -> RoundTrips:
    genuine = np.full((160, 160, 3), 90, np.uint8)
    drawn = genuine.copy()
    drawn[:, :80] += 9
    return RoundTrips((encode(genuine, ".webp", 101),), (encode(drawn, ".webp", 101),))


def test_nothing_set_aside_and_nothing_forged_is_learned_from() -> None:
    assert learning_rows(room(), recipe()).tolist() == [0, 1, 2, 3]
    with pytest.raises(DataError, match="no face to make forgeries of"):
        learning_rows(room(), recipe(genuine=("elsewhere",)))


def test_a_batch_is_a_function_of_the_step() -> None:
    maker = PairMaker.of(room(), trips(), recipe())
    one, again, next_one = maker[4], maker[4], maker[5]
    assert np.array_equal(one.pixels, again.pixels)
    assert np.array_equal(one.share, again.share)
    assert not np.array_equal(one.pixels, next_one.pixels)
    assert one.pixels.shape == (6, 224, 224, 3)
    assert one.share.shape == (6, CELLS, CELLS)


@pytest.mark.parametrize("decoded", [0.0, 1.0])
def test_a_pair_differs_where_the_share_says(decoded: float) -> None:
    maker = PairMaker.of(room(), trips(), recipe(decoded=decoded))
    for step in range(4):
        batch = maker[step]
        assert (batch.decoded == decoded).all()
        assert not batch.share[0::2].any()  # genuine
        changed = np.abs(batch.pixels[1::2].astype(int) - batch.pixels[0::2]).max(3) > 4
        cells = changed.reshape(3, CELLS, 16, CELLS, 16).any((2, 4))
        untouched = batch.share[1::2] == 0
        assert not (cells & untouched).mean() > 0.02
        assert batch.share[1::2].max() > 0.2


@pytest.mark.parametrize(("kind", "question"), [("animated", 0), ("rendered", 1)])
def test_what_is_off_by_default_changes_nothing_else(kind: str, question: int) -> None:
    """An animated still stands in a pair's place; without it, every pair is what it was."""
    usual, moved = (PairMaker.of(room(), trips(), recipe(**{kind: share}, decoded=0.0)) for share in (0.0, 1.0))
    assert np.array_equal(usual[3].pixels, PairMaker.of(room(), trips(), recipe(decoded=0.0))[3].pixels)
    batch = moved[3]
    assert (batch.made == MADE.index(kind)).all()
    assert (batch.decoded == question).all()
    assert not np.array_equal(batch.pixels[0::2], batch.pixels[1::2])
    assert batch.share[1::2].max() > 0.2


def test_trips_of_parts_of_faces(tmp_path: Path) -> None:
    trip, whole = LatentRoundTrip(untrained_latents(tmp_path)), list[Pixels]()
    for share in (0.0, 1.0):
        chosen = recipe(trip_parts=share)
        draw_trips(room(), chosen, trip, tmp_path / f"{share}.npz", lambda _: None)
        made = prepare_trips(room(), chosen, tmp_path, tmp_path / f"{share}.npz", lambda _: None)
        genuine, drawn = made.pixels(0)
        assert genuine.shape == drawn.shape
        assert not np.array_equal(genuine, drawn)
        whole.append(genuine)
    assert whole[1].shape == (SIDE, SIDE, 3)  # of its own size, and not of a drawn one


def test_losses_of_both_questions_reach_norms_alone() -> None:
    torch.manual_seed(0)
    net = TunedEncoder(ClipTower(1, width=32, heads=2))
    for parameter in net.tower.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    batch = PairMaker.of(room(), trips(), recipe(decoded=0.5))[0]
    found = losses(net, batch, recipe(), torch.Generator().manual_seed(0))
    assert set(found) == {"whole", "cells", "pairs"}
    assert found["whole"].item() == pytest.approx(np.log(2), abs=1e-3)  # no opinion yet
    assert found["pairs"].item() == pytest.approx(0.5 * np.log(2), abs=1e-3)


def test_what_was_tuned_is_kept_in_little(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net, other = TunedEncoder(ClipTower(2, width=32, heads=2)), TunedEncoder(ClipTower(2, width=32, heads=2))
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.1)
    save_tuned(net, tmp_path / "tuned.safetensors")
    load_tuned(other, tmp_path / "tuned.safetensors")
    state, again = net.state_dict(), other.state_dict()
    assert torch.allclose(state["tower.blocks.1.norm2.weight"], again["tower.blocks.1.norm2.weight"], atol=1e-3)
    assert torch.allclose(net.whole.weight, other.whole.weight, atol=1e-3)
    assert not torch.allclose(state["tower.blocks.1.fc1.weight"], again["tower.blocks.1.fc1.weight"], atol=1e-3)
    with pytest.raises(DataError, match="of another network"):
        load_tuned(TunedEncoder(ClipTower(3, width=32, heads=2)), tmp_path / "tuned.safetensors")
    (tmp_path / "none.safetensors").write_bytes(b"no weights")
    with pytest.raises(DataError, match="cannot be read"):
        load_tuned(other, tmp_path / "none.safetensors")


def test_a_run_that_goes_on_begins_with_no_other_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_tune, "clip_tower", lambda blocks: ClipTower(blocks, width=32, heads=2))
    mine = recipe(blocks=1, steps=2)
    for name in ("a", "b"):
        save_tuned(TunedEncoder(ClipTower(1, width=32, heads=2)), tmp_path / f"{name}.safetensors")

    def tune(start: str, *, stop_after: int | None = 1) -> bool:
        weights = tmp_path / f"{start}.safetensors" if start else None
        runtime = Runtime(stop_after=stop_after)
        told = mine, room(), trips(), tmp_path / "run"
        return _tune.run(*told, start=weights, tell=lambda *_: None, runtime=runtime)[1]

    tune("a")
    with pytest.raises(UsageError, match=r"from b\.safetensors @ .* instead of a\.safetensors @ "):
        tune("b")
    assert not tune("a", stop_after=0)
    assert tune("")


def test_a_low_rank_goes_on_from_norms_and_is_kept(tmp_path: Path) -> None:
    torch.manual_seed(0)
    norms = TunedEncoder(ClipTower(1, width=32, heads=2))
    torch.nn.init.normal_(norms.whole.weight)
    save_tuned(norms, tmp_path / "norms.safetensors")
    nets = [TunedEncoder(ClipTower(1, width=32, heads=2)) for _ in range(2)]
    for net in nets:
        with_low_rank(net.tower, 3)
    load_tuned(nets[0], tmp_path / "norms.safetensors")
    assert torch.allclose(nets[0].whole.weight, norms.whole.weight, atol=1e-3)
    ups = [net.get_parameter("tower.blocks.0.qkv.up") for net in nets]
    torch.nn.init.normal_(ups[0])
    save_tuned(nets[0], tmp_path / "low_rank.safetensors")
    load_tuned(nets[1], tmp_path / "low_rank.safetensors")
    assert torch.allclose(ups[0], ups[1], atol=1e-2)
    with pytest.raises(DataError, match="of another network"):  # which has no place for them
        load_tuned(norms, tmp_path / "low_rank.safetensors")


def test_methods_say_what_they_leave() -> None:
    def forged(method: str) -> Item:
        return Item("a", Path("a"), "set", forged=True, method=method)

    kinds = {"DeepFaceLab": "blended", "talkinghead:KeySync": "animated", "t2v:MoCha": "generated", "Grok": "generated"}
    assert {method: kind_of(forged(method)) for method in kinds} == kinds
    assert kind_of(Item("a", Path("a"), "set", forged=False)) == ""


def test_what_judges_and_what_is_heard_is_not_taken() -> None:
    items = [Item(str(i), Path("a"), name, forged=False) for i in range(3) for name in ("clips", "newer speech", "x")]
    assert {item.set_name for item in chosen_items(items)} == {"x"}


def test_a_file_that_is_no_room_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(b"nothing")
    with pytest.raises(DataError, match="no training pack"):
        load_room(tmp_path / "a.npz")


def test_a_room_of_other_data_is_not_gone_on_with(tmp_path: Path) -> None:
    data, output = tmp_path / "data", tmp_path / "output"
    row: dict[str, object] = {"path": "2.jpg", "label": "real", "generator": "", "source": "ffhq", "split": "train"}
    data.mkdir()
    write_table(data, "photos", [row], {"2.jpg": jpeg(person(2))})
    assert len(prepare_room(data, output)) == len(prepare_room(data, output)) == 1
    write_table(data, "photos", [{**row, "label": "fake", "generator": "StyleGAN"}], {"2.jpg": jpeg(person(2))})
    with pytest.raises(UsageError, match="other data"):
        prepare_room(data, output)


def test_options_of_the_recipe() -> None:
    assert read_recipe(EncoderRecipe, "", {"steps": "0", "augmentation.h264": "0.1"}).steps == 0
    with pytest.raises(UsageError):
        read_recipe(EncoderRecipe, "", {"blocks": "13"})


def test_the_table_of_the_heads_holds_faces_altered_ones_and_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_tokens, "_MADE", 2)
    sent, shares = list[Pixels](), list[float]()

    def encode_all(pixels: Pixels) -> np.ndarray:
        sent.extend(pixels)
        values = pixels.mean((1, 2, 3), keepdims=True)[:, None].astype(np.float16)  # a token that tells which face
        return np.asarray(values.reshape(-1, 1, 1, 1).repeat(2, 2))

    maker = PairMaker.of(room(), trips(), recipe())
    table = _tokens.table_of(encode_all, room(), maker, recipe(), shares.append)
    altered = table.kind == "made altered"
    assert len(table.kind) == len(sent) == 6 + 4 * len(WAYS) + 2 * 6
    assert np.array_equal(table.tokens[:, 0, 0, 0], np.array(sent).mean((1, 2, 3)).astype(np.float16))
    assert set(table.source[altered]) == set(WAYS)
    assert set(table.origin[altered]) == {"DFDC"}  # "ffhq" is set aside or forged
    assert np.array_equal(table.origin[~altered], table.source[~altered])
    assert len({pixels.tobytes() for pixels in np.array(sent)[altered]}) == altered.sum()
    assert table.split.tolist().count("val") == 1
    assert not table.collected[altered].any()
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
