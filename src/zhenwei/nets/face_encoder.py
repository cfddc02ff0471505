"""The image tower of CLIP ViT-B/16, as far as heads read it, and linear heads on the tokens of chosen blocks.

A. Radford et al., "Learning transferable visual models from natural language supervision", ICML 2021: patches of 16 px,
width 768, twelve heads, norms before attention and before the MLP, QuickGELU. Blocks in the middle hold what blending
and decoders leave; norms and biases are tuned (the norms alone in A. Yermakov et al., "Unlocking the hidden potential
of CLIP in generalizable deepfake detection", 2025) and, where that is asked for, a low rank of the weights.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple, cast

import torch
from torch import Tensor, nn

WIDTH, PATCH_PX, HEADS = 768, 16, 12
SIZE_PX = 224
CELLS = SIZE_PX // PATCH_PX
_MEAN = (0.48145466, 0.4578275, 0.40821073)  # of the pictures that CLIP learned from, of channels in [0, 1]
_DEVIATION = (0.26862954, 0.26130258, 0.27577711)
_EPS = 1e-5

Part = Literal["class", "mean", "inner", "contrast"]
PARTS: tuple[Part, ...] = ("class", "mean", "inner", "contrast")
Read = tuple[int, Part]
"""What a head reads after a block (from 0): the class token, the mean of the patch tokens, of those from brow to mouth,
or the latter less the mean of those around the face, in which what a whole picture went through cancels out."""
_INNER, _AROUND, _UPRIGHT = 3.0, 5.2, 1.15  # patches from the middle of the face, which is higher than wide
_MIDDLE = (7.0, 7.2)  # across, down


def shares_of_patches() -> Tensor:
    """``(3, 196)`` float32: what each patch counts in "mean", "inner" and "contrast"; rows sum to 1, 1 and 0."""
    place = torch.arange(CELLS) + 0.5
    away = torch.hypot((place[None, :] - _MIDDLE[0]), (place[:, None] - _MIDDLE[1]) / _UPRIGHT).flatten()
    inner, around = (away < _INNER).float(), (away >= _AROUND).float()
    inner, around = inner / inner.sum(), around / around.sum()
    return torch.stack([torch.full_like(inner, 1 / len(inner)), inner, inner - around])


class LowRankLinear(nn.Linear):
    """A linear map whose frozen weights are moved by a product of two thin matrices (E. Hu et al., "LoRA", ICLR 2022).
    It begins as ``given``, with which it shares its parameters."""

    def __init__(self, given: nn.Linear, rank: int) -> None:
        super().__init__(given.in_features, given.out_features, device="meta")
        self.weight, self.bias = given.weight, given.bias
        self.down = nn.Parameter(torch.randn(rank, given.in_features) / math.sqrt(given.in_features))
        self.up = nn.Parameter(torch.zeros(given.out_features, rank))

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + (x @ self.down.T) @ self.up.T

    def merged(self) -> nn.Linear:
        """The same map as one matrix."""
        found = nn.Linear(self.in_features, self.out_features)
        with torch.no_grad():
            found.weight.copy_(self.weight + self.up @ self.down)
            found.bias.copy_(self.bias)
        return found


class Block(nn.Module):
    """``(n, tokens, width)`` in and out; the first ``wanted`` tokens alone where no more of them are asked for."""

    def __init__(self, width: int = WIDTH, heads: int = HEADS) -> None:
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width, eps=_EPS)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width, eps=_EPS)
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x: Tensor, wanted: int | None = None) -> Tensor:
        n, tokens, width = x.shape
        each = (n, -1, self.heads, width // self.heads)
        q, k, v = [part.reshape(each).transpose(1, 2) for part in self.qkv(self.norm1(x)).split(width, 2)]
        if wanted is not None:  # all of them are looked at, by these alone
            tokens, x, q = wanted, x[:, :wanted], q[:, :, :wanted]
        if torch.onnx.is_in_onnx_export():  # plain operators: the fused one is written with a scale for every shape
            weights = torch.softmax((q * (width // self.heads) ** -0.5) @ k.transpose(-1, -2), -1)
            mixed = weights @ v  # (n, heads, tokens, width / heads)
        else:
            mixed = nn.functional.scaled_dot_product_attention(q, k, v)
        x = x + self.out(mixed.transpose(1, 2).reshape(n, tokens, width))
        y = self.fc1(self.norm2(x))
        mixed = x + self.fc2(y * torch.sigmoid(1.702 * y))
        return cast("Tensor", mixed)


class ClipTower(nn.Module):
    """Input ``(n, 3, 224, 224)`` float32 RGB in [-1, 1]; gives the tokens ``(n, 1 + 196, 768)`` after every block, the
    class token first, patches row by row."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, blocks: int = 12, width: int = WIDTH, heads: int = HEADS) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, width, PATCH_PX, PATCH_PX, bias=False)
        self.token = nn.Parameter(torch.zeros(width))
        self.position = nn.Parameter(torch.zeros(1 + CELLS * CELLS, width))
        self.norm = nn.LayerNorm(width, eps=_EPS)
        self.blocks = nn.ModuleList([Block(width, heads) for _ in range(blocks)])
        self.register_buffer("mean", torch.tensor(_MEAN).reshape(1, 3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(_DEVIATION).reshape(1, 3, 1, 1), persistent=False)

    def embed(self, x: Tensor, kept: Tensor | None = None) -> Tensor:
        """Tokens before the first block. ``kept`` ``(n, k)``: the patches that are looked at; None for all of them."""
        x = (x * 0.5 + 0.5 - self.mean) / self.deviation
        patches = self.patch(x).flatten(2).transpose(1, 2)  # (n, 196, width)
        first = torch.zeros_like(patches[:, :1]) + self.token
        x = torch.cat([first, patches], 1) + self.position
        if kept is not None:
            index = (kept + 1)[..., None].expand(-1, -1, x.shape[-1])
            x = torch.cat([x[:, :1], torch.gather(x, 1, index)], 1)
        return cast("Tensor", self.norm(x))

    def forward(self, x: Tensor, wanted: int | None = None) -> list[Tensor]:
        """``wanted``: how many tokens of the last block are asked for; None: all of them."""
        x = self.embed(x)
        found = []
        for number, block in enumerate(self.blocks):
            x = block(x, wanted if number == len(self.blocks) - 1 else None)
            found.append(x)
        return found


LINEAR = ("qkv", "out", "fc1", "fc2")
"""The linear maps of a block."""


def with_low_rank(tower: ClipTower, rank: int) -> None:
    """Gives every linear map of the blocks a :class:`LowRankLinear`'s thin matrices."""
    for block in tower.blocks:
        for name in LINEAR:
            setattr(block, name, LowRankLinear(getattr(block, name), rank))


def merge_low_rank(tower: ClipTower) -> None:
    """The same tower without thin matrices."""
    for block in tower.blocks:
        for name in LINEAR:
            layer = getattr(block, name)
            if isinstance(layer, LowRankLinear):
                setattr(block, name, layer.merged())


def is_tuned(name: str) -> bool:
    """Whether the parameter of a tower that is called so learns: norms, biases, and what moves weights."""
    return "norm" in name or name.endswith((".bias", ".down", ".up"))


def tuned(tower: ClipTower) -> dict[str, nn.Parameter]:
    """What learns: all norms and biases, a thousandth of the weights, and matrices of low rank where there are any;
    everything else is frozen by this call."""
    chosen = {}
    for name, parameter in tower.named_parameters():
        learns = is_tuned(name)
        parameter.requires_grad_(learns)
        if learns:
            chosen[name] = parameter
    return chosen


class TunedOutput(NamedTuple):
    """``scores`` ``(n, 2)`` and ``cells`` ``(n, patches, 2)``: logits of "blended" and "went through a decoder"."""

    scores: Tensor
    cells: Tensor


class TunedEncoder(nn.Module):
    """What the tower is tuned by: two questions, asked of the whole face and of each patch."""

    def __init__(self, tower: ClipTower) -> None:
        super().__init__()
        self.tower = tower
        width = tower.token.shape[0]
        self.norm = nn.LayerNorm(width)
        self.whole = nn.Linear(2 * width, 2)
        self.cell = nn.Linear(width, 2)
        for layer in (self.whole, self.cell):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor, kept: Tensor | None = None) -> TunedOutput:
        x = self.tower.embed(x, kept)
        for block in self.tower.blocks:
            x = block(x)
        x = self.norm(x)
        patches = x[:, 1:]
        return TunedOutput(self.whole(torch.cat([x[:, 0], patches.mean(1)], 1)), self.cell(patches))


