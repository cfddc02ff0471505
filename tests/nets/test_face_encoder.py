"""The encoder's tower and heads: what goes in and out, what learns, and what a map adds up to."""

from __future__ import annotations

import pytest
import torch

from zhenwei.nets.face_encoder import (
    CELLS,
    Block,
    ClipTower,
    FaceEncoderNet,
    FaceEncoderOutput,
    LinearHead,
    LowRankLinear,
    Read,
    TunedEncoder,
    merge_low_rank,
    shares_of_patches,
    tuned,
    with_low_rank,
)

WIDTH = 48


@pytest.fixture
def tower() -> ClipTower:
    torch.manual_seed(0)
    small = ClipTower(blocks=3, width=WIDTH, heads=4)
    for parameter in small.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return small.eval()


def faces(count: int = 2) -> torch.Tensor:
    return torch.rand(count, 3, 224, 224, generator=torch.Generator().manual_seed(1)) * 2 - 1


@torch.no_grad()
def test_tokens_after_every_block_and_no_face_minds_its_neighbours(tower: ClipTower) -> None:
    whole, alone = tower(faces(3)), tower(faces(3)[1:2])
    assert [tuple(block.shape) for block in whole] == [(3, 1 + CELLS**2, WIDTH)] * 3
    for all_of_them, one in zip(whole, alone, strict=True):
        assert torch.allclose(all_of_them[1:2], one, atol=1e-4)


@torch.no_grad()
def test_tokens_of_the_last_block_that_nobody_reads_are_not_computed(tower: ClipTower) -> None:
    whole, first = tower(faces()), tower(faces(), wanted=1)
    assert [block.shape[1] for block in first] == [1 + CELLS**2, 1 + CELLS**2, 1]
    for all_of_them, some in zip(whole, first, strict=True):
        assert torch.allclose(all_of_them[:, : some.shape[1]], some, atol=1e-4)
    reads: list[Read] = [(0, "mean"), (2, "class")]
    net = FaceEncoderNet(tower, reads, [(1, "class")], reads).eval()
    other = FaceEncoderNet(tower, reads, [(2, "inner")], reads).eval()
    assert (net.wanted, other.wanted) == (1, None)
    torch.nn.init.normal_(net.blended.weight)
    found = net(faces())
    net.wanted = None
    assert all(torch.allclose(one, two, atol=1e-4) for one, two in zip(found, net(faces()), strict=True))


@torch.no_grad()
def test_attention_is_that_of_the_formula(tower: ClipTower) -> None:
    """Against the softmax written out, a head at a time."""
    block, x = tower.blocks[0], torch.randn(1, 5, WIDTH, generator=torch.Generator().manual_seed(2))
    assert isinstance(block, Block)
    q, k, v = block.qkv(block.norm1(x)).split(WIDTH, 2)
    mixed = []
    for head in range(4):
        part = slice(head * 12, head * 12 + 12)
        weights = torch.softmax(q[0, :, part] @ k[0, :, part].T / 12**0.5, -1)
        mixed.append(weights @ v[0, :, part])
    y = x + block.out(torch.cat(mixed, 1))[None]
    wanted = block.fc1(block.norm2(y))
    wanted = y + block.fc2(wanted / (1 + torch.exp(-1.702 * wanted)))
    assert torch.allclose(block(x), wanted, atol=1e-4)


@torch.no_grad()
def test_patches_that_are_left_out_change_nothing_before_the_first_block(tower: ClipTower) -> None:
    kept = torch.tensor([[0, 5, 195], [3, 4, 100]])
    few, everything = tower.embed(faces(), kept), tower.embed(faces())
    assert few.shape == (2, 4, WIDTH)
    assert torch.equal(few[:, 0], everything[:, 0])
    for face in range(2):
        assert torch.equal(few[face, 1:], everything[face, 1 + kept[face]])


def test_norms_and_biases_learn_and_nothing_else(tower: ClipTower) -> None:
    chosen = tuned(tower)
    learning = {name for name, parameter in tower.named_parameters() if parameter.requires_grad}
    assert learning == set(chosen)
    assert learning >= {"blocks.0.norm1.weight", "blocks.2.fc2.bias", "norm.bias"}
    assert not any(name.endswith("weight") and "norm" not in name for name in learning)
    assert not learning & {"token", "position", "patch.weight"}


