"""A face found again among a generator's own."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest
import torch

from zhenwei.errors import UsageError
from zhenwei.forge.gan import zoo
from zhenwei.forge.gan.edits import Direction
from zhenwei.forge.gan.faces import puppets
from zhenwei.forge.gan.invert import edited_row, invert
from zhenwei.forge.gan.samples import draw, noise_for, styles_of
from zhenwei.nets.stylegan import StyleGenerator

GENERATOR = cast("StyleGenerator", zoo.open_generator("stylegan-64-1"))


@pytest.mark.heavy
def test_a_sample_of_its_own_is_drawn_again() -> None:
    torch.set_num_threads(1)
    face = draw(GENERATOR, styles_of(GENERATOR, noise_for(1, GENERATOR.noise, 5)), still=True)[0]
    found, again = invert(GENERATOR, face, 120), invert(GENERATOR, face, 120)
    assert found.error < 0.4 * found.from_mean
    assert found.styles.shape == (1, GENERATOR.layers, GENERATOR.noise)
    assert torch.equal(found.styles, again.styles)


@pytest.mark.heavy
def test_a_drawn_face_is_nearer_than_the_mean_and_can_be_moved() -> None:
    torch.set_num_threads(1)
    face = puppets(32, GENERATOR.side, 3).pixels[0]
    told: list[float] = []
    found = invert(GENERATOR, face, 60, tell=told.append)
    assert told[-1] == 1.0
    assert found.error < 0.8 * found.from_mean
    held = invert(GENERATOR, face, 60, near=1.0)
    assert held.far < found.far
    row = edited_row(GENERATOR, face, found, Direction("light", torch.ones(GENERATOR.noise) * 0.05, 0.0), 2.0)
    assert len(row) == 7
    assert (row[2] != row[6]).any()
    assert (row[1] == row[4]).all()  # the middle of the edits is the drawing itself


def test_a_face_of_another_size_is_refused() -> None:
    with pytest.raises(UsageError, match="does not fit the generator"):
        invert(GENERATOR, np.zeros((32, 32, 3), np.uint8), 1)