class LinearHead(nn.Module):
    """A linear map of what it reads. Its map says what each patch adds: the score is the mean of its map, always."""

    shares: Tensor

    def __init__(self, reads: Sequence[Read], width: int = WIDTH) -> None:
        super().__init__()
        self.reads = tuple(reads)
        self.register_buffer("shares", CELLS * CELLS * shares_of_patches(), persistent=False)
        self.weight = nn.Parameter(torch.zeros(len(self.reads), width))
        self.bias = nn.Parameter(torch.zeros(()))

    def forward(self, blocks: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Scores ``(n,)`` and maps ``(n, 14, 14)``, logits, of the tokens after every block."""
        side = math.isqrt(blocks[0].shape[1] - 1)
        n = blocks[0].shape[0]
        cells = self.bias + torch.zeros_like(blocks[0][:, 1:, 0])  # (n, patches)
        for (block, part), weight in zip(self.reads, self.weight, strict=True):
            tokens = blocks[block]
            if part == "class":
                cells = cells + tokens[:, :1] @ weight
            else:
                cells = cells + self.shares[PARTS.index(part) - 1] * (tokens[:, 1:] @ weight)
        return cells.mean(1), cells.reshape(n, side, side)


class FaceEncoderOutput(NamedTuple):
    """Logits, > 0 leans to forged: scores ``(n,)`` and maps ``(n, 14, 14)`` of each kind of forgery."""

    blended: Tensor
    blended_map: Tensor
    animated: Tensor
    animated_map: Tensor
    generated: Tensor
    generated_map: Tensor


class FaceEncoderNet(nn.Module):
    """Input as :class:`ClipTower`; output :class:`FaceEncoderOutput`. ``reads``: what each head reads."""

    def __init__(self, tower: ClipTower, blended: Sequence[Read], animated: Sequence[Read], generated: Sequence[Read]):
        super().__init__()
        self.tower = tower
        width = tower.token.shape[0]
        self.blended = LinearHead(blended, width)
        self.animated = LinearHead(animated, width)
        self.generated = LinearHead(generated, width)
        last = len(tower.blocks) - 1
        whole = any(part != "class" for block, part in (*blended, *animated, *generated) if block == last)
        self.wanted = None if whole else 1  # the class token of the last block alone costs a third of all of its tokens

    def forward(self, x: Tensor) -> FaceEncoderOutput:
        blocks = self.tower(x, self.wanted)
        found: list[Tensor] = []
        for head in (self.blended, self.animated, self.generated):
            found += head(blocks)
        return FaceEncoderOutput(*found)
