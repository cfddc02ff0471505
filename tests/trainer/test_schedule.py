"""What fits into the time there is."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from tests.training.making import tiny_pack, tiny_recipe

from zhenwei.trainer.schedule import peak_gib
from zhenwei.trainer.trial import Trial, steps_within, try_out
from zhenwei.training.data.batches import BatchMaker, split_pack

from .test_supervised import CPU, fresh


def test_steps_are_fitted_to_seconds() -> None:
    options = tiny_recipe(optimiser={"steps": 500}).optimiser
    assert steps_within(Trial(0.5, None, 0.0), 100, options) == 170
    assert steps_within(Trial(0.5, None, 0.0), 1e6, options) == 500
    assert steps_within(Trial(0.5, None, 0.0), 0.01, options) == 1


def test_a_trial_measures_steps_as_they_will_be() -> None:
    recipe = tiny_recipe(optimiser={"steps": 8})

    class Slow(BatchMaker):
        def __getitem__(self, step: int) -> object:  # type: ignore[override]
            time.sleep(0.3)
            return super().__getitem__(step)

    maker = Slow(tiny_pack(), split_pack(tiny_pack(), recipe), recipe)
    found = try_out(fresh(recipe), maker, CPU, workers=1, steps=12, first=2)  # type: ignore[arg-type]
    # Whoever learns waits for who prepares: of the last five steps at most three find a batch prepared ahead.
    assert found.step_s > 0.1
    assert found.gpu_gib == 0
    assert found.memory_gib is not None
    assert found.memory_gib > 0.05


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="only Linux tells it elsewhere, too")
def test_the_most_memory_ever_held_is_what_the_kernel_says() -> None:
    (line,) = [x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith("VmHWM")]
    assert peak_gib() == pytest.approx(int(line.split()[1]) / 2**20, rel=0.02)