@torch.no_grad()
def test_two_questions_of_the_face_and_of_each_patch(tower: ClipTower) -> None:
    net = TunedEncoder(tower)
    found = net(faces(), torch.tensor([[1, 2], [3, 4]]))
    assert found.scores.shape == (2, 2)
    assert found.cells.shape == (2, 2, 2)
    assert not found.scores.any()  # it starts from no opinion


@torch.no_grad()
def test_a_score_is_the_mean_of_its_map_and_a_linear_map_of_what_it_reads(tower: ClipTower) -> None:
    head = LinearHead(((1, "mean"), (2, "class")), WIDTH)
    torch.nn.init.normal_(head.weight)
    head.bias.fill_(0.7)
    blocks = tower(faces())
    scores, maps = head(blocks)
    assert maps.shape == (2, CELLS, CELLS)
    assert torch.allclose(maps.mean((1, 2)), scores, atol=1e-4)
    wanted = blocks[1][:, 1:].mean(1) @ head.weight[0] + blocks[2][:, 0] @ head.weight[1] + 0.7
    assert torch.allclose(scores, wanted, atol=1e-4)


@torch.no_grad()
def test_inner_patches_are_the_faces_and_contrast_leaves_out_what_all_patches_share(tower: ClipTower) -> None:
    mean, inner, contrast = shares_of_patches().reshape(3, CELLS, CELLS)
    assert [float(row.sum()) for row in (mean, inner, contrast)] == pytest.approx([1, 1, 0], abs=1e-6)
    assert torch.equal(inner, inner.flip(1))
    assert (inner[5:9, 6:8] > 0).all()
    assert not inner[[0, 1, 2, -1, -2, -3]].any()
    assert (contrast[[0, -1]] < 0).all()
    reads: tuple[Read, ...] = ((1, "inner"), (2, "contrast"))
    head = LinearHead(reads, WIDTH)
    torch.nn.init.normal_(head.weight)
    blocks = tower(faces())
    scores, maps = head(blocks)
    within, around = inner.flatten() > 0, contrast.flatten() < 0
    of_two = blocks[2][:, 1:]
    wanted = blocks[1][:, 1:][:, within].mean(1) @ head.weight[0]
    wanted = wanted + (of_two[:, within].mean(1) - of_two[:, around].mean(1)) @ head.weight[1]
    assert torch.allclose(scores, wanted, atol=1e-3)
    assert torch.allclose(maps.mean((1, 2)), scores, atol=1e-3)
    alone = LinearHead(reads[1:], WIDTH)
    torch.nn.init.normal_(alone.weight)
    shifted = [block + torch.randn(WIDTH) for block in blocks]  # as another way of saving would
    assert torch.allclose(alone(shifted)[0], alone(blocks)[0], atol=1e-3)


@torch.no_grad()
def test_every_kind_of_forgery_has_a_score_and_a_map(tower: ClipTower) -> None:
    net = FaceEncoderNet(tower, ((0, "mean"),), ((1, "class"),), ((2, "mean"), (0, "class")))
    shapes = [tuple(part.shape) for part in net(faces())]
    assert shapes == [(2,), (2, CELLS, CELLS)] * 3
    assert len(FaceEncoderOutput._fields) == 6


def test_a_low_rank_begins_with_nothing_learns_alone_and_becomes_one_matrix(tower: ClipTower) -> None:
    before = [block.detach().clone() for block in tower(faces())]
    with_low_rank(tower, 2)
    assert all(torch.equal(one, two) for one, two in zip(before, tower(faces()), strict=True))
    learns = tuned(tower)
    assert sum(name.endswith((".down", ".up")) for name in learns) == 3 * 4 * 2
    assert not any(name.endswith(".weight") and "norm" not in name for name in learns)
    with torch.no_grad():
        for name, parameter in learns.items():
            if name.endswith(".up"):
                parameter.normal_(std=0.1)
        moved = tower(faces())
        merge_low_rank(tower)
        assert not any(isinstance(module, LowRankLinear) for module in tower.modules())
        merged = tower(faces())
    assert not torch.allclose(before[-1], moved[-1], atol=1e-2)
    assert all(torch.allclose(one, two, atol=1e-3) for one, two in zip(moved, merged, strict=True))
